"""For whom which meetings exist."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from conftest import appoint, make_active_member, make_member, make_membership, make_team
from teams.calendars import feed
from teams.models import ActionTeam, Meeting, Membership, team_keys
from teams.services import leave_team
from teams.services.meetings import hold_meeting, join_url_for
from teams.tests.meetings import make_meeting

EDITED = {"facilitator": {"team", "both"}, "other facilitator": {"other", "both"}}


@pytest.fixture
def meetings(team, other_team) -> dict[str, Meeting]:
    """One meeting of each kind, by "owner audience status"."""
    draft = make_team("Prepared", position=9)
    ActionTeam.objects.filter(pk=draft.pk).update(state=ActionTeam.State.DRAFT)
    teams = {
        "all": (),
        "team": (team,),
        "other": (other_team,),
        "both": (team, other_team),
        "draft-team": (draft,),
    }
    return {
        f"{owner} {audience} {status}": make_meeting(
            *teams[owner], audience=audience, status=status, cancelled_reason="Snow."
        )
        for owner in teams
        for audience in Meeting.Audience.values
        for status in ("draft", "announced", "cancelled")
    }


@pytest.fixture
def people(member, outsider, facilitator, other_facilitator, applicant, team, organization):
    former = make_member("former@rush.example", organization, "Fred Former")
    leave_team(make_membership(former, team, Membership.Status.ACTIVE))
    return {
        "visitor": AnonymousUser(),
        "without a team": make_member("new@rush.example", organization, "Nora New"),
        "applicant": applicant,
        "former member": former,
        "member": member,
        "outsider": outsider,
        "facilitator": facilitator,
        "other facilitator": other_facilitator,
    }


def is_seen(kind: str, owner: str, audience: str, status: str) -> bool:
    """Return what the rule says, in other words than the query."""
    if owner in EDITED.get(kind, set()):
        return True
    if status == "draft" or owner == "draft-team":
        return False
    if kind in {"visitor", "without a team", "applicant", "former member"}:
        return audience == "public"
    own = {"other", "both"} if kind in {"outsider", "other facilitator"} else {"team", "both"}
    return audience != "teams" or owner in own


def test_visible_to_shows_each_person_what_exists_for_them(meetings, people, administrator) -> None:
    for kind, person in people.items():
        seen = set(Meeting.objects.visible_to(person).values_list("pk", flat=True))
        names = {name for name, meeting in meetings.items() if meeting.pk in seen}
        assert names == {name for name in meetings if is_seen(kind, *name.split())}, kind
    assert Meeting.objects.visible_to(administrator).count() == len(meetings)


def test_visible_to_shows_meetings_of_a_draft_team_to_its_facilitators(
    meetings, organization, administrator
) -> None:
    draft = ActionTeam.objects.get(name="Prepared")
    prepares = make_active_member("pia@rush.example", organization, "Pia Prepares", draft)
    of_draft = Meeting.objects.filter(teams=draft)
    assert not of_draft.visible_to(prepares).exists()
    appoint(prepares, draft, administrator)
    assert of_draft.visible_to(prepares).count() == of_draft.count() == 9


def test_visible_to_lists_a_meeting_of_several_own_teams_once(team, other_team, member) -> None:
    make_membership(member, other_team, Membership.Status.ACTIVE)
    meeting = make_meeting(team, other_team, audience=Meeting.Audience.TEAMS)
    assert list(Meeting.objects.visible_to(member)) == [meeting]
    assert list(Meeting.objects.visible_to(member).of_team(team)) == [meeting]


def test_of_team_has_meetings_of_the_whole_collaborative(meetings, team, other_team) -> None:
    keys = set(Meeting.objects.of_team(team).values_list("pk", flat=True))
    owners = {name.split()[0] for name, meeting in meetings.items() if meeting.pk in keys}
    assert owners == {"all", "team", "both"}


def test_upcoming_and_past_differ_by_the_end(team) -> None:
    now = timezone.now()

    def begun(hours: float, **fields) -> Meeting:
        return make_meeting(team, starts_at=now - timedelta(hours=hours), **fields)

    running, over = begun(1), begun(2)
    held = begun(24, status=Meeting.Status.HELD)
    later, next_one = begun(-48), begun(-24)
    cancelled = begun(-30, status=Meeting.Status.CANCELLED, cancelled_reason="Snow.")
    begun(30, status=Meeting.Status.CANCELLED, cancelled_reason="Snow.")
    begun(30, status=Meeting.Status.DRAFT)
    assert list(Meeting.objects.upcoming()) == [running, next_one, cancelled, later]
    assert list(Meeting.objects.upcoming().takes_place()) == [running, next_one, later]
    assert list(Meeting.objects.past()) == [over, held]


@pytest.mark.parametrize(
    ("kind", "is_given"),
    [
        ("visitor", False),
        ("without a team", False),
        ("applicant", False),
        ("former member", False),
        ("member", True),
        ("outsider", False),
        ("facilitator", True),
        ("other facilitator", False),
    ],
)
def test_join_url_is_for_members_who_see_the_meeting(people, team, kind, is_given) -> None:
    of_team = make_meeting(team, audience=Meeting.Audience.TEAMS)
    assert join_url_for(of_team, people[kind]) == (of_team.join_url if is_given else "")
    public = make_meeting()
    has_team = bool(kind != "visitor" and team_keys(people[kind]))
    assert join_url_for(public, people[kind]) == (public.join_url if has_team else "")


@pytest.mark.parametrize("status", ["draft", "cancelled"])
def test_join_url_is_given_while_the_meeting_is_announced(team, member, status) -> None:
    meeting = make_meeting(team, status=status, cancelled_reason="Snow.")
    assert join_url_for(meeting, member) == ""


def test_join_url_is_given_until_the_end(team, member) -> None:
    ago = timezone.now() - timedelta(minutes=100)
    assert join_url_for(make_meeting(team, starts_at=ago), member) == ""
    assert join_url_for(make_meeting(team, starts_at=ago + timedelta(minutes=20)), member)
    assert join_url_for(make_meeting(team, join_url=""), member) == ""


def test_join_url_is_given_while_who_came_is_recorded(team, member, facilitator) -> None:
    meeting = make_meeting(team, starts_at=timezone.now() - timedelta(minutes=20))
    meeting = hold_meeting(meeting, by=facilitator)
    assert join_url_for(meeting, member) == meeting.join_url
    assert b"secret-room" in feed([meeting], with_join_links=True).replace(b"\r\n ", b"")
