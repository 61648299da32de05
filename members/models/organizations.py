"""Who employs people: organizations and their email domains."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import (
    Case,
    Count,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Concat, Length, Lower
from django.db.models.lookups import Exact
from django.utils import timezone

from members.domain_typos import may_be_typo, probable_domain
from members.email_domains import (
    domain_problem,
    domain_suffixes,
    normalize_domain,
    readable_domain,
)
from members.models.functions import OctetLength
from members.models.history import LoggedRecords
from members.models.people import Member
from members.normalize import (
    normalize_organization_name,
)
from members.text_fields import CleanCharField, CleanTextField

# Names in a form's suggestion list: about 5 kB of a page. Any other name can be typed.
MAX_SUGGESTIONS = 200
DOMAIN_TAKEN = "This domain already belongs to an organization."


class OrganizationQuerySet(models.QuerySet["Organization"]):
    def recognized(self) -> OrganizationQuerySet:
        return self.filter(status=Organization.Status.RECOGNIZED)

    def suggested(self) -> OrganizationQuerySet:
        """The recognized ones that a form suggests while a name is typed: few enough for a page."""
        return self.recognized().order_by("name")[:MAX_SUGGESTIONS]

    def proposed(self) -> OrganizationQuerySet:
        return self.filter(status=Organization.Status.PROPOSED)

    def to_decide(self) -> OrganizationQuerySet:
        """Proposed organizations that people wait for."""
        return self.proposed().filter(pk__in=Member.objects.unconfirmed().values("organization"))

    def named(self, name: str) -> OrganizationQuerySet:
        """The organization whose name equals `name` as names are compared; it may be merged."""
        return self.filter(normalized_name=normalize_organization_name(name))

    def has_declined(self, domain: str) -> bool:
        """Return whether organizations with this email domain were declined, and none of them was
        recognized or proposed again."""
        at_domain = self.filter(suggested_domain__in=domain_suffixes(domain))
        statuses = set(at_domain.values_list("status", flat=True)) - {Organization.Status.MERGED}
        return statuses == {Organization.Status.DECLINED}

    def with_waiting_count(self) -> OrganizationQuerySet:
        """Adds `waiting_count`: the members whose tie to it nobody has confirmed."""
        waiting = Member.objects.unconfirmed().filter(organization=OuterRef("pk")).order_by()
        number = waiting.values("organization").annotate(number=Count("pk")).values("number")
        return self.annotate(waiting_count=Coalesce(Subquery(number), 0))

    def with_domain_evidence(self) -> OrganizationQuerySet:
        """Adds what speaks for and against the suggested domain of those that are not recognized:
        `people_at_domain`, how many who wait for it have an address there, and
        `overlapping_domain`, "rush.example of Rush Example Hospital" where that lies above or
        below it, else empty."""
        suggested = OuterRef("suggested_domain")
        people = Member.objects.unconfirmed().filter(
            Q(email__endswith=Concat(Value("@"), suggested))
            | Q(email__endswith=Concat(Value("."), suggested)),
            organization=OuterRef("pk"),
        )
        count = people.order_by().values("organization").annotate(number=Count("pk"))
        domains = EmailDomain.objects.exclude(organization=OuterRef("pk")).annotate(
            suggested=ExpressionWrapper(suggested, output_field=models.CharField())
        )
        overlapping = domains.filter(
            Q(suggested__endswith=Concat(Value("."), F("domain")))
            | Q(domain__endswith=Concat(Value("."), suggested))
        ).annotate(
            described=Concat(
                "domain",
                Value(" of "),
                "organization__name",
                output_field=models.CharField(),
            )
        )
        # Of the others nobody asks: their rows cost nothing.
        asked = Q(status__in=["proposed", "declined"]) & ~Q(suggested_domain="")
        return self.annotate(
            people_at_domain=Case(
                When(asked, then=Coalesce(Subquery(count.values("number")), 0)), default=0
            ),
            overlapping_domain=Case(
                When(
                    asked,
                    then=Coalesce(
                        Subquery(overlapping.order_by("domain").values("described")[:1]), Value("")
                    ),
                ),
                default=Value(""),
            ),
        )


class Organization(models.Model):
    """An employer or partner. *Recognized* means that a facilitator has accepted it."""

    class Status(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        RECOGNIZED = "recognized", "Recognized"
        DECLINED = "declined", "Declined"
        MERGED = "merged", "Merged"

    class Kind(models.TextChoices):
        """What an organization is in the Collaborative, which its employers lead."""

        EMPLOYER = "employer", "Employer"
        TRAINING_PROVIDER = "training_provider", "Training provider"
        EDUCATOR = "educator", "Educator"
        COMMUNITY_PARTNER = "community_partner", "Community partner"
        FUNDER = "funder", "Funder"
        PUBLIC_AGENCY = "public_agency", "Public agency"

    name = CleanCharField(max_length=150)
    # Empty: nobody has said.
    kind = models.CharField(
        max_length=17, choices=Kind.choices, blank=True, default="", db_default=""
    )
    normalized_name = models.CharField(
        max_length=150,
        unique=True,
        editable=False,
        error_messages={"unique": "An organization with this name is already here."},
    )
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.PROPOSED, editable=False
    )
    suggested_domain = models.CharField(
        max_length=253,
        blank=True,
        help_text="The email domain of the person who proposed it. "
        "It counts only once it is ticked.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)
    decided_by = models.ForeignKey(
        "members.Member",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    decision_reason = CleanTextField(
        blank=True, editable=False, help_text="Why it was declined; members read this."
    )
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="former_names",
        help_text="The organization that this one turned out to be, or is called now. "
        "People who join with this name belong to that one.",
    )

    objects = OrganizationQuerySet.as_manager()
    history = LoggedRecords()

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="members_organization_status_known",
                condition=Q(status__in=["proposed", "recognized", "declined", "merged"]),
            ),
            models.CheckConstraint(
                name="members_organization_decided_at_and_by",
                condition=Q(status="proposed")
                | Q(decided_at__isnull=False, decided_by__isnull=False),
                violation_error_message="A decision needs the time and the person who took it.",
            ),
            models.CheckConstraint(
                name="members_organization_declined_with_reason",
                condition=~Q(status="declined") | ~Q(decision_reason=""),
                violation_error_message="Say why the organization is declined.",
            ),
            models.CheckConstraint(
                name="members_organization_name_comparable",
                condition=~Q(normalized_name=""),
                violation_error_message="The name needs at least one letter or digit.",
            ),
            models.CheckConstraint(
                name="members_organization_merged_into_another",
                condition=Q(status="merged", merged_into__isnull=False)
                | (~Q(status="merged") & Q(merged_into=None)),
                violation_error_message="A merged organization names the one it is part of.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; the normalized name always follows from the name."""
        self.normalized_name = normalize_organization_name(self.name)
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "normalized_name"}
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Refuse a name that is another's, or that cannot be compared."""
        self.normalized_name = normalize_organization_name(self.name)
        if not self.normalized_name:
            raise ValidationError({"name": "Enter a name with at least one letter or digit."})
        if Organization.objects.named(self.name).exclude(pk=self.pk).exists():
            raise ValidationError({"name": "An organization with this name is already here."})

    @property
    def is_recognized(self) -> bool:
        return self.status == self.Status.RECOGNIZED

    @property
    def is_declined(self) -> bool:
        return self.status == self.Status.DECLINED

    @property
    def is_merged(self) -> bool:
        return self.status == self.Status.MERGED

    @property
    def offered_domain(self) -> str:
        """The suggested domain if it can be this organization's; else empty."""
        return "" if domain_problem(self.suggested_domain) else self.suggested_domain

    @property
    def canonical(self) -> Organization:
        """The organization that this name stands for: itself, or the one it was merged into."""
        return self.merged_into or self


class EmailDomainQuerySet(models.QuerySet["EmailDomain"]):
    def overlapping(self, domain: str) -> EmailDomainQuerySet:
        """The domains above `domain` and below it, the highest first."""
        above = Q(domain__in=domain_suffixes(domain)[1:])
        overlapping = self.filter(above | Q(domain__endswith=f".{domain}"))
        return overlapping.select_related("organization").order_by(Length("domain"), "domain")

    def owner_of(self, domain: str) -> Organization | None:
        """The organization of the longest registered suffix of `domain`, or None."""
        matching = self.filter(domain__in=domain_suffixes(domain)).select_related("organization")
        longest = max(matching, key=lambda match: len(match.domain), default=None)
        return longest.organization if longest else None

    def probably_meant_by(self, domains: Iterable[str]) -> dict[str, str]:
        """Return for those of `domains` that are probably typed wrong what was meant. Two queries,
        for any number; one for domains that are all a mailbox provider's or an organization's."""
        unknown = {domain for domain in domains if may_be_typo(domain)}
        suffixes = {suffix for domain in unknown for suffix in domain_suffixes(domain)}
        owned = set(self.filter(domain__in=suffixes).values_list("domain", flat=True))
        unknown = {domain for domain in unknown if owned.isdisjoint(domain_suffixes(domain))}
        if not unknown:
            return {}
        of_recognized = self.filter(organization__status=Organization.Status.RECOGNIZED)
        recognized = list(of_recognized.values_list("domain", flat=True))
        probable = {domain: probable_domain(domain, recognized) for domain in unknown}
        return {domain: meant for domain, meant in probable.items() if meant}

    def address_probably_meant_by(self, email: str) -> str:
        """Return the address that was probably meant by `email`, a normalized one; empty where it
        may well be right, or where there is none."""
        local, _, domain = email.rpartition("@")
        meant = self.probably_meant_by([domain]) if domain else {}
        return f"{local}@{meant[domain]}" if domain in meant else ""


class EmailDomainManager(models.Manager.from_queryset(EmailDomainQuerySet)):  # type: ignore[misc]
    """Finds the domains that count. Removed ones stay as rows, out of every list."""

    def get_queryset(self) -> EmailDomainQuerySet:
        domains: EmailDomainQuerySet = super().get_queryset().filter(removed_at=None)
        return domains


class EmailDomain(models.Model):
    """An email domain that belongs to one organization, with everything below it."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="domains")
    domain = models.CharField(
        max_length=253,
        help_text="Such as hospital.org. Addresses at mail.hospital.org count as well.",
    )
    # Given by mistake: from then on it confirms nobody, and can be another organization's.
    removed_at = models.DateTimeField("removed", null=True, blank=True, editable=False)

    objects = EmailDomainManager()
    history = LoggedRecords()

    class Meta:
        ordering: ClassVar = ["domain"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["domain"],
                condition=Q(removed_at=None),
                name="members_emaildomain_one_organization",
                violation_error_message=DOMAIN_TAKEN,
            ),
            models.CheckConstraint(
                name="members_emaildomain_lower_case",
                condition=Q(domain=Lower("domain")),
                violation_error_message="Write the domain in lower case.",
            ),
            models.CheckConstraint(
                name="members_emaildomain_two_labels",
                condition=Q(domain__contains=".")
                & ~Q(domain__contains="@")
                & ~Q(domain__contains=" ")
                & ~Q(domain__startswith="."),
                violation_error_message="Enter an email domain, like hospital.org.",
            ),
            models.CheckConstraint(
                name="members_emaildomain_ascii",
                condition=Q(Exact(Length("domain"), OctetLength("domain"))),
                violation_error_message="Write the domain without accents.",
            ),
        ]

    def __str__(self) -> str:
        return readable_domain(self.domain)

    def clean(self) -> None:
        """Bring the domain into its normal form; refuse what cannot be one organization's."""
        if not self.domain:
            # The field itself refuses an empty value.
            return
        self.domain = normalize_domain(self.domain)
        if problem := domain_problem(self.domain):
            raise ValidationError({"domain": problem})

    def validate_unique(self, exclude: Collection[str] | None = None) -> None:
        """Refuse a domain that is an organization's already, in words and at its field."""
        super().validate_unique(exclude)
        same = EmailDomain.objects.filter(domain=self.domain).exclude(pk=self.pk)
        if "domain" not in (exclude or ()) and same.exists():
            raise ValidationError({"domain": DOMAIN_TAKEN})
