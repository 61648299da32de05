"""Visitors' questions at the desk: shared by all, decided once, nothing else may change them."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import messages_of, visible_text
from desk.tests.action_pages import action_url, listed, selection_url
from members.models import Decision
from members.services import undo_decision
from teams.actions import process_decision
from teams.models import FaqEntry, Question
from teams.services import ask_question, dismiss_question

LIST = "/admin/teams/question/"


@pytest.fixture
def question(db) -> Question:
    return ask_question("May my hospital join a team?", "vera@visitor.example")


@pytest.fixture
def nameless(db) -> Question:
    return ask_question("What does it cost?")


@pytest.fixture
def desk(client_for, facilitator):
    return client_for(facilitator)


def new(**changes: str) -> dict[str, str]:
    return {
        "entry": "",
        "question": "May we join?",
        "answer": "Yes, *you* may.",
        "place": "joining",
    } | changes


def names(staff, query="") -> list[str]:
    return [str(record) for record in listed(Question, staff, query)]


# List and record ---------------------------------------------------------------------------


def test_all_facilitators_share_the_questions(
    facilitator, other_facilitator, administrator, question
):
    for person in (facilitator, other_facilitator, administrator):
        assert names(person) == [str(question)]


def test_questions_are_for_the_desk_only(client_for, member, client, question):
    assert client_for(member).get(LIST).status_code == 403
    assert (
        client_for(member).post(action_url("dismiss", question), {"reason": ""}).status_code == 403
    )
    assert client.get(LIST).status_code == 302
    question.refresh_from_db()
    assert question.is_waiting


def test_waiting_questions_are_listed_oldest_first_with_late_badges(
    desk, facilitator, question, nameless
):
    decided = dismiss_question(ask_question("Spam"), reason="", by=facilitator)
    Question.objects.filter(pk=nameless.pk).update(asked_at=timezone.now() - timedelta(days=15))
    assert names(facilitator, "waits=answer") == [str(nameless), str(question)]
    text = visible_text(desk.get(LIST + "?waits=answer"))
    assert text.count("Late") == 1
    assert "11 working days" in text or "10 working days" in text
    assert str(decided) in names(facilitator)


def test_record_shows_everything_as_text(desk, facilitator):
    record = ask_question("<script>x</script>\nSecond line", "vera@visitor.example")
    response = desk.get(f"{LIST}{record.pk}/change/")
    text = visible_text(response)
    assert "<script>x</script> Second line" in text
    assert "<script>x" not in response.content.decode()
    assert "vera@visitor.example" in text
    for label in ("Answer…", "Publish…", "Dismiss…"):
        assert label in text
    assert 'name="_save"' not in response.content.decode()


def test_record_without_an_address_offers_no_answer_and_says_why(desk, nameless):
    text = visible_text(desk.get(f"{LIST}{nameless.pk}/change/"))
    assert "can only be answered on the FAQ page" in text
    assert "Answer…" not in text
    assert "left no address" in visible_text(desk.get(action_url("answer", nameless)))


def test_decided_question_offers_no_action(desk, facilitator, question):
    dismiss_question(question, reason="", by=facilitator)
    texts = visible_text(desk.get(f"{LIST}{question.pk}/change/"))
    for label in ("Answer…", "Publish…", "Dismiss…"):
        assert label not in texts
    for decision in ("answer", "publish", "dismiss"):
        text = desk.get(action_url(decision, question))
        assert "Already dismissed by Fay Facilitator" in visible_text(text)
        assert 'class="default"' not in text.content.decode()


def test_question_cannot_be_added_changed_or_deleted(client_for, administrator, question):
    client = client_for(administrator)
    assert client.get(LIST + "add/").status_code == 403
    assert client.post(f"{LIST}{question.pk}/change/", {"text": "Other"}).status_code == 403
    assert client.post(f"{LIST}{question.pk}/delete/", {"post": "yes"}).status_code == 403
    question.refresh_from_db()
    assert question.text == "May my hospital join a team?"


def test_action_page_of_an_unknown_question_is_not_found(desk, question):
    for decision in ("answer", "publish", "dismiss"):
        for path in (f"{LIST}999999/{decision}/", f"{LIST}{decision}/999999/"):
            assert desk.get(path).status_code == 404
            assert desk.post(path, {"answer": "x"}).status_code == 404


def test_list_needs_the_same_queries_for_1_and_3_questions(desk, question):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert desk.get(LIST + "?waits=answer").status_code == 200
        return len(queries)

    cost()
    one = cost()
    for number in range(2):
        ask_question(f"Question {number}")
    assert cost() == one


def test_action_page_needs_the_same_queries_for_1_and_3_entries(desk, question):
    def costs() -> list[int]:
        return [cost(decision) for decision in ("answer", "publish", "dismiss")]

    def cost(decision: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert desk.get(action_url(decision, question)).status_code == 200
        return len(queries)

    FaqEntry.objects.create(slug="e", question="Join a team?", answer="x")
    cost("answer")
    one = costs()
    for number in range(2):
        FaqEntry.objects.create(slug=f"e{number}", question="Join a team?", answer="x")
    assert costs() == one


# Answer ------------------------------------------------------------------------------------


def test_answer_is_emailed_and_the_decision_names_no_address(desk, question, queued_emails):
    response = desk.post(action_url("answer", question), {"answer": "Yes."})
    assert "is answered by email" in messages_of(response)[0]
    question.refresh_from_db()
    assert (question.status, question.answer) == ("answered", "Yes.")
    (email,) = queued_emails()
    assert email.to == ["vera@visitor.example"]
    decision = Decision.objects.get()
    assert (
        "vera" not in f"{decision.form_data}{decision.title}{decision.items.get().result_message}"
    )


def test_answer_without_words_is_refused_on_its_page(desk, question, queued_emails):
    response = desk.post(action_url("answer", question), {"answer": " "})
    assert "Write the answer" in visible_text(response)
    assert not queued_emails()


def test_forged_answer_without_an_address_is_refused(desk, nameless, queued_emails):
    text = visible_text(desk.post(action_url("answer", nameless), {"answer": "x"}, follow=True))
    assert "left no address" in text
    nameless.refresh_from_db()
    assert nameless.is_waiting
    assert not queued_emails()


def test_answer_preview_decides_nothing(desk, question, queued_emails):
    response = desk.post(
        action_url("answer", question), {"answer": "Yes, you may.", "preview": "email"}
    )
    assert "This will send 1 email" in visible_text(response)
    assert "Yes, you may." in visible_text(response)
    question.refresh_from_db()
    assert question.is_waiting
    assert not queued_emails()


# Publish -----------------------------------------------------------------------------------


def test_publish_page_starts_from_the_question_and_ones_own_teams(
    client_for, facilitator, administrator, question, team, other_team
):
    response = client_for(facilitator).get(action_url("publish", question))
    form = response.context["form"]
    assert form["question"].value() == "May my hospital join a team?"
    assert "Hiring" not in visible_text(response)
    assert f"team-{team.pk}" in response.content.decode()
    assert "Hiring" in visible_text(client_for(administrator).get(action_url("publish", question)))


def test_publish_as_a_new_entry_shows_it_at_once(desk, client, question, queued_emails):
    response = desk.post(action_url("publish", question), new())
    assert "is answered on the FAQ page" in messages_of(response)[0]
    entry = FaqEntry.objects.get()
    assert (entry.topic, entry.team, entry.position) == ("joining", None, 1)
    assert entry.history.get().history_user.full_name == "Fay Facilitator"
    assert "May we join?" in visible_text(client.get("/faq/"))
    assert "/faq/may-we-join/" in queued_emails()[0].message


def test_publish_for_ones_own_team(desk, question, team):
    desk.post(action_url("publish", question), new(place=f"team-{team.pk}"))
    assert FaqEntry.objects.get().team == team


@pytest.mark.parametrize("many", [False, True])
def test_publish_into_an_existing_entry(desk, question, nameless, faq_entry, queued_emails, many):
    records = [question, nameless] if many else [question]
    form_data = {"entry": str(faq_entry.pk), "answer": "", "question": "", "place": ""}
    desk.post(selection_url(desk, "publish", *records), form_data)
    for record in records:
        record.refresh_from_db()
        assert record.published_in == faq_entry
    assert len(queued_emails()) == 1
    assert FaqEntry.objects.count() == 1


def test_publish_of_several_questions_makes_no_new_entry(desk, question, nameless):
    response = desk.post(selection_url(desk, "publish", question, nameless), new())
    assert "Choose an entry" in visible_text(response)
    assert not FaqEntry.objects.exists()


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        (
            {"question": "", "answer": " ", "place": ""},
            ["Write the question", "Write the answer", "Choose where it goes"],
        ),
        ({"question": "x" * 201, "place": "nowhere"}, ["at most 200", "Select a valid choice"]),
        ({"entry": "999999"}, ["Select a valid choice"]),
    ],
)
def test_publish_as_an_incomplete_entry_is_refused(desk, question, changes, messages):
    text = visible_text(desk.post(action_url("publish", question), new(**changes)))
    assert [message for message in messages if message not in text] == []
    assert not FaqEntry.objects.exists()
    question.refresh_from_db()
    assert question.is_waiting


def test_publish_refuses_teams_and_entries_of_others(desk, question, other_team):
    foreign = FaqEntry.objects.create(team=other_team, slug="h", question="Hired?", answer="x")
    assert (
        "Hired?"
        not in desk.get(action_url("publish", question)).context["form"]["entry"].as_widget()
    )
    desk.post(action_url("publish", question), new(place=f"team-{other_team.pk}"))
    desk.post(action_url("publish", question), new(entry=str(foreign.pk)))
    question.refresh_from_db()
    foreign.refresh_from_db()
    assert question.is_waiting
    assert (FaqEntry.objects.count(), foreign.answer) == (1, "x")


def test_publish_refuses_a_team_lost_meanwhile(facilitator, question, team):
    decision = Decision.objects.create(
        by=facilitator,
        model_label="teams.question",
        action="publish",
        title="x",
        form_data=new(place=f"team-{team.pk}"),
    )
    decision.items.create(object_id=question.pk)
    team.facilitators.clear()
    process_decision(decision, seconds=3)
    assert "no longer facilitate this team" in decision.items.get().result_message
    assert not FaqEntry.objects.exists()


@pytest.mark.parametrize("extended", [False, True])
def test_publish_can_be_undone_without_an_email(
    desk, facilitator, question, faq_entry, queued_emails, extended
):
    form_data = new(entry=str(faq_entry.pk)) if extended else new()
    desk.post(action_url("publish", question), form_data)
    decision = Decision.objects.get()
    undo_decision(decision, by=facilitator)
    process_decision(decision, seconds=3)
    question.refresh_from_db()
    assert question.is_waiting
    assert (question.published_in, question.decided_by) == (None, None)
    entry = FaqEntry.objects.get()
    assert (entry.answer, entry.checked_on) == (faq_entry.answer, None)
    assert not queued_emails()


def test_action_pages_show_similar_entries(desk, question, faq_entry, other_team):
    near = {"answer": "Each hospital can join a team."}
    own = FaqEntry.objects.create(slug="own", question="Can a hospital join?", **near)
    foreign = FaqEntry.objects.create(
        slug="other", question="Can a hospital join?", team=other_team, **near
    )
    FaqEntry.objects.create(slug="far", question="Coffee?", answer="Tuesdays.")
    FaqEntry.objects.create(slug="hid", question="Hospital?", is_published=False, **near)
    for decision in ("answer", "publish"):
        response = desk.get(action_url(decision, question))
        page = response.context["items"][0]["similar"]
        assert [entry.slug for entry, _ in page] == ["own", "other", "who-can-join"]
        assert [bool(url) for _, url in page] == [True, False, True]
        assert foreign.get_absolute_url() in response.content.decode()
    chosen = desk.get(page[0][1])
    assert chosen.context["form"]["entry"].value() == str(own.pk)
    assert "This will send 1 email" in visible_text(chosen)


# Dismiss -----------------------------------------------------------------------------------


def test_dismiss_starts_without_a_reason(desk, question, queued_emails):
    response = desk.get(action_url("dismiss", question))
    assert response.context["form"]["reason"].value() == ""
    response = desk.post(action_url("dismiss", question), {"reason": ""})
    assert "is dismissed; nobody is notified" in messages_of(response)[0]
    assert not queued_emails()


def test_dismiss_with_a_prepared_reason_emails_it(desk, question, queued_emails):
    response = desk.post(action_url("dismiss", question), {"reason": "", "prepared": "1"})
    reason = response.context["form"]["reason"].value()
    assert "ask it again in other words" in reason
    desk.post(action_url("dismiss", question), {"reason": reason})
    assert reason.split(".")[0] in queued_emails()[0].message


def test_second_decision_reports_what_happened(
    client_for, facilitator, other_facilitator, question
):
    client_for(facilitator).post(action_url("dismiss", question), {"reason": ""})
    text = visible_text(
        client_for(other_facilitator).post(
            action_url("answer", question), {"answer": "x"}, follow=True
        )
    )
    assert "already dismissed on" in text
    assert "by Fay Facilitator" in text


def test_answer_typed_while_someone_else_decides_comes_back(desk, other_facilitator, question):
    dismiss_question(question, reason="", by=other_facilitator)
    page = desk.post(action_url("answer", question), {"answer": "Typed\nfor an hour."})
    assert page.status_code == 409
    assert "already dismissed" in visible_text(page)
    assert ">Typed\nfor an hour.</textarea>" in page.content.decode()


def test_second_press_of_answer_is_no_loss(desk, question):
    address, entered = action_url("answer", question), {"answer": "Mondays."}
    assert [desk.post(address, entered).status_code for _ in range(2)] == [302, 302]


def test_dismiss_of_several_from_the_list(desk, question, nameless):
    form_data = {"action": "dismiss", "_selected_action": [question.pk, nameless.pk]}
    opened = desk.post(LIST, form_data)
    assert opened["Location"].startswith(LIST + "dismiss/")
    desk.post(opened["Location"], {"reason": ""})
    assert not Question.objects.waiting().exists()
