"""What the log contains, and above all what it never contains."""

import json
import logging
import re
import sys

import pytest
from django.conf import settings as portal
from django.core.exceptions import SuspiciousFileOperation, SuspiciousOperation
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpResponse
from django.test import Client, RequestFactory
from post_office.models import Email

from collaborative.middleware.access_log import AccessLogMiddleware
from collaborative.monitoring.logging import (
    JsonFormatter,
    RequestIdFilter,
    TextFormatter,
    configuration,
    redact,
)
from collaborative.operations.mail_worker import MailWorker
from collaborative.tests.conftest import put
from conftest import membership_of
from desk.tests.action_pages import action_url
from members.models import Member
from members.services import Refused, preview_action
from teams.models import Membership
from teams.services import join_teams, recognize_organization
from teams.services.calendar_keys import new_calendar_key
from teams.tests.joining import CODE, EMPLOYER, JOIN, form, last_code
from teams.views import calendars

OWN_LOGGERS = ("portal", "collaborative", "members", "teams")
is_generated_id = re.compile(r"[0-9a-f]{32}").fullmatch


class Lines(logging.Handler):
    """Collects each record in both formats."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.addFilter(RequestIdFilter())
        self.formatters = TextFormatter(), JsonFormatter()
        self.text: list[str] = []
        self.json: list[dict] = []

    def emit(self, record: logging.LogRecord) -> None:
        text, line = (formatter.format(record) for formatter in self.formatters)
        self.text.append(text)
        self.json.append(json.loads(line))

    def of(self, logger: str) -> list[dict]:
        return [line for line in self.json if line["logger"] == logger]

    @property
    def everything(self) -> str:
        return "\n".join([*self.text, *(json.dumps(line) for line in self.json)])


@pytest.fixture
def lines(caplog):
    """All that is logged: of the portal from DEBUG, of the rest from INFO."""
    for name in OWN_LOGGERS:
        caplog.set_level("DEBUG", name)
    caplog.set_level("INFO")
    handler = Lines()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


# Privacy ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_log_of_a_walk_through_the_portal_names_nobody(
    lines, smtp, client_for, client, team, approval_team, organization, administrator
):
    joining = form(team, approval_team, email="nora@new.example")
    secrets = ["nora", "new.example", "newcomer", "recruiter", "unheard"]
    client.post(f"{JOIN}?email=query%40new.example", joining)
    code = last_code()
    client.post(CODE, {"code": "ZZZZZZ"})
    client.post(CODE, {"code": code}, follow=True)
    client.post(EMPLOYER, {"organization": "Unheard-of Clinic"})
    member = Member.objects.get(email="nora@new.example")
    client.post("/my/profile/", {"full_name": "Nora Unmarried", "email": "nora@new.example"})
    client.post("/sign-out/")
    client.post("/sign-in/", {"email": "nora@new.example"})
    second = last_code()
    client.post("/sign-in/code/", {"code": second})
    client.get("/no/such/page/nora@new.example/?q=nora@new.example")
    client.get("/teams/%6eora%40new.example/")
    client.post("/faq/ask/", {"question": "Nora asks", "email": "nora@new.example"})
    desk = client_for(administrator)
    recognize_organization(member.organization, by=administrator)
    waiting = membership_of(member, approval_team)
    desk.post(action_url("decline", waiting), {"decide": "1", "reason": "Whispered words"})
    desk.get(f"/admin/members/member/?q={member.email}")
    MailWorker().run_once()
    log = lines.everything.lower()
    tokens = [code, second, client.cookies[portal.SESSION_COOKIE_NAME].value, "whispered", "zzzzzz"]
    tokens += ["unmarried", "asks", "administrator@", "csrfmiddlewaretoken", "127.0.0.1", "query"]
    for secret in secrets + tokens:
        assert secret.lower() not in log, secret
    assert waiting.__class__.objects.get(pk=waiting.pk).status == Membership.Status.DECLINED
    assert len(lines.of("portal.requests")) >= 12
    assert len(lines.of("portal.changes")) >= 5


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("to maria@rush.example, twice", "to (address), twice"),
        ("Key (email)=(maria@rush.example) exists", "Key (email)=((address)) exists"),
        ("/teams/maria%40rush.example/", "/teams/(address)/"),
        ("'<maria+1@rush.example>'", "'<(address)>'"),
        ("broken\nDETAIL:  Failing row (1, Maria,\nMember).", "broken\nDETAIL: (left out)"),
        (
            "a\nDETAIL:  Maria\n\nThe above exception was the direct cause\nb",
            "a\nDETAIL: (left out)\n\nThe above exception was the direct cause\nb",
        ),
        ("nothing about anybody", "nothing about anybody"),
        ("Service Unavailable: /my/calendar/a.b.ics", "Service Unavailable: /my/calendar/[token]"),
        ("Error: /meetings/answer/1.m2.3:x/\nno", "Error: /meetings/answer/[token]/\nno"),
        ("Error: /emails/WyJ:x/stop/", "Error: /emails/[token]/stop/"),
        ('File "/srv/templates/emails/_base.txt"', 'File "/srv/templates/emails/_base.txt"'),
        ("Error: /my/calendar/new/", "Error: /my/calendar/new/"),
    ],
)
def test_redact_removes_addresses_and_values_of_failed_statements(text, redacted):
    assert redact(text) == redacted


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_formatters_redact_exceptions(formatter):
    text = "no such person: maria@rush.example\nDETAIL:  Maria Member"
    try:
        raise ValueError(text)
    except ValueError:
        record = logging.LogRecord(
            "x", 40, "", 0, "Failed: %s", ("olga@x.example",), sys.exc_info()
        )
    RequestIdFilter().filter(record)
    line = formatter.format(record)
    assert "Traceback" in line
    assert "ValueError: no such person: (address)" in line
    for secret in ("maria", "Member", "olga"):
        assert secret not in line


def test_access_log_path_cannot_add_a_line_or_fill_the_log(client, db, lines):
    client.get("/no%0AINFO%20forged%1b/" + "x" * 5000)
    (line,) = lines.of("portal.requests")
    assert line["path"].startswith("/no%0AINFO%20forged%1B/xxx")
    assert len(line["path"]) < 250
    assert all("\n" not in text for text in lines.text)


def test_access_log_path_tells_no_token(client, db, lines):
    client.get("/moved/12:what-the-email-proves/")
    (line,) = lines.of("portal.requests")
    assert (line["path"], line["route"]) == ("/moved/[token]/", "move_objection")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/my/calendar/secret.signature.ics", "/my/calendar/[token].ics"),
        # Requests that get no answer from the view, too.
        ("/my/calendar/secret.signature.ics/", "/my/calendar/[token]/"),
        ("/my/calendar/secret.signature", "/my/calendar/[token]"),
        ("/My/Calendar/secret.signature.ics", "/My/Calendar/[token]"),
        ("/moved/secret.signature/more/", "/moved/[token]/more/"),
        ("/invited/secret:signature/", "/invited/[token]/"),
        ("/invited/secret:signature/stop/", "/invited/[token]/stop/"),
        ("/my/calendar/new/", "/my/calendar/new/"),
        ("/my/calendar/", "/my/calendar/"),
    ],
)
def test_access_log_tells_no_secret_of_an_address(client, lines, path, logged):
    client.get(path)
    (line,) = lines.of("portal.requests")
    assert line["path"] == logged
    assert "secret" not in "".join(lines.text)


@pytest.mark.django_db
def test_error_of_a_page_tells_no_secret_of_its_address(lines, member, monkeypatch):
    monkeypatch.setattr(calendars, "feed", lambda *args, **options: 1 / 0)
    secret = new_calendar_key(member).secret
    client = Client(raise_request_exception=False)
    assert client.get(f"/my/calendar/{secret}.ics").status_code == 500
    assert "/my/calendar/[token]" in lines.everything
    assert secret not in lines.everything


def test_access_log_tells_no_secret_of_a_redirected_address(client, settings, lines):
    settings.SECURE_SSL_REDIRECT = True
    client.get("/my/calendar/secret.signature.ics")
    assert [line["path"] for line in lines.of("portal.requests")] == ["/my/calendar/[token]"]
    assert "secret" not in "".join(lines.text)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/no/such/page/", "/teams/none/", "/?next=maria@rush.example"])
def test_missing_page_is_logged_once(client, lines, path):
    client.get(path)
    assert [line["logger"] for line in lines.json] == ["portal.requests"]


# One line per request ----------------------------------------------------------------------


@pytest.mark.django_db
def test_access_log_names_route_and_member_key(client_for, member, team, lines):
    response = client_for(member).get(f"/teams/{team.slug}/members/?page=2")
    (line,) = lines.of("portal.requests")
    milliseconds = line.pop("milliseconds")
    assert 0 < milliseconds < 60_000
    assert line.pop("time")
    assert line == {
        "level": "INFO",
        "logger": "portal.requests",
        "request_id": response["X-Request-ID"],
        "message": "GET /teams/education/members/ team_roster 200 "
        f"{milliseconds} ms member {member.pk}",
        "method": "GET",
        "path": "/teams/education/members/",
        "route": "team_roster",
        "status": 200,
        "member": member.pk,
    }
    assert lines.text[-1].endswith(
        f"INFO portal.requests [{response['X-Request-ID']}] {line['message']}"
    )


@pytest.mark.django_db
def test_access_log_of_a_visitor_has_no_key(client, team, lines):
    client.get("/faq/")
    (line,) = lines.of("portal.requests")
    assert line["member"] is None
    assert line["message"].endswith(" ms")


@pytest.mark.django_db
def test_access_log_of_a_healthy_probe_is_debug_and_of_a_failing_one_info(
    client, lines, monkeypatch
):
    client.get("/healthz")
    assert [line["level"] for line in lines.of("portal.requests")] == ["DEBUG"]
    client.post("/healthz")
    assert [line["level"] for line in lines.of("portal.requests")] == ["DEBUG", "INFO"]


@pytest.mark.django_db
def test_access_log_below_its_level_still_gives_ids(client, caplog):
    caplog.set_level("WARNING", "portal")
    response = client.get("/faq/")
    assert is_generated_id(response["X-Request-ID"])
    assert not caplog.records


def test_error_of_a_page_is_logged_under_the_id_of_its_request(lines, rf):
    client = Client(raise_request_exception=False)
    response = client.get("/teams/", headers={"host": "not-ours.example"})
    assert response.status_code == 400
    assert {line["request_id"] for line in lines.json} == {response["X-Request-ID"]}


@pytest.mark.parametrize("host", ["maria%40rush.example", "not-ours.example"])
def test_access_log_does_not_name_a_foreign_host(client, lines, host):
    client.get("/teams/", headers={"host": host})
    (line,) = lines.json
    assert line["message"].startswith("GET /teams/ host_not_allowed 400 ")
    assert "rush" not in lines.everything
    assert "not-ours" not in lines.everything


def test_refused_form_is_logged_by_the_access_log_only(db, lines):
    """Django would log the origin, with the query."""
    client = Client(enforce_csrf_checks=True)
    origin = {"origin": "https://other.example", "referer": "https://other.example/?name=Maria"}
    assert client.post("/sign-in/", {"email": "x"}, headers=origin).status_code == 403
    (line,) = lines.json
    assert line["message"].startswith("POST /sign-in/ ")
    assert "other.example" not in lines.everything


FORGED = [
    "/admin/members/member/?member__password__startswith=pbkdf2",
    "/admin/teams/membership/?organization__name__regex=(a%2B)%2B$",
    "/admin/teams/membership/?status__regex=(a%2B)%2B$",
    "/admin/teams/membership/?%00=maria@rush.example",
    "/admin/teams/goal/?_to_field=password",
    "/admin/teams/goal/?_popup=1&_to_field=maria",
    "/admin/teams/goal/add/?_to_field=maria",
]


@pytest.mark.parametrize("path", FORGED)
def test_forged_filter_is_one_warning_without_what_was_sent(client_for, administrator, lines, path):
    browser = client_for(administrator)
    browser.raise_request_exception = False
    lines.json.clear()
    assert browser.get(path).status_code == 400
    warning, access = lines.json
    assert (warning["level"], warning["logger"]) == ("WARNING", "collaborative.error_views")
    assert "Refused a forged request to admin:" in warning["message"]
    assert "DisallowedModelAdmin" in warning["message"]
    assert access["status"] == 400
    for line in (warning, access):
        assert "exc_info" not in line
    for sent in ("Traceback", "pbkdf2", "regex", "maria", "password"):
        assert sent not in lines.everything


@pytest.mark.parametrize("query", ["p=x", "p=" + "9" * 30, "o=99.-99", "e=1", "q=%00"])
def test_wrong_page_or_order_of_a_list_is_no_warning(client_for, administrator, lines, query):
    assert client_for(administrator).get(f"/admin/teams/membership/?{query}").status_code < 500
    assert {line["level"] for line in lines.json} == {"INFO"}


@pytest.mark.parametrize("exception", [SuspiciousOperation, SuspiciousFileOperation])
def test_refused_request_of_any_kind_is_one_warning(lines, rf, exception):
    def view(request):
        raise exception("maria@rush.example did this")

    assert convert_exception_to_response(view)(rf.get("/")).status_code == 400
    (line,) = lines.json
    assert line["message"] == f"Refused a forged request to -: {exception.__name__}"


def test_redact_takes_linear_time():
    """A pattern that starts at each letter would take minutes."""
    assert redact("@ " + "a" * 300_000).endswith("aaa")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("to maria@rush.example, no", "to (address), no"),
        ("<maria.o%40rush.example>", "<(address)>"),
        ("a=x@y.example,b@c.example", "a=(address),(address)"),
        ("@ nobody", "@ nobody"),
        ("from bounces+2-1-0a1b2c@portal.example.org", "from (address)"),
    ],
)
def test_redact_removes_addresses_anywhere(text, clean):
    assert redact(text) == clean


def test_text_formatter_writes_the_time_in_utc():
    record = logging.makeLogRecord({"created": 1795493203.5, "msg": "x", "request_id": "-"})
    assert TextFormatter().format(record).startswith("2026-11-24T04:06:43.500+00:00 ")


# Ids ---------------------------------------------------------------------------------------

PROXY_ID = "0123456789abcdef0123456789abcdef"


def request_id_of(headers: dict[str, str]) -> str:
    request = RequestFactory().get("/", headers=headers)
    return AccessLogMiddleware(lambda request: HttpResponse())(request)["X-Request-ID"]


def test_request_id_of_the_own_proxy_is_used(settings):
    settings.TRUSTED_PROXY_COUNT = 1
    assert request_id_of({"X-Request-ID": PROXY_ID}) == PROXY_ID


def test_request_id_of_visitors_is_ignored(settings):
    settings.TRUSTED_PROXY_COUNT = 0
    assert request_id_of({"X-Request-ID": PROXY_ID}) != PROXY_ID


@pytest.mark.parametrize(
    "sent_id",
    ["", "short", "x" * 65, "a b c d e f g h", "maria@rush.example", "12345678\n9", "é" * 9],
)
def test_request_id_that_is_invalid_is_replaced(settings, sent_id):
    settings.TRUSTED_PROXY_COUNT = 1
    request_id = request_id_of({"X-Request-ID": sent_id})
    assert is_generated_id(request_id)
    assert request_id != request_id_of({"X-Request-ID": sent_id})


@pytest.mark.django_db(transaction=True)
def test_request_id_reaches_the_log_the_email_and_the_mail_worker(
    client, lines, smtp, team, settings
):
    settings.TRUSTED_PROXY_COUNT = 1
    client.post("/sign-in/", {"email": "nora@rush.example"}, headers={"X-Request-ID": PROXY_ID})
    put("Of nobody's request")
    MailWorker().run_once()
    assert [message["X-Request-ID"] for message in smtp.taken] == [PROXY_ID, None]
    code = Email.objects.get(headers__isnull=False)
    messages = [line["message"] for line in lines.json if line["request_id"] == PROXY_ID]
    assert messages[0].startswith("POST /sign-in/ account_login 302 ")
    assert messages[1].startswith(f"Email {code.pk} sent ")
    assert len(messages) == 2
    assert {line["request_id"] for line in lines.of("collaborative.operations.mail_worker")} == {
        PROXY_ID,
        "-",
    }


# One line per step -------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_log_of_a_change_names_actor_and_record_by_key(
    lines, proposed_organization, administrator, applicant, team
):
    lines.json.clear()
    recognize_organization(proposed_organization, by=administrator)
    changes = {line["object"]: line for line in lines.of("portal.changes")}
    line = changes[f"members.organization {proposed_organization.pk}"]
    assert (line["action"], line["state"], line["by"]) == (
        "changed",
        "recognized",
        administrator.pk,
    )
    membership = changes[f"teams.membership {membership_of(applicant, team).pk}"]
    assert (membership["action"], membership["state"]) == ("changed", "active")
    assert membership["message"] == (
        f"{membership['object']} changed (active), "
        f"by {membership['by'] or 'nobody'}, {membership['source']}"
    )


@pytest.mark.django_db(transaction=True)
def test_log_has_no_line_for_a_preview(lines, member, approval_team):
    def step(key: int) -> str:
        join_teams(member, [approval_team])
        return "done"

    lines.json.clear()
    assert preview_action(step, [1]).changes
    assert lines.of("portal.changes") == []


@pytest.mark.django_db(transaction=True)
def test_log_has_no_line_for_a_refused_change(lines, applicant, administrator, organization):
    lines.json.clear()
    with pytest.raises(Refused):
        recognize_organization(organization, by=administrator)
    assert lines.of("portal.changes") == []


# Settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "json"])
def test_log_configuration_writes_no_debug_lines_of_libraries(form):
    levels = {name: configuration(form, name)["root"]["level"] for name in ("DEBUG", "ERROR")}
    assert levels == {"DEBUG": "INFO", "ERROR": "ERROR"}
    assert configuration(form, "DEBUG")["loggers"]["portal"]["level"] == "DEBUG"
