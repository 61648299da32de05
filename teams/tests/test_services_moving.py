"""Moving to another address: what follows, who is told, and who decides when one is objected to."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.utils import timezone

from conftest import appoint, make_member, make_membership, membership_of
from members.history.decisions import create_decision
from members.models import Member, Move, Organization
from members.services import EmployerUnknownError, Refused
from members.services.moving import emails_to
from teams.actions import process_decision
from teams.models import CalendarKey, Membership
from teams.services import (
    add_member,
    approve_move,
    close_account,
    confirm_affiliation,
    decline_move,
    join_teams,
    keep_move,
    merge_members,
    move_member,
    object_to_move,
    personal_data,
    recognize_organization,
    request_move,
    return_account,
    seen_former_addresses,
    visible_keys,
    waiting_for,
    withdraw_request,
)
from teams.services.calendar_keys import new_calendar_key
from teams.services.moving import MAX_REQUEST_EMAILS_A_DAY

REASON = "We spoke on the phone."


def stored(member: Member) -> Member:
    return Member.objects.select_related("organization").get(pk=member.pk)


def moved(member: Member, email: str = "maria@loop.example", organization_name: str = "") -> Move:
    """Move `member`, and return the move."""
    move_member(stored(member), email, organization_name=organization_name)
    return Move.objects.latest("pk")


def requested(member: Member, email: str = "maria@loop.example", employer: str = "") -> Move:
    """Return what someone asked for who cannot read the mailbox of `member`."""
    details = {"full_name": "Maria Member", "organization_name": employer, "note": "Call 5-1234."}
    request_move(member.email, email, **details)
    return Move.objects.latest("pk")


def addressees(queued_emails) -> list[tuple[str, str]]:
    return [(email.to[0], email.subject) for email in queued_emails()]


# Moving ------------------------------------------------------------------------------------


def test_move_member_keeps_memberships_and_dates(member, team, other_organization, queued_emails):
    began = membership_of(member, team)
    since = member.date_joined
    (membership,) = move_member(member, "maria@loop.example")
    person = stored(member)
    assert (person.email, person.organization) == ("maria@loop.example", other_organization)
    assert person.affiliation_confirmed_via == "domain"
    assert person.date_joined == since
    assert membership.pk == began.pk
    assert (membership.status, membership.decided_at) == ("active", began.decided_at)
    assert addressees(queued_emails) == [
        ("maria@loop.example", "Your account has a new address"),
        ("maria@rush.example", "You can no longer sign in with this address"),
    ]
    # The old address never learns the new one.
    notice = queued_emails()[1]
    for part in (notice.subject, notice.message, notice.html_message):
        assert "loop.example" not in part
        assert "Loop" not in part


@pytest.mark.both_databases
def test_move_member_to_an_unknown_employer_waits_until_it_is_recognized(
    member, team, administrator
):
    began = membership_of(member, team)
    (membership,) = move_member(member, "maria@harbor.example", organization_name="Harbor Care")
    waiting = membership_of(member, team)
    assert waiting.pk == began.pk == membership.pk
    assert (waiting.status, waiting.decided_at) == ("requested", began.decided_at)
    assert waiting.waits_again
    assert not waiting.is_late
    assert not team.roster_visible_to(stored(member))

    harbor = Organization.objects.get(name="Harbor Care")
    recognize_organization(harbor, domain="harbor.example", by=administrator)
    again = membership_of(member, team)
    assert (again.pk, again.status) == (began.pk, "active")
    assert (again.decided_at, again.decided_by) == (began.decided_at, began.decided_by)
    assert team.roster_visible_to(stored(member))
    statuses = list(again.history.order_by("history_id").values_list("status", flat=True))
    assert statuses == ["active", "requested", "active"]


def test_move_member_waits_for_a_known_employer_that_the_address_does_not_show(
    member, team, other_organization, facilitator
):
    move_member(member, "maria@mailbox.example", organization_name="Loop Example Clinic")
    person = stored(member)
    assert person.organization == other_organization
    assert not person.is_affiliation_confirmed
    assert membership_of(member, team).waits_for == "affiliation"
    confirm_affiliation(person, by=facilitator)
    assert membership_of(member, team).is_active


@pytest.mark.parametrize("policy", ["approval", "closed"])
def test_move_member_is_active_again_in_teams_that_nobody_joins_at_once(
    member, approval_team, administrator, policy
):
    make_membership(member, approval_team, Membership.Status.ACTIVE)
    approval_team.join_policy = policy
    approval_team.save()
    move_member(member, "maria@harbor.example", organization_name="Harbor Care")
    assert membership_of(member, approval_team).waits_again
    recognize_organization(Organization.objects.get(name="Harbor Care"), by=administrator)
    assert membership_of(member, approval_team).is_active


def test_move_member_opens_what_waited_for_the_employer(applicant, team, organization):
    move_member(applicant, "wanda@rush.example")
    assert membership_of(applicant, team).is_active
    assert stored(applicant).organization == organization


def test_move_member_within_an_employer_changes_the_address_alone(member, team, organization):
    confirmed_at = member.affiliation_confirmed_at
    move_member(member, "maria@mail.rush.example")
    person = stored(member)
    assert (person.organization, person.affiliation_confirmed_at) == (organization, confirmed_at)
    assert membership_of(member, team).is_active


@pytest.mark.parametrize(
    ("old", "name", "stays"),
    [
        # A facilitator knew without the address.
        ("pat@mailbox.example", "rush example hospital", True),
        # What the address showed is over with it.
        ("pat@rush.example", "Rush Example Hospital", False),
        ("pat@mailbox.example", "Loop Example Clinic", False),
    ],
)
def test_move_member_keeps_a_confirmation_that_did_not_rest_on_the_address(
    organization, other_organization, team, old, name, stays
):
    member = make_member(old, organization, "Pat Private")
    Member.objects.filter(pk=member.pk).update(affiliation_confirmed_via="facilitator")
    make_membership(member, team, Membership.Status.ACTIVE)
    move_member(stored(member), "pat@elsewhere.example", organization_name=name)
    assert stored(member).is_affiliation_confirmed == stays
    assert membership_of(member, team).is_active == stays


def test_move_member_refuses_a_missing_employer(member):
    with pytest.raises(EmployerUnknownError):
        move_member(member, "maria@mailbox.example")
    assert stored(member).email == "maria@rush.example"


@pytest.mark.both_databases
def test_move_member_refuses_an_address_with_an_account(member, colleague, outsider):
    for email in ("colin@rush.example", "olga@loop.example"):
        with pytest.raises(Refused, match="Another account has this address"):
            move_member(member, email)


def test_move_member_refuses_an_account_on_hold_and_a_closed_one(
    member, colleague, other_organization
):
    object_to_move(moved(member))
    with pytest.raises(Refused, match="on hold"):
        move_member(stored(member), "maria@rush.example")
    close_account(colleague)
    with pytest.raises(Refused, match="closed"):
        move_member(stored(colleague), "colin@loop.example")


def test_move_member_takes_the_address_of_an_account_that_was_merged_into_it(
    member, colleague, administrator
):
    merge_members(colleague, member, by=administrator)
    move_member(stored(member), "colin@rush.example")
    assert Member.objects.account_of("colin@rush.example") == member
    assert Member.objects.account_of("maria@rush.example") is None


def test_join_teams_refuses_a_member_who_has_just_moved(applicant, other_team, organization):
    before = Member.objects.get(pk=applicant.pk)
    move_member(applicant, "wanda@mailbox.example", organization_name="Harbor Care")
    with pytest.raises(Refused, match="just changed"):
        join_teams(before, [other_team])


def test_withdraw_request_that_waits_since_a_move_keeps_when_it_began(member, team):
    since = membership_of(member, team).decided_at
    move_member(member, "maria@harbor.example", organization_name="Harbor Care")
    membership = withdraw_request(membership_of(member, team))
    assert (membership.status, membership.decided_at) == ("withdrawn", since)


# The former address ------------------------------------------------------------------------


def test_former_address_may_become_that_of_another_person(
    member, other_organization, organization, team, queued_emails
):
    EmailAddress.objects.create(user=member, email=member.email, verified=True, primary=True)
    move = moved(member)
    assert Move.objects.at_former_address("maria@rush.example") == move
    newcomer = make_member("maria@rush.example", organization, "Mario Newcomer")
    EmailAddress.objects.create(user=newcomer, email=newcomer.email, verified=True, primary=True)
    assert Member.objects.account_of("maria@rush.example") == newcomer
    assert Move.objects.at_former_address("maria@rush.example") is None
    # Each has the emails of their own time.
    join_teams(newcomer, [team])
    assert [email.subject for email in emails_to(newcomer)] == ["You joined Education"]
    assert [email.to[0] for email in emails_to(stored(member))] == [
        "maria@loop.example",
        "maria@rush.example",
    ]
    close_account(stored(member))
    assert [email.subject for email in emails_to(newcomer)] == ["You joined Education"]


def test_close_account_erases_moves(member, other_organization, queued_emails):
    moved(member)
    close_account(stored(member))
    assert not Move.objects.exists()
    assert not Move.history.exists()
    assert addressees(queued_emails) == [("maria@loop.example", "Your account is closed")]


def test_close_account_erases_what_decisions_said_of_moves(member, facilitator):
    move = requested(member)
    decision = create_decision(
        Move,
        "decline",
        title="Decline",
        keys=[move.pk],
        form_data={"reason": REASON},
        can_be_undone=True,
        by=facilitator,
    )
    process_decision(decision, seconds=5)
    assert "Maria" in decision.items.get().result_message
    close_account(stored(member))
    item = decision.items.select_related("decision").get()
    assert (item.changes, item.result_message, item.decision.form_data) == ([], "", {})


def test_personal_data_names_moves_but_no_address_that_the_account_never_had(
    member, other_organization
):
    moved(member)
    requested(stored(member), "stranger@mailbox.example", "Somewhere")
    data = personal_data(stored(member))
    assert [move["old_address"] for move in data["moves"]] == [
        "maria@rush.example",
        "maria@loop.example",
    ]
    assert data["moves"][0]["new_address"] == "maria@loop.example"
    assert "stranger" not in str(data)


# Objecting ---------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_object_to_move_holds_the_account_and_gives_nothing_back(
    member, team, other_organization, client_for, queued_emails
):
    browser = client_for(member)
    move = object_to_move(moved(member))
    person = stored(member)
    assert move.is_held
    assert (person.is_held, person.is_active) == (True, False)
    assert person.email == "maria@loop.example"
    assert membership_of(member, team).is_active
    assert browser.get("/my/").status_code == 302
    assert addressees(queued_emails)[-1] == ("maria@loop.example", "Your account is on hold")
    before = len(queued_emails())
    object_to_move(move)
    assert len(queued_emails()) == before


def test_object_to_move_is_over_after_seven_days(member, other_organization):
    move = moved(member)
    for days, is_open in ((7, False), (6, True)):
        Move.objects.update(changed_at=timezone.now() - timedelta(days=days))
        object_to_move(Move.objects.get())
        assert stored(member).is_held == is_open
    assert object_to_move(move).is_held


def test_keep_move_opens_the_account(member, other_organization, facilitator, queued_emails):
    move = object_to_move(moved(member))
    with pytest.raises(Refused, match="Give a reason"):
        keep_move(move, reason=" ", by=facilitator)
    move = keep_move(Move.objects.get(), reason=REASON, by=facilitator)
    person = stored(member)
    assert (person.is_held, person.is_active) == (False, True)
    assert person.email == "maria@loop.example"
    assert [to for to, _ in addressees(queued_emails)[-2:]] == [
        "maria@loop.example",
        "maria@rush.example",
    ]
    # The link is spent.
    assert not object_to_move(move).is_held
    for decide in (keep_move, return_account):
        with pytest.raises(Refused, match="already been decided"):
            decide(move, reason=REASON, by=facilitator)


@pytest.mark.both_databases
def test_return_account_restores_address_employer_and_memberships(
    member, team, organization, facilitator, queued_emails
):
    began = membership_of(member, team)
    move = moved(member, "thief@mailbox.example", "Harbor Care")
    Authenticator.objects.create(user=member, type="totp", data={})
    moved(member, "thief@elsewhere.example", "Harbor Care")
    new_calendar_key(member)
    object_to_move(move)
    return_account(Move.objects.get(pk=move.pk), reason=REASON, by=facilitator)
    person = stored(member)
    assert not CalendarKey.objects.exists()
    assert (person.email, person.organization) == ("maria@rush.example", organization)
    assert (person.is_active, person.is_held) == (True, False)
    assert person.is_affiliation_confirmed
    again = membership_of(member, team)
    assert (again.pk, again.status, again.decided_at) == (began.pk, "active", began.decided_at)
    # Nothing of who had it in between signs in.
    assert not Authenticator.objects.filter(user=member).exists()
    assert set(Move.objects.values_list("state", flat=True)) == {"returned"}
    assert Move.objects.at_former_address("thief@mailbox.example") is None
    assert [to for to, _ in addressees(queued_emails)[-2:]] == [
        "maria@rush.example",
        "thief@elsewhere.example",
    ]


def test_return_account_restores_what_a_facilitator_had_confirmed(organization, team, facilitator):
    member = make_member("pat@mailbox.example", organization, "Pat Private")
    make_membership(member, team, Membership.Status.ACTIVE)
    move = moved(member, "thief@elsewhere.example", "Harbor Care")
    object_to_move(move)
    return_account(Move.objects.get(), reason=REASON, by=facilitator)
    assert stored(member).is_affiliation_confirmed
    assert membership_of(member, team).is_active


def test_return_account_takes_back_later_moves_that_were_asked_for_before(
    member, organization, other_organization, administrator
):
    asked = requested(member, "maria@mailbox.example", "Rush Example Hospital")
    move = moved(member)
    approve_move(asked, by=administrator)
    object_to_move(move)
    return_account(move, reason=REASON, by=administrator)
    asked.refresh_from_db()
    assert asked.state == "returned"
    # The address in between, which was told of the later move, holds nothing.
    object_to_move(asked)
    assert stored(member).is_active


def test_return_account_refuses_an_address_that_is_taken(
    member, organization, other_organization, facilitator
):
    object_to_move(moved(member))
    make_member("maria@rush.example", organization, "Mario Newcomer")
    with pytest.raises(Refused, match="Another account has this address"):
        return_account(Move.objects.get(), reason=REASON, by=facilitator)
    assert stored(member).is_held
    assert Move.objects.get().is_held


def test_account_stays_on_hold_until_each_objection_is_decided(
    member, other_organization, facilitator
):
    first, second = moved(member), moved(member, "maria@mail.loop.example")
    object_to_move(first)
    assert stored(member).is_held
    object_to_move(second)
    keep_move(Move.objects.get(pk=second.pk), reason=REASON, by=facilitator)
    assert stored(member).is_held
    keep_move(Move.objects.get(pk=first.pk), reason=REASON, by=facilitator)
    assert not stored(member).is_held


def test_keep_move_opens_the_account_that_it_was_merged_into(
    member, colleague, other_organization, administrator
):
    move = moved(member)
    Member.objects.filter(pk=colleague.pk).update(organization=other_organization)
    merge_members(stored(member), stored(colleague), by=administrator)
    object_to_move(move)
    assert stored(colleague).is_held
    with pytest.raises(Refused, match="merged"):
        return_account(Move.objects.get(), reason=REASON, by=administrator)
    keep_move(Move.objects.get(), reason=REASON, by=administrator)
    assert stored(colleague).is_active


# Without the old mailbox -------------------------------------------------------------------


def test_request_move_reaches_the_desk_and_the_old_address(member, facilitator, queued_emails):
    move = requested(member)
    assert (move.state, move.member, move.note) == ("requested", member, "Call 5-1234.")
    assert addressees(queued_emails) == [
        ("maria@rush.example", "Someone asked to move your account")
    ]
    assert waiting_for(facilitator)["moves"].number == 1
    # The same once more changes nothing.
    requested(member)
    assert Move.objects.count() == len(queued_emails()) == 1


def test_request_move_understands_a_former_address(
    member, colleague, organization, administrator, queued_emails
):
    moved(member, "mary@rush.example")
    merge_members(stored(member), colleague, by=administrator)
    details = {"full_name": "Maria", "organization_name": "Harbor Care", "note": ""}
    before = len(queued_emails())
    request_move("maria@rush.example", "maria@mailbox.example", **details)
    move = Move.objects.latest("pk")
    assert (move.member, move.old_email) == (colleague, "colin@rush.example")
    assert [email.to for email in queued_emails()[before:]] == [["colin@rush.example"]]
    # The mailbox is another person's by now.
    newcomer = make_member("maria@rush.example", organization)
    request_move("maria@rush.example", "mario@mailbox.example", **details)
    assert Move.objects.latest("pk").member == newcomer


def test_request_move_sends_few_emails_a_day_to_the_old_address(member, queued_emails):
    for number in range(MAX_REQUEST_EMAILS_A_DAY + 1):
        requested(member, f"stranger-{number}@mailbox.example", "Somewhere")
    assert Move.objects.count() == MAX_REQUEST_EMAILS_A_DAY + 1
    assert len(queued_emails()) == MAX_REQUEST_EMAILS_A_DAY
    Move.objects.update(created_at=timezone.now() - timedelta(days=1, seconds=1))
    requested(member)
    assert len(queued_emails()) == MAX_REQUEST_EMAILS_A_DAY + 1


def test_request_move_does_nothing_without_an_open_account(colleague, queued_emails):
    close_account(colleague)
    before = len(queued_emails())
    for old in ("nobody@rush.example", "colin@rush.example"):
        request_move(old, "new@loop.example", full_name="A", organization_name="B", note="")
    assert len(queued_emails()) == before
    assert not Move.objects.exists()


def test_move_member_is_the_move_that_was_asked_for(member, other_organization, facilitator):
    """Who has found the old mailbox after all leaves nothing to decide."""
    asked = requested(member)
    move_member(stored(member), "maria@loop.example")
    move = Move.objects.get()
    assert (move.pk, move.state, move.decided_by) == (asked.pk, "done", member)
    with pytest.raises(Refused, match="already been decided"):
        approve_move(asked, by=facilitator)


def test_approve_move_moves_and_tells_both(
    member, team, other_organization, facilitator, client_for, queued_emails
):
    browser = client_for(member)
    move = approve_move(requested(member), by=facilitator)
    person = stored(member)
    assert (person.email, person.organization) == ("maria@loop.example", other_organization)
    assert (move.state, move.decided_by) == ("done", facilitator)
    assert membership_of(member, team).is_active
    assert browser.get("/my/").status_code == 302
    assert addressees(queued_emails)[1:] == [
        ("maria@loop.example", "Your account has a new address"),
        ("maria@rush.example", "You can no longer sign in with this address"),
    ]
    assert object_to_move(move).is_held


def test_decline_move_tells_both_and_changes_nothing(member, facilitator, queued_emails):
    move = decline_move(requested(member), reason=REASON, by=facilitator)
    assert move.state == "declined"
    assert stored(member).email == "maria@rush.example"
    assert [to for to, _ in addressees(queued_emails)[1:]] == [
        "maria@loop.example",
        "maria@rush.example",
    ]
    with pytest.raises(Refused, match="already been decided"):
        approve_move(Move.objects.get(), by=facilitator)


def test_object_to_move_that_was_only_asked_for_holds_nothing(member):
    move = object_to_move(requested(member))
    assert move.objected_at
    assert (move.is_requested, stored(member).is_active) == (True, True)


def test_approve_move_refuses_an_address_that_is_taken_meanwhile(
    member, other_organization, facilitator
):
    move = requested(member)
    make_member("maria@loop.example", other_organization)
    with pytest.raises(Refused, match="Another account"):
        approve_move(move, by=facilitator)
    assert Move.objects.get().is_requested


# Who decides -------------------------------------------------------------------------------


def test_moves_are_decided_by_facilitators_of_the_member_and_of_staff_by_administrators(
    member, team, facilitator, other_facilitator, administrator, other_organization, organization
):
    own = object_to_move(moved(member))
    appointed = appoint(
        make_member("sid@rush.example", organization, "Sid Staff"), team, facilitator
    )
    make_membership(appointed, team, Membership.Status.ACTIVE)
    of_staff = object_to_move(moved(appointed, "sid@loop.example"))
    keys = [own.pk, of_staff.pk]
    assert visible_keys(Move, keys, facilitator) == {own.pk}
    assert visible_keys(Move, keys, other_facilitator) == set()
    assert visible_keys(Move, keys, administrator) == set(keys)
    assert waiting_for(facilitator)["moves"].number == 1
    assert waiting_for(administrator)["moves"].number == 2


def test_nobody_decides_about_their_own_account(administrator, other_organization):
    move = requested(administrator)
    for decide in (approve_move, lambda move, by: decline_move(move, reason=REASON, by=by)):
        with pytest.raises(Refused, match="your own account"):
            decide(move, by=administrator)


# Who imports or adds with a former address -------------------------------------------------


def test_seen_former_addresses_names_only_members_whom_one_sees(
    member, team, other_organization, facilitator, other_facilitator
):
    move = moved(member)
    addresses = ["maria@rush.example", "nobody@rush.example"]
    assert seen_former_addresses(addresses, facilitator) == {"maria@rush.example": move}
    assert seen_former_addresses(addresses, other_facilitator) == {}


def test_add_member_refuses_the_former_address_of_the_same_person(
    member, team, other_team, organization, other_organization, facilitator, other_facilitator
):
    moved(member)
    details = {"organization": organization, "team": team, "by": facilitator}
    with pytest.raises(Refused, match="moved to maria@loop.example"):
        add_member("maria@rush.example", full_name="maria  MEMBER", **details)
    # The mailbox is another person's by now.
    added = add_member("maria@rush.example", full_name="Mario Newcomer", **details)
    assert added.member != member
