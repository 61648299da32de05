"""Members at the desk: whom a facilitator sees, and confirming where people work."""

import pytest

from conftest import make_member, stay_of, text_of
from members.models import Member
from teams.services import join_teams, leave_team

LIST = "/admin/members/member/"


def said(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def page(*people: Member) -> str:
    return f"{LIST}confirm/?" + "&".join(f"row={person.pk}" for person in people)


@pytest.fixture
def una(organization, team, approval_team) -> Member:
    """Named a recognized organization with an address elsewhere; waits for two teams."""
    person = make_member("una@mail.example", organization, "Una Unconfirmed", confirmed=False)
    join_teams(person, [team, approval_team])
    return person


# Whom one sees -----------------------------------------------------------------------------


def test_list_shows_a_facilitator_the_people_of_their_teams_once(
    as_, facilitator, member, outsider, team
):
    leave_team(stay_of(member, team))
    join_teams(member, [team])  # two stays, one person
    response = as_(facilitator).get(LIST)
    assert list(response.context["cl"].result_list) == [member]
    assert "olga" not in text_of(response).lower()


def test_list_shows_an_administrator_everybody(as_, administrator, facilitator, member, outsider):
    assert as_(administrator).get(LIST).context["cl"].result_count == Member.objects.count()


@pytest.mark.parametrize("path", ["{}/change/", "{}/history/"])
def test_pages_of_people_of_other_teams_are_not_found(as_, facilitator, outsider, path):
    assert as_(facilitator).get(LIST + path.format(outsider.pk)).status_code == 404


@pytest.mark.parametrize("query", ["?q=Olga", "?q=loop.example", "?affiliation=confirmed&q=olga"])
def test_search_finds_nobody_of_other_teams(as_, facilitator, member, outsider, query):
    assert as_(facilitator).get(LIST + query).context["cl"].result_count == 0


def test_counts_beside_filters_count_ones_own_only(as_, facilitator, member, outsider):
    assert "Confirmed (1)" in text_of(as_(facilitator).get(LIST + "?_facets"))


@pytest.mark.parametrize(
    "lookup", ["memberships__team=1", "memberships=1", "facilitated_teams=1", "is_superuser=1",
               "organization__name=x", "email__startswith=m", "last_login__isnull=1"]
)  # fmt: skip
def test_filters_that_the_list_does_not_offer_are_refused(as_, facilitator, member, lookup):
    assert as_(facilitator).get(f"{LIST}?{lookup}").status_code == 400


def test_record_names_the_stays_in_ones_own_teams_only(
    as_, facilitator, administrator, member, other_team
):
    join_teams(member, [other_team])
    path = f"{LIST}{member.pk}/change/"
    assert "Hiring" not in text_of(as_(facilitator).get(path))
    assert "Hiring" in text_of(as_(administrator).get(path))


@pytest.mark.parametrize(
    ("model", "field"),
    [("actionteam", "facilitators"), ("membership", "member"), ("membership", "decided_by")],
)
def test_suggestions_name_nobody_of_other_teams(as_, facilitator, member, outsider, model, field):
    query = {"app_label": "teams", "model_name": model, "field_name": field, "term": "ol"}
    response = as_(facilitator).get("/admin/autocomplete/", query)
    assert [found["text"] for found in response.json()["results"]] == []


# Changing ----------------------------------------------------------------------------------


def test_facilitator_cannot_change_a_person(as_, facilitator, member):
    sent = {"full_name": "Forged", "email": "x@rush.example", "is_staff": "on"}
    assert as_(facilitator).post(f"{LIST}{member.pk}/change/", sent).status_code == 403
    member.refresh_from_db()
    assert member.full_name == "Maria Member"


def test_administrator_changes_name_and_title_and_nothing_else(as_, administrator, outsider):
    sent = {
        "full_name": "Olga O.",
        "job_title": "Nurse",
        "email": "evil@loop.example",
        "is_staff": "on",
        "is_superuser": "on",
        "is_active": "",
        "affiliation_confirmed_how": "facilitator",
        "memberships-TOTAL_FORMS": "0",
        "memberships-INITIAL_FORMS": "0",
    }
    response = as_(administrator).post(f"{LIST}{outsider.pk}/change/", sent)
    assert response.status_code == 302
    outsider.refresh_from_db()
    assert (outsider.full_name, outsider.job_title) == ("Olga O.", "Nurse")
    assert (outsider.email, outsider.is_active) == ("olga@loop.example", True)
    assert (outsider.is_staff, outsider.is_superuser) == (False, False)
    assert outsider.affiliation_confirmed_how == "domain"
    assert outsider.history.latest().history_user == administrator


def test_stays_on_the_record_cannot_be_written(as_, administrator, member, team):
    stay = stay_of(member, team)
    sent = {
        "full_name": "Maria",
        "job_title": "",
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": stay.pk,
        "memberships-0-member": member.pk,
        "memberships-0-status": "declined",
        "memberships-0-DELETE": "on",
    }
    as_(administrator).post(f"{LIST}{member.pk}/change/", sent)
    stay.refresh_from_db()
    assert stay.is_active


def test_nobody_is_added_without_a_team(as_, administrator):
    assert as_(administrator).get(LIST + "add/").status_code == 403


# Confirming --------------------------------------------------------------------------------


def test_confirm_is_one_press_on_the_record_and_opens_what_waited(
    as_, facilitator, una, organization, team, approval_team, mails
):
    client = as_(facilitator)
    assert f'action="{page(una)}"' in client.get(f"{LIST}{una.pk}/change/").content.decode()
    response = client.post(page(una), follow=True)
    assert said(response) == [
        "Una Unconfirmed is confirmed for Rush Example Hospital. 1 membership opened."
    ]
    una.refresh_from_db()
    assert una.affiliation_confirmed_by == facilitator
    assert stay_of(una, team).is_active
    assert stay_of(una, approval_team).is_waiting
    assert mails()[-1].to == [una.email]


def test_looking_at_the_confirm_page_changes_nothing(as_, facilitator, una):
    told = text_of(as_(facilitator).get(page(una)))
    assert "Una Unconfirmed, una@mail.example: Rush Example Hospital" in told
    una.refresh_from_db()
    assert not una.is_affiliation_confirmed


def test_confirm_of_people_of_other_teams_is_not_found(as_, other_facilitator, una):
    assert as_(other_facilitator).post(page(una)).status_code == 404
    una.refresh_from_db()
    assert not una.is_affiliation_confirmed


def test_confirm_is_not_a_members(as_, member, una):
    assert as_(member).post(page(una)).status_code == 403
    una.refresh_from_db()
    assert not una.is_affiliation_confirmed


def test_confirm_waits_for_the_organization(as_, facilitator, applicant):
    client = as_(facilitator)
    assert page(applicant) not in client.get(f"{LIST}{applicant.pk}/change/").content.decode()
    response = client.post(page(applicant), follow=True)
    assert "Recognize Lakeview Health first" in said(response)[0]
    applicant.refresh_from_db()
    assert not applicant.is_affiliation_confirmed


def test_confirming_again_is_told_and_stops_no_other(as_, facilitator, una, member, team):
    response = as_(facilitator).post(page(member, una), follow=True)
    assert any("already confirmed" in text for text in said(response))
    una.refresh_from_db()
    assert una.is_affiliation_confirmed


def test_list_is_filtered_by_affiliation(as_, facilitator, una, member, applicant):
    client = as_(facilitator)
    found = {
        value: set(client.get(f"{LIST}?affiliation={value}").context["cl"].result_list)
        for value in ("to_confirm", "confirmed", "unconfirmed")
    }
    assert found == {
        "to_confirm": {una},
        "confirmed": {member},
        "unconfirmed": {una, applicant},
    }
