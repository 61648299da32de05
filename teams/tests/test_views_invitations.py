"""The page that the email of an invitation leads to."""

import pytest
from django.test import Client

from conftest import messages_of, visible_text
from members.models import Member
from members.services import save_with_history
from teams.models import Invitation
from teams.services import cancel_invitation, invite
from teams.tests.joining import CODE, EMPLOYER, last_code

ADDRESS = "ines@collaborative.example"


@pytest.fixture
def invitation(administrator, team) -> Invitation:
    return invite(ADDRESS, Invitation.Role.FACILITATOR, by=administrator, team=team)


def url_of(invitation: Invitation) -> str:
    return f"/join/?invitation={invitation.token}"


def accept(client: Client, url: str, **changes: object):
    """Send the form that the page shows, and the code; return the answer to the code."""
    typed = {"full_name": "Ines Invited", "job_title": "", **changes}
    assert client.post(url, typed).url == CODE
    return client.post(CODE, {"code": last_code()})


def test_invitation_leads_through_name_and_code_to_the_desk(invitation, team, queued_emails):
    (email,) = queued_emails()
    client = Client()
    url = email.message[email.message.index("/join/?invitation=") :].split()[0]
    page = visible_text(client.get(url))
    assert "Ada Admin invites you to facilitate Education." in page
    # Nothing of the ordinary form, which is for people who ask.
    assert "Join a team - " not in page
    assert "Not sure whether you can join?" not in page
    assert not team.facilitators.exists()
    assert accept(client, url).url == "/admin/"
    assert team.facilitators.get().full_name == "Ines Invited"


def test_invited_person_may_join_a_team_as_well_and_says_where_they_work(invitation, other_team):
    client = Client()
    response = accept(client, url_of(invitation), teams=[other_team.slug])
    assert response.url == EMPLOYER
    # Nothing is given before the form is complete.
    assert not Member.objects.filter(email=ADDRESS).exists()
    client.post(EMPLOYER, {"organization": "Lakeview Health"})
    member = Member.objects.get(email=ADDRESS)
    assert member.is_staff
    assert member.memberships.get().team == other_team


def test_invitation_is_not_for_the_address_that_is_sent(invitation, team, organization):
    accept(Client(), url_of(invitation), email="eve@rush.example")
    assert team.facilitators.get().email == ADDRESS


def test_form_without_the_invitation_still_asks_for_a_team(invitation):
    typed = {"full_name": "Eve", "email": ADDRESS, "job_title": ""}
    assert "Select at least one team" in Client().post("/join/", typed).content.decode()


@pytest.mark.parametrize("reason", ["cancelled", "forged"])
def test_invitation_that_no_longer_works_says_so(invitation, administrator, reason, team):
    url = url_of(invitation) + ("x" if reason == "forged" else "")
    if reason == "cancelled":
        cancel_invitation(invitation, by=administrator)
    page = visible_text(Client().get(url))
    assert "This invitation no longer works" in page
    assert "Ada Admin" not in page
    assert ADDRESS not in page


def test_member_who_is_signed_in_learns_that_an_invitation_no_longer_works(
    invitation, administrator, client_for, member
):
    cancel_invitation(invitation, by=administrator)
    page = client_for(member).get(url_of(invitation), follow=True)
    assert page.redirect_chain == [("/my/", 302)]
    assert "This invitation no longer works" in str(messages_of(page))


def test_member_who_is_signed_in_accepts_with_a_code(invitation, client_for, member, team):
    save_with_history(member, None, "for the test", email=ADDRESS)
    assert accept(client_for(member), url_of(invitation)).url == "/admin/"
    assert team.facilitators.get() == member
