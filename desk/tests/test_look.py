"""What the look of the desk promises, and a machine can check."""

import re

import pytest
from django.conf import settings

from conftest import visible_text
from members.models import Organization

SHEETS = sorted((settings.BASE_DIR / "static/desk").glob("*.css"))
ORGANIZATIONS = "/admin/members/organization/"


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_sheet_is_short_and_takes_its_colors_from_the_tokens(sheet):
    lines = sheet.read_text().splitlines()
    assert len(lines) <= 400
    assert [line for line in lines if re.search(r":[^;{]*#[0-9a-f]{3,8}\b", line)] == []


@pytest.fixture
def organizations(db) -> list[Organization]:
    """More than a page of the list holds."""
    names = [f"Clinic {number}" for number in range(60)]
    return Organization.objects.bulk_create(
        Organization(name=name, normalized_name=name.lower()) for name in names
    )


def test_pages_load_nothing_of_stock_admin(client_for, administrator, organization, team):
    client = client_for(administrator)
    for path in ("", "teams/membership/", "teams/goal/add/", "report/", "status/"):
        page = client.get(f"/admin/{path}").content.decode()
        assert "/static/admin/" not in page
        assert "jsi18n" not in page


def test_list_has_tabs_by_state_and_menus_for_other_filters(client_for, facilitator, organization):
    page = client_for(facilitator).get(ORGANIZATIONS, {"status__exact": "recognized"})
    content = page.content.decode()
    tabs = content.split('<nav class="tabs"')[1].split("</nav>")[0]
    assert re.findall(r'aria-current="page">([^<]+)<', tabs) == ["Recognized"]
    menus = re.findall(r"<summary>([^<]+)</summary>", content)
    assert menus == ["Menu", "What waits: All", "Kind: All", "Who is on: All"]


def test_list_has_a_button_for_each_action(client_for, facilitator, organization):
    content = client_for(facilitator).get(ORGANIZATIONS).content.decode()
    actions = content.split('<div class="actions"')[1].split("</form>")[0]
    assert re.findall(r'name="action" value="(\w+)"', actions) == ["recognize", "decline", "merge"]
    assert "select_across" not in actions


def test_long_list_offers_its_actions_for_all_rows(client_for, facilitator, organizations):
    page = client_for(facilitator).get(ORGANIZATIONS)
    assert "All 61 of this list, not only this page" in visible_text(page)
    first = organizations[0].pk
    ticked = {"action": "decline", "_selected_action": [first], "select_across": "1"}
    chosen = client_for(facilitator).post(ORGANIZATIONS, ticked, follow=True)
    assert "Decline 61 organizations" in visible_text(chosen)


def test_nothing_is_said_of_the_app_behind_the_emails(client_for, administrator):
    for path in ("", "post_office/email/"):
        page = visible_text(client_for(administrator).get(f"/admin/{path}"))
        assert "post office" not in page.lower()
