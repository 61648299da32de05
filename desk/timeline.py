"""Everything that happened to a member or an organization in one list, from the histories of all
records that are about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from django.db.models import QuerySet

from desk.changelist.history import describe_changes, load_people
from members.email_domains import readable_domain
from members.models import Bounce, EmailDomain, Member, Organization
from teams.models import ActionTeam, Attendance, Membership
from teams.services import visible_meetings

# Older versions are left to the histories of the single records.
MAX_VERSIONS = 200


@dataclass(frozen=True)
class Timeline:
    """Versions of history, newest first, each with what `describe_changes` adds and
    `told_about`; and whether older ones were left out."""

    versions: list[Any]
    has_more: bool


def member_timeline(member: Member, staff: Member) -> Timeline:
    """Return the timeline of `member` and of accounts that were merged into it, with memberships
    only of the teams that `staff` facilitates, and attendance at meetings that they see."""
    keys = [member.pk, *member.merged_accounts.values_list("pk", flat=True)]
    accounts = Member.history.filter(id__in=keys).select_related("organization", "merged_into")
    teams = ActionTeam.objects.facilitated_by(staff)
    memberships = Membership.history.filter(member_id__in=keys, team__in=teams)
    meetings = visible_meetings(staff).order_by()
    attendance = Attendance.history.filter(member_id__in=keys, meeting__in=meetings.values("pk"))
    versions = _described(
        staff,
        accounts,
        memberships.select_related("member", "team"),
        Bounce.history.filter(member_id__in=keys).select_related("settled_by"),
        attendance.select_related("member", "meeting", "organization"),
    )
    for version in versions:
        if isinstance(version, Attendance.history.model):
            version.told_about = str(version.meeting)
        elif isinstance(version, Membership.history.model):
            version.told_about = str(version.team)
        elif isinstance(version, Bounce.history.model):
            version.told_about = "Returned emails"
        else:
            version.told_about = "Account" if version.id == member.pk else version.email
    return _merged(versions)


def organization_timeline(organization: Organization, staff: Member) -> Timeline:
    """Return the timeline of `organization` and of the email domains that are or were its own;
    people whom `staff` does not see are not named."""
    own = Organization.history.filter(id=organization.pk).select_related("merged_into")
    domains = EmailDomain.history.filter(organization_id=organization.pk)
    versions = _described(staff, own, domains.select_related("organization"))
    for version in versions:
        is_domain = isinstance(version, EmailDomain.history.model)
        version.told_about = readable_domain(version.domain) if is_domain else "Organization"
    return _merged(versions)


def _described(staff: Member, *histories: QuerySet[Any]) -> list[Any]:
    """Return the newest versions of each of `histories`, those of each record described as a
    series, with the names that `staff` may read."""
    newest = [
        list(
            history.select_related("history_user").order_by("-history_date", "-history_id")[
                : MAX_VERSIONS + 1
            ]
        )
        for history in histories
    ]
    load_people(newest, staff)
    by_record: dict[tuple[type, int], list[Any]] = defaultdict(list)
    versions = list(chain.from_iterable(newest))
    for version in versions:
        by_record[type(version), version.id].append(version)
    for series in by_record.values():
        describe_changes(series)
    return versions


def _merged(versions: Iterable[Any]) -> Timeline:
    newest = sorted(versions, key=lambda version: version.history_date, reverse=True)
    visible = [version for version in newest if not version.is_empty]
    return Timeline(visible[:MAX_VERSIONS], has_more=len(visible) > MAX_VERSIONS)
