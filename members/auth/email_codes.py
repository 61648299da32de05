"""Verifying an email address by a code: the one way to join and to sign in.

Nothing here asks whether the address is known before the code was right, so that a stranger sees
the same page, after the same work, with the same email, whatever address is entered.
"""

import re
import time
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Any, Self

from allauth.account.models import EmailAddress
from allauth.account.utils import perform_login
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, get_random_string

from members import emails
from members.auth.allauth_internals import ratelimit, record_authentication, unstash_login
from members.auth.rate_limits import count_or_raise, rate_limited
from members.forms import CodeForm
from members.models import Member

# RFC 8628, 6.1: letters that make no words and are not mistaken for each other.
CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
CODE_LENGTH = 6
MAX_CODE_TRIES = 5
# A form whose address was never verified is forgotten after a day.
PENDING_FORM_SECONDS = 24 * 60 * 60
# For this long a verified address needs no second code in the same browser.
VERIFIED_EMAIL_SECONDS = 30 * 60
VERIFIED_EMAIL_SESSION_KEY = "verified_email"


class Purpose(StrEnum):
    """What an address is verified for; a browser can be at both at once."""

    JOIN = "join"
    SIGN_IN = "sign_in"


class CodeResult(Enum):
    """What came of an entered code, with what the person is told."""

    CORRECT = ""
    WRONG = "This is not the code we sent. Check the newest email, or send a new code"
    EXPIRED = "This code is too old. Send a new code; what you entered before is kept"
    TOO_MANY_TRIES = (
        "The code was wrong too often and no longer works. "
        "Send a new code; what you entered before is kept"
    )


class EmailVerification:
    """A code that was sent to an address, and the form that waits for it, kept in the session.

    The form survives wrong, expired and renewed codes: nothing that was entered is lost.
    """

    def __init__(self, request: HttpRequest, purpose: Purpose, state: dict[str, Any]) -> None:
        self.request = request
        self.purpose = purpose
        self.state = state

    @classmethod
    def begin(
        cls, request: HttpRequest, purpose: Purpose, email: str, pending_form: dict[str, Any]
    ) -> Self:
        """Keep `pending_form` for `email`, send the first code, and return the verification.

        Raises TooManyRequestsError when the address or the network address had too many codes;
        the form is kept all the same.
        """
        state = {"email": email, "pending_form": pending_form, "code": ""}
        verification = cls(request, purpose, state)
        request.session.set_expiry(PENDING_FORM_SECONDS)
        verification._save()
        verification.send_code()
        return verification

    @classmethod
    def resume(cls, request: HttpRequest, purpose: Purpose) -> Self | None:
        """Return the verification that this browser has begun for `purpose`, or None."""
        state = request.session.get(_session_key(purpose))
        return cls(request, purpose, state) if state else None

    @property
    def email(self) -> str:
        """The address that the code goes to."""
        return str(self.state["email"])

    @property
    def pending_form(self) -> dict[str, Any]:
        """The values that were entered when the code was asked for."""
        pending_form: dict[str, Any] = self.state["pending_form"]
        return pending_form

    def send_code(self) -> None:
        """Send a new code, which replaces the one before. Raises TooManyRequestsError."""
        with (
            rate_limited(self.request, "code", key=self._rate_key()),
            rate_limited(self.request, "code_of_address", key=self.email),
        ):
            sent_at = time.time()
            code = get_random_string(CODE_LENGTH, CODE_ALPHABET)
            self.state |= {"code": code, "sent_at": sent_at, "wrong_tries": 0}
            self._save()
            expires_at = datetime.fromtimestamp(sent_at + self._code_seconds(), UTC)
            emails.address_code(self.email, code, expires_at)

    def check_code(self, entered: str) -> CodeResult:
        """Return whether `entered` is the code, and count the try.

        Case, spaces and punctuation do not matter. Tries are counted in the session and, over
        every session of this network, for the address: raises TooManyRequestsError when there
        were too many.
        """
        if not self.state["code"]:
            return CodeResult.TOO_MANY_TRIES
        if time.time() - self.state["sent_at"] > self._code_seconds():
            return CodeResult.EXPIRED
        count_or_raise(self.request, "code_try", key=self._rate_key())
        if constant_time_compare(_normalize_code(entered), self.state["code"]):
            return CodeResult.CORRECT
        self.state["wrong_tries"] += 1
        if self.state["wrong_tries"] >= MAX_CODE_TRIES:
            self.state["code"] = ""
        self._save()
        return CodeResult.WRONG if self.state["code"] else CodeResult.TOO_MANY_TRIES

    def accept_code(self, form: CodeForm) -> bool:
        """Return whether the code in the valid `form` is right; if so, the verification is over.

        Counts the try as `check_code` does. What is wrong becomes an error of the form.
        """
        result = self.check_code(form.cleaned_data["code"])
        if result is not CodeResult.CORRECT:
            form.add_error("code", result.value)
            return False
        self.request.session.pop(_session_key(self.purpose), None)
        remember_verified(self.request, self.email)
        return True

    def _save(self) -> None:
        self.request.session[_session_key(self.purpose)] = self.state

    def _rate_key(self) -> str:
        """Return the key of the limits: the address as this network asks for it."""
        return f"{self.email} from {ratelimit.get_ip(self.request)}"

    @staticmethod
    def _code_seconds() -> int:
        return int(settings.CODE_MINUTES) * 60


def _session_key(purpose: Purpose) -> str:
    return f"email_verification_to_{purpose}"


def _normalize_code(entered: str) -> str:
    return re.sub(r"[\W_]", "", entered).upper()


def remember_verified(
    request: HttpRequest, email: str, details: dict[str, str] | None = None
) -> None:
    """Let `email` count as verified in this browser for VERIFIED_EMAIL_SECONDS.

    `details` come from a sign-in service that has verified the address: the join form begins with
    them, and its address cannot be changed.
    """
    verified = {"email": email, "at": time.time(), "details": details}
    request.session[VERIFIED_EMAIL_SESSION_KEY] = verified


def details_from_provider(request: HttpRequest) -> dict[str, str]:
    """Return what the join form begins with after a sign-in service has verified the address;
    else an empty dictionary."""
    email = verified_email_of(request)
    details = request.session[VERIFIED_EMAIL_SESSION_KEY]["details"] if email else None
    return {} if details is None else {**details, "email": email}


def verified_email_of(request: HttpRequest) -> str:
    """Return the address that was just verified in this browser, or ""."""
    verified = request.session.get(VERIFIED_EMAIL_SESSION_KEY)
    if not verified or time.time() - verified["at"] > VERIFIED_EMAIL_SECONDS:
        return ""
    return str(verified["email"])


def is_verified(request: HttpRequest, email: str) -> bool:
    """Return whether `email` was just verified in this browser."""
    return bool(email) and verified_email_of(request) == email


def sign_in(
    request: HttpRequest, member: Member, redirect_to: str, *, method: str = "code"
) -> HttpResponse:
    """Sign in `member`, whose address was just verified, and return the redirect to `redirect_to`.

    A member with a second factor is sent to it first, and is not signed in before.
    """
    pending_login = unstash_login(request, peek=True)
    if pending_login and pending_login.user != member:
        # Another person stopped at the second factor in this browser.
        request.session.flush()
    EmailAddress.objects.update_or_create(
        user=member, email=member.email, defaults={"verified": True, "primary": True}
    )
    record_authentication(request, member, method=method, email=member.email)
    request.session.pop(VERIFIED_EMAIL_SESSION_KEY, None)
    response: HttpResponse = perform_login(
        request, member, redirect_url=redirect_to, email=member.email
    )
    return response
