"""Decisions in a real Chromium, as a facilitator takes them on Monday morning; those of each kind,
by the forms of their pages: test_actions_forms.py."""

import pytest
from playwright.sync_api import Page, expect
from post_office.models import Email

from conftest import membership_of
from members.models import Member
from teams.services import join_teams, set_facilitators

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


def test_request_is_approved_undone_and_declined(new_page, approver, member, approval_team):
    join_teams(member, [approval_team])
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
