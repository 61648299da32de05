"""Reading who came to a meeting from text as people paste it: one name a line, names between commas
or semicolons, addresses as mail programs copy them, participant reports of Zoom, Teams and Meet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from members.email_addresses import normalize_address
from members.normalize import clean_lines, clean_text, fold, normalize_person_name
from members.wording import TITLES

# Headings of participant reports, folded. Of Zoom: "Name (Original Name)", "User Email"; of Teams:
# "Full Name", "Participant ID (UPN)"; of Meet: "First name", "Last name".
_NAME_HEADINGS = {
    *("name", "full name", "name (original name)", "user name", "display name"),
    *("participant name", "attendee name", "participants", "attendees"),
}
_FIRST_NAME_HEADINGS = {"first name", "given name", "first"}
_LAST_NAME_HEADINGS = {"last name", "surname", "family name", "last"}
_EMAIL_HEADINGS = {
    *("email", "e-mail", "email address", "e-mail address", "user email", "mail", "work email"),
    *("participant id (upn)", "address"),
}
_ADDRESS = re.compile(r"<?(?:mailto:)?([^\s<>,;()\[\]\"“”]+@[^\s<>,;()\[\]\"“”]+)>?", re.IGNORECASE)
_BULLET = re.compile(r"^\s*(?:[-–—*•·▪◦☐☑✓✔]+|\[[ xX]?\]|\(?\d{1,4}[.)])\s+")
_PARENTHESES = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")
# What follows is an organization or a role: "Ana Sample - Lakefront", "Ana Sample | Lakefront".
_BETWEEN_NAME_AND_MORE = re.compile(r"\s+[-–—|/@•·]+\s+|\s*\|\s*")
_PRONOUNS = re.compile(r"(?:she|he|they|her|him|them|hers|his|theirs|ze|hir|xe|any|ella|el|elle)")
_CREDENTIALS = {
    *("aprn", "ba", "bs", "bsn", "ccrn", "cna", "cpa", "dnp", "do", "dpt", "edd", "esq", "facs"),
    *("faan", "fache", "ii", "iii", "iv", "jd", "jr", "lcsw", "lpn", "lsw", "ma", "mba", "md"),
    *("mha", "mhrm", "mph", "mpa", "ms", "msn", "msw", "np", "np-c", "pa", "pa-c", "pharmd"),
    *("phd", "phr", "rd", "rdn", "rn", "rn-bc", "shrm-cp", "shrm-scp", "sphr", "sr"),
}
_DEVICE = re.compile(
    r"\b(?:iphone|ipad|android|galaxy|pixel|samsung|phone|laptop|macbook|desktop|tablet|zoom user|"
    r"call-?in user|conference room|meeting room|anonymous|guest user|unknown user)\b",
    re.IGNORECASE,
)
_PHONE = re.compile(r"[+(\d][\d\s().*+x-]{6,}")
# Beside names, in the columns of reports.
_REMARKS = {"yes", "no", "true", "false", "n/a", "na", "none", "host", "co-host", "guest", "member"}
_REMARKS |= {
    "me",
    "external",
    "unverified",
    "organizer",
    "presenter",
    "attendee",
    "in person",
    "online",
    "min",
    "minutes",
}
_SECTION = re.compile(r"\d+\. [A-Z][\w -]+")


@dataclass(frozen=True)
class Entry:
    """One person of a list: as written, the address, and what the name may be, best first."""

    text: str
    email: str = ""
    names: tuple[str, ...] = ()
    device: str = ""


@dataclass
class AttendeeList:
    """What a list holds: the people, each once, and the lines in which no person is named."""

    entries: list[Entry] = field(default_factory=list)
    repeated: int = 0
    left_out: list[str] = field(default_factory=list)


def read_attendees(text: str) -> AttendeeList:
    """Return the people in `text`. Each line with something in it has entries, repeats some, or is
    left out: a title or a summary of a report."""
    attendees = AttendeeList()
    seen: set[tuple[str, tuple[str, ...]]] = set()
    columns: _Columns | None = None
    lines = [line for line in clean_lines(text).splitlines() if line.strip()]
    is_report = any(_Columns.of(line) for line in lines)
    for line in lines:
        if found := _Columns.of(line):
            columns = found
            continue
        entries = list(_entries(line, columns)) if columns or not is_report else []
        if not entries and is_report:
            attendees.left_out.append(clean_text(line))
        elif not entries:
            entries = [Entry(clean_text(line))]
        for entry in entries:
            key = (entry.email, tuple(map(normalize_person_name, entry.names[:1])) or (entry.text,))
            if key in seen:
                attendees.repeated += 1
                continue
            seen.add(key)
            attendees.entries.append(entry)
    return attendees


@dataclass(frozen=True)
class _Columns:
    """Where the names and addresses of a report stand."""

    delimiter: str
    width: int
    names: tuple[int, ...]
    email: int | None

    @classmethod
    def of(cls, line: str) -> _Columns | None:
        """Return the columns if `line` is the heading of a report with names or addresses."""
        delimiter = max("\t;,", key=line.count)
        cells = [fold(clean_text(cell)) for cell in _cells(line, delimiter)]
        positions = dict(zip(reversed(cells), reversed(range(len(cells))), strict=True))
        first = _position(positions, _FIRST_NAME_HEADINGS)
        last = _position(positions, _LAST_NAME_HEADINGS)
        whole = _position(positions, _NAME_HEADINGS)
        email = _position(positions, _EMAIL_HEADINGS)
        if first is not None and last is not None:
            return cls(delimiter, len(cells), (first, last), email)
        if whole is None and email is None:
            return None
        # A person may be called Name; a heading stands alone or beside others.
        return cls(delimiter, len(cells), () if whole is None else (whole,), email)

    def entry(self, line: str) -> Entry | None:
        """Return the person of a line under these headings, if it is one."""
        cells = [clean_text(cell) for cell in _cells(line, self.delimiter)]
        if self.width > 1 and len(cells) < 2 and _SECTION.fullmatch(cells[0]):
            return None
        cells += [""] * (self.width - len(cells))
        name = " ".join(cells[position] for position in self.names).strip()
        email = cells[self.email] if self.email is not None else ""
        return _entry(clean_text(line), name, email if "@" in email else "")


def _position(positions: dict[str, int], headings: set[str]) -> int | None:
    return next((place for heading, place in positions.items() if heading in headings), None)


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])


def _entries(line: str, columns: _Columns | None) -> Iterator[Entry]:
    if columns:
        entry = columns.entry(line)
        yield from [entry] if entry else []
        return
    bare = _BULLET.sub("", line)
    delimiter = next((sign for sign in "\t;" if sign in bare), "")
    if delimiter == ";":
        parts = [cell for part in bare.split(";") for cell in _split_commas(part)]
        yield from _entries_of_cells(parts)
    elif delimiter:
        yield from _entries_of_cells(_joined_by_comma(bare.split("\t")))
    else:
        yield from _entries_of_cells(_split_commas(bare))


def _split_commas(text: str) -> list[str]:
    return _joined_by_comma(_cells(text.strip(), ","))


def _joined_by_comma(cells: Iterable[str]) -> list[str]:
    """Return the cells that may name a person. "Sample, Ana" is one name; so is what is left of
    "Sample, Ana, RN" without the credential."""
    parts = [clean_text(cell) for cell in cells]
    # The first one may be the last name Do or Guest.
    parts = [
        part
        for place, part in enumerate(parts)
        if part and not _is_noise(part, is_first=place == 0)
    ]
    names = [part for part in parts if _without_address(part)]
    is_one_name = len(names) == 2 and (
        _is_last_and_first(*map(_without_address, names))
        and sum(_has_address(part) for part in parts) < 2
    )
    if is_one_name:
        last, first = names
        others = [part for part in parts if part not in names]
        return [f"{last}, {first}", *others]
    return parts


def _is_last_and_first(last: str, first: str) -> bool:
    """Return whether "last, first" is one name. A last name may be of several words in which only
    particles are in lower case ("van der Berg")."""
    last_words = last.split()
    last_words = [word for word in last_words if len(last_words) == 1 or not word.islower()]
    first_words = first.split()
    has_initial = len(first_words) == 2 and len(first_words[1].rstrip(".")) == 1
    return len(last_words) == 1 and (len(first_words) == 1 or has_initial)


def _entries_of_cells(cells: list[str]) -> Iterator[Entry]:
    """Yield the people of one line: a name and the address after it are one person."""
    if len(cells) == 2 and _is_address(cells[0]) and not _has_address(cells[1]):
        cells = [cells[1], cells[0]]
    name = ""
    for cell in cells:
        if _is_address(cell):
            first, *others = _ADDRESS.findall(cell)
            yield _entry(f"{name}, {first}" if name else first, name, first)
            yield from (_entry(address, "", address) for address in others)
            name = ""
            continue
        if name:
            yield _entry(name, name, "")
        name = "" if (address := _ADDRESS.search(cell)) else cell
        if address:
            yield _entry(cell, _without_address(cell), address[1])
    if name:
        yield _entry(name, name, "")


def _is_address(cell: str) -> bool:
    """Return whether there is nothing but addresses in a cell."""
    return _has_address(cell) and not _without_address(cell)


def _has_address(cell: str) -> bool:
    return _ADDRESS.search(cell) is not None


def _without_address(text: str) -> str:
    return clean_text(_ADDRESS.sub(" ", text)).strip(" ,<>\"'“”-")


def _is_noise(cell: str, *, is_first: bool = False) -> bool:
    """Return whether a cell beside names holds no name: a credential, a time, a yes."""
    folded = fold(cell).strip(". ")
    if _has_address(cell) or _PHONE.fullmatch(cell):
        return False
    if folded in _REMARKS or folded.replace(".", "") in _CREDENTIALS:
        return not is_first
    return not re.search(r"[^\W\d_]", cell) or bool(re.match(r"\d", folded))


def _entry(text: str, name: str, address: str) -> Entry:
    email = normalize_address(address) if address else ""
    folded = fold(name)
    device = ""
    if _PHONE.fullmatch(name):
        return Entry(text, email, (), "a phone number")
    if _DEVICE.search(folded):
        device = "a device"
    return Entry(text, email, tuple(_possible_names(name)), device)


def _possible_names(text: str) -> list[str]:
    """Return what may be the name in `text`: without pronouns, credentials and what follows it; as
    written before and in parentheses."""
    inside = [
        part
        for found in _PARENTHESES.finditer(text)
        if (part := clean_text(found[1] or found[2] or ""))
        and not (_is_pronouns(part) or _is_noise(part))
    ]
    outside = clean_text(_PARENTHESES.sub(" ", text))
    parts = [part for part in _BETWEEN_NAME_AND_MORE.split(outside) if not _is_pronouns(part)]
    # What stands before " - " is more likely the name than the whole.
    candidates = [*parts[:1], outside, *parts[1:], *inside]
    names = [_without_titles(candidate) for candidate in candidates]
    return list(dict.fromkeys(name for name in names if normalize_person_name(name)))


def _is_pronouns(text: str) -> bool:
    words = re.split(r"[/\s,]+", fold(text).strip())
    return all(_PRONOUNS.fullmatch(word) for word in words)


def _without_titles(name: str) -> str:
    """Return `name` without "Dr." and "RN", words with digits, and the device in "Ana's iPhone"."""
    words = re.sub(r"\S*\d\S*|[’']s\b", " ", _DEVICE.sub(" ", name)).split()
    plain = [fold(word).strip(".,").replace(".", "") for word in words]
    while len(words) > 1 and plain[0] in TITLES:
        words, plain = words[1:], plain[1:]
    while len(words) > 2 and plain[-1] in _CREDENTIALS:
        words, plain = words[:-1], plain[:-1]
    return " ".join(words).strip(" ,.-") if words else ""
