"""The library at the desk: listed, added, changed, checked and archived by who may."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import visible_text
from desk.tests.action_pages import action_form, action_url, forms_of, listed, selection_url
from members.models import Decision
from members.services import undo_decision
from teams.actions import process_decision
from teams.models import Resource
from teams.tests.announcements import make_link, make_resource
from teams.tests.meetings import make_meeting

pytestmark = pytest.mark.django_db
LIST = "/admin/teams/resource/"
LONG_AGO = timezone.localdate() - timedelta(days=200)
FIELDS = {
    "kind": "toolkit",
    "title": "Hiring toolkit",
    "url": "library.example.org/toolkit",
    "published_on": "March 2024",
}


@pytest.fixture
def desk(client_for, facilitator):
    return client_for(facilitator)


def names(staff, query="") -> set[str]:
    return {record.title for record in listed(Resource, staff, query)}


def record_form(response):
    (form,) = [form for form in forms_of(response) if "title" in form.fields]
    return form


def record_url(resource: Resource) -> str:
    return f"{LIST}{resource.pk}/change/"


def undo(by) -> None:
    decision = Decision.objects.latest("pk")
    undo_decision(decision, by=by)
    process_decision(decision, seconds=5)


# List ---------------------------------------------------------------------------------------


def test_facilitators_see_what_they_may_change(
    client_for, facilitator, other_facilitator, administrator, member, team, other_team
):
    make_resource(team, title="Ours")
    make_resource(other_team, title="Theirs")
    make_resource(title="Everyone’s")
    make_link(make_meeting(team), "Our slides")
    make_link(make_meeting(), "Slides of all")
    assert names(facilitator) == {"Ours", "Everyone’s", "Our slides"}
    assert names(other_facilitator) == {"Theirs", "Everyone’s"}
    assert len(names(administrator)) == 5
    assert client_for(member).get(LIST).status_code == 403


def test_resource_of_others_is_not_found(desk, other_team):
    theirs = make_resource(other_team)
    for address in (record_url(theirs), action_url("archive", theirs)):
        assert desk.get(address).status_code == 404
        assert desk.post(address, {"reason": ""}).status_code == 404
    theirs.refresh_from_db()
    assert not theirs.is_archived


def test_filters_list_what_is_due(desk, facilitator, team):
    make_resource(team, title="Good")
    make_resource(title="Old", checked_on=LONG_AGO)
    make_resource(title="Dead", link_state="gone", link_problem="No such page")
    make_resource(title="Silent", kind="recording", captions="no")
    make_resource(title="Archived", checked_on=LONG_AGO, archived_at=timezone.now())
    make_link(make_meeting(team), "Slides")
    shown = {
        "": {"Good", "Old", "Dead", "Silent", "Slides"},
        "due=old": {"Old"},
        "due=dead": {"Dead"},
        "due=captions": {"Silent"},
        "due=any": {"Old", "Dead"},
        "archived=yes": {"Archived"},
        "kind__exact=recording": {"Silent"},
        "team=education": {"Good", "Slides"},
        "team=*": {"Old", "Dead", "Silent"},
        "q=silent": {"Silent"},
    }
    for query, titles in shown.items():
        assert names(facilitator, query) == titles, query
    assert len(names(facilitator, "archived=all")) == 6
    assert "On the pages" in visible_text(desk.get(LIST))


def test_list_needs_the_same_queries_for_1_and_3_resources(desk, team):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert desk.get(f"{LIST}?due=any").status_code == 200
        return len(queries)

    make_link(make_meeting(team), checked_on=LONG_AGO)
    cost()
    one = cost()
    make_resource(team, checked_on=LONG_AGO)
    make_link(make_meeting(team), checked_on=LONG_AGO)
    assert cost() == one


def test_export_has_what_the_list_has(desk, team):
    make_resource(team, title="Ours", url="https://library.example.org/1")
    export = desk.post(f"{LIST}export/", {"format": "csv"})
    text = b"".join(export.streaming_content)
    assert b"https://library.example.org/1" in text
    assert b"Education" in text


# Add and change -----------------------------------------------------------------------------


def test_add_takes_addresses_and_dates_as_people_type_them(desk, team, facilitator):
    form = record_form(desk.get(f"{LIST}add/"))
    # The only team of a facilitator is ticked.
    page = form.submit(desk, "Save", **FIELDS)
    resource = Resource.objects.get()
    assert "is in the library now" in visible_text(page)
    assert (resource.url, resource.published_on) == (
        "https://library.example.org/toolkit",
        "2024-03",
    )
    assert (resource.added_by, list(resource.teams.all())) == (facilitator, [team])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": ""}, "Enter the title"),
        ({"url": ""}, "Enter the address of a web page"),
        ({"url": "http://10.0.0.1/"}, "instead of numbers"),
        ({"url": "javascript:alert(1)"}, "Enter the address of a web page"),
        ({"published_on": "last year"}, "such as 2024, March 2024 or 3/15/2024"),
        ({"kind": ""}, "Choose the kind"),
        ({"transcript_url": "ftp://x.example.org"}, "Enter the address of a web page"),
    ],
)
def test_add_form_refuses_bad_input(rf, facilitator, changes, message):
    request = rf.get(LIST)
    request.user = facilitator
    form_class = admin.site.get_model_admin(Resource).get_form(request)
    assert message in str(form_class(FIELDS | changes).errors)


def test_refused_add_keeps_what_was_typed(desk):
    form = record_form(desk.get(f"{LIST}add/"))
    page = form.submit(desk, "Save", **FIELDS | {"summary": "Typed for long", "kind": ""})
    assert "Choose the kind" in visible_text(page)
    assert "Typed for long" in page.content.decode()
    assert not Resource.objects.exists()


def test_same_page_is_named_once_and_can_be_added_all_the_same(desk, other_team):
    known = make_resource(title="Known", url="http://www.library.example.org/toolkit/")
    make_resource(
        other_team, title="Hidden", audience="teams", url="https://library.example.org/toolkit"
    )
    page = record_form(desk.get(f"{LIST}add/")).submit(desk, "Save", **FIELDS)
    text = visible_text(page)
    assert "This page is already in the library: Known" in text
    assert "Save again to add it anyway" in text
    assert "Hidden" not in text
    assert record_url(known) in page.content.decode()
    record_form(page).submit(desk, "Save", follow=False)
    assert Resource.objects.filter(url="https://library.example.org/toolkit").count() == 2


def test_change_keeps_teams_of_others_and_shows_the_date_in_words(
    desk, team, other_team, facilitator
):
    resource = make_resource(team, other_team, published_on="2024-03-15")
    form = record_form(desk.get(record_url(resource)))
    assert form.fields["published_on"] == "March 15, 2024"
    form.submit(desk, "Save", title="Changed", follow=False)
    resource.refresh_from_db()
    assert (resource.title, resource.published_on) == ("Changed", "2024-03-15")
    assert set(resource.teams.all()) == {team, other_team}
    assert resource.history.first().history_user == facilitator


def test_change_does_not_overwrite_what_someone_changed_meanwhile(desk, team):
    resource = make_resource(team)
    form = record_form(desk.get(record_url(resource)))
    resource.title = "Theirs"
    resource.save()
    page = form.submit(desk, "Save", title="Mine")
    assert "Someone else changed this resource" in visible_text(page)
    resource.refresh_from_db()
    assert resource.title == "Theirs"
    record_form(page).submit(desk, "Save", follow=False)
    resource.refresh_from_db()
    assert resource.title == "Mine"


def test_only_own_teams_and_meetings_are_offered_and_taken(desk, team, other_team):
    meeting, theirs = make_meeting(team), make_meeting(other_team, title="Their meeting")
    page = desk.get(f"{LIST}add/")
    assert "Their meeting" not in page.content.decode()
    form = record_form(page)
    for changes in ({"meeting": str(theirs.pk)}, {"teams": str(other_team.pk)}):
        form.submit(desk, "Save", **FIELDS | changes, follow=False)
    assert not Resource.objects.exists()
    form.submit(desk, "Save", **FIELDS | {"meeting": str(meeting.pk)}, follow=False)
    assert Resource.objects.get().meeting == meeting


# Actions ------------------------------------------------------------------------------------


def test_resources_are_renewed_with_one_press_and_many_at_once(desk, facilitator):
    first, second = make_resource(checked_on=LONG_AGO), make_resource(checked_on=LONG_AGO)
    assert 'aria-label="Still good: Interview guide"' in desk.get(LIST).content.decode()
    desk.post(action_url("renew", first))
    first.refresh_from_db()
    assert first.checked_on == timezone.localdate()
    undo(facilitator)
    first.refresh_from_db()
    assert first.checked_on == LONG_AGO

    page = desk.get(selection_url(desk, "renew", first, second))
    action_form(page).submit(desk, "Still good", follow=False)
    checked = set(Resource.objects.values_list("checked_on", flat=True))
    assert checked == {timezone.localdate()}


def test_archive_is_previewed_and_undone(desk, facilitator):
    resource = make_resource()
    page = desk.get(action_url("archive", resource))
    assert "no longer be on any page" in visible_text(page)
    resource.refresh_from_db()
    assert not resource.is_archived
    action_form(page).submit(desk, "Archive", reason="It is out of date.", follow=False)
    resource.refresh_from_db()
    assert resource.is_archived
    assert "Archived" in visible_text(desk.get(record_url(resource)))
    undo(facilitator)
    resource.refresh_from_db()
    assert not resource.is_archived


def test_restore_brings_back_an_archived_one(desk):
    resource = make_resource(archived_at=timezone.now())
    desk.post(action_url("restore", resource))
    resource.refresh_from_db()
    assert not resource.is_archived


def test_moved_page_gets_its_new_address_with_one_press(desk, facilitator):
    resource = make_resource(link_state="moved", moved_to="https://new.example.org/guide")
    assert "has moved permanently, to https://new.example.org/guide" in visible_text(desk.get(LIST))
    desk.post(action_url("follow", resource))
    resource.refresh_from_db()
    assert resource.url == "https://new.example.org/guide"
    undo(facilitator)
    resource.refresh_from_db()
    assert resource.url == "https://library.example.org/guide"


def test_actions_take_post_only(desk):
    resource = make_resource(checked_on=LONG_AGO)
    desk.get(action_url("renew", resource))
    resource.refresh_from_db()
    assert resource.checked_on == LONG_AGO


# Today --------------------------------------------------------------------------------------


def test_today_lists_dead_links_and_what_was_not_checked_for_long(desk, other_team):
    make_resource(title="Good")
    make_resource(other_team, title="Theirs", checked_on=LONG_AGO)
    old = make_resource(title="Old", checked_on=LONG_AGO)
    make_resource(title="Dead", link_state="gone", link_problem="No such page")
    make_resource(title="Moved", link_state="moved", moved_to="https://new.example.org/")
    text = visible_text(desk.get("/admin/"))
    assert "3 resources to check" in text
    assert "The link is dead: No such page." in text
    assert "checked 200 days ago" in text
    assert "Use the new address of Moved" in text
    assert "Theirs" not in text
    desk.post(action_url("renew", old) + "?from=dashboard")
    assert "2 resources to check" in visible_text(desk.get("/admin/"))


def test_desk_search_finds_resources_of_one_s_own(desk, team, other_team):
    make_resource(team, title="Interview questions")
    make_resource(other_team, title="Interview secrets")
    text = visible_text(desk.get("/admin/search/?q=interview"))
    assert "Interview questions" in text
    assert "Interview secrets" not in text
