"""Email domains, and which of them cannot belong to one organization."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members.email_domains import (
    DATA,
    ascii_domain,
    domain_problem,
    domain_suffixes,
    email_domain,
    is_mailbox_provider,
    normalize_domain,
    readable_domain,
)

labels = st.text(alphabet="abcxyz0123-", min_size=1, max_size=5)
domains = st.lists(labels, min_size=1, max_size=5).map(".".join)


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("Ana@Mail.Rush.example", "mail.rush.example"),
        ("ana@rush.example.", "rush.example"),
        ('"a@b"@rush.example', "rush.example"),
    ],
)
def test_email_domain_is_what_follows_the_last_at(email, domain):
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


@pytest.mark.parametrize(
    ("typed", "domain"),
    [
        ("www.cedar.example", "cedar.example"),
        ("https://www.dogwood.example/careers", "dogwood.example"),
        ("HTTP://WWW2.Dogwood.Example:8080/jobs.html?id=1#top", "dogwood.example"),
        ("http:\\\\dogwood.example\\jobs", "dogwood.example"),
        ("http:/dogwood.example", "dogwood.example"),
        ("//dogwood.example/", "dogwood.example"),
        ("http:dogwood.example", "dogwood.example"),
        ("https//www.dogwood.example", "dogwood.example"),
        ("“dogwood.example”,", "dogwood.example"),
        ("<@dogwood.example>;", "dogwood.example"),
        ("dogwood.example/jobs", "dogwood.example"),
        ("dogwood.example/en/index.html", "dogwood.example"),
        ("dogwood.example?utm=1", "dogwood.example"),
        ("dogwood.example:443", "dogwood.example"),
        ("fir.example.", "fir.example"),
        ("GUM.Example", "gum.example"),
        ("@gum.example", "gum.example"),
        (".gum.example", "gum.example"),
        (" \u00a0gum\u200b.exam\u00adple\ufeff ", "gum.example"),
        ("mail.gum.example", "mail.gum.example"),
        # Without a label in front of it, or as a part of one, it is no prefix.
        ("www.example", "www.example"),
        ("wwwgum.example", "wwwgum.example"),
        ("zürich-klinik.example", "xn--zrich-klinik-dlb.example"),
        ("https://www.ZÜRICH-Klinik.example./", "xn--zrich-klinik-dlb.example"),
        # As a Mac writes it: u and its dots are two characters.
        ("zu\u0308rich-klinik.example", "xn--zrich-klinik-dlb.example"),
        ("XN--ZRICH-KLINIK-DLB.example", "xn--zrich-klinik-dlb.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("больница.рф", "xn--80abvlke3d3b.xn--p1ai"),
        ("مستشفى.example", "xn--pgbre6cq2a.example"),
        ("病院.example", "xn--0rys90e.example"),
        ("", ""),
    ],
)
def test_normalize_domain_leaves_what_is_surely_meant(typed, domain):
    assert normalize_domain(typed) == domain
    assert normalize_domain(domain) == domain


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("info@elm.example", "Enter only the part after the @: elm.example."),
        ("mailto:Info@www.Elm.example", "Enter only the part after the @: elm.example."),
        ("https://user@elm.example/x", "Enter only the part after the @: elm.example."),
        ("*.hazel.example", "Enter hazel.example. Addresses below it count as well."),
        ("a.example, b.example", "Enter one domain. There are two."),
        ("a.example/b.example", "Enter one domain. There are two."),
        ("@a.example; b.example | c.example", "Enter one domain. There are three."),
        ("\u212aappa.example", "It has letters that no domain can have."),
        ("\uff52ush.example", "It has letters that no domain can have."),
        ("rush\u3002example", "It has letters that no domain can have."),
        ("ru\u017fh.example", "It has letters that no domain can have."),
        ("🏥.example", "It has letters that no domain can have."),
        ("10.0.0.1", "Enter an email domain, like hospital.org."),
        ("http://localhost:8000/", "Enter an email domain, like hospital.org."),
        ("Rush Hospital", "Enter an email domain, like hospital.org."),
        (f"{'x' * 64}.example", "Enter an email domain, like hospital.org."),
        ("é" * 30_000 + ".example", "It has letters that no domain can have."),
        ("a/" * 3_000 + ".example", "Enter an email domain, like hospital.org."),
    ],
)
def test_domain_problem_says_what_to_enter(typed, message):
    assert domain_problem(normalize_domain(typed)).startswith(message)


@given(st.text(max_size=30))
def test_normalize_domain_accepts_nothing_twice_differently(text):
    domain = normalize_domain(f"{text}.example")
    if not domain_problem(domain):
        assert normalize_domain(domain) == domain
        assert readable_domain(domain).endswith((domain, f"({domain})"))


@pytest.mark.parametrize(
    ("domain", "shown"),
    [
        ("rush.example", "rush.example"),
        ("xn--zrich-kva.example", "zürich.example (xn--zrich-kva.example)"),
        # Cyrillic letters that look like "apple": the ASCII form tells.
        ("xn--80ak6aa92e.com", "аррӏе.com (xn--80ak6aa92e.com)"),
        # Nothing that IDNA decodes.
        ("xn--a.example", "xn--a.example"),
        ("xn--zzzzzzzzzzzz.example", "xn--zzzzzzzzzzzz.example"),
    ],
)
def test_readable_domain_shows_what_the_letters_are(domain, shown):
    assert readable_domain(domain) == shown


def test_ascii_domain_of_an_address_keeps_www():
    assert ascii_domain("WWW.Rush.example.") == "www.rush.example"


@pytest.mark.parametrize(
    "domain",
    [
        *("gmail.com", "mail.gmail.com", "yahoo.co.uk", "t-online.de"),
        *("wideopenwest.com", "ameritech.net", "sbcglobal.net", "mchsi.com", "comcast.net"),
        *("hotmail.de", "live.co.uk", "outlook.fr", "yahoo.com.mx", "yahoo.co.jp", "gmx.at"),
        *("privaterelay.appleid.com", "mozmail.com", "duck.com", "simplelogin.com"),
        *("fastmail.co.uk", "talk21.com", "lenta.ru", "burnermail.io", "radiologist.net"),
        *("ivnet.com", "xnet.com", "prairieinet.net", "egyptian.net", "hometel.com", "plus.com"),
    ],
)
def test_is_mailbox_provider_with_all_below_it(domain):
    assert is_mailbox_provider(domain)
    assert "mailbox provider" in domain_problem(domain)


@pytest.mark.parametrize(
    "domain",
    [
        *("rush.example", "notgmail.com", "gmail.com.rush.example", "com"),
        # A brand is its owner's below countries, not below every ending.
        *("live.org", "yahoo.example", "hotmail.rush.example", "outlook.edu"),
        # Hospitals and universities of Illinois.
        *("rush.edu", "uic.edu", "luriechildrens.org", "advocatehealth.com", "nm.org", "luc.edu"),
        *(
            "cookcountyhhs.org",
            "sinai.org",
            "northshore.org",
            "nus.edu.sg",
            "va.gov",
            "uchicago.edu",
        ),
    ],
)
def test_is_mailbox_provider_refuses_other_domains(domain):
    assert not is_mailbox_provider(domain)


@pytest.mark.parametrize("filename", ["mailbox_providers.txt", "shared_domains.txt"])
def test_data_file_has_domains_in_order_that_are_refused(filename):
    lines = (DATA / filename).read_text().splitlines()
    domains = [line for line in lines if not line.startswith("#")]
    assert domains == sorted(set(domains))
    for domain in domains:
        assert domain_problem(domain.replace(".*", ".de"))


@pytest.mark.parametrize("domain", ["mailinator.com", "x.guerrillamail.com", "10minutemail.com"])
def test_domain_problem_of_a_throwaway_mailbox(domain):
    assert "throwaway" in domain_problem(domain)
    assert is_mailbox_provider(domain)


@pytest.mark.parametrize(
    "domain",
    [
        *("il.us", "k12.il.us", "co.uk", "github.io", "something.ck"),
        *("onmicrosoft.com", "mail.onmicrosoft.com", "nhs.uk", "nhs.net", "state.il.us"),
    ],
)
def test_domain_problem_of_a_public_suffix(domain):
    assert "Many organizations share this domain" in domain_problem(domain)


@pytest.mark.parametrize(
    "domain",
    ["", "com", "localhost", "x..y", "a b.example", "-a.org", "a..", "*", "@"],
)
def test_domain_problem_of_what_is_no_domain(domain):
    assert domain_problem(domain) == "Enter an email domain, like hospital.org."


@pytest.mark.parametrize("domain", ["hospital.local", "localhost.localdomain", "a.b.internal"])
def test_domain_problem_of_a_name_within_one_network(domain):
    assert domain_problem(domain).startswith("This name works only inside one network")


@pytest.mark.parametrize(
    "domain",
    [
        *("rush.example", "mail.rush.edu", "chicago.il.us", "clinic.co.uk", "xn--bro-hoa.de"),
        *("clinic.onmicrosoft.com", "clinic.github.io", "co.kane.il.us", "xn--zrich-kva.example"),
    ],
)
def test_domain_problem_is_empty_for_a_domain_of_one_organization(domain):
    assert domain_problem(domain) == ""
