"""How text is compared: without case and accents; names of people and organizations; addresses."""

import re
import string
import unicodedata

# Characters; what follows them does not count.
MAX_NORMALIZED_NAME_LENGTH = 150
# Legal endings that two spellings of one organization may or may not carry.
_LEGAL_ENDINGS = {
    *("co", "company", "corp", "corporation", "inc", "incorporated", "llc", "llp", "lp", "ltd"),
    *("limited", "nfp", "pc", "pllc", "plc"),
}
# "L.L.C." is one word, "St. Anne" is two.
_DOTTED_ABBREVIATION = re.compile(r"\b(?:\w\.){2,}")
_WITHOUT_APOSTROPHES = str.maketrans("", "", "'`’‘ʼ")
_SEPARATORS = re.compile(r"[\W_]+")
_LOWER_CASE = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def fold(text: str) -> str:
    """Return `text` without case and accents, to compare and search it ("École" gives "ecole").

    Unicode's compatibility decomposition (NFKD), combining marks dropped, then case-folded.
    """
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


def lower_ascii(text: str) -> str:
    """Return `text` with A to Z in lower case. Other letters stay: `str.lower` makes a plain "k" of
    the Kelvin sign, and with it of one address or domain another."""
    return text.translate(_LOWER_CASE)


def normalize_person_name(name: str) -> str:
    """Return `name` as people are compared: folded words in alphabetical order.

    "García Lopez, José" gives "garcia jose lopez".
    """
    return " ".join(sorted(_words(name)))[:MAX_NORMALIZED_NAME_LENGTH].rstrip()


def normalize_organization_name(name: str) -> str:
    """Return `name` as organizations are compared; empty if nothing comparable is left.

    Without case, accents, punctuation, "the", legal endings; "&" and "and" are dropped alike.
    "The St. Anne's Hospital & Clinics, Inc." gives "st annes hospital clinics".
    """
    text = _DOTTED_ABBREVIATION.sub(lambda match: match[0].replace(".", ""), fold(name))
    words = [word for word in _words(text) if word not in {"the", "and"}]
    while len(words) > 1 and words[-1] in _LEGAL_ENDINGS:
        words.pop()
    return " ".join(words)[:MAX_NORMALIZED_NAME_LENGTH].rstrip()


def _words(text: str) -> list[str]:
    return _SEPARATORS.sub(" ", fold(text).translate(_WITHOUT_APOSTROPHES)).split()
