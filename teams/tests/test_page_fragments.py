"""Parts of public pages in the cache: a second old at most, and only what every visitor sees."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import make_membership, make_team, visible_text
from members.services import rename_organization
from teams.models import FaqEntry, Goal
from teams.services import (
    join_teams,
    leave_team,
    merge_organizations,
    recognize_organization,
    report_goal,
)

pytestmark = pytest.mark.django_db
CACHED_TABLES = ("teams_faqentry", "teams_goal", "members_organization")


def rename_team(team, goal, faq_entry, facilitator):
    team.name = "Renamed"
    team.save()


def close_team(team, goal, faq_entry, facilitator):
    team.join_policy = "closed"
    team.save()


def report(team, goal, faq_entry, facilitator):
    goal.target = Decimal(9)
    goal.save()
    report_goal(goal, state="at_risk", value=None, sentence="Too few.", by=facilitator)


def rewrite_answer(team, goal, faq_entry, facilitator):
    faq_entry.answer = "Otherwise."
    faq_entry.save()


def add_entry(team, goal, faq_entry, facilitator):
    FaqEntry.objects.create(slug="new", question="New?", answer="Yes.", team=team)


def delete_entry(team, goal, faq_entry, facilitator):
    faq_entry.delete()


def delete_goal(team, goal, faq_entry, facilitator):
    Goal.objects.get(pk=goal.pk).delete()


@pytest.mark.parametrize(
    ("address", "changes", "shown", "gone"),
    [
        ("/", (rename_team, delete_entry), ["Renamed"], ["Who can join?"]),
        ("/teams/", (rename_team,), ["Renamed"], []),
        (
            "/teams/education/",
            (rename_team, report, rewrite_answer, add_entry),
            ["Renamed", "Too few.", "Otherwise.", "New?"],
            [],
        ),
        (
            "/teams/education/",
            (close_team, delete_goal, delete_entry),
            ["This team is not taking new members"],
            ["Bring people to one table", "Who can join?"],
        ),
        ("/faq/?all=1", (rewrite_answer, add_entry), ["Otherwise.", "New?"], []),
    ],
)
def test_page_shows_changed_content_after_a_second(
    fragment_clock, client_for, outsider, team, goal, faq_entry, facilitator,
    address, changes, shown, gone,
):  # fmt: skip
    # Of the general answers a team's page shows only these.
    faq_entry.topic = "joining"
    faq_entry.save()
    client = client_for(outsider)
    before = visible_text(client.get(address))
    assert all(words in before for words in gone)
    assert not any(words in before for words in shown)
    for change in changes:
        change(team, goal, faq_entry, facilitator)
    fragment_clock.advance(0.9)
    assert visible_text(client.get(address)) == before
    fragment_clock.advance(0.2)
    after = visible_text(client.get(address))
    assert all(words in after for words in shown)
    assert not any(words in after for words in gone)


def join(member, other_team, proposed, by):
    join_teams(member, [other_team])


def leave(member, other_team, proposed, by):
    leave_team(member.memberships.get())


def recognize(member, other_team, proposed, by):
    recognize_organization(proposed, by=by)


def rename_employer(member, other_team, proposed, by):
    rename_organization(member.organization, name="Renamed Health", by=by)


def merge(member, other_team, proposed, by):
    merge_organizations(proposed, member.organization, by=by)


@pytest.mark.parametrize(
    ("address", "changes", "texts"),
    [
        ("/", (join, recognize), ["2 members from 2 organizations", "recognized organizations 3"]),
        ("/teams/", (leave,), ["No members yet: you can be the first"]),
        ("/teams/hiring/", (join,), ["2 members from 2 organizations", "Rush Example Hospital"]),
    ],
)
def test_page_shows_changed_numbers_after_eleven_seconds(
    fragment_clock, client_for, member, outsider, other_team, proposed_organization, administrator,
    address, changes, texts,
):  # fmt: skip
    client = client_for(outsider)
    before = visible_text(client.get(address))
    assert not any(text in before for text in texts)
    for change in changes:
        change(member, other_team, proposed_organization, administrator)
    fragment_clock.advance(9.9)
    page = visible_text(client.get(address))
    assert not any(text in page for text in texts)
    fragment_clock.advance(1.1)
    page = visible_text(client.get(address))
    assert all(text in page for text in texts)


def test_organization_list_shows_changes_after_a_second(
    fragment_clock, client_for, member, outsider, other_team, proposed_organization, administrator
):
    client = client_for(outsider)
    texts = ["Renamed Health Education Hiring", "Lakeview Health"]
    before = visible_text(client.get("/organizations/"))
    assert not any(text in before for text in texts)
    for change in (join, recognize, rename_employer):
        change(member, other_team, proposed_organization, administrator)
    fragment_clock.advance(1.1)
    page = visible_text(client.get("/organizations/"))
    assert all(text in page for text in texts)


def test_organization_list_leaves_out_a_merged_one(
    fragment_clock, client_for, member, proposed_organization, administrator
):
    recognize_organization(proposed_organization, by=administrator)
    client = client_for(member)
    assert "Lakeview Health" in visible_text(client.get("/organizations/"))
    merge(member, None, proposed_organization, administrator)
    fragment_clock.advance(1.1)
    assert "Lakeview Health" not in visible_text(client.get("/organizations/"))


@pytest.mark.parametrize(
    "address", ["/", "/teams/", "/faq/?all=1", "/teams/education/", "/organizations/"]
)
def test_page_queries_and_counts_nothing_that_is_in_the_cache(
    fragment_clock, client_for, member, outsider, goal, faq_entry, address
):
    client = client_for(outsider)
    before = visible_text(client.get(address))
    with CaptureQueriesContext(connection) as queries:
        assert visible_text(client.get(address)) == before
    sql = " ".join(query["sql"] for query in queries)
    for words in ("COUNT(", *(f'FROM "{name}"' for name in CACHED_TABLES)):
        assert words not in sql


def test_public_page_queries_nothing_that_is_in_the_cache(
    fragment_clock, client, team, goal, faq_entry, django_assert_num_queries
):
    # Not from the cache of whole pages.
    client.cookies["any"] = "thing"
    for address in ("/", "/teams/", "/teams/education/", "/faq/", "/privacy/"):
        before = visible_text(client.get(address))
        with django_assert_num_queries(0):
            assert visible_text(client.get(address)) == before


def test_parts_of_the_team_page_are_no_older_than_the_team(
    fragment_clock, client, team, other_team
):
    client.cookies["any"] = "thing"
    # Reads all teams.
    client.get("/teams/hiring/")
    team.join_policy = "closed"
    team.save()
    fragment_clock.advance(0.9)
    assert "Join the team to have a say" in visible_text(client.get("/teams/education/"))
    fragment_clock.advance(0.2)
    page = visible_text(client.get("/teams/education/"))
    assert "This team is not taking new members right now." in page
    assert "Join the team to have a say" not in page
    assert "Yours can be the first" not in page


def test_my_teams_shows_a_draft_beside_public_teams(fragment_clock, client_for, member, other_team):
    draft = make_team("Secret Plans")
    draft.state = "draft"
    draft.save()
    make_membership(member, draft, "active")
    assert f"{draft.name} Member Draft" in visible_text(client_for(member).get("/my/"))


def test_fragments_are_of_one_team_and_one_way_to_show_them(
    fragment_clock, client_for, member, team, other_team, goal, faq_entry
):
    client = client_for(member)
    assert goal.title in visible_text(client.get(team.get_absolute_url()))
    assert goal.title not in visible_text(client.get(other_team.get_absolute_url()))
    assert "Show all answers" in visible_text(client.get("/faq/"))
    assert "Close all answers" in visible_text(client.get("/faq/?all=1"))
    marked = client.get("/faq/", {"q": faq_entry.question.split()[0]}).content.decode()
    assert "<mark>" in marked
    assert "<mark>" not in client.get("/faq/").content.decode()


def test_fragments_of_the_header_are_of_one_kind_of_visitor(
    fragment_clock, client, client_for, member, facilitator, team
):
    client.cookies["any"] = "thing"
    of_member, of_facilitator = client_for(member), client_for(facilitator)
    for _ in range(2):
        assert "Sign in" in visible_text(client.get("/topics/"))
        assert "Facilitators’ desk" in visible_text(of_facilitator.get("/topics/"))
        page = visible_text(of_member.get("/topics/"))
        assert "My teams" in page
        assert "Facilitators’ desk" not in page


def test_fragments_hold_no_name_of_a_facilitator(
    fragment_clock, client_for, client, member, team, facilitator
):
    client.cookies["any"] = "thing"
    address = team.get_absolute_url()
    for visitor in (client, client_for(member), client):
        page = visible_text(visitor.get(address))
        assert (facilitator.full_name in page) is (visitor is not client)
    facilitator.full_name = "Fay Renamed"
    facilitator.save()
    assert "Fay Renamed" in visible_text(client_for(member).get(address))
    team.facilitators.clear()
    assert "Fay Renamed" not in visible_text(client_for(member).get(address))


def test_fragments_of_the_organization_list_are_of_one_page(
    fragment_clock, client_for, outsider, organization, monkeypatch
):
    monkeypatch.setattr("teams.views.public.ORGANIZATIONS_PER_PAGE", 1)
    client = client_for(outsider)
    first, second = (visible_text(client.get("/organizations/", {"page": page})) for page in (1, 2))
    assert first != second
    assert "Page 2 of 2" in second


def test_page_is_never_old_in_development(client, team):
    client.get("/teams/education/")
    rename_team(team, None, None, None)
    assert "Renamed" in visible_text(client.get("/teams/education/"))
