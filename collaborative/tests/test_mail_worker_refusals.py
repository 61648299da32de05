"""What the mail server refuses for good is given up at once; what is about us is tried again."""

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

DEAD = "550 5.1.1 <maria@rush.example>: no such user"
FOR_LATER = {
    "put off": "450 4.2.1 Come back later",
    "relaying": "554 5.7.1 <maria@rush.example>: Relay access denied",
    "our sender": "550 5.1.8 <portal@example.org>: Domain not found",
    "to sign in first": "530 5.5.1 Authentication required",
    "syntax": "501 5.1.3 Bad address syntax",
}


@pytest.mark.django_db
@pytest.mark.parametrize("answer", FOR_LATER.values(), ids=FOR_LATER)
def test_refusal_that_may_be_mended_is_tried_again(smtp, caplog, answer):
    caplog.set_level("INFO")
    smtp.answers["maria@rush.example"] = answer
    row = put("Email 1")
    MailWorker().run_once()
    assert statuses() == {STATUS.requeued: 1}
    code = " ".join(answer.split()[:2])
    assert f"Email {row.pk} not sent (SMTPRecipientsRefused {code}), try 1" in caplog.text


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
def test_error_about_the_set_up_or_the_moment_is_not_final(error):
    assert not is_permanent(error)


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (SMTPRecipientsRefused({"a@x.example": (550, b"5.1.1 <a@x.example> No")}), "550 5.1.1"),
        (SMTPRecipientsRefused({"a@x.example": (550, b"a@x.example unknown")}), "550"),
        (SMTPRecipientsRefused({"a@x.example": (550, b"5.1.1a@x.example unknown")}), "550"),
        (SMTPDataError(552, b"5.3.4 Too big"), "552 5.3.4"),
        (SMTPDataError(554, "5.6.0 No"), "554 5.6.0"),
    ],
)
def test_refusal_for_good_is_final_and_only_its_code_is_told(error, answer):
    assert is_permanent(error)
    assert reply_code(error) == answer


def test_what_is_no_answer_of_a_mail_server_has_no_code():
    assert reply_code(SMTPServerDisconnected("gone")) == ""
    assert reply_code(SMTPDataError(-1, b"")) == ""
    assert reply_code(OSError(111, "refused")) == ""


@pytest.mark.django_db
@pytest.mark.parametrize("code", [False, True], ids=["mail", "code"])
def test_dead_address_is_tried_once_and_others_get_their_mail(smtp, caplog, code):
    caplog.set_level("INFO")
    smtp.answers["maria@rush.example"] = DEAD
    fields = {"expires_at": timezone.now() + timedelta(minutes=15)} if code else {}
    row = put("Email 1", **fields)
    put("Email 2", to="john@rush.example")
    MailWorker().run_once()
    assert smtp.subjects() == ["Email 2"]
    row.refresh_from_db()
    assert (row.status, row.number_of_retries) == (STATUS.failed, 1)
    assert f"Email {row.pk} given up at try 1: SMTPRecipientsRefused 550 5.1.1" in caplog.text
    assert "rush.example" not in caplog.text
    assert "no such user" not in caplog.text
    assert row.logs.get().exception_type == "SMTPRecipientsRefused 550 5.1.1"


@pytest.mark.django_db
def test_mail_that_was_queued_anew_is_sent_once_the_address_lives(smtp, clock):
    smtp.answers["maria@rush.example"] = DEAD
    put("Email 1")
    MailWorker().run_once()
    smtp.answers.clear()
    clock.sleep(3600)
    MailWorker().run_once()
    assert smtp.subjects() == []
    Email.objects.update(status=STATUS.queued, number_of_retries=0)
    MailWorker().run_once()
    assert smtp.subjects() == ["Email 1"]
