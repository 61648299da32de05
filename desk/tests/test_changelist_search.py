"""Searching the desk's lists: the same answers as stock search, found table by table."""

from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from post_office.models import Email

from conftest import make_member, visible_text
from desk.changelist.search import split_words
from desk.tests.action_pages import list_url, listed
from members.models import EmailDomain, Member, Organization
from members.search_words import CUT_SEARCH_NOTE, cut_search_note, used_words
from teams.models import ActionTeam, Membership
from teams.services import join_teams

MEMBERS = "/admin/members/member/"
MEMBERSHIPS = "/admin/teams/membership/"


@pytest.fixture
def everybody(member, colleague, outsider, applicant):
    return [member, colleague, outsider, applicant]


def names(model, staff, words) -> set[str]:
    rows = listed(model, staff, urlencode({"q": words}))
    return {str(getattr(row, "member", row)).split()[0] for row in rows}


@pytest.mark.parametrize(
    ("words", "who"),
    [
        ("maria", {"Maria"}),
        ("MARIA", {"Maria"}),
        ("ari", {"Maria"}),
        ("colin@rush.example", {"Colin"}),
        ("Colin@Rush", {"Colin"}),
        ("loop.example", {"Olga"}),
        ("Lakeview", {"Wanda"}),
        ("lakeview wanda", {"Wanda"}),
        ('"Maria Member"', {"Maria"}),
        ('"Member Maria"', set()),
        ("maria colin", set()),
        ("maria loop", set()),
        ("zzqx", set()),
        ("%", set()),
        ("_", set()),
    ],
)
@pytest.mark.both_databases
def test_search_finds_people_by_name_address_and_organization(
    rf, administrator, everybody, words, who
):
    request = rf.get("/")
    request.user = administrator
    for model in (Member, Membership):
        desk_list = admin.site.get_model_admin(model)
        rows, _ = desk_list.get_search_results(request, desk_list.get_queryset(request), words)
        assert {str(getattr(row, "member", row)).split()[0] for row in rows} == who


@pytest.mark.parametrize("model", [Member, Membership, Organization, EmailDomain])
@pytest.mark.both_databases
def test_search_equals_stock_search(rf, administrator, everybody, model):
    request = rf.get("/")
    request.user = administrator
    desk_list = admin.site.get_model_admin(model)
    rows = desk_list.get_queryset(request).order_by("pk")
    for words in ("maria", "rush example", "example", "o", "@", ".", "hospital m", "'"):
        own, has_duplicates = desk_list.get_search_results(request, rows, words)
        stock, _ = admin.ModelAdmin.get_search_results(desk_list, request, rows, words)
        assert list(own) == list(stock.distinct())
        assert not has_duplicates


@pytest.mark.parametrize("model", [Member, Membership])
@pytest.mark.both_databases
def test_search_matches_nobody_of_other_teams(client_for, facilitator, everybody, model):
    assert names(model, facilitator, "example") == {"Maria", "Colin", "Wanda"}
    assert names(model, facilitator, "olga") == set()
    page = client_for(facilitator).get(list_url(model), {"q": "olga"})
    assert "Olga" not in visible_text(page)


@pytest.mark.parametrize("many", [0, 1])
@pytest.mark.both_databases
def test_search_finds_memberships_of_few_or_many_people(
    monkeypatch, administrator, everybody, many
):
    monkeypatch.setattr("desk.changelist.search.MAX_KEYS_IN_QUERY", many)
    assert names(Membership, administrator, "rush") == {"Maria", "Colin"}


# A list of records, one with actions, and one of another app.
@pytest.mark.parametrize("model", [ActionTeam, Membership, Email])
def test_list_searches_for_the_first_words_of_too_many_and_says_so(
    client_for, administrator, model
):
    response = client_for(administrator).get(list_url(model), {"q": "ma " * 1300})
    assert response.status_code == 200
    assert CUT_SEARCH_NOTE in visible_text(response)


@pytest.mark.parametrize(
    "text",
    [" ".join(map(str, range(21))), '"a b" ' * 1300, "x" * 60_000, "'\"" * 20_000],
    ids=["one word too many", "quoted words", "one long word", "quotes"],
)
def test_search_is_cut_whatever_makes_it_long(text):
    words = split_words(text)
    assert len(" ".join(used_words(words))) < 21 * 100
    assert cut_search_note(words) == CUT_SEARCH_NOTE


def test_search_uses_the_first_twenty_words(client_for, administrator, everybody):
    assert names(Member, administrator, "maria " * 20 + "olga") == {"Maria"}
    words = "maria " * 19 + "olga"
    assert names(Member, administrator, words) == set()
    page = client_for(administrator).get(MEMBERS, {"q": words})
    assert CUT_SEARCH_NOTE not in visible_text(page)


def test_export_of_a_search_for_too_much_has_what_the_list_shows(
    client_for, administrator, everybody
):
    query = urlencode({"q": "maria " * 1300})
    response = client_for(administrator).post(f"{MEMBERS}export/?{query}", {"format": "csv"})
    assert b"".join(response.streaming_content).count(b"@") == 1


def test_search_for_nothing_shows_all(administrator, everybody):
    assert len(names(Membership, administrator, " ")) == 4


def test_search_finds_an_organization_with_two_matching_domains_once(administrator, organization):
    EmailDomain.objects.create(organization=organization, domain="clinics.rush.example")
    assert listed(Organization, administrator, "q=rush.example") == [organization]


@pytest.mark.parametrize("address", [MEMBERS, MEMBERSHIPS])
def test_search_takes_the_same_queries_for_one_row_and_for_three(
    client_for, administrator, member, team, organization, address
):
    client = client_for(administrator)
    client.get(address)
    counts = []
    for number in range(2):
        with CaptureQueriesContext(connection) as taken:
            response = client.get(address, {"q": "maria"})
        assert len(response.context["cl"].result_list) == 1 + 2 * number
        counts.append(len(taken))
        for extra in range(2):
            person = make_member(f"maria{number}{extra}@rush.example", organization, "Maria Two")
            join_teams(person, [team])
    assert counts[0] == counts[1]
