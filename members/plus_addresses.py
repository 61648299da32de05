"""Addresses with a signed token behind a plus, `mailbox+token@domain`: what comes to one is about
what the token names, whatever else stands in the email, which anyone can write."""

import re
from email.message import Message

from django.utils.crypto import salted_hmac

SIGNATURE_LENGTH = 20
# Small letters and digits, as mail servers may change the case. With the 20 characters that a
# mailbox may have before its plus it fits into the 64 of an address (RFC 5321, 4.5.3.1.1).
MAX_TOKEN_LENGTH = 43
# Where mail servers and programs note to whom an email went.
RECIPIENT_HEADERS = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To")
# Behind a token stands nothing else of the address, before the mailbox neither.
_ADDRESS = re.compile(
    rf"(?<![\w.+-])([\w.-]{{1,20}})\+([\w-]{{1,{MAX_TOKEN_LENGTH}}})@([\w.-]+)", re.ASCII
)


def plus_address(mailbox: str, token: str) -> str:
    """Return the address of `mailbox` with `token`."""
    name, _, domain = mailbox.partition("@")
    return f"{name}+{token}@{domain}"


def plus_tokens(mailbox: str, text: str) -> set[str]:
    """Return the tokens of all addresses of `mailbox` in `text`, in small letters."""
    name, _, domain = mailbox.partition("@")
    found = _ADDRESS.findall(text.lower())
    return {token for local, token, host in found if (local, host) == (name, domain)}


def recipients_in(message: Message) -> str:
    """Return what the headers of `message` say about whom it went to."""
    headers = (text for name in RECIPIENT_HEADERS for text in message.get_all(name, []))
    return "\n".join(map(str, headers))


def signature(salt: str, text: str, key: str | None = None) -> str:
    """Return the signature of `text` by SECRET_KEY, or by `key`."""
    digest = salted_hmac(salt, text, secret=key, algorithm="sha256").hexdigest()
    return digest[:SIGNATURE_LENGTH]


def key_in(digits: str) -> int:
    """Return the key of a record, in hexadecimal digits, as one that every database takes."""
    return min(int(digits, 16), 2**63 - 1)
