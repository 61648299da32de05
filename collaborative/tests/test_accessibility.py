"""Every kind of page in a real Chromium, as looking.py looks at it: nothing is wrong with it."""

import os

import pytest
from django.shortcuts import render
from playwright.sync_api import Page

from collaborative.tests import page_kinds
from collaborative.tests.page_audit import look, look_at, nothing_wrong
from collaborative.tests.test_journeys import fill_in, newest_code
from conftest import make_member, make_team, membership_of
from members.tests.oidc import free_port, provider_at
from teams.models import FaqEntry, Goal
from teams.services import ask_question, decline_membership, join_teams, leave_team

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        os.environ.get("TEST_DATABASE") == "postgres",
        reason="pages look the same on every database: checked in the SQLite run",
    ),
]


@pytest.fixture
def content(team, other_team, approval_team, closed_team, faq_entry, goal) -> None:
    """Something of everything that pages show."""
    team.why = team.achievements = "Some *words*.\n\n- one\n- two"
    team.save()
    Goal.objects.create(
        team=team, slug="numbers", title="Numbers", state="at_risk", state_reason="Too few places",
        current=3, target=20, unit="employers", reported_on="2026-03-03", due_on="2027-06-30",
    )  # fmt: skip
    FaqEntry.objects.create(slug="own", question="Of this team?", answer="Yes.", team=team)


@pytest.fixture
def plain(new_page) -> Page:
    """The same browser without JavaScript."""
    return new_page(javascript=False, width=360, height=640)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_pages_of_visitors(new_page, plain, member, content):
    nothing_wrong(look_at(new_page(), page_kinds.of_visitors(), plain))


def test_pages_of_members(
    new_page, plain, member, colleague, approval_team, other_team, administrator, content
):
    """My teams has a membership, a waiting request, a declined one and one that is over."""
    declining = make_team("Mentoring", "approval", position=5)
    join_teams(member, [other_team, approval_team, declining])
    leave_team(membership_of(member, other_team))
    decline_membership(membership_of(member, declining), reason="Not this year.", by=administrator)
    nothing_wrong(look_at(new_page(member), page_kinds.of_members(member), plain))


def test_my_teams_of_who_waits(new_page, plain, applicant, organization, team, content):
    unsure = make_member("una@mail.example", organization, "Una", confirmed=False)
    join_teams(unsure, [team])
    found = [look_at(new_page(person), ["/my/"], plain) for person in (applicant, unsure)]
    nothing_wrong(sum(found, []))


def test_empty_pages(new_page, plain, administrator):
    """Nothing is there yet: no team, no answer, no organization, nothing that waits."""
    public = ["/", "/teams/", "/faq/", "/organizations/", "/join/"]
    lists = ["", "report/", "coverage/", "teams/membership/", "members/decision/"]
    found = look_at(new_page(), public, plain)
    page = new_page(administrator)
    found += look_at(page, ["/my/", *(f"/admin/{name}" for name in lists)], plain)
    nothing_wrong(found)


def test_empty_team(new_page, plain, facilitator, team):
    pages = [team.get_absolute_url(), f"{team.get_absolute_url()}members/"]
    nothing_wrong(look_at(new_page(facilitator), pages, plain))


def test_steps_of_joining(new_page, plain, organization, team, content):
    page = new_page()
    page.goto("/join/")
    press(page, "Send me a code")
    found = look(page)
    fill_in(page, "nora@rush.example", "Rush")
    page.get_by_label(team.name).check()
    press(page, "Send me a code")
    found += look(page, plain)
    press(page, "Join")
    found += look(page)
    page.get_by_label("Code from the email").fill(newest_code())
    press(page, "Join")
    found += look(page, plain)

    page = new_page()  # somebody whose organization nobody knows
    page.goto(f"/join/?team={team.slug}")
    fill_in(page, "nora@lakeview.example", "Lakeview")
    press(page, "Send me a code")
    page.get_by_label("Code from the email").fill(newest_code())
    press(page, "Join")
    nothing_wrong(found + look(page, plain))


def test_steps_of_signing_in(new_page, plain, member, content):
    page = new_page()
    page.goto("/sign-in/")
    press(page, "Send me a code")
    found = look(page)
    page.get_by_label("Work email").fill(member.email)
    press(page, "Send me a code")
    found += look(page, plain)
    press(page, "Sign in")
    nothing_wrong(found + look(page))


def test_hospitals_sign_in(new_page, plain, organization, team, content, settings):
    """Two services: buttons for both, and the page where one does not work."""
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "allauth.socialaccount"]
    nobody = f"http://127.0.0.1:{free_port()}"
    loop = provider_at(nobody, key="loop", name="Loop Community Clinics and Health Center")
    settings.SSO_PROVIDERS = {"rush": provider_at(nobody), "loop": loop}
    page = new_page()
    found = look_at(page, ["/join/", "/sign-in/"], plain)
    press(page, "Sign in with Rush Hospital")
    assert "does not work right now" in page.inner_text("main")
    nothing_wrong(found + look(page))


def test_forms_that_a_program_filled_in(new_page, content):
    page = new_page()
    found = []
    for path in ("/join/", "/sign-in/", "/faq/ask/"):
        page.goto(path)
        page.locator("#id_website").evaluate("field => { field.value = 'spam' }")
        page.locator("main form button").first.click()
        found += look(page)
        assert "from an automatic message" in page.inner_text("main")
    nothing_wrong(found)


def test_answers_of_forms(new_page, member, content):
    page = new_page()
    found = []
    for email in ("nonsense", "someone@gmail.com", "ann@rush.example", "ann@unknown.example"):
        page.goto("/organizations/")
        page.get_by_label("email").fill(email)
        page.locator("main form button").first.click()
        found += look(page)
    page.goto("/faq/ask/")
    page.locator("main form button").click()
    found += look(page)
    page = new_page(member)
    page.goto("/my/profile/")
    page.get_by_label("Full name").fill("")
    page.locator("main form button").first.click()
    nothing_wrong(found + look(page))


def test_pages_of_errors(new_page, plain, member, administrator, content, settings, monkeypatch):
    page, staff = new_page(), new_page(administrator)
    found = look_at(page, ["/no-such-page/"], plain, status=404)
    found += look_at(staff, ["/admin/no-such-page/"], plain, status=404)
    found += look_at(staff, ["/admin/teams/membership/?member__email=x"], status=400)
    found += look_at(new_page(member), ["/admin/"], plain, status=403)
    page.goto("/sign-in/")
    page.context.clear_cookies()
    press(page, "Send me a code")
    found += look(page)
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "check": "1/5m/ip"}
    for _ in range(2):
        page.goto("/organizations/")
        page.locator("main form button").first.click()
    found += look(page)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    page.goto("/sign-in/")
    press(page, "Send me a code")
    assert "too much to send" in page.inner_text("h1")
    found += look(page)
    for status in (500, 503):
        template = f"{status}.html"
        monkeypatch.setattr(
            "collaborative.views.render",
            lambda request, *_, template=template, status=status: render(
                request, template, status=status
            ),
        )
        found += look_at(page, ["/privacy/"], plain, status=status)
    nothing_wrong(found)


def test_pages_of_the_desk(
    new_page, plain, administrator, facilitator, member, applicant, content, approval_team
):
    join_teams(member, [approval_team])
    ask_question("Who can join?", "visitor@example.org")
    found = look_at(new_page(administrator), page_kinds.of_the_desk(), plain)
    found += look_at(new_page(facilitator), page_kinds.of_facilitators(facilitator), plain)
    nothing_wrong(found)


def test_answers_of_the_desk(new_page, administrator, applicant, member, approval_team, content):
    """What the desk says of a form that is not right, of a file, and after a decision."""
    join_teams(member, [approval_team])
    stay = membership_of(member, approval_team)
    page = new_page(administrator)
    found = []
    page.goto("/admin/members/organization/add/")
    page.locator("[name=_save]").click()
    found += look(page)
    page.goto(f"/admin/teams/membership/{stay.pk}/decline/")
    page.get_by_label("Reason").fill("")
    press(page, "Decline")
    found += look(page)
    for line in ("Lakeside Example", "Rush Example Hospital", ""):
        page.goto("/admin/members/organization/import/")
        file = f"Name,Email domains\n{line},lakeside.example\n".encode()
        page.get_by_label("File").set_input_files(
            {"name": "some.csv", "mimeType": "text/csv", "buffer": file}
        )
        press(page, "Check the file")
        found += look(page)
    page.goto(f"/admin/teams/membership/{stay.pk}/approve/")
    press(page, "Approve")
    found += look(page)
    nothing_wrong(found + look_at(page, ["/admin/", "/admin/members/decision/"]))
