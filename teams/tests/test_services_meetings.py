"""Meetings: planning, announcing, moving, cancelling, reviving, copying; and what is refused."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from conftest import make_membership
from members.history.decisions import create_decision, undo_decision
from members.services import Refused
from teams.actions import get_action, process_decision
from teams.models import ActionTeam, Meeting
from teams.services import (
    announce_meeting,
    cancel_meeting,
    change_meeting,
    copy_meeting,
    create_meeting,
    delete_meeting,
    hold_meeting,
    hold_past_meetings,
    leave_team,
    move_meeting,
    revive_meeting,
    visible_meetings,
)
from teams.services.answers import answer_meeting
from teams.tests.meetings import make_meeting

pytestmark = pytest.mark.django_db
Status = Meeting.Status


def central(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.get_default_timezone())


def new_meeting(**fields) -> Meeting:
    start = central(2027, 3, 9, 9)
    values = {
        "title": "Spring meeting",
        "starts_at": start,
        "ends_at": start + timedelta(minutes=90),
        "place": "Room 2",
        "audience": "public",
    }
    return Meeting(**values | fields)


def draft(*teams, **fields) -> Meeting:
    return make_meeting(*teams, status=Status.DRAFT, **fields)


def days_later(meeting: Meeting, days: int = 1) -> dict:
    shift = timedelta(days=days)
    return {"starts_at": meeting.starts_at + shift, "ends_at": meeting.ends_at + shift}


# Planning


def test_create_meeting_stores_a_draft_with_its_address(facilitator, team):
    meeting = create_meeting(new_meeting(), [team], by=facilitator)
    meeting.refresh_from_db()
    assert (meeting.status, meeting.slug) == (Status.DRAFT, "spring-meeting-2027")
    assert list(meeting.teams.all()) == [team]
    assert {line.history_user for line in meeting.history.all()} == {facilitator}
    assert meeting.sequence == 0


def test_create_meeting_gives_each_meeting_an_address_of_its_own(facilitator, team):
    slugs = [create_meeting(new_meeting(), [team], by=facilitator).slug for _ in range(3)]
    assert slugs == ["spring-meeting-2027", "spring-meeting-2027-2", "spring-meeting-2027-3"]
    nameless = create_meeting(new_meeting(title="会議", kind="learning"), [team], by=facilitator)
    assert nameless.slug == "learning-2027"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"title": " \u200b "}, "Enter a title"),
        ({"ends_at": central(2027, 3, 9, 9)}, "ends before it begins"),
        ({"answer_by": central(2027, 3, 9, 9, 1)}, "before the meeting begins"),
        ({"places": 0}, "at least 1 place"),
    ],
)
def test_create_meeting_refuses_what_makes_no_sense(facilitator, team, fields, why):
    with pytest.raises(Refused, match=why):
        create_meeting(new_meeting(**fields), [team], by=facilitator)
    assert not Meeting.objects.exists()


@pytest.mark.parametrize("fields", [{"audience": "teams"}, {"kind": "team"}])
def test_create_meeting_refuses_a_team_meeting_without_a_team(administrator, fields):
    with pytest.raises(Refused, match=r"[Tt]eam"):
        create_meeting(new_meeting(**fields), [], by=administrator)


def test_create_meeting_refuses_teams_of_others(facilitator, member, team, other_team):
    for teams in ([other_team], [team, other_team]):
        with pytest.raises(Refused, match=r"You do not facilitate Hiring\."):
            create_meeting(new_meeting(), teams, by=facilitator)
    with pytest.raises(Refused, match="planned by administrators"):
        create_meeting(new_meeting(), [], by=facilitator)
    with pytest.raises(Refused, match="You do not facilitate Education"):
        create_meeting(new_meeting(), [team], by=member)
    assert not Meeting.objects.exists()


def test_create_meeting_of_the_whole_collaborative_by_an_administrator(administrator):
    assert not create_meeting(new_meeting(), [], by=administrator).teams.exists()


# Changing


def test_change_meeting_of_a_draft_changes_the_address_until_someone_knows_it(facilitator, team):
    meeting = create_meeting(new_meeting(), [team], by=facilitator)
    meeting = change_meeting(meeting, by=facilitator, title="Learning hour")
    assert meeting.slug == "learning-hour-2027"
    announce_meeting(meeting, by=facilitator)
    meeting = change_meeting(meeting, by=facilitator, title="Spring hour")
    assert meeting.slug == "learning-hour-2027"


def test_change_meeting_raises_the_sequence_for_what_calendars_show(facilitator, team):
    meeting = make_meeting(team)
    assert change_meeting(meeting, by=facilitator, title="Summer meeting").sequence == 1
    assert change_meeting(meeting, by=facilitator, title="Summer meeting").sequence == 1
    changed = change_meeting(meeting, by=facilitator, agenda="Welcome", audience="members")
    assert (changed.sequence, changed.agenda) == (1, "Welcome")
    assert changed.changed_at > meeting.changed_at


@pytest.mark.parametrize("status", [Status.ANNOUNCED, Status.HELD])
def test_change_meeting_refuses_to_move_silently(facilitator, team, status):
    meeting = make_meeting(team, status=status)
    for changes in (days_later(meeting), {"place": "Elsewhere"}, {"join_url": ""}):
        with pytest.raises(Refused, match="move it"):
            change_meeting(meeting, by=facilitator, **changes)


def test_change_meeting_writes_no_status(administrator):
    with pytest.raises(TypeError):
        change_meeting(make_meeting(), by=administrator, status="held")


def test_change_meeting_of_its_teams_dates_the_entry_of_calendars(administrator, team, other_team):
    meeting = make_meeting(team)
    changed = change_meeting(meeting, by=administrator, teams=[other_team])
    assert changed.changed_at > meeting.changed_at
    assert Meeting.objects.get().changed_at == changed.changed_at


def test_change_meeting_of_several_teams_keeps_those_of_others(
    facilitator, administrator, team, other_team, approval_team
):
    meeting = draft(team, other_team)
    change_meeting(meeting, by=facilitator, title="Both teams", teams=[team, other_team])
    for teams in ([team], [team, other_team, approval_team]):
        with pytest.raises(Refused, match="You do not facilitate"):
            change_meeting(meeting, by=facilitator, teams=teams)
    change_meeting(meeting, by=facilitator, teams=[other_team])
    assert list(meeting.teams.all()) == [other_team]
    with pytest.raises(Refused, match="is planned by its facilitators"):
        change_meeting(meeting, by=facilitator, title="Again")
    change_meeting(meeting, by=administrator, teams=[])
    with pytest.raises(Refused, match="is planned by administrators"):
        change_meeting(meeting, by=facilitator, title="Again")


def test_change_meeting_with_more_places_lets_the_waiting_move_up(
    facilitator, team, member, colleague
):
    meeting = make_meeting(team, places=1)
    answer_meeting(meeting, member, "in-person")
    waiting = answer_meeting(meeting, colleague, "in-person")
    change_meeting(meeting, by=facilitator, places=2)
    waiting.refresh_from_db()
    assert waiting.waiting_since is None


def test_change_meeting_for_fewer_people_gives_up_the_places_of_the_others(
    facilitator, team, member, outsider
):
    meeting = make_meeting(team)
    for person in (member, outsider):
        answer_meeting(meeting, person, "in-person")
    change_meeting(meeting, by=facilitator, audience="teams")
    answers = dict(meeting.attendances.values_list("member", "answer"))
    assert answers == {member.pk: "in-person", outsider.pk: ""}


# Who may


STEPS = {
    "change": lambda meeting, by: change_meeting(meeting, by=by, title="Other"),
    "announce": lambda meeting, by: announce_meeting(meeting, by=by),
    "move": lambda meeting, by: move_meeting(meeting, **days_later(meeting), by=by),
    "cancel": lambda meeting, by: cancel_meeting(meeting, reason="Snow", by=by),
    "revive": lambda meeting, by: revive_meeting(meeting, by=by),
    "hold": lambda meeting, by: hold_meeting(meeting, by=by),
    "copy": lambda meeting, by: copy_meeting(meeting, by=by),
    "delete": lambda meeting, by: delete_meeting(meeting, by=by),
}


def test_steps_of_people_who_do_not_plan_the_meeting_are_refused(
    team, other_facilitator, member, applicant
):
    meeting = make_meeting(team)
    lines = meeting.history.count()
    for step in STEPS.values():
        for person in (other_facilitator, member, applicant):
            with pytest.raises(Refused):
                step(meeting, person)
    assert Meeting.objects.get().history.count() == lines


def test_steps_of_a_facilitator_of_one_of_the_teams_are_allowed(facilitator, team, other_team):
    meeting = draft(team, other_team)
    announce_meeting(meeting, by=facilitator)
    assert cancel_meeting(meeting, reason="Snow", by=facilitator).is_cancelled
    with pytest.raises(Refused, match="You do not facilitate Hiring"):
        copy_meeting(meeting, by=facilitator)


@pytest.mark.parametrize(
    ("step", "statuses"),
    [
        ("announce", {Status.DRAFT}),
        ("move", {Status.ANNOUNCED}),
        ("cancel", {Status.ANNOUNCED}),
        ("revive", {Status.CANCELLED}),
        ("delete", {Status.DRAFT}),
    ],
)
def test_steps_are_refused_in_every_other_status(step, statuses, facilitator, team):
    for status in set(Status) - statuses:
        meeting = make_meeting(team, status=status, cancelled_reason="Snow")
        with pytest.raises(Refused, match=r"Nothing was changed|Change or delete it"):
            STEPS[step](meeting, facilitator)
        meeting.refresh_from_db()
        assert meeting.status == status
    for status in statuses:
        STEPS[step](make_meeting(team, status=status, cancelled_reason="Snow"), facilitator)


def test_visible_meetings_are_those_of_own_teams_and_of_the_whole_collaborative(
    team, other_team, facilitator, administrator, member
):
    own, other, whole = draft(team), make_meeting(other_team), draft()
    assert set(visible_meetings(facilitator)) == {own, whole}
    assert set(visible_meetings(administrator)) == {own, other, whole}
    assert not visible_meetings(member).exists()


# Announcing


def test_announce_meeting_makes_it_visible(facilitator, team):
    meeting = announce_meeting(draft(team), by=facilitator)
    assert (meeting.status, meeting.sequence) == (Status.ANNOUNCED, 1)
    assert meeting.announced_at
    assert meeting in Meeting.objects.public()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"starts_at": timezone.now() - timedelta(minutes=1)}, "in the past"),
        ({"place": "", "join_url": ""}, "Enter where it is"),
        ({"answer_by": timezone.now() - timedelta(minutes=1)}, "deadline to answer has passed"),
    ],
)
def test_announce_meeting_refuses_what_nobody_can_come_to(facilitator, team, fields, why):
    meeting = draft(team, **fields)
    with pytest.raises(Refused, match=why):
        announce_meeting(meeting, by=facilitator)
    meeting.refresh_from_db()
    assert (meeting.status, meeting.announced_at) == (Status.DRAFT, None)


def test_announce_meeting_refuses_a_team_that_is_a_draft(facilitator, team, other_team):
    ActionTeam.objects.filter(pk=team.pk).update(state=ActionTeam.State.DRAFT)
    with pytest.raises(Refused, match="Education is not published yet"):
        announce_meeting(draft(team, other_team), by=facilitator)


# Moving


def test_move_meeting_gives_it_another_time_and_place(facilitator, team):
    now = timezone.now()
    meeting = make_meeting(team, reminded_at=now, answers_asked_at=now)
    moved = move_meeting(meeting, **days_later(meeting, 7), place="Room 3", by=facilitator)
    moved.refresh_from_db()
    assert moved.starts_at - meeting.starts_at == timedelta(days=7)
    assert moved.moved_from == meeting.starts_at
    assert (moved.place, moved.join_url, moved.sequence) == ("Room 3", meeting.join_url, 1)
    assert moved.reminded_at is None
    assert moved.answers_asked_at is None
    assert (moved.slug, moved.uid) == (meeting.slug, meeting.uid)


def test_move_meeting_to_another_place_is_no_new_time(facilitator, team):
    meeting = make_meeting(team, reminded_at=timezone.now())
    moved = move_meeting(
        meeting, starts_at=meeting.starts_at, ends_at=meeting.ends_at, place="B", by=facilitator
    )
    assert moved.moved_from is None
    assert moved.reminded_at
    assert moved.sequence == 1


def test_move_meeting_that_has_begun_changes_the_room_but_not_the_beginning(facilitator, team):
    meeting = make_meeting(team, starts_at=timezone.now() - timedelta(minutes=5))
    same = {"starts_at": meeting.starts_at, "ends_at": meeting.ends_at}
    moved = move_meeting(meeting, **same, place="Room 9", by=facilitator)
    assert (moved.place, moved.sequence) == ("Room 9", 1)
    for changes, why in [
        (same | {"starts_at": meeting.starts_at - timedelta(hours=1)}, "time is in the past"),
        (same | {"ends_at": meeting.starts_at + timedelta(minutes=1)}, "end is in the past"),
    ]:
        with pytest.raises(Refused, match=why):
            move_meeting(moved, **changes, by=facilitator)


@pytest.mark.parametrize("days", [-3, 7])
def test_move_meeting_moves_the_end_of_answers_with_it(facilitator, team, days):
    start = timezone.now() + timedelta(days=14)
    meeting = make_meeting(team, starts_at=start, answer_by=start - timedelta(days=2))
    moved = move_meeting(meeting, **days_later(meeting, days), by=facilitator)
    before = timezone.localtime(moved.starts_at) - timezone.localtime(moved.answer_by)
    assert round(before / timedelta(days=1)) == 2
    sooner = move_meeting(meeting, **days_later(meeting, -13), by=facilitator)
    assert sooner.answer_by is None


def test_move_meeting_refuses_what_makes_no_sense(facilitator, team):
    meeting = make_meeting(team)
    same = {"starts_at": meeting.starts_at, "ends_at": meeting.ends_at}
    for changes, why in [
        (same, "the same as before"),
        (days_later(meeting, -20), "in the past"),
        (same | {"ends_at": meeting.starts_at}, "ends before it begins"),
        (same | {"place": "", "join_url": ""}, "Enter where it is"),
    ]:
        with pytest.raises(Refused, match=why):
            move_meeting(meeting, **changes, by=facilitator)
    meeting.refresh_from_db()
    assert meeting.sequence == 0


def test_steps_on_a_meeting_that_is_over_are_refused(facilitator, team):
    meeting = make_meeting(team, starts_at=timezone.now() - timedelta(hours=3))
    with pytest.raises(Refused, match=r"can no longer be moved\."):
        move_meeting(meeting, **days_later(meeting, 7), by=facilitator)
    with pytest.raises(Refused, match=r"can no longer be cancelled\."):
        cancel_meeting(meeting, reason="Snow", by=facilitator)


# Cancelling and reviving


def test_cancel_meeting_gives_the_reason(facilitator, team):
    meeting = cancel_meeting(make_meeting(team), reason="  Heavy\u200b snow. ", by=facilitator)
    assert (meeting.status, meeting.cancelled_reason) == (Status.CANCELLED, "Heavy snow.")
    assert meeting.sequence == 1
    assert meeting in Meeting.objects.public()


@pytest.mark.parametrize("reason", ["", " \u200b", "x" * 301])
def test_cancel_meeting_refuses_a_reason_that_is_none(facilitator, team, reason):
    with pytest.raises(Refused, match="Say"):
        cancel_meeting(make_meeting(team), reason=reason, by=facilitator)


def test_revive_meeting_keeps_the_entry_of_calendars(facilitator, team):
    meeting = make_meeting(team, reminded_at=timezone.now())
    cancel_meeting(meeting, reason="Snow", by=facilitator)
    revived = revive_meeting(meeting, by=facilitator)
    assert (revived.status, revived.cancelled_reason) == (Status.ANNOUNCED, "")
    assert (revived.uid, revived.slug, revived.sequence) == (meeting.uid, meeting.slug, 2)
    assert revived.reminded_at is None


def test_place_given_up_meanwhile_goes_to_the_first_in_line(facilitator, team, member, colleague):
    for step in ("revive", "move"):
        meeting = make_meeting(team, places=1, audience="teams", title=step)
        first, second = (answer_meeting(meeting, each, "in-person") for each in (member, colleague))
        times = {"starts_at": meeting.starts_at, "ends_at": meeting.ends_at, "by": facilitator}
        if step == "revive":
            cancel_meeting(meeting, reason="Snow", by=facilitator)
            leave_team(member.memberships.get())
            revive_meeting(meeting, by=facilitator)
            make_membership(member, team, "active", why="joined")
        else:
            move_meeting(meeting, **times, place="")
            answer_meeting(meeting, member, "online")
            move_meeting(meeting, **times, place="Room 2")
        first.refresh_from_db()
        second.refresh_from_db()
        assert first.answer != "in-person"
        assert second.waiting_since is None


def test_revive_meeting_refuses_one_that_would_have_begun(facilitator, team):
    meeting = make_meeting(
        team,
        status=Status.CANCELLED,
        cancelled_reason="Snow",
        starts_at=timezone.now() - timedelta(minutes=1),
    )
    with pytest.raises(Refused, match="would have begun"):
        revive_meeting(meeting, by=facilitator)


# Copying


def test_copy_meeting_is_the_same_weekday_and_hour_three_months_later(
    administrator, team, other_team
):
    # Second Tuesdays, in winter and summer time.
    start = central(2099, 1, 13, 9)
    meeting = make_meeting(
        team, other_team,
        starts_at=start, answer_by=central(2099, 1, 9, 17), places=20, kind="learning",
        agenda="Welcome", minutes="Decided", title="Quarter", moved_from=timezone.now(),
    )  # fmt: skip
    copy = copy_meeting(meeting, by=administrator)
    assert copy.starts_at == central(2099, 4, 14, 9)
    assert copy.ends_at == central(2099, 4, 14, 10, 30)
    assert copy.answer_by == central(2099, 4, 10, 17)
    same = ("kind", "title", "place", "join_url", "audience", "agenda", "places")
    assert [getattr(copy, name) for name in same] == [getattr(meeting, name) for name in same]
    assert (copy.status, copy.minutes, copy.moved_from) == (Status.DRAFT, "", None)
    assert set(copy.teams.all()) == {team, other_team}
    assert copy.uid != meeting.uid
    assert copy.slug == "quarter-2099"
    # The second press of the button.
    assert copy_meeting(meeting, by=administrator) == copy


def test_copy_meeting_of_long_ago_is_in_the_future(administrator):
    copy = copy_meeting(make_meeting(starts_at=central(2020, 1, 14, 9)), by=administrator)
    today = timezone.localdate()
    assert today < copy.day < today + timedelta(days=100)
    assert copy.day.weekday() == 1
    assert (copy.local_start.hour, copy.day.month % 3) == (9, 1)


# Holding, by hand and by the daily run


def test_hold_meeting_is_for_what_has_begun(facilitator, team):
    with pytest.raises(Refused, match="has not begun"):
        hold_meeting(make_meeting(team), by=facilitator)
    begun = make_meeting(team, starts_at=timezone.now() - timedelta(minutes=5))
    assert hold_meeting(begun, by=facilitator).status == Status.HELD
    lines = begun.history.count()
    assert hold_meeting(begun, by=facilitator).status == Status.HELD
    assert begun.history.count() == lines


def test_hold_past_meetings_holds_what_ended_before_today(team):
    now = timezone.now()
    past = make_meeting(team, starts_at=now - timedelta(days=2))
    others = [
        make_meeting(team),
        draft(team, starts_at=now - timedelta(days=2)),
        make_meeting(
            team,
            status=Status.CANCELLED,
            cancelled_reason="Snow",
            starts_at=now - timedelta(days=2),
        ),
    ]
    before = {meeting.pk: meeting.status for meeting in others}
    assert [hold_past_meetings(), hold_past_meetings()] == [1, 0]
    past.refresh_from_db()
    assert (past.status, past.history.first().history_user) == (Status.HELD, None)
    assert dict(Meeting.objects.exclude(pk=past.pk).values_list("pk", "status")) == before


# Deleting


def test_delete_meeting_deletes_a_draft(facilitator, team):
    meeting = draft(team)
    delete_meeting(meeting, by=facilitator)
    assert not Meeting.objects.exists()
    assert Meeting.history.first().history_user == facilitator


def test_delete_meeting_refuses_what_people_have_answered_to(facilitator, team, member):
    meeting = draft(team)
    decision = decide(meeting, "announce", facilitator)
    answer_meeting(meeting, member, "in-person")
    undo(decision, facilitator)
    with pytest.raises(Refused, match="People answered"):
        delete_meeting(meeting, by=facilitator)
    assert Meeting.objects.get().status == Status.DRAFT


# Undoing


def decide(meeting, name, by, **form_data):
    """Return the decision `name` about `meeting`, carried out."""
    decision = create_decision(
        Meeting, name, title=name, keys=[meeting.pk], form_data=form_data,
        can_be_undone=get_action(Meeting, name).can_be_undone, by=by,
    )  # fmt: skip
    process_decision(decision, seconds=5)
    return decision


def undo(decision, by):
    undo_decision(decision, by=by)
    process_decision(decision, seconds=5)
    return decision.items.get().outcome


def move_data(meeting: Meeting, days: int) -> dict:
    times = {name: value.isoformat() for name, value in days_later(meeting, days).items()}
    return times | {"place": meeting.place, "join_url": meeting.join_url}


def test_undo_of_an_announcement_makes_it_a_draft_again(facilitator, team, other_facilitator):
    meeting = draft(team)
    decision = decide(meeting, "announce", facilitator)
    assert undo(decision, facilitator) == "undone"
    meeting.refresh_from_db()
    assert (meeting.status, meeting.announced_at) == (Status.DRAFT, None)
    assert meeting.sequence == 2


@pytest.mark.parametrize("name", ["move", "cancel", "revive"])
def test_undo_restores_the_meeting_and_never_lowers_the_sequence(facilitator, team, name):
    meeting = make_meeting(team, sequence=4, reminded_at=timezone.now())
    if name == "revive":
        Meeting.objects.update(status=Status.CANCELLED, cancelled_reason="Snow")
        meeting.refresh_from_db()
    data = {"move": move_data(meeting, 7), "cancel": {"reason": "Snow"}, "revive": {}}[name]
    decision = decide(meeting, name, facilitator, **data)
    between = Meeting.objects.get()
    assert between.sequence == 5
    assert undo(decision, facilitator) == "undone"
    after = Meeting.objects.get()
    names = ["starts_at", "ends_at", "status", "cancelled_reason", "moved_from", "reminded_at"]
    assert [getattr(after, each) for each in names] == [getattr(meeting, each) for each in names]
    assert after.sequence == 6
    assert after.changed_at > between.changed_at


def test_undo_of_a_move_keeps_what_people_answered_meanwhile(facilitator, team, member):
    meeting = make_meeting(team)
    decision = decide(meeting, "move", facilitator, **move_data(meeting, 7))
    answer_meeting(meeting, member, "in-person")
    change_meeting(meeting, by=facilitator, agenda="Welcome")
    assert undo(decision, facilitator) == "undone"
    assert meeting.attendances.get().answer == "in-person"
    assert Meeting.objects.get().agenda == "Welcome"


def test_undo_of_a_move_is_refused_once_it_is_moved_again(facilitator, team):
    meeting = make_meeting(team)
    decision = decide(meeting, "move", facilitator, **move_data(meeting, 7))
    decide(meeting, "move", facilitator, **move_data(meeting, 8))
    assert undo(decision, facilitator) == "undo_refused"
    assert Meeting.objects.get().starts_at == meeting.starts_at + timedelta(days=8)


def test_actions_of_two_facilitators_one_wins_and_the_other_is_refused(
    facilitator, administrator, team
):
    meeting = make_meeting(team)
    first = decide(meeting, "cancel", facilitator, reason="Snow")
    second = decide(meeting, "cancel", administrator, reason="Ice")
    assert first.items.get().outcome == "done"
    refused = second.items.get()
    assert refused.outcome == "refused"
    assert "is already cancelled: Snow" in refused.result_message
