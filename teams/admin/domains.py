"""The desk's list of mail domains: adding one releases who waits, taking one back ends that."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse

from members.admin import at_desk, counted
from members.models import EmailDomain, Member
from members.services import add_domain, remove_domain
from teams.admin.deciding import DecidingAdmin, Decision


class TakeBack(Decision[EmailDomain]):
    name, label, title = "take-back", "Take back", "Take back {}"
    rows_are = ("mail domain", "mail domains")
    says = (
        "From now on an address at this domain confirms nobody. Who is confirmed already stays "
        "confirmed, and no membership ends: look at the members of the organization yourself."
    )
    asks = True

    def is_offered(self, row: EmailDomain) -> bool:
        return True

    def line(self, row: EmailDomain) -> str:
        return f"{row.domain}, of {row.organization}"

    def take(self, row: EmailDomain, by: Member, answers: dict[str, Any]) -> str:
        remove_domain(row, by=by)
        return f"The mail domain {row.domain} of {row.organization} is taken back."


@admin.register(EmailDomain)
class EmailDomainAdmin(DecidingAdmin[EmailDomain]):
    """The mail domains of organizations, shared by all facilitators as organizations are."""

    decisions = [TakeBack()]
    list_display = ["domain", "organization"]
    search_fields = ["domain", "organization__name"]
    export_columns = [("Domain", "domain"), ("Organization", "organization")]
    fields = ["organization", "domain"]
    autocomplete_fields = ["organization"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EmailDomain]:
        return super().get_queryset(request).select_related("organization")

    def has_change_permission(self, request: HttpRequest, obj: EmailDomain | None = None) -> bool:
        return False

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
        released = add_domain(obj.organization, domain=obj.domain, by=at_desk(request))
        obj.pk = EmailDomain.objects.get(domain=obj.domain).pk
        if released:
            confirmed = counted(len(released), "person", "people")
            messages.success(request, f"{confirmed} at {obj.domain} confirmed.")

    def back_url(self, request: HttpRequest, rows: Any) -> str:
        """The list: the record may be gone."""
        return reverse("admin:members_emaildomain_changelist")
