"""Answering a meeting: members with one press, visitors with a code, everyone by a link in an
email; and who else comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from members.auth.backends import current_member
from members.decorators import post_only
from members.models import Member
from members.services import Refused
from teams.answer_links import AnswerLink, resolve_answer_token
from teams.models import Attendance, Meeting, team_keys
from teams.services.answers import (
    ANSWERS_IN_WORDS,
    Answer,
    AnswerCounts,
    answer_as_guest,
    answer_meeting,
    answers_of,
    counts_of,
    is_outdated,
    number_in_line,
    offered_answers,
    people_who_answered,
)

# Where a press leads back to, by the value of `next` in its form; else to the meeting.
RETURN_PAGES = {"my": "my_teams", "joined": "join_done"}


@dataclass(frozen=True)
class AnswerPanel:
    """What a page shows of the answers to one meeting, and what its reader can press."""

    meeting: Meeting
    # Of the reader.
    attendance: Attendance | None
    offered: Sequence[Answer]
    counts: AnswerCounts

    @property
    def answer(self) -> str:
        """The reader's answer as the page offers it; empty if there is none. Where the meeting is
        only online, "I will come" means that. One that has to be given again is none."""
        if self.is_outdated:
            return ""
        stored: str = self.attendance.answer if self.attendance else ""
        if stored == Answer.ONLINE and not self.meeting.is_in_person:
            return Answer.IN_PERSON
        return stored

    @property
    def is_outdated(self) -> bool:
        """Whether the reader has to answer again, because of where the meeting is now."""
        return is_outdated(self.meeting, self.attendance)

    @property
    def is_waiting(self) -> bool:
        is_in_line = self.attendance and self.attendance.waiting_since
        return bool(is_in_line) and not self.is_outdated

    @property
    def number_in_line(self) -> int:
        """How many wait up to the reader, who waits; one query."""
        return number_in_line(self.attendance) if self.attendance else 0

    @property
    def is_full(self) -> bool:
        """Whether all places in person are taken."""
        places = self.meeting.places
        return self.meeting.is_in_person and places is not None and self.counts.coming >= places

    @property
    def counts_in_words(self) -> str:
        """How many people gave each answer, as a sentence; where it is held one way, all who come
        are counted together."""
        coming, online, no, waiting = self.counts
        if not (self.meeting.is_in_person and self.meeting.is_online):
            coming, online = coming + online, 0
        if not self.meeting.is_in_person:
            coming, waiting = coming + waiting, 0
        parts = [
            (coming, "is coming", "are coming"),
            (online, "is joining online", "are joining online"),
            (waiting, "is waiting for a place", "are waiting for a place"),
            (no, "cannot come", "cannot come"),
        ]
        words = [
            f"{number} {one if number == 1 else more}" for number, one, more in parts if number
        ]
        return f"{', '.join(words)}."

    @property
    def in_words(self) -> str:
        """What the reader answered, in their words; empty if they did not."""
        if self.is_waiting:
            return "You are on the waiting list"
        return ANSWERS_IN_WORDS[self.answer].capitalize() if self.answer else ""


def answer_panels(
    meetings: Sequence[Meeting], person: Member | AnonymousUser, keys: Sequence[int]
) -> dict[int, AnswerPanel]:
    """Return what the page of `person` shows of the answers to each of `meetings`, by key, in two
    queries for any number of them. `keys` are the `team_keys` of `person`."""
    own = answers_of(person, meetings)
    counts = counts_of([meeting.pk for meeting in meetings])
    return {
        meeting.pk: AnswerPanel(
            meeting,
            own.get(meeting.pk),
            offered_answers(meeting, may_join_online=bool(keys)) if meeting.takes_answers else [],
            counts[meeting.pk],
        )
        for meeting in meetings
    }


@post_only("meeting_detail")
def meeting_answer(request: HttpRequest, slug: str) -> HttpResponse:
    """Store what a member answers, with one press, and lead back to where it was."""
    member = current_member(request)
    meeting = get_object_or_404(Meeting.objects.visible_to(member), slug=slug)
    try:
        attendance = answer_meeting(meeting, member, request.POST.get("answer", ""))
    except Refused as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, describe_answer(attendance))
    page = RETURN_PAGES.get(request.POST.get("next", ""))
    return redirect(page or meeting.get_absolute_url())


def describe_answer(attendance: Attendance) -> str:
    """Return which answer is stored now, as a message for the person who gave it."""
    title = attendance.meeting.title
    if attendance.waiting_since:
        number = number_in_line(attendance)
        return (
            f"{title}: all places are taken. You are number {number} on the waiting list. We will "
            "email you when there is a place for you."
        )
    return f"{title}: we have your answer that {ANSWERS_IN_WORDS[attendance.answer]}."


@require_safe
def meeting_people(request: HttpRequest, slug: str) -> HttpResponse:
    """Show members who is coming: the names of people in their own teams, and how many others. For
    people who are in no team, this page does not exist."""
    member = current_member(request)
    keys = team_keys(member)
    meeting = get_object_or_404(Meeting.objects.visible_to(member, keys), slug=slug)
    if not keys or meeting.status == Meeting.Status.DRAFT:
        raise Http404
    groups = people_who_answered(meeting, keys)
    return render(request, "teams/meeting_people.html", {"meeting": meeting, "groups": groups})


# The link in an email ------------------------------------------------------------------------


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def meeting_answer_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show the answer of the person whose email has this link, and store another one.

    Email scanners open every link, so opening it changes nothing. It signs nobody in, and shows
    neither people nor the link to join.
    """
    link = resolve_answer_token(token)
    if link is None or not _may_answer(link):
        return render(request, "teams/meeting_answer_old_link.html", status=404)
    if request.method == "POST":
        return _answer_by_link(request, link, request.POST.get("answer", ""), token)
    return render(request, "teams/meeting_answer_link.html", {"panel": _panel_of(link)})


def _may_answer(link: AnswerLink) -> bool:
    """Return whether the meeting still exists for the person: for a guest, who has answered it
    before, also one that is no longer public."""
    if link.member is None:
        return link.meeting.status != Meeting.Status.DRAFT
    return Meeting.objects.visible_to(link.member).filter(pk=link.meeting.pk).exists()


def _panel_of(link: AnswerLink) -> AnswerPanel:
    if link.member:
        panels = answer_panels([link.meeting], link.member, team_keys(link.member))
        return panels[link.meeting.pk]
    offered = offered_answers(link.meeting, may_join_online=False)
    counts = counts_of([link.meeting.pk])[link.meeting.pk]
    is_open = link.meeting.takes_answers
    return AnswerPanel(link.meeting, link.guest, offered if is_open else [], counts)


def _answer_by_link(
    request: HttpRequest, link: AnswerLink, answer: str, token: str
) -> HttpResponse:
    try:
        if link.member:
            attendance = answer_meeting(link.meeting, link.member, answer)
        elif link.guest:
            name, email = link.guest.guest_name, link.guest.guest_email
            attendance = answer_as_guest(link.meeting, name, email, answer)
    except Refused as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, describe_answer(attendance))
    return redirect("meeting_answer_link", token=token)
