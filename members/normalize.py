"""How names and addresses are compared: folding text, organization names, email domains."""

import re
import unicodedata

# Mailbox providers for the public: their domains say nothing about an employer. The largest
# ones of the United States and worldwide; the database refuses them as an EmailDomain.
MAILBOX_PROVIDERS = (  # noqa: SIM905  # as a list it would be three times as long
    "aim.com aol.com att.net bellsouth.net charter.net comcast.net cox.net duck.com "
    "earthlink.net fastmail.com free.fr frontier.com frontiernet.net gmail.com gmx.com gmx.de "
    "gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.fr hushmail.com icloud.com "
    "inbox.com juno.com laposte.net libero.it live.com lycos.com mac.com mail.com mail.ru "
    "mailfence.com me.com msn.com naver.com netscape.net netzero.net optimum.net optonline.net "
    "orange.fr outlook.com outlook.de pm.me proton.me protonmail.com protonmail.ch qq.com "
    "rcn.com roadrunner.com rocketmail.com rogers.com sbcglobal.net spectrum.net t-online.de "
    "tuta.com tutanota.com twc.com verizon.net wanadoo.fr web.de windstream.net wowway.com "
    "xfinity.com yahoo.ca yahoo.co.in yahoo.co.uk yahoo.com yahoo.com.mx yahoo.es yahoo.fr "
    "yandex.com yandex.ru ymail.com zoho.com zohomail.com 126.com 163.com"
).split()

COMPARED_LENGTH = 150  # of a name; what follows counts no more
# Legal endings that two spellings of one organization may or may not carry.
_LEGAL_ENDINGS = {
    *("co", "company", "corp", "corporation", "inc", "incorporated", "llc", "llp", "lp", "ltd"),
    *("limited", "nfp", "pc", "pllc", "plc"),
}
_DOTTED = re.compile(r"\b(?:\w\.){2,}")  # "L.L.C." is one word, "St. Anne" is two
_APOSTROPHES = str.maketrans("", "", "'`’‘ʼ")
_NOT_WORD = re.compile(r"[\W_]+")


def fold(text: str) -> str:
    """`text` without case and accents, for comparing and searching ("École" gives "ecole").

    Unicode's compatibility decomposition (NFKD), combining marks dropped, then case-folded.
    """
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


def normalized_name(name: str) -> str:
    """The form in which two organization names are compared; empty if nothing comparable is left.

    Without case, accents, punctuation, "the", legal endings; "&" and "and" are dropped alike.
    "The St. Anne's Hospital & Clinics, Inc." gives "st annes hospital clinics".
    """
    text = _DOTTED.sub(lambda match: match[0].replace(".", ""), fold(name)).translate(_APOSTROPHES)
    words = [word for word in _NOT_WORD.sub(" ", text).split() if word not in {"the", "and"}]
    while len(words) > 1 and words[-1] in _LEGAL_ENDINGS:
        words.pop()
    return " ".join(words)[:COMPARED_LENGTH].rstrip()


def email_domain(email: str) -> str:
    """The domain of an email address, in lower case ("Ana@Rush.example" gives "rush.example")."""
    return email.rpartition("@")[2].lower().rstrip(".")


def domain_suffixes(domain: str) -> list[str]:
    """`domain` and its parents with at least two labels, longest first."""
    labels = domain.split(".")
    return [".".join(labels[i:]) for i in range(len(labels) - 1)]


def is_public_mailbox(domain: str) -> bool:
    """Whether `domain` is, or lies below, a public mailbox provider's."""
    return not set(domain_suffixes(domain)).isdisjoint(MAILBOX_PROVIDERS)
