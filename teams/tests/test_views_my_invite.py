"""Inviting a colleague, the page that the email leads to, and refusing to be invited."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from post_office.models import Email

from conftest import messages_of, visible_text
from members.models import Member
from teams.forms import InviteForm
from teams.models import Invitation, InvitationRefusal
from teams.services import close_account, leave_team
from teams.services.colleague_invitations import invite_colleague
from teams.services.invitation_refusals import is_refused
from teams.tests.joining import CODE, DONE, EMPLOYER, last_code
from teams.views.emails import ONE_CLICK

PAGE = "/my/invite/"
ADDRESS = "cora@rush.example"
FORM = {"teams": ["education"], "note": "", "email": ADDRESS}
SITE = "http://127.0.0.1:8000"


def shown_form(client: Client, url: str = PAGE) -> dict[str, object]:
    """Return what the form on the page posts as it is shown."""
    form = client.get(url).context["form"]
    return {name: form[name].value() or "" for name in form.fields}


def send(client: Client, **changes: object):
    """Send the form as it is shown to a member of one team."""
    return client.post(PAGE, FORM | changes, follow=True)


@pytest.fixture
def invitation(member, team) -> Invitation:
    invite_colleague(ADDRESS, [team], "See you on Monday", by=member)
    return Invitation.objects.get()


def links_of(invitation: Invitation) -> list[str]:
    """Return the paths of the form and of the page that stops, as the email has them."""
    email = Email.objects.get(team_email__invitation=invitation)
    return re.findall(rf"{SITE}(/invited/\S+)", email.message)


def url_of(invitation: Invitation) -> str:
    return links_of(invitation)[0]


# Inviting ------------------------------------------------------------------------------------


def test_member_invites_and_sees_whom(client_for, member, team, other_team, approval_team):
    client = client_for(member)
    shown = shown_form(client)
    assert (shown["teams"], shown["email"], shown["note"]) == (["education"], "", "")
    assert shown_form(client, f"{PAGE}?team=careers")["teams"] == ["careers"]
    page = send(client, teams=["education", "careers"], note=" See  you\n soon ")
    assert messages_of(page) == [f"Invited: {ADDRESS}."]
    text = visible_text(page)
    assert "Education, Careers. Sent on" in text
    assert "“See you soon”" in text
    assert "You can send it again from" in text
    assert ".." not in text
    assert Invitation.objects.get().note == "See you soon"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"email": "cora"}, "Enter your colleague’s email address"),
        ({"email": ""}, "Enter your colleague’s email address"),
        ({"email": "a@rush.example, b@rush.example"}, "Enter one address. There are two"),
        ({"email": "a@rush.example\nBcc: b@rush.example"}, "Enter one address"),
        ({"teams": []}, "Select at least one team"),
        ({"teams": ["nowhere"]}, "Select teams from the list"),
        ({"note": "x" * 201}, "Shorten your note to at most 200 characters"),
        ({"note": "Look at evil.com"}, "Leave out “evil.com”"),
    ],
)
def test_mistake_in_the_form_says_how_to_correct_it(team, changes, message):
    typed = {"email": ADDRESS, "teams": [team.slug], "note": ""} | changes
    form = InviteForm(typed, open_teams=[team])
    (errors,) = form.errors.values()
    assert message in errors[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"email": "maria@rush.example"}, "This is your own address"),
        ({"teams": ["archive"]}, "Not taking new members right now: Archive"),
    ],
)
def test_mistake_keeps_what_was_entered(client_for, member, closed_team, changes, message):
    page = send(client_for(member), **{"note": "Kept", **changes})
    assert message in visible_text(page)
    assert "Error: " in page.content.decode()
    assert 'value="Kept"' in page.content.decode()
    assert not Invitation.objects.exists()


def test_address_that_is_probably_typed_wrong_is_asked_about_once(client_for, member):
    client, typo = client_for(member), "cora@rsuh.example"
    page = send(client, email=typo)
    assert "Check the address: rsuh.example looks like rush.example" in visible_text(page)
    assert 'type="checkbox" name="is_right"' in page.content.decode()
    assert not Invitation.objects.exists()
    assert messages_of(send(client, email=typo, is_right="on")) == [f"Invited: {typo}."]
    unknown_ending = visible_text(send(client, email="cora@zeta.exmaple"))
    assert "Check the address: no address ends with .exmaple" in unknown_ending


def test_second_invitation_of_an_address_leads_to_the_list(client_for, member, invitation):
    assert "Send that invitation again from your list" in visible_text(send(client_for(member)))


@pytest.mark.parametrize("person", ["applicant", "left"])
def test_person_without_a_team_reads_why(client_for, applicant, member, invitation, person):
    if person == "left":
        leave_team(member.memberships.get())
    client = client_for(applicant if person == "applicant" else member)
    page = send(client, email="new@rush.example", teams=["education"])
    assert "once you are in a team" in visible_text(page)
    assert Invitation.objects.count() == 1
    assert "Send again" not in page.content.decode()


def test_visitor_signs_in_first(client, invitation):
    for url in (PAGE, f"{PAGE}{invitation.pk}/cancel/", f"{PAGE}{invitation.pk}/resend/"):
        assert client.post(url).url.startswith("/sign-in/")
    assert Invitation.objects.get().cancelled_at is None


def test_network_that_invites_too_much_waits(client_for, member, settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"invite": "1/h/ip"}
    client = client_for(member)
    client.post(PAGE, FORM)
    page = send(client, email="new@rush.example")
    assert page.status_code == 429
    assert 'value="new@rush.example"' in page.content.decode()


def press(client: Client, invitation: Invitation, what: str):
    return client.post(f"{PAGE}{invitation.pk}/{what}/", follow=True)


def test_invitation_is_sent_again_and_cancelled(client_for, member, invitation):
    client = client_for(member)
    page = press(client, invitation, "resend")
    (refusal,) = messages_of(page)
    assert "less than a day ago" in refusal
    assert ".." not in refusal
    assert f"/{invitation.pk}/resend/" not in page.content.decode()
    Invitation.objects.update(sent_at=timezone.now() - timedelta(days=1))
    assert f"/{invitation.pk}/resend/" in client.get(PAGE).content.decode()
    page = press(client, invitation, "resend")
    assert messages_of(page) == [f"Invited again: {ADDRESS}."]
    assert "the second time" in visible_text(page)
    page = press(client, invitation, "cancel")
    assert messages_of(page) == [f"The invitation to {ADDRESS} is cancelled."]
    assert "People you invited" not in visible_text(page)
    assert "already accepted or cancelled" in messages_of(press(client, invitation, "cancel"))[0]


def test_only_the_inviter_presses_and_only_by_post(client_for, member, colleague, invitation):
    for what in ("resend", "cancel"):
        assert press(client_for(colleague), invitation, what).status_code == 404
        assert client_for(member).get(f"{PAGE}{invitation.pk}/{what}/").url == PAGE
    invitation.refresh_from_db()
    assert (invitation.sent_count, invitation.cancelled_at) == (1, None)


def test_list_takes_the_same_queries_for_many(client_for, member, team, invitation):
    client = client_for(member)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(PAGE)
        return len(captured)

    one = queries()
    for number in range(2):
        invite_colleague(f"n{number}@rush.example", [team], "", by=member)
    assert queries() == one


def test_pages_of_members_lead_to_inviting(client_for, member, team):
    client = client_for(member)
    for url in ("/my/", team.get_absolute_url()):
        assert "Invite a colleague" in visible_text(client.get(url))


def test_pages_of_others_do_not(client_for, outsider, team, client):
    for reader in (client, client_for(outsider)):
        assert "Invite a colleague" not in visible_text(reader.get(team.get_absolute_url()))


# Joining -------------------------------------------------------------------------------------


def join_with(client: Client, url: str, **changes: object):
    form = shown_form(client, url) | {"full_name": "Cora Colleague"} | changes
    assert client.post(url, form).url == CODE
    return client.post(CODE, {"code": last_code()})


def test_invited_person_joins_with_name_and_code(client_for, member, team, invitation):
    client, url = Client(), url_of(invitation)
    for _ in range(2):
        page = client.get(url)
        assert "Maria Member of Rush Example Hospital invites you to join" in visible_text(page)
        assert page.context["form"]["email"].value() == ADDRESS
        assert page.context["form"]["teams"].value() == ["education"]
    assert Invitation.objects.get() == invitation
    assert not Member.objects.filter(email=ADDRESS).exists()
    assert join_with(client, url)["Location"] == DONE
    assert "Invite a colleague" in visible_text(client.get(DONE))
    assert "Joined" in visible_text(client_for(member).get(PAGE))
    # It is used now.
    page = visible_text(Client().get(url))
    assert "This invitation no longer works" in page
    assert "Join a team" in page


def test_invited_person_joins_with_another_address(member, team, invitation):
    client, url = Client(), url_of(invitation)
    join_with(client, url, email="cora.c@rush.example")
    invitation.refresh_from_db()
    assert invitation.accepted_by.email == "cora.c@rush.example"
    assert not Member.objects.filter(email=ADDRESS).exists()


def test_what_was_typed_survives_the_way_back(member, other_team, invitation):
    client, url = Client(), url_of(invitation)
    form = shown_form(client, url) | {"full_name": "Cora", "email": "c@unknown.example"}
    client.post(url, form | {"teams": ["hiring"]})
    assert shown_form(client, url)["email"] == "c@unknown.example"
    assert shown_form(client, url)["teams"] == ["hiring"]
    # Also where the plain form is sent again, and the employer is asked for.
    client.post("/join/", shown_form(client, "/join/") | {"email": "c@unknown.example"})
    assert client.post(CODE, {"code": last_code()}).url == EMPLOYER
    client.post(EMPLOYER, {"organization": "Lakeside Clinic"})
    invitation.refresh_from_db()
    assert invitation.accepted_by.email == "c@unknown.example"


def test_closed_team_is_not_ticked(member, team, invitation):
    team.join_policy = "closed"
    team.save()
    assert shown_form(Client(), url_of(invitation))["teams"] == ""


@pytest.mark.parametrize("state", ["cancelled", "expired", "forged", "inviter gone"])
def test_invitation_that_is_over_shows_the_plain_form(client, member, invitation, state):
    url = url_of(invitation)
    if state == "cancelled":
        Invitation.objects.update(cancelled_at=timezone.now())
    elif state == "expired":
        Invitation.objects.update(sent_at=timezone.now() - timedelta(days=30))
    elif state == "forged":
        url = f"{url[:-2]}x/"
    else:
        close_account(member)
    page = client.get(url)
    text = visible_text(page)
    assert "This invitation no longer works" in text
    assert "Maria" not in text
    assert ADDRESS not in page.content.decode()
    if state == "cancelled":
        joined = join_with(client, url, email="c@rush.example", teams=["education"])
        assert joined["Location"] == DONE


def test_member_who_is_signed_in_joins_with_one_press(client_for, outsider, member, team):
    invite_colleague(outsider.email, [team], "", by=member)
    page = client_for(outsider).get(url_of(Invitation.objects.get()), follow=True)
    assert page.redirect_chain[-1][0] == "/my/"
    assert messages_of(page) == ["Maria Member invites you to Education. Join with one press."]


def test_colleagues_link_is_not_that_of_staff(client, invitation):
    page = client.get(f"/join/?invitation={invitation.token}")
    assert "This invitation no longer works" in visible_text(page)


# Refusing ------------------------------------------------------------------------------------


def test_link_shows_stops_and_undoes(client, invitation):
    url = links_of(invitation)[1]
    page = client.get(url)
    assert "Stop invitations?" in visible_text(page)
    assert ADDRESS not in page.content.decode()
    client.head(url)
    assert not InvitationRefusal.objects.exists()
    client.post(url, {"invitations": "stop"})
    page = client.post(url, {"invitations": "stop"}, follow=True)
    assert "We will not invite you again" in visible_text(page)
    assert is_refused(ADDRESS)
    assert client.post(url, {"invitations": "?"}).status_code == 400
    client.post(url, {"invitations": "allow"})
    assert not is_refused(ADDRESS)


def test_email_program_stops_with_one_post(invitation):
    url = links_of(invitation)[1]
    response = Client(enforce_csrf_checks=True).post(url, dict([ONE_CLICK]))
    assert (response.status_code, response["Content-Type"]) == (200, "text/plain")
    assert is_refused(ADDRESS)


def test_link_works_after_the_invitation_is_erased(client, invitation):
    url = links_of(invitation)[1]
    Invitation.objects.all().delete()
    client.post(url, {"invitations": "stop"})
    assert is_refused(ADDRESS)


def test_forged_link_stops_nothing(client, invitation):
    for url in (f"/invited/{invitation.token}/stop/", "/invited/x/stop/"):
        assert client.post(url, {"invitations": "stop"}).status_code == 404
    assert not InvitationRefusal.objects.exists()


def test_inviter_never_sees_a_refusal(client_for, client, member, invitation):
    before = visible_text(client_for(member).get(PAGE))
    client.post(links_of(invitation)[1], {"invitations": "stop"})
    assert visible_text(client_for(member).get(PAGE)) == before
