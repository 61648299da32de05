"""Statistics: periods, counts, how long decisions take, coverage, and layout of charts."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import Count
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import make_member, make_team, membership_of
from members.models import Organization
from teams.models import ActionTeam, Goal, Membership
from teams.services import add_member, complete_join, invite_colleague, join_teams
from teams.services.waiting import organizations_waiting
from teams.statistics import (
    MEDIAN,
    P90,
    Bar,
    Period,
    changes_by_team,
    count_teams,
    coverage_of,
    goals_by_state,
    hours_to_answer,
    joined_by_invitation,
    lay_out_bars,
    lay_out_pairs,
    percentile,
    recognized_on_teams,
    recognized_without,
)

MARCH = Period(date(2026, 3, 1), date(2026, 3, 1))


def store(person, team, status="active", **fields) -> Membership:
    """A membership of the past, as it is stored."""
    if "decided_at" not in fields and status in ("active", "ended", "declined"):
        fields["decided_at"] = timezone.now()
    if status == "declined":
        fields["reason"] = "No."
    return Membership.objects.create(member=person, team=team, status=status, **fields)


def at(*day: int) -> datetime:
    return datetime(*day, tzinfo=timezone.get_default_timezone())


# Periods -------------------------------------------------------------------------------------


def test_period_year_until_ends_with_this_month():
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
def test_period_parse_reads_its_code(code, words):
    period = Period.parse(code)
    assert str(period) == words
    assert Period.parse(period.code) == period


@pytest.mark.parametrize(
    "code",
    [
        "", "x", "2026", "2026-3", "2026-13", "2026-00", "0001-01", "9999-12", "2026-03..x",
        "2026-05..2026-04", "2020-01..2026-01", "२०२६-०३", "2026-03\x00",
    ],
)  # fmt: skip
def test_period_parse_refuses_other_text(code):
    with pytest.raises(ValueError, match=r".+"):
        Period.parse(code)


def test_period_begins_and_ends_at_midnight_in_chicago():
    assert MARCH.start.astimezone(UTC) == datetime(2026, 3, 1, 6, tzinfo=UTC)
    assert MARCH.end.astimezone(UTC) == datetime(2026, 4, 1, 5, tzinfo=UTC)  # summer time


# Counts -------------------------------------------------------------------------------------


def test_count_teams_counts_members_organizations_and_requests(
    member, colleague, outsider, applicant, team, other_team
):
    join_teams(outsider, [team])
    store(
        make_member("gone@rush.example", member.organization),
        team,
        "ended",
        ended_at=at(2026, 1, 1),
    )
    here, there = count_teams([team, other_team])
    assert (here.members, here.organizations, here.requests) == (3, 2, 1)
    assert (there.members, there.organizations, there.requests) == (1, 1, 0)


def test_statistics_of_no_team_are_empty(db):
    assert count_teams([]) == []
    assert changes_by_team([], MARCH) == {}
    assert hours_to_answer([], MARCH) == {}


def test_changes_by_team_counts_joins_and_ends_in_their_month(member, outsider, team):
    store(outsider, team, "ended", decided_at=at(2026, 3, 1), ended_at=at(2026, 4, 30, 23, 59))
    Membership.objects.of(member).update(decided_at=at(2026, 3, 31, 23, 59))
    changes = changes_by_team([team], Period.parse("2026-02..2026-04"))[team.pk]
    assert changes.joined == Counter({date(2026, 3, 1): 2})
    assert changes.ended == Counter({date(2026, 4, 1): 1})


@pytest.mark.parametrize("moment", [at(2026, 2, 28, 23, 59), at(2026, 4, 1)])
def test_changes_by_team_leaves_out_other_months(member, team, moment):
    Membership.objects.of(member).update(decided_at=moment)
    assert not changes_by_team([team], MARCH)[team.pk].joined


def test_changes_by_team_leaves_out_declined_and_withdrawn_requests(member, team):
    Membership.objects.of(member).delete()
    store(member, team, "declined", decided_at=at(2026, 3, 2))
    store(member, team, "withdrawn", ended_at=at(2026, 3, 2))
    changes = changes_by_team([team], MARCH)[team.pk]
    assert not changes.joined
    assert not changes.ended


def test_joined_by_invitation_counts_people_once(member, outsider, team, other_team):
    this_month = Period.year_until(timezone.localdate())
    for inviter in (member, outsider):
        invite_colleague("cora@rush.example", [team, other_team], "", by=inviter)
    assert joined_by_invitation([team, other_team], this_month) == 0
    complete_join("cora@rush.example", full_name="", job_title="", team_ids=[team.pk])
    # Who was not invited, in another team, or in other months is not counted.
    complete_join("dora@rush.example", full_name="", job_title="", team_ids=[team.pk])
    assert joined_by_invitation([team, other_team], this_month) == 1
    assert joined_by_invitation([other_team], this_month) == 0
    assert joined_by_invitation([team], MARCH) == 0


def test_hours_to_answer_counts_full_hours(member, outsider, facilitator, team):
    asked = at(2026, 3, 10)
    for person, waited in (
        (member, timedelta(hours=5, minutes=59)),
        (outsider, timedelta(hours=6)),
    ):
        Membership.objects.of(person).filter(team=team).delete()
        decided = {"decided_at": asked + waited, "decided_by": facilitator}
        store(person, team, "declined", requested_at=asked, **decided)
    assert hours_to_answer([team], MARCH) == {team.pk: Counter({5: 1, 6: 1})}


def test_hours_to_answer_counts_only_what_a_person_decided(member, organization, facilitator, team):
    """Not what the email domain opened, not who was added, not who still waits."""
    add_member(
        "n@rush.example", full_name="N", organization=organization, team=team, by=facilitator
    )
    store(make_member("w@rush.example"), team, "requested")
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
def test_percentile_is_the_time_of_one_request(hours, half, most):
    assert percentile(Counter(hours), MEDIAN) == half
    assert percentile(Counter(hours), P90) == most


def test_goals_by_state_includes_empty_states(goal, team, other_team):
    Goal.objects.create(team=other_team, slug="x", title="X", state="reached")
    assert goals_by_state([team]) == {
        "unreported": 1, "not_started": 0, "on_track": 0, "at_risk": 0, "reached": 0, "ended": 0,
    }  # fmt: skip


def test_statistics_cost_the_same_queries_for_one_and_three_teams(member, team, goal):
    def read(teams) -> int:
        with CaptureQueriesContext(connection) as queries:
            count_teams(teams)
            changes_by_team(teams, Period.year_until(timezone.localdate()))
            hours_to_answer(teams, MARCH)
            goals_by_state(teams)
            list(coverage_of([(member.organization_id, "")], teams))
        return len(queries)

    one = read([team])
    assert read([team, make_team("Two"), make_team("Three")]) == one


# Coverage -----------------------------------------------------------------------------


def test_coverage_of_counts_members_and_since_when(member, colleague, outsider, team, other_team):
    Membership.objects.of(member).update(decided_at=at(2026, 3, 3))
    names = [(member.organization_id, "Rush"), (outsider.organization_id, "Loop")]
    rush, loop = coverage_of(names, [team, other_team])
    assert [(coverage.members, coverage.since) for coverage in rush.teams] == [
        (2, at(2026, 3, 3)),
        (0, None),
    ]
    assert [coverage.members for coverage in loop.teams] == [0, 1]


def test_recognized_without_finds_organizations_with_no_one_on_a_team(
    member, outsider, applicant, organization, other_organization, team, other_team
):
    assert list(recognized_without(team)) == [other_organization]
    assert list(recognized_without(None)) == [other_organization, organization]
    assert list(recognized_on_teams([team])) == [organization]
    assert list(recognized_on_teams([])) == []


def test_recognized_on_teams_leaves_out_ended_and_waiting_members(
    member, organization, team, approval_team
):
    join_teams(member, [approval_team])
    membership = membership_of(member, team)
    Membership.objects.filter(pk=membership.pk).update(status="ended", ended_at=timezone.now())
    assert list(recognized_on_teams(ActionTeam.objects.all())) == []
    assert Organization.objects.recognized().count() == recognized_without(team).count() == 1


# Layout of charts ---------------------------------------------------------------------------


def percents(*lengths: str) -> list[float]:
    return [float(length.removesuffix("%")) for length in lengths]


def test_lay_out_bars_scales_from_zero():
    layout = lay_out_bars([("Team", [Bar(10, "10"), Bar(5, "5"), Bar(0, "0")])])
    full, half, none = percents(*(bar.width for bar in layout.bars))
    assert (full, none) == (2 * half, 0)
    assert {bar.x for bar in layout.bars} == {"0.0%"}


def test_lay_out_bars_leaves_room_for_labels_within_the_chart():
    layout = lay_out_bars(
        [("T" * 200, [Bar(10**6, f"{10**6:,}"), Bar(1, "1")]), ("", [Bar(2, "2")])]
    )
    for bar in layout.bars:
        width, end = percents(bar.width, bar.end)
        assert 0 < width == end <= 50
        assert bar.y < layout.height
    assert layout.headings[0].text.endswith("…")
    assert len({part.y for part in [*layout.headings, *layout.bars]}) == 4


def test_lay_out_pairs_uses_one_scale_without_overlap():
    layout = lay_out_pairs(("Joined", "Ended"), ["Jan", "Feb"], [10, 0], [0, 5])
    up, none, _, down = layout.bars
    assert percents(up.width) == [2 * number for number in percents(down.width)]
    assert (none.width, none.label) == ("0.0%", "0")
    assert percents(up.end) < percents(none.x)
    assert [text.text for text in [*layout.headings, *layout.row_labels]] == [
        "Joined", "Ended", "Jan", "Feb"
    ]  # fmt: skip
    assert down.y == layout.row_labels[1].y < layout.height


def test_lay_out_pairs_of_zeros_has_no_length():
    bars = lay_out_pairs(("Joined", "Ended"), ["Jan"], [0], [0]).bars
    assert {bar.width for bar in bars} == {"0.0%"}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="about the plans of SQLite")
def test_statistics_read_by_an_index_where_sqlite_knows_nothing_of_its_tables(team):
    year = Period.parse("2026-01..2026-12")
    memberships = Membership.objects.filter(team__in=[team]).order_by()
    for decided in (memberships.joined, memberships.answered):
        by_team = decided(year.start, year.end).values_list("team").annotate(number=Count("*"))
        index = "teams_membership_decided (team_id=? AND decided_at>? AND decided_at<?)"
        assert index in by_team.explain()
    assert "(organization_id=?)" in recognized_on_teams([team]).explain()
    assert "(organization_id=?)" in organizations_waiting().explain()
