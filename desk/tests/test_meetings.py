"""Meetings at the desk: planned in a form, announced, moved and cancelled by decisions."""

from datetime import datetime, timedelta

import pytest
from django.contrib import admin
from django.utils import timezone

from conftest import make_active_member, messages_of, visible_text
from desk.records.meetings.forms import MoveForm
from desk.tests.action_pages import Form, action_form, action_url, forms_of, listed, selection_url
from members.services import preview_action
from teams.actions import MAX_EMAILS, get_action
from teams.models import ActionTeam, EmailChoice, Meeting
from teams.services import cancel_meeting, change_meeting
from teams.tests.meetings import make_meeting

MEETINGS = "/admin/teams/meeting/"
YEAR = timezone.localdate().year + 1
Status = Meeting.Status


def central(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.get_default_timezone())


def record_url(meeting: Meeting) -> str:
    return f"{MEETINGS}{meeting.pk}/change/"


def form_of(response, field: str) -> Form:
    """Return the form of a page that has `field`."""
    (form,) = [form for form in forms_of(response) if field in form.fields]
    return form


# What a facilitator enters in the form that plans a meeting.
PLAN = {
    "kind": "quarterly",
    "title": "Spring meeting",
    "day": f"{YEAR}-03-09",
    "begins": "9",
    "ends": "10:30 a.m.",
    "place": "Room 2, 1 Example Street, Chicago",
    "join_url": "https://video.example.org/room",
    "agenda": "Welcome",
}


def plan(client, **entered) -> tuple[Form, dict]:
    """Return the form that plans a meeting, and what a facilitator enters in nine fields."""
    form = form_of(client.get(MEETINGS + "add/"), "begins")
    return form, form.fields | PLAN | entered


def errors_of(response) -> str:
    return str(response.context["adminform"].form.errors)


# Planning


def test_meeting_is_planned_in_nine_fields(client_for, facilitator, team):
    client = client_for(facilitator)
    form, typed = plan(client)
    response = client.post(form.action, typed, follow=True)
    meeting = Meeting.objects.get()
    assert (meeting.status, meeting.audience) == (Status.DRAFT, "public")
    assert (meeting.starts_at, meeting.ends_at) == (
        central(YEAR, 3, 9, 9),
        central(YEAR, 3, 9, 10, 30),
    )
    assert list(meeting.teams.all()) == [team]
    assert response.redirect_chain[-1][0] == record_url(meeting)
    weekday = f"{central(YEAR, 3, 9):%A}"
    assert (
        f"{weekday}, March 9, {YEAR}, 9:00 to 10:30 a.m. Central Time" in messages_of(response)[0]
    )
    assert meeting.slug == f"spring-meeting-{YEAR}"
    # The second press of the button; and the same meeting planned once more, from a new form.
    assert client.post(form.action, typed)["Location"] == record_url(meeting)
    assert Meeting.objects.count() == 1
    form, typed = plan(client)
    assert client.post(form.action, typed)["Location"] != record_url(meeting)


def test_meeting_form_has_nine_fields_before_the_folded_ones(client_for, facilitator, team):
    response = client_for(facilitator).get(MEETINGS + "add/")
    first, more = response.context["adminform"]
    assert len(list(first)) == 9
    assert more.is_collapsible


def test_team_meeting_is_for_its_team_unless_said_otherwise(client_for, facilitator, team):
    client = client_for(facilitator)
    for audience, expected in [("", "teams"), ("members", "members")]:
        form, typed = plan(client, kind="team", audience=audience)
        client.post(form.action, typed)
        assert Meeting.objects.latest("pk").audience == expected


@pytest.mark.parametrize(
    ("entered", "message"),
    [
        ({"begins": "soon"}, "Enter a time such as 9:30 a.m. or 2 p.m."),
        ({"begins": ""}, "Enter when it begins."),
        ({"ends": "8:30 a.m."}, "The meeting ends before it begins."),
        ({"day": "2026-01-02"}, "This time is in the past."),
        ({"day": "9999-12-31"}, "Check the year: 9999."),
        ({"day": "0001-01-01"}, "Check the year: 1."),
        ({"last_day": "tomorrow"}, "Enter the last day as month/day/year"),
        ({"last_day": f"{YEAR}-03-08"}, "The meeting ends before it begins."),
        ({"title": ""}, "Enter the title"),
        ({"places": "0"}, "greater than or equal to 1"),
        (
            {"answer_day": f"{YEAR}-03-10"},
            "The deadline to answer must be before the meeting begins.",
        ),
        ({"join_url": "javascript:alert(1)"}, "Enter a valid URL."),
    ],
)
def test_plan_that_makes_no_sense_is_refused(rf, facilitator, team, entered, message):
    request = rf.get(MEETINGS)
    request.user = facilitator
    form = admin.site.get_model_admin(Meeting).get_form(request)(
        PLAN | {"teams": [team.pk]} | entered
    )
    assert message in str(form.errors).replace("&quot;", '"')


def test_refused_plan_is_kept(client_for, facilitator, team):
    client = client_for(facilitator)
    form, typed = plan(client, begins="soon")
    response = client.post(form.action, typed)
    assert "Enter a time such as" in visible_text(response)
    shown = form_of(response, "begins").fields
    assert (shown["begins"], shown["agenda"]) == ("soon", "Welcome")
    assert not Meeting.objects.exists()


def first_sunday(year: int, month: int, number: int) -> str:
    days = [day for day in range(1, 15) if datetime(year, month, day).weekday() == 6]  # noqa: DTZ001
    return f"{year}-{month:02}-{days[number - 1]:02}"


def test_time_that_the_clocks_leave_out_is_refused(client_for, facilitator, team):
    client = client_for(facilitator)
    form, typed = plan(client, day=first_sunday(YEAR, 3, 2), begins="2:30 a.m.")
    assert "2:30 a.m. does not exist on Sunday, March" in errors_of(client.post(form.action, typed))


def test_first_of_a_time_that_comes_twice_is_taken_and_said(client_for, facilitator, team):
    client = client_for(facilitator)
    form, typed = plan(client, day=first_sunday(YEAR, 11, 1), begins="1:30 a.m.", ends="noon")
    response = client.post(form.action, typed)
    said = " ".join(messages_of(response))
    assert "1:30 a.m. comes twice on Sunday, November" in said
    assert "is a weekend or a holiday" in said
    assert Meeting.objects.get().local_start.fold == 0


def test_summit_of_two_days_ends_on_its_last_day(client_for, facilitator, team):
    client = client_for(facilitator)
    form, typed = plan(client, kind="summit", last_day=f"{YEAR}-03-10", ends="4 p.m.")
    client.post(form.action, typed)
    meeting = Meeting.objects.get()
    assert meeting.ends_at == central(YEAR, 3, 10, 16)
    shown = form_of(client.get(record_url(meeting)), "begins").fields
    assert (shown["begins"], shown["ends"]) == ("9:00 a.m.", "4:00 p.m.")
    assert shown["last_day"] == f"{YEAR}-03-10"


def test_overlapping_meeting_of_the_same_team_is_said(client_for, facilitator, team, other_team):
    start = central(YEAR, 3, 9, 9)
    make_meeting(team, starts_at=start, title="Team hour")
    make_meeting(other_team, starts_at=start, title="Unseen hour")
    client = client_for(facilitator)
    form, typed = plan(client)
    said = " ".join(messages_of(client.post(form.action, typed)))
    assert "“Team hour” is at the same time" in said
    assert "Unseen" not in said


def test_plan_with_forged_teams_is_refused(client_for, facilitator, team, other_team):
    client = client_for(facilitator)
    form, typed = plan(client)
    for teams in ([other_team.pk], [team.pk, other_team.pk], []):
        response = client.post(form.action, typed | {"teams": teams})
        assert response.status_code == 200
    assert "planned by administrators" in errors_of(response)
    assert not Meeting.objects.exists()


def test_administrator_plans_for_the_whole_collaborative(client_for, administrator, team):
    client = client_for(administrator)
    form, typed = plan(client)
    response = client.post(form.action, typed | {"teams": [], "audience": "teams"})
    assert "This meeting has no team" in errors_of(response)
    client.post(form.action, typed | {"teams": []})
    assert not Meeting.objects.get().teams.exists()


def test_meeting_of_two_teams_keeps_the_one_of_others(client_for, facilitator, team, other_team):
    meeting = make_meeting(team, other_team, status=Status.DRAFT)
    client = client_for(facilitator)
    form = form_of(client.get(record_url(meeting)), "begins")
    client.post(form.action, form.fields | {"title": "Both teams"})
    meeting.refresh_from_db()
    assert (meeting.title, set(meeting.teams.all())) == ("Both teams", {team, other_team})


# Who sees and changes what


def test_pages_of_meetings_of_others_do_not_exist(
    client_for, facilitator, member, team, other_team
):
    other, own = make_meeting(other_team), make_meeting(team)
    pages = ["change", "history", "announce", "move", "cancel", "revive", "delete", "copy"]
    client, of_member = client_for(facilitator), client_for(member)
    for page in pages:
        assert client.post(f"{MEETINGS}{other.pk}/{page}/").status_code in {404, 405}
    for page in ("change", "history", "announce"):
        assert client.get(f"{MEETINGS}{other.pk}/{page}/").status_code == 404
        assert of_member.post(f"{MEETINGS}{own.pk}/{page}/").status_code == 403
    assert Meeting.objects.filter(status=Status.ANNOUNCED).count() == 2


def test_meeting_of_the_whole_collaborative_is_read_by_facilitators(
    client_for, facilitator, administrator
):
    meeting = make_meeting(status=Status.DRAFT)
    client = client_for(facilitator)
    response = client.get(record_url(meeting))
    assert "Wednesday" in visible_text(response) or meeting.title in visible_text(response)
    assert not response.context["bulk_actions"]
    assert client.post(record_url(meeting), {"title": "Mine"}).status_code == 403
    assert client.post(f"{MEETINGS}{meeting.pk}/copy/").status_code == 404
    response = client.post(action_url("announce", meeting), follow=True)
    assert "is planned by administrators" in messages_of(response)[0]
    meeting.refresh_from_db()
    assert (meeting.status, meeting.title) == (Status.DRAFT, "Winter meeting")


def test_list_shows_the_next_first_and_filters(facilitator, team, other_team):
    now = timezone.now()
    later = make_meeting(team, title="Later", starts_at=now + timedelta(days=40))
    past = make_meeting(team, title="Past", starts_at=now - timedelta(days=400))
    older = make_meeting(team, title="Older", starts_at=now - timedelta(days=800), kind="summit")
    soon = make_meeting(title="Soon", starts_at=now + timedelta(days=4), status=Status.DRAFT)
    make_meeting(other_team, title="Unseen")
    for query, shown in {
        "": [soon, later, past, older],
        "status__exact=draft": [soon],
        "kind__exact=summit": [older],
        f"team={team.slug}": [later, past, older],
        "team=*": [soon],
        f"year={past.day.year}": [past],
        "q=olde": [older],
        f"team={other_team.slug}": [],
    }.items():
        assert listed(Meeting, facilitator, query) == shown, query


def test_list_needs_the_same_queries_for_1_and_3_meetings(
    client_for, facilitator, team, django_assert_max_num_queries
):
    client = client_for(facilitator)
    make_meeting(team)
    client.get(MEETINGS)
    with django_assert_max_num_queries(15) as one:
        client.get(MEETINGS)
    for _ in range(2):
        make_meeting(team)
    with django_assert_max_num_queries(len(one)):
        assert client.get(MEETINGS).context["cl"].result_count == 3


def test_export_has_no_link_to_join(client_for, facilitator, team):
    make_meeting(team)
    response = client_for(facilitator).post(MEETINGS + "export/", {"format": "csv"})
    text = b"".join(response.streaming_content).decode()
    assert "Winter meeting" in text
    assert "secret-room" not in text


def test_search_of_the_desk_finds_meetings_by_title(client_for, facilitator, team, other_team):
    meeting = make_meeting(team)
    make_meeting(other_team, title="Winter of others")
    response = client_for(facilitator).get("/admin/search/?q=winter")
    (group,) = response.context["found"]
    assert [url for _, url, _ in group.matches] == [record_url(meeting)]


def test_history_names_times_with_the_hour(client_for, facilitator, team):
    meeting = make_meeting(team, status=Status.DRAFT, starts_at=central(YEAR, 3, 9, 9))
    change_meeting(meeting, by=facilitator, ends_at=central(YEAR, 3, 9, 12))
    text = visible_text(client_for(facilitator).get(f"{MEETINGS}{meeting.pk}/history/"))
    assert f"March 9, {YEAR}, noon Central Time" in text
    assert "Sequence" not in text


# Deciding


def test_meeting_is_announced_after_a_preview_and_can_be_undone(client_for, facilitator, team):
    meeting = make_meeting(team, status=Status.DRAFT)
    client = client_for(facilitator)
    page = client.get(action_url("announce", meeting))
    assert "You can undo it for two minutes" in visible_text(page)
    meeting.refresh_from_db()
    assert meeting.status == Status.DRAFT
    response = action_form(page).submit(client, "Announce")
    meeting.refresh_from_db()
    assert meeting.status == Status.ANNOUNCED
    assert "“Winter meeting” is announced:" in messages_of(response)[0]
    client.post(f"/admin/members/decision/{response.context['undoable'][0].pk}/undo/")
    meeting.refresh_from_db()
    assert meeting.status == Status.DRAFT


def test_meeting_is_moved_with_old_and_new_time_in_words(client_for, facilitator, team):
    meeting = make_meeting(team, starts_at=central(YEAR, 3, 9, 9))
    client = client_for(facilitator)
    form = form_of(client.get(action_url("move", meeting)), "begins")
    response = form.submit(client, "Show what will happen", day=f"{YEAR}-03-16", place="Room 9")
    text = visible_text(response)
    for words in (
        f"March 9, {YEAR}, 9:00 to 10:30 a.m.",
        f"March 16, {YEAR}, 9:00 to 10:30",
        "Room 9",
    ):
        assert words in text
    meeting.refresh_from_db()
    assert meeting.day.day == 9
    form_of(response, "begins").submit(client, "Move", follow=False)
    meeting.refresh_from_db()
    assert (meeting.starts_at, meeting.place) == (central(YEAR, 3, 16, 9), "Room 9")


def test_meeting_that_has_begun_changes_its_room(client_for, facilitator, team):
    start = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=5)
    meeting = make_meeting(team, starts_at=start)
    client = client_for(facilitator)
    form = form_of(client.get(action_url("move", meeting)), "begins")
    response = form.submit(client, "Show what will happen", place="Room 9")
    assert "This time is in the past" not in visible_text(response)
    response = form_of(response, "begins").submit(client, "Move")
    assert "at the same time, but in a new place: Room 9, and online." in messages_of(response)[0]
    meeting.refresh_from_db()
    assert (meeting.starts_at, meeting.place) == (start, "Room 9")
    link = "https://video.example.org/another-room"
    response = form.submit(client, "Show what will happen", place="Room 9", join_url=link)
    assert "with a new link to join" in visible_text(response)
    response = form_of(response, "begins").submit(client, "Move")
    assert "has a new link to join online." in messages_of(response)[0]


@pytest.mark.parametrize(
    ("entered", "message"),
    [
        ({"begins": "x"}, "Enter a time such as"),
        ({"ends": "1 a.m."}, "ends before it begins"),
        ({"day": "2020-03-09"}, "Check the year"),
    ],
)
def test_move_to_a_time_that_makes_no_sense_is_refused(team, entered, message):
    meeting = make_meeting(team, starts_at=central(YEAR, 3, 9, 9))
    shown = MoveForm(None, meetings=[meeting])
    typed = {name: shown[name].value() for name in shown.fields} | entered
    assert message in str(MoveForm(typed, meetings=[meeting]).errors)


@pytest.mark.parametrize(
    ("entered", "message"),
    [({"place": "", "join_url": ""}, "Enter where it is"), ({}, "the same as before")],
)
def test_move_that_makes_no_sense_is_refused(client_for, facilitator, team, entered, message):
    meeting = make_meeting(team, starts_at=central(YEAR, 3, 9, 9))
    client = client_for(facilitator)
    form = form_of(client.get(action_url("move", meeting)), "begins")
    response = form.submit(client, "Move", **entered)
    assert message in visible_text(response)
    meeting.refresh_from_db()
    assert meeting.sequence == 0


def test_several_meetings_are_moved_one_at_a_time(client_for, facilitator, team):
    meetings = [make_meeting(team), make_meeting(team)]
    client = client_for(facilitator)
    url = selection_url(client, "move", *meetings)
    assert "Move one meeting at a time" in visible_text(client.get(url))
    client.post(url, {"day": f"{YEAR}-03-16", "begins": "9", "ends": "10", "place": "Room 9"})
    assert not Meeting.objects.filter(place="Room 9").exists()


def test_meeting_is_cancelled_with_a_reason(client_for, facilitator, member, team):
    meeting = make_meeting(team)
    client = client_for(facilitator)
    page = client.get(action_url("cancel", meeting))
    form = form_of(page, "reason")
    # Nothing is sent that nobody has chosen.
    refused = visible_text(form.submit(client, "Cancel meeting"))
    assert "Say in one sentence why" in refused
    prepared = client.post(action_url("cancel", meeting), {"prepared": "1"})
    assert "The weather" in prepared.context["email"].message
    written = form.submit(client, "Show the email", reason="Ice.")
    assert "Ice." in written.context["email"].message
    form.submit(client, "Cancel meeting", reason="Snow.", follow=False)
    meeting.refresh_from_db()
    assert (meeting.status, meeting.cancelled_reason) == (Status.CANCELLED, "Snow.")
    response = action_form(client.get(action_url("revive", meeting))).submit(
        client, "Hold it after all", follow=False
    )
    meeting.refresh_from_db()
    assert meeting.status == Status.ANNOUNCED
    assert "takes place after all" in messages_of(response)[0]


def test_second_of_two_facilitators_is_told_what_the_first_did(
    client_for, facilitator, administrator, team
):
    meeting = make_meeting(team)
    client = client_for(administrator)
    form = form_of(client.get(action_url("cancel", meeting)), "reason")
    cancel_meeting(meeting, reason="Snow.", by=facilitator)
    response = form.submit(client, "Cancel meeting", reason="Ice.")
    text = visible_text(response)
    assert "is already cancelled: Snow." in text
    assert "What you typed was not saved." in text


def test_draft_is_deleted_and_what_was_announced_is_not(client_for, facilitator, team):
    draft, announced = make_meeting(team, status=Status.DRAFT), make_meeting(team)
    client = client_for(facilitator)
    for meeting in (draft, announced):
        client.post(action_url("delete", meeting))
    assert Meeting.objects.get() == announced


def test_copy_for_next_quarter_is_a_draft_to_edit(client_for, facilitator, team):
    meeting = make_meeting(team, starts_at=central(YEAR, 3, 9, 9), minutes="Decided")
    client = client_for(facilitator)
    assert client.get(f"{MEETINGS}{meeting.pk}/copy/").status_code == 302
    (form,) = [
        form
        for form in forms_of(client.get(record_url(meeting)))
        if (form.action or "").endswith("/copy/")
    ]
    response = form.submit(client, "Copy for next quarter")
    draft = Meeting.objects.latest("pk")
    assert response.redirect_chain[-1][0] == record_url(draft)
    assert (draft.status, draft.minutes) == (Status.DRAFT, "")
    assert (draft.day.weekday(), draft.day.month) == (meeting.day.weekday(), 6)
    assert "This copy is a draft for" in messages_of(response)[0]
    assert form_of(response, "begins").fields["title"] == meeting.title


# Changing what was announced


def test_form_of_an_announced_meeting_changes_no_time(client_for, facilitator, team):
    meeting = make_meeting(team)
    client = client_for(facilitator)
    form = form_of(client.get(record_url(meeting)), "agenda")
    assert not {"day", "begins", "ends", "place", "join_url"} & form.fields.keys()
    forged = {"day": f"{YEAR}-03-09", "begins": "9", "ends": "10", "place": "Elsewhere"}
    client.post(form.action, form.fields | forged | {"title": "New title", "agenda": "Hello"})
    changed = Meeting.objects.get()
    assert (changed.title, changed.agenda) == ("New title", "Hello")
    assert (changed.starts_at, changed.place) == (meeting.starts_at, meeting.place)
    assert changed.sequence == 1


def test_stale_form_overwrites_nothing_unseen(client_for, facilitator, administrator, team):
    meeting = make_meeting(team, status=Status.DRAFT)
    client = client_for(facilitator)
    form = form_of(client.get(record_url(meeting)), "begins")
    change_meeting(meeting, by=administrator, agenda="Theirs")
    response = client.post(form.action, form.fields | {"title": "Mine", "agenda": "Mine, too"})
    assert "Someone else changed this meeting" in visible_text(response)
    assert Meeting.objects.get().agenda == "Theirs"
    again = form_of(response, "begins")
    assert again.fields["agenda"] == "Mine, too"
    client.post(again.action, again.fields)
    assert Meeting.objects.get().agenda == "Mine, too"


def test_meeting_of_a_team_that_is_a_draft_is_not_announced(client_for, facilitator, team):
    ActionTeam.objects.update(state=ActionTeam.State.DRAFT)
    meeting = make_meeting(team, status=Status.DRAFT)
    response = client_for(facilitator).post(action_url("announce", meeting))
    assert "Education is not published yet" in messages_of(response)[0]


def test_preview_counts_who_gets_the_email_and_shows_one(
    client_for, facilitator, member, colleague, team, queued_emails
):
    meeting = make_meeting(team, status=Status.DRAFT)
    EmailChoice.objects.create(member=colleague, team=team, kind="meetings", wants="none")
    client = client_for(facilitator)
    page = client.get(action_url("announce", meeting))
    text = visible_text(page)
    assert "1 person gets the email, 1 has stopped these emails." in text
    assert f"To {member.email}" in text
    assert not queued_emails()
    action_form(page).submit(client, "Announce", follow=False)
    assert [email.to for email in queued_emails()] == [[member.email]]
    assert all(email.scheduled_time for email in queued_emails())
    page = client.get(action_url("cancel", meeting))
    assert "1 person gets the email, 1 has stopped these emails." in visible_text(page)


def test_preview_writes_a_few_emails_only(client_for, facilitator, team, organization):
    for number in range(4):
        make_active_member(f"m{number}@rush.example", organization, f"M {number}", team)
    meeting = make_meeting(team, status=Status.DRAFT)
    data = {MAX_EMAILS: 2}
    step = get_action(Meeting, "announce").step(facilitator, data)
    assert len(preview_action(step, [meeting.pk]).emails) == 2
    page = client_for(facilitator).get(action_url("announce", meeting))
    assert "4 people get the email." in visible_text(page)
