"""What a person sees when emails to them came back, and what settles it."""

from datetime import timedelta

import pytest
from django.utils import timezone
from post_office.models import Email

from conftest import code_in, messages_of, visible_text
from members.models import Bounce
from members.services import has_bounced, record_bounce
from teams.services import move_member, personal_data
from teams.services.people import close_account

QUESTION = "Do you still use this address?"
WORKS = "/my/address/works/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def bounce(member) -> Bounce:
    return record_bounce(member, member.email, "5.1.1")


def sign_in_by_code(client, member) -> str:
    """Return the text of My teams after signing in by a code."""
    client.post("/sign-in/", {"email": member.email})
    client.post("/sign-in/code/", {"code": code_in(Email.objects.latest("pk"))})
    return visible_text(client.get("/my/"))


def test_pages_ask_the_person_whether_the_address_works(client_for, bounce, member, colleague):
    client = client_for(member)
    for path in ("/my/", "/my/emails/"):
        page = client.get(path)
        text = visible_text(page)
        assert QUESTION in text
        assert f"Emails to {member.email} came back on" in text
        assert "the mailbox does not exist" in text
        assert 'href="/my/move/">I have a new address' in page.content.decode()
    assert QUESTION not in visible_text(client_for(colleague).get(path))


def test_my_address_works_settles_it_with_one_press(client_for, bounce, member):
    client = client_for(member)
    page = client.post(WORKS, follow=True)
    assert messages_of(page) == [f"Thank you. We will send emails to {member.email} again."]
    assert QUESTION not in visible_text(page)
    bounce.refresh_from_db()
    assert bounce.settled_by == member
    # Once more, with the back button.
    assert client.post(WORKS).status_code == 302
    assert bounce.history.count() == 2


def test_my_address_works_opened_as_a_link_or_by_others_changes_nothing(
    client, client_for, bounce, member, colleague
):
    assert client_for(member).get(WORKS)["Location"] == "/my/"
    assert client.post(WORKS)["Location"].startswith("/sign-in/")
    client_for(colleague).post(WORKS)
    assert has_bounced(member)


def test_code_that_arrives_after_the_bounce_settles_it_and_says_so(client, bounce, member):
    text = sign_in_by_code(client, member)
    assert "You get our emails again" in text
    assert "the code that we sent there arrived" in text
    bounce.refresh_from_db()
    assert bounce.settled_at
    assert bounce.settled_by is None
    Bounce.objects.update(settled_at=timezone.now() - timedelta(days=2))
    assert "You get our emails again" not in visible_text(client.get("/my/"))


def test_code_from_before_the_bounce_says_nothing_about_it(client, member):
    client.post("/sign-in/", {"email": member.email})
    record_bounce(member, member.email, "5.1.1")
    client.post("/sign-in/code/", {"code": code_in(Email.objects.latest("pk"))})
    assert has_bounced(member)
    assert QUESTION in visible_text(client.get("/my/"))


def test_wrong_code_settles_nothing(client, bounce, member):
    client.post("/sign-in/", {"email": member.email})
    client.post("/sign-in/code/", {"code": "BBBBBB"})
    assert has_bounced(member)


def test_code_to_another_address_settles_nothing(client, bounce, member, colleague):
    sign_in_by_code(client, colleague)
    assert has_bounced(member)


def test_move_to_a_new_address_settles_it(bounce, member):
    move_member(member, "maria.new@rush.example")
    member.refresh_from_db()
    assert not has_bounced(member)


def test_personal_data_has_what_came_back_until_the_account_is_closed(bounce, member):
    (returned,) = personal_data(member)["emails_that_came_back"]
    assert (returned["address"], returned["code_of_the_mail_server"]) == (member.email, "5.1.1")
    close_account(member)
    assert not Bounce.objects.exists()
    assert not Bounce.history.exists()
