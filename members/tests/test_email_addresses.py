"""One rule for addresses: what is accepted, and what never becomes the address of another."""

import unicodedata

import idna
import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import CommandError
from hypothesis import given
from hypothesis import strategies as st

from conftest import make_member, visible_text
from desk.records.memberships.forms import AddMemberForm
from members.auth.sso_claims import UntrustedClaimError, verified_email
from members.auth.sso_providers import Provider
from members.email_addresses import normalize_address, validate_address
from members.forms import DomainCheckForm, SignInForm
from members.models import EmailDomain, Member
from members.normalize import clean_text, lower_ascii
from teams.forms import QuestionForm

LOOK_ALIKES = {
    "long s": "\u017fam@rush.example",
    "Kelvin sign": "\u212aim@rush.example",
    "dotless i": "\u0131an@rush.example",
    "dotted I": "\u0130an@rush.example",
    "Cyrillic a": "m\u0430ria@rush.example",
    "full-width letter": "\uff53am@rush.example",
    "full-width @": "sam\uff20rush.example",
    "small @": "sam\ufe6brush.example",
    "curly apostrophe": "o\u2019brien@rush.example",
    "ligature": "\ufb01ona@rush.example",
    "Arabic digit": "sam\u0661@rush.example",
    "long s in the domain": "sam@ru\u017fh.example",
    "Kelvin sign in the domain": "sam@\u212aappa.example",
    "full-width domain": "sam@\uff52ush.example",
    "ideographic full stop": "sam@rush\u3002example",
    "full-width full stop": "sam@rush\uff0eexample",
    "emoji in the domain": "sam@\U0001f3e5.example",
    "combining accent alone in the domain": "sam@\u0308uro.example",
}
REFUSED = {
    "a@[127.0.0.1]": "instead of numbers",
    "a@[IPv6:2001:db8::1]": "instead of numbers",
    "a@127.0.0.1": "instead of numbers",
    "a@10.0.0.10": "instead of numbers",
    "a@hospital.123": "instead of numbers",
    "a%b@rush.example": "without the sign %",
    "!bang@rush.example": "without the sign !",
    "rush!a@loop.example": "without the sign !",
    "|prog@rush.example": "without the sign |",
    "/etc/x@rush.example": "without the sign /",
    "`id`@rush.example": "without the sign `",
    "-oq/tmp@rush.example": "without the sign /",
    "-oq@rush.example": "like name@hospital.org",
    "@loop.example:a@rush.example": "like name@hospital.org",
    "a@loop.example@rush.example": "like name@hospital.org",
    '"a b"@rush.example': "like name@hospital.org",
    "a(comment)@rush.example": "like name@hospital.org",
    "a\\b@rush.example": "like name@hospital.org",
    "a;b@rush.example": "like name@hospital.org",
    ".a@rush.example": "like name@hospital.org",
    "a.@rush.example": "like name@hospital.org",
    "a..b@rush.example": "like name@hospital.org",
    "a@rush.example..": "like name@hospital.org",
    "a@rush..example": "like name@hospital.org",
    "a@.rush.example": "like name@hospital.org",
    "a@ru_sh.example": "like name@hospital.org",
    "a@-rush.example": "like name@hospital.org",
    "a@localhost": "After localhost, an ending such as .org is missing",
    "nora@gmailcom": "After gmailcom, an ending such as .org is missing",
    f"a@{'x' * 64}.example": "like name@hospital.org",
    f"{'x' * 65}@rush.example": "at most 64 characters before the @",
    "a b@rush.example": "like name@hospital.org",
    "a@rush.example\r\nBcc: b@loop.example": "Enter one address. There are two.",
    "a@rush.example; ana@personal.example": "Enter one address. There are two.",
    "a@rush.example, b@rush.example": "Enter one address. There are two.",
    "a@rush.example / b@loop.example": "Enter one address. There are two.",
    "a@rush.example/b@loop.example": "Enter one address. There are two.",
    "a@rush.example and b@loop.example": "Enter one address. There are two.",
    "a@rush.example b@loop.example,c@x.example": "Enter one address. There are three.",
    "Ana <a@rush.example>; Bea <b@rush.example>": "Enter one address. There are two.",
    "b@loop.example <a@rush.example>": "Enter one address. There are two.",
    "mailto:a@rush.example,b@rush.example": "Enter one address. There are two.",
    "Ana <a@rush.example": "like name@hospital.org",
    "Ana a@rush.example": "like name@hospital.org",
    "": "like name@hospital.org",
    "@": "like name@hospital.org",
}


@pytest.mark.parametrize(
    "address",
    [
        "o'brien@rush.example",
        "nora+teams@rush.example",
        "r&d@rush.example",
        "nora_new-comer.1@mail.rush.example",
        "_nora=x@rush.example",
        "1@2.example",
        "nora@xn--bro-hoa.example",
        f"{'x' * 64}@rush.example",
        f"a@{'x' * 63}.example",
    ],
)
def test_address_is_accepted_as_it_is(address):
    assert normalize_address(address) == address
    validate_address(address)


@pytest.mark.parametrize(("address", "message"), REFUSED.items())
def test_address_is_refused_with_what_to_do(address, message):
    with pytest.raises(ValidationError, match=message):
        validate_address(normalize_address(address))


@pytest.mark.parametrize("address", LOOK_ALIKES.values(), ids=LOOK_ALIKES)
@pytest.mark.parametrize("change_case", [str, str.upper, str.title])
def test_look_alike_is_refused_and_becomes_no_other_address(address, change_case):
    address = change_case(address)
    # Of some, the other case is a plain letter: that is another text, not this one.
    if address.isascii():
        return
    with pytest.raises(ValidationError, match="plain letters"):
        validate_address(normalize_address(address))


@given(st.text(max_size=6), st.text(max_size=6))
def test_accepted_address_differs_from_what_was_typed_in_case_and_idna_alone(local, domain):
    typed = f"{local}@{domain}.example"
    address = normalize_address(typed)
    try:
        validate_address(address)
    except ValidationError:
        return
    local, _, domain = lower_ascii(clean_text(typed).strip(" ,;")).partition("@")
    decoded = idna.decode(address.partition("@")[2])
    assert address.startswith(f"{local}@")
    assert decoded == unicodedata.normalize("NFC", domain).lower()


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("\u00a0 Ana@B\u00fcRO.Example\u200b\n", "ana@xn--bro-hoa.example"),
        ("ana@B\u00dcRO.example", "ana@xn--bro-hoa.example"),
        ("ana@bu\u0308ro.example", "ana@xn--bro-hoa.example"),
        ("ana@stra\u00dfe.example", "ana@xn--strae-oqa.example"),
        ("iris\u200b@lakefront.example", "iris@lakefront.example"),
        ("moe\u00ad@lake\u200dfront.example", "moe@lakefront.example"),
        ("\u202anan@lakefront.example\u202c", "nan@lakefront.example"),
        ("\x00a\x1b@rush.example", "a@rush.example"),
        ("mailto:ana@rush.example", "ana@rush.example"),
        ("MAILTO: Ana@rush.example?subject=Join", "ana@rush.example"),
        ("Ana Example <ana@x.example>", "ana@x.example"),
        ('"Example, Ana" <Ana@X.example>;', "ana@x.example"),
        ("ana@x.example <ana@x.example>", "ana@x.example"),
        ("<mailto:ana@x.example>", "ana@x.example"),
        ("< ana@x.example >", "ana@x.example"),
        ("Ana Example [mailto:ana@x.example]", "ana@x.example"),
        ("ana@x.example; Ana@X.example", "ana@x.example"),
        ("'ana@x.example'", "ana@x.example"),
        ("\u201cana@x.example\u201d,", "ana@x.example"),
        ("ana@x.example.", "ana@x.example"),
        ("ana@x.example;", "ana@x.example"),
        ("ana@www.x.example", "ana@www.x.example"),
        ("mailto@x.example", "mailto@x.example"),
    ],
)
def test_normalize_address_takes_off_what_programs_put_around_it(typed, address):
    assert normalize_address(typed) == address
    validate_address(address)


@pytest.mark.parametrize("address", ["a%b@rush.example", "a@[127.0.0.1]", "\u212aim@rush.example"])
def test_every_form_refuses_the_same_addresses(db, administrator, address):
    typed = {"email": address}
    forms = [
        SignInForm(typed), DomainCheckForm(typed), QuestionForm(typed),
        AddMemberForm(typed, staff=administrator),
    ]  # fmt: skip
    with pytest.raises(ValidationError) as refused:
        validate_address(normalize_address(address))
    for form in forms:
        assert form.errors["email"] == refused.value.messages, form


def test_sso_refuses_a_look_alike_of_a_member(db):
    provider = Provider(
        key="rush", name="Rush", issuer="https://id.rush.example", client_id="portal",
        client_secret="", domains=("rush.example",),
    )  # fmt: skip
    claims = {"email": "\u212aim@rush.example", "email_verified": True}
    with pytest.raises(UntrustedClaimError, match="not an address"):
        verified_email(provider, claims)


def test_join_page_says_what_is_wrong_and_keeps_what_was_typed(client, team):
    response = client.post("/join/", {"email": "a%b@rush.example", "full_name": "Nora"})
    assert "Enter the address without the sign %" in visible_text(response)
    assert 'value="a%b@rush.example"' in response.content.decode()


@pytest.mark.both_databases
def test_account_is_not_found_by_a_look_alike(db):
    make_member("kim@rush.example")
    assert Member.objects.account_of("\u212aim@rush.example") is None
    with pytest.raises(Member.DoesNotExist):
        Member.objects.get_by_natural_key("\u212aim@rush.example")
    assert Member.objects.account_of(" KIM@rush.example") is not None


def test_createsuperuser_refuses_an_address_that_no_form_takes(db):
    with pytest.raises(CommandError, match="instead of numbers"):
        call_command("createsuperuser", email="ada@[127.0.0.1]", interactive=False)


def test_email_domain_is_no_look_alike_of_another():
    with pytest.raises(ValidationError, match="letters that no domain can have"):
        EmailDomain(domain="\u212aappa.example").clean()
