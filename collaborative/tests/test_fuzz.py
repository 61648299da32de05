"""Whatever is sent to whichever address: never an error of ours, never a write that the rules
refuse.

The addresses come from the resolver, the forms from the pages themselves, so that a new one is
tried without anybody thinking of it. The requests are the same in each run; `make fuzz` sends
many more, others each time.
"""

import logging
import os
import re
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy
from post_office.models import Email

from collaborative.tests.conftest import put
from collaborative.tests.fuzzing import (
    PARTS,
    Form,
    Shot,
    addresses,
    filled,
    forms_of,
    reads,
    writes,
)
from conftest import make_member
from members.models import Decision, EmailDomain, Member, Organization
from teams.models import ActionTeam, FaqEntry, Goal, Membership, Question
from teams.services import ask_question, join_teams
from teams.tests.joining import JOIN, form

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1"))  # of each address and form; `make fuzz`: more
SEED = int(os.environ.get("FUZZ_SEED", "0"))
BOUNDED = settings(
    max_examples=EXAMPLES + 1,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
WRITE = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"', re.IGNORECASE)
ALWAYS = {Session._meta.db_table, UserSession._meta.db_table}  # what reading a page may write
MOVES = {
    ("requested", "active"), ("requested", "declined"), ("requested", "withdrawn"),
    ("active", "ended"),
    # An undone decision of the desk.
    ("active", "requested"), ("declined", "requested"), ("ended", "active"),
}  # fmt: skip


@pytest.fixture
def everything(
    settings, member, colleague, outsider, applicant, facilitator, other_facilitator,
    approval_team, closed_team, goal, faq_entry, client_for,
) -> dict[str, list[str]]:  # fmt: skip
    """One row of every kind at least; returns what the addresses take as their arguments."""
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
    kinds = [ActionTeam, EmailDomain, FaqEntry, Goal, Member, Membership, Organization, Question]
    known = {kind._meta.model_name: rows(kind) for kind in [*kinds, Decision]}
    return {**known, "mail": rows(Email), "keys": ["1"], "slug": ["education", "who-can-join"]}


def rows(kind: type) -> list[str]:
    """Some keys of this kind."""
    keys = list(kind.objects.order_by("pk").values_list("pk", flat=True))
    return [str(pk) for pk in (keys[:1] + keys[-1:])]


@pytest.fixture
def browser(client_for, request, team) -> Client:
    """The browser of whom the test is about."""
    if request.param == "visitor":
        visitor = Client()
        visitor.post(JOIN, form(team))
        visitor.post("/sign-in/", {"email": "maria@rush.example"})
        return visitor
    person = request.getfixturevalue(request.param)
    return client_for(person)


# What must hold ----------------------------------------------------------------------------


class Untouchable:
    """What the requests of `who` must leave alone, whatever they say."""

    def __init__(self, who: Member | None) -> None:
        self.who, pk = who, who.pk if who else None
        self.kept: dict[str, QuerySet] = {
            "who is administrator": Member.objects.exclude(pk=pk).values("is_superuser"),
            "second steps": Authenticator.objects.exclude(user=pk).values(),
        }
        if not (who and who.is_superuser):
            others = ActionTeam.objects.exclude(facilitators=who)
            keys = list(others.values_list("pk", flat=True))
            self.kept |= {
                "who is facilitator": Member.objects.exclude(pk=pk).values("is_staff"),
                "how teams take members": ActionTeam.objects.values("join_policy"),
                "other teams": ActionTeam.objects.filter(pk__in=keys).values(),
                "goals of other teams": Goal.objects.filter(team__in=keys).values(),
            }
        if not (who and who.is_staff):
            known = Member.objects.latest("pk").pk  # those who join now are new
            self.kept |= {
                "people": Member.objects.exclude(pk=pk).filter(pk__lte=known).values(),
                "stays": Membership.objects.exclude(member=pk).filter(member__lte=known).values(),
                "organizations": Organization.objects.exclude(status="proposed").values(),
                "domains": EmailDomain.objects.values(),
                "teams": ActionTeam.objects.values(),
                "goals": Goal.objects.values(),
                "answers": FaqEntry.objects.values(),
                "decided questions": Question.objects.exclude(status="waiting").values(),
                "decisions": Decision.objects.values(),
                "sessions": UserSession.objects.exclude(user=pk).values(),
            }
        self.before = self.now()

    def now(self) -> dict[str, list]:
        return {what: list(rows.order_by("pk").all()) for what, rows in self.kept.items()}

    def changed(self) -> set[str]:
        now = self.now()
        return {f"changes {what}" for what in now if now[what] != self.before[what]}


class Watch:
    """Fires at the portal and looks at what became of it; everything is taken back afterwards."""

    def __init__(self, browser: Client, who: Member | None) -> None:
        self.jar = {name: morsel.value for name, morsel in browser.cookies.items()}
        self.untouchable = Untouchable(who)
        self.last_mail = max(Email.objects.values_list("pk", flat=True), default=0)
        self.statuses = dict(Membership.objects.values_list("pk", "status"))
        self.answers: Counter[int] = Counter()
        self.wrong: list[str] = []

    def __call__(self, shot: Shot) -> None:
        client = Client(raise_request_exception=False)
        client.cookies.load(self.jar)
        written: set[str] = set()

        def note(execute: Callable, sql: str, *rest: object) -> object:
            written.update(found.lower() for found in WRITE.findall(sql))
            return execute(sql, *rest)

        with transaction.atomic():
            with connection.execute_wrapper(note):
                answer = shot.fire(client)
                if answer.streaming:
                    b"".join(answer.streaming_content)
            self.check(shot, answer, written - ALWAYS)
            transaction.set_rollback(True)

    def check(self, shot: Shot, answer: HttpResponse, written: set[str]) -> None:
        self.answers[answer.status_code] += 1
        wrong = set()
        if answer.status_code >= 500:
            wrong.add(f"{answer.status_code}: {trouble(answer)}")
        if "X-Evil" in answer:
            wrong.add("a header of the sender's")
        if written and shot.method != "POST":
            wrong.add(f"{shot.method} writes {written}")
        if written:
            wrong |= self.untouchable.changed() | set(self.moves()) | set(self.letters())
        self.wrong += [f"{said}\n  by {shot}" for said in wrong]

    def letters(self) -> Iterator[str]:
        """Emails that would go to somebody else, too."""
        for mail in Email.objects.filter(pk__gt=self.last_mail).only("to"):
            if len(mail.to) != 1:
                yield f"an email to {len(mail.to)} addresses"

    def moves(self) -> Iterator[str]:
        """What happened to memberships that may not happen."""
        stays = Membership.objects.select_related("team")
        for stay in stays:
            was = self.statuses.get(stay.pk)
            if was is None and stay.status not in {"requested", "active"}:
                yield f"a membership begins as {stay.status}"
            if was not in {None, stay.status} and (was, stay.status) not in MOVES:
                yield f"a membership goes from {was} to {stay.status}"
            came = stay.status in Membership.CURRENT and was not in Membership.CURRENT
            if came and stay.team.is_closed:
                yield "somebody comes into a closed team"


def trouble(answer: HttpResponse) -> str:
    """What went wrong in the portal, and where."""
    if not answer.exc_info:
        return "no exception"
    kind, error, where = answer.exc_info
    frames = traceback.extract_tb(where)[-3:]
    return f"{kind.__name__}: {error} in " + " < ".join(f"{f.filename}:{f.lineno}" for f in frames)


def fire_at(watch: Watch, name: str, strategy: SearchStrategy[Shot]) -> None:
    """Send what the strategy makes up for the thing called `name`."""
    shots: list[Shot] = []

    @seed(zlib.crc32(name.encode()) + SEED)
    @BOUNDED
    @given(strategy)
    def collect(shot: Shot) -> None:
        shots.append(shot)

    collect()
    for shot in shots[1:]:  # the first is the plainest, which was sent to find the forms
        watch(shot)


PEOPLE = ["visitor", "member", "facilitator", "administrator"]


@pytest.mark.parametrize(
    ("browser", "role"), [(name, name) for name in PEOPLE], indirect=["browser"]
)
def test_no_request_breaks_the_portal_or_its_rules(browser, role, everything, request):
    who = None if role == "visitor" else request.getfixturevalue(role)
    paths = {address: filled(address, everything) for address in addresses()}
    forms, names = forms_of(browser, sum(paths.values(), []))
    cache.clear()
    logging.disable(logging.CRITICAL)
    request.addfinalizer(lambda: logging.disable(logging.NOTSET))
    watch = Watch(browser, who)
    for address, known in paths.items():
        wrong = [re.sub(r"<[^>]+>", part, address) for part in PARTS] if "<" in address else []
        fire_at(watch, address, reads(known + wrong, names))
        empty = Form(known[0], "POST")
        fire_at(watch, f"POST {address}", writes(empty, names))
    for found in forms:
        if found.method == "POST":
            name = f"{found.action} {[name for name, _ in found.fields]}"
            fire_at(watch, re.sub(r"\d+", "", name), writes(found, names))
    assert not watch.wrong, "\n".join([f"FUZZ_SEED={SEED}", *watch.wrong])
    assert {200, 302, 404} <= watch.answers.keys()


@pytest.mark.parametrize("path", ["change/?_to_field=", "change/?_to_field=id", "history/?p=x"])
def test_what_was_found_before(client_for, administrator, member, path):
    stay = Membership.objects.get(member=member)
    response = client_for(administrator).get(f"/admin/teams/membership/{stay.pk}/{path}")
    assert response.status_code in {200, 400, 404}


def test_watch_sees_what_may_not_happen(member, colleague, closed_team):
    """The test of the test: each of its rules can be broken."""
    watch = Watch(Client(), member)
    Membership.objects.filter(member=colleague).update(
        status="requested", decided_at=None, team=closed_team
    )
    Membership.objects.create(member=member, team=closed_team)
    Member.objects.filter(pk=colleague.pk).update(is_superuser=True)
    put("Three", to='"x,eve@evil.example,y"@rush.example')
    answer = HttpResponse(status=500, headers={"X-Evil": "1"})
    answer.exc_info = None
    watch.check(Shot("GET", "/"), answer, {"teams_membership"})
    assert {said.partition("\n")[0] for said in watch.wrong} == {
        "500: no exception",
        "a header of the sender's",
        "GET writes {'teams_membership'}",
        "changes who is administrator",
        "changes people",
        "changes stays",
        "somebody comes into a closed team",
        "an email to 3 addresses",
    }
    member.memberships.update(status="declined", reason="No", decided_at=member.date_joined)
    assert set(watch.moves()) == {
        "a membership begins as declined",
        "a membership goes from active to declined",
    }
