"""The areas of the project's data, and how files name them."""

import pytest

from teams.areas import all_areas, chicago, find_area, suburbs


def test_all_community_areas_are_there_in_the_order_of_their_numbers():
    assert [area.number for area in chicago().areas] == list(range(1, 78))
    assert str(chicago().areas[67]) == "68 Englewood"


def test_areas_have_shapes_and_addresses_of_their_own():
    areas = all_areas().values()
    assert len(areas) == 77 + 118 == len({area.slug for area in areas})
    assert all(area.path.startswith("M") and area.path.endswith("z") for area in areas)
    assert all(0 < area.x < chicago().width for area in chicago().areas)
    assert all(area.number is None for area in suburbs().areas)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("68", "Englewood"),
        (" 068 ", "Englewood"),
        ("1701010", "Alsip"),
        ("The Loop", "Loop"),
        ("OHARE", "O’Hare"),
        ("O'Hare", "O’Hare"),
        ("Mckinley Park", "McKinley Park"),
        ("LAKEVIEW", "Lake View"),
        ("Mt. Greenwood", "Mount Greenwood"),
        ("West Town", "West Town"),
        ("New City", "New City"),
        ("Calumet City", "Calumet City"),
        ("Alsip village, Illinois", "Alsip"),
        ("Cicero town, Illinois", "Cicero"),
    ],
)
def test_area_is_found_however_it_is_spelled(text, name):
    assert find_area(text).name == name


def test_riverdale_alone_is_the_community_area():
    assert find_area("Riverdale").number == 54
    assert sum(area.name == "Riverdale" for area in all_areas().values()) == 2


@pytest.mark.parametrize("text", ["", "0", "78", "Aurora", "9999999", "Chicago"])
def test_what_is_no_area_is_not_found(text):
    assert find_area(text) is None
