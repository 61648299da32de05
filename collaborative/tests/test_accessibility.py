"""Every kind of page in a real Chromium: page_audit.py finds nothing wrong with it."""

from datetime import timedelta
from functools import cache

import pytest
from django.db import transaction
from django.shortcuts import render
from django.utils import timezone
from playwright.sync_api import Page

from collaborative.tests import page_kinds
from collaborative.tests.page_audit import PageAudit
from collaborative.tests.test_journeys import fill_in, newest_code
from conftest import make_member, make_team, membership_of
from members.services import record_bounce
from members.tests.oidc import free_port, provider_at
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

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


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


@pytest.fixture
def audit(new_page, canvas) -> PageAudit:
    return PageAudit(canvas, cache(lambda: new_page(javascript=False, width=320, height=640)))


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_pages_of_visitors(new_page, audit, member, team, content):
    invite_colleague("cora@rush.example", [team], "See you there", by=member)
    audit.visit(new_page(), page_kinds.visitor_pages())
    audit.assert_clean()


def test_open_menu_of_a_phone(new_page, audit, member):
    for person in (None, member):
        page = new_page(person, width=360, height=640)
        page.goto("/privacy/")
        page.get_by_text("Menu", exact=True).click()
        audit.check(page)
    audit.assert_clean()


def test_every_component_with_its_states(new_page, audit, db, settings):
    settings.DEBUG = True
    audit.visit(new_page(), ["/dev/components/", "/dev/components/desk/"])
    audit.assert_clean()


def test_pages_of_members(
    new_page, audit, member, colleague, approval_team, other_team, administrator, content
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
    audit.visit(new_page(member), page_kinds.member_pages(member))
    audit.assert_clean()


def test_my_teams_of_who_waits(new_page, audit, applicant, organization, team, content):
    unsure = make_member("una@mail.example", organization, "Una", confirmed=False)
    join_teams(unsure, [team])
    for member in (applicant, unsure):
        audit.visit(new_page(member), ["/my/"])
    audit.assert_clean()


def test_empty_pages(new_page, audit, administrator):
    """Nothing is there yet: no team, no answer, no organization, nothing that waits."""
    public = ["/", "/teams/", "/resources/", "/faq/", "/organizations/", "/join/"]
    lists = ["", "report/", "coverage/", "teams/membership/", "members/decision/"]
    audit.visit(new_page(), public)
    page = new_page(administrator)
    audit.visit(page, ["/my/", *(f"/admin/{name}" for name in lists)])
    audit.assert_clean()


def test_empty_team(new_page, audit, facilitator, team):
    pages = [team.get_absolute_url(), f"{team.get_absolute_url()}members/"]
    audit.visit(new_page(facilitator), pages)
    audit.assert_clean()


def test_steps_of_joining(new_page, audit, organization, team, content):
    page = new_page()
    page.goto("/join/")
    press(page, "Send me a code")
    audit.check(page)
    fill_in(page, "nora@rush.example")
    page.get_by_label(team.name).check()
    press(page, "Send me a code")
    audit.check(page, again=True)
    press(page, "Join")
    audit.check(page)
    page.get_by_label("Code from the email").fill(newest_code())
    press(page, "Join")
    audit.check(page, again=True)

    page = new_page()  # somebody whose organization nobody knows
    page.goto(f"/join/?team={team.slug}")
    fill_in(page, "nora@lakeview.example")
    press(page, "Send me a code")
    page.get_by_label("Code from the email").fill(newest_code())
    press(page, "Join")
    audit.check(page, again=True)
    press(page, "Send my request")
    audit.check(page)
    page.get_by_label("Name of your organization").fill("Lakeview")
    press(page, "Send my request")
    audit.check(page, again=True)
    audit.assert_clean()


def test_steps_of_signing_in(new_page, audit, member, content):
    page = new_page()
    page.goto("/sign-in/")
    press(page, "Send me a code")
    audit.check(page)
    page.get_by_label("Work email").fill(member.email)
    press(page, "Send me a code")
    audit.check(page, again=True)
    press(page, "Sign in")
    audit.check(page)
    audit.assert_clean()


def test_hospitals_sign_in(new_page, audit, organization, team, content, settings):
    """Two services: buttons for both, and the page where one does not work."""
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "allauth.socialaccount"]
    nobody = f"http://127.0.0.1:{free_port()}"
    loop = provider_at(nobody, key="loop", name="Loop Community Clinics and Health Center")
    settings.SSO_PROVIDERS = {"rush": provider_at(nobody), "loop": loop}
    page = new_page()
    audit.visit(page, ["/join/", "/sign-in/"])
    page.goto("/sign-in/")
    press(page, "Sign in with Rush Hospital")
    assert "does not work right now" in page.inner_text("main")
    audit.check(page)
    audit.assert_clean()


def test_forms_that_a_program_filled_in(new_page, audit, content):
    page = new_page()
    entered = {"/sign-in/": ("Work email", "nora@rush.example"), "/faq/ask/": ("question", "Why?")}
    for path, (label, text) in entered.items():
        page.goto(path)
        page.get_by_label(label).fill(text)
        page.locator("#id_website").evaluate("field => { field.value = 'spam' }")
        page.locator("main form button").first.click()
        audit.check(page)
        assert "once more" in page.inner_text("main")
    audit.assert_clean()


def test_answers_of_forms(new_page, audit, member, content):
    page = new_page()
    for email in ("nonsense", "someone@gmail.com", "ann@rush.example", "ann@unknown.example"):
        page.goto("/organizations/")
        page.get_by_label("email").fill(email)
        page.locator("main form button").first.click()
        audit.check(page)
    page.goto("/faq/ask/")
    page.locator("main form button").click()
    audit.check(page)
    page = new_page(member)
    page.goto("/my/profile/")
    page.get_by_label("Full name").fill("")
    page.locator("main form button").first.click()
    audit.check(page)
    audit.assert_clean()


def test_pages_of_errors(new_page, audit, member, administrator, content, settings, monkeypatch):
    page, staff = new_page(), new_page(administrator)
    audit.visit(page, ["/no-such-page/"], status=404)
    audit.visit(staff, ["/admin/no-such-page/"], status=404)
    audit.visit(staff, ["/admin/teams/membership/?member__email=x"], status=400)
    audit.visit(new_page(member), ["/admin/"], status=403)
    page.goto("/sign-in/")
    page.context.clear_cookies()
    press(page, "Send me a code")
    audit.check(page)
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "check": "1/5m/ip"}
    for _ in range(2):
        page.goto("/organizations/")
        page.locator("main form button").first.click()
    audit.check(page)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    page.goto("/sign-in/")
    press(page, "Send me a code")
    assert "too much to send" in page.inner_text("h1")
    audit.check(page)
    for status in (500, 503):
        template = f"{status}.html"
        monkeypatch.setattr(
            "collaborative.views.render",
            lambda request, *_, template=template, status=status: render(
                request, template, status=status
            ),
        )
        audit.visit(page, ["/privacy/"], status=status)
    audit.assert_clean()


def test_pages_of_the_desk(
    new_page, audit, administrator, facilitator, member, applicant, content, approval_team
):
    join_teams(member, [approval_team])
    ask_question("Who can join?", "visitor@example.org")
    record_bounce(member, member.email, "5.1.1")
    audit.visit(new_page(administrator), page_kinds.desk_pages())
    audit.visit(new_page(facilitator), page_kinds.facilitator_pages(facilitator))
    audit.assert_clean()


def test_answers_of_the_desk(
    new_page, audit, administrator, applicant, member, approval_team, content
):
    """What the desk says of a form that is not right, of a file, and after a decision."""
    join_teams(member, [approval_team])
    membership = membership_of(member, approval_team)
    page = new_page(administrator)
    page.goto("/admin/members/organization/add/")
    page.locator("[name=_save]").click()
    audit.check(page)
    page.goto(f"/admin/teams/membership/{membership.pk}/decline/")
    page.get_by_label("Reason").fill("")
    press(page, "Decline")
    audit.check(page)
    for line in ("", "Rush Example Hospital", "Lakeside Example"):
        page.goto("/admin/members/organization/import/")
        file = f"Name,Domains\n{line},lakeside.example\n".encode()
        page.get_by_label("File").set_input_files(
            {"name": "some.csv", "mimeType": "text/csv", "buffer": file}
        )
        press(page, "Check the file")
        audit.check(page)
    press(page, "Import")
    audit.check(page)
    page.goto(f"/admin/teams/membership/{membership.pk}/approve/")
    press(page, "Approve")
    audit.check(page)
    audit.visit(page, ["/admin/", "/admin/members/decision/"])
    audit.assert_clean()
