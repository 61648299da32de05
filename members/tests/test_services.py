"""Everything that can happen to members and organizations: each step, each refusal."""

import pytest
from post_office.models import Email

from conftest import make_member, membership_of
from members.models import EmailDomain, Member, Organization
from members.services import (
    anonymize_member,
    complete_profile,
    get_or_create_member,
    lock_open_account,
    save_with_history,
    unconfirm_affiliation,
)
from members.tests.steps import last_line, refused
from teams.services import (
    add_domain,
    change_profile,
    confirm_affiliation,
    decline_organization,
    join_teams,
    set_affiliation,
)


@pytest.fixture
def closed(organization) -> Member:
    person = make_member("closed@rush.example", organization, "Clara Closed")
    anonymize_member(person)
    Email.objects.all().delete()
    person.refresh_from_db()
    return person


# Accounts ----------------------------------------------------------------------------------


def test_save_with_history_stores_the_change_with_who_and_why(member, facilitator):
    member.job_title = "not saved"
    save_with_history(member, facilitator, "moved", full_name="Maria Moved")
    assert last_line(member) == (facilitator, "moved")
    member.refresh_from_db()
    assert (member.full_name, member.job_title) == ("Maria Moved", "")


def test_get_or_create_member_creates_with_history(db):
    person, is_new = get_or_create_member(
        "New@Rush.Example", full_name=" Nora\nNew ", job_title="HR  lead"
    )
    assert is_new
    assert (person.email, person.full_name, person.job_title) == (
        "new@rush.example",
        "Nora New",
        "HR lead",
    )
    assert last_line(person) == (person, "account made")
    assert not person.is_staff


def test_get_or_create_member_leaves_an_existing_one(member):
    history = member.history.count()
    mallory = {"full_name": "Mallory", "job_title": "Boss"}
    assert get_or_create_member("MARIA@rush.example", **mallory) == (member, False)
    member.refresh_from_db()
    assert (member.full_name, member.job_title) == ("Maria Member", "")
    assert member.history.count() == history


def test_complete_profile_fills_in_only_what_is_empty(member):
    complete_profile(member, full_name="Mallory", job_title=" HR\tlead ")
    member.refresh_from_db()
    assert (member.full_name, member.job_title) == ("Maria Member", "HR lead")
    assert last_line(member) == (member, "filled in while joining")


def test_complete_profile_without_anything_new_writes_no_history(member):
    history = member.history.count()
    complete_profile(member, full_name="Mallory", job_title="")
    assert member.history.count() == history


def test_closed_account_is_refused_by_every_service(closed):
    refused("account is closed", lock_open_account, closed)
    refused("account is closed", complete_profile, closed, full_name="x", job_title="x")
    refused("account is closed", set_affiliation, closed, "Rush Example Hospital")
    refused("account is closed", anonymize_member, closed)
    refused(
        "account is closed", change_profile, closed, full_name="", job_title="", shares_email=True
    )


# Affiliation -------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["x@rush.example", "x@mail.rush.example"])
def test_set_affiliation_follows_the_domain_whatever_was_typed(
    organization, proposed_organization, address
):
    person = set_affiliation(make_member(address), "Lakeview Health")
    assert person.organization == organization
    assert person.affiliation_confirmed_via == "domain"
    assert person.affiliation_confirmed_by is None
    assert last_line(person) == (None, "affiliation confirmed by the email domain")
    assert Organization.objects.count() == 2


@pytest.mark.both_databases
def test_set_affiliation_follows_the_longest_domain(
    organization, other_organization, administrator
):
    add_domain(other_organization, domain="kids.rush.example", by=administrator)
    person = set_affiliation(make_member("x@kids.rush.example"), "Rush Example Hospital")
    assert person.organization == other_organization


@pytest.mark.parametrize("typed", ["Rush Example Hospital", "the RUSH example-hospital, Inc."])
def test_set_affiliation_by_a_known_name_waits_for_a_facilitator(organization, typed):
    person = set_affiliation(make_member("x@mailbox.example"), typed)
    assert person.organization == organization
    assert not person.is_affiliation_confirmed
    assert last_line(person) == (person, "named the organization")
    assert Organization.objects.count() == 1


def test_set_affiliation_proposes_an_unknown_name_with_the_domain(db):
    person = set_affiliation(make_member("x@kappa.example"), "  Kappa \n Clinic ")
    organization = person.organization
    assert (organization.name, organization.status) == ("Kappa Clinic", "proposed")
    assert organization.suggested_domain == "kappa.example"
    assert last_line(organization) == (person, "proposed")
    assert not EmailDomain.objects.exists()


@pytest.mark.parametrize("address", ["x@gmail.com", "x@mail.yahoo.co.uk", "x@k12.il.us"])
def test_a_shared_domain_is_never_suggested_as_a_domain(db, address):
    person = set_affiliation(make_member(address), "Kappa Clinic")
    assert person.organization.suggested_domain == ""


def test_set_affiliation_suggests_the_domain_of_the_first_work_address(db):
    set_affiliation(make_member("x@gmail.com"), "Kappa Clinic")
    set_affiliation(make_member("y@kappa.example"), "Kappa Clinic")
    set_affiliation(make_member("z@other.example"), "Kappa Clinic")
    assert Organization.objects.get().suggested_domain == "kappa.example"


def test_set_affiliation_proposes_a_declined_organization_again(
    proposed_organization, administrator
):
    decline_organization(proposed_organization, reason="Not in healthcare.", by=administrator)
    person = set_affiliation(make_member("x@lakeview.example"), "Lakeview Health")
    proposed_organization.refresh_from_db()
    assert proposed_organization.status == "proposed"
    assert last_line(proposed_organization) == (person, "proposed again")


@pytest.mark.parametrize("status", ["proposed", "declined"])
def test_set_affiliation_ignores_domains_of_unrecognized_organizations(
    proposed_organization, administrator, status
):
    add_domain(proposed_organization, domain="lakeview.example", by=administrator)
    if status == "declined":
        decline_organization(proposed_organization, reason="No.", by=administrator)
    person = set_affiliation(make_member("x@lakeview.example"), "Kappa Clinic")
    assert person.organization.name == "Kappa Clinic"
    assert not person.is_affiliation_confirmed


def test_set_affiliation_leaves_a_confirmed_one(organization, other_organization):
    person = make_member("x@loop.example", organization)
    assert set_affiliation(person, "Lakeview Health").organization == organization


@pytest.mark.parametrize("typed", ["", "...", "The & and"])
def test_set_affiliation_refuses_a_name_with_nothing_to_compare(db, typed):
    refused("at least one letter", set_affiliation, make_member("x@kappa.example"), typed)


# Confirming people -------------------------------------------------------------------------


@pytest.fixture
def unconfirmed(organization, team) -> Member:
    person = make_member("uma@mailbox.example", organization, "Uma", confirmed=False)
    join_teams(person, [team])
    Email.objects.all().delete()
    return person


def test_confirm_affiliation_stores_the_facilitator_and_opens_requests(
    unconfirmed, facilitator, team, queued_emails
):
    confirm_affiliation(unconfirmed, by=facilitator)
    unconfirmed.refresh_from_db()
    assert unconfirmed.affiliation_confirmed_by == facilitator
    assert last_line(unconfirmed) == (facilitator, "affiliation confirmed by a facilitator")
    assert membership_of(unconfirmed, team).is_active
    assert [email.to for email in queued_emails()] == [["uma@mailbox.example"]]


def test_confirm_affiliation_refuses_a_confirmed_one(unconfirmed, facilitator):
    confirm_affiliation(unconfirmed, by=facilitator)
    refused("already confirmed", confirm_affiliation, unconfirmed, by=facilitator)


def test_confirm_affiliation_refuses_an_unrecognized_organization(applicant, facilitator):
    refused("Recognize Lakeview Health first", confirm_affiliation, applicant, by=facilitator)


def test_confirm_affiliation_refuses_after_the_organization_changed(
    unconfirmed, other_organization, facilitator
):
    Member.objects.filter(pk=unconfirmed.pk).update(organization=other_organization)
    refused("changed the organization meanwhile", confirm_affiliation, unconfirmed, by=facilitator)


def test_confirm_affiliation_refuses_no_organization_and_closed_accounts(closed, facilitator):
    homeless = make_member("h@mailbox.example")
    refused("Look again", confirm_affiliation, homeless, by=facilitator)
    refused("the account is closed", confirm_affiliation, closed, by=facilitator)


# Taking a confirmation back ------------------------------------------------------------------


def test_unconfirm_affiliation_keeps_memberships(member, facilitator, team, queued_emails):
    unconfirm_affiliation(member, reason=" Moved\n away. ", by=facilitator)
    member.refresh_from_db()
    assert not member.is_affiliation_confirmed
    assert (member.affiliation_confirmed_via, member.affiliation_confirmed_by) == ("", None)
    assert member.organization.name == "Rush Example Hospital"
    assert last_line(member) == (facilitator, "affiliation confirmation taken back: Moved away.")
    assert membership_of(member, team).is_active
    assert queued_emails() == []


def test_unconfirm_affiliation_lets_the_member_name_another_employer(
    organization, other_organization, facilitator, other_team
):
    person = make_member("x@mailbox.example", organization, "Xenia")
    unconfirm_affiliation(person, reason="Changed jobs.", by=facilitator)
    person.refresh_from_db()
    profile = {"full_name": "Xenia", "job_title": "", "shares_email": False}
    changed = change_profile(person, **profile, organization="Loop Example Clinic")
    assert changed.organization == other_organization
    join_teams(changed, [other_team])
    assert membership_of(person, other_team).is_waiting


def test_unconfirm_affiliation_ends_with_the_next_join_by_domain(member, facilitator, other_team):
    unconfirm_affiliation(member, reason="By mistake.", by=facilitator)
    member.refresh_from_db()
    join_teams(member, [other_team])
    member.refresh_from_db()
    assert member.affiliation_confirmed_via == "domain"
    assert membership_of(member, other_team).is_active


@pytest.mark.parametrize("reason", ["", " \n "])
def test_unconfirm_affiliation_refuses_without_reason(member, facilitator, reason):
    refused("Give a reason", unconfirm_affiliation, member, reason=reason, by=facilitator)


def test_unconfirm_affiliation_refuses_unconfirmed_and_closed_accounts(
    unconfirmed, closed, member, facilitator
):
    step = {"reason": "Moved.", "by": facilitator}
    refused("is not confirmed", unconfirm_affiliation, unconfirmed, **step)
    refused("account is closed", unconfirm_affiliation, closed, **step)
    unconfirm_affiliation(member, **step)
    refused("is not confirmed", unconfirm_affiliation, member, **step)


def test_anonymize_member_erases_reasons_about_the_person(member, facilitator):
    unconfirm_affiliation(member, reason="Maria fell ill.", by=facilitator)
    anonymize_member(member)
    reasons = set(member.history.values_list("history_change_reason", flat=True))
    assert "affiliation confirmation taken back" in reasons
    assert not any("ill" in (line or "") for line in reasons)


# Profile and closing -----------------------------------------------------------------------


def test_change_profile_stores_the_details_in_one_line(member):
    change_profile(member, full_name=" Maria\n M ", job_title="HR", shares_email=True)
    member.refresh_from_db()
    assert (member.full_name, member.job_title, member.shares_email) == ("Maria M", "HR", True)
    assert last_line(member) == (member, "changed by the member")


def test_change_profile_of_an_unconfirmed_member_changes_the_organization(applicant, organization):
    profile = {"full_name": "Wanda", "job_title": "", "shares_email": False}
    changed = change_profile(applicant, **profile, organization="Rush Example Hospital")
    assert changed.organization == organization
    assert not changed.is_affiliation_confirmed


def test_change_profile_of_a_confirmed_member_keeps_the_organization(member, other_organization):
    profile = {"full_name": "Maria", "job_title": "", "shares_email": False}
    change_profile(member, **profile, organization="Loop Example Clinic")
    member.refresh_from_db()
    assert member.organization.name == "Rush Example Hospital"


def test_anonymize_member_refuses_the_last_administrator(administrator):
    refused("only administrator", anonymize_member, administrator)
    Member.objects.create_superuser("second@example.org")
    anonymize_member(administrator)
    administrator.refresh_from_db()
    assert not administrator.is_superuser
    last = Member.objects.get(email="second@example.org")
    refused("only administrator", anonymize_member, last)


def test_anonymize_member_names_the_only_administrator_to_others(administrator, facilitator):
    refused("Ada Admin is the only administrator", anonymize_member, administrator, by=facilitator)
