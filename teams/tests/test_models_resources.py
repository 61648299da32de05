"""For whom a resource exists; and what pages say of its date, language and length."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from conftest import make_team
from teams.models import ActionTeam, Resource, team_keys
from teams.tests.announcements import make_resource
from teams.tests.meetings import make_meeting

MEMBERS = "outsider other_facilitator member facilitator administrator"
OF_TEAM = "member facilitator administrator"
ALL = f"visitor applicant {MEMBERS}"
# Whose it is and for whom it is meant; who sees it.
SEEN_BY = {
    ("all", "public"): ALL,
    ("all", "members"): MEMBERS,
    # Of no team, so of nobody's own.
    ("all", "teams"): "administrator",
    ("team", "public"): ALL,
    ("team", "members"): MEMBERS,
    ("team", "teams"): OF_TEAM,
    ("public meeting", "public"): ALL,
    ("public meeting", "members"): MEMBERS,
    ("public meeting", "teams"): OF_TEAM,
    ("meeting for members", "public"): MEMBERS,
    ("meeting for members", "teams"): OF_TEAM,
    ("meeting for the team", "public"): OF_TEAM,
    ("meeting for the team", "members"): OF_TEAM,
    ("draft meeting", "public"): "facilitator administrator",
    ("draft team", "public"): "",
    ("draft team", "teams"): "",
    ("archived", "public"): "",
    ("archived", "teams"): "",
}


@pytest.fixture
def owners(team) -> dict[str, dict[str, object]]:
    """Fields of a resource by whose it is; `teams` are its own."""
    draft = make_team("Prepared")
    ActionTeam.objects.filter(pk=draft.pk).update(state=ActionTeam.State.DRAFT)
    return {
        "all": {},
        "team": {"teams": [team]},
        "public meeting": {"meeting": make_meeting(team)},
        "meeting for members": {"meeting": make_meeting(team, audience="members")},
        "meeting for the team": {"meeting": make_meeting(team, audience="teams")},
        "draft meeting": {"meeting": make_meeting(team, status="draft")},
        "draft team": {"teams": [draft]},
        "archived": {"teams": [team], "archived_at": timezone.now()},
    }


def test_resources_are_visible_to_their_audience(request, owners):
    for owner, audience in SEEN_BY:
        fields = dict(owners[owner])
        teams = fields.pop("teams", [])
        make_resource(*teams, title=f"{owner}, {audience}", audience=audience, **fields)
    for name in ALL.split():
        person = AnonymousUser() if name == "visitor" else request.getfixturevalue(name)
        expected = {f"{of}, {to}" for (of, to), people in SEEN_BY.items() if name in people.split()}
        visible = Resource.objects.visible_to(person)
        assert set(visible.values_list("title", flat=True)) == expected, name
        # The keys that a page knows already change nothing.
        keys = [] if name == "visitor" else team_keys(person)
        assert set(Resource.objects.visible_to(person, keys)) == set(visible), name


def test_resources_of_teams_include_those_of_their_meetings_and_for_all(team, other_team):
    own, general = make_resource(team), make_resource()
    of_meeting = make_resource(meeting=make_meeting(team))
    of_whole = make_resource(meeting=make_meeting())
    others = make_resource(other_team)
    assert set(Resource.objects.of_teams([team.pk])) == {own, general, of_meeting, of_whole}
    counts = Resource.objects.count_by_team([team, other_team])
    assert counts == {team.pk: 4, other_team.pk: 3}
    assert Resource.objects.of_teams([other_team.pk]).contains(others)
    assert Resource.objects.count_by_team([]) == {}


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ("", ""),
        ("2025", "2025"),
        ("2025-03", "March 2025"),
        ("2025-03-15", "March 15, 2025"),
        ("2025-13", "2025-13"),
        ("2025-02-30", "2025-02-30"),
    ],
)
def test_published_in_words_says_what_is_known(stored, words):
    assert Resource(published_on=stored).published_in_words == words


@pytest.mark.parametrize(
    ("code", "name", "is_english"),
    [
        ("en", "English", True),
        ("en-US", "English", True),
        ("es", "Spanish", False),
        ("es-MX", "Mexican Spanish", False),
        ("pl-PL", "Polish", False),
        ("zh-Hans", "Simplified Chinese", False),
        ("tlh", "tlh", False),
    ],
)
def test_language_name_is_english(code, name, is_english):
    resource = Resource(language=code)
    assert (resource.language_name, resource.is_in_english) == (name, is_english)


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (None, ""),
        (0, ""),
        (1, "1 minute"),
        (47, "47 minutes"),
        (60, "1 hour"),
        (125, "2 hours 5 minutes"),
    ],
)
def test_length_is_in_words(minutes, words):
    assert Resource(minutes=minutes).length == words


@pytest.mark.parametrize(("days", "is_due"), [(180, False), (181, True)])
def test_resource_is_due_for_a_check_after_180_days(days, is_due):
    checked_on = timezone.localdate() - timedelta(days=days)
    assert Resource(checked_on=checked_on).is_due_for_check == is_due


def test_host_is_readable():
    assert Resource(url="https://www.library.example.org:8080/x").host == "library.example.org"
    zurich = Resource(url="https://xn--zrich-kva.example/x")
    assert zurich.host == "zürich.example (xn--zrich-kva.example)"
