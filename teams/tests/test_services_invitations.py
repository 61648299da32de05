"""Invitations: what they give, to whom, and for how long."""

from datetime import timedelta

import pytest
from django.utils import timezone

from conftest import make_member
from members.models import Member, Organization
from members.services import Refused, record_bounce
from teams.models import Invitation
from teams.services import (
    accept_invitations,
    cancel_invitation,
    close_account,
    complete_join,
    delete_old_invitations,
    invite,
    invite_member,
    merge_members,
    move_member,
    personal_data,
    send_again,
)

Role = Invitation.Role
ADDRESS = "ines@collaborative.example"


def join(email: str = ADDRESS) -> Member:
    member, _ = complete_join(email, full_name="Ines Invited", job_title="", team_ids=[])
    return member


def test_invited_facilitator_gets_the_desk_of_the_team(
    administrator, facilitator, team, other_team, queued_emails
):
    invitation = invite(ADDRESS, Role.FACILITATOR, by=administrator, team=team, note="Welcome!")
    member = join()
    assert member.is_staff
    assert not member.is_superuser
    assert set(team.facilitators.all()) == {facilitator, member}
    assert not other_team.facilitators.exists()
    invitation.refresh_from_db()
    assert (invitation.accepted_by, invitation.status[1]) == (member, "Accepted")
    assert queued_emails()[-1].subject == "You are now a facilitator of Education"


def test_invited_administrator_becomes_one(administrator):
    invite(ADDRESS.upper(), Role.ADMINISTRATOR, by=administrator)
    member = join()
    assert (member.is_staff, member.is_superuser) == (True, True)
    # Nobody had to say for whom an administrator works.
    assert not Organization.objects.exists()


def test_invitation_works_for_an_account_that_is_there(administrator, member, team):
    invite(member.email, Role.FACILITATOR, by=administrator, team=team)
    assert join(member.email) == member
    assert team.facilitators.get() == member


def test_invitation_is_for_its_address_and_once(administrator, team, organization):
    invite(ADDRESS, Role.FACILITATOR, by=administrator, team=team)
    assert not join("ines@rush.example").is_staff
    member = join()
    team.facilitators.clear()
    assert accept_invitations(member, ADDRESS) == []
    assert not team.facilitators.exists()


@pytest.mark.parametrize(
    "settled", ["cancelled", "expired", "inviter gone", "inviter no longer one"]
)
def test_invitation_that_no_longer_counts_gives_nothing(administrator, team, organization, settled):
    invitation = invite("ines@rush.example", Role.FACILITATOR, by=administrator, team=team)
    if settled == "cancelled":
        cancel_invitation(invitation, by=administrator)
    elif settled == "expired":
        old = timezone.now() - timedelta(days=30, seconds=1)
        Invitation.objects.update(sent_at=old)
    elif settled == "inviter gone":
        Member.objects.filter(pk=administrator.pk).update(is_active=False)
    else:
        Member.objects.filter(pk=administrator.pk).update(is_superuser=False)
    assert not join("ines@rush.example").is_staff
    assert not team.facilitators.exists()


def test_invitation_is_sent_three_times_at_most(administrator, team, queued_emails):
    invitation = invite(ADDRESS, Role.FACILITATOR, by=administrator, team=team)
    send_again(invitation, by=administrator)
    # To the same: the same invitation, not a second one.
    assert invite(ADDRESS, Role.FACILITATOR, by=administrator, team=team).pk == invitation.pk
    assert len(queued_emails()) == 3
    with pytest.raises(Refused, match="was invited 3 times"):
        send_again(invitation, by=administrator)
    cancel_invitation(invitation, by=administrator)
    for step in (send_again, cancel_invitation):
        with pytest.raises(Refused, match="already accepted or cancelled"):
            step(invitation, by=administrator)
    assert len(queued_emails()) == 3


def test_imported_person_is_invited_until_the_first_sign_in(facilitator, colleague, queued_emails):
    invitation = invite_member(colleague, by=facilitator)
    (email,) = queued_emails()
    assert email.to == [colleague.email]
    assert "Education" in email.message
    assert invitation.invited_by == facilitator
    Member.objects.filter(pk=colleague.pk).update(last_login=timezone.now())
    with pytest.raises(Refused, match="has already signed in"):
        invite_member(colleague, by=facilitator)


def test_imported_person_is_not_invited_where_emails_came_back(
    facilitator, colleague, queued_emails
):
    invitation = invite_member(colleague, by=facilitator)
    record_bounce(colleague, colleague.email, "5.1.1")
    for step in (
        lambda: invite_member(colleague, by=facilitator),
        lambda: send_again(invitation, by=facilitator),
    ):
        with pytest.raises(Refused, match="came back. Nothing was sent"):
            step()
    assert len(queued_emails()) == 1


def test_invitation_of_a_member_gives_no_rights(facilitator, colleague):
    invite_member(colleague, by=facilitator)
    assert accept_invitations(colleague, colleague.email) == []
    assert not colleague.is_staff


def test_old_invitations_are_deleted(administrator, team):
    accepted = invite(ADDRESS, Role.FACILITATOR, by=administrator, team=team)
    join()
    old = invite("old@rush.example", Role.ADMINISTRATOR, by=administrator)
    invite("new@rush.example", Role.ADMINISTRATOR, by=administrator)
    before = timezone.now() - timedelta(days=91)
    Invitation.objects.filter(pk__in=[accepted.pk, old.pk]).update(sent_at=before)
    delete_old_invitations()
    assert {each.email for each in Invitation.objects.all()} == {ADDRESS, "new@rush.example"}


def test_token_is_the_invitations_own(administrator, team):
    invitation = invite(ADDRESS, Role.FACILITATOR, by=administrator, team=team)
    assert Invitation.objects.with_token(invitation.token) == invitation
    for token in ("", "1", invitation.token[:-1], f"{invitation.token}x"):
        assert Invitation.objects.with_token(token) is None


def test_closed_account_takes_its_invitations_along(administrator, team):
    invite(ADDRESS, Role.FACILITATOR, by=administrator, team=team)
    close_account(join())
    assert not Invitation.objects.exists()


def test_account_that_moved_or_was_merged_takes_its_invitations_along(
    administrator, member, colleague, outsider, team, other_team
):
    invite(colleague.email, Role.FACILITATOR, by=administrator, team=other_team)
    merge_members(colleague, member, by=administrator)
    invite(member.email, Role.FACILITATOR, by=administrator, team=team)
    assert join(member.email) == member
    for address in ("maria@loop.example", "maria@mailbox.example"):
        member = Member.objects.get(pk=member.pk)
        invite(member.email, Role.MEMBER, by=administrator)
        move_member(member, address, organization_name="Rush Example Hospital")
    others = invite(outsider.email, Role.FACILITATOR, by=administrator, team=team)
    member = Member.objects.get(pk=member.pk)
    assert len(personal_data(member)["invitations"]) == 4
    # Someone else has this mailbox now.
    make_member("maria@loop.example")
    assert len(personal_data(member)["invitations"]) == 3
    close_account(member)
    assert {each.email for each in Invitation.objects.all()} == {
        others.email,
        "maria@loop.example",
    }


def test_invitation_to_a_merged_address_works_for_the_account_that_goes_on(
    administrator, member, colleague, team
):
    invite(colleague.email, Role.FACILITATOR, by=administrator, team=team)
    merge_members(colleague, member, by=administrator)
    assert join("colin@rush.example") == member
    assert team.facilitators.get() == member


def test_unknown_account_is_asked_for_nothing_more(administrator):
    assert make_member(ADDRESS).organization is None
    invite(ADDRESS, Role.ADMINISTRATOR, by=administrator)
    assert join().is_superuser
