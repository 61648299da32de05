"""How text is cleaned before anything else is done with it, and how it is compared: without case
and accents; names of people and organizations; addresses."""

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
# What nobody sees and every copy from a web page, PDF or spreadsheet may hold: controls that are no
# white space, soft hyphen, zero-width and direction marks, fillers, tags, halves of characters.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
# Scripts whose letters take another form where a joiner stands between them: Arabic and its
# neighbors, those of India and Southeast Asia, Mongolian; and emoji.
_JOINED = (
    "\u0620-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u18af\u1900-\u1cff\ua800-\uaaff\uabc0-\uabff"
    "\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff"
    "\u2190-\u2bff\ufe0f\U0001f000-\U0001faff"
)
_JOINERS = re.compile(
    f"(?<=[{_JOINED}])([\u200c\u200d])[\u200c\u200d]*(?=[{_JOINED}])|[\u200c\u200d]+"
)


def clean_text(text: str) -> str:
    """Return `text` as one line that holds only what can be seen: the form in which every name,
    title and sentence is compared and stored.

    Single spaces stand for any white space, so a name adds no lines to an email. What `clean_lines`
    removes is removed.
    """
    return " ".join(clean_lines(text).split())


def clean_lines(text: str) -> str:
    """Return `text` without invisible characters; its lines and spaces stay.

    Joiners (U+200C, U+200D) stay inside words of scripts that need them, and inside emoji.
    """
    if text.isascii() and text.isprintable():
        return text
    return _JOINERS.sub(r"\1", _INVISIBLE.sub("", text))


def fold(text: str) -> str:
    """Return `text` without case, accents and what nobody sees, to compare and search it ("École"
    gives "ecole").

    Unicode's compatibility decomposition (NFKD), combining marks dropped, then case-folded.
    """
    if text.isascii():
        return clean_lines(text.lower())
    decomposed = unicodedata.normalize("NFKD", text)
    return clean_lines("".join(c for c in decomposed if not unicodedata.combining(c)).casefold())


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
