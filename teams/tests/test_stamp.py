"""Parts of pages that are kept for a second: another stamp after each change."""

from decimal import Decimal

import pytest
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import make_member, text_of
from teams.models import FaqEntry, Goal
from teams.services import join_teams, report_goal
from teams.stamp import content_stamp

pytestmark = pytest.mark.django_db


@pytest.fixture
def fragments(settings) -> None:
    """Kept until something changes; outside development it is a second at most."""
    settings.PAGE_CACHE_SECONDS = 60
    caches["fragments"].clear()


def rename(team, goal, faq_entry, facilitator):
    team.name = "Renamed"
    team.save()


def report(team, goal, faq_entry, facilitator):
    goal.target = Decimal(9)
    goal.save()
    report_goal(goal, state="at_risk", value=None, sentence="Too few.", by=facilitator)


def answer(team, goal, faq_entry, facilitator):
    faq_entry.answer = "Otherwise."
    faq_entry.save()


def ask(team, goal, faq_entry, facilitator):
    FaqEntry.objects.create(slug="new", question="New?", answer="Yes.", team=team)


def hide(team, goal, faq_entry, facilitator):
    faq_entry.delete()


def drop(team, goal, faq_entry, facilitator):
    Goal.objects.get(pk=goal.pk).delete()


@pytest.mark.parametrize("change", [rename, report, answer, ask, hide, drop])
def test_every_change_of_what_facilitators_write_gives_another_stamp(
    team, goal, faq_entry, facilitator, change
):
    before = content_stamp()
    change(team, goal, faq_entry, facilitator)
    assert content_stamp() != before


def test_stamp_is_one_query_and_stays_while_people_come_and_go(team, organization):
    with CaptureQueriesContext(connection) as queries:
        before = content_stamp()
    assert len(queries) == 1
    join_teams(make_member("nora@rush.example", organization, "Nora"), [team])
    assert content_stamp() == before


def test_stamp_changes_with_the_day(team, monkeypatch):
    before = content_stamp()
    monkeypatch.setattr("teams.stamp.timezone.localdate", lambda: "2027-01-01")
    assert content_stamp() != before


@pytest.mark.parametrize("address", ["/faq/", "/faq/?all=1", "/teams/education/"])
def test_kept_parts_cost_nothing_and_show_each_change_at_once(
    fragments, as_, member, team, goal, faq_entry, facilitator, address
):
    client = as_(member)
    first = text_of(client.get(address))
    with CaptureQueriesContext(connection) as queries:
        assert text_of(client.get(address)) == first
    told = " ".join(query["sql"] for query in queries)
    assert 'FROM "teams_faqentry"' not in told
    assert 'FROM "teams_goal"' not in told
    answer(team, goal, faq_entry, facilitator)
    assert "Otherwise." in text_of(client.get(address))


def test_kept_parts_are_of_one_team_and_one_way_to_show_them(
    fragments, as_, member, team, other_team, goal, faq_entry
):
    client = as_(member)  # visitors' whole pages are kept
    assert goal.title in text_of(client.get(team.get_absolute_url()))
    assert goal.title not in text_of(client.get(other_team.get_absolute_url()))
    assert "Show all answers" in text_of(client.get("/faq/"))
    assert "Close all answers" in text_of(client.get("/faq/?all=1"))
    marked = client.get("/faq/", {"q": faq_entry.question.split()[0]}).content.decode()
    assert "<mark>" in marked
    assert "<mark>" not in client.get("/faq/").content.decode()
