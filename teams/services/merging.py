"""One person with two accounts: the memberships of both become those of one."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from members.models import Member, Organization
from members.services import Refused, bulk_save_with_history, end_sessions, save_with_history
from teams import emails
from teams.models import Membership

TWICE = "The same person was here twice; the accounts were merged."
MOVED = "two accounts of the same person were merged"  # names nobody: history outlives people


def merge_members(duplicate: Member, into: Member, *, by: Member) -> Member:
    """Make the account `duplicate` part of the account `into` of the same person; returns that.

    Memberships move; of two in one team the better one stays open, the other one ends. `into`
    gets the confirmed affiliation and what its profile lacks. The duplicate is closed, and its
    address signs in to `into` from now on. Both addresses are told, by this one email alone.
    Refuses one account, closed and merged ones, a duplicate that may use the desk, and two that
    are confirmed for different organizations.
    """
    if duplicate.pk == into.pk:
        raise Refused("This is one and the same account. Name the other one.")
    with transaction.atomic():
        employers = _locked_employers(duplicate, into)
        pair = Member.objects.filter(pk__in=[duplicate.pk, into.pk]).order_by("pk")
        rows: dict[int, Member] = {row.pk: row for row in pair.select_for_update(no_key=True)}
        old, kept = rows[duplicate.pk], rows[into.pk]
        _refuse_to_merge(old, kept)
        if {old.organization_id, kept.organization_id} - employers:
            raise Refused("The organization of one of the two has changed meanwhile. Look again.")
        _move_memberships(old, kept, by)
        bulk_save_with_history(
            list(old.merged_accounts.order_by("pk")), by, MOVED, merged_into=kept
        )
        save_with_history(kept, by, MOVED, **_gained(old, kept))
        save_with_history(
            old,
            by,
            MOVED,
            merged_into=kept,
            is_active=False,
            full_name="",
            job_title="",
            shares_email=False,
            organization=None,
            affiliation_confirmed_at=None,
            affiliation_confirmed_via="",
            affiliation_confirmed_by=None,
        )
        end_sessions(old)
        _open_what_is_open(kept, by)
        _tell(kept, old.email)
    return kept


def _locked_employers(*people: Member) -> set[int | None]:
    """Their keys. Organizations are locked before members: no merge of theirs comes in between."""
    keys = {person.organization_id for person in people}
    rows = Organization.objects.filter(pk__in=[key for key in keys if key]).order_by("pk")
    list(rows.select_for_update(no_key=True))
    return {None, *keys}


def _refuse_to_merge(old: Member, kept: Member) -> None:
    if old.merged_into_id:
        raise Refused(f"{old.email} is part of another account already. Nothing was changed.")
    for row in (old, kept):
        if not row.is_active:
            raise Refused(f"{row}: the account is closed.")
    if old.is_staff or old.is_superuser or old.facilitated_teams.exists():
        raise Refused(
            f"{old.email} is the account of somebody who may use the desk. "
            "Merge the other way round, so that this account goes on."
        )
    both = old.is_affiliation_confirmed and kept.is_affiliation_confirmed
    if both and old.organization_id != kept.organization_id:
        raise Refused(
            f"{old.email} is confirmed for {old.organization}, {kept.email} for "
            f"{kept.organization}. Remove the confirmation that is no longer true, on the page "
            "of that account; or merge the two organizations, if they are one."
        )


def _gained(old: Member, kept: Member) -> dict[str, Any]:
    """What `kept` gets from `old`: what its profile lacks, and an affiliation if it has none
    that is as good."""
    gained: dict[str, Any] = {
        name: getattr(kept, name) or getattr(old, name) for name in ("full_name", "job_title")
    }
    better = old.is_affiliation_confirmed and not kept.is_affiliation_confirmed
    if better or not kept.organization_id:
        gained["organization"] = old.organization
    if better:
        for part in ("at", "via", "by"):
            name = f"affiliation_confirmed_{part}"
            gained[name] = getattr(old, name)
    return gained


def _move_memberships(old: Member, kept: Member, by: Member) -> None:
    stays = Membership.objects.filter(member__in=[old, kept]).order_by("pk")
    rows = list(stays.select_for_update(of=("self",), no_key=True))
    now, in_one_team = timezone.now(), defaultdict(list)
    for row in rows:
        if row.status in Membership.CURRENT:
            in_one_team[row.team_id].append(row)
    for doubled in in_one_team.values():
        for row in _worse(doubled):
            left = Membership.Status.ENDED if row.is_active else Membership.Status.WITHDRAWN
            save_with_history(row, by, MOVED, status=left, ended_at=now, ended_by=by, reason=TWICE)
    bulk_save_with_history([row for row in rows if row.member_id == old.pk], by, MOVED, member=kept)


def _worse(stays: Sequence[Membership]) -> Sequence[Membership]:
    """All but the best of the open stays in one team: active before waiting, then the oldest."""
    best_first = sorted(
        stays, key=lambda row: (not row.is_active, row.decided_at or row.requested_at, row.pk)
    )
    return best_first[1:]


def _open_what_is_open(kept: Member, by: Member) -> None:
    """What waited for the affiliation that the other account had confirmed opens with it."""
    if kept.may_join_at_once:
        waiting = Membership.objects.of(kept).waiting().select_related("team")
        bulk_save_with_history(
            [row for row in waiting if row.team.is_open],
            by,
            "opened with the affiliation",
            status=Membership.Status.ACTIVE,
            decided_at=timezone.now(),
            decided_by=by,
        )


def _tell(kept: Member, address: str) -> None:
    current = Membership.objects.of(kept).current().select_related("team")
    stays = list(current.order_by("team__position", "team__name"))
    for to in (kept.email, address):
        emails.accounts_merged(
            kept,
            to,
            address,
            [stay for stay in stays if stay.is_active],
            [stay for stay in stays if stay.is_waiting],
        )
