"""The demo data shows every state. All of these tests share one run."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.db import transaction
from django.db.models import F
from django.test import override_settings
from django.utils import timezone
from post_office.models import Email

from collaborative.demo import data
from collaborative.demo.meetings import GUEST
from collaborative.management.commands.prepare_development import ADMINISTRATOR
from members import emails
from members.models import Member, Organization
from teams.models import (
    ActionTeam,
    Announcement,
    AnnouncementRecipient,
    Attendance,
    FaqEntry,
    Goal,
    GoalUpdate,
    Meeting,
    Membership,
    Question,
    Resource,
    ResourceSuggestion,
)
from teams.services.colleague_invitations import invitations_of
from teams.workdays import is_working_day

COUNTED = (Member, Organization, ActionTeam, Goal, FaqEntry, Membership, Question)

pytestmark = pytest.mark.django_db


def run_demo() -> str:
    out = StringIO()
    call_command("demo", stdout=out)
    return out.getvalue()


@pytest.fixture(scope="module")
def output(django_db_setup, django_db_blocker) -> Iterator[str]:
    """The output of the command; what it created is rolled back after the last test."""
    with django_db_blocker.unblock(), override_settings(DEBUG=True), transaction.atomic():
        emails.queue("address_code", "dev@example.org", {"code": "BCDFGH", "expires_at": None})
        yield run_demo()
        transaction.set_rollback(True)


def days_ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)


def counts() -> list[int]:
    return [kind.objects.count() for kind in COUNTED] + [k.history.count() for k in COUNTED]


def test_demo_shows_organizations_and_people_in_every_state(output):
    assert output.startswith("Added 12 organizations, 80 people, 87 memberships.")
    by_status = [
        Organization.objects.filter(status=status).count() for status in Organization.Status.values
    ]
    assert by_status == [3, 8, 1, 0]
    assert set(Membership.objects.values_list("status", flat=True)) == set(Membership.Status.values)
    assert {membership.waits_for for membership in Membership.objects.waiting()} == {
        "organization",
        "affiliation",
        "approval",
    }
    assert Organization.objects.get(name=data.RIVERBEND).members.count() == 4
    assert Goal.objects.exclude(state="unreported").count() == len(data.GOAL_UPDATES)
    for team in ActionTeam.objects.all():
        assert team.facilitators.count() == 1
        assert team.facilitators.get().is_staff
        assert team.memberships.active().exists()


def test_demo_has_a_team_of_fifty_with_announcements_in_every_state(output):
    team = ActionTeam.objects.get(slug=data.HIRING)
    assert team.memberships.active().count() == 50
    sent = Announcement.objects.sent()
    assert {(each.team_id is None, each.meeting_id is None) for each in sent} == {
        *((False, True), (True, False), (True, True)),
    }
    assert Announcement.objects.filter(status="draft").count() == 1
    assert sent.public().count() == 1
    stopped = sent.get(stopped_at__isnull=False)
    assert stopped.recipients.filter(outcome="sent").count() == 8
    assert (stopped.stopped_number, stopped.monthly_number) == (3, 2)
    recipients = AnnouncementRecipient.objects.filter(announcement__in=sent)
    assert set(recipients.values_list("outcome", flat=True)) == {"sent", "skipped", "failed"}
    assert not recipients.exclude(email=None).exists()


def test_demo_goals_have_moved_over_months(output):
    for goal in Goal.objects.filter(slug__in=data.GOAL_UPDATES):
        _, _, reports = data.GOAL_UPDATES[goal.slug]
        updates = list(goal.updates.order_by("reported_at"))
        assert [update.sentence for update in updates] == [report[3] for report in reports]
        assert updates[-1].reported_at.date() == goal.reported_on
        assert goal.state == updates[-1].state
        output = goal.history.exclude(reported_on=None).values_list("history_date", flat=True)
        assert sorted(output) == [update.reported_at for update in updates]
    assert Goal.objects.stale().filter(slug__in=data.GOAL_UPDATES).count() == 1
    assert GoalUpdate.objects.earliest("reported_at").reported_at < days_ago(300)


def test_demo_has_fourteen_months_of_history_in_order(output):
    _waiting_is_fresh_or_late()
    now = timezone.now()
    for membership in Membership.objects.all():
        moments = [membership.requested_at, membership.decided_at, membership.ended_at, now]
        # After a move the request is newer than the decision.
        if membership.waits_again:
            moments = [membership.decided_at, membership.requested_at, now]
        present = [moment for moment in moments if moment]
        assert present == sorted(present)
        assert membership.requested_at >= membership.member.date_joined
        lines = membership.history.order_by("history_date")
        assert [line.pk for line in lines] == sorted(line.pk for line in lines)
        assert lines.last().history_date == present[-2]
    settled = Membership.objects.exclude(status="requested")
    months = {membership.requested_at.strftime("%Y-%m") for membership in settled}
    assert len(months) >= 12
    assert settled.earliest("requested_at").requested_at < days_ago(420)
    for employer in Organization.objects.all():
        # Members who moved there may have joined before it was known.
        joined = employer.members.filter(moves=None).values_list("date_joined", flat=True)
        assert all(employer.created_at <= moment for moment in joined)
        assert employer.decided_at is None or employer.created_at <= employer.decided_at <= now


def _waiting_is_fresh_or_late() -> None:
    waiting = Membership.objects.waiting().values_list("requested_at", flat=True)
    assert min(waiting) < days_ago(9)
    assert max(waiting) > days_ago(1)
    asked_at = Question.objects.waiting().values_list("asked_at", flat=True)
    assert len(asked_at) == len(data.OPEN_QUESTIONS)
    assert min(asked_at) < days_ago(9)
    assert max(asked_at) > days_ago(1)
    assert set(Question.objects.values_list("status", flat=True)) == {
        "waiting",
        "answered",
        "dismissed",
    }


def test_demo_is_visibly_fictional(output):
    assert not Organization.objects.exclude(name__contains="Example").exists()
    for person in Member.objects.all():
        assert person.email.endswith((".example", "@example.org"))


def test_demo_is_done_by_people_through_the_services(output):
    for membership in Membership.objects.exclude(status="requested"):
        assert membership.history.filter(history_change_reason="").count() == 0
        assert membership.history.first().history_user
    assert not Membership.history.filter(history_change_reason=None).exists()


def test_demo_prints_who_can_sign_in_and_where(output, settings):
    assert f"{settings.SITE_URL}/sign-in/" in output
    assert f"{ADMINISTRATOR:<26} administrator" in " ".join(output.split("\n"))
    for email, _, _ in data.FACILITATORS.values():
        assert email in output
    for line in output.splitlines()[3:]:
        assert Member.objects.get(email=line.split()[0]).is_active


def test_demo_twice_adds_nothing_and_says_so(output, settings):
    settings.DEBUG = True
    before = counts()
    output_again = run_demo()
    assert output_again.startswith("The demo data is here already.")
    assert ADMINISTRATOR in output_again
    assert counts() == before


def test_demo_queues_no_email_to_made_up_people(output):
    assert [email.to for email in Email.objects.all()] == [["dev@example.org"]]


def test_demo_has_invitations_in_every_state(output):
    ana = Member.objects.get(email="ana@lakefront.example")
    states = {(each.is_joined, each.is_expired) for each in invitations_of(ana)}
    assert states == {(False, False), (False, True), (True, False)}


def test_demo_has_meetings_before_and_after_today(output):
    meetings = Meeting.objects.all()
    assert set(meetings.values_list("status", flat=True)) == set(Meeting.Status.values)
    coming = meetings.upcoming().takes_place()
    assert coming.filter(moved_from__isnull=False).exists()
    assert {meeting.is_online for meeting in coming} == {True}
    assert {meeting.audience for meeting in coming} == {"public", "teams"}
    past = meetings.past()
    recorded = past.exclude(minutes="").filter(attendances__came=True)
    assert recorded.filter(resources__captions="yes").exists()
    assert past.filter(minutes="").exists()
    assert Attendance.objects.filter(member=None, guest_email=GUEST[1]).exists()
    for meeting in meetings:
        assert is_working_day(meeting.day), meeting
        assert "sample" in meeting.title.lower()
        assert not meeting.join_url or meeting.join_url.startswith("https://video.example.org/")
    began = meetings.filter(starts_at__lt=timezone.now())
    assert not began.filter(announced_at__gt=F("starts_at")).exists()


def test_demo_has_resources_of_every_state(output):
    visible = Resource.objects.visible_to(AnonymousUser())
    assert visible.exclude(language="en").filter(language="es").exists()
    assert visible.filter(kind="recording", captions="no", transcript_url="").exists()
    assert visible.filter(link_state="gone").due_for_check().exists()
    assert Resource.objects.filter(audience="members").exists()
    hosts = {resource.host for resource in Resource.objects.all()}
    assert all(host.endswith(".example.org") for host in hosts)
    assert ResourceSuggestion.objects.waiting().exists()
