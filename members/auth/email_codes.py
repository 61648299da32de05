"""Verifying an email address by a code: the one way to join and to sign in.

Nothing here depends on whether the address is known before the code was right, so that a stranger
sees the same page, after the same work, whatever address is entered.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto
from functools import cached_property
from typing import Any, Self

from allauth.account.authentication import get_authentication_records
from allauth.account.models import EmailAddress
from allauth.account.utils import perform_login
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, get_random_string, salted_hmac

from members import emails
from members.auth.allauth_internals import record_authentication, unstash_login
from members.auth.code_limits import CodeLimits
from members.email_domains import email_domain, has_known_ending
from members.forms import CodeForm
from members.models import MAX_CODE_TRIES, EmailDomain, Member, SentCode, SentCodeQuerySet
from members.services import settle_by_code

# RFC 8628, 6.1: letters that make no words and are not mistaken for each other.
CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
CODE_LENGTH = 6
# For this long a verified address needs no second code in the same browser.
VERIFIED_EMAIL_SECONDS = 30 * 60
VERIFIED_EMAIL_SESSION_KEY = "verified_email"


class Purpose(StrEnum):
    """What an address is verified for; a browser can be at several at once."""

    JOIN = "join"
    SIGN_IN = "sign_in"
    # A member who is signed in; one who has lost the old mailbox.
    MOVE = "move"
    RECOVER = "recover"
    # A visitor who comes to a public meeting.
    MEETING = "meeting"


class CodeResult(Enum):
    """What came of an entered code."""

    CORRECT = auto()
    WRONG = auto()
    EXPIRED = auto()
    TOO_MANY_TRIES = auto()
    # By another press of the same button.
    ALREADY_USED = auto()


# What the person reads.
CODE_PROBLEMS = {
    CodeResult.WRONG: "This is not the code we sent. Check the newest email, or send a new code",
    CodeResult.EXPIRED: "This code is too old. Send a new code; what you entered before is kept",
    CodeResult.TOO_MANY_TRIES: "The code was wrong too often and no longer works. "
    "Send a new code; what you entered before is kept",
}


class EmailVerification:
    """A code that was sent to an address, and the form that waits for it, kept in the session.

    The form survives wrong, expired and renewed codes: nothing that was entered is lost. The code
    has a row of its own (`SentCode`), so that tries are counted exactly.
    """

    def __init__(self, request: HttpRequest, purpose: Purpose, state: dict[str, Any]) -> None:
        self.request = request
        self.purpose = purpose
        self.state = state

    @classmethod
    def begin(
        cls, request: HttpRequest, purpose: Purpose, email: str, pending_form: dict[str, Any]
    ) -> Self:
        """Send the first code to `email`, keep `pending_form` for it, and return the verification.

        Raises TooManyRequestsError when the address or the network address had too many codes;
        then nothing is kept, or a stranger could fill the database.
        """
        state = {"email": email, "pending_form": pending_form}
        verification = cls(request, purpose, state)
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
    def expires_at(self) -> datetime | None:
        """Until when the newest code works, or worked; None once it is used."""
        return self._sent_code().values_list("expires_at", flat=True).first()

    @property
    def pending_form(self) -> dict[str, Any]:
        """The values that were entered when the code was asked for."""
        pending_form: dict[str, Any] = self.state["pending_form"]
        return pending_form

    @cached_property
    def suggested_email(self) -> str:
        """The address that was probably meant; empty where the domain may well be right."""
        meant: str = EmailDomain.objects.address_probably_meant_by(self.email)
        return meant

    @property
    def unknown_ending(self) -> str:
        """What the address ends with, where no domain ends so; else empty."""
        domain = email_domain(self.email)
        return "" if has_known_ending(domain) else domain.rpartition(".")[2]

    def accept_suggestion(self) -> Self:
        """Send a code to the suggested address instead, for the same form; return the verification
        of that one, or this one without a suggestion. Raises TooManyRequestsError."""
        if not self.suggested_email:
            return self
        return self.begin(self.request, self.purpose, self.suggested_email, self.pending_form)

    def send_code(self) -> None:
        """Send a new code, which replaces the one before. Raises TooManyRequestsError."""
        limits = CodeLimits(self.request, self.email)
        if self.purpose is not Purpose.SIGN_IN:
            limits.raise_if_newcomers_wait()
        with limits.counted(), transaction.atomic():
            code = get_random_string(CODE_LENGTH, CODE_ALPHABET)
            expires_at = timezone.now() + timedelta(minutes=settings.CODE_MINUTES)
            sent = SentCode.objects.create(
                digest=self._digest(code),
                expires_at=expires_at,
                is_recognized=limits.is_recognized,
            )
            with transaction.atomic():
                emails.address_code(self.email, code, expires_at)
                # Taken back afterwards: as much work as for a code that is sent.
                transaction.set_rollback(not limits.may_be_sent())
        self.state["code"] = sent.pk
        self.request.session[_session_key(self.purpose)] = self.state

    def check_code(self, entered: str) -> CodeResult:
        """Return whether `entered` is the code, and count the try.

        Case, spaces and punctuation do not matter. Tries are counted for the code, before it is
        compared, and over every code of this network for the address: raises TooManyRequestsError
        when there were too many.
        """
        CodeLimits(self.request, self.email).count_try()
        is_counted = self._sent_code().count_try()
        sent = self._sent_code().first()
        if sent is None:
            return CodeResult.ALREADY_USED
        if sent.expires_at <= timezone.now():
            return CodeResult.EXPIRED
        if is_counted and constant_time_compare(self._digest(entered), sent.digest):
            return CodeResult.CORRECT
        is_over = sent.tries >= MAX_CODE_TRIES
        return CodeResult.TOO_MANY_TRIES if is_over else CodeResult.WRONG

    @contextmanager
    def accept_code(self, form: CodeForm) -> Iterator[CodeResult]:
        """Yield what came of the code in the valid `form`; a problem becomes an error of the form.

        A correct code is used up in one transaction with what is done inside; where that fails,
        the code still works. Of several requests with it one gets CORRECT; the others wait for
        what it does, get ALREADY_USED, and must change nothing. Counts the try as `check_code`
        does.
        """
        result = self.check_code(form.cleaned_data["code"])
        if result in CODE_PROBLEMS:
            form.add_error("code", CODE_PROBLEMS[result])
        if result is not CodeResult.CORRECT:
            yield result
            return
        expires_at = self.expires_at
        with transaction.atomic():
            if self._sent_code().use():
                self.request.session.pop(_session_key(self.purpose), None)
                remember_verified(self.request, self.email)
                yield CodeResult.CORRECT
            else:
                yield CodeResult.ALREADY_USED
        if expires_at:
            settle_by_code(self.email, expires_at - timedelta(minutes=settings.CODE_MINUTES))

    def _sent_code(self) -> SentCodeQuerySet:
        return SentCode.objects.filter(pk=self.state["code"])

    def _digest(self, code: str) -> str:
        """Return what is stored of `code`: with it alone, nobody learns the code."""
        value = f"{self.email} {_normalize_code(code)}"
        return salted_hmac("members.auth.email_codes", value, algorithm="sha256").hexdigest()


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


def is_second_step_pending(request: HttpRequest) -> bool:
    """Return whether a member has verified the address in this browser, and is not signed in before
    the second factor."""
    return bool(unstash_login(request, peek=True))


def has_moved_meanwhile(request: HttpRequest, member: Member) -> bool:
    """Return whether `member`, who ends signing in, has another address now than the one that
    was verified in this browser."""
    records = get_authentication_records(request, member)
    verified = [record["email"] for record in records if "email" in record]
    return bool(verified) and verified[-1] != member.email


def forget_other_person(request: HttpRequest, member: Member) -> None:
    """Empty the session where another person than `member` stopped at the second factor."""
    pending_login = unstash_login(request, peek=True)
    if pending_login and pending_login.user != member:
        request.session.flush()


def sign_in(
    request: HttpRequest, member: Member, redirect_to: str, *, method: str = "code"
) -> HttpResponse:
    """Sign in `member`, whose address was just verified, and return the redirect to `redirect_to`,
    or to where members land without it.

    A member with a second factor is sent to it first, and is not signed in before.
    """
    forget_other_person(request, member)
    EmailAddress.objects.update_or_create(
        user=member, email=member.email, defaults={"verified": True, "primary": True}
    )
    record_authentication(request, member, method=method, email=member.email)
    request.session.pop(VERIFIED_EMAIL_SESSION_KEY, None)
    response: HttpResponse = perform_login(
        request, member, redirect_url=redirect_to, email=member.email
    )
    return response
