"""Figures for Prometheus: behind a token, by names that nobody can make up."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone
from post_office.models import STATUS, Email
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from collaborative import urls
from collaborative.models import JobRun
from collaborative.monitoring.metrics import metrics
from collaborative.tests.conftest import put

TOKEN = "only-of-this-test-0123456789"  # noqa: S105  # of this test alone
SHOWN = {"Authorization": f"Bearer {TOKEN}"}

urlpatterns = [*urls.urlpatterns, path("metrics", metrics, name="metrics")]
handler400, handler500 = urls.handler400, urls.handler500


@pytest.fixture
def _on(settings):
    """The portal as METRICS_TOKEN sets it up."""
    settings.METRICS_TOKEN, settings.ROOT_URLCONF = TOKEN, __name__
    first, *others = settings.MIDDLEWARE
    settings.MIDDLEWARE = [first, "collaborative.monitoring.metrics.MetricsMiddleware", *others]


def figures(client) -> dict[tuple, float]:
    """What Prometheus reads: (name, sorted label values …) to value."""
    answer = client.get("/metrics", headers=SHOWN)
    assert answer.status_code == 200
    found = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        for sample in family.samples:
            found[sample.name, *sorted(sample.labels.values())] = sample.value
    return found


def counted(route: str, method: str, status: str) -> float:
    labels = {"route": route, "method": method, "status": status}
    return REGISTRY.get_sample_value("portal_request_seconds_count", labels) or 0


@pytest.mark.django_db
def test_without_the_setting_there_is_no_such_page(client):
    answer = client.get("/metrics", headers=SHOWN)
    assert answer.status_code == 404


@pytest.mark.django_db
@pytest.mark.usefixtures("_on")
@pytest.mark.parametrize(
    "shown",
    ["", TOKEN, "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}"]
    + [f"bearer {TOKEN}", "Bearer é", f" Bearer {TOKEN} "],
)
def test_without_the_token_it_is_refused_and_asks_the_database_nothing(client, shown):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = client.get("/metrics", headers={"Authorization": shown} if shown else {})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert b"portal_" not in answer.content
    assert len(queries) == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("_on")
def test_token_in_the_address_is_not_taken_and_nothing_is_changed_by_post(
    client, client_for, member
):
    assert client.get(f"/metrics?token={TOKEN}").status_code == 401
    assert client.post("/metrics", headers=SHOWN).status_code == 405
    assert client_for(member).get("/metrics").status_code == 401


@pytest.mark.django_db
@pytest.mark.usefixtures("_on")
def test_request_is_counted_and_timed_by_route_method_and_class_of_status(client, team):
    before = counted("team_detail", "GET", "2xx")
    for _ in range(3):
        assert client.get(f"/teams/{team.slug}/").status_code == 200
    shown = figures(client)
    key = sorted(["team_detail", "GET", "2xx"])
    assert shown["portal_request_seconds_count", *key] == before + 3
    assert shown["portal_request_seconds_sum", *key] > 0
    assert shown["portal_request_seconds_bucket", *sorted([*key, "+Inf"])] == before + 3


@pytest.mark.django_db
@pytest.mark.usefixtures("_on")
def test_made_up_addresses_and_methods_add_no_figures(client):
    def kinds() -> int:
        return len([key for key in figures(client) if key[0] == "portal_request_seconds_count"])

    client.get("/no/such/page/"), client.generic("BREW", "/faq/"), figures(client)
    before, refused = kinds(), counted("-", "GET", "4xx")
    for number in range(5):
        client.get(f"/no/such/page/{number}/?{number}")
        client.generic(f"BREW{number}", "/faq/")
    assert kinds() == before
    assert counted("-", "GET", "4xx") == refused + 5


@pytest.mark.django_db
@pytest.mark.usefixtures("_on")
def test_mail_queue_and_what_waits_are_told(client, applicant, proposed_organization):
    Email.objects.all().delete()
    put("Waits"), put("Tried", status=STATUS.requeued), put("Lost", status=STATUS.failed)
    put("Refused code", status=STATUS.failed, expires_at=timezone.now() - timedelta(minutes=1))
    put("Sent", status=STATUS.sent)
    put("Too late", expires_at=timezone.now() - timedelta(days=1))
    Email.objects.filter(subject="Tried").update(created=timezone.now() - timedelta(minutes=5))
    shown = figures(client)
    assert shown["portal_emails", "waiting"] == 2
    assert shown["portal_emails", "given_up"] == 2
    assert 300 <= shown["portal_oldest_waiting_email_seconds",] < 400
    assert shown["portal_waiting_decisions", "organization"] == 1
    assert shown["portal_waiting_decisions", "request"] == 1
    assert shown["portal_waiting_decisions", "question"] == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("_on")
def test_nothing_waits_in_an_empty_portal(client):
    shown = figures(client)
    assert shown["portal_oldest_waiting_email_seconds",] == 0
    assert shown["portal_emails", "waiting"] == 0
    assert not [key for key in shown if key[0] == "portal_job_age_seconds"]


@pytest.mark.django_db
@pytest.mark.usefixtures("_on")
def test_age_of_the_last_good_daily_run_is_told(client):
    ended = timezone.now() - timedelta(hours=2)
    for succeeded, age in ((True, timedelta()), (False, timedelta(hours=-1))):
        JobRun.objects.create(name="daily", finished_at=ended - age, succeeded=succeeded)
    assert 7200 <= figures(client)["portal_job_age_seconds", "daily"] < 7300
