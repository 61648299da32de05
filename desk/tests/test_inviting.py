"""Inviting many people to a team at the desk, and the invitations that members have sent."""

import re

import pytest
from post_office.models import STATUS, Email

from conftest import make_active_member, messages_of, visible_text
from desk.records.inviting import InviteManyForm
from desk.tests.action_pages import listed
from members.models import Decision, Member
from teams.models import Invitation
from teams.services import close_account, complete_join, leave_team, merge_members
from teams.services.colleague_invitations import invite_colleague
from teams.services.invitation_emails import note_delivered

INVITATIONS = "/admin/teams/invitation/"
PASTED = """Ana Example <ana@x.example>, ben@x.example
"Example; Cora" <cora@x.example>;
ANA@x.example"""


def url_of(team) -> str:
    return f"/admin/teams/actionteam/{team.pk}/invite-people/"


def check(client, team, **typed: str):
    """Press "Check the list"."""
    return client.post(url_of(team), {"addresses": PASTED, "note": "", "preview": "email"} | typed)


def invite_all(client, team, **typed: str):
    """Check the list, and press the button of the page that says what will happen."""
    page = check(client, team, **typed)
    posted = {"addresses": PASTED, "note": "", "checked": page.context["checked"]} | typed
    return client.post(url_of(team), posted)


def test_pasted_people_are_checked_invited_and_undone(client_for, facilitator, colleague, team):
    client = client_for(facilitator)
    assert url_of(team) in client.get(f"/admin/teams/actionteam/{team.pk}/change/").content.decode()
    first = client.get(url_of(team)).content.decode()
    assert 'value="Invite people"' not in first
    pasted = f"{PASTED}\n{colleague.email}"
    page = check(client, team, addresses=pasted, note="Hello")
    text = visible_text(page)
    assert (
        "This will invite 3 people to Education; 1 address left out: in the list twice; "
        "1 person left out: already in the team." in text
    )
    assert "> Hello" in text
    # What the link of the sample would prove.
    assert re.search(r"/invited/[^…\s]", page.content.decode()) is None
    assert not Invitation.objects.exists()
    posted = {"addresses": pasted, "note": "Hello", "checked": page.context["checked"]}
    done = client.post(url_of(team), posted)
    assert "Invited 3 people to Education." in messages_of(done)[0]
    emails = Email.objects.filter(team_email__invitation__isnull=False)
    assert emails.count() == Invitation.objects.count() == 3
    # They wait for two minutes, and go after all others.
    assert {(email.scheduled_time is None, email.priority) for email in emails} == {(False, 0)}
    decision = Decision.objects.get()
    client.post(f"/admin/members/decision/{decision.pk}/undo/")
    assert not Invitation.objects.exists()
    assert not emails.all().exists()
    client.post(url_of(team), posted)
    assert Invitation.objects.count() == 3


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"addresses": ""}, "Paste at least one address"),
        ({"addresses": " ,;\n"}, "Paste at least one address"),
        ({"addresses": f"{PASTED}\nBen Example"}, "Line 4, “Ben Example”: Enter an email address"),
        ({"addresses": "x@mailinator.com"}, "throwaway"),
        (
            {"addresses": "\n".join(f"p{number}@x.example" for number in range(101))},
            "There are 101 addresses. Invite at most 100 at a time",
        ),
        ({"addresses": "@ " * 30}, "And 20 more"),
        ({"note": "see evil.com"}, "Leave out “evil.com”"),
        ({"note": "x" * 201}, "at most 200 characters"),
    ],
)
def test_list_with_a_mistake_says_how_to_correct_it(typed, message):
    form = InviteManyForm({"addresses": PASTED, "note": "", "preview": "email"} | typed)
    (errors,) = form.errors.values()
    assert message in " ".join(errors)


def test_page_with_a_mistake_invites_nobody(client_for, facilitator, team):
    page = check(client_for(facilitator), team, addresses=f"{PASTED}\nBen")
    assert "Line 4, “Ben”" in visible_text(page)
    assert 'value="Invite people"' not in page.content.decode()


def test_check_names_addresses_that_are_probably_typed_wrong(client_for, facilitator, team):
    page = check(client_for(facilitator), team, addresses=f"{PASTED}\nx@rsuh.example")
    text = visible_text(page)
    assert "1 address may have a typo" in text
    assert "x@rsuh.example: rsuh.example looks like rush.example" in text


def test_list_that_was_not_checked_invites_nobody(client_for, facilitator, team):
    client = client_for(facilitator)
    checked = check(client, team).context["checked"]
    for typed in ({}, {"checked": checked, "addresses": "other@x.example"}, {"checked": "x"}):
        page = client.post(url_of(team), {"addresses": PASTED, "note": ""} | typed)
        assert "Check the list first" in visible_text(page)
    assert not Invitation.objects.exists()


def test_list_without_anybody_new_says_so(client_for, facilitator, team):
    client = client_for(facilitator)
    invite_all(client, team)
    page = check(client, team)
    assert "There is nobody new on this list" in visible_text(page)
    assert 'value="Invite people"' not in page.content.decode()


def test_facilitator_invites_to_own_open_teams(
    client_for, facilitator, administrator, team, other_team, member
):
    client = client_for(facilitator)
    assert client.get(url_of(other_team)).status_code == 404
    assert check(client, other_team).status_code == 404
    assert client_for(member).get(url_of(team)).status_code in {302, 403}
    invited = invite_all(client_for(administrator), other_team)
    assert "Invited 3 people to Hiring" in messages_of(invited)[0]
    team.join_policy = "closed"
    team.save()
    assert "nobody can be invited now" in visible_text(client.get(url_of(team)))


def test_hundred_people_can_be_invited_at_once():
    pasted = "\n".join(f"p{number}@x.example" for number in range(100))
    assert InviteManyForm({"addresses": pasted, "note": "", "preview": "email"}).is_valid()


def test_closed_account_is_erased_from_what_was_pasted(client_for, facilitator, team, outsider):
    pasted = f"{PASTED}\n{outsider.email}"
    invite_all(client_for(facilitator), team, addresses=pasted)
    assert outsider.email in str(Decision.objects.get().form_data)
    close_account(outsider)
    assert Decision.objects.get().form_data == {}


def test_closed_account_is_erased_from_what_was_pasted_under_a_merged_address(
    client_for, administrator, facilitator, team, other_team, colleague
):
    twin = make_active_member("twin@rush.example", colleague.organization, "Twin", other_team)
    invite_all(client_for(facilitator), team, addresses=twin.email)
    merge_members(twin, colleague, by=administrator)
    close_account(colleague)
    assert Decision.objects.get(action="invite-people").form_data == {}


# The list ------------------------------------------------------------------------------------


@pytest.fixture
def invitations(member, outsider, team, other_team) -> list[Invitation]:
    invite_colleague("ours@rush.example", [team], "", by=member)
    invite_colleague("both@rush.example", [team, other_team], "", by=outsider)
    invite_colleague("theirs@rush.example", [other_team], "", by=outsider)
    return list(Invitation.objects.order_by("pk"))


def test_facilitator_sees_invitations_to_their_teams(client_for, facilitator, invitations, team):
    client = client_for(facilitator)
    text = visible_text(client.get(INVITATIONS))
    assert "ours@rush.example" in text
    assert "both@rush.example" in text
    assert "theirs@rush.example" not in text
    assert "Maria Member" in text
    # In another team.
    assert "Olga Outsider" not in text
    assert "Invite to Education" in text
    ours, _, theirs = invitations
    for url in (f"{INVITATIONS}{ours.pk}/change/", f"{INVITATIONS}{theirs.pk}/history/"):
        assert client.get(url).status_code in {403, 404}
    assert client.get(f"{INVITATIONS}{theirs.pk}/cancel/").status_code == 404


def accept(invitation: Invitation, *teams) -> Member:
    member, _ = complete_join(
        invitation.email, full_name="C", job_title="", team_ids=[team.pk for team in teams]
    )
    return member


def test_state_tells_of_nobody_whom_the_facilitator_does_not_see(
    client_for, facilitator, administrator, invitations, team, other_team
):
    ours, both, _ = invitations
    accept(ours, team)
    accept(both, other_team)
    for reader, emails in (
        (facilitator, {ours.email}),
        (administrator, {ours.email, both.email}),
    ):
        accepted = listed(Invitation, reader, "state=accepted")
        assert {each.email for each in accepted} == emails
    (waiting,) = listed(Invitation, facilitator, "state=waiting")
    assert waiting.email == both.email
    exported = client_for(facilitator).post(f"{INVITATIONS}export/", {"format": "csv"})
    content = exported.getvalue().decode("utf-8-sig")
    assert re.search(rf"{both.email}.*Waiting", content)
    assert re.search(rf"{ours.email}.*Accepted", content)


def test_filters_name_roles_states_and_teams(client_for, administrator, invitations, other_team):
    for query, number in (
        ("role__exact=colleague", 3),
        ("role__exact=administrator", 0),
        ("state=expired", 0),
        ("state=cancelled", 0),
        (f"teams__id__exact={other_team.pk}", 2),
    ):
        assert len(listed(Invitation, administrator, query)) == number
    assert client_for(administrator).get(f"{INVITATIONS}?state=x").status_code == 302


def press(client, invitation: Invitation, action: str):
    url = f"{INVITATIONS}{invitation.pk}/{action}/"
    form = client.get(url).context["form"]
    return client.post(url, {name: form[name].value() or "" for name in form.fields})


def test_facilitator_cancels_for_the_team(client_for, facilitator, invitations, team, other_team):
    _, both, _ = invitations
    accept(both, other_team)
    assert "no longer works" in messages_of(press(client_for(facilitator), both, "cancel"))[0]
    both.refresh_from_db()
    assert both.cancelled_at


def test_only_who_invited_sends_again(client_for, facilitator, administrator, invitations):
    ours = invitations[0]
    for staff in (facilitator, administrator):
        (message,) = messages_of(press(client_for(staff), ours, "send-again"))
        assert "Only the person who sent the invitation can do this" in message
    ours.refresh_from_db()
    assert ours.sent_count == 1


def test_list_costs_the_same_queries_for_many(
    client_for, facilitator, invitations, team, member, django_assert_max_num_queries
):
    client = client_for(facilitator)
    client.get(INVITATIONS)
    with django_assert_max_num_queries(40) as few:
        client.get(INVITATIONS)
    number = len(few)
    for each in range(3):
        invite_colleague(f"n{each}@rush.example", [team], "", by=member)
    with django_assert_max_num_queries(number):
        client.get(INVITATIONS)


def test_left_member_is_still_shown_as_joined_to_the_facilitator(
    client_for, facilitator, invitations, team
):
    leave_team(accept(invitations[0], team).memberships.get())
    text = visible_text(client_for(facilitator).get(INVITATIONS))
    assert "Accepted" in text


def test_delivery_is_noted_for_the_invitation(member, organization, team):
    make_active_member("x@rush.example", organization, "X", team)
    invite_colleague("ours@rush.example", [team], "", by=member)
    email = Email.objects.get()
    Email.objects.update(status=STATUS.sent)
    note_delivered(email)
    assert Invitation.objects.get().delivered_count == 1
