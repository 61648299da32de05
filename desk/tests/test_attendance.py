"""Who came to a meeting, at the desk: ticks, a pasted list, and who has not answered."""

from datetime import timedelta

import pytest
from django.utils import timezone

from conftest import make_active_member, messages_of, visible_text
from desk.records.attendance import forms
from members.dates import long_date
from members.models import Decision
from members.services import save_with_history
from teams.models import Attendance, Meeting, TeamEmail
from teams.services import archive_resource
from teams.tests.announcements import make_link
from teams.tests.meetings import make_meeting

PAGES = ["attendance", "unanswered", "afterwards"]
POSTED = ["attendance/check", "attendance/store"]


def url(meeting: Meeting, page: str) -> str:
    return f"/admin/teams/meeting/{meeting.pk}/{page}/"


@pytest.fixture
def meeting(team) -> Meeting:
    """A public meeting of the team, which began yesterday."""
    return make_meeting(team, starts_at=timezone.now() - timedelta(days=1))


def answer(meeting, member, answer="in-person", **fields) -> Attendance:
    return Attendance.objects.create(
        meeting=meeting, member=member, answer=answer, answered_at=timezone.now(), **fields
    )


def came(meeting) -> dict[str, bool | None]:
    rows = Attendance.objects.filter(meeting=meeting).select_related("member")
    return {str(row.member or row.guest_name): row.came for row in rows}


def ticks(page) -> dict:
    """The hidden fields of the shown form."""
    form = page.context["form"]
    return {name: form[name].value() for name in ("shown", "ticked_before")}


def checked(page, **choices) -> dict:
    """What the page of a checked list posts, with other choices for entries by their place."""
    data = {"text": page.context["text"]}
    for form in [*page.context["sure"], *page.context["unsure"], *page.context["unknown"]]:
        for field in form:
            data[field.html_name] = field.value() or ""
    return data | {f"entry-{name.replace('_', '-')}": value for name, value in choices.items()}


@pytest.fixture
def check(client_for, facilitator, meeting):
    """Posts a list for checking, and returns the page."""

    def post(text: str):
        return client_for(facilitator).post(url(meeting, "attendance/check"), {"text": text})

    return post


def store(client_for, facilitator, meeting, data):
    return client_for(facilitator).post(url(meeting, "attendance/store"), data)


# Ticks ------------------------------------------------------------------------------------


def test_attendance_ticks_are_stored(client_for, facilitator, meeting, member, colleague, outsider):
    client = client_for(facilitator)
    answer(meeting, member)
    answer(meeting, colleague, "online")
    answer(meeting, outsider)
    page = client.get(url(meeting, "attendance"))
    assert "Olga" not in visible_text(page)
    assert "1 more person answered or came" in visible_text(page)

    data = ticks(page) | {"came": [f"member-{member.pk}"]}
    page = client.post(url(meeting, "attendance"), data, follow=True)

    assert "Saved. 1 person came, 1 who said they would come did not." in visible_text(page)
    expected = {"Maria Member": True, "Colin Colleague": False, "Olga Outsider": None}
    assert came(meeting) == expected
    meeting.refresh_from_db()
    assert meeting.status == Meeting.Status.HELD
    assert f'value="member-{member.pk}" checked' in page.content.decode()


def test_attendance_old_page_leaves_what_others_ticked_meanwhile(
    client_for, facilitator, meeting, member, colleague
):
    client = client_for(facilitator)
    answer(meeting, member)
    answer(meeting, colleague)
    data = ticks(client.get(url(meeting, "attendance")))
    Attendance.objects.filter(member=member).update(came=True)

    client.post(url(meeting, "attendance"), data | {"came": [f"member-{colleague.pk}"]})

    assert came(meeting) == {"Maria Member": True, "Colin Colleague": True}


def test_attendance_tick_is_taken_away(client_for, facilitator, meeting, member):
    client = client_for(facilitator)
    answer(meeting, member, came=True)
    client.post(url(meeting, "attendance"), ticks(client.get(url(meeting, "attendance"))))

    assert came(meeting) == {"Maria Member": False}


def test_attendance_forged_tick_changes_nothing(client_for, facilitator, meeting, member, outsider):
    client = client_for(facilitator)
    answer(meeting, member)
    answer(meeting, outsider)
    data = ticks(client.get(url(meeting, "attendance")))

    for key in [f"member-{outsider.pk}", "guest-999", "member-0", "x"]:
        response = client.post(url(meeting, "attendance"), data | {"came": [key]})
        assert set(came(meeting).values()) == {None}, key
        assert "Nothing was changed." in messages_of(response)[-1]


def test_attendance_before_the_meeting_is_a_list(client_for, facilitator, member, team):
    meeting = make_meeting(team)
    answer(meeting, member)
    client = client_for(facilitator)

    page = client.get(url(meeting, "attendance"))

    assert "once the meeting has begun" in visible_text(page)
    assert 'type="checkbox"' not in page.content.decode()
    response = client.post(url(meeting, "attendance"), {"came": [f"member-{member.pk}"]})
    assert "has not begun" in messages_of(response)[0]
    assert came(meeting) == {"Maria Member": None}


# A pasted list -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("member", "colleague")
def test_attendance_list_is_checked_and_stored(
    client_for, facilitator, check, meeting, organization
):
    page = check("Member, Maria\nColin C.\nWalter Walkin\niPhone\nMARIA MEMBER (she/her)")

    text = visible_text(page)
    assert "We found 1 of the people" in text
    assert "1 entry names someone who is already on the list" in text
    assert "iPhone a device, not a name" in text
    assert not Attendance.objects.exists()
    data = checked(page, **{"2_person": "guest", "2_organization": "rush example hospital"})
    page = store(client_for, facilitator, meeting, data)

    assert "Saved. 3 people came. Left out: “iPhone”." in messages_of(page)[0]
    everyone = {"Maria Member": True, "Colin Colleague": True, "Walter Walkin": True}
    assert came(meeting) == everyone
    assert Attendance.objects.get(guest_name="Walter Walkin").organization == organization


def test_attendance_list_explains_what_is_wrong(client_for, facilitator, check, meeting):
    page = check("Walter Walkin\nWanda Walkin")
    choices = {
        "0_person": "guest",
        "0_name": "",
        "0_organization": "Nowhere",
        "1_person": "member-999999",
    }

    text = visible_text(store(client_for, facilitator, meeting, checked(page, **choices)))

    assert "Enter the guest’s name." in text
    assert "No organization is called “Nowhere”" in text
    assert "This person can no longer be chosen." in text
    assert "Nothing was saved" in text
    assert not Attendance.objects.exists()


def test_attendance_list_refuses_people_out_of_sight(
    client_for, facilitator, check, meeting, outsider
):
    page = check("Olga Outsider")
    assert "Not found (1)" in visible_text(page)

    data = checked(page, **{"0_person": f"member-{outsider.pk}"})
    store(client_for, facilitator, meeting, data)

    assert not Attendance.objects.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Paste the names or addresses"),
        ("Name,Email\n", "There are no names below the headings"),
        ("\n".join(["Ana Sample", "Ben Example", "Cara Third"]), "The list has 3 names."),
        ("x" * 90, "The list is longer"),
    ],
)
def test_attendance_list_is_refused_in_words(monkeypatch, text, message):
    monkeypatch.setattr(forms, "MAX_LIST_NAMES", 2)
    monkeypatch.setattr(forms.ListForm.base_fields["text"].validators[0], "limit_value", 80)

    assert message in str(forms.ListForm({"text": text}).errors)


def test_attendance_list_refused_keeps_what_was_pasted(check):
    page = check("Name,Email\n")

    assert "There are no names below the headings" in visible_text(page)
    assert page.context["list_form"]["text"].value() == "Name,Email\n"


# Who has not answered ---------------------------------------------------------------------------


def test_unanswered_names_who_is_seen(
    client_for, facilitator, member, colleague, outsider, team, other_team
):
    meeting = make_meeting(team, other_team)
    answer(meeting, member, "no")

    page = client_for(facilitator).get(url(meeting, "unanswered"))

    text = visible_text(page)
    assert (
        "1 member of your teams has not answered. 1 member of other teams has not answered either."
        in text
    )
    assert "Rush Example Hospital (1) Colin Colleague" in text
    assert "Olga" not in text
    assert "Maria" not in text


# Access and cost --------------------------------------------------------------------------------


def test_attendance_pages_are_for_who_plans_the_meeting(
    client_for, client, member, facilitator, other_facilitator, meeting
):
    whole = make_meeting(starts_at=meeting.starts_at)
    for who, which, expected in [
        (client, meeting, 302),
        (client_for(member), meeting, 403),
        (client_for(other_facilitator), meeting, 404),
        (client_for(facilitator), whole, 404),
    ]:
        for page in [*PAGES, *POSTED]:
            # Who comes of their own people is for everyone at the desk.
            if which is meeting or page not in {"attendance", "unanswered"}:
                request = who.post if page in POSTED else who.get
                assert request(url(which, page)).status_code == expected, page
    assert client_for(facilitator).get(url(whole, "unanswered")).status_code == 200


def test_attendance_of_the_whole_collaborative_is_read_by_facilitators(
    client_for, facilitator, administrator, member, team
):
    whole = make_meeting(starts_at=timezone.now() - timedelta(days=1))
    answer(whole, member)
    answer(whole, None, guest_name="Vera Visitor")
    client = client_for(facilitator)
    text = visible_text(client.get(url(whole, "attendance")))
    assert member.full_name in text
    assert "Vera Visitor" not in text
    assert "1 more person answered or came, but is not in your teams." in text
    assert "Administrators plan this meeting and record who came" in text
    assert client.post(url(whole, "attendance"), {"came": f"member-{member.pk}"}).status_code == 404
    assert "Vera Visitor" in visible_text(client_for(administrator).get(url(whole, "attendance")))
    draft = make_meeting(status="draft")
    assert client.get(url(draft, "attendance")).status_code == 404


@pytest.mark.parametrize("page", POSTED)
def test_attendance_list_refuses_get(client_for, facilitator, meeting, page):
    assert client_for(facilitator).get(url(meeting, page)).status_code == 405


@pytest.mark.parametrize("page", PAGES)
def test_attendance_pages_cost_the_same_for_many_people(
    client_for, facilitator, organization, team, meeting, page, django_assert_max_num_queries
):
    client = client_for(facilitator)
    client.get(url(meeting, page))
    for number in range(4):
        person = make_active_member(f"p{number}@rush.example", organization, f"P {number}", team)
        if number % 2:
            answer(meeting, person, organization=organization)

    with django_assert_max_num_queries(20):
        client.get(url(meeting, page))


# After the meeting --------------------------------------------------------------------------------


def afterwards(page, **changes) -> dict:
    """What the shown page posts, with other values of some fields."""
    forms_shown = [page.context["form"], page.context["links"].management_form]
    data = {
        field.html_name: "" if field.value() is None else field.value()
        for form in [*forms_shown, *page.context["links"]]
        for field in form
        if not field.html_name.endswith("-DELETE")
    }
    return data | changes


LINK = {
    "links-0-kind": "recording",
    "links-0-title": "Recording",
    "links-0-url": "https://video.example.org/1",
    "links-0-captions": "no",
}


def test_afterwards_stores_minutes_and_links(client_for, facilitator, meeting):
    client, address = client_for(facilitator), url(meeting, "afterwards")
    page = client.get(address)
    assert "To do Minutes: not added yet" in visible_text(page)

    data = afterwards(page, minutes="# Decided\r\n\r\nOne.", **LINK)
    page = client.post(address, data, follow=True)

    meeting.refresh_from_db()
    link = meeting.resources.get()
    assert (meeting.minutes, link.url) == ("# Decided\n\nOne.", "https://video.example.org/1")
    assert link.history.get().history_user == facilitator
    text = visible_text(page)
    assert "Done Minutes: published" in text
    assert "To do Captions or transcript of “Recording”: not added yet" in text
    removed = client.post(address, afterwards(page) | {"links-0-DELETE": "on"}, follow=True)
    assert "Captions" not in visible_text(removed).split("Minutes")[0]
    assert not meeting.resources.current().exists()
    assert link.history.first().history_change_reason == "archived: removed from its meeting"


def test_afterwards_unchanged_links_leave_no_history(client_for, facilitator, meeting):
    client, address = client_for(facilitator), url(meeting, "afterwards")
    client.post(address, afterwards(client.get(address), **LINK))
    client.post(address, afterwards(client.get(address), minutes="New"))

    assert meeting.resources.get().history.count() == 1


def test_afterwards_preview_stores_nothing(client_for, facilitator, meeting):
    client, address = client_for(facilitator), url(meeting, "afterwards")
    data = afterwards(client.get(address), minutes="Some *decision*", preview="minutes", **LINK)

    page = client.post(address, data)

    assert "<em>decision</em>" in page.content.decode()
    assert 'value="https://video.example.org/1"' in page.content.decode()
    meeting.refresh_from_db()
    assert (meeting.minutes, meeting.resources.count()) == ("", 0)


@pytest.mark.parametrize("link", ["http://video.example.org/1", "javascript:alert(1)"])
def test_afterwards_refuses_bad_links_and_keeps_what_was_typed(
    client_for, facilitator, meeting, link
):
    client, address = client_for(facilitator), url(meeting, "afterwards")
    wrong = {"links-0-url": link, "links-0-title": "", "links-0-kind": "film"}
    data = afterwards(client.get(address), minutes="Typed for an hour", **LINK) | wrong

    page = client.post(address, data)

    text = visible_text(page)
    assert "begins with https://" in text
    assert "This field is required" in text
    assert "Select a valid choice" in text
    assert "Typed for an hour" in page.content.decode()
    assert not meeting.resources.exists()


def test_afterwards_does_not_overwrite_minutes_of_others(client_for, facilitator, meeting):
    client, address = client_for(facilitator), url(meeting, "afterwards")
    data = afterwards(client.get(address), minutes="Mine")
    Meeting.objects.filter(pk=meeting.pk).update(minutes="Theirs")

    page = client.post(address, data)

    assert "Someone else changed the minutes" in visible_text(page)
    assert "Mine" in page.content.decode()
    meeting.refresh_from_db()
    assert meeting.minutes == "Theirs"


def test_afterwards_leaves_links_of_other_meetings(client_for, facilitator, meeting, team):
    client, link = client_for(facilitator), make_link(meeting, "Recording")
    other = make_meeting(team, starts_at=meeting.starts_at)
    data = afterwards(client.get(url(other, "afterwards")), **LINK)

    client.post(
        url(other, "afterwards"),
        data | {"links-INITIAL_FORMS": "1", "links-0-id": str(link.pk), "links-0-title": "Taken"},
    )

    link.refresh_from_db()
    assert (link.title, link.meeting) == ("Recording", meeting)


def test_afterwards_says_that_someone_removed_a_link_meanwhile(client_for, facilitator, meeting):
    client, address = client_for(facilitator), url(meeting, "afterwards")
    link = make_link(meeting)
    data = afterwards(client.get(address), minutes="Typed for an hour")
    archive_resource(link, by=facilitator)

    page = client.post(address, data | {"links-0-title": "Changed"})

    assert "This link is no longer on the page of the meeting" in visible_text(page)
    assert "Typed for an hour" in page.content.decode()
    assert not meeting.resources.current().exists()


def test_email_materials_is_sent_and_undone(client_for, facilitator, meeting, member):
    client = client_for(facilitator)
    action = f"/admin/teams/meeting/{meeting.pk}/email_materials/"
    Meeting.objects.filter(pk=meeting.pk).update(minutes="Decided")
    assert "1 person gets the email" in visible_text(client.get(action))

    client.post(action)

    meeting.refresh_from_db()
    assert meeting.materials_sent_at is not None
    assert TeamEmail.objects.filter(meeting=meeting, member=member).exists()
    client.post(f"/admin/members/decision/{Decision.objects.get().pk}/undo/")
    meeting.refresh_from_db()
    assert meeting.materials_sent_at is None


# Records of people and organizations --------------------------------------------------------------


def test_records_say_to_how_many_meetings_someone_came(
    client_for, facilitator, meeting, member, organization, other_team
):
    client = client_for(facilitator)
    member_url = f"/admin/members/member/{member.pk}/change/"
    organization_url = f"/admin/members/organization/{organization.pk}/change/"
    assert "Meetings none so far" in visible_text(client.get(member_url))

    data = {"shown": f"member-{member.pk}", "ticked_before": "", "came": f"member-{member.pk}"}
    client.post(url(meeting, "attendance"), data)
    hidden = make_meeting(other_team, title="Secret meeting", starts_at=meeting.starts_at)
    attended = Attendance(meeting=hidden, member=member, answer="", came=True)
    save_with_history(attended, None, "answered")

    page = visible_text(client.get(member_url))
    assert f"came to 1 meeting, last on {long_date(meeting.starts_at)}" in page
    assert "Winter meeting" in page
    assert "attendance recorded: came" in page
    assert "Secret meeting" not in page
    assert "came to 1 meeting, last on" in visible_text(client.get(organization_url))
