"""What the portal changes in allauth: its messages and emails, and how it stores second factors."""

import secrets
from base64 import b32encode, urlsafe_b64encode
from ipaddress import IPv4Address, ip_address
from typing import Any

import qrcode
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import salted_hmac
from qrcode.constants import ERROR_CORRECT_L
from qrcode.image.svg import SvgPathImage

from members import services
from members.auth.account_pages import account_inactive
from members.auth.email_codes import has_moved_meanwhile
from members.auth.known_browsers import remember_browser
from members.auth.session_middleware import remember_landing
from members.models import Member
from members.site_identity import site_identity

TOO_MANY_TRIES_MESSAGE = "There were too many wrong codes. Wait five minutes, then try again"
# The unspecified address, which allauth.usersessions can store and nobody has.
UNKNOWN_ADDRESS = str(IPv4Address(0))
# By the names of allauth's templates: what our email, the history and the next page say.
SECOND_FACTOR_CHANGES = {
    "totp_activated": "An authenticator app was added",
    "totp_deactivated": "The authenticator app was removed",
    "webauthn_added": "A passkey was added",
    "webauthn_removed": "A passkey was removed",
    "recovery_codes_generated": "New recovery codes were made",
}


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {  # noqa: RUF012
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": TOO_MANY_TRIES_MESSAGE,
        "rate_limited": TOO_MANY_TRIES_MESSAGE,
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
        """Return our page for an account that was closed, or put on hold, during the sign-in;
        allauth would redirect to an address that the portal does not have."""
        return account_inactive(request, user)

    def add_message(
        self, request: HttpRequest, level: int, message_template: str = "", *_: Any, **__: Any
    ) -> None:
        """Say what changed in the second factor, and nothing else: “Successfully signed in as …”
        is no news."""
        name = message_template.removeprefix("mfa/messages/").removesuffix(".txt")
        # The page after "recovery_codes_generated" shows them itself.
        if name in SECOND_FACTOR_CHANGES and name != "recovery_codes_generated":
            messages.success(request, f"{SECOND_FACTOR_CHANGES[name]}.")

    def send_notification_mail(
        self, template_prefix: str, user: Member, *_: Any, **__: Any
    ) -> None:
        """Note a change of the second factor, and queue our own email about it."""
        change = SECOND_FACTOR_CHANGES[template_prefix.removeprefix("mfa/email/")]
        services.note_second_factor(user, change)

    def login(self, request: HttpRequest, user: Member) -> None:
        """Sign in after the last step; the session no longer ends as a visitor's does. Refuse an
        account that was closed, put on hold or moved while the second factor was missing."""
        if not user.is_active:
            raise ImmediateHttpResponse(account_inactive(request, user))
        if has_moved_meanwhile(request, user):
            messages.warning(request, "The address of this account has changed. Sign in again.")
            raise ImmediateHttpResponse(redirect("account_login"))
        request.session.set_expiry(None)
        super().login(request, user)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Return where a member lands who has asked for no page: staff at the desk."""
        is_staff = isinstance(request.user, Member) and request.user.is_staff
        return reverse("admin:index" if is_staff else "my_teams")

    def post_login(self, request: HttpRequest, user: Member, **kwargs: Any) -> HttpResponse:
        """Return the redirect after the sign-in; let a second press lead there as well, and the
        browser know the address."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        remember_landing(request, response.headers["Location"])
        remember_browser(request, response, user.email)
        return response

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Return the ways to use the second factor again, by passkey first without an app."""
        descriptions = {
            "mfa_reauthenticate": "Enter a code instead",
            "mfa_reauthenticate:webauthn": "Use a passkey instead",
        }
        methods = [
            {**method, "description": descriptions[method["id"]]}
            for method in super().get_reauthentication_methods(user)
        ]
        apps = Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.TOTP)
        return methods if apps.exists() else methods[::-1]


class SecondFactorAdapter(DefaultMFAAdapter):
    error_messages = {  # noqa: RUF012
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This did not work. Enter the newest code; each code works once",
        "cannot_generate_recovery_codes": "Set up an authenticator app or a passkey first",
    }

    def encrypt(self, text: str) -> str:
        """Return `text` as it is stored: a stolen database holds no key of an app."""
        return _fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the stored text; one of another SECRET_KEY becomes a key that nobody has."""
        try:
            return _fernet().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            return b32encode(secrets.token_bytes(20)).decode()

    def reencrypt(self, encrypted_text: str) -> str:
        """Return the text encrypted with today's SECRET_KEY. Raises InvalidToken when no key
        decrypts it."""
        return _fernet().rotate(encrypted_text.encode()).decode()

    def generate_authenticator_name(self, user: Member, type: str) -> str:  # noqa: A002  # allauth's
        """Return the name of a new passkey until its owner gives one."""
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return f"Passkey {number}"

    def build_totp_svg(self, url: str) -> str:
        """Return the QR code of `url`. On a screen nothing of it is torn or dirty: the lowest error
        correction is enough, and makes the page 10 kB smaller."""
        code = qrcode.make(url, image_factory=SvgPathImage, error_correction=ERROR_CORRECT_L)
        return str(code.to_string(encoding="unicode"))

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return the portal as devices show it beside a passkey."""
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return {**entity, "name": site_identity().name}

    def get_totp_issuer(self) -> str:
        """Return the portal as authenticator apps show it above the codes."""
        return site_identity().name


def _fernet() -> MultiFernet:
    """Return what encrypts with SECRET_KEY, and decrypts with its predecessors too."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [
        salted_hmac("members.auth.adapters", "", key, algorithm="sha256").digest() for key in keys
    ]
    return MultiFernet([Fernet(urlsafe_b64encode(digest)) for digest in digests])
