"""The desk's list of invitations: whom administrators have invited, and inviting another person;
and whom members and facilitators have invited to join teams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from desk.actions.base import ActionAdmin
from desk.actions.bulk_action import FILTERS_PARAM, BulkAction
from desk.changelist import badge, is_administrator, mark_unseen_people, own_teams, require_staff
from desk.records.asking import ask_once, confirmation_field
from desk.records.organizations.domain_evidence import looks_like_warnings
from members.dates import long_date, short_date
from members.email_domains import email_domain
from members.forms import WorkEmailField
from members.models import Member
from members.services import Refused
from teams.models import INVITATION_VALIDITY, INVITED_ALREADY, ActionTeam, Invitation
from teams.services import check_invitation, invite
from teams.services.visibility import visible_invitations

Role = Invitation.Role
# What the address of a closed account ends with.
ERASED = "@closed.invalid"


class InvitationAction(BulkAction[Invitation]):
    model = Invitation
    nouns = ("invitation", "invitations")

    def is_available(self, invitation: Invitation) -> bool:
        return invitation.shown_state in {"Waiting", "Expired"}


class SendAgain(InvitationAction):
    name, label, title = "send-again", "Send again", "Send the {} again"
    description = (
        "The person gets the email once more, and the invitation works for another 30 days."
    )
    needs_form = True

    def is_available(self, invitation: Invitation) -> bool:
        return super().is_available(invitation) and not invitation.is_sent_often

    def has_permission(self, staff: Member, record: Invitation | None = None) -> bool:
        """Return whether `staff` may: of colleagues, only those who invited them."""
        is_allowed = super().has_permission(staff, record)
        if not is_allowed or record is None or record.role != Role.COLLEAGUE:
            return is_allowed
        return record.invited_by_id == staff.pk


class Cancel(InvitationAction):
    name, label, title = "cancel", "Cancel invitation", "Cancel the {}"
    description = "From now on its link leads to the ordinary join form. No email is sent."
    needs_form = True


class StateFilter(admin.SimpleListFilter):
    """What became of it, as far as the reader may know."""

    title = parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(word.lower(), word) for word in ("Waiting", "Accepted", "Expired", "Cancelled")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Invitation]
    ) -> QuerySet[Invitation]:
        valid = Q(sent_at__gt=timezone.now() - INVITATION_VALIDITY)
        open_ = Q(is_joined=False, cancelled_at=None)
        conditions = {
            "waiting": open_ & valid,
            "accepted": Q(is_joined=True),
            "expired": open_ & ~valid,
            "cancelled": Q(is_joined=False, cancelled_at__isnull=False),
        }
        if self.value() is None:
            return queryset
        if self.value() not in conditions:
            raise IncorrectLookupParameters
        return queryset.filter(conditions[str(self.value())])


class InvitationForm(forms.ModelForm[Invitation]):
    """Whom to invite, and to be what."""

    email = WorkEmailField(
        label="Email address",
        help_text="We send a code to it. The person gets no access before entering it.",
    )
    role = forms.ChoiceField(
        label="Invited to be",
        choices=[(role.value, role.label) for role in (Role.FACILITATOR, Role.ADMINISTRATOR)],
    )

    is_right = confirmation_field("That is right, invite the person")

    class Meta:
        model = Invitation
        fields = ("email", "role", "team", "note")

    def clean(self) -> dict[str, Any]:
        """Refuse what is invited already: it is sent again from the list, and counted. Ask once
        about an address that is probably typed wrong: another person may read the email there."""
        cleaned = super().clean() or self.cleaned_data
        same = {name: cleaned.get(name) for name in ("email", "role", "team")}
        if Invitation.objects.filter(**same, accepted_at=None, cancelled_at=None).exists():
            raise ValidationError(INVITED_ALREADY)
        if same["email"] and same["role"]:
            try:
                check_invitation(same["email"], same["role"], same["team"])
            except Refused as refusal:
                raise ValidationError(str(refusal)) from refusal
        domain = email_domain(cleaned.get("email", ""))
        doubt, _ = looks_like_warnings([domain]).get(domain, ("", None))
        if doubt:
            ask_once(self, "email", doubt, "is_right")
        return cleaned


class InvitationAdmin(ActionAdmin[Invitation]):
    """Invitations to facilitate a team or to administer, for administrators; and of colleagues, in
    the list also for the facilitators of their teams."""

    # On the button, and above the page that it opens.
    add_words = "Invite someone"
    bulk_actions = [SendAgain(), Cancel()]
    form = InvitationForm
    list_display = ["address", "invited_to_be", "invited_at", "invited_by", "state"]
    list_select_related = ["team", "invited_by"]
    search_fields = ["email"]
    export_columns = [
        ("Email", "email"), ("Invited to be", "get_role_display"), ("Team", "team"),
        ("Teams", "team_names"), ("Invited on", "sent_at"), ("Invited by", "invited_by"),
        ("State", "shown_state"),
    ]  # fmt: skip

    def get_fields(self, request: HttpRequest, obj: Invitation | None = None) -> Any:
        """Return the fields of the form, with the box of its question only there."""
        teams = ["teams"] if obj and obj.role == Role.COLLEAGUE else ["team"]
        return ["email", "role", *teams, "note", *([] if obj else ["is_right"])]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invitation]:
        visible = visible_invitations(require_staff(request)).order_by("-sent_at", "-pk")
        return visible.select_related("team", "invited_by").prefetch_related("teams")

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Return the filters; all that facilitators see is to join teams."""
        return [*(["role"] if is_administrator(request) else []), StateFilter, "teams"]

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        """Return the columns that lead to the record, which facilitators do not open: its history
        says who accepted."""
        links = super().get_list_display_links(request, list_display)
        return links if is_administrator(request) else None

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, for facilitators with the way to invite people to each of their teams."""
        teams = own_teams(request)
        name = "admin:teams_actionteam_invite-people"
        ways = [
            (f"Invite to {team}", reverse(name, args=[team.pk]))
            for team in teams
            if not team.is_closed
        ]
        return super().changelist_view(request, {"invite_ways": ways, **(extra_context or {})})

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list, which names only those who invited whom the reader sees."""
        changelist = super().get_changelist_instance(request)
        changelist.result_list = list(changelist.result_list)
        mark_unseen_people(changelist.result_list, require_staff(request))
        return changelist

    def back_url(self, request: HttpRequest, records: Sequence[Invitation]) -> str:
        """Return where one came from; facilitators open no record."""
        if is_administrator(request):
            return super().back_url(request, records)
        filters = request.GET.get(FILTERS_PARAM, "")
        return f"{reverse('admin:teams_invitation_changelist')}?{filters}".rstrip("?")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_administrator(request) or obj is None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_administrator(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the list may be opened; what was sent is not changed."""
        return is_administrator(request) and obj is None

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the history, which says who accepted, to administrators."""
        if not is_administrator(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        """Invite through the service, which sends an open invitation to the same again."""
        staff = require_staff(request)
        obj.pk = invite(obj.email, obj.role, by=staff, team=obj.team, note=obj.note).pk

    def response_add(
        self, request: HttpRequest, obj: Invitation, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Say that the person is invited, and show the list."""
        messages.success(request, f"Invited: {obj.email}.")
        return self.response_post_save_add(request, obj)

    @admin.display(description="email address", ordering="email")
    def address(self, invitation: Invitation) -> str:
        return "erased" if invitation.email.endswith(ERASED) else invitation.email

    @admin.display(description="invited to be", ordering="role")
    def invited_to_be(self, invitation: Invitation) -> str:
        role = invitation.get_role_display()
        if invitation.role == Role.COLLEAGUE:
            return f"{role} in {invitation.team_names}"
        return f"{role} of {invitation.team}" if invitation.team else role

    @admin.display(description="invited on", ordering="sent_at")
    def invited_at(self, invitation: Invitation) -> str:
        return short_date(invitation.sent_at)

    @admin.display(description="state")
    def state(self, invitation: Invitation) -> SafeString:
        return badge(*invitation.shown_status)


def invite_url(role: str, team: ActionTeam | None = None) -> str:
    """Return the address of the page that invites someone to be `role`, of `team` if given."""
    query = {"role": role} | ({"team": str(team.pk)} if team else {})
    return f"{reverse('admin:teams_invitation_add')}?{urlencode(query)}"


def invitation_dates(members: Iterable[Member]) -> dict[str, str]:
    """Return when those of `members` who have not signed in were invited last, by address."""
    emails = [member.email for member in members if not member.last_login]
    invitations = Invitation.objects.filter(role=Role.MEMBER, email__in=emails).order_by("sent_at")
    return {
        email: long_date(sent_at) for email, sent_at in invitations.values_list("email", "sent_at")
    }
