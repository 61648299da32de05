"""Where members are signed in: the list, ending one or all, and what else ends sessions."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import code_in, visible_text
from members.services import (
    delete_ended_sessions,
    describe_browser,
    end_sessions,
    export_sessions,
    reset_second_factor,
)
from members.services.sessions import LAST_USE_INTERVAL, UNKNOWN_BROWSER
from members.tests.second_factor import activate_app
from teams.services import close_account, merge_members, personal_data, set_facilitators

SESSIONS = "/my/sessions/"
OTHERS = f"{SESSIONS}end-others/"
ALL = f"{SESSIONS}end-all/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/"
CHROME = f"{MAC}537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
SAFARI = f"{MAC}605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, "
PHONE += "like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
ANDROID = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) "
ANDROID += "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36"


def user_session_of(client: Client) -> UserSession:
    return UserSession.objects.get(session_key=client.session.session_key)


def end_url(client: Client) -> str:
    """Return where the session of `client` is ended."""
    return f"{SESSIONS}{user_session_of(client).pk}/end/"


def is_signed_in(client: Client) -> bool:
    return client.get("/my/profile/").status_code == 200


def set_last_use(client: Client, ago: timedelta) -> None:
    """Let the session of `client` be used last that long ago, and not be noted since."""
    key = client.session.session_key
    UserSession.objects.filter(session_key=key).update(last_seen_at=timezone.now() - ago)
    caches["last_use"].clear()


def sign_in(client: Client, email: str, queued_emails, **headers: str):
    """Sign in by code; returns the response to the code."""
    client.post("/sign-in/", {"email": email}, headers=headers)
    return client.post("/sign-in/code/", {"code": code_in(queued_emails()[-1])}, headers=headers)


# The list ----------------------------------------------------------------------------------


def test_sign_in_records_browser_and_network_address(client, member, queued_emails):
    sign_in(client, member.email, queued_emails, user_agent=FIREFOX)
    session = user_session_of(client)
    assert (session.user, session.user_agent) == (member, FIREFOX)
    assert session.ip == "127.0.0.1"
    assert "Firefox on Windows" in visible_text(client.get(SESSIONS))


@pytest.mark.parametrize("remote", ["", "fe80::1%eth0", "::ffff:198.51.100.7"])
def test_sign_in_works_from_any_network_address(db, member, queued_emails, remote):
    client = Client(REMOTE_ADDR=remote)
    assert sign_in(client, member.email, queued_emails).url == "/my/"
    assert is_signed_in(client)


def test_sign_in_records_the_new_session(client, member, queued_emails):
    client.post("/sign-in/", {"email": member.email})
    assert not UserSession.objects.exists()
    client.post("/sign-in/code/", {"code": code_in(queued_emails()[-1])})
    assert UserSession.objects.get().session_key == client.session.session_key


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (FIREFOX, "Firefox on Windows"),
        (CHROME, "Chrome on Mac"),
        (f"{CHROME} Edg/140.0.0.0", "Edge on Mac"),
        (f"{CHROME} OPR/120.0.0.0", "Opera on Mac"),
        (SAFARI, "Safari on Mac"),
        (PHONE, "Safari on iPhone"),
        (ANDROID, "Samsung Internet on Android"),
        ("Mozilla/5.0 (X11; Linux x86_64) Something/1.0", "A browser on Linux"),
        ("Firefox/1.0", "Firefox"),
        ("curl/8", UNKNOWN_BROWSER),
        ("", UNKNOWN_BROWSER),
        ("<b>" + "x" * 100_000, UNKNOWN_BROWSER),
    ],
)
def test_describe_browser_names_browser_and_system(user_agent, words):
    assert describe_browser(user_agent) == words


def test_my_sessions_lists_my_browsers_this_one_first(client_for, member, colleague):
    client_for(colleague)
    other, client = client_for(member), client_for(member)
    UserSession.objects.filter(user=member).update(user_agent=CHROME)
    UserSession.objects.filter(user=colleague).update(user_agent=FIREFOX)
    set_last_use(other, timedelta(days=2))
    page = client.get(SESSIONS)
    text = visible_text(page)
    assert text.index("This one") < text.rindex("Chrome on Mac")
    assert "Firefox on Windows" not in text
    assert end_url(other) in page.content.decode()
    assert end_url(client) not in page.content.decode()
    assert client.session.session_key not in page.content.decode()
    assert other.session.session_key not in page.content.decode()


def test_security_page_links_to_my_sessions(client_for, member):
    assert f'href="{SESSIONS}"' in client_for(member).get("/two-factor/").content.decode()


def test_privacy_page_names_network_address_and_browser(client, db):
    text = visible_text(client.get("/privacy/"))
    assert "the network address and browser with which you signed in" in text


def test_my_sessions_does_not_list_an_expired_session(client_for, member):
    other, client = client_for(member), client_for(member)
    expire(other)
    assert client.get(SESSIONS).content.decode().count("Sign out there") == 0


def test_my_sessions_takes_the_same_queries_for_more_sessions(client_for, member):
    client, counts = client_for(member), []
    for number in (1, 3):
        for _ in range(number):
            client_for(member)
        with CaptureQueriesContext(connection) as queries:
            client.get(SESSIONS)
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("path", [SESSIONS, OTHERS, ALL, f"{SESSIONS}1/end/"])
def test_my_sessions_asks_a_visitor_to_sign_in(client, db, path):
    assert client.get(path).url == f"/sign-in/?next={path}"
    assert client.post(path).url == f"/sign-in/?next={path}"


def test_my_sessions_works_for_a_session_that_was_not_recorded(client, member):
    client.force_login(member)
    assert client.get(SESSIONS).status_code == 200
    assert client.post(OTHERS).status_code == 302
    assert is_signed_in(client)
    client.post(ALL)
    assert not is_signed_in(client)


def test_export_sessions_lists_everything_but_the_keys(client, member, queued_emails):
    sign_in(client, member.email, queued_emails, user_agent=FIREFOX)
    session = user_session_of(client)
    assert personal_data(member)["signed_in_with"] == export_sessions(member)
    assert export_sessions(member) == [
        {
            "browser": "Firefox on Windows",
            "user_agent": FIREFOX,
            "network_address": "127.0.0.1",
            "signed_in_at": session.created_at.isoformat(),
            "last_used_at": session.last_seen_at.isoformat(),
        }
    ]


# Ending ------------------------------------------------------------------------------------


def test_my_session_end_signs_one_browser_out_at_its_next_request(client_for, member):
    ended, remaining, client = client_for(member), client_for(member), client_for(member)
    response = client.post(end_url(ended), follow=True)
    assert response.redirect_chain == [(SESSIONS, 302)]
    assert "is signed out." in visible_text(response)
    assert not is_signed_in(ended)
    assert is_signed_in(remaining)
    assert is_signed_in(client)


def test_my_session_end_of_another_member_is_a_404(client_for, member, colleague):
    stranger, client = client_for(colleague), client_for(member)
    assert client.post(end_url(stranger)).status_code == 404
    assert is_signed_in(stranger)


def test_my_session_end_of_this_or_an_ended_session_is_a_404(client_for, member):
    over, client = client_for(member), client_for(member)
    path = end_url(over)
    over.post("/sign-out/")
    assert client.post(path).status_code == 404
    assert client.post(end_url(client)).status_code == 404
    assert is_signed_in(client)


@pytest.mark.parametrize("method", ["get", "head"])
def test_my_session_end_does_nothing_on_get(client_for, member, method):
    other, client = client_for(member), client_for(member)
    for path in (SESSIONS, OTHERS, ALL, end_url(other)):
        assert getattr(client, method)(path).status_code in {200, 302}
    assert client.put(OTHERS).status_code == 405
    assert is_signed_in(other)
    assert is_signed_in(client)


def test_my_sessions_end_others_leaves_this_one_and_other_people(client_for, member, colleague):
    other, stranger, client = client_for(member), client_for(colleague), client_for(member)
    client.post(OTHERS)
    assert not is_signed_in(other)
    assert is_signed_in(client)
    assert is_signed_in(stranger)


def test_my_sessions_end_all_ends_this_one_too(client_for, member, colleague):
    other, stranger, client = client_for(member), client_for(colleague), client_for(member)
    response = client.post(ALL, follow=True)
    assert "You have signed out everywhere" in visible_text(response)
    assert not is_signed_in(other)
    assert not is_signed_in(client)
    assert is_signed_in(stranger)


def test_sign_out_deletes_the_recorded_session(client_for, member):
    client = client_for(member)
    client.post("/sign-out/")
    assert not UserSession.objects.exists()
    assert not Session.objects.exists()


# What else ends them ------------------------------------------------------------------


def test_close_account_ends_every_session(client_for, member):
    clients = [client_for(member), client_for(member)]
    close_account(member)
    assert not any(is_signed_in(client) for client in clients)
    assert not UserSession.objects.filter(user=member).exists()


def test_reset_second_factor_ends_every_session(client_for, member, colleague):
    activate_app(member)
    client, stranger = client_for(member), client_for(colleague)
    reset_second_factor(member)
    assert not is_signed_in(client)
    assert is_signed_in(stranger)


def test_set_facilitators_ends_the_sessions_of_who_loses_the_desk(
    client_for, facilitator, team, administrator
):
    client = client_for(facilitator)
    set_facilitators(team, [], by=administrator)
    assert not is_signed_in(client)


def test_set_facilitators_leaves_who_keeps_the_desk_signed_in(
    client_for, facilitator, team, other_team, administrator
):
    set_facilitators(other_team, [facilitator], by=administrator)
    client = client_for(facilitator)
    set_facilitators(team, [], by=administrator)
    assert is_signed_in(client)


def test_merge_members_ends_the_sessions_of_the_duplicate(
    client_for, member, colleague, administrator
):
    old, remaining = client_for(colleague), client_for(member)
    merge_members(colleague, member, by=administrator)
    assert not UserSession.objects.filter(user=colleague).exists()
    assert not is_signed_in(old)
    assert is_signed_in(remaining)


def test_end_sessions_holds_for_a_request_under_way(client_for, member):
    client = client_for(member)
    session = client.session
    session["late"] = "answer"
    end_sessions(member)
    with pytest.raises(UpdateError):
        session.save()
    assert not Session.objects.exists()


# What is written ---------------------------------------------------------------------------


def writes_of(client: Client, path: str = "/my/") -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    verbs = ("INSERT", "UPDATE", "DELETE")
    return [query["sql"] for query in queries if query["sql"].startswith(verbs)]


def test_last_use_is_noted_at_most_every_five_minutes(client_for, member):
    client = client_for(member)
    set_last_use(client, LAST_USE_INTERVAL)
    # The page that a redirect leads to notes it.
    assert writes_of(client, "/sign-in/") == []
    (update,) = writes_of(client)
    assert update.startswith('UPDATE "usersessions_usersession" SET "last_seen_at"')
    assert timezone.now() - user_session_of(client).last_seen_at < timedelta(minutes=1)
    assert writes_of(client) == []


def test_last_use_is_not_noted_twice_by_two_processes(client_for, member):
    """The second one has no memory of what the first has noted; the database has."""
    client = client_for(member)
    set_last_use(client, LAST_USE_INTERVAL - timedelta(seconds=30))
    before = user_session_of(client).last_seen_at
    client.get("/my/")
    assert user_session_of(client).last_seen_at == before


def test_last_use_does_not_make_a_session_last_longer(client_for, member):
    client = client_for(member)
    before = Session.objects.get().expire_date
    set_last_use(client, timedelta(days=3))
    assert session_cookies_of(client.get("/my/")) == []
    assert Session.objects.get().expire_date == before


def test_last_use_of_a_visitor_is_not_noted(client, db):
    client.post("/sign-in/", {"email": "new@rush.example"})
    assert writes_of(client, "/sign-in/code/") == []


def expire(client: Client) -> None:
    Session.objects.filter(pk=client.session.session_key).update(expire_date=timezone.now())


def session_cookies_of(response) -> list[str]:
    return [name for name in response.cookies if "session" in name]


def test_last_use_is_skipped_where_nothing_can_be_written(client_for, member):
    client = client_for(member)
    set_last_use(client, timedelta(days=3))

    def refuse(execute, sql, params, many, context):
        if sql.startswith("UPDATE"):
            raise OperationalError("disk full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        assert is_signed_in(client)


def test_delete_ended_sessions_keeps_only_those_that_go_on(client_for, member, colleague):
    expired, gone, active = client_for(member), client_for(member), client_for(colleague)
    expire(expired)
    Session.objects.filter(pk=gone.session.session_key).delete()
    delete_ended_sessions()
    assert Session.objects.get().session_key == active.session.session_key
    assert UserSession.objects.get().user == colleague


def test_sign_in_of_the_next_member_replaces_the_session(client, member, colleague, queued_emails):
    sign_in(client, member.email, queued_emails)
    old = client.session.session_key
    client.post("/sign-out/")
    sign_in(client, colleague.email, queued_emails)
    assert user_session_of(client).user == colleague
    assert client.session[SESSION_KEY] == str(colleague.pk)
    assert not Session.objects.filter(pk=old).exists()
