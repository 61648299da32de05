"""Recognizing and declining organizations, and their email domains: each step, each refusal."""

import pytest
from django.utils import timezone

from conftest import make_member, membership_of
from members.models import EmailDomain, Organization
from members.services import (
    add_domain,
    add_organization,
    anonymize_member,
    decline_organization,
    recognize_organization,
)
from members.tests.steps import last_line, refused


def test_an_added_organization_is_recognized_from_the_start(administrator):
    organization = add_organization(
        "  Kappa   Clinic ", domains=["kappa.example", "@Kappa.Org.example"], by=administrator
    )
    assert (organization.name, organization.is_recognized) == ("Kappa Clinic", True)
    assert organization.decided_by == administrator
    assert last_line(organization) == (administrator, "added as recognized")
    domains = list(organization.domains.all())
    assert [str(domain) for domain in domains] == ["kappa.example", "kappa.org.example"]
    assert last_line(domains[0]) == (administrator, "domain added")


def test_adding_an_organization_releases_who_waits_at_its_domain(applicant, team, administrator):
    add_organization("Lakeview Hospital", domains=["lakeview.example"], by=administrator)
    assert membership_of(applicant, team).is_active


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
def test_adding_an_organization_is_refused(organization, administrator, name, domain, words):
    domains = [domain] if domain else []
    refused(words, add_organization, name, domains=domains, by=administrator)


def test_recognizing_confirms_who_waits_by_name_and_by_domain(
    proposed_organization, organization, administrator, facilitator
):
    by_name = make_member("n@mailbox.example", proposed_organization, confirmed=False)
    other = Organization.objects.create(name="Lake View Hlth")
    by_domain = make_member("d@mail.lakeview.example", other, confirmed=False)
    stranger = make_member("s@notlakeview.example", other, confirmed=False)
    sure = make_member("sure@rush.example", organization)

    released = recognize_organization(
        proposed_organization, domain="Lakeview.example", by=facilitator
    )

    assert released == [by_name, by_domain]
    for person in released:
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


def test_recognizing_without_the_domain_confirms_by_name_only(proposed_organization, administrator):
    other = Organization.objects.create(name="Lake View Hlth")
    at_domain = make_member("d@lakeview.example", other, confirmed=False)
    assert recognize_organization(proposed_organization, by=administrator) == []
    at_domain.refresh_from_db()
    assert at_domain.organization == other
    assert not EmailDomain.objects.filter(organization=proposed_organization).exists()


def test_recognizing_leaves_people_to_the_organization_with_the_longer_domain(
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


def test_recognizing_leaves_closed_accounts_alone(proposed_organization, administrator):
    person = make_member("c@lakeview.example", proposed_organization, confirmed=False)
    anonymize_member(person)
    assert not recognize_organization(
        proposed_organization, domain="lakeview.example", by=administrator
    )


def test_recognizing_uses_domains_that_it_was_given_before(proposed_organization, administrator):
    add_domain(proposed_organization, domain="lakeview.example", by=administrator)
    other = Organization.objects.create(name="Lake View Hlth")
    person = make_member("d@lakeview.example", other, confirmed=False)
    assert recognize_organization(
        proposed_organization, domain="lakeview.example", by=administrator
    ) == [person]


def test_a_declined_organization_can_be_recognized_after_all(applicant, administrator):
    organization = applicant.organization
    decline_organization(organization, reason="No.", by=administrator)
    assert recognize_organization(organization, by=administrator) == [applicant]
    organization.refresh_from_db()
    assert organization.decision_reason == ""


def test_who_recognizes_second_is_told_who_was_first(applicant, facilitator, administrator):
    recognize_organization(applicant.organization, by=facilitator)
    day = timezone.localdate()
    told = f"Lakeview Health was already recognized on {day:%B} {day.day}, {day.year} by Fay"
    refused(told, recognize_organization, applicant.organization, by=administrator)


@pytest.mark.parametrize(
    "domain", ["rush.example", "gmail.com", "mail.aol.com", "lakeview", "a@b.c"]
)
def test_recognizing_is_refused_as_a_whole_with_a_wrong_domain(
    organization, applicant, administrator, domain
):
    refused(domain, recognize_organization, applicant.organization, domain=domain, by=administrator)


def test_declining_keeps_the_reason_and_returns_the_people(applicant, facilitator):
    organization = applicant.organization
    assert decline_organization(organization, reason=" No. ", by=facilitator) == [applicant]
    organization.refresh_from_db()
    assert (organization.status, organization.decision_reason) == ("declined", "No.")
    assert (organization.decided_by, last_line(organization)) == (
        facilitator,
        (facilitator, "declined"),
    )


def test_declining_is_refused_without_a_reason(proposed_organization, administrator):
    for reason in ("", "  \n"):
        refused(
            "Say why", decline_organization, proposed_organization, reason=reason, by=administrator
        )


def test_declining_is_refused_when_it_is_decided(organization, applicant, administrator):
    refused("already recognized", decline_organization, organization, reason="x", by=administrator)
    decline_organization(applicant.organization, reason="x", by=administrator)
    refused(
        "already declined on .* by Ada Admin. Nothing was changed",
        decline_organization,
        applicant.organization,
        reason="y",
        by=administrator,
    )


def test_a_domain_of_a_recognized_organization_releases(
    applicant, organization, team, administrator
):
    assert add_domain(organization, domain="lakeview.example", by=administrator) == [applicant]
    applicant.refresh_from_db()
    assert applicant.organization == organization
    assert membership_of(applicant, team).is_active


def test_a_domain_of_a_proposed_organization_releases_nobody(applicant, administrator):
    assert add_domain(applicant.organization, domain="lakeview.example", by=administrator) == []
    applicant.refresh_from_db()
    assert not applicant.is_affiliation_confirmed


@pytest.mark.parametrize(
    "domain", ["rush.example", "@Rush.Example", "live.com", "", "x", "a b.example"]
)
def test_adding_a_domain_is_refused(other_organization, organization, administrator, domain):
    refused(".", add_domain, other_organization, domain=domain, by=administrator)
