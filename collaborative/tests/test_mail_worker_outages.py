"""The sender while the database cannot work: it waits, goes on by itself, and repeats no email."""

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
    """While it is on, the database refuses each statement that begins with one of `what`."""

    def __init__(self) -> None:
        self.on = False
        self.what = ("INSERT", "UPDATE", "DELETE")
        self.error: Exception = OperationalError("database or disk is full")

    def __call__(self, execute: Callable, sql: str, *rest: object) -> object:
        if self.on and sql.startswith(self.what):
            raise self.error
        return execute(sql, *rest)


@pytest.fixture
def outage(monkeypatch) -> Iterator[Outage]:
    monkeypatch.setattr(module, "PERIODIC_TASKS", ())  # only emails use the database
    made = Outage()
    with connection.execute_wrapper(made):
        yield made


def run(over: Callable[[list[float]], bool], mend: Callable[[], None]) -> list[float]:
    """Run a sender until a pause in which `over(pauses)`; after the next it is stopped. Returns
    the pauses."""
    pauses: list[float] = []
    mended = False

    def sleep(seconds: float) -> None:
        nonlocal mended
        pauses.append(seconds)
        assert len(pauses) < 50, "it rests for ever"
        if mended:
            sender.stop()
        elif over(pauses):
            mended = True
            mend()

    sender = MailWorker(sleep=sleep)
    sender.run()
    return pauses


def test_sender_that_cannot_write_sends_nothing_and_rests_longer_each_time(smtp, outage, caplog):
    """Else each one that is started on a full disk would send the same email again."""
    caplog.set_level("INFO")
    put("Email 1")
    outage.on = True
    taken: list[int] = []

    def mend() -> None:
        taken.append(len(smtp.taken))
        outage.on = False

    pauses = run(lambda pauses: len(pauses) == 6, mend)
    assert taken == [0]
    assert pauses[:6] == [0.5, 1, 2, 4, 5, 5]
    assert smtp.subjects() == ["Email 1"]
    assert statuses() == {STATUS.sent: 1}
    assert "Pausing: database or disk is full" in caplog.text


def test_mail_that_went_out_is_marked_as_soon_as_that_can_be_written(smtp, outage):
    put("Email 1")
    put("Email 2")
    smtp.on_mail = lambda count: setattr(outage, "on", count == 1)
    seen: list[int] = []

    def mend() -> None:
        seen.append(len(smtp.taken))
        outage.on = False

    run(lambda pauses: len(pauses) == 3, mend)
    assert seen == [1]
    assert smtp.subjects() == ["Email 1", "Email 2"]
    assert statuses() == {STATUS.sent: 2}


def test_mail_that_went_out_is_repeated_once_if_its_sender_is_stopped_before(smtp, outage, caplog):
    row = put("Email 1")
    smtp.on_mail = lambda count: setattr(outage, "on", count == 1)
    for _ in range(3):  # the others find the disk still full
        sender = MailWorker()
        sender.sleep = lambda seconds, sender=sender: sender.stop()
        sender.run()
    assert len(smtp.taken) == 1
    assert f"Email {row.pk} was sent and will be again" in caplog.text
    outage.on = False
    run(lambda pauses: True, lambda: None)
    assert smtp.message_ids() == [row.message_id] * 2
    assert statuses() == {STATUS.sent: 1}


def test_mail_that_was_refused_goes_out_although_that_could_not_be_written(smtp, outage):
    put("Email 1")
    outage.what = ("INSERT",)  # of why it was refused
    outage.on = True
    smtp.refusals = 1
    run(lambda pauses: True, lambda: setattr(outage, "on", False))
    assert smtp.subjects() == ["Email 1"]
    assert Email.objects.get().number_of_retries is None
    assert statuses() == {STATUS.sent: 1}


def test_pauses_are_short_again_after_an_outage(smtp, outage):
    put("Email 1")
    outage.on = True
    sender = MailWorker()
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        outage.on = len(pauses) < 5
        if len(pauses) == 6:
            put("Email 2")
            outage.on = True
        if len(pauses) == 8:
            sender.stop()

    sender.sleep = sleep
    sender.run()
    assert pauses[:7] == [0.5, 1, 2, 4, 5, module.POLL_SECONDS, 0.5]


def test_error_that_no_pause_mends_ends_the_sender(smtp, outage):
    put("Email 1")
    outage.on, outage.error = True, ProgrammingError("no such column")
    with pytest.raises(ProgrammingError):
        run(lambda pauses: True, lambda: None)
    assert smtp.taken == []


def test_sender_that_lost_its_connection_leads_anew(smtp, outage, caplog):
    caplog.set_level("INFO")
    put("Email 1")
    run(lambda pauses: True, connection.close)
    assert "The database connection was replaced" in caplog.text
    assert not is_locked("mail_worker")


def end_the_leaders_connection() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        assert cursor.fetchall() == [(True,)]
    connection.close()


def test_mail_is_not_repeated_after_a_lost_connection(smtp, outage, caplog):
    if connection.vendor != "postgresql":
        pytest.skip("an SQLite file has no connection that could be lost")
    caplog.set_level("INFO")
    put("Email 1")
    put("Email 2")

    def lose(count: int) -> None:
        if count == 1:  # before the answer of the mail server
            thread = threading.Thread(target=end_the_leaders_connection)
            thread.start()
            thread.join()

    smtp.on_mail = lose
    run(lambda pauses: len(smtp.taken) == 2, lambda: None)
    assert smtp.subjects() == ["Email 1", "Email 2"]
    assert statuses() == {STATUS.sent: 2}
    assert caplog.text.count("Leading: sending emails") == 2
    assert not is_locked("mail_worker")
