"""Members at the desk: whom a facilitator sees, and confirming where people work."""

import pytest

from conftest import make_member, make_membership, membership_of, messages_of, visible_text
from desk.tests.action_pages import action_url, listed, selection_url
from members.models import Member
from members.tests.steps import last_line
from teams.models import Membership
from teams.services import join_teams, leave_team, set_facilitators

LIST = "/admin/members/member/"


def record(person: Member) -> str:
    return f"{LIST}{person.pk}/change/"


@pytest.fixture
def una(organization, team, approval_team) -> Member:
    """Named a recognized organization with an address elsewhere; waits for two teams."""
    person = make_member("una@mail.example", organization, "Una Unconfirmed", confirmed=False)
    for requested in (team, approval_team):
        make_membership(person, requested, Membership.Status.REQUESTED)
    return person


# Whom one sees -----------------------------------------------------------------------------


def test_list_shows_a_facilitator_the_people_of_their_teams_once(
    client_for, facilitator, member, outsider, team
):
    leave_team(membership_of(member, team))
    # Two memberships of one person.
    join_teams(member, [team])
    response = client_for(facilitator).get(LIST)
    assert list(response.context["cl"].result_list) == [member]
    assert "olga" not in visible_text(response).lower()


def test_list_shows_an_administrator_all_members(administrator, facilitator, member, outsider):
    assert len(listed(Member, administrator)) == Member.objects.count()


@pytest.mark.parametrize("path", ["{}/change/", "{}/history/"])
def test_pages_of_people_of_other_teams_are_not_found(client_for, facilitator, outsider, path):
    assert client_for(facilitator).get(LIST + path.format(outsider.pk)).status_code == 404


def test_search_matches_nobody_of_other_teams(facilitator, member, outsider):
    for query in ("q=Olga", "q=loop.example", "affiliation=confirmed&q=olga"):
        assert listed(Member, facilitator, query) == [], query


def test_filters_that_the_list_does_not_offer_are_refused(client_for, facilitator, member):
    client = client_for(facilitator)
    for lookup in (
        "memberships__team=1", "memberships=1", "facilitated_teams=1", "is_superuser=1",
        "organization__name=x", "email__startswith=m", "last_login__isnull=1",
    ):  # fmt: skip
        assert client.get(f"{LIST}?{lookup}").status_code == 400, lookup


def test_record_names_memberships_in_ones_own_teams_only(
    client_for, facilitator, administrator, member, other_team
):
    join_teams(member, [other_team])
    path = f"{LIST}{member.pk}/change/"
    assert "Hiring" not in visible_text(client_for(facilitator).get(path))
    assert "Hiring" in visible_text(client_for(administrator).get(path))


def test_nothing_suggests_people_by_script(client_for, administrator):
    query = {"app_label": "teams", "model_name": "actionteam", "field_name": "facilitators"}
    assert client_for(administrator).get("/admin/autocomplete/", query).status_code == 404


# Changing ----------------------------------------------------------------------------------


def test_facilitator_cannot_change_a_person(client_for, facilitator, member):
    form_data = {"full_name": "Forged", "email": "x@rush.example", "is_staff": "on"}
    assert client_for(facilitator).post(f"{LIST}{member.pk}/change/", form_data).status_code == 403
    member.refresh_from_db()
    assert member.full_name == "Maria Member"


def test_administrator_changes_name_and_title_and_nothing_else(client_for, administrator, outsider):
    form_data = {
        "full_name": "Olga O.",
        "job_title": "Nurse",
        "email": "evil@loop.example",
        "is_staff": "on",
        "is_superuser": "on",
        "is_active": "",
        "affiliation_confirmed_via": "facilitator",
        "memberships-TOTAL_FORMS": "0",
        "memberships-INITIAL_FORMS": "0",
    }
    response = client_for(administrator).post(f"{LIST}{outsider.pk}/change/", form_data)
    assert response.status_code == 302
    outsider.refresh_from_db()
    assert (outsider.full_name, outsider.job_title) == ("Olga O.", "Nurse")
    assert (outsider.email, outsider.is_active) == ("olga@loop.example", True)
    assert (outsider.is_staff, outsider.is_superuser) == (False, False)
    assert outsider.affiliation_confirmed_via == "domain"
    assert outsider.history.latest().history_user == administrator


def test_memberships_on_the_record_cannot_be_changed(client_for, administrator, member, team):
    membership = membership_of(member, team)
    form_data = {
        "full_name": "Maria",
        "job_title": "",
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": membership.pk,
        "memberships-0-member": member.pk,
        "memberships-0-status": "declined",
        "memberships-0-DELETE": "on",
    }
    client_for(administrator).post(f"{LIST}{member.pk}/change/", form_data)
    membership.refresh_from_db()
    assert membership.is_active


def test_nobody_is_added_without_a_team(client_for, administrator):
    assert client_for(administrator).get(LIST + "add/").status_code == 403


# Confirming --------------------------------------------------------------------------------


def test_confirm_is_one_click_on_the_record_and_opens_requests(
    client_for, facilitator, una, organization, team, approval_team, queued_emails
):
    client = client_for(facilitator)
    assert (
        f'action="{action_url("confirm", una)}"'
        in client.get(f"{LIST}{una.pk}/change/").content.decode()
    )
    response = client.post(action_url("confirm", una))
    assert messages_of(response) == [
        "Una Unconfirmed is confirmed for Rush Example Hospital. Active member now: Education."
    ]
    una.refresh_from_db()
    assert una.affiliation_confirmed_by == facilitator
    assert membership_of(una, team).is_active
    assert membership_of(una, approval_team).is_waiting
    assert queued_emails()[-1].to == [una.email]


def test_confirm_page_by_get_changes_nothing(client_for, facilitator, una):
    text = visible_text(client_for(facilitator).get(action_url("confirm", una)))
    assert "Una Unconfirmed, una@mail.example: Rush Example Hospital" in text
    una.refresh_from_db()
    assert not una.is_affiliation_confirmed


def test_confirm_of_people_of_other_teams_is_not_found(client_for, other_facilitator, una):
    assert client_for(other_facilitator).post(action_url("confirm", una)).status_code == 404
    una.refresh_from_db()
    assert not una.is_affiliation_confirmed


def test_confirm_is_refused_to_a_member(client_for, member, una):
    assert client_for(member).post(action_url("confirm", una)).status_code == 403
    una.refresh_from_db()
    assert not una.is_affiliation_confirmed


def test_confirm_is_refused_until_the_organization_is_recognized(
    client_for, facilitator, applicant
):
    client = client_for(facilitator)
    assert (
        action_url("confirm", applicant)
        not in client.get(f"{LIST}{applicant.pk}/change/").content.decode()
    )
    response = client.post(action_url("confirm", applicant))
    assert "Recognize Lakeview Health first" in messages_of(response)[0]
    applicant.refresh_from_db()
    assert not applicant.is_affiliation_confirmed


def test_confirm_again_is_reported_and_others_continue(client_for, facilitator, una, member, team):
    client = client_for(facilitator)
    response = client.post(selection_url(client, "confirm", member, una))
    assert any("already confirmed" in text for text in messages_of(response))
    una.refresh_from_db()
    assert una.is_affiliation_confirmed


def test_list_is_filtered_by_affiliation(facilitator, una, member, applicant):
    matches = {
        value: set(listed(Member, facilitator, f"affiliation={value}"))
        for value in ("to_confirm", "confirmed", "unconfirmed")
    }
    assert matches == {
        "to_confirm": {una},
        "confirmed": {member},
        "unconfirmed": {una, applicant},
    }


def test_confirm_names_ones_own_teams_and_counts_the_others(
    client_for, facilitator, administrator, una, approval_team, other_team
):
    join_teams(una, [other_team])
    set_facilitators(approval_team, [facilitator], by=administrator)
    response = client_for(facilitator).post(action_url("confirm", una))
    assert messages_of(response) == [
        "Una Unconfirmed is confirmed for Rush Example Hospital. Active member now: Education. "
        "1 membership opened in other teams. Still waiting for a decision: Careers."
    ]


# Saying no ---------------------------------------------------------------------------------


def test_decline_declines_requests_for_ones_own_teams_with_one_email(
    client_for, facilitator, administrator, una, team, approval_team, other_team, queued_emails
):
    join_teams(una, [other_team])
    set_facilitators(approval_team, [facilitator], by=administrator)
    client = client_for(facilitator)
    assert f'href="{action_url("decline", una)}"' in client.get(record(una)).content.decode()
    page = visible_text(client.get(action_url("decline", una)))
    assert "waits for Education, Careers" in page
    assert "Hiring" not in page
    count = len(queued_emails())
    form_data = {"reason": "You do not work there."}
    response = client.post(action_url("decline", una), form_data)
    assert messages_of(response) == [
        "Declined what Una Unconfirmed asked for: Education, Careers. One email says why."
    ]
    status = [
        membership_of(una, requested).status for requested in (team, approval_team, other_team)
    ]
    assert status == ["declined", "declined", "requested"]
    assert len(queued_emails()) == count + 1
    assert "You do not work there." in queued_emails()[-1].message


def test_decline_without_a_reason_is_refused_on_its_page(client_for, facilitator, una, team):
    response = client_for(facilitator).post(action_url("decline", una), {"reason": "  "})
    assert response.context["form"].errors["reason"]
    assert membership_of(una, team).is_waiting


def test_decline_twice_is_reported(client_for, facilitator, una, queued_emails):
    client = client_for(facilitator)
    for _ in range(2):
        path = action_url("decline", una)
        response = client.post(path, {"reason": "No."})
    assert messages_of(response)[-1].startswith("No request of Una Unconfirmed waits for you.")
    assert action_url("decline", una) not in client.get(record(una)).content.decode()


def test_decline_and_unconfirm_are_refused_to_others(
    client_for, una, team, other_facilitator, colleague
):
    for person, status in ((other_facilitator, 404), (colleague, 403)):
        client = client_for(person)
        for decision in ("decline", "unconfirm"):
            path = action_url(decision, una)
            for answer in (client.get(path), client.post(path, {"reason": "x"})):
                assert answer.status_code == status
    assert membership_of(una, team).is_waiting


# Taking a confirmation back ------------------------------------------------------------------


@pytest.mark.parametrize("who", ["facilitator", "administrator"])
def test_unconfirm_stores_the_reason_and_memberships_stay(client_for, request, member, team, who):
    desk = request.getfixturevalue(who)
    client = client_for(desk)
    path = action_url("unconfirm", member)
    assert f'href="{path}"' in client.get(record(member)).content.decode()
    page = visible_text(client.get(path))
    assert "Memberships stay" in page
    assert "confirms the member again" in page
    response = client.post(path, {"reason": "She moved to Loop."})
    assert messages_of(response) == [
        "Maria Member is no longer confirmed for Rush Example Hospital. Memberships stay."
    ]
    member.refresh_from_db()
    assert (member.is_affiliation_confirmed, str(member.organization)) == (
        False,
        "Rush Example Hospital",
    )
    assert last_line(member)[0] == desk
    assert membership_of(member, team).is_active
    assert "She moved to Loop." in visible_text(client.get(f"{LIST}{member.pk}/history/"))


def test_unconfirm_without_a_reason_is_refused(client_for, facilitator, member):
    response = client_for(facilitator).post(action_url("unconfirm", member), {"reason": " "})
    assert response.context["form"].errors["reason"]
    member.refresh_from_db()
    assert member.is_affiliation_confirmed


def test_unconfirm_of_an_unconfirmed_member_is_reported_and_not_offered(
    client_for, facilitator, una
):
    client = client_for(facilitator)
    path = action_url("unconfirm", una)
    assert path not in client.get(record(una)).content.decode()
    response = client.post(path, {"reason": "x"})
    assert "is not confirmed. Nothing was changed." in visible_text(response)


# Closing an account --------------------------------------------------------------------------


def test_close_says_first_what_is_erased(client_for, administrator, member, team):
    client = client_for(administrator)
    path = action_url("close", member)
    assert f'href="{path}"' in client.get(record(member)).content.decode()
    page = visible_text(client.get(path))
    assert "Name, address and job title are erased" in page
    assert "Maria Member, maria@rush.example" in page
    assert membership_of(member, team).is_active
    response = client.post(path, follow=True)
    assert messages_of(response) == ["The account is closed and the person’s details are erased."]
    member.refresh_from_db()
    assert (str(member), member.is_active) == ("Former member", False)
    assert last_line(member) == (administrator, "account closed")
    assert path not in response.content.decode()


def test_close_is_for_administrators(client_for, facilitator, other_facilitator, colleague, member):
    for person, status in ((facilitator, 404), (other_facilitator, 404), (colleague, 403)):
        client = client_for(person)
        assert client.get(action_url("close", member)).status_code == status
        assert client.post(action_url("close", member)).status_code == status
    member.refresh_from_db()
    assert member.is_active


def test_close_is_not_offered_to_facilitators(client_for, facilitator, member):
    client = client_for(facilitator)
    assert "Close account" not in visible_text(client.get(record(member)))
    assert "Close account" not in visible_text(client.get(LIST))
    chosen = {"action": "close", "_selected_action": [member.pk], "index": "0"}
    client.post(LIST, chosen)
    member.refresh_from_db()
    assert member.is_active


def test_close_is_refused_for_ones_own_account(client_for, administrator):
    Member.objects.create_superuser("second@example.org")
    client = client_for(administrator)
    path = action_url("close", administrator)
    assert path not in client.get(record(administrator)).content.decode()
    response = client.post(path)
    assert messages_of(response) == ["Close your own account under My data. Nothing was changed."]
    administrator.refresh_from_db()
    assert administrator.is_active


def test_close_twice_is_reported(client_for, administrator, member):
    client = client_for(administrator)
    for _ in range(2):
        response = client.post(action_url("close", member))
    assert messages_of(response)[-1] == "This account is closed."
