"""What calendar programs read of meetings; each trap that has bitten others has a test."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from post_office.models import Email

from members.models import Member
from teams.calendars import email_calendar, feed, meetings_of
from teams.models import Attendance, Meeting, TeamEmail
from teams.services.answers import answer_as_guest, answer_meeting
from teams.services.meetings import (
    announce_meeting,
    cancel_meeting,
    move_meeting,
    revive_meeting,
)
from teams.tests.calendars import only_event, read_calendar
from teams.tests.meetings import make_meeting

pytestmark = pytest.mark.django_db

IN_PERSON, ONLINE, NO = Attendance.Answer.IN_PERSON, Attendance.Answer.ONLINE, Attendance.Answer.NO
CANCELLED = {"status": Meeting.Status.CANCELLED, "cancelled_reason": "Snow."}


def central(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.get_default_timezone())


def event_of(meeting: Meeting, **reader):
    return only_event(feed([meeting], **reader))


# Times ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "utc_hour"),
    [
        # The clocks go forward on March 14, 2027, and back on November 7.
        (central(2027, 3, 13, 9, 0), 15),
        (central(2027, 3, 14, 9, 0), 14),
        (central(2027, 4, 10, 9, 0), 14),
        (central(2027, 11, 6, 9, 0), 14),
        (central(2027, 11, 7, 9, 0), 15),
    ],
)
def test_meeting_event_is_at_nine_on_both_sides_of_daylight_saving(start, utc_hour):
    event = event_of(make_meeting(starts_at=start))
    assert event.start == datetime(start.year, start.month, start.day, utc_hour, tzinfo=UTC)
    assert event.end - event.start == timedelta(minutes=90)
    assert timezone.localtime(event.start).hour == 9


def test_meeting_event_keeps_its_length_through_the_night_of_the_change():
    # 1:30 a.m. daylight saving to 1:30 a.m. standard time, an hour later.
    start = central(2027, 11, 7, 1, 30)
    event = event_of(make_meeting(starts_at=start, ends_at=start.replace(fold=1)))
    assert (event.start.hour, event.end.hour) == (6, 7)


def test_meeting_event_of_several_days_is_all_day_and_says_its_hours():
    meeting = make_meeting(
        kind="summit", starts_at=central(2026, 12, 9, 9), ends_at=central(2026, 12, 10, 16)
    )
    content = feed([meeting])
    assert b"DTSTART;VALUE=DATE:20261209\r\n" in content
    # The end is the first day that is free again (RFC 5545, 3.6.1).
    assert b"DTEND;VALUE=DATE:20261211\r\n" in content
    event = only_event(content)
    assert event["transp"] == "OPAQUE"
    words = "Wednesday, December 9, 9:00 a.m., to Thursday, December 10, 2026, 4:00 p.m."
    assert f"{words} Central Time" in event["description"]


def test_meeting_event_until_midnight_is_of_one_day():
    meeting = make_meeting(starts_at=central(2026, 12, 9, 20), ends_at=central(2026, 12, 10, 0))
    assert event_of(meeting).end == datetime(2026, 12, 10, 6, tzinfo=UTC)


# What programs compare ------------------------------------------------------------------------


def test_meeting_event_keeps_its_uid_and_tells_each_change(settings, team):
    meeting = make_meeting(team)
    first = event_of(meeting)
    settings.SITE_URL = "https://other.example.org"
    meeting.starts_at += timedelta(days=1)
    meeting.ends_at += timedelta(days=1)
    meeting.sequence += 1
    meeting.changed_at = timezone.now() + timedelta(hours=1)
    second = event_of(meeting)
    assert second["uid"] == first["uid"] == str(meeting.uid)
    assert (first["sequence"], second["sequence"]) == (0, 1)
    for name in ("dtstamp", "last-modified"):
        assert second[name].dt == meeting.changed_at.replace(microsecond=0) > first[name].dt


def test_feed_is_the_same_byte_by_byte_until_something_changes(team):
    make_meeting(team, agenda="Hello")
    meetings = Meeting.objects.public().in_calendars()
    assert feed(meetings, "All") == feed(meetings, "All")


def test_feed_is_published_and_says_how_often_to_come_back():
    content = feed(Meeting.objects.public(), "All meetings; of us")
    calendar = read_calendar(content)
    assert calendar["method"] == "PUBLISH"
    assert calendar["x-wr-calname"] == calendar["name"] == "All meetings; of us"
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n" in content
    assert b"X-PUBLISHED-TTL:PT1H\r\n" in content
    assert calendar.events == []


def test_feed_without_a_name_opens_as_a_meeting_and_not_as_a_calendar():
    content = feed([make_meeting()])
    assert b"CALNAME" not in content
    assert b"\r\nNAME" not in content
    assert b"METHOD:PUBLISH" in content


# Words ----------------------------------------------------------------------------------------


def test_meeting_event_says_whose_it_is_where_and_what(settings, team, other_team):
    meeting = make_meeting(team, other_team, agenda="1. *Welcome*\n2. [News](/faq/)\n\nBye")
    event = event_of(meeting)
    assert event["summary"] == "Education, Hiring: Winter meeting"
    assert event["location"] == meeting.place
    page = f"{settings.SITE_URL}/meetings/winter-meeting/"
    assert event["url"] == page
    assert event["description"].split("\n") == [
        "Online: members find the link to join on the meeting page.",
        "",
        "Welcome",
        "News",
        "Bye",
        "",
        f"All the details: {page}",
    ]
    whole = event_of(make_meeting(place=""))
    assert whole["summary"] == "Collaborative: Winter meeting"
    assert whole["location"] == "Online"


@pytest.mark.parametrize(
    "text",
    [
        "Soup; salad, \\n \\, and “tea”",
        "BEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\nATTENDEE:mailto:eve@evil.example",
        "one\rtwo\x0bthree\x0cfour\x1cfive\x85six\u2028seven\u2029eight",
        "Zażółć gęślą jaźń 日本語のとても長い題名 👩‍⚕️ " * 20,
        "x" * 5000,
        "\x00\x1b\u202e",
        ":;,=\"'" * 30,
    ],
)
def test_meeting_event_is_safe_with_any_text(team, text):
    """Lines stay at 75 octets without cutting a letter, and no text becomes a property."""
    make_meeting(team)
    meeting = Meeting.objects.prefetch_related("teams").get()
    meeting.teams.all()[0].name = text
    meeting.title = meeting.place = meeting.agenda = meeting.cancelled_reason = text
    meeting.join_url = f"https://video.example.org/{text}"
    for status in ("announced", "cancelled"):
        meeting.status = status
        content = feed([meeting], text, with_join_links=True)
        event = only_event(content)
        assert not event.subcomponents
        assert "attendee" not in event
        start = "".join(char for char in text.split("\r")[0][:20] if char.isprintable()).strip()
        assert start in event["summary"]


def test_meeting_event_shortens_a_long_agenda_at_a_word(team):
    event = event_of(make_meeting(team, agenda="wonderful " * 1000))
    assert len(event["description"]) < 1800
    assert "wonderful …\n" in event["description"]


def test_meeting_event_cancelled_says_so_and_frees_the_time(team):
    event = event_of(make_meeting(team, **CANCELLED), with_join_links=True)
    assert event["status"] == "CANCELLED"
    assert event["summary"].startswith("Cancelled: Education: Winter meeting")
    assert event["description"].startswith("This meeting is cancelled: Snow.\n")
    assert event["transp"] == "TRANSPARENT"
    assert "join" not in event["description"].lower()


# What is in a calendar ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "ended", "is_there"),
    [
        ({}, timedelta(days=-30), True),
        ({"status": "held"}, timedelta(days=364), True),
        ({"status": "held"}, timedelta(days=366), False),
        ({"status": "draft"}, timedelta(days=-30), False),
        (CANCELLED, timedelta(days=-30), True),
        (CANCELLED, timedelta(days=1), False),
    ],
)
def test_in_calendars_holds_a_year_and_all_to_come(fields, ended, is_there):
    end = timezone.now() - ended
    make_meeting(starts_at=end - timedelta(hours=1), ends_at=end, **fields)
    assert Meeting.objects.in_calendars().exists() is is_there


def test_cancelled_meeting_is_there_until_its_day_has_passed_in_central_time(monkeypatch):
    start = central(2026, 12, 9, 9)
    make_meeting(starts_at=start, ends_at=start + timedelta(hours=1), **CANCELLED)
    # In UTC it is December 10 since 6 p.m.
    moments = {central(2026, 12, 9, 23): True, central(2026, 12, 10, 0): False}
    for moment, is_there in moments.items():
        monkeypatch.setattr(timezone, "now", lambda now=moment: now)
        assert Meeting.objects.in_calendars().exists() is is_there
        assert Meeting.objects.upcoming().exists() is is_there


def test_in_calendars_knows_no_meeting_of_a_team_that_is_a_draft(team, administrator):
    make_meeting(team)
    team.state = "draft"
    team.save()
    assert not meetings_of(administrator).exists()
    assert not Meeting.objects.public().in_calendars().exists()


def test_meetings_of_a_member_are_those_of_own_teams_of_all_and_where_they_come(
    member, team, other_team
):
    own, whole, theirs = make_meeting(team), make_meeting(), make_meeting(other_team)
    make_meeting(team, status="draft")
    make_meeting(other_team, audience="teams")
    assert set(meetings_of(member)) == {own, whole}
    answer_meeting(theirs, member, IN_PERSON)
    assert set(meetings_of(member)) == {own, whole, theirs}
    answer_meeting(own, member, NO)
    answer_meeting(theirs, member, NO)
    assert set(meetings_of(member)) == {whole}


def test_meetings_of_a_person_without_a_team_are_public_ones(applicant, team):
    whole = make_meeting()
    make_meeting(audience="members")
    make_meeting(team)
    assert list(meetings_of(applicant)) == [whole]


def test_feed_tells_for_which_meetings_the_member_waits(member, colleague, team):
    meeting = make_meeting(team, places=1)
    answer_meeting(meeting, colleague, IN_PERSON)
    answer_meeting(meeting, member, IN_PERSON)
    event = only_event(feed(meetings_of(member), "My meetings", member=member))
    assert event["status"] == "TENTATIVE"
    assert event["description"].startswith("You are on the waiting list.")
    event = only_event(feed(meetings_of(colleague), "My meetings", member=colleague))
    assert event["status"] == "CONFIRMED"


def test_feed_has_the_link_to_join_only_where_asked_and_until_the_end(team):
    meeting = make_meeting(team, place="")
    assert "secret-room" not in feed([meeting]).decode().replace("\r\n ", "")
    event = event_of(meeting, with_join_links=True)
    assert event["location"] == meeting.join_url
    assert f"Join online: {meeting.join_url}" in event["description"]
    start = timezone.now() - timedelta(days=1)
    over = make_meeting(team, starts_at=start)
    assert b"secret-room" not in feed([over], with_join_links=True).replace(b"\r\n ", b"")


def test_feed_costs_the_same_queries_for_one_and_for_three(
    member, team, other_team, fragment_clock, django_assert_num_queries
):
    make_meeting(team)
    make_meeting()
    feed(meetings_of(member), "My meetings", member=member)
    with django_assert_num_queries(4) as first:
        feed(meetings_of(member), "My meetings", member=member)
    make_meeting(team, other_team)
    with django_assert_num_queries(len(first)):
        assert len(read_calendar(feed(meetings_of(member), "Mine", member=member)).events) == 3


# Emails ---------------------------------------------------------------------------------------


@pytest.fixture
def mailbox(settings) -> None:
    settings.CALENDAR_EMAIL = "meetings@portal.example.org"


def make_email(meeting: Meeting, member=None, to: str = "", method: str = "REQUEST") -> TeamEmail:
    email = Email.objects.create(from_email="portal@example.org", to=[to or member.email])
    return TeamEmail.objects.create(email=email, meeting=meeting, member=member, method=method)


def test_email_calendar_invites_the_recipient_with_buttons(mailbox, member, team):
    meeting = make_meeting(team)
    method, text = email_calendar(make_email(meeting, member))
    event = only_event(text)
    assert method == read_calendar(text)["method"] == "REQUEST"
    assert event["attendee"] == f"mailto:{member.email}"
    assert dict(event["attendee"].params) == {
        "PARTSTAT": "NEEDS-ACTION", "ROLE": "REQ-PARTICIPANT", "RSVP": "TRUE",
    }  # fmt: skip
    assert event["organizer"].startswith("mailto:meetings+")
    assert event["organizer"].endswith("@portal.example.org")
    assert event["organizer"].params["CN"] == "Chicagoland Healthcare Workforce Collaborative"
    assert "secret-room" not in text.replace("\n ", "")
    assert "REFRESH" not in text


@pytest.mark.parametrize(
    ("answer", "participation"),
    [(IN_PERSON, "ACCEPTED"), (ONLINE, "ACCEPTED"), (NO, "DECLINED")],
)
def test_email_calendar_shows_the_present_answer(mailbox, member, team, answer, participation):
    meeting = make_meeting(team)
    answer_meeting(meeting, member, answer)
    event = only_event(email_calendar(make_email(meeting, member))[1])
    assert event["attendee"].params["PARTSTAT"] == participation
    assert event["status"] == "CONFIRMED"


def test_email_calendar_of_who_waits_for_a_place(mailbox, member, colleague, team):
    meeting = make_meeting(team, places=1)
    answer_meeting(meeting, colleague, IN_PERSON)
    answer_meeting(meeting, member, IN_PERSON)
    event = only_event(email_calendar(make_email(meeting, member))[1])
    assert event["attendee"].params["PARTSTAT"] == "TENTATIVE"
    assert event["status"] == "CONFIRMED"


def test_email_calendar_is_of_the_meeting_as_it_is_when_sent(mailbox, member, team):
    meeting = make_meeting(team)
    queued = make_email(meeting, member)
    Meeting.objects.update(title="Spring meeting", sequence=2, **CANCELLED)
    method, text = email_calendar(TeamEmail.objects.get(pk=queued.pk))
    event = only_event(text)
    assert (method, event["status"], event["sequence"]) == ("CANCEL", "CANCELLED", 2)
    assert event["summary"] == "Cancelled: Education: Spring meeting"
    assert event["attendee"] == f"mailto:{member.email}"


def test_email_calendar_asks_for_no_answer_once_none_is_taken(mailbox, member, team):
    meeting = make_meeting(team, answer_by=timezone.now() - timedelta(hours=1))
    event = only_event(email_calendar(make_email(meeting, member))[1])
    assert event["attendee"].params["RSVP"] == "FALSE"


def test_email_calendar_invites_a_guest(mailbox, team):
    meeting = make_meeting(team)
    guest = answer_as_guest(meeting, "Gil Guest", "gil@guest.example", IN_PERSON)
    method, text = email_calendar(make_email(meeting, to=guest.guest_email))
    event = only_event(text)
    assert (method, event["attendee"]) == ("REQUEST", "mailto:gil@guest.example")
    assert event["attendee"].params["PARTSTAT"] == "ACCEPTED"
    # Someone who is no guest of this meeting has no address to answer at.
    assert email_calendar(make_email(meeting, to="nobody@guest.example"))[0] == "PUBLISH"


def test_email_calendar_to_a_former_address_has_no_buttons(mailbox, member, team):
    queued = make_email(make_meeting(team), member)
    Member.objects.filter(pk=member.pk).update(email="maria@new-employer.example")
    method, text = email_calendar(TeamEmail.objects.get(pk=queued.pk))
    assert method == "PUBLISH"
    assert "meetings+" not in text


@pytest.mark.parametrize("status", [{}, CANCELLED])
def test_email_calendar_without_a_mailbox_has_no_buttons(settings, member, team, status):
    settings.CALENDAR_EMAIL = ""
    method, text = email_calendar(make_email(make_meeting(team, **status), member))
    event = only_event(text)
    assert method == read_calendar(text)["method"] == "PUBLISH"
    assert "attendee" not in event
    assert "organizer" not in event
    assert (event["status"] == "CANCELLED") is bool(status)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "draft"},
        {"starts_at": timezone.now() - timedelta(days=1)},
        {"starts_at": timezone.now() - timedelta(days=1), "status": "held"},
    ],
)
def test_email_calendar_of_a_meeting_that_is_over_or_undone_is_none(mailbox, member, team, fields):
    assert email_calendar(make_email(make_meeting(team, **fields), member)) is None


def test_email_calendar_of_an_email_without_an_entry_is_none(mailbox, member, team):
    assert email_calendar(make_email(make_meeting(team), member, method="")) is None
    assert email_calendar(make_email(None, member)) is None


# From the plan to the end ---------------------------------------------------------------------


def test_calendar_entry_follows_its_meeting(mailbox, member, team, facilitator):
    """One UID for good, and a SEQUENCE that rises with each step, in feeds and in emails."""
    meeting = make_meeting(team, status=Meeting.Status.DRAFT)
    assert not meetings_of(member).exists()
    meeting = announce_meeting(meeting, by=facilitator)
    entries = [only_event(feed(meetings_of(member), "Mine"))]
    start = meeting.starts_at + timedelta(days=7)
    meeting = move_meeting(
        meeting, starts_at=start, ends_at=start + timedelta(hours=1), by=facilitator
    )
    entries.append(only_event(feed(meetings_of(member), "Mine")))
    meeting = cancel_meeting(meeting, reason="Snow.", by=facilitator)
    entries.append(only_event(feed(meetings_of(member), "Mine")))
    meeting = revive_meeting(meeting, by=facilitator)
    entries.append(only_event(email_calendar(make_email(meeting, member))[1]))
    assert {str(entry["uid"]) for entry in entries} == {str(meeting.uid)}
    sequences = [entry["sequence"] for entry in entries]
    assert sequences == sorted(set(sequences))
    assert [entry["status"] for entry in entries] == [
        "CONFIRMED", "CONFIRMED", "CANCELLED", "CONFIRMED",
    ]  # fmt: skip
    assert [entry.start for entry in entries[1:]] == [start.replace(microsecond=0)] * 3
    assert entries[0]["dtstamp"].dt <= entries[-1]["dtstamp"].dt
