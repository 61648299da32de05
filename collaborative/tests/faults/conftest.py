"""The running portal for a fault, and the table of results."""

import os
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

import pytest
from django.db import connection, connections

from collaborative.tests.faults.machines import Machine
from collaborative.tests.faults.people import (
    Audit,
    JoiningPeople,
    Mailbox,
    Responses,
    all_emails_left,
    audit,
)
from collaborative.tests.faults.processes import (
    Supervised,
    environment,
    is_up,
    sender,
    wait_for,
    web,
)
from collaborative.tests.ports import free_port

ROWS: list["Row"] = []
TABLE = {
    "fault": 30,
    "database": 10,
    "load": 20,
    "acknowledged": 12,
    "lost": 4,
    "doubled": 7,
    "seconds to recover": 18,
}  # its columns and their widths


@dataclass
class Row:
    """A line of the table."""

    fault: str
    database: str
    load: str
    acknowledged: int
    lost: int
    doubled: int
    recovered_in: str


LOCAL = Machine()


class Portal:
    """A web host, a sender and a mail server, and people who join all the time."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.started = folder, []
        self.mailbox = Mailbox()
        self.mailbox.up()
        self.env = environment(self.mailbox.port)
        self.hosts: list[tuple[str, int]] = []
        self.joining: JoiningPeople | None = None
        self.clients = 0

    def web(self, machine: Machine = LOCAL) -> Supervised:
        bind = (machine.address, free_port())
        log = self.folder / f"web-{bind[1]}.log"
        host = web(self.env, ":".join(map(str, bind)), log, machine.enter)
        self.started.append(host)
        self.hosts.append(bind)
        wait_for(lambda: is_up(*bind), "gunicorn")
        return host

    def sender(self, machine: Machine = LOCAL) -> Supervised:
        log = self.folder / f"sender-{len(self.started)}.log"
        process = sender(self.env, log, machine.enter)
        self.started.append(process)
        return process

    def people(self, clients: int = 4) -> JoiningPeople:
        self.clients = clients
        self.joining = JoiningPeople(self.hosts, self.mailbox, clients)
        self.more(clients)
        return self.joining

    def more(self, joins: int) -> float:
        """Wait for this number of joins more; return the seconds until a person had joined who
        began after the call."""
        now, before = time.monotonic(), self.joining.count
        joined = self.joining.responses.acknowledged
        wait_for(lambda: any(began > now for _, began in joined[before:]), "a whole join")
        seconds = time.monotonic() - now
        wait_for(lambda: self.joining.count >= before + joins, "more joins")
        return seconds

    def settle(self, fault: str, recovered_in: float | list[float]) -> tuple[Audit, Responses]:
        """Wait until all people are done and all emails are out; add a line to the table."""
        responses = self.joining.stop()
        wait_for(all_emails_left, "the last email")
        result = audit(responses, self.mailbox, self.joining.teams)
        seconds = recovered_in if isinstance(recovered_in, list) else [recovered_in]
        shown = f"{min(seconds):.1f}" + (f" to {max(seconds):.1f}" if len(seconds) > 1 else "")
        load = f"{self.clients} at a time, {len(self.hosts)} web"
        database = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
        joins = len(responses.acknowledged)
        ROWS.append(Row(fault, database, load, joins, result.lost, result.doubled, shown))
        return result, responses

    def end(self) -> str:
        if self.joining:
            self.joining.over.set()
        for process in self.started:
            process.vanish()
        self.mailbox.down()
        responses = [str(self.joining.responses)] if self.joining else []
        return "\n".join(
            responses + [f"{process.log}:\n{process.says()[-3000:]}" for process in self.started]
        )


@pytest.fixture
def portal(transactional_db, team, other_team, organization, tmp_path, caplog) -> Iterator[Portal]:
    caplog.set_level("ERROR", "mail.log")  # aiosmtpd's own, a line for each command
    portal = Portal(tmp_path)
    yield portal
    logs = portal.end()
    connections.close_all()
    print(logs)  # noqa: T201  # shown if the test failed


def pytest_terminal_summary(terminalreporter) -> None:
    """The table; also added to the file FAULTS_TABLE, for `make faults`."""
    if not ROWS:
        return
    lines = [
        "  ".join(map(str.ljust, map(str, cells), TABLE.values())).rstrip()
        for cells in [TABLE, *map(astuple, ROWS)]
    ]
    terminalreporter.section("faults")
    terminalreporter.write_line("\n".join(lines))
    if path := os.environ.get("FAULTS_TABLE"):
        with open(path, "a", encoding="utf-8") as table:
            print(*lines[table.tell() > 0 :], sep="\n", file=table)  # noqa: T201  # to a file
