"""Drafts are there for those who prepare them; paused and finished teams take nobody."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from conftest import make_membership, make_team, visible_text
from members.services import save_with_history
from teams.models import ActionTeam, FaqEntry, Goal, GoalUpdate, Meeting, Membership
from teams.services import Outcome, join_teams
from teams.tests.joining import JOIN, enter_code
from teams.tests.joining import form as joining_form
from teams.tests.meetings import make_meeting

State = ActionTeam.State


def set_state(team: ActionTeam, state: str) -> ActionTeam:
    save_with_history(team, None, "for the test", state=state)
    return team


@pytest.fixture
def draft(administrator) -> ActionTeam:
    """A draft with a goal that has an update, and a question."""
    draft = set_state(make_team("Secret Plans", position=9), State.DRAFT)
    goal = Goal.objects.create(team=draft, slug="hidden", title="A hidden matter")
    GoalUpdate.objects.create(goal=goal, state="on_track", sentence="A step of a hidden matter")
    FaqEntry.objects.create(slug="hidden", question="What hidden matter?", answer="-", team=draft)
    return draft


def test_draft_is_on_no_page(client_for, draft, outsider, member):
    make_membership(outsider, draft, Membership.Status.ACTIVE)
    of_members = ("/", "/teams/", "/faq/?q=hidden", "/join/")
    of_all = (*of_members, "/faq/", "/organizations/", "/sitemap.xml")
    for client, paths in ((Client(), of_all), (client_for(member), of_members)):
        for path in paths:
            page = client.get(path, follow=True).content.decode().lower()
            assert "secret" not in page
            assert "hidden matter" not in page


def test_draft_answers_like_nothing_to_strangers(client_for, draft, member):
    for client in (Client(), client_for(member)):
        for path in ("/teams/secret-plans/", "/organizations/?team=secret-plans", "/faq/hidden/"):
            assert client.get(path).status_code == 404


def test_draft_is_shown_to_those_who_prepare_it(client_for, draft, administrator, member, outsider):
    draft.facilitators.add(member)
    make_membership(outsider, draft, Membership.Status.ACTIVE)
    for person in (administrator, member, outsider):
        assert "This page is a draft" in client_for(person).get("/teams/secret-plans/").text


@pytest.mark.parametrize("state", [State.DRAFT, State.PAUSED])
def test_team_that_is_not_published_takes_nobody(client_for, outsider, team, state):
    set_state(team, state)
    (outcome,) = join_teams(outsider, [team])
    assert outcome.outcome == Outcome.CLOSED
    client_for(outsider).post(f"/teams/{team.slug}/join/")
    page = Client().post(JOIN, joining_form(team)).content.decode()
    assert ("Not taking new members right now" in page) == (state != State.DRAFT)
    assert not Membership.objects.filter(team=team).exists()


@pytest.mark.parametrize("state", [State.DRAFT, State.PAUSED])
def test_team_that_takes_nobody_since_the_form_was_sent_is_named(
    client, organization, team, other_team, state
):
    client.post(JOIN, joining_form(team, other_team))
    set_state(team, state)
    page = enter_code(client)
    assert "You have joined Hiring" in visible_text(page)
    assert "Education Closed in the meantime" in visible_text(page)
    assert (f'href="/teams/{team.slug}/"' in page.text) == (state != State.DRAFT)
    assert not Membership.objects.filter(team=team).exists()


@pytest.mark.parametrize(
    ("state", "sentence"),
    [(State.PAUSED, "This team is paused"), (State.FINISHED, "This team has finished its work")],
)
def test_team_that_takes_nobody_says_why(client_for, member, team, state, sentence):
    set_state(team, state)
    page = Client().get(f"/teams/{team.slug}/").text
    assert sentence in page
    assert state.label in page
    assert f"/join/?team={team.slug}" not in page
    assert state.label in client_for(member).get("/my/").text


def test_team_with_announced_meetings_does_not_become_a_draft(team):
    meeting = make_meeting(team)
    team.state = State.DRAFT
    with pytest.raises(ValidationError, match="is announced"):
        team.full_clean()
    Meeting.objects.filter(pk=meeting.pk).update(status="cancelled", cancelled_reason="Ill.")
    team.full_clean()
