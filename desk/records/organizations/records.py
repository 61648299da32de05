"""The list and the records of organizations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from desk.actions.base import ActionAdmin
from desk.changelist import badge, require_staff
from desk.changelist.filters import OnTeamFilter
from desk.imports.organizations import OrganizationResource
from desk.imports.views import ImportingAdmin
from desk.records.organizations.actions import DeclineOrganization, Recognize, owners_of, told_of
from desk.records.organizations.merge import MergeOrganization
from desk.timeline import organization_timeline
from members.models import EmailDomain, Organization, OrganizationQuerySet
from members.services import add_organization, rename_organization

BADGES = {
    "proposed": "waiting", "recognized": "confirmed", "declined": "closed", "merged": "closed",
}  # fmt: skip
ALREADY_HERE = {
    "proposed": "It waits to be recognized: open it and recognize it.",
    "recognized": "",
    "declined": "It was declined. If that was wrong, open it and recognize it.",
}


def linked(row: Organization) -> SafeString:
    """The name, with the way to the record."""
    url = reverse("admin:members_organization_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', url, row)


def already_here(row: Organization) -> SafeString:
    """That a name is taken by `row`, and what to do instead."""
    if row.is_merged:
        return format_html("{} is already here: a former name of {}.", row, linked(row.canonical))
    return format_html("{} is already here. {}", linked(row), ALREADY_HERE[row.status])


class WaitingFilter(admin.SimpleListFilter):
    title = "what waits"
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("decision", "People wait for a decision")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Organization]
    ) -> QuerySet[Organization]:
        rows = cast("OrganizationQuerySet", queryset)
        return rows.to_decide() if self.value() == "decision" else rows


class StatusFilter(admin.ChoicesFieldListFilter):
    """By status. Former names are shown by their own choice only (get_search_results)."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"].replace("Merged", "Former names")}


class OrganizationForm(forms.ModelForm[Organization]):
    """The name, which is no other organization's; a former one of its own it can take again."""

    class Meta:
        model = Organization
        fields = ("name",)
        help_texts: ClassVar = {
            "suggested_domain": "The email domain of the person who proposed it. "
            "It counts only once it is among the email domains.",
            "mail_domains": "Once the organization is recognized, adding one confirms everyone who "
            "waits at an address there and opens their requests to open teams.",
        }

    def _post_clean(self) -> None:
        """Name the organization that has the name already, with the way to it."""
        super()._post_clean()  # type: ignore[misc]  # Django's, without a type
        named = Organization.objects.named(self.instance.name).select_related("merged_into")
        other = named.exclude(pk=self.instance.pk).first()
        if other and other.is_merged and other.merged_into_id == self.instance.pk:
            self.errors.pop("name", None)
        elif other:
            self.errors["name"] = self.error_class([already_here(other)])


class AddOrganizationForm(OrganizationForm):
    """A new organization, with its email domain if it is known."""

    email_domain = forms.CharField(
        max_length=253,
        required=False,
        help_text="Such as hospital.org. Whoever waits at an address there is confirmed when you "
        "save, and joins open teams at once, as does whoever proves one later.",
    )

    def clean_email_domain(self) -> str:
        """The domain as it is stored; refused when it is another's or a public provider's."""
        row = EmailDomain(domain=self.cleaned_data["email_domain"])
        if row.domain:
            try:
                row.full_clean(exclude=["organization"])
            except ValidationError as error:
                raise ValidationError(error.messages) from error
        return row.domain


def domains_of(row: Organization) -> str:
    return " ".join(domain.domain for domain in row.domains.all())


@admin.register(Organization)
class OrganizationAdmin(ImportingAdmin[Organization], ActionAdmin[Organization]):
    """Employers and partners, shared by all facilitators. Only the decisions change a status."""

    decisions = [Recognize(), DeclineOrganization(), MergeOrganization()]
    list_display = ["name", "state", "waiting", "suggested_domain", "added"]
    list_filter = [WaitingFilter, ("status", StatusFilter), OnTeamFilter]
    search_fields = ["name", "domains__domain", "former_names__name"]
    search_help_text = "Search by name, former name or email domain."
    importing = OrganizationResource
    export_columns = [  # the first two can be imported again
        ("Name", "name"), ("Domains", domains_of), ("Status", "get_status_display"),
        ("People waiting", "waiting_count"), ("Suggested domain", "suggested_domain"),
        ("Added", "created_at"), ("Decided", "decided_at"), ("Decided by", "decided_by"),
        ("Reason", "decision_reason"), ("Former name of", "merged_into"),
    ]  # fmt: skip
    readonly_fields = [
        "state", "waiting", "suggested_domain", "mail_domains", "created_at", "decided_at",
        "decider", "decision_reason",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> OrganizationQuerySet:
        rows = Organization.objects.with_waiting_count()
        return rows.select_related("decided_by", "merged_into")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "status__exact" or super().lookup_allowed(lookup, value, request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Organization], search_term: str
    ) -> tuple[QuerySet[Organization], bool]:
        """For the list and for suggestions: no former names, unless the list asks for them."""
        rows, doubled = super().get_search_results(request, queryset, search_term)
        asked = request.GET.get("status__exact") == Organization.Status.MERGED
        return rows if asked else rows.exclude(status=Organization.Status.MERGED), doubled

    def export_rows(
        self, request: HttpRequest, rows: QuerySet[Organization]
    ) -> QuerySet[Organization]:
        return rows.prefetch_related("domains")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """What waits, oldest first; else by name."""
        return ("created_at", "pk") if "waits" in request.GET else ("name",)

    def get_fields(self, request: HttpRequest, obj: Organization | None = None) -> tuple[str, ...]:
        """The form; of a record what is known by now."""
        if obj is None:
            return ("name", "email_domain")
        if obj.is_merged:
            return ("name", "state", "merged", "created_at")
        unknown = set()
        if obj.status == Organization.Status.PROPOSED:
            unknown = {"decided_at", "decider"}
        if obj.status != Organization.Status.DECLINED:
            unknown.add("decision_reason")
        return ("name", *(name for name in self.readonly_fields if name not in unknown))

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

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Organization | None = None,
    ) -> HttpResponse:
        """The record, with who waits for it, what looks like it, and its timeline."""
        if obj is not None:
            context["timeline"] = organization_timeline(obj)
        if obj is not None and not obj.is_merged:
            (context["told"],) = told_of([obj], require_staff(request), owners_of([obj]))
        return super().render_change_form(request, context, add, change, form_url, obj)

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        """Save a new name; a new organization is made, as recognized, by the service."""
        if change:
            rename_organization(obj, obj.name, by=require_staff(request))
            return
        domain = form.cleaned_data["email_domain"]
        by = require_staff(request)
        obj.pk = add_organization(obj.name, domains=[domain] if domain else [], by=by).pk

    @admin.display(description="status", ordering="status")
    def state(self, row: Organization) -> str:
        return badge(BADGES[row.status], row.get_status_display())

    @admin.display(ordering="created_at")
    def added(self, row: Organization) -> str:
        return date_format(timezone.localtime(row.created_at), "DATE_FORMAT")

    @admin.display(description="merged into")
    def merged(self, row: Organization) -> SafeString:
        """The organization that this name means, since when, and who said so."""
        day = date_format(timezone.localtime(row.decided_at), "F j, Y") if row.decided_at else ""
        return format_html("{} on {} by {}", linked(row.canonical), day, row.decided_by)

    @admin.display(description="email domains")
    def mail_domains(self, row: Organization) -> SafeString:
        """The domains, and the way to add one."""
        known = ", ".join(row.domains.values_list("domain", flat=True)) or "not given"
        url = f"{reverse('admin:members_emaildomain_add')}?organization={row.pk}"
        return format_html('{} <a href="{}">Add an email domain</a>', known, url)

    @admin.display(
        description="people waiting",
        ordering=Case(When(status="declined", then=Value(0)), default="waiting_count"),
    )
    def waiting(self, row: Organization) -> int:
        """Nobody waits for one that was declined: the requests were declined with it."""
        if row.status == Organization.Status.DECLINED:
            return 0
        number: int = row.waiting_count  # type: ignore[attr-defined]  # from with_waiting_count
        return number

    @admin.display(description="decided by")
    def decider(self, row: Organization) -> str:
        return str(row.decided_by or "nobody")
