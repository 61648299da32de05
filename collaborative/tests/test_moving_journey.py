"""Whatever happens to an account that moves, in any order: its memberships and their dates stay,
nobody else is confused with it, and it goes back to an old address only by a decision."""

import os

from django.db import transaction
from django.db.models import Count
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from conftest import make_member
from members.models import Member, Move, Organization
from members.services import Refused
from teams.models import Membership
from teams.services import (
    approve_move,
    decline_move,
    keep_move,
    move_member,
    object_to_move,
    recognize_organization,
    request_move,
    return_account,
)

EXAMPLES = 8 * int(os.environ.get("FUZZ_EXAMPLES", "1"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
REASON = "We spoke on the phone."
ADDRESSES = [
    "maria@rush.example",
    "maria@mail.rush.example",
    "maria@loop.example",
    "maria@mailbox.example",
    "maria@harbor.example",
    # Has an account.
    "olga@loop.example",
]
EMPLOYERS = ["", "Rush Example Hospital", "Loop Example Clinic", "Harbor Care"]
STEPS = ["move", "move", "object", "object", "keep", "return", "request", "approve", "decline"]
steps = st.lists(
    st.tuples(
        st.sampled_from([*STEPS, "recognize", "newcomer"]),
        st.sampled_from(ADDRESSES),
        st.sampled_from(EMPLOYERS),
        st.integers(0, 3),
    ),
    min_size=3,
    max_size=9,
)


class Journey:
    """One account on its way, decided by `by`, and what must be true after each step."""

    def __init__(self, member: Member, by: Member) -> None:
        self.pk, self.by = member.pk, by
        self.membership = Membership.objects.get(member=member)
        self.since = member.date_joined

    @property
    def member(self) -> Member:
        return Member.objects.select_related("organization").get(pk=self.pk)

    def take(self, step: str, email: str, employer: str, number: int) -> None:
        """Take a step; what the rules refuse changes nothing."""
        before = self.member
        try:
            with transaction.atomic():
                self._take(step, email, employer, number)
        except Refused:
            pass
        self.check(step, before)

    def _take(self, step: str, email: str, employer: str, number: int) -> None:
        moves = list(Move.objects.filter(member=self.pk).order_by("pk"))
        if step == "move":
            move_member(self.member, email, organization_name=employer)
        elif step == "request":
            details = {"full_name": "Maria", "organization_name": employer, "note": ""}
            request_move(self.member.email, email, **details)
        elif step == "recognize":
            for organization in Organization.objects.proposed():
                recognize_organization(organization, by=self.by)
        elif step == "newcomer":
            if not Member.objects.account_of(email):
                make_member(email, name="Somebody New")
        elif moves:
            self._decide(step, moves[number % len(moves)])

    def _decide(self, step: str, move: Move) -> None:
        if step == "object":
            object_to_move(move)
        elif step == "approve":
            approve_move(move, by=self.by)
        else:
            decide = {"keep": keep_move, "return": return_account, "decline": decline_move}[step]
            decide(move, reason=REASON, by=self.by)

    def check(self, step: str, before: Member) -> None:
        """Assert what always holds, after `step`; `before` is the member before it."""
        member = self.member
        membership = Membership.objects.get(member=member)
        assert membership.pk == self.membership.pk
        assert membership.decided_at == self.membership.decided_at
        assert membership.status in {"active", "requested"}
        assert membership.is_active == member.may_join_at_once
        assert member.date_joined == self.since
        assert member.is_active != member.is_held
        is_held = Move.objects.filter(member=member, state="held").exists()
        assert member.is_held == is_held
        if before.is_held and step not in {"keep", "return"}:
            assert (member.email, member.is_held) == (before.email, True)
        # One account for an address, and former ones open nothing of this one.
        twice = Member.objects.values("email").annotate(number=Count("pk")).filter(number__gt=1)
        assert not twice.exists()
        for former in Move.objects.former().filter(member=member):
            if former.old_email != member.email:
                assert Member.objects.account_of(former.old_email) != member


def test_moving_keeps_its_promises_in_any_order(member, outsider, administrator):
    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(steps)
    def walk(taken: list[tuple[str, str, str, int]]) -> None:
        with transaction.atomic():
            journey = Journey(member, administrator)
            for step in taken:
                journey.take(*step)
            transaction.set_rollback(True)

    walk()
