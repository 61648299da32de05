"""What was probably meant by a domain that is nearly a known one; and what is left alone."""

import pytest
from django.test import Client
from post_office.models import Email

from conftest import code_in, make_member, visible_text
from members.domain_typos import may_be_typo, probable_domain
from members.email_domains import has_known_ending
from members.models import EmailDomain, Organization
from teams.services import add_organization
from teams.tests.joining import CODE, JOIN, enter_code, form, without_time

RECOGNIZED = ["lakefront.example", "lab.rush.example", "rush.example", "uic.edu", "mercy.org"]
RECOGNIZED += ["xn--rhne-clinic-3eb.example"]
CORRECT = "/join/code/correct/"


@pytest.mark.parametrize(
    ("domain", "probable"),
    [
        # Letters swapped, left out, doubled, wrong; a dot too many.
        ("lakefornt.example", "lakefront.example"),
        ("lakefrnt.example", "lakefront.example"),
        ("lakefroont.example", "lakefront.example"),
        ("lakefrant.example", "lakefront.example"),
        ("lake.front.example", "lakefront.example"),
        ("lakfornt.example", "lakefront.example"),
        ("rsuh.example", "rush.example"),
        ("rus.example", "rush.example"),
        # The ending.
        ("lakefront.exmaple", "lakefront.example"),
        ("lakefront.exampel", "lakefront.example"),
        ("lakefront.exampl", "lakefront.example"),
        ("lakefront.com", "lakefront.example"),
        ("rush.org", "rush.example"),
        ("uic.com", "uic.edu"),
        ("uic.eud", "uic.edu"),
        ("mercy.or", "mercy.org"),
        # What stands below it stays.
        ("mail.lakefornt.example", "mail.lakefront.example"),
        ("lab.rsuh.example", "lab.rush.example"),
        # Large providers.
        ("gmial.com", "gmail.com"),
        ("gmal.com", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("gmail.cmo", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("gamil.con", "gmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("yaho.com", "yahoo.com"),
        ("outlok.com", "outlook.com"),
        ("iclould.com", "icloud.com"),
        ("aol.con", "aol.com"),
        ("comcast.nte", "comcast.net"),
        ("gmail.org", "gmail.com"),
        ("yahoo.net", "yahoo.com"),
        ("ameritec.net", "ameritech.net"),
        # Accents, and letters of other scripts that look the same.
        ("xn--lakefrnt-s4a.example", "lakefront.example"),
        ("xn--lkefront-16g.example", "lakefront.example"),
        ("rhone-clinic.example", "xn--rhne-clinic-3eb.example"),
        ("mail.rohne-clinic.example", "mail.xn--rhne-clinic-3eb.example"),
        # An ending that nobody has, of a domain that nobody knows.
        ("clinic.cmo", "clinic.com"),
        ("clinic.ogr", "clinic.org"),
        ("clinic.comm", "clinic.com"),
        ("mail.clinic.eud", "mail.clinic.edu"),
    ],
)
def test_probable_domain_of_a_typo(domain, probable):
    assert probable_domain(domain, RECOGNIZED) == probable


@pytest.mark.parametrize(
    "domain",
    [
        *("lakeview.example", "northwestern.edu", "clinic.org", "clinic.test", "a.b.c.example"),
        # Short names are those of other people.
        *("uis.edu", "uci.edu", "aon.com", "usn.com"),
        # Other people's, not a provider's with another ending.
        *("comcast.com", "verizon.com", "protonmail.ch"),
        # Nothing is near.
        *("clinic.hospitl", "clinic.xyzzy", "xn--zrich-kva.example"),
    ],
)
def test_probable_domain_leaves_alone_what_may_be_right(domain):
    assert probable_domain(domain, RECOGNIZED) == ""


@pytest.mark.parametrize(
    ("domain", "is_asked"),
    [("hotmail.co", True), ("yahoo.cm", True), ("yahoo.co.uk", False), ("hotmail.de", False)]
    + [("gmail.com", False), ("mail.ru", False), ("gmial.com", True), ("rush.example", True)],
)
def test_may_be_typo_is_no_domain_of_a_provider(domain, is_asked):
    assert may_be_typo(domain) is is_asked


@pytest.mark.parametrize(
    ("domain", "is_known"),
    [("a.com", True), ("a.co.uk", True), ("a.example", True), ("a.test", True), ("a.cmo", False)]
    + [("a.hospitl", False), ("a.invalid", False), ("a.localhost", False), ("a.health", True)]
    + [("a.xn--p1ai", True), ("a.xn--nobody", False)],
)
def test_known_endings_are_those_of_the_public_suffix_list(domain, is_known):
    assert has_known_ending(domain) is is_known


# Asked ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("organization")
def test_code_page_asks_whether_a_near_domain_was_meant(client, team):
    client.post(JOIN, form(team, email="nora@rsuh.example"))
    page = visible_text(client.get(CODE))
    assert "Did you mean nora@rush.example?" in page
    assert "If nora@rsuh.example is right, enter the code below" in page
    corrected = client.post(CORRECT, follow=True)
    assert "We sent a code to nora@rush.example" in visible_text(corrected)
    assert "Did you mean" not in visible_text(corrected)
    done = enter_code(client)
    assert "You have joined" in visible_text(done)


@pytest.mark.usefixtures("organization")
def test_code_page_of_signing_in_asks_too(client, member):
    client.post("/sign-in/?next=/my/data/", {"email": "maria@rush.exmaple"})
    assert "Did you mean maria@rush.example?" in visible_text(client.get("/sign-in/code/"))
    client.post("/sign-in/code/correct/")
    code = {"code": code_in(Email.objects.latest("pk"))}
    assert client.post("/sign-in/code/", code)["Location"] == "/my/data/"


def test_code_page_names_an_ending_that_nobody_has(client, team):
    client.post(JOIN, form(team, email="nora@clinic.hospitl"))
    assert "any addresses that end in “.hospitl”" in visible_text(client.get(CODE))
    assert client.post(CORRECT).url == CODE
    assert Email.objects.count() == 1


def test_code_page_accepts_a_domain_that_is_asked_about(client, organization, team):
    """It is a question: the code goes to the address as it was typed."""
    client.post(JOIN, form(team, email="nora@rsuh.example"))
    assert enter_code(client).redirect_chain == [("/join/organization/", 302)]


def test_code_correct_without_a_code_leads_to_the_form(client, db):
    assert client.post(CORRECT).url == JOIN
    assert client.post("/sign-in/code/correct/").url == "/sign-in/"
    assert client.get(CORRECT).url == CODE


def test_code_correct_is_limited_like_every_code(client, organization, team, settings):
    client.post(JOIN, form(team, email="nora@rsuh.example"))
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, "1/15m/ip")
    client.post("/join/code/new/")
    assert client.post(CORRECT).status_code == 429
    assert "nora@rsuh.example" in visible_text(client.get(CODE))


# What a stranger can learn -----------------------------------------------------------------------


def test_probably_meant_are_only_domains_of_recognized_organizations(organization, administrator):
    proposed = Organization.objects.create(name="Harbor", suggested_domain="harbor.example")
    add_organization("Lakeside", domains=["lakeside.example"], by=administrator)
    make_member("vera@private.example", proposed)
    typed = ["habror.example", "prviate.example", "lakesied.example", "rush.example", "gmail.com"]
    meant = EmailDomain.objects.probably_meant_by([*typed, "mail.rush.example", "harbor.example"])
    assert meant == {"lakesied.example": "lakeside.example"}


def test_code_page_says_the_same_of_known_and_unknown_addresses(organization, team):
    make_member("known@rsuh.example")
    pages = []
    for address in ("known@rsuh.example", "unknown@rsuh.example"):
        browser = Client()
        browser.post(JOIN, form(team, email=address))
        page = without_time(visible_text(browser.get(CODE)))
        pages.append(page.replace(address.split("@")[0], "SOMEBODY"))
    assert pages[0] == pages[1]


def test_probably_meant_takes_the_same_queries_for_any_number(
    organization, django_assert_num_queries
):
    for typed in (["rsuh.example"], ["rsuh.example", "rus.example", "gmial.com"]):
        with django_assert_num_queries(2):
            assert len(EmailDomain.objects.probably_meant_by(typed)) == len(typed)
    with django_assert_num_queries(1):
        EmailDomain.objects.probably_meant_by(["rush.example", "gmail.com"])
