"""What the search of the site looks through: of each kind of record, who sees which of them, which
words they are found by, and what a result shows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.text import get_text_list

from members.models import Member, Organization
from members.wording import end_sentence
from teams.markdown import one_line, plain_text
from teams.meeting_times import time_range
from teams.models import ActionTeam, FaqEntry, Goal, Meeting, Resource, Topic
from teams.search import Document
from teams.statistics import (
    ORGANIZATIONS_PER_PAGE,
    recognized_without,
    teams_of_organizations,
)

Person = Member | AnonymousUser
# Records are read in batches of this size, so that their texts are not all kept.
CHUNK_SIZE = 500


@dataclass(frozen=True)
class Found:
    """What a result shows of a record: `facts` is a line about it, `text` what it says."""

    title: str
    url: str
    facts: str
    text: str


@dataclass(frozen=True)
class SearchKind:
    """A kind of record that is searched.

    `visible_to` takes a person and their `team_keys` (None: not known); `read` yields the documents
    of all records that anyone may see; `show` takes visible records, and returns what is shown of
    each, by its key.
    """

    name: str
    word: str
    plural: str
    visible_to: Callable[[Person, Collection[int] | None], QuerySet[Any]]
    read: Callable[[], Iterator[Document]]
    show: Callable[[QuerySet[Any]], Mapping[int, Found]]


# Teams -------------------------------------------------------------------------------------


def _read_teams() -> Iterator[Document]:
    for team in ActionTeam.objects.all():
        yield Document("team", team.pk, team.name, _lines(team.summary, *_texts_of_team(team)))


def _texts_of_team(team: ActionTeam) -> list[str]:
    return [plain_text(team.why), plain_text(team.achievements)]


def _show_teams(teams: QuerySet[ActionTeam]) -> dict[int, Found]:
    return {
        team.pk: Found(
            team.name,
            team.get_absolute_url(),
            "" if team.is_published else team.get_state_display(),
            _lines(team.summary, *_texts_of_team(team)),
        )
        for team in teams
    }


# Goals -------------------------------------------------------------------------------------


def _goals(goals: QuerySet[Goal]) -> QuerySet[Goal]:
    return goals.select_related("team").prefetch_related("updates")


def _text_of_goal(goal: Goal) -> str:
    return _lines(
        plain_text(goal.body), goal.state_reason, *(each.sentence for each in goal.updates.all())
    )


def _read_goals() -> Iterator[Document]:
    for goal in _goals(Goal.objects.all()).iterator(CHUNK_SIZE):
        state = goal.get_state_display()
        yield Document(
            "goal", goal.pk, goal.title, _lines(_text_of_goal(goal), goal.team.name, state)
        )


def _show_goals(goals: QuerySet[Goal]) -> dict[int, Found]:
    return {
        goal.pk: Found(
            goal.title,
            f"{goal.team.get_absolute_url()}#goal-{goal.slug}",
            f"{goal.team.name}, {goal.get_state_display().lower()}",
            _text_of_goal(goal),
        )
        for goal in _goals(goals)
    }


# Questions ---------------------------------------------------------------------------------


def question_document(entry: FaqEntry) -> Document:
    """Return what is searched of `entry`: what its readers read, with the section it is under."""
    text = _lines(plain_text(entry.answer), entry.section)
    return Document("question", entry.pk, entry.question, text)


def _read_questions() -> Iterator[Document]:
    entries = FaqEntry.objects.published().select_related("team")
    return map(question_document, entries.iterator(CHUNK_SIZE))


def _show_questions(entries: QuerySet[FaqEntry]) -> dict[int, Found]:
    return {
        entry.pk: Found(
            entry.question, entry.get_absolute_url(), entry.section, plain_text(entry.answer)
        )
        for entry in entries.select_related("team")
    }


# Meetings ----------------------------------------------------------------------------------


def _text_of_meeting(meeting: Meeting) -> str:
    """Return what its page says: never the link to join; the minutes once it has begun."""
    minutes = meeting.minutes if meeting.has_begun else ""
    return _lines(one_line(f"{meeting.agenda}\n\n{minutes}"), meeting.cancelled_reason)


def _read_meetings() -> Iterator[Document]:
    # The newest first among those of one title.
    meetings = Meeting.objects.order_by("-starts_at", "-pk").prefetch_related("teams")
    for meeting in meetings.iterator(CHUNK_SIZE):
        facts = (meeting.get_kind_display(), meeting.place, time_range(meeting))
        text = _lines(_text_of_meeting(meeting), *facts)
        yield Document("meeting", meeting.pk, meeting.title_with_teams, text)


def _show_meetings(meetings: QuerySet[Meeting]) -> dict[int, Found]:
    status = {Meeting.Status.CANCELLED: "Cancelled: ", Meeting.Status.DRAFT: "Draft: "}
    return {
        meeting.pk: Found(
            meeting.title_with_teams,
            meeting.get_absolute_url(),
            f"{status.get(Meeting.Status(meeting.status), '')}{time_range(meeting)}",
            _text_of_meeting(meeting) or end_sentence(meeting.where),
        )
        for meeting in meetings.prefetch_related("teams")
    }


# Resources ---------------------------------------------------------------------------------


def _read_resources() -> Iterator[Document]:
    resources = Resource.objects.published().select_related("meeting").prefetch_related("teams")
    for resource in resources.order_by("-added_at", "-pk").iterator(CHUNK_SIZE):
        facts = [resource.publisher, *(team.name for team in resource.teams.all())]
        if resource.kind != Resource.Kind.OTHER:
            facts.append(resource.get_kind_display())
        if resource.meeting:
            facts.append(resource.meeting.title)
        yield Document("resource", resource.pk, resource.title, _lines(resource.summary, *facts))


def _show_resources(resources: QuerySet[Resource]) -> dict[int, Found]:
    return {
        resource.pk: Found(
            resource.title,
            resource.get_absolute_url(),
            ", ".join(filter(None, [resource.get_kind_display(), resource.publisher])),
            resource.summary or (f"From: {resource.meeting.title}" if resource.meeting else ""),
        )
        for resource in resources.select_related("meeting")
    }


# Topics ------------------------------------------------------------------------------------


def _text_of_topic(topic: Topic) -> str:
    return plain_text(topic.summary)


def _facts_of_topic(topic: Topic) -> str:
    parts = [topic.get_state_display(), topic.team.name if topic.team else ""]
    return ", ".join(filter(None, parts))


def _read_topics() -> Iterator[Document]:
    topics = Topic.objects.exclude(state__in=[Topic.State.WAITING, Topic.State.DISMISSED])
    for topic in topics.select_related("team").iterator(CHUNK_SIZE):
        text = _lines(_text_of_topic(topic), _facts_of_topic(topic))
        yield Document("topic", topic.pk, topic.title, text)


def _show_topics(topics: QuerySet[Topic]) -> dict[int, Found]:
    return {
        topic.pk: Found(
            topic.title, topic.get_absolute_url(), _facts_of_topic(topic), _text_of_topic(topic)
        )
        for topic in topics.select_related("team")
    }


# Organizations -----------------------------------------------------------------------------


def _read_organizations() -> Iterator[Document]:
    for pk, name in Organization.objects.recognized().values_list("pk", "name").iterator():
        yield Document("organization", pk, name)


def _show_organizations(organizations: QuerySet[Organization]) -> dict[int, Found]:
    """Return each with its teams, and where it is in the list of all."""
    found = list(organizations)
    places = {
        pk: place for place, pk in enumerate(recognized_without(None).values_list("pk", flat=True))
    }
    teams_of = teams_of_organizations(found, ActionTeam.objects.public())
    shown = {}
    for organization in found:
        teams = get_text_list([team.name for team in teams_of[organization.pk]], "and")
        page = places.get(organization.pk, 0) // ORGANIZATIONS_PER_PAGE + 1
        url = reverse("organization_list") + (f"?page={page}" if page > 1 else "")
        shown[organization.pk] = Found(
            organization.name,
            f"{url}#organization-{organization.pk}",
            "",
            f"In {end_sentence(teams)}" if teams else "In no team yet.",
        )
    return shown


# In the order of their filters.
KINDS = (
    SearchKind(
        "team",
        "Action team",
        "Teams",
        lambda person, keys: ActionTeam.objects.visible_to(person),
        _read_teams,
        _show_teams,
    ),
    SearchKind(
        "goal",
        "Goal",
        "Goals",
        lambda person, keys: Goal.objects.visible_to(person),
        _read_goals,
        _show_goals,
    ),
    SearchKind(
        "question",
        "Question",
        "Questions",
        lambda person, keys: FaqEntry.objects.published(),
        _read_questions,
        _show_questions,
    ),
    SearchKind(
        "meeting",
        "Meeting",
        "Meetings",
        Meeting.objects.visible_to,
        _read_meetings,
        _show_meetings,
    ),
    SearchKind(
        "resource",
        "Resource",
        "Resources",
        Resource.objects.visible_to,
        _read_resources,
        _show_resources,
    ),
    SearchKind(
        "topic",
        "Topic",
        "Topics",
        lambda person, keys: Topic.objects.visible_to(person),
        _read_topics,
        _show_topics,
    ),
    SearchKind(
        "organization",
        "Organization",
        "Organizations",
        lambda person, keys: Organization.objects.recognized(),
        _read_organizations,
        _show_organizations,
    ),
)


def _lines(*parts: str) -> str:
    return "\n".join(filter(None, parts))
