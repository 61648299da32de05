"""Reading a list of topics from a file, and what would become of each row."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import get_text_list

from desk.imports.reader import TableRow, read_table
from desk.imports.team_names import TeamNames
from members.normalize import clean_lines, clean_text, fold
from members.services import Refused
from teams.models import ActionTeam, Topic

COLUMNS = ("Title", "Summary", "State", "Focus area", "Why")
OPTIONAL_COLUMNS = ("Summary", "State", "Focus area", "Why")
# What a file may call a state; an empty cell is a proposed topic.
STATES = {
    fold(str(word)): state
    for state in (
        Topic.State.PROPOSED,
        Topic.State.STUDIED,
        Topic.State.CLASSIFIED,
        Topic.State.IN_FOCUS,
        Topic.State.SET_ASIDE,
    )
    for word in (state.label, state.value, state.value.replace("_", " "))
}
# Each is a few queries when it is added.
MAX_TOPICS = 500
MAX_LENGTHS = {"Title": 120, "Summary": 2000, "Why": 300}


@dataclass(frozen=True)
class ImportedTopic:
    """A topic as a row of the file has it; `why` is empty where the row does not say."""

    title: str
    summary: str
    state: str
    team: ActionTeam | None
    why: str

    @property
    def state_label(self) -> str:
        """Its state in words."""
        return str(Topic.State(self.state).label)


@dataclass
class TopicList:
    """What a file holds: topics to add, those that are here already, how the file was read, and
    what is wrong with it, row by row."""

    topics: list[ImportedTopic] = field(default_factory=list)
    existing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def in_words(self) -> str:
        """How many topics of which state: "3 proposed and 1 in focus"."""
        counts = Counter(topic.state_label.lower() for topic in self.topics)
        return get_text_list([f"{number} {label}" for label, number in counts.items()], "and")


def read_topics(upload: UploadedFile[bytes], teams: list[ActionTeam]) -> TopicList:
    """Return the topics of a file; `teams` are those that the importer decides for. Refuses what is
    no table, or has no column of titles."""
    table = read_table(upload, COLUMNS, OPTIONAL_COLUMNS)
    topic_list = TopicList(notes=table.notes())
    stored = _Stored()
    if len(table.rows) > MAX_TOPICS:
        raise Refused(f"The file has more than {MAX_TOPICS} topics. Split it.")
    names, seen = TeamNames(teams), dict[str, int]()
    for row in table.rows:
        if title := stored.title_of(row):
            topic_list.existing.append(f"Row {row.number}: “{title}”")
            continue
        try:
            topic = _topic(row, names)
            key = fold(topic.title)
            if key in seen:
                raise Refused(f"“{topic.title}” is in row {seen[key]} already.")
            seen[key] = row.number
        except Refused as refusal:
            topic_list.errors.append(f"Row {row.number}: {refusal}")
        else:
            topic_list.topics.append(topic)
    return topic_list


class _Stored:
    """The topics that are here already, whatever else a row says of them: an exported list names
    their states and teams too, also those that no file can name."""

    def __init__(self) -> None:
        self.titles: dict[str, str] = {}
        self.dismissed: dict[str, str] = {}
        for title, state in Topic.objects.values_list("title", "state"):
            titles = self.dismissed if state == Topic.State.DISMISSED else self.titles
            titles[fold(title)] = title

    def title_of(self, row: TableRow) -> str:
        """Return the title of the topic that a row names; empty if it is new. One that was
        dismissed can be added, unless the row says that it was."""
        if row.problems:
            return ""
        key, state = fold(clean_text(row.cells["Title"])), fold(row.cells["State"].strip())
        is_dismissed = state == fold(Topic.State.DISMISSED.label)
        return self.titles.get(key) or (self.dismissed.get(key, "") if is_dismissed else "")


def _topic(row: TableRow, teams: TeamNames) -> ImportedTopic:
    """Return the topic of a row. Refuses what cannot be stored, saying how to fix it."""
    if problem := next(iter(row.problems.values()), ""):
        raise Refused(problem)
    title, why = clean_text(row.cells["Title"]), clean_text(row.cells["Why"])
    summary = clean_lines(row.cells["Summary"])
    if not title:
        raise Refused("The title is missing.")
    for column, text in (("Title", title), ("Summary", summary), ("Why", why)):
        if len(text) > MAX_LENGTHS[column]:
            raise Refused(
                f"{column} has {len(text):,} characters. Shorten it to {MAX_LENGTHS[column]:,}."
            )
    state, team = _state(row.cells["State"]), _team(row.cells["Focus area"], teams)
    needs_team = state in (Topic.State.CLASSIFIED, Topic.State.IN_FOCUS)
    if needs_team and team is None:
        raise Refused(f"A topic that is {Topic.State(state).label.lower()} needs a focus area.")
    if team and not needs_team and state != Topic.State.SET_ASIDE:
        raise Refused(
            f"A topic that is {Topic.State(state).label.lower()} has no focus area yet. Write "
            "Classified, or leave the focus area empty."
        )
    return ImportedTopic(title, summary, state, team, why)


def _state(cell: str) -> str:
    if not cell.strip():
        return Topic.State.PROPOSED
    state = STATES.get(fold(cell.strip()))
    if state is None:
        labels = dict.fromkeys(each.label for each in STATES.values())
        raise Refused(
            f"“{cell}” is not a state. Write {get_text_list(list(labels), 'or')}, or leave the "
            "cell empty: then it is proposed."
        )
    return state


def _team(cell: str, teams: TeamNames) -> ActionTeam | None:
    if not cell.strip():
        return None
    try:
        named_teams = teams.parse(cell)
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from None
    if len(named_teams) > 1:
        raise Refused(f"“{cell}” names {len(named_teams)} teams. A topic has one focus area.")
    return named_teams[0]
