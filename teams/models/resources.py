"""What the teams share: links to read, watch and use."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, timedelta
from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Case, Exists, OuterRef, Q, Value, When
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language_info

from members.email_domains import readable_domain
from members.models import Member
from members.models.history import LoggedRecords
from members.text_fields import CleanCharField, CleanTextField
from teams.models.goals import Goal
from teams.models.meetings import Meeting, team_keys
from teams.models.teams import ActionTeam
from teams.web_addresses import web_host

# A resource that nobody has checked for so long may have changed or gone.
CHECK_AFTER = timedelta(days=180)


class ResourceQuerySet(models.QuerySet["Resource"]):
    def current(self) -> ResourceQuerySet:
        """All that are not archived."""
        return self.filter(archived_at=None)

    def of_teams(self, keys: Collection[int]) -> ResourceQuerySet:
        """Those of the teams with these keys or of their meetings, and those for all teams."""
        return self.filter(_is_of_teams(keys))

    def count_by_team(self, teams: Iterable[ActionTeam]) -> dict[int, int]:
        """Return how many `of_teams` has for each of `teams`, by its key, in one query."""
        counts = {
            f"of_{team.pk}": models.Count("pk", filter=_is_of_teams([team.pk])) for team in teams
        }
        found = self.order_by().aggregate(**counts) if counts else {}
        return {int(name.removeprefix("of_")): number for name, number in found.items()}

    def published(self) -> ResourceQuerySet:
        """All that are shown: not archived, and of no team that is a draft."""
        drafts = ActionTeam.objects.filter(
            resources=OuterRef("pk"), state=ActionTeam.State.DRAFT
        ).order_by()
        return self.current().filter(~Exists(drafts))

    def visible_to(
        self, person: Member | AnonymousUser, keys: Collection[int] | None = None
    ) -> ResourceQuerySet:
        """The resources that exist for `person`: of the meetings that they may see, or of none;
        public ones, for active members of a team and facilitators those for members, and those
        of their own teams. `keys` are their `team_keys`, where these are known."""
        published = self.published()
        meetings = Meeting.objects.visible_to(person, keys).order_by().values("pk")
        shown = published.filter(Q(meeting=None) | Q(meeting__in=meetings))
        public = shown.filter(audience=Resource.Audience.PUBLIC)
        if not isinstance(person, Member):
            return public
        if person.is_superuser:
            return published
        if keys is None:
            keys = team_keys(person)
        if not keys:
            return public
        own = Resource.teams.through.objects.filter(resource=OuterRef("pk"), actionteam__in=keys)
        of_meeting = Meeting.teams.through.objects.filter(
            meeting=OuterRef("meeting"), actionteam__in=keys
        )
        return shown.filter(~Q(audience=Resource.Audience.TEAMS) | Exists(own) | Exists(of_meeting))

    def newest_first(self) -> ResourceQuerySet:
        """What was added last comes first."""
        return self.order_by("-added_at", "-pk")

    def with_teams(self) -> ResourceQuerySet:
        """With what pages show beside them: their teams and meetings."""
        return self.select_related("meeting").prefetch_related("teams", "meeting__teams")

    def editable_by(self, staff: Member) -> ResourceQuerySet:
        """Those of no team or meeting, which all facilitators share, and those of their own teams
        and meetings."""
        if not staff.is_staff:
            return self.none()
        if staff.is_superuser:
            return self
        through = Resource.teams.through.objects.filter(resource=OuterRef("pk"))
        own = Exists(through.filter(actionteam__facilitators=staff))
        of_meeting = Q(meeting__in=Meeting.objects.editable_by(staff).order_by().values("pk"))
        return self.filter(own | of_meeting | (~Exists(through) & Q(meeting=None)))

    def due_for_check(self) -> ResourceQuerySet:
        """What nobody has checked for CHECK_AFTER."""
        return self.current().filter(checked_on__lt=timezone.localdate() - CHECK_AFTER)

    def with_dead_links(self) -> ResourceQuerySet:
        """What leads nowhere, or elsewhere; also where only the transcript leads nowhere."""
        return self.current().filter(_has_dead_link())

    def needing_attention(self) -> ResourceQuerySet:
        """What has a dead link, and then what nobody has checked for CHECK_AFTER, for the longest
        time first."""
        is_old = Q(checked_on__lt=timezone.localdate() - CHECK_AFTER)
        is_dead = Case(When(_has_dead_link(), then=Value(0)), default=Value(1))
        found = self.current().filter(_has_dead_link() | is_old)
        return found.order_by(is_dead, "checked_on", "pk")

    def without_captions(self) -> ResourceQuerySet:
        """Recordings without captions and without a transcript, or where that is not known."""
        lacking = Q(transcript_url="") & ~Q(captions=Resource.Captions.YES)
        return self.current().filter(lacking, kind=Resource.Kind.RECORDING)


def _is_of_teams(keys: Collection[int]) -> Q:
    through = Resource.teams.through.objects.filter(resource=OuterRef("pk"))
    of_meeting = Meeting.objects.of_teams(keys).order_by().values("pk")
    return (
        Q(Exists(through.filter(actionteam__in=keys)))
        | Q(meeting__in=of_meeting)
        | (~Exists(through) & Q(meeting=None))
    )


def _has_dead_link() -> Q:
    states = Resource.LinkState
    is_wrong = Q(link_state__in=[states.GONE, states.MOVED])
    return is_wrong | Q(transcript_state=states.GONE)


class Resource(models.Model):
    """A link to something that helps the work of the teams; also what belongs to a meeting, such
    as its slides and its recording. It is archived, never deleted."""

    class Kind(models.TextChoices):
        ORGANIZATION = "organization", "Organization"
        PUBLICATION = "publication", "Publication"
        TOOLKIT = "toolkit", "Toolkit"
        RECORDING = "recording", "Recording"
        SLIDES = "slides", "Slides"
        DOCUMENT = "document", "Document"
        NOTES = "notes", "Notes"
        OTHER = "other", "Other"

    class Audience(models.TextChoices):
        PUBLIC = "public", "Everyone"
        MEMBERS = "members", "Members of any team"
        TEAMS = "teams", "Members of its teams"

    class Captions(models.TextChoices):
        YES = "yes", "With captions"
        NO = "no", "Without captions"
        UNKNOWN = "unknown", "Not known"

    class LinkState(models.TextChoices):
        UNKNOWN = "unknown", "Not tried yet"
        OK = "ok", "Works"
        MOVED = "moved", "Moved"
        GONE = "gone", "Gone"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    title = CleanCharField(max_length=150)
    slug = models.SlugField("address on this site", max_length=140, unique=True, editable=False)
    url = models.URLField("address", max_length=500)
    summary = CleanTextField(
        max_length=600, blank=True, help_text="What it is and whom it helps, in two sentences."
    )
    publisher = CleanCharField(max_length=150, blank=True)
    # As much of the date as is known, in ISO 8601, so that it sorts: 2024, 2024-03, 2024-03-15.
    published_on = models.CharField(
        "published",
        max_length=10,
        blank=True,
        validators=[RegexValidator(r"^\d{4}(-\d{2}(-\d{2})?)?$")],
    )
    # Of BCP 47, such as "en" or "es".
    language = models.CharField(max_length=10, default="en")
    teams = models.ManyToManyField(
        ActionTeam,
        blank=True,
        related_name="resources",
        help_text="If none is checked, it is for all teams.",
    )
    goals = models.ManyToManyField(
        Goal, blank=True, related_name="resources", help_text="Of which it is a document."
    )
    meeting = models.ForeignKey(
        Meeting, on_delete=models.PROTECT, null=True, blank=True, related_name="resources"
    )
    audience = models.CharField(
        "who sees it", max_length=7, choices=Audience.choices, default=Audience.PUBLIC
    )
    captions = models.CharField(max_length=7, choices=Captions.choices, default=Captions.UNKNOWN)
    transcript_url = models.URLField("address of the transcript", max_length=500, blank=True)
    minutes = models.PositiveSmallIntegerField(
        "length in minutes", null=True, blank=True, help_text="For a recording."
    )
    position = models.PositiveSmallIntegerField(
        "place", default=0, help_text="On the page of its meeting."
    )
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
    )
    added_at = models.DateTimeField(default=timezone.now, editable=False)
    # By a person: that it is still true and useful.
    checked_on = models.DateField("last checked", default=timezone.localdate, editable=False)
    # By the mail worker, weekly.
    link_state = models.CharField(
        max_length=7, choices=LinkState.choices, default=LinkState.UNKNOWN, editable=False
    )
    link_checked_at = models.DateTimeField(null=True, editable=False)
    link_failing_since = models.DateTimeField(null=True, editable=False)
    # What is wrong with the link, in words; also why it was not tried.
    link_problem = models.CharField(max_length=150, db_default="", default="", editable=False)
    # Where it has moved to for good.
    moved_to = models.URLField(max_length=500, db_default="", default="", editable=False)
    transcript_state = models.CharField(
        max_length=7,
        choices=LinkState.choices,
        db_default=LinkState.UNKNOWN,
        default=LinkState.UNKNOWN,
        editable=False,
    )
    transcript_failing_since = models.DateTimeField(null=True, editable=False)
    archived_at = models.DateTimeField(null=True, editable=False)

    objects = ResourceQuerySet.as_manager()
    history = LoggedRecords(
        m2m_fields=[teams],
        excluded_fields=[
            "link_state",
            "link_checked_at",
            "link_failing_since",
            "link_problem",
            "moved_to",
            "transcript_state",
            "transcript_failing_since",
        ],
    )

    class Meta:
        ordering: ClassVar = ["position", "pk"]
        indexes: ClassVar = [models.Index(fields=["added_at"])]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="teams_resource_kind_known",
                condition=Q(
                    kind__in=[
                        "organization",
                        "publication",
                        "toolkit",
                        "recording",
                        "slides",
                        "document",
                        "notes",
                        "other",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="teams_resource_audience_known",
                condition=Q(audience__in=["public", "members", "teams"]),
            ),
            models.CheckConstraint(
                name="teams_resource_captions_known",
                condition=Q(captions__in=["yes", "no", "unknown"]),
            ),
            models.CheckConstraint(
                name="teams_resource_link_state_known",
                condition=Q(link_state__in=["unknown", "ok", "moved", "gone"]),
            ),
            models.CheckConstraint(
                name="teams_resource_transcript_state_known",
                condition=Q(transcript_state__in=["unknown", "ok", "moved", "gone"]),
            ),
            models.CheckConstraint(
                name="teams_resource_slug_not_suggest",
                condition=~Q(slug="suggest"),
                violation_error_message="At the address “suggest” people suggest resources. "
                "Choose another title.",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("resource_detail", args=[self.slug])

    @property
    def teams_shown(self) -> list[ActionTeam]:
        """Its teams, or those of its meeting; none: it is for all. `with_teams` fetches them."""
        teams = list(self.teams.all())
        return teams or (list(self.meeting.teams.all()) if self.meeting else [])

    @property
    def host(self) -> str:
        """The name of the site that it is on: "library.example.org"."""
        return readable_domain(web_host(self.url))

    @property
    def published_in_words(self) -> str:
        """As much of the date as is known: "2025", "March 2025" or "March 15, 2025"; empty where
        nothing is."""
        year, *rest = self.published_on.split("-")
        try:
            day = date(int(year), *(int(part) for part in [*rest, "1", "1"][:2]))
        except ValueError:
            return self.published_on
        return date_format(day, ("Y", "F Y", "F j, Y")[len(rest)])

    @property
    def language_name(self) -> str:
        """In English: "Spanish"."""
        return language_name(self.language)

    @property
    def is_in_english(self) -> bool:
        return self.language.partition("-")[0].lower() == "en"

    @property
    def length(self) -> str:
        """How long a recording is, in words: "1 hour 5 minutes"; empty where it is not known."""
        hours, minutes = divmod(self.minutes or 0, 60)
        parts = [(hours, "hour"), (minutes, "minute")]
        return " ".join(f"{count} {unit}{pluralize(count)}" for count, unit in parts if count)

    @property
    def is_recording(self) -> bool:
        return self.kind == self.Kind.RECORDING

    @property
    def is_due_for_check(self) -> bool:
        """Whether nobody has checked it for CHECK_AFTER."""
        return self.checked_on < timezone.localdate() - CHECK_AFTER

    @property
    def is_gone(self) -> bool:
        """Whether its link no longer leads to anything, as far as the worker can tell."""
        return self.link_state == self.LinkState.GONE

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None

    @property
    def has_dead_link(self) -> bool:
        """As `with_dead_links`."""
        states = self.LinkState
        is_wrong = self.link_state in {states.GONE, states.MOVED}
        return is_wrong or self.transcript_state == states.GONE

    @property
    def lacks_captions(self) -> bool:
        """Whether it is a recording without captions and transcript, or that is not known."""
        has_either = self.captions == self.Captions.YES or self.transcript_url
        return self.kind == self.Kind.RECORDING and not has_either


def language_name(code: str) -> str:
    """Return the English name of a language of BCP 47; without one that is known, the code."""
    for known in (code.lower(), code.lower().partition("-")[0]):
        try:
            return str(get_language_info(known)["name"])
        except KeyError:
            continue
    return code
