"""For whom which announcements exist."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from conftest import make_member, make_membership, make_team
from teams.models import ActionTeam, Announcement, Attendance, Meeting, Membership
from teams.services import leave_team
from teams.tests.announcements import make_announcement
from teams.tests.meetings import make_meeting

OWN = {
    "member": {"team"},
    "coming": {"team"},
    "outsider": {"other"},
    "facilitator": {"team", "meeting"},
    "other facilitator": {"other"},
}
EDITED = {"facilitator": {"team", "meeting"}, "other facilitator": {"other"}}


@pytest.fixture
def announcements(team, other_team, administrator, member, outsider) -> dict[str, Announcement]:
    """One announcement of each kind, by "audience status who", to two teams, to all, to a draft
    team and to those who come to a meeting of `team`."""
    draft = make_team("Prepared", position=9)
    ActionTeam.objects.filter(pk=draft.pk).update(state=ActionTeam.State.DRAFT)
    meeting = make_meeting(team, audience=Meeting.Audience.TEAMS)
    audiences = {
        "team": {"team": team},
        "other": {"team": other_team},
        "all": {"team": None},
        "draft-team": {"team": draft},
        "meeting": {"team": None, "meeting": meeting},
    }
    return {
        f"{name} {status} {who}": make_announcement(
            **audience, by=administrator, status=status, is_public=who == "public"
        )
        for name, audience in audiences.items()
        for status in Announcement.Status.values
        for who in ("members", "public")
        if (name, who) != ("meeting", "public")
    }


@pytest.fixture
def people(
    announcements, member, colleague, outsider, facilitator, other_facilitator, applicant,
    team, organization,
):  # fmt: skip
    former = make_member("former@rush.example", organization, "Fred Former")
    membership = make_membership(former, team, Membership.Status.ACTIVE)
    meeting = Meeting.objects.get()
    for person, answer in ((colleague, "online"), (member, "no"), (former, "online")):
        Attendance.objects.create(
            meeting=meeting, member=person, answer=answer, answered_at=timezone.now()
        )
    Membership.objects.filter(pk=membership.pk).update(
        status=Membership.Status.ENDED, ended_at=timezone.now()
    )
    return {
        "visitor": AnonymousUser(),
        "without a team": make_member("new@rush.example", organization, "Nora New"),
        "applicant": applicant,
        "former member": former,
        "member": member,
        "coming": colleague,
        "outsider": outsider,
        "facilitator": facilitator,
        "other facilitator": other_facilitator,
    }


def is_seen(kind: str, audience: str, status: str, who: str) -> bool:
    """Return what the rule says, in other words than the query."""
    if audience in EDITED.get(kind, set()):
        return True
    if status == "draft" or audience == "draft-team":
        return False
    if who == "public" and audience in {"team", "other"}:
        return True
    if audience == "all":
        return kind in OWN
    if audience == "meeting":
        return kind == "coming"
    return audience in OWN.get(kind, set())


def test_visible_to_shows_each_person_what_exists_for_them(
    announcements, people, administrator
) -> None:
    for kind, person in people.items():
        seen = set(Announcement.objects.visible_to(person).values_list("pk", flat=True))
        names = {name for name, announcement in announcements.items() if announcement.pk in seen}
        assert names == {name for name in announcements if is_seen(kind, *name.split())}, kind
    assert Announcement.objects.visible_to(administrator).count() == len(announcements)


def test_visible_to_shows_old_announcements_to_a_new_member_until_they_leave(
    team, facilitator, outsider
) -> None:
    make_announcement(team, facilitator, sent_at=timezone.now() - timedelta(days=900))
    assert not Announcement.objects.visible_to(outsider).exists()
    membership = make_membership(outsider, team, Membership.Status.ACTIVE)
    assert Announcement.objects.visible_to(outsider).exists()
    leave_team(membership)
    assert not Announcement.objects.visible_to(outsider).exists()


def test_visible_to_shows_what_went_to_a_meeting_also_to_the_waiting_list(
    team, facilitator, member
) -> None:
    meeting = make_meeting(team)
    make_announcement(None, facilitator, meeting=meeting)
    assert not Announcement.objects.visible_to(member).exists()
    now = timezone.now()
    Attendance.objects.create(
        meeting=meeting, member=member, answer="in-person", answered_at=now, waiting_since=now
    )
    assert Announcement.objects.visible_to(member).exists()


def test_visible_to_costs_one_query_with_known_keys(
    team, facilitator, member, django_assert_num_queries
) -> None:
    make_announcement(team, facilitator)
    for person in (member, facilitator):
        with django_assert_num_queries(1):
            assert len(Announcement.objects.visible_to(person, [team.pk])) == 1
