"""Emails that came back, as mail servers report them: RFC 3464, and the formats before it that
flufl.bounce knows. Anyone can send one: nothing in it raises an error, whatever it holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.utils import parseaddr

from members.bounce_addresses import BounceToken, find_token
from members.bounce_codes import dead_address_code
from members.plus_addresses import recipients_in
from members.received_emails import parse_email

# The report comes first; behind it, some servers return the whole email.
MAX_EMAIL_BYTES = 200_000
# Each email of the portal goes to one; a report may name those that it was forwarded to.
MAX_ADDRESSES = 20
# Of text that is searched, at all; the expressions of flufl.bounce take quadratic time for a line.
MAX_LINES, MAX_LINE_LENGTH = 400, 500
# In formats without the code in a place of its own, what follows the address says why.
MAX_REASON_LENGTH = 500
# A line that separates the report from the email that came back.
_RULE = re.compile(r"^-{2}", re.MULTILINE)
_ADDRESS = re.compile(r"[^\s<>()\[\];:,\"]{1,64}@[\w.-]{1,255}")
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\d)")
# Who sends reports in formats older than RFC 3464.
DAEMONS = {"mailer-daemon", "mail-daemon", "postmaster"}


@dataclass(frozen=True)
class BounceReport:
    """The addresses that do not work, with the code of each, and the token to whose address the
    report came. Only with a token that is true for an address does it say anything about it."""

    token: BounceToken
    codes: dict[str, str]


def read_bounce(content: bytes, recipient: str = "") -> BounceReport | None:
    """Return the addresses that an email to BOUNCE_EMAIL reports as not working; None if it reports
    none. `recipient` is the address that it came to, where the mail server gives it. Some servers
    drop the token from it; then the headers are read.

    What counts is a permanent failure (`dead_address_code`) in a report of RFC 3464, or in an
    email by a mail server itself (From: mailer-daemon, postmaster). So an out-of-office reply never
    counts, even one that says that the mailbox does not exist, nor does a receipt (RFC 8098), a
    warning that an email is late, or what was refused as spam.
    """
    # The libraries may raise anything about an email that was written to break them.
    try:
        return _read(parse_email(content[:MAX_EMAIL_BYTES]), recipient)
    except Exception:
        return None


def _read(message: Message, recipient: str) -> BounceReport | None:
    token = find_token(recipient) or find_token(recipients_in(message))
    if token is None or not _is_by_mail_server(message):
        return None
    _shorten(message)
    # Only the mail worker needs its expressions, which are a thirtieth of the start of a process.
    from flufl.bounce import all_failures  # noqa: PLC0415

    _, failed = all_failures(message)
    if len(failed) > MAX_ADDRESSES:
        return None
    codes = {}
    for address in {each.decode("ascii").strip().lower() for each in failed}:
        code = dead_address_code(*_reason(message, address))
        if code is not None:
            codes[address] = code
    return BounceReport(token, codes) if codes else None


def _is_by_mail_server(message: Message) -> bool:
    report_type = message.get_param("report-type", "")
    if message.get_content_type() == "multipart/report" and report_type:
        return str(report_type).lower() == "delivery-status"
    _, address = parseaddr(str(message.get("From", "")))
    return address.partition("@")[0].lower() in DAEMONS


def _shorten(message: Message) -> None:
    """Leave of `message` the text that is searched, decoded, in lines that are not too long."""
    lines_left = MAX_LINES
    for part in message.walk():
        if part.get_content_type() == "message/rfc822":
            # The email that came back.
            part.set_payload("")
        if part.is_multipart():
            continue
        is_text = part.get_content_maintype() == "text"
        content = part.get_payload(decode=True) if is_text else b""
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
        lines = [line[:MAX_LINE_LENGTH] for line in text.splitlines()[:lines_left]]
        lines_left -= len(lines)
        del part["Content-Transfer-Encoding"]
        part.set_payload("\n".join(lines))


def _reason(message: Message, address: str) -> tuple[str, str]:
    """Return what the mail server said about `address`, and the status in its report, if any."""
    for block in _recipients(message):
        names = (block.get("Original-Recipient", ""), block.get("Final-Recipient", ""))
        if address in {str(name).rpartition(";")[2].strip(" <>").lower() for name in names}:
            status = _STATUS.match(str(block.get("Status", "")))
            return str(block.get("Diagnostic-Code", "")), status[1] if status else ""
    for part in message.walk():
        text = str(part.get_payload()) if part.get_content_maintype() == "text" else ""
        for found in _ADDRESS.finditer(text):
            if found[0].lower().rstrip(".") == address:
                return _RULE.split(text[found.end() :], maxsplit=1)[0][:MAX_REASON_LENGTH], ""
    return "", ""


def _recipients(message: Message) -> Iterator[Message]:
    """Yield what the report of RFC 3464 says about each recipient."""
    parts = message.get_payload() if message.is_multipart() else []
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, Message) and part.get_content_type() == "message/delivery-status":
            blocks = part.get_payload()
            yield from (block for block in blocks if isinstance(block, Message))
