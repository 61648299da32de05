"""A page with the components of the desk and their states, in development only.

As on the page of the portal's components, its records are made for it and not stored.
"""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from collaborative.demo.components import sample_teams
from collaborative.demo.email_preview import development_only
from desk.dashboard import KINDS, DashboardItem, DashboardSection
from desk.rail import Link
from desk.records.organizations.domain_evidence import DomainEvidence
from desk.reports.charts import goals_chart, teams_chart
from desk.site import DeskSite
from desk.timeline import Timeline
from members.models import Bounce, Member, Move, Organization
from teams.models import Goal, Meeting, Membership, Question, Resource, ResourceSuggestion, Topic
from teams.services.waiting import Waiting
from teams.statistics import TeamCounts

RAIL = [("Today", "inbox", 15, 3), ("Organizations", "building", 3, 0), ("Report", "bars", 0, 0)]


class SampleRecordForm(forms.Form):
    """Fields as the page of a record shows them."""

    name = forms.CharField(help_text="As the organization writes it.")
    summary = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}))
    policy = forms.ChoiceField(choices=[("open", "Open"), ("approval", "By approval")])
    due_on = forms.DateField(label="Due on", widget=forms.DateInput(attrs={"type": "date"}))
    is_published = forms.BooleanField(label="Show it on the portal")


@development_only
def desk_components(request: HttpRequest) -> HttpResponse:
    """Show the components of the desk with their states."""
    teams = sample_teams()[:3]
    counts = [
        TeamCounts(team, members=number * 4, organizations=number * 3, requests=number)
        for number, team in enumerate(teams, 1)
    ]
    context = {
        "site_title": DeskSite.site_title,
        "site_header": DeskSite.site_header,
        "title": "Components of the desk",
        "subtitle": None,
        "has_permission": True,
        "is_popup": False,
        "is_nav_sidebar_enabled": False,
        "available_apps": [],
        "user": Member(full_name="Faye Fictional", email="faye@desk.example"),
        "rail": sample_rail(),
        "undoable": sample_decisions(),
        "teams": teams,
        "sections": sample_sections(),
        "charts": [teams_chart(counts), goals_chart(dict.fromkeys(Goal.State.values, 2))],
        "forms": [
            SampleRecordForm(auto_id="sample_%s"),
            SampleRecordForm({}, prefix="wrong"),
        ],
        "timeline": Timeline(sample_versions(), has_more=False),
    }
    return render(request, "dev/desk_components.html", context)


def sample_rail() -> list[tuple[str, list[Link]]]:
    """Return a group of links, one of them open, some with what waits."""
    links = [
        Link(label, "#header", f"icons/{icon}.svg", not number, Waiting(waits, late))
        for number, (label, icon, waits, late) in enumerate(RAIL)
    ]
    return [("", links[:1]), ("What waits", links[1:])]


def sample_decisions() -> list[Any]:
    """Return a decision about one record that can be undone, and one about many in progress."""
    undo_until = timezone.now() + timedelta(minutes=2)
    words = {"title": "Approve 12 requests", "summary": "Ana Sample is approved."}
    return [
        SimpleNamespace(pk=1, item_count=1, undo_until=undo_until, **words),
        SimpleNamespace(pk=2, item_count=12, undo_until=None, **words),
    ]


def sample_sections() -> list[DashboardSection]:
    """Return a section for each kind of what waits, late and from today."""
    organization = Organization(pk=1, name="Riverbend Example Hospital")
    ana = Member(pk=1, full_name="Ana Sample", email="ana@riverbend.example", job_title="Recruiter")
    ana.organization = organization
    team = sample_teams()[0]
    similar = SimpleNamespace(pk=2, name="Riverbend Example", merge_url="#organizations")
    details = {
        "waiting": SimpleNamespace(
            people_in_words="4 people wait",
            requests_in_words="5 requests",
            by_domain=[("riverbend.example", 3), ("mail.example", 1)],
        ),
        "preview": "Recognizing confirms 4 people, opens up to 3 memberships, sends 4 emails.",
        "similar_organizations": [similar],
        "domain_owner": None,
        "probable_domain": "",
        "evidence": DomainEvidence(True, "Checked because three people with it are waiting."),
        "free_domain": "riverbend.example",
    }
    old, new = "ana@riverbend.example", "ana@lakefront.example"
    move = Move(pk=1, member=ana, old_email=old, new_email=new, state=Move.State.HELD)
    question = Question(pk=1, text="May we bring a partner?", email="uli@asker.example")
    records: dict[str, tuple[Any, dict[str, Any]]] = {
        "organizations": (organization, details),
        "affiliations": (ana, {"teams": team.name}),
        "requests": (Membership(pk=1, member=ana, team=team), {}),
        "moves": (move, {}),
        "bounces": (
            Bounce(pk=1, member=ana, address=old),
            {"since": "since November 2, 2026: the mailbox does not exist (5.1.1)"},
        ),
        "questions": (question, {}),
        "meetings": (
            Meeting(pk=1, title="Winter meeting", starts_at=timezone.now(), status="announced"),
            {"when": "Wednesday, December 9, 2026, noon to 1:30 p.m. Central Time", "due": ["…"]},
        ),
        "goals": (Goal(pk=1, team=team, title="Open new career pathways"), {}),
        "suggestions": (
            ResourceSuggestion(pk=1, title="Sample guide", url="https://library.example.org/guide"),
            {},
        ),
        "topics": (Topic(pk=1, title="Sample topic", summary="A made-up reason."), {}),
        "resources": (
            Resource(
                pk=1, title="Sample report", url="https://gone.example.org/", link_state="gone"
            ),
            {"due": ["The link leads nowhere."]},
        ),
    }
    return [
        DashboardSection(
            kind,
            Waiting(12, late=3) if number == 0 else Waiting(1),
            [DashboardItem(record, "8 working days old", number == 0, details)],
        )
        for number, kind in enumerate(KINDS)
        for record, details in [records[kind.key]]
    ]


def sample_versions() -> list[Any]:
    """Return changes of a record: by a person with a reason, and by the portal."""
    change = SimpleNamespace(field="Status", old="Requested", new="Active")
    common = {"history_date": timezone.now(), "told_about": "Education & Training"}
    return [
        SimpleNamespace(
            **common,
            history_user="Faye Fictional",
            get_source_display="by hand",
            history_change_reason="approved",
            stated_reason="She works on this subject.",
            field_changes=[change],
        ),
        SimpleNamespace(
            **common,
            history_user=None,
            get_source_display="automatically",
            history_change_reason="asked to join",
            stated_reason="",
            field_changes=[],
        ),
    ]
