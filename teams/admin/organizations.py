"""The desk's list of organizations: recognizing one releases everybody who waits for it.

It belongs to `teams`, since its pages count requests.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from members.admin import at_desk, badge, counted
from members.models import EmailDomain, Member, Organization, OrganizationQuerySet
from members.naming import mail_domain
from members.services import add_organization, decline_organization, recognize_organization
from teams.admin.deciding import DecidingAdmin, Decision, ReasonedDecision
from teams.models import ActionTeam, Membership

BADGES = {"proposed": "waiting", "recognized": "confirmed", "declined": "closed"}


class OrganizationDecision(Decision[Organization]):
    rows_are = ("organization", "organizations")


def owners_of(rows: Sequence[Organization]) -> dict[str, Organization]:
    """Of the mail domains that `rows` suggest, those that belong to an organization already."""
    suggested = [row.suggested_domain for row in rows if row.suggested_domain]
    known = EmailDomain.objects.filter(domain__in=suggested).select_related("organization")
    return {row.domain: row.organization for row in known}


class RecognizeForm(forms.Form):
    """For each organization with a suggested mail domain that is free: whether it is its own."""

    def __init__(self, data: Any, rows: Sequence[Organization]) -> None:
        super().__init__(data, label_suffix="")
        self.owners = owners_of(rows)
        for row in rows:
            if row.suggested_domain and row.suggested_domain not in self.owners:
                self.fields[f"domain_{row.pk}"] = forms.BooleanField(
                    label=f"{row.suggested_domain} is the mail domain of {row.name}",
                    help_text="Whoever proves an address there is confirmed, now and later.",
                    required=False,
                    initial=True,
                )


class Recognize(OrganizationDecision):
    name, label, title = "recognize", "Recognize", "Recognize {}"
    says = (
        "Everyone who waits for the organization is confirmed, and their requests to open teams "
        "become memberships. Whoever asked for a team gets one mail. Teams that decide by "
        "approval still decide."
    )
    template = "admin/members/organization/recognize.html"
    asks = True

    def is_offered(self, row: Organization) -> bool:
        return not row.is_recognized

    def form(self, request: HttpRequest, rows: Sequence[Organization]) -> RecognizeForm:
        return RecognizeForm(request.POST if request.method == "POST" else None, rows)

    def take(self, row: Organization, by: Member, answers: dict[str, Any]) -> str:
        started = timezone.now()
        domain = row.suggested_domain if answers.get(f"domain_{row.pk}") else ""
        confirmed = recognize_organization(row, domain=domain, by=by)
        opened = Membership.objects.active().filter(member__in=confirmed, decided_at__gte=started)
        people = counted(len(confirmed), "person", "people")
        memberships = counted(opened.count(), "membership", "memberships")
        return f"{row} is recognized. {people} confirmed, {memberships} opened."

    def facts(
        self, request: HttpRequest, rows: Sequence[Organization], form: forms.Form
    ) -> dict[str, Any]:
        """For each organization: who waits, with addresses where, for how many teams."""
        people = Member.objects.unconfirmed().filter(organization__in=rows)
        domains: dict[int, Counter[str]] = defaultdict(Counter)
        for pk, email in people.values_list("organization", "email"):
            domains[pk][mail_domain(email)] += 1
        waiting = Membership.objects.waiting().filter(member__in=people)
        requests = Counter(waiting.values_list("member__organization", flat=True))
        opening = Counter(
            waiting.filter(team__join_policy=ActionTeam.JoinPolicy.OPEN).values_list(
                "member__organization", flat=True
            )
        )
        owners = form.owners if isinstance(form, RecognizeForm) else {}
        ticks = {tick.name: tick for tick in form}
        return {
            "organizations": [
                {
                    "organization": row,
                    "people": counted(domains[row.pk].total(), "person waits", "people wait"),
                    "requests": counted(requests[row.pk], "request", "requests"),
                    "opening": opening[row.pk],
                    "domains": domains[row.pk].most_common(),
                    "taken_by": owners.get(row.suggested_domain),
                    "field": ticks.get(f"domain_{row.pk}"),
                }
                for row in rows
            ]
        }


class DeclineOrganization(OrganizationDecision, ReasonedDecision[Organization]):
    name, label, title = "decline", "Decline", "Decline {}"
    says = (
        "All requests of its people are declined with it. Whoever asked for a team is told by "
        "mail, with the reason. Somebody can propose the organization again."
    )
    prepared = (
        "The Collaborative is for healthcare employers of the Chicago area and their partners. "
        "This organization did not seem to be one of them.",
        "This organization is known here under another name. "
        "Join again and choose it from the list.",
        "We could not find out which organization this is. "
        "Join again with its full name and your work email.",
    )

    def is_offered(self, row: Organization) -> bool:
        return row.status == Organization.Status.PROPOSED

    def take(self, row: Organization, by: Member, answers: dict[str, Any]) -> str:
        started = timezone.now()
        people = decline_organization(row, reason=answers["reason"], by=by)
        declined = Membership.objects.filter(
            member__in=people, status=Membership.Status.DECLINED, decided_at__gte=started
        )
        requests = counted(declined.count(), "request", "requests")
        return f"{row} is declined. {requests} declined with it."


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


class AddOrganizationForm(forms.ModelForm[Organization]):
    """A new organization, with its mail domain if it is known."""

    mail_domain = forms.CharField(
        max_length=253,
        required=False,
        help_text="Such as hospital.org. Whoever proves an address there joins open teams at once.",
    )

    class Meta:
        model = Organization
        fields = ("name",)

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
        return ("name", *self.readonly_fields) if obj else ("name", "mail_domain")

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
        if obj is None:
            kwargs["form"] = AddOrganizationForm
        return super().get_form(request, obj, change, **kwargs)

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

    @admin.display(description="people waiting", ordering="waiting_count")
    def waiting(self, row: Organization) -> int:
        number: int = row.waiting_count  # type: ignore[attr-defined]  # from with_waiting_count
        return number

    @admin.display(description="decided by")
    def decider(self, row: Organization) -> str:
        return str(row.decided_by or "nobody")
