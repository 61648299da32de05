"""The list and the records of organizations."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from desk.actions.base import ActionAdmin
from desk.changelist import badge, require_staff
from desk.changelist.filters import OnTeamFilter
from desk.imports.organizations import OrganizationImport
from desk.imports.views import ImportingAdmin
from desk.records.looks_like import with_looks_like
from desk.records.organizations.actions import (
    DeclineOrganization,
    Recognize,
    domain_owners,
    organization_summaries,
)
from desk.records.organizations.domain_evidence import mark_probable_domains
from desk.records.organizations.domain_form import OverlapForm
from desk.records.organizations.merge import MergeOrganization
from desk.timeline import organization_timeline
from members.dates import long_date, short_date
from members.email_domains import readable_domain
from members.models import EmailDomain, Organization, OrganizationQuerySet
from members.services import rename_organization, set_kind
from teams.models import Attendance
from teams.services import add_organization
from teams.statistics import describe_attended

BADGES = {
    "proposed": "waiting", "recognized": "confirmed", "declined": "closed", "merged": "closed",
}  # fmt: skip
WHAT_TO_DO_INSTEAD = {
    "proposed": "It waits to be recognized: open it and recognize it.",
    "recognized": "",
    "declined": "It was declined. If that was wrong, open it and recognize it.",
}


def organization_link(organization: Organization) -> SafeString:
    """Return the name, as a link to the record."""
    url = reverse("admin:members_organization_change", args=[organization.pk])
    return format_html('<bdi><a href="{}">{}</a></bdi>', url, organization)


def already_here_message(organization: Organization) -> SafeString:
    """Return that `organization` has the name, and what to do instead."""
    link = organization_link(organization.canonical)
    if organization.is_merged:
        return format_html("{} is already here: a former name of {}.", organization, link)
    return format_html("{} is already here. {}", link, WHAT_TO_DO_INSTEAD[organization.status])


class WaitingFilter(admin.SimpleListFilter):
    title = "what waits"
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("decision", "People wait for a decision")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Organization]
    ) -> QuerySet[Organization]:
        organizations = cast("OrganizationQuerySet", queryset)
        return organizations.to_decide() if self.value() == "decision" else organizations


class StatusFilter(admin.ChoicesFieldListFilter):
    """By status. Former names are shown by their own choice only (get_search_results)."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"].replace("Merged", "Former names")}


class OrganizationForm(forms.ModelForm[Organization]):
    """The name, which is no other organization's; a former one of its own it can take again."""

    class Meta:
        model = Organization
        fields = ("name", "kind")
        help_texts: ClassVar = {
            "suggestion": "The email domain of the person who proposed it. "
            "It counts only once it is among the email domains.",
            "email_domains": "Once the organization is recognized, adding one confirms everyone "
            "who waits at an address there and opens their requests to open teams.",
        }

    def _post_clean(self) -> None:
        """Name the organization that has the name already, as a link to it."""
        super()._post_clean()  # type: ignore[misc]  # Django's, without a type
        named = Organization.objects.named(self.instance.name).select_related("merged_into")
        other = named.exclude(pk=self.instance.pk).first()
        if other and other.is_merged and other.merged_into_id == self.instance.pk:
            self.errors.pop("name", None)
        elif other:
            self.errors["name"] = self.error_class([already_here_message(other)])


class AddOrganizationForm(OverlapForm, OrganizationForm):
    """A new organization, with its email domain if it is known."""

    email_domain = forms.CharField(
        max_length=253,
        required=False,
        help_text="Such as hospital.org. Everyone who waits at an address there is confirmed when "
        "you save, and joins open teams at once, as does everyone who verifies one later.",
    )

    def clean_email_domain(self) -> str:
        """Return the domain as it is stored; refuses another's or a public provider's."""
        email_domain = EmailDomain(domain=self.cleaned_data["email_domain"])
        if email_domain.domain:
            try:
                email_domain.full_clean(exclude=["organization"])
            except ValidationError as error:
                raise ValidationError(error.messages) from error
        return email_domain.domain

    def clean(self) -> dict[str, Any] | None:
        """Ask before the domain is stored beside another organization's."""
        cleaned_data = super().clean()
        if domain := self.cleaned_data.get("email_domain"):
            self.check_overlap("email_domain", domain, None)
        return cleaned_data


def domain_names(organization: Organization) -> str:
    return " ".join(domain.domain for domain in organization.domains.all())


def kind_name(organization: Organization) -> str:
    """Return the kind, in words; of a former name that of the organization of today."""
    return str(organization.canonical.get_kind_display())


class OrganizationAdmin(ImportingAdmin[Organization], ActionAdmin[Organization]):
    """Employers and partners, shared by all facilitators. Only actions change a status."""

    bulk_actions = [Recognize(), DeclineOrganization(), MergeOrganization()]
    list_display = ["name", "status_badge", "waiting", "marked_suggestion", "added"]
    list_filter = [WaitingFilter, ("status", StatusFilter), "kind", OnTeamFilter]
    search_fields = ["name", "domains__domain", "former_names__name"]
    search_help_text = "Search by name, former name or email domain."
    import_class = OrganizationImport
    # The first four can be imported again.
    export_columns = [
        ("Name", "name"), ("Domains", domain_names), ("Status", "get_status_display"),
        ("Kind", kind_name),
        ("People waiting", "waiting_count"), ("Suggested domain", "suggested_domain"),
        ("Added", "created_at"), ("Decided", "decided_at"), ("Decided by", "decided_by"),
        ("Reason", "decision_reason"), ("Former name of", "merged_into"),
    ]  # fmt: skip
    readonly_fields = [
        "status_badge", "waiting", "suggestion", "email_domains", "created_at",
        "decided_at", "decider", "decision_reason", "meetings",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> OrganizationQuerySet:
        organizations = Organization.objects.with_waiting_count().with_domain_evidence()
        return organizations.select_related("decided_by", "merged_into")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "status__exact" or super().lookup_allowed(lookup, value, request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Organization], search_term: str
    ) -> tuple[QuerySet[Organization], bool]:
        """Return no former names, unless the list is filtered by them."""
        matches, has_duplicates = super().get_search_results(request, queryset, search_term)
        if request.GET.get("status__exact") != Organization.Status.MERGED:
            matches = matches.exclude(status=Organization.Status.MERGED)
        return matches, has_duplicates

    def prepare_rows(self, rows: Collection[Organization]) -> None:
        mark_probable_domains(rows)

    def export_rows(
        self, request: HttpRequest, rows: QuerySet[Organization]
    ) -> QuerySet[Organization]:
        return rows.prefetch_related("domains")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the order of what waits: oldest first; else by name."""
        return ("created_at", "pk") if "waits" in request.GET else ("name",)

    def get_fields(self, request: HttpRequest, obj: Organization | None = None) -> tuple[str, ...]:
        """Return the fields of the form; of a record those that have a value."""
        if obj is None:
            return ("name", "kind", "email_domain", "accepts_overlap")
        if obj.is_merged:
            return ("name", "status_badge", "merged", "created_at")
        empty = set()
        if obj.status == Organization.Status.PROPOSED:
            empty = {"decided_at", "decider", "meetings"}
        if obj.status != Organization.Status.DECLINED:
            empty.add("decision_reason")
        return ("name", "kind", *(name for name in self.readonly_fields if name not in empty))

    def get_readonly_fields(
        self, request: HttpRequest, obj: Organization | None = None
    ) -> list[str]:
        if obj is None:
            return []
        return [*self.readonly_fields, *(["name", "merged"] if obj.is_merged else [])]

    def has_change_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        """Former names are for reading."""
        return super().has_change_permission(request, obj) and not (obj and obj.is_merged)

    def get_form(
        self,
        request: HttpRequest,
        obj: Organization | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        kwargs["form"] = OrganizationForm if obj else AddOrganizationForm
        return super().get_form(request, obj, change, **kwargs)

    def get_record_context(self, request: HttpRequest, record: Organization) -> dict[str, Any]:
        """Return who waits for it, what looks like it, and its timeline."""
        staff = require_staff(request)
        context: dict[str, Any] = {"timeline": organization_timeline(record, staff)}
        if not record.is_merged:
            (context["summary"],) = organization_summaries([record], staff, domain_owners([record]))
        # Its buttons name what the summary has found.
        return super().get_record_context(request, record) | context

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        """Rename through the service, or add the organization, as recognized."""
        if change:
            rename_organization(obj, obj.name, by=require_staff(request))
            set_kind(obj, obj.kind, by=require_staff(request))
            return
        domain = form.cleaned_data["email_domain"]
        by = require_staff(request)
        obj.pk = add_organization(
            obj.name, domains=[domain] if domain else [], kind=obj.kind, by=by
        ).pk

    @admin.display(description="status", ordering="status")
    def status_badge(self, organization: Organization) -> str:
        return badge(BADGES[organization.status], organization.get_status_display())

    @admin.display(ordering="created_at")
    def added(self, organization: Organization) -> str:
        return short_date(organization.created_at)

    @admin.display(description="suggested domain")
    def suggestion(self, organization: Organization) -> str:
        return readable_domain(organization.suggested_domain) or "not given"

    @admin.display(description="suggested domain", ordering="suggested_domain")
    def marked_suggestion(self, organization: Organization) -> SafeString | str:
        """Return it for the list; a record has a warning of its own."""
        domain = organization.suggested_domain
        probable: str = organization.probable_domain  # type: ignore[attr-defined]
        return with_looks_like(readable_domain(domain), domain, probable)

    @admin.display(description="merged into")
    def merged(self, organization: Organization) -> SafeString:
        """Return the organization that this name means, since when, and who decided so."""
        day = long_date(organization.decided_at) if organization.decided_at else ""
        return format_html(
            "{} on {} by {}",
            organization_link(organization.canonical),
            day,
            organization.decided_by,
        )

    @admin.display(description="email domains")
    def email_domains(self, organization: Organization) -> SafeString:
        """Return the domains, and a link to add one."""
        names = ", ".join(map(str, organization.domains.all())) or "not given"
        url = f"{reverse('admin:members_emaildomain_add')}?organization={organization.pk}"
        return format_html('{} <a href="{}">Add an email domain</a>', names, url)

    @admin.display(
        description="people waiting",
        ordering=Case(When(status="declined", then=Value(0)), default="waiting_count"),
    )
    def waiting(self, organization: Organization) -> int:
        """Return how many wait: nobody for a declined one, whose requests were declined with it."""
        if organization.status == Organization.Status.DECLINED:
            return 0
        # Annotated by with_waiting_count.
        count: int = organization.waiting_count  # type: ignore[attr-defined]
        return count

    @admin.display
    def meetings(self, organization: Organization) -> str:
        return describe_attended(Attendance.objects.of_organizations([organization.pk]))

    @admin.display(description="decided by")
    def decider(self, organization: Organization) -> str:
        return str(organization.decided_by or "nobody")
