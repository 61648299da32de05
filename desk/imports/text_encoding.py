"""In which encoding a file of text is."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress

from charset_normalizer import from_bytes

from members.services import Refused

# What spreadsheets write beside Unicode. Among more encodings the guess gets worse: Muñoz would
# be read as Muńoz.
LEGACY_ENCODINGS = ("cp1252", "mac_roman")
WIDE_UNICODE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32")
# Marks at the start of a file; the one of UTF-32 begins with the one of UTF-16.
UNICODE_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# UTF-16 has a zero in every second byte of text in Latin letters; no other text has any.
MIN_ZEROS_OF_UTF16 = 0.2

_LOWER, _UPPER = "ß-öø-ÿ", "À-ÖØ-Þ"
# Letters with accents, quotes and dashes where names have them: an "é" after a letter, an "É" at
# the start of a word or among capitals, an apostrophe before a capital or an s.
PLAUSIBLE = re.compile(
    rf"(?<=[a-zA-Z{_LOWER}{_UPPER}])[{_LOWER}](?![A-Z{_UPPER}])"
    rf"|(?<![a-zA-Z{_LOWER}{_UPPER}])[{_UPPER}]|(?<=[A-Z{_UPPER}])[{_UPPER}](?![a-z{_LOWER}])"
    rf"|(?<=[a-zA-Z{_LOWER}])[’–—](?=[A-Z{_UPPER}]|s\b)"
    r"|(?<!\w)[“‘](?=\w)|(?<=\w)[”’…®™](?!\w)|(?<!\w)[–—•](?!\w)"
)
# Of these, the ones that names have most often.
FREQUENT = frozenset("áéíóúñüöäçèßÁÉÍÓÚÑÜÖÄÇ’")
# The first bytes of letters in UTF-8, as the legacy encodings show them.
MISREAD = re.compile("[ÂÃÄÅâï¬√ƒ≈‚Ô]")
# What names have: ASCII, letters of Latin with accents, quotes and dashes; and the mark of UTF-8.
IN_NAMES = re.compile("[\x00-\x7f\xa0-\u017f\u2010-\u2026\ufeff]*")


def decode_text(content: bytes) -> tuple[str, str]:
    """Return the text of a file and the name of its encoding: UTF-8 if it is that, UTF-16 by its
    mark or its zeros, else the one of LEGACY_ENCODINGS in which more letters are where names have
    them. Refuses what is not text."""
    encoding = _unicode_encoding(content)
    try:
        return content.decode(encoding), encoding.removesuffix("-sig")
    except UnicodeDecodeError as error:
        decoded = None if encoding in WIDE_UNICODE else _decode_legacy(content)
        if decoded is None:
            raise Refused(
                "This is not readable text. Save the list as CSV (UTF-8) or Excel."
            ) from error
        return decoded


def undo_misreading(text: str) -> str:
    """Return `text` as it was before another program took its UTF-8 for a legacy encoding, and
    stored what it saw: "JosÃ©" (Windows) and "Jos√©" (Macintosh) give "José". Other text stays.

    Text that was read right is hardly ever UTF-8 in a legacy encoding as well, and then holds
    letters that no name has: "CAFÉ’S" would be "CAFɒS". The library ftfy weighs text of any kind,
    so it leaves names as they are that are too short for it, such as "Ã…lesund" (its issue 203).
    """
    if not MISREAD.search(text):
        return text
    for encoding in LEGACY_ENCODINGS:
        with suppress(UnicodeError):
            # Programs keep the few bytes without a letter in cp1252 as control characters.
            content = b"".join(
                letter.encode("latin-1" if letter < "\xa0" else encoding) for letter in text
            )
            meant = content.decode()
            if IN_NAMES.fullmatch(meant):
                # Some files have gone through it twice.
                return undo_misreading(meant)
    return text


def _unicode_encoding(content: bytes) -> str:
    """Return the kind of Unicode that `content` is in, if it is in any."""
    for mark, encoding in UNICODE_MARKS.items():
        if content.startswith(mark):
            return encoding
    zeros_at_odd_places = content[1::2].count(0)
    zeros_at_even_places = content[::2].count(0)
    if zeros_at_odd_places + zeros_at_even_places < MIN_ZEROS_OF_UTF16 * len(content):
        return "utf-8-sig"
    return "utf-16-le" if zeros_at_odd_places > zeros_at_even_places else "utf-16-be"


def _decode_legacy(content: bytes) -> tuple[str, str] | None:
    """Return text and encoding; None if it is no text.

    charset-normalizer knows what is no text, but few names are too few for its statistics: it
    takes José, in the text of a Macintosh, for JosŽ. So it decides only where neither letters do,
    nor the ends of the lines: Excel on a Macintosh writes "\r" alone, on Windows "\r\n".
    """
    # Of a file that is UTF-8 but for a few characters.
    content = content.removeprefix(codecs.BOM_UTF8)
    guess = from_bytes(content, cp_isolation=list(LEGACY_ENCODINGS)).best()
    if guess is None:
        return None
    texts = {guess.encoding: str(guess)}
    for encoding in LEGACY_ENCODINGS:
        with suppress(UnicodeDecodeError):
            texts.setdefault(encoding, content.decode(encoding))
    if b"\r\n" in content:
        probable = "cp1252"
    else:
        probable = guess.encoding if b"\n" in content else "mac_roman"

    def plausibility(encoding: str) -> tuple[int, int, bool]:
        letters = PLAUSIBLE.findall(texts[encoding])
        return len(letters), sum(letter in FREQUENT for letter in letters), encoding == probable

    best = max(texts, key=plausibility)
    return texts[best], best
