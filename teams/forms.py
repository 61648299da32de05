"""Forms of the teams: turn input into clean values, or say how to fix it."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms.models import ModelChoiceIteratorValue
from django.utils.functional import cached_property
from django.utils.text import get_text_list

from members.clickable_text import validate_not_clickable
from members.forms import (
    BaseForm,
    HoneypotForm,
    OrganizationNameField,
    WorkEmailField,
    job_title_field,
    name_field,
)
from members.models import EmailDomain, Member
from members.services.moving import employer_shown_by
from members.text_fields import CleanFormField
from teams.models import (
    MAX_NOTE_LENGTH,
    MAX_REQUEST_REASON_LENGTH,
    ActionTeam,
    Attendance,
    EmailChoice,
)
from teams.web_addresses import NOT_A_WEB_ADDRESS, normalize_web_address

# What visitors send sooner or later after the form was shown needs a second press.
MIN_FORM_AGE_SECONDS = 3
MAX_FORM_AGE_SECONDS = 24 * 60 * 60
QUESTION_SALT = "teams.forms.QuestionForm"

TEAM_ERRORS = {
    "required": "Select at least one team",
    "invalid_choice": "Select teams from the list; one of those sent does not exist",
    "invalid_pk_value": "Select teams from the list; one of those sent does not exist",
    "invalid_list": "Select teams from the list",
}


class TeamCheckboxes(forms.CheckboxSelectMultiple):
    """Checkboxes of teams; each says what the team is for, and whether a facilitator decides."""

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(*args, **kwargs)
        team: ActionTeam = option["value"].instance
        decision = "" if team.is_open else " A facilitator decides each request."
        option["description"] = f"{team.summary}{decision}"
        option["team"] = team
        return option


def request_reason_field() -> forms.CharField:
    """Return the field for why someone wants to join a team whose facilitators decide."""
    return CleanFormField(
        label="Why you want to join",
        max_length=MAX_REQUEST_REASON_LENGTH,
        required=False,
        help_text="One line for the facilitators who decide on your request",
        error_messages={
            "max_length": f"Shorten your reason to at most {MAX_REQUEST_REASON_LENGTH} characters"
        },
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "width-40"}),
    )


class JoinForm(HoneypotForm):
    """One form: who you are and which teams. The address says where you work."""

    full_name = name_field()
    email = WorkEmailField(help_text="We will send a code to it. It also tells us where you work")
    job_title = job_title_field()
    teams = forms.ModelMultipleChoiceField(
        label="Which teams do you want to join?",
        queryset=ActionTeam.objects.public(),
        to_field_name="slug",
        help_text="Select all that apply",
        widget=TeamCheckboxes,
        error_messages=TEAM_ERRORS,
    )

    reason = request_reason_field()

    def __init__(
        self,
        *args: Any,
        open_teams: list[ActionTeam],
        has_verified_email: bool = False,
        is_invited: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        # The address in `initial` counts, whatever is sent.
        if has_verified_email:
            self.fields["email"].disabled = True
            self.fields["email"].help_text = "Verified by the sign-in of your organization"
        elif is_invited:
            self.fields["email"].disabled = True
            self.fields[
                "email"
            ].help_text = "The invitation went to this address, and so will the code"
        if is_invited:
            self.fields["teams"].required = False
            self.fields["teams"].label = "Do you want to join teams, too?"
        by_approval = [team.name for team in open_teams if not team.is_open]
        if by_approval:
            names = get_text_list(by_approval, "and")
            self.fields["reason"].help_text = f"One line for the facilitators of {names}"
        else:
            del self.fields["reason"]
        # Closed teams are no choices, but in the queryset: a forged one is refused with the reason.
        self.fields["teams"].widget.choices = [
            (ModelChoiceIteratorValue(team.slug, team), team.name) for team in open_teams
        ]

    def clean_teams(self) -> QuerySet[ActionTeam]:
        """Return the selected teams; one that was closed meanwhile is refused by name."""
        teams: QuerySet[ActionTeam] = self.cleaned_data["teams"]
        closed = [team.name for team in teams if team.is_closed]
        if closed:
            raise ValidationError(
                f"Not taking new members right now: {', '.join(closed)}. Clear that choice"
            )
        return teams


class JoinTeamForm(BaseForm):
    """What a member who joins one more team may say; nothing else is asked again."""

    reason = request_reason_field()


class InviteForm(BaseForm):
    """Whom a member invites, to which teams, with a line of their own."""

    email = WorkEmailField(
        label="Your colleague’s work email",
        help_text="The invitation goes here. Your colleague can join with a different address",
    )
    teams = forms.ModelMultipleChoiceField(
        label="Invite to",
        queryset=ActionTeam.objects.public(),
        to_field_name="slug",
        help_text="Your colleague can change this",
        widget=TeamCheckboxes,
        error_messages=TEAM_ERRORS,
    )
    note = CleanFormField(
        label="A note from you",
        max_length=MAX_NOTE_LENGTH,
        required=False,
        help_text=f"The email quotes it. Up to {MAX_NOTE_LENGTH} characters, without links",
        validators=[validate_not_clickable],
        error_messages={"max_length": f"Shorten your note to at most {MAX_NOTE_LENGTH} characters"},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    is_right = forms.BooleanField(
        label="The address is correct", required=False, widget=forms.HiddenInput
    )

    def __init__(self, *args: Any, open_teams: Sequence[ActionTeam], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].widget.attrs["autocomplete"] = "off"
        message = "Enter your colleague’s email address, like name@hospital.org"
        self.fields["email"].error_messages |= {"required": message, "invalid": message}
        # Closed teams are in the queryset: a forged one is refused with the reason.
        self.fields["teams"].widget.choices = [
            (ModelChoiceIteratorValue(team.slug, team), team.name) for team in open_teams
        ]

    def ask_about(self, doubt: str) -> None:
        """Ask once whether the address, of which there is this `doubt`, is right."""
        self.fields["is_right"].widget = forms.CheckboxInput()
        if not self.cleaned_data["is_right"]:
            message = (
                f"Check the address: {doubt}. If it is correct, check the box below and send again"
            )
            self.add_error("email", message)


class MultilineField(CleanFormField):
    """A text of several lines; a line break counts as one character, as in the browser."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        return super().to_python(str(value or "").replace("\r\n", "\n")) or ""


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


class GuestForm(HoneypotForm):
    """A visitor's answer to a public meeting, without an account."""

    full_name = name_field()
    email = WorkEmailField(
        label="Email address",
        help_text="We will send a code to it, and erase it 30 days after the meeting",
    )
    answer = forms.ChoiceField(
        label="Will you be there?",
        choices=[
            (Attendance.Answer.IN_PERSON, Attendance.Answer.IN_PERSON.label),
            (Attendance.Answer.NO, Attendance.Answer.NO.label),
        ],
        initial=Attendance.Answer.IN_PERSON,
        error_messages={
            "required": "Choose one of the two answers",
            "invalid_choice": "Choose one of the two answers",
        },
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        message = "Enter your email address, like name@example.org"
        self.fields["email"].error_messages |= {"required": message, "invalid": message}


class SearchForm(BaseForm):
    # Of any length: `used_words` says how much of it counts.
    q = forms.CharField(label="Search", required=False)


class VisitorForm(HoneypotForm):
    """A form that anyone may send, without an account and without a puzzle.

    Three things let it pass with one press: the honeypot stays empty, `shown`, a signed time, says
    that there was time to type, and the address, which no code will prove, does not look mistyped.
    `salt` tells the times of one form from those of another.
    """

    salt: ClassVar[str]

    @property
    def shown_token(self) -> str:
        """The value of `shown` on the page: the signed time when the form was first shown."""
        age = self._age()
        if age is None or age > MAX_FORM_AGE_SECONDS:
            return signing.dumps(time.time(), salt=self.salt)
        return str(self.data["shown"])

    def is_suspicious(self) -> bool:
        """Return whether it came too fast or too late to be sure that a person filled it in, or
        whether the address looks mistyped."""
        age = self._age()
        is_in_time = age is not None and MIN_FORM_AGE_SECONDS <= age <= MAX_FORM_AGE_SECONDS
        return not is_in_time or bool(self.suggested_email)

    @cached_property
    def suggested_email(self) -> str:
        """The address that was probably meant, once the form is valid; else empty."""
        email = self.cleaned_data.get("email", "")
        meant: str = EmailDomain.objects.address_probably_meant_by(email)
        return meant

    def _age(self) -> float | None:
        """Return the seconds since the form was shown, or None without our signature."""
        try:
            return time.time() - float(signing.loads(self.data.get("shown", ""), salt=self.salt))
        except signing.BadSignature:
            return None


def optional_email_field(help_text: str) -> WorkEmailField:
    """Return the field for the address of a visitor, who may leave it out."""
    field = WorkEmailField(label="Your email address", required=False, help_text=help_text)
    message = "Enter your email address, like name@hospital.org, or leave it out"
    field.error_messages["invalid"] = message
    return field


class QuestionForm(VisitorForm):
    salt = QUESTION_SALT

    text = MultilineField(
        label="Your question",
        max_length=1000,
        help_text="Up to 1,000 characters",
        error_messages={
            "required": "Enter your question",
            "max_length": "Shorten your question to at most 1,000 characters",
        },
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    email = optional_email_field("Only to answer you; erased 90 days after the answer")


class WebAddressField(forms.CharField):
    """The address of a web page, as `normalize_web_address` stores it."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["error_messages"] = {"required": NOT_A_WEB_ADDRESS}
        kwargs["widget"] = forms.TextInput(
            attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}
        )
        super().__init__(**kwargs)

    def clean(self, value: Any) -> str:
        """Return the address as it is stored; what it cannot be is refused in words."""
        typed = super().clean(value)
        return normalize_web_address(typed) if typed else ""


class ResourceSuggestionForm(VisitorForm):
    salt = "teams.forms.ResourceSuggestionForm"

    url = WebAddressField(
        label="Address of the page", help_text="Copied from your browser, or just example.org/guide"
    )
    title = CleanFormField(
        label="What is it called?",
        max_length=150,
        help_text="The title on its page",
        error_messages={
            "required": "Enter the title that is on the page",
            "max_length": "Shorten the title to at most 150 characters",
        },
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    text = MultilineField(
        label="Why does it help?",
        required=False,
        max_length=500,
        help_text="For the facilitator who reviews it. Up to 500 characters",
        error_messages={"max_length": "Shorten this to at most 500 characters"},
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    email = optional_email_field("Only to tell you what we decide; erased 90 days after that")


class TopicForm(VisitorForm):
    salt = "teams.forms.TopicForm"

    title = CleanFormField(
        label="Which trend or topic?",
        max_length=120,
        help_text="In a few words, as a heading",
        error_messages={
            "required": "Enter the topic in a few words",
            "max_length": "Shorten the topic to at most 120 characters; say more below",
        },
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    summary = MultilineField(
        label="Why does it matter?",
        required=False,
        max_length=1000,
        help_text="What you see where you work. Up to 1,000 characters. Leave people’s names out",
        error_messages={"max_length": "Shorten this to at most 1,000 characters"},
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    email = optional_email_field(
        "Only to tell you what became of it; erased 90 days after the decision"
    )


class EmailChoicesForm(BaseForm):
    """Which emails a member wants from each of their teams and from the whole Collaborative."""

    def __init__(
        self,
        *args: Any,
        teams: Sequence[ActionTeam],
        offered: Mapping[str, Sequence[EmailChoice.Wants]],
        chosen: Mapping[tuple[int | None, str], str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.keys = {
            f"team-{team.pk}-{kind}" if team else f"all-{kind}": (team.pk if team else None, kind)
            for team in [*teams, None]
            for kind in offered
        }
        message = "Choose one of the options"
        for name, (team, kind) in self.keys.items():
            self.fields[name] = forms.ChoiceField(
                label=EmailChoice.Kind(kind).label,
                choices=[(wants.value, wants.label) for wants in offered[kind]],
                initial=chosen.get((team, kind), EmailChoice.Wants.EACH),
                error_messages={"required": message, "invalid_choice": message},
                widget=forms.RadioSelect,
            )
        # The last one, without a team, is the whole Collaborative.
        self.sections = [
            (team, [self[name] for name, (key, _) in self.keys.items() if key == number])
            for team, number in [*((team, team.pk) for team in teams), (None, None)]
        ]

    @property
    def choices(self) -> dict[tuple[int | None, str], str]:
        """What was chosen, by the key of the team (None: the Collaborative) and kind."""
        return {key: self.cleaned_data[name] for name, key in self.keys.items()}
