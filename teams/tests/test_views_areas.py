"""The pages of areas: map, table, file, and one area."""

import csv
import gzip
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import visible_text
from teams.areas import chicago
from teams.models import ActionTeam
from teams.services.areas import choose_targets, end_target
from teams.tests.areas import make_survey

pytestmark = pytest.mark.django_db
WHY = "Twice the rate of all Chicago."


def test_page_without_figures_invents_none(client):
    text = visible_text(client.get("/areas/"))
    assert "No target areas have been chosen yet." in text
    assert "There are no figures yet." in text
    assert "68 Englewood" in text
    assert "%" not in text


def test_map_says_in_words_what_it_shows(client, team, facilitator):
    make_survey({area.code: "5.0" for area in chicago().areas} | {"68": "24.9", "67": "16.2"})
    choose_targets(team, ["68"], why=WHY, by=facilitator)
    response = client.get("/areas/")
    page = response.content.decode()
    assert (
        "In 2 of 77 areas the rate is at least twice that for Chicago overall, and in 75 it is "
        "lower than for Chicago overall. Target areas, outlined, hatched and numbered: 68 "
        "Englewood. The table has every figure." in page
    )
    text = visible_text(response)
    assert f"{team} has chosen one community area as a target." in text
    assert "2016 to 2020. Source: Example Planning Agency." in text
    assert page.count('class="map-3"') == 2 + 1  # the legend's
    assert 'style="' not in page


def test_map_is_light(client, team, facilitator):
    make_survey({area.code: "5.0" for area in chicago().areas})
    choose_targets(team, [str(number) for number in range(1, 6)], why=WHY, by=facilitator)
    page = client.get("/areas/").content
    drawing = page[page.index(b'<svg class="map"') :].partition(b"</svg>")[0]
    assert len(gzip.compress(drawing)) < 15_000


def test_table_is_ordered_by_links(client):
    make_survey({"1": "4.6", "2": "9.0", "68": "24.9"}, people={"2": (2000, 20000)})
    for order, first in (("", "1"), ("?order=rate", "68"), ("?order=people", "2")):
        page = client.get(f"/areas/{order}").content.decode()
        body = page[page.index("<tbody>") :]
        assert body.index(f"/areas/{first}-") == body.index("/areas/")
    assert client.get("/areas/?order=worst").status_code == 404


def test_suburbs_are_shown_once_there_is_something_about_them(client):
    assert "Alsip" not in visible_text(client.get("/areas/"))
    make_survey({"1701010": "7.0"})
    assert "Alsip 7.0%" in visible_text(client.get("/areas/"))


def test_file_has_survey_and_source_in_each_line(client, team, facilitator):
    make_survey({"68": "24.9"}, people={"68": (2104, 8433)})
    team.name = "=1+1"
    team.save()
    choose_targets(team, ["68"], why=WHY, by=facilitator)
    response = client.get("/areas/areas.csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == 77 + 118
    line = next(line for line in lines if line["Area number"] == "68")
    assert line["Rate in percent"] == "24.9"
    assert (line["Out of work"], line["Labor force"]) == ("2104", "8433")
    assert (line["First year"], line["Source"]) == ("2016", "Example Planning Agency")
    assert line["Target of"] == "'=1+1"


def test_area_says_why_it_is_a_target_and_what_was_before(client, team, facilitator):
    make_survey({"68": "24.9"}, people={"68": (200, 803)})
    make_survey({"68": "21.3"}, first_year=2008, last_year=2012)
    (former,) = choose_targets(team, ["68"], why="An earlier reason", by=facilitator)
    end_target(former, reason="Enough for now", by=facilitator)
    choose_targets(team, ["68"], why=WHY, by=facilitator)
    goal = team.goals.create(slug="hire", title="Hire near home", area_codes="68")
    text = visible_text(client.get("/areas/68-englewood/"))
    assert f"Community area 68 of Chicago, a target of {team}." in text
    assert WHY in text
    assert "24.9% in 2016 to 2020, higher than the 8.1% for Chicago overall." in text
    assert "This rate is uncertain: the labor force is 803" in text
    assert "2008 to 2012 21.3%" in text
    assert goal.title in text
    assert "Chosen because: An earlier reason. Ended because: Enough for now." in text
    assert "current" not in text.lower()


def test_former_name_behind_the_number_leads_to_the_page(client):
    response = client.get("/areas/68-anglewood/")
    assert response.status_code == 301
    assert response["Location"] == "/areas/68-englewood/"
    assert client.get("/areas/78-nowhere/").status_code == 404


def test_draft_team_is_on_no_page_of_an_area(client, team, facilitator):
    choose_targets(team, ["68"], why="Secretword", by=facilitator)
    team.goals.create(slug="hire", title="Secretgoal", area_codes="68")
    ActionTeam.objects.filter(pk=team.pk).update(state="draft")
    for page in ("/areas/", "/areas/68-englewood/", "/areas/areas.csv"):
        content = b"".join(client.get(page)).decode()
        assert "Secretword" not in content
        assert "Secretgoal" not in content
        assert team.name not in content


def test_team_page_shows_its_targets_on_a_small_map(client, team, other_team, facilitator):
    make_survey({"68": "24.9"})
    choose_targets(team, ["68"], why=WHY, by=facilitator)
    text = visible_text(client.get(team.get_absolute_url()))
    assert "Englewood 24.9%" in text
    assert "Unemployment: American Community Survey, 5-year estimates, 2016 to 2020." in text
    assert (
        "Target areas"
        not in visible_text(client.get(other_team.get_absolute_url())).partition("Action teams")[0]
    )


def test_pages_have_as_many_queries_for_one_area_as_for_all(client, team, facilitator):
    def queries(page):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page).status_code == 200
        return len(captured)

    make_survey({"68": "24.9"})
    choose_targets(team, ["68"], why=WHY, by=facilitator)
    before = [queries(page) for page in ("/areas/", "/areas/68-englewood/", "/areas/areas.csv")]
    make_survey({area.code: "5.0" for area in chicago().areas}, first_year=2017, last_year=2021)
    choose_targets(team, [str(number) for number in range(1, 40)], why=WHY, by=facilitator)
    assert before == [
        queries(page) for page in ("/areas/", "/areas/68-englewood/", "/areas/areas.csv")
    ]
