"""Asking a question: people get through without an account, programs do not."""

import html
import re
import time
from datetime import date

import pytest
from django.core import signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from conftest import visible_text
from teams.forms import QUESTION_SALT
from teams.models import FaqEntry, Question

ASK, DONE = "/faq/ask/", "/faq/ask/done/"


def shown_token(seconds: float = 10) -> str:
    """What the form carries that was shown so long ago."""
    return signing.dumps(time.time() - seconds, salt=QUESTION_SALT)


def typed(**changes: str) -> dict[str, str]:
    return {"text": "May I join?", "email": "", "website": "", "shown": shown_token()} | changes


def shown_stamp(response) -> str:
    (value,) = re.findall(r'name="shown" value="([^"]+)"', response.content.decode())
    return html.unescape(value)


def test_visitor_asks_without_an_account(client, db):
    sent = client.post(ASK, typed(text=" May I\r\njoin? ", email=" Vera@Visitor.example "))
    assert sent["Location"] == DONE + "?email=1"
    question = Question.objects.get()
    assert (question.text, question.email) == ("May I\njoin?", "vera@visitor.example")
    said = visible_text(client.get(sent["Location"]))
    assert "We have your question" in said
    assert "answers by email within 2 working days" in said


def test_visitor_without_an_address_is_sent_to_the_faq(client, db):
    sent = client.post(ASK, typed())
    assert sent["Location"] == DONE
    assert "we cannot write to you" in visible_text(client.get(DONE))
    assert Question.objects.get().email == ""


def test_form_as_shown_can_be_sent_after_a_moment(client, db, monkeypatch):
    shown = shown_stamp(client.get(ASK))
    later = time.time() + 4
    monkeypatch.setattr(time, "time", lambda: later)
    assert client.post(ASK, typed(shown=shown)).status_code == 302


def test_member_finds_the_address_filled_in(client_for, member):
    assert f'value="{member.email}"' in client_for(member).get(ASK).content.decode()


@pytest.mark.parametrize("address", ["/faq/", "/faq/?q=unicorn", "/faq/who-can-join/"])
def test_faq_leads_to_the_form_without_a_cookie(client, faq_entry, address):
    response = client.get(address)
    assert f'href="{ASK}"' in response.content.decode()
    assert "csrfmiddlewaretoken" not in response.content.decode()
    assert not response.cookies


def test_form_hides_the_trap_from_people(client, db):
    page = client.get(ASK).content.decode()
    (trap,) = re.findall(r"<div class=\"not-for-people\".*?</div>", page, flags=re.S)
    assert 'aria-hidden="true"' in trap
    assert 'tabindex="-1"' in trap
    assert 'autocomplete="off"' in trap
    assert "style=" not in page
    assert "no-store" in client.get(ASK)["Cache-Control"]


def test_trapped_question_is_kept_nowhere_and_the_second_press_works(client, db):
    """Whose browser filled in too much loses nothing; a program does not press again."""
    response = client.post(ASK, typed(website="https://spam.example"))
    assert "Nothing is lost" in visible_text(response)
    assert "May I join?" in response.content.decode()
    assert "spam.example" not in response.content.decode()
    assert not Question.objects.exists()
    assert client.post(ASK, typed()).status_code == 302


@pytest.mark.parametrize("shown", ["", "forged", "x:y:z", "\x00"])
def test_form_without_our_stamp_is_shown_again_with_a_new_one(client, db, shown):
    response = client.post(ASK, typed(shown=shown))
    assert "Nothing is lost" in visible_text(response)
    assert "May I join?" in response.content.decode()
    assert signing.loads(shown_stamp(response), salt=QUESTION_SALT) == pytest.approx(
        time.time(), abs=60
    )
    assert not Question.objects.exists()


def test_stamp_of_something_else_is_refused(client, db):
    client.post(ASK, typed(shown=signing.dumps(time.time() - 10, salt="other")))
    assert not Question.objects.exists()


def test_form_sent_too_fast_works_at_the_second_press(client, db):
    too_fast = shown_token(1)
    response = client.post(ASK, typed(shown=too_fast))
    assert "press the button again" in visible_text(response)
    assert shown_stamp(response) == too_fast
    assert not Question.objects.exists()


def test_form_older_than_a_day_is_shown_again_with_a_new_stamp(client, db):
    old = shown_token(24 * 60 * 60 + 5)
    response = client.post(ASK, typed(shown=old))
    assert "press the button again" in visible_text(response)
    assert shown_stamp(response) != old
    assert client.post(ASK, typed(shown=shown_token(23 * 60 * 60))).status_code == 302


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"text": " \r\n "}, "Enter your question"),
        ({"text": "x" * 1001}, "at most 1,000 characters"),
        ({"email": "nowhere"}, "Enter your email address, like name@hospital.org, or leave it out"),
        ({"email": "a@b\ncc: x@y.example"}, "Enter your email address"),
    ],
)
def test_wrong_input_is_told_and_kept(client, db, changes, said):
    response = client.post(ASK, typed(**changes))
    assert said in visible_text(response)
    assert "<title>Error: " in response.content.decode()
    assert not Question.objects.exists()


def test_thousand_characters_are_counted_as_the_browser_does(client, db):
    client.post(ASK, typed(text="x" * 500 + "\r\n" + "x" * 499))
    assert len(Question.objects.get().text) == 1000


def test_question_pressed_twice_is_kept_once(client, db):
    for _ in range(2):
        assert client.post(ASK, typed()).status_code == 302
    assert Question.objects.count() == 1


def test_too_many_questions_are_stopped_and_the_last_is_not_lost(client, db):
    for number in range(5):
        assert client.post(ASK, typed(text=f"Question {number}")).status_code == 302
    refused = client.post(ASK, typed(text="One too many", email="vera@visitor.example"))
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert Question.objects.count() == 5
    again = client.get(ASK).content.decode()
    assert "One too many" in again
    assert "vera@visitor.example" in again


def test_wrong_input_uses_no_rate(client, db):
    for _ in range(6):
        client.post(ASK, typed(text=""))
    assert client.post(ASK, typed()).status_code == 302


@pytest.mark.parametrize("path", [ASK, DONE])
def test_other_methods_are_refused(client, db, path):
    assert client.put(path).status_code == 405
    assert client.delete(path).status_code == 405


def test_question_without_a_token_is_refused(db):
    assert Client(enforce_csrf_checks=True).post(ASK, typed()).status_code == 403
    assert not Question.objects.exists()


def test_nobody_reads_questions_on_the_public_pages(client, db):
    client.post(ASK, typed(text="Secretly?"))
    for path in ("/faq/", "/faq/?q=secretly", ASK, DONE):
        assert "Secretly?" not in client.get(path).content.decode()


def test_answers_say_when_they_were_last_checked(client, faq_entry, team):
    FaqEntry.objects.create(
        slug="t", question="T?", answer="x", team=team, checked_on=date(2027, 3, 3)
    )
    assert "Last checked" not in visible_text(client.get("/faq/who-can-join/"))
    for path in ("/faq/", "/faq/t/", team.get_absolute_url()):
        assert visible_text(client.get(path)).count("Last checked March 3, 2027") == 1


def test_privacy_page_tells_what_becomes_of_a_question(client, db):
    assert "erase it 90 days after the answer" in visible_text(client.get("/privacy/"))


def test_asking_costs_the_same_whatever_was_asked(client, db):
    counts = []
    for number in range(3):
        with CaptureQueriesContext(connection) as queries:
            client.post(ASK, typed(text=f"Question {number}"))
        counts.append(len(queries))
    assert counts[1] == counts[2] <= counts[0]
