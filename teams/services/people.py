"""Facilitators, a member's profile, closing an account, and what a person takes along."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from members import services
from members.dates import long_date
from members.history.decisions import erase_items
from members.models import Bounce, Member, Move
from members.services import (
    IMPORT_TAKEN_BACK,
    Refused,
    anonymize_member,
    end_sessions,
    explain_change,
    export_sessions,
    lock_administrators,
    lock_open_account,
    save_with_history,
    second_factors,
)
from members.services.moving import emails_to
from teams import emails
from teams.meeting_times import time_range
from teams.models import (
    ActionTeam,
    Announcement,
    AnnouncementRecipient,
    Attendance,
    CalendarKey,
    Claim,
    Invitation,
    Membership,
    TopicSupport,
)
from teams.services.announcements import skip_closed_accounts
from teams.services.answers import withdraw_answers
from teams.services.calendar_keys import end_calendar
from teams.services.colleague_invitations import erase_invitations, invitations_of
from teams.services.email_choices import erase_choices
from teams.services.recognition import set_affiliation
from teams.services.transitions import end_or_withdraw

# Stands in place of a reason that was given to a person whose account is closed.
ERASED = "Erased with the account."


def set_facilitators(team: ActionTeam, facilitators: Iterable[Member], *, by: Member) -> None:
    """Make exactly `facilitators` the facilitators of `team`; they may use the desk from now on.

    New ones are notified by email. Those who facilitate no team from now on lose the desk and are
    signed out everywhere, administrators excepted. Refuses closed accounts, and those on hold
    unless they facilitate the team already.
    """
    with transaction.atomic():
        stored = Member.objects.filter(pk__in=[member.pk for member in facilitators])
        chosen = list(stored.select_for_update(no_key=True).order_by("pk"))
        before = set(team.facilitators.all())
        for member in chosen:
            if not (member.is_active or (member.is_held and member in before)):
                raise Refused(f"{member}: the account is {member.inactive_reason}.")
        explain_change(team, by, "facilitators changed")
        team.facilitators.set(chosen)
        for member in before.difference(chosen):
            may_use_desk = member.is_superuser or member.facilitated_teams.exists()
            save_with_history(
                member, by, f"no longer a facilitator of {team}", is_staff=may_use_desk
            )
            if not may_use_desk:
                end_sessions(member)
        for member in chosen:
            if member not in before:
                _appoint(member, team, by)
        withdraw_answers([member.pk for member in before.difference(chosen)], by=by)


def add_facilitator(team: ActionTeam, member: Member, *, by: Member) -> None:
    """Make `member`, who is locked, a facilitator of `team` besides the others, with the email."""
    if not team.facilitators.filter(pk=member.pk).exists():
        explain_change(team, by, "facilitators changed")
        team.facilitators.add(member)
        _appoint(member, team, by)


def _appoint(member: Member, team: ActionTeam, by: Member) -> None:
    save_with_history(member, by, f"facilitator of {team}", is_staff=True)
    emails.facilitator_appointed(member, team, by)


@transaction.atomic
def change_profile(
    member: Member,
    *,
    full_name: str,
    job_title: str,
    shares_email: bool,
    theme: str = "",
    organization: str = "",
) -> Member:
    """Save what a member says about themselves; return the stored member. `organization` counts
    only while nobody has confirmed one; what waited opens if the email domain confirms it."""
    if organization and not member.is_affiliation_confirmed:
        member = set_affiliation(member, organization)
    return services.people.change_profile(
        member,
        full_name=full_name,
        job_title=job_title,
        shares_email=shares_email,
        theme=theme,
    )


def close_account(member: Member, *, by: Member | None = None) -> None:
    """Close the account for good: memberships end, requests are withdrawn, the person is erased.

    The memberships remain as rows without a person, so that history can be counted. Without `by`
    the member does it, else an administrator for another person. Refuses the last administrator,
    and as an administrator one's own account.
    """
    if by == member:
        raise Refused("Close your own account under My data. Nothing was changed.")
    with transaction.atomic():
        if member.is_superuser:
            lock_administrators()
        member = lock_open_account(member)
        for team in list(member.facilitated_teams.all()):
            explain_change(team, by or member, "a facilitator's account was closed")
            team.facilitators.remove(member)
        current = Membership.objects.of(member).current()
        for membership in current.select_for_update(no_key=True).order_by("pk"):
            end_or_withdraw(membership, by=by or member, why="account closed", keeps_answers=True)
        withdraw_answers([member.pk], by=by or member, closed=True)
        end_calendar(member)
        erase_invitations(member)
        erase_choices(member)
        keys = [member.pk, *member.merged_accounts.values_list("pk", flat=True)]
        erase_reasons(keys)
        skip_closed_accounts(keys)
        anonymize_member(member, by=by)


def erase_reasons(members: Collection[int]) -> None:
    """Erase what facilitators wrote about the people with these keys, and what these people wrote
    to them, in the memberships and in their history: an erasure leaves no version behind, so it
    writes none."""
    memberships = Membership.objects.filter(member__in=members)
    Claim.objects.filter(membership__in=memberships).delete()
    for stored in (memberships, Membership.history.filter(member_id__in=members)):
        stored.exclude(reason__in=["", IMPORT_TAKEN_BACK]).update(reason=ERASED)
        stored.exclude(request_reason="").update(request_reason="")
    erase_items(Membership, memberships.values_list("pk", flat=True))


def personal_data(member: Member) -> dict[str, Any]:
    """Return everything the portal stores about `member`, as plain values for a JSON file."""
    confirmed_at = member.affiliation_confirmed_at
    merged = {account.pk: account.email for account in member.merged_accounts.order_by("pk")}
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
        **_calendar_of(member),
        "second_step_of_signing_in": second_factors(member),
        "organization": member.organization.name if member.organization else None,
        "affiliation_confirmed_at": confirmed_at.isoformat() if confirmed_at else None,
        "affiliation_confirmed": member.get_affiliation_confirmed_via_display() or None,
        "facilitates": [team.name for team in member.facilitated_teams.all()],
        "invitations": _invitations_of(member),
        "invited_colleagues": _sent_invitations_of(member),
        "memberships": _memberships_of(member),
        "meetings": _answers_of(member),
        "topics_that_matter_to_your_organization": _support_by([member.pk, *merged]),
        "announcements": _announcements_to([member.pk, *merged]),
        "announcements_you_wrote": _announcements_by([member.pk, *merged]),
        "moves": _moves_of(member, merged),
        "emails": _emails_to(member),
        "emails_that_came_back": _returned_emails_of(member, merged),
        "choices_of_emails": _choices_of(member),
        "history": _history_of([member.pk, *merged]),
    }


def _support_by(keys: Collection[int]) -> list[dict[str, str]]:
    given = TopicSupport.objects.filter(member__in=keys).select_related("topic", "organization")
    return [
        {
            "topic": support.topic.title,
            "organization": support.organization.name,
            "said_at": support.given_at.isoformat(),
        }
        for support in given.order_by("pk")
    ]


def _calendar_of(member: Member) -> dict[str, str | None]:
    key = CalendarKey.objects.filter(member=member).first()
    last_used_on = key.last_used_on if key else None
    return {
        "calendar_has_an_address_since": key.created_at.isoformat() if key else None,
        "calendar_last_fetched_on": long_date(last_used_on) if last_used_on else None,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _invitations_of(member: Member) -> list[dict[str, str | None]]:
    return [
        {
            "to_be": invitation.get_role_display(),
            "team": invitation.team.name if invitation.team else None,
            "teams": invitation.team_names,
            "address": invitation.email,
            "invited_by": str(invitation.invited_by),
            "invited_at": invitation.sent_at.isoformat(),
            "accepted_at": invitation.accepted_at.isoformat() if invitation.accepted_at else None,
            "note": invitation.note,
        }
        for invitation in Invitation.objects.of(member)
        .select_related("team", "invited_by")
        .prefetch_related("teams")
    ]


def _sent_invitations_of(member: Member) -> list[dict[str, Any]]:
    """Return what `member` has sent to colleagues, as their own list shows it."""
    return [
        {
            "address": invitation.email,
            "teams": invitation.team_names,
            "invited_at": invitation.sent_at.isoformat(),
            "emails": invitation.sent_count,
            "state": invitation.shown_state,
            "note": invitation.note,
        }
        for invitation in invitations_of(member).prefetch_related("teams")
    ]


def _memberships_of(member: Member) -> list[dict[str, str | None]]:
    return [
        {
            "team": membership.team.name,
            "status": membership.get_status_display(),
            "origin": membership.get_origin_display(),
            "requested_at": membership.requested_at.isoformat(),
            "decided_at": membership.decided_at.isoformat() if membership.decided_at else None,
            "ended_at": membership.ended_at.isoformat() if membership.ended_at else None,
            "reason_for_asking": membership.request_reason,
            "reason": membership.reason,
        }
        for membership in Membership.objects.of(member).select_related("team")
    ]


def _answers_of(member: Member) -> list[dict[str, Any]]:
    answers = Attendance.objects.filter(member=member).select_related("meeting", "organization")
    return [
        {
            "meeting": attendance.meeting.title,
            "when": time_range(attendance.meeting),
            "answer": attendance.get_answer_display() or None,
            "answered_at": _iso(attendance.answered_at),
            "on_the_waiting_list_since": _iso(attendance.waiting_since),
            "came": attendance.came,
            "organization": attendance.organization.name if attendance.organization else None,
        }
        for attendance in answers.order_by("meeting__starts_at")
    ]


def _emails_to(member: Member) -> list[dict[str, str]]:
    return [
        {"subject": email.subject, "queued_at": email.created.isoformat()}
        for email in emails_to(member)
    ]


def _returned_emails_of(member: Member, merged: Iterable[int]) -> list[dict[str, Any]]:
    bounces = Bounce.objects.filter(member__in=[member.pk, *merged])
    return [
        {
            "address": bounce.address,
            "reason": bounce.meaning,
            "code_of_the_mail_server": bounce.status_code or None,
            "emails": bounce.number,
            "first_came_back_at": _iso(bounce.first_at),
            "last_came_back_at": _iso(bounce.last_at),
            "settled_at": _iso(bounce.settled_at),
        }
        for bounce in bounces
    ]


def _choices_of(member: Member) -> list[dict[str, str]]:
    return [
        {
            "team": choice.team.name if choice.team else "the whole Collaborative",
            "emails": choice.get_kind_display(),
            "wants": choice.get_wants_display(),
        }
        for choice in member.email_choices.select_related("team").order_by("pk")
    ]


def _announcements_to(keys: Collection[int]) -> list[dict[str, Any]]:
    """Return what was sent to the accounts with these keys, and whether it arrived, for as long as
    that is stored."""
    recipients = AnnouncementRecipient.objects.filter(member__in=keys)
    related = recipients.select_related("announcement__team", "announcement__meeting")
    return [
        {
            "subject": recipient.announcement.subject,
            "to": recipient.announcement.audience,
            "sent_at": _iso(recipient.announcement.sent_at),
            "outcome": recipient.get_outcome_display(),
            "reason": recipient.reason,
        }
        for recipient in related.order_by("announcement__sent_at", "pk")
    ]


def _announcements_by(keys: Collection[int]) -> list[dict[str, Any]]:
    """Return what the accounts with these keys wrote to others, drafts too."""
    written = Announcement.objects.filter(Q(written_by__in=keys) | Q(sent_by__in=keys))
    return [
        {
            "subject": announcement.subject,
            "text": announcement.body,
            "to": announcement.audience,
            "sent_at": _iso(announcement.sent_at),
        }
        for announcement in written.select_related("team", "meeting").order_by("pk")
    ]


def _moves_of(member: Member, merged: Iterable[int]) -> list[dict[str, str | None]]:
    """Return the moves that were made, and what others asked for about the account; without an
    address that it never had."""
    moves = Move.objects.filter(member__in=[member.pk, *merged]).order_by("pk")
    return [
        {
            "asked_at": move.created_at.isoformat(),
            "moved_at": move.changed_at.isoformat() if move.changed_at else None,
            "state": move.get_state_display(),
            "old_address": move.old_email,
            "new_address": move.new_email if move.changed_at else None,
            "reason": move.reason,
        }
        for move in moves
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
