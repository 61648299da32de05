"""Whole journeys: join, wait, decide, leave. Those on which a browser does more than to send forms
and to follow links are walked in a real Chromium.

All without JavaScript: that pages are the same with it is held by page_audit.py.
"""

import re
import zipfile
from io import BytesIO

import pytest
from django.http import HttpResponse
from playwright.sync_api import Page, expect
from post_office.models import Email

from conftest import code_in, membership_of, visible_text
from desk.tests.action_pages import press
from members.models import Member
from teams.models import FaqEntry, Membership


def newest_code() -> str:
    """Return the code in the newest email."""
    return code_in(Email.objects.filter(expires_at__isnull=False).latest("pk"))


def heading(page: HttpResponse) -> str:
    return re.search(r"<h1[^>]*>\s*(.*?)\s*</h1>", page.content.decode(), re.S)[1]


def follow(page: HttpResponse, link: str) -> HttpResponse:
    """Return the page that the link with this text leads to."""
    (href,) = re.findall(rf'<a [^>]*?href="([^"]+)"[^>]*>\s*{link}\s*<', page.content.decode())
    return page.client.get(href, follow=True)


def expect_heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_hr_manager_joins_two_teams_and_leaves_one(new_page, organization, team, other_team):
    page = new_page(javascript=False, width=360)
    page.goto("/")
    page.get_by_role("main").get_by_role("link", name=team.name).click()
    page.get_by_role("link", name="Join this team").click()
    expect(page.get_by_label(team.name)).to_be_checked()
    page.get_by_label("Full name").fill("Nora Newcomer")
    page.get_by_label("Work email").fill("nora@rush.example")
    page.get_by_label(other_team.name).check()
    page.get_by_role("button", name="Send me a code").click()
    expect_heading(page, "Check your email")
    page.get_by_label("Code from the email").fill(newest_code().lower())
    page.get_by_role("button", name="Join").click()
    expect_heading(page, "You have joined 2 teams")
    page.get_by_role("link", name="Go to my teams").click()
    page.get_by_role("link", name=f"Leave {team.name}").click()
    expect_heading(page, f"Leave {team.name}?")
    page.get_by_role("button", name="Leave this team").click()
    expect(page.get_by_role("status")).to_contain_text(f"You have left {team.name}")
    member = Member.objects.get(email="nora@rush.example")
    assert membership_of(member, team).status == Membership.Status.ENDED
    assert membership_of(member, other_team).is_active


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_wrong_input_takes_the_focus_to_what_is_wrong_and_keeps_the_rest(new_page, team):
    page = new_page(javascript=False, width=360)
    page.goto("/join/")
    page.get_by_label("Full name").fill("Nora Newcomer")
    page.get_by_label("Work email").fill("nora")
    page.get_by_role("button", name="Send me a code").click()
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    summary.get_by_role("link", name="Select at least one team").click()
    expect(page.get_by_label(team.name)).to_be_focused()
    expect(page.get_by_label("Full name")).to_have_value("Nora Newcomer")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_link_to_an_answer_opens_it(new_page, faq_entry):
    # The first entry is open anyway.
    second = FaqEntry.objects.create(slug="password", question="Why?", answer="There is none.")
    page = new_page(javascript=False)
    page.goto(f"/faq/#{second.slug}")
    expect(page.get_by_text("There is none.")).to_be_visible()
    page.goto("/faq/")
    expect(page.get_by_text("There is none.")).to_be_hidden()
    expect(page.get_by_text("People of recognized employers.")).to_be_visible()


def test_wrong_codes_a_new_code_and_another_address(client, organization, team):
    page = client.get(f"/join/?team={team.slug}")
    page = press(page, "Send me a code", full_name="Nora Newcomer", email="norra@rush.example")
    for _ in range(5):
        page = press(page, "Join", code="ZZZZZZ")
    assert "wrong too often" in visible_text(page)
    page = press(page, "Send a new code")
    assert "We sent a new code to norra@rush.example" in visible_text(page)
    page = follow(page, "Change the address")
    page = press(page, "Send me a code", email="nora@rush.example")
    page = press(page, "Join", code=newest_code())
    assert heading(page) == f"You have joined {team.name}"
    assert Member.objects.get(email="nora@rush.example").full_name == "Nora Newcomer"


def test_unknown_organization_is_recognized_and_everyone_who_waits_is_released(
    client, client_for, applicant, team, facilitator
):
    page = client.get(f"/join/?team={team.slug}")
    page = press(page, "Send me a code", full_name="Nora", email="nora@lakeview.example")
    page = press(page, "Join", code=newest_code())
    assert heading(page) == "Where do you work?"
    page = press(page, "Send my request", organization="The Lakeview Health, Inc.")
    assert heading(page) == "We are checking your organization"

    page = follow(client_for(facilitator).get("/admin/"), "As a list")
    page = follow(follow(page, "Lakeview Health"), "What will happen[?]")
    assert "lakeview.example" in visible_text(page)
    page = press(page, "Recognize")
    assert "2 people" in visible_text(page)

    assert "Member" in visible_text(client.get("/my/"))
    for email in (applicant.email, "nora@lakeview.example"):
        assert membership_of(Member.objects.get(email=email), team).is_active
        emails = Email.objects.filter(
            to=email, expires_at=None, message__contains="We have confirmed"
        )
        assert emails.count() == 1


def test_member_signs_in_by_code_and_downloads_the_data(client, member):
    page = client.get("/my/", follow=True)
    assert heading(page) == "Sign in"
    page = press(page, "Send me a code", email=member.email)
    page = press(page, "Sign in", code=newest_code())
    assert heading(page) == "My teams"
    page = follow(page, "My data")
    with zipfile.ZipFile(BytesIO(follow(page, "Download my data").content)) as archive:
        assert member.email in archive.read("my-data.html").decode()
    assert "You have signed out" in visible_text(press(page, "Sign out"))
