"""Where the parts of a chart stand: whole numbers, so that no language writes them otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

WIDTH = 640
LABEL_ENDS, BAR_STARTS, LONGEST_BAR = 168, 178, 376  # the value stands behind the bar
LINE, BAR = 26, 18  # heights
LONGEST_LABEL, LONGEST_HEAD = 20, 72  # letters that fit at 14 px
COLUMN, SIDE = 52, 60  # widths of a month, and of what the directions are called
HEIGHTS, EDGE = 150, 24  # of all columns, and of the words above and below them


@dataclass(frozen=True)
class Text:
    x: int
    y: int
    words: str


@dataclass(frozen=True)
class Block:
    """A bar or column, in the colour of its series."""

    series: int
    x: int
    y: int
    width: int
    height: int


@dataclass
class Drawing:
    """What an SVG shows."""

    width: int
    height: int
    axis: tuple[int, int, int, int]  # from x, y to x, y: where zero is
    blocks: list[Block] = field(default_factory=list)
    heads: list[Text] = field(default_factory=list)
    labels: list[Text] = field(default_factory=list)  # before a bar
    values: list[Text] = field(default_factory=list)  # behind a bar
    months: list[Text] = field(default_factory=list)  # centred
    above: int = 0  # where the names of the two directions stand
    below: int = 0


@dataclass(frozen=True)
class Bar:
    label: str
    value: int
    words: str  # the value as it is printed
    series: int = 1


def bars(groups: Sequence[tuple[str, Sequence[Bar]]]) -> Drawing:
    """Bars that lie below each other, in groups under their heads; a head may be empty."""
    top = max((bar.value for bar in chain.from_iterable(group for _, group in groups)), default=0)
    drawing = Drawing(WIDTH, 0, (BAR_STARTS, 0, BAR_STARTS, 0))
    y = 0
    for head, group in groups:
        if head:
            drawing.heads.append(Text(0, y + LINE - 8, shortened(head, LONGEST_HEAD)))
            y += LINE
        for bar in group:
            long = scaled(bar.value, top, LONGEST_BAR)
            drawing.blocks.append(Block(bar.series, BAR_STARTS, y + 4, long, BAR))
            label = shortened(bar.label, LONGEST_LABEL)
            drawing.labels.append(Text(LABEL_ENDS, y + LINE - 8, label))
            drawing.values.append(Text(BAR_STARTS + long + 6, y + LINE - 8, bar.words))
            y += LINE
        y += 8
    drawing.height = y
    drawing.axis = (BAR_STARTS, 0, BAR_STARTS, y)
    return drawing


def columns(names: Sequence[str], up: Sequence[int], down: Sequence[int]) -> Drawing:
    """For each name a column that stands on the line of zero and one that hangs from it."""
    highest, deepest = max(up, default=0), max(down, default=0)
    total = highest + deepest
    zero = EDGE + scaled(highest, total, HEIGHTS)
    bottom = zero + scaled(deepest, total, HEIGHTS) + EDGE
    width = max(WIDTH, SIDE + COLUMN * len(names))
    drawing = Drawing(width, bottom + EDGE, (SIDE, zero, width, zero))
    drawing.above, drawing.below = zero - 5, zero + 16
    for place, name in enumerate(names):
        x = SIDE + COLUMN * place
        middle = x + COLUMN // 2
        above, below = scaled(up[place], total, HEIGHTS), scaled(down[place], total, HEIGHTS)
        drawing.blocks.append(Block(1, x + 10, zero - above, COLUMN - 20, above))
        drawing.blocks.append(Block(2, x + 10, zero, COLUMN - 20, below))
        drawing.months.append(Text(middle, zero - above - 5, f"{up[place]:,}"))
        drawing.months.append(Text(middle, zero + below + 16, f"{down[place]:,}"))
        drawing.months.append(Text(middle, bottom + 16, name))
    return drawing


def scaled(value: int, top: int, length: int) -> int:
    """The length that shows `value`, where `top` is as long as `length`; some, if not zero."""
    return max(1, round(value * length / top)) if value else 0


def shortened(words: str, letters: int) -> str:
    return words if len(words) <= letters else f"{words[: letters - 1]}…"
