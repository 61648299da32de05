"""Who takes care of what waits."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from members.models import Member
from members.models.history import LoggedRecords
from members.text_fields import CleanTextField
from teams.models.faq import Question
from teams.models.memberships import Membership
from teams.models.resource_suggestions import ResourceSuggestion
from teams.models.teams import ActionTeam
from teams.models.topics import Topic


class ClaimQuerySet(models.QuerySet["Claim"]):
    def standing(self) -> ClaimQuerySet:
        """Those by people who may still decide: a claim of others holds up nobody."""
        own_team = ActionTeam.objects.filter(
            memberships=OuterRef("membership"), facilitators=OuterRef("claimed_by")
        )
        return self.filter(
            Q(claimed_by__is_superuser=True) | Q(membership=None) | Exists(own_team),
            claimed_by__is_active=True,
            claimed_by__is_staff=True,
        )

    def of_others(self, facilitator: Member) -> ClaimQuerySet:
        """Those that stand, by anyone but `facilitator`."""
        return self.standing().exclude(claimed_by=facilitator)

    def settled(self) -> ClaimQuerySet:
        """Those about what no longer waits."""
        decided = self.exclude(question__status="waiting").exclude(suggestion__status="waiting")
        return decided.exclude(membership__status="requested").exclude(topic__state="waiting")


def _exactly_one_of(*names: str) -> Q:
    """Return the condition that one of these columns is filled."""
    one = [Q(**{f"{name}__isnull": name != filled for name in names}) for filled in names]
    return reduce(or_, one)


class Claim(models.Model):
    """A facilitator takes care of a question, a suggestion, a proposed topic or a request; nobody
    else decides less for it.

    It counts only while its record waits. `note` is for the facilitators alone.
    """

    question = models.OneToOneField(
        Question, on_delete=models.CASCADE, null=True, blank=True, related_name="claim"
    )
    membership = models.OneToOneField(
        Membership, on_delete=models.CASCADE, null=True, blank=True, related_name="claim"
    )
    suggestion = models.OneToOneField(
        ResourceSuggestion, on_delete=models.CASCADE, null=True, blank=True, related_name="claim"
    )
    topic = models.OneToOneField(
        Topic, on_delete=models.CASCADE, null=True, blank=True, related_name="claim"
    )
    # Empty: released.
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    claimed_at = models.DateTimeField("claimed", null=True, blank=True)
    note = CleanTextField("internal note", blank=True)

    objects = ClaimQuerySet.as_manager()
    # Notes are about people, and go with the claim.
    history = LoggedRecords(excluded_fields=["note"])

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_claim_about_one_record",
                condition=_exactly_one_of("question", "membership", "suggestion", "topic"),
                violation_error_message="A claim is about one record.",
            ),
            models.CheckConstraint(
                name="teams_claim_claimed_carry_time",
                condition=Q(claimed_by=None, claimed_at=None)
                | Q(claimed_by__isnull=False, claimed_at__isnull=False),
                violation_error_message="A claim needs the time and the person.",
            ),
        ]

    def __str__(self) -> str:
        return f"claim of {self.question or self.suggestion or self.topic or self.membership}"
