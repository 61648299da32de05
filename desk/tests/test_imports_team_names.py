"""Teams in one cell, separated as people separate them."""

import pytest
from django.core.exceptions import ValidationError

from desk.imports.base import CorrectableError
from desk.imports.team_names import TeamNames
from teams.models import ActionTeam

NAMES = ("Education & Training", "Local & Targeted Hiring", "Retention, Pay & Growth", "Careers")


def parse(cell: str, names=NAMES) -> list[str]:
    teams = [ActionTeam(pk=number, name=name) for number, name in enumerate(names)]
    return [team.name for team in TeamNames(teams).parse(cell)]


@pytest.mark.parametrize(
    "cell",
    [
        "Education & Training; Careers",
        "Education & Training\nCareers",
        "Education & Training, Careers",
        "education AND training and careers",
        "Education & Training & Careers",
        "Education + Training / Careers",
        "Education & Training | Careers",
        "ＥＤＵＣＡＴＩＯＮ ＆ Training • Careers",
        "- Education & Training\n- Careers\n",
        "1. Education & Training\n2. Careers",
        "(1) Education & Training 2) Careers",
        "Education & Training;;Careers; careers",
        "Education & Training Careers",
    ],
)
def test_team_names_are_understood_however_they_are_separated(cell):
    assert parse(cell) == ["Education & Training", "Careers"]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("", []),
        ("Retention, Pay and Growth", [2]),
        ("Careers, Retention, Pay & Growth and Local and Targeted Hiring", [3, 2, 1]),
        ("Local & Targeted\nHiring", [1]),
        ("Local and Targeted\nHiring, Careers", [1, 3]),
        ("Careers, Local & Targeted Hiring\nEducation & Training", [3, 1, 0]),
        ("Careers & Éducation & Training", [3, 0]),
    ],
)
def test_team_names_may_hold_commas_and_the_word_and(cell, expected):
    assert parse(cell) == [NAMES[number] for number in expected]


@pytest.mark.parametrize(
    "cell", ["Education\nTraining", "Education, Training", "Training; education"]
)
def test_team_names_separated_plainly_are_several_teams(cell):
    names = ("Education", "Training", "Education & Training")
    assert sorted(parse(cell, names)) == ["Education", "Training"]
    assert parse("Education and Training", names) == ["Education & Training"]


def test_team_names_may_hold_semicolons():
    names = ("Retention; Growth", "Careers")
    assert sorted(parse("Retention; Growth; Careers", names)) == sorted(names)


@pytest.mark.parametrize(
    ("cell", "unknown"),
    [
        ("All", "All"),
        ("Careers; Educaton", "Educaton"),
        ("Careers\nHealth\nEducation & Training", "Health"),
        ("Careers, Finance", "Finance"),
        ("Education", "Education"),
        ("Careers and", "Careers and"),
        ("Careers 2026", "Careers 2026"),
        ("x" * 200, "x" * 99 + "…"),
    ],
)
def test_team_names_that_are_not_understood_say_which_separator_to_use(cell, unknown):
    with pytest.raises(ValidationError) as error:
        parse(cell)
    assert error.value.messages == [
        f"“{unknown}” is not one of your teams. They are: {'; '.join(NAMES)}. "
        "Separate teams with semicolons."
    ]


def test_team_names_that_can_be_read_in_two_ways_are_not_guessed():
    names = ("Pay", "Growth", "Pay Growth", "Careers")
    with pytest.raises(ValidationError, match="Separate teams with semicolons"):
        parse("Careers Pay Growth", names)


def test_team_names_of_a_huge_cell_are_refused_soon():
    with pytest.raises(ValidationError):
        parse("Careers " * 10_000)


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("Carers", "Careers"),
        ("Education & Trainig; Careers", "Education & Training; Careers"),
        ("Careers, local and targeted hirring", "Careers, Local & Targeted Hiring"),
        ("Careers\nEducation Training", "Careers\nEducation & Training"),
    ],
)
def test_team_names_that_are_misspelled_are_suggested(cell, meant):
    with pytest.raises(CorrectableError, match="Did you mean") as error:
        parse(cell)
    assert error.value.suggestion == meant
    assert parse(meant)
