"""What stands around every page of the desk: the rail with what waits, and the search."""

import re

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import make_member, visible_text
from desk.rail import Group, rail
from members.models import Organization
from teams.models import Question
from teams.services import ask_question, join_teams

DESK = "/admin/"


def groups_of(response) -> list[Group]:
    """The groups of the rail."""
    groups = response.context["rail"]
    return groups() if callable(groups) else groups


def rail_of(response) -> dict[str, object]:
    """The links of the rail, by their label."""
    return {link.label: link for _, links in groups_of(response) for link in links}


def test_rail_counts_what_waits_on_each_page(client_for, facilitator, applicant, rail_counts):
    ask_question("Who can join?", "visitor@example.org")
    client = client_for(facilitator)
    for path in (DESK, "/admin/teams/goal/", "/admin/search/"):
        links = rail_of(client.get(path))
        assert links["Organizations"].waiting.number == 1
        assert links["Questions"].waiting.number == 1
        assert links["Today"].waiting.number == 2
        assert links["Teams"].waiting is None


def test_rail_marks_the_page_that_is_open(client_for, facilitator, organization):
    client = client_for(facilitator)
    for path, label in [
        (DESK, "Today"),
        ("/admin/members/organization/?q=x", "Organizations"),
        (f"/admin/members/organization/{organization.pk}/change/", "Organizations"),
        ("/admin/report/", "Report"),
    ]:
        page = client.get(path)
        assert [name for name, link in rail_of(page).items() if link.is_current] == [label]
        assert page.content.decode().count('aria-current="page"') >= 1


def test_rail_folds_what_is_rarely_opened_until_it_is_open(client_for, facilitator):
    client = client_for(facilitator)
    for path, is_open in ((DESK, False), ("/admin/teams/synonymgroup/", True)):
        page = client.get(path)
        (group,) = [group for group in groups_of(page) if group.is_foldable]
        assert "Synonyms" in {link.label for link in group.links}
        assert ('<details class="rail-more" open>' in page.content.decode()) is is_open
        assert ('<details class="rail-more">' in page.content.decode()) is not is_open


def test_rail_leads_only_where_one_may_go(client_for, facilitator, administrator):
    """test_site.py opens every list."""
    client, other = client_for(facilitator), client_for(administrator)
    links, all_links = rail_of(client.get(DESK)), rail_of(other.get(DESK))
    of_administrators = all_links.keys() - links.keys()
    assert of_administrators >= {"Exports", "Emails", "Status"}
    for label in of_administrators:
        assert other.get(all_links[label].url).status_code in {200, 302}, label
        assert client.get(all_links[label].url).status_code == 403, label
    for label in ("Coverage", "Report", "Email domains", "Area figures"):
        assert client.get(links[label].url).status_code == 200, label


def test_counts_are_kept_for_some_seconds_but_not_past_ones_own_decision(
    rf, facilitator, rail_counts
):
    Question.objects.create(text="When do you meet?")
    request = rf.get("/admin/teams/goal/")
    request.user = facilitator

    def questions(undoable=()) -> int:
        links = dict(rail(admin.site, request, undoable))["Waits and people"]
        (link,) = [link for link in links if link.label == "Questions"]
        return link.waiting.number

    assert questions() == 1
    Question.objects.all().delete()
    with CaptureQueriesContext(connection) as queries:
        assert questions() == 1
    assert len(queries) == 0
    # Whatever has a key stands for a decision here.
    assert questions([facilitator]) == 0


def test_search_finds_people_organizations_and_questions(
    client_for, facilitator, organization, team
):
    join_teams(make_member("rudi@rush.example", organization, "Rudi Rush"), [team])
    Question.objects.create(text="Is Rush in?", email="visitor@example.org")
    page = client_for(facilitator).get("/admin/search/", {"q": "rush"})
    text = visible_text(page)
    for words in ("Organizations Rush Example Hospital Recognized", "Rudi Rush rudi@rush.example"):
        assert words in text
    assert "Questions Is Rush in? visitor@example.org" in text
    assert 'name="q" value="rush"' in page.content.decode()
    assert page.content.decode().count("<h1") == 1


def test_search_shows_nobody_of_another_team(client_for, other_facilitator, member):
    page = client_for(other_facilitator).get("/admin/search/", {"q": "maria"})
    assert "Nothing here matches" in visible_text(page)


def test_search_leads_to_the_list_of_all_matches(client_for, facilitator, organization):
    for number in range(8):
        Organization.objects.create(name=f"Prairie Clinic {number}")
    page = client_for(facilitator).get("/admin/search/", {"q": "prairie"}).content.decode()
    assert len(re.findall("Prairie Clinic", page)) == 6
    assert 'href="/admin/members/organization/?q=prairie"' in page


@pytest.mark.parametrize("query", ["", "\0", "<b>" * 100])
def test_search_answers_whatever_is_typed(client_for, facilitator, query):
    page = client_for(facilitator).get("/admin/search/", {"q": query})
    assert page.status_code == 200
    assert "<b>" not in page.content.decode().split("<main")[1].split("</main>")[0]


def test_search_is_closed_to_members(client_for, member):
    assert client_for(member).get("/admin/search/?q=x").status_code == 403


def test_rail_gives_each_link_an_icon_of_its_own(client_for, administrator):
    icons = [link.icon for link in rail_of(client_for(administrator).get(DESK)).values()]
    assert len(icons) == len(set(icons))
