"""Memberships at the desk: who sees which, and every decision about them."""

import pytest

from conftest import make_member, make_membership, membership_of, messages_of, visible_text
from desk.models import Selection
from desk.tests.action_pages import action_url, listed, selection_url, ticked
from teams.models import Membership
from teams.services import approve_membership, decline_membership, end_membership

LIST = "/admin/teams/membership/"


# Who sees which ----------------------------------------------------------------------------


def test_list_shows_the_memberships_of_ones_own_teams(facilitator, member, outsider, team):
    assert listed(Membership, facilitator) == [membership_of(member, team)]


def test_list_shows_an_administrator_all(administrator, member, outsider):
    assert len(listed(Membership, administrator)) == 2


def test_pages_of_another_team_are_not_found(client_for, facilitator, outsider, other_team):
    client, membership = client_for(facilitator), membership_of(outsider, other_team)
    for page, status in (("change", 404), ("history", 404), ("delete", 403)):
        assert client.get(f"{LIST}{membership.pk}/{page}/").status_code == status
    for decision in ("approve", "decline", "end"):
        path = action_url(decision, membership)
        assert client.get(path).status_code == 404
        assert client.post(path, {"reason": "Forged"}).status_code == 404
    membership.refresh_from_db()
    assert membership.is_active


def test_selection_leaves_out_forged_keys(
    client_for, facilitator, member, outsider, team, other_team
):
    own, others = membership_of(member, team), membership_of(outsider, other_team)
    forged = Selection.objects.create(
        by=facilitator, model_label="teams.membership", object_ids=[own.pk, others.pk, 10**12]
    )
    client = client_for(facilitator)
    path = f"{LIST}end/{forged.pk}/"
    assert "Olga" not in visible_text(client.get(path))
    client.post(path, {"reason": "The year is over."})
    own.refresh_from_db()
    others.refresh_from_db()
    assert (own.status, others.status) == ("ended", "active")


def test_list_action_on_forged_keys_changes_nothing(client_for, facilitator, outsider, other_team):
    membership = membership_of(outsider, other_team)
    response = client_for(facilitator).post(LIST, ticked("end", membership), follow=True)
    assert response.status_code == 404
    assert membership_of(outsider, other_team).is_active


def test_search_and_filters_match_nothing_of_other_teams(client_for, facilitator, member, outsider):
    for query in ("q=Olga", "q=loop.example", "team=hiring", "_facets&q=Olga"):
        assert listed(Membership, facilitator, query) == [], query
    response = client_for(facilitator).get(LIST + "?q=Olga")
    assert "Olga Outsider" not in visible_text(response)


def test_team_filter_names_ones_own_teams_only(client_for, facilitator, other_team):
    response = client_for(facilitator).get(LIST)
    assert "Hiring" not in visible_text(response)
    assert "Education" in visible_text(response)


def test_filters_count_nothing(client_for, facilitator, member, outsider):
    """A count for every choice would read a million rows."""
    page = visible_text(client_for(facilitator).get(LIST + "?_facets"))
    assert "Active (" not in page
    assert "Show counts" not in page


def test_filters_that_the_list_does_not_offer_are_refused(client_for, facilitator, member):
    client = client_for(facilitator)
    for lookup in (
        "member__organization=1", "member__email__startswith=m", "member__memberships__team=1",
        "team__id__exact=1", "decided_by=1", "reason__contains=a",
    ):  # fmt: skip
        assert client.get(f"{LIST}?{lookup}").status_code == 400, lookup


def test_actions_are_refused_to_members_and_visitors(client_for, client, member, outsider, team):
    membership = membership_of(member, team)
    clients = [(client_for(member), 403), (client_for(outsider), 403), (client, 302)]
    for decision in ("approve", "decline", "end"):
        for of_person, status in clients:
            response = of_person.post(action_url(decision, membership), {"reason": "Mine"})
            assert response.status_code == status
    membership.refresh_from_db()
    assert membership.is_active


def test_list_is_filtered_by_what_waits(
    approver, organization, approval_team, colleague, applicant
):
    una = make_member("una@mail.example", organization, "Una", confirmed=False)
    for person in (colleague, una, applicant):
        make_membership(person, approval_team, Membership.Status.REQUESTED)
    for waits_for, person in (
        ("approval", colleague), ("affiliation", una), ("organization", applicant)
    ):  # fmt: skip
        (record,) = listed(Membership, approver, f"waits_for={waits_for}")
        assert record.member == person


def test_what_waits_is_listed_oldest_first(approver, requests):
    assert listed(Membership, approver, "waits_for=approval") == requests


# Nothing is written past the services ---------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post"])
def test_record_cannot_be_changed_by_a_form(client_for, administrator, requests, method):
    form_data = {"status": "active", "member": 1, "team": 1, "_save": "Save"}
    path = f"{LIST}{requests[0].pk}/change/"
    response = getattr(client_for(administrator), method)(path, form_data)
    assert response.status_code == (403 if method == "post" else 200)
    requests[0].refresh_from_db()
    assert requests[0].is_waiting


def test_action_page_by_get_changes_nothing(client_for, approver, requests, queued_emails):
    mails_before, client = len(queued_emails()), client_for(approver)
    for decision in ("approve", "decline", "end"):
        response = client.get(action_url(decision, requests[0]))
        assert "Maria Member" in visible_text(response)
    requests[0].refresh_from_db()
    assert requests[0].is_waiting
    assert len(queued_emails()) == mails_before


def test_action_page_without_records_is_not_found(client_for, approver, requests):
    client = client_for(approver)
    for decision, keys in (
        ("approve", ["0"]), ("decline", ["0"]), ("end", ["0", "x", "9" * 30, "-1"])
    ):  # fmt: skip
        for key in keys:
            assert client.get(f"{LIST}{key}/{decision}/", follow=True).status_code == 404
            assert client.get(f"{LIST}{decision}/{key}/", follow=True).status_code == 404


# Decisions ---------------------------------------------------------------------------------


def test_approve_is_one_click_on_the_record(client_for, approver, requests, queued_emails):
    client = client_for(approver)
    membership = requests[0]
    record = client.get(f"{LIST}{membership.pk}/change/").content.decode()
    assert f'action="{action_url("approve", membership)}"' in record
    response = client.post(action_url("approve", membership), follow=True)
    assert response.redirect_chain == [(f"{LIST}{membership.pk}/change/", 302)]
    assert messages_of(response) == ["Maria Member is an active member of Careers now."]
    membership.refresh_from_db()
    assert (membership.status, membership.decided_by) == ("active", approver)
    assert [email.to for email in queued_emails()][-1] == [membership.member.email]
    assert 'action="' + action_url("approve", membership) not in response.content.decode()


def test_approve_of_several_returns_to_the_list(client_for, approver, requests):
    client = client_for(approver)
    requested = client.post(f"{LIST}?waits_for=approval", ticked("approve", *requests), follow=True)
    assert "Approve 2 requests" in visible_text(requested)
    assert {
        membership.status for membership in Membership.objects.filter(team__slug="careers")
    } == {"requested"}
    done = client.post(requested.request["PATH_INFO"] + "?" + requested.request["QUERY_STRING"], {})
    assert done["Location"] == f"{LIST}?waits_for=approval"
    assert {
        membership.status for membership in Membership.objects.filter(team__slug="careers")
    } == {"active"}


def test_approve_reports_one_that_was_decided_meanwhile_and_continues(
    client_for, approver, administrator, requests
):
    decline_membership(requests[0], reason="No room.", by=administrator)
    client = client_for(approver)
    response = client.post(selection_url(client, "approve", *requests))
    assert "Maria Member and Careers: already declined" in " ".join(messages_of(response))
    assert "by Ada Admin. Nothing was changed." in " ".join(messages_of(response))
    assert "Colin Colleague is an active member of Careers now." in messages_of(response)
    assert [
        membership_of(membership.member, membership.team).status for membership in requests
    ] == [
        "declined",
        "active",
    ]


def test_approve_is_not_offered_before_the_organization_is_recognized(
    client_for, facilitator, applicant, team
):
    membership = membership_of(applicant, team)
    client = client_for(facilitator)
    record = client.get(f"{LIST}{membership.pk}/change/")
    assert action_url("approve", membership) not in record.content.decode()
    assert "a recognized organization" in visible_text(record)
    assert f"/admin/members/organization/{applicant.organization_id}/" in record.content.decode()
    response = client.post(action_url("approve", membership))
    assert "Recognize Lakeview Health first" in messages_of(response)[0]
    assert membership_of(applicant, team).is_waiting


@pytest.mark.parametrize(
    ("decision", "reason"),
    [("decline", "   "), ("decline", None), ("decline", "x" * 1001), ("end", "")],
)
def test_decline_and_end_without_a_proper_reason_are_refused(
    client_for, approver, requests, decision, reason, queued_emails
):
    if decision == "end":
        approve_membership(requests[0], by=approver)
    before = membership_of(requests[0].member, requests[0].team).status
    count = len(queued_emails())
    form_data = {} if reason is None else {"reason": reason}
    response = client_for(approver).post(action_url(decision, requests[0]), form_data)
    assert response.status_code == 200
    assert response.context["form"].errors["reason"]
    assert membership_of(requests[0].member, requests[0].team).status == before
    assert len(queued_emails()) == count


def test_decline_starts_from_a_prepared_reason_that_can_be_another_or_ones_own(
    client_for, approver, requests, queued_emails
):
    client = client_for(approver)
    page = client.get(action_url("decline", requests[0]))
    prepared = page.context["prepared_reasons"]
    assert page.context["form"].initial["reason"] == prepared[0][1]
    other = client.post(
        action_url("decline", requests[0]), {"prepared": "1", "reason": "Half-typed"}
    )
    assert other.context["form"].initial["reason"] == prepared[1][1]
    assert prepared[1][1] in other.context["email"].message
    own = {"reason": "Come back in spring, Maria."}
    response = client.post(action_url("decline", requests[0]), own)
    assert messages_of(response) == ["The request of Maria Member for Careers is declined."]
    requests[0].refresh_from_db()
    assert (requests[0].status, requests[0].reason) == ("declined", "Come back in spring, Maria.")
    assert "Come back in spring, Maria." in queued_emails()[-1].message


@pytest.mark.parametrize("forged", ["99", "-1", "x"])
def test_decline_page_survives_a_forged_prepared_reason(client_for, approver, requests, forged):
    page = client_for(approver).post(action_url("decline", requests[0]), {"prepared": forged})
    assert page.context["form"].initial["reason"] == page.context["prepared_reasons"][0][1]
    requests[0].refresh_from_db()
    assert requests[0].is_waiting


def test_decline_twice_reports_it_and_sends_one_email(
    client_for, approver, requests, queued_emails
):
    client = client_for(approver)
    count = len(queued_emails())
    for _ in range(2):
        response = client.post(action_url("decline", requests[0]), {"reason": "No."})
    assert "already declined" in messages_of(response)[0]
    assert len(queued_emails()) == count + 1


def test_end_stores_the_reason_and_sends_an_email(
    client_for, facilitator, member, team, queued_emails
):
    membership = membership_of(member, team)
    client = client_for(facilitator)
    assert (
        action_url("end", membership)
        in client.get(f"{LIST}{membership.pk}/change/").content.decode()
    )
    response = client.post(action_url("end", membership), {"reason": "You changed jobs."})
    assert messages_of(response) == ["The membership of Maria Member in Education has ended."]
    membership.refresh_from_db()
    assert (membership.status, membership.ended_by, membership.reason) == (
        "ended",
        facilitator,
        "You changed jobs.",
    )
    assert queued_emails()[-1].to == [member.email]
    history = visible_text(client.get(f"{LIST}{membership.pk}/history/"))
    assert "Fay Facilitator ended" in history


def test_end_of_a_request_is_refused(client_for, approver, requests):
    response = client_for(approver).post(
        action_url("end", requests[0]), {"reason": "x"}, follow=True
    )
    assert "already waiting" in visible_text(response)
    requests[0].refresh_from_db()
    assert requests[0].is_waiting


def test_list_action_on_all_is_limited_to_max_decision_rows(
    client_for, approver, requests, monkeypatch
):
    monkeypatch.setattr("desk.actions.base.MAX_DECISION_ROWS", 1)
    chosen = ticked("approve", requests[0]) | {"select_across": "1"}
    response = client_for(approver).post(LIST, chosen)
    assert messages_of(response) == ["Select at most 1 at a time. Nothing was changed."]


def test_record_shows_the_fields_that_have_a_value(
    client_for, administrator, member, applicant, team
):
    waiting, active = membership_of(applicant, team), membership_of(member, team)
    response = [
        client_for(administrator)
        .get(f"{LIST}{membership.pk}/change/")
        .context["adminform"]
        .fieldsets[0][1]
        for membership in (waiting, active)
    ]
    text = [set(fields["fields"]) for fields in response]
    assert text[0] - text[1] == {"waiting_for", "answer"}
    assert text[1] - text[0] == {"decided_at", "decider"}
    end_membership(active, reason="Over.", by=administrator)
    page = visible_text(client_for(administrator).get(f"{LIST}{active.pk}/change/"))
    assert "Ended by Ada Admin" in page
    assert "Reason Over." in page
