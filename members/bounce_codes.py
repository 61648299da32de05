"""What mail servers say when they refuse an email: whether it is the address that does not work.

The codes are those of RFC 3463 and of the registry of RFC 5248, and Exchange Online's own
(learn.microsoft.com, "Email non-delivery reports in Exchange Online").
"""

import re

# Permanent, and about the mailbox or its domain. Not here, although permanent: a full mailbox
# (5.2.2), whose owner may be on leave; an email that came too late (5.4.7), since the server may
# have been down; what is about our address (5.1.7, 5.1.8), the size or the content (5.2.3, 5.3.4,
# 5.6.x), or about policy, spam and relaying (5.7.x): none of these says that a person has left.
MEANINGS = {
    "5.1.1": "the mailbox does not exist",
    "5.1.2": "the email domain does not exist",
    "5.1.3": "the mail server does not accept the address",
    "5.1.6": "the mailbox has moved",
    # Exchange Online: not found in the directory. RFC 7505: a domain without email.
    "5.1.10": "the mailbox does not exist",
    "5.2.1": "the mailbox is disabled",
    "5.4.4": "the email domain does not exist",
    "5.4.310": "the email domain does not exist",
}
NO_MAILBOX = "the mailbox does not exist"

# "Other or undefined" (RFC 3463, 3.1) in any class but policy; and 5.4.1, with which Exchange
# Online refuses addresses that its directory does not have. Then the text decides.
_VAGUE = re.compile(r"5\.[0-6]\.0|5\.4\.1")
_NO_MAILBOX = re.compile(
    r"user unknown|unknown user|no such (user|mailbox|recipient)|no mailbox here"
    r"|(user|mailbox|recipient|account) (was )?not found|recipient unknown|unknown recipient"
    r"|(user|mailbox|recipient|account|address)\b.{0,80}\b(does not|doesn.t) exist"
    r"|unrouteable address|recipient address rejected: access denied",
    re.IGNORECASE,
)
_ENHANCED_CODE = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_TEMPORARY = re.compile(r"(?:[\w-]+;)?\s*4\d\d(?!\d)")
# Such as "Sender address rejected: User unknown", about the portal's own.
_SENDER = re.compile(r"\bsender\b", re.IGNORECASE)


def dead_address_code(reply: str, status: str = "") -> str | None:
    """Return the enhanced code with which a mail server says that the address it refused does not
    work, "" if it says so without one; None where it says anything else.

    `reply` is its answer, `status` what a report says about the recipient: gateways put a vague
    status beside a precise answer, so the answer's own code counts first.
    """
    found = _ENHANCED_CODE.search(reply)
    code = found[1] if found else status
    if _TEMPORARY.match(reply) or _SENDER.search(reply):
        return None
    if code in MEANINGS:
        return code
    is_vague = not code or _VAGUE.fullmatch(code)
    return code if is_vague and _NO_MAILBOX.search(reply) else None


def describe_code(code: str) -> str:
    """Return in words why the address does not work, by a code of `dead_address_code`."""
    return MEANINGS.get(code, NO_MAILBOX)
