"""What members do together: action teams, their goals, questions and memberships."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Count, F, Q
from django.urls import reverse
from django.utils import timezone
from simple_history.models import HistoricalRecords

from members.models import Member
from members.naming import fold

STALE_AFTER = timedelta(days=90)  # a goal without news for longer says so (look.md, section 10)


def add_working_days(start: date, days: int) -> date:
    """The date `days` working days (Monday to Friday; holidays are not known) after `start`."""
    day = start
    while days > 0:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return day


class ActionTeamQuerySet(models.QuerySet["ActionTeam"]):
    def offered(self) -> ActionTeamQuerySet:
        """Teams that people can ask to join: open ones and those that decide by approval."""
        return self.exclude(join_policy=ActionTeam.JoinPolicy.CLOSED)

    def facilitated_by(self, member: Member) -> ActionTeamQuerySet:
        """The teams whose people and requests `member` looks after: all, for an administrator."""
        return self if member.is_superuser else self.filter(facilitators=member)

    def with_counts(self) -> ActionTeamQuerySet:
        """Adds `active_count` (members) and `organization_count` (their organizations)."""
        active = Q(memberships__status=Membership.Status.ACTIVE)
        return self.annotate(
            active_count=Count("memberships", filter=active),
            organization_count=Count(
                "memberships__member__organization", filter=active, distinct=True
            ),
        )


class ActionTeam(models.Model):
    """One of the Collaborative's action teams."""

    class JoinPolicy(models.TextChoices):
        OPEN = "open", "Open"
        APPROVAL = "approval", "By approval"
        CLOSED = "closed", "Closed"

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(
        max_length=80, unique=True, help_text="Part of the address; it stays once it is published."
    )
    position = models.PositiveSmallIntegerField(default=0, help_text="Lower numbers come first.")
    summary = models.CharField(
        max_length=200, help_text="One sentence on what the team is for, shown on its card."
    )
    why = models.TextField("why this team", blank=True, help_text="Markdown.")
    achievements = models.TextField("already done", blank=True, help_text="Markdown.")
    join_policy = models.CharField(
        max_length=10,
        choices=JoinPolicy.choices,
        default=JoinPolicy.OPEN,
        help_text="Open: members of recognized organizations join at once. "
        "By approval: a facilitator decides each request. Closed: takes nobody.",
    )
    facilitators = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="facilitated_teams"
    )

    objects = ActionTeamQuerySet.as_manager()
    history = HistoricalRecords(m2m_fields=[facilitators])

    class Meta:
        ordering: ClassVar = ["position", "name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_actionteam_join_policy_known",
                condition=Q(join_policy__in=["open", "approval", "closed"]),
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("team_detail", args=[self.slug])

    def roster_visible_to(self, member: Member) -> bool:
        """Whether `member` may see who is in the team: an active member of it, its facilitator,
        an administrator."""
        return (
            member.is_superuser
            or self.facilitators.filter(pk=member.pk).exists()
            or Membership.objects.of(member).active().filter(team=self).exists()
        )

    @property
    def is_open(self) -> bool:
        return self.join_policy == self.JoinPolicy.OPEN

    @property
    def is_closed(self) -> bool:
        return self.join_policy == self.JoinPolicy.CLOSED


class Goal(models.Model):
    """What a team wants to reach, and how far it is."""

    class State(models.TextChoices):
        UNREPORTED = "unreported", "No update yet"
        NOT_STARTED = "not_started", "Not started"
        ON_TRACK = "on_track", "On track"
        AT_RISK = "at_risk", "At risk"
        REACHED = "reached", "Reached"
        ENDED = "ended", "Ended"

    team = models.ForeignKey(ActionTeam, on_delete=models.PROTECT, related_name="goals")
    slug = models.SlugField(max_length=80, help_text="Names the goal in links; it stays.")
    position = models.PositiveSmallIntegerField(default=0, help_text="Lower numbers come first.")
    title = models.CharField(max_length=200)
    body = models.TextField(blank=True, help_text="Markdown.")
    state = models.CharField(max_length=12, choices=State.choices, default=State.UNREPORTED)
    state_reason = models.CharField(
        max_length=200, blank=True, help_text="One sentence; an “At risk” needs it."
    )
    current = models.DecimalField(
        "now", max_digits=12, decimal_places=2, null=True, blank=True, help_text="Such as 58."
    )
    target = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, help_text="Such as 70."
    )
    unit = models.CharField(max_length=40, blank=True, help_text="Such as % or employers.")
    due_on = models.DateField("by", null=True, blank=True)
    reported_on = models.DateField("last update", null=True, blank=True)

    history = HistoricalRecords()

    class Meta:
        ordering: ClassVar = ["team", "position", "title"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["team", "slug"], name="teams_goal_slug_once_per_team"),
            models.CheckConstraint(
                name="teams_goal_state_known",
                condition=Q(
                    state__in=[
                        "unreported", "not_started", "on_track", "at_risk", "reached", "ended"
                    ]
                ),
            ),
            models.CheckConstraint(
                name="teams_goal_progress_both_or_neither",
                condition=Q(current=None, target=None)
                | Q(current__isnull=False, target__isnull=False, target__gt=0),
                violation_error_message="Give both numbers, now and target (above 0), or neither.",
            ),
            models.CheckConstraint(
                name="teams_goal_at_risk_with_reason",
                condition=~Q(state="at_risk") | ~Q(state_reason=""),
                violation_error_message="Say in one sentence why the goal is at risk.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.title

    @property
    def percent(self) -> int | None:
        """How much of the target is reached, 0 to 100; None without numbers."""
        if self.current is None or not self.target:
            return None
        return max(0, min(100, round(self.current * 100 / self.target)))

    @property
    def is_stale(self) -> bool:
        return bool(self.reported_on and self.reported_on < timezone.localdate() - STALE_AFTER)


class FaqEntryQuerySet(models.QuerySet["FaqEntry"]):
    def published(self) -> FaqEntryQuerySet:
        return self.filter(is_published=True)

    def general(self) -> FaqEntryQuerySet:
        return self.filter(team=None)

    def matching(self, query: str) -> FaqEntryQuerySet:
        """Entries that contain every word of `query`, without case and accents."""
        found = self
        for word in fold(query).split():
            found = found.filter(search_text__contains=word)
        return found


class FaqEntry(models.Model):
    """A question and its answer; without a team it is general."""

    class Topic(models.TextChoices):
        ABOUT = "about", "About the Collaborative"
        JOINING = "joining", "Joining"
        ACCOUNT = "account", "Your account and your details"

    team = models.ForeignKey(
        ActionTeam,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="faq_entries",
        help_text="Empty: general, shown on the FAQ page and under every team.",
    )
    topic = models.CharField(max_length=10, choices=Topic.choices, default=Topic.ABOUT)
    position = models.PositiveSmallIntegerField(default=0, help_text="Lower numbers come first.")
    slug = models.SlugField(
        max_length=80, unique=True, help_text="Names the answer in links; it stays."
    )
    question = models.CharField(max_length=200)
    answer = models.TextField(help_text="Markdown.")
    is_published = models.BooleanField("published", default=True)
    search_text = models.TextField(editable=False)

    objects = FaqEntryQuerySet.as_manager()
    history = HistoricalRecords(excluded_fields=["search_text"])

    class Meta:
        ordering: ClassVar = ["position", "question"]
        verbose_name = "FAQ entry"
        verbose_name_plural = "FAQ entries"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_faqentry_topic_known",
                condition=Q(topic__in=["about", "joining", "account"]),
            )
        ]

    def __str__(self) -> str:
        return self.question

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the searched text in step with what is read."""
        self.search_text = fold(f"{self.question}\n{self.answer}")
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "search_text"}
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("faq_detail", args=[self.slug])


class MembershipQuerySet(models.QuerySet["Membership"]):
    def of(self, member: Member) -> MembershipQuerySet:
        return self.filter(member=member)

    def active(self) -> MembershipQuerySet:
        return self.filter(status=Membership.Status.ACTIVE)

    def waiting(self) -> MembershipQuerySet:
        return self.filter(status=Membership.Status.REQUESTED)

    def current(self) -> MembershipQuerySet:
        """Requested or active: at most one for each member and team."""
        return self.filter(status__in=Membership.CURRENT)

    def to_decide(self) -> MembershipQuerySet:
        """Requests that wait for nothing but a facilitator's yes or no."""
        return self.waiting().filter(
            member__affiliation_confirmed_at__isnull=False,
            member__organization__status="recognized",
        )

    def to_confirm(self) -> MembershipQuerySet:
        """Requests that wait until someone confirms who the person works for."""
        unsure = Q(member__affiliation_confirmed_at=None)
        return self.waiting().filter(unsure, member__organization__status="recognized")

    def visible_to(self, member: Member | AnonymousUser) -> MembershipQuerySet:
        """What a facilitator may see and decide: the memberships of the teams they look after."""
        if not isinstance(member, Member) or not member.is_staff:
            return self.none()
        return self if member.is_superuser else self.filter(team__facilitators=member)


class Membership(models.Model):
    """One stay of one member in one team.

    A state machine that only `teams.services` moves. An ended stay is never reopened and
    never deleted: joining again makes a new row.
    """

    class Status(models.TextChoices):
        REQUESTED = "requested", "Waiting"
        ACTIVE = "active", "Active"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"
        ENDED = "ended", "Ended"

    CURRENT = (Status.REQUESTED, Status.ACTIVE)

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships"
    )
    team = models.ForeignKey(ActionTeam, on_delete=models.PROTECT, related_name="memberships")
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.REQUESTED, editable=False
    )
    requested_at = models.DateTimeField("requested", default=timezone.now, editable=False)
    decided_at = models.DateTimeField("decided", null=True, blank=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="Empty: the mail domain decided.",
    )
    ended_at = models.DateTimeField("ended", null=True, blank=True, editable=False)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    reason = models.TextField(blank=True, editable=False)

    objects = MembershipQuerySet.as_manager()
    history = HistoricalRecords()

    class Meta:
        ordering: ClassVar = ["-requested_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["member", "team"],
                condition=Q(status__in=["requested", "active"]),
                name="teams_membership_one_open_per_member_and_team",
                violation_error_message="This person already belongs to the team or waits for it.",
            ),
            models.CheckConstraint(
                name="teams_membership_status_known",
                condition=Q(status__in=["requested", "active", "declined", "withdrawn", "ended"]),
            ),
            models.CheckConstraint(
                name="teams_membership_decided_carry_time",
                condition=Q(status__in=["requested", "withdrawn"], decided_at=None)
                | Q(status__in=["active", "declined", "ended"], decided_at__isnull=False),
                violation_error_message="A decided request carries the time of the decision.",
            ),
            models.CheckConstraint(
                name="teams_membership_ended_carry_time",
                condition=Q(status__in=["requested", "active", "declined"], ended_at=None)
                | Q(status__in=["withdrawn", "ended"], ended_at__isnull=False),
                violation_error_message="An ended stay carries the time of its end.",
            ),
            models.CheckConstraint(
                name="teams_membership_declined_with_reason",
                condition=~Q(status="declined") | ~Q(reason=""),
                violation_error_message="Say why the request is declined.",
            ),
        ]
        indexes: ClassVar = [
            models.Index(F("status"), F("id").desc(), name="teams_membership_status"),
            models.Index(F("requested_at").desc(), F("id").desc(), name="teams_membership_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.member} in {self.team} ({self.get_status_display().lower()})"

    @property
    def is_active(self) -> bool:
        return self.status == self.Status.ACTIVE

    @property
    def is_waiting(self) -> bool:
        return self.status == self.Status.REQUESTED

    @property
    def answer_expected_on(self) -> date:
        """By when the facilitators promise an answer."""
        return add_working_days(timezone.localdate(self.requested_at), settings.ANSWER_WORKING_DAYS)

    @property
    def waits_for(self) -> str:
        """What a request waits for: "organization", "affiliation" or "approval"."""
        organization = self.member.organization
        if organization is None or not organization.is_recognized:
            return "organization"
        return "approval" if self.member.is_affiliation_confirmed else "affiliation"
