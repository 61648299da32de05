"""Who people are: members, with or without an account that they use."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import (
    F,
    Q,
)
from django.db.models.functions import Lower
from django.utils import timezone

from members.email_addresses import normalize_address, validate_address
from members.models.functions import OctetLength  # noqa: F401  # 0001_initial names it here
from members.models.history import LoggedRecords
from members.normalize import (
    MAX_NORMALIZED_NAME_LENGTH,
    normalize_person_name,
)
from members.text_fields import CleanCharField

# What text calls a person whom its reader does not see.
UNSEEN_MEMBER = "a member"


class MemberQuerySet(models.QuerySet["Member"]):
    def unconfirmed(self) -> MemberQuerySet:
        """People with an account whose tie to an organization nobody has confirmed."""
        return self.filter(
            is_active=True, organization__isnull=False, affiliation_confirmed_at=None
        )

    def at_domain(self, domain: str) -> MemberQuerySet:
        """People whose address is at `domain` or below it."""
        return self.filter(Q(email__endswith=f"@{domain}") | Q(email__endswith=f".{domain}"))


class MemberManager(BaseUserManager["Member"].from_queryset(MemberQuerySet)):  # type: ignore[misc]
    """Creates accounts."""

    def create_user(self, email: str, **fields: Any) -> Member:
        """Return a new member with the address `email`, normalized."""
        member: Member = self.create(email=normalize_address(email), **fields)
        return member

    def create_superuser(self, email: str, **fields: Any) -> Member:
        """Return a new administrator, who sees everything at the desk."""
        return self.create_user(email, is_staff=True, is_superuser=True, **fields)

    def account_of(self, email: str) -> Member | None:
        """Return the account that the address `email` opens, closed or not: for a merged account
        the one it was merged into."""
        with_address = self.select_related("merged_into").filter(email=normalize_address(email))
        account: Member | None = with_address.first()
        return account.merged_into or account if account else None

    def get_by_natural_key(self, username: str | None) -> Member:
        member: Member = self.get(email=normalize_address(username or ""))
        return member


class Member(AbstractBaseUser, PermissionsMixin):
    """A person with an account. Nobody has a password: everyone signs in by code."""

    class ConfirmedVia(models.TextChoices):
        DOMAIN = "domain", "by the email domain"
        FACILITATOR = "facilitator", "by a facilitator"

    class Theme(models.TextChoices):
        """Without one, pages follow the device."""

        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    password = None  # type: ignore[assignment]  # takes the field out of AbstractBaseUser
    email = models.EmailField(
        "work email",
        unique=True,
        validators=[validate_address],
        error_messages={"unique": "A member with this address is already here."},
    )
    full_name = CleanCharField(max_length=120, blank=True)
    normalized_name = models.CharField(
        max_length=MAX_NORMALIZED_NAME_LENGTH, blank=True, editable=False
    )
    job_title = CleanCharField(max_length=120, blank=True)
    shares_email = models.BooleanField(
        "teammates see my address",
        default=False,
        help_text="Off: teammates see your name, job title and organization only.",
    )
    organization = models.ForeignKey(
        "members.Organization",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="members",
    )
    affiliation_confirmed_at = models.DateTimeField(null=True, blank=True, editable=False)
    affiliation_confirmed_via = models.CharField(
        max_length=12, choices=ConfirmedVia.choices, blank=True, editable=False
    )
    affiliation_confirmed_by = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    is_active = models.BooleanField(
        "account open", default=True, help_text="Off: this person can no longer sign in."
    )
    held_at = models.DateTimeField(
        "on hold since",
        null=True,
        blank=True,
        editable=False,
        help_text="The former address objected to a move. Nobody signs in until it is decided.",
    )
    is_staff = models.BooleanField("may use the desk", default=False, editable=False)
    date_joined = models.DateTimeField("member since", default=timezone.now, editable=False)
    closed_at = models.DateTimeField("account closed", null=True, blank=True, editable=False)
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="merged_accounts",
        help_text="The account of the same person that goes on. "
        "The address of this one signs in to that one.",
    )
    digest_sent_on = models.DateField(null=True, blank=True, editable=False)
    theme = models.CharField(
        max_length=5, choices=Theme.choices, default="", db_default="", blank=True, editable=False
    )

    # Set on single instances by `teams.services.visibility`, which knows who sees whom.
    is_unseen = False

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = []

    objects = MemberManager()
    history = LoggedRecords(
        excluded_fields=["last_login", "digest_sent_on", "normalized_name", "theme"],
    )

    class Meta:
        ordering: ClassVar = ["full_name", "email"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="members_member_theme_known", condition=Q(theme__in=["", "light", "dark"])
            ),
            models.CheckConstraint(
                name="members_member_email_lower_case",
                condition=Q(email=Lower("email")),
                violation_error_message="Write the address in lower case.",
            ),
            models.CheckConstraint(
                name="members_member_email_one_address",
                condition=~Q(email__contains=",") & ~Q(email__contains='"'),
                violation_error_message="Write one address, without commas and quotes.",
            ),
            models.CheckConstraint(
                name="members_member_affiliation_confirmed_whole",
                condition=Q(affiliation_confirmed_at=None, affiliation_confirmed_via="")
                | Q(
                    affiliation_confirmed_at__isnull=False,
                    organization__isnull=False,
                    affiliation_confirmed_via__in=["domain", "facilitator"],
                ),
                violation_error_message="A confirmed affiliation needs an organization, "
                "a time and a way.",
            ),
            models.CheckConstraint(
                name="members_member_closed_is_inactive",
                condition=Q(closed_at=None)
                | Q(is_active=False, is_staff=False, is_superuser=False),
                violation_error_message="A closed account cannot sign in.",
            ),
            models.CheckConstraint(
                name="members_member_held_is_inactive",
                condition=Q(held_at=None) | Q(is_active=False),
                violation_error_message="Nobody signs in to an account that is on hold.",
            ),
            models.CheckConstraint(
                name="members_member_merged_is_inactive",
                condition=Q(merged_into=None)
                | Q(is_active=False, is_staff=False, is_superuser=False),
                violation_error_message="A merged account has no rights of its own.",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                F("organization"),
                name="members_member_unconfirmed",
                condition=Q(affiliation_confirmed_at=None),
            ),
            models.Index(fields=["organization", "id"], name="members_member_employed"),
            models.Index(fields=["full_name", "email"], name="members_member_by_name"),
            models.Index(fields=["date_joined", "id"], name="members_member_by_age"),
            models.Index(fields=["normalized_name", "id"], name="members_member_same_name"),
        ]

    def __str__(self) -> str:
        if self.closed_at:
            return "Former member"
        return UNSEEN_MEMBER if self.is_unseen else self.full_name or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the compared form of the name in step with the name."""
        update_fields = kwargs.get("update_fields")
        if update_fields is None or "full_name" in update_fields:
            self.normalized_name = normalize_person_name(self.full_name)
            if update_fields is not None:
                kwargs["update_fields"] = {*update_fields, "normalized_name"}
        super().save(*args, **kwargs)

    def get_full_name(self) -> str:
        return self.full_name

    def get_short_name(self) -> str:
        return self.full_name or self.email

    def has_usable_password(self) -> bool:
        return False

    def name_for_staff(self, reader: Member) -> str:
        """Return the name of a person who decided something at the desk, in text for `reader`:
        staff are named to all staff. One who no longer is may be out of sight, so is not named,
        but to administrators, who see everything."""
        is_named = self.is_staff or reader.is_superuser or self == reader
        return str(self) if is_named else UNSEEN_MEMBER

    @property
    def is_held(self) -> bool:
        """Whether nobody signs in until a move is decided at the desk."""
        return self.held_at is not None

    @property
    def inactive_reason(self) -> str:
        """How text says why nobody signs in to an account that is not active."""
        return "on hold until a move is decided" if self.is_held else "closed"

    @property
    def is_affiliation_confirmed(self) -> bool:
        return self.affiliation_confirmed_at is not None

    @property
    def may_join_at_once(self) -> bool:
        """Whether open teams take this person without a facilitator's decision."""
        employer = self.organization
        return self.is_affiliation_confirmed and employer is not None and employer.is_recognized
