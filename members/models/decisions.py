"""Decisions at the desk that can still be undone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.utils import timezone

from members.models.people import Member

UNDO_WINDOW = timedelta(minutes=2)  # so long the emails of a decision wait, and it can be undone
SAFE = timedelta(seconds=15)  # emails leave so much later: clocks of two hosts may differ


class DecisionQuerySet(models.QuerySet["Decision"]):
    def of(self, person: Member) -> DecisionQuerySet:
        """Those that `person` took."""
        return self.filter(by=person)

    def unfinished(self) -> DecisionQuerySet:
        """Those with rows that wait to be worked off, to be decided or to be undone."""
        return self.filter(finished_at=None)

    def undoable(self) -> DecisionQuerySet:
        """Those whose emails still wait."""
        recent = Q(finished_at=None) | Q(finished_at__gt=timezone.now() - UNDO_WINDOW)
        return self.filter(recent, can_be_undone=True, undo_asked_at=None)

    def with_told(self) -> DecisionQuerySet:
        """Adds `row_count`, and `told`: what came of the first row, in words. Newest first."""
        rows = DecisionItem.objects.filter(decision=OuterRef("pk")).order_by("pk")
        told = Subquery(rows.values("told")[:1])
        return self.annotate(row_count=Count("rows"), told=told).order_by("-pk")


class Decision(models.Model):
    """One press at the desk about one row or many: worked off row by row, and for two minutes
    it can be undone. Removed after some days; what happened stays in the history of the rows."""

    by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    about = models.CharField(max_length=50)  # label of the model: "teams.membership"
    name = models.CharField(max_length=30)  # of the decision: "approve"
    title = models.CharField(max_length=400)  # in words: "Approve 7 requests"
    answers = models.JSONField(default=dict, encoder=DjangoJSONEncoder)  # what its page asked for
    can_be_undone = models.BooleanField(default=True)
    taken_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)  # when the last row was worked off
    undo_asked_at = models.DateTimeField(null=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        verbose_name = "decision"
        ordering: ClassVar = ["-pk"]
        indexes: ClassVar = [
            models.Index(
                fields=["taken_at"],
                name="members_decision_open",
                condition=Q(finished_at=None),
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def undo_until(self) -> datetime | None:
        """Until when it can be undone; None while it is being worked off."""
        return self.finished_at + UNDO_WINDOW if self.finished_at else None

    @property
    def is_undoable(self) -> bool:
        until = self.undo_until
        in_time = until is None or timezone.now() < until
        return self.can_be_undone and self.undo_asked_at is None and in_time


class DecisionItem(models.Model):
    """What a decision did to one row, so that it can be told and undone."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", "Not yet"
        DONE = "done", "Done"
        REFUSED = "refused", "Not done"
        UNDONE = "undone", "Undone"
        KEPT = "kept", "Not undone"

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="rows")
    object_id = models.BigIntegerField()
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.WAITING)
    told = models.TextField(blank=True)  # what came of it, in words
    changes = models.JSONField(default=list, encoder=DjangoJSONEncoder)  # see services.recording
    mails = models.JSONField(default=list)  # keys of the emails that wait in the queue

    class Meta:
        ordering: ClassVar = ["pk"]
        indexes: ClassVar = [
            models.Index(fields=["decision", "outcome", "id"], name="members_decisionitem_next")
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["decision", "object_id"], name="members_decisionitem_once_per_decision"
            ),
            models.CheckConstraint(
                name="members_decisionitem_outcome_known",
                condition=Q(outcome__in=["waiting", "done", "refused", "undone", "kept"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision}, row {self.object_id}: {self.get_outcome_display().lower()}"
