"""Inviting facilitators, administrators and imported people at the desk."""

from django.utils import timezone

from conftest import visible_text
from desk.models import Import, ImportedRecord
from members.models import Member
from teams.models import Invitation
from teams.services import invite, invite_member

INVITATIONS = "/admin/teams/invitation/"
ADDRESS = "ines@collaborative.example"
Role = Invitation.Role


def add(client, *, follow: bool = True, **changes: object):
    typed = {"email": ADDRESS, "role": "facilitator", "team": "", "note": ""} | changes
    return client.post(f"{INVITATIONS}add/", typed, follow=follow)


def test_team_page_leads_to_inviting_its_facilitator(client_for, administrator, team):
    client = client_for(administrator)
    team_url = f"/admin/teams/actionteam/{team.pk}/change/"
    page = client.get(team_url).content.decode()
    link = f"{INVITATIONS}add/?role=facilitator&amp;team={team.pk}"
    assert link in page
    form = client.get(link.replace("&amp;", "&")).context["adminform"].form
    assert (form.initial["role"], form["team"].value()) == ("facilitator", str(team.pk))
    response = add(client, team=team.pk, email="<Ines@Collaborative.Example>")
    assert f"Invited: {ADDRESS}." in visible_text(response)
    assert f"{ADDRESS}, on " in visible_text(client.get(team_url))


def test_list_of_people_leads_to_inviting_an_administrator(client_for, administrator, facilitator):
    people = "/admin/members/member/"
    link = f"{INVITATIONS}add/?role=administrator"
    assert link in client_for(administrator).get(people).content.decode()
    assert link not in client_for(facilitator).get(people).content.decode()
    add(client_for(administrator), follow=False, role="administrator", note="Please help.")
    assert Invitation.objects.get().note == "Please help."


def test_invitation_with_a_mistake_says_how_to_correct_it(client_for, administrator, team):
    client = client_for(administrator)
    for typed, message in (
        ({"role": "facilitator"}, "Choose the team that the person will facilitate"),
        ({"role": "administrator", "team": team.pk}, "administrators see all teams"),
        ({"role": "member"}, "Select a valid choice"),
        ({"email": "ines"}, "email address, like name@hospital.org"),
    ):
        assert message in visible_text(add(client, **typed))
    assert not Invitation.objects.exists()
    add(client, follow=False, team=team.pk)
    assert "is invited already" in visible_text(add(client, team=team.pk))
    assert Invitation.objects.get().sent_count == 1


def test_invitation_of_who_cannot_accept_is_refused_and_keeps_what_was_typed(
    client_for, administrator, facilitator, member, team
):
    client = client_for(administrator)
    Member.objects.filter(pk=member.pk).update(is_active=False, held_at=timezone.now())
    for email, typed, message in (
        (facilitator.email, {"team": team.pk}, "Fay Facilitator already facilitates Education."),
        (administrator.email, {"role": "administrator"}, "Ada Admin is already an administrator."),
        (member.email, {"team": team.pk}, "is on hold until a move is decided. Nothing was sent."),
    ):
        page = add(client, email=email, note="Welcome!", **typed)
        assert message in visible_text(page)
        assert 'value="Welcome!"' in page.content.decode()
    assert not Invitation.objects.exists()


def test_invitation_asks_about_an_address_that_is_probably_typed_wrong(
    client_for, administrator, organization, team
):
    client = client_for(administrator)
    typo = {"email": "ines@rsuh.example", "team": team.pk}
    page = add(client, **typo)
    assert "rsuh.example looks like rush.example of Rush Example Hospital." in visible_text(page)
    assert 'type="checkbox" name="is_right"' in page.content.decode()
    assert not Invitation.objects.exists()
    add(client, follow=False, **typo, is_right="on")
    invitation = Invitation.objects.get()
    assert invitation.email == "ines@rsuh.example"
    assert client.get(f"{INVITATIONS}{invitation.pk}/change/").status_code == 200


def test_invitation_is_sent_again_and_cancelled(client_for, administrator, team):
    invitation = invite(ADDRESS, Role.FACILITATOR, by=administrator, team=team)
    client = client_for(administrator)
    for action in ("send-again", "cancel"):
        url = f"{INVITATIONS}{invitation.pk}/{action}/"
        form = client.get(url).context["form"]
        client.post(url, {name: form[name].value() or "" for name in form.fields})
    invitation.refresh_from_db()
    assert (invitation.sent_count, invitation.status[1]) == (2, "Cancelled")


def test_invitations_of_staff_are_for_administrators(client_for, facilitator, administrator, team):
    invitation = invite(ADDRESS, Role.ADMINISTRATOR, by=administrator)
    client = client_for(facilitator)
    assert ADDRESS not in client.get(INVITATIONS).content.decode()
    assert client.get(f"{INVITATIONS}add/").status_code == 403
    assert client.get(f"{INVITATIONS}{invitation.pk}/change/").status_code == 404
    for action in ("send-again", "cancel"):
        assert client.post(f"{INVITATIONS}{invitation.pk}/{action}/").status_code == 404
    assert add(client, team=team.pk).status_code == 403
    assert Invitation.objects.get().status[1] == "Waiting"


def test_imported_people_are_invited_from_the_import(client_for, facilitator, colleague, member):
    source = Import.objects.create(
        by=facilitator, kind="members", file_name="a.csv", state="done", finished_at=timezone.now()
    )
    for person in (colleague, member):
        ImportedRecord.objects.create(
            source=source, model_label="members.member", object_id=person.pk
        )
    invite_member(member, by=facilitator)
    client = client_for(facilitator)
    assert "Invite the 1 who has not signed in" in visible_text(
        client.get(f"/admin/desk/import/{source.pk}/change/")
    )
    page = client.post(f"/admin/desk/import/{source.pk}/invite/", follow=True)
    assert not Invitation.objects.filter(email=colleague.email).exists()
    imported = client.post(page.redirect_chain[-1][0], follow=True)
    assert imported.request["PATH_INFO"] == f"/admin/desk/import/{source.pk}/change/"
    assert visible_text(imported).count("invited on") == 2
    invitation = Invitation.objects.get(email=colleague.email)
    record = visible_text(client.get(f"/admin/members/member/{colleague.pk}/change/"))
    assert f"invited on {invitation.sent_at:%B}" in record
    people = visible_text(client.get("/admin/members/member/?signed_in=never"))
    assert people.count(f"invited on {invitation.sent_at:%B}") == 2


def test_facilitator_invites_only_people_of_their_teams(client_for, facilitator, outsider):
    url = f"/admin/members/member/{outsider.pk}/invite/"
    assert client_for(facilitator).post(url).status_code == 404
    assert not Invitation.objects.exists()


def test_page_that_invites_says_send_and_not_save(client_for, administrator):
    client = client_for(administrator)
    page = client.get("/admin/teams/invitation/add/").content.decode()
    assert "<h1>Invite someone</h1>" in page
    assert "Invite someone" in visible_text(client.get("/admin/teams/invitation/"))
    assert 'value="Send the invitation"' in page
    assert "Save" not in page
    invite(ADDRESS, Role.ADMINISTRATOR, by=administrator)
    sent = Invitation.objects.get()
    shown = client.get(f"/admin/teams/invitation/{sent.pk}/change/")
    assert f"Invitation of {ADDRESS}" in visible_text(shown)
    assert "Send the invitation" not in shown.content.decode()


def test_list_shows_no_made_up_address_of_a_closed_account(client_for, administrator):
    invite(ADDRESS, Role.ADMINISTRATOR, by=administrator)
    Invitation.objects.update(email="erased-1@closed.invalid")
    page = visible_text(client_for(administrator).get("/admin/teams/invitation/"))
    assert "erased" in page
    assert "closed.invalid" not in page
