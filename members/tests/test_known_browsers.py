"""A browser that has signed in before has limits of its own, which strangers cannot use up."""

import time

import pytest
from django.core import signing
from django.http import HttpResponse
from django.test import Client

from conftest import code_in
from members.auth.known_browsers import (
    COOKIE_SECONDS,
    MAX_ADDRESSES,
    SALT,
    known_browser_id,
    remember_browser,
)
from members.models import Member
from members.tests.second_factor import activate_app, code_for
from teams.tests.joining import join

pytestmark = pytest.mark.django_db
COOKIE = "known-browser"
FEW = {
    "code_of_recognized": "6/15m/ip,2/15m/key",
    "code_of_address": "4/15m/key",
    "code_try": "20/15m/ip,3/15m/key",
    "code_of_browser": "2/15m/key",
    "code_of_known_browsers": "3/15m/key",
    "code_try_of_browser": "3/15m/key",
}


@pytest.fixture(autouse=True)
def _few_codes(settings) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | FEW


def request_code(client: Client, email: str) -> int:
    return client.post("/sign-in/", {"email": email}).status_code


def sign_in(client: Client, email: str, queued_emails) -> HttpResponse:
    """Sign in with the newest code, and out again: the cookie stays."""
    assert request_code(client, email) == 302
    response = client.post("/sign-in/code/", {"code": code_in(queued_emails()[-1])})
    client.post("/sign-out/")
    return response


def send_as_strangers(email: str) -> None:
    """Request codes for the address from four networks until there are no more."""
    responses = [
        request_code(Client(REMOTE_ADDR=f"198.51.100.{number // 2}"), email) for number in range(8)
    ]
    assert 429 in responses


@pytest.fixture
def known(client, member, queued_emails) -> Client:
    """A browser with which `member` has signed in, some time ago."""
    sign_in(client, member.email, queued_emails)
    return client


def test_strangers_lock_nobody_out_of_a_known_browser(known, member, queued_emails):
    send_as_strangers(member.email)
    assert request_code(Client(REMOTE_ADDR="203.0.113.9"), member.email) == 429
    assert sign_in(known, member.email, queued_emails).status_code == 302


def test_strangers_in_the_same_network_lock_nobody_out_of_a_known_browser(
    known, member, queued_emails
):
    responses = [request_code(Client(), f"p{number}@rush.example") for number in range(8)]
    assert 429 in responses
    stranger = Client()
    assert request_code(stranger, member.email) == 429
    assert sign_in(known, member.email, queued_emails).status_code == 302


def test_wrong_codes_of_strangers_count_for_no_known_browser(known, member, queued_emails):
    stranger = Client()
    request_code(stranger, member.email)
    tries = [stranger.post("/sign-in/code/", {"code": "WRNGCD"}).status_code for _ in range(5)]
    assert tries[-1] == 429
    assert sign_in(known, member.email, queued_emails).status_code == 302


def test_known_browser_has_a_limit_too(known, member):
    assert [request_code(known, member.email) for _ in range(3)] == [302, 302, 429]


def test_known_browser_has_a_limit_of_tries_too(known, member):
    request_code(known, member.email)
    tries = [known.post("/sign-in/code/", {"code": "WRNGCD"}).status_code for _ in range(4)]
    assert tries == [200, 200, 200, 429]


def test_copies_of_the_cookie_share_one_limit(known, member):
    """A thief of it can send the owner a few emails, as any stranger can."""
    copies = [Client(REMOTE_ADDR=f"203.0.113.{number}") for number in range(3)]
    for copy in copies:
        copy.cookies[COOKIE] = known.cookies[COOKIE].value
    send_as_strangers(member.email)
    assert [request_code(copy, member.email) for copy in copies] == [302, 302, 429]


def test_many_known_browsers_of_one_address_share_a_limit_too(member, queued_emails):
    browsers = [Client(REMOTE_ADDR=f"203.0.113.{number}") for number in range(4)]
    for browser in browsers:
        sign_in(browser, member.email, queued_emails)
    assert [request_code(browser, member.email) for browser in browsers] == [302, 302, 302, 429]


def test_known_browser_is_a_stranger_for_every_other_address(known, colleague):
    send_as_strangers(colleague.email)
    assert request_code(known, colleague.email) == 429


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "a:b:c",
        ":" * 3000,
        "\x00",
        "É",
        signing.dumps({"id": "x", "addresses": ["y"]}, salt="another"),
        signing.dumps({"id": "x", "addresses": ["y"]}, key="k" * 50, salt=SALT),
    ],
    # Each process signs at another second, and all have to name the tests alike.
    ids=["empty", "letter", "colons", "long", "nul", "not ascii", "other salt", "other key"],
)
def test_forged_cookie_is_that_of_a_stranger(rf, value):
    request = rf.get("/")
    request.COOKIES[COOKIE] = value
    assert known_browser_id(request, "maria@rush.example") == ""


def test_browser_with_a_forged_cookie_has_the_limits_of_a_stranger(client, member):
    client.cookies[COOKIE] = signing.dumps({"id": "x", "addresses": ["y"]}, salt="another")
    send_as_strangers(member.email)
    assert request_code(client, member.email) == 429


def test_changed_cookie_is_that_of_a_stranger(known, member, colleague):
    """Someone with an account of their own would like to be known for another one."""
    content, rest = known.cookies[COOKIE].value.split(":", 1)
    known.cookies[COOKIE] = f"{content[:-2]}AA:{rest}"
    send_as_strangers(member.email)
    assert request_code(known, member.email) == 429


def test_cookie_is_known_for_half_a_year(known, member, monkeypatch):
    issued = time.time()
    monkeypatch.setattr(time, "time", lambda: issued + COOKIE_SECONDS - 60)
    send_as_strangers(member.email)
    assert request_code(known, member.email) == 302
    monkeypatch.setattr(time, "time", lambda: issued + COOKIE_SECONDS + 60)
    send_as_strangers(member.email)
    assert request_code(known, member.email) == 429


def test_cookie_is_sent_to_the_pages_of_signing_in_alone(known, settings, rf):
    cookie = known.cookies[COOKIE]
    assert (cookie["path"], cookie["max-age"]) == ("/sign-in/", COOKIE_SECONDS)
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    settings.SESSION_COOKIE_SECURE = True
    response = HttpResponse()
    remember_browser(rf.get("/"), response, "nora@rush.example")
    assert response.cookies["__Secure-known-browser"]["secure"]


def test_cookie_names_no_address(known, member):
    value = known.cookies[COOKIE].value
    assert member.email not in str(signing.loads(value, salt=SALT))
    assert len(value) < 200


def remembered(rf, emails: list[str]) -> HttpResponse:
    """The cookie of a browser in which these people have signed in, one after the other."""
    request, response = rf.get("/"), HttpResponse()
    for email in emails:
        remember_browser(request, response, email)
        request.COOKIES[COOKIE] = response.cookies[COOKIE].value
    return request


def test_browser_is_known_for_the_last_few_people_who_share_it(rf):
    emails = [f"p{number}@rush.example" for number in range(MAX_ADDRESSES + 2)]
    request = remembered(rf, [*emails, emails[3]])
    ids = [known_browser_id(request, email) for email in emails]
    assert [bool(each) for each in ids] == [False] * 2 + [True] * MAX_ADDRESSES
    assert len(set(ids[2:])) == 1
    assert len(request.COOKIES[COOKIE]) < 500


def test_known_browser_id_ignores_the_case_of_an_address(rf):
    assert known_browser_id(remembered(rf, ["Nora@rush.example"]), "nora@RUSH.example")


def test_browser_is_known_after_joining(client, team):
    join(client, team)
    assert client.cookies[COOKIE].value


def test_browser_is_not_known_before_the_last_step(client, member, queued_emails):
    request_code(client, member.email)
    client.post("/sign-in/code/", {"code": "WRNGCD"})
    assert COOKIE not in client.cookies
    secret = activate_app(member)
    client.post("/sign-in/code/", {"code": code_in(queued_emails()[-1])})
    assert COOKIE not in client.cookies
    client.post("/two-factor/authenticate/", {"code": code_for(secret)})
    assert client.cookies[COOKIE].value


def test_verifying_an_address_without_an_account_makes_no_browser_known(client, queued_emails):
    sign_in(client, "nobody@rush.example", queued_emails)
    assert COOKIE not in client.cookies
    assert not Member.objects.filter(email="nobody@rush.example").exists()
