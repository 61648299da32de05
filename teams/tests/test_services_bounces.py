"""What counts of an email that came back: only what the portal signed, for that address, once."""

import pytest
from post_office.models import STATUS, Email

from members.bounce_addresses import bounce_address
from members.models import Bounce
from members.services import anonymize_member, has_bounced, save_with_history, settle_bounce
from members.tests.bounces import ABSENCE, old_report, report
from teams.services.bounces import process_bounce, process_refusal
from teams.services.merging import merge_members
from teams.tests.announcements import make_announcement

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _mailbox(settings) -> None:
    settings.BOUNCE_EMAIL = "bounces@portal.example.org"


def sent_to(member, **fields) -> Email:
    return Email.objects.create(
        from_email="portal@example.org", to=[member.email], status=STATUS.sent, **fields
    )


@pytest.fixture
def email(member) -> Email:
    return sent_to(member)


def bounce_of(email: Email, member, **fields) -> bytes:
    """Return the report that `member` does not exist, as it comes back for `email`."""
    fields.setdefault("address", email.to[0])
    return report(bounce_address(member, email.pk), **fields)


@pytest.mark.both_databases
def test_take_bounce_marks_the_address_once(email, member):
    bounce = process_bounce(bounce_of(email, member))
    assert has_bounced(member)
    assert (bounce.member, bounce.status_code, bounce.number) == (member, "5.1.1", 1)
    # The same report again, as it was or changed, before the answer and after it.
    assert process_bounce(bounce_of(email, member)) is None
    settle_bounce(bounce, by=member)
    assert process_bounce(bounce_of(email, member, status="5.2.1", diagnostic="")) is None
    assert not has_bounced(member)
    assert Bounce.objects.get().number == 1
    # Of the next email, it is asked again.
    assert process_bounce(bounce_of(sent_to(member), member))
    assert has_bounced(member)


def test_take_bounce_notes_it_in_the_log_of_the_email(email, member, caplog):
    caplog.set_level("INFO")
    process_bounce(bounce_of(email, member))
    assert email.logs.get().exception_type == "Came back 5.1.1"
    assert f"Email {email.pk} of member {member.pk} came back: 5.1.1" in caplog.text
    assert member.email not in caplog.text


@pytest.mark.parametrize("content", [b"", b"Hello", b"\xff" * 300_000])
def test_take_bounce_ignores_what_is_no_report(content):
    assert process_bounce(content) is None


def test_take_bounce_ignores_an_absence_reply(email, member):
    reply = old_report(ABSENCE, bounce_address(member, email.pk), address=member.email)
    assert process_bounce(reply) is None
    assert not Bounce.objects.exists()


def test_take_bounce_ignores_what_the_portal_did_not_sign(email, member, colleague, settings):
    other = sent_to(colleague)
    forged = [
        # Another member's key, another email's key, and the token of one for the other.
        bounce_of(email, member).replace(b"+%x-" % member.pk, b"+%x-" % colleague.pk),
        bounce_of(email, member).replace(b"-%x-" % email.pk, b"-%x-" % other.pk),
        bounce_of(email, colleague),
        bounce_of(other, member),
        # Both at once: whose is it?
        b"Delivered-To: %b\n" % bounce_address(colleague, other.pk).encode()
        + bounce_of(email, member),
        report("bounces@portal.example.org", address=member.email),
        report("bounces+1-1-00000000000000000000@portal.example.org", address=member.email),
    ]
    for content in forged:
        assert process_bounce(content) is None
    settings.BOUNCE_EMAIL = "other@portal.example.org"
    assert process_bounce(bounce_of(email, member).replace(b"other+", b"bounces+")) is None
    assert not Bounce.objects.exists()


def test_take_bounce_never_marks_another_address(email, member, colleague):
    """A holder of a token, such as the member, may write anything into a report."""
    assert process_bounce(bounce_of(email, member, address=colleague.email)) is None
    both = bounce_of(email, member, original=f"Original-Recipient: rfc822;{colleague.email}\n")
    assert process_bounce(both) is None
    assert not Bounce.objects.exists()


def test_take_bounce_after_a_change_of_address_is_about_the_old_one(email, member):
    content = bounce_of(email, member)
    save_with_history(member, None, "moved", email="maria.new@rush.example")
    assert process_bounce(content) is None
    claimed = content.replace(b"maria@rush.example", b"maria.new@rush.example")
    assert process_bounce(claimed) is None
    assert not has_bounced(member)


def test_take_bounce_does_not_mark_who_has_the_address_now(email, member, colleague):
    content = bounce_of(email, member)
    address = member.email
    save_with_history(member, None, "moved", email="maria.new@rush.example")
    save_with_history(colleague, None, "got the mailbox", email=address)
    process_bounce(content)
    assert not Bounce.objects.exists()


def test_take_bounce_of_closed_and_merged_accounts_changes_nothing(
    email, member, colleague, facilitator
):
    other = sent_to(colleague)
    contents = bounce_of(email, member), bounce_of(other, colleague)
    merge_members(colleague, facilitator, by=facilitator)
    anonymize_member(member)
    assert [process_bounce(content) for content in contents] == [None, None]
    assert not Bounce.objects.exists()


def test_take_bounce_of_an_email_from_before_the_answer_opens_nothing(email, member):
    """Several emails were on their way when the person said that the address works."""
    first = sent_to(member)
    settle_bounce(process_bounce(bounce_of(first, member)), by=member)
    assert process_bounce(bounce_of(email, member)) is None
    assert not has_bounced(member)


def test_take_bounce_takes_the_recipient_from_the_mail_server(email, member):
    content = report("portal@example.org", address=member.email)
    assert process_bounce(content, bounce_address(member, email.pk))


def test_take_refusal_marks_the_address_of_a_member_alone(email, member):
    stranger = Email.objects.create(from_email="portal@example.org", to=["x@rush.example"])
    process_refusal(stranger, "5.1.1")
    assert not Bounce.objects.exists()
    process_refusal(email, "5.1.10")
    settle_bounce(Bounce.objects.get(), by=member)
    # It waited in the queue while the person said that the address works.
    process_refusal(email, "5.1.1")
    assert Bounce.objects.open().get().status_code == "5.1.1"


def test_take_bounce_shows_in_the_result_of_the_announcement(email, member, team, facilitator):
    recipients = make_announcement(team, facilitator).recipients
    recipient = recipients.create(member=member, email=email, outcome="sent")
    process_bounce(bounce_of(email, member))
    recipient.refresh_from_db()
    assert recipient.get_outcome_display() == "Came back"
    assert recipient.reason == "the mailbox does not exist"


def test_take_bounce_of_a_late_email_shows_in_the_result_as_well(email, member, team, facilitator):
    """After the answer that the address works: that email came back all the same."""
    recipient = make_announcement(team, facilitator).recipients.create(member=member, email=email)
    settle_bounce(process_bounce(bounce_of(sent_to(member), member)), by=member)
    process_bounce(bounce_of(email, member))
    recipient.refresh_from_db()
    assert recipient.outcome == "bounced"
    assert not has_bounced(member)
