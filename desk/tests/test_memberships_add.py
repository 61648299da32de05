"""Memberships at the desk: adding one without a request; what requests wait for, how long."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from conftest import make_member, make_membership, membership_of, messages_of, visible_text
from desk.records.memberships.forms import AddMemberForm
from desk.tests.action_pages import action_url, selection_url
from members.models import Member
from teams.models import Membership
from teams.services import approve_membership, end_membership

LIST = "/admin/teams/membership/"


@pytest.fixture
def typed(organization, team) -> dict[str, object]:
    return {
        "email": "Nora@Rush.example",
        "full_name": "Nora Newcomer",
        "organization": "rush EXAMPLE hospital",
        "team": team.pk,
    }


def test_add_makes_an_active_member_and_emails_them(
    client_for, facilitator, team, typed, queued_emails
):
    response = client_for(facilitator).post(LIST + "add/", typed, follow=True)
    nora = Member.objects.get(email="nora@rush.example")
    membership = membership_of(nora, team)
    assert response.redirect_chain == [(f"{LIST}add/", 302)]
    assert messages_of(response) == [
        "You added nora@rush.example to Education. An email says so. Name, title and organization "
        "are used only where the address is new here."
    ]
    assert (membership.status, membership.decided_by) == ("active", facilitator)
    assert nora.affiliation_confirmed_by == facilitator
    assert [email.to for email in queued_emails()] == [["nora@rush.example"]]


def test_add_says_that_an_existing_account_keeps_its_details(
    client_for, facilitator, outsider, team, typed
):
    ended = make_membership(outsider, team, Membership.Status.ACTIVE)
    end_membership(ended, reason="Moved.", by=facilitator)
    form_data = typed | {"email": "OLGA@loop.example"}
    response = client_for(facilitator).post(LIST + "add/", form_data, follow=True)
    membership = Membership.objects.of(outsider).active().get(team=team)
    assert response.redirect_chain == [(f"{LIST}{membership.pk}/change/", 302)]
    assert messages_of(response) == [
        "Olga Outsider is a member of Education now, and is notified by email. An account with "
        "this address already existed; its name and organization stay as they were: Olga Outsider, "
        "Loop Example Clinic."
    ]


def test_add_says_that_the_organization_of_an_existing_account_is_confirmed(
    client_for, facilitator, applicant, team, typed
):
    form_data = typed | {"email": applicant.email}
    response = client_for(facilitator).post(LIST + "add/", form_data)
    assert messages_of(response) == [
        "Wanda Waiting is a member of Education now, and is notified by email. An account with "
        "this address already existed; its name stays as it was: Wanda Waiting. It is confirmed "
        "for Rush Example Hospital from now on."
    ]


def test_add_offers_ones_own_teams_only(client_for, facilitator, team, other_team):
    form = client_for(facilitator).get(LIST + "add/").context["form"]
    assert list(form.fields["team"].queryset) == [team]
    assert form["team"].initial == team


def test_add_with_a_forged_team_adds_nobody(client_for, facilitator, other_team, typed):
    response = client_for(facilitator).post(LIST + "add/", typed | {"team": other_team.pk})
    assert "Choose one of your own teams." in visible_text(response)
    assert not Member.objects.filter(email="nora@rush.example").exists()


@pytest.mark.parametrize("name", ["Lakeview Health", "Nowhere"])
def test_add_with_an_organization_that_nobody_recognized_adds_nobody(
    client_for, facilitator, proposed_organization, typed, name
):
    response = client_for(facilitator).post(LIST + "add/", typed | {"organization": name})
    assert "No recognized organization has this name." in visible_text(response)
    assert response.context["form"]["organization"].value() == name
    assert not Member.objects.filter(email="nora@rush.example").exists()


@pytest.mark.parametrize(
    ("email", "field", "question"),
    [
        (
            "nora@hr.loop.example",
            "organization",
            "Addresses at hr.loop.example belong to Loop Example Clinic.",
        ),
        ("nora@rsuh.example", "email", "rsuh.example looks like rush.example of Rush Example"),
        ("nora@gmial.com", "email", "gmial.com looks like gmail.com."),
        # An account that the facilitator does not see is asked about as a new address is.
        ("olga@loop.example", "organization", "Addresses at loop.example belong to Loop Example"),
    ],
)
def test_add_form_asks_once_about_an_address_of_another_organization_or_with_a_typo(
    facilitator, outsider, typed, email, field, question
):
    entered = typed | {"email": email}
    form = AddMemberForm(entered, staff=facilitator)
    assert list(form.errors) == [field]
    assert question in form.errors[field][0]
    assert AddMemberForm(entered | {"is_right": "on"}, staff=facilitator).is_valid()


def test_add_page_asks_once(client_for, facilitator, other_organization, team, typed):
    client, entered = client_for(facilitator), typed | {"email": "nora@loop.example"}
    assert 'name="is_right"' in client.get(f"{LIST}add/").content.decode()
    page = client.post(f"{LIST}add/", entered)
    assert "Addresses at loop.example belong to Loop Example" in visible_text(page)
    assert 'type="checkbox" name="is_right"' in page.content.decode()
    assert not team.memberships.exists()
    client.post(f"{LIST}add/", entered | {"is_right": "on"})
    assert team.memberships.get().member.email == "nora@loop.example"


def test_add_asks_nothing_where_it_confirms_nobody(client_for, facilitator, outsider, team, typed):
    ended = make_membership(outsider, team, Membership.Status.ACTIVE)
    end_membership(ended, reason="Moved.", by=facilitator)
    client_for(facilitator).post(f"{LIST}add/", typed | {"email": outsider.email})
    assert membership_of(outsider, team).is_active


def test_add_suggests_recognized_organizations(client_for, facilitator, proposed_organization):
    page = client_for(facilitator).get(LIST + "add/").content.decode()
    assert '<option value="Rush Example Hospital">' in page
    assert "Lakeview Health" not in page


@pytest.mark.parametrize("missing", [("email", "team"), ("full_name", "organization")])
def test_add_says_what_is_missing_and_keeps_the_rest(client_for, facilitator, typed, missing):
    response = client_for(facilitator).post(LIST + "add/", typed | dict.fromkeys(missing, ""))
    form = response.context["form"]
    assert set(form.errors) == set(missing)
    kept = {name: str(value) for name, value in typed.items() if name not in missing}
    assert {name: form[name].value() for name in kept} == kept


def test_add_shows_a_refusal_above_the_form_and_loses_nothing(
    client_for, facilitator, member, typed
):
    form_data = typed | {"email": member.email}
    response = client_for(facilitator).post(LIST + "add/", form_data)
    assert "Maria Member is a member of Education already." in visible_text(response)
    assert response.context["form"]["full_name"].value() == "Nora Newcomer"


def test_add_form_cannot_write_a_status(client_for, facilitator, team, typed):
    client_for(facilitator).post(LIST + "add/", typed | {"status": "declined", "reason": "Forged"})
    membership = Membership.objects.get(team=team)
    assert (membership.status, membership.reason) == ("active", "")


def test_add_is_refused_to_a_member(client_for, member, typed):
    assert client_for(member).post(LIST + "add/", typed).status_code == 403
    assert not Member.objects.filter(email="nora@rush.example").exists()


# What waits for something else, and for too long -----------------------------------------------


@pytest.fixture
def approver(facilitator, approval_team) -> Member:
    """Looks after the team that decides by approval, too."""
    approval_team.facilitators.add(facilitator)
    return facilitator


@pytest.fixture
def una(organization, approval_team) -> Membership:
    """A request of a member who is not confirmed for a recognized organization."""
    person = make_member("una@mail.example", organization, "Una Unconfirmed", confirmed=False)
    return make_membership(person, approval_team, Membership.Status.REQUESTED)


@pytest.fixture
def wanda(applicant, approval_team) -> Membership:
    """A request of a member whose organization is not recognized."""
    return make_membership(applicant, approval_team, Membership.Status.REQUESTED)


def link_of(membership: Membership) -> str:
    """Return the link to the page where what a request waits for is decided."""
    if membership.waits_for == "affiliation":
        return f'<a href="/admin/members/member/{membership.member_id}/change/">'
    organization = membership.member.organization_id
    return f'<a href="/admin/members/organization/{organization}/change/">'


def test_waiting_request_links_to_where_that_is_decided(client_for, approver, una, wanda):
    client = client_for(approver)
    for membership in (una, wanda):
        for path in (
            f"{LIST}{membership.pk}/change/",
            action_url("decline", membership),
            action_url("approve", membership),
        ):
            assert link_of(membership) in client.get(path).content.decode(), path
    page = client.get(LIST).content.decode()
    assert link_of(una) in page
    assert link_of(wanda) in page


def test_waiting_request_without_an_organization_has_no_link(client_for, approver, approval_team):
    membership = Membership.objects.create(member=make_member("n@mail.example"), team=approval_team)
    page = client_for(approver).get(action_url("approve", membership))
    assert "waiting for a recognized organization" in visible_text(page)


def test_approve_page_lists_those_that_are_unavailable(client_for, approver, requests, una, wanda):
    client = client_for(approver)
    response = client.get(selection_url(client, "approve", *requests, una, wanda))
    available, unavailable = (
        {strip_tags(description).split(",")[0] for description in response.context[name]}
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
    page = client.get(action_url("approve", una))
    assert "Nothing here can be approved now." in visible_text(page)
    assert 'value="Approve"' not in page.content.decode()
    response = client.post(action_url("approve", una))
    assert "Confirm first that Una Unconfirmed works" in messages_of(response)[0]
    assert membership_of(una.member, approval_team).is_waiting


def test_approve_page_of_available_requests_lists_no_others(client_for, approver, requests):
    client = client_for(approver)
    response = client.get(selection_url(client, "approve", *requests))
    assert "Left as they are" not in visible_text(response)


def test_hostile_names_are_shown_as_text_beside_the_link(client_for, approver, una):
    Member.objects.filter(pk=una.member_id).update(full_name="<b>Una</b>")
    page = client_for(approver).get(action_url("decline", una)).content.decode()
    assert "&lt;b&gt;Una&lt;/b&gt;" in page
    assert "<b>Una" not in page


def ask_long_ago(*memberships: Membership) -> None:
    """As if each had been asked on Monday, November 2, 2020."""
    requested = datetime(2020, 11, 2, 18, tzinfo=UTC)
    pks = [membership.pk for membership in memberships]
    Membership.objects.filter(pk__in=pks).update(requested_at=requested)


def test_late_requests_are_marked_in_the_list_and_on_the_record(client_for, approver, requests):
    ask_long_ago(requests[0])
    client = client_for(approver)
    requests[0].refresh_from_db()
    day = requests[0].answer_expected_on
    promised = f"promised by November {day.day}, 2020"
    for path in (LIST, f"{LIST}{requests[0].pk}/change/"):
        page = visible_text(client.get(path))
        assert "Late" in page
        assert promised in page
    fresh = visible_text(client.get(f"{LIST}{requests[1].pk}/change/"))
    assert "Late" not in fresh
    assert "promised by" in fresh


def test_decided_request_is_never_late(client_for, approver, requests):
    ask_long_ago(*requests)
    for membership in requests:
        membership.refresh_from_db()
        approve_membership(membership, by=approver)
    client = client_for(approver)
    assert "Late" not in visible_text(client.get(LIST))
    assert "promised" not in visible_text(client.get(f"{LIST}{requests[0].pk}/change/"))


def test_late_badges_and_links_need_constant_queries(client_for, approver, requests, una, wanda):
    ask_long_ago(requests[0])
    client = client_for(approver)
    client.get(LIST)
    with CaptureQueriesContext(connection) as one:
        client.get(LIST)
    ask_long_ago(*requests, una, wanda)
    with CaptureQueriesContext(connection) as all_four:
        assert visible_text(client.get(LIST)).count("Late") == 4
    assert len(all_four) == len(one)
