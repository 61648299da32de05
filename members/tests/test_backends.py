"""Who is signed in: one query for the session, one for the member with the organization."""

from datetime import timedelta

import pytest
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone

from conftest import make_member, visible_text
from members.auth.backends import AuthenticationBackend
from members.models import Member

pytestmark = pytest.mark.django_db


def test_the_organization_comes_with_the_member(member, organization, django_assert_num_queries):
    with django_assert_num_queries(1):
        found = AuthenticationBackend().get_user(member.pk)
        assert found == member
        assert found.organization == organization


def test_somebody_without_an_organization_is_somebody():
    person = make_member("new@example.org")
    assert AuthenticationBackend().get_user(person.pk) == person


def test_a_closed_account_is_nobody(member):
    Member.objects.filter(pk=member.pk).update(is_active=False)
    assert AuthenticationBackend().get_user(member.pk) is None


def test_an_account_that_is_not_there_is_nobody():
    assert AuthenticationBackend().get_user(2**40) is None


def visit(client, django_assert_num_queries, number: int) -> str:
    """Return the text of a page that asks the database only for who is signed in."""
    with django_assert_num_queries(number):
        return visible_text(client.get("/privacy/"))


def test_member_is_fetched_in_two_queries(client_for, member, django_assert_num_queries):
    client = client_for(member)
    client.get("/privacy/")
    assert "Sign out" in visit(client, django_assert_num_queries, 2)


def test_my_teams_takes_four_queries(client_for, member, django_assert_num_queries):
    client = client_for(member)
    client.get("/my/")
    with django_assert_num_queries(4):
        client.get("/my/")


def test_visitor_is_nobody_without_a_query(client, django_assert_num_queries):
    assert "Sign in" in visit(client, django_assert_num_queries, 0)


def test_account_that_was_closed_meanwhile_is_signed_in_nowhere(client_for, member):
    client = client_for(member)
    Member.objects.filter(pk=member.pk).update(is_active=False)
    assert "Sign in" in visible_text(client.get("/privacy/"))


def test_session_that_was_not_begun_by_this_member_is_worth_nothing(client_for, member):
    """Django's own check of the session still stands: its hash is of the member's secrets."""
    client = client_for(member)
    store = client.session
    store[HASH_SESSION_KEY] = "forged"
    store.save()
    assert "Sign in" in visible_text(client.get("/privacy/"))
    assert not Session.objects.filter(pk=store.session_key).exists()


def test_session_that_has_ended_is_nobody(client_for, member, django_assert_num_queries):
    client = client_for(member)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert "Sign in" in visit(client, django_assert_num_queries, 1)


def test_next_visitor_of_the_same_process_is_not_the_member_before(
    client_for, member, outsider, client
):
    client_for(member).get("/my/")
    assert outsider.email in visible_text(client_for(outsider).get("/my/"))
    assert client.get("/my/").status_code == 302
    assert AuthenticationBackend().get_user(outsider.pk) == outsider
