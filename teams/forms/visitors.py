"""What anyone may send without an account: an answer to a meeting, a question, a suggestion."""

import time
from typing import Any, ClassVar

from django import forms
from django.core import signing
from django.utils.functional import cached_property

from members.forms import BaseForm, HoneypotForm, WorkEmailField, name_field
from members.models import EmailDomain
from members.text_fields import CleanFormField, MultilineField
from teams.models import Attendance
from teams.web_addresses import NOT_A_WEB_ADDRESS, normalize_web_address

# What visitors send sooner or later after the form was shown needs a second press.
MIN_FORM_AGE_SECONDS = 3
MAX_FORM_AGE_SECONDS = 24 * 60 * 60
QUESTION_SALT = "teams.forms.QuestionForm"


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

    def is_doubtful(self) -> bool:
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
