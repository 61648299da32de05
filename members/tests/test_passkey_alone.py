"""Signing in by a passkey alone: both steps at once, for those who have one, naming nobody."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from fido2.utils import websafe_encode
from post_office.models import Email

from conftest import code_in, visible_text
from members.models import Member
from members.tests.passkeys import LOGIN, Device, request_options, sign_in_by
from members.tests.second_factor import well_formed_credential

pytestmark = pytest.mark.django_db
PASSKEY_FAILED = "The passkey did not work"


@pytest.fixture
def device(facilitator) -> Device:
    return Device(facilitator)


def is_signed_in(client: Client) -> bool:
    return client.get("/my/").status_code == 200


def test_passkey_alone_opens_the_desk_without_an_email(client, device, facilitator, settings):
    settings.STAFF_SECOND_FACTOR = True
    response = sign_in_by(device, client, f"{LOGIN}?next=/admin/")
    assert response.url == "/admin/"
    assert client.get("/admin/").status_code == 200
    assert UserSession.objects.get().user == facilitator
    assert not Email.objects.exists()
    device.passkey.refresh_from_db()
    assert device.passkey.last_used_at


def test_passkey_alone_works_where_no_code_is_sent_any_longer(client, device, settings):
    """Strangers have asked for codes to this address, and used up what all networks may."""
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "code_of_address": "1/15m/key"}
    for _ in range(2):
        refused = Client().post("/sign-in/", {"email": device.member.email})
    assert refused.status_code == 429
    assert sign_in_by(device, client).url == "/admin/"
    assert is_signed_in(client)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_passkey_alone_never_leads_to_another_site(client, device, target):
    assert sign_in_by(device, client, f"{LOGIN}?next={target}").url == "/admin/"


def test_passkey_alone_is_used_once(client, device):
    credential = device.assertion(request_options(client))
    key = client.session.session_key
    client.post(LOGIN, {"credential": credential})
    stranger = Client()
    stranger.cookies["sessionid"] = key
    stranger.post(LOGIN, {"credential": credential})
    assert not is_signed_in(stranger)


def test_passkey_alone_signed_for_another_browser_is_refused(client, device):
    credential = device.assertion(request_options(Client()))
    for _ in range(2):
        assert client.post(LOGIN, {"credential": credential}).url == "/sign-in/?"
        # The second time, this browser has a challenge of its own.
        request_options(client)
    assert not is_signed_in(client)


def test_passkey_without_fingerprint_or_pin_is_no_way_in_alone(client, facilitator):
    device = Device(facilitator, verifies=False)
    response = sign_in_by(device, client)
    assert PASSKEY_FAILED in visible_text(client.get(response.url))
    assert not is_signed_in(client)


def test_challenge_of_the_second_step_does_not_let_a_touch_in(client, facilitator, member):
    """A thief of a security key, without its PIN, has an account and gets a challenge with it."""
    stolen, own = Device(facilitator, verifies=False), Device(member)
    client.post("/sign-in/", {"email": own.member.email})
    client.post("/sign-in/code/", {"code": code_in(Email.objects.get())})
    options = client.get("/two-factor/authenticate/").context["js_data"]["request_options"]
    client.post(LOGIN, {"credential": stolen.assertion(options)})
    assert not is_signed_in(client)


@pytest.mark.parametrize("credential", ["{}", "[]", "1", "no json", '{"id": "x"}', "[" * 9_000])
def test_passkey_alone_refuses_a_malformed_credential(client, db, credential):
    request_options(client)
    assert client.post(LOGIN, {"credential": credential}).status_code == 400


@pytest.mark.parametrize("handle", ["zzzzzzzzzzzzzz", "1", "-1", "é", "", "\x00"])
def test_passkey_alone_answers_alike_whoever_is_named(client, device, handle):
    """Nobody, someone without a passkey, or what is no name at all."""
    response = sign_in_by(device, client, userHandle=websafe_encode(handle.encode()))
    assert PASSKEY_FAILED in visible_text(client.get(response.url))
    assert not is_signed_in(client)


def test_passkey_alone_of_another_member_is_refused(client, device, member):
    Device(member)
    handle = websafe_encode(str(member.pk).encode())
    assert sign_in_by(device, client, userHandle=handle).status_code == 302
    assert not is_signed_in(client)


def test_passkey_alone_without_a_credential_says_that_it_did_not_work(client, db):
    for data in ({}, {"credential": ""}, {"credential": well_formed_credential()}):
        response = client.post(f"{LOGIN}?next=/my/data/", data)
        assert response.url == "/sign-in/?next=%2Fmy%2Fdata%2F"
        assert PASSKEY_FAILED in visible_text(client.get(response.url))
    assert not Session.objects.exists()


def test_passkey_alone_of_a_closed_account_says_so(client, device):
    Member.objects.filter(pk=device.member.pk).update(is_active=False)
    response = sign_in_by(device, client)
    assert response.status_code == 403
    assert "closed" in visible_text(response)
    assert not is_signed_in(client)


def test_passkey_that_was_removed_signs_nobody_in(client, device):
    Authenticator.objects.all().delete()
    assert sign_in_by(device, client).url == "/sign-in/?"
    assert not is_signed_in(client)


def test_passkey_alone_forgets_what_another_person_left_half_way(client, device, member, team):
    Device(member)
    form = {"full_name": "Maria", "email": member.email}
    client.post("/join/", {**form, "teams": team.slug})
    client.post("/join/code/", {"code": code_in(Email.objects.latest("pk"))})
    assert "join_result" in client.session
    client.get("/two-factor/authenticate/")
    options = client.get("/two-factor/authenticate/").context["js_data"]["request_options"]
    client.post(LOGIN, {"credential": device.assertion(options)})
    assert client.session["_auth_user_id"] == str(device.member.pk)
    assert "join_result" not in client.session


def test_challenges_are_stored_only_as_far_as_the_limit_goes(client, db, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "passkey": "3/15m/ip"}
    headers = {"accept": "application/json"}
    statuses = [Client().get(LOGIN, headers=headers).status_code for _ in range(5)]
    assert statuses == [200] * 3 + [429] * 2
    assert Session.objects.count() == 3
    assert max(len(each.session_data) for each in Session.objects.all()) < 500


def test_page_of_the_challenge_opened_as_a_link_leads_to_the_sign_in(client, db):
    assert client.get(LOGIN).url == "/sign-in/"
    assert not Session.objects.exists()


def test_second_press_of_the_passkey_lands_where_the_first_did(client, device):
    path = f"{LOGIN}?next=/my/data/"
    credential = {"credential": device.assertion(request_options(client))}
    slow = Client()
    slow.cookies["sessionid"] = client.cookies["sessionid"].value
    pressed = [client.post(path, credential), slow.post(path, credential)]
    pressed.append(client.post(path, credential))
    assert [each.url for each in pressed] == ["/my/data/"] * 3
    assert is_signed_in(client)
