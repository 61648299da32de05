"""Answers from calendar programs: whose they are, which count, and what hostile emails do."""

import base64
import time
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from django.utils import timezone

from conftest import make_member
from members.services.moving import hold
from teams.calendar_replies import read_reply
from teams.models import Attendance, Meeting
from teams.reply_addresses import reply_address, resolve_reply_token
from teams.services import close_account
from teams.services.answers import answer_as_guest, answer_meeting
from teams.services.calendar_replies import take_calendar_reply
from teams.tests.meetings import make_meeting

pytestmark = pytest.mark.django_db

IN_PERSON, ONLINE, NO = Attendance.Answer.IN_PERSON, Attendance.Answer.ONLINE, Attendance.Answer.NO


@pytest.fixture(autouse=True)
def _mailbox(settings) -> None:
    settings.CALENDAR_EMAIL = "meetings@portal.example.org"


@pytest.fixture
def meeting(team) -> Meeting:
    return make_meeting(team)


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def calendar(meeting: Meeting, answer: str = "ACCEPTED", **fields: str | None) -> str:
    """Return the calendar of an answer; a field without a value is left out."""
    values = {
        "UID": str(meeting.uid),
        "SEQUENCE": str(meeting.sequence),
        "DTSTART": utc(meeting.starts_at),
        "DTSTAMP": utc(timezone.now()),
        f"ATTENDEE;PARTSTAT={answer}": "mailto:eve@evil.example",
        "METHOD": "REPLY",
        **fields,
    }
    method = values.pop("METHOD")
    lines = [f"{name}:{value}" for name, value in values.items() if value is not None]
    start = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", f"METHOD:{method}", "BEGIN:VEVENT"]
    return "\r\n".join([*start, *lines, "END:VEVENT", "END:VCALENDAR", ""])


def email_of(text: str, to: str, **headers: str) -> bytes:
    """Return an email as Outlook sends it: what anyone can write is someone else's."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "eve@evil.example", to, "Accepted"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("I will come.")
    message.add_alternative(text, subtype="calendar", params={"method": "REPLY"})
    return message.as_bytes()


def reply(meeting: Meeting, person, answer: str = "ACCEPTED", **fields: str | None) -> bytes:
    return email_of(calendar(meeting, answer, **fields), reply_address(meeting, person))


# Who answers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "fields", "stored"),
    [
        ("ACCEPTED", {}, IN_PERSON),
        ("accepted", {}, IN_PERSON),
        ("ACCEPTED", {"place": ""}, ONLINE),
        ("DECLINED", {}, NO),
    ],
)
def test_take_calendar_reply_answers_as_the_person_of_the_address(
    member, team, answer, fields, stored
):
    meeting = make_meeting(team, **fields)
    attendance = take_calendar_reply(reply(meeting, member, answer))
    assert (attendance.member, attendance.answer) == (member, stored)
    # Sent a second time by a mail server it changes nothing.
    assert take_calendar_reply(reply(meeting, member, answer)) == attendance
    assert Attendance.objects.count() == 1


def test_take_calendar_reply_of_a_guest(meeting):
    guest = answer_as_guest(meeting, "Gil Guest", "gil@guest.example", IN_PERSON)
    take_calendar_reply(reply(meeting, guest, "DECLINED"))
    guest.refresh_from_db()
    assert (guest.answer, guest.guest_name) == (NO, "Gil Guest")
    Attendance.objects.update(guest_email="", guest_name="")
    assert take_calendar_reply(reply(meeting, guest, "ACCEPTED")) is None


@pytest.mark.parametrize("answer", ["TENTATIVE", "NEEDS-ACTION", "DELEGATED", ""])
def test_take_calendar_reply_that_says_neither_yes_nor_no_changes_nothing(
    meeting, member, answer, caplog
):
    caplog.set_level("INFO")
    answer_meeting(meeting, member, ONLINE)
    assert take_calendar_reply(reply(meeting, member, answer)) is None
    assert Attendance.objects.get().answer == ONLINE
    assert f"meeting {meeting.pk} not taken" in caplog.text


def test_take_calendar_reply_yes_keeps_how_one_comes(meeting, member):
    answer_meeting(meeting, member, ONLINE)
    assert take_calendar_reply(reply(meeting, member)).answer == ONLINE
    take_calendar_reply(reply(meeting, member, "DECLINED"))
    assert take_calendar_reply(reply(meeting, member)).answer == IN_PERSON


def test_take_calendar_reply_waits_in_line_like_everyone(team, member, colleague):
    meeting = make_meeting(team, places=1)
    answer_meeting(meeting, colleague, IN_PERSON)
    assert take_calendar_reply(reply(meeting, member)).waiting_since
    assert take_calendar_reply(reply(meeting, member)).waiting_since


def test_reply_address_is_of_one_meeting_one_person_and_one_address(
    meeting, team, member, colleague, settings
):
    other = make_meeting(team)
    address = reply_address(meeting, member)
    local, _, domain = address.partition("@")
    assert len(local) <= 64
    assert local == local.lower()
    assert domain == "portal.example.org"
    token = local.partition("+")[2]
    assert token.isalnum()
    link = resolve_reply_token(token)
    assert (link.meeting, link.member) == (meeting, member)
    signature = token.rpartition("s")[2]
    for keys in (f"{meeting.pk:x}m{colleague.pk:x}", f"{other.pk:x}m{member.pk:x}"):
        assert resolve_reply_token(f"{keys}s{signature}") is None
    for wrong in ("", "m", token[:-1], token + "0", "f" * 16 + "m" + "f" * 16 + "s" + "0" * 20):
        assert resolve_reply_token(wrong) is None
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "x" * 50, [settings.SECRET_KEY]
    assert resolve_reply_token(token)
    member.email = "moved@rush.example"
    member.save()
    assert resolve_reply_token(token) is None


def test_take_calendar_reply_ends_with_the_account(meeting, member, colleague):
    sent, held = reply(meeting, member), reply(meeting, colleague)
    close_account(member)
    hold(colleague, why="test")
    assert take_calendar_reply(sent) is None
    assert take_calendar_reply(held) is None
    assert not Attendance.objects.exclude(answer="").exists()


def test_take_calendar_reply_finds_the_address_in_any_case_and_header(meeting, member):
    address = reply_address(meeting, member)
    for to, headers in (
        (f'"The Collaborative" <{address.upper()}>', {}),
        ("meetings@portal.example.org", {"Delivered_To": address}),
        (address, {"X_Original_To": address, "Auto_Submitted": "auto-generated"}),
    ):
        assert take_calendar_reply(email_of(calendar(meeting), to, **headers))


def test_take_calendar_reply_to_two_people_at_once_is_of_nobody(meeting, member, colleague):
    both = f"{reply_address(meeting, member)}, {reply_address(meeting, colleague)}"
    assert take_calendar_reply(email_of(calendar(meeting), both)) is None
    near = reply_address(meeting, member).replace("meetings+", "other-meetings+")
    assert take_calendar_reply(email_of(calendar(meeting), near)) is None
    near = reply_address(meeting, member) + ".evil.example"
    assert take_calendar_reply(email_of(calendar(meeting), near)) is None


# Which answers count --------------------------------------------------------------------------


def test_take_calendar_reply_to_the_old_time_is_no_answer_to_the_new_one(meeting, member):
    sent = reply(meeting, member)
    without_time = reply(meeting, member, DTSTART=None)
    starts_at = meeting.starts_at + timedelta(days=7)
    Meeting.objects.update(starts_at=starts_at, ends_at=starts_at + timedelta(hours=1), sequence=1)
    assert take_calendar_reply(sent) is None
    assert take_calendar_reply(without_time) is None
    meeting.refresh_from_db()
    assert take_calendar_reply(reply(meeting, member))


def test_take_calendar_reply_counts_after_a_corrected_title(meeting, member):
    sent = reply(meeting, member)
    Meeting.objects.update(title="Winter meetings", sequence=1)
    assert take_calendar_reply(sent)


@pytest.mark.parametrize("zone", ["America/Chicago", "Central Standard Time"])
def test_take_calendar_reply_reads_times_of_other_zones(team, member, zone):
    meeting = make_meeting(team, starts_at=timezone.localtime() + timedelta(days=9))
    local = timezone.localtime(meeting.starts_at).strftime("%Y%m%dT%H%M%S")
    fields = {"DTSTART": None, "SEQUENCE": "0", f"DTSTART;TZID={zone}": local}
    assert take_calendar_reply(reply(meeting, member, **fields))


def test_take_calendar_reply_to_a_summit_of_several_days(team, member):
    start = timezone.now() + timedelta(days=9)
    meeting = make_meeting(team, starts_at=start, ends_at=start + timedelta(days=1))
    for day, counts in ((meeting.day - timedelta(days=1), False), (meeting.day, True)):
        fields = {"DTSTART": None, "DTSTART;VALUE=DATE": f"{day:%Y%m%d}"}
        assert bool(take_calendar_reply(reply(meeting, member, **fields))) is counts


def test_take_calendar_reply_older_than_the_answer_on_the_page_does_not_count(meeting, member):
    answer_meeting(meeting, member, NO)
    an_hour_ago = utc(timezone.now() - timedelta(hours=1))
    assert take_calendar_reply(reply(meeting, member, DTSTAMP=an_hour_ago)) is None
    assert Attendance.objects.get().answer == NO
    # Clocks of programs may be behind by some minutes.
    a_minute_ago = utc(timezone.now() - timedelta(minutes=1))
    assert take_calendar_reply(reply(meeting, member, DTSTAMP=a_minute_ago)).answer == IN_PERSON


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "cancelled", "cancelled_reason": "Snow."},
        {"answer_by": timezone.now() - timedelta(hours=1)},
    ],
)
def test_take_calendar_reply_too_late_is_logged_and_answered_by_nothing(
    meeting, member, changes, caplog, queued_emails
):
    caplog.set_level("INFO")
    sent = reply(meeting, member)
    Meeting.objects.update(**changes)
    assert take_calendar_reply(sent) is None
    assert "Nothing was changed." in caplog.text
    assert not Attendance.objects.exists()
    assert queued_emails() == []
    assert member.email not in caplog.text


@pytest.mark.parametrize(
    "fields",
    [
        {"UID": "another@portal.example.org"},
        {"UID": None},
        {"METHOD": "REQUEST"},
        {"METHOD": "COUNTER"},
        {"METHOD": ""},
        {"ATTENDEE;PARTSTAT=DECLINED": "mailto:second@evil.example"},
        {"SEQUENCE": "many", "DTSTART": "whenever"},
    ],
)
def test_take_calendar_reply_ignores_what_is_no_answer(meeting, member, fields):
    assert take_calendar_reply(reply(meeting, member, **fields)) is None


# Hostile and broken emails --------------------------------------------------------------------


def hostile(to: str, good: str) -> dict[str, bytes]:
    head = f"To: {to}\r\nMIME-Version: 1.0\r\n".encode()
    part = b"Content-Type: text/calendar; method=REPLY\r\n\r\n"
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
        for n in range(3000)
    )
    bomb = "BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\n" + "BEGIN:VEVENT\r\n" * 6000
    attached = EmailMessage()
    attached["To"] = to
    attached.set_content("Forwarded.")
    inner = EmailMessage()
    inner.set_content(good, subtype="calendar")
    attached.add_attachment(inner)
    return {
        "empty": b"",
        "zeros": b"\0" * 1000 + b"text/calendar",
        "vacation": head + b"Auto-Submitted: auto-replied\r\n\r\nI am away. text/calendar",
        "too large": head + part + good.encode() + b"x" * 1_000_000,
        "large calendar": head + part + good.replace("PRODID:x", "X:" + "y" * 200_000).encode(),
        "nested": head + nested + part + good.encode(),
        "bomb": head + part + bomb.encode(),
        "base64": head
        + b"Content-Type: text/calendar\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
        "no boundary": head + b"Content-Type: multipart/mixed\r\n\r\n" + part + good.encode(),
        "header": b"To: " + to.encode() + b" =?utf-8?q?=ff=fe?=\r\nContent-Type: text/calendar;"
        b" charset*=x'y'%ff%ff\r\n\r\nBEGIN:VCALENDAR",
        "many calendars": head
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\nContent-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\n" * 14000,
        "parameters": b'Content-Type: multipart/mixed; x="'
        + b";" * 400_000
        + b"\r\n"
        + head
        + b"\r\n"
        + part,
        "many parts": head
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\n\r\nx\r\n" * 60_000
        + part,
        "attached": attached.as_bytes(),
        "latin": head + part + "BEGIN:VCALENDAR\r\nMETHOD:RÉPLY\r\nEND:VCALENDAR".encode("latin-1"),
    }


HOSTILE = list(hostile("x", ""))


@pytest.mark.parametrize("kind", HOSTILE)
def test_take_calendar_reply_survives_hostile_emails(meeting, member, kind):
    content = hostile(reply_address(meeting, member), calendar(meeting))[kind]
    started = time.process_time()
    assert take_calendar_reply(content) is None
    assert time.process_time() - started < 2
    assert not Attendance.objects.exists()


@pytest.mark.parametrize("charset", ["no-such-charset", "utf-8", "us-ascii", '"utf-8; x=y"'])
def test_take_calendar_reply_reads_any_charset(meeting, member, charset):
    text = calendar(meeting, COMMENT="Grüße, 日本")
    content = (
        f"Delivered-To: {reply_address(meeting, member)}\r\n"
        f"Content-Type: text/calendar; method=REPLY; charset={charset}\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
    ).encode() + base64.encodebytes(text.encode())
    assert take_calendar_reply(content)


def test_read_reply_of_random_cuts_raises_nothing(meeting, member):
    content = reply(meeting, member)
    for end in range(0, len(content), 7):
        read_reply(content[:end])
        read_reply(content[:end] + b"\xff\0\r" + content[end + 3 :])


def test_take_calendar_reply_of_who_may_no_longer_see_it(team, outsider):
    meeting = make_meeting(team)
    sent = reply(meeting, outsider)
    Meeting.objects.update(audience="teams")
    assert take_calendar_reply(sent) is None
    nobody = make_member("no@rush.example")
    assert take_calendar_reply(reply(meeting, nobody)) is None
