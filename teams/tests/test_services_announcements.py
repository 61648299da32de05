"""Announcements: who gets one, who does not and why, and what can happen to one."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from post_office.models import PRIORITY, STATUS, Email

from conftest import make_active_member, make_member
from members.models import Bounce, Decision
from members.services import Refused, undo_decision
from teams import actions
from teams.models import (
    Announcement,
    AnnouncementRecipient,
    Attendance,
    EmailChoice,
    Membership,
    TeamEmail,
)
from teams.services import (
    audience_of,
    change_announcement,
    close_account,
    create_announcement,
    delete_announcement,
    delete_meeting,
    end_membership,
    merge_members,
    record_outcome,
    send_announcement,
    send_test,
    stop_announcement,
)
from teams.services.announcements import content_version
from teams.services.email_choices import choose_emails
from teams.services.team_emails import Reason, why_not_to_send
from teams.tests.announcements import make_announcement
from teams.tests.meetings import make_meeting

pytestmark = pytest.mark.django_db
KIND = EmailChoice.Kind.ANNOUNCEMENTS
Wants = EmailChoice.Wants
Outcome = AnnouncementRecipient.Outcome


@pytest.fixture
def draft(team, facilitator) -> Announcement:
    return make_announcement(team, facilitator, status="draft")


def addresses() -> set[str]:
    return {email.to[0] for email in Email.objects.all()}


def outcomes(announcement) -> list[tuple[str, str]]:
    return list(announcement.recipients.order_by("pk").values_list("outcome", "reason"))


def come(meeting, answer="in-person", **fields) -> Attendance:
    return Attendance.objects.create(
        meeting=meeting, answer=answer, answered_at=timezone.now(), **fields
    )


# Who gets it ---------------------------------------------------------------------------------


def test_audience_of_a_team_counts_who_stopped_and_who_has_the_summary(
    draft, member, colleague, applicant, outsider, organization, team
):
    for name, wants in [("Ned", Wants.NONE), ("Mo", Wants.MONTHLY)]:
        person = make_active_member(f"{name}@rush.example", organization, name, team)
        choose_emails(person, {(team.pk, KIND): wants})
    recipients = audience_of(draft)
    assert [each.member for each in recipients.each] == [member, colleague]
    assert str(recipients) == (
        "2 people get the email, 1 in the monthly summary, 1 has stopped these emails"
    )


def test_audience_ignores_choices_of_other_kinds_and_teams(draft, member, team, other_team):
    choose_emails(
        member,
        {
            (team.pk, "meetings"): Wants.NONE,
            (other_team.pk, KIND): Wants.NONE,
            (None, KIND): "none",
        },
    )
    assert audience_of(draft).number == 1


def test_audience_of_all_teams_is_each_member_once(member, outsider, team, administrator):
    Membership.objects.create(
        member=outsider, team=team, status="active", origin="added", requested_at=timezone.now(),
        decided_at=timezone.now(),
    )  # fmt: skip
    to_all = make_announcement(None, administrator, status="draft")
    assert [each.member for each in audience_of(to_all).each] == [member, outsider]
    choose_emails(member, {(None, KIND): Wants.NONE})
    assert audience_of(to_all).number == 1


def test_audience_of_a_meeting_is_who_comes_also_guests_and_who_waits(
    member, colleague, outsider, organization, team, facilitator
):
    meeting = make_meeting(team)
    come(meeting, member=member)
    come(meeting, member=outsider, answer="online")
    come(meeting, member=colleague, answer="no")
    waiting = make_member("w@rush.example", organization, "Wes Waits")
    come(meeting, member=waiting, waiting_since=timezone.now())
    guest = come(meeting, guest_name="Gus Guest", guest_email="gus@asker.example")
    come(meeting, guest_name="Maria", guest_email=member.email)
    # It is about their own answer, so that no choice stops it.
    choose_emails(member, {(team.pk, KIND): Wants.NONE})
    recipients = audience_of(make_announcement(None, facilitator, meeting=meeting, status="draft"))
    assert [each.member for each in recipients.each] == [member, outsider, waiting]
    assert recipients.guests == [guest]


def test_sent_announcement_is_one_email_each_with_the_sender_and_own_links(
    draft, member, colleague, facilitator, team
):
    recipients = send_announcement(draft, by=facilitator)
    assert recipients.number == 2
    first, second = Email.objects.order_by("pk")
    assert (first.to, second.to) == ([member.email], [colleague.email])
    for email in (first, second):
        assert (email.cc, email.bcc, email.priority) == ([], [], PRIORITY.low)
        assert email.from_email == '"Fay Facilitator via Collaborative" <portal@example.org>'
        assert email.headers["Reply-To"] == facilitator.email
        assert email.headers["Auto-Submitted"] == "no"
        assert email.headers["List-Unsubscribe"].strip("<>") in email.message
    assert first.headers["List-Unsubscribe"] != second.headers["List-Unsubscribe"]
    assert outcomes(draft) == [("queued", ""), ("queued", "")]
    draft.refresh_from_db()
    assert (draft.status, draft.sent_by) == ("sent", facilitator)


@pytest.mark.parametrize(
    ("reason", "words"),
    [(Reason.BOUNCED, "1 cannot be reached"), (Reason.ON_HOLD, "1 account is on hold")],
)
def test_sent_announcement_counts_and_stores_whom_it_cannot_reach(
    draft, member, colleague, facilitator, reason, words
):
    (bounce if reason == Reason.BOUNCED else hold)(member, facilitator, draft)
    recipients = send_announcement(draft, by=facilitator)
    assert str(recipients).startswith(f"1 person gets the email, {words}")
    assert addresses() == {colleague.email}
    assert (Outcome.SKIPPED, reason) in outcomes(draft)


def test_audience_of_a_meeting_counts_accounts_on_hold(member, team, facilitator):
    meeting = make_meeting(team)
    come(meeting, member=member)
    hold(member, facilitator, None)
    draft = make_announcement(None, facilitator, meeting=meeting, status="draft")
    assert str(audience_of(draft)) == (
        "0 people get the email, 1 account is on hold until a move is decided"
    )


def test_announcement_to_guests_has_no_link_to_stop_it(member, team, facilitator):
    meeting = make_meeting(team)
    come(meeting, guest_name="Gus Guest", guest_email="gus@asker.example")
    draft = make_announcement(None, facilitator, meeting=meeting, status="draft")
    send_announcement(draft, by=facilitator)
    (email,) = Email.objects.all()
    assert email.to == ["gus@asker.example"]
    assert "List-Unsubscribe" not in email.headers
    assert "you said that you will come to Winter" in " ".join(email.message.split())


@pytest.mark.parametrize("number", [1, 3])
def test_sending_costs_the_same_queries_for_one_and_three(
    draft, member, organization, team, facilitator, number, django_assert_num_queries
):
    for extra in range(number - 1):
        make_active_member(f"m{extra}@rush.example", organization, "Mo", team)
    with django_assert_num_queries(17):
        send_announcement(draft, by=facilitator)


@pytest.mark.parametrize(
    ("name", "sender"),
    [
        ('Ana "The <Boss>" Ex\\ample', '"Ana The Boss Example via Collaborative"'),
        ("Zoë Łukasz, RN", '"Zoë Łukasz, RN via Collaborative"'),
        ("A" * 120, f'"{"A" * 80} via Collaborative"'),
    ],
)
def test_sender_is_one_address_whatever_the_name(draft, member, facilitator, name, sender):
    facilitator.full_name = name
    facilitator.save()
    send_announcement(draft, by=facilitator)
    email = Email.objects.get()
    assert email.from_email == f"{sender} <portal@example.org>"
    # Django makes the header of it.
    header = email.email_message().message()["From"]
    assert header.count("@") == 1


# Who gets none after all -----------------------------------------------------------------------


def leave(member, facilitator, draft) -> None:
    end_membership(Membership.objects.get(member=member), by=facilitator, reason="Left.")


def stop(member, facilitator, draft) -> None:
    choose_emails(member, {(draft.team_id, KIND): Wants.NONE})


def change_to_monthly(member, facilitator, draft) -> None:
    choose_emails(member, {(draft.team_id, KIND): Wants.MONTHLY})


def close(member, facilitator, draft) -> None:
    type(member).objects.filter(pk=member.pk).update(is_active=False)


def hold(member, facilitator, draft) -> None:
    type(member).objects.filter(pk=member.pk).update(is_active=False, held_at=timezone.now())


def change_address(member, facilitator, draft) -> None:
    type(member).objects.filter(pk=member.pk).update(email="maria@new-employer.example")


def bounce(member, facilitator, draft) -> None:
    Bounce.objects.create(member=member, address=member.email)


def stop_all(member, facilitator, draft) -> None:
    stop_announcement(draft, by=facilitator)


def test_why_not_to_send_an_announcement_after_a_change(draft, member, colleague, facilitator):
    send_announcement(draft, by=facilitator)
    first, second = Email.objects.order_by("pk")
    assert why_not_to_send(first) == ""
    for change, reason in (
        (leave, Reason.LEFT),
        (stop, Reason.STOPPED),
        (change_to_monthly, Reason.MONTHLY),
        (close, Reason.CLOSED),
        (hold, Reason.ON_HOLD),
        (change_address, Reason.ADDRESS_CHANGED),
        (bounce, Reason.BOUNCED),
        (stop_all, Reason.ANNOUNCEMENT_STOPPED),
    ):
        with transaction.atomic():
            change(member, facilitator, draft)
            assert why_not_to_send(first) == reason
            assert (why_not_to_send(second) == "") == (change is not stop_all)
            transaction.set_rollback(True)


def test_why_not_to_send_to_who_no_longer_comes_to_the_meeting(member, team, facilitator):
    meeting = make_meeting(team)
    answers = [
        come(meeting, member=member),
        come(meeting, guest_name="Gus Guest", guest_email="gus@asker.example"),
    ]
    draft = make_announcement(None, facilitator, meeting=meeting, status="draft")
    send_announcement(draft, by=facilitator)
    emails = list(Email.objects.order_by("pk"))
    assert [why_not_to_send(email) for email in emails] == ["", ""]
    for answer in answers:
        Attendance.objects.filter(pk=answer.pk).update(answer="no")
    assert [why_not_to_send(email) for email in emails] == [Reason.NOT_COMING] * 2
    # Erased, as guests are some time after the meeting.
    Attendance.objects.filter(pk=answers[1].pk).update(answer="in-person", guest_email="")
    assert why_not_to_send(emails[1]) == Reason.NOT_COMING


def test_two_accounts_that_become_one_get_one_email(
    draft, member, colleague, facilitator, administrator
):
    send_announcement(draft, by=facilitator)
    to_member, to_colleague = Email.objects.order_by("pk")
    merge_members(colleague, member, by=administrator)
    assert why_not_to_send(to_member) == ""
    assert why_not_to_send(to_colleague) == Reason.OTHER_ADDRESS


def test_result_says_that_an_account_was_closed(draft, member, colleague, facilitator):
    send_announcement(draft, by=facilitator)
    close_account(member)
    assert outcomes(draft) == [("skipped", Reason.CLOSED), ("queued", "")]
    assert colleague.email in addresses()


# What can happen to it -----------------------------------------------------------------------


def test_create_announcement_stores_a_draft_with_history(team, facilitator):
    written = create_announcement(
        Announcement(team=team, subject="Rooms", body="They are booked."), by=facilitator
    )
    assert (written.status, written.written_by) == ("draft", facilitator)
    assert written.history.get().history_change_reason == "written"
    assert not Email.objects.exists()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"subject": " "}, "Enter a subject"),
        ({"body": "\u200b \n"}, "Enter the text"),
        ({"team": None}, "You cannot write to this audience: Members of all teams"),
        ({"team": "other"}, "You cannot write to this audience: Members of Hiring"),
        ({"team": None, "meeting": "other"}, "You cannot write to this audience: Attendees of"),
        ({"meeting": "own"}, "not to both"),
        ({"team": None, "meeting": "own", "is_public": True}, "Only an announcement to one team"),
    ],
)
def test_announcement_that_makes_no_sense_is_refused(
    team, other_team, facilitator, fields, message
):
    things = {
        "other": make_meeting(other_team) if "meeting" in fields else other_team,
        "own": make_meeting(team),
    }
    fields = {name: things.get(value, value) for name, value in fields.items()}
    announcement = Announcement(**{"team": team, "subject": "Rooms", "body": "Booked.", **fields})
    with pytest.raises(Refused, match=message):
        create_announcement(announcement, by=facilitator)
    assert not Announcement.objects.exists()


def test_member_and_facilitator_of_another_team_do_nothing(draft, member, other_facilitator):
    for person in (member, other_facilitator):
        for step in (send_announcement, change_announcement, delete_announcement):
            with pytest.raises(Refused, match="cannot write to this audience"):
                step(draft, by=person)
        with pytest.raises(Refused, match="cannot write"):
            send_test(draft, to=person)
    assert not Email.objects.exists()


def test_sent_announcement_is_neither_sent_again_nor_changed_nor_deleted(
    draft, member, facilitator
):
    send_announcement(draft, by=facilitator)
    for step in (send_announcement, delete_announcement):
        with pytest.raises(Refused, match="was sent on"):
            step(draft, by=facilitator)
    with pytest.raises(Refused, match="was sent on"):
        change_announcement(draft, by=facilitator, body="Other")
    assert Email.objects.count() == 1
    # What is on public pages can be taken off them.
    assert change_announcement(draft, by=facilitator, is_public=True).is_public


def test_text_that_changed_since_it_was_read_is_not_sent(draft, member, facilitator):
    version = content_version(draft)
    change_announcement(draft, by=facilitator, body="They are not booked.")
    with pytest.raises(Refused, match="changed this announcement while you were reading"):
        send_announcement(draft, by=facilitator, version=version)
    assert not Email.objects.exists()


def test_announcement_that_nobody_would_get_is_refused(draft, facilitator, member, team):
    choose_emails(member, {(team.pk, KIND): Wants.NONE})
    with pytest.raises(Refused, match="Nobody would get"):
        send_announcement(draft, by=facilitator)
    choose_emails(member, {(team.pk, KIND): Wants.MONTHLY})
    send_announcement(draft, by=facilitator)
    draft.refresh_from_db()
    assert (draft.monthly_number, draft.stopped_number) == (1, 0)
    assert not Email.objects.exists()


def test_announcement_of_a_draft_team_is_not_sent(draft, member, facilitator, team):
    type(team).objects.filter(pk=team.pk).update(state="draft")
    with pytest.raises(Refused, match="not published yet"):
        send_announcement(draft, by=facilitator)


def test_test_goes_to_the_writer_alone_at_once_and_leaves_the_draft(draft, member, facilitator):
    send_test(draft, to=facilitator)
    (email,) = Email.objects.all()
    assert (email.to, email.priority) == ([facilitator.email], PRIORITY.medium)
    assert email.subject == "Test: Rooms for the interviews"
    assert "List-Unsubscribe" not in email.headers
    assert why_not_to_send(email) == ""
    draft.refresh_from_db()
    assert draft.is_draft
    assert not draft.recipients.exists()


def decide(draft, by, action="send") -> Decision:
    decision = Decision.objects.create(
        by=by, model_label="teams.announcement", action=action, title=action, form_data={}
    )
    decision.items.create(object_id=draft.pk)
    actions.process_decision(decision, seconds=60)
    return decision


@pytest.mark.both_databases
def test_undone_announcement_is_a_draft_again_and_can_be_sent_again(draft, member, facilitator):
    decision = decide(draft, facilitator)
    email = Email.objects.get()
    assert email.scheduled_time > timezone.now() + timedelta(minutes=2)
    undo_decision(decision, by=facilitator)
    actions.process_decision(decision, seconds=60)
    draft.refresh_from_db()
    assert draft.is_draft
    assert (draft.sent_at, draft.sent_by, draft.body) == (None, None, "They are booked.")
    assert not Email.objects.exists()
    assert not TeamEmail.objects.exists()
    assert not AnnouncementRecipient.objects.exists()
    decide(draft, facilitator)
    assert Email.objects.count() == 1


def test_undo_within_the_two_minutes_after_a_stop_makes_it_a_draft(draft, member, facilitator):
    decision = decide(draft, facilitator)
    stop_announcement(draft, by=facilitator)
    undo_decision(decision, by=facilitator)
    actions.process_decision(decision, seconds=60)
    draft.refresh_from_db()
    assert (draft.status, draft.stopped_at) == ("draft", None)


def test_undo_is_refused_once_an_email_has_left(draft, member, colleague, facilitator):
    decision = decide(draft, facilitator)
    record_outcome(Email.objects.first(), Outcome.SENT)
    undo_decision(decision, by=facilitator)
    actions.process_decision(decision, seconds=60)
    assert "have already been sent" in decision.items.get().result_message
    assert Announcement.objects.get().status == "sent"


def test_stop_keeps_what_was_sent_and_counts_the_rest(draft, member, colleague, facilitator):
    send_announcement(draft, by=facilitator)
    first, second = Email.objects.order_by("pk")
    record_outcome(first, Outcome.SENT)
    Email.objects.filter(pk=first.pk).update(status=STATUS.sent)
    assert stop_announcement(draft, by=facilitator) == 1
    assert outcomes(draft) == [("sent", ""), ("skipped", Reason.ANNOUNCEMENT_STOPPED)]
    with pytest.raises(Refused, match="was stopped on"):
        stop_announcement(draft, by=facilitator)
    # The mail worker was sending it when it was stopped.
    record_outcome(second, Outcome.SENT)
    assert outcomes(draft)[1] == ("sent", "")


def test_meeting_with_an_announcement_is_not_deleted(team, facilitator):
    meeting = make_meeting(team, status="draft")
    draft = make_announcement(None, facilitator, meeting=meeting, status="draft")
    with pytest.raises(Refused, match="Delete it first"):
        delete_meeting(meeting, by=facilitator)
    delete_announcement(draft, by=facilitator)
    delete_meeting(meeting, by=facilitator)


def test_stop_is_refused_for_a_draft_and_when_all_have_left(draft, member, facilitator):
    with pytest.raises(Refused, match="is a draft"):
        stop_announcement(draft, by=facilitator)
    send_announcement(draft, by=facilitator)
    record_outcome(Email.objects.get(), Outcome.SENT)
    with pytest.raises(Refused, match="have already been sent"):
        stop_announcement(draft, by=facilitator)
    draft.refresh_from_db()
    assert draft.stopped_at is None
