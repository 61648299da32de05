"""Who is signed in: one query for the session, one for the member with the organization."""

from datetime import timedelta

import pytest
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from conftest import make_member, visible_text
from members.auth.backends import AuthenticationBackend
from members.models import Member

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fragment_clock")]


def test_get_user_fetches_the_organization_too(member, organization, django_assert_num_queries):
    with django_assert_num_queries(1):
        fetched = AuthenticationBackend().get_user(member.pk)
        assert fetched == member
        assert fetched.organization == organization


def test_get_user_returns_a_member_without_an_organization():
    person = make_member("new@example.org")
    assert AuthenticationBackend().get_user(person.pk) == person


def test_get_user_returns_none_for_a_closed_account(member):
    Member.objects.filter(pk=member.pk).update(is_active=False)
    assert AuthenticationBackend().get_user(member.pk) is None


def test_get_user_returns_none_for_an_unknown_key():
    assert AuthenticationBackend().get_user(2**40) is None


def visit(client, django_assert_num_queries, number: int) -> str:
    """Return the text of a page that asks the database only for who is signed in."""
    # What stands around every page is read once a second.
    Client().get("/faq/ask/done/")
    with django_assert_num_queries(number):
        return visible_text(client.get("/faq/ask/done/"))


def test_member_page_fetches_the_member_in_two_queries(
    client_for, member, django_assert_num_queries
):
    client = client_for(member)
    client.get("/faq/ask/done/")
    assert "Sign out" in visit(client, django_assert_num_queries, 2)


@pytest.mark.parametrize(
    ("address", "number"),
    # Besides the two: the memberships; the own membership, who facilitates, and what the member
    # sees of announcements and resources.
    [("/my/", 3), ("/teams/education/", 6), ("/", 2)],
)
def test_member_page_takes_few_queries(
    client_for, member, team, address, number, django_assert_num_queries
):
    client = client_for(member)
    client.get(address)
    with django_assert_num_queries(number):
        client.get(address)


def test_visitor_page_takes_no_query(client, django_assert_num_queries):
    assert "Sign in" in visit(client, django_assert_num_queries, 0)


def test_closed_account_is_signed_out_everywhere(client_for, member):
    client = client_for(member)
    Member.objects.filter(pk=member.pk).update(is_active=False)
    assert "Sign in" in visible_text(client.get("/faq/ask/done/"))


def test_session_with_a_forged_hash_is_deleted(client_for, member):
    """Django's own check of the session still stands: its hash is of the member's secrets."""
    client = client_for(member)
    store = client.session
    store[HASH_SESSION_KEY] = "forged"
    store.save()
    assert "Sign in" in visible_text(client.get("/faq/ask/done/"))
    assert not Session.objects.filter(pk=store.session_key).exists()


def test_expired_session_is_signed_out(client_for, member, django_assert_num_queries):
    client = client_for(member)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert "Sign in" in visit(client, django_assert_num_queries, 1)


def test_member_of_one_request_is_not_that_of_the_next(client_for, member, outsider, client):
    client_for(member).get("/my/")
    assert outsider.email in visible_text(client_for(outsider).get("/my/"))
    assert client.get("/my/").status_code == 302
    assert AuthenticationBackend().get_user(outsider.pk) == outsider
