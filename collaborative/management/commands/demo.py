"""`manage.py demo`: made-up people and organizations to try the portal with."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from post_office.models import Email

from collaborative.management.commands.prepare_development import ADMINISTRATOR
from members.models import Member, Organization
from members.services import add_organization, decline_organization, record
from teams.models import ActionTeam, Goal, Membership
from teams.services import (
    approve_membership,
    complete_join,
    decline_membership,
    end_membership,
    leave_team,
    set_facilitators,
    withdraw_request,
)

TRAINING, HIRING, CAREERS = TEAMS = (
    "education-training",
    "local-targeted-hiring",
    "retention-career-pathways",
)

RECOGNIZED = {
    "Lakefront Example Hospital": ["lakefront.example", "lakefront-clinics.example"],
    "Prairie Example Medical Center": ["prairie.example"],
    "North Branch Example Health": ["northbranch.example"],
    "Dune Grass Example Hospital": ["dunegrass.example"],
    "Oak Savanna Example Clinics": ["oaksavanna.example"],
    "Harbor Light Example Children's Hospital": ["harborlight.example"],
    "Limestone Example Rehabilitation": ["limestone.example"],
    "Kite Field Example Care": ["kitefield.example"],
}
LAKEFRONT, PRAIRIE = list(RECOGNIZED)[:2]
RIVERBEND = "Riverbend Example Hospital"  # proposed; four people wait for it
LOOK_ALIKE = "Prairie Example Med. Center"  # proposed; the same as PRAIRIE to a human reader
FIREFLY = "Firefly Example Hospice"  # proposed; two people wait for it
DECLINED = "Staplers Example Office Supply"
DECLINE_REASON = "This organization sells office supplies and does not work in healthcare."

FACILITATORS = {
    TRAINING: ("faye@lakefront.example", "Faye Fictional", "Learning manager"),
    HIRING: ("finn@northbranch.example", "Finn Fictional", "Head of recruiting"),
    CAREERS: ("flora@harborlight.example", "Flora Fictional", "HR director"),
}

# Address, name, job title, the organization as typed (the mail domain wins), teams.
PEOPLE: list[tuple[str, str, str, str, list[str]]] = [
    ("ana@lakefront.example", "Ana Sample", "HR business partner", LAKEFRONT, [TRAINING, HIRING]),
    ("ben@lakefront.example", "Ben Sample", "Recruiter", LAKEFRONT, [HIRING]),
    ("cleo@lakefront-clinics.example", "Cleo Sample", "", LAKEFRONT, [TRAINING, CAREERS]),
    ("dina@prairie.example", "Dina Sample", "HR manager", PRAIRIE, [TRAINING]),
    ("emil@prairie.example", "Emil Sample", "Talent lead", PRAIRIE, [HIRING, CAREERS]),
    ("gus@northbranch.example", "Gus Sample", "HR analyst", "North Branch", [HIRING]),
    ("hana@northbranch.example", "Hana Sample", "Recruiter", "North Branch", [TRAINING, HIRING]),
    ("ivo@dunegrass.example", "Ivo Sample", "HR generalist", "Dune Grass", [TRAINING]),
    ("juna@dunegrass.example", "Juna Sample", "", "Dune Grass", [CAREERS]),
    ("karl@oaksavanna.example", "Karl Sample", "HR director", "Oak Savanna", list(TEAMS)),
    ("lena@oaksavanna.example", "Lena Sample", "Recruiter", "Oak Savanna", [HIRING]),
    ("milo@harborlight.example", "Milo Sample", "Educator", "Harbor Light", [TRAINING]),
    ("nora@harborlight.example", "Nora Sample", "HR partner", "Harbor Light", [CAREERS]),
    ("omar@limestone.example", "Omar Sample", "HR manager", "Limestone", [TRAINING, CAREERS]),
    ("pia@limestone.example", "Pia Sample", "Recruiter", "Limestone", [HIRING]),
    ("quin@kitefield.example", "Quin Sample", "HR director", "Kite Field", [TRAINING]),
    ("rosa@kitefield.example", "Rosa Sample", "", "Kite Field", [HIRING, CAREERS]),
    # Nobody has recognized these organizations.
    ("sam@riverbend.example", "Sam Sample", "HR director", RIVERBEND, [TRAINING, HIRING]),
    ("tess@riverbend.example", "Tess Sample", "Recruiter", RIVERBEND, [HIRING]),
    ("udo@riverbend.example", "Udo Sample", "", f"The {RIVERBEND}, Inc.", [TRAINING]),
    ("vera@mail.riverbend.example", "Vera Sample", "HR partner", RIVERBEND, [CAREERS]),
    ("wim@prairie-med.example", "Wim Sample", "HR assistant", LOOK_ALIKE, [HIRING]),
    ("xenia@prairie-med.example", "Xenia Sample", "", LOOK_ALIKE, [TRAINING]),
    ("yuri@firefly.example", "Yuri Sample", "HR manager", FIREFLY, [CAREERS]),
    ("zoe@firefly.example", "Zoe Sample", "Nurse educator", FIREFLY, [TRAINING]),
    ("stan@staplers.example", "Stan Sample", "Sales", DECLINED, [HIRING]),
    # A recognized organization, and an address that does not show it.
    ("ada@personal.example", "Ada Private", "HR consultant", LAKEFRONT, [TRAINING]),
    ("bo@personal.example", "Bo Private", "Recruiter", PRAIRIE, [HIRING, CAREERS]),
    ("cy@personal.example", "Cy Private", "", LAKEFRONT, [HIRING]),
    ("dee@personal.example", "Dee Private", "", PRAIRIE, [TRAINING]),
]

APPROVED = ["cleo@lakefront-clinics.example", "karl@oaksavanna.example", "nora@harborlight.example"]
DECLINED_REQUEST = ("cy@personal.example", HIRING, "Use your work address, so that we know you.")
WITHDRAWN_REQUEST = ("dee@personal.example", TRAINING)
LEFT = ("quin@kitefield.example", TRAINING)
ENDED = ("pia@limestone.example", HIRING, "You told us that you work in another field now.")

# Goal: what its facilitators say of it; days until it is due, days since they said so.
NEWS: dict[str, tuple[dict[str, Any], int, int]] = {
    "one-table": (
        {"state": Goal.State.ON_TRACK, "current": 9, "target": 12, "unit": "organizations"},
        200,
        6,
    ),
    "training-that-fits": (
        {
            "state": Goal.State.AT_RISK,
            "state_reason": "Two of four training providers wait for a new schedule.",
            "current": 2,
            "target": 4,
            "unit": "training providers",
        },
        90,
        12,
    ),
    "recruit-where-unemployment-is-high": (
        {"state": Goal.State.ON_TRACK, "current": 58, "target": 70, "unit": "%"},
        150,
        100,
    ),
    "fair-hiring": ({"state": Goal.State.NOT_STARTED}, 300, 20),
    "new-career-pathways": (
        {"state": Goal.State.REACHED, "current": 3, "target": 3, "unit": "pathways"},
        10,
        3,
    ),
}


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
        record(careers, administrator, "demo", join_policy=ActionTeam.JoinPolicy.APPROVAL)
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
    _let_time_pass()
    # These people do not exist, so nobody may write to them, whatever EMAIL_URL is set to.
    for address in _addresses():
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
    leave_team(_stay(*LEFT))
    email, slug, reason = ENDED
    end_membership(_stay(email, slug), reason=reason, by=facilitators[slug])
    declined = Organization.objects.get(name=DECLINED)
    decline_organization(declined, reason=DECLINE_REASON, by=administrator)


def _stay(email: str, slug: str) -> Membership:
    return Membership.objects.get(member__email=email, team__slug=slug)


def _report_on_goals(facilitators: dict[str, Member]) -> None:
    today = timezone.localdate()
    for goal in Goal.objects.filter(slug__in=NEWS, team__slug__in=TEAMS).select_related("team"):
        if goal.history.count() > 1:
            continue  # someone has edited it
        news, due_in, reported_ago = NEWS[goal.slug]
        dates = {
            "due_on": today + timedelta(days=due_in),
            "reported_on": today - timedelta(days=reported_ago),
        }
        record(goal, facilitators[goal.team.slug], "demo", **news, **dates)


def _let_time_pass() -> None:
    """Requests and proposals that came on different days, for a desk that sorts by age."""
    now = timezone.now()
    waiting = Membership.objects.waiting().filter(member__email__in=_addresses())
    for days, request in enumerate(waiting.order_by("-pk")):
        record(request, None, "demo", requested_at=now - timedelta(days=days, hours=1))
    proposed = Organization.objects.filter(name__in=[RIVERBEND, LOOK_ALIKE, FIREFLY])
    for days, organization in enumerate(proposed.order_by("-pk"), start=2):
        record(organization, None, "demo", created_at=now - timedelta(days=2 * days))


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
    url, mails = reverse("account_login"), reverse("dev_mail")
    return "\n".join(
        [
            f"Sign in at {settings.SITE_URL}{url} with one of these addresses;",
            f"the code is in the mail at {settings.SITE_URL}{mails}",
            *lines,
        ]
    )


def _name(slug: str) -> str:
    return str(ActionTeam.objects.get(slug=slug))
