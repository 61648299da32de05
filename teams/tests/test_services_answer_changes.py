"""Answers that change hands: joining, merging, undoing; and names that are erased in time."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from collaborative.operations.daily import DAILY_TASKS
from conftest import make_active_member
from members.services import create_decision, undo_decision
from teams import actions
from teams.models import Attendance, Meeting, Membership
from teams.services import (
    ImportedPeople,
    MemberData,
    add_member,
    anonymize_old_guests,
    complete_join,
    import_members,
    merge_members,
    move_member,
    personal_data,
    set_facilitators,
    take_back_members,
)
from teams.services.answers import (
    AnswerCounts,
    answer_as_guest,
    answer_counts,
    answer_meeting,
    number_in_line,
)
from teams.tests.meetings import attendance_of, make_meeting

pytestmark = pytest.mark.django_db
IN_PERSON, ONLINE, NO = Attendance.Answer
GUEST = "gia@guest.example"


@pytest.fixture
def meeting(team) -> Meeting:
    """A public meeting of `team` with one place."""
    return make_meeting(team, places=1)


# A guest joins --------------------------------------------------------------------------------


def _join(team, organization, administrator, member):
    return complete_join(
        GUEST, full_name="Gia", job_title="", organization="Gia Care", team_ids=[team.pk]
    )[0]


def _is_added(team, organization, administrator, member):
    added = add_member(
        GUEST, full_name="Gia", organization=organization, team=team, by=administrator
    )
    return added.member


def _is_imported(team, organization, administrator, member):
    data = MemberData(
        email=GUEST, full_name="Gia", job_title="", organization=organization, teams=[team]
    )
    return import_members([data], {}, by=administrator).created[0]


def _moves(team, organization, administrator, member):
    move_member(member, GUEST, organization_name="Gia Care")
    return member


@pytest.mark.parametrize("become_member", [_join, _is_added, _is_imported, _moves])
def test_guest_answer_becomes_the_members(
    meeting, team, organization, administrator, member, become_member
):
    guest = answer_as_guest(meeting, "Gia", GUEST, IN_PERSON)
    gia = become_member(team, organization, administrator, member)
    guest.refresh_from_db()
    assert (guest.member, guest.guest_name, guest.guest_email) == (gia, "", "")
    assert guest.answer == IN_PERSON


def test_guest_and_member_of_one_person_become_the_later_answer(meeting, member, colleague):
    answer_meeting(meeting, member, IN_PERSON)
    answer_meeting(meeting, colleague, IN_PERSON)
    guest = answer_as_guest(meeting, "Maria", GUEST, NO)
    move_member(member, GUEST, organization_name="Gia Care")
    assert not Attendance.objects.filter(pk=guest.pk).exists()
    assert attendance_of(meeting, member).answer == NO
    # And the place went on.
    assert answer_counts(meeting) == AnswerCounts(coming=1, no=1)


# Two accounts become one ----------------------------------------------------------------------


@pytest.fixture
def duplicate(organization, team):
    return make_active_member("maria@old.example", organization, "Maria M.", team)


def test_merge_members_moves_answers_of_meetings_of_the_team(
    meeting, member, duplicate, team, administrator
):
    of_team = make_meeting(team, audience=Meeting.Audience.TEAMS)
    answer_meeting(of_team, duplicate, ONLINE)
    answer_meeting(meeting, member, NO)
    merge_members(duplicate, member, by=administrator)
    assert attendance_of(of_team, member).answer == ONLINE
    assert attendance_of(meeting, member).answer == NO
    assert not duplicate.attendances.exists()


@pytest.mark.parametrize("first_is_duplicate", [True, False])
def test_merge_members_keeps_the_place_of_either(
    meeting, member, duplicate, colleague, administrator, first_is_duplicate
):
    both = [duplicate, member] if first_is_duplicate else [member, duplicate]
    for person in [*both, colleague]:
        answer_meeting(meeting, person, IN_PERSON)
    merge_members(duplicate, member, by=administrator)
    assert attendance_of(meeting, member).waiting_since is None
    assert answer_counts(meeting) == AnswerCounts(coming=1, waiting=1)


def test_merge_members_in_line_keeps_the_earlier_place(
    meeting, member, duplicate, colleague, third, administrator
):
    for person in (third, duplicate, colleague, member):
        answer_meeting(meeting, person, IN_PERSON)
    merge_members(duplicate, member, by=administrator)
    assert number_in_line(attendance_of(meeting, member)) == 1
    assert answer_counts(meeting) == AnswerCounts(coming=1, waiting=2)


def test_merge_members_keeps_that_the_person_came(member, duplicate, team, administrator):
    meeting = make_meeting(team, starts_at=timezone.now() - timedelta(days=1))
    Attendance.objects.create(meeting=meeting, member=member, came=False)
    Attendance.objects.create(meeting=meeting, member=duplicate, came=True)
    merge_members(duplicate, member, by=administrator)
    assert attendance_of(meeting, member).came is True


@pytest.fixture
def third(organization, team):
    return make_active_member("theo@rush.example", organization, "Theo Third", team)


# A decision is undone -------------------------------------------------------------------------


@pytest.fixture
def team_meeting(team) -> Meeting:
    return make_meeting(team, places=1, audience=Meeting.Audience.TEAMS)


@pytest.fixture
def ended(team_meeting, member, colleague, third, facilitator):
    """A decision of `facilitator` that ends the membership of `member`, who had the place;
    `colleague` and `third` waited for it."""
    for person in (member, colleague, third):
        answer_meeting(team_meeting, person, IN_PERSON)
    decision = create_decision(
        Membership,
        "end",
        title="End membership",
        keys=[member.memberships.get().pk],
        form_data={"reason": "By mistake."},
        can_be_undone=True,
        by=facilitator,
    )
    actions.process_decision(decision, seconds=9)
    assert attendance_of(team_meeting, colleague).waiting_since is None
    return decision


def _undo(decision):
    undo_decision(decision, by=decision.by)
    actions.process_decision(decision, seconds=9)
    assert decision.items.get().outcome == "undone"


def test_undo_gives_the_place_back(ended, team_meeting, member, colleague, third):
    _undo(ended)
    assert attendance_of(team_meeting, member).waiting_since is None
    assert [number_in_line(attendance_of(team_meeting, each)) for each in (colleague, third)] == [
        1,
        2,
    ]


def test_undo_keeps_what_was_answered_since(ended, team_meeting, member, colleague, third):
    answer_meeting(team_meeting, colleague, NO)
    _undo(ended)
    # The place went to the next one meanwhile: the first in line has it back at once, else waits.
    assert attendance_of(team_meeting, third).waiting_since is None
    assert number_in_line(attendance_of(team_meeting, member)) == 1
    assert answer_counts(team_meeting) == AnswerCounts(coming=1, no=1, waiting=1)


def test_undo_leaves_nobody_waiting_for_a_free_place(ended, team_meeting, member, colleague, third):
    attendance_of(team_meeting, member).delete()
    _undo(ended)
    assert answer_counts(team_meeting) == AnswerCounts(coming=1, waiting=1)


# What a person takes along, what is erased, and what is taken back ----------------------------


@pytest.mark.parametrize(("days", "is_erased"), [(29, False), (31, True)])
def test_anonymize_old_guests_keeps_organization_and_attendance(
    team, organization, days, is_erased
):
    meeting = make_meeting(team)
    guest = answer_as_guest(meeting, "Gia", "gia@rush.example", IN_PERSON)
    Attendance.objects.update(came=True)
    ended = timezone.now() - timedelta(days=days)
    Meeting.objects.update(starts_at=ended - timedelta(hours=1), ends_at=ended)
    anonymize_old_guests()
    guest.refresh_from_db()
    assert (guest.guest_name, guest.guest_email) == (
        ("", "") if is_erased else ("Gia", "gia@rush.example")
    )
    assert (guest.organization, guest.came) == (organization, True)


def test_history_of_a_guest_holds_no_name(meeting):
    guest = answer_as_guest(meeting, "Gia", GUEST, IN_PERSON)
    fields = {field.name for field in guest.history.model._meta.get_fields()}
    assert not fields & {"guest_name", "guest_email"}


def test_take_back_members_leaves_who_answered_a_meeting(team, organization, administrator):
    data = [
        MemberData(
            email=f"{name}@rush.example",
            full_name=name,
            job_title="",
            organization=organization,
            teams=[team],
        )
        for name in ("ada", "ben")
    ]
    result = import_members(data, {}, by=administrator)
    people = ImportedPeople(
        members=[member.pk for member in result.created],
        organizations_before={},
        memberships=[membership.pk for membership in result.new_memberships],
        requests=[],
        emails=[],
        finished_at=timezone.now(),
    )
    ada, ben = result.created
    answer_meeting(make_meeting(team), ada, NO)
    taken_back = take_back_members(people, by=administrator)
    assert (taken_back.used, taken_back.closed) == ({ada.pk}, [ben])


def test_past_attendance_keeps_the_employer_of_its_time(member, team, organization):
    meeting = make_meeting(team)
    answer_meeting(meeting, member, IN_PERSON)
    move_member(member, "maria@new.example", organization_name="New Care")
    assert attendance_of(meeting, member).organization == organization


def test_personal_data_holds_answers(member, team, organization):
    answer_meeting(make_meeting(team), member, NO)
    data = json.loads(json.dumps(personal_data(member)))
    (meeting,) = data["meetings"]
    assert (meeting["meeting"], meeting["answer"], meeting["organization"]) == (
        "Winter meeting",
        "I cannot come",
        "Rush Example Hospital",
    )


def test_facilitator_who_no_longer_is_gives_up_the_place(team, facilitator, administrator):
    meeting = make_meeting(team, audience=Meeting.Audience.TEAMS)
    answer_meeting(meeting, facilitator, IN_PERSON)
    set_facilitators(team, [administrator], by=administrator)
    assert attendance_of(meeting, facilitator).answer == ""


def test_daily_run_anonymizes_guests():
    assert anonymize_old_guests in DAILY_TASKS
