from datetime import timedelta

import pytest
from django.utils import timezone

from conftest import appoint, make_active_member, make_member, make_organization
from members.models import Member
from members.services import Refused
from teams.models import Attendance, Meeting
from teams.services.attendance import (
    NewGuest,
    attendee_key,
    attendees_by_key,
    possible_attendees,
    record_attendance,
)
from teams.services.attendee_matching import match_attendees
from teams.tests.meetings import make_meeting

pytestmark = pytest.mark.django_db


def held_meeting(*teams, **fields) -> Meeting:
    """A meeting that was announced and began yesterday."""
    return make_meeting(*teams, starts_at=timezone.now() - timedelta(days=1), **fields)


def answer(meeting: Meeting, member: Member, answer="in-person", **fields) -> Attendance:
    return Attendance.objects.create(
        meeting=meeting,
        member=member,
        organization=member.organization,
        answer=answer,
        answered_at=timezone.now(),
        **fields,
    )


def guest_of(meeting: Meeting, name="Gina Guest", email="gina@visitor.example", **fields):
    return Attendance.objects.create(
        meeting=meeting,
        guest_name=name,
        guest_email=email,
        answer="in-person",
        answered_at=timezone.now(),
        **fields,
    )


def came_to(meeting: Meeting) -> dict:
    return {
        str(row.member or row.guest_name): row.came
        for row in Attendance.objects.filter(meeting=meeting).select_related("member")
    }


def test_record_attendance_members_guests_and_who_had_not_answered(
    facilitator, member, colleague, organization, team
):
    meeting = held_meeting(team)
    answer(meeting, member)
    guest = guest_of(meeting)

    recorded = record_attendance(meeting, [member, colleague, guest], by=facilitator)

    assert (recorded.came, recorded.absent) == (3, 0)
    assert came_to(meeting) == {"Maria Member": True, "Colin Colleague": True, "Gina Guest": True}
    row = Attendance.objects.get(meeting=meeting, member=colleague)
    assert (row.organization, row.answer) == (organization, "")
    version = row.history.get()
    assert (version.history_user, version.history_change_reason) == (
        facilitator,
        "attendance recorded: came",
    )


def test_record_attendance_is_corrected_later(facilitator, member, colleague, team):
    meeting = held_meeting(team)
    answer(meeting, member)
    answer(meeting, colleague)
    record_attendance(meeting, [member], [colleague], by=facilitator)

    recorded = record_attendance(meeting, [colleague], [member], by=facilitator)

    assert (recorded.came, recorded.absent) == (1, 1)
    assert came_to(meeting) == {"Maria Member": False, "Colin Colleague": True}
    again = record_attendance(meeting, [colleague], [member], by=facilitator)
    assert (again.came, again.absent) == (0, 0)


def test_record_attendance_keeps_the_organization_of_the_time(
    facilitator, member, organization, other_organization, team
):
    meeting = held_meeting(team)
    row = answer(meeting, member)
    Member.objects.filter(pk=member.pk).update(organization=other_organization)
    member.refresh_from_db()

    record_attendance(meeting, [member], by=facilitator)
    row.refresh_from_db()
    assert row.organization == other_organization

    Member.objects.filter(pk=member.pk).update(organization=organization)
    member.refresh_from_db()
    record_attendance(meeting, [], [member], by=facilitator)
    record_attendance(meeting, [member], by=facilitator)
    row.refresh_from_db()
    assert row.organization == other_organization


def test_record_attendance_absent_unless_marked_leaves_what_others_recorded(
    facilitator, member, colleague, team
):
    meeting = held_meeting(team)
    answer(meeting, member, came=True)
    answer(meeting, colleague)

    record_attendance(meeting, [], absent_unless_marked=[member, colleague], by=facilitator)

    assert came_to(meeting) == {"Maria Member": True, "Colin Colleague": False}


def test_record_attendance_absent_without_answer_stores_nothing(facilitator, member, team):
    meeting = held_meeting(team)

    record_attendance(meeting, [], [member], by=facilitator)

    assert came_to(meeting) == {}


def test_record_attendance_of_two_facilitators(
    facilitator, other_facilitator, member, outsider, team, other_team
):
    meeting = held_meeting(team, other_team)
    record_attendance(meeting, [member], by=facilitator)
    record_attendance(meeting, [outsider], by=other_facilitator)

    assert came_to(meeting) == {"Maria Member": True, "Olga Outsider": True}
    with pytest.raises(Refused, match="not in your teams"):
        record_attendance(meeting, [], [member], by=other_facilitator)
    assert came_to(meeting)["Maria Member"] is True


def test_record_attendance_new_guests(facilitator, organization, other_organization, team):
    meeting = held_meeting(team)
    known = guest_of(meeting)
    guests = [
        NewGuest("Walter Walkin", organization=other_organization),
        NewGuest("Rita Rush", "Rita@Rush.example"),
        NewGuest("Gina Again", "gina@visitor.example"),
    ]

    recorded = record_attendance(meeting, [], by=facilitator, new_guests=guests)

    assert recorded.came == 3
    stored = Attendance.objects.filter(meeting=meeting, came=True)
    assert set(stored.values_list("guest_name", "guest_email", "organization__name")) == {
        ("Walter Walkin", "", "Loop Example Clinic"),
        ("Rita Rush", "rita@rush.example", "Rush Example Hospital"),
        ("Gina Guest", "gina@visitor.example", None),
    }
    assert stored.filter(pk=known.pk).exists()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"status": "draft"}, "is a draft"),
        ({"status": "cancelled", "cancelled_reason": "Snow"}, "cancelled"),
        ({"starts_at": "later"}, "has not begun"),
    ],
)
def test_record_attendance_refused(facilitator, member, team, fields, sentence):
    fields = dict(fields)
    later = fields.pop("starts_at", None)
    meeting = make_meeting(team, **fields) if later else held_meeting(team, **fields)

    with pytest.raises(Refused, match=sentence):
        record_attendance(meeting, [member], by=facilitator)

    assert not Attendance.objects.exists()


def test_record_attendance_refused_to_whom_it_does_not_belong(
    other_facilitator, member, outsider, team
):
    meeting = held_meeting(team)
    for person in (other_facilitator, member):
        with pytest.raises(Refused, match="is planned by its facilitators"):
            record_attendance(meeting, [outsider], by=person)


def test_record_attendance_queries_do_not_grow(
    facilitator, organization, team, django_assert_max_num_queries
):
    people = [
        make_active_member(f"p{n}@rush.example", organization, f"Pia Person{n}", team)
        for n in range(4)
    ]
    first, second = held_meeting(team), held_meeting(team)
    for meeting, some in ((first, people[:1]), (second, people[:3])):
        for person in some:
            answer(meeting, person)
    record_attendance(first, people[:2], by=facilitator)
    with django_assert_max_num_queries(20):
        record_attendance(second, people, by=facilitator)


def test_possible_attendees(
    facilitator, member, colleague, outsider, administrator, organization, team
):
    former = make_active_member("former@rush.example", organization, "Former Person", team)
    former.memberships.update(status="ended", ended_at=timezone.now())
    of_team = {"Maria Member", "Colin Colleague", "Fay Facilitator"}
    for audience, names in (
        ("public", of_team | {"Former Person"}),
        ("members", of_team),
        ("teams", of_team),
    ):
        meeting = held_meeting(team, audience=audience)
        people = possible_attendees(meeting, facilitator).exclude(is_superuser=True)
        assert {person.full_name for person in people} == names


def test_attendees_by_key_forged(facilitator, member, outsider, team, other_team):
    meeting = held_meeting(team)
    other = held_meeting(other_team)
    keys = [
        attendee_key(member),
        attendee_key(outsider),
        attendee_key(guest_of(other)),
        "member-",
        "member-²",
        "guest-99999999999999999999",
        "staff-1",
        "",
    ]

    assert attendees_by_key(meeting, keys, facilitator) == {attendee_key(member): member}


def test_match_attendees_sure(facilitator, member, colleague, team):
    meeting = held_meeting(team)
    guest = guest_of(meeting, name="Gina Guest-Óbrien")
    text = "member, maria\nCOLIN COLLEAGUE (he/him)\nObrien Gina Guest"

    matches = match_attendees(meeting, text, facilitator)

    assert [match.suggestion for match in matches.sure] == [member, colleague, guest]
    assert (matches.unsure, matches.unknown, matches.repeated) == ([], [], 0)


def test_match_attendees_address_decides(facilitator, member, colleague, team):
    meeting = held_meeting(team)
    for text in (
        "maria@rush.example",
        "MARIA@rush.example, Maria Member",
        "iPhone <maria@rush.example>",
        "Name,Email,Duration\nM. Member,maria@rush.example,90",
    ):
        matches = match_attendees(meeting, text, facilitator)
        assert [match.suggestion for match in matches.sure] == [member], text


def test_match_attendees_former_and_merged_addresses(
    administrator, facilitator, member, colleague, team
):
    make_member("old@rush.example")
    Member.objects.filter(email="old@rush.example").update(is_active=False, merged_into=member)
    text = "old@rush.example\nMaria Member"

    matches = match_attendees(held_meeting(team), text, facilitator)

    assert [match.suggestion for match in matches.sure] == [member]
    assert matches.repeated == 1


def test_match_attendees_unsure(facilitator, member, colleague, team):
    meeting = held_meeting(team)
    for text, is_suggested in (
        ("Maria M.", True),
        ("M. Member", True),
        ("Maria Luisa Member", True),
        ("Maria Memebr", True),
        ("Mariah Member", True),
        ("Maria Member <maria@home.example>", True),
        ("Wendy Else <maria@rush.example>", True),
        ("Maria", False),
        ("Maria's iPhone", False),
    ):
        matches = match_attendees(meeting, text, facilitator)
        (match,) = matches.unsure
        assert match.candidates == [member], text
        assert match.suggestion == (member if is_suggested else None), text
        assert not matches.sure, text


def test_match_attendees_first_name_of_one_who_comes(facilitator, member, colleague, team):
    meeting = held_meeting(team)
    answer(meeting, member)

    (match,) = match_attendees(meeting, "Maria", facilitator).unsure

    assert match.suggestion == member


def test_match_attendees_same_name_offers_both_who_comes_first(
    facilitator, member, organization, other_organization, team
):
    namesake = make_active_member("mm@loop.example", other_organization, "Maria Member", team)
    meeting = held_meeting(team)
    answer(meeting, namesake)

    (match,) = match_attendees(meeting, "Maria Member", facilitator).unsure

    assert match.candidates == [namesake, member]
    assert match.suggestion is None


def test_match_attendees_unknown_and_unseen_look_alike(facilitator, outsider, team):
    meeting = held_meeting(team, audience="public")
    texts = ["Olga Outsider", "olga@loop.example", "Nobody Known", "13125550123", "iPhone", "🙂"]
    for text in texts:
        matches = match_attendees(meeting, text, facilitator)
        assert [match.entry.text for match in matches.unknown] == [text]
        assert (matches.sure, matches.unsure) == ([], [])


def test_match_attendees_not_who_may_not_come(facilitator, member, organization, team, other_team):
    appoint(facilitator, other_team, facilitator)
    make_active_member("tom@rush.example", organization, "Tom Teamless", other_team)

    matches = match_attendees(held_meeting(team, audience="teams"), "Tom Teamless", facilitator)

    assert [match.entry.text for match in matches.unknown] == ["Tom Teamless"]


def test_match_attendees_queries_do_not_grow(
    facilitator, organization, administrator, team, django_assert_max_num_queries
):
    make_organization("Other Example", "other.example", administrator)
    letters = "abcd"
    for letter in letters:
        make_active_member(f"{letter}@rush.example", organization, f"Pia {letter * 3}", team)
    text = "\n".join(f"Pia {x * 3}\nP. {x * 3}\n{x}@rush.example" for x in letters)
    meeting = held_meeting(team)

    with django_assert_max_num_queries(17):
        matches = match_attendees(meeting, text, facilitator)

    assert (len(matches.sure), len(matches.unsure), matches.repeated) == (4, 4, 4)
