"""What a mail server said when it refused an email: its code, and whether to ask again.

Never its text, which may name people.
"""

import re
from collections.abc import Iterator
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPResponseException

# A mailbox or a domain that takes no email, or this email. The other 5xx (syntax, authentication)
# are about how the portal is set up, and emails wait until that is mended.
FINAL = {521, 550, 551, 552, 553, 554, 556}
# So are, with whatever code before them: policy and relaying, the sender's address, its domain.
OURS = re.compile(r"5\.(7\.\d+|1\.[78])")
ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\S)")


def reply_code(error: Exception) -> str:
    """The mail server's code, with its enhanced code if there is one: “550 5.1.1”. Empty where
    it said nothing, as when it is down."""
    return next((f"{code} {enhanced}".strip() for code, enhanced in _answers(error)), "")


def is_permanent(error: Exception) -> bool:
    """Whether another try is of no use: the server refused each recipient, or the email itself,
    for good."""
    if not isinstance(error, (SMTPRecipientsRefused, SMTPDataError)):
        return False
    answers = list(_answers(error))
    return bool(answers) and all(
        code in FINAL and not OURS.fullmatch(enhanced) for code, enhanced in answers
    )


def _answers(error: Exception) -> Iterator[tuple[int, str]]:
    """Each code and enhanced code in an error of smtplib; none in others."""
    told: list[tuple[int, bytes | str]]
    if isinstance(error, SMTPRecipientsRefused):
        told = list(error.recipients.values())
    elif isinstance(error, SMTPResponseException) and error.smtp_code > 0:
        told = [(error.smtp_code, error.smtp_error)]
    else:
        return
    for code, text in told:
        words = text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)
        found = ENHANCED.match(words)
        yield code, found[1] if found else ""
