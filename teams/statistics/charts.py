"""Where the parts of a chart are: across in percent of its width, down in heights of its text
(em). So a chart fits a phone as well as a desktop, and its text keeps its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

# In em: a bar with the room around it, and the space between two groups.
BAR_HEIGHT, GROUP_GAP = 2, 1
# In percent of the width, so that the label behind the longest bar has room.
MAX_BAR_WIDTH, MAX_PAIRED_BAR_WIDTH = 45, 18
# Where the two bars of a pair begin, in percent of the width.
PAIR_STARTS = (28, 64)
# What fits a phone.
MAX_HEADING_LETTERS = 34


@dataclass(frozen=True)
class Bar:
    """A value to draw, the text printed behind it, and the series that decides its color."""

    value: int
    label: str
    series: int = 1


@dataclass(frozen=True)
class PlacedText:
    x: str
    y: int
    text: str


@dataclass(frozen=True)
class PlacedBar:
    """A bar, and the label behind its end."""

    series: int
    x: str
    y: int
    width: str
    end: str
    label: str


@dataclass
class ChartLayout:
    """What an SVG shows. `row_labels` are left of the bars of a row."""

    height: int = 0
    headings: list[PlacedText] = field(default_factory=list)
    row_labels: list[PlacedText] = field(default_factory=list)
    bars: list[PlacedBar] = field(default_factory=list)


def lay_out_bars(groups: Sequence[tuple[str, Sequence[Bar]]]) -> ChartLayout:
    """Return bars one below the other, in groups under their headings; a heading may be empty."""
    bars = chain.from_iterable(group for _, group in groups)
    largest = max((bar.value for bar in bars), default=0)
    layout = ChartLayout()
    y = 0
    for heading, group in groups:
        y += GROUP_GAP if y else 0
        if heading:
            text = truncate(heading, MAX_HEADING_LETTERS)
            layout.headings.append(PlacedText(percent(0), y, text))
            y += BAR_HEIGHT
        for bar in group:
            width = scale(bar.value, largest, MAX_BAR_WIDTH)
            layout.bars.append(_place(bar, 0, y, width))
            y += BAR_HEIGHT
    layout.height = y
    return layout


def lay_out_pairs(
    headings: tuple[str, str], names: Sequence[str], first: Sequence[int], second: Sequence[int]
) -> ChartLayout:
    """Return a row for each of `names` with a bar of `first` and one of `second`, all to one
    scale."""
    largest = max([*first, *second], default=0)
    layout = ChartLayout(height=BAR_HEIGHT * (len(names) + 1))
    layout.headings = [
        PlacedText(percent(start), 0, heading)
        for start, heading in zip(PAIR_STARTS, headings, strict=True)
    ]
    for row, (name, *values) in enumerate(zip(names, first, second, strict=True), start=1):
        y = row * BAR_HEIGHT
        layout.row_labels.append(PlacedText(percent(0), y, name))
        for series, (start, value) in enumerate(zip(PAIR_STARTS, values, strict=True), start=1):
            width = scale(value, largest, MAX_PAIRED_BAR_WIDTH)
            layout.bars.append(_place(Bar(value, f"{value:,}", series), start, y, width))
    return layout


def _place(bar: Bar, start: int, y: int, width: float) -> PlacedBar:
    return PlacedBar(
        bar.series, percent(start), y, percent(width), percent(start + width), bar.label
    )


def scale(value: int, largest: int, max_width: int) -> float:
    """Return the width of a bar, where `largest` has `max_width`; never 0 for a value that is
    not."""
    return max(0.5, round(value * max_width / largest, 1)) if value else 0


def percent(number: float) -> str:
    """Return `number` as text, so that templates do not localize its decimal point."""
    return f"{number:.1f}%"


def truncate(text: str, max_letters: int) -> str:
    """Return `text` in at most `max_letters`, with … for what is left out."""
    return text if len(text) <= max_letters else f"{text[: max_letters - 1]}…"
