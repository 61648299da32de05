"""Emails from teams in the mail worker: after all others, at their pace, each only if right."""

import re
from collections import Counter
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from post_office.models import PRIORITY, STATUS, Email

from collaborative.monitoring.health import queue_age_seconds
from collaborative.operations.mail_worker import MailWorker
from collaborative.tests.conftest import put, statuses
from conftest import make_active_member
from members.history.decisions import process_items
from members.models import Decision, Member
from members.services import create_decision
from teams import actions
from teams.models import Announcement, Meeting, Membership, TeamEmail
from teams.services import close_account, leave_team
from teams.services.colleague_invitations import invite_colleague
from teams.services.email_choices import choose_emails, stop_link, stop_url
from teams.services.invitation_refusals import address_hashes, refuse_invitations
from teams.services.meeting_emails import email_announced
from teams.tests.announcements import make_announcement
from teams.tests.meetings import make_meeting


@pytest.fixture
def many(organization, team) -> list[Member]:
    """40 members of the team."""
    now = timezone.now()
    people = Member.objects.bulk_create(
        Member(email=f"m{number}@rush.example", full_name=f"Mo{number} Many")
        for number in range(40)
    )
    Membership.objects.bulk_create(
        Membership(
            member=person, team=team, status="active", origin="requested", decided_at=now,
            requested_at=now,
        )
        for person in people
    )  # fmt: skip
    return people


@pytest.mark.django_db
def test_code_leaves_next_while_invitations_wait(smtp, clock, settings, many, team):
    settings.EMAILS_PER_MINUTE = 3
    email_announced(make_meeting(team, starts_at=clock() + timedelta(days=14)))
    worker = MailWorker()
    assert [worker.send_next() is not None for _ in range(5)] == [True, True, True, False, False]
    put("Code", priority=PRIORITY.high)
    put("Decision")
    worker.send_next()
    worker.send_next()
    assert smtp.subjects()[3:] == ["Code", "Decision"]
    clock.sleep(59)
    assert worker.send_next() is None
    clock.sleep(2)
    put("Code 2", priority=PRIORITY.high)
    # Also while one more invitation may leave.
    worker.send_next()
    worker.send_next()
    assert smtp.subjects()[5] == "Code 2"
    assert smtp.subjects()[6].startswith("Winter meeting")
    assert statuses() == {STATUS.queued: 36, STATUS.sent: 7}


@pytest.mark.django_db
def test_email_that_is_no_longer_right_is_deleted_and_logged(
    smtp, clock, caplog, member, colleague, team
):
    email_announced(make_meeting(team, starts_at=clock() + timedelta(days=14)))
    choose_emails(member, {(team.pk, "meetings"): "none"})
    key = Email.objects.order_by("pk")[0].pk
    caplog.set_level("INFO")
    MailWorker().run_once()
    assert [message["To"] for message in smtp.taken] == [colleague.email]
    assert f"Email {key} no longer applies (stopped these emails); deleted" in caplog.messages
    assert statuses() == {STATUS.sent: 1}
    assert TeamEmail.objects.count() == 1


@pytest.mark.django_db
def test_sent_email_has_the_headers(smtp, clock, member, team):
    email_announced(make_meeting(team, starts_at=clock() + timedelta(days=14)))
    MailWorker().run_once()
    (message,) = smtp.taken
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Reply-To"] == "help@example.org"
    assert message["List-Unsubscribe"].strip().startswith("<http://127.0.0.1:8000/emails/")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


class Killed(BaseException):
    """As a kill, which no handler of exceptions sees."""


class DyingWorker(MailWorker):
    """It dies after the mail server took every fifth email, and before that is marked."""

    def _mark_sent(self, email: Email) -> None:
        if len(mail.outbox) % 5 == 0:
            raise Killed
        super()._mark_sent(email)


@pytest.mark.django_db
def test_worker_killed_during_announcements_repeats_one_for_each_kill(
    clock, settings, many, team, facilitator, administrator
):
    """Nobody is without, but for who left or stopped within the two minutes: they get nothing."""
    settings.EMAILS_PER_MINUTE = 10_000
    backend = "django.core.mail.backends.locmem.EmailBackend"
    settings.POST_OFFICE = {**settings.POST_OFFICE, "BACKENDS": {"default": backend}}
    # `make faults` does it with 500, and kills processes.
    draft = make_announcement(team, facilitator, status="draft")
    decision = create_decision(
        Announcement, "send", title="Send", keys=[draft.pk], form_data={}, can_be_undone=True,
        by=facilitator,
    )  # fmt: skip
    assert actions.process_decision(decision, seconds=60)
    MailWorker().run_once()
    assert mail.outbox == []
    leaves, stops, presses, monthly, closes = many[:5]
    clock.sleep(60)
    leave_team(leaves.memberships.get())
    choose_emails(stops, {(team.pk, "announcements"): "none"})
    stop_link(stop_url(presses.pk, team.pk, "announcements").split("/")[4]).choose("none")
    choose_emails(monthly, {(team.pk, "announcements"): "monthly"})
    close_account(closes)
    Email.objects.filter(team_email=None).delete()
    clock.sleep(90)
    kills = 0
    while Email.objects.filter(status=STATUS.queued).exists():
        try:
            DyingWorker().run_once()
        except Killed:
            kills += 1
    addresses = [address for message in mail.outbox for address in message.to]
    assert set(addresses) == {person.email for person in many[5:]}
    assert 5 < len(addresses) - len(set(addresses)) == kills
    assert len({message.extra_headers["Message-ID"] for message in mail.outbox}) == 35
    outcomes = Counter(draft.recipients.values_list("outcome", "reason"))
    assert outcomes == {
        ("sent", ""): 35,
        ("skipped", "left the team"): 1,
        ("skipped", "stopped these emails"): 2,
        ("skipped", "chose the monthly summary"): 1,
        ("skipped", "account closed"): 1,
    }


@pytest.mark.django_db
@pytest.mark.both_databases
def test_announcement_that_is_killed_is_either_all_or_nothing(many, team, facilitator, monkeypatch):
    meeting = make_meeting(team, status=Meeting.Status.DRAFT)
    action = actions.get_action(Meeting, "announce")
    decision = Decision.objects.create(
        by=facilitator, model_label="teams.meeting", action="announce", title="Announce"
    )
    decision.items.create(object_id=meeting.pk)

    def die(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(TeamEmail.objects, "bulk_create", die)
        with pytest.raises(Killed):
            process_items(
                decision,
                action.step(facilitator, {}),
                seconds=60,
                undo_rules=actions.undo_rules_of(decision),
            )
    assert not Email.objects.exists()
    assert Meeting.objects.get().status == Meeting.Status.DRAFT
    assert actions.process_decision(decision, seconds=60)
    assert Email.objects.count() == TeamEmail.objects.count() == 40
    assert Meeting.objects.get().status == Meeting.Status.ANNOUNCED


@pytest.mark.django_db
def test_invitations_that_wait_for_their_turn_are_not_late(clock, member, team):
    email_announced(make_meeting(team, starts_at=clock() + timedelta(days=14)))
    clock.sleep(3600)
    assert queue_age_seconds() == 0
    Email.objects.update(number_of_retries=1)
    assert queue_age_seconds() >= 3600


@pytest.mark.django_db
def test_person_whom_ten_colleagues_invite_gets_one_email(smtp, clock, organization, team):
    inviters = [
        make_active_member(f"m{number}@rush.example", organization, f"Mo{number} Many", team)
        for number in range(10)
    ]
    for inviter in inviters:
        invite_colleague("cora@lakeside.example", [team], "", by=inviter)
    refuse_invitations(address_hashes("no@lakeside.example")[0])
    invite_colleague("no@lakeside.example", [team], "", by=inviters[0])
    worker = MailWorker()
    while worker.send_next():
        pass
    (email,) = smtp.taken
    assert email["To"] == "cora@lakeside.example"
    assert email["Subject"] == "Mo0 Many invites you to Education"
    assert email["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(r"<\S+/invited/\S+/stop/>", email["List-Unsubscribe"].strip())
    assert statuses() == {STATUS.sent: 1}
