"""Colleagues: whom members can invite, what they learn, and which emails leave."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from post_office.models import STATUS, Email

from conftest import make_active_member, make_member
from members.models import Bounce, Member
from members.services import Refused, save_with_history
from teams.models import Invitation, InvitationRefusal
from teams.services import (
    close_account,
    complete_join,
    delete_old_invitations,
    invite,
    join_teams,
    leave_team,
    merge_members,
    move_member,
    personal_data,
    send_again,
)
from teams.services.colleague_invitations import (
    cancel_colleague_invitation,
    invitations_of,
    invite_colleague,
    invite_pasted,
    resend_invitation,
)
from teams.services.invitation_emails import note_delivered, why_not_to_invite
from teams.services.invitation_refusals import (
    address_hashes,
    hash_in,
    is_refused,
    refusal_url,
    refuse_invitations,
)
from teams.services.team_emails import why_not_to_send

Role = Invitation.Role
ADDRESS = "cora@lakeside.example"


def invited(by: Member, *teams, email: str = ADDRESS, note: str = "") -> Invitation:
    invite_colleague(email, teams, note, by=by)
    return Invitation.objects.get(email=email.lower(), invited_by=by, cancelled_at=None)


def email_of(invitation: Invitation) -> Email:
    return Email.objects.filter(team_email__invitation=invitation).latest("pk")


def deliver(invitation: Invitation) -> bool:
    """Do what the mail worker does with the newest email; return whether it left."""
    email = email_of(invitation)
    if why_not_to_send(email):
        email.delete()
        return False
    Email.objects.filter(pk=email.pk).update(status=STATUS.sent)
    note_delivered(email)
    return True


def age(invitation: Invitation, **since: int) -> None:
    """Let the last email of `invitation` be older."""
    invitation.refresh_from_db()
    past = timedelta(**since)
    delivered_at = invitation.delivered_at and invitation.delivered_at - past
    Invitation.objects.filter(pk=invitation.pk).update(
        sent_at=invitation.sent_at - past, delivered_at=delivered_at
    )


def join(email: str = ADDRESS, *teams, **more) -> Member:
    member, _ = complete_join(
        email,
        full_name="Cora Colleague",
        job_title="",
        organization="Lakeside Clinic",
        team_ids=[team.pk for team in teams],
        **more,
    )
    return member


# The email -----------------------------------------------------------------------------------


def test_invitation_says_who_invites_and_leads_to_the_form(member, team, other_team):
    invitation = invited(member, team, other_team, note="See you on Monday")
    email = email_of(invitation)
    assert email.to == [ADDRESS]
    assert email.subject == "Maria Member invites you to 2 teams"
    text = " ".join(email.message.split())
    for part in (
        "Maria Member of Rush Example Hospital invites you",
        "* Education: What Education is for.",
        "> See you on Monday",
        "Nothing happens unless you join",
        "/invited/",
        "Do not invite me again",
    ):
        assert part in text
    # What members share with teammates alone.
    assert member.email not in email.message + email.html_message
    assert email.headers["List-Unsubscribe"] == f"<{refusal_url(ADDRESS)}>"
    assert email.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    # After codes.
    assert email.priority == 0
    assert deliver(invitation)


@pytest.mark.parametrize("name", ["", "Win at evil.example"])
def test_invitation_names_nobody_whose_name_is_a_link(member, team, name):
    save_with_history(member, None, "for the test", full_name=name)
    email = email_of(invited(member, team))
    assert email.subject == "A member invites you to Education"
    assert "evil" not in email.message + email.html_message


# Whom one cannot invite ----------------------------------------------------------------------


def refusal(by: Member, *teams, email: str = ADDRESS) -> str:
    with pytest.raises(Refused) as refused:
        invite_colleague(email, teams, "", by=by)
    assert not Email.objects.exists()
    return str(refused.value)


def test_own_addresses_are_refused(administrator, member, colleague, team):
    merge_members(colleague, member, by=administrator)
    move_member(member, "maria@mail.rush.example")
    member.refresh_from_db()
    Email.objects.all().delete()
    for own in ("Maria+x@Mail.rush.example", "maria@rush.example", "colin@rush.example"):
        assert "your own address" in refusal(member, team, email=own)


def test_throwaway_address_is_refused(member, team):
    assert "throwaway" in refusal(member, team, email="x@mailinator.com")


def test_closed_team_is_refused(member, closed_team):
    assert "Not taking new members right now: Archive" in refusal(member, closed_team)


def test_person_without_a_team_cannot_invite(applicant, team, administrator):
    assert "once you are in a team" in refusal(applicant, team)
    invite_colleague(ADDRESS, [team], "", by=administrator)
    assert deliver(Invitation.objects.get())


def test_teammate_is_named_only_where_the_roster_shows_the_address(
    member, colleague, outsider, team, other_team
):
    Member.objects.update(shares_email=True)
    assert "is in Education already" in refusal(member, team, email=colleague.email)
    # In a team whose roster the member does not see.
    invited(member, other_team, email=outsider.email)
    Member.objects.update(shares_email=False)
    invited(member, team, email=colleague.email)


def test_facilitator_sees_who_is_in_the_team(facilitator, colleague, team):
    assert "is in Education already" in refusal(facilitator, team, email=colleague.email)


# The same answer -----------------------------------------------------------------------------


@pytest.fixture
def addresses(
    organization, administrator, member, colleague, outsider, applicant, team, other_team
) -> dict[str, str]:
    """One address for everything that there is to know about one."""
    bounced = make_active_member("bo@rush.example", organization, "Bo", other_team)
    Bounce.objects.create(member=bounced, address=bounced.email)
    closed = make_member("closed@rush.example", organization, "Closed")
    close_account(closed)
    held = make_member("held@rush.example", organization, "Held")
    Member.objects.filter(pk=held.pk).update(is_active=False, held_at=timezone.now())
    merged = make_member("old@rush.example", organization, "Colin Colleague")
    merge_members(merged, colleague, by=administrator)
    refuse_invitations(address_hashes("no@rush.example")[0])
    others = invited(outsider, team, email="others@rush.example")
    deliver(others)
    Email.objects.exclude(team_email__invitation=others).delete()
    return {
        "unknown": "new@rush.example",
        "teammate": colleague.email,
        "member of another team": outsider.email,
        "waiting": applicant.email,
        "bounced": bounced.email,
        "closed": "closed@rush.example",
        "held": held.email,
        "merged": "old@rush.example",
        "refused": "no@rush.example",
        "invited by others": "others@rush.example",
        "administrator": administrator.email,
    }


def test_inviter_gets_the_same_answer_and_list_and_only_welcome_emails_leave(
    member, team, addresses
):
    shown, work, sent = set(), set(), set()
    for kind, address in addresses.items():
        # The limit of a day is another test's.
        Invitation.history.all().delete()
        with CaptureQueriesContext(connection) as queries:
            assert invite_colleague(address, [team], "", by=member) is None
        work.add(len(queries))
        (line,) = invitations_of(member).filter(email=address)
        shown.add((line.is_joined, line.status_before_joining, line.sent_count))
        if deliver(line):
            sent.add(kind)
    assert shown == {(False, ("waiting", "Waiting"), 1)}
    assert len(work) == 1
    assert sent == {"unknown", "member of another team", "closed", "administrator"}


def test_member_is_invited_to_teams_that_they_are_not_in(member, outsider, team, other_team):
    assert not deliver(invited(member, other_team, email=outsider.email))
    cancel_colleague_invitation(Invitation.objects.get(), by=member)
    assert deliver(invited(member, team, other_team, email=outsider.email))
    # No second account.
    before = Member.objects.count()
    assert join(outsider.email, team) == outsider
    assert Member.objects.count() == before


# What becomes of it --------------------------------------------------------------------------


def test_joined_is_shown_to_who_shares_a_team(member, outsider, organization, team, other_team):
    ours, theirs = invited(member, team, other_team), invited(outsider, other_team)
    join("cora@rush.example", team, invitation=ours.pk)
    ours.refresh_from_db()
    assert ours.status == ("confirmed", "Accepted")
    assert invitations_of(member).get().is_joined
    join(ADDRESS, team)
    theirs.refresh_from_db()
    assert theirs.accepted_by.email == ADDRESS
    (shown,) = invitations_of(outsider)
    assert not shown.is_joined
    assert shown.status_before_joining == ("waiting", "Waiting")
    # All that one can do with an open one can be done with it, and no email leaves.
    age(theirs, days=2)
    resend_invitation(theirs, by=outsider)
    assert not deliver(theirs)
    with pytest.raises(Refused, match="invited this address already"):
        invite_colleague(ADDRESS, [other_team], "", by=outsider)
    cancel_colleague_invitation(theirs, by=outsider)
    with pytest.raises(Refused, match="already accepted"):
        resend_invitation(ours, by=member)


def test_joined_is_not_shown_while_the_request_waits(member, team):
    invited(member, team)
    assert join(ADDRESS, team).memberships.get().is_waiting
    assert Invitation.objects.get().accepted_at
    assert not invitations_of(member).get().is_joined


def test_joined_survives_a_merge(administrator, member, organization, team):
    invited(member, team, email="cora@rush.example")
    duplicate = join("cora@rush.example", team)
    retained = make_member("cora.c@rush.example", organization, "Cora Colleague")
    merge_members(duplicate, retained, by=administrator)
    assert invitations_of(member).get().is_joined


def test_one_press_of_a_member_accepts(member, outsider, team):
    invited(member, team, email=outsider.email)
    join_teams(outsider, [team])
    assert invitations_of(member).get().is_joined


@pytest.mark.parametrize("state", ["cancelled", "expired"])
def test_invitation_that_is_over_is_not_accepted(member, organization, team, state):
    invitation = invited(member, team, email="cora@rush.example")
    if state == "cancelled":
        cancel_colleague_invitation(invitation, by=member)
    else:
        age(invitation, days=31)
    join("cora@rush.example", team, invitation=invitation.pk)
    invitation.refresh_from_db()
    assert invitation.accepted_at is None
    assert not deliver(invitation)


def test_colleagues_token_gives_no_rights(member, team, administrator):
    invitation = invited(member, team)
    assert Invitation.objects.of_staff().with_token(invitation.token) is None
    staff = invite(ADDRESS, Role.ADMINISTRATOR, by=administrator)
    assert Invitation.objects.of_colleagues().with_token(staff.token) is None
    Invitation.objects.of_staff().delete()
    assert not join(ADDRESS, team).is_staff


# How often -----------------------------------------------------------------------------------


def test_resend_waits_a_day_and_ends_after_three(member, team):
    invitation = invited(member, team)
    with pytest.raises(Refused, match="less than a day ago"):
        resend_invitation(invitation, by=member)
    for _ in range(2):
        assert deliver(invitation)
        age(invitation, days=1)
        resend_invitation(invitation, by=member)
    assert deliver(invitation)
    age(invitation, days=1)
    with pytest.raises(Refused, match="was invited 3 times"):
        resend_invitation(invitation, by=member)
    # A new invitation does not change that.
    cancel_colleague_invitation(invitation, by=member)
    again = invited(member, team)
    age(again, days=9)
    assert not deliver(again)


def test_resend_of_an_expired_invitation_opens_it(member, team):
    invitation = invited(member, team)
    age(invitation, days=31)
    assert Invitation.objects.open().first() is None
    resend_invitation(invitation, by=member)
    assert Invitation.objects.open().get() == invitation


def test_only_own_invitations_are_changed(member, colleague, team):
    invitation = invited(member, team)
    age(invitation, days=2)
    for step in (resend_invitation, cancel_colleague_invitation):
        with pytest.raises(Refused):
            step(invitation, by=colleague)


def test_limit_of_a_day_counts_also_what_is_cancelled_or_gone(member, team, monkeypatch):
    monkeypatch.setattr("teams.services.colleague_invitations.MAX_INVITATIONS", 2)
    invitation = invited(member, team, email="new@rush.example")
    cancel_colleague_invitation(invitation, by=member)
    age(invited(member, team), days=2)
    Invitation.objects.filter(cancelled_at__isnull=False).delete()
    for step in (
        lambda: invite_colleague("more@rush.example", [team], "", by=member),
        lambda: resend_invitation(Invitation.objects.get(), by=member),
    ):
        with pytest.raises(Refused, match="2 people a day, and nobody more today"):
            step()
    versions = Invitation.history.filter(history_change_reason="invited")
    versions.update(history_date=timezone.now() - timedelta(days=1))
    invite_colleague("more@rush.example", [team], "", by=member)


def test_address_gets_one_email_a_week_and_three_in_all(organization, member, team):
    others = [
        make_active_member(f"m{number}@rush.example", organization, f"M {number}", team)
        for number in range(4)
    ]
    first = invited(member, team)
    assert deliver(first)
    left = []
    for other, days in zip(others, (4, 4, 8, 8), strict=True):
        invitation = invited(other, team)
        left.append(deliver(invitation))
        for each in Invitation.objects.all():
            age(each, days=days)
        if left == [False, False, True]:
            Invitation.objects.filter(pk=first.pk).update(delivered_count=2)
    assert left == [False, False, True, False]
    assert sum(each.delivered_count for each in Invitation.objects.all()) == 3


def test_tag_in_the_address_is_no_second_address(member, team):
    assert deliver(invited(member, team, email="cora@lakeside.example"))
    assert not deliver(invited(member, team, email="cora+a@lakeside.example"))
    assert deliver(invited(member, team, email="corabel@lakeside.example"))


def test_two_that_wait_to_be_sent_become_one(member, colleague, team):
    first, second = invited(member, team), invited(colleague, team)
    assert deliver(second)
    assert not deliver(first)


# Refusing ------------------------------------------------------------------------------------


def test_refusal_holds_for_the_mailbox_and_every_inviter(member, colleague, team):
    waiting = invited(member, team)
    token = refusal_url(ADDRESS).split("/")[-3]
    refuse_invitations(hash_in(token))
    assert not deliver(waiting)
    assert not deliver(invited(colleague, team, email="Cora+Teams@Lakeside.example"))
    assert is_refused("CORA@lakeside.example")
    assert not is_refused("dora@lakeside.example")
    stored = InvitationRefusal.objects.get()
    assert "cora" not in f"{stored.address_hash} {stored} {token}"


def test_refusal_outlives_a_change_of_the_key(settings, db):
    url = refusal_url(ADDRESS)
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "x" * 50, [old]
    refuse_invitations(hash_in(url.split("/")[-3]))
    assert is_refused(ADDRESS)
    settings.SECRET_KEY_FALLBACKS = []
    assert not is_refused(ADDRESS)
    assert hash_in(url.split("/")[-3]) is None


def test_administrator_learns_that_staff_refuse(administrator, facilitator, colleague, team):
    invitation = invite(ADDRESS, Role.ADMINISTRATOR, by=administrator)
    refuse_invitations(address_hashes(ADDRESS)[0])
    for step in (
        lambda: invite(ADDRESS, Role.FACILITATOR, by=administrator, team=team),
        lambda: send_again(invitation, by=administrator),
    ):
        with pytest.raises(Refused, match="asked not to be invited"):
            step()


# Many at once --------------------------------------------------------------------------------


def test_pasted_addresses_are_invited_but_for_who_is_there(facilitator, colleague, team):
    invited(facilitator, team, email="again@rush.example")
    addresses = [
        "again@rush.example", colleague.email, facilitator.email, "a@rush.example", "b@rush.example"
    ]  # fmt: skip
    assert invite_pasted(addresses, team, "Hello", by=facilitator) == 2
    new = Invitation.objects.filter(note="Hello")
    assert sorted(each.email for each in new) == ["a@rush.example", "b@rush.example"]
    assert all(list(each.teams.all()) == [team] for each in new)
    with pytest.raises(Refused, match="nobody new"):
        invite_pasted(addresses, team, "", by=facilitator)
    with pytest.raises(Refused, match="at most 100"):
        invite_pasted(
            [f"x{number}@rush.example" for number in range(101)], team, "", by=facilitator
        )


# People's data -------------------------------------------------------------------------------


def test_download_has_what_was_sent_and_what_came(member, outsider, team):
    invited(member, team, email=outsider.email, note="Hi")
    (sent,) = personal_data(member)["invited_colleagues"]
    assert (sent["address"], sent["teams"], sent["state"]) == (
        outsider.email,
        "Education",
        "Waiting",
    )
    (came,) = personal_data(outsider)["invitations"]
    assert (came["invited_by"], came["teams"], came["note"]) == ("Maria Member", "Education", "Hi")
    assert personal_data(outsider)["invited_colleagues"] == []
    # What the list does not tell, the file does not either.
    join_teams(outsider, [team])
    leave_team(outsider.memberships.get(team=team))
    assert personal_data(member)["invited_colleagues"][0]["state"] == "Waiting"


def test_closed_inviter_takes_open_invitations_along(member, organization, team):
    waiting = invited(member, team, note="Hi")
    joined = invited(member, team, email="cora@rush.example", note="Hi")
    join("cora@rush.example", team)
    close_account(member)
    assert not Invitation.objects.filter(pk=waiting.pk).exists()
    assert not Email.objects.filter(to=ADDRESS).exists()
    joined.refresh_from_db()
    assert (joined.email, joined.note) == (f"erased-{joined.pk}@closed.invalid", "")


def test_closed_account_takes_invitations_to_it_along(member, outsider, team):
    invited(member, team, email=outsider.email)
    close_account(outsider)
    assert not Invitation.objects.exists()
    assert not Email.objects.filter(team_email__invitation__isnull=False).exists()


def test_merged_inviter_keeps_the_list_and_the_count(
    administrator, member, colleague, team, monkeypatch
):
    monkeypatch.setattr("teams.services.colleague_invitations.MAX_INVITATIONS", 3)
    for number in range(2):
        invited(colleague, team, email=f"n{number}@rush.example")
    merge_members(colleague, member, by=administrator)
    invited(member, team)
    assert invitations_of(member).count() == 3
    with pytest.raises(Refused, match="3 people a day"):
        invite_colleague("more@rush.example", [team], "", by=member)
    cancel_colleague_invitation(Invitation.objects.get(email="n1@rush.example"), by=member)


def test_old_invitations_are_erased(member, organization, team):
    invited(member, team)
    joined = invited(member, team, email="cora@rush.example", note="Hi")
    join("cora@rush.example", team)
    for each in Invitation.objects.all():
        age(each, days=91)
    delete_old_invitations()
    (left,) = Invitation.objects.all()
    assert left == joined
    assert (left.email, left.note) == (f"erased-{left.pk}@closed.invalid", "")
    assert not invitations_of(member).exists()


def test_reason_not_to_invite_is_in_words(member, team):
    invitation = invited(member, team)
    assert why_not_to_invite(invitation) == ""
    leave_team(member.memberships.get())
    assert why_not_to_invite(invitation) == "the inviter may no longer invite"


def test_invitation_to_a_team_that_closed_since_does_not_leave(member, team):
    invitation = invited(member, team)
    team.join_policy = "closed"
    team.save()
    assert not deliver(invitation)
