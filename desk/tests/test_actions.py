"""Actions at the desk: the page before the decision, one-click buttons, and undoing it."""

import html
import re
from datetime import timedelta

from django.contrib import admin
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import messages_of, visible_text
from desk.tests.action_pages import action_url, selection_url
from desk.tests.conftest import approve
from desk.tests.test_memberships import LIST
from members.models import Decision, DecisionItem, Organization
from members.tests.decisions import decide
from teams.actions import ACTIONS, process_decision
from teams.models import Membership
from teams.services import join_teams

DECISIONS = "/admin/members/decision/"


def undo(client, decision, *, follow=True, **data):
    return client.post(f"{DECISIONS}{decision.pk}/undo/", data, follow=follow)


# Beforehand --------------------------------------------------------------------------------


def test_action_page_says_what_will_happen_and_shows_the_email(
    client_for, approver, requests, queued_emails
):
    count = len(queued_emails())
    page = visible_text(client_for(approver).get(action_url("approve", requests[0])))
    assert "This will open 1 membership in 1 team and send 1 email." in page
    assert "You can undo it for two minutes; no email is sent before then." in page
    assert "To maria@rush.example" in page
    requests[0].refresh_from_db()
    assert requests[0].is_waiting
    assert len(queued_emails()) == count
    assert not Decision.objects.exists()


def test_page_title_names_one_record_and_counts_two(client_for, approver, requests):
    client = client_for(approver)
    titles = [
        client.get(selection_url(client, "approve", *records)).context["title"]
        for records in (requests[:1], requests)
    ]
    assert titles == ["Approve the request of Maria Member", "Approve 2 requests"]


def test_preview_shows_the_email_with_the_entered_reason(
    client_for, approver, requests, queued_emails
):
    count = len(queued_emails())
    form_data = {"preview": "email", "reason": "Come back in spring."}
    page = client_for(approver).post(action_url("decline", requests[0]), form_data)
    assert "Come back in spring." in page.context["email"].message
    assert page.context["form"]["reason"].value() == "Come back in spring."
    requests[0].refresh_from_db()
    assert requests[0].is_waiting
    assert len(queued_emails()) == count


def test_preview_without_a_reason_says_what_is_missing(client_for, approver, requests):
    page = client_for(approver).post(
        action_url("decline", requests[0]), {"preview": "email", "reason": " "}
    )
    assert page.context["email"] is None
    assert "Give a reason" in visible_text(page)


def test_first_visible_email_hides_one_that_names_other_teams(
    client_for, facilitator, administrator, applicant, other_team, proposed_organization
):
    """It names those teams, which are not the facilitator's to know."""
    join_teams(applicant, [other_team])
    path = action_url("recognize", proposed_organization)
    assert client_for(facilitator).get(path).context["email"] is None
    assert client_for(administrator).get(path).context["email"].to == [applicant.email]


def test_preview_of_a_refused_record_shows_no_effects(client_for, approver, requests):
    client = client_for(approver)
    approve(requests[0], approver)
    page = client.get(action_url("decline", requests[0]))
    assert page.context["effects"] == ""
    assert page.context["email"] is None


# Undo --------------------------------------------------------------------------------------


def test_undo_is_offered_on_every_page_of_the_desk(client_for, approver, approved):
    client = client_for(approver)
    for path in ("/admin/", LIST, f"{LIST}{stay_pk(approved)}/change/"):
        page = client.get(path)
        assert f"{DECISIONS}{approved.pk}/undo/" in page.content.decode()
        assert (
            "Maria Member is an active member of Careers now. You can undo it until"
            in visible_text(page)
        )


def stay_pk(decision: Decision) -> int:
    return decision.items.get().object_id


def test_undo_returns_to_the_page_it_was_clicked_on(
    client_for, approver, approved, requests, queued_emails
):
    count = len(queued_emails())
    response = undo(client_for(approver), approved, next=LIST)
    assert response.request["PATH_INFO"] == LIST
    assert messages_of(response) == [
        "Undone, and no email was sent. What was undone: "
        "Maria Member is an active member of Careers now."
    ]
    requests[0].refresh_from_db()
    assert requests[0].is_waiting
    assert len(queued_emails()) == count - 1
    assert "/undo/" not in response.content.decode()


def test_undo_redirects_to_no_other_site(client_for, approver, approved):
    elsewhere = "https://elsewhere.example/"
    response = undo(client_for(approver), approved, follow=False, next=elsewhere)
    assert response["Location"] == f"{DECISIONS}{approved.pk}/change/"


def test_undo_by_get_changes_nothing(client_for, approver, approved, requests):
    response = client_for(approver).get(f"{DECISIONS}{approved.pk}/undo/")
    assert response["Location"] == f"{DECISIONS}{approved.pk}/change/"
    requests[0].refresh_from_db()
    assert requests[0].is_active


def test_decision_of_another_person_is_not_found(
    client_for, facilitator, administrator, approved, requests
):
    client = client_for(facilitator)
    for path in (f"{approved.pk}/change/", f"{approved.pk}/undo/", f"{approved.pk}/continue/"):
        assert client.get(DECISIONS + path).status_code == 404
        assert client.post(DECISIONS + path).status_code == 404
    assert "Maria Member is an active member" not in visible_text(client.get(DECISIONS))
    assert "Maria Member is an active member" in visible_text(
        client_for(administrator).get(DECISIONS)
    )
    requests[0].refresh_from_db()
    assert requests[0].is_active


def test_undo_is_refused_to_members_and_visitors(client_for, client, member, approved, requests):
    assert undo(client_for(member), approved).status_code == 403
    client.post(f"{DECISIONS}{approved.pk}/undo/")
    requests[0].refresh_from_db()
    assert requests[0].is_active


def test_undo_is_offered_for_the_newest_decision_with_a_link_to_the_others(
    client_for, approver, many_requests
):
    client = client_for(approver)
    for request in many_requests[:3]:
        approve(request, approver)
    response = client.get("/admin/")
    page = response.content.decode()
    newest, *others = Decision.objects.order_by("-pk")
    assert f"{DECISIONS}{newest.pk}/undo/" in page
    assert f"{DECISIONS}{others[0].pk}/undo/" not in page
    assert "More that can be undone" in visible_text(response)
    assert visible_text(client.get(DECISIONS)).count("1 of 1 done until ") == 3
    own = client.get(f"{DECISIONS}{others[-1].pk}/change/").content.decode()
    assert f"{DECISIONS}{others[-1].pk}/undo/" in own


def test_undo_is_not_offered_when_nothing_changed(client_for, approver, approved, requests):
    client = client_for(approver)
    client.post(action_url("approve", requests[0]))
    again = Decision.objects.first()
    assert [item.outcome for item in again.items.all()] == ["refused"]
    assert f"{DECISIONS}{again.pk}/undo/" not in client.get("/admin/").content.decode()


def test_undo_refused_by_a_later_change_keeps_the_email_waiting(
    client_for, approver, approved, requests, queued_emails
):
    client = client_for(approver)
    end = decide(approver, Membership, [requests[0].pk], "end", form_data={"reason": "A mistake."})
    process_decision(end, seconds=60)
    text = messages_of(undo(client, approved, next=LIST))
    assert "Not undone" in " ".join(text)
    assert "1 of 1 not undone" in visible_text(client.get(DECISIONS))
    assert all(email.scheduled_time > timezone.now() for email in queued_emails()[-2:])


def test_action_page_of_many_counts_those_that_are_unavailable(
    client_for, approver, requests, member
):
    client = client_for(approver)
    approve(requests[0], approver)
    page = visible_text(client.get(selection_url(client, "decline", *requests)))
    assert "1 of these cannot be decided this way now." in page
    assert "The email to the first of them" in page
    assert "To colin@rush.example" in page
    gone = client.get(action_url("decline", requests[0]))
    assert "Nothing here can be decided this way now." in visible_text(gone)
    assert 'name="reason"' not in gone.content.decode()


def test_undo_after_two_minutes_is_refused_in_words(client_for, approver, approved, requests):
    Decision.objects.update(finished_at=F("finished_at") - timedelta(minutes=3))
    client = client_for(approver)
    assert "/undo/" not in client.get("/admin/").content.decode()
    assert "too late to undo" in messages_of(undo(client, approved, next=LIST))[0]
    requests[0].refresh_from_db()
    assert requests[0].is_active


def test_close_account_cannot_be_undone_and_says_so(client_for, administrator, colleague):
    client = client_for(administrator)
    path = action_url("close", colleague)
    assert "You can undo it" not in visible_text(client.get(path))
    response = client.post(path, follow=True)
    assert "/undo/" not in response.content.decode()
    assert "too late" in messages_of(undo(client, Decision.objects.get()))[0]


def test_close_account_erases_the_name_from_decisions(client_for, administrator, approved, member):
    client_for(administrator).post(action_url("close", member))
    text = " ".join(DecisionItem.objects.values_list("result_message", flat=True))
    assert "Maria" not in text


# The list ----------------------------------------------------------------------------------


def test_decision_list_needs_constant_queries(client_for, approver, requests):
    client = client_for(approver)
    approve(requests[0], approver)
    client.get(DECISIONS)
    before = count_of(client)
    approve(requests[1], approver)
    decide(approver, Membership, [requests[0].pk], "end", form_data={"reason": "Over."})
    assert count_of(client) == before


def count_of(client) -> int:
    with CaptureQueriesContext(connection) as queries:
        client.get(DECISIONS)
    return len(queries)


def test_decision_cannot_be_added_changed_or_deleted(client_for, administrator, approved):
    client = client_for(administrator)
    assert client.get(f"{DECISIONS}add/").status_code == 403
    assert client.post(f"{DECISIONS}{approved.pk}/change/", {"title": "Forged"}).status_code in {
        200,
        403,
    }
    approved.refresh_from_db()
    assert approved.title == "Approve"
    assert client.post(f"{DECISIONS}{approved.pk}/delete/").status_code == 403


def test_every_registered_action_is_offered_by_one_list():
    offered = [
        (model._meta.label_lower, bulk_action.name)
        for model, model_admin in admin.site._registry.items()
        for bulk_action in getattr(model_admin, "bulk_actions", ())
    ]
    assert sorted(offered) == sorted(ACTIONS)


def test_one_click_in_the_list_decides_and_returns_to_it(client_for, approver, requests):
    client = client_for(approver)
    filtered = f"{LIST}?waits_for=approval"
    page = client.get(filtered).content.decode()
    (address,) = {
        html.unescape(matches)
        for matches in re.findall(r'formaction="([^"]+)"', page)
        if action_url("approve", requests[0]) in html.unescape(matches)
    }
    response = client.post(address, {"action": "", "index": "0"}, follow=True)
    assert messages_of(response) == ["Maria Member is an active member of Careers now."]
    assert visible_text(response).count("Maria Member is an active member of Careers now.") == 1
    assert response.request["QUERY_STRING"] == "waits_for=approval"
    assert action_url("approve", requests[0]) not in response.content.decode()


def test_one_click_recognizes_with_the_domain_that_the_button_names(
    client_for, facilitator, applicant, proposed_organization
):
    client = client_for(facilitator)
    path = f"/admin/members/organization/{proposed_organization.pk}/change/"
    page = client.get(path)
    (data,) = filter(None, (each["one_click_data"] for each in page.context["bulk_actions"]))
    assert "Recognize with lakeview.example" in visible_text(page)
    client.post(action_url("recognize", proposed_organization), data)
    assert [record.domain for record in proposed_organization.domains.all()] == ["lakeview.example"]
    applicant.refresh_from_db()
    assert applicant.is_affiliation_confirmed


def test_one_click_is_not_offered_where_a_reason_is_needed(client_for, facilitator, member, team):
    assert "formaction" not in client_for(facilitator).get(LIST).content.decode()


def test_checkboxes_of_many_are_ticked_as_on_the_page_of_one(
    client_for, facilitator, proposed_organization
):
    other = Organization.objects.create(name="Other", suggested_domain="other.example")
    client = client_for(facilitator)
    page = client.get(selection_url(client, "recognize", proposed_organization, other))
    assert not page.context["form"].is_bound
    domains = [field for field in page.context["form"] if field.name.startswith("domain_")]
    assert [field.value() for field in domains] == [True, True]


def test_list_without_one_click_actions_has_no_column_for_them(client_for, facilitator, goal):
    page = client_for(facilitator).get("/admin/teams/goal/")
    assert "decide" not in [str(column) for column in page.context["cl"].list_display]
    assert "Decide" not in visible_text(page)
