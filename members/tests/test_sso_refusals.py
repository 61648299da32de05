"""What a hospital's service is refused: addresses it may not verify, and what goes wrong."""

import logging
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from members.auth.sso_claims import UntrustedClaimError, verified_email
from members.tests.oidc import (
    CALLBACK,
    MARIA_CLAIMS,
    START,
    callback_url,
    free_port,
    is_refused,
    is_signed_in,
    provider_at,
    sign_in_by_provider,
    start_and_get_state,
)

# Addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "maria@rush.example"},
        {"email": "maria@rush.example", "email_verified": False},
        {"email": "maria@rush.example", "email_verified": "true"},
        {"email": "maria@rush.example", "email_verified": 1},
        {"email": "olga@loop.example", "email_verified": True},
        {"email": "maria@notrush.example", "email_verified": True},
        {"email": "maria@rush.example@loop.example", "email_verified": True},
        {"email": "maria@rush.example\n", "email_verified": None},
        {"email": "", "email_verified": True},
        {"email_verified": True, "preferred_username": "maria@rush.example"},
        {"email": ["maria@rush.example"], "email_verified": True},
    ],
)
def test_verified_email_refuses_an_address_that_the_provider_may_not_verify(claims):
    with pytest.raises(UntrustedClaimError):
        verified_email(provider_at("https://login.example.org"), claims)


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "maria@rush.example", "email_verified": False},
        {"email": "olga@loop.example", "email_verified": True},
    ],
)
def test_sso_callback_refuses_an_address_that_the_provider_may_not_verify(
    client, rush, member, outsider, claims, caplog
):
    with caplog.at_level(logging.INFO):
        response = sign_in_by_provider(client, **claims)
    assert is_refused(client, response, 403, "did not confirm a work address")
    assert not is_signed_in(client)
    assert "verified_email" not in client.session
    log_lines = [line.getMessage() for line in caplog.records if line.name == "portal.sso"]
    assert log_lines
    assert "example" not in log_lines[0]


@pytest.mark.parametrize(
    ("claims", "is_trusted", "is_verified"),
    [
        ({"email_verified": True}, False, True),
        ({"email_verified": True}, True, True),
        ({}, False, False),
        ({}, True, True),
        ({"email_verified": False}, True, False),
        ({"email_verified": None}, True, False),
        ({"email_verified": "true"}, True, False),
        ({"acct": 0, "xms_edov": True}, True, True),
        ({"acct": "0", "xms_edov": "1"}, True, True),
        ({"acct": 1}, True, False),
        ({"xms_edov": False}, True, False),
        ({"xms_edov": "0"}, True, False),
        ({"acct": 0, "xms_edov": True}, False, False),
    ],
)
def test_verified_email_trusts_only_where_no_claim_says_otherwise(claims, is_trusted, is_verified):
    provider = provider_at("https://login.example.org", email_trusted=is_trusted)
    claims = {"email": "ana@mail.rush.example", **claims}
    if is_verified:
        assert verified_email(provider, claims) == "ana@mail.rush.example"
    else:
        with pytest.raises(UntrustedClaimError):
            verified_email(provider, claims)


def test_verified_email_refuses_other_domains_of_a_trusted_provider():
    provider = provider_at("https://login.example.org", email_trusted=True)
    with pytest.raises(UntrustedClaimError):
        verified_email(provider, {"email": "olga@loop.example"})


# Errors ----------------------------------------------------------------------------------


def test_sso_callback_after_a_refusal_shows_the_way_by_code(client, rush, member):
    response = sign_in_by_provider(client, deny=True)
    assert is_refused(client, response, 403, "was stopped, by you or by Rush Hospital")
    response = client.get(f"{CALLBACK}?state={start_and_get_state(client)}&error=access_denied")
    assert is_refused(client, response, 403, "was stopped, by you or by Rush Hospital")


@pytest.mark.parametrize("query", ["", "?code=x", "?state=unknown&code=x", "?error=server_error"])
def test_sso_callback_refuses_an_unknown_state(client, rush, db, query):
    response = client.get(f"{CALLBACK}{query}")
    assert is_refused(client, response, 400, "too long ago or in another browser")


def test_sso_callback_works_once_and_only_in_the_same_browser(client, rush, member):
    path = callback_url(client, **MARIA_CLAIMS)
    thief = Client()
    assert is_refused(thief, thief.get(path), 400, "in another browser")
    assert client.get(path).status_code == 302
    client.post("/sign-out/")
    assert is_refused(client, client.get(path), 400, "Start again")


def test_sso_callback_refuses_a_forged_code(client, rush, db):
    response = client.get(f"{CALLBACK}?state={start_and_get_state(client)}&code=forged")
    assert is_refused(client, response, 502, "does not work right now")


def test_sso_callback_reports_an_error_of_the_provider(client, rush, db):
    response = client.get(f"{CALLBACK}?state={start_and_get_state(client)}&error=server_error")
    assert is_refused(client, response, 502, "does not work right now")


def test_sso_start_reports_a_provider_that_is_down(
    client, settings, socialaccount_installed, db, caplog
):
    issuer = f"http://127.0.0.1:{free_port()}"
    settings.SSO_PROVIDERS = {"rush": provider_at(issuer)}
    response = client.post(START)
    assert is_refused(client, response, 502, "does not work right now")
    assert "Sign-in by rush failed: ConnectionError" in caplog.text


@pytest.mark.parametrize("page", [500, 404, "no json", "[]", "{}", "null", {"issuer": 1}])
def test_sso_start_reports_a_malformed_configuration(client, scripted_provider, db, page):
    scripted_provider.responses["/.well-known/openid-configuration"] = page
    assert is_refused(client, client.post(START), 502, "does not work right now")


@pytest.mark.parametrize(
    "response",
    [500, "no json", "[]", "{}", {"access_token": "t"}, {"access_token": "t", "id_token": "x"}],
)
def test_sso_callback_reports_a_malformed_token_response(
    client, scripted_provider, member, response
):
    state = start_and_get_state(client)
    scripted_provider.responses["/token"] = response
    page = client.get(f"{CALLBACK}?state={state}&code=x")
    assert is_refused(client, page, 502, "does not work right now")


@pytest.mark.parametrize(
    ("claims", "userinfo"),
    [
        ({"iss": "https://elsewhere.example", **MARIA_CLAIMS}, None),
        ({"iss": None, **MARIA_CLAIMS}, None),
        ({"aud": "another", **MARIA_CLAIMS}, None),
        ({"aud": None, **MARIA_CLAIMS}, None),
        ({"exp": 1, **MARIA_CLAIMS}, None),
        ({}, {"sub": "2", **MARIA_CLAIMS}),
        ({}, MARIA_CLAIMS),
        ({"sub": None}, {"sub": "1", **MARIA_CLAIMS}),
        ({"email": "olga@loop.example"}, {"sub": "1", **MARIA_CLAIMS}),
        ({"email": "maria@rush.example"}, {"sub": "1", "email_verified": True}),
        ({}, {}),
        ({}, None),
    ],
)
def test_sso_callback_refuses_a_token_for_another_audience_or_person(
    client, scripted_provider, member, claims, userinfo
):
    page = scripted_provider.sign_in(client, userinfo, **claims)
    assert is_refused(client, page, 502, "does not work right now")


@pytest.mark.parametrize(
    ("claims", "userinfo"),
    [
        (MARIA_CLAIMS, None),
        ({}, {"sub": "1", **MARIA_CLAIMS}),
        ({"email": "maria@rush.example"}, {"sub": "1", **MARIA_CLAIMS}),
    ],
)
def test_sso_callback_takes_the_address_from_token_or_userinfo(
    client, scripted_provider, member, claims, userinfo
):
    assert scripted_provider.sign_in(client, userinfo, **claims).url == "/my/"


def test_sso_callback_refuses_another_issuer(client, scripted_provider, member):
    page = scripted_provider.responses["/.well-known/openid-configuration"]
    scripted_provider.responses["/.well-known/openid-configuration"] = {
        **page,
        "issuer": "https://evil.example",
    }
    response = scripted_provider.sign_in(client, iss="https://evil.example", **MARIA_CLAIMS)
    assert is_refused(client, response, 502, "does not work right now")


def test_sso_callback_trusts_a_trusted_provider_without_a_verification_claim(
    client, scripted_provider, member, settings
):
    settings.SSO_PROVIDERS = {"rush": provider_at(scripted_provider.issuer, email_trusted=True)}
    assert scripted_provider.sign_in(client, email="maria@rush.example").url == "/my/"


def test_join_after_sso_escapes_the_name(client, scripted_provider, organization, team):
    scripted_provider.sign_in(
        client,
        email="nora@rush.example",
        email_verified=True,
        name="<b>N</b>\n" + "x" * 500,
    )
    page = client.get("/join/").content.decode()
    assert "<b>N" not in page
    assert "&lt;b&gt;N" in page


@pytest.mark.parametrize("query", ["", "?code=x&state=y", "?error=access_denied&state=y"])
def test_sso_callback_that_nobody_has_begun_stores_nothing(client, rush, db, query):
    assert client.get(f"{CALLBACK}{query}").status_code >= 400
    assert not Session.objects.exists()


def test_sso_start_that_is_refused_stores_nothing(client, rush, db, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "sso": "1/15m/ip"}
    first = Client()
    first.post(START)
    assert client.post(f"{START}?next=/{'x' * 2000}").status_code == 429
    assert Session.objects.get().session_key == first.session.session_key
    assert Session.objects.get().expire_date <= timezone.now() + timedelta(days=1)
