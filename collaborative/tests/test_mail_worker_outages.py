"""The mail worker during database outages: it waits, continues, and repeats no email."""

import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError, ProgrammingError, connection
from post_office.models import STATUS, Email

from collaborative.operations import mail_worker as module
from collaborative.operations.jobs import is_locked
from collaborative.operations.mail_worker import MailWorker
from collaborative.tests.conftest import put, statuses

pytestmark = pytest.mark.django_db(transaction=True)


class Outage:
    """While it is on, the database refuses each statement that begins with one of `statements`."""

    def __init__(self) -> None:
        self.on = False
        self.statements = ("INSERT", "UPDATE", "DELETE")
        self.error: Exception = OperationalError("database or disk is full")

    def __call__(self, execute: Callable, sql: str, *rest: object) -> object:
        if self.on and sql.startswith(self.statements):
            raise self.error
        return execute(sql, *rest)


@pytest.fixture
def outage(monkeypatch) -> Iterator[Outage]:
    # Only emails use the database.
    monkeypatch.setattr(module, "PERIODIC_TASKS", ())
    switch = Outage()
    with connection.execute_wrapper(switch):
        yield switch


def run(is_over: Callable[[list[float]], bool], fix: Callable[[], None]) -> list[float]:
    """Run a worker until a pause in which `is_over(pauses)`, fix the outage, stop at the next
    pause, and return the pauses."""
    pauses: list[float] = []
    fixed = False

    def sleep(seconds: float) -> None:
        nonlocal fixed
        pauses.append(seconds)
        assert len(pauses) < 50, "it pauses forever"
        if fixed:
            worker.stop()
        elif is_over(pauses):
            fixed = True
            fix()

    worker = MailWorker(sleep=sleep)
    worker.run()
    return pauses


def test_mail_worker_that_cannot_write_sends_nothing_and_pauses_longer_each_time(
    smtp, outage, caplog
):
    """Otherwise each one started on a full disk would send the same email again."""
    caplog.set_level("INFO")
    put("Email 1")
    outage.on = True
    sent_before: list[int] = []

    def fix() -> None:
        sent_before.append(len(smtp.taken))
        outage.on = False

    pauses = run(lambda pauses: len(pauses) == 6, fix)
    assert sent_before == [0]
    assert pauses[:6] == [0.5, 1, 2, 4, 5, 5]
    assert smtp.subjects() == ["Email 1"]
    assert statuses() == {STATUS.sent: 1}
    assert "Pausing: database or disk is full" in caplog.text


def test_sent_email_is_marked_as_soon_as_the_database_allows(smtp, outage):
    put("Email 1")
    put("Email 2")
    smtp.on_email = lambda count: setattr(outage, "on", count == 1)
    sent_before: list[int] = []

    def fix() -> None:
        sent_before.append(len(smtp.taken))
        outage.on = False

    run(lambda pauses: len(pauses) == 3, fix)
    assert sent_before == [1]
    assert smtp.subjects() == ["Email 1", "Email 2"]
    assert statuses() == {STATUS.sent: 2}


def test_sent_email_is_repeated_once_if_the_worker_is_stopped_before_the_mark(smtp, outage, caplog):
    email = put("Email 1")
    smtp.on_email = lambda count: setattr(outage, "on", count == 1)
    # The second and third find the disk still full.
    for _ in range(3):
        worker = MailWorker()
        worker.sleep = lambda seconds, worker=worker: worker.stop()
        worker.run()
    assert len(smtp.taken) == 1
    assert f"Email {email.pk} was sent and will be again" in caplog.text
    outage.on = False
    run(lambda pauses: True, lambda: None)
    assert smtp.message_ids() == [email.message_id] * 2
    assert statuses() == {STATUS.sent: 1}


def test_refused_email_is_sent_although_the_refusal_could_not_be_stored(smtp, outage):
    put("Email 1")
    # Of the log entry with the refusal.
    outage.statements = ("INSERT",)
    outage.on = True
    smtp.refusals = 1
    run(lambda pauses: True, lambda: setattr(outage, "on", False))
    assert smtp.subjects() == ["Email 1"]
    assert Email.objects.get().number_of_retries is None
    assert statuses() == {STATUS.sent: 1}


def test_pauses_are_short_again_after_an_outage(smtp, outage):
    put("Email 1")
    outage.on = True
    worker = MailWorker()
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        outage.on = len(pauses) < 5
        if len(pauses) == 6:
            put("Email 2")
            outage.on = True
        if len(pauses) == 8:
            worker.stop()

    worker.sleep = sleep
    worker.run()
    assert pauses[:7] == [0.5, 1, 2, 4, 5, module.POLL_SECONDS, 0.5]


def test_mail_worker_ends_with_an_error_that_is_no_outage(smtp, outage):
    put("Email 1")
    outage.on, outage.error = True, ProgrammingError("no such column")
    with pytest.raises(ProgrammingError):
        run(lambda pauses: True, lambda: None)
    assert smtp.taken == []


def test_mail_worker_leads_again_after_a_lost_connection(smtp, outage, caplog):
    caplog.set_level("INFO")
    put("Email 1")
    run(lambda pauses: True, connection.close)
    assert "The database connection was replaced" in caplog.text
    assert not is_locked("mail_worker")


def end_the_leaders_connection() -> None:
    with connection.cursor() as cursor:
        # Other workers of the test run have databases of their own on this server.
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        assert cursor.fetchall() == [(True,)]
    connection.close()


def test_email_is_not_repeated_after_a_lost_connection(smtp, outage, caplog):
    if connection.vendor != "postgresql":
        pytest.skip("an SQLite file has no connection that could be lost")
    caplog.set_level("INFO")
    put("Email 1")
    put("Email 2")

    def lose(count: int) -> None:
        # Before the reply of the mail server.
        if count == 1:
            thread = threading.Thread(target=end_the_leaders_connection)
            thread.start()
            thread.join()

    smtp.on_email = lose
    run(lambda pauses: len(smtp.taken) == 2, lambda: None)
    assert smtp.subjects() == ["Email 1", "Email 2"]
    assert statuses() == {STATUS.sent: 2}
    assert caplog.text.count("Leading: sending emails") == 2
    assert not is_locked("mail_worker")
