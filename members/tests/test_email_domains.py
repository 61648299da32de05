"""Email domains, and which of them cannot belong to one organization."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members.email_domains import (
    domain_problem,
    domain_suffixes,
    email_domain,
    is_mailbox_provider,
    mailbox_providers,
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


@pytest.mark.parametrize("domain", ["gmail.com", "mail.gmail.com", "yahoo.co.uk", "t-online.de"])
def test_is_mailbox_provider_with_all_below_it(domain):
    assert is_mailbox_provider(domain)
    assert "mailbox provider" in domain_problem(domain)


@pytest.mark.parametrize(
    "domain", ["rush.example", "notgmail.com", "gmail.com.rush.example", "com"]
)
def test_is_mailbox_provider_refuses_other_domains(domain):
    assert not is_mailbox_provider(domain)


def test_mailbox_providers_are_domains_that_anyone_can_read_in_order():
    assert len(mailbox_providers()) > 50
    for domain in mailbox_providers():
        assert "mailbox provider" in domain_problem(domain)


@pytest.mark.parametrize(
    "domain",
    [
        *("il.us", "k12.il.us", "co.uk", "github.io", "something.ck"),
        *("onmicrosoft.com", "mail.onmicrosoft.com"),
    ],
)
def test_domain_problem_of_a_public_suffix(domain):
    assert "Many organizations share this domain" in domain_problem(domain)


@pytest.mark.parametrize(
    "domain", ["", "com", "localhost", "x..y", "a b.example", "a@b.example", ".il.us", "-a.org"]
)
def test_domain_problem_of_what_is_no_domain(domain):
    assert domain_problem(domain) == "Enter an email domain, like hospital.org."


def test_domain_problem_of_a_domain_with_accents():
    assert "begins with xn--" in domain_problem("büro.de")


@pytest.mark.parametrize(
    "domain",
    [
        *("rush.example", "mail.rush.edu", "chicago.il.us", "clinic.co.uk", "xn--bro-hoa.de"),
        *("clinic.onmicrosoft.com", "clinic.github.io"),
    ],
)
def test_domain_problem_is_empty_for_a_domain_of_one_organization(domain):
    assert domain_problem(domain) == ""
