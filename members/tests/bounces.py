"""Reports of mail servers that could not deliver an email; all names are fictional."""

from typing import Any

ADDRESS = "maria@rush.example"
USER_UNKNOWN = "550 5.1.1 <{address}>: Recipient address rejected: User unknown"

# What comes before the email that came back, in the ways of different mail servers.
REPORT = """\
From: {sender}
To: <{recipient}>
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="next"

--next
Content-Type: text/plain; charset=us-ascii
Content-Description: Notification

{text}

--next
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.portal.example.org
Arrival-Date: Mon, 2 Nov 2026 09:00:00 -0600

{original}Final-Recipient: {final}
Action: {action}
Status: {status}
{diagnostic}
--next
Content-Type: message/rfc822

From: Portal <portal@example.org>
To: {address}
Subject: Your next meeting

See you there.
--next--
"""
EXIM = """\
X-Failed-Recipients: {address}
From: Mail Delivery System <Mailer-Daemon@mx.portal.example.org>
To: <{recipient}>
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {address}
    {reason}

------ This is a copy of the message, including all the headers. ------
"""
QMAIL = """\
From: MAILER-DAEMON@mx.rush.example
To: <{recipient}>
Subject: failure notice

Hi. This is the qmail-send program at mx.rush.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{address}>:
{reason}

--- Below this line is a copy of the message.
"""
ABSENCE = """\
From: Maria Example <{address}>
To: <{recipient}>
Subject: Automatic reply: Your next meeting
Auto-Submitted: auto-replied

I no longer work at Rush Example Hospital. This mailbox does not exist any longer.

Hi. This is the qmail-send program at mx.rush.example.

<{address}>:
Sorry, no mailbox here by that name. (#5.1.1)
"""


def report(recipient: str, **fields: Any) -> bytes:
    """Return a report of RFC 3464 that came to `recipient`: `address` does not exist, unless
    `fields` say otherwise."""
    address = fields.setdefault("address", ADDRESS)
    values = {
        "sender": "MAILER-DAEMON@mx.portal.example.org (Mail Delivery System)",
        "text": "This is the mail system at host mx.portal.example.org.\n\n"
        f"<{address}>: host mx.rush.example said: 550 5.1.1 User unknown",
        "final": f"rfc822; {address}",
        "original": "",
        "action": "failed",
        "status": "5.1.1",
        "diagnostic": f"Diagnostic-Code: smtp; {USER_UNKNOWN.format(address=address)}\n",
        **fields,
    }
    return REPORT.format(recipient=recipient, **values).encode()


def old_report(form: str, recipient: str, reason: str = "", address: str = ADDRESS) -> bytes:
    """Return a report in one of the formats without a code in a place of its own, or an absence
    reply."""
    return form.format(recipient=recipient, reason=reason, address=address).encode()
