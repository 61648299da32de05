"""One function per email about teams. They know templates and addresses, no rules."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Model
from django.urls import reverse
from post_office.models import Email

from members.emails import SharedEmail, queue
from members.models import Member, Move, Organization
from teams.markdown import email_text, render_markdown
from teams.meeting_times import day_in_words, time_range
from teams.models import (
    ActionTeam,
    Attendance,
    Invitation,
    Meeting,
    MeetingLink,
    Membership,
    Question,
)


def _my_teams_url() -> str:
    return settings.SITE_URL + reverse("my_teams")


def _desk_url() -> str:
    return settings.SITE_URL + reverse("admin:index")


def teams_joined(
    member: Member,
    joined: Sequence[Membership],
    waiting: Sequence[Membership],
    meetings: Sequence[Meeting] = (),
) -> None:
    """Tell the member which teams they are in now, their next `meetings`, and which requests still
    wait."""
    context = {"member": member, "joined": joined, "waiting": waiting, "meetings": meetings}
    queue("teams_joined", member.email, {**context, "my_teams_url": _my_teams_url()})


def requests_waiting(member: Member, waiting: Sequence[Membership]) -> None:
    """Tell the member that their requests are here, what is checked, and when an answer comes."""
    queue(
        "requests_waiting",
        member.email,
        {"member": member, "waiting": waiting, "my_teams_url": _my_teams_url()},
    )


def organization_recognized(
    member: Member,
    opened: Sequence[Membership],
    waiting: Sequence[Membership],
    meetings: Sequence[Meeting] = (),
) -> None:
    """Tell the member that their organization is confirmed, what is open now, with the next
    `meetings`, and what waits."""
    context = {"member": member, "opened": opened, "waiting": waiting, "meetings": meetings}
    queue("organization_recognized", member.email, {**context, "my_teams_url": _my_teams_url()})


def membership_approved(membership: Membership, meetings: Sequence[Meeting] = ()) -> None:
    """Tell the member that a facilitator approved the request, and the team's next `meetings`."""
    context = {"member": membership.member, "membership": membership, "meetings": meetings}
    queue(
        "membership_approved",
        membership.member.email,
        {**context, "my_teams_url": _my_teams_url()},
    )


def membership_added(
    joined: Sequence[Membership], by: Member, meetings: Sequence[Meeting] = ()
) -> None:
    """Tell the member of these memberships that a facilitator added them without a request, the
    next `meetings` of the teams, and how to leave."""
    member = joined[0].member
    queue(
        "membership_added",
        member.email,
        {
            "member": member,
            "joined": joined,
            "by": by,
            "meetings": meetings,
            "my_teams_url": _my_teams_url(),
        },
    )


def membership_declined(
    member: Member,
    teams: Sequence[ActionTeam],
    reason: str,
    organization: Organization | None = None,
) -> None:
    """Tell the member that requests were declined, perhaps with the `organization`: why, and what
    they can do."""
    queue(
        "membership_declined",
        member.email,
        {
            "member": member,
            "teams": teams,
            "reason": reason,
            "organization": organization,
            "my_teams_url": _my_teams_url(),
        },
    )


def membership_ended(membership: Membership) -> None:
    """Tell the member that they have left, or that a facilitator ended the membership."""
    queue(
        "membership_ended",
        membership.member.email,
        {
            "member": membership.member,
            "membership": membership,
            "left": membership.ended_by_id == membership.member_id,
            "my_teams_url": _my_teams_url(),
        },
    )


def request_withdrawn(membership: Membership) -> None:
    """Tell the member that they have withdrawn the request."""
    queue(
        "request_withdrawn",
        membership.member.email,
        {"member": membership.member, "membership": membership, "my_teams_url": _my_teams_url()},
    )


def invitation(invitation: Invitation) -> None:
    """Invite someone to facilitate a team, or to administer the portal."""
    address = f"{reverse('join')}?invitation={invitation.token}"
    context = {"invitation": invitation, "invitation_url": settings.SITE_URL + address}
    queue("invitation", invitation.email, context)


def facilitator_appointed(facilitator: Member, team: ActionTeam, by: Member) -> None:
    """Tell a new facilitator of which team, and what they can do where."""
    queue(
        "facilitator_appointed",
        facilitator.email,
        {"member": facilitator, "team": team, "by": by, "desk_url": _desk_url()},
    )


@dataclass(frozen=True)
class DigestItem:
    """A record that waits, in words, and whether the reader has claimed it."""

    record: Model
    text: str
    is_late: bool = False
    is_claimed: bool = False

    @property
    def url(self) -> str:
        """Its page at the desk."""
        opts = self.record._meta
        name = f"admin:{opts.app_label}_{opts.model_name}_change"
        return settings.SITE_URL + reverse(name, args=[self.record.pk])


@dataclass(frozen=True)
class DigestSection:
    """What waits of a kind of `waiting_for`: how much, and the oldest of it."""

    kind: str
    number: int
    late: int
    items: Sequence[DigestItem]

    @property
    def more(self) -> int:
        """How many are not listed."""
        return max(self.number - len(self.items), 0)


def facilitator_digest(facilitator: Member, sections: Sequence[DigestSection]) -> None:
    """Tell a facilitator what waits this morning, by kind."""
    queue(
        "facilitator_digest",
        facilitator.email,
        {
            "member": facilitator,
            "sections": sections,
            "total": sum(section.number for section in sections),
            "late": sum(section.late for section in sections),
            "is_about_people": any(
                section.kind not in {"goals", "meetings"} for section in sections
            ),
            "desk_url": _desk_url(),
        },
    )


def question_answered(question: Question) -> None:
    """Tell the asker the answer."""
    queue("question_answered", question.email, _question_context(question))


def question_published(question: Question) -> None:
    """Tell the asker where the answer is published."""
    entry = question.published_in
    if entry:
        url = settings.SITE_URL + entry.get_absolute_url()
        context = {**_question_context(question), "entry_url": url}
        queue("question_published", question.email, context)


def question_dismissed(question: Question) -> None:
    """Tell the asker why there is no answer."""
    queue("question_dismissed", question.email, _question_context(question))


def _question_context(question: Question) -> dict[str, Any]:
    return {"question": question, "faq_url": settings.SITE_URL + reverse("faq_list")}


def account_claim(
    member: Member,
    joined: Sequence[Membership],
    by: Member,
    meetings: Sequence[Meeting] = (),
) -> None:
    """Tell a person that a facilitator created an account for them: the teams they are in with
    their next `meetings`, how to sign in, to leave and to close it."""
    queue(
        "account_claim",
        member.email,
        {
            "member": member,
            "joined": joined,
            "by": by,
            "meetings": meetings,
            "my_teams_url": _my_teams_url(),
            "my_data_url": settings.SITE_URL + reverse("my_data"),
        },
    )


def accounts_merged(
    member: Member,
    to: str,
    address: str,
    active: Sequence[Membership],
    waiting: Sequence[Membership],
) -> None:
    """Tell, at the address `to`, that two accounts became that of `member`, which `address` opens
    too. Both addresses get it, so that another person can object."""
    queue(
        "accounts_merged",
        to,
        {
            "member": member,
            "address": address,
            "active": active,
            "waiting": waiting,
            "my_teams_url": _my_teams_url(),
        },
    )


def move_url(move: Move) -> str:
    """Return the page on which the old address of `move` objects to it; only its email has it."""
    return settings.SITE_URL + reverse("move_objection", args=[move.token])


def account_moved(move: Move, active: Sequence[Membership], waiting: Sequence[Membership]) -> None:
    """Tell the new address that the account has it now, and what became of the memberships."""
    context = {"member": move.member, "move": move, "active": active, "waiting": waiting}
    queue("account_moved", move.new_email, {**context, "my_teams_url": _my_teams_url()})


def address_replaced(move: Move) -> None:
    """Tell the old address that it no longer signs in, and how to object. It does not name the new
    one: another person may read the mailbox by now."""
    context = {"member": move.member, "move": move, "move_url": move_url(move)}
    queue("address_replaced", move.old_email, context)


def move_requested(move: Move) -> None:
    """Tell the old address that someone who cannot read it asks to move the account."""
    context = {"member": move.member, "move": move, "move_url": move_url(move)}
    queue("move_requested", move.old_email, context)


def move_declined(move: Move, to: str) -> None:
    """Tell, at the address `to`, that the move that was asked for is declined, and why."""
    queue("move_declined", to, {"move": move})


def account_held(member: Member) -> None:
    """Tell the address of an account on hold why nobody signs in, and who decides."""
    queue("account_held", member.email, {"member": member})


def hold_decided(move: Move, to: str) -> None:
    """Tell, at the address `to`, to which address the account that was on hold belongs, and why."""
    is_owner = to == move.member.email
    queue("hold_decided", to, {"move": move, "is_owner": is_owner, "my_teams_url": _my_teams_url()})


# About meetings ------------------------------------------------------------------------------

# Of the agenda; the rest is on the page of the meeting.
MAX_AGENDA_CHARACTERS = 700


@dataclass(frozen=True)
class Reader:
    """Who gets an email about a meeting, why, and the pages that are theirs alone."""

    email: str
    full_name: str
    # "You get this email because" …, with its period.
    reason: str
    answer_url: str
    # Without one, the email is about the reader's own answer and cannot be stopped.
    stop_url: str = ""


def meeting_announced(
    meeting: Meeting, readers: Iterable[Reader], *, again: bool = False
) -> list[Email]:
    """Tell `readers` when and where a meeting is, and ask whether they come. `again`: it had been
    cancelled. Return the emails, in the order of the readers."""
    return _queue_for_each("meeting_announced", readers, {"meeting": meeting, "again": again})


def meeting_moved(meeting: Meeting, before: Meeting, readers: Iterable[Reader]) -> list[Email]:
    """Tell `readers` the new time, or place, of a meeting and what it was `before`. Return the
    emails."""
    old_time = time_range(before)
    is_new_time = old_time != time_range(meeting)
    context = {"meeting": meeting, "old_time": old_time, "is_new_time": is_new_time}
    where = _what_changed_about_the_place(meeting, before)
    return _queue_for_each("meeting_moved", readers, {**context, "where": where})


def _what_changed_about_the_place(meeting: Meeting, before: Meeting) -> str:
    """Return "online" or "in person" where a meeting is only that now, "link" where the link to
    join is a new one, "place" where the place has changed, and else an empty text."""
    if before.is_in_person and not meeting.is_in_person:
        return "online"
    if before.is_online and not meeting.is_online:
        return "in person"
    if before.place != meeting.place:
        return "place"
    return "link" if before.join_url != meeting.join_url else ""


def meeting_cancelled(meeting: Meeting, readers: Iterable[Reader]) -> list[Email]:
    """Tell `readers` that a meeting does not take place, and why. Return the emails."""
    return _queue_for_each("meeting_cancelled", readers, {"meeting": meeting})


def meeting_reminder(
    meeting: Meeting,
    readers: Iterable[Reader],
    *,
    answer: str,
    is_waiting: bool = False,
    join_url: str = "",
    links: Sequence[MeetingLink] = (),
) -> list[Email]:
    """Remind `readers`, who all gave this `answer` to a meeting: members who join online of the
    `join_url`, and who waits of having no place yet. `links` are there to be read before. Return
    the emails."""
    context = {"meeting": meeting, "answer": answer, "is_waiting": is_waiting}
    return _queue_for_each(
        "meeting_reminder", readers, {**context, "join_url": join_url, "links": links}
    )


def meeting_unanswered(meeting: Meeting, readers: Iterable[Reader]) -> list[Email]:
    """Ask `readers`, who have not answered, whether they come to a meeting. Return the emails."""
    return _queue_for_each("meeting_unanswered", readers, {"meeting": meeting})


def meeting_materials(
    meeting: Meeting, links: Sequence[MeetingLink], readers: Iterable[Reader]
) -> list[Email]:
    """Tell `readers` that the minutes of a meeting, and what `links` lead to, are there. Return the
    emails."""
    return _queue_for_each("meeting_materials", readers, {"meeting": meeting, "links": links})


def meeting_place_free(meeting: Meeting, readers: Iterable[Reader]) -> list[Email]:
    """Tell `readers`, who were on the waiting list of a meeting, that they have a place. Return the
    emails."""
    return _queue_for_each("meeting_place_free", readers, {"meeting": meeting})


def meeting_guest_answer(attendance: Attendance, readers: Iterable[Reader]) -> list[Email]:
    """Tell a guest, the one of `readers`, what they answered, and how to change it. Return the
    emails."""
    context = {"meeting": attendance.meeting, "attendance": attendance}
    return _queue_for_each("meeting_guest_answer", readers, context)


def _queue_for_each(name: str, readers: Iterable[Reader], context: dict[str, Any]) -> list[Email]:
    """Queue the email of these templates for each of `readers`, and return the emails; it is
    rendered once for those who can stop such emails, and once for the others."""
    meeting: Meeting = context["meeting"]
    # Links to the portal's own pages have to work in an email.
    agenda, is_cut = _beginning(meeting.agenda.replace("](/", f"]({settings.SITE_URL}/"))
    context = {
        "time": time_range(meeting),
        "day": day_in_words(meeting.day, year=False),
        "long_day": day_in_words(meeting.day),
        "meeting_url": settings.SITE_URL + meeting.get_absolute_url(),
        "agenda": email_text(agenda),
        "agenda_html": render_markdown(agenda),
        "is_agenda_cut": is_cut,
        "my_emails_url": settings.SITE_URL + reverse("my_emails"),
        **context,
    }
    shared: dict[bool, SharedEmail] = {}
    emails = []
    for reader in readers:
        can_stop = bool(reader.stop_url)
        if can_stop not in shared:
            personal = ["reason", "answer_url", *(["stop_url"] if can_stop else [])]
            shared[can_stop] = SharedEmail(name, context, personal)
        values = {"reason": reader.reason, "answer_url": reader.answer_url}
        if can_stop:
            values["stop_url"] = reader.stop_url
        emails.append(
            shared[can_stop].queue(reader.email, reader.full_name, values, stop_url=reader.stop_url)
        )
    return emails


def _beginning(agenda: str) -> tuple[str, bool]:
    """Return the first lines of an agenda, and whether there are more."""
    lines: list[str] = []
    length = 0
    for line in agenda.strip().splitlines():
        length += len(line) + 1
        if length > MAX_AGENDA_CHARACTERS and lines:
            return "\n".join(lines).rstrip(), True
        lines.append(line)
    return "\n".join(lines), False


@dataclass(frozen=True)
class SummarySection:
    """What happened in a team within a month: meetings to come, and those with new materials."""

    team: str
    coming: Sequence[Meeting]
    materials: Sequence[Meeting]


def monthly_summary(member: Member, sections: Sequence[SummarySection], stop_url: str) -> Email:
    """Tell a member what is coming in their teams and what was published last month. Return the
    email."""
    context = {"sections": sections, "my_emails_url": settings.SITE_URL + reverse("my_emails")}
    shared = SharedEmail("monthly_summary", context, ["stop_url"])
    return shared.queue(member.email, member.full_name, {"stop_url": stop_url}, stop_url=stop_url)
