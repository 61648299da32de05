"""Reminders and monthly summaries: to whom, on which day, and each once."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from post_office.models import Email

from conftest import make_active_member, make_member
from teams.models import Attendance, EmailChoice, Meeting, Membership, TeamEmail
from teams.services import (
    join_teams,
    leave_team,
    move_meeting,
    send_reminders,
    send_summaries,
    write_summary_again,
)
from teams.services.email_choices import choose_emails
from teams.services.meeting_emails import email_announced
from teams.services.reminders import working_days_until
from teams.services.team_emails import Reason, why_not_to_send
from teams.tests.announcements import make_announcement, make_link
from teams.tests.meetings import make_meeting

CHICAGO = ZoneInfo("America/Chicago")
# A Wednesday; the Monday before is a working day, and two weeks before there is no holiday.
DAY = date(2026, 12, 9)
Kind, Wants = EmailChoice.Kind, EmailChoice.Wants


@pytest.fixture
def at(monkeypatch):
    """`at(date, hour)`: make it that time in Chicago; return it."""

    def set_time(day: date, hour: int = 9) -> datetime:
        now = datetime(day.year, day.month, day.day, hour, tzinfo=CHICAGO).astimezone(UTC)
        monkeypatch.setattr("django.utils.timezone.now", lambda: now)
        return now

    return set_time


@pytest.fixture
def meeting(at, team) -> Meeting:
    """On DAY at 9:00, announced three weeks before."""
    at(DAY - timedelta(days=21))
    return make_meeting(team, starts_at=datetime(2026, 12, 9, 9, tzinfo=CHICAGO))


def come(meeting: Meeting, answer: str = "in-person", **fields: object) -> Attendance:
    return Attendance.objects.create(
        meeting=meeting, answer=answer, answered_at=timezone.now(), **fields
    )


def sent() -> list[tuple[str, str]]:
    """Return the first word of each subject, and to whom."""
    return [(email.subject.split()[0], email.to[0]) for email in Email.objects.order_by("pk")]


@pytest.mark.parametrize(
    ("day", "today", "working_days"),
    [
        (DAY, date(2026, 12, 7), 2),
        (DAY, date(2026, 12, 8), 1),
        (DAY, DAY, 0),
        (DAY, date(2026, 12, 2), 5),
        (DAY, date(2026, 12, 1), 6),
        (date(2026, 12, 12), date(2026, 12, 10), 2),  # a Saturday
        (date(2026, 11, 30), date(2026, 11, 24), 2),  # Thanksgiving is in between
    ],
)
def test_working_days_until_count_from_today_on(day, today, working_days):
    assert working_days_until(day, today) == working_days


# To who comes --------------------------------------------------------------------------------


def test_reminder_goes_to_who_comes_two_working_days_before(at, member, colleague, meeting):
    come(meeting, member=member)
    come(meeting, "no", member=colleague)
    come(meeting, guest_name="Gus Guest", guest_email="gus@asker.example")
    Meeting.objects.update(answers_asked_at=timezone.now())
    for day, hour in ((4, 9), (5, 9), (6, 9), (7, 7)):
        assert send_reminders(at(date(2026, 12, day), hour)) == 0
    assert send_reminders(at(date(2026, 12, 7), 8)) == 1
    assert sent() == [("Reminder:", member.email), ("Reminder:", "gus@asker.example")]
    # Once, whatever follows.
    for hour in (8, 12):
        assert send_reminders(at(date(2026, 12, 8), hour)) == 0
    of_member, of_guest = Email.objects.order_by("pk")
    assert "List-Unsubscribe" in of_member.headers
    assert "List-Unsubscribe" not in of_guest.headers
    assert not why_not_to_send(of_member)


def test_reminder_has_the_join_link_for_members_who_come_online_alone(
    at, member, colleague, organization, other_team, meeting
):
    former = make_member("former@rush.example", organization, "Fo Former")
    come(meeting, "online", member=member)
    come(meeting, member=colleague)
    come(meeting, "online", member=former)
    make_link(meeting, "Plan")
    make_link(meeting, "Inside", kind="notes", audience="members")
    make_link(meeting, "Outdated", archived_at=timezone.now())
    send_reminders(at(DAY - timedelta(days=2)))
    by_address = {email.to[0]: email for email in Email.objects.all()}
    texts = {address: email.message for address, email in by_address.items()}
    assert "Join online:\nhttps://video.example.org/secret-room\n" in texts[member.email]
    assert "secret-room" not in texts[colleague.email] + texts[former.email]
    assert "* Inside (notes)" in texts[member.email]
    assert "Plan" in texts[former.email]
    assert "Outdated" not in texts[former.email]
    assert "Inside" not in texts[former.email]
    assert "List-Unsubscribe" not in by_address[former.email].headers


@pytest.mark.parametrize(
    ("answer", "gone", "words", "has_link"),
    [
        ("in-person", "place", "It is now held online only.", True),
        ("online", "join_url", "It is now held in person only. Please answer again.", False),
    ],
)
def test_reminder_says_that_a_meeting_is_no_longer_held_as_answered(
    at, member, meeting, answer, gone, words, has_link
):
    come(meeting, answer, member=member)
    Meeting.objects.filter(pk=meeting.pk).update(**{gone: ""})
    send_reminders(at(DAY - timedelta(days=2)))
    email = Email.objects.get()
    assert words in " ".join(email.message.split())
    assert ("secret-room" in email.message) is has_link


def test_reminder_with_the_join_link_is_not_sent_to_who_left_all_teams(at, outsider, meeting):
    come(meeting, "online", member=outsider)
    send_reminders(at(DAY - timedelta(days=2)))
    (email,) = Email.objects.filter(subject__startswith="Reminder")
    assert not why_not_to_send(email)
    leave_team(outsider.memberships.get())
    assert why_not_to_send(Email.objects.get(pk=email.pk))


def test_reminder_tells_who_waits_so(at, member, meeting):
    come(meeting, member=member, waiting_since=timezone.now())
    send_reminders(at(DAY - timedelta(days=2)))
    (email,) = Email.objects.filter(subject__startswith="Reminder")
    assert "You are on the waiting list" in email.message


def test_reminder_is_not_sent_to_who_stopped_them(at, member, colleague, team, meeting):
    for person in (member, colleague):
        come(meeting, member=person)
    choose_emails(member, {(team.pk, Kind.REMINDERS): Wants.NONE})
    choose_emails(colleague, {(team.pk, Kind.MEETINGS): Wants.NONE})
    send_reminders(at(DAY - timedelta(days=2)))
    assert sent() == [("Reminder:", colleague.email)]


def test_missed_reminder_is_made_up_for_until_the_meeting_begins(at, member, meeting):
    come(meeting, member=member)
    assert send_reminders(at(DAY, 9)) == 0
    assert sent() == []
    send_reminders(at(DAY, 8))
    assert ("Reminder:", member.email) in sent()


def test_reminder_waits_until_a_change_can_no_longer_be_undone(at, member, meeting):
    come(meeting, member=member)
    now = at(DAY - timedelta(days=2))
    Meeting.objects.update(changed_at=now)
    assert send_reminders(now + timedelta(minutes=1)) == 0
    assert send_reminders(now + timedelta(minutes=5)) > 0


@pytest.mark.parametrize("status", ["draft", "cancelled", "held"])
def test_reminder_is_sent_for_announced_meetings_alone(at, member, meeting, status):
    come(meeting, member=member)
    announced_at = None if status == "draft" else timezone.now()
    Meeting.objects.update(status=status, announced_at=announced_at, cancelled_reason="Ill.")
    assert send_reminders(at(DAY - timedelta(days=2))) == 0
    assert sent() == []


def test_moved_meeting_is_reminded_of_for_its_new_time(at, member, facilitator, meeting):
    come(meeting, member=member)
    send_reminders(at(DAY - timedelta(days=2)))
    later = meeting.starts_at + timedelta(days=7)
    move_meeting(meeting, starts_at=later, ends_at=later + timedelta(hours=1), by=facilitator)
    Email.objects.all().delete()
    send_reminders(at(DAY - timedelta(days=1)))
    assert sent() == []
    send_reminders(at(DAY + timedelta(days=5)))
    assert ("Reminder:", member.email) in sent()


# To who has not answered ---------------------------------------------------------------------


def test_who_has_not_answered_is_asked_once_five_working_days_before(
    at, member, colleague, meeting
):
    come(meeting, "no", member=colleague)
    assert send_reminders(at(date(2026, 12, 1))) == 0
    assert send_reminders(at(date(2026, 12, 2))) == 1
    assert sent() == [("Will", member.email)]
    assert send_reminders(at(date(2026, 12, 3))) == 0


def test_who_has_not_answered_is_not_asked_right_after_the_announcement(at, member, meeting):
    at(date(2026, 12, 2), 7)
    email_announced(meeting)
    Email.objects.update(created=timezone.now())
    assert send_reminders(at(date(2026, 12, 2))) == 0
    assert send_reminders(at(date(2026, 12, 4))) == 0


def test_who_has_not_answered_is_not_asked_when_it_is_too_late_to(at, member, meeting):
    Meeting.objects.update(answer_by=datetime(2026, 12, 1, tzinfo=CHICAGO))
    assert send_reminders(at(date(2026, 12, 2))) == 0


# Once a month --------------------------------------------------------------------------------


@pytest.fixture
def monthly(at, member, team) -> None:
    """In November the member chose to get dates and materials once a month."""
    at(date(2026, 11, 10))
    wants = dict.fromkeys([(team.pk, Kind.MEETINGS), (team.pk, Kind.MATERIALS)], Wants.MONTHLY)
    choose_emails(member, wants)


@pytest.fixture
def held(at, team) -> Meeting:
    """A meeting whose materials were sent in November."""
    at(date(2026, 11, 20))
    start = timezone.now() - timedelta(days=3)
    return make_meeting(
        team, title="Fall", starts_at=start, status="held", materials_sent_at=timezone.now()
    )


@pytest.mark.usefixtures("monthly")
def test_summary_is_sent_once_on_the_first_working_day(at, member, meeting, held):
    make_meeting(title="For all", starts_at=meeting.starts_at)
    assert send_summaries(at(date(2026, 11, 30)).date()) == 0
    assert send_summaries(date(2026, 12, 1)) == 1
    assert send_summaries(date(2026, 12, 1)) == send_summaries(date(2026, 12, 2)) == 0
    (email,) = Email.objects.all()
    text = " ".join(email.message.split())
    assert email.to == [member.email]
    assert "Education Coming up: * Winter meeting, Wednesday, December 9, 2026, 9:00 to" in text
    assert "Minutes and materials are ready: * Fall, " in text
    # Of the whole Collaborative each one is wanted.
    assert "For all" not in text
    assert TeamEmail.objects.get().kind == TeamEmail.SUMMARY
    assert not why_not_to_send(email)
    choose_emails(member, dict.fromkeys([(None, Kind.MEETINGS)], Wants.NONE))
    EmailChoice.objects.update(wants=Wants.NONE)
    assert why_not_to_send(email)


@pytest.mark.usefixtures("monthly")
def test_summary_is_sent_only_if_something_happened(at, member, team, held):
    Meeting.objects.update(materials_sent_at=datetime(2026, 10, 31, 12, tzinfo=CHICAGO))
    make_meeting(title="Hidden", status="draft", starts_at=datetime(2026, 12, 20, tzinfo=CHICAGO))
    assert send_summaries(at(date(2026, 12, 1)).date()) == 0
    assert not Email.objects.exists()


@pytest.mark.usefixtures("monthly", "meeting")
def test_summary_is_made_up_for_and_not_sent_to_who_left(at, member):
    Membership.objects.update(status="ended", ended_at=timezone.now())
    assert send_summaries(at(date(2026, 12, 3)).date()) == 0
    Membership.objects.update(status="active", ended_at=None)
    assert send_summaries(at(date(2027, 1, 4)).date()) == 0


def test_summary_has_the_announcements_of_the_month(
    at, member, team, other_team, facilitator, administrator
):
    at(date(2026, 11, 10))
    choose_emails(
        member,
        dict.fromkeys(
            [(team.pk, Kind.ANNOUNCEMENTS), (other_team.pk, Kind.ANNOUNCEMENTS)], Wants.MONTHLY
        ),
    )
    middle = datetime(2026, 11, 9, tzinfo=CHICAGO)
    for subject, day, fields in [
        ("October", datetime(2026, 10, 31, 23, 59, tzinfo=CHICAGO), {}),
        ("First of <Nov> & more", datetime(2026, 11, 1, tzinfo=CHICAGO), {}),
        ("Last", datetime(2026, 11, 30, 23, 59, tzinfo=CHICAGO), {}),
        ("December", datetime(2026, 12, 1, tzinfo=CHICAGO), {}),
        ("Stopped", middle, {"stopped_at": timezone.now()}),
        ("To all", middle, {"team": None}),
        ("Not mine", middle, {"team": other_team}),
        ("Coming", middle, {"team": None, "meeting": make_meeting(team)}),
    ]:
        fields = {"team": team, "sent_at": day, **fields}
        make_announcement(by=facilitator, subject=subject, **fields)
    make_announcement(team, facilitator, subject="Draft", status="draft")
    assert send_summaries(at(date(2026, 12, 1)).date()) == 1
    (email,) = Email.objects.all()
    text = " ".join(email.message.split())
    assert "Education Announcements: * Last, November 30 http://127.0.0.1:8000/announc" in text
    assert "* First of <Nov> & more, November 1 http" in text
    assert "First of &lt;Nov&gt; &amp; more</a>, November 1</li>" in email.html_message
    for other in ("October", "December", "Stopped", "To all", "Not mine", "Coming", "Draft"):
        assert other not in text


def test_summary_of_announcements_to_all_teams_is_a_choice_of_its_own(
    at, member, administrator, team
):
    at(date(2026, 11, 10))
    choose_emails(member, {(None, Kind.ANNOUNCEMENTS): Wants.MONTHLY})
    make_announcement(None, administrator, subject="To all")
    make_announcement(team, administrator, subject="To the team")
    assert send_summaries(at(date(2026, 12, 1)).date()) == 1
    (email,) = Email.objects.all()
    assert "The whole Collaborative\n\nAnnouncements:\n\n* To all, Nov" in email.message
    assert "To the team" not in email.message


@pytest.mark.usefixtures("meeting", "monthly")
def test_summary_is_written_again_for_who_leaves_one_of_their_teams(
    at, member, team, other_team, other_facilitator
):
    join_teams(member, [other_team])
    choose_emails(member, {(other_team.pk, Kind.ANNOUNCEMENTS): Wants.MONTHLY})
    make_announcement(other_team, other_facilitator, subject="Of the team that they leave")
    assert send_summaries(at(date(2026, 12, 1)).date()) == 1
    summary = TeamEmail.objects.get(kind=TeamEmail.SUMMARY).email
    assert "Of the team that they leave" in summary.message
    leave_team(member.memberships.get(team=other_team))
    assert why_not_to_send(summary) == Reason.LEFT
    write_summary_again(summary)
    summary.delete()
    assert send_summaries(at(date(2026, 12, 1), hour=10).date()) == 1
    summary = TeamEmail.objects.get(kind=TeamEmail.SUMMARY).email
    assert not why_not_to_send(summary)
    assert "Winter meeting" in summary.message
    assert "Of the team that they leave" not in summary.message
    assert send_summaries(date(2026, 12, 1)) == 0


@pytest.mark.usefixtures("meeting")
def test_summary_begins_with_the_month_after_it_was_chosen(at, member, team):
    at(date(2026, 12, 1))
    choose_emails(member, {(team.pk, Kind.MEETINGS): Wants.MONTHLY})
    assert send_summaries(date(2026, 12, 2)) == 0


def test_summaries_go_on_after_the_clock_was_set_back(at, member, team, meeting):
    choose_emails(member, {(team.pk, Kind.MEETINGS): Wants.MONTHLY})
    EmailChoice.objects.update(summarized_on=date(2099, 1, 1))
    assert send_summaries(at(date(2026, 12, 1)).date()) == 1


def test_reminders_cost_the_same_queries_for_two_and_three(
    at, member, colleague, organization, team, meeting, django_assert_num_queries
):
    now = at(DAY - timedelta(days=2))
    for person in (member, colleague):
        come(meeting, "online", member=person)
    for number in range(2):
        Meeting.objects.update(reminded_at=None, answers_asked_at=timezone.now())
        with django_assert_num_queries(21):
            send_reminders(now)
        newcomer = make_active_member(f"m{number}@rush.example", organization, "Mo", team)
        come(meeting, "online", member=newcomer)
