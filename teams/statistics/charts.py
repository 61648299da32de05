"""Where the parts of a chart stand: across in parts of its width, down in heights of its text. So
it fits a phone as well as a page, and the text keeps its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

LINE, GAP = 2, 1  # heights of a bar with its room, and between groups
LONGEST_BAR = 45  # hundredths of the width; the words stand behind the bar
LONGEST_HEAD = 34  # letters that fit a phone
SIDES = (28, 64)  # where the two bars of a month begin, in hundredths
LONGEST_OF_TWO = 18


@dataclass(frozen=True)
class Bar:
    value: int
    words: str  # what is printed behind it, with the value
    series: int = 1


@dataclass(frozen=True)
class Text:
    x: str
    y: int
    words: str


@dataclass(frozen=True)
class Block:
    """A bar, in the colour of its series, and what stands behind its end."""

    series: int
    x: str
    y: int
    width: str
    end: str
    words: str


@dataclass
class ChartLayout:
    """What an SVG shows."""

    height: int = 0
    heads: list[Text] = field(default_factory=list)
    labels: list[Text] = field(default_factory=list)  # before the bars of a line
    blocks: list[Block] = field(default_factory=list)


def bars(groups: Sequence[tuple[str, Sequence[Bar]]]) -> ChartLayout:
    """Bars that lie below each other, in groups under their heads; a head may be empty."""
    top = max((bar.value for bar in chain.from_iterable(group for _, group in groups)), default=0)
    drawing = ChartLayout()
    y = 0
    for head, group in groups:
        y += GAP if y else 0
        if head:
            drawing.heads.append(Text("0%", y, shortened(head, LONGEST_HEAD)))
            y += LINE
        for bar in group:
            long = scaled(bar.value, top, LONGEST_BAR)
            drawing.blocks.append(_block(bar, 0, y, long))
            y += LINE
    drawing.height = y
    return drawing


def pairs(
    heads: tuple[str, str], names: Sequence[str], first: Sequence[int], second: Sequence[int]
) -> ChartLayout:
    """A line for each name, with a bar on either side, all of one scale."""
    top = max([*first, *second], default=0)
    drawing = ChartLayout(height=LINE * (len(names) + 1))
    drawing.heads = [
        Text(percent(start), 0, head) for start, head in zip(SIDES, heads, strict=True)
    ]
    for place, (name, *values) in enumerate(zip(names, first, second, strict=True), start=1):
        drawing.labels.append(Text("0%", place * LINE, name))
        for series, (start, value) in enumerate(zip(SIDES, values, strict=True), start=1):
            long = scaled(value, top, LONGEST_OF_TWO)
            bar = Bar(value, f"{value:,}", series)
            drawing.blocks.append(_block(bar, start, place * LINE, long))
    return drawing


def _block(bar: Bar, start: int, y: int, long: float) -> Block:
    return Block(bar.series, percent(start), y, percent(long), percent(start + long), bar.words)


def scaled(value: int, top: int, length: int) -> float:
    """The length that shows `value`, where `top` is as long as `length`; some, if not zero."""
    return max(0.5, round(value * length / top, 1)) if value else 0


def percent(number: float) -> str:
    """As words, so that no language writes it with a comma."""
    return f"{number:.1f}%"


def shortened(words: str, letters: int) -> str:
    """`words` in at most so many `letters`, with … for what is left out."""
    return words if len(words) <= letters else f"{words[: letters - 1]}…"
