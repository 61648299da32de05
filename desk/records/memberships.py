"""The desk's list of memberships: who waits, who is in, and adding a member directly."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from desk.actions.bulk_action import MAX_LISTED_RECORDS, ActionWithReason, BulkAction
from desk.changelist import badge, require_staff, team_tag
from desk.changelist.filters import (
    AnsweredFilter,
    EmployerFilter,
    EndedFilter,
    JoinedFilter,
    TeamFilter,
)
from desk.changelist.search import search
from desk.records.asking import ask_once, confirmation_field
from desk.records.claims import ClaimableAdmin, with_claim
from desk.records.looks_like import mark_probable_domains, with_looks_like
from desk.records.organizations.domain_evidence import looks_like_warnings
from members.dates import long_date, short_date
from members.email_domains import email_domain, readable_domain
from members.forms import OrganizationNameField, WorkEmailField, name_field
from members.models import Member, Organization
from members.services import Refused, recognized_owners
from members.wording import end_sentence
from teams.models import ActionTeam, Membership, MembershipQuerySet
from teams.services import add_member, confirmable_accounts, seen_account

# Said of every address that the desk does not see, so that it does not tell who has an account.
NEW_ADDRESS_NOTE = "Name, title and organization are used only where the address is new here."
# What the form that adds a member says about the person.
PERSON_FIELDS = ("email", "full_name", "organization", "team")
BADGES = {"requested": "waiting", "active": "confirmed"}


# By what a request waits for: in a sentence, and in a word.
WAITS_FOR_IN_WORDS = {
    "approval": "your decision",
    "affiliation": "a confirmed affiliation",
    "organization": "a recognized organization",
}
WAITS_FOR = {
    "approval": "you",
    "affiliation": "affiliation",
    "organization": "organization",
}


def describe_waiting(
    membership: Membership, words: Mapping[str, str] = WAITS_FOR_IN_WORDS
) -> SafeString | str:
    """Return what a request waits for, with a link to where that is decided."""
    if not membership.is_waiting:
        return "nothing"
    what = words[membership.waits_for]
    organization = membership.member.organization
    if membership.waits_for == "affiliation":
        url = reverse("admin:members_member_change", args=[membership.member_id])
    elif membership.waits_for == "organization" and organization:
        url = reverse("admin:members_organization_change", args=[organization.pk])
    else:
        return what
    return format_html('<a href="{}">{}</a>', url, what)


def describe_promise(membership: Membership) -> SafeString:
    """Return by when an answer was promised, with a badge if that day has passed."""
    day = long_date(membership.answer_expected_on)
    if membership.is_late:
        return format_html("{} promised by {}", badge("attention", "Late"), day)
    return format_html("promised by {}", day)


def describe_late(membership: Membership) -> SafeString:
    """Return a badge, with the day that has passed for who points at it or hears it."""
    day = long_date(membership.answer_expected_on)
    late = badge("attention", "Late")
    hidden = format_html('<span class="visually-hidden"> promised by {}</span>', day)
    return format_html('<span title="promised by {}">{}{}</span>', day, late, hidden)


class MembershipAction(BulkAction[Membership]):
    model = Membership
    nouns = ("request", "requests")

    def record_name(self, membership: Membership) -> str:
        return f"the {self.nouns[0]} of {membership.member}"

    def describe(self, membership: Membership) -> str:
        organization = membership.member.organization or "no organization"
        status = membership.get_status_display().lower()
        description = format_html(
            "<bdi>{}</bdi>, <bdi>{}</bdi>: {}, {}",
            membership.member,
            organization,
            membership.team.name_with_state,
            status,
        )
        if membership.is_waiting and membership.waits_for != "approval":
            description = format_html("{} for {}", description, describe_waiting(membership))
        if membership.request_reason:
            return format_html("{}. “<bdi>{}</bdi>”", description, membership.request_reason)
        return description


class Approve(MembershipAction):
    name, label, title = "approve", "Approve", "Approve {}"
    description = "Each person becomes an active member of the team and is notified by email."
    template = "admin/teams/membership/approve.html"

    def is_available(self, membership: Membership) -> bool:
        return membership.is_waiting and membership.waits_for == "approval"

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Membership], form: forms.Form
    ) -> dict[str, Any]:
        """Return what will be approved, and what will not, each with what it waits for."""
        available = [membership for membership in records if self.is_available(membership)]
        unavailable = [membership for membership in records if not self.is_available(membership)]
        listed = unavailable[:MAX_LISTED_RECORDS]
        return {
            **super().get_context_data(request, available, form),
            "unavailable": [self.describe(membership) for membership in listed],
            "unlisted_unavailable_count": len(unavailable) - len(listed),
        }


class Decline(MembershipAction, ActionWithReason[Membership]):
    name, label, title = "decline", "Decline", "Decline {}"
    description = "Each person is notified by email, with the reason. They can ask again later."
    prepared_reasons = (
        "The team cannot take you in at this time. You are welcome to ask again later.",
        "We could not confirm that you work for the organization you named.",
        "The team is for people who work on its subject. Another of our teams may suit you better.",
    )

    def is_available(self, membership: Membership) -> bool:
        return membership.is_waiting


class End(MembershipAction, ActionWithReason[Membership]):
    name, label, title = "end", "End membership", "End {}"
    nouns = ("membership", "memberships")
    description = (
        "Each person leaves the team at once and is notified by email, with the reason. "
        "The time in the team stays on record, and they can join again."
    )
    prepared_reasons = (
        "The facilitators have ended your membership. Write to us if you have a question.",
        "You asked us to end your membership.",
        "We heard that you no longer work for the organization you took part for.",
    )

    def is_available(self, membership: Membership) -> bool:
        return membership.is_active


class WaitsForFilter(admin.SimpleListFilter):
    title = "what it is waiting for"
    parameter_name = "waits_for"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("approval", "My decision"),
            ("affiliation", "A confirmed affiliation"),
            ("organization", "A recognized organization"),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Membership]
    ) -> QuerySet[Membership]:
        memberships = cast("MembershipQuerySet", queryset)
        if self.value() == "approval":
            return memberships.to_decide()
        if self.value() == "affiliation":
            return memberships.to_confirm()
        if self.value() == "organization":
            return memberships.waiting().exclude(member__organization__status="recognized")
        return memberships


class AddMemberForm(forms.Form):
    """Who becomes a member, of which recognized organization, in which of one's own teams."""

    email = WorkEmailField()
    full_name = name_field()
    organization = OrganizationNameField(
        help_text="A recognized organization; names are suggested while you type.",
    )
    team = forms.ModelChoiceField(
        queryset=ActionTeam.objects.none(),
        empty_label="Choose",
        error_messages={
            "required": "Choose a team.",
            "invalid_choice": "Choose one of your own teams.",
        },
    )

    is_right = confirmation_field("That is right, add the person")

    def __init__(self, data: Any, *, staff: Member) -> None:
        super().__init__(data)
        self.staff = staff
        teams = ActionTeam.objects.facilitated_by(staff)
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]
        if len(teams) == 1:
            self.initial["team"] = teams[0]
        enter_email = "Enter the person’s work email address, like name@hospital.org"
        self.fields["email"].error_messages.update(required=enter_email, invalid=enter_email)
        self.fields["full_name"].error_messages["required"] = "Enter the person’s full name"
        enter_organization = "Enter the organization the person works for"
        self.fields["organization"].error_messages["required"] = enter_organization

    def clean_organization(self) -> Organization:
        """Return the recognized organization that this name means; refuses any other."""
        named = Organization.objects.named(self.cleaned_data["organization"])
        match = named.select_related("merged_into").first()
        if match is None or not match.canonical.is_recognized:
            raise ValidationError(
                "No recognized organization has this name. Choose one from the list, or "
                "recognize it first."
            )
        return match.canonical

    def clean(self) -> dict[str, Any]:
        """Ask once, as the import does, about an address that is probably typed wrong, and about
        one of another organization than the one that will be confirmed."""
        email, organization = map(self.cleaned_data.get, ("email", "organization"))
        if not self.errors and email and organization and self._confirms_employer(email):
            domain = email_domain(email)
            doubt, _ = looks_like_warnings([domain]).get(domain, ("", None))
            owner = recognized_owners([domain]).get(domain)
            if doubt:
                ask_once(self, "email", doubt, "is_right")
            elif owner and owner != organization:
                belong = f"Addresses at {readable_domain(domain)} belong to {owner}"
                ask_once(self, "organization", end_sentence(belong), "is_right")
        return self.cleaned_data

    def _confirms_employer(self, email: str) -> bool:
        """Return whether adding the person says who employs them, as far as the desk sees: it is
        asked alike about a new address and about an account that the desk does not see."""
        account = seen_account(email, self.staff)
        if account is None:
            return True
        is_confirmable = bool(confirmable_accounts([account], self.staff))
        return is_confirmable and not account.is_affiliation_confirmed


def added_message(membership: Membership, email: str, account: Member | None) -> str:
    """Return what happened; of an `account` that the desk saw before also what it keeps."""
    member, team = membership.member, membership.team
    if account is None:
        return f"You added {email} to {end_sentence(team)} An email says so. {NEW_ADDRESS_NOTE}"
    message = (
        f"{member} is a member of {team} now, and is notified by email. An account with this "
        "address already existed; its name"
    )
    name = member.full_name or "no name"
    organization = member.organization or "no organization"
    if member.is_affiliation_confirmed and not account.is_affiliation_confirmed:
        return f"{message} stays as it was: {name}. It is confirmed for {organization} from now on."
    return f"{message} and organization stay as they were: {name}, {end_sentence(organization)}"


class MembershipAdmin(ClaimableAdmin[Membership]):
    """Every membership and request of one's own teams. Only actions change them."""

    can_change = False
    bulk_actions = [Approve(), Decline(), End()]
    list_display = [
        "member", "organization", "team_tag", "current_status", "waits_for", "requested",
    ]  # fmt: skip
    list_filter = [
        WaitsForFilter, "status", TeamFilter, JoinedFilter, EndedFilter, AnsweredFilter,
        EmployerFilter,
    ]  # fmt: skip
    search_fields = [
        "member__full_name", "member__email", "member__organization__name",
    ]  # fmt: skip
    search_help_text = "Search by name, address or organization."
    # What an index orders; filters do the rest.
    sortable_by = ["member", "requested"]
    export_columns = [
        ("Member", "member"), ("Email", "member.email"), ("Job title", "member.job_title"),
        ("Organization", "member.organization"), ("Team", "team"),
        ("Status", "get_status_display"), ("Requested", "requested_at"),
        ("Reason for asking", "request_reason"),
        ("Decided", "decided_at"), ("Decided by", "decided_by"), ("Ended", "ended_at"),
        ("Ended by", "ended_by"), ("Reason", "reason"),
    ]  # fmt: skip
    fields = (
        "person", "employer", "affiliation", "team", "status_badge", "waiting_for", "origin",
        "requested_at", "request_reason", "answer", "decided_at", "decider", "ended_at", "ender",
        "reason",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        memberships = Membership.objects.listed_for(require_staff(request))
        return memberships.select_related("member__organization", "team", "decided_by", "ended_by")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Membership], search_term: str
    ) -> tuple[QuerySet[Membership], bool]:
        """Search the members, who are few beside the memberships."""
        fields = [field.removeprefix("member__") for field in self.search_fields]
        return search(queryset, search_term, Member, fields, "member"), False

    def prepare_rows(self, rows: Collection[Membership]) -> None:
        super().prepare_rows(rows)
        mark_probable_domains([membership.member for membership in rows])

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the order of what waits: oldest first; else newest first."""
        is_waiting = "waits_for" in request.GET
        return ("requested_at", "pk") if is_waiting else ("-requested_at", "-pk")

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> Any:
        """Return the fields that have a value, by whether it waits, is active or over."""
        if obj is None:
            return self.fields
        empty = set() if obj.is_waiting else {"waiting_for", "answer"}
        if obj.decided_at is None:
            empty |= {"decided_at", "decider"}
        if obj.ended_at is None:
            empty |= {"ended_at", "ender"}
        empty |= {name for name in ("reason", "request_reason") if not getattr(obj, name)}
        return [name for name in self.fields if name not in empty]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Add a person to a team without a request. A refusal is shown above the filled-in form.

        The record that follows is that of a person whom the desk saw before. After any other
        address the form follows: a record would show at once whether there was an account.
        """
        staff = require_staff(request)
        form = AddMemberForm(request.POST if request.method == "POST" else None, staff=staff)
        if request.method == "POST" and form.is_valid():
            email = form.cleaned_data["email"]
            account = seen_account(email, staff)
            person = {name: form.cleaned_data[name] for name in PERSON_FIELDS}
            try:
                membership = add_member(**person, by=staff)
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, added_message(membership, email, account))
                if account is None:
                    return HttpResponseRedirect(reverse("admin:teams_membership_add"))
                return HttpResponseRedirect(
                    reverse("admin:teams_membership_change", args=[membership.pk])
                )
        # Any form works here, whatever its type hint says.
        any_form: Any = form
        adminform = AdminForm(
            any_form, [(None, {"fields": list(form.fields)})], {}, model_admin=self
        )
        context = {
            "adminform": adminform,
            "form": form,
            "new_address_note": NEW_ADDRESS_NOTE,
            "organizations": Organization.objects.suggested(),
        }
        return self.render_page(
            request, "admin/teams/membership/add.html", "Add a member directly", **context
        )

    @admin.display(description="member")
    def person(self, membership: Membership) -> SafeString:
        url = reverse("admin:members_member_change", args=[membership.member_id])
        return format_html(
            '<a href="{}"><bdi>{}</bdi></a><br>{}', url, membership.member, membership.member.email
        )

    @admin.display(ordering="member__organization__name")
    def organization(self, membership: Membership) -> SafeString | str:
        member = membership.member
        probable: str = member.probable_domain  # type: ignore[attr-defined]
        return with_looks_like(member.organization or "", email_domain(member.email), probable)

    @admin.display(description="team")
    def team_tag(self, membership: Membership) -> SafeString:
        return team_tag(membership.team)

    @admin.display(description="organization")
    def employer(self, membership: Membership) -> SafeString | str:
        organization = membership.member.organization
        if organization is None:
            return "not given"
        url = reverse("admin:members_organization_change", args=[organization.pk])
        status = organization.get_status_display().lower()
        return format_html('<a href="{}"><bdi>{}</bdi></a><br>{}', url, organization, status)

    @admin.display
    def affiliation(self, membership: Membership) -> str:
        return membership.member.get_affiliation_confirmed_via_display() or "not confirmed"

    @admin.display(description="status", ordering="status")
    def status_badge(self, membership: Membership) -> SafeString:
        return badge(BADGES.get(membership.status, "closed"), membership.get_status_display())

    @admin.display(description="status", ordering="status")
    def current_status(self, membership: Membership) -> SafeString:
        """Return its status, and whether the promised day has passed."""
        status = self.status_badge(membership)
        if not membership.is_late:
            return status
        return format_html("<span>{} {}</span>", status, describe_late(membership))

    @admin.display(description="waits for", empty_value="")
    def waits_for(self, membership: Membership) -> SafeString | str:
        """Return what a request waits for, in a word."""
        if not membership.is_waiting:
            return ""
        return with_claim(describe_waiting(membership, WAITS_FOR), membership)

    @admin.display(ordering="requested_at")
    def requested(self, membership: Membership) -> str:
        return short_date(membership.requested_at)

    @admin.display(description="answer")
    def answer(self, membership: Membership) -> SafeString | str:
        return describe_promise(membership)

    @admin.display(description="waits for")
    def waiting_for(self, membership: Membership) -> SafeString | str:
        return describe_waiting(membership)

    @admin.display(description="decided by")
    def decider(self, membership: Membership) -> str:
        if membership.decided_by:
            return str(membership.decided_by)
        return "the email domain" if membership.decided_at else "nobody"

    @admin.display(description="ended by")
    def ender(self, membership: Membership) -> str:
        return str(membership.ended_by or "nobody")
