"""The mail worker, with a real mail server; only the clock is simulated."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone
from post_office.models import PRIORITY, STATUS, Email, Log

from collaborative.operations import daily
from collaborative.operations import mail_worker as module
from collaborative.operations.mail_worker import MailWorker, leader_lock, seconds_until_retry
from collaborative.tests.conftest import Clock, put, statuses
from members.emails import queue
from members.models import SentCode

# Outages, in simulated time ----------------------------------------------------------------


def run_until(
    done: Callable[[], bool], clock: Clock, at: dict[float, Callable[[], None]], stride: float = 0
) -> None:
    """Run a mail worker in simulated time until `done()`; each of `at` happens at its second.

    With a `stride` every pause of the worker takes at least that many seconds.
    """
    worker = MailWorker(sleep=lambda seconds: step(seconds))

    def step(seconds: float) -> None:
        clock.sleep(max(seconds, stride))
        for second in [second for second in at if second <= clock.seconds]:
            at.pop(second)()
        if done() or clock.seconds > 7200:
            worker.stop()

    worker.run()
    assert done(), f"not done after {clock.seconds} simulated seconds"


@pytest.mark.django_db
def test_mail_server_outage_loses_no_email(smtp, clock):
    smtp.down()
    for number in range(3):
        put(f"Email {number}", to=f"person{number}@rush.example")
    run_until(lambda: len(smtp.taken) >= 3, clock, {600: smtp.up}, stride=20)
    assert Counter(smtp.subjects()) == Counter(f"Email {number}" for number in range(3))
    assert statuses() == {STATUS.sent: 3}
    # Backing off means few tries: doubled from two seconds, ten minutes hold about ten ...
    tries = Email.objects.values_list("number_of_retries", flat=True)
    assert 6 <= min(tries) <= max(tries) <= 12
    # ... and the longest wait that can have begun by then is the tenth.
    assert clock.seconds < 600 + 1024 + 60


@pytest.mark.django_db
def test_temporary_refusal_is_retried_with_backoff(smtp, clock):
    smtp.refusals = 3
    put("Email 1")
    run_until(lambda: bool(smtp.taken), clock, {})
    assert smtp.subjects() == ["Email 1"]
    assert Email.objects.get().number_of_retries == 3
    # Each wait ends with the next poll.
    longest = 2 + 4 + 8 + 4 * module.POLL_SECONDS
    assert longest > clock.seconds > (2 + 4 + 8) / 2


@pytest.mark.django_db
def test_code_is_sent_seconds_after_an_outage(smtp, clock):
    smtp.down()
    put("Code", priority=PRIORITY.high, expires_at=clock() + timedelta(minutes=15))
    run_until(lambda: bool(smtp.taken), clock, {60: smtp.up})
    assert clock.seconds < 60 + module.MAX_URGENT_RETRY_SECONDS + 1


@pytest.mark.django_db
def test_expired_code_is_never_sent(smtp, clock):
    smtp.down()
    put("Code", priority=PRIORITY.high, expires_at=clock() + timedelta(minutes=15))
    put("Notice")
    run_until(lambda: bool(smtp.taken), clock, {1200: smtp.up}, stride=60)
    assert smtp.subjects() == ["Notice"]
    assert Email.objects.get().subject == "Notice"


@pytest.mark.django_db
def test_run_once_ends_while_the_mail_server_is_down(smtp, clock):
    smtp.down()
    for number in range(3):
        put(f"Email {number}")
    assert MailWorker().run_once() is True
    assert statuses() == {STATUS.requeued: 3}
    assert set(Email.objects.values_list("number_of_retries", flat=True)) == {1}


@pytest.mark.parametrize(
    ("tries", "urgent", "longest"),
    [
        (1, False, 2),
        (2, False, 4),
        (10, False, 1024),
        (11, False, 1800),
        (1000, False, 1800),
        (1, True, 2),
        (3, True, 8),
        (1000, True, 10),
    ],
)
def test_seconds_until_retry_double_up_to_a_limit_and_are_scattered(tries, urgent, longest):
    waits = {seconds_until_retry(tries, urgent=urgent) for _ in range(50)}
    assert longest / 2 <= min(waits) < max(waits) <= longest


# Order, security, the log ------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.both_databases
def test_urgent_email_is_sent_first(smtp):
    for number in range(3):
        put(f"Notice {number}")
    put("Code", priority=PRIORITY.high)
    MailWorker().run_once()
    assert smtp.subjects() == ["Code", "Notice 0", "Notice 1", "Notice 2"]


@pytest.fixture
def _one_template(settings, tmp_path) -> None:
    """The email `note`, which shows its variable `name`."""
    folder = tmp_path / "emails"
    folder.mkdir()
    (folder / "note_subject.txt").write_text(
        "{% autoescape off %}For {{ name }}{% endautoescape %}"
    )
    (folder / "note.txt").write_text("{% autoescape off %}Hello {{ name }}{% endautoescape %}")
    (folder / "note.html").write_text("<p>Hello {{ name }}</p>")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]


@pytest.mark.django_db
@pytest.mark.usefixtures("_one_template")
@pytest.mark.parametrize(
    "name",
    ["{{ settings.SECRET_KEY }}", "{% now 'Y' %}", "{% include 'base.html' %}", "{{ 6|add:1 }}"],
)
def test_email_shows_template_syntax_from_strangers_verbatim(smtp, name):
    queue("note", "maria@rush.example", {"name": name})
    MailWorker().run_once()
    (message,) = smtp.taken
    text, html = (part.get_payload(decode=True).decode() for part in message.get_payload())
    assert text.strip() == f"Hello {name}"
    assert html.strip() == f"<p>Hello {name.replace(chr(39), '&#x27;')}</p>"
    assert smtp.subjects() == [f"For {name}"]


@pytest.mark.django_db
@pytest.mark.usefixtures("_one_template")
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\u2028", "\x0b"])
def test_newline_in_a_subject_adds_no_header(smtp, newline):
    queue("note", "maria@rush.example", {"name": f"Mia{newline}Bcc: victim@example.org"})
    MailWorker().run_once()
    (message,) = smtp.taken
    assert message["Bcc"] is None
    assert smtp.subjects() == ["For Mia Bcc: victim@example.org"]


@pytest.mark.django_db
@pytest.mark.usefixtures("_one_template")
def test_rolled_back_change_sends_nothing(smtp):
    with transaction.atomic():
        queue("note", "maria@rush.example", {"name": "Maria"}, urgent=True)
        transaction.set_rollback(True)
    MailWorker().run_once()
    assert smtp.taken == []
    assert not Email.objects.exists()


@pytest.mark.django_db
def test_sent_email_is_logged_by_key_without_its_address(smtp, caplog):
    caplog.set_level("INFO")
    first, second = put("Private subject"), put("Other subject")
    smtp.refusals = 1
    MailWorker().run_once()
    ours = [
        record for record in caplog.records if record.name == "collaborative.operations.mail_worker"
    ]
    lines = [record.getMessage() for record in ours]
    assert sum(f"Email {first.pk} not sent (SMTP" in line for line in lines) == 1
    assert sum(f"Email {second.pk} sent" in line for line in lines) == 1
    assert len(lines) == 2
    assert "rush.example" not in caplog.text
    assert "subject" not in caplog.text


@pytest.mark.django_db
def test_email_is_given_up_after_the_last_try(smtp, settings, caplog):
    settings.POST_OFFICE = {**settings.POST_OFFICE, "MAX_RETRIES": 0}
    smtp.refusals = 1
    email = put("Email 1")
    MailWorker().run_once()
    assert statuses() == {STATUS.failed: 1}
    assert f"Email {email.pk} given up" in caplog.text


@pytest.mark.django_db
@pytest.mark.both_databases
def test_leader_lock_is_released_at_the_end(smtp):
    for _ in range(2):
        with leader_lock() as leads:
            assert leads


# Tasks -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_delete_expired_emails_deletes_codes_sent_or_not(clock):
    now = clock()
    put("Old code", expires_at=now - timedelta(seconds=1), status=STATUS.sent)
    put("Unsent code", expires_at=now - timedelta(seconds=1))
    put("Fresh code", expires_at=now + timedelta(minutes=5))
    put("Notice")
    daily.delete_expired_emails()
    assert set(Email.objects.values_list("subject", flat=True)) == {"Fresh code", "Notice"}


@pytest.mark.django_db
def test_delete_expired_emails_logs_unsent_codes_and_keeps_refused_ones_for_a_day(clock, caplog):
    now = clock()
    put("Sent", expires_at=now, status=STATUS.sent)
    queued = put("Queued", expires_at=now)
    tried = put("Tried", expires_at=now, status=STATUS.requeued)
    put("Refused", expires_at=now, status=STATUS.failed)
    daily.delete_expired_emails()
    message = "Email {} expired before it could be sent"
    lines = [record.getMessage() for record in caplog.records]
    assert sorted(lines) == [message.format(queued.pk), message.format(tried.pk)]
    assert Email.objects.get().subject == "Refused"
    clock.sleep(86401)
    daily.delete_expired_emails()
    assert not Email.objects.exists()


@pytest.mark.django_db
@pytest.mark.both_databases
def test_delete_old_records_keeps_emails_for_thirty_days_and_unsent_ones_forever(clock):
    retained = {"Sent": STATUS.sent, "Failed": STATUS.failed, "Due": STATUS.requeued}
    for subject, status in retained.items():
        email = put(subject, status=status)
        Log.objects.create(email=email, status=STATUS.failed, message="late")
    clock.sleep(29 * 86400)
    put("Young", status=STATUS.sent)
    daily.delete_old_records()
    assert Email.objects.count() == 4
    clock.sleep(2 * 86400)
    daily.delete_old_records()
    assert set(Email.objects.values_list("subject", flat=True)) == {"Due", "Young"}
    assert Log.objects.count() == 1


@pytest.mark.django_db
def test_delete_old_records_deletes_codes_when_no_session_refers_to_them(clock):
    SentCode.objects.create(expires_at=clock() - timedelta(days=1, seconds=1))
    kept = SentCode.objects.create(expires_at=clock() - timedelta(hours=23))
    daily.delete_old_records()
    assert SentCode.objects.get() == kept


@pytest.mark.django_db
def test_delete_old_records_deletes_ended_sessions(clock):
    Session.objects.create(session_key="ended", expire_date=clock() - timedelta(days=1))
    Session.objects.create(session_key="open", expire_date=clock() + timedelta(days=1))
    daily.delete_old_records()
    assert Session.objects.get().session_key == "open"


@pytest.mark.django_db
def test_run_due_tasks_waits_for_each_interval(clock):
    worker = MailWorker()
    worker.run_due_tasks()
    put("Code", expires_at=clock() + timedelta(seconds=30))
    clock.sleep(31)
    worker.run_due_tasks()
    assert Email.objects.exists()
    clock.sleep(30)
    worker.run_due_tasks()
    assert not Email.objects.exists()


@pytest.mark.django_db
def test_run_due_tasks_goes_on_after_the_clock_was_set_back(clock):
    worker = MailWorker()
    worker.run_due_tasks()
    clock.set_back(timedelta(days=400))
    put("Code", expires_at=clock() + timedelta(seconds=30))
    clock.sleep(61)
    worker.run_due_tasks()
    assert not Email.objects.exists()


@pytest.mark.django_db
def test_stranded_email_leaves_soon_after_the_clock_was_set_back(smtp, clock):
    clock.set_back(timedelta(days=-2))
    put("Retried then", status=STATUS.requeued, scheduled_time=clock() + timedelta(minutes=30))
    clock.set_back(timedelta(days=2))
    put("Held by a decision", scheduled_time=clock() + timedelta(minutes=2))
    worker = MailWorker()
    worker.run_due_tasks()
    assert worker.send_next()
    assert statuses() == {STATUS.sent: 1, STATUS.queued: 1}
    assert worker.send_next() is None


@pytest.mark.django_db
def test_queue_digests_sends_one_a_day(facilitator, applicant, queued_emails, clock):
    clock.sleep(7 * 3600 - 60)  # a minute before seven
    daily.queue_digests()
    assert queued_emails() == []
    clock.sleep(61)
    for _ in range(3):
        daily.queue_digests()
        clock.sleep(3600)
    assert Counter(mail.to[0] for mail in queued_emails())[facilitator.email] == 1
    clock.sleep(86400)
    daily.queue_digests()
    assert Counter(mail.to[0] for mail in queued_emails())[facilitator.email] == 2


@pytest.mark.django_db
def test_queue_digests_goes_on_after_the_clock_was_set_back(
    facilitator, applicant, queued_emails, clock
):
    clock.sleep(8 * 3600)
    clock.set_back(timedelta(days=-28))
    daily.queue_digests()
    clock.set_back(timedelta(days=28))
    for _ in range(2):
        daily.queue_digests()
    assert Counter(mail.to[0] for mail in queued_emails())[facilitator.email] == 2


@pytest.mark.django_db
def test_queue_digests_sends_none_at_the_weekend(facilitator, applicant, queued_emails, clock):
    clock.sleep(3 * 86400 + 9 * 3600)
    assert timezone.localtime().strftime("%A") == "Saturday"
    daily.queue_digests()
    assert queued_emails() == []


@pytest.mark.django_db
def test_failing_task_is_logged_and_stops_no_email(
    facilitator, applicant, smtp, clock, settings, tmp_path, caplog
):
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path], "APP_DIRS": False}]
    clock.sleep(8 * 3600)
    put("Email 1")
    run_until(lambda: bool(smtp.taken), clock, {})
    assert "queue_digests failed" in caplog.text
    assert smtp.subjects() == ["Email 1"]
