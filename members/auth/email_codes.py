"""Proving an email address by a code: the one way to join and to sign in.

Nothing here asks whether the address is known before the code was right, so a stranger sees
the same page, after the same work, with the same email, whatever address is typed.
"""

import time
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any

from allauth.account.internal.flows.code_verification import AbstractCodeVerificationProcess
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.internal.stagekit import unstash_login
from allauth.account.models import EmailAddress, Login
from allauth.core.internal.cryptokit import compare_user_code, generate_user_code
from allauth.core.internal.ratelimit import get_ip
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from members import emails
from members.auth.rate_limits import limit, limited
from members.models import Member

JOIN, SIGN_IN = "join", "sign_in"  # what an address is proven for: each keeps its own journey
MAX_TRIES = 5
JOURNEY_SECONDS = 24 * 60 * 60  # what was typed and never proven is forgotten after a day
PROVEN_SECONDS = 30 * 60  # so long a proven address need not be proven again in this browser


class Answer(Enum):
    """What came of a typed code."""

    RIGHT = auto()
    WRONG = auto()
    EXPIRED = auto()
    TOO_MANY_TRIES = auto()


class EmailVerification(AbstractCodeVerificationProcess):
    """A code on its way to an address, and what the person wanted, kept in the session.

    `state["journey"]` survives wrong, expired and renewed codes: nothing typed is lost.
    """

    def __init__(self, request: HttpRequest, purpose: str, state: dict[str, Any]) -> None:
        super().__init__(max_attempts=MAX_TRIES, timeout=settings.CODE_MINUTES * 60, state=state)
        self.request = request
        self.session_key = f"proof_to_{purpose}"

    @classmethod
    def begin(
        cls, request: HttpRequest, purpose: str, email: str, journey: dict[str, Any]
    ) -> "EmailVerification":
        """Keep `journey` for `email` and send the first code.

        Raises TooManyRequestsError when the address or the network address had too many codes;
        the journey is kept all the same.
        """
        state = {**cls.initial_state(user=None, email=email), "journey": journey}
        proof = cls(request, purpose, state)
        request.session.set_expiry(JOURNEY_SECONDS)
        proof.persist()
        proof.send()
        return proof

    @classmethod
    def resume(cls, request: HttpRequest, purpose: str) -> "EmailVerification | None":
        """The proof that this browser has begun for `purpose`, or None."""
        state = request.session.get(f"proof_to_{purpose}")
        return cls(request, purpose, state) if state else None

    @property
    def email(self) -> str:
        """The address that the code goes to."""
        return str(self.state["email"])

    @property
    def journey(self) -> dict[str, Any]:
        """What the person wanted when the code was asked for."""
        journey: dict[str, Any] = self.state["journey"]
        return journey

    def send(self) -> None:
        """Send a new code, which replaces the one before. Raises TooManyRequestsError."""
        with (
            limited(self.request, "code", key=self._here()),
            limited(self.request, "code_of_address", key=self.email),
        ):
            self.state.update(
                at=time.time(), failed_attempts=0, code=generate_user_code(length=6, dashed=False)
            )
            self.persist()
            expires_at = datetime.fromtimestamp(self.state["at"] + self.timeout, UTC)
            emails.address_code(self.email, self.code, expires_at)

    def _here(self) -> str:
        """The address as this network asks for it, for the limits."""
        return f"{self.email} from {get_ip(self.request)}"

    def persist(self) -> None:
        """Keep the state in the session."""
        self.request.session[self.session_key] = self.state

    def abort(self) -> None:
        """Make the code worthless; the journey stays, for the next code."""
        self.state["code"] = ""
        self.persist()

    def finish(self) -> None:
        """Forget the journey; the address counts as proven in this browser for a while."""
        self.request.session.pop(self.session_key, None)
        self.request.session["proven"] = {"email": self.email, "at": time.time()}

    def check(self, typed: str) -> Answer:
        """Whether `typed` is the code: any case; spaces and hyphens do not count.

        Tries are counted in the session and, over every session of this network, for the address:
        raises TooManyRequestsError when too many were made for it.
        """
        if not self.code:
            return Answer.TOO_MANY_TRIES
        if not self.is_valid():
            return Answer.EXPIRED
        limit(self.request, "code_try", key=self._here())
        if compare_user_code(actual=typed, expected=self.code):
            return Answer.RIGHT
        return Answer.WRONG if self.record_invalid_attempt() else Answer.TOO_MANY_TRIES


def remember_verified(request: HttpRequest, email: str, **typed: str) -> None:
    """Another has proven `email` for us: it counts as proven in this browser for a while, and
    cannot be changed in the join form, which begins with `typed`."""
    request.session["proven"] = {"email": email, "at": time.time(), "typed": typed}


def vouched(request: HttpRequest) -> dict[str, str]:
    """What the join form begins with after another has proven the address; else empty."""
    email, typed = proven_address(request), request.session.get("proven", {}).get("typed")
    return {**typed, "email": email} if email and typed is not None else {}


def proven_address(request: HttpRequest) -> str:
    """The address that this browser has just proven, so that no second code is needed; or ""."""
    proven = request.session.get("proven", {})
    holds = proven and time.time() - proven["at"] <= PROVEN_SECONDS
    return str(proven["email"]) if holds else ""


def is_proven(request: HttpRequest, email: str) -> bool:
    """Whether this browser has just proven `email`."""
    return bool(email) and proven_address(request) == email


def sign_in(
    request: HttpRequest, member: Member, redirect_to: str, *, method: str = "code"
) -> HttpResponse:
    """Sign `member`, whose address was just proven, in through allauth, and go to `redirect_to`.

    Who has a second step is asked for it first, and is not signed in before it is taken.
    """
    half_way = unstash_login(request, peek=True)
    if half_way and half_way.user != member:
        request.session.flush()  # what somebody else left who never took the second step
    EmailAddress.objects.update_or_create(
        user=member, email=member.email, defaults={"verified": True, "primary": True}
    )
    record_authentication(request, member, method=method, email=member.email)
    request.session.pop("proven", None)
    login = Login(user=member, email=member.email, redirect_url=redirect_to)
    response: HttpResponse = perform_login(request, login)
    return response
