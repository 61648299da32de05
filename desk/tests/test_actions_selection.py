"""Selections: what is ticked in a list, decided on a page of its own, by the form that it shows."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import messages_of, visible_text
from desk.actions import base
from desk.models import Selection
from desk.records.memberships.admin import MembershipAdmin
from desk.tests.action_pages import action_form, action_url, selection_url, ticked
from desk.tests.test_memberships import LIST
from members.models import Decision, Member
from teams.models import Membership
from teams.services import set_facilitators

REASON = "We start again in spring; “écrivez-nous” & ask <again>."


@pytest.fixture
def staff(request, administrator, approver) -> Member:
    """The one whom the test is about, by role."""
    return {"administrator": administrator, "facilitator": approver}[request.param]


def add_requests(team, organization, count: int) -> None:
    members = Member.objects.bulk_create(
        Member(
            email=f"applicant{number}@rush.example",
            full_name=f"Applicant {number}",
            organization=organization,
            affiliation_confirmed_at=timezone.now(),
            affiliation_confirmed_via="domain",
        )
        for number in range(count)
    )
    Membership.objects.bulk_create(Membership(member=member, team=team) for member in members)


@pytest.mark.parametrize("staff", ["administrator", "facilitator"], indirect=True)
@pytest.mark.parametrize("count", [201, 1002])
def test_shown_form_decides_about_more_than_a_page_of_rows(
    client_for, staff, organization, approval_team, count, monkeypatch
):
    # One record is enough to see that the reason arrives; the others are processed alike.
    monkeypatch.setattr(base, "REQUEST_SECONDS", 0)
    add_requests(approval_team, organization, count)
    client = client_for(staff)
    chosen = ticked("decline", Membership.objects.latest("pk")) | {"select_across": "1"}
    page = client.get(client.post(LIST, chosen)["Location"])
    action_form(page).submit(client, "Decline", follow=False, reason=REASON)
    decision = Decision.objects.get()
    assert (decision.action, decision.form_data) == ("decline", {"reason": REASON})
    assert decision.items.count() == count


@pytest.mark.parametrize(
    ("staff", "count"), [("facilitator", 1), ("administrator", 2)], indirect=["staff"]
)
def test_shown_form_declines_all_that_were_ticked_with_the_reason(
    client_for, staff, organization, approval_team, count
):
    add_requests(approval_team, organization, count)
    client = client_for(staff)
    chosen = ticked("decline", Membership.objects.latest("pk")) | {"select_across": "1"}
    page = client.post(f"{LIST}?waits_for=approval", chosen, follow=True)
    response = action_form(page).submit(client, "Decline", reason=REASON)
    decision = Decision.objects.get()
    assert (decision.action, decision.form_data) == ("decline", {"reason": REASON})
    assert decision.items.count() == count
    assert {membership.reason for membership in Membership.objects.all()} == {REASON}
    assert Membership.objects.waiting().count() == 0
    assert response.request["PATH_INFO"] == LIST
    assert response.request["QUERY_STRING"] == "waits_for=approval"


def test_shown_form_of_201_keeps_the_reason_while_the_email_is_shown_and_declines_all(
    client_for, approver, organization, approval_team, monkeypatch
):
    # One record is enough to see that the reason arrives; the others are processed alike.
    monkeypatch.setattr(base, "REQUEST_SECONDS", 0)
    add_requests(approval_team, organization, 201)
    client = client_for(approver)
    page = client.post(LIST, ticked("decline", Membership.objects.first()) | {"select_across": "1"})
    page = client.get(page["Location"])
    page = action_form(page).submit(client, "Show it with my changes", reason=REASON)
    assert REASON in page.context["email"].message
    assert action_form(page).fields["reason"] == REASON
    prepared = page.context["prepared_reasons"][2][1]
    page = action_form(page).submit(client, prepared)
    assert action_form(page).fields["reason"] == prepared
    assert not Decision.objects.exists()
    decided = action_form(page).submit(client, "Decline", follow=False, reason=REASON)
    decision = Decision.objects.get()
    assert decided["Location"] == f"/admin/members/decision/{decision.pk}/change/"
    assert decision.items.count() == 201
    (processed,) = decision.items.exclude(outcome="waiting")
    assert Membership.objects.get(pk=processed.object_id).reason == REASON


def test_selection_returns_to_the_filtered_list(client_for, approver, requests):
    client = client_for(approver)
    path = selection_url(client, "approve", *requests, filters="waits_for=approval&q=rush")
    page = client.get(path)
    response = action_form(page).submit(client, "Approve")
    assert response.request["PATH_INFO"] == LIST
    assert response.request["QUERY_STRING"] == "waits_for=approval&q=rush"
    assert len(messages_of(response)) == 2


def test_selection_of_another_person_is_not_found(
    client_for, approver, requests, administrator, facilitator, approval_team
):
    set_facilitators(approval_team, [approver, facilitator], by=administrator)
    path = selection_url(client_for(approver), "decline", *requests)
    for other in (administrator, facilitator):
        client = client_for(other)
        assert client.get(path).status_code == 404
        assert client.post(path, {"reason": "Forged"}).status_code == 404
    assert Membership.objects.waiting().count() == 2


def test_selection_of_another_list_is_not_found(client_for, administrator, requests, member):
    client = client_for(administrator)
    path = selection_url(client, "approve", *requests)
    selection = Selection.objects.get()
    assert client.get(path).status_code == 200
    assert client.post(f"/admin/members/member/close/{selection.pk}/").status_code == 404
    member.refresh_from_db()
    assert member.is_active


def test_selection_of_what_one_may_no_longer_see_is_not_found(
    client_for, approver, requests, administrator, approval_team, team
):
    client = client_for(approver)
    path = selection_url(client, "approve", *requests)
    set_facilitators(team, [approver], by=administrator)
    set_facilitators(approval_team, [], by=administrator)
    assert client.post(path).status_code == 404
    assert Membership.objects.waiting().count() == 2


def test_selection_submitted_twice_decides_once(client_for, approver, requests, queued_emails):
    client = client_for(approver)
    page = client.get(selection_url(client, "decline", *requests))
    form = action_form(page)
    form.submit(client, "Decline", follow=False, reason=REASON)
    email_count = len(queued_emails())
    response = form.submit(client, "Decline", reason="Another reason.")
    decision = Decision.objects.get()
    assert response.request["PATH_INFO"] == f"/admin/members/decision/{decision.pk}/change/"
    assert "Done 2" in visible_text(response)
    assert len(queued_emails()) == email_count
    assert {membership.reason for membership in Membership.objects.filter(status="declined")} == {
        REASON
    }


def test_selection_of_a_decision_is_not_decided_by_a_request_that_came_first(
    client_for, approver, requests
):
    """The second of two requests that both read the selection as undecided."""
    client = client_for(approver)
    selection_url(client, "approve", *requests)
    selection = Selection.objects.get()
    client.post(f"{LIST}approve/{selection.pk}/")
    approve = MembershipAdmin.bulk_actions[0]
    decision = base._get_or_create_decision(approve, requests, {}, selection, by=approver)
    assert decision == Decision.objects.get()


def test_expired_selection_says_so_in_words(client_for, approver, requests):
    client = client_for(approver)
    path = selection_url(client, "decline", *requests, filters="waits_for=approval")
    form = action_form(client.get(path))
    Selection.objects.update(created_at=timezone.now() - timedelta(hours=25))
    response = form.submit(client, "Decline", reason=REASON)
    (message,) = messages_of(response)
    assert "This selection is more than a day old" in message
    assert response.request["PATH_INFO"] == LIST
    assert response.request["QUERY_STRING"] == "waits_for=approval"
    assert Membership.objects.waiting().count() == 2


def test_ticking_one_record_stores_no_selection(client_for, approver, requests):
    path = selection_url(client_for(approver), "decline", requests[0])
    assert path == action_url("decline", requests[0], _changelist_filters="")
    assert not Selection.objects.exists()


def test_opening_the_page_of_a_selection_decides_nothing(client_for, approver, requests):
    client = client_for(approver)
    client.get(selection_url(client, "approve", *requests))
    assert not Decision.objects.exists()
    assert Membership.objects.waiting().count() == 2


def test_page_of_a_selection_needs_the_same_queries_for_2_and_5_records(
    client_for, approver, many_requests
):
    client = client_for(approver)
    path_of_2 = selection_url(client, "decline", *many_requests[:2])
    path_of_5 = selection_url(client, "decline", *many_requests)
    client.get(path_of_2)
    with CaptureQueriesContext(connection) as queries_of_2:
        client.get(path_of_2)
    with CaptureQueriesContext(connection) as queries_of_5:
        client.get(path_of_5)
    assert len(queries_of_5) == len(queries_of_2)
