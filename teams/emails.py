"""One function per email about teams. They know templates and addresses, no rules."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.urls import reverse

from members.emails import queue
from members.models import Member, Organization
from teams.models import ActionTeam, Membership, Question


def _my_teams_url() -> str:
    return settings.SITE_URL + reverse("my_teams")


def _desk_url() -> str:
    return settings.SITE_URL + reverse("admin:index")


def teams_joined(
    member: Member, joined: Sequence[Membership], waiting: Sequence[Membership]
) -> None:
    """You are in these teams; those requests still wait."""
    queue(
        "teams_joined",
        member.email,
        {"member": member, "joined": joined, "waiting": waiting, "my_teams_url": _my_teams_url()},
    )


def requests_waiting(member: Member, waiting: Sequence[Membership]) -> None:
    """We have your requests; this is checked, by then you hear from us."""
    queue(
        "requests_waiting",
        member.email,
        {"member": member, "waiting": waiting, "my_teams_url": _my_teams_url()},
    )


def organization_recognized(
    member: Member, opened: Sequence[Membership], waiting: Sequence[Membership]
) -> None:
    """Your organization is confirmed: these teams are open to you, those requests still wait."""
    queue(
        "organization_recognized",
        member.email,
        {"member": member, "opened": opened, "waiting": waiting, "my_teams_url": _my_teams_url()},
    )


def membership_approved(membership: Membership) -> None:
    """A facilitator said yes."""
    queue(
        "membership_approved",
        membership.member.email,
        {"member": membership.member, "membership": membership, "my_teams_url": _my_teams_url()},
    )


def membership_added(membership: Membership, by: Member) -> None:
    """A facilitator made you a member without your asking; so you notice, and can leave."""
    queue(
        "membership_added",
        membership.member.email,
        {
            "member": membership.member,
            "membership": membership,
            "by": by,
            "my_teams_url": _my_teams_url(),
        },
    )


def membership_declined(
    member: Member,
    teams: Sequence[ActionTeam],
    reason: str,
    organization: Organization | None = None,
) -> None:
    """A facilitator said no, to requests or to the `organization`: why, and what you can do."""
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
    """Your membership is over, because you left or because a facilitator ended it."""
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
    """You took your request back."""
    queue(
        "request_withdrawn",
        membership.member.email,
        {"member": membership.member, "membership": membership, "my_teams_url": _my_teams_url()},
    )


def facilitator_appointed(facilitator: Member, team: ActionTeam, by: Member) -> None:
    """You look after this team now: what that is, and where."""
    queue(
        "facilitator_appointed",
        facilitator.email,
        {"member": facilitator, "team": team, "by": by, "desk_url": _desk_url()},
    )


def facilitator_digest(facilitator: Member, waiting: Mapping[str, Any]) -> None:
    """What waits at the desk this morning, in numbers: as from `waiting_for`."""
    queue(
        "facilitator_digest",
        facilitator.email,
        {
            "member": facilitator,
            "waiting": waiting,
            "total": sum(count.number for count in waiting.values()),
            "late": sum(count.late for count in waiting.values()),
            "desk_url": _desk_url(),
        },
    )


def question_answered(question: Question) -> None:
    """What you asked, and the answer."""
    queue("question_answered", question.email, _about(question))


def question_published(question: Question) -> None:
    """What you asked is answered for everybody, here."""
    entry = question.published_in
    if entry:
        url = settings.SITE_URL + entry.get_absolute_url()
        queue("question_published", question.email, {**_about(question), "entry_url": url})


def question_dismissed(question: Question) -> None:
    """What you asked is not answered, and why."""
    queue("question_dismissed", question.email, _about(question))


def _about(question: Question) -> dict[str, Any]:
    return {"question": question, "faq_url": settings.SITE_URL + reverse("faq_list")}


def account_claim(member: Member, joined: Sequence[Membership], by: Member) -> None:
    """A facilitator made an account for you: where you are in, how to sign in, leave or close."""
    queue(
        "account_claim",
        member.email,
        {
            "member": member,
            "joined": joined,
            "by": by,
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
    """Two accounts became one, that of `member`; `address` opens it too. Sent to both addresses,
    so that whoever is not the same person can object."""
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
