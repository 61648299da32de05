"""Filters that numbers link to: each lists exactly the records that its number counts."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Exists, QuerySet
from django.http import HttpRequest

from desk.changelist import parse_pk, require_staff
from members.models import Organization
from teams.models import ActionTeam, Membership, MembershipQuerySet
from teams.statistics import Period, active_members_subquery


class PeriodFilter(admin.SimpleListFilter):
    """Shown only while it is in the address; there, "All" removes it."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(self.value() or "", str(self.period))] if self.value() is not None else []

    @property
    def period(self) -> Period:
        try:
            return Period.parse(self.value() or "")
        except ValueError as error:
            raise IncorrectLookupParameters from error

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Membership]
    ) -> QuerySet[Membership]:
        if self.value() is None:
            return queryset
        return self.in_period(cast("MembershipQuerySet", queryset), self.period)

    def in_period(self, memberships: MembershipQuerySet, period: Period) -> MembershipQuerySet:
        raise NotImplementedError


class JoinedFilter(PeriodFilter):
    title = parameter_name = "joined"

    def in_period(self, memberships: MembershipQuerySet, period: Period) -> MembershipQuerySet:
        return memberships.joined(period.start, period.end)


class EndedFilter(PeriodFilter):
    title = parameter_name = "ended"

    def in_period(self, memberships: MembershipQuerySet, period: Period) -> MembershipQuerySet:
        return memberships.ended(period.start, period.end)


class AnsweredFilter(PeriodFilter):
    title, parameter_name = "request decided", "answered"

    def in_period(self, memberships: MembershipQuerySet, period: Period) -> MembershipQuerySet:
        return memberships.answered(period.start, period.end)


class EmployerFilter(admin.SimpleListFilter):
    """The people of one organization, by its key; shown only while it is in the address."""

    title = parameter_name = "organization"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        key = self.value()
        if key is None:
            return []
        if parse_pk(key) is None:
            raise IncorrectLookupParameters
        return [(key, str(Organization.objects.filter(pk=key).first() or "Not known"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Membership]
    ) -> QuerySet[Membership]:
        key = self.value()
        return queryset if key is None else queryset.filter(member__organization=int(key))


class OnTeamFilter(admin.SimpleListFilter):
    """Organizations with people on a team; one's own teams only."""

    title, parameter_name = "who is on", "team"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.teams = {
            team.slug: team for team in ActionTeam.objects.facilitated_by(require_staff(request))
        }
        return [(slug, team.name) for slug, team in self.teams.items()]

    def has_output(self) -> bool:
        """Return whether it filters; also a choice that is not offered, which is refused."""
        return self.value() is not None or super().has_output()

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Organization]
    ) -> QuerySet[Organization]:
        slug = self.value()
        if slug is None:
            return queryset
        if slug not in self.teams:
            raise IncorrectLookupParameters
        return queryset.filter(Exists(active_members_subquery([self.teams[slug]])))
