"""Email addresses in text that was pasted: from a mail program, a list or a spreadsheet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError

from members.email_addresses import MAX_ADDRESS_LENGTH, normalize_address, validate_address

# A name in quotes may hold what separates addresses: "Example, Ana" <ana@hospital.org>
_QUOTED_NAME = re.compile(r'"[^"@]*"')
_IN_BRACKETS = re.compile(r"<([^<>]*)>")


@dataclass(frozen=True)
class AddressList:
    """What was read in a text: each address once, the number of duplicates, and the entries that
    are not addresses, each with its line number and how to correct it."""

    addresses: list[str] = field(default_factory=list)
    duplicates: int = 0
    problems: list[tuple[int, str, str]] = field(default_factory=list)


def read_addresses(text: str) -> AddressList:
    """Return the addresses in `text`, normalized, in their order. Line breaks, commas, semicolons
    and white space separate them; names are left out."""
    addresses: dict[str, None] = {}
    duplicates, problems = 0, []
    for number, line in enumerate(text.splitlines(), start=1):
        for entry in _entries(line):
            address = normalize_address(entry)
            try:
                validate_address(address)
                if len(address) > MAX_ADDRESS_LENGTH:
                    raise ValidationError(f"Enter at most {MAX_ADDRESS_LENGTH} characters")
            except ValidationError as error:
                problems.append((number, entry, error.messages[0]))
                continue
            duplicates += address in addresses
            addresses[address] = None
    return AddressList(list(addresses), duplicates, problems)


def _entries(line: str) -> Iterator[str]:
    """Yield what stands for an address in `line`: in angle brackets, or between separators."""
    for part in _QUOTED_NAME.sub(" ", line).split(";"):
        end = 0
        for bracket in _IN_BRACKETS.finditer(part):
            # What stands before it is a name, unless it is an address of its own.
            before = list(_bare_entries(part[end : bracket.start()]))
            yield from (entry for entry in before if "@" in entry and entry != bracket[1].strip())
            yield bracket[1].strip()
            end = bracket.end()
        yield from _bare_entries(part[end:])


def _bare_entries(text: str) -> Iterator[str]:
    """Yield the entries of `text` without brackets; of one with a name before the address, as in a
    copied row of a spreadsheet, the address."""
    for entry in text.split(","):
        words = entry.split()
        addresses = [word for word in words if "@" in word]
        if addresses:
            yield from addresses
        elif words:
            yield " ".join(words)
