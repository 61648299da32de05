"""The desk's list of email domains: each confirms the people at its addresses."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from desk.actions.base import ActionAdmin
from desk.actions.bulk_action import BulkAction
from desk.changelist import counted, parse_pk, require_staff
from desk.records.organizations.domain_form import OverlapForm
from members.email_domains import readable_domain
from members.forms import OrganizationNameField
from members.models import EmailDomain, Organization
from teams.services import add_domain


class TakeBack(BulkAction[EmailDomain]):
    model = EmailDomain
    name, label, title = "take-back", "Remove", "Remove {}"
    nouns = ("email domain", "email domains")
    description = (
        "From now on an address at this domain confirms nobody. Those who are confirmed already "
        "stay confirmed, and no membership ends: look at the members of the organization yourself."
    )
    needs_form = True

    def is_available(self, domain: EmailDomain) -> bool:
        return True

    def describe(self, domain: EmailDomain) -> str:
        return f"{domain}, of {domain.organization}"


class OrganizationField(OrganizationNameField):
    """An organization by its name, or a former one; some are suggested. Refuses any other name."""

    def __init__(self) -> None:
        super().__init__(help_text="Names are suggested while you type.")
        self.error_messages["required"] = "Enter the organization the domain belongs to"
        self.widget.attrs["autocomplete"] = "off"

    def clean(self, value: Any) -> Organization:  # type: ignore[override]  # no longer text
        named = Organization.objects.named(super().clean(value)).select_related("merged_into")
        organization = named.first()
        if organization is None:
            raise ValidationError(
                "No organization has this name. Choose one from the list, or add it first"
            )
        return organization.canonical


class EmailDomainForm(OverlapForm):
    def _post_clean(self) -> None:
        """Ask before the domain, which the model has normalized, is stored beside another's."""
        super()._post_clean()  # type: ignore[misc]  # Django's, without a type
        if not self.errors:
            self.check_overlap("domain", self.instance.domain, self.instance.organization)


class EmailDomainAdmin(ActionAdmin[EmailDomain]):
    """The email domains of organizations, shared by all facilitators as organizations are."""

    bulk_actions = [TakeBack()]
    list_display = ["readable", "organization"]
    search_fields = ["domain", "organization__name"]
    export_columns = [("Domain", "domain"), ("Organization", "organization")]
    form = EmailDomainForm
    fields = ["organization", "domain", "accepts_overlap"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EmailDomain]:
        return super().get_queryset(request).select_related("organization")

    def has_change_permission(self, request: HttpRequest, obj: EmailDomain | None = None) -> bool:
        return False

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        return OrganizationField()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return the name of the organization that a link names by its key."""
        initial: dict[str, Any] = dict(super().get_changeform_initial_data(request))
        pk = parse_pk(initial.pop("organization", ""))
        if pk is not None:
            organization = Organization.objects.filter(pk=pk).first()
            initial["organization"] = organization.name if organization else ""
        return initial

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Return the form, with the organizations that it suggests."""
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
        by = require_staff(request)
        confirmed = add_domain(obj.organization, domain=obj.domain, by=by).confirmed
        obj.pk = EmailDomain.objects.get(domain=obj.domain).pk
        if confirmed:
            people = counted(len(confirmed), "person", "people")
            messages.success(request, f"{people} at {obj} confirmed.")

    @admin.display(description="domain", ordering="domain")
    def readable(self, email_domain: EmailDomain) -> str:
        return readable_domain(email_domain.domain)

    def back_url(self, request: HttpRequest, records: Any) -> str:
        """Return the list: the record may be gone."""
        return reverse("admin:members_emaildomain_changelist")
