"""The pages of who came to a meeting: ticks, a pasted list, and who has not answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import Truncator, get_text_list
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from desk.changelist import counted, require_staff
from desk.records.attendance.forms import (
    NEW_GUEST,
    EntryForm,
    ListForm,
    TicksForm,
    attendance_key,
)
from members.batches import batched
from members.models import Member, Organization
from members.normalize import normalize_organization_name
from members.services import Refused
from teams.attendee_lists import read_attendees
from teams.meeting_times import time_range
from teams.models import Attendance, Meeting
from teams.services import visible_meetings
from teams.services.attendance import (
    Attendee,
    NewGuest,
    attendance_counts,
    attendees_by_key,
    record_attendance,
    unanswered_members,
    visible_attendance,
)
from teams.services.attendee_matching import AttendeeMatches, Match, match_attendees

PEOPLE_PER_PAGE = 200
# Of a list, in the message about it.
MAX_NAMED = 5
MAX_CHARACTERS_NAMED = 40


def planned_meeting(request: HttpRequest, pk: int) -> tuple[Meeting, Member]:
    """Return the meeting with the key `pk` and the person at the desk, who plans it; any other
    meeting is a 404."""
    staff = require_staff(request)
    return get_object_or_404(Meeting.objects.editable_by(staff), pk=pk), staff


def read_meeting(request: HttpRequest, pk: int) -> tuple[Meeting, Member]:
    """Return the meeting with the key `pk` and the person at the desk, who may read it; any other
    meeting, and a draft that others plan, is a 404."""
    staff = require_staff(request)
    planned = Meeting.objects.editable_by(staff).order_by().values("pk")
    drafts_of_others = Q(status=Meeting.Status.DRAFT) & ~Q(pk__in=planned)
    return get_object_or_404(visible_meetings(staff).exclude(drafts_of_others), pk=pk), staff


def page_context(request: HttpRequest, meeting: Meeting, title: str) -> dict[str, Any]:
    """Return what all pages about one meeting show."""
    return {
        **admin.site.each_context(request),
        "title": title,
        "subtitle": None,
        "meeting": meeting,
        "when": time_range(meeting),
        "opts": Meeting._meta,
    }


@require_http_methods(["GET", "HEAD", "POST"])
def attendance(request: HttpRequest, pk: int) -> HttpResponse:
    """Show who said they would come, with a box to tick for those who did; store the ticks of a
    person who plans the meeting."""
    if request.method == "POST":
        return _store_ticks(request, *planned_meeting(request, pk))
    meeting, staff = read_meeting(request, pk)
    return _attendance_page(request, meeting, staff, ListForm())


def _attendance_page(
    request: HttpRequest, meeting: Meeting, staff: Member, list_form: ListForm
) -> HttpResponse:
    is_planned = Meeting.objects.editable_by(staff).filter(pk=meeting.pk).exists()
    visible = visible_attendance(meeting, staff).select_related("member", "organization")
    if not is_planned:
        # Only people who plan the meeting see its guests.
        visible = visible.exclude(member=None)
    people = visible.order_by("member__full_name", "guest_name", "pk")
    page = Paginator(people, PEOPLE_PER_PAGE).get_page(request.GET.get("page"))
    form = TicksForm(None, attendances=list(page))
    counts = attendance_counts(meeting)
    context = {
        **page_context(request, meeting, f"Attendance: {meeting}"),
        "form": form,
        "page": page,
        "groups": _groups(list(page)),
        "counts": counts,
        "others": counts.people - page.paginator.count,
        "is_planned": is_planned,
        "is_recordable": is_planned and meeting.has_begun and meeting.status in RECORDABLE,
        "list_form": list_form,
    }
    return TemplateResponse(request, "admin/teams/meeting/attendance.html", context)


RECORDABLE = (Meeting.Status.ANNOUNCED, Meeting.Status.HELD)


@dataclass(frozen=True)
class AttendanceGroup:
    """People of a page with the same kind of answer, each with the key of their box."""

    title: str
    people: list[tuple[str, Attendance]]


def _groups(attendances: Sequence[Attendance]) -> list[AttendanceGroup]:
    """Return the people in the order in which they are looked for: who said that they come, who
    waits for a place, who came without an answer, who cannot come."""
    titles = ["Said they will come", "On the waiting list", "Have not answered", "Cannot come"]
    groups = [AttendanceGroup(title, []) for title in titles]
    for attendance in attendances:
        if attendance.waiting_since:
            place = 1
        elif not attendance.answer:
            place = 2
        else:
            place = 0 if attendance.answer in Attendance.COMING else 3
        groups[place].people.append((attendance_key(attendance), attendance))
    return [group for group in groups if group.people]


def _store_ticks(request: HttpRequest, meeting: Meeting, staff: Member) -> HttpResponse:
    form = TicksForm(request.POST, attendances=[])
    form.full_clean()
    came, absent, unmarked = form.keys()
    try:
        people = attendees_by_key(meeting, came | absent | unmarked, staff)
        if (came | absent) - people.keys():
            raise Refused(
                "Someone on the list was removed or is not in your teams. Check the list and "
                "save again. Nothing was changed."
            )
        record_attendance(
            meeting,
            [people[key] for key in came],
            [people[key] for key in absent],
            absent_unless_marked=[people[key] for key in unmarked if key in people],
            by=staff,
        )
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"Saved. {describe_attendance(meeting)}")
    return HttpResponseRedirect(f"{_url('attendance', meeting)}{_page_query(request)}")


def _page_query(request: HttpRequest) -> str:
    page = request.GET.get("page", "")
    return f"?page={page}" if page.isascii() and page.isdecimal() else ""


def describe_attendance(meeting: Meeting) -> str:
    """Return how many people came, in a sentence."""
    counts = attendance_counts(meeting)
    sentence = f"{counted(counts.came, 'person', 'people')} came"
    if counts.absent:
        sentence += f", {counts.absent} who said they would come did not"
    return f"{sentence}."


def _url(page: str, meeting: Meeting) -> str:
    return reverse(f"admin:teams_meeting_{page}", args=[meeting.pk])


@require_POST
def attendance_check(request: HttpRequest, pk: int) -> HttpResponse:
    """Show whom a pasted list means; nothing is stored. An error is shown beside the list."""
    meeting, staff = planned_meeting(request, pk)
    list_form = ListForm(request.POST)
    if not list_form.is_valid():
        return _attendance_page(request, meeting, staff, list_form)
    text = list_form.cleaned_data["text"]
    matches = match_attendees(meeting, text, staff)
    return _check_page(request, meeting, text, matches, _entry_forms(text, matches, None, {}))


@require_POST
def attendance_store(request: HttpRequest, pk: int) -> HttpResponse:
    """Store who came, of a list that was checked. With an error the page is shown again."""
    meeting, staff = planned_meeting(request, pk)
    list_form = ListForm(request.POST)
    if not list_form.is_valid():
        return _attendance_page(request, meeting, staff, list_form)
    text = list_form.cleaned_data["text"]
    matches = match_attendees(meeting, text, staff)
    keys = {
        str(value) for name, value in request.POST.items() if name.endswith("-person") and value
    }
    people = attendees_by_key(meeting, keys - {NEW_GUEST}, staff)
    forms = _entry_forms(text, matches, request.POST, people)
    if not all(form.is_valid() for form in forms):
        return _check_page(request, meeting, text, matches, forms)
    came: list[Attendee] = []
    guests: list[NewGuest] = []
    for person in (form.chosen() for form in forms):
        if isinstance(person, NewGuest):
            guests.append(person)
        elif person:
            came.append(person)
    try:
        record_attendance(meeting, came, by=staff, new_guests=guests)
    except Refused as refusal:
        messages.error(request, str(refusal))
        return _check_page(request, meeting, text, matches, forms)
    left_out = [form.match.entry.text for form in forms if form.chosen() is None]
    left_out += matches.left_out
    messages.success(request, f"Saved. {describe_attendance(meeting)} {_left_out(left_out)}")
    return HttpResponseRedirect(_url("attendance", meeting))


def _left_out(texts: Sequence[str]) -> str:
    """Return a sentence about what of the list was not recorded, or nothing."""
    if not texts:
        return ""
    named = [f"“{Truncator(text).chars(MAX_CHARACTERS_NAMED)}”" for text in texts[:MAX_NAMED]]
    if len(texts) > MAX_NAMED:
        named.append(f"{len(texts) - MAX_NAMED} more")
    return f"Left out: {get_text_list(named, 'and')}."


def _entry_forms(
    text: str, matches: AttendeeMatches, data: Any, people: dict[str, Attendee]
) -> list[EntryForm]:
    """Return a form for each entry that is not repeated, named by its place in the list, which no
    change of the stored people moves."""
    places = {entry: number for number, entry in enumerate(read_attendees(text).entries)}
    organizations: dict[str, Organization] = {}
    names = {
        normalize_organization_name(str(value))
        for name, value in (data or {}).items()
        if name.endswith("-organization") and value
    }
    for batch in batched(sorted(names)):
        named = Organization.objects.filter(normalized_name__in=batch)
        for organization in named.select_related("merged_into"):
            organizations[organization.normalized_name] = organization
    return [
        EntryForm(
            data,
            number=places[match.entry],
            match=match,
            people=people,
            organizations=organizations,
        )
        for match in (*matches.sure, *matches.unsure, *matches.unknown)
    ]


def _check_page(
    request: HttpRequest,
    meeting: Meeting,
    text: str,
    matches: AttendeeMatches,
    forms: Sequence[EntryForm],
) -> HttpResponse:
    def forms_of(kind: list[Match]) -> list[EntryForm]:
        return [form for form in forms if form.match in kind]

    context = {
        **page_context(request, meeting, f"Who came: {meeting}"),
        "text": text,
        "matches": matches,
        "sure": forms_of(matches.sure),
        "unsure": forms_of(matches.unsure),
        "unknown": forms_of(matches.unknown),
        "has_errors": any(form.is_bound and form.errors for form in forms),
        "organizations": Organization.objects.suggested(),
        "new_guest": NEW_GUEST,
    }
    return TemplateResponse(request, "admin/teams/meeting/attendance_check.html", context)


@require_safe
def unanswered(request: HttpRequest, pk: int) -> HttpResponse:
    """Show which members of its teams have not answered, by organization."""
    meeting, staff = read_meeting(request, pk)
    members = unanswered_members(meeting, staff).select_related("organization")
    members = members.order_by("organization__name", "full_name", "pk")
    page = Paginator(members, PEOPLE_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        **page_context(request, meeting, f"Who has not answered: {meeting}"),
        "page": page,
        "others": unanswered_members(meeting).count() - page.paginator.count,
    }
    return TemplateResponse(request, "admin/teams/meeting/unanswered.html", context)
