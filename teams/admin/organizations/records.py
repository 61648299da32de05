"""The list and the records of organizations."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from members.admin import at_desk, badge
from members.models import EmailDomain, Organization, OrganizationQuerySet
from members.services import add_organization
from teams.admin.deciding import DecidingAdmin
from teams.admin.organizations.deciding import (
    DeclineOrganization,
    Recognize,
    owners_of,
    told_of,
)

BADGES = {"proposed": "waiting", "recognized": "confirmed", "declined": "closed"}
ALREADY_HERE = {
    "proposed": "It waits to be recognized: open it and recognize it.",
    "recognized": "",
    "declined": "It was declined. If that was wrong, open it and recognize it.",
}


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


class OrganizationForm(forms.ModelForm[Organization]):
    """The name, which is no other organization's."""

    class Meta:
        model = Organization
        fields = ("name",)
        help_texts: ClassVar = {
            "suggested_domain": "The mail domain of the person who proposed it. "
            "It counts only once it is among the mail domains.",
            "mail_domains": "Once the organization is recognized, adding one confirms everyone who "
            "waits at an address there and opens their requests to open teams.",
        }

    def _post_clean(self) -> None:
        """Name the organization that has the name already, with the way to it."""
        super()._post_clean()  # type: ignore[misc]  # Django's, without a type
        other = Organization.objects.named(self.instance.name).exclude(pk=self.instance.pk).first()
        if other:
            url = reverse("admin:members_organization_change", args=[other.pk])
            told = format_html(
                '<a href="{}">{}</a> is already here. {}', url, other, ALREADY_HERE[other.status]
            )
            self.errors["name"] = self.error_class([told])


class AddOrganizationForm(OrganizationForm):
    """A new organization, with its mail domain if it is known."""

    mail_domain = forms.CharField(
        max_length=253,
        required=False,
        help_text="Such as hospital.org. Whoever waits at an address there is confirmed when you "
        "save, and joins open teams at once, as does whoever proves one later.",
    )

    def clean_mail_domain(self) -> str:
        """The domain as it is stored; refused when it is another's or a public provider's."""
        row = EmailDomain(domain=self.cleaned_data["mail_domain"])
        if row.domain:
            try:
                row.full_clean(exclude=["organization"])
            except ValidationError as error:
                raise ValidationError(error.messages) from error
        return row.domain


@admin.register(Organization)
class OrganizationAdmin(DecidingAdmin[Organization]):
    """Employers and partners, shared by all facilitators. Only the decisions change a status."""

    decisions = [Recognize(), DeclineOrganization()]
    list_display = ["name", "state", "waiting", "suggested_domain", "created_at"]
    list_filter = [WaitingFilter, "status"]
    search_fields = ["name", "domains__domain"]
    search_help_text = "Search by name or mail domain."
    readonly_fields = [
        "state", "waiting", "suggested_domain", "mail_domains", "created_at", "decided_at",
        "decider", "decision_reason",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> OrganizationQuerySet:
        return Organization.objects.with_waiting_count().select_related("decided_by")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """What waits, oldest first; else by name."""
        return ("created_at", "pk") if "waits" in request.GET else ("name",)

    def get_fields(self, request: HttpRequest, obj: Organization | None = None) -> tuple[str, ...]:
        """The form; of a record what is known by now."""
        if obj is None:
            return ("name", "mail_domain")
        unknown = set()
        if obj.status == Organization.Status.PROPOSED:
            unknown = {"decided_at", "decider"}
        if obj.status != Organization.Status.DECLINED:
            unknown.add("decision_reason")
        return ("name", *(name for name in self.readonly_fields if name not in unknown))

    def get_readonly_fields(
        self, request: HttpRequest, obj: Organization | None = None
    ) -> list[str]:
        return list(self.readonly_fields) if obj else []

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
        """The record, with who waits for it and what looks like it."""
        if obj is not None:
            (context["told"],) = told_of([obj], at_desk(request), owners_of([obj]))
        return super().render_change_form(request, context, add, change, form_url, obj)

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        """Save a new name; a new organization is made, as recognized, by the service."""
        if change:
            super().save_model(request, obj, form, change)
            return
        domain = form.cleaned_data["mail_domain"]
        by = at_desk(request)
        obj.pk = add_organization(obj.name, domains=[domain] if domain else [], by=by).pk

    @admin.display(description="status", ordering="status")
    def state(self, row: Organization) -> str:
        return badge(BADGES[row.status], row.get_status_display())

    @admin.display(description="mail domains")
    def mail_domains(self, row: Organization) -> SafeString:
        """The domains, and the way to add one."""
        known = ", ".join(row.domains.values_list("domain", flat=True)) or "not given"
        url = f"{reverse('admin:members_emaildomain_add')}?organization={row.pk}"
        return format_html('{} <a href="{}">Add a mail domain</a>', known, url)

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
