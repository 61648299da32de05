"""FAQ entries that may answer a visitor's question already."""

import pytest

from desk.records.similar_entries import similar_entries
from teams.models import FaqEntry
from teams.services import ask_question


@pytest.fixture
def entries(db) -> None:
    for slug, question in {
        "who-can-join": "Who can join?",
        "leave": "How do I leave a team?",
        "password": "Do I need a password?",
        "recognized": "What if my organization is not recognized yet?",
    }.items():
        FaqEntry.objects.create(slug=slug, question=question, answer="Yes.")
    FaqEntry.objects.create(
        slug="hidden", question="Can a hospital join?", answer="Yes.", is_published=False
    )


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Can my hospital join?", "who-can-join"),
        ("how can I LEAVE", "leave"),
        ("I lost my pássword", "password"),
        ("Why is my organization not recognised?", "recognized"),
    ],
)
def test_similar_entries_begin_with_the_nearest_question(entries, text, slug):
    question = ask_question(text)
    assert similar_entries([question])[question.pk][0].slug == slug


@pytest.mark.parametrize("text", ["Is parking free on Tuesdays?", "?", "(zq+)+$"])
def test_similar_entries_are_none_where_no_question_is_near(entries, text):
    question = ask_question(text)
    assert similar_entries([question]) == {question.pk: []}


def test_similar_entries_take_one_query_for_many_questions(entries, django_assert_num_queries):
    questions = [ask_question(f"Can hospital {number} join?") for number in range(3)]
    with django_assert_num_queries(1):
        assert len(similar_entries(questions)) == 3
