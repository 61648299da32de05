"""Figures for Prometheus at `/metrics`. Loaded only where METRICS_TOKEN is set.

Under gunicorn each worker writes its figures into a file of PROMETHEUS_MULTIPROC_DIR (set up by
`deploy/gunicorn.conf.py`), and whichever worker is asked adds them up. What waits is counted in
the database when somebody asks.
"""

import os
import time
from collections.abc import Callable, Iterator

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
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

from collaborative.monitoring.health import oldest_waiting_email, waiting_emails
from collaborative.monitoring.logging import route_of
from collaborative.operations.jobs import ages
from teams.models import Membership
from teams.services.waiting import organizations_waiting, questions_waiting

METHODS = {"GET", "HEAD", "POST", "OPTIONS"}  # others are one kind: anybody can make up names

SECONDS = Histogram(
    "portal_request_seconds",
    "Time to answer a request, by the page's name, the method and the class of the status.",
    ["route", "method", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


class MetricsMiddleware:
    """Counts and times each request. Stands right behind the log's, before any page cache."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self.get_response(request)
        method = request.method if request.method in METHODS else "other"
        labels = SECONDS.labels(route_of(request), method, f"{response.status_code // 100}xx")
        labels.observe(time.perf_counter() - began)
        return response


class Waiting(Collector):
    """What waits, from the database."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The length and age of the email queue, and what waits at the desk."""
        queued = waiting_emails().count()
        failed = Email.objects.filter(status=STATUS.failed).count()
        mails = GaugeMetricFamily(
            "portal_mails", "Emails that wait to be sent, and that were given up.", labels=["state"]
        )
        mails.add_metric(["waiting"], queued)
        mails.add_metric(["given_up"], failed)
        yield mails
        oldest = oldest_waiting_email()
        age = (timezone.now() - oldest).total_seconds() if oldest else 0.0
        yield GaugeMetricFamily(
            "portal_oldest_waiting_mail_seconds",
            "Age of the oldest email to be sent.",
            max(0.0, age),
        )
        decisions = GaugeMetricFamily(
            "portal_waiting_decisions", "What waits for facilitators, by kind.", labels=["kind"]
        )
        decisions.add_metric(["organization"], organizations_waiting().count())
        decisions.add_metric(["request"], Membership.objects.waiting().count())
        decisions.add_metric(["question"], questions_waiting().count())
        yield decisions
        jobs = GaugeMetricFamily(
            "portal_job_age_seconds",
            "Time since a job last ended well; none if never.",
            labels=["job"],
        )
        for name, seconds in ages().items():
            if seconds is not None:
                jobs.add_metric([name.removesuffix("_age_seconds")], seconds)
        yield jobs


@login_not_required
@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """All figures in Prometheus' own format, for whoever shows the token; 401 for others."""
    shown = request.headers.get("Authorization", "")
    if not constant_time_compare(shown, f"Bearer {settings.METRICS_TOKEN}"):
        refusal = HttpResponse("The token of METRICS_TOKEN is needed.\n", "text/plain", 401)
        refusal["WWW-Authenticate"] = "Bearer"
        return refusal
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        own = generate_latest(registry)
    else:
        own = generate_latest(REGISTRY)
    waiting = CollectorRegistry()
    waiting.register(Waiting())
    return HttpResponse(own + generate_latest(waiting), CONTENT_TYPE_LATEST)
