"""A database as large as the portal may ever get, to measure it.

    DATABASE_URL=postgres://… .venv/bin/python tools/fill_big_database.py [--members 100000] …

fills an empty database, after `manage.py migrate`; `--help` lists the sizes.
"""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import django

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collaborative.settings")
    django.setup()

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, models, reset_queries, transaction
from django.utils import timezone
from post_office.models import STATUS, Email

from members.batches import batched
from members.history.changesets import ChangeSource, change_source
from members.models import EmailDomain, Member, Organization
from members.normalize import fold, normalize_organization_name, normalize_person_name
from members.services import save_with_history
from teams.models import ActionTeam, FaqEntry, Goal, GoalUpdate, Membership, Question
from teams.services import set_facilitators

Row = TypeVar("Row", bound=models.Model)

BATCH = 5000
YEARS = timedelta(days=5 * 365)
ADMINISTRATOR = "administrator@example.org"
WHY = "made up to measure"

PLACES = (  # noqa: SIM905  # as lists these words would be three times as long
    "Alder Birch Cedar Dune Elm Fern Grove Harbor Iris Juniper Kite Lake Maple North Oak Prairie "
    "Quarry River Spruce Tamarack"
).split()
KINDS = ("Hospital", "Medical Center", "Clinic", "Health", "Hospice", "Care", "Rehabilitation")
FIRST_NAMES = (  # noqa: SIM905
    "Ada Ben Chloé Dina Emil Fay Gus Hana Ivo Juna Karl Lena Milo Nora Omar Pia Quin Rosa Sam "
    "Tess Udo Vera Wim Xenia Yuri Zoe Aïda Björn Cleo Dario Elif Finn Gita Hugo Ines Jan Kofi "
    "Lucía Mei Nils"
).split()
LAST_NAMES = (  # noqa: SIM905
    "Abel Baker Castillo Dubois Ekman Fischer Garcia Haddad Ito Jensen Kowalski Lindqvist Moreau "
    "Nakamura Okafor Petrov Quispe Rossi Schmidt Tanaka Ueda Vargas Weber Ximénez Yilmaz Zhang "
    "Andersson Bianchi Chen Diallo Eriksen Ferrari Gomez Hansen Ivanov Jovanovic Kim Lopez Müller "
    "Novak"
).split()
TITLES = ("HR director", "HR business partner", "Recruiter", "Talent lead", "Nurse educator", "")
MORE_TEAMS = ("Nursing Careers", "Behavioral Health", "Community Health Workers")
REASONS = {
    Membership.Status.DECLINED: "We could not confirm that you work for the organization.",
    Membership.Status.ENDED: "You told us that you changed employers.",
}


def batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """`rows`, as many at a time as one statement takes."""
    for batch in batched(rows, BATCH):
        yield batch
        reset_queries()  # in DEBUG Django keeps the words of every query


def store(kind: type[Row], rows: Iterator[Row], by: Member | None = None) -> list[Row]:
    """Store `rows` with a history line each, dated as the row itself; returns them."""
    stored: list[Row] = []
    for batch in batches(rows):
        kind._default_manager.bulk_create(batch)
        write_history(kind, batch, by)
        stored += batch
    return stored


def write_history(kind: Any, rows: list[Any], by: Member | None) -> None:
    """A line for each of `rows`, which bulk_create() leaves without."""
    for row in rows:
        dated = getattr(row, "requested_at", None) or getattr(row, "created_at", None)
        row._history_date = dated or getattr(row, "date_joined", None) or timezone.now()
    with change_source(ChangeSource.IMPORT):
        kind.history.bulk_history_create(rows, default_user=by, default_change_reason=WHY)


class Command(BaseCommand):
    help = (
        "Fill an empty database with made-up organizations, members and memberships of five "
        "years, to measure the portal at that size. The same seed gives the same rows."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organizations", type=int, default=10_000)
        parser.add_argument("--members", type=int, default=100_000)
        parser.add_argument("--memberships", type=int, default=1_000_000)
        parser.add_argument("--questions", type=int, default=2_000)
        parser.add_argument("--mails", type=int, default=50_000)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--yes", action="store_true", help="Fill it although DEBUG is off.")

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        """All or nothing. Refuses a database that holds people, and one outside DEBUG without
        `--yes`."""
        if not (settings.DEBUG or options["yes"]):
            raise CommandError("DEBUG is off. Give --yes if this database is for measuring only.")
        if Member.objects.exists():
            raise CommandError(
                "This database holds people. Set DATABASE_URL to an empty one, after "
                "`manage.py migrate`."
            )
        if options["organizations"] < 10 or options["members"] < 10:
            raise CommandError("Ask for at least 10 organizations and 10 members.")
        with transaction.atomic():
            _Filler(options).fill()
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:  # as autovacuum has done in a database of this age
                cursor.execute("ANALYZE" if connection.in_atomic_block else "VACUUM ANALYZE")
        if verbosity:
            kinds = (Organization, Member, Membership, Question, Email)
            counts = ", ".join(
                f"{kind._default_manager.count():,} {kind._meta.verbose_name_plural}"
                for kind in kinds
            )
            self.stdout.write(f"Filled: {counts}.")


class _Filler:
    """One run: what it was asked for, and who and what it has made so far."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.wanted = options
        self.random = Random(options["seed"])  # noqa: S311  # repeatable, not secret
        self.now = timezone.now()
        self.start = self.now - YEARS
        self.administrator: Member
        self.facilitators: list[Member]
        self.teams: list[ActionTeam]
        self.organizations: list[Organization]
        self.members: list[Member]

    def fill(self) -> None:
        self.administrator = Member.objects.create_superuser(
            ADMINISTRATOR, full_name="Alex Administrator", date_joined=self.start
        )
        self._teams()
        self.organizations = store(Organization, self._organizations(), self.administrator)
        store(EmailDomain, self._domains(), self.administrator)
        self.members = store(Member, self._members())
        self._facilitators()
        for batch in batches(self._memberships()):
            Membership.objects.bulk_create(batch)
            current = [row for row in batch if row.status in Membership.CURRENT]
            write_history(Membership, current, None)
        self._goal_updates()
        store(Question, self._questions())
        for mails in batches(self._mails()):
            Email.objects.bulk_create(mails)

    def _day(self, first: datetime | None = None) -> datetime:
        """Some moment between `first` (five years ago) and now."""
        first = first or self.start
        return first + (self.now - first) * self.random.random()

    def _teams(self) -> None:
        """Six teams; two of them decide by approval."""
        call_command("load_starter_content", verbosity=0)
        for position, name in enumerate(MORE_TEAMS, 4):
            team = ActionTeam(
                name=name,
                slug=name.lower().replace(" ", "-"),
                position=position,
                summary=f"A made-up team: {name}.",
                join_policy="open" if position == 4 else "approval",
            )
            save_with_history(team, None, WHY)
            for number in range(1, 4):
                title = f"Made-up goal {number}"
                goal = Goal(team=team, slug=f"goal-{number}", position=number, title=title)
                save_with_history(goal, None, WHY)
            question = f"What does {name} do?"
            entry = FaqEntry(team=team, slug=f"what-{position}", question=question, answer="This.")
            save_with_history(entry, None, WHY)
        self.teams = list(ActionTeam.objects.order_by("position"))

    def _organizations(self) -> Iterator[Organization]:
        """Of 100, three are proposed and two declined; each name holds Example and a number."""
        for number in range(1, self.wanted["organizations"] + 1):
            place, kind = self.random.choice(PLACES), self.random.choice(KINDS)
            name = f"{place} Example {kind} {number}"
            created = self._day()
            row = Organization(
                name=name, normalized_name=normalize_organization_name(name), created_at=created
            )
            row.status = {7: "proposed", 37: "proposed", 67: "proposed"}.get(number % 100, "")
            if row.status:
                row.created_at = self._day(self.now - timedelta(days=90))
                row.suggested_domain = f"org{number}.example"
            else:
                row.status = "declined" if number % 50 == 49 else "recognized"
                row.decided_at = min(created + timedelta(days=2), self.now)
                row.decided_by = self.administrator
            if row.status == "declined":
                row.decision_reason = "It does not work in healthcare."
            yield row

    def _domains(self) -> Iterator[EmailDomain]:
        """One for each recognized organization, a second one for every fifth."""
        for number, row in enumerate(self.organizations, 1):
            if row.is_recognized:
                yield EmailDomain(organization=row, domain=f"org{number}.example")
                if number % 5 == 0:
                    yield EmailDomain(organization=row, domain=f"clinics{number}.example")

    def _members(self) -> Iterator[Member]:
        """Every tenth belongs to one of the ten largest organizations. Confirmed is who belongs
        to a recognized one, but for 2 in 100."""
        for number in range(1, self.wanted["members"] + 1):
            place = self.random.randrange(len(self.organizations)) if number % 10 else number % 97
            row = self.organizations[place % len(self.organizations)]
            first, last = self.random.choice(FIRST_NAMES), self.random.choice(LAST_NAMES)
            domain = row.suggested_domain or f"org{row.pk - self._first + 1}.example"
            member = Member(
                email=fold(f"{first}.{last}{number}@{domain}"),
                full_name=f"{first} {last}",
                normalized_name=normalize_person_name(f"{first} {last}"),
                job_title=self.random.choice(TITLES),
                organization=row,
                date_joined=self._day(),
            )
            if row.is_recognized and self.random.random() > 0.02:
                member.affiliation_confirmed_at = member.date_joined
                member.affiliation_confirmed_via = Member.ConfirmedVia.DOMAIN
            yield member

    @property
    def _first(self) -> int:
        return self.organizations[0].pk

    def _facilitators(self) -> None:
        """One for each team, who looks after the next team as well: a third of everything."""
        confirmed = (person for person in self.members if person.is_affiliation_confirmed)
        self.facilitators = list(islice(confirmed, len(self.teams)))
        number = len(self.facilitators)
        for place, team in enumerate(self.teams):
            chosen = [self.facilitators[place % number], self.facilitators[(place + 1) % number]]
            set_facilitators(team, chosen, by=self.administrator)
        Email.objects.all().delete()  # that they are facilitators now: nobody is there to read it

    def _memberships(self) -> Iterator[Membership]:
        """Stays in the order in which they were asked for.

        Each pair of a member and a team has its turn again after `len(pairs)` rows, and only
        its last stay can be open: so no two stays of a pair overlap.
        """
        pairs = [(person, team) for person in self.members for team in self.teams]
        self.random.shuffle(pairs)
        total = self.wanted["memberships"]
        step = YEARS / max(total, 1)
        turn = step * max(len(pairs) - 1, 0)
        for number in range(total):
            person, team = pairs[number % len(pairs)]
            asked = self.start + step * (number + self.random.random())
            is_last = number + len(pairs) >= total
            row = Membership(member=person, team=team, requested_at=asked)
            row.status = self._status(person, team, asked, is_last)
            self._settle(row, min(turn, self.now - asked))
            yield row

    def _status(self, person: Member, team: ActionTeam, asked: datetime, is_last: bool) -> str:
        chance = self.random.random()
        age = self.now - asked
        if not person.is_affiliation_confirmed:
            if is_last and age < timedelta(days=180) and chance < 0.8:
                return "requested"
            return "declined" if chance < 0.5 else "withdrawn"
        if is_last and not team.is_open and age < timedelta(days=7) and chance < 0.7:
            return "requested"
        if is_last and chance < 0.55:
            return "active"
        return "declined" if chance < 0.63 else "withdrawn" if chance < 0.7 else "ended"

    def _settle(self, row: Membership, span: timedelta) -> None:
        """The times and people that belong to the status, within `span` of the request."""
        if row.status == "requested":
            return
        decided = row.requested_at + min(span, timedelta(days=self.random.random() * 6)) / 2
        facilitator = self.facilitators[self.random.randrange(len(self.facilitators))]
        if row.status in {"active", "ended"} and self.random.random() < 0.05:
            # Added without a request, so decided when it began.
            row.origin = self.random.choice([Membership.Origin.ADDED, Membership.Origin.IMPORTED])
            decided = row.requested_at
        if row.status != "withdrawn":
            row.decided_at = decided
            was_requested = row.origin == Membership.Origin.REQUESTED
            at_once = was_requested and row.team.is_open and row.status != "declined"
            row.decided_by = None if at_once else facilitator
        if row.status in {"withdrawn", "ended"}:
            row.ended_at = decided + (row.requested_at + span - decided) * self.random.random()
            row.ended_by = facilitator if self.random.random() < 0.3 else row.member
        row.reason = REASONS.get(Membership.Status(row.status), "")

    def _goal_updates(self) -> None:
        """What was reported of each goal, every quarter of five years."""
        quarters = [self.start + timedelta(days=91 * number) for number in range(1, 20)]
        GoalUpdate.objects.bulk_create(
            GoalUpdate(
                goal=goal, state=self.random.choice(["on_track", "at_risk"]), reported_at=day,
                sentence="A made-up report.", by=self.administrator,
            )
            for goal in Goal.objects.all()
            for day in quarters
        )  # fmt: skip

    def _questions(self) -> Iterator[Question]:
        """One of 20 waits; of the others most were answered."""
        for number in range(self.wanted["questions"]):
            asked = self._day()
            row = Question(text=f"Made-up question {number}: how does it work?", asked_at=asked)
            if number % 20:
                row.status = "answered" if number % 4 else "dismissed"
                row.answer = "Like this." if row.status == "answered" else ""
                row.decided_at = min(asked + timedelta(days=1), self.now)
                row.decided_by = self.random.choice(self.facilitators)
            yield row

    def _mails(self) -> Iterator[Email]:
        """Emails that went out; nobody can be written to at these addresses."""
        for number in range(self.wanted["mails"]):
            yield Email(
                from_email=settings.DEFAULT_FROM_EMAIL,
                to=[self.members[number % len(self.members)].email],
                subject="Your membership",
                message="Made up to measure.",
                status=STATUS.sent if number % 500 else STATUS.failed,
            )


if __name__ == "__main__":
    Command().run_from_argv([sys.argv[0], "", *sys.argv[1:]])
