"""Figures: months, counts, how long decisions take, who sits where, and where bars stand."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import make_member, make_team, membership_of
from members.models import Organization
from teams.models import ActionTeam, Goal, Membership
from teams.services import add_member, join_teams
from teams.statistics import (
    MEDIAN,
    P90,
    Bar,
    Period,
    bars,
    changes_by_team,
    coverage_of,
    goals_by_state,
    hours_to_answer,
    pairs,
    recognized_on_teams,
    recognized_without,
    teams_now,
    within,
)

MARCH = Period(date(2026, 3, 1), date(2026, 3, 1))


def put(person, team, status="active", **fields) -> Membership:
    """A stay of the past, as it is stored."""
    if "decided_at" not in fields and status in ("active", "ended", "declined"):
        fields["decided_at"] = timezone.now()
    if status == "declined":
        fields["reason"] = "No."
    return Membership.objects.create(member=person, team=team, status=status, **fields)


def at(*day: int) -> datetime:
    return datetime(*day, tzinfo=timezone.get_default_timezone())


# Months -------------------------------------------------------------------------------------


def test_a_year_ends_with_this_month():
    period = Period.year_until(date(2026, 1, 31))
    assert (period.code, len(period.months)) == ("2025-02..2026-01", 12)
    assert period.months[-2:] == [date(2025, 12, 1), date(2026, 1, 1)]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("2026-03", "March 2026"),
        ("2026-03..2026-03", "March 2026"),
        ("2026-01..2026-12", "January to December 2026"),
        ("2025-12..2026-11", "December 2025 to November 2026"),
    ],
)
def test_a_period_is_read_from_its_code_and_told_in_words(code, words):
    period = Period.read(code)
    assert str(period) == words
    assert Period.read(period.code) == period


@pytest.mark.parametrize(
    "code",
    [
        "", "x", "2026", "2026-3", "2026-13", "2026-00", "0001-01", "9999-12", "2026-03..x",
        "2026-05..2026-04", "2020-01..2026-01", "२०२६-०३", "2026-03\x00",
    ],
)  # fmt: skip
def test_what_is_no_period_is_refused(code):
    with pytest.raises(ValueError, match=r".+"):
        Period.read(code)


def test_a_month_begins_and_ends_at_midnight_in_chicago():
    assert MARCH.start.astimezone(UTC) == datetime(2026, 3, 1, 6, tzinfo=UTC)
    assert MARCH.end.astimezone(UTC) == datetime(2026, 4, 1, 5, tzinfo=UTC)  # summer time


# Counts -------------------------------------------------------------------------------------


def test_a_team_counts_members_their_organizations_and_requests(
    member, colleague, outsider, applicant, team, other_team
):
    join_teams(outsider, [team])
    put(
        make_member("gone@rush.example", member.organization),
        team,
        "ended",
        ended_at=at(2026, 1, 1),
    )
    here, there = teams_now([team, other_team])
    assert (here.members, here.organizations, here.requests) == (3, 2, 1)
    assert (there.members, there.organizations, there.requests) == (1, 1, 0)


def test_of_no_team_nothing_is_counted(db):
    assert teams_now([]) == []
    assert changes_by_team([], MARCH) == {}
    assert hours_to_answer([], MARCH) == {}


def test_joins_and_ends_are_counted_in_their_month(member, outsider, team):
    put(outsider, team, "ended", decided_at=at(2026, 3, 1), ended_at=at(2026, 4, 30, 23, 59))
    Membership.objects.of(member).update(decided_at=at(2026, 3, 31, 23, 59))
    moves = changes_by_team([team], Period.read("2026-02..2026-04"))[team.pk]
    assert moves.joined == Counter({date(2026, 3, 1): 2})
    assert moves.ended == Counter({date(2026, 4, 1): 1})


@pytest.mark.parametrize("moment", [at(2026, 2, 28, 23, 59), at(2026, 4, 1)])
def test_what_happened_before_or_after_the_period_does_not_count(member, team, moment):
    Membership.objects.of(member).update(decided_at=moment)
    assert not changes_by_team([team], MARCH)[team.pk].joined


def test_declined_and_withdrawn_requests_are_no_joins_and_no_ends(member, team):
    Membership.objects.of(member).delete()
    put(member, team, "declined", decided_at=at(2026, 3, 2))
    put(member, team, "withdrawn", ended_at=at(2026, 3, 2))
    moves = changes_by_team([team], MARCH)[team.pk]
    assert not moves.joined
    assert not moves.ended


def test_the_time_of_a_decision_is_counted_in_full_hours(member, outsider, facilitator, team):
    asked = at(2026, 3, 10)
    for person, waited in (
        (member, timedelta(hours=5, minutes=59)),
        (outsider, timedelta(hours=6)),
    ):
        Membership.objects.of(person).filter(team=team).delete()
        decided = {"decided_at": asked + waited, "decided_by": facilitator}
        put(person, team, "declined", requested_at=asked, **decided)
    assert hours_to_answer([team], MARCH) == {team.pk: Counter({5: 1, 6: 1})}


def test_only_what_a_person_decided_took_time(member, organization, facilitator, team):
    """Not what the email domain opened, not who was added, not who still waits."""
    add_member(
        "n@rush.example", full_name="N", organization=organization, team=team, by=facilitator
    )
    put(make_member("w@rush.example"), team, "requested")
    now = Period.year_until(timezone.localdate())
    assert hours_to_answer([team], now) == {team.pk: Counter()}


@pytest.mark.parametrize(
    ("hours", "half", "most"),
    [
        ({}, 0, 0),
        ({0: 1}, 1, 1),
        ({1: 1, 9: 1}, 2, 10),
        ({1: 2, 9: 1}, 2, 10),
        ({1: 5, 5: 4, 100: 1}, 2, 6),
        ({1: 4, 5: 5, 100: 1}, 6, 6),
    ],
)
def test_median_and_nine_of_ten_are_those_of_a_true_request(hours, half, most):
    assert within(Counter(hours), MEDIAN) == half
    assert within(Counter(hours), P90) == most


def test_goals_are_counted_by_state_with_the_empty_ones(goal, team, other_team):
    Goal.objects.create(team=other_team, slug="x", title="X", state="reached")
    assert goals_by_state([team]) == {
        "unreported": 1, "not_started": 0, "on_track": 0, "at_risk": 0, "reached": 0, "ended": 0,
    }  # fmt: skip


def test_figures_need_the_same_queries_for_one_and_for_three_teams(member, team, goal):
    def read(teams) -> int:
        with CaptureQueriesContext(connection) as queries:
            teams_now(teams)
            changes_by_team(teams, Period.year_until(timezone.localdate()))
            hours_to_answer(teams, MARCH)
            goals_by_state(teams)
            list(coverage_of([(member.organization_id, "")], teams))
        return len(queries)

    one = read([team])
    assert read([team, make_team("Two"), make_team("Three")]) == one


# Who sits where -----------------------------------------------------------------------------


def test_a_seat_tells_how_many_and_since_when(member, colleague, outsider, team, other_team):
    Membership.objects.of(member).update(decided_at=at(2026, 3, 3))
    names = [(member.organization_id, "Rush"), (outsider.organization_id, "Loop")]
    rush, loop = coverage_of(names, [team, other_team])
    assert [(seat.people, seat.since) for seat in rush.seats] == [(2, at(2026, 3, 3)), (0, None)]
    assert [seat.people for seat in loop.seats] == [0, 1]


def test_organizations_without_anybody_on_a_team_are_found(
    member, outsider, applicant, organization, other_organization, team, other_team
):
    assert list(recognized_without(team)) == [other_organization]
    assert list(recognized_without(None)) == [other_organization, organization]
    assert list(recognized_on_teams([team])) == [organization]
    assert list(recognized_on_teams([])) == []


def test_who_left_or_waits_has_no_seat(member, organization, team, approval_team):
    join_teams(member, [approval_team])
    stay = membership_of(member, team)
    Membership.objects.filter(pk=stay.pk).update(status="ended", ended_at=timezone.now())
    assert list(recognized_on_teams(ActionTeam.objects.all())) == []
    assert Organization.objects.recognized().count() == recognized_without(team).count() == 1


# Where bars stand ---------------------------------------------------------------------------


def percents(*words: str) -> list[float]:
    return [float(word.removesuffix("%")) for word in words]


def test_bars_are_as_long_as_their_value_from_zero():
    drawing = bars([("Team", [Bar(10, "10"), Bar(5, "5"), Bar(0, "0")])])
    full, half, none = percents(*(block.width for block in drawing.blocks))
    assert (full, none) == (2 * half, 0)
    assert {block.x for block in drawing.blocks} == {"0.0%"}


def test_bars_leave_room_for_their_words_and_nothing_stands_below_the_picture():
    drawing = bars([("T" * 200, [Bar(10**6, f"{10**6:,}"), Bar(1, "1")]), ("", [Bar(2, "2")])])
    for block in drawing.blocks:
        width, end = percents(block.width, block.end)
        assert 0 < width == end <= 50
        assert block.y < drawing.height
    assert drawing.heads[0].words.endswith("…")
    assert len({part.y for part in [*drawing.heads, *drawing.blocks]}) == 4


def test_each_name_has_two_bars_of_one_scale_that_do_not_meet():
    drawing = pairs(("Joined", "Ended"), ["Jan", "Feb"], [10, 0], [0, 5])
    up, none, _, down = drawing.blocks
    assert percents(up.width) == [2 * number for number in percents(down.width)]
    assert (none.width, none.words) == ("0.0%", "0")
    assert percents(up.end) < percents(none.x)
    assert [text.words for text in [*drawing.heads, *drawing.labels]] == [
        "Joined", "Ended", "Jan", "Feb"
    ]  # fmt: skip
    assert down.y == drawing.labels[1].y < drawing.height


def test_bars_without_anything_are_flat():
    blocks = pairs(("Joined", "Ended"), ["Jan"], [0], [0]).blocks
    assert {block.width for block in blocks} == {"0.0%"}
