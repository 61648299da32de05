from datetime import date, datetime

import pytest
from django.utils import timezone

from members.services.merging import merge_organizations
from teams.models import Attendance, Meeting
from teams.statistics import Period
from teams.statistics.attendance import (
    OrganizationAttendance,
    QuarterAttendance,
    attendance_by_organization,
    attendance_by_quarter,
    describe_attended,
    quarters_of,
)
from teams.tests.meetings import make_meeting

pytestmark = pytest.mark.django_db

YEAR = Period(date(2025, 1, 1), date(2025, 12, 1))


def meeting_on(month: int, *teams, day: int = 10, **fields) -> Meeting:
    """A meeting of 2025 that was held."""
    starts_at = datetime(2025, month, day, 9, tzinfo=timezone.get_default_timezone())
    return make_meeting(*teams, starts_at=starts_at, **{"status": "held", **fields})


def attend(meeting, member=None, organization=None, came=True, email="") -> None:
    Attendance.objects.create(
        meeting=meeting,
        member=member,
        organization=organization,
        came=came,
        guest_email=email,
        guest_name="" if member else "Gina Guest",
    )


@pytest.fixture
def year(member, colleague, outsider, organization, other_organization, team, other_team) -> None:
    """Three meetings of the team, one with the other team; one of all; attendance of the last one
    is not recorded."""
    spring, summer, autumn = meeting_on(3, team), meeting_on(6, team, other_team), meeting_on(9)
    winter = meeting_on(12, team)
    attend(spring, member, organization)
    attend(spring, colleague, organization)
    attend(summer, member, organization)
    attend(summer, outsider, other_organization)
    attend(autumn, member, organization)
    attend(autumn, email="gina@visitor.example")
    attend(winter, member, organization, came=None)


@pytest.mark.usefixtures("year")
def test_attendance_by_organization(
    organization, other_organization, proposed_organization, team, other_team
):
    keys = [organization.pk, other_organization.pk, proposed_organization.pk]

    attendance = attendance_by_organization(keys, [team, other_team], YEAR)

    assert attendance == {
        organization.pk: {
            team.pk: OrganizationAttendance(2, 2, 2),
            other_team.pk: OrganizationAttendance(1, 1, 1),
            None: OrganizationAttendance(1, 1, 1),
        },
        other_organization.pk: {
            team.pk: OrganizationAttendance(1, 2, 1),
            other_team.pk: OrganizationAttendance(1, 1, 1),
            None: OrganizationAttendance(0, 1, 0),
        },
        proposed_organization.pk: {
            team.pk: OrganizationAttendance(0, 2, 0),
            other_team.pk: OrganizationAttendance(0, 1, 0),
            None: OrganizationAttendance(0, 1, 0),
        },
    }
    assert str(attendance[other_organization.pk][team.pk]) == "came to 1 of 2"


@pytest.mark.usefixtures("year")
def test_attendance_by_organization_other_teams_do_not_count(
    organization, team, django_assert_num_queries
):
    with django_assert_num_queries(2):
        attendance = attendance_by_organization([organization.pk], [team], YEAR)

    assert set(attendance[organization.pk]) == {team.pk, None}
    spring = Period(date(2025, 3, 1), date(2025, 3, 1))
    by_team = attendance_by_organization([organization.pk], [team], spring)[organization.pk]
    assert by_team == {team.pk: OrganizationAttendance(1, 1, 2), None: OrganizationAttendance()}


def test_attendance_by_organization_counts_guests_and_those_without_a_name(organization, team):
    for month in (3, 6):
        meeting = meeting_on(month, team)
        attend(meeting, organization=organization, email="gina@rush.example")
        attend(meeting, organization=organization)

    by_team = attendance_by_organization([organization.pk], [team], YEAR)[organization.pk]

    assert by_team[team.pk] == OrganizationAttendance(2, 2, 3)


@pytest.mark.usefixtures("year")
def test_attendance_of_an_organization_that_was_merged_is_that_of_the_other(
    organization, other_organization, team, administrator
):
    merge_organizations(other_organization, organization, by=administrator)
    attendance = attendance_by_organization([organization.pk], [team], YEAR)
    assert attendance[organization.pk][team.pk] == OrganizationAttendance(2, 2, 3)
    second = attendance_by_quarter([team], YEAR)[1]
    assert (second.people, second.organizations) == (2, 1)
    both = Attendance.objects.of_organizations([organization.pk])
    assert describe_attended(both) == "came to 3 meetings, last on September 10, 2025"


def test_attendance_only_of_what_took_place(member, organization, team):
    attend(meeting_on(3, team, status="cancelled", cancelled_reason="Snow"), member, organization)
    attend(make_meeting(team), member, organization)

    by_team = attendance_by_organization([organization.pk], [team], YEAR)[organization.pk]

    assert by_team[team.pk] == OrganizationAttendance()
    assert sum(quarter.meetings for quarter in attendance_by_quarter([team], YEAR)) == 0


@pytest.mark.usefixtures("year")
def test_attendance_by_quarter(team, django_assert_num_queries):
    with django_assert_num_queries(2):
        quarters = attendance_by_quarter([team], YEAR)

    assert [quarter.period.code for quarter in quarters] == [
        "2025-01..2025-03",
        "2025-04..2025-06",
        "2025-07..2025-09",
        "2025-10..2025-12",
    ]
    first, second, third, fourth = quarters
    assert first == QuarterAttendance(first.period, 1, 1, people=2, organizations=1)
    assert second == QuarterAttendance(second.period, 1, 1, people=2, organizations=2)
    assert third == QuarterAttendance(third.period, 1, 1, people=2, organizations=1, guests=1)
    assert fourth == QuarterAttendance(fourth.period, 1, 0)


@pytest.mark.parametrize(
    ("first", "last", "codes"),
    [
        (date(2025, 1, 1), date(2025, 3, 1), ["2025-01..2025-03"]),
        (date(2025, 2, 1), date(2025, 2, 1), ["2025-02"]),
        (date(2025, 3, 1), date(2025, 4, 1), ["2025-03", "2025-04"]),
        (
            date(2025, 11, 1),
            date(2026, 5, 1),
            ["2025-11..2025-12", "2026-01..2026-03", "2026-04..2026-05"],
        ),
    ],
)
def test_quarters_of(first, last, codes):
    assert [quarter.code for quarter in quarters_of(Period(first, last))] == codes


def test_attendance_by_quarter_belongs_to_the_quarter_in_central_time(team):
    starts_at = datetime(2025, 3, 31, 23, 30, tzinfo=timezone.get_default_timezone())
    make_meeting(team, starts_at=starts_at, status="held")

    quarters = attendance_by_quarter([team], YEAR)

    assert [quarter.meetings for quarter in quarters] == [1, 0, 0, 0]
