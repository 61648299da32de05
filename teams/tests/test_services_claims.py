"""One facilitator takes care of what waits; the others are told, and not reminded."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from conftest import appoint, make_member, make_membership
from members.services import Refused
from teams.models import Claim, Membership, Question, Topic
from teams.services import (
    approve_membership,
    claim,
    claim_of,
    close_account,
    delete_settled_claims,
    dismiss_question,
    personal_data,
    release_claim,
    send_digests,
    set_facilitators,
    standing_claims,
    write_claim_note,
)
from teams.services.digests import digest_for
from teams.services.topics import dismiss_topic, propose_topic

MONDAY = date(2027, 3, 8)


@pytest.fixture
def question(db) -> Question:
    return Question.objects.create(text="When do you meet?")


@pytest.fixture
def request_of_member(requests):
    """A request that waits for the decision of `approver`."""
    return requests[0]


@pytest.fixture
def topic(db) -> Topic:
    return propose_topic("Night shifts")


@pytest.fixture(params=["question", "request_of_member"])
def record(request):
    return request.getfixturevalue(request.param)


def names(facilitator) -> list[str]:
    return [item.text for section in digest_for(facilitator) for item in section.items]


def test_claim_notes_who_takes_care(record, approver):
    claim(record, by=approver)
    stored = claim_of(record)
    assert stored.claimed_by == approver
    assert stored.history.get().history_user == approver
    assert standing_claims([record]) == {record: stored}


def test_claim_twice_keeps_the_first(record, approver):
    first = claim(record, by=approver).claimed_at
    assert claim(record, by=approver).claimed_at == first
    assert Claim.history.count() == 1


def test_claim_refuses_what_another_has_claimed(record, approver, administrator):
    claim(record, by=administrator)
    with pytest.raises(
        Refused, match=r"Ada Admin has been taking care of this .* Nothing was changed"
    ):
        claim(record, by=approver)
    assert claim_of(record).claimed_by == administrator


def test_claim_of_who_left_the_desk_holds_up_nobody(record, approver, approval_team, administrator):
    claim(record, by=approver)
    set_facilitators(approval_team, [], by=administrator)
    assert standing_claims([record]) == {}
    assert claim(record, by=administrator).claimed_by == administrator


def test_claim_of_who_left_the_team_holds_up_nobody(
    request_of_member, approver, approval_team, team, administrator
):
    appoint(approver, team, administrator)
    claim(request_of_member, by=approver)
    set_facilitators(approval_team, [], by=administrator)
    assert standing_claims([request_of_member]) == {}
    assert len(names(administrator)) == 2


def test_release_claim_keeps_the_note(record, approver, administrator):
    claim(record, by=approver)
    write_claim_note(record, " Called them. ", by=approver)
    release_claim(record, by=administrator)
    assert (claim_of(record).claimed_by, claim_of(record).note) == (None, "Called them.")
    assert claim(record, by=administrator).note == "Called them."


def test_write_claim_note_refuses_who_has_not_claimed(record, approver, administrator):
    with pytest.raises(Refused, match="Nobody has taken this on"):
        write_claim_note(record, "x", by=approver)
    claim(record, by=administrator)
    with pytest.raises(Refused, match="Ada Admin has been taking care of this"):
        write_claim_note(record, "x", by=approver)
    assert claim_of(record).note == ""


@pytest.mark.parametrize("step", [claim, release_claim])
def test_claims_end_with_the_decision(question, request_of_member, topic, approver, step):
    for record in (question, request_of_member, topic):
        claim(record, by=approver)
    dismiss_question(question, reason="", by=approver)
    dismiss_topic(topic, reason="", by=approver)
    approve_membership(request_of_member, by=approver)
    for record in (question, request_of_member, topic):
        record.refresh_from_db()
        assert claim_of(record) is None
        with pytest.raises(Refused, match="already"):
            step(record, by=approver)


def test_delete_settled_claims_deletes_those_of_what_is_decided(
    requests, question, topic, approver
):
    for record in (*requests, question, topic):
        claim(record, by=approver)
    approve_membership(requests[0], by=approver)
    assert delete_settled_claims() == 1
    assert Claim.objects.count() == 3
    dismiss_question(question, reason="", by=approver)
    dismiss_topic(topic, reason="", by=approver)
    assert delete_settled_claims() == 2


def test_claim_note_is_in_no_download_and_no_history(request_of_member, approver):
    claim(request_of_member, by=approver)
    write_claim_note(request_of_member, "Secretly doubtful", by=approver)
    assert "Secretly" not in str(personal_data(request_of_member.member))
    assert "Secretly" not in str(list(Claim.history.values()))


def test_close_account_erases_the_note(request_of_member, approver):
    claim(request_of_member, by=approver)
    write_claim_note(request_of_member, "Secretly doubtful", by=approver)
    close_account(request_of_member.member)
    assert not Claim.objects.exists()


def test_claim_is_about_one_record(question, request_of_member):
    for records in ({}, {"question": question, "membership": request_of_member}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Claim.objects.create(**records)
    with pytest.raises(IntegrityError), transaction.atomic():
        Claim.objects.create(question=question, claimed_at=timezone.now())


def test_digest_for_lists_what_no_other_has_claimed(
    question, request_of_member, requests, topic, approver, administrator, queued_emails
):
    assert len(names(approver)) == 4
    claim(question, by=administrator)
    claim(topic, by=administrator)
    with pytest.raises(Refused, match="Ada Admin has been taking care of this"):
        claim(topic, by=approver)
    claim(request_of_member, by=administrator)
    assert names(approver) == [f"{requests[1].member}, Rush Example Hospital: Careers"]
    assert question.text in names(administrator)
    claim(requests[1], by=administrator)
    assert send_digests(MONDAY) == 1
    (email,) = queued_emails()
    assert email.to == [administrator.email]
    assert email.message.count("(you took this on)") == 4


def test_digest_for_leaves_out_people_whom_another_confirms(
    unsure_request, facilitator, administrator
):
    assert len(names(facilitator)) == 1
    claim(unsure_request, by=administrator)
    assert names(facilitator) == []


@pytest.fixture
def unsure_request(organization, team):
    unsure = make_member("u@mailbox.example", organization, "Una Unsure", confirmed=False)
    return make_membership(unsure, team, Membership.Status.REQUESTED)


def test_digest_for_says_what_is_late_and_how_much_more(db, administrator):
    long_ago = timezone.now() - timedelta(days=30)
    for number in range(12):
        Question.objects.create(text=f"Number {number}?", asked_at=long_ago)
    (section,) = digest_for(administrator)
    assert (section.number, section.late, len(section.items), section.more) == (12, 12, 10, 2)
    assert all(item.is_late for item in section.items)
