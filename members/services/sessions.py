"""Where members are signed in: recorded by allauth.usersessions at each sign-in, ended here.

A session ends with its row in `django_session`: the next request of that browser is signed out.
"""

import re
from datetime import timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from members.models import Member

LAST_USE_INTERVAL = timedelta(minutes=5)
USER_AGENT_MAX_LENGTH = 500
UNKNOWN_BROWSER = "A browser that does not say what it is"
# The first pattern that matches counts: most browsers claim to be others too.
BROWSERS = {
    re.compile(r"\bEdg(e|A|iOS)?/"): "Edge",
    re.compile(r"\b(OPR|OPT)/"): "Opera",
    re.compile(r"\bSamsungBrowser/"): "Samsung Internet",
    re.compile(r"\b(Firefox|FxiOS)/"): "Firefox",
    re.compile(r"\b(Chrome|CriOS|Chromium)/"): "Chrome",
    re.compile(r"\bVersion/.*\bSafari/"): "Safari",
}
SYSTEMS = {
    re.compile(r"\biPhone\b"): "iPhone",
    re.compile(r"\biPad\b"): "iPad",
    re.compile(r"\bAndroid\b"): "Android",
    re.compile(r"\bCrOS\b"): "ChromeOS",
    re.compile(r"\bWindows\b"): "Windows",
    re.compile(r"\bMac(intosh| OS X)\b"): "Mac",
    re.compile(r"\bLinux\b"): "Linux",
}


def describe_browser(user_agent: str) -> str:
    """Return a browser in words, like “Firefox on Windows”, without versions."""
    user_agent = user_agent[:USER_AGENT_MAX_LENGTH]
    browser = _first_match(BROWSERS, user_agent)
    system = _first_match(SYSTEMS, user_agent)
    if browser and system:
        return f"{browser} on {system}"
    return browser or (f"A browser on {system}" if system else UNKNOWN_BROWSER)


def _first_match(names: dict[re.Pattern[str], str], user_agent: str) -> str:
    return next((name for pattern, name in names.items() if pattern.search(user_agent)), "")


def _has_session() -> Exists:
    """Return the condition that the session of a UserSession is there and has not expired."""
    unexpired = Session.objects.filter(expire_date__gt=timezone.now())
    return Exists(unexpired.filter(session_key=OuterRef("session_key")))


def active_sessions(member: Member) -> QuerySet[UserSession]:
    """Return where `member` is signed in, the browser that was used last first."""
    sessions: QuerySet[UserSession] = UserSession.objects.filter(_has_session(), user=member)
    return sessions.order_by("-last_seen_at", "pk")


def note_last_use(session_key: str) -> None:
    """Store that the session is in use, unless that was done less than LAST_USE_INTERVAL ago."""
    now = timezone.now()
    due = UserSession.objects.filter(last_seen_at__lte=now - LAST_USE_INTERVAL)
    due.filter(session_key=session_key).update(last_seen_at=now)


def end_sessions(member: Member, *, session_key: str = "", except_key: str = "") -> None:
    """Sign `member` out everywhere, or only in the session `session_key`, or in all sessions
    except `except_key`. What was begun in an ended session is lost."""
    sessions = UserSession.objects.filter(user=member).exclude(session_key=except_key)
    if session_key:
        sessions = sessions.filter(session_key=session_key)
    keys = list(sessions.values_list("session_key", flat=True))
    with transaction.atomic():
        Session.objects.filter(session_key__in=keys).delete()
        UserSession.objects.filter(session_key__in=keys).delete()


def delete_ended_sessions() -> None:
    """Delete expired sessions, and what is stored about sessions that are gone."""
    Session.objects.filter(expire_date__lte=timezone.now()).delete()
    UserSession.objects.exclude(_has_session()).delete()


def export_sessions(member: Member) -> list[dict[str, Any]]:
    """Return what is stored of the sessions of `member`, as plain values, without the keys."""
    return [
        {
            "browser": describe_browser(session.user_agent),
            "user_agent": session.user_agent,
            "network_address": session.ip,
            "signed_in_at": session.created_at.isoformat(),
            "last_used_at": session.last_seen_at.isoformat(),
        }
        for session in UserSession.objects.filter(user=member).order_by("-last_seen_at", "pk")
    ]
