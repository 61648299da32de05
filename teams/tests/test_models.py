"""What the database itself refuses about teams and memberships, and small facts about them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from conftest import make_member, make_team, membership_of
from teams.models import ActionTeam, FaqEntry, Goal, Membership, SynonymGroup


def refuses(change, *args, **kwargs) -> None:
    """The database refuses, whatever Python checks beforehand."""
    with pytest.raises(IntegrityError), transaction.atomic():
        change(*args, **kwargs)


# Teams, goals, questions -------------------------------------------------------------------


def test_team_has_a_known_join_policy(team):
    refuses(ActionTeam.objects.filter(pk=team.pk).update, join_policy="maybe")


def test_team_name_and_slug_are_unique(team, other_team):
    others = ActionTeam.objects.filter(pk=other_team.pk)
    refuses(others.update, name=team.name)
    refuses(others.update, slug=team.slug)


def test_team_with_goals_questions_or_members_is_not_deleted(team, goal):
    with pytest.raises(ProtectedError):
        team.delete()


def test_team_has_a_known_state(team):
    refuses(ActionTeam.objects.filter(pk=team.pk).update, state="asleep")


def test_team_counts_active_members_and_their_organizations(
    member, colleague, outsider, applicant, team, other_team
):
    counts = {t.name: (t.active_count, t.organization_count) for t in _counted()}
    assert counts == {"Education": (2, 1), "Hiring": (1, 1)}


def _counted():
    return ActionTeam.objects.with_counts()


def test_facilitated_by_holds_own_teams_and_all_for_administrators(
    facilitator, administrator, member, team, other_team
):
    assert list(ActionTeam.objects.facilitated_by(facilitator)) == [team]
    assert list(ActionTeam.objects.facilitated_by(administrator)) == [team, other_team]
    assert not ActionTeam.objects.facilitated_by(member).exists()


@pytest.fixture
def goals(goal):
    return Goal.objects.filter(pk=goal.pk)


def test_goal_has_a_known_state(goals):
    refuses(goals.update, state="great")


def test_goal_has_a_number_only_with_a_target_above_zero(goals):
    refuses(goals.update, current=5)
    refuses(goals.update, target=0)
    refuses(goals.update, current=0, target=0)
    refuses(goals.update, current=5, target=-1)
    goals.update(target=5)
    goals.update(current=0, target=5)


def test_goal_at_risk_says_why(goals):
    refuses(goals.update, state="at_risk", state_reason="")
    goals.update(state="at_risk", state_reason="Two providers left.")


def test_goal_slug_is_unique_in_a_team(goal, other_team):
    refuses(Goal.objects.create, team=goal.team, slug=goal.slug, title="x")
    Goal.objects.create(team=other_team, slug=goal.slug, title="x")


@pytest.mark.parametrize(
    ("current", "target", "percent"),
    [(58, 70, 83), (0, 5, 0), (9, 5, 100), (-1, 5, 0), (None, None, None)],
)
def test_goal_percent_stays_between_0_and_100(current, target, percent):
    numbers = [None if n is None else Decimal(n) for n in (current, target)]
    assert Goal(current=numbers[0], target=numbers[1]).percent == percent


@pytest.mark.parametrize(("days", "stale"), [(None, False), (0, False), (90, False), (91, True)])
def test_goal_without_news_for_90_days_is_stale(days, stale):
    reported_on = None if days is None else timezone.localdate() - timedelta(days=days)
    assert Goal(reported_on=reported_on, state="on_track").is_stale is stale


@pytest.mark.parametrize("state", Goal.OVER)
def test_goal_that_is_over_is_never_stale(state):
    reported_on = timezone.localdate() - timedelta(days=400)
    assert Goal(reported_on=reported_on, state=state).is_stale is False


def test_faq_entry_has_a_known_topic_and_a_unique_slug(faq_entry):
    refuses(FaqEntry.objects.filter(pk=faq_entry.pk).update, topic="other")
    refuses(FaqEntry.objects.create, slug=faq_entry.slug, question="x", answer="x")


def test_synonym_group_is_not_empty(db):
    refuses(SynonymGroup.objects.create, words="")


# Memberships -------------------------------------------------------------------------------


@pytest.fixture
def memberships(member, team):
    """An active membership."""
    return Membership.objects.filter(pk=membership_of(member, team).pk)


@pytest.fixture
def requests(applicant, team):
    """A waiting request."""
    return Membership.objects.filter(pk=membership_of(applicant, team).pk)


@pytest.mark.parametrize("status", ["requested", "active"])
def test_membership_is_current_once_for_each_member_and_team(memberships, status):
    (membership,) = memberships
    decided_at = timezone.now() if status == "active" else None
    again = Membership(
        member=membership.member, team=membership.team, status=status, decided_at=decided_at
    )
    refuses(Membership.objects.bulk_create, [again])


def test_membership_may_be_over_many_times(memberships):
    (membership,) = memberships
    now = timezone.now()
    past = {"member": membership.member, "team": membership.team, "decided_at": now}
    Membership.objects.bulk_create(
        [
            Membership(**past, status="ended", ended_at=now),
            Membership(**past, status="ended", ended_at=now),
            Membership(**past, status="declined", reason="Full."),
        ]
    )
    assert Membership.objects.of(membership.member).current().count() == 1


def test_membership_has_a_known_status(requests):
    refuses(requests.update, status="invited")


def test_membership_has_a_known_origin(memberships):
    refuses(memberships.update, origin="")
    refuses(memberships.update, origin="invited")


def test_membership_is_active_only_with_a_time(requests):
    refuses(requests.update, status="active")
    refuses(requests.update, decided_at=timezone.now())


def test_membership_is_declined_only_with_time_and_reason(requests):
    refuses(requests.update, status="declined", reason="Full.")
    refuses(requests.update, status="declined", decided_at=timezone.now())
    requests.update(status="declined", decided_at=timezone.now(), reason="Full.")


def test_membership_is_withdrawn_only_with_a_time(requests):
    refuses(requests.update, status="withdrawn")
    refuses(requests.update, status="withdrawn", ended_at=timezone.now(), decided_at=timezone.now())
    refuses(requests.update, ended_at=timezone.now())


def test_membership_is_ended_only_with_a_time(memberships):
    refuses(memberships.update, status="ended")
    refuses(memberships.update, ended_at=timezone.now())
    refuses(memberships.update, status="ended", ended_at=timezone.now(), decided_at=None)


def test_membership_protects_member_and_team(member, team):
    for protected in (member, team):
        with pytest.raises(ProtectedError):
            protected.delete()


def test_membership_waits_for_organization_affiliation_or_approval(
    applicant, organization, approval_team, member, team
):
    unconfirmed = make_member("x@mail.example", organization, confirmed=False)
    homeless = make_member("y@mail.example")
    waits = [
        Membership(member=person, team=approval_team).waits_for
        for person in (applicant, homeless, unconfirmed, member)
    ]
    assert waits == ["organization", "organization", "affiliation", "approval"]


def test_memberships_to_decide_are_of_confirmed_people(
    applicant, organization, approval_team, member
):
    unconfirmed = make_member("x@mail.example", organization, confirmed=False)
    to_confirm = Membership.objects.create(member=unconfirmed, team=approval_team)
    to_decide = Membership.objects.create(member=member, team=approval_team)
    assert list(Membership.objects.to_decide()) == [to_decide]
    assert list(Membership.objects.to_confirm()) == [to_confirm]
    assert Membership.objects.waiting().count() == 3


def test_memberships_are_visible_to_the_facilitators_of_their_team_only(
    member, outsider, team, facilitator, other_facilitator, administrator
):
    def seen(person):
        return set(Membership.objects.visible_to(person))

    mine, theirs = membership_of(member, team), Membership.objects.of(outsider).get()
    assert seen(facilitator) == {mine}
    assert seen(other_facilitator) == {theirs}
    assert seen(administrator) == {mine, theirs}
    assert seen(member) == seen(AnonymousUser()) == set()


def test_memberships_are_invisible_without_the_desk(facilitator, member):
    facilitator.is_staff = False
    assert not Membership.objects.visible_to(facilitator).exists()


def test_roster_is_visible_to_active_members_facilitators_and_administrators(
    member, applicant, outsider, facilitator, other_facilitator, administrator, team
):
    people = (member, facilitator, administrator, applicant, outsider, other_facilitator)
    assert [team.roster_visible_to(person) for person in people] == [True] * 3 + [False] * 3


def test_membership_says_who_where_and_how(member, team):
    assert str(membership_of(member, team)) == "Maria Member in Education (active)"


def test_teams_with_counts_need_one_query(member, colleague, django_assert_num_queries):
    make_team("Empty", position=9)
    with django_assert_num_queries(1):
        assert [team.active_count for team in _counted()] == [2, 0]
