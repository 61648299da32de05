"""Announcements in the mail worker: what became of each email is stored with it, whatever happens
to the worker."""

import pytest
from post_office.models import STATUS, Email

from collaborative.operations.mail_worker import MailWorker
from conftest import make_active_member
from members.models import Member
from teams.models import Announcement, AnnouncementRecipient
from teams.services import send_announcement, stop_announcement
from teams.services.email_choices import choose_emails
from teams.tests.announcements import make_announcement

Outcome = AnnouncementRecipient.Outcome


@pytest.fixture
def people(organization, team) -> list[Member]:
    return [
        make_active_member(f"p{number}@rush.example", organization, f"P{number}", team)
        for number in range(4)
    ]


@pytest.fixture
def sent(people, team, facilitator) -> Announcement:
    announcement = make_announcement(team, facilitator, status="draft")
    send_announcement(announcement, by=facilitator)
    return announcement


def outcomes(announcement: Announcement) -> list[tuple[str, str]]:
    return list(announcement.recipients.order_by("pk").values_list("outcome", "reason"))


@pytest.mark.django_db
@pytest.mark.both_databases
def test_worker_stores_what_became_of_each_email(smtp, clock, people, sent, team):
    choose_emails(people[1], {(team.pk, "announcements"): "none"})
    smtp.answers[people[2].email] = "552 Mailbox full"
    MailWorker().run_once()
    assert outcomes(sent) == [
        ("sent", ""),
        ("skipped", "stopped these emails"),
        ("failed", "the mail server refused it (552)"),
        ("sent", ""),
    ]
    assert {message["To"] for message in smtp.taken} == {people[0].email, people[3].email}
    message = smtp.taken[0]
    assert message["From"] == '"Fay Facilitator via Collaborative" <portal@example.org>'
    assert (message["Reply-To"], message["Auto-Submitted"]) == ("fay@rush.example", "no")
    assert (message["Cc"], message["Bcc"]) == (None, None)


@pytest.mark.django_db
def test_outcome_is_open_while_an_email_is_tried_again(smtp, clock, people, sent):
    smtp.refusals = 4
    MailWorker().run_once()
    assert outcomes(sent) == [("queued", "")] * 4
    clock.sleep(60)
    MailWorker().run_once()
    assert outcomes(sent) == [("sent", "")] * 4


@pytest.mark.django_db
@pytest.mark.both_databases
def test_email_that_is_leaving_while_it_is_stopped_is_reported_as_sent(
    smtp, clock, people, sent, facilitator
):
    class SlowWorker(MailWorker):
        """The announcement is stopped after the mail server took the second email, and before the
        worker notes that."""

        def _mark_sent(self, email: Email) -> None:
            if len(smtp.taken) == 2:
                assert stop_announcement(sent, by=facilitator) == 3
            super()._mark_sent(email)

    SlowWorker().run_once()
    assert len(smtp.taken) == 2
    assert outcomes(sent) == [
        ("sent", ""),
        ("sent", ""),
        ("skipped", "the announcement was stopped"),
        ("skipped", "the announcement was stopped"),
    ]
    assert not Email.objects.filter(status=STATUS.queued).exists()


@pytest.mark.django_db
@pytest.mark.both_databases
def test_killed_worker_repeats_one_email_and_loses_no_outcome(smtp, clock, people, sent):
    class Killed(BaseException):
        """As a kill, which no handler of exceptions sees."""

    class DyingWorker(MailWorker):
        def _mark_sent(self, email: Email) -> None:
            raise Killed

    with pytest.raises(Killed):
        DyingWorker().run_once()
    assert outcomes(sent) == [("queued", "")] * 4
    MailWorker().run_once()
    assert outcomes(sent) == [("sent", "")] * 4
    assert sorted(message["To"] for message in smtp.taken) == sorted(
        [people[0].email, *(person.email for person in people)]
    )
