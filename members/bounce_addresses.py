"""The addresses to which mail servers send back what they cannot deliver: the sender in the
envelope of each email to a member (RFC 5321, 4.4), `bounces+<member>-<email>-<signature>@…`.

The signature is over the address that the email went to as well, so that an email that comes back
late says nothing about the next address of the member, and nothing has to be stored.
"""

import re
from dataclasses import dataclass

from django.conf import settings
from django.utils.crypto import constant_time_compare

from members.models import Member
from members.plus_addresses import SIGNATURE_LENGTH, key_in, plus_address, plus_tokens, signature

SALT = "members.bounce_addresses"
_TOKEN = re.compile(rf"([0-9a-f]{{1,16}})-([0-9a-f]{{1,16}})-([0-9a-f]{{{SIGNATURE_LENGTH}}})")


@dataclass(frozen=True)
class BounceToken:
    """What such an address names. Nothing of it is true before `is_of` has said so."""

    member_key: int
    email_key: int
    text: str

    def is_of(self, address: str) -> bool:
        """Return whether the portal made it for an email to `address`."""
        keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        right = (_token(self.member_key, self.email_key, address, key) for key in keys)
        return any(constant_time_compare(self.text, token) for token in right)


def bounce_address(member: Member, email_key: int) -> str:
    """Return the address to which the email `email_key` to `member` comes back. BOUNCE_EMAIL must
    be set."""
    return plus_address(settings.BOUNCE_EMAIL, _token(member.pk, email_key, member.email))


def find_token(text: str) -> BounceToken | None:
    """Return the token of the one address in `text` that `bounce_address` could have made; None
    where there is none, or more than one."""
    tokens = plus_tokens(settings.BOUNCE_EMAIL, text)
    matches = [match for token in tokens if (match := _TOKEN.fullmatch(token))]
    if len(matches) != 1:
        return None
    (match,) = matches
    return BounceToken(key_in(match[1]), key_in(match[2]), match[0])


def _token(member_key: int, email_key: int, address: str, key: str | None = None) -> str:
    text = f"{member_key:x}-{email_key:x}"
    return f"{text}-{signature(SALT, f'{text} {address}', key)}"
