"""Pages of long lists: the same rows as stock pages, whichever end they are read from."""

import pytest
from django.contrib import admin
from django.core.paginator import EmptyPage, PageNotAnInteger, Paginator
from django.db import connection

from conftest import make_member, visible_text
from desk.changelist import pagination
from desk.changelist.pagination import EstimatedCountPaginator
from desk.tests.action_pages import listed
from members.models import Member

LIST = "/admin/members/member/"


@pytest.fixture
def people(db) -> None:
    """Eleven people; four share a name."""
    for number in range(11):
        make_member(f"p{number}@example.org", name=f"Pat {'Same' if number < 4 else number}")


@pytest.fixture
def always_estimated(monkeypatch, administrator):
    """A table that counts as large, and an estimate that is wrong by this much."""

    def by(number: int) -> None:
        rows = Member.objects.count() + number
        monkeypatch.setattr(pagination, "MIN_ROWS_TO_ESTIMATE", 1)
        monkeypatch.setattr(pagination, "estimate_row_count", lambda queryset: rows)

    return by


@pytest.mark.parametrize("skipped", [0, 1000])
@pytest.mark.parametrize("order", [["full_name", "pk"], ["-full_name", "-pk"], ["job_title", "pk"]])
@pytest.mark.both_databases
def test_paginator_pages_equal_stock_pages(monkeypatch, people, skipped, order):
    monkeypatch.setattr(pagination, "MAX_ROWS_SKIPPED", skipped)
    rows = Member.objects.order_by(*order)
    for per_page in (1, 2, 3, 4, 10, 11, 12):
        stock, own = Paginator(rows, per_page), EstimatedCountPaginator(rows, per_page)
        assert own.num_pages == stock.num_pages
        for number in stock.page_range:
            assert list(own.page(number)) == list(stock.page(number))


def test_paginator_reads_the_last_page_from_the_end(people, django_assert_num_queries):
    pages = EstimatedCountPaginator(Member.objects.filter(is_active=True).order_by("pk"), 3)
    with django_assert_num_queries(2) as taken:  # the count, the page
        assert len(pages.page(4)) == 2
    assert "OFFSET" not in taken[1]["sql"]
    assert "DESC LIMIT 2" in taken[1]["sql"]


def test_paginator_reads_only_keys_before_a_far_page(
    monkeypatch, people, django_assert_num_queries
):
    monkeypatch.setattr(pagination, "MAX_ROWS_SKIPPED", 1)
    people = Member.objects.filter(is_active=True).select_related("organization")
    pages = EstimatedCountPaginator(people.order_by("pk"), 3)
    with django_assert_num_queries(3) as taken:
        assert len(pages.page(2)) == 3
    assert "full_name" not in taken[1]["sql"]
    assert "OFFSET" in taken[1]["sql"]


@pytest.mark.parametrize("number", [0, -1, "x", None, 1.5])
def test_paginator_refuses_what_is_no_page(people, number):
    with pytest.raises((EmptyPage, PageNotAnInteger)):
        EstimatedCountPaginator(Member.objects.order_by("pk"), 3).page(number)


def test_paginator_shows_the_last_page_for_later_ones(client_for, administrator, people):
    pages = EstimatedCountPaginator(Member.objects.order_by("pk"), 3)
    assert list(pages.page(99)) == list(pages.page(4))
    assert client_for(administrator).get(f"{LIST}?p=99").status_code == 200


def test_list_shows_the_first_page_where_the_number_is_none(client_for, administrator, people):
    response = client_for(administrator).get(f"{LIST}?p=x")
    assert len(response.context["cl"].result_list) == 12


def test_paginator_has_one_page_of_an_empty_list(db):
    pages = EstimatedCountPaginator(Member.objects.order_by("pk"), 3)
    assert (pages.num_pages, list(pages.page(1))) == (1, [])


# Estimates -----------------------------------------------------------------------------------


def test_list_says_about_where_the_count_is_estimated(
    client_for, administrator, people, always_estimated
):
    always_estimated(90)
    assert "about 102 members" in visible_text(client_for(administrator).get(LIST))


@pytest.mark.parametrize("query", ["?q=Same", "?affiliation=unconfirmed"])
def test_list_counts_what_is_filtered(client_for, administrator, people, always_estimated, query):
    always_estimated(90)
    text = visible_text(client_for(administrator).get(LIST + query))
    assert "about" not in text.partition("Search by name")[2]
    assert "102" not in text


def test_list_counts_what_a_facilitator_sees(
    client_for, facilitator, member, people, always_estimated
):
    always_estimated(90)
    assert visible_text(client_for(facilitator).get(LIST)).endswith(" 1 member")


def test_paginator_counts_for_pages_of_the_second_half(people, always_estimated):
    always_estimated(0)
    pages = EstimatedCountPaginator(Member.objects.order_by("pk"), 3)
    assert pages.is_estimated
    later = EstimatedCountPaginator(Member.objects.order_by("pk"), 3)
    later.requested_page = 3
    assert not later.is_estimated
    assert later.count == 12


@pytest.mark.parametrize("wrong_by", [-3, 3, 30])
def test_list_shows_each_row_once_although_the_estimate_is_wrong(
    administrator, people, always_estimated, monkeypatch, wrong_by
):
    always_estimated(wrong_by)
    monkeypatch.setattr(admin.site.get_model_admin(Member), "list_per_page", 4)
    shown = [
        row.pk for number in range(1, 4) for row in listed(Member, administrator, f"p={number}")
    ]
    assert sorted(shown) == sorted(Member.objects.values_list("pk", flat=True))


@pytest.mark.both_databases
def test_list_shows_the_last_page_of_a_wrong_estimate(
    administrator, people, always_estimated, monkeypatch
):
    always_estimated(30)
    monkeypatch.setattr(admin.site.get_model_admin(Member), "list_per_page", 2)
    assert len(listed(Member, administrator, "p=21")) == 2


def test_list_counts_a_short_table(client_for, administrator, people):
    before, words, _ = visible_text(client_for(administrator).get(LIST)).partition("12 members")
    assert words
    assert "about" not in before[-9:]


@pytest.mark.both_databases
def test_estimate_row_count_is_a_number_of_the_database(people):
    if connection.vendor != "postgresql":
        assert pagination.estimate_row_count(Member.objects.all()) == 0
        return
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE members_member")
    assert pagination.estimate_row_count(Member.objects.all()) == 11
