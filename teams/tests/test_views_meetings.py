"""The list of meetings, and the page of each."""

import json
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import visible_text
from members.services import save_with_history
from teams.models import Attendance, Meeting, Resource
from teams.tests.announcements import make_link
from teams.tests.meetings import make_meeting

pytestmark = pytest.mark.django_db
CHICAGO = ZoneInfo("America/Chicago")


def at(words: str) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=CHICAGO)


def ago(**passed: float) -> datetime:
    return timezone.now() - timedelta(**passed)


# The list -----------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_meeting_list_shows_the_next_first_and_past_ones_by_year(client, team):
    last_year = timezone.localdate().year - 1
    make_meeting(team, title="Later", starts_at=ago(days=-40))
    make_meeting(title="Sooner", starts_at=ago(days=-3), place="Room 5")
    old = make_meeting(
        team, title="Long ago", starts_at=at(f"{last_year}-06-01 09:00"), minutes="We agreed."
    )
    make_link(old, kind="recording")
    page = client.get("/meetings/")
    text = visible_text(page)
    assert text.index("Sooner") < text.index("Education: Later") < text.index("Past meetings")
    assert "Room 5, and online" in text
    assert "Central Time" in text
    assert str(last_year) in text
    assert "Long ago" in text
    assert "Minutes Recording" in text
    assert "video.example.org" not in page.content.decode()


def test_meeting_list_is_filtered_by_links(client, team, other_team):
    make_meeting(title="Whole")
    make_meeting(team, title="Ours", kind=Meeting.Kind.LEARNING)
    make_meeting(other_team, title="Theirs")
    make_meeting(team, title="Earlier", starts_at=ago(days=9))
    for query, shown, words in (
        ("", {"Whole", "Ours", "Theirs"}, "See what the teams are planning"),
        (
            "?team=education",
            {"Whole", "Ours"},
            "Meetings of Education: 2 coming up, 1 in the past.",
        ),
        ("?kind=learning", {"Ours"}, "Learning events: 1 coming up, 0 in the past."),
        ("?kind=learning&team=hiring", set(), "Learning events of Hiring: none yet."),
    ):
        response = client.get(f"/meetings/{query}")
        text = visible_text(response)
        assert words in text
        assert {
            title
            for title in ("Whole", "Ours", "Theirs")
            if f": {title} " in text.replace("Whole", ": Whole")
        } == shown
        # From what is empty, a link leads back.
        assert ('<a class="more" href="/meetings/">' in response.content.decode()) == (not shown)


def test_meeting_list_knows_only_what_its_links_ask(client, team):
    for query in ("team=nowhere", "team=%00", "kind=party", "year=abc", "year=0000", "year=٢٠٢٦"):
        assert client.get(f"/meetings/?{query}").status_code == 404, query


def test_meeting_list_without_meetings_of_a_year_offers_the_others(client, team):
    make_meeting(team, title="Long ago", starts_at=at("2024-06-01 09:00"))
    text = visible_text(client.get("/meetings/?year=2023"))
    assert "No meetings in 2023. Choose another year. " in text
    assert "2024 1" in text


def test_meeting_list_without_any_says_what_to_do(client, client_for, member):
    text = visible_text(client.get("/meetings/"))
    assert "No dates yet" in text
    assert "Join a team, and we will email you its dates." in text
    assert "Join a team, and" not in visible_text(client_for(member).get("/meetings/"))


def test_meeting_list_turns_pages_of_both_parts(client, monkeypatch):
    monkeypatch.setattr("teams.views.meetings.MEETINGS_PER_PAGE", 2)
    year = timezone.localdate().year - 1
    for number in range(3):
        make_meeting(title=f"Next {number}", starts_at=ago(days=-9 - number))
        make_meeting(title=f"Past {number}", starts_at=at(f"{year}-03-0{number + 1} 09:00"))
    first = client.get("/meetings/")
    assert 'href="/meetings/?next=2#up"' in first.content.decode()
    assert 'href="/meetings/?page=2#past"' in first.content.decode()
    second = visible_text(client.get(f"/meetings/?year={year}&page=2"))
    assert "Past 0" in second
    assert "Past 1" not in second
    # A page that there is not is the last one.
    assert "Next 2" in visible_text(client.get("/meetings/?next=99"))


def test_meeting_list_marks_cancelled_moved_and_drafts(client, client_for, facilitator, team):
    make_meeting(title="Off", status="cancelled", cancelled_reason="Snow.")
    make_meeting(title="Shifted", moved_from=ago(days=-1))
    make_meeting(team, title="Planned", status="draft")
    text = visible_text(client.get("/meetings/"))
    assert "Cancelled" in text
    assert "Moved" in text
    assert "Planned" not in text
    assert re.search(r"Planned .* Draft", visible_text(client_for(facilitator).get("/meetings/")))


@pytest.mark.parametrize("signed_in", [False, True])
def test_meeting_list_has_as_many_queries_for_1_as_for_3(
    client, client_for, member, team, signed_in
):
    client = client_for(member) if signed_in else client

    def queries(number: int) -> int:
        for _ in range(number):
            for days in (9, -9):
                make_link(make_meeting(team, starts_at=ago(days=days)))
        with CaptureQueriesContext(connection) as captured:
            client.get("/meetings/")
        return len(captured)

    # Outside development the frame of the page, four of them, costs none for a second.
    assert queries(1) == queries(2) <= 18


# The page of a meeting ------------------------------------------------------------------------


def test_meeting_detail_says_when_and_where(client, team):
    meeting = make_meeting(
        team,
        starts_at=at("2099-12-09 09:00"),
        agenda="- Welcome\n- *Goals*",
        kind=Meeting.Kind.LEARNING,
    )
    make_link(meeting, "Where we recruited", kind="document")
    response = client.get(meeting.get_absolute_url())
    text = visible_text(response)
    assert "Learning event of Education" in text
    assert "Wednesday, December 9, 2099, 9:00 to 10:30 a.m. Central Time" in text
    assert "North Branch Example Health, Room 2, 1 Example Street, Chicago" in text
    assert "Members get the link" in text
    assert "To read beforehand Where we recruited Document" in text
    assert "What was decided will appear here" in text
    html = response.content.decode()
    assert '<time datetime="2099-12-09T09:00:00-06:00">' in html
    assert "<em>Goals</em>" in html
    assert "<title>Winter meeting, Education - " in html
    assert "9:00 to 10:30 a.m. Central Time. North Branch" in html.partition("</head>")[0]
    assert 'rel="canonical" href="http://127.0.0.1:8000/meetings/winter-meeting/"' in html


def test_meeting_detail_has_data_for_search_engines(client, team):
    meeting = make_meeting(
        team,
        title='The "</script>" of it',
        moved_from=at("2099-12-02 09:00"),
        starts_at=at("2099-12-09 09:00"),
        place="Room & 2",
    )
    html = client.get(meeting.get_absolute_url()).content.decode()
    (data,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.S)
    event = json.loads(data)
    assert event["name"] == 'The "</script>" of it'
    assert event["startDate"] == "2099-12-09T09:00:00-06:00"
    assert event["previousStartDate"] == "2099-12-02T09:00:00-06:00"
    assert event["location"][0]["name"] == "Room & 2"
    assert event["eventAttendanceMode"].endswith("MixedEventAttendanceMode")
    assert "video.example.org" not in html


def test_meeting_detail_gives_members_the_link(client, client_for, member, applicant, team):
    meeting = make_meeting(team)
    link = f'href="{meeting.join_url}"'
    assert link in client_for(member).get(meeting.get_absolute_url()).content.decode()
    for other in (client, client_for(applicant)):
        assert meeting.join_url not in other.get(meeting.get_absolute_url()).content.decode()


def test_meeting_detail_after_it_shows_what_was_decided(client, member, organization, team):
    meeting = make_meeting(team, starts_at=ago(days=9), minutes="We keep *going*.", status="held")
    Attendance.objects.create(meeting=meeting, member=member, organization=organization, came=True)
    coming = make_meeting(title="Spring meeting")
    page = client.get(meeting.get_absolute_url())
    html, text = page.content.decode(), visible_text(page)
    assert "Took place" in text
    assert "We keep <em>going</em>." in html
    assert f"Organizations that came {organization.name}" in text
    assert f'href="{coming.get_absolute_url()}"' in html
    assert member.full_name not in text
    assert "Members get the link" not in text


def test_meeting_detail_shows_minutes_once_it_has_begun(client, team):
    later = make_meeting(team, minutes="Decided already")
    begun = make_meeting(team, minutes="Decided already", starts_at=ago(minutes=5))
    assert "Decided already" not in visible_text(client.get(later.get_absolute_url()))
    assert "Decided already" in visible_text(client.get(begun.get_absolute_url()))


def test_meeting_detail_without_minutes_has_recordings_with_captions_and_transcript(client, team):
    meeting = make_meeting(team, starts_at=ago(days=1))
    make_link(
        meeting, "First", kind="recording", captions="yes", transcript_url="https://t.example/"
    )
    make_link(meeting, "Second", kind="recording", captions="no")
    make_link(meeting, "Third", kind="recording")
    text = visible_text(client.get(meeting.get_absolute_url()))
    assert "The minutes are not published yet." in text
    assert "First Recording, with captions, transcript of First" in text
    assert "Second Recording, without captions" in text
    assert "Third Recording, not checked for captions yet" in text


def test_meeting_detail_shows_each_link_to_its_audience(
    client, client_for, member, outsider, applicant, team
):
    meeting = make_meeting(team, starts_at=ago(days=1))
    for audience in Meeting.Audience.values:
        make_link(meeting, f"Notes for {audience}", audience=audience)

    def shown(client: Client) -> list[str]:
        html = client.get(meeting.get_absolute_url()).content.decode()
        return re.findall(r">Notes for (\w+)<", html)

    assert shown(client) == shown(client_for(applicant)) == ["public"]
    assert shown(client_for(outsider)) == ["public", "members"]
    assert shown(client_for(member)) == ["public", "members", "teams"]


def test_links_of_a_meeting_that_is_not_seen_are_not_seen(member, outsider, team, administrator):
    link = make_link(make_meeting(team, audience=Meeting.Audience.TEAMS))
    assert Resource.objects.visible_to(member).get() == link
    assert Resource.objects.visible_to(administrator).get() == link
    assert not Resource.objects.visible_to(outsider).exists()


def test_meeting_detail_says_that_it_was_moved(client, team, facilitator):
    meeting = make_meeting(team, starts_at=at("2099-12-02 09:00"))
    save_with_history(
        meeting,
        facilitator,
        "moved",
        moved_from=meeting.starts_at,
        starts_at=at("2099-12-09 09:00"),
        ends_at=at("2099-12-09 10:00"),
    )
    moved = meeting.history.latest("history_date")
    meeting.history.filter(pk=moved.history_id).update(history_date=at("2025-11-30 23:30"))
    save_with_history(meeting, facilitator, "changed", title="Other title")
    assert (
        "Moved on Sunday, November 30, 2025. It was planned for Wednesday, December 2, 2099, "
        "9:00 a.m. Central Time." in visible_text(client.get(meeting.get_absolute_url()))
    )


def test_meeting_detail_of_a_cancelled_meeting_says_why(client, client_for, member, team):
    meeting = make_meeting(team, status="cancelled", cancelled_reason="Snow & ice")
    text = visible_text(client.get(meeting.get_absolute_url()))
    assert "In person" not in text
    assert "Who can come" not in text
    Meeting.objects.update(starts_at=ago(days=2), ends_at=ago(days=1))
    page = client_for(member).get(meeting.get_absolute_url())
    assert "Cancelled. Snow & ice." in visible_text(page)
    assert "What was decided" not in visible_text(page)
    assert meeting.join_url not in page.content.decode()


def test_meeting_detail_of_a_draft_is_for_those_who_plan_it(
    client, client_for, member, facilitator, other_facilitator, administrator, team
):
    draft = make_meeting(team, status="draft", agenda="Secret plan")
    unknown = client.get("/meetings/there-is-none/")
    for other in (client_for(member), client_for(other_facilitator), client):
        answer = other.get(draft.get_absolute_url())
        assert answer.status_code == 404
        assert "Secret plan" not in answer.content.decode()
    assert visible_text(answer).replace(draft.slug, "") == visible_text(unknown).replace(
        "there-is-none", ""
    )
    for planner in (facilitator, administrator):
        text = visible_text(client_for(planner).get(draft.get_absolute_url()))
        assert "Draft. Only you and others who plan it can see this page." in text
        assert "ld+json" not in text
        assert "Change it at the desk" in text


def test_meeting_pages_refuse_other_methods(client, team):
    for address in ("/meetings/", make_meeting(team).get_absolute_url()):
        assert client.post(address).status_code == 405
    assert client.head(address).status_code == 200


@pytest.mark.parametrize(("signed_in", "days"), [(False, -9), (True, 9), (True, -9)])
def test_meeting_detail_has_as_many_queries_whatever_it_shows(
    client, client_for, member, team, other_team, organization, signed_in, days
):
    client = client_for(member) if signed_in else client
    meeting = make_meeting(team, other_team, starts_at=ago(days=days))

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(meeting.get_absolute_url())
        return len(captured)

    before = queries()
    for _ in range(2):
        make_link(meeting)
        make_meeting(team)
    Attendance.objects.create(meeting=meeting, member=member, organization=organization, came=True)
    assert before == queries() <= 17


def test_meeting_detail_leads_to_the_desk_who_may_change_it(
    client_for, member, facilitator, other_facilitator, team
):
    meeting = make_meeting(team)
    make_meeting(team, title="Another one")
    link = f'href="/admin/teams/meeting/{meeting.pk}/change/"'
    client = client_for(facilitator)
    with CaptureQueriesContext(connection) as captured:
        assert link in client.get(meeting.get_absolute_url()).content.decode()
    # Other meetings, with their long texts, are not read for it.
    columns = [query["sql"].split("FROM")[0] for query in captured]
    assert sum('"teams_meeting"."minutes"' in each for each in columns) == 1
    for other in (member, other_facilitator):
        assert link not in client_for(other).get(meeting.get_absolute_url()).content.decode()
