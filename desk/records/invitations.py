"""The desk's list of invitations: whom administrators have invited, and inviting another person."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from desk.actions.base import ActionAdmin
from desk.actions.bulk_action import BulkAction
from desk.changelist import badge, is_administrator, require_staff
from desk.records.asking import ask_once, confirmation_field
from desk.records.organizations.domain_evidence import looks_like_warnings
from members.dates import long_date
from members.email_domains import email_domain
from members.forms import WorkEmailField
from members.models import Member
from teams.models import INVITED_ALREADY, MAX_INVITATION_EMAILS, ActionTeam, Invitation
from teams.services import invite

Role = Invitation.Role
# What the address of a closed account ends with.
ERASED = "@closed.invalid"


class InvitationAction(BulkAction[Invitation]):
    model = Invitation
    nouns = ("invitation", "invitations")

    def is_available(self, invitation: Invitation) -> bool:
        return not (invitation.accepted_at or invitation.cancelled_at)


class SendAgain(InvitationAction):
    name, label, title = "send-again", "Send again", "Send the {} again"
    description = (
        "The person gets the email once more, and the invitation works for another 30 days."
    )
    needs_form = True

    def is_available(self, invitation: Invitation) -> bool:
        return super().is_available(invitation) and invitation.sent_count < MAX_INVITATION_EMAILS


class Cancel(InvitationAction):
    name, label, title = "cancel", "Cancel invitation", "Cancel the {}"
    description = "From now on its link leads to the ordinary join form. No email is sent."
    needs_form = True


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
        domain = email_domain(cleaned.get("email", ""))
        doubt, _ = looks_like_warnings([domain]).get(domain, ("", None))
        if doubt:
            ask_once(self, "email", doubt, "is_right")
        return cleaned


class InvitationAdmin(ActionAdmin[Invitation]):
    """Invitations to facilitate a team or to administer; for administrators."""

    # On the button, and above the page that it opens.
    add_words = "Invite someone"
    bulk_actions = [SendAgain(), Cancel()]
    form = InvitationForm
    list_display = ["address", "invited_to_be", "invited_at", "invited_by", "state"]
    list_filter = ["role"]
    list_select_related = ["team", "invited_by"]
    search_fields = ["email"]
    export_columns = [
        ("Email", "email"), ("Invited to be", "get_role_display"), ("Team", "team"),
        ("Invited on", "sent_at"), ("Invited by", "invited_by"), ("Accepted", "accepted_at"),
    ]  # fmt: skip

    def get_fields(self, request: HttpRequest, obj: Invitation | None = None) -> Any:
        """Return the fields of the form, with the box of its question only there."""
        return ["email", "role", "team", "note", *([] if obj else ["is_right"])]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invitation]:
        return super().get_queryset(request).select_related("team", "invited_by")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_administrator(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_administrator(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the list may be opened; what was sent is not changed."""
        return is_administrator(request) and obj is None

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Return the page that invites someone, headed by what it does."""
        context = {"title": self.add_words} | (extra_context or {})
        return super().add_view(request, form_url, context)

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
        return f"{role} of {invitation.team}" if invitation.team else role

    @admin.display(description="invited on", ordering="sent_at")
    def invited_at(self, invitation: Invitation) -> str:
        return long_date(invitation.sent_at)

    @admin.display(description="state")
    def state(self, invitation: Invitation) -> SafeString:
        return badge(*invitation.status)


def invite_url(role: str, team: ActionTeam | None = None) -> str:
    """Return the address of the page that invites someone to be `role`, of `team` if given."""
    query = {"role": role} | ({"team": str(team.pk)} if team else {})
    return f"{reverse('admin:teams_invitation_add')}?{urlencode(query)}"


def invited_on(member: Member) -> str:
    """Return when `member`, who has not signed in, was invited last, or ""."""
    if member.last_login:
        return ""
    invitation = Invitation.objects.filter(email=member.email, role=Role.MEMBER).first()
    return long_date(invitation.sent_at) if invitation else ""
