"""Visitors who come to a public meeting: form, code, done; the same pages for every address."""

import re

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from post_office.models import Email

from conftest import messages_of, visible_text
from members.models import Member, SentCode
from teams.models import Attendance, Meeting
from teams.services.answers import answer_meeting
from teams.tests.joining import age_codes, last_code, without_time
from teams.tests.meetings import attendance_of, make_meeting

pytestmark = pytest.mark.django_db
IN_PERSON, ONLINE, NO = Attendance.Answer
GUEST = "gia@guest.example"


@pytest.fixture
def meeting(team) -> Meeting:
    """A public meeting of `team` with one place."""
    return make_meeting(team, places=1)


def form(**changes: str) -> dict[str, str]:
    return {"full_name": "Gia Guest", "email": GUEST, "answer": IN_PERSON, **changes}


def pages(meeting: Meeting) -> tuple[str, str, str]:
    url = f"{meeting.get_absolute_url()}guest/"
    return url, f"{url}code/", f"{url}done/"


def answer(client: Client, meeting: Meeting, **changes: str):
    """The whole way: send the form, enter the code from the email, read what came of it."""
    url, code, _ = pages(meeting)
    sent = client.post(url, form(**changes))
    assert sent.status_code == 302, visible_text(sent)
    assert sent["Location"] == code
    return client.post(code, {"code": last_code()}, follow=True)


def test_guest_answers_with_a_code(client, meeting):
    url, code, done = pages(meeting)
    page = client.get(url)
    assert page.context["form"]["answer"].value() == IN_PERSON
    sent = client.post(url, form())
    assert sent["Location"] == code
    # Nothing is stored before the address is proven, and what was entered is still there.
    assert not Attendance.objects.exists()
    assert client.get(url).context["form"]["full_name"].value() == "Gia Guest"
    # Scanners and telephones open the page of the meeting, which changes nothing.
    assert Client().get(code)["Location"] == url
    page = client.post(code, {"code": last_code()}, follow=True)
    assert page.redirect_chain == [(done, 302)]
    assert "See you there" in visible_text(page)
    assert meeting.place in visible_text(page)
    assert "video.example.org" not in page.content.decode()
    stored = Attendance.objects.get()
    assert (stored.guest_name, stored.guest_email, stored.answer) == ("Gia Guest", GUEST, IN_PERSON)
    assert not Member.objects.filter(email=GUEST).exists()
    # A second press, and an old tab.
    assert client.post(code, {"code": "BCDFGH"})["Location"] == done
    assert "See you there" in visible_text(client.get(done))


def test_guest_changes_the_answer_by_code(client, meeting):
    answer(client, meeting)
    page = answer(Client(), meeting, answer=NO)
    assert "You cannot come" in visible_text(page)
    assert Attendance.objects.get().answer == NO


def test_guest_needs_no_second_code_in_the_same_browser(client, meeting):
    answer(client, meeting)
    url, _, done = pages(meeting)
    assert "Send my answer" in visible_text(client.get(url))
    codes = SentCode.objects.count()
    assert client.post(url, form(answer=NO))["Location"] == done
    assert Attendance.objects.get().answer == NO
    assert SentCode.objects.count() == codes


def test_guest_on_the_waiting_list_reads_the_number(client, meeting, member):
    answer_meeting(meeting, member, IN_PERSON)
    url, _, _ = pages(meeting)
    assert "All places are taken" in visible_text(client.get(url))
    assert "You are number 1 on the waiting list" in visible_text(answer(client, meeting))


def test_guest_pages_are_the_same_for_every_address(meeting, member):
    url, code, _ = pages(meeting)
    texts = []
    for email in (GUEST, member.email):
        browser = Client()
        assert browser.post(url, form(email=email))["Location"] == code
        page = visible_text(browser.get(code)).replace(email, "ADDRESS")
        email_text = Email.objects.latest("pk").message.replace(last_code(), "CODE")
        texts.append((without_time(page), without_time(email_text)))
    assert texts[0] == texts[1]
    assert not Attendance.objects.exists()


def test_guest_with_a_members_address_answers_as_the_member(client, meeting, member):
    page = answer(client, meeting, email=member.email, full_name="Someone Else")
    assert attendance_of(meeting, member).answer == IN_PERSON
    assert "the address of your account" in visible_text(page)
    assert Member.objects.get(pk=member.pk).full_name == "Maria Member"
    # It signs nobody in.
    assert client.get("/my/").status_code == 302


def test_guest_with_a_wrong_or_old_code_keeps_what_was_entered(client, meeting):
    url, code, done = pages(meeting)
    client.post(url, form())
    page = client.post(code, {"code": "BCDFGH"})
    assert "not the code we sent" in visible_text(page)
    age_codes(3600)
    assert "too old" in visible_text(client.post(code, {"code": last_code()}))
    assert not Attendance.objects.exists()
    assert client.post(f"{code}new/")["Location"] == code
    assert client.post(code, {"code": last_code()})["Location"] == done


def test_guest_corrects_a_typo_in_the_address(client, meeting, organization):
    url, code, _ = pages(meeting)
    client.post(url, form(email="gia@rushh.example"))
    assert "Did you mean gia@rush.example?" in visible_text(client.get(code))
    assert client.post(f"{code}correct/")["Location"] == code
    client.post(code, {"code": last_code()})
    assert Attendance.objects.get().guest_email == "gia@rush.example"


def test_guest_form_says_how_to_fix_it(client, meeting):
    for changes, words in (
        (
            {"full_name": "", "email": "gia", "answer": ""},
            [
                "Enter your full name",
                "Enter your email address, like name@example.org",
                "Choose one of the two answers",
            ],
        ),
        ({"email": ""}, ["Enter your email address, like name@example.org"]),
        ({"answer": ONLINE}, ["Choose one of the two answers"]),
    ):
        page = client.post(pages(meeting)[0], form(**changes))
        assert all(each in visible_text(page) for each in words)
        values = form(**changes)
        assert page.context["form"]["full_name"].value() == values["full_name"]
    assert not Email.objects.exists()


def test_guest_form_asks_once_more_where_the_honeypot_is_full(client, meeting):
    url, code, _ = pages(meeting)
    page = client.post(url, form(website="https://spam.example"))
    assert not Email.objects.exists()
    (confirmed,) = re.findall(r'name="confirmed" value="([^"]+)"', page.content.decode())
    assert client.post(url, form(confirmed=confirmed))["Location"] == code


def test_guest_form_refused_for_too_many_codes_keeps_nothing(client, meeting, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "code": "1/15m/ip"}
    url, _, _ = pages(meeting)
    client.post(url, form())
    Session.objects.all().delete()
    page = Client().post(url, form())
    assert page.status_code == 429
    assert "Gia Guest" in page.content.decode()
    assert not Session.objects.exists()


def test_guest_form_is_for_public_meetings_in_person(client, team):
    for fields, status in (
        ({"audience": "members"}, 404),
        ({"status": "draft"}, 404),
        ({"place": ""}, 302),
        ({"status": "cancelled", "cancelled_reason": "Snow"}, 302),
    ):
        url, code, _ = pages(make_meeting(team, **fields))
        for response in (client.get(url), client.post(url, form()), client.post(code)):
            assert response.status_code == status
    assert not Email.objects.exists()


def test_guest_form_sends_members_to_the_meeting(client_for, member, meeting):
    response = client_for(member).get(pages(meeting)[0])
    assert response["Location"] == meeting.get_absolute_url()


def test_guest_code_after_the_meeting_was_cancelled_stores_nothing(client, meeting):
    url, code, _ = pages(meeting)
    client.post(url, form())
    Meeting.objects.update(status="cancelled", cancelled_reason="Snow")
    page = client.post(code, {"code": last_code()}, follow=True)
    assert messages_of(page) == ["This meeting is cancelled. Nothing was changed."]
    assert not Attendance.objects.exists()


def test_guest_with_the_address_of_a_closed_account_reads_so_after_the_code(
    client, meeting, member
):
    Member.objects.filter(pk=member.pk).update(is_active=False)
    page = answer(client, meeting, email=member.email)
    assert page.status_code == 403
    assert not Attendance.objects.exists()


def test_guest_done_is_shown_only_to_the_browser_that_answered(client, meeting, team):
    answer(client, meeting)
    url, _, done = pages(meeting)
    assert Client().get(done)["Location"] == url
    other = make_meeting(team)
    assert client.get(pages(other)[2])["Location"] == pages(other)[0]
