"""The second factor, as pages: allauth's views and forms with our words and ways.

An authenticator app works without JavaScript; a passkey needs it. Validating one of the forms
changes nothing and counts nothing: `verify`, which the view calls once, asks allauth.
"""

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from textwrap import wrap
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.base.views import AuthenticateView, ReauthenticateView
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from allauth.mfa.webauthn.views import (
    AddWebAuthnView,
    LoginWebAuthnView,
    ReauthenticateWebAuthnView,
)
from cryptography.exceptions import InvalidSignature
from django import forms
from django.contrib import messages
from django.core.cache import cache
from django.core.exceptions import BadRequest, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

from members.auth.allauth_internals import post_authentication
from members.auth.email_codes import forget_other_person
from members.auth.rate_limits import count_or_raise
from members.forms import BaseForm
from members.models import Member
from members.text_fields import CleanFormField

# In the session: the page at which the second factor was missing.
NEXT_PAGE_SESSION_KEY = "second_factor_next_page"
# A code is accepted in its half minute, the one before and the one after.
TOTP_LIFETIME_SECONDS = 90
PASSKEY_FAILED = "The passkey did not work. Try again, or choose another way"
# What allauth and fido2 raise at a credential that no device has made.
MALFORMED_CREDENTIAL_ERRORS = (
    AttributeError,
    IndexError,
    InvalidSignature,
    KeyError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


class SecondFactorState(Enum):
    """How far a member who is signed in has come with the second factor."""

    NOT_SET_UP = auto()
    NOT_VERIFIED = auto()
    VERIFIED = auto()


def second_factor_state(request: HttpRequest, member: Member) -> SecondFactorState:
    """Return whether `member` has a second factor, and has used it in this session.

    One that was verified with an authenticator that was removed meanwhile does not count.
    """
    types = dict(Authenticator.objects.filter(user=member).values_list("pk", "type"))
    if not {Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN} & set(types.values()):
        return SecondFactorState.NOT_SET_UP
    records = get_authentication_records(request, member)
    verified = {record.get("id") for record in records if record["method"] == "mfa"}
    if verified & types.keys():
        return SecondFactorState.VERIFIED
    return SecondFactorState.NOT_VERIFIED


# Forms: codes ------------------------------------------------------------------------------


class _CodeForm(BaseForm):
    """Stands before one of allauth's forms, whose `clean_code` asks and counts."""

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
        """Return the entered code; whether it is right, only `verify` asks."""
        return str(self.cleaned_data["code"])

    def verify(self) -> bool:
        """Return whether the code is right and new, and count the try; else add the error.

        allauth forgets that a code was used while those of the half minutes beside it are still
        accepted, so used ones are remembered here for as long.
        """
        try:
            code: str = super().clean_code()  # type: ignore[misc]  # of allauth's form behind this one
            digits = "".join(filter(str.isalnum, code))
            used_key = f"second-factor-code:{self.user.pk}:{digits}"  # type: ignore[attr-defined]  # likewise
            if not cache.add(used_key, 1, TOTP_LIFETIME_SECONDS):
                raise get_adapter().validation_error("incorrect_code")
        except ValidationError as error:
            self.add_error("code", error)
            return False
        return True


class SignInCodeForm(_CodeForm, AuthenticateForm):
    pass


class ConfirmCodeForm(_CodeForm, ReauthenticateForm):
    pass


class AppCodeForm(_CodeForm, ActivateTOTPForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = "Code from the app"
        self.fields["code"].help_text = "Six digits; the app shows new ones twice a minute"


# Forms: passkeys ---------------------------------------------------------------------------


@contextmanager
def _refuse_malformed_credential() -> Iterator[None]:
    """Turn what is raised at a credential that no device has made into a 400.

    A passkey that is not the right one is no such case: allauth raises ValidationError.
    """
    try:
        yield
    except MALFORMED_CREDENTIAL_ERRORS as error:
        raise BadRequest("Malformed passkey credential") from error


class PasskeyForm(AddWebAuthnForm):
    use_required_attribute = False
    credential = forms.CharField(
        widget=forms.HiddenInput,
        error_messages={
            "required": "Your browser has made no passkey. "
            "Press “Create the passkey”; it needs JavaScript"
        },
    )
    name = CleanFormField(
        label="Name of the passkey",
        max_length=60,
        required=False,
        help_text="Such as “work laptop”, to tell them apart",
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "width-20"}),
    )
    passwordless = forms.BooleanField(
        label="Sign in with this passkey alone, without a code from an email",
        required=False,
        initial=True,
        help_text="Clear this box if your security key has no PIN and no fingerprint reader",
    )

    def clean(self) -> dict[str, Any]:
        """Return what was entered; whether a device has made the passkey, only `verify` asks."""
        return dict(self.cleaned_data)

    def verify(self) -> bool:
        """Return whether a device has made the passkey for this session; else add the error.

        Raises BadRequest for a credential that no device has made.
        """
        with _refuse_malformed_credential():
            self.cleaned_data["credential"] = json.loads(self.cleaned_data["credential"])
            RegistrationResponse.from_dict(self.cleaned_data["credential"])
            try:
                super().clean()
            except ValidationError:
                self.add_error(None, PASSKEY_FAILED)
                return False
        return True


class SignInPasskeyForm(AuthenticateWebAuthnForm):
    credential = forms.CharField(
        widget=forms.HiddenInput, error_messages={"required": PASSKEY_FAILED}
    )

    def clean_credential(self) -> str:
        """Return what the browser sent; whether it is right, only `verify` asks."""
        return str(self.cleaned_data["credential"])

    def verify(self) -> bool:
        """Return whether the signature is that of a passkey of the member, and count the try;
        else add the error.

        Raises BadRequest for a credential that no device has made.
        """
        with _refuse_malformed_credential():
            self.cleaned_data["credential"] = json.loads(self.cleaned_data["credential"])
            AuthenticationResponse.from_dict(self.cleaned_data["credential"])
            try:
                self.cleaned_data["credential"] = super().clean_credential()
            except ValidationError as error:
                is_rate_limited = error.code == "too_many_login_attempts"
                self.add_error("credential", error if is_rate_limited else PASSKEY_FAILED)
                return False
        return True


class ConfirmPasskeyForm(SignInPasskeyForm, ReauthenticateWebAuthnForm):
    pass


class PasskeyAloneForm(SignInPasskeyForm, LoginWebAuthnForm):
    """The passkey of anyone, who is known by it; it counts as the code and the second factor."""

    def verify(self) -> bool:
        """Return whether the signature is that of a passkey, made after the device had verified the
        person by fingerprint, face or PIN; else add the error.

        The session may hold a challenge of the second factor, which asks for a touch only.
        Raises BadRequest for a credential that no device has made.
        """
        with _refuse_malformed_credential():
            credential = json.loads(self.cleaned_data["credential"])
            signed = AuthenticationResponse.from_dict(credential).response.authenticator_data
        if not signed.is_user_verified():
            self.add_error("credential", PASSKEY_FAILED)
            return False
        return super().verify()


class PasskeyNameForm(EditWebAuthnForm):
    use_required_attribute = False
    name = CleanFormField(
        label="Name of the passkey",
        max_length=60,
        error_messages={"required": "Enter a name for the passkey"},
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "width-20"}),
    )


# Views -------------------------------------------------------------------------------------


class _VerifyingView:
    """Stands before one of allauth's views: a valid form is verified before it counts."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Go on with a form that is verified, and show one that is not again."""
        if form.verify():
            return self.form_verified(form)
        response: HttpResponse = self.form_invalid(form)  # type: ignore[attr-defined]  # of allauth's view
        return response

    def form_verified(self, form: Any) -> HttpResponse:
        """Do what allauth does with a valid form."""
        response: HttpResponse = super().form_valid(form)  # type: ignore[misc]  # of allauth's view
        return response


class _SetUpView(_VerifyingView):
    """Sets an authenticator up; what was just set up need not be verified once more."""

    request: HttpRequest
    authenticator_type: Authenticator.Type

    def form_verified(self, form: Any) -> HttpResponse:
        response = super().form_verified(form)
        of_type = Authenticator.objects.filter(
            user_id=self.request.user.pk, type=self.authenticator_type
        )
        post_authentication(self.request, of_type.latest("pk"), reauthenticated=True)
        return response


class SignInByPasskey(_VerifyingView, LoginWebAuthnView):
    """Sign in by a passkey alone. The page asks for no address, so it names nobody."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the challenge for the page's script, and keep it in the session."""
        count_or_raise(request, "passkey")
        response: HttpResponse = super().get(request, *args, **kwargs)
        return response

    def _redirect_to_pending_stage(self, *_: Any) -> None:
        """Let the passkey count although another person stopped at the second factor in this
        browser. allauth, which has no public way to say so, would lead there."""

    def form_verified(self, form: PasskeyAloneForm) -> HttpResponse:
        forget_other_person(self.request, form.cleaned_data["credential"].user)
        return super().form_verified(form)

    def form_invalid(self, form: PasskeyAloneForm) -> HttpResponse:
        """Redirect to the page of the button, where the code is the other way."""
        messages.error(self.request, f"{PASSKEY_FAILED}.")
        return redirect(f"{reverse('account_login')}?{self.request.GET.urlencode()}")


class SignInSecondFactor(_VerifyingView, AuthenticateView):
    """After the code from the email: the second factor of a member who has one."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        authenticators = Authenticator.objects.filter(user=self.stage.login.user)
        types = set(authenticators.values_list("type", flat=True))
        return {**super().get_context_data(**kwargs), "authenticator_types": types}


class ConfirmByCode(_VerifyingView, ReauthenticateView):
    """The second factor once more, by a code."""


class ConfirmByPasskey(_VerifyingView, ReauthenticateWebAuthnView):
    """The second factor once more, by a passkey; the page itself says what went wrong."""

    def form_invalid(self, form: forms.Form) -> HttpResponse:
        context = {**self.get_context_data(), "problems": form.errors.get("credential", [])}
        response: HttpResponse = self.render_to_response(context)
        return response


class SetUpApp(_SetUpView, ActivateTOTPView):
    """Set up an authenticator app; the recovery codes come next."""

    authenticator_type = Authenticator.Type.TOTP

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return {**context, "key": " ".join(wrap(context["form"].secret, 4))}


class SetUpPasskey(_SetUpView, AddWebAuthnView):
    """Make a passkey; with the first one the recovery codes come next."""

    authenticator_type = Authenticator.Type.WEBAUTHN
