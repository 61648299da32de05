"""Who is signed in is asked once for each request."""

import pytest

from conftest import make_member
from members.backends import AuthenticationBackend
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
