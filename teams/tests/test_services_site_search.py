"""The search of the site finds everything that its reader may see, the same on both databases."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from conftest import make_team
from members.services import save_with_history
from teams.models import ActionTeam, FaqEntry, Goal, GoalUpdate, Meeting, SynonymGroup
from teams.services import search_site
from teams.services.site_search import search_index
from teams.tests.announcements import make_announcement, make_resource
from teams.tests.meetings import make_meeting

VISITOR = AnonymousUser()


def found(query: str, person=VISITOR) -> list[tuple[str, int]]:
    return [tuple(key) for key in search_site(query, person).matches]


def titles(query: str, person=VISITOR) -> list[str]:
    results = search_site(query, person)
    return [each.found.title for each in results.show(results.matches)]


@pytest.fixture
def site(team, goal, faq_entry, organization) -> ActionTeam:
    """One record of each kind, besides `team`, `goal`, `faq_entry` and `organization`."""
    team.why = "Apprentices need *mentors*."
    team.save()
    GoalUpdate.objects.create(goal=goal, state="on_track", sentence="Two colleges signed.")
    goal.save()
    make_meeting(team, title="Winter meeting", agenda="Review the pilot.", slug="winter")
    make_resource(team, title="Job board guide", summary="How to advertise.", slug="guide")
    return team


def test_search_site_finds_records_of_each_kind(site):
    for query, kind, path in [
        ("Education", "team", "/teams/education/"),
        ("mentor", "team", "/teams/education/"),
        ("bring people table", "goal", "/teams/education/"),
        ("colleges signed", "goal", "/teams/education/"),
        ("who can join", "question", "/faq/who-can-join/"),
        ("recognized employer", "question", "/faq/who-can-join/"),
        ("winter meeting", "meeting", "/meetings/winter/"),
        ("pilot", "meeting", "/meetings/winter/"),
        ("North Branch", "meeting", "/meetings/winter/"),
        ("job board", "resource", "/resources/guide/"),
        ("advertise", "resource", "/resources/guide/"),
        ("advertize", "resource", "/resources/guide/"),
        ("rush hospital", "organization", "/organizations/"),
    ]:
        results = search_site(query, VISITOR)
        first = results.show(results.matches[:1])[0]
        assert (first.kind.name, urlsplit(first.found.url).path) == (kind, path), query


def test_search_site_counts_what_it_finds_of_each_kind(site):
    counts = {kind.plural: number for kind, number in search_site("education", VISITOR).counts}
    assert counts == {"Teams": 1, "Goals": 1, "Meetings": 1, "Resources": 1}


def test_search_site_finds_neither_people_nor_announcements(site, member, facilitator):
    make_announcement(by=facilitator, team=site, subject="Parking", body="Zebra", is_public=True)
    for query in ("Maria", "maria@rush.example", "Fay Facilitator", "Parking", "zebra"):
        assert found(query, member) == []


def test_search_site_finds_no_link_to_join_and_no_minutes_beforehand(site, administrator):
    meeting = make_meeting(site, title="Spring", slug="spring", minutes="We chose heliotrope.")
    assert found("secret room video", administrator) == found("heliotrope", administrator) == []
    # No line of history: it begins.
    begun = timezone.now() - timedelta(minutes=5)
    Meeting.objects.filter(pk=meeting.pk).update(starts_at=begun, ends_at=timezone.now())
    assert found("heliotrope") == [("meeting", meeting.pk)]


def test_search_site_finds_proposed_organizations_for_nobody(proposed_organization, administrator):
    assert found("Lakeview", administrator) == []


@pytest.fixture
def hidden(site, other_team) -> None:
    draft = make_team("Prepared")
    save_with_history(draft, None, "draft", state=ActionTeam.State.DRAFT)
    Goal.objects.create(team=draft, slug="zebra", title="Zebra goal")
    FaqEntry.objects.create(slug="zebra", question="Zebra?", answer="x", team=draft)
    FaqEntry.objects.create(slug="zebras", question="Zebra?", answer="x", is_published=False)
    make_meeting(draft, title="Zebra prepared", slug="z1")
    make_meeting(site, title="Zebra draft", slug="z2", status="draft")
    make_meeting(title="Zebra members", slug="z3", audience="members")
    make_meeting(site, title="Zebra teams", slug="z4", audience="teams")
    make_resource(site, title="Zebra resource", slug="z5", audience="teams")
    make_resource(other_team, title="Zebra other", slug="z6", audience="teams")
    make_resource(title="Zebra archived", slug="z7", archived_at=timezone.now())


def test_search_site_finds_only_what_a_person_may_see(
    hidden, applicant, outsider, member, facilitator
):
    for person, seen in (
        (applicant, []),
        (outsider, ["members", "other"]),
        (member, ["members", "Education: teams", "resource"]),
        (facilitator, ["members", "Education: teams", "Education: draft", "resource"]),
    ):
        shown = sorted(title.replace("Zebra ", "") for title in titles("zebra", person))
        assert shown == sorted(seen)
        assert sum(number for _, number in search_site("zebra", person).counts) == len(seen)


def test_search_site_tells_visitors_nothing_of_what_is_hidden(request, site):
    queries = ["zebra", "zebar", "zebra meeting", "prepare"]

    def results() -> list[tuple]:
        searches = [search_site(query, VISITOR) for query in queries]
        return [(each.matches, each.nearest, each.terms, each.suggestion) for each in searches]

    before = results()
    request.getfixturevalue("hidden")
    assert results() == before


def test_search_site_asks_each_time_who_sees_what(site, member):
    meeting = make_meeting(site, title="Zebra", slug="zebra")
    assert found("zebra") == [("meeting", meeting.pk)]
    # Not even a line of history.
    Meeting.objects.filter(pk=meeting.pk).update(audience=Meeting.Audience.TEAMS)
    assert found("zebra") == []
    assert found("zebra", member) == [("meeting", meeting.pk)]


def test_search_site_shows_nothing_that_is_hidden_meanwhile(site):
    meeting = make_meeting(site, title="Zebra", slug="zebra")
    results = search_site("zebra", VISITOR)
    Meeting.objects.filter(pk=meeting.pk).update(audience=Meeting.Audience.TEAMS)
    assert results.show(results.matches) == []


def test_search_index_is_read_again_only_after_a_change(site, goal, organization):
    index = search_index()
    assert search_index() is index
    for record in (site, goal, organization, SynonymGroup(words="pilot, trial")):
        record.save()
        changed = search_index()
        assert changed is not index
        index = changed
    assert found("trial")[:1] == found("pilot")[:1]


@pytest.mark.both_databases
def test_search_index_notices_a_change_that_is_committed_late(faq_entry):
    versions = FaqEntry.history.model.objects
    for _ in range(3):
        faq_entry.save()
    late = versions.order_by("history_id")[1]
    key = late.history_id
    versions.filter(history_id=key).delete()
    index = search_index()
    late.pk = key
    versions.bulk_create([late])
    assert search_index() is not index


def test_search_site_costs_the_same_for_one_and_for_many(site, member, django_assert_num_queries):
    def run() -> None:
        results = search_site("winter", member)
        results.show(results.matches)

    run()
    with django_assert_num_queries(5):
        run()
    for number in range(2):
        make_meeting(site, title=f"Winter {number}", slug=f"winter-{number}")
    search_index()
    with django_assert_num_queries(5):
        run()


def test_search_site_leads_to_the_page_of_the_list_with_the_organization(
    organization, monkeypatch, other_organization
):
    monkeypatch.setattr("teams.services.search_kinds.ORGANIZATIONS_PER_PAGE", 1)
    results = search_site("rush", VISITOR)
    (result,) = results.show(results.matches)
    assert result.found.url == f"/organizations/?page=2#organization-{organization.pk}"
