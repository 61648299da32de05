"""The steps of moving to another address, for the tests that walk them."""

from django.test import Client

from conftest import visible_text
from teams.tests.joining import last_code

MOVE, CODE, NEW_CODE, CONFIRM = (
    "/my/move/",
    "/my/move/code/",
    "/my/move/code/new/",
    "/my/move/confirm/",
)
RECOVER, RECOVER_CODE, RECOVER_DONE = (
    "/sign-in/move/",
    "/sign-in/move/code/",
    "/sign-in/move/done/",
)
NEW = "maria@loop.example"


def prove(client: Client, email: str = NEW):
    """Enter the new address and its code; return the page of what follows."""
    sent = client.post(MOVE, {"email": email})
    assert (sent.status_code, sent["Location"]) == (302, CODE)
    return client.post(CODE, {"code": last_code()}, follow=True)


def confirm(client: Client, *, follow: bool = False, **entered: str):
    """Press the button of the page that says what follows."""
    shown = client.get(CONFIRM).context["email"]
    return client.post(CONFIRM, {"email": shown, **entered}, follow=follow)


def request_form(**changes: str) -> dict[str, str]:
    return {
        "old_email": "maria@rush.example",
        "email": NEW,
        "full_name": "Maria Member",
        "organization": "",
        "note": "Call 5-1234.",
    } | changes


def recover(client: Client, **changes: str):
    """Ask without the old mailbox and enter the code; return the last page."""
    sent = client.post(RECOVER, request_form(**changes))
    assert (sent.status_code, sent["Location"]) == (302, RECOVER_CODE), visible_text(sent)
    return client.post(RECOVER_CODE, {"code": last_code()}, follow=True)
