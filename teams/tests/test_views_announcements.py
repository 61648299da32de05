"""Announcements on the pages of members, and for everyone."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import visible_text
from teams.models import Announcement, Attendance
from teams.services import (
    close_account,
    leave_team,
    merge_members,
    personal_data,
    send_announcement,
)
from teams.services.my_announcements import MAX_ANNOUNCEMENTS, announcements_for
from teams.tests.announcements import make_announcement
from teams.tests.meetings import make_meeting

pytestmark = pytest.mark.django_db
MEMBERS_PAGES = ["/my/", "/my/announcements/", "/teams/education/members/"]
TEAM_PAGES = ["/teams/education/", "/teams/education/announcements/"]
PREVIEW = "The rooms are booked. Bring two questions."


@pytest.fixture
def announcement(team, facilitator) -> Announcement:
    body = "The *rooms* are booked.\n\n- Bring [two questions](/faq/)."
    return make_announcement(team, facilitator, body=body)


# Members -------------------------------------------------------------------------------------


def test_pages_of_members_show_announcements_for_the_same_queries_for_one_and_three(
    client_for, member, announcement, team, facilitator
):
    client, pages, costs = client_for(member), [*MEMBERS_PAGES, *TEAM_PAGES], []
    for number in (0, 2):
        for _ in range(number):
            make_announcement(team, facilitator, subject="Another")
        costs.append([])
        for page in pages:
            with CaptureQueriesContext(connection) as queries:
                text = visible_text(client.get(page))
            costs[-1].append(len(queries))
            assert announcement.subject in text
            if page in MEMBERS_PAGES:
                assert f"{announcement.subject} {PREVIEW} Fay Facilitator, facilitator" in text
    assert costs[0] == costs[1]


def test_team_pages_show_announcements_to_its_members_alone(
    client, client_for, facilitator, outsider, announcement
):
    assert announcement.subject in visible_text(client_for(facilitator).get(TEAM_PAGES[1]))
    of_outsider = client_for(outsider)
    for page in TEAM_PAGES:
        assert announcement.subject not in visible_text(of_outsider.get(page))
        assert announcement.subject not in visible_text(client.get(page))


def test_announcement_detail_shows_the_text_as_it_was_written(
    client_for, member, facilitator, announcement
):
    page = client_for(member).get(announcement.get_absolute_url())
    assert "Fay Facilitator, facilitator" in visible_text(page)
    assert '<a href="/faq/"' in page.content.decode()
    assert "<em>rooms</em>" in page.content.decode()


def test_announcement_detail_does_not_exist_for_others(
    client_for, announcement, outsider, applicant, other_facilitator
):
    for person in (outsider, applicant, other_facilitator):
        assert client_for(person).get(announcement.get_absolute_url()).status_code == 404
    assert client_for(outsider).get("/announcements/0/").status_code == 404


def test_announcement_detail_leads_visitors_to_signing_in_whether_or_not_it_exists(
    client, announcement
):
    for page in (announcement.get_absolute_url(), f"/announcements/{10**30}/"):
        answer = client.get(page)
        assert answer["Location"] == f"/sign-in/?next={page}"
        assert not answer.content


def test_pages_of_announcements_are_only_read(client_for, facilitator, announcement):
    client = client_for(facilitator)
    for page in (announcement.get_absolute_url(), "/my/announcements/", TEAM_PAGES[1]):
        assert client.post(page).status_code == client.delete(page).status_code == 405
    assert Announcement.objects.get().is_draft is False


def test_draft_is_shown_to_facilitators_alone(client_for, member, facilitator, team):
    draft = make_announcement(team, facilitator, status="draft", is_public=True)
    page = client_for(facilitator).get(draft.get_absolute_url())
    assert "Draft" in visible_text(page)
    assert client_for(member).get(draft.get_absolute_url()).status_code == 404
    assert draft.subject not in visible_text(client_for(facilitator).get(TEAM_PAGES[1]))


def test_who_writes_to_the_team_is_led_to_the_desk(
    client_for, member, facilitator, other_facilitator, announcement, team
):
    desk_page = f"/admin/teams/announcement/{announcement.pk}/change/"
    add_page = f"/admin/teams/announcement/add/?team={team.pk}"
    page = announcement.get_absolute_url()
    assert desk_page in client_for(facilitator).get(page).content.decode()
    assert add_page in client_for(facilitator).get(TEAM_PAGES[1]).content.decode()
    for person in (member, other_facilitator):
        assert "/admin/teams/announcement/" not in client_for(person).get(page).content.decode()
        assert "announcement/add" not in client_for(person).get(TEAM_PAGES[1]).content.decode()


def test_announcement_to_all_teams_is_that_of_an_administrator(
    client_for, outsider, applicant, administrator
):
    # Ticked by mistake: there is no team on whose public page it would be.
    announcement = make_announcement(None, administrator, is_public=True)
    page = client_for(outsider).get(announcement.get_absolute_url())
    assert "To the members of all teams" in visible_text(page)
    assert "Ada Admin, administrator" in visible_text(page)
    assert client_for(applicant).get(announcement.get_absolute_url()).status_code == 404
    assert "All teams" in visible_text(client_for(outsider).get("/my/announcements/"))


def test_stopped_announcement_says_so(client_for, member, team, facilitator):
    now = timezone.now()
    announcement = make_announcement(team, facilitator, stopped_at=now)
    page = visible_text(client_for(member).get(announcement.get_absolute_url()))
    assert "before every email was sent" in page
    assert "Stopped" in visible_text(client_for(member).get("/my/"))


def test_announcement_to_those_who_come_is_shown_to_them(
    client_for, member, colleague, facilitator, team
):
    meeting = make_meeting(team)
    announcement = make_announcement(None, facilitator, meeting=meeting)
    Attendance.objects.create(
        meeting=meeting, member=member, answer="online", answered_at=timezone.now()
    )
    client = client_for(member)
    for page in ("/my/", "/my/announcements/"):
        text = visible_text(client.get(page))
        assert "To the attendees of Winter meeting Rooms for the interviews" in text
    assert announcement.subject not in visible_text(client_for(colleague).get(page))
    assert announcement.subject not in visible_text(client.get(TEAM_PAGES[1]))


def test_announcement_of_a_closed_account_has_no_name(
    client_for, member, announcement, facilitator
):
    close_account(facilitator)
    page = visible_text(client_for(member).get(announcement.get_absolute_url()))
    assert "facilitator" in page
    assert "Fay" not in page


def test_member_who_leaves_reads_no_announcement_of_the_team(
    client_for, member, team, announcement
):
    client = client_for(member)
    leave_team(member.memberships.get())
    for page in ("/my/", "/my/announcements/", TEAM_PAGES[1]):
        assert announcement.subject not in visible_text(client.get(page))
    assert client.get(announcement.get_absolute_url()).status_code == 404


def test_personal_data_has_what_was_sent_to_a_member_and_what_one_wrote(
    member, colleague, facilitator, administrator, team
):
    draft = make_announcement(team, facilitator, status="draft")
    send_announcement(draft, by=facilitator)
    merge_members(colleague, member, by=administrator)
    to_member = personal_data(member)["announcements"]
    assert [each["subject"] for each in to_member] == [draft.subject] * 2
    assert {each["to"] for each in to_member} == {"Members of Education"}
    assert to_member[0]["outcome"] == "Waiting to be sent"
    assert personal_data(member)["announcements_you_wrote"] == []
    (written,) = personal_data(facilitator)["announcements_you_wrote"]
    assert written["text"] == draft.body
    assert personal_data(facilitator)["announcements"] == []


# Lists ---------------------------------------------------------------------------------------


def test_my_teams_shows_the_newest_announcements_first(client_for, member, team, facilitator):
    now = timezone.now()
    for number in range(MAX_ANNOUNCEMENTS + 1):
        sent_at = now - timedelta(days=number)
        make_announcement(team, facilitator, subject=f"Number {number}", sent_at=sent_at)
    text = visible_text(client_for(member).get("/my/"))
    shown = [text.index(f"Number {number} ") for number in range(MAX_ANNOUNCEMENTS)]
    assert shown == sorted(shown)
    assert f"Number {MAX_ANNOUNCEMENTS}" not in text
    assert "All announcements" in text


@pytest.mark.parametrize("page", ["/my/announcements/", TEAM_PAGES[1]])
def test_lists_of_announcements_turn_pages(
    client_for, member, team, facilitator, page, monkeypatch
):
    monkeypatch.setattr("teams.views.announcements.ANNOUNCEMENTS_PER_PAGE", 2)
    client = client_for(member)
    assert "There are no announcements yet" in visible_text(client.get(page))
    for number in range(3):
        make_announcement(team, facilitator, subject=f"Number {number}.")
    assert visible_text(client.get(f"{page}?page=2")).count("Number") == 1
    # What nobody links to is the nearest page.
    first = visible_text(client.get(f"{page}?page=x%00"))
    assert first.count("Number") == 2
    assert "Page 1 of 2 Next page" in first


def test_announcements_for_costs_no_query_where_nobody_wrote_to_the_member(
    fragment_clock, member, outsider, team, facilitator, django_assert_num_queries
):
    make_announcement(team, facilitator)
    own = [each.team_id for each in outsider.memberships.all()]
    with django_assert_num_queries(1):
        assert announcements_for(outsider, own) == []
    with django_assert_num_queries(0):
        assert announcements_for(outsider, own) == []
    with django_assert_num_queries(1):
        assert len(announcements_for(member, [team.pk])) == 1


# Everyone ------------------------------------------------------------------------------------


def test_public_announcement_is_read_by_everyone_without_a_name(
    client, client_for, outsider, member, team, facilitator
):
    announcement = make_announcement(team, facilitator, is_public=True)
    address = announcement.get_absolute_url()
    of_outsider = client_for(outsider)
    for person, page in (
        *((client, page) for page in (address, *TEAM_PAGES)),
        (of_outsider, address),
        (of_outsider, TEAM_PAGES[1]),
    ):
        text = visible_text(person.get(page))
        assert announcement.subject in text
        assert "Fay Facilitator" not in text
    assert address in client.get("/sitemap.xml").content.decode()
    assert "Fay Facilitator" in visible_text(client_for(member).get(address))


def test_team_announcements_of_a_draft_team_do_not_exist(client, team):
    team.state = team.State.DRAFT
    team.save()
    assert client.get(TEAM_PAGES[1]).status_code == 404
    assert client.get("/teams/nowhere/announcements/").status_code == 404
