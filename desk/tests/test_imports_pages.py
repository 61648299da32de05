"""The list of imports, the page of one, and the page that says what taking it back would do."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import membership_of, visible_text
from desk.imports.taking_back import take_back
from desk.models import Import
from desk.tests.test_imports_records import NORA, store_members, store_organizations
from desk.tests.test_imports_taking_back import RUSH, row_for, sign_in
from members.models import Member, Organization

IMPORTS = "/admin/desk/import/"


@pytest.fixture
def record(facilitator, team, organization) -> Import:
    """An import of Nora and of Ana, who has signed in since."""
    record = store_members(facilitator, NORA, row_for("ana@rush.example"))
    sign_in(Member.objects.get(email="ana@rush.example"))
    return record


def page_of(record: Import) -> str:
    return f"{IMPORTS}{record.pk}/change/"


def take_back_page_of(record: Import) -> str:
    return f"{IMPORTS}{record.pk}/take-back/"


def test_list_shows_imports_and_until_when_they_can_be_taken_back(client_for, facilitator, record):
    Import.objects.create(by=facilitator, kind="members", file_name="checked-only.csv")
    client = client_for(facilitator)
    page = visible_text(client.get(IMPORTS))
    assert "staff.csv" in page
    assert "until" in page
    assert "checked-only.csv" not in page
    assert f'href="{IMPORTS}"' in client.get("/admin/").content.decode()


def test_page_shows_what_an_import_brought(client_for, facilitator, record):
    response = client_for(facilitator).get(page_of(record))
    page = visible_text(response)
    assert "New accounts 2" in page
    assert "New memberships 2" in page
    assert "Nora Newcomer , nora@rush.example: has not signed in yet" in page
    assert "ana@rush.example: signed in on" in page
    assert f'href="{take_back_page_of(record)}"' in response.content.decode()


@pytest.mark.both_databases
def test_page_of_an_import_of_organizations_shows_them(
    client_for, facilitator, administrator, organization, proposed_organization
):
    rows = [
        ("North Example", "north.example", "", "Employer"),
        (RUSH, "", "", "Employer"),
        ("Lakeview Health", "", "", "Educator"),
    ]
    record = store_organizations(facilitator, *rows)
    page = visible_text(client_for(administrator).get(page_of(record)))
    assert "New organizations 1" in page
    assert "Waiting organizations recognized 1" in page
    assert "Organizations given a kind 1" in page
    assert "New email domains 1" in page
    assert "North Example : recognized" in page


def test_take_back_page_says_what_will_happen_and_changes_nothing(
    client_for, facilitator, record, team
):
    page = visible_text(client_for(facilitator).get(take_back_page_of(record)))
    assert "1 membership ends." in page
    assert "1 account is closed, and its name and address are erased for good." in page
    assert "What stays, because it has been used since" in page
    assert "Typed Name , ana@rush.example: signed in on" in page
    record.refresh_from_db()
    assert record.state == "done"
    assert Member.objects.get(email="nora@rush.example").is_active


@pytest.mark.parametrize("ticked", [{}, {"end_used": "on"}])
def test_take_back_page_takes_the_import_back(
    client_for, facilitator, record, team, ticked, queued_emails
):
    client = client_for(facilitator)
    response = client.post(take_back_page_of(record), ticked)
    assert response["Location"] == page_of(record)
    if ticked:
        page = visible_text(client.get(page_of(record)))
        assert "The import of staff.csv has been taken back." in page
        assert "New accounts 2 1 taken back, 1 kept" in page
        assert "What stays, because it has been used since" in page
    ana = Member.objects.get(email="ana@rush.example")
    assert membership_of(ana, team).is_active is not bool(ticked)
    assert queued_emails() == []


def test_take_back_page_says_that_it_was_taken_back(client_for, facilitator, record):
    take_back(record, by=facilitator)
    again = client_for(facilitator).post(take_back_page_of(record), follow=True)
    assert "This was taken back on" in visible_text(again)


def test_take_back_page_offers_to_end_used_memberships_only_where_there_are_some(
    client_for, facilitator, team, organization
):
    record = store_members(facilitator, NORA)
    response = client_for(facilitator).get(take_back_page_of(record))
    assert "end_used" not in response.content.decode()
    assert "What stays" not in visible_text(response)


def test_take_back_page_leads_back_when_it_is_too_late(client_for, facilitator, record):
    Import.objects.update(finished_at=record.finished_at - timedelta(days=15))
    client = client_for(facilitator)
    response = client.get(take_back_page_of(record), follow=True)
    assert response.redirect_chain == [(page_of(record), 302)]
    assert "It is too late to take this back." in visible_text(response)
    assert take_back_page_of(record) not in response.content.decode()


@pytest.mark.parametrize(
    ("who", "status"),
    [("administrator", 200), ("other_facilitator", 404), ("member", 403)],
)
def test_import_is_for_who_imported_it_and_administrators(client_for, request, record, who, status):
    client = client_for(request.getfixturevalue(who))
    assert client.get(page_of(record)).status_code == status
    if status != 200:
        assert client.get(take_back_page_of(record)).status_code == status
        assert client.post(take_back_page_of(record)).status_code == status
        record.refresh_from_db()
        assert record.state == "done"
    if status == 404:
        assert "staff.csv" not in visible_text(client.get(IMPORTS))


def test_pages_name_nobody_whom_the_importer_no_longer_sees(
    client_for, facilitator, other_team, record, team
):
    team.facilitators.remove(facilitator)
    other_team.facilitators.add(facilitator)
    client = client_for(facilitator)
    for address in (page_of(record), take_back_page_of(record)):
        page = visible_text(client.get(address))
        assert "nora@" not in page
        assert "ana@" not in page
    assert "and 2 more people" in page


def test_page_needs_the_same_queries_for_one_and_for_three_people(
    client_for, facilitator, team, organization
):
    client = client_for(facilitator)
    needed = []
    for addresses in (["a@rush.example"], [f"{name}@rush.example" for name in "bcd"]):
        record = store_members(facilitator, *map(row_for, addresses))
        take_back(record, by=facilitator)
        client.get(page_of(record))
        with CaptureQueriesContext(connection) as captured:
            client.get(page_of(record))
        needed.append(len(captured))
    assert needed[0] == needed[1]


def test_result_of_an_import_leads_to_its_page(client_for, facilitator, organization):
    record = store_organizations(facilitator, (RUSH, ""))
    response = client_for(facilitator).get(f"/admin/members/organization/import/{record.pk}/")
    assert f'href="{page_of(record)}"' in response.content.decode()
    assert Organization.objects.count() == 1
    assert "Nothing new" in visible_text(client_for(facilitator).get(page_of(record)))
