"""One of every email that the portal can write, to and about people who do not exist."""

from datetime import timedelta
from functools import partial

from django.utils import timezone
from post_office.models import Email

from members import emails as account_mails
from members.emails import collect_emails
from members.models import Member, Organization
from teams import emails as team_mails
from teams.models import ActionTeam, FaqEntry, Membership, Question
from teams.services import Waiting

LAKEFRONT = Organization(name="Lakefront Example Hospital", status="recognized")
RIVERBEND = Organization(name="Riverbend Example Hospital")
ADA = Member(pk=1, email="ada@example.org", full_name="Ada Administrator", is_superuser=True)
FAYE = Member(
    pk=2,
    email="faye@lakefront.example",
    full_name="Faye Fictional",
    organization=LAKEFRONT,
    is_staff=True,
)
ANA = Member(
    pk=3,
    email="ana@lakefront.example",
    full_name="Ana Sample",
    organization=LAKEFRONT,
    affiliation_confirmed_at=timezone.now(),
)
SAM = Member(pk=4, email="sam@riverbend.example", full_name="Sam Sample", organization=RIVERBEND)
NEW = Member(pk=5, email="new@personal.example", organization=LAKEFRONT)

TRAINING = ActionTeam(name="Education & Training", slug="education-training")
HIRING = ActionTeam(name="Local & Targeted Hiring", slug="local-targeted-hiring")
CAREERS = ActionTeam(
    name="Retention & Career Pathways", slug="retention-career-pathways", join_policy="approval"
)
ARCHIVE = ActionTeam(name="Archive of 2015", slug="archive-of-2015", join_policy="closed")

ENTRY = FaqEntry(slug="may-we-join", question="May a small clinic join?")


def _stay(member: Member, team: ActionTeam, status: str = "active", **fields: object) -> Membership:
    return Membership(member=member, team=team, status=status, **fields)


def _waiting(member: Member, *teams: ActionTeam) -> list[Membership]:
    return [_stay(member, team, "requested", requested_at=timezone.now()) for team in teams]


def _asked(**fields: object) -> Question:
    return Question(
        email="quentin@asker.example",
        text="May a small clinic with ten employees join?\n\nWe train nursing assistants together "
        "with two neighbors, and none of us has a department for it.",
        **fields,
    )


def samples() -> list[partial[None]]:
    """What writes the emails: one call each, of the function that is named as its templates.

    An email whose words depend on what happened is here once for each way it can read.
    """
    return [*_about_accounts(), *_about_teams(), *_to_visitors(), *_to_facilitators()]


def _about_teams() -> list[partial[None]]:
    """To members, about their stays and requests."""
    joined = [_stay(ANA, team) for team in (TRAINING, HIRING, CAREERS)]
    why = "You work in another field now.\n\nCome back whenever you like, and bring somebody along."
    return [
        partial(team_mails.teams_joined, ANA, joined[:1], []),
        partial(team_mails.teams_joined, ANA, joined, []),
        partial(team_mails.teams_joined, ANA, joined[:2], _waiting(ANA, CAREERS)),
        partial(team_mails.requests_waiting, ANA, _waiting(ANA, CAREERS)),
        partial(team_mails.requests_waiting, SAM, _waiting(SAM, TRAINING, CAREERS)),
        partial(team_mails.requests_waiting, NEW, _waiting(NEW, TRAINING)),
        partial(team_mails.organization_recognized, ANA, joined[:2], _waiting(ANA, CAREERS)),
        partial(team_mails.organization_recognized, ANA, [], _waiting(ANA, CAREERS)),
        partial(team_mails.membership_approved, joined[2]),
        partial(team_mails.membership_added, joined[0], FAYE),
        partial(team_mails.membership_declined, ANA, [CAREERS], why),
        partial(team_mails.membership_declined, SAM, [TRAINING, CAREERS], why, RIVERBEND),
        partial(team_mails.membership_ended, _stay(ANA, HIRING, "ended", ended_by=ANA)),
        partial(team_mails.membership_ended, _stay(ANA, ARCHIVE, "ended", ended_by=ANA)),
        partial(
            team_mails.membership_ended, _stay(ANA, HIRING, "ended", ended_by=FAYE, reason=why)
        ),
        partial(team_mails.request_withdrawn, _stay(SAM, HIRING, "withdrawn")),
    ]


def _about_accounts() -> list[partial[None]]:
    """To members, about their address, account and second step."""
    joined = [_stay(ANA, team) for team in (TRAINING, HIRING, CAREERS)]
    soon = timezone.now() + timedelta(minutes=15)
    return [
        partial(account_mails.address_code, NEW.email, "BCDFGH", soon),
        partial(team_mails.account_claim, NEW, [_stay(NEW, HIRING)], FAYE),
        partial(
            team_mails.accounts_merged,
            ANA,
            ANA.email,
            NEW.email,
            joined[:2],
            _waiting(ANA, CAREERS),
        ),
        partial(account_mails.second_factor_changed, FAYE, "A passkey was added"),
        partial(account_mails.second_factor_reset, FAYE),
        partial(account_mails.account_closed, ANA),
    ]


def _to_visitors() -> list[partial[None]]:
    """To who asked a question."""
    return [
        partial(
            team_mails.question_answered,
            _asked(
                answer="Yes.\n\nWrite to the team’s facilitators; they tell you how others did it."
            ),
        ),
        partial(team_mails.question_published, _asked(published_in=ENTRY)),
        partial(
            team_mails.question_dismissed,
            _asked(answer="We cannot tell what you want to know. Please ask again in other words."),
        ),
    ]


def _to_facilitators() -> list[partial[None]]:
    """About their part, and about what waits."""
    nothing = dict.fromkeys(
        ("organizations", "affiliations", "requests", "questions", "goals"), Waiting(0)
    )
    much = {
        "organizations": Waiting(2, 1),
        "affiliations": Waiting(1, 1),
        "requests": Waiting(3),
        "questions": Waiting(2, 2),
        "goals": Waiting(1),
    }
    return [
        partial(team_mails.facilitator_appointed, FAYE, TRAINING, ADA),
        partial(team_mails.facilitator_digest, FAYE, nothing | {"requests": Waiting(1)}),
        partial(team_mails.facilitator_digest, FAYE, much),
        partial(team_mails.facilitator_digest, FAYE, nothing | {"goals": Waiting(2)}),
    ]


def written(sample: partial[None]) -> Email:
    """The email that `sample` writes, which is neither stored nor sent."""
    with collect_emails() as mails:
        sample()
    (mail,) = mails
    return mail
