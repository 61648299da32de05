"""Names and addresses are compared the way people read them."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from members.normalize import (
    COMPARED_LENGTH,
    MAILBOX_PROVIDERS,
    domain_suffixes,
    email_domain,
    fold,
    is_public_mailbox,
    normalized_name,
)

name_parts = st.sampled_from(
    ["The", "the ", "and", "&", " ", ".", ",", "'", "’", "-", "Inc", "L.L.C.", "LTD", "St. ", "É"]
)
names = st.lists(name_parts | st.text(max_size=4), max_size=10).map("".join)
labels = st.text(alphabet="abcxyz0123-", min_size=1, max_size=5)
domains = st.lists(labels, min_size=1, max_size=5).map(".".join)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("École", "ecole"),
        ("E\u0301COLE", "ecole"),
        ("straße", "strasse"),
        ("STRASSE", "strasse"),
        ("ﬁne ①", "fine 1"),
        ("İstanbul", "istanbul"),
        ("Ω", "ω"),
        ("", ""),
    ],
)
def test_fold_drops_case_accents_and_compatibility_forms(text, folded):
    assert fold(text) == folded


@given(st.text())
@example("ΐ ẞ ſ ᾳ")
def test_fold_changes_nothing_that_is_folded(text):
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=20))
def test_fold_sees_no_difference_between_composed_and_decomposed(text):
    assert fold(unicodedata.normalize("NFC", text)) == fold(unicodedata.normalize("NFD", text))


@pytest.mark.parametrize(
    "name",
    [
        "St. Anne's Hospital & Clinics",
        "The St. Anne's Hospital & Clinics, Inc.",
        "ST ANNES HOSPITAL AND CLINICS",
        "St Anne’s  Hospital, Clinics LLC",
        "The St. Ánne's Hospital and the Clinics L.L.C.",
        "St.Anne's Hospital/Clinics Co., Ltd.",
    ],
)
def test_spellings_of_one_organization_compare_equal(name):
    assert normalized_name(name) == "st annes hospital clinics"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Rush Hospital", "Rush Hospitals"),
        ("Northside Clinic", "Southside Clinic"),
        ("St. Anne", "St. Anne 2"),
        ("Incorporated Health", "Health"),
        ("Theater Clinic", "Clinic"),
        ("Andover Clinic", "Over Clinic"),
    ],
)
def test_different_organizations_stay_different(one, other):
    assert normalized_name(one) != normalized_name(other)


@pytest.mark.parametrize("name", ["", "   ", "...", "&", "The", "the & and", "'", "—"])
def test_a_name_without_letter_or_digit_is_not_comparable(name):
    assert normalized_name(name) == ""


@pytest.mark.parametrize(
    ("name", "compared"), [("Inc", "inc"), ("The Company", "company"), ("Co. Ltd.", "co")]
)
def test_a_legal_ending_alone_is_a_name(name, compared):
    assert normalized_name(name) == compared


@given(names)
@example("T.h.e")
@example("Foo Inc the")
def test_normalizing_changes_nothing_that_is_normalized(name):
    assert normalized_name(normalized_name(name)) == normalized_name(name)


@given(names)
def test_normalized_names_hold_nothing_to_stumble_over(name):
    compared = normalized_name(name)
    assert compared == " ".join(compared.split())
    assert fold(compared) == compared
    assert not {"the", "and"} & set(compared.split())


def test_normalized_names_fit_their_column():
    assert len(normalized_name("ﷺ" * 150)) <= COMPARED_LENGTH
    assert len(normalized_name("ab " * 150)) <= COMPARED_LENGTH


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("Ana@Mail.Rush.example", "mail.rush.example"),
        ("ana@rush.example.", "rush.example"),
        ('"a@b"@rush.example', "rush.example"),
    ],
)
def test_mail_domain_is_what_follows_the_last_at(email, domain):
    assert email_domain(email) == domain


@pytest.mark.parametrize(
    ("domain", "suffixes"),
    [
        ("a.b.c.d", ["a.b.c.d", "b.c.d", "c.d"]),
        ("rush.example", ["rush.example"]),
        ("localhost", []),
        ("", []),
    ],
)
def test_domain_suffixes_are_longest_first_and_never_a_top_level(domain, suffixes):
    assert domain_suffixes(domain) == suffixes


@given(domains)
def test_domain_suffixes_end_the_domain_at_its_dots(domain):
    suffixes = domain_suffixes(domain)
    assert sorted(suffixes, key=len, reverse=True) == suffixes
    for suffix in suffixes:
        assert domain == suffix or domain.endswith(f".{suffix}")
        assert "." in suffix


@pytest.mark.parametrize("domain", ["gmail.com", "mail.gmail.com", "yahoo.co.uk", "t-online.de"])
def test_public_mailboxes_are_known_with_all_below_them(domain):
    assert is_public_mailbox(domain)


@pytest.mark.parametrize(
    "domain", ["rush.example", "notgmail.com", "gmail.com.rush.example", "com"]
)
def test_other_domains_are_no_public_mailboxes(domain):
    assert not is_public_mailbox(domain)


def test_the_list_of_public_mailboxes_is_usable_as_it_stands():
    assert len(set(MAILBOX_PROVIDERS)) == len(MAILBOX_PROVIDERS)
    for domain in MAILBOX_PROVIDERS:
        assert domain == domain.strip().lower()
        assert "." in domain
