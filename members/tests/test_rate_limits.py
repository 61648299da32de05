"""Limits that hold over several workers, and say when to try again."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.core import signing
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from django.utils import timezone

from conftest import code_in, visible_text
from members.auth.adapters import UNKNOWN_ADDRESS
from members.auth.rate_limits import (
    TooManyRequestsError,
    count_or_raise,
    delete_expired_counters,
    networks,
    rate_limited,
)


class Clock:
    """Time stands still until `now` is set."""

    def __init__(self) -> None:
        self.now = time.time()

    def time(self) -> float:
        return self.now


def is_allowed(address: str) -> bool:
    """Return whether one more code for `address` is allowed; for a thread of its own."""
    try:
        count_or_raise(RequestFactory().post("/"), "code", key=address)
    except TooManyRequestsError:
        return False
    finally:
        connection.close()
    return True


@pytest.mark.both_databases
def test_count_or_raise_is_exact_over_workers(shared_cache, settings):
    settings.RATE_LIMITS = {"code": "5/15m/key"}
    with ThreadPoolExecutor(4) as workers:
        responses = list(workers.map(is_allowed, ["nora@rush.example"] * 12))
    assert responses.count(True) == 5
    with ThreadPoolExecutor(1) as workers:
        assert workers.submit(is_allowed, "other@rush.example").result()


def test_count_or_raise_says_when_the_window_has_room_again(settings):
    settings.RATE_LIMITS = {"code": "2/10m/key,9/1m/ip"}
    request = RequestFactory().post("/")
    for _ in range(2):
        count_or_raise(request, "code", key="nora@rush.example")
    with pytest.raises(TooManyRequestsError) as refused:
        count_or_raise(request, "code", key="nora@rush.example")
    wait = refused.value.retry_at - datetime.now(UTC)
    assert timedelta(minutes=9) < wait <= timedelta(minutes=10)


def test_count_or_raise_stores_no_plain_address(settings):
    settings.RATE_LIMITS = {"code": "2/10m/key"}
    count_or_raise(RequestFactory().post("/"), "code", key="nora@rush.example")
    assert not [key for key in cache._cache if "nora" in key]


# Clocks ------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch) -> Clock:
    """The clock of this machine, which can be set back."""
    clock = Clock()
    monkeypatch.setattr(time, "time", clock.time)
    return clock


def use_up(action: str, number: int, key: str = "nora@rush.example") -> None:
    """Count as often as there is room, and see the refusal."""
    request = RequestFactory().post("/")
    for _ in range(number):
        count_or_raise(request, action, key=key)
    with pytest.raises(TooManyRequestsError):
        count_or_raise(request, action, key=key)


@pytest.mark.parametrize("back", [60, 60 * 60, 400 * 24 * 60 * 60])
def test_counts_of_a_clock_that_went_back_lock_nobody_out(clock, settings, back):
    settings.RATE_LIMITS = {"code": "9/15m/ip,2/15m/key"}
    clock.now += back
    use_up("code", 2)
    clock.now -= back
    use_up("code", 2)


def test_counts_of_a_clock_that_is_a_little_ahead_count(clock, settings):
    """Web hosts differ by seconds; nobody gets more by asking the one after the other."""
    settings.RATE_LIMITS = {"code": "3/15m/key"}
    clock.now += 10
    count_or_raise(RequestFactory().post("/"), "code", key="nora@rush.example")
    clock.now -= 10
    use_up("code", 2)


def test_refusal_after_the_clock_went_back_promises_no_time_far_ahead(clock, settings):
    settings.RATE_LIMITS = {"code": "2/15m/key,9/15m/ip"}
    clock.now += 24 * 60 * 60
    use_up("code", 2)
    clock.now -= 24 * 60 * 60
    use_up("code", 2)
    with pytest.raises(TooManyRequestsError) as refused:
        count_or_raise(RequestFactory().post("/"), "code", key="nora@rush.example")
    assert refused.value.retry_at.timestamp() < clock.now + 15 * 60 + 1


# Codes -------------------------------------------------------------------------------------


def enter_wrong_codes(client, number: int) -> None:
    for _ in range(number):
        client.post("/sign-in/code/", {"code": "WRNGCD"})


@pytest.mark.django_db
def test_code_limits_do_not_let_strangers_lock_a_member_out(
    client, member, queued_emails, settings
):
    """They request codes for another address and enter wrong ones, from another network."""
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"code_of_recognized": "9/15m/ip,2/15m/key"}
    for _ in range(2):
        stranger = Client(REMOTE_ADDR="198.51.100.9")
        assert stranger.post("/sign-in/", {"email": member.email}).status_code == 302
        enter_wrong_codes(stranger, 5)
    assert stranger.post("/sign-in/", {"email": member.email}).status_code == 429
    assert client.post("/sign-in/", {"email": member.email}).status_code == 302
    response = client.post("/sign-in/code/", {"code": code_in(queued_emails()[-1])})
    assert response.status_code == 302
    assert client.get("/my/").status_code == 200


@pytest.mark.django_db
def test_code_limits_hold_for_an_address_over_all_networks(member, queued_emails, settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"code_of_address": "6/15m/key"}
    responses = [
        Client(REMOTE_ADDR=f"198.51.{network}.9").post("/sign-in/", {"email": member.email})
        for network in range(8)
    ]
    assert [response.status_code for response in responses] == [302] * 6 + [429] * 2
    assert len(queued_emails()) == 6


@pytest.mark.django_db
def test_code_limits_store_nothing_for_a_refused_network(client, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "code": "3/15m/ip,5/15m/key"}
    for number in range(3):
        client.post("/sign-in/", {"email": f"p{number}@rush.example"})
    entries = len(cache._cache)
    for number in range(3, 9):
        client.post("/sign-in/", {"email": f"p{number}@rush.example"})
    assert len(cache._cache) == entries


def test_rate_limits_count_the_network_before_the_key(settings):
    for action, rates in settings.RATE_LIMITS.items():
        kinds = [rate.rpartition("/")[2] for rate in rates.split(",")]
        assert kinds == sorted(kinds), action


@pytest.mark.both_databases
def test_delete_expired_counters_keeps_those_that_count(shared_cache):
    cache.set("over", 1, -1)
    cache.set("holds", 1, 60)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE test_limits_cache SET expires = %s", [timezone.now()])
        delete_expired_counters()
        cursor.execute("SELECT count(*) FROM test_limits_cache")
        assert cursor.fetchone()[0] == 0
    cache.set("fresh", 1, 60)
    delete_expired_counters()
    assert cache.get("fresh") == 1


# Behind proxies ----------------------------------------------------------------------------

SPOOFED = "6.6.6.6, 7.7.7.7"


def counted_networks(
    settings, proxies: int, forwarded: str | None, remote: str = "10.0.0.1"
) -> list[str]:
    """The networks that a request counts for."""
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    return networks(RequestFactory().get("/", headers=headers, REMOTE_ADDR=remote))


@pytest.mark.parametrize(
    ("proxies", "forwarded", "counted"),
    [
        (0, None, "10.0.0.1"),
        (0, SPOOFED, "10.0.0.1"),  # what visitors say of themselves is nothing
        (1, "198.51.100.7", "198.51.100.7"),
        (1, f"{SPOOFED}, 198.51.100.7", "198.51.100.7"),
        (2, "198.51.100.7, 10.0.0.9", "198.51.100.7"),
        (2, f"{SPOOFED}, 198.51.100.7, 10.0.0.9", "198.51.100.7"),
        (1, " 198.51.100.7:55555 ", "198.51.100.7"),
        # Past the proxies: all of them together.
        (1, None, "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (2, "198.51.100.7", UNKNOWN_ADDRESS),
        (1, "nobody", UNKNOWN_ADDRESS),
        (1, f"{SPOOFED}, ", UNKNOWN_ADDRESS),
    ],
)
def test_get_client_ip_is_the_address_that_our_own_proxies_saw(
    settings, proxies, forwarded, counted
):
    assert counted_networks(settings, proxies, forwarded) == [counted]


@pytest.mark.parametrize(
    ("written", "counted"),
    [
        ("2001:db8:1:2:aaaa::1", ["2001:db8:1:2::/64", "2001:db8:1::/48"]),
        ("2001:db8:1:2:bbbb::9", ["2001:db8:1:2::/64", "2001:db8:1::/48"]),
        ("2001:db8:1:3::1", ["2001:db8:1:3::/64", "2001:db8:1::/48"]),
        ("2001:db8:2::1", ["2001:db8:2::/64", "2001:db8:2::/48"]),
        ("[2001:db8:1:2:cccc::1]:443", ["2001:db8:1:2::/64", "2001:db8:1::/48"]),
        ("::ffff:198.51.100.7", ["198.51.100.7"]),
    ],
)
def test_networks_of_an_ipv6_address_are_a_small_and_a_wide_one(settings, written, counted):
    assert counted_networks(settings, 1, written) == counted
    assert counted_networks(settings, 0, None, remote=written) == counted


def test_networks_without_an_address_are_that_of_all_unknown_ones(settings):
    assert counted_networks(settings, 1, None, remote="") == [UNKNOWN_ADDRESS]


def is_counted(address: str, action: str = "check") -> bool:
    """Return whether there was room for one request from this network address."""
    try:
        count_or_raise(RequestFactory().post("/", REMOTE_ADDR=address), action)
    except TooManyRequestsError:
        return False
    return True


def test_wide_ipv6_network_has_a_limit_too(settings):
    """A customer who gets a /48 has 65,536 networks of the smaller kind."""
    settings.RATE_LIMITS = {"check": "3/5m/ip"}
    responses = [is_counted(f"2001:db8:1:{number:x}::1") for number in range(20)]
    assert responses == [True] * 6 + [False] * 14
    assert is_counted("2001:db8:2:1::1")


def test_small_ipv6_network_uses_up_no_wide_one(settings):
    settings.RATE_LIMITS = {"check": "3/5m/ip"}
    responses = [is_counted(f"2001:db8:1:1::{number:x}") for number in range(20)]
    assert responses == [True] * 3 + [False] * 17
    assert [is_counted("2001:db8:1:2::1") for _ in range(4)] == [True] * 3 + [False]


@pytest.mark.parametrize("action", ["code", "question"])
def test_rate_limits_of_every_kind_hold_in_a_wide_network(settings, action):
    amount = int(settings.RATE_LIMITS[action].partition("/")[0])
    responses = []
    for number in range(2 * amount + 1):
        request = RequestFactory().post("/", REMOTE_ADDR=f"2001:db8:9:{number:x}::1")
        try:
            count_or_raise(request, action, key=f"p{number}@rush.example")
        except TooManyRequestsError:
            responses.append(number)
    assert responses == [2 * amount]


@pytest.mark.django_db
@pytest.mark.parametrize("proxies", [0, 1])
def test_code_limits_ignore_spoofed_headers(client, settings, proxies, queued_emails):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "code": "3/15m/ip"}
    responses = [
        client.post(
            "/sign-in/",
            {"email": f"p{number}@rush.example"},
            headers={"x-forwarded-for": f"6.6.6.{number}, 198.51.100.7"},
        ).status_code
        for number in range(5)
    ]
    assert responses == [302] * 3 + [429] * 2
    assert len(queued_emails()) == 3


# Programs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/join/", "/sign-in/"])
def test_honeypot_form_sends_no_code_to_a_program(client, team, queued_emails, path):
    """The page comes back with the input, without a reproach, and the second press works."""
    fields = {
        "full_name": "Nora Newcomer",
        "email": "nora@rush.example",
        "teams": team.slug,
    }
    page = client.get(path).content.decode()
    assert page.count('class="not-for-people" aria-hidden="true"') == 1
    assert 'name="website" id="id_website" tabindex="-1" autocomplete="off"' in page
    refused = client.post(path, {**fields, "website": "https://spam.example"})
    assert refused.status_code == 200
    assert "press “Send me a code” once more" in refused.content.decode()
    assert "Error" not in refused.content.decode()
    assert 'value="nora@rush.example"' in refused.content.decode()
    assert "spam.example" not in refused.content.decode()
    assert queued_emails() == []
    (token,) = re.findall(r'name="confirmed" value="([^"]+)"', refused.content.decode())
    # A browser that fills in everything does so again.
    filled = {**fields, "website": "https://spam.example"}
    for forged in ("", "x", token[:-1], signing.dumps("", salt="other")):
        assert client.post(path, {**filled, "confirmed": forged}).status_code == 200
    assert client.post(path, {**filled, "confirmed": token}).status_code == 302
    assert len(queued_emails()) == 1


def test_honeypot_form_says_what_is_wrong_before_it_asks_for_a_second_press(client, team):
    page = visible_text(client.post("/sign-in/", {"email": "nora", "website": "x"}))
    assert "Enter your work email address" in page
    assert "once more" not in page


# Outages -----------------------------------------------------------------------------------


@pytest.fixture
def email_outage(client, transactional_db):
    """`with email_outage():` the database takes no new email, and the person sees an error."""
    client.raise_request_exception = False

    def refuse(execute, sql, params, many, context):
        if sql.startswith('INSERT INTO "post_office_email"'):
            raise OperationalError("the database is away")
        return execute(sql, params, many, context)

    return lambda: connection.execute_wrapper(refuse)


def test_rate_limited_does_not_count_codes_that_were_never_queued(
    client, email_outage, queued_emails, settings
):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"code": "9/15m/ip,2/15m/key"}

    def request_code() -> int:
        return client.post("/sign-in/", {"email": "nora@rush.example"}).status_code

    with email_outage():
        assert {request_code() for _ in range(3)} == {503}
    assert queued_emails() == []
    assert [request_code() for _ in range(3)] == [302] * 2 + [429]
    with email_outage():
        assert request_code() == 429  # it is not tried at all
    assert request_code() == 429
    assert len(queued_emails()) == 2


def test_send_code_in_an_outage_leaves_the_code_before(client, email_outage, member, queued_emails):
    client.post("/sign-in/", {"email": member.email})
    code = code_in(queued_emails()[0])
    with email_outage():
        assert {client.post("/sign-in/code/new/").status_code for _ in range(8)} == {503}
    assert client.post("/sign-in/code/", {"code": code}).url == "/my/"
    assert len(queued_emails()) == 1


def test_rate_limited_does_not_count_what_fails(settings):
    settings.RATE_LIMITS = {"code": "2/10m/key,9/1m/ip"}
    request = RequestFactory().post("/")
    for _ in range(3):
        with (
            pytest.raises(ZeroDivisionError),
            rate_limited(request, "code", key="nora@rush.example"),
        ):
            raise ZeroDivisionError
    for _ in range(2):
        with rate_limited(request, "code", key="nora@rush.example"):
            pass
    done = []
    with (
        pytest.raises(TooManyRequestsError),
        rate_limited(request, "code", key="nora@rush.example"),
    ):
        done.append("what is limited")
    assert done == []
