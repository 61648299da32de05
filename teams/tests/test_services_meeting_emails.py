"""Who gets which email about a meeting, and which of them are still to be sent."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from post_office.models import PRIORITY, Email

from conftest import make_active_member, make_membership
from members.services import Refused
from teams.answer_links import answer_url
from teams.meeting_times import time_range
from teams.models import Attendance, EmailChoice, Meeting, Membership, TeamEmail
from teams.services import (
    announce_meeting,
    answer_as_guest,
    answer_meeting,
    cancel_meeting,
    end_membership,
    join_teams,
    merge_members,
    move_meeting,
    revive_meeting,
)
from teams.services.email_choices import choose_emails
from teams.services.meeting_emails import (
    NextMeetings,
    email_announced,
    email_materials,
    email_place_free,
)
from teams.services.team_emails import Reason, recipients_of, why_not_to_send
from teams.tests.announcements import make_link
from teams.tests.meetings import make_meeting

Kind, Wants = EmailChoice.Kind, EmailChoice.Wants
DATES = Kind.MEETINGS


@pytest.fixture
def both(member, colleague, other_team) -> None:
    """The member is in a second team, too."""
    make_membership(member, other_team, Membership.Status.ACTIVE, why="joined")


def come(meeting: Meeting, **fields: object) -> Attendance:
    """Store that someone comes in person."""
    return Attendance.objects.create(
        meeting=meeting, answer="in-person", answered_at=timezone.now(), **fields
    )


def guest(meeting: Meeting) -> Attendance:
    return come(meeting, guest_name="Gus Guest", guest_email="gus@asker.example")


def recipients() -> list[str]:
    return [email.to[0] for email in Email.objects.order_by("pk")]


def email_to(address: str) -> Email:
    (email,) = [email for email in Email.objects.all() if email.to == [address]]
    return email


# Who gets it ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("both")
def test_recipients_are_the_members_of_the_teams_each_once(
    member, colleague, applicant, team, other_team
):
    found = recipients_of(make_meeting(team, other_team), DATES)
    assert [(each.member, each.team) for each in found.each] == [(member, team), (colleague, team)]
    assert str(found) == "2 people get the email"


@pytest.mark.usefixtures("both")
def test_recipients_get_it_through_the_first_team_that_they_have_not_stopped(
    member, colleague, team, other_team
):
    meeting = make_meeting(team, other_team)
    choose_emails(member, {(team.pk, DATES): Wants.NONE})
    choose_emails(colleague, {(team.pk, DATES): Wants.MONTHLY})
    found = recipients_of(meeting, DATES)
    assert [(each.member, each.team) for each in found.each] == [(member, other_team)]
    assert (found.monthly, found.stopped) == (1, 0)
    choose_emails(member, {(other_team.pk, DATES): Wants.NONE})
    assert str(recipients_of(meeting, DATES)) == (
        "0 people get the email, 1 in the monthly summary, 1 has stopped these emails"
    )
    # Another kind is another choice.
    assert recipients_of(meeting, Kind.REMINDERS).number == 2


def test_recipients_of_the_whole_collaborative_are_all_active_members(
    member, colleague, applicant, team
):
    meeting = make_meeting()
    choose_emails(colleague, {(None, DATES): Wants.NONE, (team.pk, Kind.MATERIALS): Wants.NONE})
    found = recipients_of(meeting, DATES)
    assert [(each.member, each.team) for each in found.each] == [(member, None)]
    assert found.stopped == 1
    Membership.objects.filter(member=member).update(status="ended", ended_at=timezone.now())
    assert recipients_of(meeting, DATES).number == 0


def test_recipients_cost_the_same_queries_for_two_and_four(
    member, colleague, organization, team, django_assert_num_queries
):
    meeting = make_meeting(team)
    for number in range(2):
        with django_assert_num_queries(5):
            recipients_of(meeting, DATES)
        make_active_member(f"m{number}@rush.example", organization, f"Mo {number}", team)


# What is sent --------------------------------------------------------------------------------


def test_announced_writes_one_email_each_with_its_own_links(member, colleague, team, queued_emails):
    meeting = make_meeting(team, agenda="Read [this](/faq/) & that.\n\n<b>Coffee</b>")
    email_announced(meeting)
    first, second = queued_emails()
    assert [first.to, second.to] == [[member.email], [colleague.email]]
    assert f"Please join us, {member.full_name.split()[0]}\n" in first.message
    assert first.priority == PRIORITY.low
    stops = {email.headers["List-Unsubscribe"] for email in (first, second)}
    assert len(stops) == 2
    for email in (first, second):
        assert email.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert email.headers["List-Unsubscribe"][1:-1] in email.message
        assert 'href="http://127.0.0.1:8000/faq/"' in email.html_message
        assert "&lt;b&gt;Coffee" in email.html_message
        assert "secret-room" not in email.message + email.html_message
    # The marks of what differs are all filled in.
    assert "mark" not in first.message.replace("remark", "")
    about = TeamEmail.objects.get(email=first)
    assert (about.member, about.team, about.kind) == (member, team, DATES)
    assert (about.meeting, about.method) == (meeting, "REQUEST")


def test_announced_escapes_names(colleague, team, queued_emails):
    colleague.full_name = "<b>Eve & Co"
    colleague.save()
    email_announced(make_meeting(team))
    (email,) = queued_emails()
    assert ", &lt;b&gt;Eve\n" in email.html_message or ", &lt;b&gt;Eve<" in email.html_message
    assert ", <b>Eve\n" in email.message


def test_announcing_moving_cancelling_and_reviving_email_the_members(
    member, team, facilitator, queued_emails
):
    meeting = make_meeting(team, status=Meeting.Status.DRAFT)
    meeting = announce_meeting(meeting, by=facilitator)
    later = meeting.starts_at + timedelta(days=7)
    move_meeting(meeting, starts_at=later, ends_at=later + timedelta(hours=1), by=facilitator)
    cancel_meeting(meeting, reason="The host is ill.", by=facilitator)
    revive_meeting(meeting, by=facilitator)
    subjects = [email.subject.split(":")[0].split(",")[0] for email in queued_emails()]
    day = later.astimezone(timezone.get_default_timezone()).strftime("%A")
    assert subjects == ["Winter meeting", f"Moved to {day}", "Cancelled", "Back on"]
    assert "The host is ill." in queued_emails()[2].message
    methods = TeamEmail.objects.order_by("pk").values_list("method", flat=True)
    assert list(methods) == ["REQUEST", "REQUEST", "CANCEL", "REQUEST"]


@pytest.mark.parametrize("answer", ["in-person", "no"])
def test_cancelled_reaches_who_comes_although_they_stopped_emails(
    member, colleague, team, facilitator, answer
):
    meeting = make_meeting(team)
    choose_emails(member, {(team.pk, DATES): Wants.NONE})
    attendance = come(meeting, member=member)
    Attendance.objects.filter(pk=attendance.pk).update(answer=answer)
    guest(meeting)
    cancel_meeting(meeting, reason="The host is ill.", by=facilitator)
    coming = [member.email] if answer == "in-person" else []
    assert recipients() == [*coming, "gus@asker.example", colleague.email]
    assert "List-Unsubscribe" not in email_to("gus@asker.example").headers
    assert "List-Unsubscribe" in email_to(colleague.email).headers
    assert TeamEmail.objects.get(member=None).method == "CANCEL"
    for address in (*coming, "gus@asker.example"):
        assert "because\nyou said that you will come." in email_to(address).message


def test_revived_reaches_who_comes_as_the_cancellation_did(member, team, facilitator):
    meeting = make_meeting(team)
    choose_emails(member, {(team.pk, DATES): Wants.NONE})
    come(meeting, member=member)
    guest(meeting)
    cancel_meeting(meeting, reason="The host is ill.", by=facilitator)
    cancelled = recipients()
    revive_meeting(meeting, by=facilitator)
    assert recipients() == cancelled * 2


def test_moved_emails_who_comes_once_and_without_a_way_to_stop(member, team, facilitator):
    meeting = make_meeting(team)
    come(meeting, member=member)
    move_meeting(
        meeting, starts_at=meeting.starts_at, ends_at=meeting.ends_at, place="B", by=facilitator
    )
    email = email_to(member.email)
    assert email.subject == "New place: Winter meeting"
    assert "List-Unsubscribe" not in email.headers
    assert TeamEmail.objects.get(email=email).kind == ""


def test_guest_gets_the_answer_with_the_link_to_change_it(team, queued_emails):
    attendance = answer_as_guest(make_meeting(team), "Gus Guest", "gus@asker.example", "in-person")
    (email,) = queued_emails()
    assert "We have your answer, Gus\n" in email.message
    assert answer_url(attendance.meeting, attendance) in email.message
    assert "List-Unsubscribe" not in email.headers


def test_waiting_guest_gets_the_place_that_a_member_gives_up(member, team, queued_emails):
    meeting = make_meeting(team, places=1)
    answer_meeting(meeting, member, "in-person")
    answer_as_guest(meeting, "Gus Guest", "gus@asker.example", "in-person")
    answer_meeting(meeting, member, "no")
    first, second = queued_emails()
    assert "You are on the waiting list" in first.message
    assert "You have a place, Gus\n" in second.message


def test_materials_of_the_whole_collaborative_are_without_what_is_for_teams(
    member, administrator, queued_emails
):
    start = timezone.now() - timedelta(days=1)
    meeting = make_meeting(starts_at=start, status="held")
    for audience in Meeting.Audience.values:
        make_link(meeting, f"For {audience}", audience=audience)
    email_materials(meeting, administrator)
    (email,) = queued_emails()
    assert "For public" in email.message
    assert "For members" in email.message
    assert "For teams" not in email.message


def test_materials_are_sent_with_what_is_there(member, team, facilitator, queued_emails):
    start = timezone.now() - timedelta(days=1)
    meeting = make_meeting(team, starts_at=start, status="held")
    make_link(meeting, "Outdated", archived_at=timezone.now())
    with pytest.raises(Refused, match="Add the minutes or a link first"):
        email_materials(meeting, facilitator)
    make_link(meeting, "Plan", url="https://files.example.org/plan")
    email_materials(meeting, facilitator)
    (email,) = queued_emails()
    assert "* Plan (slides)\n  https://files.example.org/plan" in email.message
    meeting.refresh_from_db()
    assert meeting.materials_sent_at
    assert not why_not_to_send(email)


def test_who_joins_gets_the_next_three_meetings_at_once(applicant, team, other_team, queued_emails):
    for days in (5, 1, 3, 4):
        make_meeting(
            team,
            starts_at=timezone.now() + timedelta(days=days),
            title=f"In {days}",
            audience="teams",
        )
    make_meeting(starts_at=timezone.now() + timedelta(days=2), title="In 2", audience="members")
    make_meeting(other_team, starts_at=timezone.now() + timedelta(hours=1))
    make_meeting(team, starts_at=timezone.now() + timedelta(hours=1), status="draft")
    make_meeting(
        team,
        starts_at=timezone.now() + timedelta(hours=1),
        status="cancelled",
        cancelled_reason="Ill.",
    )
    membership = Membership.objects.get(member=applicant)
    titles = [meeting.title for meeting in NextMeetings().of([membership])]
    assert titles == ["In 1", "In 2", "In 3"]
    assert NextMeetings().of([]) == []


def test_joining_email_names_the_next_meeting(client_for, member, other_team, queued_emails):
    meeting = make_meeting(other_team, audience="teams")
    join_teams(member, [other_team])
    (email,) = queued_emails()
    text = " ".join(email.message.split())
    assert f"The next meeting: * Winter meeting, {time_range(meeting)}" in text
    assert "secret-room" not in email.message + email.html_message


# Whether it is still to be sent --------------------------------------------------------------


def announced_to(member, meeting) -> Email:
    email_announced(meeting)
    return email_to(member.email)


def leave(member, meeting, facilitator) -> None:
    membership = Membership.objects.get(member=member)
    end_membership(membership, by=facilitator, reason="Left.")


def stop(member, meeting, facilitator) -> None:
    choose_emails(member, {(meeting.teams.get().pk, DATES): Wants.NONE})


def change_to_monthly(member, meeting, facilitator) -> None:
    choose_emails(member, {(meeting.teams.get().pk, DATES): Wants.MONTHLY})


def put_on_hold(member, meeting, facilitator) -> None:
    type(member).objects.filter(pk=member.pk).update(is_active=False)


def change_address(member, meeting, facilitator) -> None:
    type(member).objects.filter(pk=member.pk).update(email="maria@new-employer.example")


def cancel(member, meeting, facilitator) -> None:
    cancel_meeting(meeting, reason="The host is ill.", by=facilitator)


def move(member, meeting, facilitator) -> None:
    later = meeting.starts_at + timedelta(days=7)
    move_meeting(meeting, starts_at=later, ends_at=later + timedelta(hours=1), by=facilitator)


def begin(member, meeting, facilitator) -> None:
    Meeting.objects.filter(pk=meeting.pk).update(starts_at=timezone.now() - timedelta(minutes=1))


def take_back(member, meeting, facilitator) -> None:
    Meeting.objects.filter(pk=meeting.pk).update(status="draft", announced_at=None)


def test_why_not_to_send_after_a_change(member, team, facilitator):
    meeting = make_meeting(team)
    email = announced_to(member, meeting)
    assert not why_not_to_send(email)
    for change, reason in (
        (leave, Reason.LEFT),
        (stop, Reason.STOPPED),
        (change_to_monthly, Reason.MONTHLY),
        (put_on_hold, Reason.CLOSED),
        (change_address, Reason.ADDRESS_CHANGED),
        (cancel, Reason.MEETING_CHANGED),
        (move, Reason.MEETING_CHANGED),
        (begin, Reason.MEETING_CHANGED),
        (take_back, Reason.MEETING_CHANGED),
    ):
        with transaction.atomic():
            change(member, Meeting.objects.get(), facilitator)
            assert why_not_to_send(email) == reason, change
            transaction.set_rollback(True)


def test_email_to_who_comes_is_sent_after_leaving_but_for_a_meeting_of_the_team(
    member, team, facilitator
):
    meeting, inside = make_meeting(team), make_meeting(team, audience="teams", title="Inside")
    for each in (meeting, inside):
        email_place_free(come(each, member=member))
    leave(member, meeting, facilitator)
    to_all, to_team = Email.objects.filter(subject__startswith="You have a place").order_by("pk")
    assert not why_not_to_send(to_all)
    assert why_not_to_send(to_team)


def test_email_to_a_guest_is_sent_also_once_the_meeting_is_no_longer_public(team):
    meeting = make_meeting(team)
    email_place_free(guest(meeting))
    email = email_to("gus@asker.example")
    assert not why_not_to_send(email)
    Meeting.objects.filter(pk=meeting.pk).update(audience="members")
    assert not why_not_to_send(email)
    Meeting.objects.filter(pk=meeting.pk).update(starts_at=F("starts_at") + timedelta(hours=1))
    assert why_not_to_send(email)


def test_cancellation_is_not_sent_once_the_meeting_takes_place_after_all(member, team, facilitator):
    meeting = cancel_meeting(make_meeting(team), reason="The host is ill.", by=facilitator)
    email = email_to(member.email)
    assert not why_not_to_send(email)
    revive_meeting(meeting, by=facilitator)
    assert why_not_to_send(email)


def test_email_to_an_account_that_was_merged_is_sent_for_the_one_that_goes_on(
    member, colleague, administrator, team
):
    email = announced_to(colleague, make_meeting(team))
    merge_members(colleague, member, by=administrator)
    assert not why_not_to_send(email)


def test_other_emails_are_always_to_send(db):
    assert not why_not_to_send(Email.objects.create(from_email="p@example.org", to=["a@b.example"]))
