"""Permanent refusals are given up at once; those about the portal itself are retried."""

from datetime import timedelta
from smtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPDataError,
    SMTPHeloError,
    SMTPRecipientsRefused,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

import pytest
from django.utils import timezone
from post_office.models import STATUS, Email

from collaborative.operations.mail_worker import MailWorker
from collaborative.operations.smtp_replies import is_permanent, reply_code
from collaborative.tests.conftest import put, statuses

DEAD_ADDRESS_REPLY = "550 5.1.1 <maria@rush.example>: no such user"
RETRIED_REPLIES = {
    "temporary": "450 4.2.1 Come back later",
    "relaying": "554 5.7.1 <maria@rush.example>: Relay access denied",
    "our address": "550 5.1.8 <portal@example.org>: Domain not found",
    "authentication": "530 5.5.1 Authentication required",
    "syntax": "501 5.1.3 Bad address syntax",
}


@pytest.mark.django_db
@pytest.mark.parametrize("reply", RETRIED_REPLIES.values(), ids=RETRIED_REPLIES)
def test_refusal_that_can_be_fixed_is_retried(smtp, caplog, reply):
    caplog.set_level("INFO")
    smtp.answers["maria@rush.example"] = reply
    email = put("Email 1")
    MailWorker().run_once()
    assert statuses() == {STATUS.requeued: 1}
    code = " ".join(reply.split()[:2])
    assert f"Email {email.pk} not sent (SMTPRecipientsRefused {code}), try 1" in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        SMTPSenderRefused(550, b"5.1.0 Who?", "portal@example.org"),
        SMTPAuthenticationError(535, b"5.7.8 Wrong"),
        SMTPConnectError(554, b"No service"),
        SMTPHeloError(550, b"Who are you?"),
        SMTPServerDisconnected("gone"),
        SMTPDataError(451, b"4.3.0 Later"),
        SMTPDataError(554, b"5.7.1 Not your address"),
        SMTPRecipientsRefused({}),
        SMTPRecipientsRefused({"a@x.example": (550, b"5.1.1 No"), "b@x.example": (450, b"Full")}),
        ConnectionRefusedError(111, "refused"),
    ],
    ids=repr,
)
def test_is_permanent_is_false_for_setup_and_temporary_errors(error):
    assert not is_permanent(error)


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (SMTPRecipientsRefused({"a@x.example": (550, b"5.1.1 <a@x.example> No")}), "550 5.1.1"),
        (SMTPRecipientsRefused({"a@x.example": (550, b"a@x.example unknown")}), "550"),
        (SMTPRecipientsRefused({"a@x.example": (550, b"5.1.1a@x.example unknown")}), "550"),
        (SMTPDataError(552, b"5.3.4 Too big"), "552 5.3.4"),
        (SMTPDataError(554, "5.6.0 No"), "554 5.6.0"),
    ],
)
def test_permanent_refusal_is_reported_by_its_code_only(error, reply):
    assert is_permanent(error)
    assert reply_code(error) == reply


def test_reply_code_is_empty_without_a_reply():
    assert reply_code(SMTPServerDisconnected("gone")) == ""
    assert reply_code(SMTPDataError(-1, b"")) == ""
    assert reply_code(OSError(111, "refused")) == ""


@pytest.mark.django_db
@pytest.mark.parametrize("code", [False, True], ids=["email", "code"])
def test_dead_address_is_tried_once_and_others_get_their_email(smtp, caplog, code):
    caplog.set_level("INFO")
    smtp.answers["maria@rush.example"] = DEAD_ADDRESS_REPLY
    fields = {"expires_at": timezone.now() + timedelta(minutes=15)} if code else {}
    email = put("Email 1", **fields)
    put("Email 2", to="john@rush.example")
    MailWorker().run_once()
    assert smtp.subjects() == ["Email 2"]
    email.refresh_from_db()
    assert (email.status, email.number_of_retries) == (STATUS.failed, 1)
    assert f"Email {email.pk} given up at try 1: SMTPRecipientsRefused 550 5.1.1" in caplog.text
    assert "rush.example" not in caplog.text
    assert "no such user" not in caplog.text
    assert email.logs.get().exception_type == "SMTPRecipientsRefused 550 5.1.1"


@pytest.mark.django_db
def test_requeued_email_is_sent_once_the_address_works(smtp, clock):
    smtp.answers["maria@rush.example"] = DEAD_ADDRESS_REPLY
    put("Email 1")
    MailWorker().run_once()
    smtp.answers.clear()
    clock.sleep(3600)
    MailWorker().run_once()
    assert smtp.subjects() == []
    Email.objects.update(status=STATUS.queued, number_of_retries=0)
    MailWorker().run_once()
    assert smtp.subjects() == ["Email 1"]
