"""Parts of pages that are kept for a second: another stamp after each change."""

from decimal import Decimal

import pytest
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import membership_of, visible_text
from members.services import rename_organization
from teams.cache_versions import cache_versions
from teams.models import FaqEntry, Goal
from teams.services import (
    close_account,
    end_membership,
    join_teams,
    leave_team,
    merge_organizations,
    recognize_organization,
    report_goal,
)

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
    before = cache_versions()
    change(team, goal, faq_entry, facilitator)
    assert cache_versions().content != before.content
    assert cache_versions().people == before.people


def join(member, other_team, proposed, by):
    join_teams(member, [other_team])


def leave(member, other_team, proposed, by):
    leave_team(membership_of(member, member.memberships.get().team))


def end(member, other_team, proposed, by):
    end_membership(member.memberships.get(), reason="Moved.", by=by)


def close(member, other_team, proposed, by):
    close_account(member)


def recognize(member, other_team, proposed, by):
    recognize_organization(proposed, by=by)


def rename_employer(member, other_team, proposed, by):
    rename_organization(member.organization, name="Renamed Health", by=by)


def merge(member, other_team, proposed, by):
    merge_organizations(proposed, member.organization, by=by)


CHANGES = [join, leave, end, close, recognize, rename_employer, merge]


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_people_and_organizations_gives_another_stamp(
    member, other_team, proposed_organization, administrator, change
):
    before = cache_versions()
    change(member, other_team, proposed_organization, administrator)
    assert cache_versions().people != before.people
    assert cache_versions().content == before.content


def test_stamps_are_one_query(team, django_assert_num_queries):
    with django_assert_num_queries(1):
        cache_versions()


def test_stamps_change_with_the_day(team, monkeypatch):
    before = cache_versions()
    monkeypatch.setattr("teams.cache_versions.timezone.localdate", lambda: "2027-01-01")
    assert cache_versions().content != before.content
    assert cache_versions().people != before.people


@pytest.mark.parametrize("address", ["/faq/", "/faq/?all=1", "/teams/education/"])
def test_kept_parts_cost_nothing_and_show_each_change_at_once(
    fragments, client_for, member, team, goal, faq_entry, facilitator, address
):
    client = client_for(member)
    first = visible_text(client.get(address))
    with CaptureQueriesContext(connection) as queries:
        assert visible_text(client.get(address)) == first
    told = " ".join(query["sql"] for query in queries)
    assert 'FROM "teams_faqentry"' not in told
    assert 'FROM "teams_goal"' not in told
    answer(team, goal, faq_entry, facilitator)
    assert "Otherwise." in visible_text(client.get(address))


def test_kept_parts_are_of_one_team_and_one_way_to_show_them(
    fragments, client_for, member, team, other_team, goal, faq_entry
):
    client = client_for(member)  # visitors' whole pages are kept
    assert goal.title in visible_text(client.get(team.get_absolute_url()))
    assert goal.title not in visible_text(client.get(other_team.get_absolute_url()))
    assert "Show all answers" in visible_text(client.get("/faq/"))
    assert "Close all answers" in visible_text(client.get("/faq/?all=1"))
    marked = client.get("/faq/", {"q": faq_entry.question.split()[0]}).content.decode()
    assert "<mark>" in marked
    assert "<mark>" not in client.get("/faq/").content.decode()


PAGES = ["/", "/teams/", "/teams/education/", "/organizations/"]


@pytest.mark.parametrize("address", PAGES)
def test_numbers_and_names_are_counted_once_for_as_long_as_nobody_comes_or_goes(
    fragments, client_for, member, outsider, team, address
):
    client = client_for(outsider)
    first = visible_text(client.get(address))
    with CaptureQueriesContext(connection) as queries:
        assert visible_text(client.get(address)) == first
    told = " ".join(query["sql"] for query in queries)
    assert "COUNT(" not in told
    assert 'FROM "members_organization"' not in told


@pytest.mark.parametrize(
    ("address", "change", "shows"),
    [
        ("/", join, "2 members from 2 organizations"),
        ("/", recognize, "recognized organizations 3"),
        ("/teams/", leave, "No members yet: you can be the first"),
        ("/teams/hiring/", join, "2 members from 2 organizations"),
        ("/teams/hiring/", join, "Rush Example Hospital"),
        ("/teams/education/", rename_employer, "Renamed Health"),
        ("/organizations/", join, "In Education, Hiring"),
        ("/organizations/", recognize, "Lakeview Health"),
    ],
)
def test_whoever_is_signed_in_sees_at_once_who_came_and_went(
    fragments, client_for, member, outsider, other_team, proposed_organization, administrator,
    address, change, shows,
):  # fmt: skip
    client = client_for(outsider)
    assert shows not in visible_text(client.get(address))
    change(member, other_team, proposed_organization, administrator)
    assert shows in visible_text(client.get(address))


def test_names_of_facilitators_are_kept_for_members_alone(
    fragments, client_for, client, member, team, facilitator
):
    client.cookies["any"] = "thing"  # no page from memory
    address = team.get_absolute_url()
    for asking in (client, client_for(member), client):
        told = visible_text(asking.get(address))
        assert (facilitator.full_name in told) is (asking is not client)
    facilitator.full_name = "Fay Renamed"
    facilitator.save()
    assert "Fay Renamed" in visible_text(client_for(member).get(address))
    team.facilitators.clear()
    assert "Fay Renamed" not in visible_text(client_for(member).get(address))


def test_pages_of_the_list_are_kept_apart(
    fragments, client_for, outsider, organization, monkeypatch
):
    monkeypatch.setattr("teams.views.public.ORGANIZATIONS_A_PAGE", 1)
    client = client_for(outsider)
    first, second = (visible_text(client.get("/organizations/", {"page": page})) for page in (1, 2))
    assert first != second
    assert "Page 2 of 2" in second
