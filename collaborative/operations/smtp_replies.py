"""What a mail server replied when it refused an email: the code, and whether to try again.

Never the text of a reply, which may name people.
"""

import re
from collections.abc import Iterator
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPResponseException

from members.bounce_codes import dead_address_code

# RFC 5321 and 7504: a mailbox or a domain that accepts no email, or not this one. Emails wait out
# the other 5xx (syntax, authentication), which are about how the portal is set up.
PERMANENT_CODES = {521, 550, 551, 552, 553, 554, 556}
# RFC 3463: also about the portal, after whatever code: policy and relaying, the sender's address
# and its domain.
OWN_FAULT = re.compile(r"5\.(7\.\d+|1\.[78])")
ENHANCED_CODE = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\S)")


def reply_code(error: Exception) -> str:
    """Return the mail server's code, with its enhanced code if there is one: "550 5.1.1".

    Empty where the server did not reply, such as when it is down.
    """
    return next((f"{code} {enhanced}".strip() for code, enhanced in _reply_codes(error)), "")


def is_permanent(error: Exception) -> bool:
    """Return whether another try is useless: the server refused each recipient, or the email
    itself, permanently."""
    if not isinstance(error, (SMTPRecipientsRefused, SMTPDataError)):
        return False
    codes = list(_reply_codes(error))
    return bool(codes) and all(
        code in PERMANENT_CODES and not OWN_FAULT.fullmatch(enhanced) for code, enhanced in codes
    )


def dead_address_reply(error: Exception) -> str | None:
    """Return the enhanced code, or "", with which the mail server refused an email to one address
    since that does not work; None for every other error. Exchange Online refuses an address that
    it does not have only after it has the content."""
    replies = list(_replies(error))
    if not is_permanent(error) or len(replies) != 1:
        return None
    return dead_address_code(replies[0][1])


def _reply_codes(error: Exception) -> Iterator[tuple[int, str]]:
    """Yield each code and enhanced code in an error of smtplib; nothing for other errors."""
    for code, text in _replies(error):
        enhanced = ENHANCED_CODE.match(text)
        yield code, enhanced[1] if enhanced else ""


def _replies(error: Exception) -> Iterator[tuple[int, str]]:
    """Yield the code and the text of each reply in an error of smtplib; nothing for others."""
    replies: list[tuple[int, bytes | str]] = []
    if isinstance(error, SMTPRecipientsRefused):
        replies = list(error.recipients.values())
    elif isinstance(error, SMTPResponseException) and error.smtp_code > 0:
        replies = [(error.smtp_code, error.smtp_error)]
    for code, reply in replies:
        yield code, reply.decode("ascii", "replace") if isinstance(reply, bytes) else str(reply)
