"""The form that adds a member directly."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from desk.records.asking import ask_once, confirmation_field
from desk.records.organizations.domain_evidence import looks_like_warnings
from members.email_domains import email_domain, readable_domain
from members.forms import OrganizationNameField, WorkEmailField, name_field
from members.models import Member, Organization
from members.services import recognized_owners
from members.wording import end_sentence
from teams.models import ActionTeam, Membership
from teams.services import confirmable_accounts, seen_account

# Said of every address that the desk does not see, so that it does not tell who has an account.
NEW_ADDRESS_NOTE = "Name, title and organization are used only where the address is new here."


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
