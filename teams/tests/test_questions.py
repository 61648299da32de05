"""Visitors' questions: asked, answered, published, dismissed, forgotten; each refused step."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from members.services import Refused
from teams.models import FaqEntry, Question
from teams.services import (
    answer_question,
    ask_question,
    confirm_entry,
    delete_old_addresses,
    dismiss_question,
    publish_question,
    search_faq,
)
from teams.tests.test_concurrency import at_once

HOSTILE = "<script>x</script> & {{ site_url }} {% now 'Y' %}\nSubject: forged"


@pytest.fixture
def question(db) -> Question:
    return ask_question("May my hospital join?", "vera@visitor.example")


@pytest.fixture
def nameless(db) -> Question:
    return ask_question("What does it cost?")


def new_entry(**changes) -> FaqEntry:
    return FaqEntry(**{"question": "May we join?", "answer": "Yes, *you* may."} | changes)


# Asking ------------------------------------------------------------------------------------


def test_ask_question_stores_it_with_history(question):
    assert (question.text, question.email) == ("May my hospital join?", "vera@visitor.example")
    assert question.status == "waiting"
    version = question.history.get()
    assert version.history_change_reason == "asked by a visitor"
    assert not hasattr(version, "email")


def test_ask_question_twice_is_one_question(question):
    assert ask_question(question.text, question.email) == question
    assert Question.objects.count() == 1


def test_ask_question_later_or_by_another_is_another(question):
    ask_question(question.text)
    ask_question(question.text, "other@visitor.example")
    Question.objects.update(asked_at=timezone.now() - timedelta(minutes=11))
    ask_question(question.text, question.email)
    assert Question.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_ask_question_4_times_at_once_is_one():
    published = at_once(*[lambda: ask_question("Why?", "v@x.example")] * 4)
    assert len({each.pk for each in published}) == 1
    assert Question.objects.count() == 1


# Deciding ----------------------------------------------------------------------------------


def test_answer_question_emails_the_asker_and_nobody_else(question, facilitator, queued_emails):
    answer_question(question, answer=" Yes.\n\nWrite to us. ", by=facilitator)
    question.refresh_from_db()
    assert (question.status, question.answer) == ("answered", "Yes.\n\nWrite to us.")
    assert question.decided_by == facilitator
    assert question.history.first().history_user == facilitator
    (email,) = queued_emails()
    assert (email.to, email.subject) == ([question.email], "The answer to your question")
    assert "> May my hospital join?" in email.message
    assert "Yes.\n\nWrite to us." in email.message
    assert not FaqEntry.objects.exists()


def test_answer_question_refuses_without_words_or_address(
    question, nameless, facilitator, queued_emails
):
    with pytest.raises(Refused, match="Write the answer"):
        answer_question(question, answer=" \n", by=facilitator)
    with pytest.raises(Refused, match="left no address"):
        answer_question(nameless, answer="Nothing.", by=facilitator)
    assert Question.objects.waiting().count() == 2
    assert not queued_emails()


def test_publish_question_adds_an_entry_last_in_its_section(
    question, facilitator, faq_entry, queued_emails
):
    FaqEntry.objects.update(position=7)
    FaqEntry.objects.create(slug="far", question="Far?", answer="x", topic="joining", position=40)
    published = publish_question(question, entry=new_entry(), by=facilitator)
    entry = published.published_in
    assert (entry.slug, entry.position, entry.is_published) == ("may-we-join", 8, True)
    assert entry.checked_on == timezone.localdate()
    assert entry.history.get().history_user == facilitator
    assert (published.status, published.decided_by) == ("published", facilitator)
    (email,) = queued_emails()
    assert email.subject == "Your question is answered on our FAQ page"
    assert "http://127.0.0.1:8000/faq/may-we-join/" in email.message


def test_publish_question_adds_an_entry_within_the_team(question, facilitator, team):
    FaqEntry.objects.create(slug="general", question="G?", answer="x", position=30)
    FaqEntry.objects.create(slug="of-team", question="T?", answer="x", position=4, team=team)
    entry = publish_question(question, entry=new_entry(team=team), by=facilitator).published_in
    assert entry.position == 5


@pytest.mark.parametrize(
    ("asked_question", "slug"),
    [("May we join?", "may-we-join-2"), ("Ask?", "ask-2"), ("可以吗？", "question")],
)
def test_publish_question_gives_the_entry_a_free_slug(question, facilitator, asked_question, slug):
    FaqEntry.objects.create(slug="may-we-join", question="May we?", answer="x")
    entry = publish_question(
        question, entry=new_entry(question=asked_question), by=facilitator
    ).published_in
    assert entry.slug == slug


def test_publish_question_in_an_entry_without_adding_to_it(
    question, facilitator, faq_entry, queued_emails
):
    publish_question(question, entry=faq_entry, by=facilitator)
    faq_entry.refresh_from_db()
    assert faq_entry.answer == "People of *recognized* employers."
    assert faq_entry.checked_on == timezone.localdate()
    assert "Who can join?" in queued_emails()[0].message
    assert "/faq/who-can-join/" in queued_emails()[0].message


def test_publish_question_adds_to_an_entry_with_history(question, facilitator, faq_entry):
    publish_question(question, entry=faq_entry, answer=" Your hospital too. ", by=facilitator)
    faq_entry.refresh_from_db()
    assert faq_entry.answer == "People of *recognized* employers.\n\nYour hospital too."
    assert search_faq("hospital").matches == [faq_entry]
    assert faq_entry.history.first().history_user == facilitator


def test_publish_question_without_an_address_emails_nobody(
    nameless, facilitator, faq_entry, queued_emails
):
    publish_question(nameless, entry=faq_entry, by=facilitator)
    assert not queued_emails()


@pytest.mark.parametrize("changes", [{"question": " "}, {"answer": ""}])
def test_publish_question_refuses_an_entry_without_words(question, facilitator, changes):
    with pytest.raises(Refused, match="Write the question and the answer"):
        publish_question(question, entry=new_entry(**changes), by=facilitator)
    assert not FaqEntry.objects.exists()


def test_publish_question_refuses_a_hidden_entry(question, facilitator, faq_entry):
    FaqEntry.objects.update(is_published=False)
    with pytest.raises(Refused, match="is not published"):
        publish_question(question, entry=faq_entry, answer="More.", by=facilitator)
    question.refresh_from_db()
    assert question.is_waiting


def test_dismiss_question_with_a_reason_emails_the_asker(question, facilitator, queued_emails):
    dismiss_question(question, reason="Ask your hospital.", by=facilitator)
    question.refresh_from_db()
    assert (question.status, question.answer) == ("dismissed", "Ask your hospital.")
    assert "Ask your hospital." in queued_emails()[0].message


@pytest.mark.parametrize("reason", ["", " \n"])
def test_dismiss_question_without_a_reason_emails_nobody(
    question, facilitator, queued_emails, reason
):
    dismiss_question(question, reason=reason, by=facilitator)
    assert not queued_emails()


def test_dismiss_question_without_an_address_emails_nobody(nameless, facilitator, queued_emails):
    dismiss_question(nameless, reason="Ask your hospital.", by=facilitator)
    assert not queued_emails()


@pytest.mark.parametrize("first", ["answer", "publish", "dismiss"])
def test_question_is_decided_once(
    question, facilitator, administrator, faq_entry, queued_emails, first
):
    steps = {
        "answer": lambda by: answer_question(question, answer="Yes.", by=by),
        "publish": lambda by: publish_question(question, entry=faq_entry, by=by),
        "dismiss": lambda by: dismiss_question(question, reason="No.", by=by),
    }
    steps[first](facilitator)
    for step in steps.values():
        with pytest.raises(Refused, match=r"already \w+ on \w+ \d+, \d{4} by Fay Facilitator"):
            step(administrator)
    assert len(queued_emails()) == 1
    assert question.history.count() == 2


@pytest.mark.parametrize("step", ["answered", "published", "dismissed"])
def test_question_emails_show_typed_text_as_text(facilitator, queued_emails, step):
    question = ask_question(HOSTILE, "vera@visitor.example")
    if step == "answered":
        answer_question(question, answer=HOSTILE, by=facilitator)
    elif step == "published":
        publish_question(question, entry=new_entry(question=HOSTILE), by=facilitator)
    else:
        dismiss_question(question, reason=HOSTILE, by=facilitator)
    (email,) = queued_emails()
    assert "\n" not in email.subject
    assert "forged" not in email.subject
    assert "> <script>x</script> & {{ site_url }} {% now 'Y' %}\n> Subject: forged" in email.message
    assert "<script" not in email.html_message
    assert "&lt;script&gt;x&lt;/script&gt; &amp; {{ site_url }}" in email.html_message
    assert "You get this email because" in email.message
    assert "\n\n\n" not in email.message
    assert "!" not in email.subject


def test_question_emails_quote_long_questions_in_short_lines(facilitator, queued_emails):
    question = ask_question("word " * 150 + "\n\nend", "vera@visitor.example")
    answer_question(question, answer="yes " * 150, by=facilitator)
    assert max(len(line) for line in queued_emails()[0].message.splitlines()) <= 78
    assert "\n> \n> end\n" in queued_emails()[0].message


# Entries, addresses, constraints -------------------------------------------------------------


def test_confirm_entry_stores_today(faq_entry, facilitator):
    confirm_entry(faq_entry, by=facilitator)
    faq_entry.refresh_from_db()
    assert faq_entry.checked_on == timezone.localdate()
    assert faq_entry.history.first().history_user == facilitator


def test_confirm_entry_refuses_an_entry_checked_today(faq_entry, facilitator):
    confirm_entry(faq_entry, by=facilitator)
    with pytest.raises(Refused, match="checked today already"):
        confirm_entry(faq_entry, by=facilitator)
    assert faq_entry.history.count() == 2


@pytest.mark.parametrize(
    ("asked", "decided", "is_kept"),
    [(100, 89, True), (100, 91, False), (364, None, True), (366, None, False), (400, 80, True)],
)
def test_delete_old_addresses_erases_them_in_time(question, facilitator, asked, decided, is_kept):
    now = timezone.now()
    Question.objects.update(asked_at=now - timedelta(days=asked))
    if decided is not None:
        dismiss_question(question, reason="", by=facilitator)
        Question.objects.update(decided_at=now - timedelta(days=decided))
    assert delete_old_addresses() == (not is_kept)
    question.refresh_from_db()
    assert bool(question.email) is is_kept
    assert delete_old_addresses() == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "dismissed"},
        {"status": "answered", "decided_at": timezone.now()},
        {"decided_at": timezone.now()},
    ],
)
def test_question_is_decided_as_a_whole_in_the_database(question, changes):
    with pytest.raises(IntegrityError), transaction.atomic():
        Question.objects.update(**changes)


def test_question_has_an_answer_or_an_entry_in_the_database(question, facilitator):
    decided = {"decided_at": timezone.now(), "decided_by": facilitator}
    for status in ("answered", "published"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Question.objects.update(status=status, **decided)


def test_faq_entry_slug_is_never_that_of_the_form(faq_entry):
    with pytest.raises(IntegrityError), transaction.atomic():
        FaqEntry.objects.update(slug="ask")
