"""The forms of who moves to another work address."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from members.forms import BaseForm, HoneypotForm, OrganizationNameField, WorkEmailField, name_field
from members.models import Member
from members.services.moving import employer_shown_by
from members.text_fields import MultilineField


class MoveForm(BaseForm):
    """The new work address of a member."""

    email = WorkEmailField(
        label="New work email", help_text="We will send a code to it. It shows us your employer"
    )

    def __init__(self, *args: Any, member: Member, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.member = member

    def clean_email(self) -> str:
        """Return the address; refuse the one that the member has."""
        email: str = self.cleaned_data["email"]
        if email == self.member.email:
            raise ValidationError("This is already your address. Enter the new one")
        return email


class MoveRequestForm(HoneypotForm):
    """What a member who has lost the old mailbox tells the facilitators."""

    old_email = WorkEmailField(label="Old work email", help_text="The address you joined with")
    email = WorkEmailField(label="New work email", help_text="We will send a code to this address")
    full_name = name_field()
    organization = OrganizationNameField(
        label="Where do you work now?",
        required=False,
        help_text="Only if your new address is not your organization’s",
    )
    note = MultilineField(
        label="How can we check that the account is yours?",
        required=False,
        max_length=500,
        help_text="Such as a work phone number, or a colleague in your team. Up to 500 characters",
        error_messages={"max_length": "Shorten this to at most 500 characters"},
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_email"].widget.attrs["autocomplete"] = "off"

    def clean(self) -> dict[str, Any]:
        """Refuse one address twice, and a missing employer that the new address does not show."""
        super().clean()
        cleaned = self.cleaned_data
        email = cleaned.get("email", "")
        if email and email == cleaned.get("old_email"):
            self.add_error("email", "Enter a different address from the old one")
        elif email and not (cleaned.get("organization", "?") or employer_shown_by(email)):
            self.add_error("organization", "Enter the name of your organization")
        return cleaned
