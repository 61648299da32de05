"""Whole journeys in a real Chromium: join, wait, decide, leave.

Most are walked without JavaScript; that the pages are the same with it is held by page_audit.py.
"""

import zipfile

import pytest
from playwright.sync_api import Page, expect
from post_office.models import Email

from conftest import code_in, make_member, membership_of
from members.models import Member
from teams.models import FaqEntry, Membership
from teams.services import add_organization, set_facilitators

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def newest_code() -> str:
    """Return the code in the newest email."""
    return code_in(Email.objects.filter(expires_at__isnull=False).latest("pk"))


def fill_in(page: Page, email: str) -> None:
    page.get_by_label("Full name").fill("Nora Newcomer")
    page.get_by_label("Work email").fill(email)


def expect_heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


@pytest.mark.parametrize(
    "javascript", [True, False], ids=lambda on: "javascript" if on else "no-javascript"
)
def test_hr_manager_joins_two_teams_and_leaves_one(
    new_page, organization, team, other_team, javascript
):
    page = new_page(javascript=javascript, width=360)
    page.goto("/")
    page.get_by_role("main").get_by_role("link", name=team.name).click()
    page.get_by_role("link", name="Join this team").click()
    expect(page.get_by_label(team.name)).to_be_checked()
    fill_in(page, "nora@rush.example")
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


def test_wrong_codes_a_new_code_and_another_address(new_page, organization, team):
    page = new_page(javascript=False)
    page.goto(f"/join/?team={team.slug}")
    fill_in(page, "norra@rush.example")
    page.get_by_role("button", name="Send me a code").click()
    for _ in range(5):
        page.get_by_label("Code from the email").fill("ZZZZZZ")
        page.get_by_role("button", name="Join").click()
    expect(page.get_by_role("alert")).to_contain_text("wrong too often")
    page.get_by_role("button", name="Send a new code").click()
    expect(page.get_by_role("status")).to_contain_text("We sent a new code to norra@rush.example")
    page.get_by_role("link", name="Change the address").click()
    expect(page.get_by_label("Full name")).to_have_value("Nora Newcomer")
    page.get_by_label("Work email").fill("nora@rush.example")
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_label("Code from the email").fill(newest_code())
    page.get_by_role("button", name="Join").click()
    expect_heading(page, f"You have joined {team.name}")


def test_unknown_organization_is_recognized_and_everyone_who_waits_is_released(
    new_page, applicant, team, facilitator
):
    page = new_page(javascript=False)
    page.goto(f"/join/?team={team.slug}")
    fill_in(page, "nora@lakeview.example")
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_label("Code from the email").fill(newest_code())
    page.get_by_role("button", name="Join").click()
    expect_heading(page, "Where do you work?")
    page.get_by_label("Name of your organization").fill("The Lakeview Health, Inc.")
    page.get_by_role("button", name="Send my request").click()
    expect_heading(page, "We are checking your organization")

    staff_page = new_page(facilitator)
    staff_page.goto("/admin/")
    staff_page.get_by_role("link", name="As a list").click()
    staff_page.get_by_role("link", name="Lakeview Health").click()
    staff_page.get_by_role("link", name="What will happen?").click()
    expect(staff_page.get_by_role("main")).to_contain_text("lakeview.example")
    staff_page.get_by_role("button", name="Recognize").click()
    expect(staff_page.locator("body")).to_contain_text("2 people")

    page.goto("/my/")
    expect(page.get_by_role("main")).to_contain_text("Member")
    for email in (applicant.email, "nora@lakeview.example"):
        assert membership_of(Member.objects.get(email=email), team).is_active
        emails = Email.objects.filter(
            to=email, expires_at=None, message__contains="We have confirmed"
        )
        assert emails.count() == 1


def test_member_signs_in_by_code_and_downloads_the_data(new_page, member, team):
    """With JavaScript, the passkeys' journeys sign in."""
    page = new_page(javascript=False)
    page.goto("/my/")
    expect_heading(page, "Sign in")
    page.get_by_label("Work email").fill(member.email)
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_label("Code from the email").fill(newest_code())
    page.get_by_role("button", name="Sign in").click()
    expect_heading(page, "My teams")
    page.get_by_role("link", name="My data").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download my data").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert member.email in archive.read("my-data.html").decode()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_contain_text("You have signed out")


def test_link_to_an_answer_opens_it(new_page, faq_entry):
    # The first entry is open anyway.
    second = FaqEntry.objects.create(slug="password", question="Why?", answer="There is none.")
    page = new_page(javascript=False)
    page.goto(f"/faq/#{second.slug}")
    expect(page.get_by_text("There is none.")).to_be_visible()
    page.goto("/faq/")
    expect(page.get_by_text("There is none.")).to_be_hidden()
    expect(page.get_by_text("People of recognized employers.")).to_be_visible()


def test_facilitator_goes_from_sign_in_to_the_desk_and_never_sees_another_team(
    new_page, member, outsider, facilitator
):
    page = new_page(facilitator)
    page.goto("/admin/teams/membership/")
    expect(page.get_by_role("main")).to_contain_text(member.full_name)
    expect(page.get_by_role("main")).not_to_contain_text(outsider.full_name)


def test_administrator_of_a_fresh_portal_can_start(new_page, administrator, team):
    facilitator = make_member("helper@start.example", None, "Hella Helper")
    add_organization("Start Hospital", domains=["start.example"], by=administrator)
    set_facilitators(team, [facilitator], by=administrator)
    page = new_page(administrator)
    page.goto("/admin/")
    expect(page.get_by_role("main")).to_contain_text("Nothing waits")
