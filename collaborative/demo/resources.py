"""Resources of the demo, and a suggestion that waits. None of their sites exists."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from collaborative.demo.data import CAREERS, HIRING, TRAINING
from members.models import Member
from teams.models import ActionTeam, Resource
from teams.services import suggest_resource
from teams.services.resources import create_resource

LIBRARY = "https://library.example.org"
SUGGESTER = "rita@asker.example"
DAYS_SINCE_CHECK_OF_GONE = 200
# For which team (None: for all), added how many days ago, and what it says.
RESOURCES: list[tuple[str | None, int, dict[str, Any]]] = [
    (
        None,
        90,
        {
            "kind": "organization",
            "title": "Example Workforce Institute (a sample)",
            "url": "https://institute.example.org/",
            "summary": "A made-up institute that counts who finds work in healthcare.",
        },
    ),
    (
        HIRING,
        70,
        {
            "kind": "publication",
            "title": "Sample report on fair hiring, whose page is gone",
            "url": "https://gone.example.org/report.pdf",
            "summary": "A made-up report, to show a link that no longer opens.",
            "publisher": "Example Report Office",
            "published_on": "2019-11",
        },
    ),
    (
        TRAINING,
        40,
        {
            "kind": "toolkit",
            "title": "Sample skills list for medical assistants",
            "url": f"{LIBRARY}/skills",
            "summary": "A made-up list of what a medical assistant knows on the first day.",
            "publisher": "Example Library of Work",
            "published_on": "2025-03",
        },
    ),
    (
        HIRING,
        33,
        {
            "kind": "publication",
            "title": "Guía de muestra para la primera entrevista",
            "url": f"{LIBRARY}/guia",
            "summary": "A made-up guide in Spanish for people who apply for the first time.",
            "publisher": "Biblioteca de Ejemplo",
            "published_on": "2024",
            "language": "es",
        },
    ),
    (
        CAREERS,
        5,
        {
            "kind": "recording",
            "title": "Sample talk: From housekeeping to the lab",
            "url": "https://video.example.org/made-up-talk",
            "summary": "A made-up talk about a made-up career.",
            "publisher": "Example Careers Channel",
            "published_on": "2026-05-12",
            "captions": "no",
            "minutes": 47,
        },
    ),
    (
        HIRING,
        9,
        {
            "kind": "toolkit",
            "title": "Sample letter to hiring managers",
            "url": f"{LIBRARY}/letter",
            "summary": "A made-up letter, which members alone see here.",
            "audience": "members",
        },
    ),
]


def add_resources(
    teams: Mapping[str, ActionTeam], facilitators: Mapping[str, Member], administrator: Member
) -> None:
    """Add the resources as facilitators do, one with a dead link that was checked long ago, and a
    visitor's suggestion that waits."""
    now = timezone.now()
    for slug, days, values in RESOURCES:
        by = facilitators[slug] if slug else administrator
        resource = create_resource(Resource(**values), [teams[slug]] if slug else [], by=by)
        Resource.objects.filter(pk=resource.pk).update(added_at=now - timedelta(days=days))
    for resource in Resource.objects.filter(meeting__ends_at__lt=now).select_related("meeting"):
        if resource.meeting:
            added_at = resource.meeting.ends_at
            Resource.objects.filter(pk=resource.pk).update(added_at=added_at)
    Resource.objects.filter(url__startswith="https://gone.").update(
        link_state=Resource.LinkState.GONE,
        link_checked_at=now - timedelta(days=2),
        link_problem="The site answers that there is no such page",
        link_failing_since=now - timedelta(days=9),
        checked_on=timezone.localdate() - timedelta(days=DAYS_SINCE_CHECK_OF_GONE),
    )
    suggest_resource(
        "https://toolbox.example.org/first-day",
        "What to tell people on their first day (a sample)",
        "Our made-up clinic reads it with everyone who begins.",
        SUGGESTER,
    )
