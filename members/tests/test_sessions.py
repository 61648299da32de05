"""Where somebody is signed in: the list, ending one or all, and what ends sessions by itself."""

from datetime import timedelta

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import code_in, visible_text
from members.auth.session_store import NOTED_EVERY, UNKNOWN, browser_in_words, public_id
from members.models import Session
from members.services import end_sessions, reset_second_factor
from members.tests.second_factor import with_app
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


def row_of(client: Client) -> Session:
    return Session.objects.get(session_key=client.session.session_key)


def end_of(client: Client) -> str:
    """Where the session of `client` is ended."""
    return f"{SESSIONS}{public_id(client.session.session_key)}/end/"


def is_signed_in(client: Client) -> bool:
    return client.get("/my/profile/").status_code == 200


def used(client: Client, ago: timedelta) -> None:
    """The session of `client` was last used so long ago."""
    Session.objects.filter(pk=row_of(client).pk).update(last_used_at=timezone.now() - ago)


# The list ----------------------------------------------------------------------------------


def test_signing_in_keeps_the_browser_in_words_and_no_version_or_address(client, member, mails):
    client.post("/sign-in/", {"email": member.email}, headers={"User-Agent": FIREFOX})
    assert row_of(client).member is None
    code = code_in(mails()[-1])
    client.post("/sign-in/code/", {"code": code}, headers={"User-Agent": FIREFOX})
    row = row_of(client)
    assert (row.member, row.browser) == (member, "Firefox on Windows")
    stored = str(dict(client.session))
    assert "/140" not in stored
    assert "127.0.0.1" not in stored


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
        ("curl/8", UNKNOWN),
        ("", UNKNOWN),
        ("<b>" + "x" * 100_000, UNKNOWN),
    ],
)
def test_browsers_are_told_in_words(user_agent, words):
    assert browser_in_words(user_agent) == words


def test_page_lists_my_browsers_this_one_first_and_nobody_elses(client_for, member, colleague):
    other, stranger, client = client_for(member), client_for(colleague), client_for(member)
    Session.objects.filter(pk=row_of(other).pk).update(browser="Chrome on Mac")
    Session.objects.filter(pk=row_of(stranger).pk).update(browser="Opera on Linux")
    used(other, timedelta(days=2))
    page = client.get(SESSIONS)
    text = visible_text(page)
    assert text.index("This one") < text.index("Chrome on Mac")
    assert "Opera on Linux" not in text
    assert end_of(other) in page.content.decode()
    assert end_of(client) not in page.content.decode()
    assert client.session.session_key not in page.content.decode()
    assert other.session.session_key not in page.content.decode()


def test_sign_in_and_security_leads_to_the_page(client_for, member):
    assert f'href="{SESSIONS}"' in client_for(member).get("/two-factor/").content.decode()


def test_privacy_page_tells_what_is_kept_of_a_session(client, db):
    assert "which browser on which system, and when you last used it" in visible_text(
        client.get("/privacy/")
    )


def test_session_that_ran_out_is_not_listed(client_for, member):
    other, client = client_for(member), client_for(member)
    Session.objects.filter(pk=row_of(other).pk).update(expire_date=timezone.now())
    assert client.get(SESSIONS).content.decode().count("Sign out there") == 0


def test_page_asks_the_database_no_more_for_five_sessions_than_for_two(client_for, member):
    client, counts = client_for(member), []
    for number in (1, 3):
        for _ in range(number):
            client_for(member)
        with CaptureQueriesContext(connection) as queries:
            client.get(SESSIONS)
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("path", [SESSIONS, OTHERS, ALL, f"{SESSIONS}abc/end/"])
def test_visitor_is_asked_to_sign_in(client, db, path):
    assert client.get(path).url == f"/sign-in/?next={path}"
    assert client.post(path).url == f"/sign-in/?next={path}"


def test_my_data_tells_where_i_am_signed_in_without_the_keys(client_for, member):
    client = client_for(member)
    (told,) = personal_data(member)["signed_in_with"]
    assert told == {"browser": UNKNOWN, "last_used_at": row_of(client).last_used_at.isoformat()}
    assert client.session.session_key not in str(personal_data(member))


# Ending ------------------------------------------------------------------------------------


def test_one_press_signs_one_other_browser_out_at_its_next_request(client_for, member):
    lost, kept, client = client_for(member), client_for(member), client_for(member)
    answer = client.post(end_of(lost), follow=True)
    assert answer.redirect_chain == [(SESSIONS, 302)]
    assert "is signed out." in visible_text(answer)
    assert not is_signed_in(lost)
    assert is_signed_in(kept)
    assert is_signed_in(client)


def test_somebody_elses_session_does_not_exist(client_for, member, colleague):
    stranger, client = client_for(colleague), client_for(member)
    assert client.post(end_of(stranger)).status_code == 404
    assert is_signed_in(stranger)


def test_this_session_and_one_that_is_over_are_not_ended_there(client_for, member):
    over, client = client_for(member), client_for(member)
    path = end_of(over)
    over.post("/sign-out/")
    assert client.post(path).status_code == 404
    assert client.post(end_of(client)).status_code == 404
    assert is_signed_in(client)


def test_key_of_a_session_is_not_its_address(client_for, member):
    other, client = client_for(member), client_for(member)
    key = other.session.session_key
    assert client.post(f"{SESSIONS}{key}/end/").status_code == 404
    assert is_signed_in(other)


@pytest.mark.parametrize("method", ["get", "head"])
def test_reading_an_address_ends_nothing(client_for, member, method):
    other, client = client_for(member), client_for(member)
    for path in (SESSIONS, OTHERS, ALL, end_of(other)):
        assert getattr(client, method)(path).status_code in {200, 302}
    assert client.put(OTHERS).status_code == 405
    assert is_signed_in(other)
    assert is_signed_in(client)


def test_signing_out_everywhere_else_leaves_this_one_and_other_people(
    client_for, member, colleague
):
    other, stranger, client = client_for(member), client_for(colleague), client_for(member)
    client.post(OTHERS)
    assert not is_signed_in(other)
    assert is_signed_in(client)
    assert is_signed_in(stranger)


def test_signing_out_everywhere_ends_this_one_too(client_for, member, colleague):
    other, stranger, client = client_for(member), client_for(colleague), client_for(member)
    answer = client.post(ALL, follow=True)
    assert "You have signed out everywhere" in visible_text(answer)
    assert not is_signed_in(other)
    assert not is_signed_in(client)
    assert is_signed_in(stranger)


def test_signing_out_takes_the_row_away(client_for, member):
    client = client_for(member)
    client.post("/sign-out/")
    assert not Session.objects.filter(member=member).exists()


# What ends them by itself ------------------------------------------------------------------


def test_closing_the_account_ends_every_session(client_for, member):
    clients = [client_for(member), client_for(member)]
    close_account(member)
    assert not any(is_signed_in(client) for client in clients)
    assert not Session.objects.filter(member=member).exists()


def test_removing_the_second_step_ends_every_session(client_for, member, colleague):
    with_app(member)
    client, stranger = client_for(member), client_for(colleague)
    reset_second_factor(member)
    assert not is_signed_in(client)
    assert is_signed_in(stranger)


def test_losing_the_desk_ends_every_session(client_for, facilitator, team, administrator):
    client = client_for(facilitator)
    set_facilitators(team, [], by=administrator)
    assert not is_signed_in(client)


def test_who_keeps_the_desk_stays_signed_in(
    client_for, facilitator, team, other_team, administrator
):
    set_facilitators(other_team, [facilitator], by=administrator)
    client = client_for(facilitator)
    set_facilitators(team, [], by=administrator)
    assert is_signed_in(client)


def test_account_that_is_merged_is_signed_out(client_for, member, colleague, administrator):
    old, kept = client_for(colleague), client_for(member)
    merge_members(colleague, member, by=administrator)
    assert not Session.objects.filter(member=colleague).exists()
    assert not is_signed_in(old)
    assert is_signed_in(kept)


def test_ended_means_ended_for_a_request_that_is_under_way(client_for, member):
    client = client_for(member)
    begun = client.session
    begun["late"] = "answer"
    end_sessions(member)
    with pytest.raises(UpdateError):
        begun.save()
    assert not Session.objects.filter(member=member).exists()


# What is written ---------------------------------------------------------------------------


def writes_of(client: Client, path: str = "/my/") -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    verbs = ("INSERT", "UPDATE", "DELETE")
    return [query["sql"] for query in queries if query["sql"].startswith(verbs)]


def test_last_use_is_noted_at_most_every_few_minutes(client_for, member):
    client = client_for(member)
    assert writes_of(client) == []
    used(client, NOTED_EVERY - timedelta(seconds=30))
    assert writes_of(client) == []
    used(client, NOTED_EVERY)
    (noted,) = writes_of(client)
    assert noted.startswith('UPDATE "members_session" SET "last_used_at"')
    assert timezone.now() - row_of(client).last_used_at < timedelta(minutes=1)
    assert writes_of(client) == []


def test_noting_the_last_use_does_not_make_a_session_last_longer(client_for, member):
    client = client_for(member)
    before = row_of(client).expire_date
    used(client, timedelta(days=3))
    assert cookies_of(client.get("/my/")) == []
    assert row_of(client).expire_date == before


def cookies_of(response) -> list[str]:
    return [name for name in response.cookies if "session" in name]


def test_page_is_read_where_nothing_can_be_written(client_for, member):
    client = client_for(member)
    used(client, timedelta(days=3))

    def refuse(execute, sql, params, many, context):
        if sql.startswith("UPDATE"):
            raise OperationalError("disk full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        assert is_signed_in(client)


def test_visitor_with_a_journey_is_nobody_and_unlisted(client, db):
    client.post("/sign-in/", {"email": "somebody@rush.example"})
    row = row_of(client)
    assert (row.member, row.browser) == (None, "")


def test_database_refuses_a_browser_of_nobody(db):
    with pytest.raises(IntegrityError), transaction.atomic():
        Session.objects.create(session_key="x", expire_date=timezone.now(), browser="Firefox")


def test_sessions_that_ran_out_are_cleared(client_for, member):
    client = client_for(member)
    Session.objects.filter(pk=row_of(client).pk).update(expire_date=timezone.now())
    call_command("clearsessions")
    assert not Session.objects.exists()


def test_session_belongs_to_the_next_who_signs_in(client_for, member, colleague):
    client = client_for(member)
    client.force_login(colleague)
    assert row_of(client).member == colleague
    assert client.session[SESSION_KEY] == str(colleague.pk)
    assert not Session.objects.filter(member=member).exists()


@pytest.mark.parametrize(
    "key", ["x", "aaaaaaaaaaaa\x00", "A" * 32, "é" * 32, "a" * 33, "a" * 31, "'; DROP TABLE x"]
)
def test_cookie_that_is_none_of_ours_is_nobody_without_a_query(
    client, db, django_assert_num_queries, key
):
    client.cookies["sessionid"] = key
    with django_assert_num_queries(0):
        assert client.get("/privacy/").status_code == 200
