"""One decision of each kind, by the form that its page shows: what a browser without scripts posts
when a facilitator fills in what is asked and presses the button."""

import pytest

from conftest import messages_of, visible_text
from desk.tests.action_pages import action_form, action_url, forms_of
from members.models import Member, Organization
from teams.models import FaqEntry, Goal
from teams.services import ask_question


@pytest.fixture
def desk(client_for, administrator):
    return client_for(administrator)


def decide(client, action: str, record, label: str, **entered: str):
    """Open the page of an action, fill in its form and press its button."""
    return action_form(client.get(action_url(action, record))).submit(client, label, **entered)


def merge(client, record, search: str) -> None:
    """Merge a record into what is found by these words."""
    page = client.get(action_url("merge", record, search=search))
    action_form(page).submit(client, "Merge", follow=False)


def test_shown_forms_of_a_record_approve_and_end_a_membership(desk, requests):
    record = f"/admin/teams/membership/{requests[0].pk}/change/"
    (form,) = [form for form in forms_of(desk.get(record)) if "Approve" in form.buttons]
    assert "is an active member" in messages_of(form.submit(desk, "Approve", follow=False))[0]
    page = desk.get(action_url("end", requests[0]))
    assert "This will end 1 membership and send 1 email." in visible_text(page)
    ended = action_form(page).submit(desk, "End membership", follow=False)
    assert "has ended" in messages_of(ended)[0]


def test_shown_form_removes_a_confirmation(desk, member):
    (message,) = messages_of(decide(desk, "unconfirm", member, "Remove confirmation"))
    assert message.startswith("Maria Member is no longer confirmed")


def test_shown_forms_answer_publish_and_dismiss_a_question(desk, client):
    first, second, third = (
        ask_question(f"Question number {number}?", f"visitor{number}@example.org")
        for number in range(3)
    )
    answered = decide(desk, "answer", first, "Answer", answer="It is the first one.")
    assert "is answered by email" in messages_of(answered)[0]
    published = decide(
        desk, "publish", second, "Publish", answer="It is the *second* one.", place="about"
    )
    assert "is answered on the FAQ page" in messages_of(published)[0]
    page = client.get(FaqEntry.objects.get().get_absolute_url(), follow=True)
    assert "It is the <em>second</em> one." in page.content.decode()
    dismissed = decide(desk, "dismiss", third, "Dismiss")
    assert "is dismissed; nobody is notified" in messages_of(dismissed)[0]


def test_shown_form_reports_on_a_goal_for_the_page_of_its_team(desk, client, goal):
    Goal.objects.update(target=12, unit="organizations")
    page = desk.get(action_url("report", goal))
    form = action_form(page)
    assert {"value", "sentence"} <= form.fields.keys()
    assert 'type="radio" name="state" value="on_track"' in page.content.decode()
    sentence = "Nine organizations sat at one table."
    reported = {"state": "on_track", "value": "9", "sentence": sentence}
    desk.post(form.action, form.fields | reported)
    page = client.get(goal.team.get_absolute_url()).content.decode()
    assert "9 organizations" in page
    assert sentence in page


def test_shown_forms_merge_organizations_and_accounts(
    desk, applicant, organization, member, colleague
):
    merge(desk, applicant.organization, organization.name)
    assert Organization.objects.get(pk=applicant.organization_id).merged_into == organization
    merge(desk, colleague, member.email)
    assert Member.objects.account_of(colleague.email) == member
