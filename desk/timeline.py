"""The whole story of a member or an organization in one list, from the histories of all records
that tell of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from desk.changelist.history import describe_changes
from members.models import EmailDomain, Member, Organization
from teams.models import ActionTeam, Membership

LINES = 200  # of one story; what is older is left to the histories of the single records


@dataclass(frozen=True)
class Story:
    """Versions of history, newest first, with what `describe_changes` adds, and `told_about`."""

    lines: list[Any]
    more: bool  # whether older lines were left out


def member_timeline(member: Member, desk: Member) -> Story:
    """What happened to `member`, also under accounts that were merged into this one. Of teams,
    only those that `desk` looks after."""
    keys = [member.pk, *member.merged_accounts.values_list("pk", flat=True)]
    accounts = Member.history.filter(id__in=keys).select_related("organization", "merged_into")
    teams = ActionTeam.objects.facilitated_by(desk)
    stays = Membership.history.filter(member_id__in=keys, team__in=teams)
    told = [*_told(accounts), *_told(stays.select_related("member", "team"))]
    for version in told:
        if isinstance(version, Membership.history.model):
            version.told_about = str(version.team)
        else:
            version.told_about = "Account" if version.id == member.pk else version.email
    return _story(told)


def organization_timeline(organization: Organization) -> Story:
    """What happened to `organization` and to the email domains that are or were its own."""
    own = Organization.history.filter(id=organization.pk).select_related("merged_into")
    domains = EmailDomain.history.filter(organization_id=organization.pk)
    told = [*_told(own), *_told(domains.select_related("organization"))]
    for version in told:
        of_domain = isinstance(version, EmailDomain.history.model)
        version.told_about = version.domain if of_domain else "Organization"
    return _story(told)


def _told(versions: QuerySet[Any]) -> list[Any]:
    """The newest of `versions`, told row by row."""
    found = list(
        versions.select_related("history_user").order_by("-history_date", "-history_id")[
            : LINES + 1
        ]
    )
    of_row: dict[int, list[Any]] = defaultdict(list)
    for version in found:
        of_row[version.id].append(version)
    for of_one in of_row.values():
        describe_changes(of_one)
    return found


def _story(told: Iterable[Any]) -> Story:
    newest = sorted(told, key=lambda version: version.history_date, reverse=True)
    lines = [version for version in newest if not version.is_empty]
    return Story(lines[:LINES], more=len(lines) > LINES)
