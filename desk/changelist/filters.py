"""Filters of several lists, and those that numbers link to: each of these lists exactly the records
that its number counts."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Exists, QuerySet
from django.http import HttpRequest

from desk.changelist import own_teams, parse_pk
from members.models import Organization
from teams.models import Membership, MembershipQuerySet
from teams.statistics import Period, active_members_subquery


class TeamFilter(admin.SimpleListFilter):
    """The teams that one facilitates; no others are named."""

    title = parameter_name = "team"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(own_teams(request).values_list("slug", "name"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(team__slug=self.value()) if self.value() else queryset


class WaitsFilter(admin.SimpleListFilter):
    """What waits for a decision."""

    title, parameter_name = "what it is waiting for", "waits"
    waits_for: ClassVar[tuple[str, str]] = ("decision", "A decision")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [self.waits_for]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        waiting: Any = queryset
        return waiting.waiting() if self.value() == self.waits_for[0] else queryset


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
        self.teams = {team.slug: team for team in own_teams(request)}
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
