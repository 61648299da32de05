"""Calendars for tests, read by two programs that must agree."""

from datetime import UTC, date, datetime

import vobject
from icalendar import Calendar, Event

MAX_LINE_OCTETS = 75


def read_calendar(content: bytes | str) -> Calendar:
    """Return the calendar in `content`, after holding what every program relies on: lines and their
    folding (RFC 5545, 3.1), no time zones and no rules, and what a second library reads in it."""
    if isinstance(content, str):
        content = content.replace("\n", "\r\n").encode()
    lines = content.split(b"\r\n")
    assert lines.pop() == b""
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert max(map(len, lines)) <= MAX_LINE_OCTETS
    unfolded = content.replace(b"\r\n ", b"")
    for name in (b"\r\nRRULE", b"\r\nRDATE", b"TZID", b"VTIMEZONE", b"VALARM"):
        assert name not in unfolded
    calendar = Calendar.from_ical(content)
    assert (calendar["version"], calendar["calscale"]) == ("2.0", "GREGORIAN")
    assert calendar["prodid"]
    other = vobject.readOne(content.decode())
    assert other.method.value == calendar["method"]
    others = {each.uid.value: each for each in other.contents.get("vevent", [])}
    assert len(others) == len(calendar.events)
    for event in calendar.events:
        assert set(event) >= {"UID", "SEQUENCE", "DTSTAMP", "LAST-MODIFIED", "STATUS", "SUMMARY"}
        _compare(event, others[str(event["uid"])])
    return calendar


def _compare(event: Event, other: vobject.base.Component) -> None:
    assert other.summary.value == event["summary"]
    assert other.description.value == event["description"]
    assert other.location.value == event["location"]
    assert other.status.value == event["status"]
    assert int(other.sequence.value) == event["sequence"]
    assert (other.dtstart.value, other.dtend.value) == (event.start, event.end)
    for moment in (event.start, event.end):
        assert type(moment) is date or moment.utcoffset() == datetime.now(UTC).utcoffset()


def only_event(content: bytes | str) -> Event:
    """Return the one entry of a calendar, read as `read_calendar` does."""
    (event,) = read_calendar(content).events
    return event
