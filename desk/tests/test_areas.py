"""Target areas and figures about areas at the desk."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from conftest import messages_of, visible_text
from desk.imports.area_figures import read_area_figures
from desk.records.areas import SurveyForm
from desk.tests.action_pages import action_form, action_url, forms_of
from members.services import Refused
from teams.areas import chicago
from teams.models import TargetArea, UnemploymentSurvey
from teams.services.areas import choose_targets
from teams.tests.areas import make_survey

pytestmark = pytest.mark.django_db
SURVEYS = "/admin/teams/unemploymentsurvey/"
TARGETS = "/admin/teams/targetarea/"
WHY = "Twice the rate of all Chicago."


def upload(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("areas.csv", text.encode())


# Reading files -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (
            "GEOID,GEOG,TOT_POP,UNEMP,IN_LBFRC\n68,Englewood,24369,2104,8433\n",
            ("24.9", 2104, 8433),
        ),
        ("area_number;unemployed;labor_force\n68;2,104;8,433\n", ("24.9", 2104, 8433)),
        ("Area\tRate\nEnglewood\t24.9%\n", ("24.9", None, None)),
    ],
)
def test_file_is_read_in_each_layout(text, numbers):
    (rate,) = read_area_figures(upload(text)).rates
    assert (str(rate.rate), rate.unemployed, rate.labor_force) == numbers
    assert str(rate.area) == "68 Englewood"


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ("Englewod,5", "Row 2: There is no area “Englewod”. Did you mean Englewood?"),
        ("Atlantis,5", "Row 2: There is no area “Atlantis”."),
        ("Englewood,101", "Row 2: A rate of 101% is not possible. Enter a rate from 0 to 100."),
        ("Englewood,-1", "Row 2: -1 under Rate is not possible."),
        ("Englewood,high", "Row 2: “high” under Rate is not a number."),
        ("Englewood,NaN", "Row 2: NaN under Rate is not possible."),
        (",5", "Row 2: The area is missing. Enter its name or number."),
        ("68,5\nEnglewood,6", "Row 3: 68 Englewood is already in row 2. Remove one of the two."),
    ],
)
def test_row_that_cannot_be_right_is_named(row, error):
    assert read_area_figures(upload(f"Area,Rate\n{row}\n")).errors == [error]


@pytest.mark.parametrize("numbers", ["9,8", "1,0", "1e9,1e9", "1e5000,1e5000"])
def test_more_people_out_of_work_than_work_or_look_for_work_are_refused(numbers):
    text = f"area_number,unemployed,labor_force\n68,{numbers}\n"
    (error,) = read_area_figures(upload(text)).errors
    assert "is not possible." in error


def test_places_elsewhere_are_named_as_not_read():
    text = "GEOID,GEOG,UNEMP,IN_LBFRC\n1703012,Aurora,5,100\n1,Rogers Park,5,100\n"
    figures = read_area_figures(upload(text))
    assert [str(each.area) for each in figures.rates] == ["1 Rogers Park"]
    assert any(note.startswith("Not read: Aurora, which") for note in figures.notes)
    assert not figures.errors


def test_rate_of_all_chicago_comes_from_its_row_or_from_all_its_areas():
    (row,) = ["Area,Rate\nChicago,8.1\nEnglewood,24.9\n"]
    assert str(read_area_figures(upload(row)).city_rate) == "8.1"
    lines = "".join(f"{area.code},10,100\n" for area in chicago().areas)
    everything = f"area_number,unemployed,labor_force\n{lines}"
    assert str(read_area_figures(upload(everything)).city_rate) == "10.0"
    assert read_area_figures(upload(everything.replace("77,10,100\n", ""))).city_rate is None


def test_file_with_other_headings_is_refused_with_the_headings_to_use():
    with pytest.raises(Refused, match="The headings must be GEOID, GEOG, UNEMP and IN_LBFRC"):
        read_area_figures(upload("place,number\nEnglewood,5\n"))


# Importing -----------------------------------------------------------------------------------


def check(client, text: str, **entered: str):
    form = next(
        form for form in forms_of(client.get(f"{SURVEYS}add/")) if "Check the file" in form.buttons
    )
    data = form.fields | {"first_year": "2020", "last_year": "2024", "file": upload(text)} | entered
    return client.post(f"{SURVEYS}add/", data)


def test_figures_are_checked_in_words_and_stored_on_confirmation(client_for, facilitator):
    make_survey({"37": "23.9", "68": "24.9"})
    client = client_for(facilitator)
    page = check(client, "Area,Rate\nFuller Park,31.0\nEnglewood,25.0\nChicago,8.0\n")
    text = visible_text(page)
    assert "This will store the rates for 2 areas" in text
    assert "Chicago overall: 8.0%." in text
    assert "37 Fuller Park: 23.9% to 31.0%" in text
    assert "68 Englewood: 24.9%" not in text
    assert "75 of the 77 community areas are missing: 1 Rogers Park" in text
    assert UnemploymentSurvey.objects.count() == 1
    form = next(form for form in forms_of(page) if "Store the figures" in form.buttons)
    stored = form.submit(client, "Store the figures")
    assert "Stored: 2 areas" in visible_text(stored)
    newest = UnemploymentSurvey.objects.first()
    assert (newest.years, newest.imported_by) == ("2020 to 2024", facilitator)
    assert {each.area_code: str(each.rate) for each in newest.figures.all()} == {
        "37": "31.0",
        "68": "25.0",
    }


def test_file_with_errors_offers_nothing_to_store(client_for, facilitator):
    page = check(client_for(facilitator), "Area,Rate\nEnglewod,5\n", city_rate="8")
    assert "Did you mean Englewood?" in visible_text(page)
    assert not [form for form in forms_of(page) if "Store the figures" in form.buttons]


def test_what_the_file_does_not_say_is_asked(client_for, facilitator):
    page = check(client_for(facilitator), "Area,Rate\nEnglewood,5\n")
    words = "Enter the rate: the file lacks the numbers of people of some areas."
    assert words in visible_text(page)


@pytest.mark.parametrize(
    ("entered", "message"),
    [
        ({"first_year": "2025"}, "The last year is before the first one. Check both years."),
        # A source is a page that everyone can open.
        ({"source_url": "ftp://data.example.org/x"}, "Enter the address of a web page"),
        ({"source_url": "https://me:secret@data.example.org/"}, "Enter the address of a web page"),
    ],
)
def test_form_of_figures_says_what_is_wrong(entered, message):
    typed = {"first_year": "2020", "last_year": "2024", "city_rate": "8"}
    form = SurveyForm(typed | entered, {"file": upload("Area,Rate\nEnglewood,5\n")})
    assert message in str(form.errors)


def test_same_years_are_said_to_be_replaced(client_for, facilitator):
    make_survey({"68": "24.9"}, first_year=2020, last_year=2024)
    page = check(client_for(facilitator), "Area,Rate\nEnglewood,5\n", city_rate="8")
    assert "Figures for 2020 to 2024 were imported on" in visible_text(page)


def test_forged_figures_are_not_stored(client_for, facilitator):
    response = client_for(facilitator).post(f"{SURVEYS}add/", {"checked": "forged"})
    assert "Nothing was stored. Upload the file again." in messages_of(response)[0]
    assert not UnemploymentSurvey.objects.exists()


@pytest.mark.parametrize("page", [SURVEYS, f"{SURVEYS}add/", TARGETS])
def test_lists_of_areas_are_for_staff(client_for, member, page):
    assert client_for(member).get(page).status_code == 403


# Choosing and ending -------------------------------------------------------------------------


@pytest.mark.both_databases
def test_areas_are_chosen_with_a_reason_and_undone_by_one_press(client_for, facilitator, team):
    make_survey({"68": "24.9", "1": "4.6"})
    client = client_for(facilitator)
    page = client.get(action_url("choose-areas", team))
    groups = [(group.heading, group.is_open) for group in page.context["form"].groups()]
    assert groups == [
        ("At least twice the rate for Chicago overall", True),
        ("Other community areas of Chicago", False),
        ("Suburbs in Cook County", False),
    ]
    high, *_ = page.context["form"].groups()
    assert [box.choice_label for box in high.boxes] == ["68 Englewood: 24.9%"]
    url = action_url("choose-areas", team)
    chosen = client.post(url, {"why": WHY, "areas": ["68"], "suburbs": ["1701010"]}, follow=True)
    assert {each.area_code for each in TargetArea.objects.all()} == {"68", "1701010"}
    (undo,) = [form for form in forms_of(chosen) if "Undo" in form.buttons]
    undo.submit(client, "Undo", follow=False)
    assert not TargetArea.objects.exists()


def test_choice_without_area_or_reason_is_refused(client_for, facilitator, team):
    client = client_for(facilitator)
    for data, messages in [
        (
            {},
            ["Choose at least one area.", "Say in one sentence why the team chooses these areas."],
        ),
        ({"areas": ["99"], "why": WHY}, ["99 is not one of the available choices"]),
    ]:
        text = visible_text(client.post(action_url("choose-areas", team), data))
        assert all(message in text for message in messages)
    assert not TargetArea.objects.exists()


def test_areas_of_another_team_are_out_of_reach(
    client_for, facilitator, other_facilitator, team, other_team
):
    client = client_for(other_facilitator)
    (target,) = choose_targets(team, ["68"], why=WHY, by=facilitator)
    url = action_url("choose-areas", team)
    assert client.post(url, {"why": WHY, "areas": ["1"]}).status_code == 404
    assert client.post(action_url("end", target), {"reason": "No"}).status_code == 404
    assert "Englewood" not in visible_text(client.get(TARGETS))
    assert TargetArea.objects.open().count() == 1


def test_target_is_ended_with_a_reason(client_for, facilitator, team):
    (target,) = choose_targets(team, ["68"], why=WHY, by=facilitator)
    client = client_for(facilitator)
    page = client.get(action_url("end", target))
    action_form(page).submit(client, "End", follow=False, reason="The goal is reached.")
    target.refresh_from_db()
    assert target.ended_why == "The goal is reached."
    assert target.ended_by == facilitator


@pytest.mark.both_databases
def test_reason_that_is_too_long_for_the_end_of_a_target_is_refused(client_for, facilitator, team):
    (target,) = choose_targets(team, ["68"], why=WHY, by=facilitator)
    client = client_for(facilitator)
    page = action_form(client.get(action_url("end", target))).submit(
        client, "End", reason="Because. " * 50
    )
    assert "at most 300 characters" in visible_text(page)
    assert TargetArea.objects.open().contains(target)


def test_goal_is_tied_to_target_areas_of_its_team(client_for, facilitator, goal, other_team):
    choose_targets(goal.team, ["68", "67"], why=WHY, by=facilitator)
    choose_targets(other_team, ["1"], why=WHY, by=facilitator)
    client = client_for(facilitator)
    url = f"/admin/teams/goal/{goal.pk}/change/"
    form = next(form for form in forms_of(client.get(url)) if "title" in form.fields)
    assert "1 Rogers Park" not in visible_text(client.get(url))
    client.post(url, form.fields | {"areas": ["68"]})
    goal.refresh_from_db()
    assert goal.area_codes == "68"
    assert goal.history.first().area_codes == "68"
    client.post(url, form.fields | {"areas": ["1"]})
    goal.refresh_from_db()
    assert goal.area_codes == "68"


def test_report_counts_goals_by_target_area(client_for, facilitator, goal):
    make_survey({"68": "24.9"})
    choose_targets(goal.team, ["68", "1701010"], why=WHY, by=facilitator)
    goal.area_codes = "68"
    goal.save()
    text = visible_text(client_for(facilitator).get("/admin/report/"))
    assert f"68 Englewood 24.9% (2016 to 2020) {goal.team}" in text
    assert f"1: {goal}" in text
    assert "Alsip no figure" in text
