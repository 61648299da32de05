"""What is decided about organizations and affiliations, and what follows: all of it or nothing."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from post_office.models import Email

from conftest import make_member, membership_of
from members.models import Member, Organization
from members.services import OrganizationData, unconfirm_affiliation
from members.tests.steps import everything_stored, refused
from teams.models import Membership
from teams.services import (
    MemberData,
    Recognition,
    add_domain,
    add_member,
    add_organization,
    change_profile,
    confirm_affiliation,
    decline_organization,
    import_members,
    import_organizations,
    join_teams,
    lock_accounts,
    merge_organizations,
    recognize_organization,
    refuse_undo_if_built_upon,
    set_affiliation,
)
from teams.services.recognition import activate_requests_of_open_teams


@pytest.fixture
def unconfirmed(organization, team) -> Member:
    """Named a recognized organization; nobody has confirmed that; the request for `team` waits."""
    person = make_member("uma@mailbox.example", organization, "Uma", confirmed=False)
    join_teams(person, [team])
    Email.objects.all().delete()
    return person


# What is returned ---------------------------------------------------------------------------------


def test_recognize_organization_returns_whom_it_confirms_and_what_it_opens(
    applicant, proposed_organization, team, approval_team, facilitator
):
    idle = make_member("idle@lakeview.example", proposed_organization, confirmed=False)
    join_teams(applicant, [approval_team])
    recognition = recognize_organization(
        proposed_organization, domain="lakeview.example", by=facilitator
    )
    assert recognition == Recognition([applicant, idle], [membership_of(applicant, team)])
    assert membership_of(applicant, approval_team).is_waiting


def test_recognize_organization_returns_nothing_of_others(
    applicant, unconfirmed, proposed_organization, administrator
):
    recognition = recognize_organization(proposed_organization, by=administrator)
    assert recognition.confirmed == [applicant]
    assert {membership.member for membership in recognition.opened} == {applicant}


def test_confirm_affiliation_returns_what_it_opens(unconfirmed, team, facilitator):
    recognition = confirm_affiliation(unconfirmed, by=facilitator)
    assert recognition == Recognition([unconfirmed], [membership_of(unconfirmed, team)])
    assert recognition.opened[0].is_active


def test_add_domain_returns_whom_it_confirms_and_what_it_opens(
    applicant, organization, team, facilitator
):
    recognition = add_domain(organization, domain="lakeview.example", by=facilitator)
    assert recognition == Recognition([applicant], [membership_of(applicant, team)])


def test_add_domain_of_a_proposed_organization_opens_nothing(
    applicant, proposed_organization, team, facilitator
):
    recognition = add_domain(proposed_organization, domain="lakeview.example", by=facilitator)
    assert recognition == Recognition([], [])
    assert membership_of(applicant, team).is_waiting


def test_merge_organizations_returns_whom_it_confirms_and_what_it_opens(
    applicant, proposed_organization, organization, team, administrator
):
    recognition = merge_organizations(
        proposed_organization, organization, domain="lakeview.example", by=administrator
    )
    assert recognition == Recognition([applicant], [membership_of(applicant, team)])


def test_decline_organization_returns_the_declined_requests(
    applicant, proposed_organization, team, other_team, facilitator
):
    join_teams(applicant, [other_team])
    declined = decline_organization(proposed_organization, reason=" No. ", by=facilitator)
    assert {(each.team, each.status, each.reason) for each in declined} == {
        (team, "declined", "No."),
        (other_team, "declined", "No."),
    }


def test_add_organization_opens_what_waits_at_its_domain(applicant, team, administrator):
    added = add_organization("Lakeview Hospital", domains=["lakeview.example"], by=administrator)
    applicant.refresh_from_db()
    assert applicant.organization == added
    assert membership_of(applicant, team).is_active


def test_import_organizations_opens_what_waits_for_them(
    applicant, proposed_organization, team, administrator
):
    with transaction.atomic():
        result, opened = import_organizations(
            [OrganizationData(proposed_organization.name, [])], by=administrator
        )
    assert (result.errors, result.confirmed) == ([], [applicant])
    assert opened == [membership_of(applicant, team)]


def test_set_affiliation_by_domain_opens_what_had_been_requested(organization, team, queued_emails):
    person = make_member("x@rush.example", organization, confirmed=False)
    join_teams(Member(pk=person.pk), [team])  # as if the domain had not been known
    stored = set_affiliation(person, "x")
    assert stored.is_affiliation_confirmed
    assert membership_of(person, team).is_active
    assert [email.subject for email in queued_emails()][1:] == ["You joined Education"]


def test_set_affiliation_by_name_opens_nothing(
    unconfirmed, other_organization, team, queued_emails
):
    stored = set_affiliation(unconfirmed, other_organization.name)
    assert stored.organization == other_organization
    assert membership_of(unconfirmed, team).is_waiting
    assert queued_emails() == []


def test_set_affiliation_that_is_confirmed_already_sends_no_email(
    member, approval_team, queued_emails
):
    join_teams(member, [approval_team])
    before = len(queued_emails())
    set_affiliation(member, "x")
    assert len(queued_emails()) == before


def test_change_profile_with_a_known_domain_opens_what_waited(organization, team, queued_emails):
    person = make_member("x@rush.example", confirmed=False)
    join_teams(person, [team])
    profile = {"full_name": "Xenia", "job_title": "", "shares_email": False}
    change_profile(person, **profile, organization="Rush")
    assert membership_of(person, team).is_active
    assert len(queued_emails()) == 2


def test_open_requests_leaves_teams_by_approval(member, approval_team, facilitator):
    join_teams(member, [approval_team])
    assert (
        activate_requests_of_open_teams([membership_of(member, approval_team)], by=facilitator)
        == []
    )
    assert membership_of(member, approval_team).is_waiting


# Where memberships come from ----------------------------------------------------------------------


def test_origin_of_a_membership_that_was_joined_or_requested(applicant, member, team):
    assert membership_of(member, team).origin == Membership.Origin.REQUESTED
    assert membership_of(applicant, team).origin == Membership.Origin.REQUESTED


def test_origin_of_a_membership_that_a_facilitator_added(organization, team, facilitator):
    nora = {"full_name": "Nora", "organization": organization, "team": team, "by": facilitator}
    assert add_member("nora@rush.example", **nora).origin == Membership.Origin.ADDED


def test_origin_of_a_request_that_is_approved_by_adding_stays(
    applicant, organization, team, facilitator
):
    added = add_member(
        applicant.email, full_name="", organization=organization, team=team, by=facilitator
    )
    assert (added.origin, added.status) == (Membership.Origin.REQUESTED, "active")


def test_origin_of_memberships_from_a_file(
    organization, applicant, team, other_team, administrator
):
    rows = [
        MemberData("nora@rush.example", "Nora", "", organization, [team]),
        MemberData(applicant.email, "", "", organization, [team, other_team]),
    ]
    with transaction.atomic():
        import_members(rows, lock_accounts(row.email for row in rows), by=administrator)
    nora = Member.objects.get(email="nora@rush.example")
    assert membership_of(nora, team).origin == Membership.Origin.IMPORTED
    assert membership_of(applicant, other_team).origin == Membership.Origin.IMPORTED
    assert membership_of(applicant, team).origin == Membership.Origin.REQUESTED


def test_answered_counts_requests_that_a_person_decided(
    member, applicant, organization, team, other_team, facilitator
):
    nora = {"full_name": "Nora", "organization": organization, "by": facilitator}
    add_member("nora@rush.example", **nora, team=team)
    add_member(applicant.email, **nora, team=team)
    now = timezone.now()
    day = timedelta(days=1)
    answered = Membership.objects.answered(now - day, now + day)
    assert list(answered) == [membership_of(applicant, team)]


# All or nothing -----------------------------------------------------------------------------------


@pytest.fixture
def unreachable(proposed_organization, team) -> Member:
    """Waits, and cannot be sent an email: so the half of the teams fails after that of members."""
    person = make_member("a;b@lakeview.example", proposed_organization, "Abe", confirmed=False)
    Membership.objects.create(member=person, team=team)
    return person


def fails_as_a_whole(step, *args, **kwargs) -> None:
    before = everything_stored()
    with pytest.raises(ValueError, match="one plain address"):
        step(*args, **kwargs)
    assert everything_stored() == before


def test_recognize_organization_is_taken_back_when_the_requests_fail(
    unreachable, applicant, proposed_organization, administrator
):
    by = {"by": administrator}
    fails_as_a_whole(recognize_organization, proposed_organization, **by)
    fails_as_a_whole(decline_organization, proposed_organization, reason="No.", **by)


def test_add_organization_and_domain_are_taken_back_when_the_requests_fail(
    unreachable, organization, proposed_organization, administrator
):
    by = {"by": administrator}
    fails_as_a_whole(add_organization, "Kappa", domains=["lakeview.example"], **by)
    fails_as_a_whole(add_domain, organization, domain="lakeview.example", **by)
    domain = {"domain": "lakeview.example", "by": administrator}
    fails_as_a_whole(merge_organizations, proposed_organization, organization, **domain)


def test_confirm_affiliation_is_taken_back_when_the_requests_fail(
    unreachable, organization, administrator
):
    Member.objects.filter(pk=unreachable.pk).update(organization=organization)
    unreachable.refresh_from_db()
    fails_as_a_whole(confirm_affiliation, unreachable, by=administrator)


def test_change_profile_is_refused_as_a_whole(applicant):
    profile = {"full_name": "x", "job_title": "x", "shares_email": True}
    refused("at least one letter", change_profile, applicant, **profile, organization="...")


# Undo ---------------------------------------------------------------------------------------------


def test_undo_is_refused_when_a_member_joined_since(member, team, administrator):
    since = timezone.now() - timedelta(minutes=1)
    words = "Maria Member became a member of Education since. Undo or end that first"
    unconfirm_affiliation(member, reason="Undone.", by=administrator)
    refused(words, refuse_undo_if_built_upon, [member], [], since, administrator)


def test_undo_is_refused_when_another_person_was_confirmed_since(
    member, organization, administrator
):
    Organization.objects.filter(pk=organization.pk).update(status="proposed")
    organization.refresh_from_db()
    words = "Maria Member was confirmed for Rush Example Hospital since"
    refused(words, refuse_undo_if_built_upon, [], [organization], timezone.now(), administrator)


def test_undo_is_allowed_when_nothing_was_built_upon_it(
    member, applicant, organization, proposed_organization, administrator
):
    people, organizations = [member, applicant], [organization, proposed_organization]
    now = timezone.now()
    assert refuse_undo_if_built_upon(people, organizations, now, administrator) is None
