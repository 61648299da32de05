"""Facilitators, a no to all that a person asked, closing an account, and what one takes along."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone
from post_office.models import Email

from members.models import DecisionItem, Member
from members.services import (
    Refused,
    anonymize_member,
    end_sessions,
    export_sessions,
    lock_administrators,
    lock_open_account,
    save_with_history,
    second_factors,
)
from teams import emails
from teams.models import ActionTeam, Membership

ERASED = "Erased with the account."


def set_facilitators(team: ActionTeam, facilitators: Iterable[Member], *, by: Member) -> None:
    """Let exactly `facilitators` look after `team`; they may use the desk from now on.

    Whoever is new is told by email. Who looks after no team any more loses the desk and is signed
    out everywhere, administrators excepted. Refuses closed accounts.
    """
    with transaction.atomic():
        wanted = Member.objects.filter(pk__in=[member.pk for member in facilitators])
        chosen = list(wanted.select_for_update(no_key=True).order_by("pk"))
        for member in chosen:
            if not member.is_active:
                raise Refused(f"{member}: the account is closed.")
        before = set(team.facilitators.all())
        team._history_user = by  # type: ignore[attr-defined]
        team._change_reason = "facilitators changed"  # type: ignore[attr-defined]
        team.facilitators.set(chosen)
        for member in before.symmetric_difference(chosen):
            may_use_desk = member.is_superuser or member.facilitated_teams.exists()
            why = "no longer a facilitator" if member in before else "facilitator"
            save_with_history(member, by, f"{why} of {team}", is_staff=may_use_desk)
            if not may_use_desk:
                end_sessions(member)
        for member in chosen:
            if member not in before:
                emails.facilitator_appointed(member, team, by)


def decline_all_requests(member: Member, *, reason: str, by: Member) -> list[Membership]:
    """Say no to all that `member` waits for in the teams that `by` looks after; one email.

    Returns the declined requests; those for other teams stay. Refuses without a reason, and
    when nothing waits (any more).
    """
    if not reason.strip():
        raise Refused("Give a reason. The member reads it.")
    with transaction.atomic():
        waiting = Membership.objects.visible_to(by).of(member).waiting().select_related("team")
        rows = list(waiting.select_for_update(of=("self",), no_key=True).order_by("pk"))
        if not rows:
            raise Refused(f"No request of {member} waits for you. Nothing was changed.")
        for row in rows:
            save_with_history(
                row,
                by,
                "declined",
                status=Membership.Status.DECLINED,
                decided_at=timezone.now(),
                decided_by=by,
                reason=reason.strip(),
            )
        emails.membership_declined(member, [row.team for row in rows], reason.strip())
    return rows


def close_account(member: Member, *, by: Member | None = None) -> None:
    """Close the account for good: memberships end, requests are withdrawn, the person is erased.

    The stays remain as rows without a person, so that history can be counted. Empty `by`: the
    member does it; else an administrator does it for somebody. Refuses the last administrator,
    and as an administrator one's own account.
    """
    if by == member:
        raise Refused("Close your own account under My data. Nothing was changed.")
    with transaction.atomic():
        if member.is_superuser:
            lock_administrators()
        member = lock_open_account(member)
        now = timezone.now()
        for team in list(member.facilitated_teams.all()):
            team._history_user = by or member  # type: ignore[attr-defined]
            team._change_reason = "a facilitator's account was closed"  # type: ignore[attr-defined]
            team.facilitators.remove(member)
        current = Membership.objects.of(member).current()
        for stay in current.select_for_update(no_key=True).order_by("pk"):
            left = Membership.Status.ENDED if stay.is_active else Membership.Status.WITHDRAWN
            ender = by or member
            save_with_history(stay, by, "account closed", status=left, ended_at=now, ended_by=ender)
        stays = Membership.objects.of(member)
        # What a facilitator wrote about the person goes too, in the rows and in their history:
        # an erasure leaves no version behind, so it writes none.
        stays.exclude(reason="").update(reason=ERASED)
        keys = [member.pk, *member.merged_accounts.values_list("pk", flat=True)]
        Membership.history.filter(member_id__in=keys).exclude(reason="").update(reason=ERASED)
        decided = DecisionItem.objects.filter(decision__about="teams.membership")
        decided.filter(object_id__in=stays.values("pk")).update(told="", changes=[])
        anonymize_member(member, by=by)


def personal_data(member: Member) -> dict[str, Any]:
    """Everything the portal keeps about `member`, as plain values for a JSON file."""
    confirmed = member.affiliation_confirmed_at
    merged = {row.pk: row.email for row in member.merged_accounts.order_by("pk")}
    return {
        "full_name": member.full_name,
        "email": member.email,
        "further_addresses": list(merged.values()),
        "job_title": member.job_title,
        "teammates_see_my_address": member.shares_email,
        "colors_of_the_portal": member.theme or "as the device is set",
        "member_since": member.date_joined.isoformat(),
        "last_sign_in": member.last_login.isoformat() if member.last_login else None,
        "signed_in_with": export_sessions(member),
        "second_step_of_signing_in": second_factors(member),
        "organization": member.organization.name if member.organization else None,
        "affiliation_confirmed_at": confirmed.isoformat() if confirmed else None,
        "affiliation_confirmed": member.get_affiliation_confirmed_via_display() or None,
        "facilitates": [team.name for team in member.facilitated_teams.all()],
        "memberships": [
            {
                "team": stay.team.name,
                "status": stay.get_status_display(),
                "requested_at": stay.requested_at.isoformat(),
                "decided_at": stay.decided_at.isoformat() if stay.decided_at else None,
                "ended_at": stay.ended_at.isoformat() if stay.ended_at else None,
                "reason": stay.reason,
            }
            for stay in Membership.objects.of(member).select_related("team")
        ],
        "mails": _mails_to([member.email, *merged.values()]),
        "history": _history_of([member.pk, *merged]),
    }


def _mails_to(addresses: Iterable[str]) -> list[dict[str, str]]:
    mails = Email.objects.none()
    for address in addresses:
        mails |= Email.objects.filter(to=address)
    return [
        {"subject": mail.subject, "queued_at": mail.created.isoformat()}
        for mail in mails.order_by("pk")
    ]


def _history_of(keys: Iterable[int]) -> list[dict[str, str]]:
    return [
        {
            "at": version.history_date.isoformat(),
            "what": version.history_change_reason or version.get_history_type_display(),
            "full_name": version.full_name,
            "email": version.email,
            "job_title": version.job_title,
        }
        for version in Member.history.filter(id__in=keys)
    ]
