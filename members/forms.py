"""Forms of members: turn input into clean values, or say how to fix it."""

from typing import Any

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError

from members.email_addresses import MAX_ADDRESS_LENGTH, normalize_address, validate_address
from members.models import Member
from members.normalize import normalize_organization_name
from members.text_fields import CleanFormField

CONFIRMATION_SALT = "members.forms.HoneypotForm"
# How long the page that asks for a second press may stay open.
CONFIRMATION_SECONDS = 24 * 60 * 60


class BaseForm(forms.Form):
    """A form without the browser's own checks: the server says what is missing, in its words."""

    use_required_attribute = False


class HoneypotForm(BaseForm):
    """A form for people, without a puzzle: `_honeypot.html` on its page holds an invisible field.

    Browsers fill in too much, and people can be fast, so nothing is refused: a form that looks as
    if a program had sent it comes back with what was entered, and asks for the press once more. A
    program that sends forms without reading the pages does not know the token that this needs.
    """

    def is_valid(self) -> bool:
        """Return whether the form has no errors and needs no second press."""
        return super().is_valid() and not self.needs_confirmation

    @property
    def needs_confirmation(self) -> bool:
        """Return whether all is right, but a program may have sent it, or it is doubtful."""
        if not self.is_bound or self.errors:
            return False
        is_doubtful = bool(self.data.get("website")) or self.is_doubtful()
        return is_doubtful and not self._is_confirmed()

    @property
    def confirmation_token(self) -> str:
        """The value that the page which asks for the second press sends along."""
        return signing.dumps("", salt=CONFIRMATION_SALT)

    def is_doubtful(self) -> bool:
        """Return whether something besides the honeypot asks for a second press."""
        return False

    def _is_confirmed(self) -> bool:
        token = self.data.get("confirmed", "")
        try:
            signing.loads(token, salt=CONFIRMATION_SALT, max_age=CONFIRMATION_SECONDS)
        except signing.BadSignature:
            return False
        return True


class WorkEmailField(forms.EmailField):
    """An email address, in lower case, with its domain in ASCII; surrounding spaces are dropped."""

    default_validators = [validate_address]

    def __init__(self, **kwargs: Any) -> None:
        message = "Enter your work email address, like name@hospital.org"
        kwargs.setdefault("label", "Work email")
        kwargs.setdefault("max_length", MAX_ADDRESS_LENGTH)
        kwargs["error_messages"] = {
            "required": message,
            "invalid": message,
            "max_length": f"Enter an email address with at most {MAX_ADDRESS_LENGTH} characters",
        }
        kwargs["widget"] = forms.EmailInput(
            attrs={"autocomplete": "email", "spellcheck": "false", "class": "width-40"}
        )
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> str:
        """Return the address as it is stored and compared; the validators refuse what is none."""
        return normalize_address(str(value or ""))


def name_field(**kwargs: Any) -> CleanFormField:
    """Return the field for the full name of a person."""
    return CleanFormField(
        label="Full name",
        max_length=120,
        error_messages={
            "required": "Enter your full name",
            "max_length": "Enter a name with at most 120 characters",
        },
        widget=forms.TextInput(
            attrs={"autocomplete": "name", "spellcheck": "false", "class": "width-30"}
        ),
        **kwargs,
    )


def job_title_field() -> CleanFormField:
    """Return the field for the job title of a person."""
    return CleanFormField(
        label="Job title",
        max_length=120,
        required=False,
        error_messages={"max_length": "Enter a job title with at most 120 characters"},
        widget=forms.TextInput(attrs={"autocomplete": "organization-title", "class": "width-30"}),
    )


class OrganizationNameField(CleanFormField):
    """The name of an organization as entered; its normalized form must not be empty."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", "Organization")
        kwargs.setdefault("max_length", 150)
        kwargs["error_messages"] = {
            "required": "Enter the name of your organization",
            "max_length": "Enter a name with at most 150 characters",
        }
        kwargs["widget"] = forms.TextInput(
            attrs={"autocomplete": "organization", "list": "organizations", "class": "width-40"}
        )
        super().__init__(**kwargs)

    def clean(self, value: Any) -> str:
        name = str(super().clean(value))
        if name and not normalize_organization_name(name):
            raise ValidationError("Enter the name of your organization, with letters or digits")
        return name


class SignInForm(HoneypotForm):
    email = WorkEmailField(help_text="We will send a code to this address")


class CodeForm(BaseForm):
    """The code from the email. Whether it is right, the view asks the verification."""

    code = forms.CharField(
        label="Code from the email",
        max_length=100,
        help_text="Six letters, like BCDFGH",
        error_messages={"required": "Enter the code from the email"},
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "class": "code-input",
            }
        ),
    )


class EmployerForm(BaseForm):
    """Where a person works whose address does not show it: a text with a list of suggestions."""

    organization = OrganizationNameField(
        label="Name of your organization",
        help_text="The hospital, school or partner you work for. Choose it from the list if it is "
        "suggested",
    )


class ProfileForm(BaseForm):
    """What members say about themselves; the organization only until it is confirmed."""

    full_name = name_field()
    job_title = job_title_field()
    organization = OrganizationNameField(
        help_text="You can change it until it is confirmed",
    )
    shares_email = forms.BooleanField(
        label="Show my email address to my teammates",
        required=False,
        help_text="If not, they see only your name, job title and organization",
    )
    theme = forms.ChoiceField(
        label="Colors",
        required=False,
        choices=[("", "Same as my device"), *Member.Theme.choices],
        error_messages={"invalid_choice": "Choose one of the colors listed"},
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, member: Member, **kwargs: Any) -> None:
        kwargs["initial"] = {
            "full_name": member.full_name,
            "job_title": member.job_title,
            "shares_email": member.shares_email,
            "theme": member.theme,
            "organization": member.organization.name if member.organization else "",
        }
        super().__init__(*args, **kwargs)
        if member.is_affiliation_confirmed:
            del self.fields["organization"]
        else:
            # Administrators may have none.
            self.fields["organization"].required = member.organization is not None


class DomainCheckForm(BaseForm):
    """A work address whose domain is looked up in the public list of organizations."""

    email = WorkEmailField(help_text="We check only the part after the @ and keep nothing")
