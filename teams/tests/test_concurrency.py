"""Many at once: one change, one decision, one email; the second person reads what happened."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from post_office.models import Email

from conftest import make_member, membership_of
from members.bounce_addresses import bounce_address
from members.models import Bounce, EmailDomain, Member, Move, Organization
from members.services import Refused
from members.tests.bounces import report
from teams.areas import all_areas
from teams.models import (
    AnnouncementRecipient,
    Claim,
    Invitation,
    Meeting,
    Membership,
    UnemploymentSurvey,
)
from teams.services import (
    Outcome,
    add_domain,
    add_member,
    approve_membership,
    cancel_meeting,
    change_profile,
    claim,
    claim_of,
    close_account,
    complete_join,
    copy_meeting,
    decline_membership,
    end_membership,
    invite,
    join_teams,
    keep_move,
    leave_team,
    move_member,
    object_to_move,
    recognize_organization,
    return_account,
    send_announcement,
    send_digests,
    stop_announcement,
    withdraw_request,
)
from teams.services.areas import AreaRate, store_figures
from teams.services.bounces import process_bounce
from teams.services.colleague_invitations import invite_colleague
from teams.tests.announcements import make_announcement
from teams.tests.meetings import make_meeting
from teams.tests.test_services_waiting import MONDAY

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 2  # of what is a matter of luck


@pytest.fixture(autouse=True)
def _room_for_all(transactional_db):
    """On PostgreSQL the pool holds few connections: here each thread gets one of its own."""
    pool = getattr(connection, "pool", None)
    if pool is None:
        yield
        return
    few = pool.min_size, pool.max_size
    pool.resize(few[0], 20)
    yield
    pool.resize(*few)


def at_once(*steps: Callable[[], Any]) -> list[Any]:
    """Take all steps at the same time; what each one returned, or the Refused that it raised."""
    barrier = Barrier(len(steps))

    def take(step: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=30)
            return step()
        except Refused as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(len(steps)) as pool:
        return list(pool.map(take, steps))


def refusals(results: list[Any]) -> list[str]:
    return [str(result) for result in results if isinstance(result, Refused)]


def join(email: str, organization: str, *teams) -> Any:
    return complete_join(
        email,
        full_name="Nora New",
        job_title="HR lead",
        organization=organization,
        team_ids=[team.pk for team in teams],
    )


def test_invite_at_once_stores_one_invitation(administrator, team, queued_emails):
    send = partial(
        invite, "ines@mailbox.example", "facilitator", by=administrator, team=team, note=""
    )
    results = at_once(*[send] * 3)
    invitation = Invitation.objects.get()
    sent = [result for result in results if isinstance(result, Invitation)]
    # Who came too late has sent it once more, or learns that it is sent.
    assert invitation.sent_count == len(sent) == len(queued_emails()) >= 1
    assert len(refusals(results)) == 3 - len(sent)


def test_invitations_at_once_are_counted_one_after_the_other(
    member, team, queued_emails, monkeypatch
):
    monkeypatch.setattr("teams.services.colleague_invitations.MAX_INVITATIONS", 2)

    def invite_number(number: int) -> None:
        invite_colleague(f"n{number}@rush.example", [team], "", by=member)

    results = at_once(*[partial(invite_number, number) for number in range(4)])
    assert len(refusals(results)) == 2
    assert Invitation.objects.count() == len(queued_emails()) == 2


def test_one_address_invited_at_once_is_invited_once(member, team):
    results = at_once(*[partial(invite_colleague, "c@rush.example", [team], "", by=member)] * 3)
    assert len(refusals(results)) == 2
    assert Invitation.objects.count() == 1


# Joining --------------------------------------------------------------------------------------


def test_complete_join_five_times_at_once_creates_one_member(
    organization, team, other_team, approval_team, queued_emails
):
    teams = (team, other_team, approval_team)
    results = at_once(*[lambda: join("nora@rush.example", "x", *teams)] * 5)
    (member,) = Member.objects.filter(email="nora@rush.example")
    assert [membership_of(member, each).status for each in teams] == [
        "active",
        "active",
        "requested",
    ]
    assert Membership.objects.count() == 3
    assert Membership.history.count() == 3
    assert [email.to for email in queued_emails()] == [["nora@rush.example"]]
    reported = sorted(outcome.outcome for _, outcomes in results for outcome in outcomes)
    assert reported.count(Outcome.JOINED) == 2
    assert reported.count(Outcome.WAITING) == 1
    assert reported.count(Outcome.ALREADY_ACTIVE) == 8
    assert reported.count(Outcome.ALREADY_WAITING) == 4


def test_complete_join_five_times_at_once_proposes_one_organization(team, queued_emails):
    at_once(*[lambda: join("nora@kappa.example", "Kappa Clinic", team)] * 5)
    organization = Organization.objects.get()
    assert (organization.members.count(), Membership.objects.count()) == (1, 1)
    assert len(queued_emails()) == 1


def test_complete_join_of_six_people_at_once_proposes_one_organization(team, queued_emails):
    at_once(
        *[
            lambda n=n: join(f"p{n}@kappa.example", f"{'The ' * (n % 2)}Kappa Clinic", team)
            for n in range(6)
        ]
    )
    assert Organization.objects.get().members.count() == 6
    assert Organization.history.count() == 1
    assert Membership.objects.waiting().count() == 6
    assert len({email.to[0] for email in queued_emails()}) == len(queued_emails()) == 6


def test_recognize_organization_while_people_join_leaves_nobody_waiting(team, administrator):
    for turn in range(ROUNDS):
        first, _ = join(f"first@k{turn}.example", f"Kappa {turn}", team)
        organization, domain = first.organization, f"k{turn}.example"
        results = at_once(
            *[
                lambda n=n, turn=turn: join(f"p{n}@k{turn}.example", f"Kappa {turn}", team)
                for n in range(4)
            ],
            lambda o=organization, d=domain: recognize_organization(o, domain=d, by=administrator),
        )
        assert refusals(results) == []
        assert not Membership.objects.waiting().exists()
        assert not Member.objects.unconfirmed().exists()
        assert organization.members.count() == 5


def test_recognize_organization_while_its_members_join_leaves_nobody_waiting(
    team, other_team, administrator
):
    for turn in range(ROUNDS):
        people = [join(f"p{n}@k{turn}.example", f"Kappa {turn}", team)[0] for n in range(4)]
        organization = people[0].organization
        results = at_once(
            *[lambda p=person: join_teams(p, [other_team]) for person in people],
            lambda o=organization: recognize_organization(o, by=administrator),
        )
        assert refusals(results) == []
        assert not Membership.objects.waiting().exists()
        assert Membership.objects.active().filter(member__in=people).count() == 8


def test_close_account_while_joining_leaves_nothing_open(organization, team, other_team):
    for turn in range(ROUNDS):
        email = f"leo{turn}@rush.example"
        leaver, _ = join(email, "x", team)
        results = at_once(
            lambda p=leaver: close_account(p),
            *[lambda p=leaver: join_teams(p, [other_team]) for _ in range(2)],
            *[lambda e=email: join(e, "x", other_team) for _ in range(2)],
        )
        leaver.refresh_from_db()
        assert leaver.closed_at
        assert not Membership.objects.of(leaver).current().exists()
        assert set(refusals(results)) <= {"This account is closed."}
        # Anyone who came after the closing, with the same address, is a new person.
        assert Member.objects.filter(email=email).count() <= 1


def test_change_profile_while_recognizing_loses_nothing(team, administrator):
    profile = {"full_name": "Nora", "job_title": "", "shares_email": False}
    for turn in range(ROUNDS):
        person, _ = join(f"nora@k{turn}.example", f"Kapa {turn}", team)
        kappa = Organization.objects.create(name=f"Kappa {turn}")
        at_once(
            lambda p=person, t=turn: change_profile(p, **profile, organization=f"Kappa {t}"),
            lambda o=kappa, t=turn: recognize_organization(
                o, domain=f"k{t}.example", by=administrator
            ),
        )
        assert membership_of(person, team).is_active


# Deciding -------------------------------------------------------------------------------------


@pytest.fixture
def request_(member, approval_team) -> Membership:
    join_teams(member, [approval_team])
    Email.objects.all().delete()
    return membership_of(member, approval_team)


def test_approve_membership_five_times_at_once_is_one_decision(
    request_, facilitator, queued_emails
):
    results = at_once(*[lambda: approve_membership(request_, by=facilitator)] * 5)
    refused = refusals(results)
    assert len(refused) == 4
    for words in refused:
        assert words.startswith("Maria Member and Careers: already active on ")
        assert words.endswith(" by Fay Facilitator. Nothing was changed.")
    assert [email.subject for email in queued_emails()] == ["You joined Careers"]
    assert request_.history.count() == 2


def test_approve_and_decline_at_once_is_one_decision(
    request_, facilitator, administrator, queued_emails
):
    results = at_once(
        *[lambda: approve_membership(request_, by=facilitator)] * 2,
        *[lambda: decline_membership(request_, reason="No.", by=administrator)] * 2,
        *[lambda: withdraw_request(request_)] * 2,
    )
    assert len(refusals(results)) == 5
    assert len(queued_emails()) == 1
    assert request_.history.count() == 2


def test_leave_and_end_at_once_is_one_end(member, team, facilitator, queued_emails):
    membership = membership_of(member, team)
    results = at_once(
        *[lambda: leave_team(membership)] * 2,
        *[lambda: end_membership(membership, reason="Moved.", by=facilitator)] * 2,
    )
    assert len(refusals(results)) == 3
    assert len(queued_emails()) == 1


def test_add_and_approve_at_once_is_one_decision(request_, facilitator, queued_emails):
    person = request_.member
    add = {"full_name": "", "organization": person.organization, "team": request_.team}
    results = at_once(
        *[lambda: add_member(person.email, **add, by=facilitator)] * 2,
        *[lambda: approve_membership(request_, by=facilitator)] * 2,
    )
    assert len(refusals(results)) == 3
    assert len(queued_emails()) == 1
    assert Membership.objects.of(person).filter(team=request_.team).count() == 1


def test_recognize_organization_twice_at_once_is_one_decision(
    applicant, facilitator, administrator, queued_emails
):
    results = at_once(
        *[lambda: recognize_organization(applicant.organization, by=facilitator)] * 2,
        *[lambda: recognize_organization(applicant.organization, by=administrator)] * 2,
    )
    refused = refusals(results)
    assert len(refused) == 3
    assert all("was already recognized on" in words for words in refused)
    assert [email.to for email in queued_emails()] == [[applicant.email]]


def test_add_domain_at_once_gives_it_to_one_organization(
    organization, other_organization, administrator
):
    results = at_once(
        *[
            lambda o=each: add_domain(o, domain="kappa.example", by=administrator)
            for each in (organization, other_organization) * 2
        ]
    )
    assert len(refusals(results)) == 3
    assert EmailDomain.objects.filter(domain="kappa.example").count() == 1


def test_close_account_of_two_administrators_at_once_keeps_one(administrator):
    for turn in range(ROUNDS):
        Member.objects.create_superuser(f"second{turn}@example.org")
        results = at_once(
            *[
                lambda p=person: close_account(p)
                for person in Member.objects.filter(is_superuser=True)
            ]
        )
        assert len(refusals(results)) == 1
        assert Member.objects.filter(is_superuser=True, is_active=True).count() == 1


def test_same_report_at_once_counts_once_while_the_address_changes(member, organization, settings):
    settings.BOUNCE_EMAIL = "bounces@portal.example.org"
    email = Email.objects.create(from_email="portal@example.org", to=[member.email])
    content = report(bounce_address(member, email.pk), address=member.email)
    at_once(
        *[partial(process_bounce, content)] * 3, partial(move_member, member, "new@rush.example")
    )
    assert email.logs.count() == 1
    assert not Bounce.objects.open().exists()
    assert Bounce.objects.count() <= 1


def test_claim_at_once_is_won_by_one(requests, administrator, approver):
    steps = [partial(claim, requests[0], by=person) for person in (administrator, approver)] * 2
    results = at_once(*steps)
    claimed_by = claim_of(requests[0]).claimed_by
    assert [f"{claimed_by} has been taking care" in text for text in refusals(results)] == [
        True
    ] * 2
    assert Claim.history.count() == 1


def test_send_digests_at_once_sends_one_each(applicant, facilitator, administrator, queued_emails):
    results = at_once(*[lambda: send_digests(MONDAY)] * 4)
    assert sum(results) == 2
    assert sorted(email.to[0] for email in queued_emails()) == [
        administrator.email,
        facilitator.email,
    ]


def test_add_member_many_times_at_once_adds_once(organization, team, facilitator, queued_emails):
    add = {"full_name": "Nora", "organization": organization, "team": team, "by": facilitator}
    results = at_once(*[lambda: add_member("nora@elsewhere.example", **add)] * 4)
    assert len(refusals(results)) == 3
    assert Member.objects.filter(email="nora@elsewhere.example").count() == 1
    assert len(queued_emails()) == 1


def test_recognize_organization_of_four_at_once_does_not_deadlock(team, administrator):
    """Locks are taken in one order, so nobody waits for each other for ever."""
    names = [f"Kappa {n}" for n in range(4)]
    for number, name in enumerate(names):
        person = make_member(f"p{number}@shared.example", Organization.objects.create(name=name))
        Member.objects.filter(pk=person.pk).update(
            affiliation_confirmed_at=None, affiliation_confirmed_via=""
        )
        join_teams(person, [team])
    results = at_once(
        *[
            lambda o=organization, n=n: recognize_organization(
                o, domain=f"sub{n}.shared.example", by=administrator
            )
            for n, organization in enumerate(Organization.objects.filter(name__in=names))
        ]
    )
    assert refusals(results) == []
    assert not Membership.objects.waiting().exists()


# Moving ------------------------------------------------------------------------------------


def test_two_people_who_move_to_one_address_at_once_have_one_winner(
    member, colleague, other_organization
):
    people = (member, colleague)
    results = at_once(*(partial(move_member, each, "new@loop.example") for each in people))
    assert len(refusals(results)) == 1
    assert Member.objects.filter(email="new@loop.example").count() == Move.objects.count() == 1


def test_pressing_move_twice_at_once_moves_once(member, team, other_organization):
    step = partial(move_member, member, "maria@loop.example")
    assert len(refusals(at_once(step, step, step))) == 2
    assert Move.objects.count() == 1
    assert membership_of(member, team).is_active
    assert Email.objects.count() == 2


def test_moving_on_and_objecting_at_once_holds_the_account(member, organization):
    for _ in range(ROUNDS):
        move_member(member, "maria@personal.example", organization_name="Harbor Care")
        move = Move.objects.latest("pk")
        again = partial(move_member, member, "maria@other.example", organization_name="Harbor Care")
        at_once(partial(object_to_move, move), again)
        person = Member.objects.get(pk=member.pk)
        assert (person.is_held, person.is_active) == (True, False)
        Member.objects.filter(pk=member.pk).update(
            email="maria@rush.example", held_at=None, is_active=True
        )
        Move.objects.all().delete()
        member = Member.objects.get(pk=member.pk)


def test_decided_twice_at_once_one_wins(member, other_organization, facilitator):
    move_member(member, "maria@loop.example")
    object_to_move(Move.objects.get())
    decisions = [
        partial(decide, Move.objects.get(), reason="We spoke.", by=facilitator)
        for decide in (keep_move, return_account)
    ]
    assert len(refusals(at_once(*decisions))) == 1
    person = Member.objects.get(pk=member.pk)
    kept = Move.objects.get().state == "kept"
    assert person.is_active
    assert person.email == ("maria@loop.example" if kept else "maria@rush.example")


def test_cancelling_twice_at_once_is_one_cancellation(team, facilitator, administrator, member):
    meeting = make_meeting(team)
    results = at_once(
        partial(cancel_meeting, meeting, reason="Snow.", by=facilitator),
        partial(cancel_meeting, meeting, reason="Ice.", by=administrator),
    )
    (refusal,) = refusals(results)
    meeting.refresh_from_db()
    assert refusal == (
        f"“Winter meeting” is already cancelled: {meeting.cancelled_reason} Nothing was changed."
    )
    assert meeting.sequence == 1
    assert Email.objects.count() == 1


def test_copying_at_once_makes_one_draft(team, facilitator):
    meeting = make_meeting(team)
    results = at_once(*[partial(copy_meeting, meeting, by=facilitator)] * 3)
    draft = Meeting.objects.exclude(pk=meeting.pk).get()
    assert results == [draft] * 3


def test_announcement_that_two_send_at_once_is_sent_once(team, member, facilitator, administrator):
    draft = make_announcement(team, facilitator, status="draft")
    results = at_once(
        partial(send_announcement, draft, by=facilitator),
        partial(send_announcement, draft, by=administrator),
    )
    (refused,) = [result for result in results if isinstance(result, Refused)]
    assert "was sent on" in str(refused)
    assert Email.objects.count() == AnnouncementRecipient.objects.count() == 1


def test_announcement_that_two_stop_at_once_is_stopped_once(
    team, member, facilitator, administrator
):
    sent = make_announcement(team, facilitator, status="draft")
    send_announcement(sent, by=facilitator)
    results = at_once(
        partial(stop_announcement, sent, by=facilitator),
        partial(stop_announcement, sent, by=administrator),
    )
    (refused,) = [result for result in results if isinstance(result, Refused)]
    assert "was stopped on" in str(refused)
    assert 1 in results


def test_two_imports_of_the_same_years_at_once_store_one_survey(facilitator):
    def store() -> UnemploymentSurvey:
        survey = UnemploymentSurvey(first_year=2020, last_year=2024, source="CMAP", city_rate=8)
        rates = [AreaRate(all_areas()["68"], Decimal("24.9"))]
        return store_figures(survey, rates, by=facilitator)

    at_once(*[store] * 3)
    assert UnemploymentSurvey.objects.get().figures.count() == 1
