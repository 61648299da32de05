"""The steps of a topic, from a proposal to the focus of a team; and to whom it matters.

This module alone writes the state of a topic. Each step says in one sentence why, and everyone
reads that on the topic's page. Topics are shared by all facilitators; only those of a team decide
what is in its focus area.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from members.models import Member, Organization
from members.normalize import clean_text
from members.services import Refused, save_with_history
from members.wording import end_sentence
from teams import emails
from teams.models import ActionTeam, Membership, Topic, TopicStep, TopicSupport
from teams.services.submissions import serialize_inserts, store_submission

State = Topic.State
# Of an address, so that a number fits behind it.
MAX_SLUG_CHARACTERS = 100
# Addresses below /topics/ that are no topics.
RESERVED_SLUGS = ("propose",)
# From which states a topic gets into another one.
BEFORE: dict[str, tuple[str, ...]] = {
    State.PROPOSED: (State.WAITING,),
    State.DISMISSED: (State.WAITING,),
    State.STUDIED: (State.PROPOSED, State.SET_ASIDE),
    State.CLASSIFIED: (
        State.PROPOSED,
        State.STUDIED,
        State.CLASSIFIED,
        State.IN_FOCUS,
        State.SET_ASIDE,
    ),
    State.IN_FOCUS: (State.CLASSIFIED,),
    State.SET_ASIDE: (State.PROPOSED, State.STUDIED, State.CLASSIFIED, State.IN_FOCUS),
}
CHANGEABLE_FIELDS = frozenset({"title", "summary"})
LINKS = ("goals", "meetings", "resources")


def propose_topic(title: str, summary: str = "", email: str = "") -> Topic:
    """Store what a visitor proposes, as `store_submission`, and return it: it waits for a
    facilitator."""
    fields = {"title": title, "summary": summary, "proposer_email": email}
    return store_submission(
        Topic, "proposed by a visitor", fields, lambda: {"slug": _free_slug(title)}
    )


@transaction.atomic
def add_topic(
    title: str,
    summary: str = "",
    *,
    why: str,
    by: Member,
    state: str = State.PROPOSED,
    team: ActionTeam | None = None,
) -> Topic:
    """Store a topic that staff bring, public at once in `state`, and return it.

    Refuses without a title or a sentence why, a second topic of this title, a state without the
    team that it needs, and the team of others.
    """
    title = clean_text(title)
    if not title:
        raise Refused("Enter a title.")
    _refuse_without_reason(why)
    if state in (State.WAITING, State.DISMISSED):
        raise Refused(f"A topic cannot be added as {State(state).label.lower()}.")
    needs_team = state in (State.CLASSIFIED, State.IN_FOCUS)
    if needs_team and team is None:
        raise Refused("Choose the team into whose focus the topic is classified.")
    if team and not needs_team and state != State.SET_ASIDE:
        raise Refused("Only a topic that is classified, in focus or set aside has a team.")
    _refuse_team_of_others(team, by)
    serialize_inserts(Topic)
    if same := topic_with_title(title):
        raise Refused(f"There is a topic “{same}” already. Nothing was changed.")
    topic = Topic(
        title=title,
        summary=summary.strip(),
        slug=_free_slug(title),
        state=state,
        team=team,
        decided_at=timezone.now(),
        decided_by=by,
    )
    save_with_history(topic, by, "added")
    _add_step(topic, why, by)
    return topic


@transaction.atomic
def publish_topic(
    topic: Topic, *, why: str, by: Member, title: str = "", summary: str | None = None
) -> Topic:
    """Show a proposal to everyone as proposed, with `title` and `summary` if given; return the
    stored topic. Who proposed it and left an address gets the link. Refuses one that is decided,
    and without a sentence why."""
    stored = _lock(topic, State.PROPOSED)
    changes: dict[str, Any] = {"title": clean_text(title) or stored.title}
    if summary is not None:
        changes["summary"] = summary.strip()
    _take_step(stored, State.PROPOSED, why, by, "published", **changes)
    if stored.proposer_email:
        emails.topic_published(stored)
    return stored


@transaction.atomic
def dismiss_topic(topic: Topic, *, reason: str, by: Member) -> Topic:
    """Close a proposal without showing it to anyone; return the stored topic. With a reason, who
    proposed it gets an email, if they left an address. Refuses one that is decided already."""
    stored = _lock(topic, State.DISMISSED)
    reason = reason.strip()
    decision = {"state": State.DISMISSED, "decided_at": timezone.now(), "decided_by": by}
    why = f"dismissed: {clean_text(reason)}" if reason else "dismissed"
    save_with_history(stored, by, why, **decision)
    if stored.proposer_email and reason:
        emails.topic_dismissed(stored, reason)
    return stored


@transaction.atomic
def study_topic(topic: Topic, *, why: str, by: Member) -> Topic:
    """Begin to study a topic that is proposed, or that was set aside; return the stored topic."""
    stored = _lock(topic, State.STUDIED)
    _refuse_team_of_others(stored.team, by)
    _take_step(stored, State.STUDIED, why, by, "being studied", team=None)
    return stored


@transaction.atomic
def classify_topic(topic: Topic, team: ActionTeam, *, why: str, by: Member) -> Topic:
    """Put a topic into the focus area of `team`, or take it out of focus there; return the stored
    topic. Refuses the teams of others: that from which it comes, and that into which it goes."""
    stored = _lock(topic, State.CLASSIFIED)
    if stored.state == State.CLASSIFIED and stored.team_id == team.pk:
        raise Refused(f"“{stored}” is classified into {team} already. Nothing was changed.")
    _refuse_team_of_others(stored.team, by)
    _refuse_team_of_others(team, by)
    _take_step(stored, State.CLASSIFIED, why, by, f"classified into {team}", team=team)
    return stored


@transaction.atomic
def focus_topic(topic: Topic, *, why: str, by: Member) -> Topic:
    """Let the team of a classified topic work on it now; return the stored topic."""
    stored = _lock(topic, State.IN_FOCUS)
    _refuse_team_of_others(stored.team, by)
    _take_step(stored, State.IN_FOCUS, why, by, "in focus")
    return stored


@transaction.atomic
def set_aside_topic(topic: Topic, *, reason: str, by: Member) -> Topic:
    """Stop the work on a topic, for a reason that everyone reads; return the stored topic. It
    remains on its page, and can be studied again."""
    stored = _lock(topic, State.SET_ASIDE)
    _refuse_team_of_others(stored.team, by)
    _take_step(stored, State.SET_ASIDE, reason, by, "set aside")
    return stored


@transaction.atomic
def change_topic(topic: Topic, *, by: Member, links: dict[str, Any], **changes: Any) -> Topic:
    """Change the words of a topic, and its `links`: goals, meetings and resources by these names;
    return the stored topic. Its address stays. Refuses it without a title."""
    if unknown := set(changes) - CHANGEABLE_FIELDS:
        raise TypeError(f"Not changed here: {', '.join(sorted(unknown))}")
    stored: Topic = Topic.objects.select_for_update(no_key=True).get(pk=topic.pk)
    if "title" in changes and not clean_text(changes["title"]):
        raise Refused("Enter a title.")
    changes = {name: value for name, value in changes.items() if getattr(stored, name) != value}
    changed_links = []
    for name in LINKS:
        if name in links and set(links[name]) != set(getattr(stored, name).all()):
            getattr(stored, name).set(links[name])
            changed_links.append(name)
    if changes:
        save_with_history(stored, by, "changed", **changes)
    if changed_links:
        # A line of history needs a field that is saved.
        save_with_history(stored, by, f"chosen: {', '.join(changed_links)}", title=stored.title)
    return stored


def supporting_organization(person: object) -> Organization | None:
    """Return the organization for which `person` can say that a topic matters: recognized, and
    with `person` as an active member of a team; None for all others. One query."""
    if not isinstance(person, Member) or not person.is_active:
        return None
    organization = person.organization
    if organization is None or not organization.is_recognized:
        return None
    is_member = person.is_affiliation_confirmed and (
        Membership.objects.active().filter(member=person).exists()
    )
    return organization if is_member else None


@transaction.atomic
def support_topic(topic: Topic, *, by: Member) -> Organization:
    """Store that `topic` matters to the organization of `by`, and return that. Once is enough: what
    a colleague has said already stays theirs. Refuses whose organization is not recognized, who is
    in no team, and a topic that is set aside."""
    organization = _organization_of(by)
    stored = Topic.objects.public().filter(pk=topic.pk).first()
    if stored is None:
        raise Refused("This topic is no longer there. Nothing was changed.")
    if stored.state == State.SET_ASIDE:
        raise Refused(f"“{stored}” is set aside, so nothing was changed.")
    TopicSupport.objects.get_or_create(
        topic=stored, organization=organization, defaults={"member": by}
    )
    return organization


@transaction.atomic
def withdraw_support(topic: Topic, *, by: Member) -> Organization:
    """Take back that `topic` matters to the organization of `by`, whichever colleague said so;
    return the organization."""
    organization = _organization_of(by)
    TopicSupport.objects.filter(topic=topic, organization=organization).delete()
    return organization


def move_support(duplicate: Organization, into: Organization, *, by: Member) -> None:
    """Let what matters to `duplicate` matter to `into`, of which it is a former name now. Where
    both said so, that of `into` counts: only recognized organizations are counted."""
    own = TopicSupport.objects.filter(organization=into).values("topic")
    for support in TopicSupport.objects.filter(organization=duplicate).exclude(topic__in=own):
        save_with_history(support, by, "organizations merged", organization=into)


def topic_with_title(title: str) -> Topic | None:
    """Return the topic of this title that is not dismissed, however its letters are written."""
    return Topic.objects.exclude(state=State.DISMISSED).filter(title__iexact=title).first()


def _lock(topic: Topic, target: str) -> Topic:
    """Return the stored topic, locked. Refuses one that cannot get into the state `target`."""
    # Two queries: in one, PostgreSQL would join rows as they were before the wait for the lock.
    Topic.objects.select_for_update(no_key=True).get(pk=topic.pk)
    stored: Topic = Topic.objects.select_related("team", "decided_by").get(pk=topic.pk)
    if stored.state not in BEFORE[target]:
        raise Refused(
            f"“{stored}” is {stored.get_state_display().lower()} now. Nothing was changed."
        )
    return stored


def _take_step(topic: Topic, state: str, why: str, by: Member, what: str, **changes: Any) -> None:
    _refuse_without_reason(why)
    if topic.is_waiting:
        changes |= {"decided_at": timezone.now(), "decided_by": by}
    save_with_history(topic, by, what, state=state, **changes)
    _add_step(topic, why, by)


def _add_step(topic: Topic, why: str, by: Member) -> None:
    step = TopicStep(topic=topic, state=topic.state, team=topic.team, why=clean_text(why), by=by)
    save_with_history(step, by, "step")


def _refuse_without_reason(why: str) -> None:
    if not clean_text(why):
        raise Refused("Say in one sentence why. Everyone reads it on the topic’s page.")


def _refuse_team_of_others(team: ActionTeam | None, by: Member) -> None:
    if team is None or (by.is_staff and by.is_superuser):
        return
    if not (by.is_staff and team.facilitators.filter(pk=by.pk).exists()):
        raise Refused(
            f"You do not facilitate {end_sentence(team)} Its facilitators or an administrator "
            "decide what it works on. Nothing was changed."
        )


def _organization_of(by: Member) -> Organization:
    """Return for which organization `by` speaks; refuses who speaks for none."""
    organization = supporting_organization(by)
    if organization is None:
        raise Refused(
            "Members of a team whose organization is recognized can say that a topic matters to "
            "their organization. Nothing was changed."
        )
    return organization


def _free_slug(title: str) -> str:
    stem = slugify(title)[:MAX_SLUG_CHARACTERS].strip("-") or "topic"
    taken = set(Topic.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    taken.update(RESERVED_SLUGS)
    candidates = [stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 2))]
    return next(slug for slug in candidates if slug not in taken)
