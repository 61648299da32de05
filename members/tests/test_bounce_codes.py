"""Which answers of a mail server say that an address does not work."""

import pytest

from members.bounce_codes import dead_address_code, describe_code


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        ("smtp; 550 5.1.1 <maria@rush.example>: User unknown", "5.1.1", "5.1.1"),
        ("smtp; 550-5.1.1 The email account that you tried to reach does not exist.", "", "5.1.1"),
        ("smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found", "5.1.10", "5.1.10"),
        ("smtp; 550 5.4.1 Recipient address rejected: Access denied.", "5.4.1", "5.4.1"),
        ("smtp;550 5.4.310 DNS domain rush.example does not exist", "5.4.310", "5.4.310"),
        ("X-Postfix; Host or domain name not found", "5.4.4", "5.4.4"),
        ("550 5.2.1 The account is disabled", "", "5.2.1"),
        ("", "5.1.6", "5.1.6"),
        ("Sorry, no mailbox here by that name. (#5.1.1)", "", "5.1.1"),
        # A status that says nothing: the answer does, or its words.
        ("smtp; 550 5.1.1 No such user", "5.0.0", "5.1.1"),
        ("550 No such user here", "", ""),
        ("Unrouteable address", "", ""),
        ("smtp; 550 User unknown", "5.0.0", "5.0.0"),
        ("550 5.1.0 Recipient unknown", "", "5.1.0"),
    ],
)
def test_dead_address_code_of_an_address_that_does_not_work(reply, status, code):
    assert dead_address_code(reply, status) == code


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("", ""),
        ("550 Requested action not taken", ""),
        # The person may be on leave, or the server down.
        ("552 5.2.2 The mailbox is full", "5.2.2"),
        ("smtp; 450 4.1.1 User unknown", "4.1.1"),
        ("smtp; 450 User unknown in local table", "5.0.0"),
        ("delivery time expired", "4.4.7"),
        ("", "5.4.7"),
        # Spam, policy and relaying, whatever the words.
        ("550 5.7.1 Message rejected as spam", "5.7.1"),
        ("550 5.7.1 User unknown", "5.1.1"),
        ("550 5.7.0 No such user here", ""),
        ("550 5.7.26 Unauthenticated email is not accepted", "5.7.26"),
        ("554 5.4.1 Relay access denied", "5.4.1"),
        ("550 Blocked: 192.5.1.1 is on a list", ""),
        ("550 Blocked: 5.1.1.7 is on a list", ""),
        # About the email, or about our address.
        ("552 5.3.4 Message too big", "5.3.4"),
        ("550 5.1.8 Sender address has no domain", "5.1.8"),
        ("550 5.1.0 <portal@example.org>: Sender address rejected: User unknown", ""),
        ("550 5.1.1 Sender address rejected: User unknown", "5.1.1"),
    ],
)
def test_dead_address_code_of_anything_else_is_none(reply, status):
    assert dead_address_code(reply, status) is None


def test_describe_code_says_it_in_words():
    assert describe_code("5.1.1") == describe_code("") == "the mailbox does not exist"
    assert describe_code("5.4.4") == "the email domain does not exist"
