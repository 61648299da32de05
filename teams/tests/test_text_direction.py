"""Names in scripts that run from right to left keep the text around them in its order."""

import pytest

from conftest import appoint, make_active_member, make_member, make_organization
from teams import emails
from teams.services import join_teams

NAME = "ليلى حسن"
ISOLATED = f"<bdi>{NAME}</bdi>"


@pytest.fixture
def layla(organization, team):
    return make_active_member("layla@rush.example", organization, NAME, team)


def test_portal_isolates_names(client_for, layla, member, team, administrator):
    client = client_for(member)
    assert ISOLATED in client.get(f"/teams/{team.slug}/members/").content.decode()
    assert ISOLATED in client_for(layla).get("/my/").content.decode()
    appoint(layla, team, administrator)
    for path in (f"/teams/{team.slug}/", f"/teams/{team.slug}/members/"):
        assert ISOLATED in client.get(path).content.decode(), path


def test_portal_isolates_names_of_organizations(client_for, administrator, team):
    clinic = make_organization("מרכז 3", "merkaz.example", administrator)
    layla = make_active_member("layla@merkaz.example", clinic, NAME, team)
    client = client_for(layla)
    for path in ("/", "/organizations/", f"/teams/{team.slug}/", "/my/profile/"):
        assert "<bdi>מרכז 3</bdi>" in client.get(path).content.decode(), path


def test_emails_isolate_names(layla, facilitator, queued_emails):
    membership = layla.memberships.get()
    facilitator.full_name, membership.member.organization.name = "فاي", "מרכז 3"
    emails.membership_added([membership], facilitator)
    (email,) = queued_emails()
    for name in ("فاي", "מרכז 3"):
        assert f"<bdi>{name}</bdi>" in email.html_message


def test_desk_isolates_names(client_for, facilitator, layla, team, proposed_organization):
    noor = make_member("noor@lakeview.example", proposed_organization, "نور", confirmed=False)
    join_teams(noor, [team])
    membership = layla.memberships.get()
    client = client_for(facilitator)
    for path, name in {
        f"/admin/members/member/{layla.pk}/unconfirm/": NAME,
        f"/admin/members/member/{noor.pk}/decline/": "نور",
        f"/admin/teams/membership/{membership.pk}/end/": NAME,
        f"/admin/teams/membership/{membership.pk}/change/": NAME,
        f"/admin/members/organization/{proposed_organization.pk}/recognize/": "نور",
    }.items():
        assert f"<bdi>{name}</bdi>" in client.get(path).content.decode(), path
