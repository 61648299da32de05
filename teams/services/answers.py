"""Who comes to a meeting: answers, the places, and the waiting list that moves up.

Only this module writes answers, with the meeting locked, so that never more people come in person
than there are places, and no one waits while a place is free. Meetings are locked after members and
memberships.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import NamedTuple

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone

from members.batches import batched
from members.email_addresses import normalize_address
from members.models import Member, Organization
from members.normalize import clean_text
from members.services import Refused, lock_open_account, save_with_history
from members.services.moving import employer_shown_by
from teams.models import ActionTeam, Attendance, Meeting, Membership, team_keys
from teams.services.meeting_emails import email_guest_answer, email_place_free

Answer = Attendance.Answer
Status = Meeting.Status

# Reasons in the history.
ANSWERED = "answered"
GOT_PLACE = "a place opened up"
GAVE_UP = "may no longer see the meeting"
CLOSED = "account closed"

NOTHING_CHANGED = "Nothing was changed."
CLOSED_REASONS = {
    Status.DRAFT: "This meeting is not announced yet.",
    Status.CANCELLED: "This meeting is cancelled.",
    Status.HELD: "This meeting is over.",
}

ANSWERS_IN_WORDS: dict[str, str] = {
    Answer.IN_PERSON: "you will come",
    Answer.ONLINE: "you will join online",
    Answer.NO: "you cannot come",
}
# The groups of AnswerCounts.
GROUPS: dict[str, str] = {Answer.IN_PERSON: "coming", Answer.ONLINE: "online", Answer.NO: "no"}
GROUP_LABELS = {
    "coming": "Will come",
    "online": "Will join online",
    "no": "Cannot come",
    "waiting": "On the waiting list",
}


class AnswerCounts(NamedTuple):
    """How many people come in person, join online, cannot come, and wait for a place."""

    coming: int = 0
    online: int = 0
    no: int = 0
    waiting: int = 0


class AnswerGroup(NamedTuple):
    """The people who gave one answer: those whom the reader may know, and how many others."""

    label: str
    people: list[Member]
    others: int

    @property
    def number(self) -> int:
        return len(self.people) + self.others


def answer_meeting(meeting: Meeting, member: Member, answer: str) -> Attendance:
    """Store what `member` answers to `meeting`; return the stored answer.

    Where all places are taken, a member who wants to come in person waits, last in line. Repeating
    an answer changes nothing; a different one gives up a place, which the first in line gets.
    Refuses a closed account, an answer that is not offered, one that comes too late, and a meeting
    that the member may not see.
    """
    with transaction.atomic():
        member = lock_open_account(member)
        # A process that ends one of these waits, and then finds the answer.
        active = Membership.objects.of(member).active().order_by("pk")
        list(active.select_for_update(of=("self",), no_key=True))
        meeting = lock_meeting(meeting)
        if not Meeting.objects.visible_to(member).filter(pk=meeting.pk).exists():
            raise Refused(f"You can no longer see this meeting. {NOTHING_CHANGED}")
        refuse_if_closed(meeting)
        answer = _offered_answer(meeting, answer, may_join_online=may_join_online(member))
        stored = Attendance.objects.filter(meeting=meeting, member=member).first()
        attendance = stored or Attendance(meeting=meeting, member=member)
        _save_answer(attendance, answer, by=member, organization=member.organization)
    return attendance


def answer_as_guest(meeting: Meeting, name: str, email: str, answer: str) -> Attendance:
    """Store the answer of a visitor, whose address `email` is proven, to a public meeting; return
    the stored answer. The address of a member answers as that member.

    Else as `answer_meeting`: guests come in person, or cannot come, and an email says what they
    answered.
    """
    email = normalize_address(email)
    account = Member.objects.account_of(email)
    if account:
        return answer_meeting(meeting, account, answer)
    with transaction.atomic():
        meeting = lock_meeting(meeting)
        by_email = Attendance.objects.filter(meeting=meeting, guest_email=email)
        is_public = Meeting.objects.public().filter(pk=meeting.pk).exists()
        # Guests who answered before can still change their answer.
        if not (is_public or by_email.exists()):
            raise Refused(f"This meeting is no longer public. {NOTHING_CHANGED}")
        refuse_if_closed(meeting)
        answer = _offered_answer(meeting, answer, may_join_online=False)
        # The history holds nothing about guests.
        by_email.update(guest_name=clean_text(name))
        attendance = by_email.first() or Attendance(
            meeting=meeting, guest_email=email, guest_name=clean_text(name)
        )
        if _save_answer(attendance, answer, by=None, organization=employer_shown_by(email)):
            email_guest_answer(attendance)
    return attendance


def lock_meeting(meeting: Meeting) -> Meeting:
    """Return the stored `meeting`, locked until the transaction ends."""
    return Meeting.objects.select_for_update(no_key=True).get(pk=meeting.pk)


def refuse_if_closed(meeting: Meeting) -> None:
    """Refuse answers to `meeting` while it takes none, saying why."""
    if meeting.takes_answers:
        return
    if meeting.is_over:
        reason = CLOSED_REASONS[Status.HELD]
    elif meeting.status in CLOSED_REASONS:
        reason = CLOSED_REASONS[Status(meeting.status)]
    elif meeting.has_begun:
        reason = "This meeting has begun."
    else:
        reason = "The deadline to answer has passed."
    raise Refused(f"{reason} {NOTHING_CHANGED}")


def may_join_online(person: Member) -> bool:
    """Return whether `person` may have the link to join a meeting that they can see: members of a
    team and facilitators may."""
    return bool(team_keys(person))


def offered_answers(meeting: Meeting, *, may_join_online: bool) -> list[Answer]:
    """Return the answers that `meeting` offers a person, in the order of its buttons. Where it is
    held only online, "I will come" means online."""
    if not meeting.is_in_person:
        return [Answer.IN_PERSON, Answer.NO] if may_join_online else []
    if meeting.is_online and may_join_online:
        return [Answer.IN_PERSON, Answer.ONLINE, Answer.NO]
    return [Answer.IN_PERSON, Answer.NO]


def is_outdated(meeting: Meeting, attendance: Attendance | None) -> bool:
    """Return whether the person has to answer again: the meeting was moved, and is no longer held
    in person, or online, as they chose it."""
    if attendance is None:
        return False
    is_gone = {
        Answer.IN_PERSON: not meeting.is_in_person,
        Answer.ONLINE: not meeting.is_online,
    }
    return is_gone.get(Answer(attendance.answer), False) if attendance.answer else False


def _offered_answer(meeting: Meeting, answer: str, *, may_join_online: bool) -> Answer:
    """Return `answer` as it is stored; refuse one that is not offered."""
    offered = offered_answers(meeting, may_join_online=may_join_online)
    if not offered:
        raise Refused("This meeting is online and for members of a team. Join a team to take part.")
    if not meeting.is_in_person and answer in Attendance.COMING:
        return Answer.ONLINE
    if answer not in offered:
        raise Refused(f"Choose one of the answers on the meeting page. {NOTHING_CHANGED}")
    return Answer(answer)


def _save_answer(
    attendance: Attendance,
    answer: Answer,
    *,
    by: Member | None,
    organization: Organization | None,
) -> bool:
    """Store `answer`, with the meeting locked, and return whether it is a new one. Repeating an
    answer keeps the place, or the place in line."""
    if attendance.answer == answer:
        return False
    gives_up_place = has_place(attendance)
    now = timezone.now()
    free = free_places(attendance.meeting) if answer == Answer.IN_PERSON else None
    save_with_history(
        attendance,
        by,
        ANSWERED,
        answer=answer,
        answered_at=now,
        waiting_since=None if free is None or free > 0 else now,
        organization=organization,
    )
    if gives_up_place:
        move_up_waiting(attendance.meeting)
    return True


def has_place(attendance: Attendance) -> bool:
    """Return whether the person comes in person, and does not wait for a place."""
    return attendance.answer == Answer.IN_PERSON and attendance.waiting_since is None


def free_places(meeting: Meeting) -> int | None:
    """Return how many places `meeting`, which is locked, has left; negative where it lost some;
    None without a limit."""
    if meeting.places is None:
        return None
    in_person = meeting.attendances.coming().filter(answer=Answer.IN_PERSON)
    return meeting.places - in_person.count()


def move_up_waiting(meeting: Meeting) -> list[Attendance]:
    """Give the free places of `meeting`, which the caller has locked, to those who wait, in their
    order, each with an email; return their answers. Nobody moves up once it has begun, or where it
    does not take place, or only online."""
    if meeting.status != Status.ANNOUNCED or meeting.has_begun or not meeting.is_in_person:
        return []
    free = free_places(meeting)
    waiting = meeting.attendances.waiting().select_related("member")
    moved_up = list(waiting if free is None else waiting[: max(free, 0)])
    for attendance in moved_up:
        attendance.meeting = meeting
        # With the time of the answer, by which an undo sees whether there is a newer one.
        answered_at = attendance.answered_at
        save_with_history(attendance, None, GOT_PLACE, waiting_since=None, answered_at=answered_at)
        email_place_free(attendance)
    return moved_up


def withdraw_answers(members: Iterable[int], *, by: Member | None, closed: bool = False) -> None:
    """Let the members with these keys, whose memberships have just changed in this transaction,
    give up their places in meetings to come that they may no longer see; with `closed`, in all.
    People who wait move up.

    These members then count as not having answered, and can answer again if they return.
    """
    upcoming: dict[int, set[int]] = defaultdict(set)
    for batch in batched(sorted(set(members))):
        answers = Attendance.objects.filter(member__in=batch, meeting__starts_at__gt=timezone.now())
        for member, meeting in answers.exclude(answer="").values_list("member", "meeting"):
            upcoming[member].add(meeting)
    withdrawn: dict[int, set[int]] = defaultdict(set)
    for member in Member.objects.filter(pk__in=upcoming):
        seen = set() if closed else _seen_by(member, upcoming[member.pk])
        for meeting in upcoming[member.pk] - seen:
            withdrawn[meeting].add(member.pk)
    for meeting in sorted(withdrawn):
        _withdraw(meeting, withdrawn[meeting], by, CLOSED if closed else GAVE_UP)


def _seen_by(member: Member, meetings: Collection[int]) -> set[int]:
    visible = Meeting.objects.visible_to(member).filter(pk__in=meetings).order_by()
    return set(visible.values_list("pk", flat=True))


def _withdraw(meeting: int, members: Collection[int], by: Member | None, why: str) -> None:
    """Take back these members' answers to the meeting with this key; people who wait move up."""
    locked = Meeting.objects.select_for_update(no_key=True).get(pk=meeting)
    answers = locked.attendances.filter(member__in=members).exclude(answer="").order_by("pk")
    for attendance in answers:
        save_with_history(attendance, by, why, answer="", waiting_since=None)
    move_up_waiting(locked)


def answers_of(
    person: Member | AnonymousUser, meetings: Iterable[Meeting]
) -> dict[int, Attendance]:
    """Return what `person` answered to each of `meetings`, by the key of the meeting."""
    if not isinstance(person, Member):
        return {}
    answers = Attendance.objects.filter(member=person, meeting__in=[each.pk for each in meetings])
    return {attendance.meeting_id: attendance for attendance in answers}


def number_in_line(attendance: Attendance) -> int:
    """Return this person's number on the waiting list: 1 is the next to get a place."""
    waiting = Attendance.objects.filter(meeting=attendance.meeting_id).waiting()
    before = Q(waiting_since__lt=attendance.waiting_since) | Q(
        waiting_since=attendance.waiting_since, pk__lt=attendance.pk
    )
    return waiting.filter(before).count() + 1


def answer_counts(meeting: Meeting) -> AnswerCounts:
    """Return how many people gave each answer to `meeting`."""
    return counts_of([meeting.pk])[meeting.pk]


def counts_of(meetings: Collection[int]) -> dict[int, AnswerCounts]:
    """Return how many people gave each answer, for the meetings with these keys, in one query."""
    numbers = {
        "coming": Count("pk", filter=Q(waiting_since=None, answer=Answer.IN_PERSON)),
        "online": Count("pk", filter=Q(answer=Answer.ONLINE)),
        "no": Count("pk", filter=Q(answer=Answer.NO)),
        "waiting": Count("pk", filter=Q(waiting_since__isnull=False)),
    }
    answers = Attendance.objects.filter(meeting__in=meetings).order_by()
    by_meeting = answers.values("meeting_id").annotate(**numbers)
    fields = by_meeting.values_list("meeting_id", *AnswerCounts._fields)
    counts = {key: AnswerCounts(*each) for key, *each in fields}
    return {key: counts.get(key, AnswerCounts()) for key in meetings}


def people_who_answered(meeting: Meeting, keys: Collection[int]) -> list[AnswerGroup]:
    """Return who gave each answer to `meeting`, for a reader in the teams with these keys: the
    members of these teams and their facilitators by name, all others as a number."""
    active = Membership.objects.active().filter(team__in=keys, member=OuterRef("member"))
    facilitators = ActionTeam.facilitators.through.objects
    facilitating = facilitators.filter(actionteam__in=keys, member=OuterRef("member"))
    answers = meeting.attendances.exclude(answer="").filter(member__is_active=True)
    named = answers.filter(Exists(active) | Exists(facilitating))
    people: dict[str, list[Member]] = defaultdict(list)
    for attendance in named.select_related("member__organization").order_by("member__full_name"):
        group = "waiting" if attendance.waiting_since else GROUPS[attendance.answer]
        if attendance.member:
            people[group].append(attendance.member)
    groups = [
        AnswerGroup(GROUP_LABELS[group], people[group], number - len(people[group]))
        for group, number in answer_counts(meeting)._asdict().items()
    ]
    return [group for group in groups if group.number]
