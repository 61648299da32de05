"""The links of meetings that the version before stored become resources."""

from datetime import UTC, date, datetime
from importlib import import_module

import pytest
from django.apps import apps

from members.services import delete_with_history, save_with_history
from teams.models import Meeting, MeetingLink, Resource
from teams.services import delete_meeting
from teams.tests.announcements import make_resource
from teams.tests.meetings import make_meeting

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
migration = import_module("teams.migrations.0011_meeting_links_to_resources")


def make_old_link(meeting: Meeting, by, **fields) -> MeetingLink:
    values = {"kind": "slides", "title": "Slides", "url": "https://files.example.org/1", **fields}
    link = MeetingLink(meeting=meeting, **values)
    save_with_history(link, by, "added")
    return link


def copy() -> None:
    migration.copy_links(apps, None)


def test_links_become_resources_with_all_that_they_say(team, facilitator):
    # Still the day before in Central Time.
    added_at = datetime(2026, 3, 1, 3, tzinfo=UTC)
    values = {
        "kind": "recording",
        "title": "Recording",
        "url": "https://video.example.org/1",
        "audience": "teams",
        "captions": "no",
        "transcript_url": "https://video.example.org/1.txt",
        "position": 3,
        "added_at": added_at,
    }
    meeting = make_meeting(team)
    make_old_link(meeting, facilitator, **values)
    copy()
    resource = Resource.objects.get()
    assert {name: getattr(resource, name) for name in values} == values
    assert (resource.meeting, resource.added_by) == (meeting, facilitator)
    assert resource.slug == "recording-winter-meeting"
    assert resource.checked_on == date(2026, 2, 28)
    assert (resource.archived_at, resource.language) == (None, "en")
    assert not resource.teams.exists()


def test_history_of_links_goes_along(team, facilitator, administrator, monkeypatch):
    # Several batches of links and of versions.
    monkeypatch.setattr(migration, "BATCH_SIZE", 2)
    meeting = make_meeting(team)
    links = [make_old_link(meeting, facilitator) for _ in range(5)]
    save_with_history(links[3], administrator, "changed", title="Better")
    make_resource(slug="slides-winter-meeting")
    copy()
    resources = Resource.objects.filter(meeting=meeting).order_by("pk")
    slugs = [resource.slug for resource in resources]
    assert slugs == [
        "slides-winter-meeting-2",
        "slides-winter-meeting-3",
        "slides-winter-meeting-4",
        "better-winter-meeting",
        "slides-winter-meeting-5",
    ]
    versions = resources[3].history.order_by("history_id")
    assert [(each.history_type, each.title, each.history_user) for each in versions] == [
        ("+", "Slides", facilitator),
        ("~", "Better", administrator),
    ]
    old_dates = links[3].history.order_by("history_id").values_list("history_date", flat=True)
    assert [each.history_date for each in versions] == list(old_dates)
    assert resources[0].history.get().history_change_reason == "added"


def test_removed_links_are_archived_unless_their_draft_was_deleted(team, facilitator):
    meeting, draft = make_meeting(team), make_meeting(team, status="draft")
    delete_with_history(make_old_link(meeting, facilitator), facilitator, "removed")
    make_old_link(draft, facilitator, title="Of a draft")
    # The database demands that its old links go with it.
    delete_meeting(draft, by=facilitator)
    copy()
    resource = Resource.objects.get()
    assert resource.archived_at
    newest = resource.history.first()
    assert (newest.history_type, newest.history_change_reason) == ("~", "removed")
    assert newest.archived_at == resource.archived_at == newest.history_date
    assert not Resource.objects.visible_to(facilitator).exists()


@pytest.mark.parametrize("title", ["演示文稿", "—", "x" * 120])
def test_every_title_gives_an_address(team, facilitator, title):
    meeting = make_meeting(team, slug="m" * 120)
    for _ in range(3):
        make_old_link(meeting, facilitator, title=title)
    copy()
    slugs = set(Resource.objects.values_list("slug", flat=True))
    assert len(slugs) == 3
    assert max(map(len, slugs)) <= 140
