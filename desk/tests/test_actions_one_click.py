"""One click on the first page of the desk, in a real Chromium that runs no scripts."""

import pytest
from playwright.sync_api import expect

from conftest import make_member, membership_of
from members.models import EmailDomain
from teams.services import join_teams

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_one_click_recognizes_and_confirms_everyone_who_waits(
    new_page, applicant, facilitator, team
):
    walt = make_member("walt@lakeview.example", applicant.organization, "Walt", confirmed=False)
    join_teams(walt, [team])
    page = new_page(facilitator, javascript=False, width=360)
    page.goto("/admin/")
    main = page.get_by_role("main")
    expect(main).to_contain_text("confirms 2 people, opens up to 2 memberships, sends 2 emails")
    expect(page.get_by_label("lakeview.example is its email domain")).to_be_checked()
    page.get_by_role("button", name="Recognize Lakeview Health").click()
    expect(page).to_have_url("/admin/")
    expect(main).to_contain_text("Nothing waits for you")
    expect(page.locator("body")).to_contain_text("Lakeview Health is recognized")
    assert membership_of(applicant, team).is_active
    assert membership_of(walt, team).is_active
    assert EmailDomain.objects.filter(domain="lakeview.example").exists()
    page.get_by_text("Show as table").first.click()
    page.locator(".chart").get_by_role("link", name="2", exact=True).first.click()
    expect(page.get_by_role("main")).to_contain_text("Walt")
