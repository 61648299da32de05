"""The second step of signing in, as pages: allauth's views and forms with our words and ways.

An authenticator app works without JavaScript; a passkey needs it.
"""

import struct
from enum import Enum, auto
from textwrap import wrap
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from allauth.mfa.webauthn.internal.auth import get_credentials
from allauth.mfa.webauthn.views import AddWebAuthnView, ReauthenticateWebAuthnView
from cryptography.exceptions import InvalidSignature
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from members.forms import BaseForm
from members.models import Member

WANTED = "second_factor_wanted"  # in the session: the page at which the second step was missing
CODE_SECONDS = 90  # a code is taken in its half minute, the one before and the one after


LONGEST_CREDENTIAL = 20_000  # characters; those of security keys have up to some thousand
NO_PASSKEY = "The passkey did not work. Try again, or choose another way"
# What allauth and fido2 raise at an answer that no device has made.
MALFORMED = (
    AttributeError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
    struct.error,
    InvalidSignature,
)


class SecondStep(Enum):
    """How far someone who is signed in has come with the second step."""

    MISSING = auto()
    NOT_TAKEN = auto()
    TAKEN = auto()


def second_step_of(request: HttpRequest, member: Member) -> SecondStep:
    """Whether `member` has a second step, and has taken it in this session.

    One taken with a phone that was removed meanwhile does not count.
    """
    kept = dict(Authenticator.objects.filter(user=member).values_list("pk", "type"))
    if not {Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN} & set(kept.values()):
        return SecondStep.MISSING
    records = get_authentication_records(request, member)
    taken = {record.get("id") for record in records if record["method"] == "mfa"}
    return SecondStep.TAKEN if taken & kept.keys() else SecondStep.NOT_TAKEN


# Forms -------------------------------------------------------------------------------------


class _CodeForm(BaseForm):
    """A code that works once: allauth forgets a used one while its neighbours are still taken."""

    code = forms.CharField(
        label="Code",
        max_length=100,
        help_text="Six digits from your authenticator app, or one of your recovery codes",
        error_messages={"required": "Enter the code from your authenticator app"},
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "spellcheck": "false",
                "class": "code-input",
            }
        ),
    )

    def clean_code(self) -> str:
        """The typed code, if it is right and new. Counts the try."""
        code: str = super().clean_code()  # type: ignore[misc]  # of the form beside this one
        digits = "".join(filter(str.isalnum, code))
        if not cache.add(f"second-step:{self.user.pk}:{digits}", 1, CODE_SECONDS):  # type: ignore[attr-defined]
            raise get_adapter().validation_error("incorrect_code")
        return code


class SignInCodeForm(_CodeForm, AuthenticateForm):
    pass


class ConfirmCodeForm(_CodeForm, ReauthenticateForm):
    pass


class AppCodeForm(_CodeForm, ActivateTOTPForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = "Code from the app"
        self.fields["code"].help_text = "Six digits; the app shows new ones twice a minute"


class CredentialField(forms.JSONField):
    """What a browser says of a passkey; some hundred characters, in any case."""

    def __init__(self) -> None:
        super().__init__(widget=forms.HiddenInput)

    def to_python(self, value: Any) -> Any:
        """The same as data. Refuses what no browser sends, and what would take long to read."""
        try:
            if len(str(value)) <= LONGEST_CREDENTIAL:
                return super().to_python(value)
        except (ValueError, RecursionError):  # as numbers of thousands of digits raise
            pass
        raise ValidationError(NO_PASSKEY)

    def bound_data(self, data: Any, initial: Any) -> str:
        """Nothing: a refused one is not shown again, the browser makes another."""
        return InvalidJSONInput("")


class PasskeyForm(AddWebAuthnForm):
    use_required_attribute = False
    credential = CredentialField()
    name = forms.CharField(
        label="Name of the passkey",
        max_length=60,
        required=False,
        help_text="So that you can tell yours apart, like “work laptop”",
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "width-20"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["credential"].error_messages["required"] = (
            "Your browser has made no passkey. Press “Make the passkey”; it needs JavaScript"
        )

    def clean(self) -> dict[str, Any]:
        """The passkey as the device has made it; anything else is refused, not an error."""
        try:
            cleaned: dict[str, Any] = super().clean()
        except (ValidationError, *MALFORMED):
            raise ValidationError(NO_PASSKEY) from None
        return cleaned


class SignInPasskeyForm(AuthenticateWebAuthnForm):
    credential = CredentialField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["credential"].error_messages["required"] = NO_PASSKEY

    def clean_credential(self) -> Authenticator:
        """The passkey whose signature is right. Counts the try."""
        try:
            return super().clean_credential()
        except (ValidationError, *MALFORMED) as problem:
            if getattr(problem, "code", "") == "too_many_login_attempts":
                raise
            raise ValidationError(NO_PASSKEY) from None


class ConfirmPasskeyForm(SignInPasskeyForm, ReauthenticateWebAuthnForm):
    pass


class PasskeyNameForm(EditWebAuthnForm):
    use_required_attribute = False
    name = forms.CharField(
        label="Name of the passkey",
        max_length=60,
        error_messages={"required": "Enter a name for the passkey"},
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "width-20"}),
    )


# Views -------------------------------------------------------------------------------------


def _just_proved(request: HttpRequest, kind: str) -> None:
    """Setting up the newest authenticator of `kind` has proven it: do not ask for it at once."""
    newest = Authenticator.objects.filter(user_id=request.user.pk, type=kind).latest("pk")
    post_authentication(request, newest, reauthenticated=True)


def _has_damaged_passkey(member: Member) -> bool:
    """Whether a stored passkey of `member` cannot be read, which allauth takes for granted."""
    try:
        get_credentials(member)
    except (ValidationError, *MALFORMED):
        return True
    return False


class ReadablePasskeys:
    """In front of the pages that read all of somebody's passkeys."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page; whose passkeys cannot be read is told who can help."""
        if isinstance(request.user, Member) and _has_damaged_passkey(request.user):
            messages.error(
                request,
                "A passkey that we keep for you is damaged. Remove it, or write to "
                f"{settings.CONTACT_EMAIL}: we remove it.",
            )
            return redirect("mfa_index")
        answer: HttpResponse = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        return answer


class SignInSecondStep(AuthenticateView):
    """After the code from the email: the second step of whoever has one."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        member = self.stage.login.user
        kinds = set(Authenticator.objects.filter(user=member).values_list("type", flat=True))
        if _has_damaged_passkey(member):  # the other ways are still open
            self.webauthn_form = None
            kinds.discard(Authenticator.Type.WEBAUTHN)
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return {"webauthn_form": None, "js_data": None, **context, "kinds": kinds}


class SetUpApp(ActivateTOTPView):
    """Set up an authenticator app; the recovery codes come next."""

    def form_valid(self, form: forms.Form) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        _just_proved(self.request, Authenticator.Type.TOTP)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return {**context, "key": " ".join(wrap(context["form"].secret, 4))}


class SetUpPasskey(ReadablePasskeys, AddWebAuthnView):
    """Make a passkey; with the first one the recovery codes come next."""

    def form_valid(self, form: forms.Form) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        _just_proved(self.request, Authenticator.Type.WEBAUTHN)
        return response


class ConfirmByPasskey(ReadablePasskeys, ReauthenticateWebAuthnView):
    """Take the second step again with a passkey; says on the page itself what went wrong."""

    def form_invalid(self, form: forms.Form) -> HttpResponse:
        problems = list(form.errors.get("credential", ()))
        answer: HttpResponse = self.render_to_response(
            {**self.get_context_data(), "problems": problems}
        )
        return answer
