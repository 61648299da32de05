"""How log lines are written: with the id of their request, and without anything about people.

Lines name people and records by their keys. What a library or an exception adds passes `redact`
last, which removes email addresses and what PostgreSQL says about the rows of a failed statement.
Needs no settings, so that `deploy/gunicorn.conf.py` can set up gunicorn's own log in the same way.
"""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

from members.history.request_id import current_request_id

LEVELS: dict[str, str] = {name.lower(): name for name in ("DEBUG", "INFO", "WARNING", "ERROR")}
FORMATS: dict[str, str] = {name: name for name in ("text", "json")}
OWN_LOGGERS = ("portal", "collaborative", "desk", "teams", "members")

# Starts only where no character before it could start a match: otherwise a long word would take
# quadratic time.
_EMAIL_ADDRESS = re.compile(
    r"(?<![^\s@<>()\[\]{}\"'=:,;/])[^\s@<>()\[\]{}\"'=:,;/]+(?:@|%40)[^\s@<>()\[\]{}\"',;/]+",
    re.IGNORECASE,
)
# PostgreSQL names the values of a failed statement: `DETAIL:  Failing row contains (…)`.
_STATEMENT_VALUES = re.compile(
    r"(DETAIL|CONTEXT|HINT): .*?(?=\n\n(?:The above|During handling)|\nTraceback|\Z)", re.DOTALL
)
# Addresses that open something without signing in, wherever a library names them. Those that stop
# emails go on, or hold a colon, which tells them from the files of templates.
_SECRET_PATH = re.compile(
    r"(?<!/dev)/(moved|invited|meetings/answer|my/calendar|emails(?=/[^/\s]+/|/[^/\s]*:))"
    r"/(?!new/|\[token\])[^/\s]+",
    re.IGNORECASE,
)
# The attributes of every record; all others were given by `extra`.
_STANDARD_ATTRIBUTES = {*vars(logging.makeLogRecord({})), "message", "asctime", "request_id"}
# Django adds the whole request and its socket to the records of "django.request" and its server.
_OMITTED_EXTRAS = {"request", "server_time", "status_code"}


def redact(text: str) -> str:
    """Return `text` without email addresses, without what opens a page without signing in, and
    without the values of a failed statement."""
    if "@" in text or "%40" in text:
        text = _EMAIL_ADDRESS.sub("(address)", text)
    text = _SECRET_PATH.sub(r"/\1/[token]", text)
    return _STATEMENT_VALUES.sub(r"\1: (left out)", text) if ": " in text else text


class RequestIdFilter(logging.Filter):
    """Adds the id of the current request to each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_request_id() or "-"
        return True


class TextFormatter(logging.Formatter):
    """One line for people, redacted; the time in UTC with its offset."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name} [{request_id}] {message}", style="{")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802  # logging's own name
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class JsonFormatter(TextFormatter):
    """One JSON object per line, redacted; what a line gives as `extra` has keys of its own."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "message": record.getMessage(),
        }
        extras = vars(record).keys() - _STANDARD_ATTRIBUTES - _OMITTED_EXTRAS
        line |= {name: value for name, value in vars(record).items() if name in extras}
        if record.exc_info:
            line["exc_info"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack_info"] = self.formatStack(record.stack_info)
        line = {key: redact(text) if isinstance(text, str) else text for key, text in line.items()}
        return json.dumps(line, ensure_ascii=False, default=str)


def configuration(log_format: str, level: str) -> dict[str, Any]:
    """Return the dictionary for `logging.config.dictConfig`: all lines go to standard error."""
    # Debug lines of libraries are never written.
    library_level = max(level, "INFO", key=logging.getLevelNamesMapping().__getitem__)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request_id": {"()": RequestIdFilter}},
        "formatters": {"line": {"()": JsonFormatter if log_format == "json" else TextFormatter}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["request_id"],
            },
            "null": {"class": "logging.NullHandler"},
        },
        "root": {"handlers": ["console"], "level": library_level},
        "loggers": {
            **{name: {"level": level} for name in OWN_LOGGERS},
            # Django's own handlers give way to the one above.
            "django": {"handlers": [], "level": library_level, "propagate": True},
            # Each request has its access line: a second one about a missing page adds nothing.
            "django.request": {"level": "ERROR"},
            # What was forged is no error of the portal: the access line says 400, 403 or 413, and
            # collaborative.error_views warns of what only a person signed in can send.
            "django.security": {"level": "CRITICAL"},
            # Names addresses when an email fails; the mail worker logs each email by its key.
            "post_office": {"handlers": ["null"], "level": "CRITICAL", "propagate": False},
            # Logs each format that it tries.
            "flufl.bounce": {"handlers": ["null"], "level": "CRITICAL", "propagate": False},
        },
    }
