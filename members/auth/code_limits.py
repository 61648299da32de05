"""Which limits a code counts for: by the browser, by the domain of its address, by its network.

What a stranger can see of them depends on the network, on the cookie of the browser, on whether a
domain is recognized, which every visitor may ask, and on how many codes were requested: never on
whether someone has an account. docs/operating.md has the table.
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import cached_property

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from members.auth.known_browsers import known_browser_id
from members.auth.rate_limits import (
    MAX_CLOCK_DIFFERENCE,
    TooManyRequestsError,
    count_or_raise,
    networks,
    rate_limited,
)
from members.email_domains import email_domain
from members.models import EmailDomain, Member, SentCode

logger = logging.getLogger(__name__)


class CodeLimits:
    """The limits on codes to one address, as requested by one browser."""

    def __init__(self, request: HttpRequest, email: str) -> None:
        self.request = request
        self.email = email

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a code, but only if what is done inside succeeds. Raises TooManyRequestsError."""
        if browser_id := self._known_browser_id:
            counts = {
                "code_of_browser": f"{self.email} in {browser_id}",
                "code_of_known_browsers": self.email,
            }
        else:
            action = "code_of_recognized" if self.is_recognized else "code"
            counts = {action: self._from_network(), "code_of_address": self.email}
        with ExitStack() as counted:
            for action, key in counts.items():
                counted.enter_context(rate_limited(self.request, action, key))
            yield

    def count_try(self) -> None:
        """Count one try to enter a code. Raises TooManyRequestsError."""
        if browser_id := self._known_browser_id:
            count_or_raise(self.request, "code_try_of_browser", f"{self.email} in {browser_id}")
            return
        count_or_raise(self.request, "code_try", self._from_network())

    def raise_if_newcomers_wait(self) -> None:
        """Raise TooManyRequestsError while newcomers get no codes, whether the address is one or
        not: where people join, the page says so."""
        codes = open_codes(is_recognized=self.is_recognized)
        if codes.count() >= newcomer_limit():
            oldest = codes.order_by("expires_at").values_list("expires_at", flat=True).first()
            raise TooManyRequestsError(oldest or timezone.now())

    def may_be_sent(self) -> bool:
        """Return whether the code that was just stored may be sent: to a member always, to a
        newcomer while not too many are open.

        Where people sign in, the page does not say so: members get their codes, and a stranger sees
        the same page, after the same work, in both cases. All codes count, those of members and
        those that are not sent too, or a stranger could see by the brake whether an address counts.
        """
        number = open_codes(is_recognized=self.is_recognized).count()
        if number <= newcomer_limit() or Member.objects.account_of(self.email):
            return True
        logger.warning("No code was sent to a newcomer: too many are open")
        return False

    @cached_property
    def _known_browser_id(self) -> str:
        return known_browser_id(self.request, self.email)

    @cached_property
    def is_recognized(self) -> bool:
        """Whether the domain of the address is a recognized organization's."""
        owner = EmailDomain.objects.owner_of(email_domain(self.email))
        return owner is not None and owner.is_recognized

    def _from_network(self) -> str:
        """Return the address as this network asks for it."""
        return f"{self.email} from {networks(self.request)[0]}"


def open_codes(*, is_recognized: bool) -> QuerySet[SentCode]:
    """Return the codes that were requested from all networks within CODE_MINUTES, and that nobody
    has entered yet, as happens to made-up addresses: those to addresses of recognized organizations
    or the others. A flood of one kind leaves room for the other."""
    now = timezone.now()
    # Not those of a clock that went back.
    latest = now + timedelta(minutes=settings.CODE_MINUTES) + MAX_CLOCK_DIFFERENCE
    codes: QuerySet[SentCode] = SentCode.objects.filter(
        expires_at__gt=now, expires_at__lte=latest, is_recognized=is_recognized
    )
    return codes


def newcomer_limit() -> int:
    """Return how many codes of a kind may be open before newcomers of that kind get no more: more
    than a few networks can request."""
    return 4 * int(settings.RECOGNIZED_CODES_PER_NETWORK)
