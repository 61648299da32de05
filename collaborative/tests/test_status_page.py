"""The administrators' page: is everything all right, what is not, and what to do about it."""

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

PAGE = "/admin/status/"
PRESS = "/admin/status/requeue/"
FILE = "portal-20260909T030000Z.sqlite3.age"


@pytest.fixture(autouse=True)
def _place(settings, tmp_path) -> None:
    settings.BACKUP_DIR = str(tmp_path)


def ran(job: str, *, hours: float = 1, succeeded: bool = True, **fields) -> JobRun:
    at = timezone.now() - timedelta(hours=hours)
    return JobRun.objects.create(
        name=job, started_at=at, finished_at=at, succeeded=succeeded, **fields
    )


@pytest.fixture
def _all_right(db, tmp_path) -> None:
    """Everything that must happen has happened."""
    details = {"folder": str(tmp_path), "file": FILE, "bytes": 2_500_000, "encrypted": True}
    (tmp_path / FILE).touch()
    ran("backup", details=details)
    ran("daily")


def failed(number: int, **fields) -> list[Email]:
    mails = [
        put(f"Email {n}", status=STATUS.failed, number_of_retries=350, **fields)
        for n in range(number)
    ]
    for mail in mails:
        Log.objects.create(
            email=mail, status=STATUS.failed, exception_type="SMTPException", message="550 unknown"
        )
    return mails


# Who may not ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [PAGE, PRESS])
def test_visitor_is_asked_to_sign_in(client, db, path):
    response = client.post(path) if path == PRESS else client.get(path)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("who", ["member", "facilitator"])
def test_others_than_administrators_are_refused(client_for, request, who):
    client = client_for(request.getfixturevalue(who))
    (mail,) = failed(1)
    assert client.get(PAGE).status_code == 403
    assert client.post(PRESS, {"email": "all"}).status_code == 403
    mail.refresh_from_db()
    assert mail.status == STATUS.failed


def test_link_to_it_is_for_administrators_only(client_for, facilitator, administrator):
    assert PAGE not in client_for(facilitator).get("/admin/").content.decode()
    assert PAGE in client_for(administrator).get("/admin/").content.decode()


def test_looking_changes_nothing_and_the_press_needs_post(client_for, administrator):
    client = client_for(administrator)
    (mail,) = failed(1)
    assert client.get(PRESS, {"email": mail.pk}).status_code == 405
    assert client.post(PAGE).status_code == 405
    mail.refresh_from_db()
    assert mail.status == STATUS.failed


@pytest.mark.parametrize("chosen", ["", "x", "-1", "1 OR 1", "9" * 30, "²"])
def test_strange_mail_is_a_bad_request(client_for, administrator, chosen):
    assert client_for(administrator).post(PRESS, {"email": chosen}).status_code == 400


def test_press_from_another_site_is_refused(administrator):
    from django.test import Client  # noqa: PLC0415  # one that checks

    client = Client(enforce_csrf_checks=True)
    client.force_login(administrator)
    assert client.post(PRESS, {"email": "all"}).status_code == 403


# Queued anew ---------------------------------------------------------------------------------


def test_one_failed_mail_is_queued_anew_with_who_did_it(client_for, administrator, caplog):
    caplog.set_level("INFO")
    first, second = failed(2)
    response = client_for(administrator).post(PRESS, {"email": first.pk}, follow=True)
    assert messages_of(response) == ["1 email is queued again."]
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, first.number_of_retries) == (STATUS.queued, 0)
    assert second.status == STATUS.failed
    assert first.logs.latest("pk").message == f"Queued anew by member {administrator.pk}"
    assert f"Email {first.pk} queued anew by member {administrator.pk}" in caplog.text
    assert first.to[0] not in caplog.text


def test_all_failed_mails_are_queued_anew_but_no_others(client_for, administrator):
    failed(3)
    code = failed(1, expires_at=timezone.now() + timedelta(minutes=5))[0]
    sent = put("Sent", status=STATUS.sent)
    response = client_for(administrator).post(PRESS, {"email": "all"}, follow=True)
    assert messages_of(response) == ["3 emails are queued again."]
    assert Email.objects.filter(status=STATUS.queued).count() == 3
    for row, status in ((code, STATUS.failed), (sent, STATUS.sent)):
        row.refresh_from_db()
        assert row.status == status


def test_second_press_says_that_nothing_was_there(client_for, administrator):
    (mail,) = failed(1)
    client = client_for(administrator)
    client.post(PRESS, {"email": mail.pk})
    response = client.post(PRESS, {"email": mail.pk}, follow=True)
    assert messages_of(response) == [
        "1 email is queued again.",
        "That email is no longer among the failed ones.",
    ]
    assert mail.logs.count() == 2


# What it says ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("_all_right")
def test_all_right_is_said_first(client_for, administrator, settings, tmp_path):
    settings.RELEASE = "2026.11"
    with exclusive_lock("mail_worker"):
        told = visible_text(client_for(administrator).get(PAGE))
    assert "All right Email, backups, the daily run and the database are as they should be." in told
    assert "Attention" not in told
    assert f"Last backup Good 1 hour ago, 2.4 MB, {tmp_path}/{FILE}" in told
    assert "Encryption Good on" in told
    assert "Migrations Good all applied" in told
    assert "Portal 2026.11" in told
    assert ("PostgreSQL 1" if connection.vendor == "postgresql" else "SQLite 3.") in told


def test_new_installation_is_told_what_to_do(client_for, administrator, settings):
    settings.BACKUP_DIR = ""
    told = visible_text(client_for(administrator).get(PAGE))
    assert "Attention 3 things need you." in told
    assert "Mail worker: not running. Start manage.py mail_worker." in told
    assert "Last backup: none yet. Set BACKUP_DIR" in told
    assert "Last daily run: none yet." in told
    assert "Portal not set" in told


@pytest.mark.usefixtures("_all_right")
@pytest.mark.parametrize(
    ("job", "expected"), [("backup", "Last backup: 1 day ago"), ("daily", "Last daily run: 1 day")]
)
def test_overdue_job_needs_attention(client_for, administrator, job, expected):
    JobRun.objects.filter(name=job).delete()
    ran(job, hours=25)
    with exclusive_lock("mail_worker"):
        client = client_for(administrator)
        assert "All right" in visible_text(client.get(PAGE))
        JobRun.objects.filter(name=job).update(finished_at=timezone.now() - timedelta(hours=27))
        told = visible_text(client.get(PAGE))
    assert "Attention 1 thing needs you." in told
    assert expected in told


@pytest.mark.usefixtures("_all_right")
def test_backup_whose_file_is_gone_needs_attention(client_for, administrator, tmp_path):
    (tmp_path / FILE).unlink()
    told = visible_text(client_for(administrator).get(PAGE))
    assert f"Last backup: missing: {tmp_path}/{FILE} no longer exists." in told


@pytest.mark.usefixtures("_all_right")
def test_backup_that_cannot_be_seen_from_here_is_not_called_good(client_for, administrator):
    run = JobRun.objects.get(name="backup")
    run.details["folder"] = "/on/another/machine"
    run.save()
    told = visible_text(client_for(administrator).get(PAGE))
    assert f"Last backup 1 hour ago, 2.4 MB, /on/another/machine/{FILE}, which cannot be" in told


def test_backup_that_was_restored_has_no_file_to_look_for(client_for, administrator):
    ran("backup")
    assert "Last backup Good 1 hour ago Encryption" in visible_text(
        client_for(administrator).get(PAGE)
    )


@pytest.mark.usefixtures("_all_right")
def test_backup_that_failed_since_is_told_with_its_reason(client_for, administrator):
    ran("backup", hours=0.5, succeeded=False, outcome="There is no room left")
    told = visible_text(client_for(administrator).get(PAGE))
    assert "A backup failed: 30 minutes ago. There is no room left" in told


@pytest.mark.usefixtures("_all_right")
def test_failed_and_late_mails_need_attention_and_show_why(client_for, administrator):
    failed(1)
    late = put("Late")
    Email.objects.filter(pk=late.pk).update(created=timezone.now() - timedelta(minutes=11))
    told = visible_text(client_for(administrator).get(PAGE))
    assert "Queue: 1 email waits, the oldest for 11 minutes, after 0 failed tries." in told
    assert "Given up: 1 email could not be sent." in told
    assert "1 email given up" in told
    assert "SMTPException: 550 unknown" in told


@pytest.mark.usefixtures("_all_right")
def test_refused_code_needs_attention_and_cannot_be_queued_anew(client_for, administrator):
    failed(1, expires_at=timezone.now() - timedelta(minutes=5))
    told = visible_text(client_for(administrator).get(PAGE))
    assert "Codes given up: 1 code could not be sent in the last day." in told
    assert "Last refusal SMTPException, less than a minute ago" in told
    assert "Queue again" not in told


@pytest.mark.usefixtures("_all_right")
def test_tries_of_the_oldest_waiting_mail_are_told(client_for, administrator):
    put("Tried", status=STATUS.requeued, number_of_retries=7)
    put("Young", number_of_retries=1)
    told = visible_text(client_for(administrator).get(PAGE))
    assert "2 emails wait, the oldest for less than a minute, after 7 failed tries" in told


@pytest.mark.usefixtures("_all_right")
def test_migration_that_is_not_applied_needs_attention(client_for, administrator):
    MigrationRecorder(connection).record_unapplied("teams", "0001_initial")
    assert "Migrations: 1 is not applied. Run manage.py migrate." in visible_text(
        client_for(administrator).get(PAGE)
    )


@pytest.mark.usefixtures("_all_right")
def test_what_was_typed_is_shown_as_text(client_for, administrator):
    put("<script>alert(1)</script>", status=STATUS.failed)
    page = client_for(administrator).get(PAGE).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


@pytest.mark.usefixtures("_all_right")
def test_costs_the_same_queries_for_one_failed_mail_and_thirty(
    client_for, administrator, django_assert_max_num_queries, django_assert_num_queries
):
    client = client_for(administrator)
    client.get(PAGE)
    failed(1)
    with django_assert_max_num_queries(30) as counted:
        client.get(PAGE)
    failed(29)
    with django_assert_num_queries(len(counted)):
        told = visible_text(client.get(PAGE))
    assert "The newest 20 of 30" in told
