"""What many-machines.md says of pgbouncer and Redis, with its own lines and the real programs."""

import os
import pwd
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import psycopg
import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connection, connections
from django.db.utils import ConnectionHandler

from collaborative.env import POSTGRES_OPTIONS, database
from collaborative.operations.jobs import exclusive_lock
from collaborative.tests.faults.conftest import Portal
from collaborative.tests.faults.processes import (
    PostgresServer,
    wait_for,
)
from collaborative.tests.ports import database_url, free_port
from collaborative.tests.web import DEPLOY, NO_POOLER, PGBOUNCER, REDIS

PAGE = (DEPLOY / "many-machines.md").read_text()
PASSWORD = "of-this-test"  # noqa: S105
# How the address ends that the page names.
QUERY = re.search(r"^DATABASE_URL=postgres://[^?\s]+(\S*)$", PAGE, re.MULTILINE)[1]
LOCK = "SELECT pg_try_advisory_lock(1)"

pytestmark = [
    pytest.mark.skipif(
        os.environ.get("TEST_DATABASE") != "postgres",
        reason="many machines share a PostgreSQL: tested in its run",
    ),
    pytest.mark.skipif(PGBOUNCER is None or REDIS is None, reason=NO_POOLER),
    pytest.mark.django_db(transaction=True),
]


def shipped(kind: str) -> str:
    """The one block of this kind on the page."""
    (block,) = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    return block


@contextmanager
def running(command: list, port: int, **options) -> Iterator[None]:
    """A server of its own, until the end of the block."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, **options)
    try:
        wait_for(lambda: process.poll() is not None or is_open(port), command[0])
        assert process.poll() is None, f"{command[0]} ended"
        yield
    finally:
        process.kill()
        process.wait()


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionError:
        return False
    return True


class Pooler:
    """pgbouncer with the lines of the page in front of the database of the tests; `changes` are
    for single lines, None leaves one out."""

    def __init__(self, folder: Path, **changes: str | None) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"postgres://portal:{PASSWORD}@127.0.0.1:{self.port}/portal"
        server = connection.settings_dict
        local = {
            "portal": f"host={server['HOST']} dbname={server['NAME']} user={server['USER']}",
            "listen_addr": "127.0.0.1",
            "listen_port": str(self.port),
            "auth_file": str(folder / "userlist.txt"),
        }
        text = shipped("ini")
        for name, value in {**local, **changes}.items():
            line = f"{name} = {value}" if value is not None else ""
            text, count = re.subn(rf"^{name} = .*$", line, text, flags=re.MULTILINE)
            assert count == 1, f"many-machines.md has no {name}"
        (folder / "pgbouncer.ini").write_text(text)
        (folder / "userlist.txt").write_text(f'"portal" "{PASSWORD}"\n')

    @contextmanager
    def running(self) -> Iterator[None]:
        """Not as root, which pgbouncer refuses to be."""
        nobody = pwd.getpwnam("nobody")
        is_root = os.geteuid() == 0
        who = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []} if is_root else {}
        command = [PGBOUNCER, self.folder / "pgbouncer.ini"]
        with (self.folder / "log").open("wb") as log:
            try:
                with running(command, self.port, stderr=log, **who):
                    yield
            finally:
                # The database of the tests is removed without waiting for anybody.
                connection.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """pgbouncer is another user where this is root, and the path of a socket is short."""
    with tempfile.TemporaryDirectory(prefix="many-", dir="/tmp") as name:  # noqa: S108  # own name
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def pooled() -> Iterator[Callable]:
    """`pooled(url)`: the connections of two workers at this address, "one" and "other"."""
    opened = []

    def connect(url: str) -> list:
        handler = ConnectionHandler({name: database(url) for name in ("default", "one", "other")})
        for name in ("one", "other"):
            connections[name] = handler[name]
            opened.append(handler[name])
        return opened

    yield connect
    for each in opened:
        each.close()
        each.close_pool()
        del connections[each.alias]


def answer_of(worker, question: str) -> object:
    with worker.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


# pgbouncer ---------------------------------------------------------------------------------


def test_long_lists_are_read_through_the_pooler(folder, pooled):
    """Some rows at a time, while another worker is in a transaction."""
    expected = ContentType.objects.count()
    pooler = Pooler(folder)
    with pooler.running():
        _, other = pooled(pooler.url + QUERY)
        rows = ContentType.objects.using("one").order_by("pk").iterator(chunk_size=2)
        types = [next(rows)]
        other.set_autocommit(False)
        assert answer_of(other, "SELECT 1") == 1
        types.extend(rows)
        other.rollback()
    assert len(types) == expected > 2


@pytest.mark.parametrize(("query", "works"), [(QUERY, True), ("", False)])
def test_statements_are_not_prepared_through_the_pooler(folder, pooled, query, works):
    """The connection that knows one by name may be another worker's the next time."""
    pooler = Pooler(folder)
    with pooler.running():
        _, other = pooled(pooler.url + query)
        for _ in range(8):
            count = ContentType.objects.using("one").filter(model="member").count()
        other.set_autocommit(False)
        assert answer_of(other, "SELECT 1") == 1  # takes the connection that was used last
        expected = nullcontext() if works else pytest.raises(Error, match="prepared statement")
        with expected:
            assert ContentType.objects.using("one").filter(model="member").count() == count == 1
        other.rollback()


def test_pooler_refuses_the_portal_without_its_line(folder, pooled):
    pooler = Pooler(folder, ignore_startup_parameters=None)
    with pooler.running(), pytest.raises(psycopg.OperationalError, match="startup parameter"):
        psycopg.connect(pooler.url, options=POSTGRES_OPTIONS["options"])


def test_pooler_refuses_a_wrong_password(folder):
    pooler = Pooler(folder)
    with pooler.running(), pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(pooler.url.replace(PASSWORD, "guessed"))


def test_two_senders_would_lead_through_the_pooler(folder, pooled):
    """Why many-machines.md has the sender connect directly."""
    pooler = Pooler(folder)
    with pooler.running():
        assert [answer_of(worker, LOCK) for worker in pooled(pooler.url + QUERY)] == [True, True]


def test_sender_refuses_to_lead_through_the_pooler(folder, pooled, monkeypatch):
    pooler = Pooler(folder)
    with pooler.running():
        worker, _ = pooled(pooler.url + QUERY)
        monkeypatch.setattr("collaborative.operations.jobs.connection", worker)
        with (
            pytest.raises(ImproperlyConfigured, match="a connection of its own"),
            exclusive_lock("mail_worker"),
        ):
            pass


def test_one_of_two_senders_leads_without_the_pooler(pooled):
    assert [answer_of(worker, LOCK) for worker in pooled(database_url())] == [True, False]


def test_lines_for_the_database_are_what_it_takes():
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE portal")
        try:
            cursor.execute(shipped("sql"))
            cursor.execute("SELECT rolconfig FROM pg_roles WHERE rolname = 'portal'")
            (options,) = cursor.fetchone()
        finally:
            cursor.execute("DROP ROLE portal")
    # What the pooler swallows.
    assert set(options) == set(POSTGRES_OPTIONS["options"].removeprefix("-c ").split(" -c "))


# All of it ---------------------------------------------------------------------------------


@pytest.fixture
def server(transactional_db) -> Iterator[PostgresServer]:
    """A PostgreSQL of this test, which it can stop."""
    server = PostgresServer(is_empty=True)
    yield server
    server.remove()


def test_pooler_gives_up_soon_and_is_back_soon_after_the_database(server, folder):
    def answers() -> bool:
        try:
            with psycopg.connect(pooler.url) as asking:
                return asking.execute("SELECT true").fetchone()[0]
        except psycopg.OperationalError:
            return False

    pooler = Pooler(folder)
    with pooler.running():
        assert answers()
        server.stop()
        began = time.monotonic()
        assert not answers()
        assert time.monotonic() - began < 10, "a page would wait for two minutes"
        server.start()
        wait_for(answers, "pgbouncer, which by itself tries again after 15 seconds", 10)


@pytest.fixture
def redis(folder) -> Iterator[int]:
    """The port of a Redis without a disk."""
    port = free_port()
    command = f"{REDIS} --bind 127.0.0.1 --port {port} --dir {folder} --save".split()
    with running([*command, ""], port):
        yield port


def test_people_join_over_two_hosts_behind_the_pooler_with_redis(
    folder, redis, transactional_db, team, other_team, organization, caplog
):
    caplog.set_level("ERROR", "mail.log")  # aiosmtpd's own, a line for each command
    (folder / "logs").mkdir()
    pooler, portal = Pooler(folder, default_pool_size="2"), Portal(folder / "logs")
    with pooler.running():
        try:
            portal.sender()
            portal.env |= {"DATABASE_URL": pooler.url + QUERY}
            portal.env |= {"CACHE_URL": f"rediscache://127.0.0.1:{redis}/0"}
            for _ in range(2):
                portal.web()
            portal.people(4)
            portal.more(8)
            result, responses = portal.settle("no fault, behind pgbouncer with Redis", 0)
        finally:
            logs = portal.end()
    assert set(responses.answers) == {200, 302}, logs
    assert (result.lost, result.doubled) == (0, 0), logs
    assert counters(redis) > 0


def counters(port: int) -> int:
    """How many keys this Redis has."""
    with socket.create_connection(("127.0.0.1", port)) as asking:
        asking.sendall(b"DBSIZE\r\n")
        return int(asking.recv(100).strip().lstrip(b":"))
