"""The search of the FAQ gives the same results on both databases."""

import pytest

from members.services import save_with_history
from teams.models import FaqEntry, SynonymGroup
from teams.services import search_faq


@pytest.fixture
def entry(db) -> FaqEntry:
    answer = "[My **details**](/my/profile/), *straße*: `x` <i>100%</i>"
    return FaqEntry.objects.create(slug="ecole", question="L'École?", answer=answer)


def test_search_faq_reads_what_readers_read(entry):
    entry.topic = "account"
    entry.save()
    for query in ("ecole", "ÉCOLE", "strasse ecole", "Detail", "100%", "account"):
        assert search_faq(query).matches == [entry], query


def test_search_faq_finds_no_markup(entry):
    for query in ("strong", "em", "href", "profile", "my profile", "**", "code"):
        assert search_faq(query).matches == [], query


def test_search_faq_follows_what_is_written(entry, administrator):
    assert search_faq("spater").matches == []
    save_with_history(entry, administrator, "edited", answer="Später.")
    assert search_faq("spater").matches == [entry]
    assert search_faq("strasse").matches == []


def test_search_faq_finds_the_entries_of_a_team_by_its_name(entry, team):
    entry.team = team
    entry.save()
    assert search_faq(team.name).matches == [entry]


def test_search_faq_finds_only_what_is_published(entry):
    entry.is_published = False
    entry.save()
    assert search_faq("ecole").matches == search_faq("ecole").nearest == []


def test_search_faq_knows_the_synonyms_in_use(entry):
    group = SynonymGroup.objects.create(words="details; data,\npersonal information")
    assert search_faq("personal informations").matches == [entry]
    group.is_used = False
    group.save()
    assert search_faq("personal information").matches == []


def test_search_faq_costs_two_queries_after_the_first_search(entry, django_assert_num_queries):
    FaqEntry.objects.create(slug="b", question="École again?", answer="x")
    search_faq("ecole")
    with django_assert_num_queries(2):
        assert len(search_faq("ecole").matches) == 2
