"""`manage.py demo`: made-up people and organizations to try the portal with."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from post_office.models import Email

from collaborative.demo.data import (
    ANSWERED,
    APPROVED,
    CAREERS,
    DECLINE_REASON,
    DECLINED,
    DECLINED_REQUEST,
    DISMISSED,
    ENDED,
    FACILITATORS,
    HIRING,
    LAKEFRONT,
    LEFT,
    NEWS,
    PEOPLE,
    QUESTIONS,
    RECOGNIZED,
    TEAMS,
    WITHDRAWN_REQUEST,
)
from collaborative.demo.timeline import date_question, date_report, let_time_pass
from collaborative.management.commands.prepare_development import ADMINISTRATOR
from members.models import Member, Organization
from members.services import save_with_history
from teams.models import ActionTeam, Goal, Membership
from teams.services import (
    add_organization,
    answer_question,
    approve_membership,
    ask_question,
    complete_join,
    decline_membership,
    decline_organization,
    dismiss_question,
    end_membership,
    leave_team,
    report_goal,
    set_facilitators,
    withdraw_request,
)


class Command(BaseCommand):
    help = "Add made-up people and organizations to a development database, to try the portal."

    def handle(self, *args: Any, **options: Any) -> None:
        """All or nothing; a second run adds nothing."""
        _refuse_real_data()
        with transaction.atomic():
            call_command("load_starter_content", verbosity=0)
            added = not Organization.history.filter(name=LAKEFRONT).exists()
            if added:
                _fill()
        self.stdout.write(_what_was_added() if added else "The demo data is here already.")
        self.stdout.write(_who_can_sign_in())


def _refuse_real_data() -> None:
    """Refuse a database that may be more than one developer's own."""
    if not settings.DEBUG:
        raise CommandError("Demo data is for development only, and DEBUG is off.")
    fictional = Q(email__endswith=".example") | Q(email__endswith="@example.org")
    fictional |= Q(email__endswith=".example.org") | Q(closed_at__isnull=False)
    real = Member.objects.exclude(fictional).count()
    if real:
        raise CommandError(
            f"This database holds {real} {'people' if real > 1 else 'person'} with an address "
            "that is not under example.org or .example. Demo data belongs in a database without "
            "real people; set DATABASE_URL to another one."
        )


def _fill() -> None:
    teams = {team.slug: team for team in ActionTeam.objects.filter(slug__in=TEAMS)}
    if len(teams) < len(TEAMS):
        raise CommandError("The demo needs the three teams of the starter content; one is gone.")
    administrator = Member.objects.filter(is_superuser=True, is_active=True).first()
    if administrator is None:
        administrator = Member.objects.create_superuser(
            ADMINISTRATOR, full_name="Alex Administrator"
        )
    for name, domains in RECOGNIZED.items():
        add_organization(name, domains=domains, by=administrator)
    careers = teams[CAREERS]
    if careers.history.count() == 1:  # nobody has edited it: let it show requests to decide
        save_with_history(
            careers, administrator, "demo", join_policy=ActionTeam.JoinPolicy.APPROVAL
        )
    facilitators = {slug: _facilitator(teams[slug], administrator) for slug in TEAMS}
    for email, name, job_title, organization, slugs in PEOPLE:
        complete_join(
            email,
            full_name=name,
            job_title=job_title,
            organization=organization,
            team_ids=[teams[slug].pk for slug in slugs],
        )
    _decide(facilitators, administrator)
    _report_on_goals(facilitators)
    _ask_questions(facilitators[HIRING])
    let_time_pass(_addresses())
    # These people do not exist, so nobody may write to them, whatever EMAIL_URL is set to.
    for address in [*_addresses(), ANSWERED[0][1]]:
        Email.objects.filter(to=address).delete()


def _addresses() -> list[str]:
    return [person[0] for person in FACILITATORS.values()] + [person[0] for person in PEOPLE]


def _facilitator(team: ActionTeam, administrator: Member) -> Member:
    email, name, job_title = FACILITATORS[team.slug]
    member, _ = complete_join(
        email, full_name=name, job_title=job_title, organization=LAKEFRONT, team_ids=[]
    )
    set_facilitators(team, [*team.facilitators.all(), member], by=administrator)
    member.refresh_from_db()
    return member


def _decide(facilitators: dict[str, Member], administrator: Member) -> None:
    """What facilitators and members have done since people asked to join."""
    for email in APPROVED:
        request = _stay(email, CAREERS)
        if request.is_waiting:  # it does not, where the team was open
            approve_membership(request, by=facilitators[CAREERS])
    email, slug, reason = DECLINED_REQUEST
    decline_membership(_stay(email, slug), reason=reason, by=facilitators[slug])
    withdraw_request(_stay(*WITHDRAWN_REQUEST))
    for left in LEFT:
        leave_team(_stay(*left))
    email, slug, reason = ENDED
    end_membership(_stay(email, slug), reason=reason, by=facilitators[slug])
    declined = Organization.objects.get(name=DECLINED)
    decline_organization(declined, reason=DECLINE_REASON, by=administrator)


def _stay(email: str, slug: str) -> Membership:
    return Membership.objects.get(member__email=email, team__slug=slug)


def _report_on_goals(facilitators: dict[str, Member]) -> None:
    for goal in Goal.objects.filter(slug__in=NEWS, team__slug__in=TEAMS).select_related("team"):
        if goal.history.count() > 1:
            continue  # someone has edited it
        wanted, due_in, reports = NEWS[goal.slug]
        due_on = timezone.localdate() + timedelta(days=due_in)
        by = facilitators[goal.team.slug]
        save_with_history(goal, by, "demo", due_on=due_on, **wanted)
        for days_ago, state, value, sentence in reports:
            number = None if value is None else Decimal(value)
            update = report_goal(goal, state=state, value=number, sentence=sentence, by=by)
            date_report(update, days_ago)


def _ask_questions(by: Member) -> None:
    for text, email, days_ago in QUESTIONS:
        date_question(ask_question(text, email), days_ago)
    (text, email, days_ago), answer = ANSWERED
    date_question(answer_question(ask_question(text, email), answer=answer, by=by), days_ago)
    text, email, days_ago = DISMISSED
    date_question(dismiss_question(ask_question(text, email), reason="", by=by), days_ago)


def _what_was_added() -> str:
    stays = Membership.objects.filter(member__email__in=_addresses()).count()
    organizations = len(RECOGNIZED) + 4
    return f"Added {organizations} organizations, {len(_addresses())} people, {stays} memberships."


def _who_can_sign_in() -> str:
    """The addresses worth trying, with what each one is."""
    people = Member.objects.filter(is_active=True)
    rows = [(person.email, "administrator") for person in people.filter(is_superuser=True)]
    rows += [(who[0], f"facilitator of {_name(slug)}") for slug, who in FACILITATORS.items()]
    rows += [
        ("ana@lakefront.example", "member of two teams"),
        ("emil@prairie.example", f"member, waits for {_name(CAREERS)}"),
        ("sam@riverbend.example", "waits until the organization is recognized"),
        ("ada@personal.example", "waits until someone confirms the organization"),
        ("stan@staplers.example", "of an organization that was declined"),
    ]
    width = max(len(address) for address, _ in rows)
    lines = [f"  {address:<{width}}  {what}" for address, what in rows]
    url, mails = reverse("account_login"), reverse("dev_email")
    return "\n".join(
        [
            f"Sign in at {settings.SITE_URL}{url} with one of these addresses;",
            f"the code is in the email at {settings.SITE_URL}{mails}",
            *lines,
        ]
    )


def _name(slug: str) -> str:
    return str(ActionTeam.objects.get(slug=slug))
