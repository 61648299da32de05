"""People, organizations and teams for the tests; a test names the part it needs."""

import html
import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.messages import get_messages
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.cache import cache, caches
from django.core.management.color import Style
from django.core.management.commands import flush
from django.db import connection
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from post_office.models import Email

from collaborative.tests.cast import cast_fixture, make_cast
from desk.actions.results import undoable_decisions
from members.models import EmailDomain, Member, Organization
from members.services import explain_change, save_with_history
from members.services.transitions import new_organization
from teams.models import ActionTeam, FaqEntry, Goal, Membership
from teams.services.transitions import start_membership
from teams.services.waiting import waiting_for


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings, tmp_path_factory):
    """SQLite's test database is a file, so that threads and processes can share it."""
    from django.conf import settings  # noqa: PLC0415  # not ready when this module is imported

    database = settings.DATABASES["default"]
    # The tables are made from the models, which takes a tenth of the time. `makemigrations --check`
    # and test_migrations.py hold that migrations lead to the same.
    database["TEST"]["MIGRATE"] = False
    if "sqlite" in database["ENGINE"]:
        database["TEST"]["NAME"] = str(tmp_path_factory.mktemp("db") / "test.sqlite3")
        # A database that lives for one test run need not survive a power cut.
        options = database["OPTIONS"]
        options["init_command"] = options["init_command"].replace("=FULL", "=OFF")


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The server, or SQLite's file, is removed as a whole: dropping the database before that takes
    time, and fails while the last connection is being closed."""
    return True


def _record_migrations() -> None:
    """Note every migration as applied. `migrate --fake` makes their models too."""
    recorder = MigrationRecorder(connection)
    recorder.ensure_schema()
    for app_label, name in MigrationLoader(connection).graph.nodes:
        recorder.record_applied(app_label, name)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Every migration counts as applied. A test that commits leaves content types and permissions,
    which take nine tenths of the time to write again, and empties all other tables by DELETE: on
    PostgreSQL TRUNCATE, as Django does it, writes new files for every table, which takes 50 times
    as long for a few rows.
    """
    kept = (ContentType, Permission)
    kept_tables = {model._meta.db_table for model in kept}
    # Of the class: in the loop of a browser the same thread has another connection.
    operations = type(connection.ops)
    flush_all, write_kept = operations.sql_flush, flush.emit_post_migrate_signal

    def kept_rows() -> list[list[tuple]]:
        return [list(model.objects.order_by("pk").values_list()) for model in kept]

    def delete_rows(
        self: BaseDatabaseOperations, style: Style, tables: list[str], **options: bool
    ) -> list[str]:
        """Return the statements; PostgreSQL takes all of them at once, and looks for no records
        that refer to the deleted ones: they go too."""
        if options.get("reset_sequences"):
            return flush_all(self, style, tables, **options)
        # The names are those of our own tables.
        statements = [
            f"DELETE FROM {self.quote_name(table)}"  # noqa: S608
            for table in tables
            if table not in kept_tables
        ]
        if self.connection.vendor == "postgresql":
            return ["; ".join(["SET LOCAL session_replication_role = replica", *statements])]
        return statements

    def write_what_is_missing(*args: Any, **options: Any) -> None:
        """A test that restores a backup, say, brings other content types, or none, and may set
        sequences back."""
        nonlocal written
        ContentType.objects.clear_cache()
        if kept_rows() != written:
            for model in reversed(kept):
                model.objects.all().delete()
            write_kept(*args, **options)
            written = kept_rows()
            make_cast()

    with django_db_blocker.unblock():
        _record_migrations()
        write_kept(verbosity=0, interactive=False, db=connection.alias)
        written = kept_rows()
        make_cast()
    operations.sql_flush = delete_rows
    flush.emit_post_migrate_signal = write_what_is_missing


@pytest.fixture(autouse=True)
def _empty_caches():
    """Each test starts with unused rate limits and without cached parts of pages."""
    cache.clear()
    caches["fragments"].clear()
    caches["desk_counts"].clear()
    caches["last_use"].clear()


@pytest.fixture(scope="session", autouse=True)
def _rail_without_counts():
    """Pages of the desk name in their rail what waits only in tests with `rail_counts`: the query
    for it, of eleven kinds, is not in the cache of a new test and takes a fifth of a page's time.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("desk.rail.waiting_for", lambda staff: {})
        yield


@pytest.fixture
def rail_counts(monkeypatch) -> None:
    """The rail of the desk counts what waits."""
    monkeypatch.setattr("desk.rail.waiting_for", waiting_for)


class FragmentClock:
    """Time as the cache of page fragments sees it: it stands still until `advance`."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def fragment_clock(settings, monkeypatch) -> FragmentClock:
    """Parts of pages and counts are cached as outside development, by a clock that stands still."""
    clock = FragmentClock()
    monkeypatch.setattr("django.core.cache.backends.base.time", clock)
    monkeypatch.setattr("django.core.cache.backends.locmem.time", clock)
    fragments = {"BACKEND": "members.fragments.FragmentCache", "LOCATION": "test-fragments"}
    settings.CACHES = settings.CACHES | {"fragments": fragments}
    caches["fragments"].clear()
    return clock


@cast_fixture
def administrator(db) -> Member:
    return Member.objects.create_superuser("administrator@example.org", full_name="Ada Admin")


def make_organization(name: str, domain: str, by: Member) -> Organization:
    """Return a recognized organization, as `add_organization` stores it where nobody waits."""
    organization = new_organization(name, Organization.Status.RECOGNIZED, by=by)
    save_with_history(organization, by, "added as recognized")
    save_with_history(EmailDomain(organization=organization, domain=domain), by, "domain added")
    return organization


@cast_fixture
def organization(administrator) -> Organization:
    """A recognized organization, whose email domain is rush.example."""
    return make_organization("Rush Example Hospital", "rush.example", administrator)


@cast_fixture
def other_organization(administrator) -> Organization:
    return make_organization("Loop Example Clinic", "loop.example", administrator)


@cast_fixture
def proposed_organization(db) -> Organization:
    return Organization.objects.create(name="Lakeview Health", suggested_domain="lakeview.example")


def make_team(name: str, policy: str = "open", position: int = 0) -> ActionTeam:
    slug = name.lower().replace(" ", "-")
    return ActionTeam.objects.create(
        name=name, slug=slug, join_policy=policy, position=position, summary=f"What {name} is for."
    )


@cast_fixture
def team(db) -> ActionTeam:
    """An open team: `facilitator` is its facilitator, `member` and `colleague` its members."""
    return make_team("Education", position=1)


@cast_fixture
def other_team(db) -> ActionTeam:
    """An open team, whose facilitator is `other_facilitator`."""
    return make_team("Hiring", position=2)


@cast_fixture
def approval_team(db) -> ActionTeam:
    return make_team("Careers", "approval", position=3)


@cast_fixture
def closed_team(db) -> ActionTeam:
    return make_team("Archive", "closed", position=4)


@cast_fixture
def goal(team) -> Goal:
    return Goal.objects.create(team=team, slug="one-table", title="Bring people to one table")


@cast_fixture
def faq_entry(db) -> FaqEntry:
    return FaqEntry.objects.create(
        slug="who-can-join", question="Who can join?", answer="People of *recognized* employers."
    )


def make_member(
    email: str,
    organization: Organization | None = None,
    name: str = "",
    *,
    confirmed: bool = True,
    **fields: Any,
) -> Member:
    confirmation = {}
    if organization and confirmed:
        confirmation = {
            "affiliation_confirmed_at": organization.created_at,
            "affiliation_confirmed_via": "domain",
        }
    return Member.objects.create_user(
        email, full_name=name, organization=organization, **confirmation, **fields
    )


def make_active_member(
    email: str, organization: Organization, name: str, team: ActionTeam
) -> Member:
    """Return a member of `team`, as `join_teams` makes one, without its email."""
    member = make_member(email, organization, name)
    make_membership(member, team, Membership.Status.ACTIVE, why="joined")
    return member


def make_membership(
    member: Member, team: ActionTeam, status: Membership.Status, why: str = "requested"
) -> Membership:
    """Return a membership as `join_teams` starts one, without its email."""
    origin = Membership.Origin.REQUESTED
    return start_membership(member, team, status, origin=origin, by=member, why=why)


def appoint(member: Member, team: ActionTeam, by: Member) -> Member:
    """Make `member` a facilitator of `team`, as `set_facilitators` does, without its email."""
    explain_change(team, by, "facilitators changed")
    team.facilitators.add(member)
    save_with_history(member, by, f"facilitator of {team}", is_staff=True)
    return member


def make_facilitator(email: str, organization: Organization, name: str, team: ActionTeam) -> Member:
    """Return a member who has always been a facilitator of `team`: the history tells of no
    appointment, which takes most of the time of `appoint`."""
    facilitator = make_member(email, organization, name, is_staff=True)
    ActionTeam.facilitators.through.objects.create(actionteam=team, member=facilitator)
    return facilitator


@cast_fixture
def member(organization, team) -> Member:
    """An active member of `team`, of a recognized organization."""
    return make_active_member("maria@rush.example", organization, "Maria Member", team)


@cast_fixture
def colleague(organization, team) -> Member:
    """A member of the same organization and team."""
    return make_active_member("colin@rush.example", organization, "Colin Colleague", team)


@cast_fixture
def outsider(other_organization, other_team) -> Member:
    """A member of another organization, in another team."""
    return make_active_member("olga@loop.example", other_organization, "Olga Outsider", other_team)


@cast_fixture
def applicant(proposed_organization, team) -> Member:
    """A person whose organization is not recognized yet; the request for `team` waits."""
    applicant = make_member(
        "wanda@lakeview.example", proposed_organization, "Wanda Waiting", confirmed=False
    )
    make_membership(applicant, team, Membership.Status.REQUESTED)
    return applicant


@cast_fixture
def facilitator(organization, team) -> Member:
    """The facilitator of `team`, who is not a member of it."""
    return make_facilitator("fay@rush.example", organization, "Fay Facilitator", team)


@cast_fixture
def other_facilitator(other_organization, other_team) -> Member:
    """The facilitator of `other_team`."""
    return make_facilitator("otto@loop.example", other_organization, "Otto Facilitator", other_team)


@cast_fixture
def approver(approval_team, organization) -> Member:
    """The facilitator of `approval_team`."""
    return make_facilitator("abe@rush.example", organization, "Abe Approver", approval_team)


@cast_fixture
def requests(member, colleague, approval_team) -> list[Membership]:
    """The requests of `member` and `colleague` for `approval_team`."""
    return [
        make_membership(applicant, approval_team, Membership.Status.REQUESTED)
        for applicant in (member, colleague)
    ]


@pytest.fixture
def client_for(db) -> Callable[[Member], Client]:
    """`client_for(member)` returns a client that is signed in as that member.

    It has what `Client.force_login` leaves, in 3 statements instead of 17.
    """

    def sign_in(member: Member) -> Client:
        key, now = secrets.token_hex(16), timezone.now()
        signed_in = {
            SESSION_KEY: str(member.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: member.get_session_auth_hash(),
        }
        Session.objects.create(
            session_key=key,
            session_data=SessionStore().encode(signed_in),
            expire_date=now + timedelta(seconds=settings.SESSION_COOKIE_AGE),
        )
        member.last_login = now
        Member.objects.filter(pk=member.pk).update(last_login=now)
        UserSession.objects.create(user=member, session_key=key, ip="127.0.0.1")
        client = Client()
        client.cookies[settings.SESSION_COOKIE_NAME] = key
        # Noted just now, so that pages write nothing.
        caches["last_use"].set(key, True)
        return client

    return sign_in


def membership_of(member: Member, team: ActionTeam) -> Membership:
    """Return the newest membership of `member` in `team`."""
    return Membership.objects.of(member).filter(team=team).latest("pk")


@pytest.fixture
def queued_emails(db) -> Callable[[], list[Email]]:
    """`queued_emails()` returns the emails in the queue, oldest first."""
    return lambda: list(Email.objects.order_by("pk"))


def code_in(email: Email) -> str:
    """Return the only code in the text of an email."""
    (code,) = set(re.findall(r"\b[BCDFGHJKLMNPQRSTVWXZ]{6}\b", email.message))
    return code


def messages_of(response: HttpResponse) -> list[str]:
    """Return the messages of a page of the desk, or else the newest decision that it offers to
    undo. Of a redirect those that the next page will show."""
    if response.status_code == 302:
        request = response.wsgi_request
        messages, undoable = get_messages(request), undoable_decisions(request.user)
    else:
        # Only pages of the desk offer it.
        messages, undoable = response.context["messages"], response.context.get("undoable", [])
    return [str(message) for message in messages] or [each.summary for each in undoable[:1]]


def visible_text(response: HttpResponse) -> str:
    """Return the text of a page without tags, scripts, styles and repeated spaces."""
    body = re.sub(r"<(script|style).*?</\1>", " ", response.content.decode(), flags=re.S)
    # They stand within sentences and words, and are no space.
    body = re.sub(r"</?bdi>|<wbr>", "", body)
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", body).split()))
