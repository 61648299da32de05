"""`manage.py mail_worker` as it runs: real processes, a real mail server, real kills."""

import os
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from post_office.models import STATUS

from collaborative.tests.backup_files import locked_elsewhere, run
from collaborative.tests.conftest import PATIENCE, MailServer, put, statuses
from collaborative.tests.ports import database_url

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"


class Process:
    """A `manage.py mail_worker` of its own, on the test database."""

    def __init__(self, smtp: MailServer, log: Path, *options: str) -> None:
        env = {
            **os.environ,
            "DATABASE_URL": database_url(),
            "EMAIL_URL": f"smtp://127.0.0.1:{smtp.port}",
            "PYTHONUNBUFFERED": "1",
        }
        self.log = log
        with log.open("wb") as output:
            self.popen = subprocess.Popen(
                [sys.executable, MANAGE, "mail_worker", *options],
                env=env,
                stdout=output,
                stderr=output,
            )

    def kill(self) -> None:
        self.popen.kill()

    def wait(self) -> int:
        return self.popen.wait(PATIENCE)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.popen.send_signal(number)
        return self.wait()

    def output(self) -> str:
        return self.log.read_text()


@pytest.fixture
def start(transactional_db, smtp, tmp_path) -> Iterator[Callable[..., Process]]:
    """`start()` starts a mail worker; what still runs at the end of the test is killed."""
    started: list[Process] = []

    def start_process(*options: str) -> Process:
        process = Process(smtp, tmp_path / f"worker-{len(started)}.log", *options)
        started.append(process)
        return process

    yield start_process
    for process in started:
        process.kill()
        process.wait()
        sys.stdout.write(process.output())  # shown if the test failed


def test_mail_worker_killed_while_it_sends_loses_no_email_and_repeats_one(start, smtp):
    """Two run, of which one leads; it is killed, and the other takes over."""
    for number in range(20):
        put(f"Email {number}")
    smtp.expect(20)
    processes = [start(), start()]
    killed: list[Process] = []

    def kill(count: int) -> None:
        if count >= 6 and not killed:
            (leader,) = [process for process in processes if "Leading" in process.output()]
            leader.kill()
            killed.append(leader)

    smtp.on_email = kill
    smtp.wait()
    (leader,) = killed
    (follower,) = [process for process in processes if process != leader]
    assert leader.wait() == -signal.SIGKILL
    assert follower.stop() == 0
    copies = Counter(smtp.message_ids())
    by_subject = defaultdict(set)
    for subject, message_id in zip(smtp.subjects(), smtp.message_ids(), strict=True):
        by_subject[subject].add(message_id)
    assert set(by_subject) == {f"Email {number}" for number in range(20)}
    assert all(len(ids) == 1 for ids in by_subject.values())
    assert sum(copies.values()) - 20 <= 1
    assert statuses() == {STATUS.sent: 20}
    assert "@rush.example" not in follower.output()


@pytest.fixture
def _handlers_of_signals() -> Iterator[None]:
    """As they were: the command sets its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("transactional_db", "_handlers_of_signals")
def test_mail_worker_once_sends_what_is_due_and_ends(smtp):
    put("Email 1")
    put("Email 2", scheduled_time=timezone.now() + timedelta(hours=1))
    run("mail_worker", "--once")
    assert smtp.subjects() == ["Email 1"]
    # Either one stops it.
    for number in (signal.SIGTERM, signal.SIGINT):
        assert signal.getsignal(number).__qualname__.startswith("Command.handle.")


@pytest.mark.both_databases
@pytest.mark.usefixtures("transactional_db", "_handlers_of_signals")
def test_mail_worker_once_leaves_the_work_to_a_running_one(smtp):
    put("Email 1")
    with locked_elsewhere("mail_worker"):
        assert "Another mail worker is running" in run("mail_worker", "--once")
    assert smtp.taken == []
