"""Inviting many people to a team at once: their addresses are pasted, checked, and then invited."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from post_office.models import Email

from desk.actions.bulk_action import PREVIEW_PARAM, BulkAction
from desk.changelist import counted, require_staff
from members.address_lists import read_addresses
from members.clickable_text import validate_not_clickable
from members.email_domains import email_domain, is_throwaway
from members.models import Member
from members.services import Preview
from members.text_fields import CleanFormField
from teams.actions import MAX_EMAILS
from teams.models import MAX_NOTE_LENGTH, ActionTeam
from teams.services.colleague_invitations import MAX_PASTED_INVITATIONS, left_out, typos_in

MAX_PASTED_CHARACTERS = 20_000
MAX_PROBLEMS = 10
# The link in a sample email would accept a real person's invitation.
_SECRET_LINK = re.compile(r"(/invited/)[^/\s]+")


class InviteManyForm(forms.Form):
    """Whom to invite. What was pasted is checked first, with a page that says what will happen;
    `checked` holds what that page was about."""

    addresses = CleanFormField(
        label="Email addresses",
        max_length=MAX_PASTED_CHARACTERS,
        help_text=f"Up to {MAX_PASTED_INVITATIONS}, as you have them: one on each line, or between "
        "commas or semicolons, with names or without.",
        error_messages={
            "required": "Paste at least one address.",
            "max_length": f"Shorten the text to at most {MAX_PASTED_CHARACTERS:,} characters.",
        },
        widget=forms.Textarea(attrs={"rows": 8, "cols": 60, "autocomplete": "off"}),
    )
    note = CleanFormField(
        label="A note from you",
        max_length=MAX_NOTE_LENGTH,
        required=False,
        help_text=f"The email quotes it. Up to {MAX_NOTE_LENGTH} characters, without links.",
        validators=[validate_not_clickable],
        error_messages={
            "max_length": f"Shorten your note to at most {MAX_NOTE_LENGTH} characters."
        },
        widget=forms.TextInput(attrs={"size": 60, "autocomplete": "off"}),
    )

    def __init__(self, data: Any) -> None:
        super().__init__(data, label_suffix="")
        self.duplicates = 0

    def clean_addresses(self) -> list[str]:
        """Return the addresses. Refuses entries that are no addresses, by line, and too many."""
        result = read_addresses(self.cleaned_data["addresses"])
        problems = [f"Line {line}, “{entry}”: {why}" for line, entry, why in result.problems]
        problems += [
            f"{address} is a throwaway address. Leave it out."
            for address in result.addresses
            if is_throwaway(email_domain(address))
        ]
        if more := len(problems) - MAX_PROBLEMS:
            problems = problems[:MAX_PROBLEMS] + ([f"And {more} more."] if more > 0 else [])
        if problems:
            raise ValidationError(problems)
        number = len(result.addresses)
        if not number:
            raise ValidationError("Paste at least one address.")
        if number > MAX_PASTED_INVITATIONS:
            raise ValidationError(
                f"There are {number} addresses. Invite at most {MAX_PASTED_INVITATIONS} at a time."
            )
        self.duplicates = result.duplicates
        return result.addresses

    def clean(self) -> dict[str, Any]:
        """Refuse to invite whom the page before was not about."""
        cleaned = super().clean() or self.cleaned_data
        is_check = PREVIEW_PARAM in self.data
        if not (is_check or self.errors or self.data.get("checked") == self.fingerprint):
            raise ValidationError("Check the list first: it has changed, or was not checked yet.")
        return cleaned

    @property
    def fingerprint(self) -> str:
        """What `checked` holds once this list, with this note, was checked."""
        addresses, note = self.cleaned_data["addresses"], self.cleaned_data["note"]
        value = "\n".join([*addresses, note])
        return salted_hmac("desk.records.inviting", value, algorithm="sha256").hexdigest()


class InvitePeople(BulkAction[ActionTeam]):
    """Inviting people to one team, for its facilitators."""

    model = ActionTeam
    name, label, title = "invite-people", "Invite people", "Invite people to {}"
    nouns = ("team", "teams")
    needs_form = shows_email = True
    description = (
        "Each person gets an email with a link to the join form, filled in. Nobody becomes a "
        "member before entering a code."
    )
    template = "admin/teams/actionteam/invite_people.html"

    def is_available(self, team: ActionTeam) -> bool:
        return not team.is_closed

    def get_form(self, request: HttpRequest, records: Sequence[ActionTeam]) -> forms.Form:
        return InviteManyForm(request.POST if request.method == "POST" else None)

    def preview_data(self, form: forms.Form) -> dict[str, Any] | None:
        """Return the data of the form for one email; the page counts the others."""
        data = super().preview_data(form) if form.is_bound else None
        return None if data is None else {**data, MAX_EMAILS: 1}

    def visible_email(self, preview: Preview, staff: Member) -> Email | None:
        """Return the email to the first person, which staff have written, without its secrets."""
        email = next(iter(preview.emails), None)
        if email:
            email.message = _SECRET_LINK.sub(r"\1…", email.message)
        return email

    def get_context_data(
        self, request: HttpRequest, records: Sequence[ActionTeam], form: forms.Form
    ) -> dict[str, Any]:
        """Return, once it is checked, how many will be invited and who is left out."""
        context = super().get_context_data(request, records, form)
        if not (isinstance(form, InviteManyForm) and form.is_bound and form.is_valid()):
            return {**context, "effects": ""}
        (team,) = records
        addresses = form.cleaned_data["addresses"]
        invited, in_team = left_out(addresses, team, require_staff(request))
        number = len(set(addresses) - invited - in_team)
        parts = [
            (form.duplicates, "{} left out: in the list twice", "address", "addresses"),
            (len(invited), "{} left out: already invited by you", "address", "addresses"),
            (len(in_team), "{} left out: already in the team", "person", "people"),
        ]
        effects = [f"This will invite {counted(number, 'person', 'people')} to {team}"]
        effects += [words.format(counted(count, *noun)) for count, words, *noun in parts if count]
        return {
            **context,
            "typos": typos_in(addresses),
            "effects": f"{'; '.join(effects)}." if number else "",
            "nobody_new": not number,
            "checked": form.fingerprint if number else "",
        }
