"""Announcements at the desk: written, previewed, sent, undone, stopped, and their results."""

from datetime import timedelta

import pytest
from django.forms import modelform_factory
from django.utils import timezone
from post_office.models import Email

from conftest import make_active_member, messages_of, visible_text
from desk.records.announcements.forms import AnnouncementForm, audience_choices
from desk.tests.action_pages import Form, action_form, action_url, forms_of, listed, selection_url
from members.models import Decision
from teams.models import Announcement, AnnouncementRecipient, Attendance
from teams.services import record_outcome, send_announcement
from teams.services.announcements import delete_old_recipients
from teams.tests.announcements import make_announcement
from teams.tests.meetings import make_meeting

ANNOUNCEMENTS = "/admin/teams/announcement/"
ADD = f"{ANNOUNCEMENTS}add/"
# What is pressed where one person gets it.
SEND = "Send to 1 person"
Outcome = AnnouncementRecipient.Outcome


def record_url(announcement: Announcement) -> str:
    return f"{ANNOUNCEMENTS}{announcement.pk}/change/"


def form_of(response) -> Form:
    """Return the form in which an announcement is written."""
    (form,) = [form for form in forms_of(response) if "body" in form.fields]
    return form


@pytest.fixture
def draft(team, facilitator) -> Announcement:
    return make_announcement(team, facilitator, status="draft")


@pytest.fixture
def client(client_for, facilitator):
    return client_for(facilitator)


# Writing ---------------------------------------------------------------------------------------


def test_team_is_written_to_with_two_presses_besides_opening_the_form(client, member, team):
    """The form is one press away, on Today."""
    assert f'href="{ADD}"' in client.get("/admin/").content.decode()
    written = {"subject": "Rooms", "body": "They are **booked**."}
    preview = form_of(client.get(ADD)).submit(client, "Save and preview", **written)
    announcement = Announcement.objects.get()
    assert (announcement.team, announcement.is_draft) == (team, True)
    assert not Email.objects.exists()
    sent = action_form(preview).submit(client, SEND)
    assert messages_of(sent) == ["“Rooms” is sent: 1 person gets the email."]
    assert Email.objects.get().to == [member.email]
    assert sent.redirect_chain[-1][0] == record_url(announcement)


def test_draft_is_kept_changed_and_deleted(client, draft):
    form = form_of(client.get(record_url(draft)))
    page = form.submit(client, "Save as a draft", body="They are not booked.", follow=False)
    assert messages_of(page) == [
        "“Rooms for the interviews” is saved as a draft. It has not been sent yet."
    ]
    draft.refresh_from_db()
    assert (draft.is_draft, draft.body) == (True, "They are not booked.")
    history = visible_text(client.get(f"{ANNOUNCEMENTS}{draft.pk}/history/"))
    assert "They are not booked." in history
    form = action_form(client.get(action_url("delete", draft)))
    assert form.submit(client, "Delete draft", follow=False)["Location"] == ANNOUNCEMENTS
    assert not Announcement.objects.exists()


@pytest.mark.parametrize(
    ("entered", "message"),
    [
        ({"subject": ""}, "This field is required"),
        ({"body": " \u200b"}, "This field is required"),
        ({"subject": "x" * 121}, "at most 120 characters"),
        ({"audience": ""}, "Choose who gets it."),
        ({"audience": "all"}, "Choose one of your teams or meetings."),
        ({"audience": "team-999999"}, "Choose one of your teams or meetings."),
        ({"audience": "meeting-0 OR 1"}, "Choose one of your teams or meetings."),
    ],
)
def test_form_refuses_what_makes_no_sense(facilitator, team, entered, message):
    names = ["audience", "subject", "body", "is_public"]
    form_class = modelform_factory(Announcement, AnnouncementForm, fields=names[1:])
    form_class.staff, form_class.audiences = facilitator, audience_choices(facilitator, None)
    written = {"audience": f"team-{team.pk}", "subject": "Rooms", "body": "They are booked."}
    assert form_class(written).is_valid()
    assert message in str(form_class(written | entered).errors)


def test_announcement_that_is_refused_is_kept(client, team):
    page = form_of(client.get(ADD)).submit(client, "Save and preview", subject="", body="Booked.")
    assert "Enter the subject" in visible_text(page)
    assert form_of(page).fields["body"] == "Booked."
    assert not Announcement.objects.exists()


def test_what_goes_to_a_meeting_is_not_public(client, team):
    meeting = make_meeting(team)
    form = form_of(client.get(f"{ADD}?meeting={meeting.pk}"))
    assert form.fields["audience"] == f"meeting-{meeting.pk}"
    page = form.submit(
        client,
        "Save and preview",
        subject="Parking",
        body="Behind.",
        audience=f"meeting-{meeting.pk}",
    )
    assert Announcement.objects.get().meeting == meeting
    assert "Nobody would get this email" in visible_text(page)
    values = form.fields | {"subject": "Other", "body": "Behind.", "is_public": "on", "_save": "1"}
    page = client.post(form.action, values)
    assert "Only an announcement to one team can be on a public page" in visible_text(page)


def test_choices_are_own_teams_and_meetings_that_are_not_long_over(
    client, client_for, administrator, team, other_team
):
    now = timezone.now()
    old, recent, to_come = (
        make_meeting(team, title=title, starts_at=now + timedelta(days=days), status=status)
        for title, days, status in [
            ("Old", -90, "held"), ("Recent", -5, "held"), ("To come", 5, "announced"),
        ]
    )  # fmt: skip
    make_meeting(team, title="Draft", status="draft")
    make_meeting(other_team, title="Others")

    def offered(person_client, query="") -> str:
        page = person_client.get(f"{ADD}{query}").content.decode()
        return page[page.index('name="audience"') : page.index("</select>")]

    own = offered(client)
    assert f'value="team-{team.pk}" selected' in own
    assert f"team-{other_team.pk}" not in own
    assert f"meeting-{recent.pk}" in own
    assert f"meeting-{to_come.pk}" in own
    assert "Draft" not in own
    assert "Others" not in own
    assert 'value="all"' not in own
    assert f"meeting-{old.pk}" not in own
    assert f'value="meeting-{old.pk}" selected' in offered(client, f"?meeting={old.pk}")
    everything = offered(client_for(administrator))
    assert 'value="all"' in everything
    assert f"team-{other_team.pk}" in everything


def test_address_that_names_nothing_opens_the_form(client, team):
    for query in (f"?team=x&meeting={'9' * 20}", "?team=999999&meeting=x"):
        assert client.get(f"{ADD}{query}").status_code == 200


def test_draft_that_someone_else_changed_is_not_overwritten(client, draft):
    form = form_of(client.get(record_url(draft)))
    Announcement.objects.filter(pk=draft.pk).update(body="Changed by another.")
    page = form.submit(client, "Save as a draft", subject="Mine")
    assert "Someone else changed this announcement" in visible_text(page)
    assert form_of(page).fields["subject"] == "Mine"
    form_of(page).submit(client, "Save as a draft", follow=False)
    draft.refresh_from_db()
    assert (draft.subject, draft.body) == ("Mine", "They are booked.")


def test_text_typed_while_someone_sends_comes_back(client, draft, facilitator):
    form = form_of(client.get(record_url(draft)))
    Announcement.objects.filter(pk=draft.pk).update(
        status="sent", sent_at=timezone.now(), sent_by=facilitator
    )
    page = form.submit(client, "Save as a draft", body="Typed for an hour.")
    assert page.status_code == 409
    assert "Typed for an hour.</textarea>" in page.content.decode()
    draft.refresh_from_db()
    assert draft.body != "Typed for an hour."


# Sending ---------------------------------------------------------------------------------------


def test_preview_shows_the_email_as_one_recipient_and_who_gets_it(
    client, draft, member, colleague, facilitator
):
    page = client.get(action_url("send", draft))
    text = visible_text(page)
    assert "2 people get the email. You can undo it for two minutes" in text
    assert f"To {member.email}" in text
    assert '"Fay Facilitator via Collaborative" <portal@example.org>' in text
    assert f"Replies go to {facilitator.email} Everyone who gets the email sees" in text
    assert "They are booked." in text
    # With the link of the person anyone could stop their emails.
    assert "/emails/ey" not in page.content.decode()
    assert "frame-src 'self'" in page["Content-Security-Policy"]
    html = client.get(f"{ANNOUNCEMENTS}{draft.pk}/email.html")
    assert "They are booked." in html.content.decode()
    assert "script-src 'none'" in html["Content-Security-Policy"]
    assert html["X-Frame-Options"] == "SAMEORIGIN"
    assert not Email.objects.exists()
    assert not AnnouncementRecipient.objects.exists()


def test_preview_of_those_who_come_shows_nobody_whom_the_reader_does_not_see(
    client, team, outsider, facilitator
):
    meeting = make_meeting(team)
    Attendance.objects.create(
        meeting=meeting, member=outsider, answer="online", answered_at=timezone.now()
    )
    draft = make_announcement(None, facilitator, meeting=meeting, status="draft")
    page = client.get(action_url("send", draft))
    assert "1 person gets the email" in visible_text(page)
    assert outsider.email not in page.content.decode()
    assert facilitator.email in page.content.decode()


def test_preview_costs_the_same_queries_for_one_and_three(
    client, draft, member, organization, team, django_assert_num_queries
):
    client.get(action_url("send", draft))
    for number in range(2):
        with django_assert_num_queries(13):
            client.get(action_url("send", draft))
        for extra in "ab":
            make_active_member(f"{extra}{number}@rush.example", organization, "Mo", team)


def test_test_goes_to_the_writer_and_the_page_remains(client, draft, member, facilitator):
    url = f"{ANNOUNCEMENTS}{draft.pk}/test/"
    assert f'formaction="{url}"' in client.get(action_url("send", draft)).content.decode()
    page = client.post(url, follow=True)
    assert f"A test is on its way to {facilitator.email}" in messages_of(page)[0]
    assert Email.objects.get().to == [facilitator.email]
    assert action_form(page).buttons.keys() >= {SEND}
    # A GET sends nothing.
    client.get(url)
    assert Email.objects.count() == 1


def test_announcement_changed_since_the_preview_is_not_sent(client, draft, member):
    form = action_form(client.get(action_url("send", draft)))
    Announcement.objects.filter(pk=draft.pk).update(body="Changed by another.")
    page = form.submit(client, SEND, follow=False)
    assert "changed this announcement while you were reading it" in messages_of(page)[0]
    assert not Email.objects.exists()


def test_second_press_sends_nothing_again(client, draft, member):
    form = action_form(client.get(action_url("send", draft)))
    form.submit(client, SEND, follow=False)
    form.submit(client, SEND, follow=False)
    assert Email.objects.count() == AnnouncementRecipient.objects.count() == 1
    results = [item.result_message for each in Decision.objects.all() for item in each.items.all()]
    assert any("was sent on" in result for result in results)
    assert "Nothing here can be decided this way" in visible_text(
        client.get(action_url("send", draft))
    )


def test_sending_is_undone_by_one_press(client, draft, member):
    sent = action_form(client.get(action_url("send", draft))).submit(client, SEND)
    (undo,) = [form for form in forms_of(sent) if "Undo" in form.buttons]
    undo.submit(client, "Undo", follow=False)
    draft.refresh_from_db()
    assert draft.is_draft
    assert not Email.objects.exists()
    assert form_of(client.get(record_url(draft))).fields["body"] == "They are booked."


def test_several_announcements_are_not_sent_at_once(client, draft, facilitator, team):
    other = make_announcement(team, facilitator, status="draft", subject="Other")
    page = client.get(selection_url(client, "send", draft, other))
    assert "Send one announcement at a time" in visible_text(page)


# Who may ---------------------------------------------------------------------------------------


def test_others_neither_see_nor_touch_an_announcement(client_for, other_facilitator, member, draft):
    client = client_for(other_facilitator)
    urls = [
        record_url(draft),
        *(action_url(name, draft) for name in ("send", "stop", "delete")),
        *(f"{ANNOUNCEMENTS}{draft.pk}/{name}" for name in ("test/", "email.html", "history/")),
    ]
    for url in urls:
        assert client.get(url).status_code in {302, 403, 404}
        assert client.post(url, {"subject": "Mine"}).status_code in {302, 403, 404}
    assert not Email.objects.exists()
    draft.refresh_from_db()
    assert draft.is_draft
    assert "Rooms" not in client.get(ANNOUNCEMENTS).content.decode()
    assert client_for(member).post(action_url("send", draft)).status_code == 403
    assert "Rooms" not in client.get("/admin/search/?q=rooms").content.decode()


def test_search_of_the_desk_finds_announcements(client, draft):
    page = visible_text(client.get("/admin/search/?q=interviews"))
    assert "Rooms for the interviews Draft, Members of Education" in page


# Results ---------------------------------------------------------------------------------------


@pytest.fixture
def sent(draft, member, colleague, facilitator) -> Announcement:
    send_announcement(draft, by=facilitator)
    first, second = Email.objects.order_by("pk")
    record_outcome(first, Outcome.SENT)
    record_outcome(second, Outcome.SKIPPED, "left the team")
    draft.refresh_from_db()
    return draft


def test_results_name_each_person_with_the_reason(client, sent):
    page = client.get(record_url(sent))
    text = visible_text(page)
    assert "1 not sent 1 sent" in text
    assert "Maria Member sent" in text
    assert "Colin Colleague not sent: left the team" in text
    skipped = visible_text(client.get(f"{record_url(sent)}?outcome=skipped"))
    assert "Colin Colleague" in skipped
    assert "Maria Member" not in skipped
    for query in ("?outcome=zebra&page=zebra", "?outcome=failed&page=-1"):
        assert client.get(f"{record_url(sent)}{query}").status_code == 200
    assert "body" not in {name for form in forms_of(page) for name in form.fields}


def test_results_count_people_whom_the_reader_does_not_see(
    client, client_for, team, outsider, member, facilitator, administrator
):
    meeting = make_meeting(team)
    for person in (outsider, member):
        Attendance.objects.create(
            meeting=meeting, member=person, answer="online", answered_at=timezone.now()
        )
    sent = make_announcement(None, facilitator, meeting=meeting, status="draft")
    send_announcement(sent, by=facilitator)
    page = client.get(record_url(sent))
    assert "Olga Outsider" not in page.content.decode()
    assert "1 more person is only counted: not in your teams" in visible_text(page)
    assert "Olga Outsider" in client_for(administrator).get(record_url(sent)).content.decode()


def test_results_do_not_name_who_has_stopped_these_emails(client, sent, member, colleague):
    for person, reason in (
        (member, "stopped these emails"),
        (colleague, "chose the monthly summary"),
    ):
        sent.recipients.filter(member=person).update(outcome="skipped", reason=reason)
    page = visible_text(client.get(record_url(sent)))
    assert member.full_name not in page
    assert colleague.full_name not in page
    assert "2 more people are only counted" in page


def test_sent_announcement_can_be_taken_off_the_public_page(client, sent, facilitator):
    Announcement.objects.filter(pk=sent.pk).update(is_public=True)
    (form,) = [form for form in forms_of(client.get(record_url(sent))) if "version" in form.fields]
    assert form.fields.pop("is_public") == "on"
    form.submit(client, "Save", follow=False)
    sent.refresh_from_db()
    assert (sent.is_public, sent.status, sent.body) == (False, "sent", "They are booked.")


def test_record_without_anything_to_change_is_no_form(client, administrator):
    to_all = make_announcement(None, administrator)
    client.force_login(administrator)
    page = client.get(record_url(to_all))
    assert "They are booked." in visible_text(page)
    assert 'id="announcement_form"' not in page.content.decode()


def test_stop_is_offered_while_emails_wait(client, draft, member, facilitator):
    send_announcement(draft, by=facilitator)
    page = client.get(action_url("stop", draft))
    assert "1 email has not been sent yet." in visible_text(page)
    stopped = action_form(page).submit(client, "Stop the emails")
    assert "1 email was not sent" in messages_of(stopped)[0]
    assert "not sent: the announcement was stopped" in visible_text(stopped)
    assert "Stop the emails" not in visible_text(client.get(record_url(draft)))


def test_old_announcement_keeps_the_counts_without_people(client, sent, facilitator):
    assert delete_old_recipients() == 0
    long_ago = timezone.now() - timedelta(days=181)
    Announcement.objects.filter(pk=sent.pk).update(sent_at=long_ago)
    assert delete_old_recipients() == 1
    assert not AnnouncementRecipient.objects.exists()
    text = visible_text(client.get(record_url(sent)))
    assert "1 not sent 1 sent" in text
    assert "Maria Member" not in text
    assert "The list of recipients is no longer stored" in text
    assert "1 sent, 1 not sent" in visible_text(client.get(ANNOUNCEMENTS))
    assert delete_old_recipients() == 0


def test_list_costs_the_same_queries_for_one_and_three(
    client, team, facilitator, member, django_assert_num_queries
):
    client.get(ANNOUNCEMENTS)
    for number in (1, 2):
        send_announcement(
            make_announcement(team, facilitator, status="draft", subject=f"N{number}"),
            by=facilitator,
        )
        make_announcement(None, facilitator, meeting=make_meeting(team), subject=f"M{number}")
        with django_assert_num_queries(8):
            client.get(ANNOUNCEMENTS)


def test_list_is_filtered_and_exported(client, sent, team, facilitator):
    make_announcement(team, facilitator, status="draft", subject="Unfinished")
    for query, subjects in [
        ("status__exact=draft", {"Unfinished"}),
        (f"team={team.slug}&status__exact=sent", {"Rooms for the interviews"}),
        ("to=meeting", set()),
        ("q=booked", {"Rooms for the interviews", "Unfinished"}),
    ]:
        assert {row.subject for row in listed(Announcement, facilitator, query)} == subjects
    response = client.post(f"{ANNOUNCEMENTS}export/?status__exact=sent", {"format": "csv"})
    rows = b"".join(response).decode("utf-8-sig").splitlines()
    assert rows[0].startswith(
        "Subject,To,State,Sent,Sent by,Stopped,Emails sent,Waiting to be sent"
    )
    assert ",Fay Facilitator,,1,0,1,0,0,0,0,no," in rows[1]
    assert len(rows) == 2


def test_meetings_and_teams_lead_to_writing(client, client_for, member, team):
    meeting = make_meeting(team)
    roster = f"/teams/{team.slug}/members/"
    assert ADD not in client_for(member).get(roster).content.decode()
    for url, link in [
        (roster, f"{ADD}?team={team.pk}"),
        (f"/admin/teams/meeting/{meeting.pk}/change/", f"{ADD}?meeting={meeting.pk}"),
        (f"/admin/teams/actionteam/{team.pk}/change/", f"{ADD}?team={team.pk}"),
    ]:
        assert f'href="{link}"' in client.get(url).content.decode()
