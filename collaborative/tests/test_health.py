"""The health pages: ready, or the first check that failed, and nothing about versions."""

from datetime import timedelta

import django
import pytest
from django.core.cache import cache
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from post_office.models import STATUS, Email

from collaborative.operations.jobs import exclusive_lock


def add_queued_email(age: timedelta, **fields) -> Email:
    email = Email.objects.create(from_email="p@example.org", to=["m@rush.example"], **fields)
    Email.objects.filter(pk=email.pk).update(created=timezone.now() - age)
    return email


def test_healthz_answers_without_the_database(client):
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok\n")
    assert "no-cache" in response["Cache-Control"]


@pytest.mark.django_db
def test_readyz_is_ready_when_everything_works(client):
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "ready": True,
        "database": "ok",
        "migrations": "ok",
        "cache": "ok",
        "email": "ok",
        "oldest_waiting_email_seconds": 0,
        "backup_age_seconds": None,
        "daily_age_seconds": None,
    }
    assert django.__version__ not in response.content.decode() + str(response.headers)


@pytest.mark.django_db
def test_readyz_is_not_ready_with_an_unapplied_migration(client):
    MigrationRecorder(connection).record_unapplied("teams", "0001_initial")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"ready": False, "migrations": "failed"}


@pytest.mark.django_db
def test_readyz_is_not_ready_without_a_cache_that_keeps_values(client, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    response = client.get("/readyz")
    assert (response.status_code, response.json()["cache"]) == (503, "failed")


def test_readyz_is_not_ready_without_its_database_and_says_nothing_more(client):
    # Without a database fixture, pytest-django refuses each access.
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"ready": False, "database": "failed"}


@pytest.mark.django_db
def test_readyz_reports_late_email_but_stays_ready(client):
    add_queued_email(timedelta(minutes=11), status=STATUS.requeued)
    with exclusive_lock("mail_worker"):
        response = client.get("/readyz")
    assert (response.status_code, response.json()["email"]) == (200, "late")
    assert 660 <= response.json()["oldest_waiting_email_seconds"] < 720


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("seconds", "state"), [(50, "ok"), (70, "no mail worker"), (700, "no mail worker")]
)
def test_readyz_reports_a_missing_mail_worker_but_stays_ready(client, seconds, state):
    add_queued_email(timedelta(seconds=seconds), status=STATUS.queued)
    response = client.get("/readyz")
    assert (response.status_code, response.json()["email"]) == (200, state)
    with exclusive_lock("mail_worker"):
        assert client.get("/readyz").json()["email"] == ("late" if seconds > 600 else "ok")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [{"status": STATUS.sent}, {"status": STATUS.queued, "expires_at": "2020-01-01T00:00:00Z"}],
)
def test_readyz_ignores_sent_and_expired_email(client, fields):
    add_queued_email(timedelta(hours=2), **fields)
    assert client.get("/readyz").json()["email"] == "ok"


@pytest.mark.django_db
def test_readyz_leaves_nothing_in_the_cache(client):
    client.get("/readyz")
    assert not cache._cache


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_pages_refuse_post(client, path):
    assert client.post(path).status_code == 405


@pytest.mark.django_db
def test_readyz_costs_the_same_queries_for_one_email_and_three(
    client, django_assert_num_queries, queued_emails
):
    client.get("/readyz")
    for _ in range(3):
        add_queued_email(timedelta())
        with django_assert_num_queries(5):
            client.get("/readyz")
