"""The action teams."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse

from members.models import Member
from members.models.history import LoggedRecords
from members.text_fields import CleanCharField, CleanTextField

if TYPE_CHECKING:
    from teams.models.goals import Goal

MARKDOWN_HELP = "Blank line: new paragraph. *word*: emphasis. - item: list."


class ActionTeamQuerySet(models.QuerySet["ActionTeam"]):
    def public(self) -> ActionTeamQuerySet:
        """Teams that everyone may know of: all but drafts."""
        return self.exclude(state=ActionTeam.State.DRAFT)

    def visible_to(self, person: Member | AnonymousUser) -> ActionTeamQuerySet:
        """Public teams; for those who prepare a draft (its facilitators and members,
        administrators) that too."""
        if not isinstance(person, Member):
            return self.public()
        if person.is_superuser:
            return self
        own = ActionTeam.objects.of_member(person).order_by().values("pk")
        return self.filter(~Q(state=ActionTeam.State.DRAFT) | Q(pk__in=own))

    def of_member(self, member: Member) -> ActionTeamQuerySet:
        """The teams in which `member` is active, or which they facilitate."""
        # Two subqueries by an index each: a join would read the memberships of everyone.
        active = member.memberships.filter(status="active").order_by().values("team")
        facilitated = ActionTeam.facilitators.through.objects.filter(member=member)
        return self.filter(Q(pk__in=active) | Q(pk__in=facilitated.values("actionteam")))

    def facilitated_by(self, member: Member) -> ActionTeamQuerySet:
        """The teams that `member` facilitates; for an administrator, all of them."""
        return self if member.is_superuser else self.filter(facilitators=member)

    def with_counts(self) -> ActionTeamQuerySet:
        """Adds `active_count` (members) and `organization_count` (their organizations)."""
        active = ActionTeam.objects.filter(pk=OuterRef("pk"), memberships__status="active")
        by_team = active.order_by().values("pk")
        members = by_team.annotate(number=Count("memberships"))
        organizations = by_team.annotate(
            number=Count("memberships__member__organization", distinct=True)
        )
        return self.annotate(
            active_count=Coalesce(Subquery(members.values("number")), 0),
            organization_count=Coalesce(Subquery(organizations.values("number")), 0),
        )


class ActionTeam(models.Model):
    """One of the Collaborative's action teams."""

    class State(models.TextChoices):
        """A draft is there for those who prepare it alone; paused and finished teams take nobody,
        and keep their page, members and results."""

        DRAFT = "draft", "Draft"
        PUBLISHED = "published", "Published"
        PAUSED = "paused", "Paused"
        FINISHED = "finished", "Finished"

    class JoinPolicy(models.TextChoices):
        OPEN = "open", "Open"
        APPROVAL = "approval", "By approval"
        CLOSED = "closed", "Closed"

    class Color(models.TextChoices):
        """The colors of static/portal/tokens.css that a team can have."""

        PLUM = "plum", "Plum"
        BRICK = "brick", "Brick"
        PRAIRIE = "prairie", "Prairie gold"
        INDIGO = "indigo", "Indigo"
        MOSS = "moss", "Moss green"
        ROSE = "rose", "Rose"

    class Drawing(models.TextChoices):
        """The drawings of templates/art/scenes; each has an icon in templates/icons/teams."""

        BOOKS = "books", "Books and a cap"
        MAP = "map", "Map with pins"
        STAIRS = "stairs", "People on stairs"
        TABLE = "table", "People at a table"

    name = CleanCharField(max_length=80, unique=True)
    slug = models.SlugField(
        "address",
        max_length=80,
        unique=True,
        help_text="The last part of the page’s address, such as local-hiring. It is permanent.",
    )
    position = models.PositiveSmallIntegerField(
        "place", default=0, help_text="Lower numbers come first."
    )
    summary = CleanCharField(
        max_length=200, help_text="One sentence on what the team is for, shown on its card."
    )
    why = CleanTextField("why this team", blank=True, help_text=MARKDOWN_HELP)
    achievements = CleanTextField("already done", blank=True, help_text=MARKDOWN_HELP)
    closing_words = CleanTextField(
        "closing words",
        blank=True,
        db_default="",
        help_text="Shown on the page of a paused or finished team, above everything else. "
        + MARKDOWN_HELP,
    )
    state = models.CharField(
        max_length=10,
        choices=State.choices,
        default=State.PUBLISHED,
        db_default="published",
        help_text="Draft: only the team’s facilitators and members, and administrators, see it. "
        "Paused: takes nobody for now. Finished: its page stays, with what it achieved.",
    )
    join_policy = models.CharField(
        max_length=10,
        choices=JoinPolicy.choices,
        default=JoinPolicy.OPEN,
        help_text="Open: members of recognized organizations join at once. "
        "By approval: a facilitator decides each request. Closed: takes nobody.",
    )
    color = models.CharField(
        max_length=10,
        choices=Color.choices,
        default=Color.INDIGO,
        db_default="indigo",
        help_text="Of its dots, bars and headings, wherever the team is named.",
    )
    drawing = models.CharField(
        max_length=10,
        choices=Drawing.choices,
        default=Drawing.TABLE,
        db_default="table",
        help_text="On the team’s card and page; its icon goes with it.",
    )
    facilitators = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="facilitated_teams"
    )

    objects = ActionTeamQuerySet.as_manager()
    history = LoggedRecords(m2m_fields=[facilitators])

    class Meta:
        ordering: ClassVar = ["position", "name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_actionteam_state_known",
                condition=Q(state__in=["draft", "published", "paused", "finished"]),
            ),
            models.CheckConstraint(
                name="teams_actionteam_join_policy_known",
                condition=Q(join_policy__in=["open", "approval", "closed"]),
            ),
            models.CheckConstraint(
                name="teams_actionteam_color_known",
                condition=Q(color__in=["plum", "brick", "prairie", "indigo", "moss", "rose"]),
            ),
            models.CheckConstraint(
                name="teams_actionteam_drawing_known",
                condition=Q(drawing__in=["books", "map", "stairs", "table"]),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("team_detail", args=[self.slug])

    def clean(self) -> None:
        """Refuse to hide a team that people have asked to join, or to whose meetings they have been
        invited. A request of the same moment is not lost: it waits at the desk as any other."""
        if self.pk is None or self.state != self.State.DRAFT:
            return
        if self.memberships.filter(status="requested").exists():
            raise ValidationError(
                "People have asked to join this team, and would not see a draft. Decide their "
                "requests first, or choose Paused."
            )
        if meeting := self.meetings.takes_place().upcoming().first():
            raise ValidationError(
                f"“{meeting}” of this team is announced, and a draft is seen by nobody who was "
                "invited. Cancel its meetings first, or choose Paused."
            )

    def roster_visible_to(self, member: Member) -> bool:
        """Whether `member` may see who is in the team: an active member of it, its facilitator,
        an administrator."""
        return (
            member.is_superuser
            or self.facilitators.filter(pk=member.pk).exists()
            or self.memberships.filter(member=member, status="active").exists()
        )

    @property
    def leading_goal(self) -> Goal | None:
        """The goal that stands for the team on its card: its first one with a number. Prefetch
        `goals` where there are many teams."""
        return next((goal for goal in self.goals.all() if goal.percent is not None), None)

    @property
    def icon_template(self) -> str:
        return f"icons/teams/{self.drawing}.svg"

    @property
    def scene_template(self) -> str:
        return f"art/scenes/{self.drawing}.svg"

    @property
    def is_open(self) -> bool:
        """Whether members of recognized organizations join at once."""
        return self.is_published and self.join_policy == self.JoinPolicy.OPEN

    @property
    def is_closed(self) -> bool:
        """Whether nobody can join or ask to join."""
        return not self.is_published or self.join_policy == self.JoinPolicy.CLOSED

    @property
    def is_published(self) -> bool:
        return self.state == self.State.PUBLISHED

    @property
    def name_with_state(self) -> str:
        """The name for those who decide who is in the team: "Careers (paused)"."""
        state = self.get_state_display().lower()
        return self.name if self.is_published else f"{self.name} ({state})"

    @property
    def badge(self) -> tuple[str, str]:
        """Kind and word of the badge: how one joins, or why nobody does."""
        if self.is_published:
            return self.join_policy, self.get_join_policy_display()
        return self.state, self.get_state_display()
