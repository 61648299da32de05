"""The status page: is everything all right, what is not, and what to do about it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.urls import reverse
from django.utils import timezone
from post_office.models import STATUS, Email, Log

from collaborative.models import JobRun
from collaborative.operations.jobs import exclusive_lock
from collaborative.tests.conftest import put
from conftest import messages_of, visible_text
from members.services import record_bounce

PAGE = "/admin/status/"
REQUEUE = "/admin/status/requeue/"
FILE = "portal-20260909T030000Z.sqlite3.age"


@pytest.fixture(autouse=True)
def _place(settings, tmp_path) -> None:
    settings.BACKUP_DIR = str(tmp_path)


def add_run(job: str, *, hours: float = 1, succeeded: bool = True, **fields) -> JobRun:
    at = timezone.now() - timedelta(hours=hours)
    return JobRun.objects.create(
        name=job, started_at=at, finished_at=at, succeeded=succeeded, **fields
    )


@pytest.fixture
def _all_right(db, tmp_path) -> None:
    """Everything that must happen has happened."""
    details = {"folder": str(tmp_path), "file": FILE, "bytes": 2_500_000, "encrypted": True}
    (tmp_path / FILE).touch()
    add_run("backup", details=details)
    add_run("daily")


def failed(number: int, **fields) -> list[Email]:
    emails = [
        put(f"Email {n}", status=STATUS.failed, number_of_retries=350, **fields)
        for n in range(number)
    ]
    for email in emails:
        Log.objects.create(
            email=email, status=STATUS.failed, exception_type="SMTPException", message="550 unknown"
        )
    return emails


# Access --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [PAGE, REQUEUE])
def test_status_page_asks_visitors_to_sign_in(client, db, path):
    response = client.post(path) if path == REQUEUE else client.get(path)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("role", ["member", "facilitator"])
def test_status_page_refuses_members_and_facilitators(client_for, request, role):
    client = client_for(request.getfixturevalue(role))
    (email,) = failed(1)
    assert client.get(PAGE).status_code == 403
    assert client.post(REQUEUE, {"email": "all"}).status_code == 403
    email.refresh_from_db()
    assert email.status == STATUS.failed


def test_status_page_link_is_for_administrators_only(client_for, facilitator, administrator):
    assert PAGE not in client_for(facilitator).get("/admin/").content.decode()
    assert PAGE in client_for(administrator).get("/admin/").content.decode()


def test_requeue_needs_post(client_for, administrator):
    client = client_for(administrator)
    (email,) = failed(1)
    assert client.get(REQUEUE, {"email": email.pk}).status_code == 405
    assert client.post(PAGE).status_code == 405
    email.refresh_from_db()
    assert email.status == STATUS.failed


@pytest.mark.parametrize("chosen", ["", "x", "-1", "1 OR 1", "9" * 30, "²"])
def test_requeue_of_an_invalid_key_is_a_bad_request(client_for, administrator, chosen):
    assert client_for(administrator).post(REQUEUE, {"email": chosen}).status_code == 400


def test_requeue_from_another_site_is_refused(administrator):
    from django.test import Client  # noqa: PLC0415  # one that checks

    client = Client(enforce_csrf_checks=True)
    client.force_login(administrator)
    assert client.post(REQUEUE, {"email": "all"}).status_code == 403


# Queued again --------------------------------------------------------------------------------


def test_requeue_of_one_email_records_who_did_it(client_for, administrator, caplog):
    caplog.set_level("INFO")
    first, second = failed(2)
    response = client_for(administrator).post(REQUEUE, {"email": first.pk}, follow=True)
    assert messages_of(response) == ["1 email is queued again."]
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, first.number_of_retries) == (STATUS.queued, 0)
    assert second.status == STATUS.failed
    assert first.logs.latest("pk").message == f"Queued again by member {administrator.pk}"
    assert f"Email {first.pk} queued again by member {administrator.pk}" in caplog.text
    assert first.to[0] not in caplog.text


def test_requeue_of_all_takes_failed_emails_only(client_for, administrator):
    failed(3)
    code = failed(1, expires_at=timezone.now() + timedelta(minutes=5))[0]
    sent = put("Sent", status=STATUS.sent)
    response = client_for(administrator).post(REQUEUE, {"email": "all"}, follow=True)
    assert messages_of(response) == ["3 emails are queued again."]
    assert Email.objects.filter(status=STATUS.queued).count() == 3
    for email, status in ((code, STATUS.failed), (sent, STATUS.sent)):
        email.refresh_from_db()
        assert email.status == status


def test_requeue_twice_reports_that_nothing_failed(client_for, administrator):
    (email,) = failed(1)
    client = client_for(administrator)
    client.post(REQUEUE, {"email": email.pk})
    response = client.post(REQUEUE, {"email": email.pk}, follow=True)
    assert messages_of(response) == [
        "1 email is queued again.",
        "That email is no longer among the failed ones.",
    ]
    assert email.logs.count() == 2


# The page --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_all_right")
def test_status_page_begins_with_all_right(client_for, administrator, settings, tmp_path):
    settings.RELEASE = "2026.11"
    with exclusive_lock("mail_worker"):
        text = visible_text(client_for(administrator).get(PAGE))
    assert "All right Email, backups, the daily run and the database are as they should be." in text
    assert "Attention" not in text
    assert f"Last backup Good 1 hour ago, 2.4 MB, {tmp_path}/{FILE}" in text
    assert "Encryption Good on" in text
    assert "Migrations Good all applied" in text
    assert ".." not in text
    assert "Portal 2026.11" in text
    assert ("PostgreSQL 1" if connection.vendor == "postgresql" else "SQLite 3.") in text


def test_status_page_of_a_new_installation_says_what_to_do(client_for, administrator, settings):
    settings.BACKUP_DIR = ""
    text = visible_text(client_for(administrator).get(PAGE))
    assert "Attention 3 things need you." in text
    assert "Mail worker: not running. Start manage.py mail_worker." in text
    assert "Last backup: none yet. Set BACKUP_DIR" in text
    assert "Last daily run: none yet." in text
    assert "Portal not set" in text


@pytest.mark.usefixtures("_all_right")
@pytest.mark.parametrize(
    ("job", "expected"), [("backup", "Last backup: 1 day ago"), ("daily", "Last daily run: 1 day")]
)
def test_status_page_shows_an_overdue_job(client_for, administrator, job, expected):
    JobRun.objects.filter(name=job).delete()
    add_run(job, hours=25)
    with exclusive_lock("mail_worker"):
        client = client_for(administrator)
        assert "All right" in visible_text(client.get(PAGE))
        JobRun.objects.filter(name=job).update(finished_at=timezone.now() - timedelta(hours=27))
        text = visible_text(client.get(PAGE))
    assert "Attention 1 thing needs you." in text
    assert expected in text


@pytest.mark.usefixtures("_all_right")
def test_status_page_shows_a_missing_backup_file(client_for, administrator, tmp_path):
    (tmp_path / FILE).unlink()
    text = visible_text(client_for(administrator).get(PAGE))
    assert f"Last backup: missing: {tmp_path}/{FILE} no longer exists." in text


@pytest.mark.usefixtures("_all_right")
def test_status_page_does_not_call_an_unreadable_backup_folder_good(client_for, administrator):
    run = JobRun.objects.get(name="backup")
    run.details["folder"] = "/on/another/machine"
    run.save()
    text = visible_text(client_for(administrator).get(PAGE))
    assert f"Last backup 1 hour ago, 2.4 MB, /on/another/machine/{FILE}, which cannot be" in text


def test_status_page_accepts_a_restored_backup_without_a_file(client_for, administrator):
    add_run("backup")
    assert "Last backup Good 1 hour ago Encryption" in visible_text(
        client_for(administrator).get(PAGE)
    )


@pytest.mark.usefixtures("_all_right")
def test_status_page_shows_a_failed_backup_with_its_reason(client_for, administrator):
    add_run("backup", hours=0.5, succeeded=False, outcome="There is no room left")
    text = visible_text(client_for(administrator).get(PAGE))
    assert "A backup failed: 30 minutes ago. There is no room left" in text


@pytest.mark.usefixtures("_all_right")
def test_status_page_shows_failed_and_late_emails_with_reasons(client_for, administrator):
    failed(1)
    late = put("Late")
    Email.objects.filter(pk=late.pk).update(created=timezone.now() - timedelta(minutes=11))
    text = visible_text(client_for(administrator).get(PAGE))
    assert "Queue: 1 email waits, the oldest for 11 minutes, after 0 failed tries." in text
    assert "Given up: 1 email could not be sent." in text
    assert "1 email given up" in text
    assert "SMTPException: 550 unknown" in text


@pytest.mark.usefixtures("_all_right")
def test_status_page_shows_refused_codes_that_cannot_be_requeued(client_for, administrator):
    failed(1, expires_at=timezone.now() - timedelta(minutes=5))
    text = visible_text(client_for(administrator).get(PAGE))
    assert "Codes given up: 1 code could not be sent in the last day." in text
    assert "Last refusal SMTPException, less than a minute ago" in text
    assert "Queue again" not in text


@pytest.mark.usefixtures("_all_right")
def test_status_page_shows_the_tries_of_the_oldest_waiting_email(client_for, administrator):
    put("Tried", status=STATUS.requeued, number_of_retries=7)
    put("Young", number_of_retries=1)
    text = visible_text(client_for(administrator).get(PAGE))
    assert "2 emails wait, the oldest for less than a minute, after 7 failed tries" in text


@pytest.mark.usefixtures("_all_right")
def test_status_page_shows_how_many_emails_came_back(client_for, administrator, member, settings):
    record_bounce(member, member.email, "5.1.1")
    text = visible_text(client_for(administrator).get(PAGE))
    assert "Came back emails to 1 address, the last one less than a minute ago" in text
    assert "Set BOUNCE_EMAIL" in text
    settings.BOUNCE_EMAIL = "bounces@portal.example.org"
    assert "Set BOUNCE_EMAIL" not in visible_text(client_for(administrator).get(PAGE))


def test_status_page_shows_a_missing_migration(client_for, administrator):
    MigrationRecorder(connection).record_unapplied("teams", "0001_initial")
    assert "Migrations: 1 is not applied. Run manage.py migrate." in visible_text(
        client_for(administrator).get(PAGE)
    )


@pytest.mark.usefixtures("_all_right")
def test_status_page_escapes_subjects(client_for, administrator):
    put("<script>alert(1)</script>", status=STATUS.failed)
    page = client_for(administrator).get(PAGE).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


@pytest.mark.usefixtures("_all_right")
def test_status_page_costs_the_same_queries_for_one_failed_email_and_thirty(
    client_for, administrator, django_assert_max_num_queries, django_assert_num_queries
):
    client = client_for(administrator)
    client.get(PAGE)
    failed(1)
    with django_assert_max_num_queries(30) as counted:
        client.get(PAGE)
    failed(29)
    with django_assert_num_queries(len(counted)):
        text = visible_text(client.get(PAGE))
    assert "The newest 20 of 30" in text
