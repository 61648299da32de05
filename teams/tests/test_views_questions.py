"""Asking a question: people get through without an account, programs do not."""

import html
import re
import time
from datetime import UTC, date, datetime

import pytest
from django.core import signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from conftest import visible_text
from members.search_words import CUT_SEARCH_NOTE
from teams.forms.visitors import QUESTION_SALT
from teams.models import FaqEntry, Question

ASK, DONE = "/faq/ask/", "/faq/ask/done/"


def shown_token(seconds: float = 10) -> str:
    """The token of a form that was shown `seconds` ago."""
    return signing.dumps(time.time() - seconds, salt=QUESTION_SALT)


def question_data(**changes: str) -> dict[str, str]:
    return {"text": "May I join?", "email": "", "website": "", "shown": shown_token()} | changes


def token_in(response) -> str:
    (value,) = re.findall(r'name="shown" value="([^"]+)"', response.content.decode())
    return html.unescape(value)


def test_question_ask_needs_no_account(client, db):
    sent = client.post(ASK, question_data(text=" May I\r\njoin? ", email=" Vera@Visitor.example "))
    assert sent["Location"] == DONE + "?email=1"
    question = Question.objects.get()
    assert (question.text, question.email) == ("May I\njoin?", "vera@visitor.example")
    text = visible_text(client.get(sent["Location"]))
    assert "We have your question" in text
    assert "answers by email within 2 working days. Weekends and public holidays" in text


def test_question_ask_needs_no_address(client, db):
    sent = client.post(ASK, question_data())
    assert sent["Location"] == DONE
    assert "we cannot write to you" in visible_text(client.get(DONE))
    assert Question.objects.get().email == ""


def test_question_ask_accepts_the_form_after_a_moment(client, db, monkeypatch):
    shown = token_in(client.get(ASK))
    later = time.time() + 4
    monkeypatch.setattr(time, "time", lambda: later)
    assert client.post(ASK, question_data(shown=shown)).status_code == 302


def test_question_ask_prefills_the_address_of_a_member(client_for, member):
    assert f'value="{member.email}"' in client_for(member).get(ASK).content.decode()


@pytest.mark.parametrize("address", ["/faq/", "/faq/?q=unicorn", "/faq/who-can-join/"])
def test_faq_links_to_question_ask_without_a_cookie(client, faq_entry, address):
    response = client.get(address)
    assert f'href="{ASK}"' in response.content.decode()
    assert "csrfmiddlewaretoken" not in response.content.decode()
    assert not response.cookies


def assert_asks_for_a_second_press(response) -> None:
    """Assert that the page neither accuses nor shows an error."""
    assert "press “Send” once more" in visible_text(response)
    assert "Error" not in response.content.decode()


def test_question_ask_hides_the_honeypot_from_people(client, db):
    page = client.get(ASK).content.decode()
    (honeypot,) = re.findall(r"<div class=\"not-for-people\".*?</div>", page, flags=re.S)
    assert 'aria-hidden="true"' in honeypot
    assert 'tabindex="-1"' in honeypot
    assert 'autocomplete="off"' in honeypot
    assert "style=" not in page
    assert "no-store" in client.get(ASK)["Cache-Control"]


def test_question_ask_stores_nothing_of_a_filled_honeypot(client, db):
    """A person whose browser filled it in loses nothing; a program does not send it again."""
    response = client.post(ASK, question_data(website="https://spam.example"))
    assert_asks_for_a_second_press(response)
    assert "May I join?" in response.content.decode()
    assert "spam.example" not in response.content.decode()
    assert not Question.objects.exists()
    assert client.post(ASK, question_data()).status_code == 302


def test_question_ask_asks_once_about_an_address_that_looks_mistyped(client, db):
    """No code will show that it is wrong, and the answer would get lost."""
    page = client.post(ASK, question_data(email="nora@gmial.com"))
    assert "Did you mean nora@gmail.com?" in visible_text(page)
    assert not Question.objects.exists()
    (confirmed,) = re.findall(r'name="confirmed" value="([^"]+)"', page.content.decode())
    client.post(ASK, question_data(email="nora@gmial.com", confirmed=confirmed))
    assert Question.objects.get().email == "nora@gmial.com"


def test_question_ask_shows_a_form_without_a_token_again_with_a_new_one(client, db):
    for shown in ("", "forged", "\x00"):
        response = client.post(ASK, question_data(shown=shown))
        assert_asks_for_a_second_press(response)
        assert "May I join?" in response.content.decode()
        assert signing.loads(token_in(response), salt=QUESTION_SALT) == pytest.approx(
            time.time(), abs=60
        )
    assert not Question.objects.exists()


def test_question_ask_refuses_a_token_of_another_purpose(client, db):
    client.post(ASK, question_data(shown=signing.dumps(time.time() - 10, salt="other")))
    assert not Question.objects.exists()


def test_question_ask_accepts_a_form_sent_too_fast_the_second_time(client, db):
    token = shown_token(1)
    response = client.post(ASK, question_data(shown=token))
    assert_asks_for_a_second_press(response)
    assert token_in(response) == token
    assert not Question.objects.exists()
    page = response.content.decode()
    (confirmed,) = re.findall(r'name="confirmed" value="([^"]+)"', page)
    assert client.post(ASK, question_data(shown=token, confirmed=confirmed)).status_code == 302
    assert Question.objects.count() == 1


def test_question_ask_shows_an_old_form_again_with_a_new_token(client, db):
    old_token = shown_token(24 * 60 * 60 + 5)
    response = client.post(ASK, question_data(shown=old_token))
    assert_asks_for_a_second_press(response)
    assert token_in(response) != old_token
    assert client.post(ASK, question_data(shown=shown_token(23 * 60 * 60))).status_code == 302


def test_question_ask_explains_invalid_input(client, db):
    for changes, messages in (
        (
            {"text": " \r\n ", "email": "a@b\ncc: x@y.example"},
            ["Enter your question", "Enter one address"],
        ),
        (
            {"text": "x" * 1001, "email": "nowhere"},
            [
                "at most 1,000 characters",
                "Enter your email address, like name@hospital.org, or leave it out",
            ],
        ),
    ):
        response = client.post(ASK, question_data(**changes))
        assert all(message in visible_text(response) for message in messages)
        assert "<title>Error: " in response.content.decode()
    assert not Question.objects.exists()


def test_question_ask_counts_characters_like_the_browser(client, db):
    client.post(ASK, question_data(text="x" * 500 + "\r\n" + "x" * 499))
    assert len(Question.objects.get().text) == 1000


def test_question_ask_stores_a_question_sent_twice_once(client, db):
    for _ in range(2):
        assert client.post(ASK, question_data()).status_code == 302
    assert Question.objects.count() == 1


def test_question_ask_limits_questions_and_shows_the_last_to_be_sent_again(client, db, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "question": "1/h/ip"}
    assert client.post(ASK, question_data()).status_code == 302
    refused = client.post(ASK, question_data(text="One too many", email="vera@visitor.example"))
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert Question.objects.count() == 1
    assert "Wait a little, then try again" in visible_text(refused)
    assert "One too many" in visible_text(refused)
    assert 'value="vera@visitor.example"' in refused.content.decode()
    assert "One too many" not in visible_text(client.get(ASK))


def test_question_ask_does_not_count_invalid_input(client, db, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "question": "1/h/ip"}
    for _ in range(2):
        client.post(ASK, question_data(text=""))
    assert client.post(ASK, question_data()).status_code == 302


def test_question_ask_promises_a_day_that_is_no_holiday(client, db, monkeypatch):
    # The evening before Thanksgiving, in Chicago.
    asked = datetime(2026, 11, 26, 4, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: asked)
    assert "within 2 working days (by Tuesday, December 1)" in visible_text(client.get(ASK))


@pytest.mark.parametrize("path", [ASK, DONE])
def test_question_pages_refuse_other_methods(client, db, path):
    assert client.put(path).status_code == 405
    assert client.delete(path).status_code == 405


def test_question_ask_refuses_a_form_without_csrf_token(db):
    assert Client(enforce_csrf_checks=True).post(ASK, question_data()).status_code == 403
    assert not Question.objects.exists()


def test_questions_are_not_on_public_pages(client, db):
    client.post(ASK, question_data(text="Secretly?"))
    for path in ("/faq/", "/faq/?q=secretly", ASK, DONE):
        assert "Secretly?" not in client.get(path).content.decode()


@pytest.mark.both_databases
@pytest.mark.parametrize("query", ["join " * 21, "join " + "n" * 60_000])
def test_faq_search_for_too_much_uses_the_first_words_and_says_so(client, faq_entry, query):
    response = client.get("/faq/", {"q": query})
    assert CUT_SEARCH_NOTE in visible_text(response)
    assert f'value="{query.strip()}"' in response.content.decode()
    assert response.context["results"].matches == [faq_entry]


def test_faq_search_in_vain_carries_the_question_to_the_form(client, faq_entry):
    asked = "Who may join “Q&A” + other unicorns, 100%?"
    page = client.get("/faq/", {"q": asked}).content.decode()
    (address,) = set(re.findall(r'href="([^"]*)">Ask this question', page))
    form = client.get(html.unescape(address)).content.decode()
    text = re.search(r"<textarea[^>]*>(.*?)</textarea>", form, re.DOTALL)[1]
    assert html.unescape(text).strip() == asked


def test_faq_search_in_vain_leads_to_the_search_of_the_whole_site(client, faq_entry):
    page = client.get("/faq/?q=unicorn+%26+co").content.decode()
    assert 'href="/search/?q=unicorn%20%26%20co"' in page


def test_faq_search_in_vain_shows_the_nearest_entries_closed(client, faq_entry):
    response = client.get("/faq/", {"q": "joining unicorns forever"})
    assert response.context["results"].nearest == [faq_entry]
    page = response.content.decode()
    assert page.index("Closest matches") < page.index("All topics")
    assert '<details class="qa">' in page
    assert "Who can <mark>join</mark>?" in page


def test_faq_search_shows_the_best_match_first(client, faq_entry):
    FaqEntry.objects.create(slug="b", question="Aside", answer="You join, and join.")
    page = client.get("/faq/", {"q": "join"}).content.decode()
    assert page.index(">Who can <mark>") < page.index(">Aside<")


def test_faq_search_with_twenty_words_has_no_notice(client, faq_entry):
    response = client.get("/faq/", {"q": "join " * 20})
    assert response.context["results"].matches == [faq_entry]
    assert CUT_SEARCH_NOTE not in visible_text(response)


def test_faq_answers_say_when_they_were_last_checked(client, faq_entry, team):
    FaqEntry.objects.create(
        slug="t", question="T?", answer="x", team=team, checked_on=date(2027, 3, 3)
    )
    assert "Last checked" not in visible_text(client.get("/faq/who-can-join/"))
    for path in ("/faq/", "/faq/t/", team.get_absolute_url()):
        assert visible_text(client.get(path)).count("Last checked March 3, 2027") == 1


def test_privacy_page_says_when_a_question_is_erased(client, db):
    assert "erase it 90 days after the answer" in visible_text(client.get("/privacy/"))


def test_question_ask_costs_the_same_queries_for_more_questions(client, db):
    counts = []
    for number in range(3):
        with CaptureQueriesContext(connection) as queries:
            client.post(ASK, question_data(text=f"Question {number}"))
        counts.append(len(queries))
    assert counts[1] == counts[2] <= counts[0]
