"""Suggested resources at the desk: shared by all, decided once, nothing else may change them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from conftest import visible_text
from desk.tests.action_pages import action_form, action_url, selection_url
from members.models import Decision
from members.services import undo_decision
from teams.actions import process_decision
from teams.models import Resource, ResourceSuggestion
from teams.services import dismiss_suggestion, suggest_resource
from teams.services.digests import digest_for
from teams.tests.announcements import make_resource

LIST = "/admin/teams/resourcesuggestion/"


@pytest.fixture
def suggestion(db) -> ResourceSuggestion:
    return suggest_resource(
        "https://guides.example.org/a", "Interview guide", "It helps", "vera@visitor.example"
    )


@pytest.fixture
def desk(client_for, facilitator):
    return client_for(facilitator)


def test_all_facilitators_share_the_suggestions(
    client_for, facilitator, other_facilitator, administrator, member, suggestion
):
    for person in (facilitator, other_facilitator, administrator):
        assert "Interview guide" in visible_text(client_for(person).get(LIST))
    assert client_for(member).get(LIST).status_code == 403
    page = client_for(member).post(action_url("dismiss", suggestion), {"reason": ""})
    assert page.status_code == 403


def test_suggestion_cannot_be_added_changed_or_deleted(client_for, administrator, suggestion):
    client = client_for(administrator)
    assert client.get(f"{LIST}add/").status_code == 403
    record = f"{LIST}{suggestion.pk}"
    assert client.post(f"{record}/change/", {"title": "Other"}).status_code == 403
    assert client.post(f"{record}/delete/", {"post": "yes"}).status_code == 403


def test_waiting_suggestions_are_listed_oldest_first_with_late_badges(desk, suggestion):
    older = suggest_resource("https://guides.example.org/b", "<script>x</script>")
    ResourceSuggestion.objects.filter(pk=older.pk).update(
        suggested_at=timezone.now() - timedelta(days=15)
    )
    page = desk.get(f"{LIST}?waits=decision")
    assert [each.pk for each in page.context["cl"].result_list] == [older.pk, suggestion.pk]
    assert visible_text(page).count("Late") == 1
    assert "<script>x" not in page.content.decode()
    text = visible_text(desk.get("/admin/"))
    assert "2 suggested resources to decide" in text


def test_publish_begins_with_what_was_suggested_and_is_undone(
    desk, team, facilitator, suggestion, queued_emails
):
    page = desk.get(action_url("publish", suggestion))
    assert '<option value="" selected>Choose</option>' in page.content.decode()
    form = action_form(page)
    assert (form.fields["title"], form.fields["url"]) == (suggestion.title, suggestion.url)
    assert form.fields["summary"] == "It helps"
    # No team is ticked.
    form.fields["teams"] = ""
    page = form.submit(desk, "Publish", kind="toolkit", teams=str(team.pk), published_on="2024")
    resource = Resource.objects.get()
    assert (resource.title, resource.published_on) == ("Interview guide", "2024")
    assert list(resource.teams.all()) == [team]
    assert f'href="{resource.get_absolute_url()}"' in page.content.decode()
    assert [email.to for email in queued_emails()] == [["vera@visitor.example"]]
    record = visible_text(desk.get(f"{LIST}{suggestion.pk}/change/"))
    assert "Its page" in record
    assert "Publish…" not in record

    decision = Decision.objects.latest("pk")
    undo_decision(decision, by=facilitator)
    process_decision(decision, seconds=5)
    suggestion.refresh_from_db()
    assert suggestion.is_waiting
    assert not Resource.objects.exists()
    assert not queued_emails()


def test_publish_refuses_bad_input_and_keeps_what_was_typed(desk, suggestion):
    form = action_form(desk.get(action_url("publish", suggestion)))
    for entered, messages in (
        (
            {"kind": "", "title": "", "url": "http://portal.internal/", "published_on": "soon"},
            ["Choose what kind of resource it is", "Enter the title",
             "Check the name of the site", "such as 2024"],
        ),
        ({"kind": "toolkit", "audience": "teams"}, ["has no team"]),
    ):  # fmt: skip
        page = form.submit(desk, "Publish", publisher="Typed for long", **entered)
        for message in messages:
            assert message in visible_text(page)
        assert "Typed for long" in page.content.decode()
    assert not Resource.objects.exists()


def test_publish_as_what_is_in_the_library_already(desk, suggestion, other_team):
    known = make_resource(title="Known", url="http://www.guides.example.org/a/")
    make_resource(other_team, title="Interview guide of others")
    page = desk.get(action_url("publish", suggestion))
    assert "Known" in visible_text(page)
    assert "of others" not in visible_text(page)
    action_form(page).submit(desk, "Publish", resource=str(known.pk), follow=False)
    suggestion.refresh_from_db()
    assert (suggestion.status, suggestion.published_as) == ("published", known)
    assert Resource.objects.count() == 2


def test_dismiss_many_with_one_reason(desk, suggestion, queued_emails):
    other = suggest_resource("https://spam.example.org/", "Spam")
    form = action_form(desk.get(selection_url(desk, "dismiss", suggestion, other)))
    form.submit(desk, "Dismiss", reason="We have it.", follow=False)
    assert not ResourceSuggestion.objects.waiting().exists()
    assert len(queued_emails()) == 1


def test_several_are_published_one_at_a_time(desk, suggestion):
    other = suggest_resource("https://guides.example.org/b", "Other")
    form = action_form(desk.get(selection_url(desk, "publish", suggestion, other)))
    page = form.submit(desk, "Publish", kind="toolkit")
    assert "Publish one suggestion at a time" in visible_text(page)
    assert not Resource.objects.exists()


def test_decided_suggestion_says_by_whom_and_offers_nothing(desk, facilitator, suggestion):
    form = action_form(desk.get(action_url("dismiss", suggestion)))
    dismiss_suggestion(suggestion, reason="", by=facilitator)
    page = desk.get(action_url("publish", suggestion))
    assert "Already dismissed by Fay Facilitator" in visible_text(page)
    assert 'class="default"' not in page.content.decode()
    late = form.submit(desk, "Dismiss", reason="Again")
    assert "already dismissed" in visible_text(late)


def test_action_page_of_an_unknown_suggestion_is_not_found(desk, suggestion):
    for decision in ("publish", "dismiss"):
        for path in (f"{LIST}999999/{decision}/", f"{LIST}{decision}/999999/"):
            assert desk.get(path).status_code == 404


def test_claimed_suggestion_is_in_the_digest_of_who_claimed_it(
    client_for, desk, facilitator, other_facilitator, suggestion
):
    desk.post(f"{LIST}{suggestion.pk}/claim/", {"claim": "1"})
    assert "taken by Fay Facilitator" in visible_text(desk.get(LIST))
    kinds = {person: [each.kind for each in digest_for(person)] for person in (
        facilitator, other_facilitator
    )}  # fmt: skip
    assert kinds == {facilitator: ["suggestions"], other_facilitator: []}
