"""Metrics for Prometheus at `/metrics`. Loaded only where METRICS_TOKEN is set.

Under gunicorn each worker writes its metrics into a file of PROMETHEUS_MULTIPROC_DIR (set up by
`deploy/gunicorn.conf.py`), and the worker that answers adds them up. The queues are counted in the
database at that moment.
"""

import os
import time
from collections.abc import Callable, Iterator

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from post_office.models import STATUS, Email
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from collaborative.middleware.access_log import route_name
from collaborative.monitoring.health import queue_age_seconds, waiting_emails
from collaborative.operations.jobs import seconds_since_success
from members.models import Bounce
from teams.models import Membership, Question
from teams.services.waiting import organizations_waiting

# All others share one label: anyone can make up methods.
METHODS = {"GET", "HEAD", "POST", "OPTIONS"}

REQUEST_SECONDS = Histogram(
    "portal_request_seconds",
    "Time to answer a request, by the page's name, the method and the class of the status.",
    ["route", "method", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


class MetricsMiddleware:
    """Counts and times each request. Stands right behind the access log, before the page cache."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        response = self.get_response(request)
        method = request.method if request.method in METHODS else "other"
        status = f"{response.status_code // 100}xx"
        seconds = REQUEST_SECONDS.labels(route_name(request), method, status)
        seconds.observe(time.perf_counter() - started)
        return response


class QueueCollector(Collector):
    """The queues and the age of the last jobs, from the database."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield _gauge(
            "portal_emails",
            "Emails that wait to be sent, and that were given up.",
            "state",
            {
                "waiting": waiting_emails().count(),
                "given_up": Email.objects.filter(status=STATUS.failed).count(),
            },
        )
        yield GaugeMetricFamily(
            "portal_oldest_waiting_email_seconds",
            "Age of the oldest email to be sent.",
            queue_age_seconds(),
        )
        yield _gauge(
            "portal_waiting_decisions",
            "What waits for facilitators, by kind.",
            "kind",
            {
                "organization": organizations_waiting().count(),
                "request": Membership.objects.waiting().count(),
                "question": Question.objects.waiting().count(),
            },
        )
        yield _gauge(
            "portal_bounces",
            "Addresses whose emails came back; nothing from teams is sent to them.",
            "state",
            {"open": Bounce.objects.open().count()},
        )
        last = Bounce.objects.aggregate(Max("last_at"))["last_at__max"]
        if last:
            yield GaugeMetricFamily(
                "portal_last_bounce_seconds",
                "Time since an email last came back; none if never.",
                (timezone.now() - last).total_seconds(),
            )
        yield _gauge(
            "portal_job_age_seconds",
            "Time since a job last succeeded; none if never.",
            "job",
            seconds_since_success(),
        )


def _gauge(
    name: str, description: str, label: str, values: dict[str, int | None]
) -> GaugeMetricFamily:
    """Return a gauge with one value per label; those that are None are left out."""
    gauge = GaugeMetricFamily(name, description, labels=[label])
    for label_value, value in values.items():
        if value is not None:
            gauge.add_metric([label_value], value)
    return gauge


@login_not_required
@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Return all metrics in the format of Prometheus to a client with the token; 401 to others."""
    authorization = request.headers.get("Authorization", "")
    if not constant_time_compare(authorization, f"Bearer {settings.METRICS_TOKEN}"):
        refusal = HttpResponse("The token of METRICS_TOKEN is needed.\n", "text/plain", 401)
        refusal["WWW-Authenticate"] = "Bearer"
        return refusal
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        request_metrics = generate_latest(registry)
    else:
        request_metrics = generate_latest(REGISTRY)
    queues = CollectorRegistry()
    queues.register(QueueCollector())
    return HttpResponse(request_metrics + generate_latest(queues), CONTENT_TYPE_LATEST)
