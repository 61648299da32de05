"""Sessions in the database that know whose they are, so that their owner can end them.

A session is a row; it has ended when its row is gone. `settings.SESSION_ENGINE` names this
module.
"""

import re
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from members.models import Member, Session

KEY = re.compile(r"[a-z0-9]{32}")
BROWSER = "browser"  # in the session: which one it is, in words
NOTED_EVERY = timedelta(minutes=5)  # how exactly we know when a session was last used
UNKNOWN = "A browser that does not say what it is"
# What browsers call themselves; the first one that fits counts: most claim to be others too.
BROWSERS = {
    r"\bEdg(e|A|iOS)?/": "Edge",
    r"\b(OPR|OPT)/": "Opera",
    r"\bSamsungBrowser/": "Samsung Internet",
    r"\b(Firefox|FxiOS)/": "Firefox",
    r"\b(Chrome|CriOS|Chromium)/": "Chrome",
    r"\bVersion/.*\bSafari/": "Safari",
}
SYSTEMS = {
    r"\biPhone\b": "iPhone",
    r"\biPad\b": "iPad",
    r"\bAndroid\b": "Android",
    r"\bCrOS\b": "ChromeOS",
    r"\bWindows\b": "Windows",
    r"\bMac(intosh| OS X)\b": "Mac",
    r"\bLinux\b": "Linux",
}


def browser_in_words(user_agent: str) -> str:
    """“Firefox on Windows” from what a browser says of itself; versions are not kept."""
    browser, system = (
        next((name for pattern, name in known.items() if re.search(pattern, user_agent[:500])), "")
        for known in (BROWSERS, SYSTEMS)
    )
    if browser and system:
        return f"{browser} on {system}"
    return browser or (f"A browser on {system}" if system else UNKNOWN)


def public_id(session_key: str) -> str:
    """What stands for a session in a page: nobody is signed in with it."""
    return salted_hmac("members.auth.session_store", session_key, algorithm="sha256").hexdigest()[
        :20
    ]


class SessionStore(DatabaseStore):
    """Django's sessions in the database, with the member, the browser and the last use.

    Reading one brings the member along, and the organization: see members/backends.py.
    """

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row to store: that of a member once somebody is signed in."""
        row: Session = super().create_model_instance(data)  # type: ignore[assignment]
        if SESSION_KEY in data:
            row.member_id = int(data[SESSION_KEY])
            row.browser = data.get(BROWSER, UNKNOWN)
        return row

    member: Member | None = None  # whose it is, once it was read

    def _validate_session_key(self, key: str | None) -> bool:
        """Whether it can be one of ours; a database refuses some of what strangers send."""
        return bool(key and KEY.fullmatch(key))

    def load(self) -> dict[str, Any]:
        """What the session holds. Notes that a member's is in use, at most every few minutes."""
        now = timezone.now()
        rows = Session.objects.select_related("member__organization")
        try:
            row = rows.get(session_key=self.session_key, expire_date__gt=now)
        except Session.DoesNotExist:
            self._session_key = None
            return {}
        self.member = row.member
        if row.member_id and now - row.last_used_at >= NOTED_EVERY:
            # Where nothing can be written, reading goes on.
            with suppress(DatabaseError), transaction.atomic():
                Session.objects.filter(pk=row.pk).update(last_used_at=now)
        return self.decode(row.session_data)
