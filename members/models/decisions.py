"""Decisions of the desk, as long as they can be undone or looked up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.utils import timezone

from members.models.people import Member

# How long a finished decision can be undone; its emails wait as long.
UNDO_WINDOW = timedelta(minutes=2)
# Emails leave this much after the window: the clocks of two hosts may differ.
CLOCK_SKEW_ALLOWANCE = timedelta(seconds=15)


class DecisionQuerySet(models.QuerySet["Decision"]):
    def of(self, member: Member) -> DecisionQuerySet:
        """Return the decisions that `member` made."""
        return self.filter(by=member)

    def unfinished(self) -> DecisionQuerySet:
        """Return those with items that are still to be processed or undone."""
        return self.filter(finished_at=None)

    def undoable(self) -> DecisionQuerySet:
        """Return those whose emails still wait."""
        recent = Q(finished_at=None) | Q(finished_at__gt=timezone.now() - UNDO_WINDOW)
        return self.filter(recent, can_be_undone=True, undo_requested_at=None)

    def with_summary(self) -> DecisionQuerySet:
        """Add `item_count`, and of the first item `summary`, its result message, and
        `first_object_id`. Newest first."""
        items = DecisionItem.objects.filter(decision=OuterRef("pk")).order_by("pk")
        return self.annotate(
            item_count=Count("items"),
            summary=Subquery(items.values("result_message")[:1]),
            first_object_id=Subquery(items.values("object_id")[:1]),
        ).order_by("-pk")


class Decision(models.Model):
    """One action that staff applied to one record or many.

    Processed item by item, undoable for two minutes, and deleted after some days: what happened
    stays in the history of the records.
    """

    by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    # The key of the action in teams.actions: "teams.membership" and "approve".
    model_label = models.CharField(max_length=50)
    action = models.CharField(max_length=30)
    # In words: "Approve 7 requests".
    title = models.CharField(max_length=400)
    form_data = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    can_be_undone = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    # When the last item was processed; empty again while the decision is being undone.
    finished_at = models.DateTimeField(null=True)
    undo_requested_at = models.DateTimeField(null=True)
    # Its author, or an administrator.
    undo_requested_by = models.ForeignKey(
        Member, on_delete=models.PROTECT, null=True, related_name="+"
    )

    objects = DecisionQuerySet.as_manager()

    class Meta:
        verbose_name = "decision"
        ordering: ClassVar = ["-pk"]
        indexes: ClassVar = [
            models.Index(
                fields=["created_at"],
                name="members_decision_unfinished",
                condition=Q(finished_at=None),
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def undoer(self) -> Member:
        """The person who undoes it: not always its author."""
        return self.undo_requested_by or self.by

    @property
    def undo_until(self) -> datetime | None:
        """Return when undoing ends; None while items are still being processed."""
        return self.finished_at + UNDO_WINDOW if self.finished_at else None

    @property
    def is_undoable(self) -> bool:
        until = self.undo_until
        in_time = until is None or timezone.now() < until
        return self.can_be_undone and self.undo_requested_at is None and in_time


class DecisionItem(models.Model):
    """What a decision did to one record: its result in words, and what undoing it takes."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", "Not yet"
        DONE = "done", "Done"
        REFUSED = "refused", "Not done"
        UNDONE = "undone", "Undone"
        UNDO_REFUSED = "undo_refused", "Not undone"

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="items")
    object_id = models.BigIntegerField()
    outcome = models.CharField(max_length=12, choices=Outcome.choices, default=Outcome.WAITING)
    result_message = models.TextField(blank=True)
    # As in members.history.changesets.ChangeSet.
    changes = models.JSONField(default=list, encoder=DjangoJSONEncoder)
    # The emails in the queue that it caused, by key.
    email_ids = models.JSONField(default=list)

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
                condition=Q(outcome__in=["waiting", "done", "refused", "undone", "undo_refused"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision}, object {self.object_id}: {self.get_outcome_display().lower()}"
