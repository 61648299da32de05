"""The steps of the way in, for the tests that walk it."""

from datetime import timedelta

from django.db.models import F
from django.test import Client
from post_office.models import Email

from conftest import code_in, visible_text
from members.models import SentCode
from teams.models import ActionTeam

JOIN, CODE, NEW_CODE, DONE = "/join/", "/join/code/", "/join/code/new/", "/join/done/"


def form(*teams: ActionTeam, **changes: str) -> dict[str, object]:
    """What an HR manager types."""
    return {
        "full_name": "Nora Newcomer",
        "email": "nora@rush.example",
        "job_title": "Recruiter",
        "organization": "Rush",
        "teams": [team.slug for team in teams],
    } | changes


def last_code() -> str:
    return code_in(Email.objects.latest("pk"))


def join(client: Client, *teams: ActionTeam, **changes: str):
    """The whole way: send the form, type the code from the email, read what came of it."""
    sent = client.post(JOIN, form(*teams, **changes))
    assert sent.status_code == 302, visible_text(sent)
    assert sent["Location"] == CODE
    return client.post(CODE, {"code": last_code()}, follow=True)


def age_codes(seconds: int) -> None:
    """Let every code be `seconds` older."""
    SentCode.objects.update(expires_at=F("expires_at") - timedelta(seconds=seconds))
