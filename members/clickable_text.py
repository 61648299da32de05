"""What mail programs make a link of in plain text: web and email addresses, also without a scheme.

Text of a person whom nobody has checked goes into an email to a stranger only without any.
"""

import re

from django.core.exceptions import ValidationError

from members.email_domains import has_known_ending
from members.normalize import fold

# Browsers read the full stops of other scripts as "." (UTS 46); `fold` handles the full-width one.
_DOTS = str.maketrans("。․", "..")
_SCHEME = re.compile(r"://|\b(?:www\.|(?:mailto|tel|sms|callto|skype):)\S")
# What cannot be within the name of a site: labels begin and end with a letter or digit. A pattern
# of the name itself would take quadratic time.
_BETWEEN_NAMES = re.compile(r"[^\w.-]+|\.{2,}|\.(?=[-_])|(?<=[-_])\.")


def clickable_part(text: str) -> str:
    """Return the first word of `text` that mail programs would make a link of; "" without one."""
    for word in text.split():
        compared = fold(word).translate(_DOTS)
        if "@" in compared or _SCHEME.search(compared) or any(map(_is_host, _hosts(compared))):
            return word
    return ""


def _hosts(word: str) -> list[str]:
    """Return what may be names of sites in `word`: letters and digits with full stops between."""
    names = (run.strip("._-") for run in _BETWEEN_NAMES.split(word))
    return [name for name in names if "." in name]


def _is_host(name: str) -> bool:
    """Return whether `name` is an IPv4 address, or ends as domains do: "evil.com", not "e.g."."""
    labels = name.split(".")
    if all(label.isdecimal() for label in labels):
        return len(labels) == 4
    return not labels[-1].isdecimal() and has_known_ending(name)


def validate_not_clickable(text: str) -> None:
    """Raise ValidationError, saying how to fix it, where `text` has a web or email address."""
    if part := clickable_part(text):
        raise ValidationError(
            f"Leave out “{part}”: web and email addresses are not allowed. The email has a link",
            code="clickable",
        )
