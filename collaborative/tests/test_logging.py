"""What the log says, and above all what it never says."""

import json
import logging
import re
import sys

import pytest
from django.conf import settings as portal
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
from desk.tests.test_memberships import page
from members.models import Member
from members.services import Refused, preview_action, recognize_organization
from teams.models import Membership
from teams.services import join_teams
from teams.tests.joining import CODE, JOIN, form, last_code

OURS = ("portal", "collaborative", "members", "teams")
MADE = re.compile(r"[0-9a-f]{32}").fullmatch


class Lines(logging.Handler):
    """Keeps each record as both formats would write it."""

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
    for name in OURS:
        caplog.set_level("DEBUG", name)
    caplog.set_level("INFO")
    kept = Lines()
    logging.getLogger().addHandler(kept)
    yield kept
    logging.getLogger().removeHandler(kept)


# What is not there -------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_walk_through_the_portal_leaves_nothing_of_anybody_in_the_log(
    lines, smtp, client_for, client, team, approval_team, organization, administrator
):
    joining = form(team, approval_team, organization="Unheard-of Clinic", email="nora@new.example")
    secrets = ["nora", "new.example", "newcomer", "recruiter", "unheard"]
    client.post(f"{JOIN}?email=query%40new.example", joining)
    code = last_code()
    client.post(CODE, {"code": "ZZZZZZ"})
    client.post(CODE, {"code": code}, follow=True)
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
    desk.post(page("decline", waiting), {"decide": "1", "reason": "Whispered words"})
    desk.get(f"/admin/members/member/?q={member.email}")
    MailWorker().run_once()
    said = lines.everything.lower()
    tokens = [code, second, client.cookies[portal.SESSION_COOKIE_NAME].value, "whispered", "zzzzzz"]
    tokens += ["unmarried", "asks", "administrator@", "csrfmiddlewaretoken", "127.0.0.1", "query"]
    for secret in secrets + tokens:
        assert secret.lower() not in said, secret
    assert waiting.__class__.objects.get(pk=waiting.pk).status == Membership.Status.DECLINED
    assert len(lines.of("portal.requests")) >= 12
    assert len(lines.of("portal.steps")) >= 5


@pytest.mark.parametrize(
    ("told", "left"),
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
    ],
)
def test_addresses_and_values_of_failed_statements_are_blotted_out(told, left):
    assert redact(told) == left


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_exceptions_of_libraries_are_blotted_out_too(formatter):
    told = "no such person: maria@rush.example\nDETAIL:  Maria Member"
    try:
        raise ValueError(told)
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


def test_path_cannot_add_a_line_or_fill_the_log(client, lines):
    client.get("/no%0AINFO%20forged%1b/" + "x" * 5000)
    (line,) = lines.of("portal.requests")
    assert line["path"].startswith("/no%0AINFO%20forged%1B/xxx")
    assert len(line["path"]) < 250
    assert all("\n" not in text for text in lines.text)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/no/such/page/", "/teams/none/", "/?next=maria@rush.example"])
def test_not_found_is_told_once(client, lines, path):
    client.get(path)
    assert [line["logger"] for line in lines.json] == ["portal.requests"]


# One line per request ----------------------------------------------------------------------


@pytest.mark.django_db
def test_line_of_a_request_says_what_it_was_by_names_and_keys(client_for, member, team, lines):
    answer = client_for(member).get(f"/teams/{team.slug}/members/?page=2")
    (line,) = lines.of("portal.requests")
    took = line.pop("milliseconds")
    assert 0 < took < 60_000
    assert line.pop("time")
    assert line == {
        "level": "INFO",
        "logger": "portal.requests",
        "request_id": answer["X-Request-ID"],
        "message": f"GET /teams/education/members/ team_roster 200 {took} ms member {member.pk}",
        "method": "GET",
        "path": "/teams/education/members/",
        "route": "team_roster",
        "status": 200,
        "member": member.pk,
    }
    assert lines.text[-1].endswith(
        f"INFO portal.requests [{answer['X-Request-ID']}] {line['message']}"
    )


@pytest.mark.django_db
def test_visitor_has_no_key_and_the_log_asks_no_query(client, team, lines):
    client.get("/faq/")
    (line,) = lines.of("portal.requests")
    assert line["member"] is None
    assert line["message"].endswith(" ms")


@pytest.mark.django_db
def test_probe_that_is_well_is_debug_and_one_that_is_not_is_info(client, lines, monkeypatch):
    client.get("/healthz")
    assert [line["level"] for line in lines.of("portal.requests")] == ["DEBUG"]
    client.post("/healthz")
    assert [line["level"] for line in lines.of("portal.requests")] == ["DEBUG", "INFO"]


@pytest.mark.django_db
def test_quiet_log_says_nothing_of_requests_but_gives_them_ids(client, caplog):
    caplog.set_level("WARNING", "portal")
    answer = client.get("/faq/")
    assert MADE(answer["X-Request-ID"])
    assert not caplog.records


def test_error_of_a_page_has_its_line_and_its_traceback_under_one_id(lines, rf):
    client = Client(raise_request_exception=False)
    answer = client.get("/teams/", headers={"host": "not-ours.example"})
    assert answer.status_code == 400
    assert {line["request_id"] for line in lines.json} == {answer["X-Request-ID"]}


@pytest.mark.parametrize("host", ["maria%40rush.example", "not-ours.example"])
def test_line_says_that_the_host_is_not_ours_without_naming_it(client, lines, host):
    client.get("/teams/", headers={"host": host})
    (line,) = lines.json
    assert line["message"].startswith("GET /teams/ host_not_allowed 400 ")
    assert "rush" not in lines.everything
    assert "not-ours" not in lines.everything


def test_refused_form_is_told_by_the_requests_line_alone(db, lines):
    """Django would add where it came from, with the query."""
    client = Client(enforce_csrf_checks=True)
    origin = {"origin": "https://other.example", "referer": "https://other.example/?name=Maria"}
    assert client.post("/sign-in/", {"email": "x"}, headers=origin).status_code == 403
    (line,) = lines.json
    assert line["message"].startswith("POST /sign-in/ ")
    assert "other.example" not in lines.everything


def test_long_word_is_scrubbed_at_all():
    """With a pattern that begins anew at each letter it would take minutes."""
    assert redact("@ " + "a" * 300_000).endswith("aaa")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("to maria@rush.example, no", "to (address), no"),
        ("<maria.o%40rush.example>", "<(address)>"),
        ("a=x@y.example,b@c.example", "a=(address),(address)"),
        ("@ nobody", "@ nobody"),
    ],
)
def test_addresses_are_scrubbed_wherever_they_begin(text, clean):
    assert redact(text) == clean


def test_text_line_tells_its_time_as_json_does():
    record = logging.makeLogRecord({"created": 1795493203.5, "msg": "x", "request_id": "-"})
    assert TextFormatter().format(record).startswith("2026-11-24T04:06:43.500+00:00 ")


# Ids ---------------------------------------------------------------------------------------

GIVEN = "0123456789abcdef0123456789abcdef"


def answered(headers: dict[str, str]) -> str:
    request = RequestFactory().get("/", headers=headers)
    return AccessLogMiddleware(lambda request: HttpResponse())(request)["X-Request-ID"]


def test_id_of_the_portals_own_proxy_is_kept(settings):
    settings.TRUSTED_PROXY_COUNT = 1
    assert answered({"X-Request-ID": GIVEN}) == GIVEN


def test_id_is_not_taken_from_visitors(settings):
    settings.TRUSTED_PROXY_COUNT = 0
    assert answered({"X-Request-ID": GIVEN}) != GIVEN


@pytest.mark.parametrize(
    "given",
    ["", "short", "x" * 65, "a b c d e f g h", "maria@rush.example", "12345678\n9", "é" * 9],
)
def test_id_that_looks_like_none_is_replaced(settings, given):
    settings.TRUSTED_PROXY_COUNT = 1
    made = answered({"X-Request-ID": given})
    assert MADE(made)
    assert made != answered({"X-Request-ID": given})


@pytest.mark.django_db(transaction=True)
def test_one_id_goes_from_the_proxy_over_the_log_to_the_mail_and_its_sender(
    client, lines, smtp, team, settings
):
    settings.TRUSTED_PROXY_COUNT = 1
    client.post("/sign-in/", {"email": "nora@rush.example"}, headers={"X-Request-ID": GIVEN})
    put("Of nobody's request")
    MailWorker().run_once()
    assert [message["X-Request-ID"] for message in smtp.taken] == [GIVEN, None]
    code = Email.objects.get(headers__isnull=False)
    of_it = [line["message"] for line in lines.json if line["request_id"] == GIVEN]
    assert of_it[0].startswith("POST /sign-in/ account_login 302 ")
    assert of_it[1].startswith(f"Email {code.pk} sent ")
    assert len(of_it) == 2
    assert {line["request_id"] for line in lines.of("collaborative.operations.mail_worker")} == {
        GIVEN,
        "-",
    }


# One line per step -------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_line_of_a_step_says_who_did_what_to_which_row(
    lines, proposed_organization, administrator, applicant, team
):
    lines.json.clear()
    recognize_organization(proposed_organization, by=administrator)
    told = {line["row"]: line for line in lines.of("portal.steps")}
    line = told[f"members.organization {proposed_organization.pk}"]
    assert (line["what"], line["state"], line["by"]) == ("changed", "recognized", administrator.pk)
    stay = told[f"teams.membership {membership_of(applicant, team).pk}"]
    assert (stay["what"], stay["state"]) == ("changed", "active")
    assert stay["message"] == (
        f"{stay['row']} changed (active), by {stay['by'] or 'nobody'}, {stay['how']}"
    )


@pytest.mark.django_db(transaction=True)
def test_step_that_was_taken_back_is_not_told(lines, member, approval_team):
    def step(key: int) -> str:
        join_teams(member, [approval_team])
        return "done"

    lines.json.clear()
    assert preview_action(step, [1]).changes
    assert lines.of("portal.steps") == []


@pytest.mark.django_db(transaction=True)
def test_refused_step_is_not_told(lines, applicant, administrator, organization):
    lines.json.clear()
    with pytest.raises(Refused):
        recognize_organization(organization, by=administrator)
    assert lines.of("portal.steps") == []


# Settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "json"])
def test_libraries_never_write_debug_lines_and_quiet_is_quiet_for_all(form):
    levels = {name: configuration(form, name)["root"]["level"] for name in ("DEBUG", "ERROR")}
    assert levels == {"DEBUG": "INFO", "ERROR": "ERROR"}
    assert configuration(form, "DEBUG")["loggers"]["portal"]["level"] == "DEBUG"
