"""Excel and OpenDocument files, read by a program of its own that cannot hurt the web server."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from desk.changelist import counted
from desk.imports.cells import Value
from desk.imports.workbook_package import (
    ENCRYPTED,
    PACKAGE_INDEX_SIGNATURE,
    PACKAGE_SIGNATURE,
)
from members.services import Refused

# With -I the program finds no module of the portal, and takes no setting from its environment.
ROOT = Path(__file__).parents[2]
PROGRAM = (
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
    "from desk.imports.workbook_process import main; main()"
)
# A file that is allowed takes half a second of a processor; others may need it, too.
TIMEOUT_SECONDS = 10
# What an old or encrypted workbook begins with.
OLE_SIGNATURE = b"\xd0\xcf\x11\xe0"
# What a workbook with a password, of today's Excel, holds.
ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sheet:
    """The sheet of a workbook that was read, and what else is there."""

    name: str
    other_visible: list[str]
    hidden_count: int
    # Those that hold something, with their numbers in the file.
    rows: list[tuple[int, list[Value]]]

    @property
    def found_in(self) -> str:
        """Return where its headings are from, in a sentence."""
        return f"the sheet “{self.name}”" if self.other_visible else "it"

    @property
    def advice(self) -> str:
        """Return what to do about a row with more cells than headings."""
        return "Give that column a heading, or clear the cell."

    def notes(self) -> list[str]:
        """Return which sheet was read and which were not."""
        notes = [f"Read: the sheet “{self.name}”."]
        if self.other_visible:
            noun = "sheet" if len(self.other_visible) == 1 else "sheets"
            names = ", ".join(f"“{name}”" for name in self.other_visible)
            notes.append(f"Not read: the {noun} {names}.")
        if self.hidden_count:
            hidden = counted(self.hidden_count, "hidden sheet", "hidden sheets")
            notes.append(f"Not read: {hidden}.")
        return notes


def is_workbook(content: bytes) -> bool:
    """Return whether `content` is meant to be a workbook, of whatever program."""
    return content.startswith((PACKAGE_SIGNATURE, PACKAGE_INDEX_SIGNATURE, OLE_SIGNATURE))


def read_workbook(content: bytes, columns: Sequence[str], max_rows: int) -> Sheet:
    """Return the first visible sheet that has most of `columns`, with at most `max_rows` rows that
    hold something.

    Refuses what is damaged, has a password, holds too much or takes too long.
    """
    try:
        answer = json.loads(run_program(content, max_rows, columns))
    except (subprocess.SubprocessError, OSError) as error:
        # The error tells how the program ended and nothing about the people in the file.
        log.warning("A workbook of %d bytes could not be read: %s", len(content), error)
        raise Refused(_unreadable(content)) from error
    if "error" in answer:
        raise Refused(answer["error"])
    return Sheet(**answer)


def run_program(content: bytes, max_rows: int, columns: Sequence[str]) -> bytes:
    """Return what the program answers: `desk.imports.workbook_process.answer_to` in a process of
    its own. Raises SubprocessError if it fails or takes too long."""
    # The environment holds secrets; the program needs only where libraries are, if that is set.
    environment = {name: os.environ[name] for name in ["LD_LIBRARY_PATH"] if name in os.environ}
    return subprocess.run(  # noqa: S603  # our own program, no shell
        [sys.executable, "-I", "-c", PROGRAM, str(max_rows), *columns],
        input=content,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=TIMEOUT_SECONDS,
        env=environment,
        check=True,
    ).stdout


def _unreadable(content: bytes) -> str:
    if ENCRYPTED_PACKAGE in content:
        return ENCRYPTED
    if content.startswith(OLE_SIGNATURE):
        return (
            "This is an older Excel file that cannot be read, or one with a password. Save it "
            "without a password, as .xlsx or CSV."
        )
    return "This Excel file cannot be read. Save it again as .xlsx or CSV."
