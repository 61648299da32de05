"""What we change in allauth: what it says, whom it tells, and the second step of signing in."""

from base64 import urlsafe_b64encode
from ipaddress import IPv4Address, ip_address
from typing import Any

import qrcode
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import generate_totp_secret
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import salted_hmac
from qrcode.constants import ERROR_CORRECT_L
from qrcode.image.svg import SvgPathImage

from members import services
from members.models import Member

TOO_MANY = "There were too many wrong codes. Wait five minutes, then try again"
# The unspecified address, which allauth.usersessions can store and nobody has.
UNKNOWN_ADDRESS = str(IPv4Address(0))
# What allauth reports by email, as we say it in the email, in the history and on the next page.
CHANGES = {
    "totp_activated": "An authenticator app was added",
    "totp_deactivated": "The authenticator app was removed",
    "webauthn_added": "A passkey was added",
    "webauthn_removed": "A passkey was removed",
    "recovery_codes_generated": "New recovery codes were made",
}


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {  # noqa: RUF012
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": TOO_MANY,
        "rate_limited": TOO_MANY,
    }

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the network address that the limits count by: the one our own proxies saw.

        A request that came past one of them, or names no address, counts as UNKNOWN_ADDRESS with
        all others of its kind. An IPv4 address that a proxy writes as IPv6 is that address, and
        not one of the /64 which all of them would share.
        """
        try:
            address = ip_address(super().get_client_ip(request).partition("%")[0])
        except (ImproperlyConfigured, PermissionDenied, ValueError):
            return UNKNOWN_ADDRESS
        return str(getattr(address, "ipv4_mapped", None) or address)

    def respond_user_inactive(self, request: HttpRequest, user: Member) -> HttpResponse:
        """Somebody whose account was closed while they signed in; allauth has a page of its own
        for that, at an address that we do not have."""
        return render(request, "members/account_inactive.html", status=403)

    def add_message(
        self, request: HttpRequest, level: int, message_template: str = "", *_: Any, **__: Any
    ) -> None:
        """Say what changed in the second step. Nothing else: “Successfully signed in as …”
        tells nobody anything new."""
        name = message_template.removeprefix("mfa/messages/").removesuffix(".txt")
        if name in CHANGES and name != "recovery_codes_generated":  # its page shows them
            messages.success(request, f"{CHANGES[name]}.")

    def send_notification_mail(
        self, template_prefix: str, user: Member, *_: Any, **__: Any
    ) -> None:
        """Tell people about a change of their second step, through our own queue."""
        services.note_second_factor(user, CHANGES[template_prefix.removeprefix("mfa/email/")])

    def login(self, request: HttpRequest, user: Member) -> None:
        """Sign in for good: every step is taken, the short life of a journey is over."""
        request.session.set_expiry(None)
        super().login(request, user)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """The ways to take the second step again: by passkey first where there is no app."""
        named = {
            "mfa_reauthenticate": "Enter a code instead",
            "mfa_reauthenticate:webauthn": "Use a passkey instead",
        }
        methods = [
            {**method, "description": named[method["id"]]}
            for method in super().get_reauthentication_methods(user)
        ]
        app = Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.TOTP)
        return methods if app.exists() else methods[::-1]


class SecondFactorAdapter(DefaultMFAAdapter):
    error_messages = {  # noqa: RUF012
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This did not work. Enter the newest code; each code works once",
        "cannot_generate_recovery_codes": "Set up an authenticator app or a passkey first",
    }

    def encrypt(self, text: str) -> str:
        """`text` as it is stored: a stolen database holds no key of anybody's phone."""
        return _boxes().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """The stored text. What another SECRET_KEY has locked becomes a key that nobody has."""
        try:
            return _boxes().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            return str(generate_totp_secret())

    def relock(self, encrypted_text: str) -> str:
        """The same, locked with today's SECRET_KEY. Raises InvalidToken when no key opens it."""
        return _boxes().rotate(encrypted_text.encode()).decode()

    def generate_authenticator_name(self, user: Member, type: str) -> str:  # noqa: A002  # allauth's
        """What a new passkey is called until its owner names it."""
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return f"Passkey {number}"

    def build_totp_svg(self, url: str) -> str:
        """The code of `url` for a camera. On a screen nothing of it is torn or dirty, so that
        the lowest error correction does, which makes the page 10 kB lighter."""
        code = qrcode.make(url, image_factory=SvgPathImage, error_correction=ERROR_CORRECT_L)
        return str(code.to_string(encoding="unicode"))

    def _get_site_name(self) -> str:
        return str(settings.SITE_NAME)


def _boxes() -> MultiFernet:
    """What locks with the SECRET_KEY, and opens with its predecessors too."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    hashed = [
        salted_hmac("members.auth.adapters", "", key, algorithm="sha256").digest() for key in keys
    ]
    return MultiFernet([Fernet(urlsafe_b64encode(digest)) for digest in hashed])
