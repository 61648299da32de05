"""One function per email about teams. They know templates and addresses, no rules."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Model
from django.urls import reverse
from post_office.models import Email

from members.emails import SharedEmail, queue
from members.models import Member, Move, Organization
from teams.models import (
    ActionTeam,
    Goal,
    Invitation,
    Meeting,
    Membership,
    Question,
    ResourceSuggestion,
    Topic,
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


def colleague_invited(
    recipients: Sequence[tuple[Invitation, str]], teams: Collection[ActionTeam]
) -> list[Email]:
    """Invite the people of these invitations, which have one inviter and one note, to join
    `teams`: each with the address of the page that stops such emails. Return the emails."""
    first, _ = recipients[0]
    context = {
        "inviter": first.inviter_name,
        "organization": first.inviter_organization,
        "note": first.note,
        "teams": teams,
    }
    shared = SharedEmail("colleague_invited", context, ["invitation_url", "stop_url"])
    return [
        shared.queue(
            invitation.email,
            "",
            {"invitation_url": _invited_url(invitation), "stop_url": stop_url},
            stop_url=stop_url,
        )
        for invitation, stop_url in recipients
    ]


def _invited_url(invitation: Invitation) -> str:
    return settings.SITE_URL + reverse("invited", args=[invitation.token])


def facilitator_appointed(facilitator: Member, team: ActionTeam, by: Member) -> None:
    """Tell a new facilitator of which team, and what they can do where."""
    queue(
        "facilitator_appointed",
        facilitator.email,
        {"member": facilitator, "team": team, "by": by, "desk_url": _desk_url()},
    )


def goal_due(goal: Goal, person: Member, *, is_past: bool) -> None:
    """Remind a person who reports on `goal` that its day comes, or has passed."""
    report = reverse("admin:teams_goal_report", args=[goal.pk])
    queue(
        "goal_due",
        person.email,
        {
            "member": person,
            "goal": goal,
            "is_past": is_past,
            "is_owner": goal.owner_id == person.pk,
            "report_url": f"{settings.SITE_URL}{report}",
        },
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
                section.kind not in {"bounces", "goals", "meetings", "resources"}
                for section in sections
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


def suggestion_published(suggestion: ResourceSuggestion, *, is_public: bool) -> None:
    """Tell who suggested a resource that it is published, and where, if everyone can open it."""
    resource = suggestion.published_as
    if resource:
        page = resource.get_absolute_url() if is_public else reverse("resource_list")
        queue(
            "suggestion_published",
            suggestion.email,
            {
                "suggested": f"{suggestion.title}\n{suggestion.url}",
                "is_public": is_public,
                "resource_url": settings.SITE_URL + page,
            },
        )


def suggestion_dismissed(suggestion: ResourceSuggestion) -> None:
    """Tell who suggested a resource why it is not published."""
    context = {
        "suggestion": suggestion,
        "suggested": f"{suggestion.title}\n{suggestion.url}",
        "list_url": settings.SITE_URL + reverse("resource_list"),
    }
    queue("suggestion_dismissed", suggestion.email, context)


def topic_published(topic: Topic) -> None:
    """Tell who proposed a topic that it is on our pages, and where."""
    context = {"topic": topic, "topic_url": settings.SITE_URL + topic.get_absolute_url()}
    queue("topic_published", topic.proposer_email, context)


def topic_dismissed(topic: Topic, reason: str) -> None:
    """Tell who proposed a topic why it is not on our pages."""
    context = {
        "topic": topic,
        "reason": reason,
        "list_url": settings.SITE_URL + reverse("topic_list"),
    }
    queue("topic_dismissed", topic.proposer_email, context)


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
    one: another person may read the mailbox now."""
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
