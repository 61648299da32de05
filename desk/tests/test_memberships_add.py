"""Memberships at the desk: adding one without a request; what requests wait for, how long."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import make_member, membership_of, messages_of, visible_text
from desk.tests.action_pages import action_url, selection_url
from members.models import Member
from teams.models import Membership
from teams.services import approve_membership, join_teams, set_facilitators

LIST = "/admin/teams/membership/"


@pytest.fixture
def typed(organization, team) -> dict[str, object]:
    return {
        "email": "Nora@Rush.example",
        "full_name": "Nora Newcomer",
        "organization": "rush EXAMPLE hospital",
        "team": team.pk,
    }


def test_add_makes_an_active_member_and_tells_them(client_for, facilitator, team, typed, mails):
    response = client_for(facilitator).post(LIST + "add/", typed, follow=True)
    nora = Member.objects.get(email="nora@rush.example")
    stay = membership_of(nora, team)
    assert response.redirect_chain == [(f"{LIST}{stay.pk}/change/", 302)]
    assert messages_of(response) == [
        "Nora Newcomer is a member of Education now, and is told by email."
    ]
    assert (stay.status, stay.decided_by) == ("active", facilitator)
    assert nora.affiliation_confirmed_by == facilitator
    assert [mail.to for mail in mails()] == [["nora@rush.example"]]


def test_add_says_that_an_account_was_there_and_stays_as_it_was(
    client_for, facilitator, outsider, team, typed
):
    sent = typed | {"email": "OLGA@loop.example"}
    response = client_for(facilitator).post(LIST + "add/", sent, follow=True)
    assert messages_of(response) == [
        "Olga Outsider is a member of Education now, and is told by email. An account with this "
        "address was there already; its name and organization stay as they were: Olga Outsider, "
        "Loop Example Clinic."
    ]


def test_add_says_of_a_known_account_that_its_organization_is_confirmed(
    client_for, facilitator, applicant, team, typed
):
    sent = typed | {"email": applicant.email}
    response = client_for(facilitator).post(LIST + "add/", sent, follow=True)
    assert messages_of(response) == [
        "Wanda Waiting is a member of Education now, and is told by email. An account with this "
        "address was there already; its name stays as it was: Wanda Waiting. It is confirmed for "
        "Rush Example Hospital from now on."
    ]


def test_add_offers_ones_own_teams_only(client_for, facilitator, team, other_team):
    form = client_for(facilitator).get(LIST + "add/").context["form"]
    assert list(form.fields["team"].queryset) == [team]
    assert form["team"].initial == team


def test_add_with_a_forged_team_adds_nobody(client_for, facilitator, other_team, typed):
    response = client_for(facilitator).post(LIST + "add/", typed | {"team": other_team.pk})
    assert "Choose one of your own teams." in visible_text(response)
    assert not Member.objects.filter(email="nora@rush.example").exists()


@pytest.mark.parametrize("name", ["Lakeview Health", "Nowhere", "1"])
def test_add_with_an_organization_that_nobody_recognized_adds_nobody(
    client_for, facilitator, proposed_organization, typed, name
):
    response = client_for(facilitator).post(LIST + "add/", typed | {"organization": name})
    assert "No recognized organization has this name." in visible_text(response)
    assert response.context["form"]["organization"].value() == name
    assert not Member.objects.filter(email="nora@rush.example").exists()


def test_add_suggests_recognized_organizations(client_for, facilitator, proposed_organization):
    page = client_for(facilitator).get(LIST + "add/").content.decode()
    assert '<option value="Rush Example Hospital">' in page
    assert "Lakeview Health" not in page


@pytest.mark.parametrize("missing", ["email", "full_name", "organization", "team"])
def test_add_says_what_is_missing_and_keeps_the_rest(client_for, facilitator, typed, missing):
    response = client_for(facilitator).post(LIST + "add/", typed | {missing: ""})
    form = response.context["form"]
    assert list(form.errors) == [missing]
    kept = {name: form[name].value() for name in typed if name != missing}
    assert kept == {name: str(value) for name, value in typed.items() if name != missing}


def test_add_tells_a_refusal_above_the_form_and_loses_nothing(
    client_for, facilitator, member, typed
):
    sent = typed | {"email": member.email}
    response = client_for(facilitator).post(LIST + "add/", sent)
    assert "Maria Member is a member of Education already." in visible_text(response)
    assert response.context["form"]["full_name"].value() == "Nora Newcomer"


def test_add_form_cannot_write_a_status(client_for, facilitator, team, typed):
    client_for(facilitator).post(LIST + "add/", typed | {"status": "declined", "reason": "Forged"})
    stay = Membership.objects.get(team=team)
    assert (stay.status, stay.reason) == ("active", "")


def test_add_is_not_a_members(client_for, member, typed):
    assert client_for(member).post(LIST + "add/", typed).status_code == 403
    assert not Member.objects.filter(email="nora@rush.example").exists()


# What waits for something else, and for too long -----------------------------------------------


@pytest.fixture
def approver(facilitator, approval_team, administrator) -> Member:
    """Looks after the team that decides by approval, too."""
    set_facilitators(approval_team, [facilitator], by=administrator)
    return facilitator


@pytest.fixture
def una(organization, approval_team) -> Membership:
    """A request of somebody whom nobody has confirmed for a recognized organization."""
    person = make_member("una@mail.example", organization, "Una Unconfirmed", confirmed=False)
    join_teams(person, [approval_team])
    return membership_of(person, approval_team)


@pytest.fixture
def wanda(applicant, approval_team) -> Membership:
    """A request of somebody whose organization nobody has recognized."""
    join_teams(applicant, [approval_team])
    return membership_of(applicant, approval_team)


def decided_at(stay: Membership) -> str:
    """The page where what a request waits for is decided, as a link names it."""
    if stay.waits_for == "affiliation":
        return f'<a href="/admin/members/member/{stay.member_id}/change/">a confirmed'
    organization = stay.member.organization_id
    return f'<a href="/admin/members/organization/{organization}/change/">a recognized'


@pytest.mark.parametrize("whose", ["una", "wanda"])
def test_request_leads_to_where_what_it_waits_for_is_decided(client_for, approver, request, whose):
    stay = request.getfixturevalue(whose)
    client = client_for(approver)
    for path in (
        f"{LIST}{stay.pk}/change/",
        action_url("decline", stay),
        action_url("approve", stay),
        LIST,
    ):
        assert decided_at(stay) in client.get(path).content.decode(), path


def test_request_without_an_organization_is_told_without_a_link(
    client_for, approver, approval_team
):
    stay = Membership.objects.create(member=make_member("n@mail.example"), team=approval_team)
    shown = client_for(approver).get(action_url("approve", stay))
    assert "waiting for a recognized organization" in visible_text(shown)


def test_approve_says_beforehand_which_rows_are_left(client_for, approver, requests, una, wanda):
    client = client_for(approver)
    response = client.get(selection_url(client, "approve", *requests, una, wanda))
    available, unavailable = (
        {description.split(",")[0] for description in response.context[name]}
        for name in ("descriptions", "unavailable")
    )
    assert available == {"Maria Member", "Colin Colleague"}
    assert unavailable == {"Una Unconfirmed", "Wanda Waiting"}
    assert "Left as they are" in visible_text(response)
    assert 'value="Approve"' in response.content.decode()


def test_approve_is_not_offered_where_nothing_can_be_approved(
    client_for, approver, una, member, approval_team
):
    client = client_for(approver)
    shown = client.get(action_url("approve", una))
    assert "Nothing here can be approved now." in visible_text(shown)
    assert 'value="Approve"' not in shown.content.decode()
    response = client.post(action_url("approve", una), follow=True)  # forged
    assert "Confirm first that Una Unconfirmed works" in messages_of(response)[0]
    assert membership_of(una.member, approval_team).is_waiting


def test_approve_of_all_that_can_be_shows_nothing_left(client_for, approver, requests):
    client = client_for(approver)
    response = client.get(selection_url(client, "approve", *requests))
    assert "Left as they are" not in visible_text(response)


def test_hostile_names_are_shown_as_text_beside_the_link(client_for, approver, una):
    Member.objects.filter(pk=una.member_id).update(full_name="<b>Una</b>")
    shown = client_for(approver).get(action_url("decline", una)).content.decode()
    assert "&lt;b&gt;Una&lt;/b&gt;" in shown
    assert "<b>Una" not in shown


def ask_long_ago(*stays: Membership) -> None:
    """As if each had been asked on Monday, November 2, 2020."""
    asked = datetime(2020, 11, 2, 18, tzinfo=UTC)
    pks = [stay.pk for stay in stays]
    Membership.objects.filter(pk__in=pks).update(requested_at=asked)


def test_late_requests_are_marked_in_the_list_and_on_the_record(client_for, approver, requests):
    ask_long_ago(requests[0])
    client = client_for(approver)
    requests[0].refresh_from_db()
    day = requests[0].answer_expected_on
    promised = f"promised by November {day.day}, 2020"
    for path in (LIST, f"{LIST}{requests[0].pk}/change/"):
        shown = visible_text(client.get(path))
        assert "Late" in shown
        assert promised in shown
    fresh = visible_text(client.get(f"{LIST}{requests[1].pk}/change/"))
    assert "Late" not in fresh
    assert "promised by" in fresh


def test_what_is_decided_is_never_late(client_for, approver, requests):
    ask_long_ago(*requests)
    for stay in requests:
        stay.refresh_from_db()
        approve_membership(stay, by=approver)
    client = client_for(approver)
    assert "Late" not in visible_text(client.get(LIST))
    assert "promised" not in visible_text(client.get(f"{LIST}{requests[0].pk}/change/"))


def test_late_marks_and_links_cost_no_query_a_row(client_for, approver, requests, una, wanda):
    ask_long_ago(requests[0])
    client = client_for(approver)
    client.get(LIST)
    with CaptureQueriesContext(connection) as one:
        client.get(LIST)
    ask_long_ago(*requests, una, wanda)
    with CaptureQueriesContext(connection) as all_four:
        assert visible_text(client.get(LIST)).count("Late") == 4
    assert len(all_four) == len(one)
