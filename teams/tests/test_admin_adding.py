"""Adding a member directly, without a request, at the desk."""

import pytest

from conftest import stay_of, text_of
from members.models import Member
from teams.models import Membership

LIST = "/admin/teams/membership/"


def said(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


@pytest.fixture
def typed(organization, team) -> dict[str, object]:
    return {
        "email": "Nora@Rush.example",
        "full_name": "Nora Newcomer",
        "organization": "rush EXAMPLE hospital",
        "team": team.pk,
    }


def test_add_makes_an_active_member_and_tells_them(as_, facilitator, team, typed, mails):
    response = as_(facilitator).post(LIST + "add/", typed, follow=True)
    nora = Member.objects.get(email="nora@rush.example")
    stay = stay_of(nora, team)
    assert response.redirect_chain == [(f"{LIST}{stay.pk}/change/", 302)]
    assert said(response) == ["Nora Newcomer is a member of Education now, and is told by mail."]
    assert (stay.status, stay.decided_by) == ("active", facilitator)
    assert nora.affiliation_confirmed_by == facilitator
    assert [mail.to for mail in mails()] == [["nora@rush.example"]]


def test_add_offers_ones_own_teams_only(as_, facilitator, team, other_team):
    form = as_(facilitator).get(LIST + "add/").context["form"]
    assert list(form.fields["team"].queryset) == [team]
    assert form["team"].initial == team


def test_add_with_a_forged_team_adds_nobody(as_, facilitator, other_team, typed):
    response = as_(facilitator).post(LIST + "add/", typed | {"team": other_team.pk})
    assert "Choose one of your own teams." in text_of(response)
    assert not Member.objects.filter(email="nora@rush.example").exists()


@pytest.mark.parametrize("name", ["Lakeview Health", "Nowhere", "1"])
def test_add_with_an_organization_that_nobody_recognized_adds_nobody(
    as_, facilitator, proposed_organization, typed, name
):
    response = as_(facilitator).post(LIST + "add/", typed | {"organization": name})
    assert "No recognized organization has this name." in text_of(response)
    assert response.context["form"]["organization"].value() == name
    assert not Member.objects.filter(email="nora@rush.example").exists()


def test_add_suggests_recognized_organizations(as_, facilitator, proposed_organization):
    page = as_(facilitator).get(LIST + "add/").content.decode()
    assert '<option value="Rush Example Hospital">' in page
    assert "Lakeview Health" not in page


@pytest.mark.parametrize("missing", ["email", "full_name", "organization", "team"])
def test_add_says_what_is_missing_and_keeps_the_rest(as_, facilitator, typed, missing):
    response = as_(facilitator).post(LIST + "add/", typed | {missing: ""})
    form = response.context["form"]
    assert list(form.errors) == [missing]
    kept = {name: form[name].value() for name in typed if name != missing}
    assert kept == {name: str(value) for name, value in typed.items() if name != missing}


def test_add_tells_a_refusal_above_the_form_and_loses_nothing(as_, facilitator, member, typed):
    sent = typed | {"email": member.email}
    response = as_(facilitator).post(LIST + "add/", sent)
    assert "Maria Member is a member of Education already." in text_of(response)
    assert response.context["form"]["full_name"].value() == "Nora Newcomer"


def test_add_form_cannot_write_a_status(as_, facilitator, team, typed):
    as_(facilitator).post(LIST + "add/", typed | {"status": "declined", "reason": "Forged"})
    stay = Membership.objects.get(team=team)
    assert (stay.status, stay.reason) == ("active", "")


def test_add_is_not_a_members(as_, member, typed):
    assert as_(member).post(LIST + "add/", typed).status_code == 403
    assert not Member.objects.filter(email="nora@rush.example").exists()
