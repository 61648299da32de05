"""The desk's list of email domains: adding one releases who waits, taking one back ends that."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from desk.actions.base import ActionAdmin, BulkAction
from desk.changelist import counted, parse_pk, require_staff
from members.forms import OrganizationNameField
from members.models import EmailDomain, Member, Organization
from members.services import add_domain, remove_domain


class TakeBack(BulkAction[EmailDomain]):
    name, label, title = "take-back", "Take back", "Take back {}"
    rows_are = ("email domain", "email domains")
    says = (
        "From now on an address at this domain confirms nobody. Who is confirmed already stays "
        "confirmed, and no membership ends: look at the members of the organization yourself."
    )
    asks = True

    def is_available(self, row: EmailDomain) -> bool:
        return True

    def line(self, row: EmailDomain) -> str:
        return f"{row.domain}, of {row.organization}"

    def take(self, row: EmailDomain, by: Member, answers: dict[str, Any]) -> str:
        remove_domain(row, by=by)
        return f"The email domain {row.domain} of {row.organization} is taken back."


class OrganizationField(OrganizationNameField):
    """An organization by its name, or a former one; some are suggested. Refuses any other name."""

    def __init__(self) -> None:
        super().__init__(help_text="Names are suggested while you type.")
        self.error_messages["required"] = "Enter the organization the domain belongs to"
        self.widget.attrs["autocomplete"] = "off"

    def clean(self, value: Any) -> Organization:  # type: ignore[override]  # not text any more
        named = Organization.objects.named(super().clean(value)).select_related("merged_into")
        found = named.first()
        if found is None:
            raise ValidationError(
                "No organization has this name. Choose one from the list, or add it first"
            )
        return found.canonical


@admin.register(EmailDomain)
class EmailDomainAdmin(ActionAdmin[EmailDomain]):
    """The email domains of organizations, shared by all facilitators as organizations are."""

    decisions = [TakeBack()]
    list_display = ["domain", "organization"]
    search_fields = ["domain", "organization__name"]
    export_columns = [("Domain", "domain"), ("Organization", "organization")]
    fields = ["organization", "domain"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EmailDomain]:
        return super().get_queryset(request).select_related("organization")

    def has_change_permission(self, request: HttpRequest, obj: EmailDomain | None = None) -> bool:
        return False

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        return OrganizationField()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Of a link that names an organization by its key: its name."""
        initial: dict[str, Any] = dict(super().get_changeform_initial_data(request))
        key = parse_pk(initial.pop("organization", ""))
        if key is not None:
            linked = Organization.objects.filter(pk=key).first()
            initial["organization"] = linked.name if linked else ""
        return initial

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The form, with the organizations that it suggests."""
        context["organizations"] = Organization.objects.suggested()
        return super().render_change_form(request, context, *args, **kwargs)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        kwargs["help_texts"] = {
            "domain": "Such as hospital.org; addresses at mail.hospital.org count as well. Saving "
            "confirms everyone who waits at such an address, if the organization is recognized, "
            "and opens their requests to open teams."
        }
        return super().get_form(request, *args, **kwargs)

    def save_model(
        self, request: HttpRequest, obj: EmailDomain, form: ModelForm[EmailDomain], change: bool
    ) -> None:
        """Add the domain, and say how many people it confirmed."""
        released = add_domain(obj.organization, domain=obj.domain, by=require_staff(request))
        obj.pk = EmailDomain.objects.get(domain=obj.domain).pk
        if released:
            confirmed = counted(len(released), "person", "people")
            messages.success(request, f"{confirmed} at {obj.domain} confirmed.")

    def back_url(self, request: HttpRequest, rows: Any) -> str:
        """The list: the record may be gone."""
        return reverse("admin:members_emaildomain_changelist")
