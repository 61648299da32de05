"""The feeds are valid Atom (RFC 4287), and hold what every visitor may see."""

from datetime import datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from django.urls import reverse
from django.utils import timezone

from collaborative.middleware import page_cache
from conftest import make_team
from members.services import save_with_history
from teams.models import ActionTeam, FaqEntry, GoalUpdate, Meeting
from teams.services import report_goal
from teams.tests.announcements import make_resource
from teams.tests.meetings import make_meeting
from teams.tests.reviews import make_review

pytestmark = pytest.mark.django_db
ATOM = "{http://www.w3.org/2005/Atom}"
PAGES = {
    "meetings": "/meetings/",
    "resources": "/resources/",
    "questions": "/faq/",
    "goals": "/teams/",
    "reviews": "/since/",
}
SITE = "http://127.0.0.1:8000"


@pytest.fixture
def content(team, goal, faq_entry, member) -> None:
    """An entry of each feed."""
    make_meeting(team, agenda="See [the team](/teams/education/) & [more](#more).")
    make_resource(team)
    GoalUpdate.objects.create(goal=goal, state="on_track", sentence="Two signed.", by=member)
    make_review(member, intro="See [the team](/teams/education/).")


def read(client, name: str) -> ET.Element:
    response = client.get(f"/feeds/{name}.atom")
    assert response["Content-Type"] == "application/atom+xml; charset=utf-8"
    return ET.fromstring(response.content)  # noqa: S314  # it is ours


def text(element: ET.Element, name: str) -> str:
    return element.findtext(f"{ATOM}{name}")


def entries(client, name: str) -> list[ET.Element]:
    return read(client, name).findall(f"{ATOM}entry")


def check_required(element: ET.Element) -> None:
    """Fail without what RFC 4287, 4.1.1 and 4.1.2, requires once of a feed and of an entry."""
    for name in ("id", "title", "updated"):
        (only,) = element.findall(f"{ATOM}{name}")
        assert only.text.strip()
    assert datetime.fromisoformat(text(element, "updated")).tzinfo
    links = [link for link in element.findall(f"{ATOM}link") if link.get("rel") == "alternate"]
    assert len(links) == 1
    assert links[0].get("href").startswith(f"{SITE}/")


def check_feed(client, name: str, number: int) -> None:
    """Fail unless a feed is valid and has so many entries, without authors."""
    feed = read(client, name)
    check_required(feed)
    author = text(feed.find(f"{ATOM}author"), "name")
    assert author == "Chicagoland Healthcare Workforce Collaborative"
    (own,) = [each for each in feed.findall(f"{ATOM}link") if each.get("rel") == "self"]
    assert own.get("href") == f"{SITE}/feeds/{name}.atom"
    found = feed.findall(f"{ATOM}entry")
    assert len(found) == number
    for entry in found:
        check_required(entry)
        assert not entry.findall(f"{ATOM}author")
    assert text(read(client, name), "updated") == text(feed, "updated")


def test_feed_is_valid_with_and_without_entries(request, client):
    for number in (0, 1):
        if number:
            request.getfixturevalue("content")
        for name in PAGES:
            check_feed(client, name, number)


def test_feed_is_linked_and_named_on_its_page(client, content):
    for name, path in PAGES.items():
        page = client.get(path).content.decode()
        address = reverse(f"{name}_feed")
        assert '<link rel="alternate" type="application/atom+xml" title="' in page
        assert f'href="{SITE}{address}">' in page[: page.index("</head>")]
        assert f'<a href="{address}" type="application/atom+xml">Follow in a feed reader<' in page
    assert client.head(address).status_code == 200
    assert client.post(address).status_code == 405


def test_feed_names_nobody_and_no_link_to_join(client, content, member, facilitator):
    for name in PAGES:
        answer = client.get(f"/feeds/{name}.atom").content.decode()
        for hidden in (member.full_name, facilitator.full_name, "rush.example", "secret-room"):
            assert hidden not in answer


def test_feed_ids_keep_through_a_change_of_the_scheme(client, content, settings):
    def ids() -> list[str]:
        return [
            text(each, "id")
            for name in PAGES
            for each in read(client, name).iter()
            if each.find(f"{ATOM}id") is not None
        ]

    before = ids()
    assert len(set(before)) == 10
    settings.SITE_URL = "https://127.0.0.1"
    assert ids() == before


def test_feed_of_meetings_has_absolute_links_and_escapes_once(client, team):
    make_meeting(team, title="Fish & <chips>", agenda="[A](/teams/) [b](#c) <b>bold</b> &amp;")
    (entry,) = entries(client, "meetings")
    assert text(entry, "title") == "Education: Fish & <chips>"
    summary = entry.find(f"{ATOM}summary")
    assert summary.get("type") == "html"
    assert f'href="{SITE}/teams/"' in summary.text
    assert f'href="{SITE}/meetings/winter-meeting/#c"' in summary.text
    assert "&lt;b&gt;bold" in summary.text


def test_feed_survives_characters_that_xml_has_not(client, team):
    meeting = make_meeting(team)
    Meeting.objects.filter(pk=meeting.pk).update(title="A\x08B", agenda="C\x0bD\x0cE\ufffe")
    assert text(entries(client, "meetings")[0], "title") == "Education: AB"


def test_feed_of_meetings_says_what_is_cancelled(client, team):
    make_meeting(team, status="cancelled", cancelled_reason="Snow.")
    (entry,) = entries(client, "meetings")
    assert text(entry, "title") == "Cancelled: Education: Winter meeting"
    assert "This meeting is cancelled: Snow." in text(entry, "summary")


def test_feed_of_meetings_has_minutes_only_once_it_has_begun(client, team):
    meeting = make_meeting(team, minutes="Heliotrope.")
    assert "Heliotrope" not in text(entries(client, "meetings")[0], "summary")
    Meeting.objects.filter(pk=meeting.pk).update(starts_at=timezone.now())
    assert "Heliotrope" in text(entries(client, "meetings")[0], "summary")


def updated(client, name: str) -> str:
    return text(entries(client, name)[0], "updated")


def test_feed_times_move_only_with_what_is_shown(client, content, member, team, faq_entry):
    meeting, resource = Meeting.objects.get(), team.resources.get()
    for name, record, unseen, seen in (
        ("meetings", meeting, {"places": 9, "status": "held"}, {"place": "Room 9"}),
        ("meetings", meeting, {"join_url": "https://video.example.org/2"}, {"join_url": ""}),
        ("resources", resource, {"checked_on": timezone.localdate()}, {"title": "New"}),
        ("questions", faq_entry, {"position": 9, "team": team}, {"answer": "New."}),
    ):
        before = updated(client, name)
        save_with_history(record, member, "edited", **unseen)
        assert updated(client, name) == before, (name, unseen)
        save_with_history(record, member, "edited", **seen)
        assert updated(client, name) > before, (name, seen)


def test_feed_of_questions_begins_with_what_is_new(client, faq_entry, administrator):
    hidden = FaqEntry.objects.create(slug="b", question="B?", answer="x", is_published=False)
    assert len(entries(client, "questions")) == 1
    save_with_history(hidden, administrator, "published", is_published=True)
    hidden.history.filter(is_published=True).update(history_date=timezone.now() + timedelta(days=1))
    assert [text(each, "title") for each in entries(client, "questions")] == ["B?", "Who can join?"]


def test_feed_of_goals_has_each_report(client, goal, facilitator):
    report_goal(goal, state="at_risk", value=None, sentence="Two & more.", by=facilitator)
    (entry,) = entries(client, "goals")
    assert text(entry, "title") == "Education: Bring people to one table"
    assert text(entry, "summary") == "<p>Two &amp; more.</p><p>At risk.</p>"


def test_feeds_hold_nothing_of_drafts_and_nothing_for_members(client, client_for, content, member):
    team = make_team("Prepared")
    ActionTeam.objects.filter(pk=team.pk).update(state=ActionTeam.State.DRAFT)
    goal = team.goals.create(slug="g", title="Hidden")
    GoalUpdate.objects.create(goal=goal, state="on_track", sentence="Hidden")
    FaqEntry.objects.create(slug="c", question="Hidden?", answer="x", team=team)
    make_meeting(team, slug="d")
    make_meeting(audience="members", slug="e")
    make_resource(team, slug="f")
    make_resource(audience="members", slug="h")
    for person in (client, client_for(member)):
        assert [len(entries(person, name)) for name in PAGES] == [1, 1, 1, 1, 1]


@pytest.mark.parametrize("seconds", [0, 1])
def test_feed_answers_conditional_requests(client, content, settings, monkeypatch, seconds):
    settings.PAGE_CACHE_SECONDS = seconds
    monkeypatch.setattr(page_cache.time, "monotonic", lambda: 1000.0)
    answer = client.get("/feeds/meetings.atom")
    conditions = ({"If-None-Match": answer["ETag"]}, {"If-Modified-Since": answer["Last-Modified"]})
    for headers in conditions:
        unchanged = client.get("/feeds/meetings.atom", headers=headers)
        assert (unchanged.status_code, unchanged.content) == (304, b"")
    for headers in (
        {"If-None-Match": '"x"'},
        {"If-Modified-Since": "Mon, 06 Jan 2020 00:00:00 GMT"},
        {"If-Modified-Since": "yesterday"},
    ):
        assert client.get("/feeds/meetings.atom", headers=headers).content == answer.content


def test_feed_costs_the_same_for_one_and_for_many(client, team, django_assert_num_queries):
    for number in (1, 3):
        while Meeting.objects.count() < number:
            make_meeting(team)
        with django_assert_num_queries(5):
            client.get("/feeds/meetings.atom")
