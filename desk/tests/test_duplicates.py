"""Accounts that may be a second one of the same person."""

import time

import pytest

from conftest import make_member
from desk.records.members import duplicates
from desk.records.members.duplicates import possible_duplicates


def names_of(members) -> list[str]:
    return [member.full_name for member in members]


@pytest.mark.parametrize("name", ["JOSÉ GARCÍA", "Garcia, Jose", "jose  garcia"])
def test_possible_duplicates_have_the_same_name_anywhere(organization, other_organization, name):
    person = make_member("jose@rush.example", organization, "José García")
    other = make_member("jose@loop.example", other_organization, name)
    make_member("josefa@loop.example", other_organization, "Josefa Garcia")
    assert possible_duplicates(person) == [other]


def test_possible_duplicates_have_a_similar_name_in_the_same_organization(
    organization, other_organization
):
    person = make_member("ann@rush.example", organization, "Ann Lee")
    make_member("anne@rush.example", organization, "Anne Lee")
    make_member("anna@loop.example", other_organization, "Anne Lee")
    make_member("li@rush.example", organization, "Li Wang")
    same = make_member("lee@mailbox.example", None, "Lee Ann")
    assert names_of(possible_duplicates(person)) == ["Lee Ann", "Anne Lee"]
    assert possible_duplicates(same) == [person]


@pytest.mark.parametrize("name", ["", " ", "—"])
def test_possible_duplicates_of_a_member_without_a_name_are_none(organization, name):
    person = make_member("one@rush.example", organization, name)
    make_member("two@rush.example", organization, name)
    assert possible_duplicates(person) == []


def test_possible_duplicates_compare_a_bounded_number_of_colleagues(organization, monkeypatch):
    monkeypatch.setattr(duplicates, "MAX_COLLEAGUES_COMPARED", 1)
    person = make_member("ann@rush.example", organization, "Ann Lee")
    for number in range(3):
        make_member(f"anne{number}@rush.example", organization, "Anne Lee")
    assert len(possible_duplicates(person)) == 1


def test_possible_duplicates_take_the_same_queries_for_one_and_for_three(
    organization, django_assert_num_queries
):
    person = make_member("ann@rush.example", organization, "Ann Lee")
    for number in range(3):
        make_member(f"anne{number}@rush.example", organization, "Anne Lee")
        make_member(f"ann{number}@rush.example", None, "Ann Lee")
        with django_assert_num_queries(3):
            shown = [str(other.organization) for other in possible_duplicates(person)]
        assert len(shown) == min(2 * number + 2, 5)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("a" * 119 + "x", "a" * 120),
        ("aeiou" * 24, "aeiou" * 23 + "aeiox"),
        ("(a+)+$" * 20, "a" * 120),
        ("áé" * 60, "ae" * 59 + "xy"),
    ],
)
def test_possible_duplicates_of_a_hostile_name_are_found_at_once(organization, name, other):
    person = make_member("one@rush.example", organization, name)
    for number in range(20):
        make_member(f"other{number}@rush.example", organization, other)
    started = time.perf_counter()
    possible_duplicates(person)
    assert time.perf_counter() - started < 1
