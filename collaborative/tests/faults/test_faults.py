"""Processes, databases, disks and email break while people join: a confirmed join is there, once,
and every email goes out, at most one of them twice for each kill.

The short ones run with the other tests; `make faults` runs all of them, on both databases and for
longer, and prints the table.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection, transaction

from collaborative.tests.conftest import put
from collaborative.tests.faults.conftest import ROWS, Portal, Row
from collaborative.tests.faults.machines import HERE, machines
from collaborative.tests.faults.people import all_emails_left
from collaborative.tests.faults.processes import PostgresServer, environment, wait_for
from conftest import make_membership
from members.models import Member
from teams.models import Membership
from teams.services import send_announcement
from teams.tests.announcements import make_announcement

LONG = os.environ.get("FAULTS") == "long"
KILLS = 5 if LONG else 1
PAGES = 3 if LONG else 1  # of 503 that are waited for
NOTICES = 50
pytestmark = pytest.mark.faults
long = pytest.mark.skipif(not LONG, reason="takes long: `make faults`")


def on(vendor: str) -> None:
    if connection.vendor != vendor:
        pytest.skip(f"a fault of {vendor} only")


def test_killed_gunicorn_worker(portal: Portal):
    portal.sender()
    web = portal.web()
    portal.people()
    back = []
    for _ in range(KILLS):
        web.kill_child()
        back.append(portal.more(8))
    result, responses = portal.settle("gunicorn worker killed", back)
    assert (result.lost, result.doubled) == (0, 0)
    assert not responses.answers[500]
    assert web.starts == 1


@long
def test_killed_gunicorn_master(portal: Portal):
    web = portal.web()
    portal.sender()
    portal.people()
    back = []
    for number in range(KILLS):
        web.kill()
        back.append(portal.more(8))
        assert web.starts == number + 2
    result, responses = portal.settle("gunicorn master killed", back)
    assert (result.lost, result.doubled) == (0, 0)
    assert not responses.answers[500]


@long
def test_killed_sender(portal: Portal):
    portal.web()
    sender = portal.sender()
    portal.people()
    back = []
    for _ in range(KILLS):
        sender.kill()
        back.append(portal.more(8))
    result, _ = portal.settle("mail worker killed", back)
    assert result.lost == 0
    assert result.doubled <= KILLS


@long
def test_sender_killed_during_500_announcements(portal: Portal, team, organization, facilitator):
    people = Member.objects.bulk_create(
        Member(email=f"m{number}@rush.example", full_name=f"Mo{number} Many")
        for number in range(500)
    )
    for person in people:
        make_membership(person, team, Membership.Status.ACTIVE)
    draft = make_announcement(team, facilitator, status="draft")
    send_announcement(draft, by=facilitator)
    portal.env["EMAILS_PER_MINUTE"] = "100000"
    sender = portal.sender()
    ids = portal.mailbox.ids
    for number in range(KILLS):
        wait_for(lambda number=number: len(ids) >= 500 * (number + 1) // (KILLS + 1), "emails")
        sender.kill()
    wait_for(all_emails_left, "the last email")
    lost, doubled = 500 - len(ids), ids.total() - len(ids)
    vendor = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
    ROWS.append(Row("killed, 500 announcements", vendor, "-", 500, lost, doubled, "-"))
    assert lost == 0
    assert doubled <= KILLS
    assert draft.recipients.filter(outcome="sent").count() == 500


@pytest.fixture
def server(transactional_db, team, other_team, organization) -> Iterator[PostgresServer]:
    """A PostgreSQL server of its own; name it before `portal`."""
    on("postgresql")
    server = PostgresServer()
    yield server
    server.remove()


@long
def test_stopped_postgres(server: PostgresServer, portal: Portal):
    """Pages say 503 meanwhile, and nobody restarts gunicorn or the sender."""
    sender = portal.sender()
    web = portal.web()
    people = portal.people()
    back = []
    for _ in range(KILLS):
        connection.close()
        server.stop()
        people.wait_for_503(PAGES)
        server.start()
        back.append(portal.more(8))
    result, responses = portal.settle("PostgreSQL stopped and started", back)
    assert (result.lost, result.doubled) == (0, 0)
    assert not responses.answers[500]
    assert not responses.without_retry_after
    assert responses.longest < 10
    assert web.starts == sender.starts == 1


@pytest.fixture
def small_disk(tmp_path, transactional_db, team, other_team, organization) -> Iterator[Path]:
    """A disk that holds the database and a little more; the tests' own database is copied."""
    on("sqlite")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", disk]
    if os.geteuid() or subprocess.run(mount, check=False).returncode:
        pytest.skip("needs root, to mount a disk of 8 MB")
    own = connection.settings_dict["NAME"]
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM INTO '{disk}/portal.sqlite3'")
    connection.close()
    connection.settings_dict["NAME"] = str(disk / "portal.sqlite3")
    yield disk
    connection.close()
    connection.settings_dict["NAME"] = own
    subprocess.run(["umount", "-l", disk], check=True)


def give_the_sender_work(number: int) -> None:
    """So many emails that it is in the middle of them when something breaks."""
    with transaction.atomic():
        for notice in range(NOTICES):
            address = f"n{number}-{notice}@rush.example"
            put(f"Notice {number}-{notice}", to=address, html_message="<p>Hello</p>")


def fill(filler: Path) -> None:
    """Write until nothing more fits on the disk, nor into what SQLite has of it for its log."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()

    def write() -> None:
        with filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)

    with pytest.raises(OSError, match="No space left"):
        write()


@pytest.mark.both_databases
def test_full_disk(small_disk, portal: Portal):
    sender = portal.sender()
    web = portal.web()
    people = portal.people()
    filler = small_disk / "filler"
    back = []
    for number in range(KILLS):
        rests = sender.says().count("Pausing")
        give_the_sender_work(number)
        fill(filler)
        wait_for(lambda rests=rests: sender.says().count("Pausing") > rests, "the sender's rest")
        people.wait_for_503(PAGES)
        filler.unlink()
        back.append(portal.more(8))
    result, responses = portal.settle("disk of SQLite full", back)
    assert (result.lost, result.doubled) == (0, 0)
    assert not responses.answers[500]
    assert not responses.without_retry_after
    assert web.starts == sender.starts == 1


@long
@pytest.mark.parametrize("kind", ["down", "slow", "hanging", "refusing"])
def test_broken_mail_server(portal: Portal, kind: str):
    """Nobody can join without a code; once it is back, everybody can, and no email is missing."""
    web = portal.web()
    portal.sender()
    portal.people()
    mailbox = portal.mailbox
    begin = {
        "down": mailbox.down,
        "slow": lambda: setattr(mailbox, "delay", 1.0),
        "hanging": lambda: setattr(mailbox, "hangs", True),
        "refusing": lambda: setattr(mailbox, "refuses", True),
    }
    begin[kind]()
    time.sleep(12)  # longer than the sender's patience with a server that hangs
    mailbox.delay, mailbox.hangs, mailbox.refuses = 0.0, False, False
    mailbox.up()
    result, responses = portal.settle(f"mail server {kind} for 12 s", portal.more(8))
    assert (result.lost, result.doubled) == (0, 0)
    assert not responses.answers[500] + responses.answers[503]
    assert web.starts == 1


@long
def test_one_of_two_hosts_killed(portal: Portal):
    """All of its processes at once, the mail worker that leads among them."""
    on("postgresql")
    hosts = [(portal.web(), portal.sender()) for _ in range(2)]
    portal.people(8)
    leader = next(host for host in hosts if "Leading" in host[1].says())
    for process in leader:
        process.vanish()
    result, responses = portal.settle("one of two hosts killed", portal.more(30))
    assert result.lost == 0
    assert result.doubled <= 1
    assert not responses.answers[500]


@long
def test_one_of_two_machines_cut_off(server: PostgresServer, portal: Portal):
    """Its cable is pulled in the middle of its work: it lives on, and nobody hears of it. The
    server notices within a minute that the leading sender is gone, and the other one leads."""
    with machines(2) as both:
        if both is None:
            pytest.skip("needs root and network namespaces")
        server.listen_at(HERE, f"{HERE.rpartition('.')[0]}.0/24")
        portal.mailbox.down()
        portal.mailbox.host = HERE
        portal.mailbox.up()
        portal.env = environment(portal.mailbox.port, HERE)
        hosts = [(portal.web(machine), portal.sender(machine)) for machine in both]
        portal.people(8)
        leader = next(at for at, host in enumerate(hosts) if "Leading" in host[1].says())
        both[leader].pull_the_cable()
        result, responses = portal.settle("one of two machines cut off", portal.more(30))
        for process in portal.started:
            process.vanish()
    assert result.lost == 0
    assert result.doubled <= 1
    assert not responses.answers[500]
