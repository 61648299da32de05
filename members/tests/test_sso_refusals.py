"""Whom a hospital's service does not let in: who is not believed, and what goes wrong."""

import logging

import pytest
from django.test import Client

from members.auth.sso_claims import UntrustedClaimError, verified_email
from members.tests.oidc import (
    BACK,
    MARIA,
    SSO,
    arrive,
    arrive_by,
    free_port,
    is_refused,
    is_signed_in,
    provider_at,
    state_of,
    way_back,
)

# Who is not believed -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
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
def test_address_that_the_provider_may_not_vouch_for_opens_nothing(
    client, rush, member, outsider, said, caplog
):
    with caplog.at_level(logging.INFO):
        answer = arrive(client, **said)
    assert is_refused(client, answer, 403, "did not confirm a work address of yours")
    assert not is_signed_in(client)
    assert "verified_email" not in client.session
    told = [line.getMessage() for line in caplog.records if line.name == "portal.sso"]
    assert told
    assert "example" not in told[0]


@pytest.mark.parametrize(
    ("claims", "trusted", "believed"),
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
def test_trust_covers_only_what_is_not_said_at_all(claims, trusted, believed):
    provider = provider_at("https://login.example.org", email_trusted=trusted)
    said = {"email": "ana@mail.rush.example", **claims}
    if believed:
        assert verified_email(provider, said) == "ana@mail.rush.example"
    else:
        with pytest.raises(UntrustedClaimError):
            verified_email(provider, said)


def test_trust_does_not_reach_other_domains():
    provider = provider_at("https://login.example.org", email_trusted=True)
    with pytest.raises(UntrustedClaimError):
        verified_email(provider, {"email": "olga@loop.example"})


# What goes wrong on the way ----------------------------------------------------------------


def test_person_who_says_no_is_told_the_way_by_code(client, rush, member):
    answer = arrive(client, deny=True)  # this one does not even send the state back
    assert is_refused(client, answer, 403, "was stopped, by you or by Rush Hospital")
    answer = client.get(f"{BACK}?state={state_of(client)}&error=access_denied")
    assert is_refused(client, answer, 403, "was stopped, by you or by Rush Hospital")


@pytest.mark.parametrize("query", ["", "?code=x", "?state=unknown&code=x", "?error=server_error"])
def test_way_back_that_nobody_has_begun_leads_nowhere(client, rush, db, query):
    answer = client.get(f"{BACK}{query}")
    assert is_refused(client, answer, 400, "too long ago or in another browser")


def test_way_back_works_once_and_only_in_the_browser_that_began(client, rush, member):
    path = way_back(client, **MARIA)
    thief = Client()
    assert is_refused(thief, thief.get(path), 400, "in another browser")
    assert client.get(path).status_code == 302
    client.post("/sign-out/")
    assert is_refused(client, client.get(path), 400, "Begin again")


def test_code_that_the_provider_does_not_know_opens_nothing(client, rush, db):
    answer = client.get(f"{BACK}?state={state_of(client)}&code=forged")
    assert is_refused(client, answer, 502, "does not work right now")


def test_error_of_the_provider_is_told(client, rush, db):
    answer = client.get(f"{BACK}?state={state_of(client)}&error=server_error")
    assert is_refused(client, answer, 502, "does not work right now")


def test_provider_that_is_down_is_told(client, settings, installed, db, caplog):
    issuer = f"http://127.0.0.1:{free_port()}"
    settings.SSO_PROVIDERS = {"rush": provider_at(issuer)}
    answer = client.post(SSO)
    assert is_refused(client, answer, 502, "does not work right now")
    assert "Sign-in by rush failed: ConnectionError" in caplog.text


@pytest.mark.parametrize("page", [500, 404, "no json", "[]", "{}", "null", {"issuer": 1}])
def test_provider_that_describes_itself_wrongly_is_told(client, liar, db, page):
    liar.answers["/.well-known/openid-configuration"] = page
    assert is_refused(client, client.post(SSO), 502, "does not work right now")


@pytest.mark.parametrize(
    "answer",
    [500, "no json", "[]", "{}", {"access_token": "t"}, {"access_token": "t", "id_token": "x"}],
)
def test_provider_that_gives_no_token_is_told(client, liar, member, answer):
    state = state_of(client)
    liar.answers["/token"] = answer
    page = client.get(f"{BACK}?state={state}&code=x")
    assert is_refused(client, page, 502, "does not work right now")


@pytest.mark.parametrize(
    ("claims", "userinfo"),
    [
        ({"iss": "https://elsewhere.example", **MARIA}, None),
        ({"iss": None, **MARIA}, None),
        ({"aud": "another", **MARIA}, None),
        ({"aud": None, **MARIA}, None),
        ({"exp": 1, **MARIA}, None),
        ({}, {"sub": "2", **MARIA}),
        ({}, MARIA),
        ({"sub": None}, {"sub": "1", **MARIA}),
        ({"email": "olga@loop.example"}, {"sub": "1", **MARIA}),
        ({"email": "maria@rush.example"}, {"sub": "1", "email_verified": True}),
        ({}, {}),
        ({}, None),
    ],
)
def test_token_that_is_not_for_us_or_about_somebody_else_opens_nothing(
    client, liar, member, claims, userinfo
):
    page = arrive_by(liar, client, userinfo, **claims)
    assert is_refused(client, page, 502, "does not work right now")


@pytest.mark.parametrize(
    ("claims", "userinfo"),
    [
        (MARIA, None),
        ({}, {"sub": "1", **MARIA}),
        ({"email": "maria@rush.example"}, {"sub": "1", **MARIA}),
    ],
)
def test_token_and_second_place_that_agree_are_believed(client, liar, member, claims, userinfo):
    assert arrive_by(liar, client, userinfo, **claims).url == "/my/"


def test_issuer_that_calls_itself_by_another_name_is_refused(client, liar, member):
    page = liar.answers["/.well-known/openid-configuration"]
    liar.answers["/.well-known/openid-configuration"] = {**page, "issuer": "https://evil.example"}
    answer = arrive_by(liar, client, iss="https://evil.example", **MARIA)
    assert is_refused(client, answer, 502, "does not work right now")


def test_entra_id_that_says_nothing_of_verification_is_believed_where_it_is_trusted(
    client, liar, member, settings
):
    settings.SSO_PROVIDERS = {"rush": provider_at(liar.issuer, email_trusted=True)}
    assert arrive_by(liar, client, email="maria@rush.example").url == "/my/"


def test_name_from_a_provider_is_only_text(client, liar, organization, team):
    arrive_by(
        liar, client, email="nora@rush.example", email_verified=True, name="<b>N</b>\n" + "x" * 500
    )
    page = client.get("/join/").content.decode()
    assert "<b>N" not in page
    assert "&lt;b&gt;N" in page
