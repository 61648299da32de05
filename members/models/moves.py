"""Moves of members to another work address, and requests for one by who lost the old mailbox."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.core import signing
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from members.models.history import LoggedRecords
from members.models.organizations import Organization
from members.models.people import Member
from members.text_fields import CleanCharField, CleanTextField

# How long the former address can put the account on hold.
OBJECTION_WINDOW = timedelta(days=7)
SALT = "members.models.moves"


class MoveQuerySet(models.QuerySet["Move"]):
    def former(self) -> MoveQuerySet:
        """Those whose `old_email` is a former address of their member."""
        return self.filter(state__in=Move.CHANGED)

    def waiting(self) -> MoveQuerySet:
        """Those that staff have to decide, with `asked_at`, oldest first."""
        waiting = self.filter(state__in=[Move.State.REQUESTED, Move.State.HELD])
        asked_at = Coalesce("objected_at", "created_at")
        return waiting.annotate(asked_at=asked_at).order_by("asked_at", "pk")

    def of_token(self, token: str) -> Move | None:
        """Return the move whose email has this `token`, or None."""
        try:
            key = int(signing.Signer(salt=SALT).unsign(token))
        except (signing.BadSignature, ValueError):
            return None
        return self.select_related("member__merged_into").filter(pk=key).first()

    def at_former_address(self, email: str) -> Move | None:
        """Return the newest move away from `email`, a normalized address, unless an account has
        this address now."""
        if Member.objects.account_of(email):
            return None
        return self.former().filter(old_email=email).order_by("-pk").first()


class Move(models.Model):
    """One move of a member from `old_email` to `new_email`, both addresses as they are compared.

    It keeps the former address, which signs in no longer and may be another person's one day. Only
    `members.services.moving` writes the state:

    (new) --> DONE --former address objects--> HELD --decide--> KEPT or RETURNED
    (new) --> REQUESTED --approve--> DONE
                  |--decline--> DECLINED
    """

    class State(models.TextChoices):
        REQUESTED = "requested", "Requested"
        DONE = "done", "Done"
        HELD = "held", "On hold"
        KEPT = "kept", "Kept"
        RETURNED = "returned", "Returned"
        DECLINED = "declined", "Declined"

    CHANGED = (State.DONE, State.HELD, State.KEPT)
    WAITING = (State.REQUESTED, State.HELD)

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="moves")
    old_email = models.EmailField("old address", db_index=True)
    new_email = models.EmailField("new address")
    old_organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Whether the affiliation with `old_organization` was confirmed.
    was_confirmed = models.BooleanField(default=False)
    full_name = CleanCharField(
        "name given", max_length=120, blank=True, help_text="By the person who asks."
    )
    organization_name = CleanCharField("employer given", max_length=150, blank=True)
    note = CleanTextField("note to the facilitators", blank=True)
    state = models.CharField(max_length=9, choices=State.choices, editable=False)
    created_at = models.DateTimeField("asked", default=timezone.now, editable=False)
    changed_at = models.DateTimeField("moved", null=True, blank=True, editable=False)
    objected_at = models.DateTimeField(
        "old address objected", null=True, blank=True, editable=False
    )
    decided_at = models.DateTimeField("decided", null=True, blank=True, editable=False)
    decided_by = models.ForeignKey(
        Member, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    reason = CleanTextField(blank=True, editable=False, help_text="Both addresses read it.")

    objects = MoveQuerySet.as_manager()
    history = LoggedRecords()

    class Meta:
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="members_move_state_known",
                condition=Q(
                    state__in=["requested", "done", "held", "kept", "returned", "declined"]
                ),
            ),
            models.CheckConstraint(
                name="members_move_to_another_address",
                condition=~Q(old_email=F("new_email")),
                violation_error_message="The new address is the old one.",
            ),
            models.CheckConstraint(
                name="members_move_changed_carry_time",
                condition=Q(state__in=["requested", "declined"], changed_at=None)
                | Q(state__in=["done", "held", "kept", "returned"], changed_at__isnull=False),
                violation_error_message="A move that was made carries its time.",
            ),
            models.CheckConstraint(
                name="members_move_held_carry_time",
                condition=~Q(state__in=["held", "kept"]) | Q(objected_at__isnull=False),
                violation_error_message="An objection carries its time.",
            ),
            models.CheckConstraint(
                name="members_move_decided_at_and_by",
                condition=~Q(state__in=["kept", "returned", "declined"])
                | (Q(decided_at__isnull=False, decided_by__isnull=False) & ~Q(reason="")),
                violation_error_message="A decision needs its time, its reason and who took it.",
            ),
            models.UniqueConstraint(
                fields=["member", "new_email"],
                condition=Q(state="requested"),
                name="members_move_one_request_for_an_address",
                violation_error_message="This was asked for already.",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["created_at"],
                name="members_move_waiting",
                condition=Q(state__in=["requested", "held"]),
            ),
        ]

    def __str__(self) -> str:
        return f"Move of {self.member}"

    @property
    def token(self) -> str:
        """What the link in the email to the old address ends in."""
        return signing.Signer(salt=SALT).sign(str(self.pk))

    @property
    def waits_since(self) -> datetime:
        """Since when staff have to decide, while that is so."""
        return self.objected_at or self.created_at

    @property
    def is_requested(self) -> bool:
        return self.state == self.State.REQUESTED

    @property
    def is_held(self) -> bool:
        return self.state == self.State.HELD

    @property
    def can_object_until(self) -> datetime | None:
        """Until when the former address can put the account on hold; None before the move."""
        return self.changed_at + OBJECTION_WINDOW if self.changed_at else None

    @property
    def can_be_held(self) -> bool:
        """Whether the former address can still put the account on hold, which has another one."""
        until = self.can_object_until
        is_over = until is None or timezone.now() >= until
        return self.state == self.State.DONE and not is_over and not self.is_back

    @property
    def is_back(self) -> bool:
        """Whether the account has its old address again, by another move or a decision."""
        return self.member.email == self.old_email
