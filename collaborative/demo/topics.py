"""Topics of the demo, visibly made up: which ones the Collaborative looked at is not known here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django.utils import timezone

from members.models import Member
from teams.models import ActionTeam, Goal, Topic
from teams.services.topics import (
    add_topic,
    change_topic,
    classify_topic,
    focus_topic,
    propose_topic,
    set_aside_topic,
    study_topic,
    support_topic,
    supporting_organization,
)

PROPOSER = "vera.visitor@visitor.example"
TRAINING, HIRING = "education-training", "local-targeted-hiring"
DAYS_BETWEEN_STEPS = 21


def add_topics(
    teams: Mapping[str, ActionTeam], facilitators: Mapping[str, Member], administrator: Member
) -> None:
    """Add a topic in each state as facilitators do, and a visitor's proposal that waits."""
    trainer, recruiter = facilitators[TRAINING], facilitators[HIRING]
    simulation = _added("Sample topic: training with simulators", administrator)
    study_topic(simulation, why="Two made-up employers offered to show theirs.", by=trainer)
    classify_topic(simulation, teams[TRAINING], why="It is about how people learn.", by=trainer)
    focus_topic(simulation, why="The sample goal depends on it.", by=trainer)
    goals = list(Goal.objects.filter(team=teams[TRAINING])[:1])
    change_topic(simulation, by=trainer, links={"goals": goals})
    for member in Member.objects.filter(is_active=True).select_related("organization"):
        if supporting_organization(member):
            support_topic(simulation, by=member)
    commute = _added("Sample topic: the way to work", administrator)
    classify_topic(
        commute, teams[HIRING], why="Whom a made-up clinic hired left over it.", by=recruiter
    )
    night = _added("Sample topic: staffing the night", administrator)
    study_topic(night, why="We ask five made-up employers first.", by=administrator)
    _added("Sample topic: robots in the pharmacy", administrator)
    parking = _added("Sample topic: parking", administrator)
    set_aside_topic(parking, reason="It concerns one made-up employer.", by=administrator)
    _spread_over_time()
    propose_topic(
        "Sample proposal: credentials from abroad",
        "Our made-up clinic meets nurses whose papers nobody reads.",
        PROPOSER,
    )


def _added(title: str, by: Member) -> Topic:
    summary = "A made-up topic, to show what a page of one looks like."
    return add_topic(title, summary, why="A made-up employer asked for it.", by=by)


def _spread_over_time() -> None:
    """Let each step be some weeks before the next one."""
    now = timezone.now()
    for topic in Topic.objects.all():
        steps = list(topic.steps.order_by("-taken_at", "-pk"))
        for number, step in enumerate(steps):
            taken_at = now - timedelta(days=2 + number * DAYS_BETWEEN_STEPS)
            topic.steps.filter(pk=step.pk).update(taken_at=taken_at)
        first = now - timedelta(days=2 + (len(steps) - 1) * DAYS_BETWEEN_STEPS)
        Topic.objects.filter(pk=topic.pk).update(proposed_at=first, decided_at=first)
