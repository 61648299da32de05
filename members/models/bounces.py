"""Addresses from which emails came back."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from members.bounce_codes import describe_code
from members.models.history import LoggedRecords


class BounceQuerySet(models.QuerySet["Bounce"]):
    def open(self) -> BounceQuerySet:
        """Those about which nobody has said yet whether the person is still there."""
        return self.filter(settled_at=None)


class Bounce(models.Model):
    """Emails to an address of a member that the mail server gave back for good. While it is open,
    the member gets only what they need to sign in, and what is decided about them."""

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="bounces"
    )
    address = models.EmailField()
    # Of the mail server (RFC 3463), such as 5.1.1.
    status_code = models.CharField(max_length=11, blank=True)
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)
    number = models.PositiveIntegerField("emails", default=1)
    settled_at = models.DateTimeField(null=True, blank=True)
    # The member, or staff; None: the address changed, or an email arrived.
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = BounceQuerySet.as_manager()
    history = LoggedRecords(excluded_fields=["address"])

    class Meta:
        verbose_name = "returned email"
        ordering: ClassVar = ["first_at", "pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["member", "address"],
                condition=Q(settled_at=None),
                name="members_bounce_one_open_per_address",
            ),
        ]

    def __str__(self) -> str:
        return f"Emails to {self.address} came back"

    @property
    def meaning(self) -> str:
        """What the mail server said, in words: "the mailbox does not exist"."""
        return describe_code(self.status_code)
