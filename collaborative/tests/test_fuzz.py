"""No request to any address causes a server error, or a write that the rules refuse.

The addresses come from the resolver and the forms from the pages themselves, so that new ones are
tested too. The requests are the same in each run; `make fuzz` sends many more, different ones each
time.
"""

import logging
import os
import re
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.test import Client
from post_office.models import Email

from collaborative.tests.conftest import put
from collaborative.tests.fuzzing import (
    PATH_PARTS,
    Form,
    FuzzRequest,
    collect_forms,
    draw_reading,
    draw_writing,
    fill_address,
    list_addresses,
)
from conftest import make_active_member, make_member
from desk.models import Import
from members.email_domains import domain_problem, normalize_domain
from members.models import Bounce, Decision, EmailDomain, Member, Move, Organization
from teams.models import ActionTeam, FaqEntry, Goal, Membership, Question, TargetArea
from teams.services import (
    ask_question,
    claim,
    invite,
    join_teams,
    move_member,
    object_to_move,
    request_move,
    suggest_resource,
)
from teams.services.topics import propose_topic
from teams.tests.announcements import make_announcement, make_resource
from teams.tests.joining import JOIN, enter_code
from teams.tests.joining import form as joining_form
from teams.tests.meetings import make_meeting
from teams.tests.moving import MOVE, RECOVER, prove, request_form
from teams.tests.reviews import make_review

# Requests to each address and with each form.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
WRITE = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"', re.IGNORECASE)
# One row in order, one with a suggestion.
IMPORTED_FILE = b"""Email,Full name,Job title,Organization,Teams
ivo@rush.example,Ivo,,Rush Example Hospital,Education
iva@rush.example,Iva,,Rush Exampel Hospital,Education
"""
# Tables that reading a page may write.
WRITABLE_BY_READING = {Session._meta.db_table, UserSession._meta.db_table}
TRANSITIONS = {
    ("requested", "active"), ("requested", "declined"), ("requested", "withdrawn"),
    ("active", "ended"),
    # Undoing a decision.
    ("active", "requested"), ("declined", "requested"), ("ended", "active"),
}  # fmt: skip


@pytest.fixture
def everything(
    settings, member, colleague, outsider, applicant, facilitator, other_facilitator,
    approval_team, closed_team, goal, faq_entry, client_for, administrator, organization, team,
) -> dict[str, list[str]]:  # fmt: skip
    """Create one row of every kind at least; return what addresses take as arguments, by model."""
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, "1000000/m/ip")
    join_teams(member, [approval_team])
    ask_question("Who pays?", "vera@visitor.example")
    client_for(facilitator).post(
        f"/admin/members/organization/{applicant.organization_id}/recognize/"
    )
    Organization.objects.create(name="Harbor Care", suggested_domain="harbor.example")
    unsure = make_member(
        "una@harbor.example", Organization.objects.get(name="Harbor Care"), confirmed=False
    )
    join_teams(unsure, [ActionTeam.objects.get(slug="education")])
    for staff in (facilitator, administrator):
        file = SimpleUploadedFile("list.csv", IMPORTED_FILE)
        client_for(staff).post("/admin/members/member/import/", {"file": file})
    held = hold_account_of("hal@rush.example", organization, team)
    models = [
        ActionTeam, EmailDomain, FaqEntry, Goal, Import, Member, Membership, Move, Organization,
        Question,
    ]  # fmt: skip
    keys = {model._meta.model_name: some_keys(model) for model in [*models, Decision]}
    keys |= {"moved": [held.token], "/teams/": ["education"], "/faq/": ["who-can-join"]}
    slugs = []
    # In each run of the tests they would take too long.
    if EXAMPLES > 1:
        slugs = create_what_teams_do(keys, facilitator, administrator, team)
    return {**keys, "mail": some_keys(Email), "keys": ["1"], "slug": slugs}


def create_what_teams_do(
    keys: dict[str, list[str]], facilitator: Member, administrator: Member, team: ActionTeam
) -> list[str]:
    """Create one of everything that teams plan, write and share, and that visitors suggest; add the
    keys by model, and return the addresses."""
    meeting = make_meeting(team)
    topic = propose_topic("Night shifts", email="vera@visitor.example")
    created = [
        meeting,
        make_meeting(team, title="Draft", slug="draft-meeting", status="draft"),
        make_announcement(team, facilitator, status="draft"),
        make_announcement(team, facilitator),
        make_review(),
        make_resource(team),
        suggest_resource("https://guides.example.org/a", "A guide", email="vera@visitor.example"),
        topic,
        TargetArea.objects.create(team=team, area_code="68", why="Few clinics."),
        invite("ines@collaborative.example", "facilitator", by=administrator, team=team),
    ]
    claim(topic, by=facilitator)
    for model in {type(record) for record in created}:
        keys[model._meta.model_name] = some_keys(model)
    return [record.slug for record in created if hasattr(record, "slug")]


def hold_account_of(email: str, organization: Organization, team: ActionTeam) -> Move:
    """Create a member whose account is on hold after a move, and who has lost that mailbox too."""
    person = make_active_member(email, organization, "Hal Held", team)
    move_member(person, "hal@mailbox.example", organization_name="Harbor Care")
    details = {"full_name": "Hal Held", "organization_name": "Harbor Care", "note": ""}
    request_move("hal@mailbox.example", "hal@elsewhere.example", **details)
    return object_to_move(Move.objects.earliest("pk"))


def some_keys(model: type) -> list[str]:
    """Return the last key; with `make fuzz` the first one too."""
    keys = list(model.objects.order_by("pk").values_list("pk", flat=True))
    return [str(pk) for pk in (keys[:1] if EXAMPLES > 1 else []) + keys[-1:]]


@pytest.fixture
def browser(client_for, request, team) -> Client:
    """The browser of the person in the test's parameter."""
    if request.param == "visitor":
        visitor = Client()
        # Asked where she works, and with another code on the way.
        visitor.post(JOIN, joining_form(team, email="nora@nowhere.example"))
        assert enter_code(visitor).redirect_chain == [("/join/organization/", 302)]
        visitor.post(JOIN, joining_form(team))
        visitor.post("/sign-in/", {"email": "maria@rush.example"})
        visitor.post(RECOVER, request_form())
        return visitor
    person = request.getfixturevalue(request.param)
    signed_in = client_for(person)
    # What follows from a proven address, and the code to another one.
    prove(signed_in, "new@mailbox.example")
    signed_in.post(MOVE, {"email": "newer@mailbox.example"})
    return signed_in


# What must hold ----------------------------------------------------------------------------


class ProtectedData:
    """What no request of this member (None: a visitor) may change."""

    def __init__(self, member: Member | None) -> None:
        pk = member.pk if member else None
        # Those who join during the test come after, and are nobody special.
        newest = Member.objects.latest("pk").pk
        others = Member.objects.exclude(pk=pk).filter(pk__lte=newest)
        newcomers = Member.objects.filter(pk__gt=newest)
        self.querysets: dict[str, QuerySet] = {
            "who is administrator": others.values("is_superuser"),
            "newcomers into administrators": newcomers.filter(is_superuser=True),
            "second steps": Authenticator.objects.exclude(user=pk).values(),
        }
        if not (member and member.is_superuser):
            other_teams = ActionTeam.objects.exclude(facilitators=member)
            keys = list(other_teams.values_list("pk", flat=True))
            self.querysets |= {
                "who is facilitator": others.values("is_staff"),
                "newcomers into facilitators": newcomers.filter(is_staff=True),
                "how teams take members": ActionTeam.objects.values("join_policy"),
                "other teams": ActionTeam.objects.filter(pk__in=keys).values(),
                "goals of other teams": Goal.objects.filter(team__in=keys).values(),
            }
        if not (member and member.is_staff):
            self.querysets |= {
                "moves": Move.objects.exclude(member=pk).values(),
                "returned emails": Bounce.objects.exclude(member=pk).values(),
                "people": others.values(),
                "memberships": Membership.objects.exclude(member=pk)
                .filter(member__lte=newest)
                .values(),
                "organizations": Organization.objects.exclude(status="proposed").values(),
                "domains": EmailDomain.objects.values(),
                "teams": ActionTeam.objects.values(),
                "goals": Goal.objects.values(),
                "answers": FaqEntry.objects.values(),
                "decided questions": Question.objects.exclude(status="waiting").values(),
                "decisions": Decision.objects.values(),
                "sessions": UserSession.objects.exclude(user=pk).filter(user__lte=newest).values(),
            }
        self.before = self.read()

    def read(self) -> dict[str, list]:
        return {name: list(rows.order_by("pk").all()) for name, rows in self.querysets.items()}

    def changes(self) -> set[str]:
        now = self.read()
        return {f"changes {name}" for name in now if now[name] != self.before[name]}


class RuleChecker:
    """Sends requests, checks what they did by the rules, and rolls it back."""

    def __init__(self, browser: Client, member: Member | None) -> None:
        # One for all requests: each would load the middleware first.
        self.client = Client(raise_request_exception=False)
        self.cookies = {name: morsel.value for name, morsel in browser.cookies.items()}
        self.protected = ProtectedData(member)
        self.last_email = max(Email.objects.values_list("pk", flat=True), default=0)
        self.statuses = dict(Membership.objects.values_list("pk", "status"))
        self.answers: Counter[int] = Counter()
        self.violations: list[str] = []

    def send(self, request: FuzzRequest) -> None:
        self.client.cookies.clear()
        self.client.cookies.load(self.cookies)
        written: set[str] = set()
        savepoints: dict[str, set[str]] = {}

        def note_writes(execute: Callable, sql: str, *rest: object) -> object:
            command, _, name = sql.rpartition(" ")
            if command == "SAVEPOINT":
                savepoints[name] = set(written)
            elif command == "ROLLBACK TO SAVEPOINT":
                # A preview takes back what it did.
                written.intersection_update(savepoints[name])
            written.update(table.lower() for table in WRITE.findall(sql))
            return execute(sql, *rest)

        with transaction.atomic():
            with connection.execute_wrapper(note_writes):
                answer = request.send(self.client)
                if answer.streaming:
                    b"".join(answer.streaming_content)
            self.check(request, answer, written - WRITABLE_BY_READING)
            transaction.set_rollback(True)

    def check(self, request: FuzzRequest, answer: HttpResponse, written: set[str]) -> None:
        self.answers[answer.status_code] += 1
        violations = set()
        if answer.status_code >= 500:
            violations.add(f"{answer.status_code}: {describe_exception(answer)}")
        if "X-Evil" in answer:
            violations.add("a header of the sender's")
        if written and request.method != "POST":
            violations.add(f"{request.method} writes {written}")
        if written:
            violations |= self.protected.changes()
            violations |= {*self.forbidden_transitions(), *self.misaddressed_emails()}
            violations |= {*self.forbidden_domains()}
        self.violations += [f"{violation}\n  by {request}" for violation in violations]

    def misaddressed_emails(self) -> Iterator[str]:
        """Describe emails that would reach other people too."""
        for email in Email.objects.filter(pk__gt=self.last_email).only("to"):
            if len(email.to) != 1:
                yield f"an email to {len(email.to)} addresses"

    def forbidden_domains(self) -> Iterator[str]:
        """Describe email domains that cannot be one organization's, or are not normalized."""
        for domain in EmailDomain.objects.values_list("domain", flat=True):
            if problem := domain_problem(domain):
                yield f"the email domain {domain}: {problem}"
            elif normalize_domain(domain) != domain:
                yield f"the email domain {domain} is not normalized"

    def forbidden_transitions(self) -> Iterator[str]:
        """Describe what happened to memberships and may not happen."""
        for membership in Membership.objects.select_related("team"):
            before, status = self.statuses.get(membership.pk), membership.status
            if before is None and status not in {"requested", "active"}:
                yield f"a membership begins as {status}"
            if before not in {None, status} and (before, status) not in TRANSITIONS:
                yield f"a membership goes from {before} to {status}"
            is_new = status in Membership.CURRENT and before not in Membership.CURRENT
            if is_new and membership.team.is_closed:
                yield "a closed team gets a member"


def describe_exception(answer: HttpResponse) -> str:
    """Return the exception behind this answer, and its last three frames."""
    if not answer.exc_info:
        return "no exception"
    kind, error, trace = answer.exc_info
    frames = traceback.extract_tb(trace)[-3:]
    return f"{kind.__name__}: {error} in " + " < ".join(f"{f.filename}:{f.lineno}" for f in frames)


ROLES = ["visitor", "member", "facilitator", "administrator"]
# Where members can do what visitors cannot.
FOR_MEMBERS = ("/my/", "/two-factor/", "/teams/", "/meetings/", "/resources/", "/announcements/")


def is_sent_by(role: str, address: str) -> bool:
    """Return whether this role sends requests to the address; with `make fuzz` each role does.

    Else the desk's addresses are shared out between facilitator and administrator, who see nearly
    the same, and the others are left to those who see most there.
    """
    if EXAMPLES > 1:
        return True
    if address.startswith("/admin/"):
        return is_drawn(f"role {address}", ROLES.index(role) - 2)
    return role == ("member" if address.startswith(FOR_MEMBERS) else "visitor")


def is_drawn(name: str, half: int) -> bool:
    """Return whether `name` falls into this half (0 or 1) of all; with `make fuzz`, into both."""
    return EXAMPLES > 1 or (zlib.crc32(name.encode()) + SEED) % 2 == half


def draw(name: str, request: Callable[..., FuzzRequest], *args: object) -> Iterator[FuzzRequest]:
    """Yield EXAMPLES requests; `name` makes them differ from those with another one."""
    # Without keys, which differ from run to run.
    random = Random(f"{re.sub('[0-9]', '', name)} {SEED}")  # noqa: S311  # no secret
    for _ in range(EXAMPLES):
        yield request(random, *args)


@pytest.mark.usefixtures("fragment_clock")
@pytest.mark.parametrize(
    ("browser", "role"), [(name, name) for name in ROLES], indirect=["browser"]
)
def test_no_request_breaks_the_portal_or_its_rules(browser, role, everything, request):
    member = None if role == "visitor" else request.getfixturevalue(role)
    addresses = [address for address in list_addresses() if is_sent_by(role, address)]
    paths = {address: fill_address(address, everything) for address in addresses}
    forms, names = collect_forms(browser, sum(paths.values(), []))
    cache.clear()
    logging.disable(logging.CRITICAL)
    request.addfinalizer(lambda: logging.disable(logging.NOTSET))
    checker = RuleChecker(browser, member)
    for address, right in paths.items():
        wrong = [re.sub(r"<[^>]+>", part, address) for part in PATH_PARTS if "<" in address]
        sent: list[FuzzRequest] = []
        if is_drawn(f"method {address}", 0):
            sent += draw(address, draw_reading, right + wrong, names)
        if is_drawn(f"method {address}", 1):
            sent += draw(f"POST {address}", draw_writing, Form((right + wrong)[0], "POST"), names)
        for each in sent:
            checker.send(each)
    for form in forms:
        if form.method == "POST":
            name = f"{form.action} {[name for name, _ in form.fields]}"
            for each in draw(name, draw_writing, form, names):
                checker.send(each)
    assert not checker.violations, "\n".join([f"FUZZ_SEED={SEED}", *checker.violations])
    assert {200, 302, 404} <= checker.answers.keys()


@pytest.mark.parametrize("path", ["change/?_to_field=", "change/?_to_field=id", "history/?p=x"])
def test_membership_page_answers_requests_that_once_broke_it(
    client_for, administrator, member, path
):
    membership = Membership.objects.get(member=member)
    response = client_for(administrator).get(f"/admin/teams/membership/{membership.pk}/{path}")
    assert response.status_code in {200, 400, 404}


def test_rule_checker_sees_each_rule_broken(member, colleague, closed_team):
    checker = RuleChecker(Client(), member)
    Membership.objects.filter(member=colleague).update(
        status="requested", decided_at=None, team=closed_team
    )
    Membership.objects.create(member=member, team=closed_team)
    Member.objects.filter(pk=colleague.pk).update(is_superuser=True)
    put("Three", to='"x,eve@evil.example,y"@rush.example')
    answer = HttpResponse(status=500, headers={"X-Evil": "1"})
    answer.exc_info = None
    checker.check(FuzzRequest("GET", "/"), answer, {"teams_membership"})
    assert {violation.partition("\n")[0] for violation in checker.violations} == {
        "500: no exception",
        "a header of the sender's",
        "GET writes {'teams_membership'}",
        "changes who is administrator",
        "changes people",
        "changes memberships",
        "a closed team gets a member",
        "an email to 3 addresses",
    }
    member.memberships.update(status="declined", reason="No", decided_at=member.date_joined)
    assert set(checker.forbidden_transitions()) == {
        "a membership begins as declined",
        "a membership goes from active to declined",
    }
