"""Which teams a cell names, however the names are separated."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.utils.text import Truncator
from rapidfuzz import fuzz, process

from desk.imports.base import CorrectableError
from members.normalize import fold
from teams.models import ActionTeam

# Of a list: "1. Careers", "2) Careers".
LIST_NUMBER = re.compile(r"(?<!\S)\(?\d{1,2}[.)]\s")
# Signs that stand for the word.
AND = re.compile(r"[&+]")
# Of a text without separators; more would take long, and no cell has as many teams.
MAX_WORDS = 200
MAX_SHOWN_CHARACTERS = 100
# Of rapidfuzz's ratio, in percent, for "Did you mean …?".
MIN_SIMILARITY = 80

Words = tuple[str, ...]


class TeamNames:
    """The teams that an importer can name."""

    def __init__(self, teams: Iterable[ActionTeam]) -> None:
        self.teams = list(teams)
        self._by_words: dict[Words, ActionTeam] = {_words(team.name): team for team in self.teams}

    def parse(self, cell: str) -> list[ActionTeam]:
        """Return the teams that a cell names, each once.

        Between names stand semicolons or line breaks; commas, "and" or anything else only where
        the names leave one way to read it. Raises CorrectableError, with the separator to use,
        where they do not.
        """
        cell = LIST_NUMBER.sub("", cell)
        teams: dict[ActionTeam, None] = {}
        for part in filter(str.strip, cell.split(";")):
            lines = {line: self._parse_line(line) for line in filter(str.strip, part.splitlines())}
            unknown = [line for line, named in lines.items() if not named]
            # A long name may be broken into lines.
            found = (
                self._joined(part)
                if unknown
                else [team for each in lines.values() for team in each]
            )
            if not found:
                # A name may have a semicolon in it, too.
                if all_of_cell := self._joined(cell):
                    return all_of_cell
                raise self._refusal(cell, unknown[0])
            teams.update(dict.fromkeys(found))
        return list(teams)

    def _parse_line(self, line: str) -> list[ActionTeam]:
        return self._named(line) or self._listed(line) or self._joined(line)

    def _named(self, text: str) -> list[ActionTeam]:
        """Return the one team of this name, spelled with "and" or a sign for it."""
        team = self._by_words.get(_words(text))
        return [team] if team else []

    def _listed(self, text: str) -> list[ActionTeam]:
        """Return the teams whose names stand between the commas, if all parts are such."""
        found = [self._named(part) for part in text.split(",") if part.strip()]
        return [team for teams in found for team in teams] if all(found) else []

    def _joined(self, text: str) -> list[ActionTeam]:
        """Return the teams whose names follow each other in `text`, whatever is between them, if
        there is one way to read it."""
        words = _words(text)
        if len(words) > MAX_WORDS:
            return []
        # By the number of words read: the two first ways to read so many of them.
        ways: list[list[list[ActionTeam]]] = [[[]], *([] for _ in words)]
        for start, word in enumerate(words):
            for name, team in self._by_words.items() if ways[start] else ():
                end = start + len(name)
                if words[start:end] == name:
                    ways[end] += [[*way, team] for way in ways[start]]
                    del ways[end][2:]
            if word == "and" and 0 < start < len(words) - 1:
                ways[start + 1] += ways[start]
                del ways[start + 1][2:]
        return ways[-1][0] if len(ways[-1]) == 1 else []

    def _refusal(self, cell: str, text: str) -> CorrectableError:
        """Return why `text` in a cell names no team, with the cell as it was probably meant."""
        unknown = [part for part in text.split(",") if part.strip() and not self._named(part)]
        name = (unknown[0] if len(unknown) == 1 else text).strip()
        shown = Truncator(" ".join(name.split())).chars(MAX_SHOWN_CHARACTERS)
        similar = self._similar(name)
        question = f" Did you mean “{similar}”?" if similar else ""
        names = "; ".join(team.name for team in self.teams)
        what_to_enter = (
            f"They are: {names}. Separate teams with semicolons."
            if len(self.teams) > 1
            else f"Yours is {names}."
        )
        return CorrectableError(
            f"“{shown}” is not one of your teams.{question} {what_to_enter}",
            cell.replace(name, similar.name, 1) if similar else "",
        )

    def _similar(self, name: str) -> ActionTeam | None:
        """Return the team whose name was probably meant by `name`."""
        if len(name) > MAX_SHOWN_CHARACTERS:
            return None
        names = [fold(team.name) for team in self.teams]
        match = process.extractOne(
            fold(name), names, scorer=fuzz.ratio, score_cutoff=MIN_SIMILARITY
        )
        return self.teams[match[2]] if match else None


def _words(text: str) -> Words:
    return tuple(re.findall(r"\w+", AND.sub(" and ", fold(text))))
