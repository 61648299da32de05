"""Taking on a question or a request at the desk, with one press."""

import pytest

from conftest import messages_of, visible_text
from teams.models import Claim, Membership, Question
from teams.services import answer_question, claim, claim_of, write_claim_note
from teams.services.topics import propose_topic


@pytest.fixture
def question(db) -> Question:
    return Question.objects.create(text="When do you meet?", email="quentin@asker.example")


@pytest.fixture
def record(requests) -> Membership:
    return requests[0]


@pytest.fixture(params=["question", "membership"])
def either(request, requests, question):
    """A record of each kind of page."""
    return question if request.param == "question" else requests[0]


def page_of(record) -> str:
    return f"/admin/teams/{record._meta.model_name}/{record.pk}/change/"


def claim_url(record) -> str:
    return f"/admin/teams/{record._meta.model_name}/{record.pk}/claim/"


def test_facilitators_take_on_a_record_with_one_press(client_for, approver, either):
    desk = client_for(approver)
    page = desk.get(page_of(either)).content.decode()
    assert "I take this" in page
    assert f'action="{claim_url(either)}"' in page
    text = visible_text(desk.post(claim_url(either), {"claim": "1"}, follow=True))
    assert claim_of(either).claimed_by == approver
    assert "You are taking care of this" in text


def test_dashboard_takes_on_and_shows_who_did(client_for, approver, administrator, record):
    desk = client_for(approver)
    address = f"{claim_url(record)}?from=dashboard"
    assert f'action="{address}"' in desk.get("/admin/").content.decode()
    response = desk.post(address, {"claim": "1"})
    assert response.url == "/admin/"
    assert "You are taking care of this." in visible_text(desk.get("/admin/"))
    other = client_for(administrator).get("/admin/")
    assert "Abe Approver is taking care of this." in visible_text(other)
    assert f'action="{address}"' not in other.content.decode()


def test_list_shows_who_takes_care_of_a_record(client_for, approver, administrator, either):
    address = f"/admin/teams/{either._meta.model_name}/"
    desk = client_for(approver)
    assert "taken by" not in visible_text(desk.get(address))
    claim(either, by=administrator)
    assert visible_text(desk.get(address)).count("taken by Ada Admin") == 1


def test_proposed_topic_is_taken_on_and_released(client_for, approver, administrator):
    topic = propose_topic("Night shifts")
    desk, other = client_for(approver), client_for(administrator)
    address = f"{claim_url(topic)}?from=dashboard"
    assert f'action="{address}"' in desk.get("/admin/").content.decode()
    desk.post(address, {"claim": "1"})
    assert "Abe Approver is taking care of this." in visible_text(other.get("/admin/"))
    assert "Abe Approver is taking care of this" in visible_text(other.get(page_of(topic)))
    assert "is taking care of this" not in visible_text(other.get("/admin/teams/topic/add/"))
    other.post(claim_url(topic), {"release": "1"})
    assert claim_of(topic).claimed_by is None


def test_second_to_take_it_on_is_told_who_has_it(client_for, approver, administrator, record):
    claim(record, by=administrator)
    response = client_for(approver).post(claim_url(record), {"claim": "1"}, follow=True)
    assert "Ada Admin has been taking care of this" in str(messages_of(response))
    text = visible_text(response)
    assert "Ada Admin is taking care of this" in text
    assert "I take this" not in text


def test_note_is_for_facilitators_alone(client_for, client, approver, administrator, question):
    claim(question, by=approver)
    desk = client_for(approver)
    desk.post(claim_url(question), {"note": "Call <b>Monday</b>"})
    assert claim_of(question).note == "Call <b>Monday</b>"
    assert "Call &lt;b&gt;Monday" in desk.get(page_of(question)).content.decode()
    other = visible_text(client_for(administrator).get(page_of(question)))
    assert "Internal note: Call <b>Monday</b>" in other
    for path in ("/", "/faq/", "/faq/?q=monday", "/teams/careers/"):
        assert "Monday" not in client.get(path).content.decode()


def test_note_stays_out_of_what_applicants_read(client_for, approver, requests):
    claim(requests[0], by=approver)
    write_claim_note(requests[0], "Secretly doubtful", by=approver)
    applicant = client_for(requests[0].member)
    for path in ("/my/", "/my/data/", "/my/data/download/", "/teams/careers/"):
        assert b"Secretly" not in applicant.get(path).getvalue()


def test_note_of_who_lost_the_claim_is_shown_back(client_for, approver, administrator, record):
    claim(record, by=administrator)
    response = client_for(approver).post(claim_url(record), {"note": "Long words"})
    assert "Your note was not saved: “Long words”" in str(messages_of(response))
    assert claim_of(record).note == ""


def test_release_gives_it_back_to_all(client_for, approver, administrator, record):
    claim(record, by=approver)
    client_for(administrator).post(claim_url(record), {"release": "1", "note": "x"})
    assert claim_of(record).claimed_by is None
    assert "Nobody is taking care of this yet" in visible_text(
        client_for(approver).get(page_of(record))
    )


def test_claim_needs_a_post_by_staff_who_see_the_record(
    client_for, client, member, facilitator, approver, either
):
    assert client_for(approver).get(claim_url(either)).status_code == 405
    assert client_for(member).post(claim_url(either), {"claim": "1"}).status_code == 403
    assert client.post(claim_url(either), {"claim": "1"}).status_code == 302
    if isinstance(either, Membership):
        # Of another team.
        assert client_for(facilitator).post(claim_url(either), {"claim": "1"}).status_code == 404
    assert not Claim.objects.exists()


def test_decided_records_offer_no_claim(client_for, approver, question):
    answer_question(question, answer="Mondays.", by=approver)
    desk = client_for(approver)
    assert "I take this" not in visible_text(desk.get(page_of(question)))
    response = desk.post(claim_url(question), {"claim": "1"})
    assert "already answered" in str(messages_of(response))
    assert not Claim.objects.exists()
