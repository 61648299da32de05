"""Recognizing and declining organizations, and their email domains: each step, each refusal.

What follows for requests is in teams/tests/test_services_recognition.py."""

import pytest
from django.utils import timezone

from conftest import make_member
from members.models import EmailDomain, Organization
from members.services import anonymize_member
from members.services.organizations import (
    add_domain,
    add_organization,
    decline_organization,
    recognize_organization,
)
from members.tests.steps import last_line, refused


def test_add_organization_recognizes_it_from_the_start(administrator):
    organization, confirmed = add_organization(
        "  Kappa   Clinic ", domains=["kappa.example", "@Kappa.Org.example"], by=administrator
    )
    assert confirmed == []
    assert (organization.name, organization.is_recognized) == ("Kappa Clinic", True)
    assert organization.decided_by == administrator
    assert last_line(organization) == (administrator, "added as recognized")
    domains = list(organization.domains.all())
    assert [str(domain) for domain in domains] == ["kappa.example", "kappa.org.example"]
    assert last_line(domains[0]) == (administrator, "domain added")


def test_add_organization_confirms_who_waits_at_its_domain(applicant, administrator):
    domains = ["lakeview.example"]
    _, confirmed = add_organization("Lakeview Hospital", domains=domains, by=administrator)
    assert confirmed == [applicant]


@pytest.mark.parametrize(
    ("name", "domain", "words"),
    [
        ("The RUSH Example Hospital", "", "already here"),
        ("&", "", "at least one letter"),
        ("Kappa Clinic", "rush.example", "rush.example: This domain already belongs"),
        ("Kappa Clinic", "gmail.com", "gmail.com: This is a public mailbox"),
        ("Kappa Clinic", "il.us", "il.us: Many organizations share"),
        ("Kappa Clinic", "kappa", "kappa: Enter an email domain"),
    ],
)
def test_add_organization_refuses_wrong_names_and_domains(
    organization, administrator, name, domain, words
):
    domains = [domain] if domain else []
    refused(words, add_organization, name, domains=domains, by=administrator)


def test_recognize_organization_confirms_by_name_and_by_domain(
    proposed_organization, organization, administrator, facilitator
):
    by_name = make_member("n@mailbox.example", proposed_organization, confirmed=False)
    other = Organization.objects.create(name="Lake View Hlth")
    by_domain = make_member("d@mail.lakeview.example", other, confirmed=False)
    stranger = make_member("s@notlakeview.example", other, confirmed=False)
    sure = make_member("sure@rush.example", organization)

    confirmed = recognize_organization(
        proposed_organization, domain="Lakeview.example", by=facilitator
    )

    assert confirmed == [by_name, by_domain]
    for person in confirmed:
        person.refresh_from_db()
        assert person.organization == proposed_organization
        assert person.affiliation_confirmed_via == "facilitator"
        assert person.affiliation_confirmed_by == facilitator
        assert last_line(person) == (facilitator, "affiliation confirmed by a facilitator")
    for person in (stranger, sure):
        before = person.organization_id, person.is_affiliation_confirmed
        person.refresh_from_db()
        assert (person.organization_id, person.is_affiliation_confirmed) == before
    proposed_organization.refresh_from_db()
    assert proposed_organization.is_recognized
    assert last_line(proposed_organization) == (facilitator, "recognized")
    assert proposed_organization.domains.get().domain == "lakeview.example"


def test_recognize_organization_without_domain_confirms_by_name_only(
    proposed_organization, administrator
):
    other = Organization.objects.create(name="Lake View Hlth")
    at_domain = make_member("d@lakeview.example", other, confirmed=False)
    assert recognize_organization(proposed_organization, by=administrator) == []
    at_domain.refresh_from_db()
    assert at_domain.organization == other
    assert not EmailDomain.objects.filter(organization=proposed_organization).exists()


def test_recognize_organization_leaves_people_to_the_longer_domain(
    proposed_organization, administrator
):
    kids = Organization.objects.create(name="Lakeview Kids")
    add_domain(kids, domain="kids.lakeview.example", by=administrator)
    person = make_member("k@kids.lakeview.example", kids, confirmed=False)
    assert not recognize_organization(
        proposed_organization, domain="lakeview.example", by=administrator
    )
    person.refresh_from_db()
    assert person.organization == kids
    assert recognize_organization(kids, by=administrator) == [person]


def test_recognize_organization_ignores_closed_accounts(proposed_organization, administrator):
    person = make_member("c@lakeview.example", proposed_organization, confirmed=False)
    anonymize_member(person)
    assert not recognize_organization(
        proposed_organization, domain="lakeview.example", by=administrator
    )


def test_recognize_organization_uses_domains_added_before(proposed_organization, administrator):
    add_domain(proposed_organization, domain="lakeview.example", by=administrator)
    other = Organization.objects.create(name="Lake View Hlth")
    person = make_member("d@lakeview.example", other, confirmed=False)
    assert recognize_organization(
        proposed_organization, domain="lakeview.example", by=administrator
    ) == [person]


def test_recognize_organization_accepts_a_declined_one(applicant, administrator):
    organization = applicant.organization
    decline_organization(organization, reason="No.", by=administrator)
    assert recognize_organization(organization, by=administrator) == [applicant]
    organization.refresh_from_db()
    assert organization.decision_reason == ""


def test_recognize_organization_refuses_the_second_naming_the_first(
    applicant, facilitator, administrator
):
    recognize_organization(applicant.organization, by=facilitator)
    day = timezone.localdate()
    words = f"Lakeview Health was already recognized on {day:%B} {day.day}, {day.year} by Fay"
    refused(words, recognize_organization, applicant.organization, by=administrator)


@pytest.mark.parametrize(
    "domain", ["rush.example", "gmail.com", "mail.aol.com", "lakeview", "a@b.c"]
)
def test_recognize_organization_refuses_wrong_domains_as_a_whole(
    organization, applicant, administrator, domain
):
    refused(domain, recognize_organization, applicant.organization, domain=domain, by=administrator)


def test_decline_organization_stores_the_reason_and_returns_members(applicant, facilitator):
    organization = applicant.organization
    assert decline_organization(organization, reason=" No. ", by=facilitator) == [applicant]
    organization.refresh_from_db()
    assert (organization.status, organization.decision_reason) == ("declined", "No.")
    assert (organization.decided_by, last_line(organization)) == (
        facilitator,
        (facilitator, "declined"),
    )


def test_decline_organization_refuses_without_reason(proposed_organization, administrator):
    for reason in ("", "  \n"):
        refused(
            "Say why", decline_organization, proposed_organization, reason=reason, by=administrator
        )


def test_decline_organization_refuses_a_decided_one(organization, applicant, administrator):
    refused("already recognized", decline_organization, organization, reason="x", by=administrator)
    decline_organization(applicant.organization, reason="x", by=administrator)
    refused(
        "already declined on .* by Ada Admin. Nothing was changed",
        decline_organization,
        applicant.organization,
        reason="y",
        by=administrator,
    )


def test_add_domain_of_a_recognized_organization_confirms(applicant, organization, administrator):
    assert add_domain(organization, domain="lakeview.example", by=administrator) == [applicant]
    applicant.refresh_from_db()
    assert applicant.organization == organization


def test_add_domain_of_a_proposed_organization_confirms_nobody(applicant, administrator):
    assert add_domain(applicant.organization, domain="lakeview.example", by=administrator) == []
    applicant.refresh_from_db()
    assert not applicant.is_affiliation_confirmed


@pytest.mark.parametrize(
    "domain", ["rush.example", "@Rush.Example", "live.com", "", "x", "a b.example"]
)
def test_add_domain_refuses_wrong_domains(other_organization, organization, administrator, domain):
    refused(".", add_domain, other_organization, domain=domain, by=administrator)
