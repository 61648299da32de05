"""Errors reach Sentry by one setting, and nothing about people goes with them."""

import json
import logging

import pytest
import sentry_sdk
from django.test import Client
from django.urls import path
from sentry_sdk.transport import Transport

from collaborative import urls
from collaborative.monitoring.sentry import start_reporting

DSN = "https://key@sentry.example.org/1"


def broken(request, slug):
    """A page that fails while it has what people entered."""
    secret_word = request.POST.get("reason", "")
    raise RuntimeError(f"cannot write to maria@rush.example ({len(secret_word)})")


urlpatterns = [path("broken/<slug:slug>/", broken, name="broken_page"), *urls.urlpatterns]
handler400, handler500 = urls.handler400, urls.handler500


class CapturingTransport(Transport):
    """Collects the events."""

    sent: list[dict] = []

    def capture_envelope(self, envelope):
        for item in envelope.items:
            assert item.type == "event", item.type
            self.sent.append(item.payload.json)


@pytest.fixture
def sent():
    """The events that go to Sentry during this test."""
    CapturingTransport.sent = []
    start_reporting(DSN, "2026.11", transport=CapturingTransport)
    yield CapturingTransport.sent
    sentry_sdk.get_client().close()
    # Another `init` would turn on everything that is optional.
    sentry_sdk.get_global_scope().set_client(None)


@pytest.fixture
def client(settings):
    settings.ROOT_URLCONF = __name__
    first, *others = settings.MIDDLEWARE
    reporting = "collaborative.monitoring.sentry.SentryRequestMiddleware"
    settings.MIDDLEWARE = [first, reporting, *others]
    return Client(raise_request_exception=False)


@pytest.mark.django_db
def test_sentry_event_names_page_and_member_key(sent, client, member):
    client.force_login(member)
    response = client.post("/broken/education/?email=query@rush.example", {"reason": "Whispered"})
    assert response.status_code == 500
    (event,) = sent
    (error,) = event["exception"]["values"]
    assert (error["type"], error["value"]) == ("RuntimeError", "cannot write to (address) (9)")
    assert error["stacktrace"]["frames"][-1]["function"] == "broken"
    assert event["request"] == {"method": "POST", "url": "/broken/education/"}
    assert event["user"] == {"id": str(member.pk)}
    assert event["release"] == "2026.11"
    assert event["tags"] == {"route": "broken_page", "request_id": response["X-Request-ID"]}


@pytest.mark.django_db
def test_sentry_event_has_nothing_about_the_person(sent, client, member):
    client.force_login(member)
    client.cookies["theme"] = "dark"
    client.post(
        "/broken/education/?email=query@rush.example",
        {"reason": "Whispered"},
        headers={"User-Agent": "Mobile", "Referer": "https://r.example/"},
        REMOTE_ADDR="203.0.113.9",
    )
    (event,) = sent
    text = json.dumps(event)
    secrets = ["query@", "Whispered", "theme=", "Mobile", "r.example", "203.0.113.9"]
    secrets += ["Maria Member", client.cookies["sessionid"].value, "sentry-trace"]
    secrets += ["vars", "breadcrumbs", "argv", "cookies", "query_string", "headers"]
    for secret in secrets:
        assert secret not in text, secret


def test_sentry_event_of_a_log_line_has_no_values(sent):
    logging.getLogger("collaborative.operations.jobs").error(
        "Email to %s lost", "olga@loop.example"
    )
    logging.getLogger("collaborative.operations.jobs").error("Email to olga@loop.example lost")
    logging.getLogger("collaborative.operations.jobs").warning("Only a warning")
    entries = [event["logentry"] for event in sent]
    assert entries == [{"message": "Email to %s lost"}, {"message": "Email to (address) lost"}]


@pytest.mark.django_db
def test_sentry_gets_no_event_for_a_missing_page(sent, client):
    assert client.get("/no/such/page/").status_code == 404
    assert client.get("/", headers={"host": "other.example"}).status_code == 400, sent[1:]
    assert sent == []


def test_sentry_gets_no_event_for_a_forged_filter(sent, client, administrator):
    client.force_login(administrator)
    assert client.get("/admin/members/member/?password__startswith=x").status_code == 400
    assert sent == []
