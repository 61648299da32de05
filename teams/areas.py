"""Chicago's 77 community areas and the suburbs of Cook County: names, numbers and boundaries.

They are data of the project (`teams/data/README.md` says where they are from), not records: they
do not change while the portal runs. Figures about them are records.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.urls import reverse
from django.utils.text import slugify

from members.normalize import fold

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Area:
    """A community area, whose `code` is its number, or a suburb, whose `code` is the Census
    Bureau's for the place. CMAP calls the code GEOID."""

    code: str
    name: str
    # Of an SVG; a community area has a point for its label, too.
    path: str
    x: int = 0
    y: int = 0

    @property
    def is_community_area(self) -> bool:
        return len(self.code) <= 2

    @property
    def number(self) -> int | None:
        """Of a community area, as the City counts them; None for a suburb."""
        return int(self.code) if self.is_community_area else None

    @property
    def slug(self) -> str:
        """Its part of the address: "68-englewood", "1701010-alsip"."""
        return f"{self.code}-{slugify(self.name.replace('’', ''))}"

    def __str__(self) -> str:
        """With its number, as on the map: "68 Englewood"; a suburb's name alone."""
        return f"{self.code} {self.name}" if self.is_community_area else self.name

    def get_absolute_url(self) -> str:
        return reverse("area_detail", args=[self.slug])


@dataclass(frozen=True)
class Region:
    """Areas that are drawn on one map: its size, its areas in their order, and its outline where
    there is one."""

    width: int
    height: int
    areas: tuple[Area, ...]
    outline: str = ""


@cache
def chicago() -> Region:
    """Return the community areas, in the order of their numbers."""
    return _read("chicago_community_areas.json")


@cache
def suburbs() -> Region:
    """Return the municipalities of Cook County but Chicago, by name."""
    return _read("cook_county_suburbs.json")


def _read(file: str) -> Region:
    data: dict[str, Any] = json.loads((DATA / file).read_text(encoding="utf-8"))
    areas = tuple(Area(**area) for area in data["areas"])
    return Region(data["width"], data["height"], areas, data.get("outline", ""))


@cache
def all_areas() -> dict[str, Area]:
    """Return all areas by their codes, community areas first."""
    return {area.code: area for area in (*chicago().areas, *suburbs().areas)}


def find_area(text: str) -> Area | None:
    """Return the area that a file means by a code ("68", "068") or by a name, however it is spelled
    ("The Loop", "OHARE", "Lakeview", "Alsip village, Illinois"); None if there is none.

    Riverdale is a community area and a suburb: the name alone means the community area.
    """
    code = text.strip()
    if code.isdecimal():
        return all_areas().get(str(int(code)))
    words = _words(text)
    plain = [word for word in words if word != "illinois"]
    without_kind = plain[:-1] if plain[-1:] in (["village"], ["city"], ["town"]) else plain
    keys = ("".join(each) for each in (words, plain, without_kind))
    return next((_by_name()[key] for key in keys if key in _by_name()), None)


@cache
def _by_name() -> dict[str, Area]:
    suburbs_first = reversed(all_areas().values())
    return {"".join(_words(area.name)): area for area in suburbs_first}


def _words(name: str) -> list[str]:
    """Return the words of a name as they are compared."""
    plain = fold(name).replace("’", "").replace("'", "")
    letters = "".join(letter if letter.isalpha() else " " for letter in plain)
    short = {"saint": "st", "mount": "mt"}
    return [short.get(word, word) for word in letters.split() if word != "the"]
