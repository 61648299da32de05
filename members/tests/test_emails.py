"""The emails about people and accounts, and what every queued email has in common."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from post_office.models import PRIORITY, STATUS, Email

from members import emails
from members.models import Member

# What looks like markup is in the first name, which is greeted.
HOSTILE_NAME = "<script>alert('x')</script>{{contact_email}}&{%now'Y'%} Ann"


EXPIRES_AT = datetime(2027, 7, 1, 20, 42, tzinfo=UTC)


def close_account_mail(full_name: str) -> Email:
    person = Member.objects.create_user("leo@rush.example", full_name=full_name)
    emails.account_closed(person)
    return Email.objects.get()


@pytest.fixture
def code_mail(db) -> Email:
    emails.address_code("leo@rush.example", "BCDFGH", EXPIRES_AT)
    return Email.objects.get()


def test_address_code_says_the_code_how_long_and_what_to_do(code_mail):
    assert code_mail.subject == "BCDFGH is your code for the Collaborative's portal"
    for body in (code_mail.message, code_mail.html_message):
        assert "BCDFGH" in body
        assert "It works until 3:42 p.m. Central Time." in body
        assert "ever ask you for this code" in body
        assert "ignore this email" in body


def test_address_code_stands_alone_in_its_line_and_its_element(code_mail):
    assert "BCDFGH" in code_mail.message.splitlines()
    assert ">BCDFGH</p>" in code_mail.html_message


def test_address_code_is_urgent_and_expires(code_mail):
    assert code_mail.priority == PRIORITY.high
    assert code_mail.expires_at == EXPIRES_AT


def test_address_code_is_the_same_for_strangers_and_members(db):
    expires_at = timezone.now() + timedelta(minutes=15)
    Member.objects.create_user("known@rush.example", full_name="Maria Member")
    for address in ("known@rush.example", "new@rush.example"):
        emails.address_code(address, "BCDFGH", expires_at)
    to_member, to_stranger = Email.objects.order_by("pk")
    for part in ("subject", "message", "html_message", "priority", "expires_at", "from_email"):
        assert getattr(to_member, part) == getattr(to_stranger, part)
    assert "Maria" not in to_member.message


def test_address_code_has_no_link_that_uses_the_code(code_mail, settings):
    assert "http" not in code_mail.message.replace(settings.SITE_URL, "")
    assert 'href="http' not in code_mail.html_message.replace(f'href="{settings.SITE_URL}"', "")


def test_account_closed_says_what_was_erased_and_what_stays(db):
    email = close_account_mail("Leo Leaver")
    assert email.to == ["leo@rush.example"]
    assert email.subject == "Your account is closed"
    for body in (email.message, email.html_message):
        assert "Your account is closed, Leo" in body
        assert "erased" in body
        assert "anonymous record" in body


def test_account_closed_greets_nobody_without_a_name(db):
    email = close_account_mail("")
    assert email.message.startswith("Your account is closed\n")
    assert "Your account is closed</h1>" in email.html_message


def test_email_escapes_names_in_html_and_never_renders_them(db):
    email = close_account_mail(HOSTILE_NAME)
    assert f"closed, {HOSTILE_NAME.split()[0]}\n" in email.message
    assert "<script>" not in email.html_message
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;{{contact_email}}&amp;" in (
        email.html_message
    )
    assert "{{contact_email}}&{%now'Y'%}" in email.email_message().body


def test_queue_stores_and_does_not_send(code_mail, mailoutbox, settings):
    assert code_mail.status == STATUS.queued
    assert mailoutbox == []
    assert code_mail.from_email == settings.DEFAULT_FROM_EMAIL
    assert code_mail.message_id.startswith("<")


def test_email_has_text_and_html(code_mail):
    message = code_mail.email_message()
    assert message.body == code_mail.message
    assert [kind for _, kind in message.alternatives] == ["text/html"]
    assert "<html lang=" in code_mail.html_message
    assert "<img" not in code_mail.html_message
    assert "\n\n\n" not in code_mail.message


def test_queue_removes_line_breaks_from_the_subject(db, monkeypatch):
    person = Member.objects.create_user("leo@rush.example")
    emails.address_code(person.email, "A\nBcc: x@y.example", EXPIRES_AT)
    email = Email.objects.get()
    assert "\n" not in email.subject
    assert "Bcc" not in email.email_message().message()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "to",
    [
        '"x,eve@evil.example,y"@rush.example',
        "nora@rush.example,eve@evil.example",
        "nora@rush.example;eve@evil.example",
        "nora@rush.example eve@evil.example",
        "nora@rush.example\r\nBcc: eve@evil.example",
        "Nora <nora@rush.example>",
        "nora",
        "",
    ],
)
def test_queue_refuses_more_than_one_plain_address(to):
    with pytest.raises(ValueError, match="one plain address"):
        emails.queue("account_closed", to, {"full_name": ""})
    assert not Email.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("to", ["o'brien+x@rush.example", "n_o.r-a@mail.rush.example"])
def test_queue_keeps_unusual_addresses(to):
    emails.queue("account_closed", to, {"full_name": ""})
    assert Email.objects.get().to == [to]
