"""Codes that are entered many times at once: each try counts, and a right code works once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import connection
from django.test import Client

from conftest import code_in
from members.models import SentCode
from members.tests.second_factor import activate_app, recovery_codes

pytestmark = pytest.mark.django_db(transaction=True)
PRESSES = 6


@pytest.fixture(autouse=True)
def _room_for_all(transactional_db):
    """On PostgreSQL the pool holds few connections: here each thread gets one of its own."""
    pool = getattr(connection, "pool", None)
    if pool is None:
        yield
        return
    few = pool.min_size, pool.max_size
    pool.resize(few[0], 2 * PRESSES)
    yield
    pool.resize(*few)


def press_at_once(client: Client, path: str, *codes: str) -> list[Any]:
    """Post each of the codes in the session of `client`, all at the same time; return the
    responses."""
    barrier = Barrier(len(codes))
    key = client.cookies[settings.SESSION_COOKIE_NAME].value

    def press(code: str) -> Any:
        browser = Client()
        browser.cookies[settings.SESSION_COOKIE_NAME] = key
        try:
            barrier.wait(timeout=30)
            return browser.post(path, {"code": code})
        finally:
            connection.close()

    with ThreadPoolExecutor(len(codes)) as pool:
        return list(pool.map(press, codes))


def begin(client: Client, email: str, queued_emails: Callable[[], list]) -> str:
    """Ask for a code at the sign-in page; return it."""
    client.post("/sign-in/", {"email": email})
    return code_in(queued_emails()[-1])


def test_wrong_codes_at_once_are_counted_one_by_one(client, member, queued_emails):
    code = begin(client, member.email, queued_emails)
    responses = press_at_once(client, "/sign-in/code/", *["WRNGCD"] * PRESSES)
    pages = [response.content.decode() for response in responses]
    assert sum("not the code we sent" in page for page in pages) <= 4
    assert all("not the code we sent" in page or "wrong too often" in page for page in pages)
    assert SentCode.objects.get().tries == 5
    assert "wrong too often" in client.post("/sign-in/code/", {"code": code}).content.decode()


def test_right_code_at_once_signs_in_once(client, member, queued_emails):
    code = begin(client, member.email, queued_emails)
    responses = press_at_once(client, "/sign-in/code/", *[code] * 3)
    assert {response.status_code for response in responses} == {302}
    assert UserSession.objects.filter(user=member).count() == 1
    (signed_in,) = (each for each in responses if "sessionid" in each.cookies)
    assert signed_in.url == "/my/"
    # The browser follows the last response with the cookie of the one that signed in.
    browser = Client()
    browser.cookies[settings.SESSION_COOKIE_NAME] = signed_in.cookies["sessionid"].value
    for response in responses:
        final = browser.get(response.url, follow=True)
        assert (final.status_code, final.request["PATH_INFO"]) == (200, "/my/")


def test_recovery_code_at_once_works_once(client, member, queued_emails):
    activate_app(member)
    client.post("/sign-in/code/", {"code": begin(client, member.email, queued_emails)})
    code = recovery_codes(member)[0]
    responses = press_at_once(client, "/two-factor/authenticate/", *[code] * 3)
    assert sum(response.status_code == 302 for response in responses) >= 1
    assert UserSession.objects.filter(user=member).count() == 1
    codes = Authenticator.objects.get(user=member, type=Authenticator.Type.RECOVERY_CODES)
    assert bin(codes.data["used_mask"]).count("1") == 1
