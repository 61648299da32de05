"""Facilitators edit the words that mean the same to the search."""

import pytest

from conftest import visible_text
from teams.models import SynonymGroup
from teams.services import search_faq

LIST = "/admin/teams/synonymgroup/"


@pytest.fixture
def desk(client_for, facilitator):
    return client_for(facilitator)


def test_facilitators_add_synonyms_that_the_search_uses(desk, facilitator, faq_entry):
    desk.post(f"{LIST}add/", {"words": "join, hop aboard", "is_used": "on"})
    assert search_faq("hop aboard").matches == [faq_entry]
    assert SynonymGroup.history.get().history_user == facilitator


def test_facilitators_switch_synonyms_off(desk, faq_entry):
    group = SynonymGroup.objects.create(words="join, hop aboard")
    desk.post(f"{LIST}{group.pk}/change/", {"words": group.words})
    assert search_faq("hop aboard").matches == []
    assert "Not in use" in visible_text(desk.get(LIST))


@pytest.mark.parametrize("words", ["email, emails, E-Mail", "email,", "email, ?"])
def test_synonyms_of_one_word_are_refused_in_words(desk, words):
    text = visible_text(desk.post(f"{LIST}add/", {"words": words, "is_used": "on"}))
    assert "Enter two words or more" in text or "Use letters or digits" in text
    assert not SynonymGroup.objects.exists()


def test_members_do_not_see_the_synonyms(client_for, member):
    assert client_for(member).get(LIST).status_code == 403
