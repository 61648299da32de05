"""Addresses that are probably typed wrong are marked where they are decided."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import make_member, visible_text
from members.models import Member, Organization
from teams.services import join_teams

WARNING = "rsuh.example looks like rush.example"


@pytest.fixture
def newcomer(organization, team) -> Member:
    """Waits for an organization, with a domain that is nearly another one's."""
    harbor = Organization.objects.create(name="Harbor", suggested_domain="rsuh.example")
    person = make_member("nora@rsuh.example", harbor, confirmed=False)
    join_teams(person, [team])
    return person


def test_looks_like_is_said_where_the_organization_is_decided(client_for, facilitator, newcomer):
    client, record = client_for(facilitator), "/admin/members/organization"
    pk = newcomer.organization_id
    for path in ("/admin/", f"{record}/{pk}/change/", f"{record}/{pk}/recognize/"):
        assert WARNING in visible_text(client.get(path)), path


def test_looks_like_is_said_where_the_person_is_confirmed(
    client_for, facilitator, organization, newcomer
):
    Member.objects.filter(pk=newcomer.pk).update(organization=organization)
    client = client_for(facilitator)
    for path in ("/admin/", f"/admin/members/member/{newcomer.pk}/change/"):
        assert WARNING in visible_text(client.get(path)), path


LISTS = ("members/member", "members/organization", "teams/membership")


@pytest.mark.parametrize("path", LISTS)
def test_looks_like_is_said_in_lists_without_a_query_per_row(
    client_for, facilitator, organization, team, newcomer, path
):
    def page() -> str:
        with CaptureQueriesContext(connection) as queries:
            response = client.get(f"/admin/{path}/")
        counts.append(len(queries))
        return visible_text(response)

    client, counts = client_for(facilitator), []
    client.get(f"/admin/{path}/")
    assert page().count(WARNING) == 1
    for name in ("ruhs", "rushh"):
        other = Organization.objects.create(name=name, suggested_domain=f"{name}.example")
        join_teams(make_member(f"nora@{name}.example", other, confirmed=False), [team])
    assert page().count("looks like rush.example") == 3
    assert counts[0] == counts[1]


def test_looks_like_is_not_said_of_other_domains(client_for, facilitator, member, applicant):
    client = client_for(facilitator)
    for path in ("/admin/", f"/admin/members/member/{applicant.pk}/change/"):
        assert "looks like" not in visible_text(client.get(path)), path
