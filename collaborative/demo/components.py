"""A page with every component of the portal and its states, in development only.

What it shows exists nowhere: the records are made for the page and not stored.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.db.models import Model
from django.forms.models import ModelChoiceIteratorValue
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from collaborative.demo.email_preview import development_only
from members.forms import BaseForm, WorkEmailField, job_title_field, name_field
from teams.forms import TeamCheckboxes
from teams.models import ActionTeam, Attendance, Goal, GoalUpdate, Meeting, Resource
from teams.services.answers import AnswerCounts
from teams.services.my_meetings import MyMeeting
from teams.statistics import TeamCounts
from teams.views.meeting_answers import AnswerPanel

BADGES = [
    ("open", "Open"),
    ("approval", "By approval"),
    ("confirmed", "Member"),
    ("waiting", "Waiting"),
    ("attention", "At risk"),
    ("new", "New"),
    ("closed", "Closed"),
]
STARTED = datetime(2026, 3, 2, 9, tzinfo=ZoneInfo("America/Chicago"))


class SampleForm(BaseForm):
    """A field of every kind. Sent with nothing, so that each required one has its error."""

    full_name = name_field()
    email = WorkEmailField(help_text="We will send a code to this address")
    job_title = job_title_field()
    question = forms.CharField(
        label="Your question",
        help_text="Up to 1,000 characters",
        error_messages={"required": "Enter your question"},
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    team = forms.ChoiceField(label="Team", choices=[("", "Choose a team"), ("one", "Team one")])
    theme = forms.ChoiceField(
        label="Colors",
        choices=[("", "Same as my device"), ("light", "Light"), ("dark", "Dark")],
        required=False,
        widget=forms.RadioSelect,
    )
    shares_email = forms.BooleanField(
        label="Show my email address to my teammates",
        help_text="If not, they see only your name, job title and organization",
        required=False,
    )
    teams = forms.MultipleChoiceField(
        label="Which teams do you want to join?",
        help_text="Select all that apply",
        error_messages={"required": "Select at least one team"},
        widget=TeamCheckboxes,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["teams"].widget.choices = [
            (ModelChoiceIteratorValue(team.slug, team), team.name) for team in sample_teams()
        ]


@development_only
def components(request: HttpRequest) -> HttpResponse:
    """Show every component with its states."""
    initial = {"full_name": "Ana Sample", "shares_email": True, "teams": ["sample-plum"]}
    meetings = sample_meetings()
    first = meetings[0]
    attendance = Attendance(meeting=first, answer=Attendance.Answer.ONLINE)
    context = {
        "meetings": meetings,
        "unanswered": MyMeeting(first, None),
        "answers": AnswerPanel(first, attendance, list(Attendance.Answer), AnswerCounts()),
        "links": sample_links(meetings[-1]),
        "resources": sample_resources(),
        "badges": BADGES,
        "goals": sample_goals(),
        "counts": [
            TeamCounts(team, members=number * 3, organizations=number)
            for number, team in enumerate(sample_teams())
        ],
        "form": SampleForm(initial=initial, auto_id="sample_%s"),
        "wrong_form": wrong_form(),
    }
    return render(request, "dev/components.html", context)


def wrong_form() -> SampleForm:
    """Return the form with its errors. Its fields have names of their own: both are on one page."""
    form = SampleForm({}, prefix="wrong")
    for field in form.fields.values():
        field.label = f"{field.label}, with its error"
    return form


def sample_teams() -> list[ActionTeam]:
    """Return a team of each color; every drawing and every way to join is among them."""
    drawings, policies = ActionTeam.Drawing.values, ActionTeam.JoinPolicy.values
    teams = []
    for number, (color, name) in enumerate(ActionTeam.Color.choices):
        team = ActionTeam(
            pk=number + 1,
            name=f"Sample team, {name.lower()}",
            slug=f"sample-{color}",
            color=color,
            drawing=drawings[number % len(drawings)],
            join_policy=policies[number % len(policies)],
            summary="One sentence says what the team is for.",
        )
        _prefetch(team, "goals", sample_goals()[:1] if number % 2 == 0 else [])
        teams.append(team)
    return teams


def sample_meetings() -> list[Meeting]:
    """Return a meeting as lists show it in each state; the last one is over."""
    team, other, *_ = sample_teams()
    start = STARTED.replace(year=2099)
    fields: list[tuple[str, list[ActionTeam], dict[str, Any]]] = [
        ("Announced", [team], {}),
        ("Of several teams, and moved", [team, other], {"moved_from": start - timedelta(days=7)}),
        ("Cancelled", [other], {"status": "cancelled", "cancelled_reason": "Snow"}),
        ("Draft, for members", [], {"status": "draft", "audience": "members", "place": ""}),
        ("Over", [team], {"starts_at": STARTED, "status": "held"}),
    ]
    meetings = []
    for number, (title, teams, values) in enumerate(fields):
        values = {"starts_at": start, "status": "announced", "audience": "public"} | values
        values = {"place": "Lakefront Example Hospital", "join_url": "#meetings"} | values
        end = values["starts_at"] + timedelta(minutes=90)
        meeting = Meeting(
            pk=number + 1, title=title, slug=f"sample-{number}", ends_at=end, **values
        )
        meeting.has_minutes = True  # type: ignore[attr-defined]
        _prefetch(meeting, "teams", teams)
        _prefetch(meeting, "resources", sample_links(meeting))
        meetings.append(meeting)
    return meetings


def sample_resources() -> list[Resource]:
    """Return a resource of each kind, of one team, of several, or of all."""
    team, other, *_ = sample_teams()
    fields: dict[str, tuple[list[ActionTeam], dict[str, Any]]] = {
        "organization": ([], {}),
        "publication": ([team], {"language": "es", "published_on": "2024"}),
        "toolkit": ([other], {"audience": "members", "published_on": "2025-03"}),
        "recording": ([team, other], {"minutes": 65, "transcript_url": "#resources"}),
        "slides": ([team], {"audience": "teams"}),
        "document": ([], {"link_state": "gone"}),
        "notes": ([], {"publisher": ""}),
        "other": ([], {"summary": ""}),
    }
    resources = []
    for key, (kind, (teams, more)) in enumerate(fields.items(), start=1):
        values = {"publisher": "Example Library", "summary": "In one or two sentences.", **more}
        resource = Resource(
            pk=key,
            kind=kind,
            title=f"Sample of {kind}",
            slug=f"sample-{kind}",
            url="https://library.example.org/sample",
            **values,
        )
        _prefetch(resource, "teams", teams)
        resources.append(resource)
    return resources


def sample_links(meeting: Meeting) -> list[Resource]:
    """Return a link of each kind."""
    return [
        Resource(meeting=meeting, kind=kind, title=f"Sample of {kind}", url="#meetings", **more)
        for kind, more in (
            ("slides", {}),
            ("recording", {"captions": "yes", "transcript_url": "#meetings"}),
            ("document", {"audience": "members"}),
            ("notes", {"audience": "teams"}),
        )
    ]


def sample_goals() -> list[Goal]:
    """Return a goal in every state, with a number, on the way to one, and without."""
    today = STARTED.date()
    numbers: dict[str, Any] = {"target": Decimal(70), "unit": "%", "due_on": date(2099, 12, 31)}
    goals = [
        Goal(title="With a number", state="on_track", current=Decimal(58), **numbers),
        Goal(
            title="At risk, with its reason",
            body="Some *words* about the goal.",
            state="at_risk",
            state_reason="Three of six training providers wait for a new schedule.",
            current=Decimal(3),
            target=Decimal(20),
            unit="employers",
        ),
        Goal(title="Reached", state="reached", current=Decimal(70), **numbers),
        Goal(title="With a target only", state="not_started", **numbers),
        Goal(title="Without an update", state="unreported"),
        Goal(title="Ended", state="ended", reported_on=today),
    ]
    for number, goal in enumerate(goals):
        goal.pk, goal.slug = number + 1, f"sample-{number}"
        _prefetch(goal, "updates", sample_updates(goal) if number == 0 else [])
    return goals


def sample_updates(goal: Goal) -> list[GoalUpdate]:
    """Return three reports about a goal, newest first, as they are stored."""
    return [
        GoalUpdate(
            goal=goal,
            state="on_track",
            value=Decimal(value),
            sentence=sentence,
            reported_at=STARTED + timedelta(days=days),
        )
        for value, sentence, days in (
            (58, "Two more employers recruit at the libraries.", 120),
            (49, "Job fairs in four neighborhoods.", 60),
            (41, "Counted for the first time.", 0),
        )
    ]


def _prefetch(record: Model, name: str, rows: list[Any]) -> None:
    """Give `record` its related rows as a query with prefetch_related would."""
    record._prefetched_objects_cache = {name: rows}  # type: ignore[attr-defined]
