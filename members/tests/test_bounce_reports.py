"""What counts as an email that came back: the report itself, no matter who sent it."""

import time

import pytest

from members.bounce_addresses import bounce_address, find_token
from members.bounce_reports import MAX_EMAIL_BYTES, read_bounce
from members.models import Member
from members.tests.bounces import ABSENCE, ADDRESS, EXIM, QMAIL, old_report, report

PERSON = Member(pk=0xFACE, email=ADDRESS)


@pytest.fixture(autouse=True)
def recipient(settings) -> str:
    """The address to which the email 0xBEEF to PERSON comes back."""
    settings.BOUNCE_EMAIL = "bounces@portal.example.org"
    return bounce_address(PERSON, 0xBEEF)


# The address -----------------------------------------------------------------------------------


def test_bounce_address_survives_servers_that_change_its_case(recipient):
    token = find_token(f"<{recipient.upper()}>")
    assert (token.member_key, token.email_key) == (0xFACE, 0xBEEF)
    assert token.is_of(ADDRESS)


def test_bounce_address_fits_into_an_address(settings):
    settings.BOUNCE_EMAIL = f"{'b' * 20}@portal.example.org"
    address = bounce_address(Member(pk=10**9, email=ADDRESS), 10**12)
    assert len(address.partition("@")[0]) <= 64
    assert find_token(address).is_of(ADDRESS)


def test_bounce_token_is_of_no_other_address_email_or_member(recipient):
    assert not find_token(recipient).is_of("maria.new@rush.example")
    for old, new in (("face", "facf"), ("beef", "bee0")):
        assert not find_token(recipient.replace(old, new, 1)).is_of(ADDRESS)


def test_bounce_token_counts_while_the_key_is_changed(recipient, settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new" * 20, [settings.SECRET_KEY]
    assert find_token(recipient).is_of(ADDRESS)
    settings.SECRET_KEY_FALLBACKS = []
    assert not find_token(recipient).is_of(ADDRESS)


@pytest.mark.parametrize(
    "text",
    ["", "bounces@portal.example.org", "bounces+1-2@portal.example.org", "x{0}", "{0}y",
     "{0}.example", "{1}, {2}"],
)  # fmt: skip
def test_find_token_of_anything_else_finds_none(recipient, text):
    other = bounce_address(PERSON, 2)
    assert find_token(text.format(recipient, recipient, other)) is None


def test_find_token_of_one_address_named_twice(recipient):
    assert find_token(f"Ana <{recipient}>\n{recipient.upper()}")


# What counts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        pytest.param({}, "5.1.1", id="Postfix"),
        pytest.param(
            {
                "sender": "Mail Delivery Subsystem <mailer-daemon@mail.example>",
                "diagnostic": "Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried "
                "to reach does\n not exist. 550-5.1.1 Please try again\n",
            },
            "5.1.1",
            id="Gmail",
        ),
        pytest.param(
            {
                "sender": "Microsoft Outlook <MicrosoftExchange329@rush.example>",
                "final": "rfc822;MARIA@rush.example",
                "status": "5.1.10",
                "diagnostic": "Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; "
                "not found\n by SMTP address lookup\n",
            },
            "5.1.10",
            id="Exchange Online",
        ),
        pytest.param(
            {
                "status": "5.4.1",
                "diagnostic": "Diagnostic-Code: smtp; 550 5.4.1 Recipient address rejected: "
                "Access denied.\n",
            },
            "5.4.1",
            id="Exchange Online, at its edge",
        ),
        pytest.param(
            {
                "final": "rfc822;maria@internal.rush.example",
                "original": f"Original-Recipient: rfc822;{ADDRESS}\n",
            },
            "5.1.1",
            id="rewritten inside of the hospital",
        ),
        pytest.param({"status": "5.0.0"}, "5.1.1", id="Exim"),
        pytest.param({"diagnostic": ""}, "5.1.1", id="status alone"),
    ],
)
def test_read_bounce_of_a_report(recipient, fields, code):
    assert read_bounce(report(recipient, **fields)).codes == {ADDRESS: code}


@pytest.mark.parametrize(
    ("form", "reason", "code"),
    [
        (EXIM, "550 5.1.1 User unknown", "5.1.1"),
        (EXIM, "Unrouteable address", ""),
        (QMAIL, "Sorry, no mailbox here by that name. (#5.1.1)", "5.1.1"),
    ],
)
def test_read_bounce_of_an_older_format(recipient, form, reason, code):
    assert read_bounce(old_report(form, recipient, reason)).codes == {ADDRESS: code}


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"action": "delayed", "status": "4.4.1"}, id="late"),
        pytest.param({"status": "4.4.7", "diagnostic": ""}, id="given up after days"),
        pytest.param({"status": "5.2.2", "diagnostic": ""}, id="full"),
        pytest.param({"status": "5.7.1", "diagnostic": ""}, id="policy"),
        pytest.param(
            {"diagnostic": "Diagnostic-Code: smtp; 550 5.7.1 Rejected as spam\n"}, id="spam"
        ),
        pytest.param({"action": "delivered", "status": "2.0.0"}, id="delivered"),
        pytest.param({"action": "relayed", "status": "2.0.0", "text": "relayed"}, id="relayed"),
    ],
)
def test_read_bounce_of_a_report_that_is_no_permanent_failure(recipient, fields):
    assert read_bounce(report(recipient, **fields)) is None


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        (EXIM, "550 5.7.1 Rejected as spam"),
        (EXIM, "retry timeout exceeded"),
        (QMAIL, "Sorry, the mailbox is full. (#5.2.2)"),
        (ABSENCE, ""),
    ],
)
def test_read_bounce_of_an_older_format_that_says_something_else(recipient, form, reason):
    assert read_bounce(old_report(form, recipient, reason)) is None


def test_read_bounce_takes_no_receipt_for_a_report(recipient):
    receipt = report(recipient).replace(b"report-type=delivery", b"report-type=disposition")
    assert read_bounce(receipt) is None


def test_read_bounce_reads_only_the_status_of_that_address(recipient):
    other = report(recipient, address="joana" + ADDRESS[5:])
    assert read_bounce(other).codes == {"joana@rush.example": "5.1.1"}


def test_read_bounce_finds_the_address_it_came_to(recipient):
    assert read_bounce(report("portal@example.org"), recipient)
    delivered = f"Delivered-To: {recipient}\n".encode() + report("portal@example.org")
    assert read_bounce(delivered).token == find_token(recipient)
    other = bounce_address(PERSON, 2)
    assert read_bounce(report(other), recipient).token == find_token(recipient)
    # Some servers drop what follows the plus.
    assert read_bounce(report(recipient), "bounces@portal.example.org")


# What was written to do harm -------------------------------------------------------------------


def hostile_emails(recipient: str) -> list[bytes]:
    head = f"From: mailer-daemon@rush.example\nTo: {recipient}\n".encode()
    text = head + b"\nHi. This is the qmail-send program at x\n\n"
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (i, i)
                      for i in range(3000))  # fmt: skip
    return [
        b"", b"\0" * 1000, b"\xff\xfe" * 1000, head, text,
        head + nested,
        text + b"<" * 300_000,
        text + b"This is a delivery failure notification message\nThe following address failed:"
        + b"a" * 300_000,
        head + b"X-Failed-Recipients: " + b"(" * 150_000 + b"\n\nx",
        head + b"Content-Type: multipart/report; report-type*0=\"" + b"x" * 100_000,
        head + b"Content-Type: text/plain; charset=none-such\nContent-Transfer-Encoding: base64"
        b"\n\n" + b"=" * 1000,
        head + b"Content-Type: message/delivery-status\n\n" + b"Final-Recipient: x\n\n" * 5_000,
        b"Content-Type: multipart/report; x=\"" + b";" * 190_000 + b"\n" + head + b"\nx",
        head + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 25_000,
        head + b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        b"--b\nContent-Type: message/delivery-status\n\n" + b"".join(
            b"Final-Recipient: rfc822; a%d@x.example\nStatus: 5.1.1\nAction: failed\n\n" % number
            for number in range(2_500)
        ) + b"--b--\n",
        report(recipient).replace(b"rfc822; maria", b"rfc822; \xffmaria"),
        report(recipient)[:700],
    ]  # fmt: skip


def test_read_bounce_of_what_was_written_to_break_it_is_none_and_quick(recipient):
    for content in hostile_emails(recipient):
        started = time.process_time()
        assert read_bounce(content) is None, content[:200]
        assert time.process_time() - started < 1, content[:200]


def test_read_bounce_of_a_long_email_reads_the_report_in_front(recipient):
    whole = report(recipient) + b"x" * 2 * MAX_EMAIL_BYTES
    assert read_bounce(whole).codes == {ADDRESS: "5.1.1"}
