"""`manage.py demo`: made-up people and organizations to try the portal with."""

from collections.abc import Sequence
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

from collaborative.demo import data
from collaborative.demo.announcements import add_announcements
from collaborative.demo.areas import add_areas
from collaborative.demo.meetings import GUEST, add_meetings
from collaborative.demo.resources import add_resources
from collaborative.demo.reviews import add_reviews
from collaborative.demo.timeline import (
    backdate_bounce,
    backdate_goal_update,
    backdate_move,
    backdate_people,
    backdate_question,
)
from collaborative.demo.topics import add_topics
from collaborative.management.commands.prepare_development import ADMINISTRATOR
from desk.imports.members import MemberImport
from desk.imports.reader import TableRow
from desk.models import Import
from members.models import Member, Move, Organization
from members.services import record_bounce, save_with_history
from teams.models import ActionTeam, Goal, Invitation, Membership
from teams.services import (
    add_organization,
    answer_question,
    approve_membership,
    ask_question,
    claim,
    complete_join,
    decline_membership,
    decline_organization,
    dismiss_question,
    end_membership,
    invite_colleague,
    leave_team,
    move_member,
    object_to_move,
    report_goal,
    request_move,
    set_facilitators,
    withdraw_request,
    write_claim_note,
)
from teams.services.colleague_invitations import accept_colleague_invitations


class Command(BaseCommand):
    help = "Add made-up people and organizations to a development database, to try the portal."

    def handle(self, *args: Any, **options: Any) -> None:
        """Add all of it or nothing; a second run adds nothing."""
        _refuse_real_data()
        with transaction.atomic():
            call_command("load_starter_content", verbosity=0)
            added = not Organization.history.filter(name=data.LAKEFRONT).exists()
            description = _add_everything() if added else "The demo data is here already."
        self.stdout.write(description)
        self.stdout.write(_describe_sign_in())


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


def _add_everything() -> str:
    """Add all of it, and return what that is, in words."""
    teams = {team.slug: team for team in ActionTeam.objects.filter(slug__in=data.TEAMS)}
    if len(teams) < len(data.TEAMS):
        raise CommandError("The demo needs the three teams of the starter content; one is gone.")
    administrator = Member.objects.filter(is_superuser=True, is_active=True).first()
    if administrator is None:
        administrator = Member.objects.create_superuser(
            ADMINISTRATOR, full_name="Alex Administrator"
        )
    for name, domains in data.RECOGNIZED.items():
        add_organization(name, domains=domains, by=administrator)
    careers = teams[data.CAREERS]
    # Unless someone has edited it, let it show requests to decide.
    if careers.history.count() == 1:
        save_with_history(
            careers, administrator, "demo", join_policy=ActionTeam.JoinPolicy.APPROVAL
        )
    facilitators = {slug: _facilitator(teams[slug], administrator) for slug in data.TEAMS}
    for email, name, job_title, organization, slugs in data.PEOPLE:
        complete_join(
            email,
            full_name=name,
            job_title=job_title,
            organization=organization,
            reason=data.REQUEST_REASONS.get(email, ""),
            team_ids=[teams[slug].pk for slug in slugs],
        )
    _decide(facilitators, administrator)
    _update_goals(facilitators)
    _ask_questions(facilitators[data.HIRING])
    _import_people(careers, facilitators[data.CAREERS])
    backdate_people(_emails())
    _move_people()
    _return_an_email()
    add_meetings(teams, facilitators, administrator)
    add_areas(teams[data.HIRING], facilitators[data.HIRING])
    add_resources(teams, facilitators, administrator)
    add_topics(teams, facilitators, administrator)
    _invite_colleagues(teams)
    joined = add_announcements(teams, facilitators, administrator)
    add_reviews(facilitators[data.HIRING])
    # These people do not exist, so nobody may write to them, whatever EMAIL_URL is set to.
    new_addresses = [data.MOVE_REQUEST[1], *(move[1] for move in data.MOVES)]
    invited = [invitation[1] for invitation in data.INVITATIONS]
    others = [data.ANSWERED_QUESTION[0][1], GUEST[1], *invited]
    for address in [*_emails(), *new_addresses, *others]:
        Email.objects.filter(to=address).delete()
    return _describe_added(joined)


def _invite_colleagues(teams: dict[str, ActionTeam]) -> None:
    """Add invitations that wait, that have expired and that were accepted."""
    for inviter, email, slugs, note, days, is_accepted in data.INVITATIONS:
        by = Member.objects.get(email=inviter)
        invite_colleague(email, [teams[slug] for slug in slugs], note, by=by)
        if is_accepted:
            accept_colleague_invitations(Member.objects.get(email=email), [email])
        sent_at = timezone.now() - timedelta(days=days)
        Invitation.objects.filter(email=email, invited_by=by).update(sent_at=sent_at)


def _emails() -> list[str]:
    return [
        *(facilitator[0] for facilitator in data.FACILITATORS.values()),
        *(person[0] for person in data.PEOPLE),
        *(person[0] for person in data.IMPORTED),
    ]


def _facilitator(team: ActionTeam, administrator: Member) -> Member:
    email, name, job_title = data.FACILITATORS[team.slug]
    member, _ = complete_join(
        email, full_name=name, job_title=job_title, organization=data.LAKEFRONT, team_ids=[]
    )
    set_facilitators(team, [*team.facilitators.all(), member], by=administrator)
    member.refresh_from_db()
    return member


def _import_people(team: ActionTeam, facilitator: Member) -> None:
    """Import people from a file: nobody has notified them yet, and it can still be taken back."""
    columns = MemberImport.columns
    rows = [
        TableRow(number, dict(zip(columns, [*person, team.name], strict=True)))
        for number, person in enumerate(data.IMPORTED, start=2)
    ]
    record = Import.objects.create(
        by=facilitator,
        kind=Import.Kind.MEMBERS,
        file_name="new colleagues.csv",
        row_count=len(rows),
    )
    if errors := MemberImport(rows, by=facilitator).store(record).errors:
        raise CommandError(f"The people of the demo cannot be imported: {errors[0].message}")


def _decide(facilitators: dict[str, Member], administrator: Member) -> None:
    """Do what facilitators and members have done since people asked to join."""
    for email in data.APPROVED_MEMBERS:
        request = _membership(email, data.CAREERS)
        # It does not wait where the team was open.
        if request.is_waiting:
            approve_membership(request, by=facilitators[data.CAREERS])
    email, slug, reason = data.DECLINED_REQUEST
    decline_membership(_membership(email, slug), reason=reason, by=facilitators[slug])
    withdraw_request(_membership(*data.WITHDRAWN_REQUEST))
    for email, slug in data.LEFT_TEAMS:
        leave_team(_membership(email, slug))
    email, slug, reason = data.ENDED_MEMBERSHIP
    end_membership(_membership(email, slug), reason=reason, by=facilitators[slug])
    declined = Organization.objects.get(name=data.DECLINED_ORGANIZATION)
    decline_organization(declined, reason=data.DECLINE_REASON, by=administrator)


def _membership(email: str, slug: str) -> Membership:
    return Membership.objects.get(member__email=email, team__slug=slug)


def _update_goals(facilitators: dict[str, Member]) -> None:
    goals = Goal.objects.filter(slug__in=data.GOAL_UPDATES, team__slug__in=data.TEAMS)
    for goal in goals.select_related("team"):
        # Someone has edited it.
        if goal.history.count() > 1:
            continue
        fields, due_in, updates = data.GOAL_UPDATES[goal.slug]
        due_on = timezone.localdate() + timedelta(days=due_in)
        by = facilitators[goal.team.slug]
        save_with_history(goal, by, "demo", due_on=due_on, **fields)
        for days_ago, state, number, sentence in updates:
            value = None if number is None else Decimal(number)
            update = report_goal(goal, state=state, value=value, sentence=sentence, by=by)
            backdate_goal_update(update, days_ago)


def _ask_questions(by: Member) -> None:
    questions = []
    for text, email, days_ago in data.OPEN_QUESTIONS:
        questions.append(ask_question(text, email))
        backdate_question(questions[-1], days_ago)
    claim(questions[0], by=by)
    write_claim_note(questions[0], data.CLAIM_NOTE, by=by)
    (text, email, days_ago), answer = data.ANSWERED_QUESTION
    backdate_question(answer_question(ask_question(text, email), answer=answer, by=by), days_ago)
    text, email, days_ago = data.DISMISSED_QUESTION
    backdate_question(dismiss_question(ask_question(text, email), reason="", by=by), days_ago)


def _move_people() -> None:
    """Let some people move to another address, one of them against the will of the old one."""
    for old, new, employer, days_ago in data.MOVES:
        move_member(Member.objects.get(email=old), new, organization_name=employer)
        backdate_move(Move.objects.latest("pk"), days_ago)
    object_to_move(Move.objects.get(old_email=data.HELD_ADDRESS))
    old, new, name, note, days_ago = data.MOVE_REQUEST
    request_move(old, new, full_name=name, organization_name="", note=note)
    backdate_move(Move.objects.latest("pk"), days_ago)


def _return_an_email() -> None:
    """Let emails to one member come back."""
    email, code, days_ago = data.RETURNED_EMAIL
    bounce = record_bounce(Member.objects.get(email=email), email, code)
    if bounce:
        backdate_bounce(bounce, days_ago)


def _describe_added(joined: Sequence[Member]) -> str:
    emails = [
        *_emails(),
        *(new for _, new, _, _ in data.MOVES),
        *(member.email for member in joined),
    ]
    memberships = Membership.objects.filter(member__email__in=emails).count()
    organizations = len(data.RECOGNIZED) + 4
    return (
        f"Added {organizations} organizations, {len(_emails()) + len(joined)} people, "
        f"{memberships} memberships."
    )


def _describe_sign_in() -> str:
    """Return the email addresses worth trying, with the role of each."""
    administrators = Member.objects.filter(is_active=True, is_superuser=True)
    roles = {member.email: "administrator" for member in administrators}
    for slug, (email, _, _) in data.FACILITATORS.items():
        roles[email] = f"facilitator of {_team_name(slug)}"
    roles |= {
        "ana@lakefront.example": "member of two teams",
        "emil@prairie.example": f"member, waits for {_team_name(data.CAREERS)}",
        "sam@riverbend.example": "waits until the organization is recognized",
        "ada@personal.example": "waits until someone confirms the organization",
        "stan@staplers.example": "of an organization that was declined",
    }
    width = max(map(len, roles))
    sign_in, emails = reverse("account_login"), reverse("dev_email")
    return "\n".join(
        [
            f"Sign in at {settings.SITE_URL}{sign_in} with one of these addresses;",
            f"the code is in the email at {settings.SITE_URL}{emails}",
            *(f"  {email:<{width}}  {role}" for email, role in roles.items()),
        ]
    )


def _team_name(slug: str) -> str:
    return ActionTeam.objects.get(slug=slug).name
