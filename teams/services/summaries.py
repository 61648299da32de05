"""The monthly summary for members who chose it: what is coming up, and what is new."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from post_office.models import Email

from members.emails import bulk_queue
from members.models import Member
from teams import meeting_emails
from teams.meeting_emails import SummarySection
from teams.models import (
    ActionTeam,
    Announcement,
    EmailChoice,
    Meeting,
    MeetingQuerySet,
    Membership,
    TeamEmail,
)
from teams.services.email_choices import first_of_month, stop_url
from teams.workdays import is_working_day

FOR_ALL = "The whole Collaborative"
Kind = EmailChoice.Kind


def send_summaries(today: date) -> int:
    """Queue the summary of last month for each member who wants one, from the first working day of
    a month on; return how many. Each gets at most one a month, and none if nothing happened, no
    matter how often and by how many processes this is called."""
    month = first_of_month(today)
    if not is_working_day(today):
        return 0
    due = _due(month).order_by("member").values_list("member", flat=True).distinct()
    return sum(_send_summary(member, month) for member in list(due))


def write_summary_again(email: Email) -> None:
    """Let the next `send_summaries` write a summary that was dropped because its reader has left a
    team: without that one. Nothing happens for another email."""
    summary = TeamEmail.objects.filter(email=email.pk, kind=TeamEmail.SUMMARY).first()
    if summary:
        monthly = EmailChoice.objects.filter(wants=EmailChoice.Wants.MONTHLY)
        monthly.filter(member=summary.member_id).update(summarized_on=None)


def _due(month: date) -> QuerySet[EmailChoice]:
    """Return what is wanted once a month and is not in a summary of this month yet. A month in the
    future was stored by a wrong clock, and holds up nothing."""
    return EmailChoice.objects.filter(wants=EmailChoice.Wants.MONTHLY).exclude(summarized_on=month)


@transaction.atomic
def _send_summary(key: int, month: date) -> bool:
    """Queue the summary of the member with this key, and note it; return False if there is nothing
    to tell, or another process has sent it."""
    member = Member.objects.select_for_update(no_key=True).get(pk=key)
    due = list(_due(month).filter(member=member).select_related("team"))
    # Not a fact about the person, so it writes no history.
    EmailChoice.objects.filter(pk__in=[each.pk for each in due]).update(summarized_on=month)
    sections = _sections(member, due, month) if member.is_active else []
    if not sections:
        return False
    stop = stop_url(member.pk, None, TeamEmail.SUMMARY)
    with bulk_queue():
        email = meeting_emails.monthly_summary(member, sections, stop)
    TeamEmail.objects.create(email=email, member=member, kind=TeamEmail.SUMMARY)
    return True


def _sections(member: Member, choices: Sequence[EmailChoice], month: date) -> list[SummarySection]:
    """Return, for each team that `member` is in and chose the summary of, what is in it; nothing
    for a team in which nothing happened."""
    memberships = Membership.objects.of(member).active()
    teams: list[ActionTeam | None] = list(ActionTeam.objects.filter(memberships__in=memberships))
    if not teams:
        return []
    wanted = {(each.team_id, each.kind) for each in choices}
    sections = []
    for team in [*teams, None]:
        key = team.pk if team else None
        of_team = Meeting.objects.visible_to(member).filter(teams=key)
        section = SummarySection(
            str(team or FOR_ALL),
            _coming(of_team) if (key, Kind.MEETINGS) in wanted else [],
            _with_materials(of_team, month) if (key, Kind.MATERIALS) in wanted else [],
            _announcements(key, month) if (key, Kind.ANNOUNCEMENTS) in wanted else [],
        )
        if section.coming or section.materials or section.announcements:
            sections.append(section)
    return sections


def _coming(meetings: MeetingQuerySet) -> list[Meeting]:
    return list(meetings.upcoming().filter(status=Meeting.Status.ANNOUNCED))


def _with_materials(meetings: MeetingQuerySet, month: date) -> list[Meeting]:
    """Return the meetings whose materials were emailed to others within the month before."""
    start, end = _month_before(month)
    sent = meetings.filter(materials_sent_at__gte=start, materials_sent_at__lt=end)
    return list(sent.takes_place().order_by("starts_at", "pk"))


def _announcements(team: int | None, month: date) -> list[Announcement]:
    """Return what was sent to the team with this key (None: to all teams) within the month before,
    the newest first; not what was stopped: its emails leave no more."""
    start, end = _month_before(month)
    sent = Announcement.objects.sent().filter(team=team, meeting=None, stopped_at=None)
    return list(sent.filter(sent_at__gte=start, sent_at__lt=end))


def _month_before(month: date) -> tuple[datetime, datetime]:
    """Return when the month before the one that begins on `month` began and ended, in local
    time."""
    last_month = first_of_month(month - timedelta(days=1))
    start, end = (
        timezone.make_aware(datetime.combine(day, time.min)) for day in (last_month, month)
    )
    return start, end
