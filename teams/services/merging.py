"""One person with two accounts: the memberships of both become those of one."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from members.models import Member, Organization
from members.services import (
    NOT_CONFIRMED,
    Refused,
    bulk_save_with_history,
    end_sessions,
    save_with_history,
    settle_former_addresses,
)
from members.wording import end_sentence
from teams import emails
from teams.models import Attendance, Membership, TopicSupport
from teams.services.answer_changes import take_over_answers
from teams.services.calendar_keys import end_calendar
from teams.services.email_choices import copy_choices
from teams.services.recognition import activate_requests_of_open_teams
from teams.services.transitions import end_or_withdraw

# Stands in the history; it names nobody, because history outlives people.
MERGED = "two accounts of the same person were merged"
# The reason of a membership that ends because the person was in the team twice.
IN_TEAM_TWICE = "The same person was here twice; the accounts were merged."


def merge_members(duplicate: Member, into: Member, *, by: Member) -> Member:
    """Make the account `duplicate` part of the account `into` of the same person; return the
    stored account that goes on.

    Memberships, answers to meetings and what they said of topics move; of two memberships in one
    team the better one stays open, the other one ends; of two answers to one meeting the later one
    counts. `into` gets the confirmed affiliation and what its profile lacks. The duplicate is
    closed, and its address signs in to `into` from now on. One email to both addresses says so.
    Refuses one and the same account, closed and merged ones, a duplicate that may use the desk, and
    two that are confirmed for different organizations.
    """
    if duplicate.pk == into.pk:
        raise Refused("This is the same account. Choose the other one.")
    with transaction.atomic():
        employers = _lock_employers(duplicate, into)
        pair = Member.objects.filter(pk__in=[duplicate.pk, into.pk]).order_by("pk")
        locked: dict[int, Member] = {each.pk: each for each in pair.select_for_update(no_key=True)}
        duplicate, retained = locked[duplicate.pk], locked[into.pk]
        _refuse_to_merge(duplicate, retained)
        if {duplicate.organization_id, retained.organization_id} - employers:
            raise Refused(
                "The organization of one of the two has changed in the meantime. Look again."
            )
        _move_memberships(duplicate, retained, by)
        copy_choices(duplicate, retained, by)
        answers = Attendance.objects.filter(member=duplicate)
        take_over_answers(answers, retained, by=by, why=MERGED)
        TopicSupport.objects.filter(member=duplicate).update(member=retained)
        merged_before = list(duplicate.merged_accounts.order_by("pk"))
        bulk_save_with_history(merged_before, by, MERGED, merged_into=retained)
        save_with_history(retained, by, MERGED, **_gained(duplicate, retained))
        _close(duplicate, retained, by)
        _open_requests(retained, by)
        _send_emails(retained, duplicate.email)
    return retained


def _lock_employers(*members: Member) -> set[int | None]:
    """Lock the organizations of `members`, so that none of them is merged in between: they come
    before members in the order of locks. Return their keys, and None."""
    keys = {member.organization_id for member in members}
    organizations = Organization.objects.filter(pk__in=[key for key in keys if key]).order_by("pk")
    list(organizations.select_for_update(no_key=True))
    return {None, *keys}


def _refuse_to_merge(duplicate: Member, retained: Member) -> None:
    if duplicate.merged_into_id:
        raise Refused(f"{duplicate.email} is part of another account already. Nothing was changed.")
    for member in (duplicate, retained):
        if not member.is_active:
            raise Refused(f"{member}: the account is {member.inactive_reason}.")
    if duplicate.is_staff or duplicate.is_superuser or duplicate.facilitated_teams.exists():
        raise Refused(
            f"{duplicate.email} is the account of a person who may use the desk. "
            "Merge the other way around, so that this account is kept."
        )
    both = duplicate.is_affiliation_confirmed and retained.is_affiliation_confirmed
    if both and duplicate.organization_id != retained.organization_id:
        raise Refused(
            f"{duplicate.email} is confirmed for {duplicate.organization}, {retained.email} for "
            f"{end_sentence(retained.organization)} Remove the confirmation that is no longer "
            "true, on the page of that account; or merge the two organizations, if they are one."
        )


def _gained(duplicate: Member, retained: Member) -> dict[str, Any]:
    """Return what `retained` gets from `duplicate`: what its profile lacks, and the affiliation
    if its own is not as good."""
    gained: dict[str, Any] = {
        name: getattr(retained, name) or getattr(duplicate, name)
        for name in ("full_name", "job_title")
    }
    is_better = duplicate.is_affiliation_confirmed and not retained.is_affiliation_confirmed
    if is_better or not retained.organization_id:
        gained["organization"] = duplicate.organization
    if is_better:
        gained |= {name: getattr(duplicate, name) for name in NOT_CONFIRMED}
    return gained


def _close(duplicate: Member, retained: Member, by: Member) -> None:
    """Let the duplicate stay as a row that says to which account its address signs in."""
    save_with_history(
        duplicate,
        by,
        MERGED,
        merged_into=retained,
        is_active=False,
        full_name="",
        job_title="",
        shares_email=False,
        organization=None,
        **NOT_CONFIRMED,
    )
    settle_former_addresses(duplicate)
    end_sessions(duplicate)
    end_calendar(duplicate)


def _move_memberships(duplicate: Member, retained: Member, by: Member) -> None:
    of_both = Membership.objects.filter(member__in=[duplicate, retained]).order_by("pk")
    memberships = list(of_both.select_for_update(of=("self",), no_key=True))
    by_team: dict[int, list[Membership]] = defaultdict(list)
    for membership in memberships:
        if membership.status in Membership.CURRENT:
            by_team[membership.team_id].append(membership)
    for current in by_team.values():
        for membership in _all_but_best(current):
            end_or_withdraw(membership, by=by, why=MERGED, reason=IN_TEAM_TWICE, keeps_answers=True)
    moving = [membership for membership in memberships if membership.member_id == duplicate.pk]
    bulk_save_with_history(moving, by, MERGED, member=retained)


def _all_but_best(memberships: Sequence[Membership]) -> Sequence[Membership]:
    """Return all current memberships in one team but the best: active ones come before requests,
    then the oldest."""
    best_first = sorted(
        memberships,
        key=lambda each: (not each.is_active, each.decided_at or each.requested_at, each.pk),
    )
    return best_first[1:]


def _open_requests(retained: Member, by: Member) -> None:
    """Open what waited for the affiliation that the other account had confirmed."""
    if retained.may_join_at_once:
        waiting = Membership.objects.of(retained).waiting().select_related("team")
        activate_requests_of_open_teams(list(waiting), by=by)


def _send_emails(retained: Member, merged_address: str) -> None:
    current = Membership.objects.of(retained).current().select_related("team")
    memberships = list(current.order_by("team__position", "team__name"))
    for to in (retained.email, merged_address):
        emails.accounts_merged(
            retained,
            to,
            merged_address,
            [membership for membership in memberships if membership.is_active],
            [membership for membership in memberships if membership.is_waiting],
        )
