"""The steps of the way in, for the tests that walk it."""

import re
from datetime import timedelta

from django.db.models import F
from django.test import Client
from post_office.models import Email

from conftest import code_in, visible_text
from members.models import SentCode
from teams.models import ActionTeam

JOIN, CODE, NEW_CODE, DONE = "/join/", "/join/code/", "/join/code/new/", "/join/done/"
EMPLOYER = "/join/organization/"


def form(*teams: ActionTeam, **changes: str) -> dict[str, object]:
    """What an HR manager types."""
    return {
        "full_name": "Nora Newcomer",
        "email": "nora@rush.example",
        "job_title": "Recruiter",
        "teams": [team.slug for team in teams],
    } | changes


def last_code() -> str:
    return code_in(Email.objects.latest("pk"))


def without_time(text: str) -> str:
    """Return `text` of two people whose codes may end a minute apart, as it is compared."""
    return re.sub(r"until .{4,10} Central Time", "until TIME", text)


def enter_code(client: Client):
    """Type the code from the last email, and go where that leads."""
    return client.post(CODE, {"code": last_code()}, follow=True)


def join(client: Client, *teams: ActionTeam, organization: str = "Rush", **changes: str):
    """The whole way: send the form, type the code from the email, name the employer if it is asked
    for, read what came of it."""
    sent = client.post(JOIN, form(*teams, **changes))
    assert sent.status_code == 302, visible_text(sent)
    assert sent["Location"] == CODE
    response = enter_code(client)
    if response.redirect_chain == [(EMPLOYER, 302)]:
        return client.post(EMPLOYER, {"organization": organization}, follow=True)
    return response


def age_codes(seconds: int) -> None:
    """Let every code be `seconds` older."""
    SentCode.objects.update(expires_at=F("expires_at") - timedelta(seconds=seconds))
