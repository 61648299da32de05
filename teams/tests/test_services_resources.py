"""Resources are added, changed, checked, archived and restored by who may, with history."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from members.services import Refused
from teams.models import Claim, Meeting, Resource, ResourceSuggestion
from teams.services import (
    archive_resource,
    change_resource,
    claim,
    create_resource,
    delete_meeting,
    delete_settled_claims,
    dismiss_suggestion,
    follow_moved_link,
    publish_suggestion,
    renew_resource,
    restore_resource,
    suggest_resource,
)
from teams.services.resources import describe_attention
from teams.tests.announcements import make_link, make_resource
from teams.tests.meetings import make_meeting

pytestmark = pytest.mark.django_db
LONG_AGO = timezone.localdate() - timedelta(days=200)


def new(**fields) -> Resource:
    values = {
        "kind": "toolkit",
        "title": "Hiring toolkit",
        "url": "https://library.example.org/toolkit",
        **fields,
    }
    return Resource(**values)


def test_create_resource_stores_it_with_teams_and_history(team, facilitator):
    resource = create_resource(new(), [team], by=facilitator)
    resource.refresh_from_db()
    assert (resource.slug, resource.added_by) == ("hiring-toolkit", facilitator)
    assert list(resource.teams.all()) == [team]
    assert {each.history_user for each in resource.history.all()} == {facilitator}
    assert resource.checked_on == timezone.localdate()


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Hiring toolkit", "hiring-toolkit-2"),
        ("Suggest", "suggest-2"),
        ("資料", "toolkit"),
        ("x" * 150, "x" * 130),
    ],
)
def test_create_resource_gives_each_an_address_of_its_own(facilitator, title, slug):
    make_resource(slug="hiring-toolkit")
    assert create_resource(new(title=title), [], by=facilitator).slug == slug


@pytest.mark.both_databases
def test_no_resource_has_the_address_where_people_suggest():
    with pytest.raises(IntegrityError), transaction.atomic():
        make_resource(slug="suggest")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"title": "\u200b "}, "Enter a title"),
        ({"url": ""}, "Enter an address"),
        ({"kind": "film"}, "Choose what kind"),
        ({"audience": "teams"}, "has no team"),
    ],
)
def test_create_resource_refuses_what_is_unclear(facilitator, fields, message):
    with pytest.raises(Refused, match=message):
        create_resource(new(**fields), [], by=facilitator)
    assert not Resource.objects.exists()


def test_create_resource_refuses_teams_and_meetings_of_others(
    team, other_team, facilitator, administrator, member
):
    for teams, by in (([other_team], facilitator), ([team], member)):
        with pytest.raises(Refused, match="You do not facilitate"):
            create_resource(new(), teams, by=by)
    for meeting in (make_meeting(other_team), make_meeting()):
        with pytest.raises(Refused, match="You do not plan this meeting"):
            create_resource(new(meeting=meeting), [], by=facilitator)
        create_resource(new(meeting=meeting), [], by=administrator)


def test_change_resource_of_others_is_refused_and_their_teams_remain(team, other_team, facilitator):
    theirs, shared = make_resource(other_team), make_resource(team, other_team)
    with pytest.raises(Refused, match="teams that are not yours"):
        change_resource(theirs, by=facilitator, title="Mine")
    with pytest.raises(Refused, match="You do not facilitate"):
        change_resource(shared, by=facilitator, teams=[team])
    change_resource(shared, by=facilitator, teams=[other_team], title="Changed")
    shared.refresh_from_db()
    assert (shared.title, list(shared.teams.all())) == ("Changed", [other_team])


def test_change_resource_writes_history_only_of_changes(team, facilitator):
    resource = create_resource(new(), [team], by=facilitator)
    count = resource.history.count()
    change_resource(resource, by=facilitator, teams=[team], title=resource.title)
    assert resource.history.count() == count
    change_resource(resource, by=facilitator, title="Better title")
    assert resource.history.first().title == "Better title"
    assert Resource.objects.get().slug == "hiring-toolkit"


def test_new_address_is_checked_today_and_forgets_the_old_one(facilitator):
    resource = make_resource(
        checked_on=LONG_AGO,
        link_state="gone",
        link_checked_at=timezone.now(),
        link_failing_since=timezone.now(),
        link_problem="No such page",
    )
    change_resource(resource, by=facilitator, title="Only the title")
    resource.refresh_from_db()
    assert (resource.link_state, resource.checked_on) == ("gone", LONG_AGO)
    change_resource(resource, by=facilitator, url="https://new.example.org/")
    resource.refresh_from_db()
    assert (resource.link_state, resource.link_problem) == ("unknown", "")
    assert (resource.link_checked_at, resource.link_failing_since) == (None, None)
    assert resource.checked_on == timezone.localdate()


def test_renew_resource_counts_once_a_day_and_never_for_archived_ones(facilitator):
    resource = make_resource(checked_on=LONG_AGO)
    assert renew_resource(resource, by=facilitator).checked_on == timezone.localdate()
    with pytest.raises(Refused, match="already checked today"):
        renew_resource(resource, by=facilitator)
    archive_resource(resource, by=facilitator)
    with pytest.raises(Refused, match="archived"):
        renew_resource(resource, by=facilitator)


def test_renew_resource_trusts_the_person_more_than_the_check_of_links(facilitator):
    resource = make_resource(link_state="moved", moved_to="https://front.example.org/")
    renew_resource(resource, by=facilitator)
    resource.refresh_from_db()
    assert (resource.link_state, resource.moved_to) == ("ok", "")


def test_follow_moved_link_takes_the_new_address(facilitator):
    resource = make_resource(link_state="moved", moved_to="https://new.example.org/guide")
    follow_moved_link(resource, by=facilitator)
    resource.refresh_from_db()
    assert (resource.url, resource.moved_to) == ("https://new.example.org/guide", "")
    assert resource.link_state == "unknown"
    with pytest.raises(Refused, match="has not moved"):
        follow_moved_link(resource, by=facilitator)


def test_archive_and_restore(team, facilitator, member):
    resource = make_resource(team, checked_on=LONG_AGO)
    archive_resource(resource, by=facilitator, reason="The page is gone.")
    assert not Resource.objects.visible_to(member).exists()
    assert resource.history.first().history_change_reason == "archived: The page is gone."
    with pytest.raises(Refused, match="already archived"):
        archive_resource(resource, by=facilitator)
    restore_resource(resource, by=facilitator)
    assert Resource.objects.visible_to(member).get().checked_on == timezone.localdate()
    with pytest.raises(Refused, match="not archived"):
        restore_resource(resource, by=facilitator)


def test_draft_meeting_is_deleted_with_its_links_unless_someone_suggested_them(team, facilitator):
    draft = make_meeting(team, status="draft")
    make_link(draft)
    suggested = make_link(draft, "Suggested")
    suggestion = suggest_resource("https://x.example.org/", "Suggested")
    publish_suggestion(suggestion, resource=suggested, teams=[], by=facilitator)
    with pytest.raises(Refused, match="Choose another meeting for it first"):
        delete_meeting(draft, by=facilitator)
    change_resource(suggested, by=facilitator, meeting=None)
    delete_meeting(draft, by=facilitator)
    assert not Meeting.objects.exists()
    assert Resource.objects.get() == suggested


def test_attention_names_what_is_due():
    assert describe_attention(make_resource()) == []
    resource = make_resource(
        kind="recording",
        link_state="gone",
        link_problem="The site has no such page",
        transcript_state="gone",
        checked_on=LONG_AGO,
    )
    first, *others = describe_attention(resource)
    assert first == "The link is dead: The site has no such page."
    assert [sentence.split()[0] for sentence in others] == ["The", "It", "Last"]
    resource.link_problem = ""
    assert describe_attention(resource)[0] == "The link is dead."


@pytest.mark.both_databases
def test_what_needs_attention_begins_with_dead_links():
    make_resource(archived_at=timezone.now(), link_state="gone")
    make_resource(kind="recording")
    old = make_resource(checked_on=LONG_AGO)
    older = make_resource(checked_on=LONG_AGO - timedelta(days=1))
    gone = make_resource(link_state="gone")
    silent = make_resource(transcript_state="gone")
    assert list(Resource.objects.needing_attention()) == [gone, silent, older, old]
    assert set(Resource.objects.with_dead_links()) == {gone, silent}
    assert all(each.has_dead_link for each in (gone, silent))


# Suggestions --------------------------------------------------------------------------------


@pytest.fixture
def suggestion() -> ResourceSuggestion:
    return suggest_resource("https://x.example.org/a", "Guide", "Helps", "vera@visitor.example")


def test_publish_suggestion_adds_the_resource_and_emails_who_suggested_it(
    suggestion, team, facilitator, queued_emails
):
    stored = publish_suggestion(suggestion, resource=new(), teams=[team], by=facilitator)
    resource = Resource.objects.get()
    assert (stored.status, stored.published_as, stored.decided_by) == (
        "published",
        resource,
        facilitator,
    )
    assert list(resource.teams.all()) == [team]
    (email,) = queued_emails()
    assert email.to == ["vera@visitor.example"]
    assert resource.get_absolute_url() in email.message
    with pytest.raises(Refused, match="already published"):
        dismiss_suggestion(suggestion, reason="", by=facilitator)


def test_suggestion_of_what_is_there_names_that(suggestion, facilitator, other_team):
    known, theirs = make_resource(), make_resource(other_team)
    with pytest.raises(Refused, match="teams that are not yours"):
        publish_suggestion(suggestion, resource=theirs, teams=[], by=facilitator)
    archive_resource(known, by=facilitator)
    with pytest.raises(Refused, match="archived"):
        publish_suggestion(suggestion, resource=known, teams=[], by=facilitator)
    restore_resource(known, by=facilitator)
    publish_suggestion(suggestion, resource=known, teams=[], by=facilitator)
    assert suggestion.published_as is None
    assert ResourceSuggestion.objects.get().published_as == known
    assert Resource.objects.count() == 2


@pytest.mark.parametrize(("reason", "emails"), [("We have it.", 1), (" ", 0)])
def test_dismiss_suggestion_emails_a_reason_only(
    suggestion, facilitator, queued_emails, reason, emails
):
    stored = dismiss_suggestion(suggestion, reason=reason, by=facilitator)
    assert (stored.status, stored.answer) == ("dismissed", reason.strip())
    assert len(queued_emails()) == emails


@pytest.mark.both_databases
def test_suggestions_are_claimed_as_questions_are(suggestion, facilitator, other_facilitator):
    claim(suggestion, by=facilitator)
    with pytest.raises(Refused, match="has been taking care of this"):
        claim(suggestion, by=other_facilitator)
    assert delete_settled_claims() == 0
    dismiss_suggestion(suggestion, reason="", by=other_facilitator)
    assert delete_settled_claims() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Claim.objects.create()
