"""The history of a record: who, when, from what to what, and why."""

from datetime import UTC, date, datetime

import pytest

from conftest import appoint, make_member, membership_of, visible_text
from members.models import EmailDomain, Organization
from members.services import save_with_history
from teams.models import Goal
from teams.services import decline_organization

DOMAINS = "/admin/members/emaildomain/"
ORGANIZATIONS = "/admin/members/organization/"


def test_history_of_a_deleted_record_is_not_found(client_for, administrator, organization):
    domain = organization.domains.get()
    pk = domain.pk
    domain.delete()
    assert EmailDomain.history.filter(id=pk).exists()
    assert client_for(administrator).get(f"{DOMAINS}{pk}/history/").status_code == 404


@pytest.mark.parametrize("method", ["get", "post"])
def test_history_has_no_page_that_writes_a_version_back(
    client_for, administrator, organization, method
):
    version = organization.history.latest()
    path = f"{ORGANIZATIONS}{organization.pk}/history/{version.history_id}/"
    sent = {"name": "Written back"} if method == "post" else {}
    response = getattr(client_for(administrator), method)(path, sent, follow=True)
    assert response.status_code == 404
    organization.refresh_from_db()
    assert organization.name == "Rush Example Hospital"


def test_history_shows_who_when_what_and_why(client_for, facilitator, organization):
    client = client_for(facilitator)
    path = f"{ORGANIZATIONS}{organization.pk}/change/"
    client.post(path, {"name": "Rush Example Medical Center"})
    text = visible_text(client.get(f"{ORGANIZATIONS}{organization.pk}/history/"))
    assert "Fay Facilitator changed at the desk" in text
    assert "Name: Rush Example Hospital → Rush Example Medical Center" in text
    assert "Ada Admin added as recognized" in text


def test_history_calls_a_superuser_administrator(client_for, administrator, facilitator):
    facilitator.is_superuser = True
    facilitator.save()
    text = visible_text(
        client_for(administrator).get(f"/admin/members/member/{facilitator.pk}/history/")
    )
    assert "Administrator: no → yes" in text
    assert "uperuser" not in text


def history_of(client, row) -> str:
    meta = row._meta
    return visible_text(client.get(f"/admin/{meta.app_label}/{meta.model_name}/{row.pk}/history/"))


def test_history_shows_the_reason_of_a_decline(client_for, facilitator, applicant, team):
    reason = "We could not find out which organization this is. " * 5
    decline_organization(applicant.organization, reason=reason, by=facilitator)
    client = client_for(facilitator)
    for row in (applicant.organization, membership_of(applicant, team)):
        text = history_of(client, row)
        assert f"declined Reason: {reason.strip()}" in text
        assert text.count("Reason:") == 1


def test_history_shows_choices_dates_and_empty_values_in_words(client_for, facilitator, goal):
    changes = {"state": "at_risk", "state_reason": "Too few.", "due_on": date(2026, 3, 5)}
    save_with_history(goal, facilitator, "changed", **changes)
    text = history_of(client_for(facilitator), goal)
    assert "State: No update yet → At risk" in text
    assert "Why it is at risk: not given → Too few." in text
    assert "By: not given → March 5, 2026" in text
    assert "None" not in text


def test_history_shows_times_in_one_format(client_for, facilitator, goal):
    Goal.history.update(history_date=datetime(2026, 11, 23, 15, 48, tzinfo=UTC))
    assert "November 23, 2026, 9:48 a.m." in history_of(client_for(facilitator), goal)


def test_history_calls_an_empty_reference_not_given(client_for, administrator, organization):
    nora = make_member("nora@rush.example", name="Nora")
    save_with_history(nora, nora, "named the organization", organization=organization)
    text = history_of(client_for(administrator), nora)
    assert "Organization: not given → Rush Example Hospital" in text
    assert "Deleted" not in text


def test_history_names_who_facilitates(client_for, administrator, member, team):
    appoint(member, team, administrator)
    text = history_of(client_for(administrator), team)
    assert "Facilitators: nobody → Maria Member" in text


def test_history_hides_empty_versions(client_for, administrator, organization):
    organization = Organization.objects.get(pk=organization.pk)
    organization.save()
    organization.decision_reason = "Wrong."
    organization.save()
    assert organization.history.count() == 3
    response = client_for(administrator).get(f"{ORGANIZATIONS}{organization.pk}/history/")
    silent = [version.is_empty for version in response.context["page_obj"]]
    assert silent == [False, True, False]
    text = visible_text(response)
    assert "changed Reason: Wrong." in text
    assert text.count("changed") == 1


def test_history_keeps_a_version_with_a_reason(client_for, administrator, organization):
    save_with_history(organization, administrator, "looked at")
    text = history_of(client_for(administrator), organization)
    assert "Ada Admin looked at" in text
    assert "Ada Admin added as recognized" in text


def test_history_of_a_renamed_organization_shows_its_name_once(
    client_for, administrator, organization
):
    save_with_history(organization, administrator, "renamed", name="Rush & Sons <b>")
    response = client_for(administrator).get(f"{ORGANIZATIONS}{organization.pk}/history/")
    assert "ormalized" not in visible_text(response)
    assert "Rush &amp; Sons &lt;b&gt;" in response.content.decode()
