"""Workforce trends and topics: proposed by anyone, studied, and classified into a team's focus."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from members.models import Member, Organization
from members.models.history import LoggedRecords
from members.text_fields import CleanCharField, CleanTextField
from teams.models.goals import Goal
from teams.models.meetings import Meeting
from teams.models.resources import Resource
from teams.models.submissions import Submission, SubmissionQuerySet
from teams.models.teams import MARKDOWN_HELP, ActionTeam

# From so many on it is shown to how many organizations a topic matters: below, it tells which.
MIN_SUPPORT_SHOWN = 5


class TopicQuerySet(SubmissionQuerySet["Topic"]):
    def public(self) -> TopicQuerySet:
        """What everyone may read: not what waits or was dismissed, nor a topic of a draft team."""
        return self._decided().exclude(team__state=ActionTeam.State.DRAFT)

    def visible_to(self, person: Member | AnonymousUser) -> TopicQuerySet:
        """The public topics, and those of draft teams that `person` may know of."""
        teams = ActionTeam.objects.visible_to(person).order_by().values("pk")
        return self._decided().filter(Q(team=None) | Q(team__in=teams))

    def _decided(self) -> TopicQuerySet:
        return self.exclude(state__in=[Topic.State.WAITING, Topic.State.DISMISSED])

    def with_support(self) -> TopicQuerySet:
        """Adds `support_count`: to how many recognized organizations a topic matters."""
        support = TopicSupport.objects.counted().filter(topic=OuterRef("pk")).order_by()
        by_topic = support.values("topic").annotate(number=Count("pk")).values("number")
        return self.annotate(support_count=Coalesce(Subquery(by_topic), 0))

    def of_team(self, team: ActionTeam) -> TopicQuerySet:
        """Those in the focus area of `team`: what it works on now comes first."""
        topics = self.filter(team=team, state__in=[Topic.State.IN_FOCUS, Topic.State.CLASSIFIED])
        # "in_focus" comes after "classified" in the alphabet.
        return topics.order_by("-state", "title", "pk")


class Topic(Submission):
    """A workforce trend or topic, and how far the work on it is.

    WAITING --publish--> PROPOSED --study--> STUDIED --classify--> CLASSIFIED --> IN_FOCUS
       |--dismiss--> DISMISSED        each of these --set aside--> SET_ASIDE, and back again

    `teams.services.topics` alone writes the state, each time with a step that says why.
    """

    EMAIL, SENT_AT, STATUS = "proposer_email", "proposed_at", "state"
    BADGES: ClassVar = {
        "waiting": "waiting",
        "proposed": "new",
        "studied": "approval",
        "classified": "confirmed",
        "in_focus": "open",
    }

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        PROPOSED = "proposed", "Proposed"
        STUDIED = "studied", "Being studied"
        CLASSIFIED = "classified", "Classified"
        IN_FOCUS = "in_focus", "In focus"
        SET_ASIDE = "set_aside", "Set aside"
        DISMISSED = "dismissed", "Dismissed"

    slug = models.SlugField("address", max_length=140, unique=True, editable=False)
    title = CleanCharField(max_length=120)
    summary = CleanTextField(max_length=2000, blank=True, help_text=MARKDOWN_HELP)
    state = models.CharField(
        max_length=10, choices=State.choices, default=State.WAITING, editable=False
    )
    # The focus area; once it is classified.
    team = models.ForeignKey(
        ActionTeam,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="topics",
    )
    goals = models.ManyToManyField(Goal, blank=True, related_name="topics")
    meetings = models.ManyToManyField(Meeting, blank=True, related_name="topics")
    resources = models.ManyToManyField(Resource, blank=True, related_name="topics")
    proposed_at = models.DateTimeField("proposed", default=timezone.now, editable=False)
    proposer_email = models.EmailField("proposer’s address", blank=True)

    objects = TopicQuerySet.as_manager()
    history = LoggedRecords(excluded_fields=["proposer_email"])

    class Meta:
        ordering: ClassVar = ["title", "pk"]
        indexes: ClassVar = [models.Index(fields=["state", "proposed_at"])]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_topic_state_known",
                condition=Q(
                    state__in=[
                        "waiting",
                        "proposed",
                        "studied",
                        "classified",
                        "in_focus",
                        "set_aside",
                        "dismissed",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="teams_topic_classified_into_a_team",
                condition=~Q(state__in=["classified", "in_focus"]) | Q(team__isnull=False),
                violation_error_message="Choose the team into whose focus the topic is classified.",
            ),
            models.CheckConstraint(
                name="teams_topic_decided_carry_time",
                condition=Q(state="waiting", decided_at=None, decided_by=None)
                | Q(~Q(state="waiting"), decided_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("topic_detail", args=[self.slug])

    @property
    def shown_support(self) -> int:
        """To how many organizations it matters, where that may be shown, else 0. Of topics
        `with_support`."""
        number: int = getattr(self, "support_count", 0)
        return number if number >= MIN_SUPPORT_SHOWN else 0


class TopicStep(models.Model):
    """A step of the work on a topic, with a sentence why. Never changed, and deleted only where its
    decision is undone within two minutes."""

    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="steps")
    state = models.CharField(max_length=10, choices=Topic.State.choices)
    team = models.ForeignKey(ActionTeam, on_delete=models.PROTECT, null=True, related_name="+")
    why = CleanCharField(max_length=300)
    taken_at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering: ClassVar = ["taken_at", "pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_topicstep_with_reason",
                condition=~Q(why=""),
                violation_error_message="Say in one sentence why.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic}: {self.get_state_display()}"


class TopicSupportQuerySet(models.QuerySet["TopicSupport"]):
    def counted(self) -> TopicSupportQuerySet:
        """That of recognized organizations: what a former name said counts no more."""
        return self.filter(organization__status=Organization.Status.RECOGNIZED)


class TopicSupport(models.Model):
    """An organization to which a topic matters, as one of its members said."""

    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="support")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="+")
    given_at = models.DateTimeField(default=timezone.now)

    objects = TopicSupportQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["topic", "organization"], name="teams_topicsupport_once_per_organization"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic} matters to {self.organization}"
