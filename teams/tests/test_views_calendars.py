"""Calendars at their addresses: for everyone, of one meeting, and a member's own."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone

from conftest import messages_of, visible_text
from members.dates import long_date
from members.services.moving import hold
from teams.models import CalendarKey, Meeting
from teams.services import close_account, merge_members, personal_data
from teams.services.calendar_keys import new_calendar_key
from teams.tests.calendars import only_event, read_calendar
from teams.tests.meetings import make_meeting
from teams.views import calendars

pytestmark = pytest.mark.django_db

ALL, TEAM = "/meetings/calendar.ics", "/teams/education/meetings.ics"
MEETING = "/meetings/winter-meeting.ics"


def titles_in(response) -> set[str]:
    assert response.status_code == 200
    return {str(event["summary"]) for event in read_calendar(response.content).events}


def address_of(member) -> str:
    return f"/my/calendar/{new_calendar_key(member).secret}.ics"


# For everyone ---------------------------------------------------------------------------------


def test_public_calendars_are_there_also_when_empty(client, team):
    for path in (ALL, TEAM):
        response = client.get(path)
        assert titles_in(response) == set()
        assert response["Content-Type"] == "text/calendar; charset=utf-8"
        assert not response.cookies


def test_public_calendars_hold_public_meetings_alone(client_for, client, member, team, other_team):
    make_meeting(team, title="Ours")
    make_meeting(other_team, title="Theirs")
    make_meeting(title="Of all")
    for audience in ("members", "teams"):
        make_meeting(team, audience=audience)
    make_meeting(team, status="draft")
    for reader in (client, client_for(member)):
        whole = "Collaborative: Of all"
        assert titles_in(reader.get(TEAM)) == {"Education: Ours", whole}
        response = reader.get(ALL)
        assert titles_in(response) == {"Education: Ours", "Hiring: Theirs", whole}
        assert b"secret-room" not in response.content.replace(b"\r\n ", b"")


def test_team_calendar_of_a_draft_or_unknown_team_is_not_there(client_for, facilitator, team):
    team.state = "draft"
    team.save()
    assert client_for(facilitator).get(TEAM).status_code == 404
    assert Client().get("/teams/none/meetings.ics").status_code == 404


def test_public_calendars_are_cached_and_answer_304(settings, team, django_assert_num_queries):
    settings.PAGE_CACHE_SECONDS = 1
    make_meeting(team)
    client = Client()
    for path in (ALL, TEAM, MEETING):
        first = client.get(path)
        assert first["Cache-Control"] == "max-age=0, must-revalidate"
        with django_assert_num_queries(0):
            again = client.get(path, headers={"if-none-match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_meeting_calendar_is_a_file_for_whom_may_see_the_meeting(
    client_for, member, outsider, team
):
    make_meeting(team, audience="teams")
    response = client_for(member).get(MEETING)
    assert titles_in(response) == {"Education: Winter meeting"}
    assert response["Content-Disposition"] == 'inline; filename="winter-meeting.ics"'
    assert "no-store" in response["Cache-Control"]
    # Also members get the link to join in their own calendar only.
    assert b"secret-room" not in response.content.replace(b"\r\n ", b"")
    assert client_for(outsider).get(MEETING).status_code == 404
    assert Client().get(MEETING).status_code == 404


def test_meeting_calendar_of_a_draft_is_not_there(client_for, administrator, facilitator, team):
    make_meeting(team, status="draft")
    for staff in (administrator, facilitator):
        assert client_for(staff).get(MEETING).status_code == 404


def test_meeting_calendar_stays_for_a_cancelled_meeting(client, team):
    start = timezone.now() - timedelta(days=40)
    make_meeting(team, starts_at=start, status="cancelled", cancelled_reason="Snow.")
    assert titles_in(client.get(MEETING)) == {"Cancelled: Education: Winter meeting"}
    assert titles_in(client.get(ALL)) == set()


def test_calendars_take_what_programs_ask(client, team):
    make_meeting(team)
    for path in (ALL, MEETING, "/my/calendar/wrong.ics"):
        options = client.options(path)
        assert (options.status_code, options["Allow"]) == (204, "GET, HEAD, OPTIONS")
        head = client.head(path)
        assert head.status_code == client.get(path).status_code
        assert head.content == b""
        for method in ("POST", "PROPFIND"):
            assert client.generic(method, path).status_code == 405


# One's own ------------------------------------------------------------------------------------


def test_personal_calendar_has_the_link_to_join_and_is_kept_nowhere(client, member, team):
    make_meeting(team, audience="teams")
    response = client.get(address_of(member))
    event = only_event(response.content)
    assert "Join online: https://video.example.org/secret-room" in event["description"]
    assert read_calendar(response.content)["x-wr-calname"] == "My meetings, Collaborative"
    assert response["Cache-Control"] == "private, no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert not response.cookies
    assert client.head(address_of(member)).status_code == 200


def test_personal_calendar_of_who_left_all_teams_has_no_link(client, applicant):
    make_meeting()
    event = only_event(client.get(address_of(applicant)).content)
    assert "secret-room" not in event["description"]


def test_personal_calendar_keeps_its_address_until_there_is_a_new_one(client, member):
    old = address_of(member)
    assert old == f"/my/calendar/{CalendarKey.objects.get().secret}.ics"
    assert client.get(old).status_code == client.get(old).status_code == 200
    new = address_of(member)
    assert client.get(old).status_code == 404
    assert client.get(new).status_code == 200
    assert CalendarKey.objects.count() == 1


@pytest.mark.parametrize("key", ["replaced", "forged", "nonce", "none"])
def test_personal_calendar_tells_nothing_about_a_wrong_address(client, member, key):
    old = new_calendar_key(member).secret
    new = new_calendar_key(member)
    wrong = {
        "replaced": old,
        "forged": f"{new.nonce}.{old.partition('.')[2]}",
        # What a copy of the database shows.
        "nonce": new.nonce,
        "none": "x",
    }
    response = client.get(f"/my/calendar/{wrong[key]}.ics")
    assert response.status_code == 404
    assert member.full_name not in response.content.decode()


def test_personal_calendar_ends_with_the_account(client, member, colleague):
    path = address_of(member)
    close_account(member)
    assert client.get(path).status_code == 404
    assert not CalendarKey.objects.filter(member=member).exists()
    path = address_of(colleague)
    hold(colleague, why="test")
    assert client.get(path).status_code == 404


def test_personal_calendar_notes_its_use_once_a_day(client, member, django_assert_num_queries):
    path = address_of(member)
    client.get(path)
    assert CalendarKey.objects.get().last_used_on == timezone.localdate()
    with django_assert_num_queries(6) as queries:
        client.get(path)
    assert not any("UPDATE" in query["sql"] for query in queries.captured_queries)


def test_personal_calendar_is_there_while_the_database_cannot_be_written(client, member, team):
    path = address_of(member)
    make_meeting(team)

    def refuse_writing(execute, sql, params, many, context):
        if sql.startswith(("UPDATE", "INSERT", "DELETE")):
            raise DatabaseError("read only")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse_writing):
        assert titles_in(client.get(path)) == {"Education: Winter meeting"}
    assert CalendarKey.objects.get().last_used_on is None


def test_personal_calendar_fetched_all_the_time_waits(client, member, monkeypatch):
    monkeypatch.setattr(calendars, "MAX_FETCHES", 1)
    path = address_of(member)
    assert client.get(path).status_code == 200
    refused = client.get(path)
    assert (refused.status_code, refused["Retry-After"]) == (429, "900")


def test_personal_calendar_follows_what_one_may_see(client, member, team):
    meeting = make_meeting(team)
    path = address_of(member)
    Meeting.objects.filter(pk=meeting.pk).update(audience="teams")
    assert len(titles_in(client.get(path))) == 1
    member.memberships.update(status="ended", ended_at=timezone.now())
    assert titles_in(client.get(path)) == set()


# The page -------------------------------------------------------------------------------------


def test_my_calendar_gives_an_address_by_a_press(client_for, member, settings):
    client = client_for(member)
    page = client.get("/my/calendar/")
    assert "Get my calendar address" in visible_text(page)
    assert not CalendarKey.objects.exists()
    assert client.get("/my/calendar/new/").url == "/my/calendar/"
    response = client.post("/my/calendar/new/", follow=True)
    secret = CalendarKey.objects.get().secret
    content = response.content.decode()
    assert f'value="{settings.SITE_URL}/my/calendar/{secret}.ics"' in content
    host = settings.SITE_URL.partition("://")[2]
    assert f'href="webcal://{host}/my/calendar/{secret}.ics"' in content
    assert "No calendar has used it yet." in visible_text(response)
    for program in ("Outlook", "iPhone", "Google"):
        assert program in content
    assert content.index('id="subscribe"') < content.index('id="file"')


def test_my_calendar_makes_a_new_address_after_a_question(client_for, member):
    client = client_for(member)
    old = new_calendar_key(member).secret
    page = client.get("/my/calendar/new/")
    assert "The old address stops working at once." in visible_text(page)
    assert CalendarKey.objects.get().secret == old
    response = client.post("/my/calendar/new/", follow=True)
    assert messages_of(response) == [
        "Your calendar has a new address. The old one no longer works."
    ]
    assert old not in response.content.decode()
    assert CalendarKey.objects.get().secret != old


def test_my_calendar_is_for_members(client):
    for path in ("/my/calendar/", "/my/calendar/new/"):
        assert client.get(path)["Location"].startswith("/sign-in/")
        assert client.post(path).status_code in {302, 405}
    assert not CalendarKey.objects.exists()


def test_personal_data_tells_of_the_calendar_but_not_its_secret(client, member):
    assert personal_data(member)["calendar_has_an_address_since"] is None
    key = new_calendar_key(member)
    client.get(f"/my/calendar/{key.secret}.ics")
    data = personal_data(member)
    assert data["calendar_has_an_address_since"] == key.created_at.isoformat()
    assert data["calendar_last_fetched_on"] == long_date(timezone.localdate())
    assert key.nonce not in str(data)


def test_merge_members_ends_the_calendar_of_the_duplicate(client, member, colleague, administrator):
    path, other = address_of(member), address_of(colleague)
    merge_members(member, colleague, by=administrator)
    assert client.get(path).status_code == 404
    assert client.get(other).status_code == 200
    assert CalendarKey.objects.get().member == colleague
