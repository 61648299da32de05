"""What the pages have in common that check a file of topics or of figures before it is stored."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class FileCheck:
    """What the page says about a file: what storing it would do, or the errors of its rows.

    `token` holds what was checked, signed, for the press that stores it; without one there is
    nothing to store. `lists` are further lines, each list below its heading. `rows` are the
    beginning of the table that would be stored, `unlisted` how many more rows it has.
    """

    effects: str
    button: str
    token: str
    errors: list[str]
    notes: list[str]
    warnings: list[str] = field(default_factory=list)
    lists: list[tuple[str, list[str]]] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    rows: list[tuple[object, ...]] = field(default_factory=list)
    unlisted: int = 0
