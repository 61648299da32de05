"""Everything that can happen to members and organizations: each step, each refusal."""

import pytest
from post_office.models import Email

from conftest import make_member, membership_of
from members.models import EmailDomain, Member, Organization
from members.services import (
    add_domain,
    anonymize_member,
    change_profile,
    complete_profile,
    confirm_affiliation,
    decline_organization,
    get_or_create_member,
    lock_open_account,
    save_with_history,
    set_affiliation,
    unconfirm_affiliation,
)
from members.tests.steps import last_line, refused
from teams.services import join_teams


@pytest.fixture
def closed(organization) -> Member:
    person = make_member("closed@rush.example", organization, "Clara Closed")
    anonymize_member(person)
    Email.objects.all().delete()
    person.refresh_from_db()
    return person


# Accounts ----------------------------------------------------------------------------------


def test_record_writes_the_change_with_who_and_why(member, facilitator):
    member.job_title = "not saved"
    save_with_history(member, facilitator, "moved", full_name="Maria Moved")
    assert last_line(member) == (facilitator, "moved")
    member.refresh_from_db()
    assert (member.full_name, member.job_title) == ("Maria Moved", "")


def test_a_new_member_is_made_with_a_line_in_the_history(db):
    person = get_or_create_member("New@Rush.Example", full_name=" Nora\nNew ", job_title="HR  lead")
    assert (person.email, person.full_name, person.job_title) == (
        "new@rush.example",
        "Nora New",
        "HR lead",
    )
    assert last_line(person) == (person, "account made")
    assert not person.is_staff


def test_a_known_member_is_left_as_it_is(member):
    history = member.history.count()
    assert (
        get_or_create_member("MARIA@rush.example", full_name="Mallory", job_title="Boss") == member
    )
    member.refresh_from_db()
    assert (member.full_name, member.job_title) == ("Maria Member", "")
    assert member.history.count() == history


def test_only_what_is_empty_is_filled_in(member):
    complete_profile(member, full_name="Mallory", job_title=" HR\tlead ")
    member.refresh_from_db()
    assert (member.full_name, member.job_title) == ("Maria Member", "HR lead")
    assert last_line(member) == (member, "filled in while joining")


def test_nothing_to_fill_in_writes_no_history(member):
    history = member.history.count()
    complete_profile(member, full_name="Mallory", job_title="")
    assert member.history.count() == history


def test_a_closed_account_is_refused(closed):
    refused("account is closed", lock_open_account, closed)
    refused("account is closed", complete_profile, closed, full_name="x", job_title="x")
    refused("account is closed", set_affiliation, closed, "Rush Example Hospital")
    refused("account is closed", anonymize_member, closed)
    refused(
        "account is closed", change_profile, closed, full_name="", job_title="", shares_email=True
    )


# Affiliation -------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["x@rush.example", "x@mail.rush.example"])
def test_the_mail_domain_decides_whatever_was_typed(organization, proposed_organization, address):
    person = set_affiliation(make_member(address), "Lakeview Health")
    assert person.organization == organization
    assert person.affiliation_confirmed_via == "domain"
    assert person.affiliation_confirmed_by is None
    assert last_line(person) == (None, "affiliation confirmed by the email domain")
    assert Organization.objects.count() == 2


def test_the_longest_domain_decides(organization, other_organization, administrator):
    add_domain(other_organization, domain="kids.rush.example", by=administrator)
    person = set_affiliation(make_member("x@kids.rush.example"), "Rush Example Hospital")
    assert person.organization == other_organization


@pytest.mark.parametrize("typed", ["Rush Example Hospital", "the RUSH example-hospital, Inc."])
def test_a_known_name_is_found_and_left_to_a_facilitator(organization, typed):
    person = set_affiliation(make_member("x@mailbox.example"), typed)
    assert person.organization == organization
    assert not person.is_affiliation_confirmed
    assert last_line(person) == (person, "named the organization")
    assert Organization.objects.count() == 1


def test_an_unknown_name_is_proposed_with_the_domain(db):
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


def test_the_first_work_address_gives_a_proposal_its_domain(db):
    set_affiliation(make_member("x@gmail.com"), "Kappa Clinic")
    set_affiliation(make_member("y@kappa.example"), "Kappa Clinic")
    set_affiliation(make_member("z@other.example"), "Kappa Clinic")
    assert Organization.objects.get().suggested_domain == "kappa.example"


def test_a_declined_organization_is_proposed_again(proposed_organization, administrator):
    decline_organization(proposed_organization, reason="Not in healthcare.", by=administrator)
    person = set_affiliation(make_member("x@lakeview.example"), "Lakeview Health")
    proposed_organization.refresh_from_db()
    assert proposed_organization.status == "proposed"
    assert last_line(proposed_organization) == (person, "proposed again")


@pytest.mark.parametrize("status", ["proposed", "declined"])
def test_the_domain_of_an_organization_that_is_not_recognized_decides_nothing(
    proposed_organization, administrator, status
):
    add_domain(proposed_organization, domain="lakeview.example", by=administrator)
    if status == "declined":
        decline_organization(proposed_organization, reason="No.", by=administrator)
    person = set_affiliation(make_member("x@lakeview.example"), "Kappa Clinic")
    assert person.organization.name == "Kappa Clinic"
    assert not person.is_affiliation_confirmed


def test_a_confirmed_affiliation_is_left_as_it_is(organization, other_organization):
    person = make_member("x@loop.example", organization)
    assert set_affiliation(person, "Lakeview Health").organization == organization


def test_confirming_by_domain_opens_what_had_been_asked(organization, team, mails):
    person = make_member("x@rush.example", organization, confirmed=False)
    join_teams(Member(pk=person.pk), [team])  # as if the domain had not been known
    set_affiliation(person, "x")
    assert membership_of(person, team).is_active
    assert [mail.subject for mail in mails()][1:] == ["You joined Education"]


@pytest.mark.parametrize("typed", ["", "...", "The & and"])
def test_a_name_with_nothing_to_compare_is_refused(db, typed):
    refused("at least one letter", set_affiliation, make_member("x@kappa.example"), typed)


# Confirming people -------------------------------------------------------------------------


@pytest.fixture
def unconfirmed(organization, team) -> Member:
    person = make_member("uma@mailbox.example", organization, "Uma", confirmed=False)
    join_teams(person, [team])
    Email.objects.all().delete()
    return person


def test_a_facilitator_vouches_for_a_person(unconfirmed, facilitator, team, mails):
    confirm_affiliation(unconfirmed, by=facilitator)
    unconfirmed.refresh_from_db()
    assert unconfirmed.affiliation_confirmed_by == facilitator
    assert last_line(unconfirmed) == (facilitator, "affiliation confirmed by a facilitator")
    assert membership_of(unconfirmed, team).is_active
    assert [mail.to for mail in mails()] == [["uma@mailbox.example"]]


def test_vouching_is_refused_when_it_is_done_already(unconfirmed, facilitator):
    confirm_affiliation(unconfirmed, by=facilitator)
    refused("already confirmed", confirm_affiliation, unconfirmed, by=facilitator)


def test_vouching_is_refused_for_an_organization_that_nobody_recognized(applicant, facilitator):
    refused("Recognize Lakeview Health first", confirm_affiliation, applicant, by=facilitator)


def test_vouching_is_refused_when_the_person_has_moved_on(
    unconfirmed, other_organization, facilitator
):
    Member.objects.filter(pk=unconfirmed.pk).update(organization=other_organization)
    refused("changed the organization meanwhile", confirm_affiliation, unconfirmed, by=facilitator)


def test_vouching_is_refused_without_an_organization_and_for_closed_accounts(closed, facilitator):
    homeless = make_member("h@mailbox.example")
    refused("Look again", confirm_affiliation, homeless, by=facilitator)
    refused("the account is closed", confirm_affiliation, closed, by=facilitator)


# Taking a confirmation back ------------------------------------------------------------------


def test_a_confirmation_is_taken_back_and_memberships_stay(member, facilitator, team, mails):
    unconfirm_affiliation(member, reason=" Moved\n away. ", by=facilitator)
    member.refresh_from_db()
    assert not member.is_affiliation_confirmed
    assert (member.affiliation_confirmed_via, member.affiliation_confirmed_by) == ("", None)
    assert member.organization.name == "Rush Example Hospital"
    assert last_line(member) == (facilitator, "affiliation confirmation taken back: Moved away.")
    assert membership_of(member, team).is_active
    assert mails() == []


def test_who_is_unconfirmed_names_another_employer_and_waits(
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


def test_the_mail_domain_confirms_again_on_the_next_join(member, facilitator, other_team):
    unconfirm_affiliation(member, reason="By mistake.", by=facilitator)
    member.refresh_from_db()
    join_teams(member, [other_team])
    member.refresh_from_db()
    assert member.affiliation_confirmed_via == "domain"
    assert membership_of(member, other_team).is_active


@pytest.mark.parametrize("reason", ["", " \n "])
def test_taking_back_is_refused_without_a_reason(member, facilitator, reason):
    refused("Give a reason", unconfirm_affiliation, member, reason=reason, by=facilitator)


def test_taking_back_is_refused_unless_confirmed_and_for_closed_accounts(
    unconfirmed, closed, member, facilitator
):
    step = {"reason": "Moved.", "by": facilitator}
    refused("is not confirmed", unconfirm_affiliation, unconfirmed, **step)
    refused("account is closed", unconfirm_affiliation, closed, **step)
    unconfirm_affiliation(member, **step)
    refused("is not confirmed", unconfirm_affiliation, member, **step)


def test_erasing_keeps_no_reason_that_tells_of_the_person(member, facilitator):
    unconfirm_affiliation(member, reason="Maria fell ill.", by=facilitator)
    anonymize_member(member)
    told = set(member.history.values_list("history_change_reason", flat=True))
    assert "affiliation confirmation taken back" in told
    assert not any("ill" in (line or "") for line in told)


# Profile and closing -----------------------------------------------------------------------


def test_a_member_changes_what_they_say_of_themselves(member):
    change_profile(member, full_name=" Maria\n M ", job_title="HR", shares_email=True)
    member.refresh_from_db()
    assert (member.full_name, member.job_title, member.shares_email) == ("Maria M", "HR", True)
    assert last_line(member) == (member, "changed by the member")


def test_an_unconfirmed_member_names_another_organization(applicant, organization):
    profile = {"full_name": "Wanda", "job_title": "", "shares_email": False}
    changed = change_profile(applicant, **profile, organization="Rush Example Hospital")
    assert changed.organization == organization
    assert not changed.is_affiliation_confirmed


def test_a_confirmed_member_does_not_change_the_organization(member, other_organization):
    profile = {"full_name": "Maria", "job_title": "", "shares_email": False}
    change_profile(member, **profile, organization="Loop Example Clinic")
    member.refresh_from_db()
    assert member.organization.name == "Rush Example Hospital"


def test_a_profile_that_leads_to_the_domain_opens_what_waited(organization, team, mails):
    person = make_member("x@rush.example", confirmed=False)
    join_teams(person, [team])
    profile = {"full_name": "Xenia", "job_title": "", "shares_email": False}
    change_profile(person, **profile, organization="Rush")
    assert membership_of(person, team).is_active
    assert len(mails()) == 2


def test_a_nameless_organization_in_the_profile_is_refused_as_a_whole(applicant):
    profile = {"full_name": "x", "job_title": "x", "shares_email": True}
    refused("at least one letter", change_profile, applicant, **profile, organization="...")


def test_the_last_administrator_cannot_close_the_account(administrator):
    refused("only administrator", anonymize_member, administrator)
    Member.objects.create_superuser("second@example.org")
    anonymize_member(administrator)
    administrator.refresh_from_db()
    assert not administrator.is_superuser
    last = Member.objects.get(email="second@example.org")
    refused("only administrator", anonymize_member, last)


def test_the_only_administrator_is_named_to_whoever_tries_for_them(administrator, facilitator):
    refused("Ada Admin is the only administrator", anonymize_member, administrator, by=facilitator)
