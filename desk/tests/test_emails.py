"""The desk's list of emails, for administrators."""

from datetime import timedelta

import pytest
from django.utils import timezone
from post_office.models import STATUS, Email

from conftest import visible_text
from desk.tests.action_pages import listed
from teams.models import TeamEmail
from teams.services.meeting_emails import email_announced
from teams.tests.meetings import make_meeting

EMAILS = "/admin/post_office/email/"


@pytest.fixture
def email(db) -> Email:
    return Email.objects.create(
        from_email="portal@example.org",
        to=["maria@rush.example"],
        subject="You are in",
        message="Secret text",
        status=STATUS.queued,
    )


def test_email_list_is_for_administrators(client_for, facilitator, email):
    client = client_for(facilitator)
    assert client.get(EMAILS).status_code == 403
    assert EMAILS not in client.get("/admin/").content.decode()


def test_email_list_shows_what_went_where_and_never_the_text(client_for, administrator, email):
    text = visible_text(client_for(administrator).get(EMAILS))
    assert "maria@rush.example You are in Other Queued 0 none" in text
    assert "Secret" not in text


def test_email_list_shows_tries_and_the_last_code_never_the_reply(client_for, administrator, email):
    Email.objects.update(status=STATUS.requeued, number_of_retries=2)
    for answer in ("SMTPServerDisconnected", "SMTPDataError 451 4.3.0"):
        email.logs.create(status=STATUS.failed, exception_type=answer, message="Secret reply")
    email.logs.create(status=STATUS.queued, message="Queued anew by member 1")
    text = visible_text(client_for(administrator).get(EMAILS))
    assert "To be tried again 2 SMTPDataError 451 4.3.0" in text
    assert "Secret" not in text


def test_email_list_names_the_kind_that_members_can_stop(client_for, administrator, member, team):
    email_announced(make_meeting(team))
    text = visible_text(client_for(administrator).get(EMAILS))
    assert "Meeting dates Queued" in text
    TeamEmail.objects.update(kind="")
    text = visible_text(client_for(administrator).get(EMAILS))
    assert "About their own answer Queued" in text


@pytest.mark.parametrize(("status", "number"), [("2", 1), ("1", 0), ("x", 1), ("9", 1)])
def test_email_list_filters_by_known_status(administrator, email, status, number):
    assert len(listed(Email, administrator, f"status__exact={status}")) == number


def test_email_list_hides_the_subject_of_a_code(client_for, administrator, email):
    Email.objects.update(subject="BCDFGH is your code", expires_at=timezone.now() + timedelta(1))
    text = visible_text(client_for(administrator).get(EMAILS))
    assert "Sign-in code" in text
    assert "BCDFGH" not in text


def test_email_search_ignores_text_and_subject(administrator, email):
    Email.objects.update(subject="BCDFGH is your code")
    for query in ("BCDFGH", "Secret"):
        assert listed(Email, administrator, f"q={query}") == []


@pytest.mark.parametrize("lookup", ["subject__startswith=B", "message__contains=S", "headers=1"])
def test_email_filter_by_another_field_is_refused(client_for, administrator, email, lookup):
    assert client_for(administrator).get(f"{EMAILS}?{lookup}").status_code == 400


def test_email_has_no_page_of_its_own(client_for, administrator, email):
    client = client_for(administrator)
    for page in ("add", f"{email.pk}/change", f"{email.pk}/history", f"{email.pk}/delete"):
        assert client.get(f"{EMAILS}{page}/").status_code == 404
