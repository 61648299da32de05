"""The FAQ at the desk: its place, its address, and whether it is still true."""

from datetime import timedelta

import pytest
from django.utils import timezone

from conftest import messages_of, visible_text
from desk.tests.action_pages import action_url, listed
from teams.models import FaqEntry

LIST = "/admin/teams/faqentry/"


@pytest.fixture
def desk(client_for, facilitator):
    return client_for(facilitator)


@pytest.fixture
def foreign(other_team) -> FaqEntry:
    return FaqEntry.objects.create(team=other_team, slug="hired", question="Hired?", answer="Yes.")


def typed(**changes: object) -> dict[str, object]:
    return {
        "topic": "joining",
        "question": "May I join?",
        "slug": "may-i-join",
        "answer": "Yes.",
        "is_published": "on",
    } | changes


def of(entry: FaqEntry, **changes: object) -> dict[str, object]:
    """What the form of `entry` sends, with `changes`."""
    refused = {name: getattr(entry, name) for name in ("topic", "question", "answer", "position")}
    return {**refused, "is_published": "on"} | changes


def names(staff, query="") -> set[str]:
    return {str(record) for record in listed(FaqEntry, staff, query)}


def test_new_entry_is_last_in_its_section_and_checked_today(desk, team):
    FaqEntry.objects.create(slug="a", question="A?", answer="x", topic="joining", position=7)
    FaqEntry.objects.create(slug="b", question="B?", answer="x", topic="about", position=20)
    FaqEntry.objects.create(slug="c", question="C?", answer="x", team=team, position=3)
    desk.post(LIST + "add/", typed(position="0"))
    desk.post(LIST + "add/", typed(slug="of-team", team=team.pk))
    added = FaqEntry.objects.get(slug="may-i-join")
    assert (added.position, added.checked_on) == (8, timezone.localdate())
    assert FaqEntry.objects.get(slug="of-team").position == 4


def test_address_of_the_question_form_is_refused_in_words(desk):
    text = visible_text(desk.post(LIST + "add/", typed(slug="ask")))
    assert "At the address “ask” visitors ask their questions" in text
    assert not FaqEntry.objects.exists()


def test_new_answer_is_checked_today(desk, faq_entry):
    desk.post(f"{LIST}{faq_entry.pk}/change/", of(faq_entry, answer="Only you."))
    faq_entry.refresh_from_db()
    assert (faq_entry.answer, faq_entry.checked_on) == ("Only you.", timezone.localdate())
    assert faq_entry.history.first().checked_on == timezone.localdate()


@pytest.mark.parametrize("changes", [{}, {"position": "9"}, {"question": "Who?"}])
def test_change_of_other_fields_does_not_count_as_a_check(desk, faq_entry, changes):
    desk.post(f"{LIST}{faq_entry.pk}/change/", of(faq_entry, **changes))
    faq_entry.refresh_from_db()
    assert faq_entry.checked_on is None


def test_position_is_changed_afterwards(desk, faq_entry):
    desk.post(f"{LIST}{faq_entry.pk}/change/", of(faq_entry, position="9"))
    faq_entry.refresh_from_db()
    assert faq_entry.position == 9


def test_form_uses_plain_words(desk, faq_entry):
    for path in ("add/", f"{faq_entry.pk}/change/"):
        text = visible_text(desk.get(LIST + path))
        assert "Blank line: new paragraph. *word*: emphasis. - item: list." in text
        assert "Ignored for an entry with a team" in text
        assert "The last part of the link to this answer" in text
        assert "Markdown" not in text
        assert "Slug" not in text
        assert "Position" not in text


def test_still_true_is_one_click_on_the_record(desk, faq_entry):
    page = desk.get(f"{LIST}{faq_entry.pk}/change/").content.decode()
    assert f'action="{action_url("confirm", faq_entry)}"' in page
    desk.post(action_url("confirm", faq_entry))
    faq_entry.refresh_from_db()
    assert faq_entry.checked_on == timezone.localdate()
    assert faq_entry.history.first().history_user.full_name == "Fay Facilitator"
    page = desk.get(f"{LIST}{faq_entry.pk}/change/").content.decode()
    assert f'action="{LIST}confirm/' not in page


def test_still_true_page_of_several_shows_their_answers(desk, faq_entry):
    other = FaqEntry.objects.create(slug="o", question="Other?", answer="Long answer.")
    form_data = {"action": "confirm", "_selected_action": [faq_entry.pk, other.pk]}
    opened = desk.post(LIST, form_data)
    assert "Long answer. (last checked: not known)" in visible_text(desk.get(opened["Location"]))
    assert FaqEntry.objects.filter(checked_on=None).count() == 2
    desk.post(opened["Location"])
    assert FaqEntry.objects.filter(checked_on=timezone.localdate()).count() == 2


def test_still_true_twice_is_reported(desk, faq_entry):
    for _ in range(2):
        response = desk.post(action_url("confirm", faq_entry))
    assert "was checked today already" in messages_of(response)[-1]
    assert faq_entry.history.count() == 2


def test_entries_of_other_teams_are_not_found(desk, foreign):
    assert desk.post(action_url("confirm", foreign)).status_code == 404
    assert desk.get(f"{LIST}{foreign.pk}/change/").status_code == 404
    foreign.refresh_from_db()
    assert foreign.checked_on is None


def test_still_true_by_get_changes_nothing(desk, faq_entry):
    desk.get(action_url("confirm", faq_entry))
    faq_entry.refresh_from_db()
    assert faq_entry.checked_on is None


def test_filter_matches_entries_not_checked_for_180_days(desk, facilitator, faq_entry, foreign):
    today = timezone.localdate()
    for days in (180, 181):
        FaqEntry.objects.create(
            slug=f"d{days}",
            question=f"{days}?",
            answer="x",
            checked_on=today - timedelta(days=days),
        )
    assert names(facilitator, "checked=old") == {"Who can join?", "181?"}
    assert len(names(facilitator)) == 3
    assert desk.get(LIST + "?checked_on__lt=2030-01-01").status_code == 400


def test_member_does_not_reach_the_list(client_for, member, faq_entry):
    client = client_for(member)
    assert client.get(LIST).status_code == 403
    assert client.post(action_url("confirm", faq_entry)).status_code == 403
    faq_entry.refresh_from_db()
    assert faq_entry.checked_on is None
