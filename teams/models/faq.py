"""Questions and answers, and the questions that visitors ask."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from django.db import models
from django.db.models import Case, Max, Q, When
from django.urls import reverse
from django.utils import timezone

from members.models import Member
from members.models.history import LoggedRecords
from members.text_fields import CleanCharField, CleanTextField
from teams.models.submissions import Submission, SubmissionQuerySet
from teams.models.teams import ActionTeam
from teams.workdays import answer_expected_on


class FaqEntryQuerySet(models.QuerySet["FaqEntry"]):
    def by_section(self) -> FaqEntryQuerySet:
        """In the order of the FAQ page: general ones by topic, then those of one team by one."""
        topics = [
            When(team=None, topic=topic, then=place)
            for place, topic in enumerate(FaqEntry.Topic.values)
        ]
        section = Case(*topics, default=len(topics))
        return self.order_by(section, "team__position", "team_id", "position", "question")

    def published(self) -> FaqEntryQuerySet:
        """What everyone may read: nothing about a team that is a draft."""
        return self.filter(is_published=True).exclude(team__state=ActionTeam.State.DRAFT)

    def general(self) -> FaqEntryQuerySet:
        return self.filter(team=None)

    def editable_by(self, facilitator: Member) -> FaqEntryQuerySet:
        """The general ones, which all facilitators share, and those of their own teams."""
        own_teams = ActionTeam.objects.facilitated_by(facilitator)
        return self.filter(Q(team=None) | Q(team__in=own_teams))

    def next_position(self, team: ActionTeam | None, topic: str) -> int:
        """The first position behind all entries of a team or, without one, of a topic."""
        section = self.filter(team=team) if team else self.filter(team=None, topic=topic)
        last: int | None = section.aggregate(last=Max("position"))["last"]
        return (last or 0) + 1


class FaqEntry(models.Model):
    """A question and its answer; without a team it is general."""

    class Topic(models.TextChoices):
        ABOUT = "about", "About us"
        JOINING = "joining", "Joining"
        ACCOUNT = "account", "Your account and your details"

    team = models.ForeignKey(
        ActionTeam,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="faq_entries",
        help_text="Empty: general, shown on the FAQ page and under every team.",
    )
    topic = models.CharField(max_length=10, choices=Topic.choices, default=Topic.ABOUT)
    position = models.PositiveSmallIntegerField(default=0, help_text="Lower numbers come first.")
    slug = models.SlugField(
        max_length=80, unique=True, help_text="Names the answer in links; it stays."
    )
    question = CleanCharField(max_length=200)
    answer = CleanTextField(help_text="Markdown.")
    is_published = models.BooleanField("published", default=True)
    # Only for the version before this one, which may still serve while this one is installed and
    # asks for it in each query. The next version drops it.
    search_text = models.TextField(db_default="", editable=False)
    checked_on = models.DateField("last checked", null=True, blank=True, editable=False)

    objects = FaqEntryQuerySet.as_manager()
    history = LoggedRecords(excluded_fields=["search_text"])

    class Meta:
        ordering: ClassVar = ["position", "question"]
        verbose_name = "FAQ entry"
        verbose_name_plural = "FAQ entries"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_faqentry_topic_known",
                condition=Q(topic__in=["about", "joining", "account"]),
            ),
            models.CheckConstraint(
                name="teams_faqentry_slug_not_ask",
                condition=~Q(slug="ask"),
                violation_error_message="At the address “ask” visitors ask their questions. "
                "Choose another address.",
            ),
        ]

    def __str__(self) -> str:
        return self.question

    def get_absolute_url(self) -> str:
        return reverse("faq_detail", args=[self.slug])

    @property
    def section(self) -> str:
        """The heading of the FAQ page that it is under."""
        return self.team.name if self.team else self.get_topic_display()


class Question(Submission):
    """What a visitor asked, and what became of it."""

    SENT_AT = "asked_at"

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        ANSWERED = "answered", "Answered"
        PUBLISHED = "published", "Published"
        DISMISSED = "dismissed", "Dismissed"

    text = CleanTextField("question", max_length=1000)
    email = models.EmailField("asker’s address", blank=True)
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.WAITING, editable=False
    )
    asked_at = models.DateTimeField("asked", default=timezone.now, editable=False)
    # What the asker reads: the answer, or why there is none.
    answer = CleanTextField(blank=True, editable=False)
    published_in = models.ForeignKey(
        FaqEntry,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="questions",
    )

    objects = SubmissionQuerySet["Question"].as_manager()
    history = LoggedRecords(excluded_fields=["email"])

    class Meta:
        ordering: ClassVar = ["-asked_at", "-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_question_decided_carry_time",
                condition=Q(status="waiting", decided_at=None, decided_by=None)
                | Q(
                    status__in=["answered", "published", "dismissed"],
                    decided_at__isnull=False,
                    decided_by__isnull=False,
                ),
                violation_error_message="A decision needs the time and the person who took it.",
            ),
            models.CheckConstraint(
                name="teams_question_answered_with_answer",
                condition=~Q(status="answered") | ~Q(answer=""),
                violation_error_message="Write the answer.",
            ),
            models.CheckConstraint(
                name="teams_question_published_in_entry",
                condition=Q(status="published", published_in__isnull=False)
                | (~Q(status="published") & Q(published_in=None)),
                violation_error_message="A published question names its FAQ entry.",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["status", "asked_at"], name="teams_question_status")
        ]

    def __str__(self) -> str:
        return self.text if len(self.text) <= 80 else f"{self.text[:79]}…"

    @property
    def answer_expected_on(self) -> date:
        """By when the asker was promised an answer."""
        return answer_expected_on(self.asked_at)
