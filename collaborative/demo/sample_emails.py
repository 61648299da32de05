"""One of every email that the portal can write, to and about people who do not exist."""

from datetime import date, timedelta
from functools import partial
from typing import Any

from django.utils import timezone
from post_office.models import Email

from members import emails as member_emails
from members.emails import collect_emails
from members.models import Bounce, Member, Move, Organization
from members.wording import end_sentence
from teams import announcement_emails, meeting_emails
from teams import emails as team_emails
from teams.answer_links import answer_url
from teams.emails import DigestItem, DigestSection
from teams.meeting_emails import Reader, SummarySection
from teams.models import (
    ActionTeam,
    Announcement,
    Attendance,
    FaqEntry,
    Goal,
    Invitation,
    Meeting,
    Membership,
    Question,
    Resource,
    ResourceSuggestion,
    TeamEmail,
    Topic,
)
from teams.services.email_choices import stop_url
from teams.services.invitation_refusals import refusal_url

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

TRAINING = ActionTeam(
    name="Education & Training",
    slug="education-training",
    summary="We bring employers and schools to one table, so that training fits the jobs.",
)
HIRING = ActionTeam(
    name="Local & Targeted Hiring",
    slug="local-targeted-hiring",
    summary="We open jobs in healthcare to the people who live nearby.",
)
GOAL = Goal(
    pk=1,
    team=HIRING,
    slug="recruit",
    title="Recruit where unemployment is high",
    current=58,
    target=70,
    unit="%",
    due_on=date(2027, 3, 31),
)
CAREERS = ActionTeam(
    name="Retention & Career Pathways", slug="retention-career-pathways", join_policy="approval"
)
ARCHIVE = ActionTeam(name="Archive of 2015", slug="archive-of-2015", join_policy="closed")

# In the starter content, as the teams are, so that the links of the samples lead somewhere.
ENTRY = FaqEntry(slug="who-can-join", question="Who can join?")

MEETING = Meeting(
    pk=1,
    title="Winter meeting",
    slug="winter-meeting",
    starts_at=timezone.now() + timedelta(days=14),
    ends_at=timezone.now() + timedelta(days=14, minutes=90),
    place="North Branch Example Health, Room 2, 1 Example Street, Chicago",
    join_url="https://video.example.org/room",
    audience="public",
    agenda="1. Where our goals stand\n2. [Who can join?](/faq/who-can-join/)\n\n*Coffee at 8:30.*",
    status="announced",
    cancelled_reason="The host has to close the building for repairs.",
)


def _membership(
    member: Member, team: ActionTeam, status: str = "active", **fields: object
) -> Membership:
    return Membership(member=member, team=team, status=status, **fields)


def _requests(member: Member, *teams: ActionTeam) -> list[Membership]:
    return [_membership(member, team, "requested", requested_at=timezone.now()) for team in teams]


def _invitation(role: str, team: ActionTeam | None = None, note: str = "") -> Invitation:
    return Invitation(pk=1, email=NEW.email, role=role, team=team, note=note, invited_by=ADA)


def _to_colleague(by: Member, note: str = "") -> list[tuple[Invitation, str]]:
    """Return an invitation of a colleague, with the address of the page that stops them."""
    email = "mia@lakefront.example"
    invitation = Invitation(pk=2, email=email, role="colleague", note=note, invited_by=by)
    return [(invitation, refusal_url(email))]


def _question(**fields: object) -> Question:
    return Question(
        email="quentin@asker.example",
        text="May a small clinic with ten employees join?\n\nWe train nursing assistants together "
        "with two neighbors, and none of us has a department for it.",
        **fields,
    )


def samples() -> list[partial[Any]]:
    """Return the calls that write the emails, each of the function named like its templates.

    An email whose text depends on what happened is here once for each way it can read.
    """
    return [
        *_account_emails(),
        *_team_emails(),
        *_meeting_emails(),
        *_announcements(),
        *_visitor_emails(),
        *_facilitator_emails(),
    ]


def _team_emails() -> list[partial[Any]]:
    """To members, about their memberships and requests."""
    memberships = [_membership(ANA, team) for team in (TRAINING, HIRING, CAREERS)]
    reason = "You work in another field now.\n\nCome back whenever you like, and bring a colleague."
    return [
        partial(team_emails.teams_joined, ANA, memberships[:1], [], [MEETING]),
        partial(team_emails.teams_joined, ANA, memberships, []),
        partial(
            team_emails.teams_joined, ANA, memberships[:2], _requests(ANA, CAREERS), [MEETING] * 2
        ),
        partial(team_emails.requests_waiting, ANA, _requests(ANA, CAREERS)),
        partial(team_emails.requests_waiting, SAM, _requests(SAM, TRAINING, CAREERS)),
        partial(team_emails.requests_waiting, NEW, _requests(NEW, TRAINING)),
        partial(
            team_emails.organization_recognized,
            ANA,
            memberships[:2],
            _requests(ANA, CAREERS),
            [MEETING],
        ),
        partial(team_emails.organization_recognized, ANA, [], _requests(ANA, CAREERS)),
        partial(team_emails.membership_approved, memberships[2], [MEETING]),
        partial(team_emails.membership_added, memberships[:1], FAYE, [MEETING]),
        partial(team_emails.membership_added, memberships[:2], ADA),
        partial(team_emails.membership_declined, ANA, [CAREERS], reason),
        partial(team_emails.membership_declined, SAM, [TRAINING, CAREERS], reason, RIVERBEND),
        partial(team_emails.membership_ended, _membership(ANA, HIRING, "ended", ended_by=ANA)),
        partial(team_emails.membership_ended, _membership(ANA, ARCHIVE, "ended", ended_by=ANA)),
        partial(
            team_emails.membership_ended,
            _membership(ANA, HIRING, "ended", ended_by=FAYE, reason=reason),
        ),
        partial(team_emails.colleague_invited, _to_colleague(ANA), [TRAINING]),
        partial(
            team_emails.colleague_invited,
            _to_colleague(SAM, "We could use your help with the nursing school. See you Monday?"),
            [TRAINING, HIRING],
        ),
        partial(team_emails.request_withdrawn, _membership(SAM, HIRING, "withdrawn")),
    ]


def _account_emails() -> list[partial[Any]]:
    """To members, about their address, account and second factor."""
    memberships = [_membership(ANA, team) for team in (TRAINING, HIRING, CAREERS)]
    expires_at = timezone.now() + timedelta(minutes=15)
    return [
        partial(member_emails.address_code, NEW.email, "BCDFGH", expires_at),
        partial(team_emails.account_claim, NEW, [_membership(NEW, HIRING)], FAYE, [MEETING]),
        partial(
            team_emails.accounts_merged,
            ANA,
            ANA.email,
            NEW.email,
            memberships[:2],
            _requests(ANA, CAREERS),
        ),
        *_moving_emails(),
        partial(member_emails.second_factor_changed, FAYE, "A passkey was added"),
        partial(member_emails.second_factor_reset, FAYE),
        partial(member_emails.account_closed, ANA),
    ]


def _moving_emails() -> list[partial[Any]]:
    """To the old and the new address of an account that moved, or is to be moved."""
    memberships = [_membership(ANA, team) for team in (TRAINING, HIRING)]
    reason = "We spoke with you on the phone."
    now = timezone.now()

    def move(member: Member, state: str = "done") -> Move:
        addresses = {"old_email": "old@riverbend.example", "new_email": member.email}
        return Move(pk=1, member=member, state=state, changed_at=now, reason=reason, **addresses)

    return [
        partial(team_emails.account_moved, move(ANA), memberships, []),
        partial(team_emails.account_moved, move(SAM), [], _requests(SAM, TRAINING, CAREERS)),
        partial(team_emails.account_moved, move(NEW), [], []),
        partial(team_emails.address_replaced, move(ANA)),
        partial(team_emails.address_replaced, move(FAYE)),
        partial(team_emails.move_requested, move(ANA, "requested")),
        partial(team_emails.move_declined, move(ANA, "declined"), ANA.email),
        partial(team_emails.account_held, ANA),
        partial(team_emails.hold_decided, move(ANA, "kept"), ANA.email),
        partial(team_emails.hold_decided, move(ANA, "returned"), ANA.email),
        partial(team_emails.hold_decided, move(ANA, "kept"), "old@riverbend.example"),
    ]


def _visitor_emails() -> list[partial[Any]]:
    """To people who asked a question, suggested a resource or proposed a topic."""
    topic = Topic(
        title="Hard-to-fill night shifts", slug="night", proposer_email="vera@asker.example"
    )
    reason = "We have this among our topics already.\n\nIt is called differently."
    suggestion = ResourceSuggestion(
        email="quentin@asker.example",
        title="Guía para la primera entrevista",
        url="https://library.example.org/guia",
        text="We use it with applicants who speak Spanish at home.",
        published_as=Resource(title="Guía para la primera entrevista", slug="guia"),
        answer="The page can only be read by members of that library.\n\nIf there is an open one, "
        "send us its address.",
    )
    return [
        partial(
            team_emails.question_answered,
            _question(
                answer="Yes.\n\nWrite to the team’s facilitators. They know how others did it."
            ),
        ),
        partial(team_emails.question_published, _question(published_in=ENTRY)),
        partial(
            team_emails.question_dismissed,
            _question(
                answer="We cannot tell what you want to know. Please ask again in other words."
            ),
        ),
        partial(team_emails.suggestion_published, suggestion, is_public=True),
        partial(team_emails.suggestion_published, suggestion, is_public=False),
        partial(team_emails.suggestion_dismissed, suggestion),
        partial(team_emails.topic_published, topic),
        partial(team_emails.topic_dismissed, topic, reason),
    ]


def _meeting_emails() -> list[partial[Any]]:
    """To members and guests, about meetings: some can be stopped, some are about their answer."""
    minutes = Meeting(pk=1, title="Fall meeting", slug="winter-meeting", minutes="We agreed.")
    minutes.starts_at = timezone.now() - timedelta(days=3)
    minutes.ends_at = minutes.starts_at + timedelta(minutes=90)
    earlier = Meeting(place=MEETING.place)
    earlier.starts_at, earlier.ends_at = (
        time - timedelta(days=7) for time in (MEETING.starts_at, MEETING.ends_at)
    )
    here = Meeting(starts_at=MEETING.starts_at, ends_at=MEETING.ends_at, place="Elsewhere")
    slides = Resource(kind="slides", title="Slides", url="https://files.example.org/slides")
    recording = Resource(
        kind="recording", title="Recording", url="https://files.example.org/talk", captions="yes"
    )
    guest = Attendance(
        pk=1, meeting=MEETING, guest_name="Gus Guest", guest_email="gus@asker.example"
    )
    guest.answer = Attendance.Answer.IN_PERSON
    waiting = Attendance(meeting=MEETING, answer=guest.answer, waiting_since=timezone.now())
    cannot = Attendance(meeting=MEETING, answer=Attendance.Answer.NO)
    comes = _reader("you said that you will come.")
    visits = Reader(guest.guest_email, guest.guest_name, comes.reason, answer_url(MEETING, guest))
    asked = [_reader(end_sentence(f"you are a member of {HIRING}"), "meetings")]
    reminded = [_reader("you said that you will come.", "reminders")]
    remind = partial(meeting_emails.meeting_reminder, MEETING, reminded)
    online = {"answer": "online", "join_url": MEETING.join_url}
    written = Announcement(
        pk=1, team=HIRING, subject="Rooms for the interviews", sent_at=timezone.now()
    )
    summary = SummarySection("Local & Targeted Hiring", [MEETING], [minutes], [written])
    return [
        partial(meeting_emails.meeting_announced, MEETING, asked),
        partial(meeting_emails.meeting_announced, MEETING, asked, again=True),
        partial(meeting_emails.meeting_moved, MEETING, earlier, asked),
        partial(meeting_emails.meeting_moved, MEETING, here, [visits]),
        partial(meeting_emails.meeting_cancelled, MEETING, asked),
        partial(meeting_emails.meeting_cancelled, MEETING, [comes]),
        partial(remind, answer="in-person", links=[slides]),
        partial(remind, **online),
        partial(remind, answer="in-person", is_waiting=True),
        partial(meeting_emails.meeting_unanswered, MEETING, asked),
        partial(meeting_emails.meeting_materials, minutes, [slides, recording], asked),
        partial(meeting_emails.meeting_materials, minutes, [], asked),
        partial(meeting_emails.meeting_place_free, MEETING, [comes]),
        partial(meeting_emails.meeting_guest_answer, guest, [visits]),
        partial(meeting_emails.meeting_guest_answer, waiting, [visits]),
        partial(meeting_emails.meeting_guest_answer, cannot, [visits]),
        partial(
            meeting_emails.monthly_summary,
            ANA,
            [summary],
            stop_url(ANA.pk, None, TeamEmail.SUMMARY),
        ),
    ]


def _announcements() -> list[partial[Any]]:
    """To members, and to those who come to a meeting, from people."""
    body = (
        "Hello everyone,\n\nthe rooms for the interviews in January are booked:\n\n"
        "- **Tuesday**: 1 Example Street, *third floor*\n- **Thursday**: online\n\n"
        "> Bring the new form.\n\n## Before you come\n\nRead [who can join](/faq/who-can-join/) "
        "and [the guide](https://library.example.org/guide?year=2026&part=1).\n\nThank you, Faye"
    )
    to_team = Announcement(pk=1, team=HIRING, subject="Rooms for the interviews", body=body)
    to_all = Announcement(pk=1, subject="The portal is closed on Sunday", body="Until 2 p.m.")
    to_coming = Announcement(pk=1, meeting=MEETING, subject="Parking", body="Behind the building.")
    members = [_reader(end_sentence(f"you are a member of {HIRING}"), "announcements")]
    all_members = [_reader("you are a member of a team.", "announcements")]
    comes = [_reader(end_sentence(f"you said that you will come to {MEETING}"))]
    return [
        partial(announcement_emails.announcement, to_team, members, author=FAYE),
        partial(announcement_emails.announcement, to_team, members, author=FAYE, is_test=True),
        partial(announcement_emails.announcement, to_all, all_members, author=ADA),
        partial(announcement_emails.announcement, to_coming, comes, author=FAYE),
    ]


def _reader(reason: str, kind: str = "") -> Reader:
    """Return Ana as the reader of an email; without a `kind` it cannot be stopped."""
    stop = stop_url(ANA.pk, None, kind) if kind else ""
    return Reader(ANA.email, ANA.full_name, reason, answer_url(MEETING, ANA), stop)


def _facilitator_emails() -> list[partial[Any]]:
    """To facilitators, about their role and what waits."""
    request = DigestItem(
        _membership(ANA, CAREERS, "requested", pk=1), f"{ANA}, {LAKEFRONT}: {CAREERS}", True
    )
    question = DigestItem(_question(pk=1), str(_question()), False, True)
    goal = DigestItem(Goal(pk=1), "Bring everyone to one table (Education & Training)")
    goals = DigestSection("goals", 1, 0, [goal])
    suggestion = DigestItem(ResourceSuggestion(pk=1), "First-day checklist", False)
    resource = DigestItem(
        Resource(pk=1), "Interview guide. The link is dead: The site has no such page (status 404)."
    )
    many_waiting = [
        DigestSection(
            "organizations",
            2,
            1,
            [DigestItem(Organization(pk=1, name=RIVERBEND.name), RIVERBEND.name)],
        ),
        DigestSection("affiliations", 1, 1, [DigestItem(SAM, f"{SAM}, {RIVERBEND}", True)]),
        DigestSection("requests", 12, 3, [request]),
        DigestSection(
            "moves", 1, 0, [DigestItem(Move(pk=1, member=ANA), f"{ANA}: account on hold")]
        ),
        DigestSection(
            "bounces",
            1,
            0,
            [DigestItem(Bounce(pk=1), f"{ANA}: emails to {ANA.email} came back")],
        ),
        DigestSection("questions", 1, 0, [question]),
        DigestSection("suggestions", 1, 0, [suggestion]),
        DigestSection("topics", 1, 0, [DigestItem(Topic(pk=1), "Hard-to-fill night shifts")]),
        goals,
        DigestSection("resources", 2, 0, [resource]),
    ]
    return [
        partial(team_emails.facilitator_appointed, FAYE, TRAINING, ADA),
        partial(team_emails.invitation, _invitation("facilitator", TRAINING)),
        partial(team_emails.invitation, _invitation("administrator", note="Can you help me?")),
        partial(team_emails.facilitator_digest, FAYE, [DigestSection("requests", 1, 0, [request])]),
        partial(team_emails.facilitator_digest, FAYE, many_waiting),
        partial(team_emails.facilitator_digest, FAYE, [goals]),
        partial(team_emails.goal_due, GOAL, FAYE, is_past=False),
        partial(team_emails.goal_due, GOAL, FAYE, is_past=True),
    ]


def render_sample(sample: partial[Any]) -> Email:
    """Return the email that `sample` writes, neither stored nor sent."""
    with collect_emails() as emails:
        sample()
    (email,) = emails
    return email
