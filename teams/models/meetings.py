"""Meetings of the teams and of the whole Collaborative, and who may see them."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import ClassVar

from django.contrib.auth.models import AnonymousUser
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from django.utils import timezone

from members.models import Member
from members.models.history import LoggedRecords
from members.text_fields import CleanCharField, CleanTextField
from teams.models.teams import MARKDOWN_HELP, ActionTeam

# Older meetings are only on the pages.
CALENDAR_RETENTION = timedelta(days=365)


class MeetingQuerySet(models.QuerySet["Meeting"]):
    def announced(self) -> MeetingQuerySet:
        """All but drafts: also those that were held or cancelled. None of a team that is a draft,
        which nobody may know of."""
        drafts = ActionTeam.objects.filter(
            meetings=OuterRef("pk"), state=ActionTeam.State.DRAFT
        ).order_by()
        return self.exclude(status=Meeting.Status.DRAFT).filter(~Exists(drafts))

    def public(self) -> MeetingQuerySet:
        """What every visitor may know of."""
        return self.announced().filter(audience=Meeting.Audience.PUBLIC)

    def visible_to(
        self, person: Member | AnonymousUser, keys: Collection[int] | None = None
    ) -> MeetingQuerySet:
        """The meetings that exist for `person`: public ones; for active members of a team and
        facilitators those for members, and those of their own teams; what they may plan. `keys`
        are their `team_keys`, where these are known; else one query finds them."""
        if not isinstance(person, Member):
            return self.public()
        if person.is_superuser:
            return self
        if keys is None:
            keys = team_keys(person)
        seen = Q(audience=Meeting.Audience.PUBLIC)
        if keys:
            of_own_teams = Meeting.teams.through.objects.filter(
                meeting=OuterRef("pk"), actionteam__in=keys
            )
            seen |= Q(audience=Meeting.Audience.MEMBERS)
            seen |= Q(Exists(of_own_teams), audience=Meeting.Audience.TEAMS)
        own = Meeting.objects.editable_by(person).order_by().values("pk")
        return self.filter(Q(pk__in=own) | Q(seen, pk__in=self.announced().order_by().values("pk")))

    def editable_by(self, staff: Member) -> MeetingQuerySet:
        """The meetings that `staff` plans: of the teams that they facilitate; those of the whole
        Collaborative are planned by administrators."""
        if not staff.is_staff:
            return self.none()
        if staff.is_superuser:
            return self
        own = Meeting.teams.through.objects.filter(
            meeting=OuterRef("pk"), actionteam__facilitators=staff
        )
        return self.filter(Exists(own))

    def of_team(self, team: ActionTeam) -> MeetingQuerySet:
        """Meetings of `team`, and of the whole Collaborative."""
        return self.of_teams([team.pk])

    def of_teams(self, keys: Collection[int]) -> MeetingQuerySet:
        """Meetings of the teams with these keys, and of the whole Collaborative."""
        through = Meeting.teams.through.objects.filter(meeting=OuterRef("pk"))
        return self.filter(Exists(through.filter(actionteam__in=keys)) | ~Exists(through))

    def upcoming(self) -> MeetingQuerySet:
        """Meetings that are not over, the next one first; cancelled ones until their day has
        passed, as calendars keep them."""
        is_ahead = Q(ends_at__gt=timezone.now()) | Q(status=Meeting.Status.CANCELLED)
        return self.filter(is_ahead, ends_at__gt=_midnight()).order_by("starts_at", "pk")

    def takes_place(self) -> MeetingQuerySet:
        """Meetings that are announced and not cancelled."""
        return self.filter(status__in=[Meeting.Status.ANNOUNCED, Meeting.Status.HELD])

    def past(self) -> MeetingQuerySet:
        """Meetings that are over and took place, the newest first."""
        return self.takes_place().filter(ends_at__lte=timezone.now()).order_by("-starts_at", "-pk")

    def in_calendars(self) -> MeetingQuerySet:
        """What calendars hold: the announced meetings of the last year and all to come. Cancelled
        ones are kept until their day has passed in Central Time: no one notices a missing entry."""
        cancelled = Q(status=Meeting.Status.CANCELLED)
        retained = Q(~cancelled, ends_at__gt=timezone.now() - CALENDAR_RETENTION)
        retained |= Q(cancelled, ends_at__gt=_midnight())
        return self.announced().filter(retained).order_by("starts_at", "pk")


def _midnight() -> datetime:
    """Return when the present day began, in Central Time."""
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


# What people's calendars show. Agenda, minutes and audience are only on its page.
CALENDAR_FIELDS = frozenset({"title", "starts_at", "ends_at", "place", "join_url", "status"})
# When emails were queued: no change of the meeting.
EMAIL_TIMES = frozenset({"reminded_at", "answers_asked_at", "materials_sent_at"})


def team_keys(member: Member) -> list[int]:
    """Return the keys of the teams in which `member` is active, or which they facilitate: people
    with at least one count as members for meetings."""
    return list(ActionTeam.objects.of_member(member).order_by().values_list("pk", flat=True))


class Meeting(models.Model):
    """A meeting, from the plan to its minutes.

    Times are stored in UTC, typed and shown in Central Time. `teams.services.meetings` alone writes
    the status. An announced meeting is never deleted.
    """

    class Kind(models.TextChoices):
        QUARTERLY = "quarterly", "Quarterly meeting"
        LEARNING = "learning", "Learning event"
        SUMMIT = "summit", "Summit"
        TEAM = "team", "Team meeting"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        ANNOUNCED = "announced", "Announced"
        CANCELLED = "cancelled", "Cancelled"
        HELD = "held", "Held"

    class Audience(models.TextChoices):
        PUBLIC = "public", "Everyone"
        MEMBERS = "members", "Members of any team"
        TEAMS = "teams", "Members of its teams"

    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.QUARTERLY)
    title = CleanCharField(max_length=120, help_text="Such as Winter meeting.")
    slug = models.SlugField("address", max_length=140, unique=True, editable=False)
    teams = models.ManyToManyField(
        ActionTeam,
        blank=True,
        related_name="meetings",
        help_text="None: a meeting of the whole Collaborative.",
    )
    starts_at = models.DateTimeField("begins")
    ends_at = models.DateTimeField("ends")
    place = CleanCharField(
        max_length=200,
        blank=True,
        help_text="Room and street address. Empty where the meeting is only online.",
    )
    join_url = models.URLField(
        "link to join online",
        max_length=500,
        blank=True,
        help_text="Only members ever see it. Empty where the meeting is only in person.",
    )
    audience = models.CharField("who sees it", max_length=7, choices=Audience.choices)
    agenda = CleanTextField(blank=True, help_text=MARKDOWN_HELP)
    minutes = CleanTextField(
        blank=True, help_text=f"What was decided. Shown once the meeting has begun. {MARKDOWN_HELP}"
    )
    places = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How many can come in person; others join a waiting list. Empty: no limit.",
    )
    answer_by = models.DateTimeField("answer by", null=True, blank=True)
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.DRAFT, editable=False
    )
    cancelled_reason = CleanCharField(max_length=300, blank=True, editable=False)
    moved_from = models.DateTimeField(
        "moved from", null=True, editable=False, help_text="Where it was moved: its last time."
    )
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # Of the calendar entry (RFC 5545, 3.8.7.4): each change that matters to those who come.
    sequence = models.PositiveIntegerField(default=0, editable=False)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)
    announced_at = models.DateTimeField(null=True, editable=False)
    # When the emails of that kind were queued for the time that the meeting has now.
    reminded_at = models.DateTimeField(null=True, editable=False)
    answers_asked_at = models.DateTimeField(null=True, editable=False)
    materials_sent_at = models.DateTimeField(null=True, editable=False)

    known_teams: Sequence[ActionTeam] | None = None

    objects = MeetingQuerySet.as_manager()
    history = LoggedRecords(m2m_fields=[teams])

    class Meta:
        ordering: ClassVar = ["-starts_at", "-pk"]
        indexes: ClassVar = [models.Index(fields=["starts_at"]), models.Index(fields=["ends_at"])]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_meeting_kind_known",
                condition=Q(kind__in=["quarterly", "learning", "summit", "team"]),
            ),
            models.CheckConstraint(
                name="teams_meeting_audience_known",
                condition=Q(audience__in=["public", "members", "teams"]),
            ),
            models.CheckConstraint(
                name="teams_meeting_status_known",
                condition=Q(status__in=["draft", "announced", "cancelled", "held"]),
            ),
            models.CheckConstraint(
                name="teams_meeting_ends_after_start",
                condition=Q(ends_at__gt=F("starts_at")),
                violation_error_message="The meeting ends before it begins. Change one of the "
                "times.",
            ),
            models.CheckConstraint(
                name="teams_meeting_cancelled_with_reason",
                condition=~Q(status="cancelled") | ~Q(cancelled_reason=""),
                violation_error_message="Say in one sentence why the meeting is cancelled.",
            ),
            models.CheckConstraint(
                name="teams_meeting_announced_with_time",
                condition=Q(status="draft", announced_at=None)
                | Q(~Q(status="draft"), announced_at__isnull=False),
            ),
            models.CheckConstraint(
                name="teams_meeting_has_places",
                condition=Q(places=None) | Q(places__gt=0),
                violation_error_message="Enter at least 1 place, or leave it empty for no limit.",
            ),
            models.CheckConstraint(
                name="teams_meeting_answers_before_start",
                condition=Q(answer_by=None) | Q(answer_by__lte=F("starts_at")),
                violation_error_message="The deadline to answer must be before the meeting begins.",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def save(
        self,
        *,
        force_insert: bool | tuple[models.base.ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Save. Each change of what calendars show raises `sequence`, undoing one as well: they
        ignore what has a number that they know (RFC 5546, 2.1.4). Nobody knows of a draft."""
        if update_fields is not None and not EMAIL_TIMES.issuperset(update_fields):
            update_fields = set(update_fields)
            if self.status != self.Status.DRAFT or "status" in update_fields:
                self.sequence += not CALENDAR_FIELDS.isdisjoint(update_fields)
            self.changed_at = timezone.now()
            update_fields |= {"sequence", "changed_at"}
        super().save(
            force_insert=force_insert,
            force_update=force_update,
            using=using,
            update_fields=update_fields,
        )

    def get_absolute_url(self) -> str:
        return reverse("meeting_detail", args=[self.slug])

    @property
    def is_cancelled(self) -> bool:
        return self.status == self.Status.CANCELLED

    @property
    def is_over(self) -> bool:
        return self.ends_at <= timezone.now()

    @property
    def has_begun(self) -> bool:
        return self.starts_at <= timezone.now()

    @property
    def is_in_person(self) -> bool:
        return bool(self.place)

    @property
    def is_online(self) -> bool:
        return bool(self.join_url)

    @property
    def can_be_joined(self) -> bool:
        """Whether it takes place and is not over; also where who came is recorded meanwhile."""
        return self.status in {self.Status.ANNOUNCED, self.Status.HELD} and not self.is_over

    @property
    def where(self) -> str:
        """Where it is, in words, without the link to join."""
        if self.place:
            return f"{self.place}, and online" if self.join_url else self.place
        return "Online" if self.join_url else "The place is not decided yet"

    @property
    def shown_teams(self) -> Sequence[ActionTeam]:
        """Its teams, in their order, for pages. Prefetch `teams` where there are many meetings, or
        set `known_teams` where they are known."""
        return list(self.teams.all()) if self.known_teams is None else self.known_teams

    @property
    def title_with_teams(self) -> str:
        """Whose it is, and its title: "Education: Winter meeting"."""
        names = ", ".join(team.name for team in self.shown_teams)
        return f"{names}: {self.title}" if names else self.title

    @property
    def local_start(self) -> datetime:
        """In Central Time."""
        return timezone.localtime(self.starts_at)

    @property
    def local_end(self) -> datetime:
        """In Central Time."""
        return timezone.localtime(self.ends_at)

    @property
    def day(self) -> date:
        """On which it begins, in Central Time."""
        return self.local_start.date()

    @property
    def moved_at(self) -> datetime | None:
        """When it was moved to the time that it has now, from its history: one query; None where
        it never moved."""
        if self.moved_from is None:
            return None
        moves = self.history.filter(moved_from=self.moved_from, starts_at=self.starts_at)
        moved_at: datetime | None = (
            moves.order_by("history_date").values_list("history_date", flat=True).first()
        )
        return moved_at

    @property
    def takes_answers(self) -> bool:
        """Whether people can still answer."""
        until = self.answer_by or self.starts_at
        return self.status == self.Status.ANNOUNCED and timezone.now() < until
