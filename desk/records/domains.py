"""The desk's list of email domains: each confirms the people at its addresses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import get_text_list

from desk.actions.base import ActionAdmin
from desk.actions.bulk_action import BulkAction
from desk.actions.merge import Merge, MergeForm
from desk.changelist import counted, parse_pk, require_staff
from desk.records.organizations.domain_form import OverlapForm
from desk.records.organizations.merge import find_organization
from members.email_domains import readable_domain
from members.forms import OrganizationNameField
from members.models import EmailDomain, Member, Organization
from members.services import Preview
from teams.services import add_domain, count_people_to_move


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


class MoveDomainForm(MergeForm):
    """Also a checkbox: whether the people follow their domain."""

    people = forms.BooleanField(
        label="Move the people with it",
        help_text="People in your teams who were confirmed with an address there move to the new "
        "organization too. They stay confirmed, and keep their memberships and requests.",
        required=False,
        initial=True,
    )


class MoveDomain(Merge[EmailDomain]):
    model = EmailDomain
    target_model = Organization
    name, label, title = "move", "Move", "Move {}"
    nouns = ("email domain", "email domains")
    description = (
        "For a domain that now belongs to another organization, as when a clinic is sold. From "
        "now on it confirms people for that one."
    )
    search_label = "Which organization does it belong to now?"
    search_help = "Its name or one of its email domains. Names are suggested while you type."
    has_suggestions = True

    def is_available(self, domain: EmailDomain) -> bool:
        return True

    def describe(self, domain: EmailDomain) -> str:
        return f"{domain}, of {domain.organization}"

    def find_target(self, search: str) -> Organization | None:
        return find_organization(search)

    def merge_form(
        self, data: QueryDict | None, records: Sequence[EmailDomain], target: Any
    ) -> MergeForm:
        return MoveDomainForm(data, target)

    def success_url(self, form_data: dict[str, Any]) -> str:
        return ""

    def get_context_data(
        self, request: HttpRequest, records: Sequence[EmailDomain], form: forms.Form
    ) -> dict[str, Any]:
        context = super().get_context_data(request, records, form)
        target, staff = context["target"], require_staff(request)
        if target and not context["is_settled"]:
            counts = [count_people_to_move(domain, target, staff) for domain in records]
            own, others = (sum(numbers) for numbers in zip(*counts, strict=True))
            context["effects"] += (
                f" Confirmed with an address there: {_describe_numbers(own, others)}."
            )
        return {
            **context,
            "organizations": Organization.objects.suggested(),
            "checkboxes": [field for field in form if not field.is_hidden],
        }

    def describe_merge(
        self, records: Sequence[EmailDomain], target: Organization, preview: Preview
    ) -> str:
        names = get_text_list([str(domain) for domain in records], "and")
        verb = "belongs" if len(records) == 1 else "belong"
        return f"{names} {verb} to {target} from now on. {_describe_people(preview)}"


class MovePeople(BulkAction[EmailDomain]):
    """What moving a domain left, or removing it from one organization and adding it to another."""

    model = EmailDomain
    name, label, title = "move-people", "Move the people", "Move the people at {}"
    nouns = ("email domain", "email domains")
    description = (
        "People who were confirmed with an address there when the domain belonged to another "
        "organization move to the one that has it now. They stay confirmed, and keep their "
        "memberships and requests."
    )
    needs_form = True

    def has_permission(self, staff: Member, record: EmailDomain | None = None) -> bool:
        """Return whether `staff` sees someone who can follow the domain."""
        is_allowed = super().has_permission(staff, record)
        return is_allowed and (
            record is None or count_people_to_move(record, record.organization, staff)[0] > 0
        )

    def is_available(self, domain: EmailDomain) -> bool:
        return True

    def describe(self, domain: EmailDomain) -> str:
        return f"{domain}, of {domain.organization}"

    def get_context_data(
        self, request: HttpRequest, records: Sequence[EmailDomain], form: forms.Form
    ) -> dict[str, Any]:
        context = super().get_context_data(request, records, form)
        staff = require_staff(request)
        own, others = _count_people(records, staff)
        return {
            **context,
            "is_settled": not own,
            "descriptions": [*context["descriptions"], _describe_numbers(own, others)],
        }


def _describe_people(preview: Preview) -> str:
    """Return how many people follow, as a sentence."""
    moved = {
        change["pk"]
        for change in preview.changes
        if change["model"] == "members.member"
        and "affiliation_confirmed_at" not in change.get("new", {})
    }
    return f"{counted(len(moved), 'person moves', 'people move')} with it."


def _count_people(
    domains: Sequence[EmailDomain], staff: Member, target: Organization | None = None
) -> tuple[int, int]:
    """Return how many people can follow `domains` to `target`, or to the organizations that have
    them: of those whom `staff` sees, and of others."""
    counts = [
        count_people_to_move(domain, target or domain.organization, staff) for domain in domains
    ]
    return sum(own for own, _ in counts), sum(others for _, others in counts)


def _describe_numbers(own: int, others: int) -> str:
    """Return how many people can follow: those whom a facilitator can move, and the others."""
    sentence = f"{counted(own, 'person', 'people')} in your teams"
    if others:
        sentence += f"; {counted(others, 'other', 'others')}, whom an administrator can move"
    return sentence


class OrganizationField(OrganizationNameField):
    """An organization by its name, or a former one; some are suggested. Refuses any other name."""

    def __init__(self) -> None:
        super().__init__(help_text="Names are suggested while you type.")
        self.error_messages["required"] = "Enter the organization that the domain belongs to"
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
        """Say whose the domain is already, and where it can move; ask before it is stored beside
        another's. The model has normalized it."""
        super()._post_clean()  # type: ignore[misc]  # Django's, without a type
        taken = EmailDomain.objects.filter(domain=self.instance.domain)
        if same := taken.select_related("organization").first():
            url = reverse("admin:members_emaildomain_move", args=[same.pk])
            message = format_html(
                '{} already belongs to {}. <a href="{}">Move it to another organization</a>',
                same, same.organization, url,
            )  # fmt: skip
            self.errors["domain"] = self.error_class([message])
        elif not self.errors:
            self.check_overlap("domain", self.instance.domain, self.instance.organization)


class EmailDomainAdmin(ActionAdmin[EmailDomain]):
    """The email domains of organizations, shared by all facilitators as organizations are."""

    can_change = False
    bulk_actions = [MoveDomain(), MovePeople(), TakeBack()]
    list_display = ["readable", "organization"]
    search_fields = ["domain", "organization__name"]
    export_columns = [("Domain", "domain"), ("Organization", "organization")]
    form = EmailDomainForm

    def get_queryset(self, request: HttpRequest) -> QuerySet[EmailDomain]:
        return super().get_queryset(request).select_related("organization")

    def get_fields(self, request: HttpRequest, obj: EmailDomain | None = None) -> tuple[str, ...]:
        """Return the fields of the form; of a record what it is."""
        if obj:
            return ("organization", "readable")
        return ("organization", "domain", "accepts_overlap")

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
        own, others = _count_people([obj], by)
        if own or others:
            url = reverse("admin:members_emaildomain_change", args=[obj.pk])
            link = format_html('<a href="{}">its page</a>', url)
            messages.info(
                request,
                format_html(
                    "Confirmed for the organization that had {} before: {}. You can move them on "
                    "{}.",
                    obj,
                    _describe_numbers(own, others),
                    link,
                ),  # fmt: skip
            )

    @admin.display(description="domain", ordering="domain")
    def readable(self, email_domain: EmailDomain) -> str:
        return readable_domain(email_domain.domain)

    def back_url(self, request: HttpRequest, records: Any) -> str:
        """Return the list: the record may be gone."""
        return reverse("admin:members_emaildomain_changelist")
