"""Every kind of page in a real Chromium: page_audit.py finds nothing wrong with it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.db import transaction
from django.shortcuts import render
from django.test import Client
from django.utils import timezone

from collaborative.tests import page_kinds
from collaborative.tests.page_audit import APP_KEY, PageAudit
from collaborative.tests.test_journeys import newest_code
from conftest import make_member, make_team, membership_of, visible_text
from desk.tests.action_pages import press
from members.services import record_bounce
from members.tests.oidc import free_port, provider_at
from members.tests.second_factor import code_for, create_passkey
from teams.models import FaqEntry, Goal, Notice
from teams.services import (
    ask_question,
    decline_membership,
    invite_colleague,
    join_teams,
    leave_team,
    suggest_resource,
)
from teams.services.colleague_invitations import accept_colleague_invitations
from teams.tests.announcements import make_announcement, make_link, make_resource
from teams.tests.meetings import make_meeting

pytestmark = [pytest.mark.browser, pytest.mark.django_db]


@pytest.fixture
def content(team, other_team, approval_team, closed_team, faq_entry, goal, administrator) -> None:
    """Something of everything that pages show."""
    team.why = team.achievements = "Some *words*.\n\n- one\n- two"
    team.save()
    Goal.objects.create(
        team=team, slug="numbers", title="Numbers", state="at_risk", state_reason="Too few places",
        current=3, target=20, unit="employers", reported_on="2026-03-03", due_on="2027-06-30",
    )  # fmt: skip
    FaqEntry.objects.create(slug="own", question="Of this team?", answer="Yes.", team=team)
    soon = make_meeting(team, agenda="- one\n- two", places=9, moved_from=timezone.now())
    make_meeting(audience="members", title="Online", place="")
    make_meeting(status="cancelled", cancelled_reason="Snow.", title="Not held")
    over = make_meeting(
        team, other_team, minutes="We *decided*.", starts_at=timezone.now() - timedelta(days=9)
    )
    for meeting in (soon, over):
        for kind in ("slides", "recording", "document", "notes"):
            make_link(meeting, f"A {kind}", kind=kind)
    make_resource(team, language="es", link_state="gone", title="Guía", slug="guia")
    make_resource(audience="members", title="Talk", slug="talk", kind="recording", minutes=65)
    suggest_resource("https://library.example.org/x", "Guide", "It helps", "vera@visitor.example")
    for is_public in (True, False):
        make_announcement(team, administrator, body="# Rooms\n\n- one", is_public=is_public)
    make_announcement(team, administrator, status="draft")
    Notice.objects.create(text="We move. See https://example.org/move", ends_on="2100-01-01")


@pytest.fixture(scope="module")
def _audit(browser) -> PageAudit:
    return PageAudit(browser)


@pytest.fixture
def audit(_audit) -> Iterator[PageAudit]:
    """Fails the test at its end if something is wrong with a page that it was given."""
    yield _audit
    _audit.assert_clean()


def test_pages_of_visitors(client, audit, member, team, content):
    invite_colleague("cora@rush.example", [team], "See you there", by=member)
    audit.visit(client, page_kinds.visitor_pages())


def test_open_menu_of_a_phone(client, client_for, audit, member):
    for person in (client, client_for(member)):
        page = audit.scripted.show(person.get("/privacy/"))
        page.get_by_text("Menu", exact=True).click()
        audit.look_at(page.content(), "the menu")


def test_every_component_with_its_states(client, audit, db, settings):
    settings.DEBUG = True
    audit.visit(client, ["/dev/components/", "/dev/components/desk/"])


def test_pages_of_members(
    client_for, audit, member, colleague, approval_team, other_team, administrator, content
):
    """My teams has a membership, a waiting request, a declined one and one that is over."""
    declining = make_team("Mentoring", "approval", position=5)
    join_teams(member, [other_team, approval_team, declining])
    leave_team(membership_of(member, other_team))
    decline_membership(membership_of(member, declining), reason="Not this year.", by=administrator)
    for address in ("cora@rush.example", colleague.email):
        invite_colleague(address, [approval_team], "See you there", by=member)
    with transaction.atomic():
        accept_colleague_invitations(colleague, [colleague.email])
    record_bounce(member, member.email, "5.1.1")
    audit.visit(client_for(member), page_kinds.member_pages(member))


def test_my_teams_of_who_waits(client_for, audit, applicant, organization, team, content):
    unsure = make_member("una@mail.example", organization, "Una", confirmed=False)
    join_teams(unsure, [team])
    for member in (applicant, unsure):
        audit.visit(client_for(member), ["/my/"])


def test_empty_pages(client, client_for, audit, administrator):
    """Nothing is there yet: no team, no answer, no organization, nothing that waits."""
    public = ["/", "/teams/", "/resources/", "/faq/", "/organizations/", "/join/"]
    lists = ["", "report/", "coverage/", "teams/membership/", "members/decision/"]
    audit.visit(client, public)
    audit.visit(client_for(administrator), ["/my/", *(f"/admin/{name}" for name in lists)])


def test_empty_team(client_for, audit, facilitator, team):
    pages = [team.get_absolute_url(), f"{team.get_absolute_url()}members/"]
    audit.visit(client_for(facilitator), pages)


def test_steps_of_joining(client, audit, organization, team, content):
    join = f"/join/?team={team.slug}"
    audit.check(press(client.get("/join/"), "Send me a code"))
    entered = {"full_name": "Nora Newcomer", "email": "nora@rush.example"}
    page = press(client.get(join), "Send me a code", **entered)
    audit.check(page)
    audit.check(press(page, "Join"))
    audit.check(press(page, "Join", code=newest_code()))

    # Somebody whose organization nobody knows.
    page = Client().get(join)
    page = press(page, "Send me a code", full_name="Nora", email="nora@lakeview.example")
    page = press(page, "Join", code=newest_code())
    audit.check(page)
    audit.check(press(page, "Send my request"))
    audit.check(press(page, "Send my request", organization="Lakeview"))


def test_steps_of_signing_in(client, audit, member, content):
    page = client.get("/sign-in/")
    audit.check(press(page, "Send me a code"))
    page = press(page, "Send me a code", email=member.email)
    audit.check(page)
    audit.check(press(page, "Sign in"))


def test_hospitals_sign_in(client, audit, organization, team, content, settings):
    """Two services: buttons for both, and the page where one does not work."""
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "allauth.socialaccount"]
    nobody = f"http://127.0.0.1:{free_port()}"
    loop = provider_at(nobody, key="loop", name="Loop Community Clinics and Health Center")
    settings.SSO_PROVIDERS = {"rush": provider_at(nobody), "loop": loop}
    audit.visit(client, ["/join/", "/sign-in/"])
    page = press(client.get("/sign-in/"), "Sign in with Rush Hospital")
    assert "does not work right now" in visible_text(page)
    audit.check(page, status=502)


def test_forms_that_a_program_filled_in(client, audit, content):
    forms = {
        "/sign-in/": ("Send me a code", {"email": "nora@rush.example"}),
        "/faq/ask/": ("Send", {"text": "Why?"}),
    }
    for path, (button, entered) in forms.items():
        page = press(client.get(path), button, website="spam", **entered)
        assert "once more" in visible_text(page)
        audit.check(page)


def test_answers_of_forms(client, client_for, audit, member, content):
    for email in ("nonsense", "someone@gmail.com", "ann@rush.example", "ann@unknown.example"):
        audit.check(press(client.get("/organizations/"), "Check my address", email=email))
    audit.check(press(client.get("/faq/ask/"), "Send"))
    profile = client_for(member).get("/my/profile/")
    audit.check(press(profile, "Save my details", full_name=""))


def test_pages_of_errors(
    client, client_for, audit, member, administrator, content, settings, monkeypatch
):
    staff = client_for(administrator)
    audit.visit(client, ["/no-such-page/"], status=404)
    audit.visit(staff, ["/admin/no-such-page/"], status=404)
    audit.visit(staff, ["/admin/teams/membership/?member__email=x"], status=400)
    audit.visit(client_for(member), ["/admin/"], status=403)
    page = Client(enforce_csrf_checks=True).get("/sign-in/")
    page.client.cookies.clear()
    audit.check(press(page, "Send me a code"), status=403)
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "check": "1/5m/ip"}
    page = client.get("/organizations/")
    press(page, "Check my address")
    audit.check(press(page, "Check my address"), status=429)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    page = press(client.get("/sign-in/"), "Send me a code")
    assert "too much to send" in visible_text(page)
    audit.check(page, status=413)
    for status in (500, 503):
        template = f"{status}.html"
        monkeypatch.setattr(
            "collaborative.views.render",
            lambda request, *_, template=template, status=status: render(
                request, template, status=status
            ),
        )
        audit.visit(client, ["/privacy/"], status=status)


def test_pages_of_the_desk(
    client_for, audit, administrator, facilitator, member, applicant, content, approval_team
):
    join_teams(member, [approval_team])
    ask_question("Who can join?", "visitor@example.org")
    record_bounce(member, member.email, "5.1.1")
    audit.visit(client_for(administrator), page_kinds.desk_pages())
    audit.visit(client_for(facilitator), page_kinds.facilitator_pages(facilitator))


def test_answers_of_the_desk(
    client_for, audit, administrator, applicant, member, approval_team, content
):
    """What the desk says of a form that is not right, of a file, and after a decision."""
    join_teams(member, [approval_team])
    membership = membership_of(member, approval_team)
    client = client_for(administrator)
    audit.check(press(client.get("/admin/members/organization/add/"), "Save"))
    declining = client.get(f"/admin/teams/membership/{membership.pk}/decline/")
    audit.check(press(declining, "Decline", reason=""))
    for line in ("", "Rush Example Hospital", "Lakeside Example"):
        file = ContentFile(f"Name,Domains\n{line},lakeside.example\n", name="some.csv")
        page = client.get("/admin/members/organization/import/")
        page = press(page, "Check the file", file=file)
        audit.check(page)
    audit.check(press(page, "Import"))
    approving = client.get(f"/admin/teams/membership/{membership.pk}/approve/")
    audit.check(press(approving, "Approve"))
    audit.visit(client, ["/admin/", "/admin/members/decision/"])


def test_pages_of_the_second_step(client_for, audit, facilitator, settings):
    settings.STAFF_SECOND_FACTOR = True
    client = client_for(facilitator)
    audit.visit(client, ["/admin/"])  # leads to where the second step is set up
    page = client.get("/two-factor/totp/activate/")
    page = press(page, "Set up the app")
    audit.check(page)
    key = APP_KEY.search(visible_text(page))[0].replace(" ", "")
    audit.check(press(page, "Set up the app", code=code_for(key)))
    passkey = create_passkey(facilitator)
    pages = ["", "totp/deactivate/", "recovery-codes/", "recovery-codes/generate/"]
    pages += ["reauthenticate/", "webauthn/reauthenticate/"]
    pages += [f"webauthn/keys/{passkey.pk}/{what}/" for what in ("edit", "remove")]
    audit.visit(client, [f"/two-factor/{name}" for name in pages])

    page = press(client.get("/two-factor/"), "Sign out")
    page = press(client.get("/sign-in/?next=/admin/"), "Send me a code", email=facilitator.email)
    page = press(page, "Sign in", code=newest_code())
    audit.check(page)
    audit.check(press(page, "Sign in"))
