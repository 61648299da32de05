"""One decision of each kind in a real Chromium, as a facilitator takes it on Monday morning."""

import pytest
from playwright.sync_api import Page, expect
from post_office.models import Email

from conftest import make_member, membership_of
from members.models import Member, Organization
from teams.models import FaqEntry, Goal, Question
from teams.services import ask_question, join_teams, set_facilitators

SUBMIT_TWICE = """() => [1, 2].map(() => {
  const event = new SubmitEvent("submit", { bubbles: true, cancelable: true });
  document.querySelector("form[method=post]").dispatchEvent(event);
  return event.defaultPrevented;
})"""

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_leaving_a_page_asks_first_about_unsaved_changes(new_page, facilitator, faq_entry):
    page = new_page(facilitator)
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.type), dialog.dismiss()))
    page.goto(f"/admin/teams/faqentry/{faq_entry.pk}/change/")
    page.get_by_label("Answer").fill("Typed, and not saved.")
    page.get_by_role("navigation", name="Breadcrumbs").get_by_role("link", name="Today").click()
    expect(page.get_by_label("Answer")).to_have_value("Typed, and not saved.")
    assert dialogs == ["beforeunload"]
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="FAQ entries")).to_be_visible()
    assert dialogs == ["beforeunload"]
    # The second press of a button is not sent.
    assert page.evaluate(SUBMIT_TWICE) == [False, True]


@pytest.fixture
def approver(facilitator, approval_team, administrator) -> Member:
    """The facilitator also facilitates the team that decides by approval."""
    set_facilitators(approval_team, [facilitator], by=administrator)
    Email.objects.all().delete()
    return facilitator


def expect_message(page: Page, words: str) -> None:
    """Expect it once: in a message, or in the bar that undoes it."""
    expect(page.locator(".messagelist, .undo").filter(has_text=words)).to_have_count(1)


def test_requests_are_approved_undone_declined_and_memberships_ended(
    new_page, approver, member, colleague, approval_team
):
    for person in (member, colleague):
        join_teams(person, [approval_team])
    Email.objects.all().delete()
    page = new_page(approver, javascript=False, width=360)
    page.goto("/admin/")
    page.get_by_role("button", name="Approve Maria Member").click()
    expect_message(page, "Maria Member is an active member of Careers now.")
    page.get_by_role("button", name="Undo").first.click()
    expect_message(page, "Undone, and no email was sent")
    assert membership_of(member, approval_team).is_waiting
    assert not Email.objects.exists()

    page.get_by_role("link", name="Decline… Maria Member").click()
    reason = page.locator("#id_reason")
    page.get_by_text("Start from a prepared reason").click()
    page.get_by_role("button", name="The team is for people").click()
    expect(reason).to_contain_text("The team is for people who work on its subject.")
    reason.fill("We start again in spring.")
    page.get_by_role("button", name="Show it with my changes").click()
    expect(page.locator(".mail-preview")).to_contain_text("We start again in spring.")
    page.get_by_role("button", name="Decline", exact=True).click()
    expect_message(page, "The request of Maria Member for Careers is declined.")
    assert membership_of(member, approval_team).reason == "We start again in spring."

    page.goto(f"/admin/teams/membership/{membership_of(colleague, approval_team).pk}/change/")
    page.get_by_role("button", name="Approve").click()
    expect_message(page, "Colin Colleague is an active member")
    page.get_by_role("link", name="End membership…").click()
    expect(page.get_by_role("main")).to_contain_text("This will end 1 membership and send 1 email.")
    page.get_by_role("button", name="End membership", exact=True).click()
    expect_message(page, "has ended")


def test_affiliations_are_confirmed_and_unconfirmed(new_page, facilitator, organization, team):
    person = make_member("pat@personal.example", organization, "Pat Personal", confirmed=False)
    join_teams(person, [team])
    page = new_page(facilitator, javascript=False)
    page.goto("/admin/")
    page.get_by_role("button", name="Confirm Pat Personal").click()
    expect_message(page, "Pat Personal is confirmed for Rush Example Hospital.")
    assert membership_of(person, team).is_active
    page.goto(f"/admin/members/member/{person.pk}/change/")
    page.get_by_role("link", name="Remove confirmation…").click()
    page.get_by_role("button", name="Remove confirmation", exact=True).click()
    expect_message(page, "no longer confirmed")


def test_questions_are_answered_published_and_dismissed(new_page, facilitator, faq_entry):
    for number in range(3):
        ask_question(f"Question number {number}?", f"visitor{number}@example.org")
    page = new_page(facilitator, javascript=False)

    def open_decision(number: int, label: str) -> None:
        page.goto("/admin/teams/question/?waits=answer")
        page.get_by_role("link", name=f"Question number {number}?").first.click()
        page.get_by_role("link", name=f"{label}…", exact=True).click()

    open_decision(0, "Answer")
    page.get_by_label("Answer").fill("It is the first one.")
    page.get_by_role("button", name="Show email").click()
    expect(page.locator(".mail-preview")).to_contain_text("It is the first one.")
    page.get_by_role("button", name="Answer", exact=True).click()
    expect_message(page, "is answered by email")

    open_decision(1, "Publish")
    page.get_by_label("Answer").fill("It is the *second* one.")
    page.get_by_label("Where it goes").select_option("about")
    page.get_by_role("button", name="Show answer and email").click()
    expect(page.get_by_role("main").locator("em")).to_have_text("second")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect_message(page, "is answered on the FAQ page")
    page.goto(FaqEntry.objects.latest("pk").get_absolute_url())
    expect(page.get_by_role("main")).to_contain_text("It is the second one.")

    open_decision(2, "Dismiss")
    page.get_by_role("button", name="Dismiss", exact=True).click()
    expect_message(page, "is dismissed; nobody is notified")
    assert not Question.objects.waiting().exists()

    page.goto("/admin/teams/faqentry/")
    page.get_by_role("button", name="Still true: Who can join?").click()
    faq_entry.refresh_from_db()
    assert faq_entry.checked_on


def test_goal_report_is_shown_on_the_team_page(new_page, facilitator, goal):
    Goal.objects.update(target=12, unit="organizations")
    page = new_page(facilitator, javascript=False)
    page.goto("/admin/")
    page.get_by_role("link", name="Bring people to one table").first.click()
    page.get_by_role("link", name="Report progress…").click()
    page.get_by_label("On track").check()
    page.get_by_label("Now").fill("9")
    page.get_by_label("What was done").fill("Nine organizations sat at one table.")
    page.get_by_role("button", name="Report progress").click()
    page.goto("/teams/education/")
    expect(page.get_by_role("main")).to_contain_text("9 organizations")
    page.get_by_text("What was done").click()
    expect(page.get_by_text("Nine organizations sat at one table.")).to_be_visible()


def test_organizations_and_accounts_are_merged(
    new_page, administrator, applicant, organization, member, colleague, team
):
    page = new_page(administrator, javascript=False)
    page.goto(f"/admin/members/organization/{applicant.organization_id}/change/")
    page.get_by_role("link", name="Merge…", exact=True).click()
    page.get_by_label("Merge into").fill(organization.name)
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Merge", exact=True).click()
    assert Organization.objects.get(pk=applicant.organization_id).merged_into == organization
    page.goto(f"/admin/members/member/{colleague.pk}/change/")
    page.get_by_role("link", name="Merge…", exact=True).click()
    page.get_by_label("Merge into").fill(member.email)
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Merge", exact=True).click()
    assert Member.objects.account_of(colleague.email) == member
