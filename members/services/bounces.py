"""Addresses from which emails came back: noted, and settled once it is known that they work."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from members.email_addresses import normalize_address
from members.fragments import cached_fragment
from members.history.decisions import erase_items
from members.history.saving import Refused, save_with_history
from members.models import Bounce, Member

# Stand in the history.
CAME_BACK = "an email came back"
STILL_THERE = "said that the address works"
CODE_ARRIVED = "a code that was sent to the address was entered"
ADDRESS_CHANGED = "the address changed"

# After it is settled: then nobody looks for the reason why emails were missing.
BOUNCE_RETENTION = timedelta(days=180)
# How long pages say that a code has settled it.
NEWS = timedelta(days=1)
# As other parts of pages.
CACHE_SECONDS = 1

ALREADY_SETTLED = "This has already been answered. Nothing was changed."


def has_bounced(member: Member) -> bool:
    """Return whether emails to the address that `member` has now came back, and nobody has said
    since that it works: then only what they need, and what is decided about them, is sent."""
    return Bounce.objects.open().filter(member=member, address=member.email).exists()


def record_bounce(
    member: Member, address: str, status_code: str, *, sent_at: datetime | None = None
) -> Bounce | None:
    """Note that an email to `address`, which left at `sent_at`, came back for good with
    `status_code` (RFC 3463); return what is now known about the address.

    Return None, having noted nothing, where it says nothing about `member` as they are now: the
    account is closed or now has another address, or the email left before the address was last
    said to work.
    """
    address = normalize_address(address)
    with transaction.atomic():
        member = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
        if member.closed_at or member.merged_into_id or member.email != address:
            return None
        bounces = Bounce.objects.filter(member=member, address=address)
        if sent_at and bounces.filter(settled_at__gte=sent_at).exists():
            return None
        bounce = bounces.open().first()
        if bounce is None:
            bounce = Bounce(member=member, address=address, status_code=status_code)
            save_with_history(bounce, None, CAME_BACK)
            return bounce
        changes = {"status_code": status_code or bounce.status_code, "last_at": timezone.now()}
        save_with_history(bounce, None, CAME_BACK, number=bounce.number + 1, **changes)
    return bounce


def settle_bounce(bounce: Bounce, *, by: Member | None, why: str = STILL_THERE) -> Bounce:
    """Send everything to the address of `bounce` again; return the stored record. `by` is the
    person who said that it works. Refuses what is settled already."""
    with transaction.atomic():
        # In the order of locks.
        list(Member.objects.select_for_update(no_key=True).filter(pk=bounce.member_id))
        stored = Bounce.objects.select_for_update(no_key=True).get(pk=bounce.pk)
        if stored.settled_at:
            raise Refused(ALREADY_SETTLED)
        save_with_history(stored, by, why, settled_at=timezone.now(), settled_by=by)
    return stored


def settle_by_code(address: str, sent_at: datetime) -> None:
    """Settle what came back from `address` before a code was sent there, at `sent_at`, that has now
    been entered: it has been read there. Not within a transaction that has locked a member."""
    for bounce in Bounce.objects.open().filter(address=address, last_at__lt=sent_at):
        # Another press was first.
        with suppress(Refused):
            settle_bounce(bounce, by=None, why=CODE_ARRIVED)


def bounce_to_show(member: Member) -> Bounce | None:
    """Return what came back from the address that `member` has now, while it is open, or for a day
    after a code that arrived has settled it; else None. No query for most members."""
    if member.pk not in cached_fragment("members-with-bounces", _keys_to_show, CACHE_SECONDS):
        return None
    bounce = member.bounces.filter(address=member.email).order_by("-pk").first()
    if bounce is None or bounce.settled_at is None:
        return bounce
    is_news = bounce.settled_by_id is None and bounce.settled_at > timezone.now() - NEWS
    return bounce if is_news else None


def _keys_to_show() -> frozenset[int]:
    """Return the keys of the members for whom `bounce_to_show` has something."""
    is_news = Q(settled_by=None, settled_at__gt=timezone.now() - NEWS)
    shown = Bounce.objects.filter(Q(settled_at=None) | is_news)
    return frozenset(shown.values_list("member", flat=True))


def settle_own_bounces(member: Member) -> None:
    """Settle what came back from the address of `member`, who says that it works."""
    for bounce in Bounce.objects.open().filter(member=member, address=member.email):
        with suppress(Refused):
            settle_bounce(bounce, by=member)


def settle_former_addresses(member: Member) -> None:
    """Settle what came back from addresses that `member`, locked by the caller, has no longer."""
    bounces = Bounce.objects.open().filter(member=member)
    if not member.merged_into_id:
        bounces = bounces.exclude(address=member.email)
    for bounce in bounces:
        settle_bounce(bounce, by=None, why=ADDRESS_CHANGED)


def delete_old_bounces() -> None:
    """Delete what was settled BOUNCE_RETENTION ago, with its history."""
    old = Bounce.objects.filter(settled_at__lt=timezone.now() - BOUNCE_RETENTION)
    keys = list(old.values_list("pk", flat=True))
    Bounce.objects.filter(pk__in=keys).delete()
    Bounce.history.filter(id__in=keys).delete()


def erase_bounces(accounts: Sequence[Member]) -> None:
    """Erase what came back from the addresses of `accounts`."""
    bounces = Bounce.objects.filter(member__in=accounts)
    erase_items(Bounce, bounces.values_list("pk", flat=True))
    bounces.delete()
    Bounce.history.filter(member_id__in=[account.pk for account in accounts]).delete()
