"""Fills a database as large as the portal may ever get, to measure it.

    DATABASE_URL=postgres://… .venv/bin/python tools/fill_big_database.py [--members 100000] …

needs an empty database, after `manage.py migrate`; `--help` lists the sizes.
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
from teams.models import (
    ActionTeam,
    Attendance,
    FaqEntry,
    Goal,
    GoalUpdate,
    Meeting,
    Membership,
    Question,
    Resource,
)
from teams.services import set_facilitators

Record = TypeVar("Record", bound=models.Model)

ROWS_PER_STATEMENT = 5000
AGE_OF_PORTAL = timedelta(days=5 * 365)
ADMINISTRATOR = "administrator@example.org"
CHANGE_REASON = "made up to measure"

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


def in_batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    """Yield the records in lists for one statement each."""
    for batch in batched(records, ROWS_PER_STATEMENT):
        yield batch
        # In DEBUG Django keeps the SQL of every query.
        reset_queries()


def store(model: type[Record], records: Iterator[Record], by: Member | None = None) -> list[Record]:
    """Store the records, each with a line of history of its own date, and return them."""
    stored: list[Record] = []
    for batch in in_batches(records):
        model._default_manager.bulk_create(batch)
        write_history(model, batch, by)
        stored += batch
    return stored


def write_history(model: Any, records: list[Any], by: Member | None) -> None:
    """Write the line of history that bulk_create() does not write."""
    for record in records:
        date = getattr(record, "requested_at", None) or getattr(record, "created_at", None)
        record._history_date = date or getattr(record, "date_joined", None) or timezone.now()
    with change_source(ChangeSource.IMPORT):
        model.history.bulk_history_create(
            records, default_user=by, default_change_reason=CHANGE_REASON
        )


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
        parser.add_argument("--emails", type=int, default=50_000)
        parser.add_argument("--meetings", type=int, default=2_000)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--yes", action="store_true", help="Fill it even though DEBUG is off.")

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        """Fill all of it or nothing. Refuses a database that holds people, and one outside DEBUG
        without `--yes`."""
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
            # As autovacuum has done in a database of this age.
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE" if connection.in_atomic_block else "VACUUM ANALYZE")
        if verbosity:
            counted = (Organization, Member, Membership, Question, Email)
            counts = ", ".join(
                f"{model._default_manager.count():,} {model._meta.verbose_name_plural}"
                for model in counted
            )
            self.stdout.write(f"Filled: {counts}.")


class _Filler:
    """One run: the requested sizes, and the people and teams created so far."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.sizes = options
        self.random = Random(options["seed"])  # noqa: S311  # repeatable, not secret
        self.now = timezone.now()
        self.start = self.now - AGE_OF_PORTAL
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
        for batch in in_batches(self._memberships()):
            Membership.objects.bulk_create(batch)
            current = [each for each in batch if each.status in Membership.CURRENT]
            write_history(Membership, current, None)
        self._goal_updates()
        self._meetings()
        store(Question, self._questions())
        for emails in in_batches(self._emails()):
            Email.objects.bulk_create(emails)

    def _moment(self, first: datetime | None = None) -> datetime:
        """Return some moment between `first` (five years ago) and now."""
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
            save_with_history(team, None, CHANGE_REASON)
            for number in range(1, 4):
                title = f"Made-up goal {number}"
                goal = Goal(team=team, slug=f"goal-{number}", position=number, title=title)
                save_with_history(goal, None, CHANGE_REASON)
            question = f"What does {name} do?"
            entry = FaqEntry(team=team, slug=f"what-{position}", question=question, answer="This.")
            save_with_history(entry, None, CHANGE_REASON)
        self.teams = list(ActionTeam.objects.order_by("position"))

    def _organizations(self) -> Iterator[Organization]:
        """Of 100, three are proposed and two declined; each name holds Example and a number."""
        for number in range(1, self.sizes["organizations"] + 1):
            place, kind = self.random.choice(PLACES), self.random.choice(KINDS)
            name = f"{place} Example {kind} {number}"
            created = self._moment()
            organization = Organization(
                name=name, normalized_name=normalize_organization_name(name), created_at=created
            )
            organization.status = {7: "proposed", 37: "proposed", 67: "proposed"}.get(
                number % 100, ""
            )
            if organization.status:
                organization.created_at = self._moment(self.now - timedelta(days=90))
                organization.suggested_domain = f"org{number}.example"
            else:
                organization.status = "declined" if number % 50 == 49 else "recognized"
                organization.decided_at = min(created + timedelta(days=2), self.now)
                organization.decided_by = self.administrator
            if organization.status == "declined":
                organization.decision_reason = "It does not work in healthcare."
            yield organization

    def _domains(self) -> Iterator[EmailDomain]:
        """One for each recognized organization, a second one for every fifth."""
        for number, organization in enumerate(self.organizations, 1):
            if organization.is_recognized:
                yield EmailDomain(organization=organization, domain=f"org{number}.example")
                if number % 5 == 0:
                    yield EmailDomain(organization=organization, domain=f"clinics{number}.example")

    def _members(self) -> Iterator[Member]:
        """Every tenth belongs to one of the 97 largest organizations. Those of recognized ones are
        confirmed, but for 2 in 100."""
        for number in range(1, self.sizes["members"] + 1):
            count = len(self.organizations)
            index = self.random.randrange(count) if number % 10 else number % 97 % count
            organization = self.organizations[index]
            first, last = self.random.choice(FIRST_NAMES), self.random.choice(LAST_NAMES)
            domain = organization.suggested_domain or f"org{index + 1}.example"
            member = Member(
                email=fold(f"{first}.{last}{number}@{domain}"),
                full_name=f"{first} {last}",
                normalized_name=normalize_person_name(f"{first} {last}"),
                job_title=self.random.choice(TITLES),
                organization=organization,
                date_joined=self._moment(),
            )
            if organization.is_recognized and self.random.random() > 0.02:
                member.affiliation_confirmed_at = member.date_joined
                member.affiliation_confirmed_via = Member.ConfirmedVia.DOMAIN
            yield member

    def _facilitators(self) -> None:
        """One for each team, who also facilitates the next team: a third of everything."""
        confirmed = (member for member in self.members if member.is_affiliation_confirmed)
        self.facilitators = list(islice(confirmed, len(self.teams)))
        count = len(self.facilitators)
        for index, team in enumerate(self.teams):
            facilitators = [self.facilitators[(index + offset) % count] for offset in (0, 1)]
            set_facilitators(team, facilitators, by=self.administrator)
        # They tell people who do not exist that they are facilitators.
        Email.objects.all().delete()

    def _memberships(self) -> Iterator[Membership]:
        """Memberships in the order in which they were requested.

        Each pair of a member and a team has its turn again after `len(pairs)` memberships, and only
        its last one can be open: no two memberships of a pair overlap.
        """
        pairs = [(member, team) for member in self.members for team in self.teams]
        self.random.shuffle(pairs)
        total = self.sizes["memberships"]
        step = AGE_OF_PORTAL / max(total, 1)
        turn = step * max(len(pairs) - 1, 0)
        for number in range(total):
            member, team = pairs[number % len(pairs)]
            requested_at = self.start + step * (number + self.random.random())
            is_last = number + len(pairs) >= total
            membership = Membership(member=member, team=team, requested_at=requested_at)
            membership.status = self._status(member, team, requested_at, is_last)
            self._settle(membership, min(turn, self.now - requested_at))
            yield membership

    def _status(
        self, member: Member, team: ActionTeam, requested_at: datetime, is_last: bool
    ) -> str:
        chance = self.random.random()
        age = self.now - requested_at
        if not member.is_affiliation_confirmed:
            if is_last and age < timedelta(days=180) and chance < 0.8:
                return "requested"
            return "declined" if chance < 0.5 else "withdrawn"
        if is_last and not team.is_open and age < timedelta(days=7) and chance < 0.7:
            return "requested"
        if is_last and chance < 0.55:
            return "active"
        return "declined" if chance < 0.63 else "withdrawn" if chance < 0.7 else "ended"

    def _settle(self, membership: Membership, span: timedelta) -> None:
        """Set the times and people that belong to the status, within `span` of the request."""
        if membership.status == "requested":
            return
        decided = membership.requested_at + min(span, timedelta(days=self.random.random() * 6)) / 2
        facilitator = self.facilitators[self.random.randrange(len(self.facilitators))]
        if membership.status in {"active", "ended"} and self.random.random() < 0.05:
            # Added without a request, so decided when it began.
            origins = [Membership.Origin.ADDED, Membership.Origin.IMPORTED]
            membership.origin = self.random.choice(origins)
            decided = membership.requested_at
        if membership.status != "withdrawn":
            membership.decided_at = decided
            was_requested = membership.origin == Membership.Origin.REQUESTED
            is_declined = membership.status == "declined"
            at_once = was_requested and membership.team.is_open and not is_declined
            membership.decided_by = None if at_once else facilitator
        if membership.status in {"withdrawn", "ended"}:
            membership.ended_at = (
                decided + (membership.requested_at + span - decided) * self.random.random()
            )
            membership.ended_by = facilitator if self.random.random() < 0.3 else membership.member
        membership.reason = REASONS.get(Membership.Status(membership.status), "")

    def _goal_updates(self) -> None:
        """Report on each goal, every quarter of five years."""
        quarters = [self.start + timedelta(days=91 * number) for number in range(1, 20)]
        GoalUpdate.objects.bulk_create(
            GoalUpdate(
                goal=goal, state=self.random.choice(["on_track", "at_risk"]), reported_at=day,
                sentence="A made-up report.", by=self.administrator,
            )
            for goal in Goal.objects.all()
            for day in quarters
        )  # fmt: skip

    def _meetings(self) -> None:
        """Meetings of five years and of the next quarter, of one team each, some of two or of all;
        at each of them some people answered, and most of these came."""
        if not self.sizes["meetings"]:
            return
        step = (AGE_OF_PORTAL + timedelta(days=90)) / self.sizes["meetings"]
        meetings = store(
            Meeting,
            (
                self._meeting(number, self.start + number * step)
                for number in range(self.sizes["meetings"])
            ),
            self.administrator,
        )
        through = Meeting.teams.through
        for batch in in_batches(
            through(meeting=meeting, actionteam=team)
            for number, meeting in enumerate(meetings)
            for team in self.random.sample(self.teams, (1, 1, 1, 2, 0)[number % 5])
        ):
            through.objects.bulk_create(batch)
        store(Resource, self._links(meetings), self.administrator)
        for attendances in in_batches(
            attendance for meeting in meetings for attendance in self._attendance(meeting)
        ):
            Attendance.objects.bulk_create(attendances)

    def _meeting(self, number: int, starts_at: datetime) -> Meeting:
        is_past = starts_at + timedelta(hours=2) < self.now
        return Meeting(
            title=f"Meeting {number}",
            slug=f"meeting-{number}",
            kind=self.random.choice(Meeting.Kind.values),
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=90),
            place="Room 1, 1 Example Street, Chicago",
            join_url="https://video.example.org/room",
            audience=self.random.choice(Meeting.Audience.values),
            agenda="* One\n* Two",
            minutes="Decided." if is_past and number % 10 else "",
            status=Meeting.Status.HELD if is_past else Meeting.Status.ANNOUNCED,
            announced_at=starts_at - timedelta(days=30),
        )

    def _links(self, meetings: list[Meeting]) -> Iterator[Resource]:
        for meeting in meetings:
            if meeting.status == Meeting.Status.HELD:
                yield Resource(
                    meeting=meeting,
                    kind=Resource.Kind.SLIDES,
                    title="Slides",
                    slug=f"slides-{meeting.slug}",
                    url="https://files.example.org/slides",
                )

    def _attendance(self, meeting: Meeting) -> Iterator[Attendance]:
        is_past = meeting.status == Meeting.Status.HELD
        number = min(self.random.randrange(10, 60), len(self.members))
        for member in self.random.sample(self.members, number):
            answer = self.random.choice(Attendance.Answer.values)
            yield Attendance(
                meeting=meeting,
                member=member,
                organization_id=member.organization_id,
                answer=answer,
                answered_at=meeting.starts_at - timedelta(days=7),
                came=answer != Attendance.Answer.NO if is_past else None,
            )

    def _questions(self) -> Iterator[Question]:
        """One of 20 waits; of the others most were answered."""
        for number in range(self.sizes["questions"]):
            asked_at = self._moment()
            question = Question(
                text=f"Made-up question {number}: how does it work?", asked_at=asked_at
            )
            if number % 20:
                question.status = "answered" if number % 4 else "dismissed"
                question.answer = "Like this." if question.status == "answered" else ""
                question.decided_at = min(asked_at + timedelta(days=1), self.now)
                question.decided_by = self.random.choice(self.facilitators)
            yield question

    def _emails(self) -> Iterator[Email]:
        """Emails that were sent; nobody can be reached at these addresses."""
        for number in range(self.sizes["emails"]):
            yield Email(
                from_email=settings.DEFAULT_FROM_EMAIL,
                to=[self.members[number % len(self.members)].email],
                subject="Your membership",
                message="Made up to measure.",
                status=STATUS.sent if number % 500 else STATUS.failed,
            )


if __name__ == "__main__":
    Command().run_from_argv([sys.argv[0], "", *sys.argv[1:]])
