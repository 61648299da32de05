"""What visitors can make the portal store: little, for a day, and only what the limits allow."""

import hashlib
from datetime import timedelta

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from post_office.models import Email

from collaborative.middleware.security_headers import HostCookieStorage
from conftest import code_in, visible_text
from members.models import SentCode
from teams.tests.joining import CODE, EMPLOYER, JOIN, NEW_CODE, form
from teams.tests.test_views_questions import ASK, question_data
from teams.tests.test_views_resource_suggestions import SUGGEST, suggestion_data

pytestmark = pytest.mark.django_db
SIGN_IN, SIGN_IN_CODE, SIGN_OUT = "/sign-in/", "/sign-in/code/", "/sign-out/"
CHECK = "/organizations/check/"
MAX_SESSION_BYTES = 4_000
DAY = timedelta(days=1)


def incompressible(length: int) -> str:
    """Return text that takes the most bytes in a session: characters that JSON escapes twice, in an
    order that is different from any other."""
    numbers = bytearray(hashlib.shake_128(str(length).encode()).digest(2 * length))
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return "".join(chr(0x10000 + 256 * high + low) for high, low in pairs)


@pytest.fixture
def used_up_limits(settings) -> None:
    """Someone in this network has used up every limit."""
    settings.RATE_LIMITS = {
        **settings.RATE_LIMITS,
        "code": "1/15m/ip",
        "question": "1/h/ip",
        "suggestion": "1/h/ip",
        "check": "1/5m/ip",
    }
    Client().post(SIGN_IN, {"email": "first@rush.example"})
    Client().post(ASK, question_data(text="The first"))
    Client().post(SUGGEST, suggestion_data())
    Client().post(CHECK, {"email": "first@rush.example"})
    Session.objects.all().delete()


def refused_posts(team) -> dict[str, dict]:
    """Return what is posted, by address."""
    return {
        JOIN: form(team, full_name=f"Nora {incompressible(100)}"),
        f"{SIGN_IN}?next=/{'x' * 2000}": {"email": "nora@rush.example"},
        ASK: question_data(text=incompressible(1000), email="nora@rush.example"),
        SUGGEST: suggestion_data(text=incompressible(500), email="nora@rush.example"),
        CHECK: {"email": "nora@rush.example"},
    }


def test_refused_post_stores_nothing_and_shows_what_was_entered(team, used_up_limits):
    for path, data in refused_posts(team).items():
        browser = Client()
        response = browser.post(path, data)
        assert response.status_code == 429, path
        assert int(response["Retry-After"]) > 0
        assert "Wait a little, then try again" in visible_text(response)
        page = response.content.decode()
        for name, value in data.items():
            entered = value if isinstance(value, str) else value[0]
            assert f'name="{name}"' in page
            assert entered in page
        assert "sessionid" not in browser.cookies
    assert not Session.objects.exists()
    assert SentCode.objects.count() == 1


def test_refused_code_is_shown_again_and_its_form_still_works(client, organization, team, settings):
    client.post(JOIN, form(team))
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "code_try": "1/15m/ip"}
    client.post(CODE, {"code": "ZZZZZZ"})
    code = code_in(Email.objects.get())
    refused = client.post(CODE, {"code": code})
    assert refused.status_code == 429
    assert f'value="{code}"' in refused.content.decode()
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "code_try": "9/15m/ip"}
    assert client.post(CODE, {"code": code}).url == "/join/done/"


def test_refused_new_code_leaves_the_one_before(client, team, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "code": "1/15m/ip"}
    client.post(JOIN, form(team))
    refused = client.post(NEW_CODE)
    assert refused.status_code == 429
    assert f'<a href="{NEW_CODE}">Go back to where you were' in refused.content.decode()
    assert client.get(NEW_CODE).url == CODE
    code = code_in(Email.objects.get())
    assert client.post(CODE, {"code": code}).url == EMPLOYER


def test_posts_of_a_network_store_what_its_limits_allow(team, settings):
    """Each from a browser that keeps no cookie, for another address, with as much as a form takes.
    (`make attack` sends thousands.)"""
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "code": "2/15m/ip"}
    posts = list(refused_posts(team).items()) * 3
    statuses = [
        Client().post(path, {**data, "email": f"n{number}@rush.example"}).status_code
        for number, (path, data) in enumerate(posts)
    ]
    assert statuses.count(429) >= 4
    sessions = Session.objects.all()
    assert 1 <= len(sessions) <= 2
    assert SentCode.objects.count() <= 2
    assert all(len(each.session_data) <= MAX_SESSION_BYTES for each in sessions)


def test_accepted_post_stores_one_small_session_for_a_day(client, team):
    long_form = form(
        team,
        full_name=incompressible(120),
        job_title=incompressible(120),
        organization="A" + incompressible(149),
        email="a" * 64 + "@" + ".".join(letter * 55 for letter in "bcd") + ".example",
    )
    assert client.post(JOIN, long_form).status_code == 302
    assert client.post(f"{SIGN_IN}?next=/{incompressible(300)}", {"email": "n@rush.example"})
    session = Session.objects.get()
    assert len(session.session_data) <= MAX_SESSION_BYTES
    assert DAY - timedelta(minutes=1) < session.expire_date - timezone.now() <= DAY
    assert client.cookies["sessionid"]["max-age"] == DAY.total_seconds()


def test_session_of_who_signs_in_lasts_longer_than_that_of_a_visitor(client, member):
    client.post(SIGN_IN, {"email": member.email})
    client.post(SIGN_IN_CODE, {"code": code_in(Email.objects.get())})
    session = Session.objects.get()
    assert session.get_decoded()[SESSION_KEY] == str(member.pk)
    assert session.expire_date - timezone.now() > timedelta(days=13)


def test_session_before_the_second_step_lasts_a_day(client, db):
    """Any session of who is not signed in, whatever is put into it."""
    session = client.session
    session["anything"] = 1
    session.save()
    client.post(SIGN_IN, {"email": "n@rush.example"})
    assert Session.objects.get().expire_date - timezone.now() <= DAY


def test_messages_of_a_visitor_never_take_a_session(client, db, monkeypatch):
    """Signing out has no limit, and leaves a message each time. What is too much for the cookie
    (here, anything) is dropped."""
    monkeypatch.setattr(HostCookieStorage, "max_cookie_size", 50)
    assert client.post(SIGN_OUT).url == "/"
    assert not Session.objects.exists()


def test_messages_of_a_member_that_are_too_long_for_the_cookie_are_kept(
    client_for, facilitator, monkeypatch, team, other_team
):
    monkeypatch.setattr(HostCookieStorage, "max_cookie_size", 50)
    client = client_for(facilitator)
    for each in (team, other_team):
        client.post(f"/teams/{each.slug}/join/")
    text = visible_text(client.get("/my/"))
    assert f"You have joined {team}." in text
    assert f"You have joined {other_team}." in text


def test_post_without_a_csrf_token_stores_nothing(team):
    browser = Client(enforce_csrf_checks=True)
    for path in (JOIN, CODE, NEW_CODE, SIGN_IN, SIGN_IN_CODE, ASK, SUGGEST, SIGN_OUT):
        assert browser.post(path, form(team, text="May I?")).status_code == 403, path
    assert not Session.objects.exists()


def test_pages_for_a_visitor_store_nothing(db):
    for name in (
        *("home", "team_list", "faq_list", "organization_list", "join", "join_code", "join_done"),
        *("account_login", "account_login_code", "question_ask", "question_done", "my_teams"),
        *("resource_list", "resource_suggest", "resource_suggested"),
        *("mfa_authenticate", "mfa_index", "admin:index", "privacy"),
    ):
        Client().get(reverse(name))
        assert not Session.objects.exists(), name
