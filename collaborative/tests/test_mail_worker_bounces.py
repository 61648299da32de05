"""The envelope of emails as they leave, and what the mail server refuses at once."""

import pytest
from post_office.models import STATUS, Email

from collaborative.operations.mail_worker import MailWorker
from collaborative.tests.conftest import put, statuses
from members.bounce_addresses import find_token
from members.models import Bounce
from members.services import has_bounced
from members.tests.bounces import report
from teams.services.bounces import process_bounce

pytestmark = pytest.mark.django_db


@pytest.fixture
def _mailbox(settings) -> None:
    settings.BOUNCE_EMAIL = "bounces@portal.example.org"


@pytest.mark.usefixtures("_mailbox")
def test_email_to_a_member_comes_back_to_an_address_of_its_own(smtp, member, settings):
    email = put("Your next meeting")
    Email.objects.update(from_email='"Ana Example via Portal" <portal@example.org>')
    MailWorker().run_once()
    (message,), (envelope,) = smtp.taken, smtp.envelope_senders
    assert message["From"] == '"Ana Example via Portal" <portal@example.org>'
    assert message["To"] == member.email
    assert "bounces" not in message.as_string()
    token = find_token(envelope)
    assert (token.member_key, token.email_key) == (member.pk, email.pk)
    # As a mail server then reports it.
    assert process_bounce(report(envelope, address=member.email)).member == member


@pytest.mark.usefixtures("_mailbox")
def test_email_to_a_stranger_comes_back_to_the_portal_alone(smtp):
    put("Code")
    MailWorker().run_once()
    assert smtp.envelope_senders == ["portal@example.org"]


def test_email_without_a_mailbox_for_bounces_leaves_as_before(smtp, member):
    put("Your next meeting")
    MailWorker().run_once()
    assert smtp.envelope_senders == ["portal@example.org"]
    assert smtp.taken[0]["From"] == "portal@example.org"


@pytest.mark.parametrize(
    ("reply", "is_marked"),
    [
        ("550 5.1.1 <maria@rush.example>: no such user", True),
        ("550 No such user here", True),
        ("550 5.7.1 Rejected as spam", False),
        ("550 5.1.8 <portal@example.org>: Sender address has no domain", False),
        ("550 5.1.1 <portal@example.org>: Sender address rejected: User unknown", False),
        ("552 5.2.2 Mailbox full", False),
        ("552 5.3.4 Message too big", False),
        ("450 4.1.1 <maria@rush.example>: no such user, try later", False),
    ],
)
def test_refusal_at_once_marks_an_address_that_does_not_work(smtp, member, reply, is_marked):
    smtp.answers[member.email] = reply
    put("Your next meeting")
    MailWorker().run_once()
    assert has_bounced(member) == is_marked
    if is_marked:
        assert statuses() == {STATUS.failed: 1}
        assert Bounce.objects.get().status_code in reply


def test_refusal_at_once_of_a_strangers_address_is_no_bounce(smtp):
    smtp.answers["maria@rush.example"] = "550 5.1.1 no such user"
    put("Code")
    MailWorker().run_once()
    assert not Bounce.objects.exists()
