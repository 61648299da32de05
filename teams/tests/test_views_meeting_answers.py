"""Pages on which members answer meetings, links in emails, and who comes."""

import logging
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from post_office.models import Email

from conftest import make_active_member, messages_of, visible_text
from teams.answer_links import answer_token
from teams.models import Attendance, Meeting
from teams.services import close_account, leave_team, move_meeting
from teams.services.answers import answer_as_guest, answer_meeting
from teams.tests.meetings import attendance_of, make_meeting

pytestmark = pytest.mark.django_db
IN_PERSON, ONLINE, NO = Attendance.Answer


@pytest.fixture
def meeting(team) -> Meeting:
    """A meeting of `team` that its members see, with one place."""
    return make_meeting(team, places=1, audience=Meeting.Audience.TEAMS)


def press(client: Client, meeting: Meeting, answer: str, **values: str):
    return client.post(f"{meeting.get_absolute_url()}answer/", {"answer": answer, **values})


def link_to(meeting: Meeting, person) -> str:
    return f"/meetings/answer/{answer_token(meeting, person)}/"


# One press ------------------------------------------------------------------------------------


def test_meeting_answer_is_one_press(client_for, member, meeting):
    browser = client_for(member)
    page = browser.get(meeting.get_absolute_url())
    assert page.content.count(b'aria-pressed="false"') == 3
    assert "Nobody has answered yet" in visible_text(page)
    response = press(browser, meeting, IN_PERSON)
    assert response["Location"] == meeting.get_absolute_url()
    page = browser.get(response["Location"])
    assert messages_of(page) == ["Winter meeting: we have your answer that you will come."]
    assert page.content.count(b'aria-pressed="true"') == 1
    assert "1 is coming. See who" in visible_text(page)
    assert attendance_of(meeting, member).answer == IN_PERSON


def test_meeting_answer_tells_who_waits_their_number(client_for, member, colleague, meeting):
    answer_meeting(meeting, member, IN_PERSON)
    browser = client_for(colleague)
    assert "All places are taken" in visible_text(browser.get(meeting.get_absolute_url()))
    page = browser.get(press(browser, meeting, IN_PERSON)["Location"])
    assert "You are number 1 on the waiting list" in messages_of(page)[0]
    assert "You are number 1 on the waiting list." in visible_text(page)
    assert "1 is coming, 1 is waiting for a place." in visible_text(page)


def test_meeting_answer_leads_back_to_pages_of_the_portal(client_for, member, meeting):
    browser = client_for(member)
    for target, page in (
        ("my", "/my/"),
        ("//evil.example/", meeting.get_absolute_url()),
        ("https://evil.example", meeting.get_absolute_url()),
    ):
        assert press(browser, meeting, NO, next=target)["Location"] == page


def test_meeting_answer_refuses_what_no_button_sends(client_for, member, meeting):
    browser = client_for(member)
    for answer in ("", "perhaps", "in-person\x00"):
        response = press(browser, meeting, answer)
        assert not Attendance.objects.exists()
    assert "Choose one of the answers" in messages_of(browser.get(response["Location"]))[0]


def test_meeting_answer_is_a_404_for_who_may_not_see_it(client_for, outsider, meeting):
    assert press(client_for(outsider), meeting, NO).status_code == 404


def test_meeting_answer_asks_a_visitor_to_sign_in(client, meeting):
    response = press(client, meeting, NO)
    assert response["Location"].startswith("/sign-in/?next=/meetings/")
    assert not Attendance.objects.exists()


def test_meeting_answer_changes_nothing_by_get(client_for, member, meeting):
    url = f"{meeting.get_absolute_url()}answer/?answer=no"
    assert client_for(member).get(url)["Location"] == meeting.get_absolute_url()
    assert not Attendance.objects.exists()


def test_meeting_answer_after_the_last_day_says_so(client_for, member, meeting):
    answer_meeting(meeting, member, IN_PERSON)
    Meeting.objects.update(answer_by=timezone.now() - timedelta(hours=1))
    browser = client_for(member)
    text = visible_text(browser.get(meeting.get_absolute_url()))
    assert "You will come. The deadline to answer has passed." in text
    page = browser.get(press(browser, meeting, NO)["Location"])
    assert messages_of(page) == ["The deadline to answer has passed. Nothing was changed."]


def test_meeting_page_shows_a_visitor_both_ways_to_answer(client, team):
    page = client.get(make_meeting(team).get_absolute_url())
    text = visible_text(page)
    assert "Come as a guest" in text
    assert "Members: sign in to answer" in text
    assert b"aria-pressed" not in page.content
    assert "Come as a guest" not in visible_text(
        client.get(make_meeting(team, place="").get_absolute_url())
    )


def test_meeting_page_online_counts_everyone_as_coming(client_for, member, team):
    meeting = make_meeting(team, place="")
    answer_meeting(meeting, member, IN_PERSON)
    page = client_for(member).get(meeting.get_absolute_url())
    assert "1 is coming." in visible_text(page)
    assert page.content.count(b'value="in-person" aria-pressed="true"') == 1


# Who comes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "gone", "words", "stored"),
    [
        ("in-person", "place", "now the meeting is only online", "online"),
        ("online", "join_url", "now the meeting is only in person", "in-person"),
    ],
)
def test_meeting_that_is_no_longer_held_as_answered_asks_again(
    client_for, facilitator, member, meeting, first, gone, words, stored
):
    client = client_for(member)
    answer_meeting(meeting, member, first)
    times = {"starts_at": meeting.starts_at, "ends_at": meeting.ends_at}
    move_meeting(meeting, **times, **{gone: ""}, by=facilitator)

    page = client.get(meeting.get_absolute_url())
    assert "Please answer again." in visible_text(page)
    assert words in visible_text(page)
    assert 'aria-pressed="true"' not in page.content.decode()
    assert "This has changed since you answered." in visible_text(client.get("/my/"))
    email = Email.objects.latest("pk")
    assert email.subject.startswith("Now ")
    assert "answer again" in email.message.replace("\n", " ")

    press(client, meeting, "in-person")
    assert Attendance.objects.get(member=member).answer == stored


def test_meeting_people_names_only_the_readers_team(
    client_for, member, colleague, outsider, facilitator, team
):
    meeting = make_meeting()
    for person in (member, colleague, outsider, facilitator):
        answer_meeting(meeting, person, ONLINE)
    answer_as_guest(meeting, "Gia Guest", "gia@guest.example", IN_PERSON)
    text = visible_text(client_for(member).get(f"{meeting.get_absolute_url()}people/"))
    assert "Will join online: 4" in text
    for person in (member, colleague, facilitator):
        assert person.full_name in text
    assert "And 1 other" in text
    assert outsider.full_name not in text
    assert "Gia" not in text
    assert "Will come: 1" in text


def test_meeting_people_exists_for_members_only(client, client_for, member, applicant, outsider):
    public = make_meeting()
    url = f"{public.get_absolute_url()}people/"
    assert client.get(url)["Location"].startswith("/sign-in/")
    assert client_for(applicant).get(url).status_code == 404
    assert "Nobody has answered yet" in visible_text(client_for(member).get(url))
    of_team = make_meeting(member.memberships.get().team, audience=Meeting.Audience.TEAMS)
    url = f"{of_team.get_absolute_url()}people/"
    assert client_for(outsider).get(url).status_code == 404


def test_meeting_people_needs_the_same_queries_for_one_and_for_three(
    client_for, member, organization, team, meeting
):
    browser = client_for(member)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(f"{meeting.get_absolute_url()}people/").status_code == 200
        return len(captured)

    answer_meeting(meeting, member, NO)
    one = queries()
    for number in range(2):
        person = make_active_member(f"p{number}@rush.example", organization, "P", team)
        answer_meeting(meeting, person, NO)
    assert queries() == one


# The link in an email -------------------------------------------------------------------------


def test_answer_link_shows_the_answer_and_a_press_changes_it(client, member, meeting):
    answer_meeting(meeting, member, IN_PERSON)
    url = link_to(meeting, member)
    for response in (client.get(url), client.head(url), client.get(f"{url}?answer=no")):
        assert response.status_code == 200
        assert response["Cache-Control"] == (
            "max-age=0, no-cache, no-store, must-revalidate, private"
        )
        assert response["Referrer-Policy"] == "same-origin"
    page = response
    assert "Your answer: you will come" in visible_text(page)
    assert member.full_name not in visible_text(page)
    assert "video.example.org" not in page.content.decode()
    assert attendance_of(meeting, member).answer == IN_PERSON
    page = client.post(url, {"answer": NO}, follow=True)
    assert "Your answer: you cannot come" in visible_text(page)
    assert attendance_of(meeting, member).answer == NO
    # It signs nobody in.
    assert client.get("/my/").status_code == 302


def test_answer_link_of_a_guest_changes_the_answer(client, team):
    meeting = make_meeting(team)
    guest = answer_as_guest(meeting, "Gia", "gia@guest.example", IN_PERSON)
    url = link_to(meeting, guest)
    page = client.post(url, {"answer": NO}, follow=True)
    assert "Your answer: you cannot come" in visible_text(page)
    page = client.post(url, {"answer": ONLINE}, follow=True)
    assert "Choose one of the answers" in visible_text(page)
    guest.refresh_from_db()
    assert (guest.answer, guest.guest_name) == (NO, "Gia")


def test_answer_link_works_for_another_person_who_is_signed_in(client_for, member, colleague, team):
    meeting = make_meeting(team)
    client_for(colleague).post(link_to(meeting, member), {"answer": NO})
    assert attendance_of(meeting, member).answer == NO
    assert attendance_of(meeting, colleague) is None


@pytest.mark.parametrize("end", ["forged", "left", "closed"])
def test_answer_link_that_is_old_says_so_on_one_page(client, member, meeting, end):
    url = link_to(meeting, member)
    if end == "forged":
        url = f"{url[:-2]}{'A' if url[-2] != 'A' else 'B'}/"
    elif end == "left":
        leave_team(member.memberships.get())
    else:
        close_account(member)
    response = client.post(url, {"answer": NO}) if end == "left" else client.get(url)
    assert response.status_code == 404
    text = visible_text(response)
    assert "This link no longer works" in text
    assert "Winter" not in text
    assert not Attendance.objects.exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": "cancelled", "cancelled_reason": "Snow"}, "Cancelled. Snow."),
        ({"starts_at": timezone.now() - timedelta(days=3)}, "This meeting is over"),
        ({"starts_at": timezone.now() - timedelta(minutes=3)}, "The meeting has begun"),
    ],
)
def test_answer_link_says_why_it_is_too_late(client, member, team, fields, words):
    page = client.get(link_to(make_meeting(team, **fields), member))
    assert words in visible_text(page)
    assert b"aria-pressed" not in page.content


def test_answer_link_leaves_no_token_in_the_log(client, member, meeting, caplog):
    with caplog.at_level(logging.DEBUG):
        client.post(link_to(meeting, member), {"answer": NO})
        client.get(link_to(meeting, member)[:-5] + "/")
    assert "/meetings/answer/[token]/" in caplog.text
    assert answer_token(meeting, member)[:-5] not in caplog.text
