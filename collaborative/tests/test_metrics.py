"""Metrics for Prometheus: behind a token, with labels that nobody can make up."""

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
from members.services import record_bounce, settle_bounce

TOKEN = "only-of-this-test-0123456789"  # noqa: S105  # of this test alone
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}

urlpatterns = [*urls.urlpatterns, path("metrics", metrics, name="metrics")]
handler400, handler500 = urls.handler400, urls.handler500


@pytest.fixture
def _on(settings):
    """The portal as configured by METRICS_TOKEN."""
    settings.METRICS_TOKEN, settings.ROOT_URLCONF = TOKEN, __name__
    first, *others = settings.MIDDLEWARE
    settings.MIDDLEWARE = [first, "collaborative.monitoring.metrics.MetricsMiddleware", *others]


def read_metrics(client) -> dict[tuple, float]:
    """What Prometheus reads: (name, sorted label values …) to value."""
    response = client.get("/metrics", headers=AUTHORIZED)
    assert response.status_code == 200
    values = {}
    for family in text_string_to_metric_families(response.content.decode()):
        for sample in family.samples:
            values[sample.name, *sorted(sample.labels.values())] = sample.value
    return values


def count_requests(route: str, method: str, status: str) -> float:
    labels = {"route": route, "method": method, "status": status}
    return REGISTRY.get_sample_value("portal_request_seconds_count", labels) or 0


@pytest.mark.django_db
def test_metrics_do_not_exist_without_the_setting(client):
    response = client.get("/metrics", headers=AUTHORIZED)
    assert response.status_code == 404


@pytest.mark.django_db
@pytest.mark.usefixtures("_on")
@pytest.mark.parametrize(
    "values",
    ["", TOKEN, "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}"]
    + [f"bearer {TOKEN}", "Bearer é", f" Bearer {TOKEN} "],
)
def test_metrics_without_the_token_are_refused_without_a_query(client, values):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = client.get("/metrics", headers={"Authorization": values} if values else {})
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
    assert b"portal_" not in response.content
    assert len(queries) == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("_on")
def test_metrics_refuse_a_token_in_the_url_and_post(client, client_for, member):
    assert client.get(f"/metrics?token={TOKEN}").status_code == 401
    assert client.post("/metrics", headers=AUTHORIZED).status_code == 405
    assert client_for(member).get("/metrics").status_code == 401


@pytest.mark.django_db
@pytest.mark.usefixtures("_on")
def test_metrics_count_and_time_requests_by_route_method_and_status_class(client, team):
    before = count_requests("team_detail", "GET", "2xx")
    for _ in range(3):
        assert client.get(f"/teams/{team.slug}/").status_code == 200
    values = read_metrics(client)
    key = sorted(["team_detail", "GET", "2xx"])
    assert values["portal_request_seconds_count", *key] == before + 3
    assert values["portal_request_seconds_sum", *key] > 0
    assert values["portal_request_seconds_bucket", *sorted([*key, "+Inf"])] == before + 3


@pytest.mark.django_db
@pytest.mark.usefixtures("_on")
def test_metrics_have_no_labels_from_made_up_paths_and_methods(client):
    def count_labels() -> int:
        return len(
            [key for key in read_metrics(client) if key[0] == "portal_request_seconds_count"]
        )

    client.get("/no/such/page/"), client.generic("BREW", "/faq/"), read_metrics(client)
    before, refused = count_labels(), count_requests("-", "GET", "4xx")
    for number in range(5):
        client.get(f"/no/such/page/{number}/?{number}")
        client.generic(f"BREW{number}", "/faq/")
    assert count_labels() == before
    assert count_requests("-", "GET", "4xx") == refused + 5


@pytest.mark.django_db
@pytest.mark.usefixtures("_on")
def test_metrics_report_the_queues(client, applicant, proposed_organization):
    Email.objects.all().delete()
    put("Waits"), put("Tried", status=STATUS.requeued), put("Lost", status=STATUS.failed)
    put("Refused code", status=STATUS.failed, expires_at=timezone.now() - timedelta(minutes=1))
    put("Sent", status=STATUS.sent)
    put("Too late", expires_at=timezone.now() - timedelta(days=1))
    Email.objects.filter(subject="Tried").update(created=timezone.now() - timedelta(minutes=5))
    values = read_metrics(client)
    assert values["portal_emails", "waiting"] == 2
    assert values["portal_emails", "given_up"] == 2
    assert 300 <= values["portal_oldest_waiting_email_seconds",] < 400
    assert values["portal_waiting_decisions", "organization"] == 1
    assert values["portal_waiting_decisions", "request"] == 1
    assert values["portal_waiting_decisions", "question"] == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("_on")
def test_metrics_of_an_empty_portal_are_zero(client):
    values = read_metrics(client)
    assert values["portal_oldest_waiting_email_seconds",] == 0
    assert values["portal_emails", "waiting"] == 0
    assert not [key for key in values if key[0] == "portal_job_age_seconds"]
    assert values["portal_bounces", "open"] == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("_on")
def test_metrics_count_addresses_from_which_emails_came_back(client, member, colleague):
    settle_bounce(record_bounce(member, member.email, "5.1.1"), by=member)
    record_bounce(colleague, colleague.email, "5.1.1")
    values = read_metrics(client)
    assert values["portal_bounces", "open"] == 1
    assert 0 <= values["portal_last_bounce_seconds",] < 60


@pytest.mark.django_db
@pytest.mark.usefixtures("_on")
def test_metrics_report_the_age_of_the_last_successful_daily_run(client):
    ended = timezone.now() - timedelta(hours=2)
    for succeeded, age in ((True, timedelta()), (False, timedelta(hours=-1))):
        JobRun.objects.create(name="daily", finished_at=ended - age, succeeded=succeeded)
    assert 7200 <= read_metrics(client)["portal_job_age_seconds", "daily"] < 7300
