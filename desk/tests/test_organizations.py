"""Organizations at the desk: recognizing one releases everybody who waits for it."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import make_member, make_membership, membership_of, messages_of, visible_text
from desk.admin import OrganizationAdmin
from desk.records.organizations.actions import probable_kind
from desk.records.organizations.admin import kind_name
from desk.tests.action_pages import action_form, action_url, listed, selection_url
from members.models import EmailDomain, Organization
from teams.models import Membership
from teams.services import (
    decline_organization,
    join_teams,
    recognize_organization,
    set_facilitators,
)

LIST = "/admin/members/organization/"


@pytest.fixture
def lakeview(applicant, team, other_team, approval_team) -> Organization:
    """Wanda waits for one open team, Walt for two and for one that decides by approval."""
    walt = make_member(
        "walt@mail.lakeview.example", applicant.organization, "Walt", confirmed=False
    )
    for requested in (team, other_team, approval_team):
        make_membership(walt, requested, Membership.Status.REQUESTED)
    return applicant.organization


def test_list_is_shared_by_all_facilitators(client_for, other_facilitator, organization, lakeview):
    response = client_for(other_facilitator).get(LIST)
    assert {record.name for record in response.context["cl"].result_list} == {
        "Lakeview Health", "Loop Example Clinic", "Rush Example Hospital",
    }  # fmt: skip
    assert "Wanda" not in visible_text(response)


def test_list_counts_who_waits_also_when_searched_by_domain(facilitator, lakeview):
    EmailDomain.objects.create(organization=lakeview, domain="lakeview.example")
    EmailDomain.objects.create(organization=lakeview, domain="lakeview.test")
    found = listed(Organization, facilitator, "q=lakeview")
    assert [record.waiting_count for record in found] == [2]


def test_list_filters_what_waits_oldest_first(facilitator, lakeview):
    older = Organization.objects.create(name="Zion Health", created_at=facilitator.date_joined)
    make_member("zoe@zion.example", older, "Zoe", confirmed=False)
    Organization.objects.create(name="Nobody waits")
    Organization.objects.filter(pk=older.pk).update(created_at="2020-01-01T00:00Z")
    records = listed(Organization, facilitator, "waits=decision")
    assert [record.name for record in records] == ["Zion Health", "Lakeview Health"]


def test_filters_that_the_list_does_not_offer_are_refused(client_for, facilitator, lakeview):
    client = client_for(facilitator)
    for lookup in (
        "members__email__startswith=w", "members=1", "decided_by=1", "members__memberships=1"
    ):  # fmt: skip
        assert client.get(f"{LIST}?{lookup}").status_code == 400, lookup


def test_actions_are_refused_to_members_and_visitors(client_for, client, member, lakeview):
    of_member = client_for(member)
    for decision in ("recognize", "decline"):
        path = action_url(decision, lakeview)
        assert of_member.post(path, {"reason": "Mine"}).status_code == 403
        assert client.post(path, {"reason": "Mine"}).status_code == 302
    lakeview.refresh_from_db()
    assert lakeview.status == "proposed"


# Recognizing -------------------------------------------------------------------------------


def test_recognize_page_says_what_will_happen_in_words(client_for, facilitator, lakeview):
    response = client_for(facilitator).get(action_url("recognize", lakeview))
    text = visible_text(response)
    assert "Recognize Lakeview Health" in text
    assert "This will confirm 2 people, open 3 memberships in" in text
    assert "2 people wait , with 4 requests, 3 of them to open teams." in text
    assert "mail.lakeview.example (1), lakeview.example (1)" in text
    assert response.context["form"][f"domain_{lakeview.pk}"].initial is True


def test_pages_name_who_waits_for_ones_own_teams_and_count_the_others(
    client_for, other_facilitator, facilitator, lakeview, applicant, queued_emails
):
    applicant.job_title = "Nurse"
    applicant.save()
    count = len(queued_emails())
    client, other_client = client_for(facilitator), client_for(other_facilitator)
    for path in (
        action_url("recognize", lakeview),
        action_url("decline", lakeview),
        f"{LIST}{lakeview.pk}/change/",
    ):
        text = visible_text(client.get(path))
        assert "2 people wait , with 4 requests" in text
        assert "Wanda Waiting, Nurse, wanda@lakeview.example Walt, walt@mail.lake" in text
        assert "asked for other teams" not in text
        text = visible_text(other_client.get(path))
        assert "2 people wait , with 4 requests" in text
        assert "Walt, walt@mail.lakeview.example And 1 more who asked for other teams." in text
        assert "Wanda" not in text
        assert "wanda@" not in text
    # Nothing was decided by opening the pages.
    lakeview.refresh_from_db()
    assert lakeview.status == "proposed"
    assert len(queued_emails()) == count


def test_pages_name_nobody_to_whom_they_are_strangers(
    client_for, closed_team, organization, administrator, lakeview
):
    stranger = make_member("stan@rush.example", organization, "Stan")
    set_facilitators(closed_team, [stranger], by=administrator)
    text = visible_text(client_for(stranger).get(action_url("recognize", lakeview)))
    assert "2 who asked for other teams." in text
    assert "wanda@" not in text
    assert "walt@" not in text


def test_pages_count_people_without_a_request_and_those_beyond_the_first(
    client_for, facilitator, lakeview, team, monkeypatch
):
    monkeypatch.setattr("desk.records.organizations.waiting.MAX_MEMBERS_NAMED", 1)
    make_member("willa@lakeview.example", lakeview, "Willa", confirmed=False)
    text = visible_text(client_for(facilitator).get(action_url("recognize", lakeview)))
    assert "3 people wait" in text
    assert "wanda@lakeview.example And 1 more of your teams, 1 more without a request." in text
    assert "walt@" not in text


def test_recognize_page_needs_the_same_queries_for_two_and_three(client_for, facilitator, lakeview):
    client = client_for(facilitator)
    others = [
        Organization.objects.create(name=f"New {n}", suggested_domain=f"new{n}.example")
        for n in range(2)
    ]
    client.get(LIST)
    make_member("nora@new1.example", others[1], "Nora", confirmed=False)
    for decision in ("recognize", "decline"):
        url_of_two = selection_url(client, decision, lakeview, others[0])
        url_of_three = selection_url(client, decision, lakeview, *others)
        with CaptureQueriesContext(connection) as two:
            client.get(url_of_two)
        with CaptureQueriesContext(connection) as three:
            client.get(url_of_three)
        assert len(three) == len(two)


def test_record_needs_the_same_queries_for_one_and_three_who_wait(
    client_for, facilitator, lakeview, team
):
    client = client_for(facilitator)
    path = f"{LIST}{lakeview.pk}/change/"
    client.get(path)
    with CaptureQueriesContext(connection) as two:
        client.get(path)
    for n in range(2):
        person = make_member(f"new{n}@lakeview.example", lakeview, f"New {n}", confirmed=False)
        join_teams(person, [team])
    with CaptureQueriesContext(connection) as four:
        assert "New 1" in visible_text(client.get(path))
    assert len(four) == len(two)


def test_recognize_confirms_all_who_wait_and_says_so(
    client_for, facilitator, lakeview, applicant, team, queued_emails
):
    count = len(queued_emails())
    form_data = {f"domain_{lakeview.pk}": "on"}
    response = client_for(facilitator).post(action_url("recognize", lakeview), form_data)
    assert messages_of(response) == [
        "Lakeview Health is recognized. 2 people confirmed, 3 memberships opened."
    ]
    lakeview.refresh_from_db()
    assert (lakeview.status, lakeview.decided_by) == ("recognized", facilitator)
    assert [record.domain for record in lakeview.domains.all()] == ["lakeview.example"]
    assert membership_of(applicant, team).is_active
    assert sorted(email.to[0] for email in queued_emails()[count:]) == [
        "walt@mail.lakeview.example",
        "wanda@lakeview.example",
    ]


def test_recognize_without_the_checkbox_gives_no_domain(client_for, facilitator, lakeview):
    client_for(facilitator).post(action_url("recognize", lakeview), {})
    lakeview.refresh_from_db()
    assert lakeview.is_recognized
    assert not lakeview.domains.exists()


def test_recognize_offers_no_domain_that_is_another_organizations(
    client_for, facilitator, organization, lakeview
):
    Organization.objects.filter(pk=lakeview.pk).update(suggested_domain="rush.example")
    client = client_for(facilitator)
    text = visible_text(client.get(action_url("recognize", lakeview)))
    assert "rush.example already belongs to Rush Example Hospital" in text
    client.post(action_url("recognize", lakeview), {f"domain_{lakeview.pk}": "on"})
    lakeview.refresh_from_db()
    assert lakeview.is_recognized
    assert not lakeview.domains.exists()


@pytest.mark.parametrize("domain", ["il.us", "gmail.com"])
def test_recognize_offers_no_domain_that_many_share(client_for, facilitator, lakeview, domain):
    Organization.objects.filter(pk=lakeview.pk).update(suggested_domain=domain)
    client = client_for(facilitator)
    url = action_url("recognize", lakeview)
    assert f"domain_{lakeview.pk}" not in client.get(url).content.decode()
    client.post(url, {f"domain_{lakeview.pk}": "on"})
    lakeview.refresh_from_db()
    assert lakeview.is_recognized
    assert not lakeview.domains.exists()


def test_recognize_uses_the_suggested_domain_whatever_is_forged(client_for, facilitator, lakeview):
    forged = {f"domain_{lakeview.pk}": "evil.example", "domain": "evil.example"}
    client_for(facilitator).post(action_url("recognize", lakeview), forged)
    assert not EmailDomain.objects.filter(domain="evil.example").exists()


def test_recognize_reports_one_that_was_recognized_meanwhile_and_continues(
    client_for, facilitator, administrator, lakeview
):
    other = Organization.objects.create(name="New Clinic")
    recognize_organization(lakeview, by=administrator)
    client = client_for(facilitator)
    response = client.post(selection_url(client, "recognize", lakeview, other))
    assert any(
        "was already recognized" in text and "Ada Admin" in text for text in messages_of(response)
    )
    assert "New Clinic is recognized. 0 people confirmed, 0 memberships opened." in messages_of(
        response
    )


def test_recognize_from_the_list_returns_to_it(client_for, facilitator, lakeview):
    client = client_for(facilitator)
    chosen = {"action": "recognize", "_selected_action": [lakeview.pk], "index": "0"}
    requested = client.post(f"{LIST}?waits=decision", chosen, follow=True)
    assert "Recognize Lakeview Health" in visible_text(requested)
    lakeview.refresh_from_db()
    assert lakeview.status == "proposed"
    form_data = requested.request["PATH_INFO"] + "?" + requested.request["QUERY_STRING"]
    assert client.post(form_data)["Location"] == f"{LIST}?waits=decision"
    lakeview.refresh_from_db()
    assert lakeview.is_recognized


def test_recognize_of_a_declined_organization_is_possible(client_for, facilitator, lakeview):
    decline_organization(lakeview, reason="Not known.", by=facilitator)
    client = client_for(facilitator)
    record = client.get(f"{LIST}{lakeview.pk}/change/").content.decode()
    assert action_url("recognize", lakeview) in record
    assert action_url("decline", lakeview) not in record
    client.post(action_url("recognize", lakeview))
    lakeview.refresh_from_db()
    assert lakeview.is_recognized


# Declining ---------------------------------------------------------------------------------


def test_decline_without_a_reason_is_refused(client_for, facilitator, lakeview):
    response = client_for(facilitator).post(action_url("decline", lakeview), {"reason": " "})
    assert "Give a reason." in visible_text(response)
    lakeview.refresh_from_db()
    assert lakeview.status == "proposed"


def test_decline_declines_the_requests_with_the_reason(
    client_for, facilitator, lakeview, applicant, team, queued_emails
):
    form_data = {"reason": "We do not know it."}
    response = client_for(facilitator).post(action_url("decline", lakeview), form_data)
    assert messages_of(response) == ["Lakeview Health is declined. 4 requests declined with it."]
    membership = membership_of(applicant, team)
    assert (membership.status, membership.reason) == ("declined", "We do not know it.")
    assert "We do not know it." in queued_emails()[-1].message


def test_decline_of_a_recognized_organization_is_refused(client_for, facilitator, organization):
    response = client_for(facilitator).post(action_url("decline", organization), {"reason": "x"})
    assert "was already recognized" in visible_text(response)
    organization.refresh_from_db()
    assert organization.is_recognized


# Adding and renaming ---------------------------------------------------------------------------


def test_add_makes_a_recognized_organization_and_confirms_those_at_its_domain(
    client_for, facilitator, applicant, team
):
    form_data = {"name": "Lakeview Health System", "email_domain": "Lakeview.example"}
    client_for(facilitator).post(LIST + "add/", form_data)
    added = Organization.objects.get(name="Lakeview Health System")
    assert (added.status, added.decided_by) == ("recognized", facilitator)
    assert [record.domain for record in added.domains.all()] == ["lakeview.example"]
    assert added.history.get().history_change_reason == "added as recognized"
    applicant.refresh_from_db()
    assert applicant.organization == added
    assert membership_of(applicant, team).is_active


@pytest.mark.parametrize(
    ("name", "domain", "message"),
    [
        ("The Rush Example Hospital, Inc.", "", "already here"),
        ("---", "", "at least one letter"),
        ("", "", "Enter the name"),
        ("New Clinic", "gmail.com", "public mailbox provider"),
        ("New Clinic", "rush.example", "already belongs"),
        ("New Clinic", "not a domain", "Enter an email domain"),
    ],
)
def test_add_form_refuses_what_the_rules_do_not_allow(
    rf, facilitator, organization, name, domain, message
):
    request = rf.get(LIST)
    request.user = facilitator
    form_class = admin.site.get_model_admin(Organization).get_form(request)
    assert message in str(form_class({"name": name, "email_domain": domain}).errors)


def test_refused_add_keeps_what_was_entered(client_for, facilitator, organization):
    count = Organization.objects.count()
    entered = {"name": "New Clinic", "email_domain": "rush.example"}
    response = client_for(facilitator).post(LIST + "add/", entered)
    assert "already belongs" in visible_text(response)
    assert response.context["adminform"].form["email_domain"].value() == "rush.example"
    assert Organization.objects.count() == count


@pytest.mark.parametrize("status", ["proposed", "declined"])
def test_add_of_an_existing_name_links_to_it(client_for, facilitator, lakeview, status):
    if status == "declined":
        decline_organization(lakeview, reason="Not known.", by=facilitator)
    response = client_for(facilitator).post(LIST + "add/", {"name": "The LAKEVIEW Health, Inc."})
    (error,) = response.context["adminform"].form.errors["name"]
    assert (
        f'<a href="{LIST}{lakeview.pk}/change/">Lakeview Health</a></bdi> is already here.' in error
    )
    assert f'<a href="{LIST}{lakeview.pk}/change/">Lakeview' in response.content.decode()
    assert "open it and recognize it." in error
    assert (status == "declined") is ("It was declined." in error)
    assert Organization.objects.filter(normalized_name="lakeview health").count() == 1


def test_name_in_the_error_is_escaped(client_for, facilitator, lakeview):
    Organization.objects.filter(pk=lakeview.pk).update(name="Lakeview <b>Health</b>")
    response = client_for(facilitator).post(LIST + "add/", {"name": "Lakeview Health"})
    assert (
        "Lakeview &lt;b&gt;Health&lt;/b&gt;</a></bdi> is already here" in response.content.decode()
    )


def test_add_says_beforehand_that_its_domain_confirms_people(client_for, facilitator):
    text = visible_text(client_for(facilitator).get(LIST + "add/"))
    assert "Everyone who waits at an address there is confirmed when you save" in text


def test_change_saves_the_name_and_nothing_else(client_for, facilitator, lakeview):
    form_data = {
        "name": "Lakeview Health System",
        "status": "recognized",
        "decided_by": facilitator.pk,
        "suggested_domain": "evil.example",
        "decision_reason": "Forged",
    }
    client_for(facilitator).post(f"{LIST}{lakeview.pk}/change/", form_data)
    lakeview.refresh_from_db()
    assert lakeview.name == "Lakeview Health System"
    assert (lakeview.status, lakeview.decided_by, lakeview.decision_reason) == (
        "proposed",
        None,
        "",
    )
    assert lakeview.suggested_domain == "lakeview.example"
    assert lakeview.history.latest().history_user == facilitator


def test_change_does_not_undo_a_concurrent_decision(
    client_for, facilitator, administrator, lakeview, monkeypatch
):
    """The row as the form read it is old by the time the form is saved."""
    read = OrganizationAdmin.get_object

    def read_then_recognized(self, request, object_id, from_field=None):
        record = read(self, request, object_id, from_field)
        recognize_organization(lakeview, by=administrator)
        return record

    monkeypatch.setattr(OrganizationAdmin, "get_object", read_then_recognized)
    client_for(facilitator).post(f"{LIST}{lakeview.pk}/change/", {"name": "Lakeview Health System"})
    lakeview.refresh_from_db()
    assert (lakeview.name, lakeview.status) == ("Lakeview Health System", "recognized")
    assert lakeview.history.latest().status == "recognized"


def test_change_to_a_name_that_is_anothers_is_refused(
    client_for, facilitator, organization, lakeview
):
    path = f"{LIST}{lakeview.pk}/change/"
    response = client_for(facilitator).post(path, {"name": "RUSH Example Hospital"})
    assert "already here" in visible_text(response)


def test_record_shows_its_domains_and_a_link_to_add_one(client_for, facilitator, organization):
    response = client_for(facilitator).get(f"{LIST}{organization.pk}/change/")
    assert "rush.example Add an email domain" in visible_text(response)
    assert "adding one confirms everyone who waits" in visible_text(response)
    path = f"/admin/members/emaildomain/add/?organization={organization.pk}"
    assert path in response.content.decode()


# Kinds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "kind"), [("college.edu", "educator"), ("city.gov", "public_agency"), ("a.com", "")]
)
def test_kind_is_proposed_where_the_email_domain_tells_it(domain, kind):
    assert probable_kind(domain) == kind


def test_kind_is_chosen_when_an_organization_is_recognized(
    client_for, facilitator, proposed_organization
):
    client = client_for(facilitator)
    url = action_url("recognize", proposed_organization)
    form = action_form(client.get(url))
    form.submit(client, "Recognize", **{f"kind_{proposed_organization.pk}": "funder"}, follow=False)
    proposed_organization.refresh_from_db()
    assert (proposed_organization.kind, proposed_organization.status) == ("funder", "recognized")


def test_kind_is_changed_on_the_record_with_history(client_for, facilitator, organization):
    client = client_for(facilitator)
    url = f"/admin/members/organization/{organization.pk}/change/"
    client.post(url, {"name": organization.name, "kind": "educator"})
    organization.refresh_from_db()
    assert organization.kind == "educator"
    assert organization.history.first().history_user == facilitator


def test_exported_kind_of_a_former_name_is_that_of_today(organization, other_organization):
    organization.kind, other_organization.kind = "employer", "funder"
    organization.merged_into = other_organization
    organization.status = Organization.Status.MERGED
    assert kind_name(organization) == "Funder"
