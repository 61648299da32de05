"""What can happen to a meeting: rules and transactions.

DRAFT --announce--> ANNOUNCED --hold--> HELD
                     |      ^
                  cancel  revive
                     v      |
                    CANCELLED

This module alone writes the status. Each step locks the meeting, so that if two
facilitators act at the same time, the second one learns what the first has done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from copy import copy
from datetime import datetime, time, timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import get_text_list, slugify

from members.dates import long_date
from members.models import Member
from members.normalize import clean_text
from members.services import Refused, delete_with_history, explain_change, save_with_history
from members.wording import end_sentence
from teams.local_times import same_weekday_later
from teams.meeting_times import time_range
from teams.models import ActionTeam, Meeting, ResourceSuggestion
from teams.models.meetings import team_keys
from teams.services.answers import move_up_waiting, withdraw_answers
from teams.services.meeting_emails import email_announced, email_cancelled, email_moved

Status = Meeting.Status

# Of the addresses; the number that tells two of them apart comes after it.
MAX_SLUG_CHARACTERS = 120
MONTHS_TO_COPY = 3
# What people must hear about: changed only by moving the meeting.
MOVED_FIELDS = frozenset({"starts_at", "ends_at", "place", "join_url"})
CHANGEABLE_FIELDS = MOVED_FIELDS | {
    "kind", "title", "audience", "agenda", "minutes", "places", "answer_by",
}  # fmt: skip


@transaction.atomic
def create_meeting(meeting: Meeting, teams: Sequence[ActionTeam], *, by: Member) -> Meeting:
    """Store `meeting`, which is new, as a draft of `teams` (none: of the whole Collaborative), and
    return it. Refuses teams that `by` does not facilitate, and what makes no sense."""
    _refuse_teams_of_others([], teams, by)
    _refuse_unclear(meeting, teams)
    meeting.status, meeting.slug = Status.DRAFT, _free_slug(meeting)
    try:
        with transaction.atomic():
            save_with_history(meeting, by, "planned")
    except IntegrityError as error:
        raise Refused(
            "Someone just planned a meeting with the same title. Check the list, and save again "
            "if yours is a different one."
        ) from error
    _set_teams(meeting, teams, by)
    return meeting


@transaction.atomic
def change_meeting(
    meeting: Meeting, *, by: Member, teams: Sequence[ActionTeam] | None = None, **changes: Any
) -> Meeting:
    """Change fields of `meeting`, and its teams if given; return the stored meeting.

    Refuses time and place of one that was announced, which `move_meeting` changes, so that people
    hear of it; for a facilitator also adding or removing teams of others.
    """
    if unknown := set(changes) - CHANGEABLE_FIELDS:
        raise TypeError(f"Not changed here: {', '.join(sorted(unknown))}")
    meeting = _lock_meeting(meeting, by)
    changes = {name: value for name, value in changes.items() if getattr(meeting, name) != value}
    before = list(meeting.teams.all())
    after = before if teams is None else list(teams)
    _refuse_teams_of_others(before, after, by)
    changed = copy(meeting)
    for name, value in changes.items():
        setattr(changed, name, value)
    _refuse_unclear(changed, after)
    if meeting.status != Status.DRAFT:
        _refuse_silent_move(meeting, changes)
        _refuse_draft_teams(after)
    # The address is permanent once someone may know it.
    elif meeting.sequence == 0 and (slug := _free_slug(changed)) != meeting.slug:
        changes["slug"] = slug
    if changes:
        save_with_history(meeting, by, "changed", **changes)
    has_other_teams = set(after) != set(before)
    if has_other_teams:
        _set_teams(meeting, after, by)
    if has_other_teams or "audience" in changes:
        answers = meeting.attendances.exclude(member=None).order_by()
        withdraw_answers(answers.values_list("member", flat=True), by=by)
    move_up_waiting(meeting)
    return meeting


@transaction.atomic
def announce_meeting(meeting: Meeting, *, by: Member, max_emails: int | None = None) -> Meeting:
    """Announce a draft: from now on it is on the pages of those who may see it, and the members of
    its teams get an email. Return the stored meeting.

    Refuses one that begins in the past, has neither place nor link, or whose team is a draft. For
    a preview, here and below, `max_emails` are written.
    """
    meeting = _lock_meeting(meeting, by, Status.DRAFT)
    teams = list(meeting.teams.all())
    _refuse_unclear(meeting, teams)
    _refuse_draft_teams(teams)
    _refuse_past(meeting.starts_at)
    _refuse_nowhere(meeting.place, meeting.join_url)
    if meeting.answer_by and meeting.answer_by <= timezone.now():
        raise Refused("The deadline to answer has passed. Change it, or leave it empty.")
    now = timezone.now()
    save_with_history(meeting, by, "announced", status=Status.ANNOUNCED, announced_at=now)
    email_announced(meeting, max_emails=max_emails)
    return meeting


@transaction.atomic
def move_meeting(
    meeting: Meeting,
    *,
    starts_at: datetime,
    ends_at: datetime,
    place: str | None = None,
    join_url: str | None = None,
    answer_by: datetime | None = None,
    by: Member,
    max_emails: int | None = None,
) -> Meeting:
    """Give an announced meeting another time or place; return the stored meeting.

    `place` and `join_url` remain as they are where they are None. Without `answer_by` answers end
    as long before the meeting as they did. Everyone is reminded of the new time. One that has begun
    can still change its place and its end. Refuses a meeting that is over, a time in the past, and
    a move that changes nothing.
    """
    meeting = _lock_meeting(meeting, by, Status.ANNOUNCED)
    _refuse_over(meeting, "moved")
    place = meeting.place if place is None else clean_text(place)
    join_url = meeting.join_url if join_url is None else join_url.strip()
    target = {"starts_at": starts_at, "ends_at": ends_at, "place": place, "join_url": join_url}
    changes = {name: value for name, value in target.items() if getattr(meeting, name) != value}
    if not changes:
        raise Refused("The time and place are the same as before. Change one of them.")
    _refuse_impossible_move(meeting, starts_at, ends_at)
    _refuse_nowhere(place, join_url)
    old_start = meeting.starts_at
    if starts_at != old_start:
        changes |= {"moved_from": old_start, "reminded_at": None, "answers_asked_at": None}
    if meeting.answer_by and not answer_by:
        answer_by = _as_long_before(meeting.answer_by, old_start, starts_at)
    if answer_by:
        changes["answer_by"] = answer_by if timezone.now() < answer_by < starts_at else None
    before = copy(meeting)
    save_with_history(meeting, by, f"moved; it was on {time_range(before)}", **changes)
    email_moved(meeting, before, max_emails=max_emails)
    # Places may have become free while it was held online only.
    move_up_waiting(meeting)
    return meeting


@transaction.atomic
def cancel_meeting(
    meeting: Meeting, *, reason: str, by: Member, max_emails: int | None = None
) -> Meeting:
    """Cancel an announced meeting for `reason`, one sentence that everyone reads who may see it;
    return the stored meeting. Refuses one that is over, and a missing reason."""
    reason = clean_text(reason)
    meeting = _lock_meeting(meeting, by, Status.ANNOUNCED)
    _refuse_over(meeting, "cancelled")
    limit = Meeting._meta.get_field("cancelled_reason").max_length or 0
    if not reason:
        raise Refused("Say in one sentence why the meeting is cancelled.")
    if len(reason) > limit:
        raise Refused(f"Say why in at most {limit} characters.")
    changes = {"status": Status.CANCELLED, "cancelled_reason": reason}
    save_with_history(meeting, by, "cancelled", **changes)
    email_cancelled(meeting, max_emails=max_emails)
    return meeting


@transaction.atomic
def revive_meeting(meeting: Meeting, *, by: Member, max_emails: int | None = None) -> Meeting:
    """Let a cancelled meeting take place after all, under the same address and in the same entry
    of calendars; return the stored meeting. Refuses one whose time has come."""
    meeting = _lock_meeting(meeting, by, Status.CANCELLED)
    if meeting.has_begun:
        raise Refused(
            f"“{meeting}” would have begun on {long_date(meeting.starts_at)}. Copy it to plan "
            "a new one. Nothing was changed."
        )
    _refuse_draft_teams(list(meeting.teams.all()))
    save_with_history(
        meeting,
        by,
        "takes place after all",
        status=Status.ANNOUNCED,
        cancelled_reason="",
        # It is reminded of once more.
        reminded_at=None,
        answers_asked_at=None,
    )
    email_announced(meeting, again=True, max_emails=max_emails)
    # Who has left meanwhile has given up a place.
    move_up_waiting(meeting)
    return meeting


@transaction.atomic
def copy_meeting(meeting: Meeting, *, by: Member) -> Meeting:
    """Return a new draft like `meeting`, three months later on the same weekday of the month and
    at the same hours in Central Time; of an old one as many quarters later as bring it into the
    future. Without minutes, links and answers. Refuses teams that `by` does not facilitate.

    Such a draft that is there already is returned as it is: the button may be pressed twice."""
    Meeting.objects.select_for_update(no_key=True).get(pk=meeting.pk)
    teams = list(meeting.teams.all())
    months = MONTHS_TO_COPY
    start = meeting.local_start
    today = timezone.localdate()
    while (day := same_weekday_later(start.date(), months)) <= today:
        months += MONTHS_TO_COPY
    shift = day - start.date()
    same = ("kind", "title", "place", "join_url", "audience", "agenda", "places")
    later = Meeting(
        starts_at=_days_later(meeting.starts_at, shift),
        ends_at=_days_later(meeting.ends_at, shift),
        answer_by=_days_later(meeting.answer_by, shift) if meeting.answer_by else None,
        **{name: getattr(meeting, name) for name in same},
    )
    drafts = Meeting.objects.editable_by(by).filter(status=Status.DRAFT, title=later.title)
    for draft in drafts.filter(starts_at=later.starts_at).prefetch_related("teams"):
        if set(draft.teams.all()) == set(teams):
            return draft
    return create_meeting(later, teams, by=by)


@transaction.atomic
def hold_meeting(meeting: Meeting, *, by: Member | None) -> Meeting:
    """Note that an announced meeting took place (by None: nobody said so, its day is over); return
    the stored meeting. One that was held already remains so. Refuses one that has not begun."""
    meeting = _lock_meeting(meeting, by, Status.ANNOUNCED, Status.HELD)
    if not meeting.has_begun:
        raise Refused(f"“{meeting}” has not begun. Nothing was changed.")
    if meeting.status != Status.HELD:
        save_with_history(meeting, by, "took place", status=Status.HELD)
    return meeting


def hold_past_meetings() -> int:
    """Hold what was announced and ended before today, in Central Time; return how many."""
    today = timezone.make_aware(datetime.combine(timezone.localdate(), time.min))
    past = Meeting.objects.filter(status=Status.ANNOUNCED, ends_at__lte=today)
    count = 0
    for meeting in past.order_by("pk"):
        with transaction.atomic():
            locked = Meeting.objects.select_for_update(no_key=True).get(pk=meeting.pk)
            if locked.status == Status.ANNOUNCED and locked.ends_at <= today:
                hold_meeting(locked, by=None)
                count += 1
    return count


@transaction.atomic
def delete_meeting(meeting: Meeting, *, by: Member) -> None:
    """Delete a draft, and its links, which nobody has seen. Refuses what was announced, and what
    people have answered to."""
    meeting = _lock_meeting(meeting, by, Status.DRAFT)
    if meeting.attendances.exists():
        raise Refused(
            "People answered this meeting while it was announced. Announce it again, and cancel "
            "it with a reason. Nothing was changed."
        )
    resources = list(meeting.resources.all())
    if ResourceSuggestion.objects.filter(published_as__in=resources).exists():
        raise Refused(
            "A suggested resource belongs to this meeting. Choose another meeting for it first. "
            "Nothing was changed."
        )
    for resource in resources:
        delete_with_history(resource, by, "deleted with the draft of its meeting")
    if meeting.announcements.exists():
        raise Refused(
            "There is a draft announcement to the attendees of this meeting. Delete it first. "
            "Nothing was changed."
        )
    explain_change(meeting, by, "deleted as a draft")
    meeting.delete()


def check_plan(
    meeting: Meeting,
    teams: Sequence[ActionTeam],
    *,
    by: Member,
    before: Sequence[ActionTeam] = (),
) -> None:
    """Refuse, before anything is stored, what `create_meeting` and `change_meeting` would refuse
    of `meeting` with these teams; `before` are those that it has."""
    _refuse_teams_of_others(before, teams, by)
    _refuse_unclear(meeting, teams)
    if meeting.status != Status.DRAFT:
        _refuse_draft_teams(teams)


def join_url_for(meeting: Meeting, person: Member | AnonymousUser) -> str:
    """Return the link to join `meeting` online for a member of a team who may see it, until it is
    over; else an empty text. Two queries at most. It is never in a page, calendar or email for
    others than members, nor in a log or an export."""
    if not meeting.join_url or not meeting.can_be_joined:
        return ""
    if not isinstance(person, Member) or not team_keys(person):
        return ""
    is_seen = Meeting.objects.visible_to(person).filter(pk=meeting.pk).exists()
    return meeting.join_url if is_seen else ""


def _lock_meeting(meeting: Meeting, by: Member | None, *statuses: Status) -> Meeting:
    """Return the stored `meeting`, locked until the transaction ends. Refuses one that `by` does
    not plan (None: the portal), and one with another status than `statuses`, if there are any."""
    stored = Meeting.objects.select_for_update(no_key=True).filter(pk=meeting.pk).first()
    if stored is None:
        raise Refused("This meeting no longer exists. Nothing was changed.")
    if by and not Meeting.objects.editable_by(by).filter(pk=stored.pk).exists():
        who = "its facilitators" if stored.teams.exists() else "administrators"
        raise Refused(f"“{stored}” is planned by {who}. Nothing was changed.")
    if statuses and stored.status not in statuses:
        raise Refused(f"“{stored}” {_what_became_of(stored)} Nothing was changed.")
    return stored


def _what_became_of(meeting: Meeting) -> str:
    if meeting.status == Status.DRAFT:
        return "is a draft. Change or delete it."
    if meeting.status == Status.ANNOUNCED and meeting.announced_at:
        return f"was announced on {long_date(meeting.announced_at)}."
    if meeting.status == Status.HELD:
        return f"took place on {long_date(meeting.starts_at)}."
    return f"is already cancelled: {end_sentence(meeting.cancelled_reason)}"


def _set_teams(meeting: Meeting, teams: Iterable[ActionTeam], by: Member) -> None:
    explain_change(meeting, by, "teams chosen")
    meeting.teams.set(teams)
    # Their names stand before its title in calendars.
    meeting.changed_at = timezone.now()
    Meeting.objects.filter(pk=meeting.pk).update(changed_at=meeting.changed_at)


def _refuse_teams_of_others(
    before: Sequence[ActionTeam], after: Sequence[ActionTeam], by: Member
) -> None:
    """Refuse a facilitator a meeting of the whole Collaborative, and adding or removing teams
    whose meetings others plan."""
    if by.is_superuser and by.is_staff:
        return
    if not after:
        raise Refused(
            "Meetings of the whole Collaborative are planned by administrators. Choose one of your "
            "teams."
        )
    own = set(ActionTeam.objects.facilitated_by(by)) if by.is_staff else set()
    if others := (set(before) ^ set(after)) - own:
        names = get_text_list(sorted(team.name for team in others), "and")
        raise Refused(
            f"You do not facilitate {names}. Only its facilitators or an administrator can add or "
            "remove it. Nothing was changed."
        )


def _refuse_unclear(meeting: Meeting, teams: Sequence[ActionTeam]) -> None:
    """Refuse a meeting whose parts do not fit each other."""
    if not clean_text(meeting.title):
        raise Refused("Enter a title.")
    if meeting.ends_at <= meeting.starts_at:
        raise Refused("The meeting ends before it begins. Change one of the times.")
    if meeting.answer_by and meeting.answer_by > meeting.starts_at:
        raise Refused("The deadline to answer must be before the meeting begins.")
    if meeting.places is not None and meeting.places < 1:
        raise Refused("Enter at least 1 place, or leave it empty for no limit.")
    if not teams and meeting.kind == Meeting.Kind.TEAM:
        raise Refused("A team meeting needs a team. Choose a team, or another kind of meeting.")
    if not teams and meeting.audience == Meeting.Audience.TEAMS:
        raise Refused("This meeting has no team. Choose its teams, or change who sees it.")


def _refuse_silent_move(meeting: Meeting, changes: Collection[str]) -> None:
    if not MOVED_FIELDS.isdisjoint(changes):
        raise Refused(
            f"“{meeting}” is announced. To change its time or place, move it, so that everyone "
            "gets an email. Nothing was changed."
        )


def _refuse_impossible_move(meeting: Meeting, starts_at: datetime, ends_at: datetime) -> None:
    if ends_at <= starts_at:
        raise Refused("The meeting ends before it begins. Change one of the times.")
    if starts_at != meeting.starts_at:
        _refuse_past(starts_at)
    elif ends_at <= timezone.now():
        raise Refused("The new end is in the past. Choose a future time.")


def _refuse_draft_teams(teams: Iterable[ActionTeam]) -> None:
    drafts = [team.name for team in teams if team.state == ActionTeam.State.DRAFT]
    if drafts:
        names = get_text_list(sorted(drafts), "and")
        raise Refused(
            f"{names} is not published yet. Publish the team first, or choose another one."
        )


def _refuse_past(starts_at: datetime) -> None:
    if starts_at <= timezone.now():
        raise Refused("The time is in the past. Choose a future time.")


def _refuse_nowhere(place: str, join_url: str) -> None:
    if not (place or join_url):
        raise Refused("Enter where it is: a place, a link to join online, or both.")


def _refuse_over(meeting: Meeting, what: str) -> None:
    if meeting.is_over:
        raise Refused(
            f"“{meeting}” ended on {long_date(meeting.ends_at)}. It can no longer be {what}. "
            "Nothing was changed."
        )


def _free_slug(meeting: Meeting) -> str:
    """Return the address of `meeting`: its title and year, with a number where there is another
    meeting of this name."""
    name = slugify(meeting.title)[:MAX_SLUG_CHARACTERS].strip("-") or slugify(meeting.kind)
    stem = f"{name}-{meeting.local_start.year}"
    others = Meeting.objects.filter(slug__startswith=stem).exclude(pk=meeting.pk)
    taken = set(others.values_list("slug", flat=True))
    candidates = [stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 2))]
    return next(slug for slug in candidates if slug not in taken)


def _days_later(moment: datetime, shift: timedelta) -> datetime:
    """Return the same hour of Central Time, `shift` later. An hour that the clocks skip becomes the
    next one that exists."""
    local = timezone.localtime(moment).replace(tzinfo=None) + shift
    return timezone.make_aware(local)


def _as_long_before(moment: datetime, old_start: datetime, new_start: datetime) -> datetime:
    """Return the moment as far from `new_start` as `moment` was from `old_start`, by the clocks of
    Central Time."""
    return _days_later(moment, _by_the_clock(new_start) - _by_the_clock(old_start))


def _by_the_clock(moment: datetime) -> datetime:
    return timezone.localtime(moment).replace(tzinfo=None)
