"""Ending sessions: the next request of that browser is signed out."""

from typing import Any

from members.models import Member, Session


def end_sessions(member: Member, *, only: str = "", but: str = "") -> int:
    """Sign `member` out everywhere, `only` in the session with this key, or everywhere `but`
    there; returns in how many browsers. What they had begun there is forgotten."""
    ended = Session.objects.filter(member=member)
    if only:
        ended = ended.filter(session_key=only)
    number, _ = ended.exclude(session_key=but).delete()
    return number


def active_sessions(member: Member) -> list[dict[str, Any]]:
    """Where `member` is signed in, as plain values, without the keys."""
    return [
        {"browser": session.browser, "last_used_at": session.last_used_at.isoformat()}
        for session in Session.objects.of(member)
    ]
