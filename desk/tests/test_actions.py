"""Decisions at the desk beyond the press itself: the page before it, the undo after it, many at
once, and the background that goes on with them."""

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
from desk.tests.test_memberships import LIST
from members.models import Decision, DecisionItem, Organization
from teams.actions import ACTIONS
from teams.services import join_teams

DECISIONS = "/admin/members/decision/"


def undo(client, decision, **data):
    return client.post(f"{DECISIONS}{decision.pk}/undo/", data, follow=True)


# Beforehand --------------------------------------------------------------------------------


def test_page_says_what_will_happen_and_shows_the_mail(client_for, approver, requests, mails):
    count = len(mails())
    shown = visible_text(client_for(approver).get(action_url("approve", requests[0])))
    assert "This will open 1 membership in 1 team and send 1 email." in shown
    assert "You can undo it for two minutes; no email leaves before." in shown
    assert "To maria@rush.example" in shown
    requests[0].refresh_from_db()
    assert requests[0].is_waiting
    assert len(mails()) == count
    assert not Decision.objects.exists()


def test_page_of_one_row_names_it_in_its_title_and_of_two_counts_them(
    client_for, approver, requests
):
    client = client_for(approver)
    titles = [
        client.get(selection_url(client, "approve", *rows)).context["title"]
        for rows in (requests[:1], requests)
    ]
    assert titles == ["Approve the request of Maria Member", "Approve 2 requests"]


def test_decline_shows_the_mail_with_what_was_typed_before_it_goes(
    client_for, approver, requests, mails
):
    count = len(mails())
    typed = {"preview": "email", "reason": "Come back in spring."}
    shown = client_for(approver).post(action_url("decline", requests[0]), typed)
    assert "Come back in spring." in shown.context["email"].message
    assert shown.context["form"]["reason"].value() == "Come back in spring."
    requests[0].refresh_from_db()
    assert requests[0].is_waiting
    assert len(mails()) == count


def test_showing_a_mail_without_a_reason_says_what_is_missing(client_for, approver, requests):
    shown = client_for(approver).post(
        action_url("decline", requests[0]), {"preview": "email", "reason": " "}
    )
    assert shown.context["email"] is None
    assert "Give a reason" in visible_text(shown)


def test_mail_of_somebody_who_asked_for_other_teams_too_is_not_shown(
    client_for, facilitator, administrator, applicant, other_team, proposed_organization
):
    """It names those teams, which are not the facilitator's to know."""
    join_teams(applicant, [other_team])
    path = action_url("recognize", proposed_organization)
    assert client_for(facilitator).get(path).context["email"] is None
    assert client_for(administrator).get(path).context["email"].to == [applicant.email]


def test_what_will_happen_cannot_be_told_of_a_row_that_is_refused(client_for, approver, requests):
    client = client_for(approver)
    client.post(action_url("approve", requests[0]))
    shown = client.get(action_url("decline", requests[0]))
    assert shown.context["effects"] == ""
    assert shown.context["email"] is None


# Undo --------------------------------------------------------------------------------------


def test_every_page_of_the_desk_offers_to_undo_what_was_just_decided(
    client_for, approver, approved
):
    for path in ("/admin/", LIST, f"{LIST}{stay_pk(approved)}/change/"):
        shown = client_for(approver).get(path)
        assert f"{DECISIONS}{approved.pk}/undo/" in shown.content.decode()
        assert (
            "Maria Member is an active member of Careers now. You can undo it until"
            in visible_text(shown)
        )


def stay_pk(decision: Decision) -> int:
    return decision.items.get().object_id


def test_one_press_undoes_and_comes_back(client_for, approver, approved, requests, mails):
    count = len(mails())
    response = undo(client_for(approver), approved, next=LIST)
    assert response.request["PATH_INFO"] == LIST
    assert messages_of(response) == [
        "Undone, and no email was sent: Maria Member is an active member of Careers now."
    ]
    requests[0].refresh_from_db()
    assert requests[0].is_waiting
    assert len(mails()) == count - 1
    assert "/undo/" not in response.content.decode()


def test_undo_goes_to_no_other_site(client_for, approver, approved):
    response = undo(client_for(approver), approved, next="https://elsewhere.example/")
    assert response.request["PATH_INFO"] == f"{DECISIONS}{approved.pk}/change/"


def test_opening_the_undo_address_undoes_nothing(client_for, approver, approved, requests):
    response = client_for(approver).get(f"{DECISIONS}{approved.pk}/undo/", follow=True)
    assert response.request["PATH_INFO"] == f"{DECISIONS}{approved.pk}/change/"
    requests[0].refresh_from_db()
    assert requests[0].is_active


def test_decisions_of_others_are_not_found(
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


def test_members_and_strangers_undo_nothing(client_for, client, member, approved, requests):
    assert undo(client_for(member), approved).status_code == 403
    client.post(f"{DECISIONS}{approved.pk}/undo/")
    requests[0].refresh_from_db()
    assert requests[0].is_active


def test_newest_decision_is_offered_to_be_undone_and_the_way_to_the_others(
    client_for, approver, many_requests
):
    client = client_for(approver)
    for row in many_requests[:4]:
        client.post(action_url("approve", row))
    shown = client.get("/admin/").content.decode()
    newest, *others = Decision.objects.order_by("-pk")
    assert f"{DECISIONS}{newest.pk}/undo/" in shown
    assert f"{DECISIONS}{others[-1].pk}/undo/" not in shown
    assert "More that can be undone" in shown
    assert visible_text(client.get(DECISIONS)).count("1 of 1 done until ") == 4
    own = client.get(f"{DECISIONS}{others[-1].pk}/change/").content.decode()
    assert f"{DECISIONS}{others[-1].pk}/undo/" in own


def test_press_that_changed_nothing_offers_nothing_to_undo(
    client_for, approver, approved, requests
):
    client = client_for(approver)
    client.post(action_url("approve", requests[0]))
    again = Decision.objects.first()
    assert [row.outcome for row in again.items.all()] == ["refused"]
    assert f"{DECISIONS}{again.pk}/undo/" not in client.get("/admin/").content.decode()


def test_refused_undo_is_not_called_undone_and_its_mail_waits_on(
    client_for, approver, approved, requests, mails
):
    client = client_for(approver)
    client.post(action_url("end", requests[0]), {"reason": "A mistake."})
    told = messages_of(undo(client, approved, next=LIST))
    assert "Not undone" in " ".join(told)
    assert "1 of 1 not undone" in visible_text(client.get(DECISIONS))
    assert all(mail.scheduled_time > timezone.now() for mail in mails()[-2:])


def test_page_of_many_says_how_many_cannot_be_decided(client_for, approver, requests, member):
    client = client_for(approver)
    client.post(action_url("approve", requests[0]))
    shown = visible_text(client.get(selection_url(client, "decline", *requests)))
    assert "1 of these cannot be decided this way now." in shown
    assert "The email to the first of them" in shown
    assert "To colin@rush.example" in shown
    gone = client.get(action_url("decline", requests[0]))
    assert "Nothing here can be decided this way now." in visible_text(gone)
    assert 'name="reason"' not in gone.content.decode()


def test_too_late_is_told(client_for, approver, approved, requests):
    Decision.objects.update(finished_at=F("finished_at") - timedelta(minutes=3))
    client = client_for(approver)
    assert "/undo/" not in client.get("/admin/").content.decode()
    assert "too late to undo" in messages_of(undo(client, approved, next=LIST))[0]
    requests[0].refresh_from_db()
    assert requests[0].is_active


def test_closing_an_account_cannot_be_undone_and_says_so(client_for, administrator, colleague):
    client = client_for(administrator)
    path = action_url("close", colleague)
    assert "You can undo it" not in visible_text(client.get(path))
    response = client.post(path, follow=True)
    assert "/undo/" not in response.content.decode()
    assert "too late" in messages_of(undo(client, Decision.objects.get()))[0]


def test_nothing_that_names_a_person_stays_with_a_decision_after_the_account_is_closed(
    client_for, administrator, approved, member
):
    client_for(administrator).post(action_url("close", member))
    told = " ".join(DecisionItem.objects.values_list("result_message", flat=True))
    assert "Maria" not in told


# The list ----------------------------------------------------------------------------------


def test_list_of_decisions_tells_results_with_constant_queries(client_for, approver, requests):
    client = client_for(approver)
    client.post(action_url("approve", requests[0]))
    client.get(DECISIONS)
    before = count_of(client)
    client.post(action_url("approve", requests[1]))
    client.post(action_url("end", requests[0]), {"reason": "Over."})
    assert count_of(client) == before
    assert "1 of 1 done" in visible_text(client.get(DECISIONS))


def count_of(client) -> int:
    with CaptureQueriesContext(connection) as queries:
        client.get(DECISIONS)
    return len(queries)


def test_nobody_adds_changes_or_deletes_a_decision(client_for, administrator, approved):
    client = client_for(administrator)
    assert client.get(f"{DECISIONS}add/").status_code == 403
    assert client.post(f"{DECISIONS}{approved.pk}/change/", {"title": "Forged"}).status_code in {
        200,
        403,
    }
    approved.refresh_from_db()
    assert approved.title == "Approve 1 request"
    assert client.post(f"{DECISIONS}{approved.pk}/delete/").status_code == 403


def test_every_registered_action_is_offered_by_one_list():
    offered = [
        (model._meta.label_lower, bulk_action.name)
        for model, model_admin in admin.site._registry.items()
        for bulk_action in getattr(model_admin, "bulk_actions", ())
    ]
    assert sorted(offered) == sorted(ACTIONS)


def test_one_press_in_the_list_decides_and_comes_back_to_it(client_for, approver, requests):
    client = client_for(approver)
    filtered = f"{LIST}?waits_for=approval"
    shown = client.get(filtered).content.decode()
    (address,) = {
        html.unescape(found)
        for found in re.findall(r'formaction="([^"]+)"', shown)
        if action_url("approve", requests[0]) in html.unescape(found)
    }
    response = client.post(address, {"action": "", "index": "0"}, follow=True)
    assert messages_of(response) == ["Maria Member is an active member of Careers now."]
    assert visible_text(response).count("Maria Member is an active member of Careers now.") == 1
    assert response.request["QUERY_STRING"] == "waits_for=approval"
    assert action_url("approve", requests[0]) not in response.content.decode()


def test_one_press_recognizes_with_the_domain_that_the_button_names(
    client_for, facilitator, applicant, proposed_organization
):
    client = client_for(facilitator)
    path = f"/admin/members/organization/{proposed_organization.pk}/change/"
    shown = client.get(path)
    (data,) = filter(None, (each["one_click_data"] for each in shown.context["bulk_actions"]))
    assert "Recognize with lakeview.example" in visible_text(shown)
    client.post(action_url("recognize", proposed_organization), data)
    assert [row.domain for row in proposed_organization.domains.all()] == ["lakeview.example"]
    applicant.refresh_from_db()
    assert applicant.is_affiliation_confirmed


def test_list_offers_no_press_for_what_is_decided_or_needs_a_reason(
    client_for, facilitator, member, team
):
    assert "formaction" not in client_for(facilitator).get(LIST).content.decode()


def test_checkboxes_of_many_are_ticked_as_on_the_page_of_one(
    client_for, facilitator, proposed_organization
):
    other = Organization.objects.create(name="Other", suggested_domain="other.example")
    client = client_for(facilitator)
    shown = client.get(selection_url(client, "recognize", proposed_organization, other))
    assert not shown.context["form"].is_bound
    assert [field.value() for field in shown.context["form"]] == [True, True]


def test_list_without_a_decision_by_one_press_has_no_column_for_it(client_for, facilitator, goal):
    shown = client_for(facilitator).get("/admin/teams/goal/")
    assert "decide" not in [str(column) for column in shown.context["cl"].list_display]
    assert "Decide" not in visible_text(shown)
