"""Signing in by a hospital's own service, which runs on loopback."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.template.loader import get_template
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, reverse
from post_office.models import Email

from conftest import membership_of, visible_text
from members.auth.email_codes import VERIFIED_EMAIL_SECONDS
from members.models import Member, Move
from members.tests.oidc import (
    CALLBACK,
    MARIA_CLAIMS,
    NORA_CLAIMS,
    START,
    callback_url,
    is_refused,
    is_signed_in,
    provider_at,
    sign_in_by_provider,
)
from members.tests.second_factor import activate_app, code_for
from teams.services import (
    add_domain,
    change_profile,
    close_account,
    merge_members,
    move_member,
    object_to_move,
)

JOIN_FORM = {"full_name": "Nora Newcomer"}

# Signing in --------------------------------------------------------------------------------


def test_sso_callback_signs_in_a_member_without_a_code(client, rush, member, queued_emails):
    response = sign_in_by_provider(client, **MARIA_CLAIMS)
    assert response.url == "/my/"
    assert is_signed_in(client)
    assert client.session["_auth_user_id"] == str(member.pk)
    assert queued_emails() == []
    assert UserSession.objects.get().user == member


def test_sso_callback_leads_to_the_requested_page_and_to_no_other_site(client, rush, member):
    assert sign_in_by_provider(client, query="?next=/my/data/", **MARIA_CLAIMS).url == "/my/data/"
    client.post("/sign-out/")
    response = sign_in_by_provider(client, query="?next=https://elsewhere.example/", **MARIA_CLAIMS)
    assert response.url == "/my/"


def test_sso_callback_normalizes_the_address(client, rush, member):
    sign_in_by_provider(client, email=" Maria@RUSH.example", email_verified=True)
    assert client.session["_auth_user_id"] == str(member.pk)


def test_sso_start_sends_state_pkce_and_the_registered_address(client, rush, settings, db):
    settings.SITE_URL = "https://portal.example.org"
    query = parse_qs(urlsplit(client.post(START).url).query)
    assert query["redirect_uri"] == ["https://portal.example.org/sign-in/with/rush/done/"]
    assert set(query["scope"][0].split()) == {"openid", "profile", "email"}
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["state"][0]) >= 16
    assert "s3cret" not in str(query)


def test_sso_start_ignores_scope_and_parameters_of_the_visitor(client, rush, db):
    query = urlsplit(client.post(f"{START}?scope=admin&auth_params=prompt%3Dnone").url).query
    assert "admin" not in query
    assert "prompt" not in query


def test_sso_callback_changes_the_session(client, rush, member):
    callback = callback_url(client, **MARIA_CLAIMS)
    before = client.session.session_key
    client.get(callback)
    assert client.session.session_key != before


def test_sso_callback_asks_for_the_second_factor_before_signing_in(
    client, rush, facilitator, settings
):
    settings.STAFF_SECOND_FACTOR = True
    secret = activate_app(facilitator)
    response = sign_in_by_provider(
        client, query="?next=/admin/", email=facilitator.email, email_verified=True
    )
    assert response.url == "/two-factor/authenticate/"
    assert not is_signed_in(client)
    response = client.post("/two-factor/authenticate/", {"code": code_for(secret)})
    assert response.url == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_sso_callback_leads_staff_without_a_second_factor_to_setting_it_up(
    client, rush, facilitator, settings
):
    settings.STAFF_SECOND_FACTOR = True
    sign_in_by_provider(client, email=facilitator.email, email_verified=True)
    assert client.get("/admin/").url == "/two-factor/"


def test_sso_callback_signs_a_merged_address_in_to_the_remaining_account(
    client, rush, member, colleague, administrator
):
    merge_members(colleague, member, by=administrator)
    sign_in_by_provider(client, email="colin@rush.example", email_verified=True)
    assert client.session["_auth_user_id"] == str(member.pk)


def test_sso_callback_does_not_change_who_is_signed_in(client_for, rush, member, colleague):
    client, other = client_for(colleague), Client()
    assert client.post(START).url == "/my/"
    assert client.get(callback_url(other, **MARIA_CLAIMS)).url == "/my/"
    assert client.session["_auth_user_id"] == str(colleague.pk)


# Joining -----------------------------------------------------------------------------------


def test_join_after_sso_takes_one_form_and_no_code(client, rush, organization, team, queued_emails):
    response = sign_in_by_provider(client, query="?next=/join/%3Fteam%3Deducation", **NORA_CLAIMS)
    assert response.url == "/join/?team=education"
    page = client.get(response.url)
    assert "no code is needed" in visible_text(page)
    html = page.content.decode()
    assert 'value="nora@rush.example"' in html
    assert 'value="Nora Newcomer"' in html
    assert html.count(" checked") == 1
    assert "Sign in with Rush" not in html
    completed = client.post("/join/", {**JOIN_FORM, "teams": [team.slug]}, follow=True)
    assert "You have joined Education" in visible_text(completed)
    nora = Member.objects.get(email="nora@rush.example")
    assert nora.affiliation_confirmed_via == "domain"
    assert membership_of(nora, team).is_active
    assert [mail.subject for mail in queued_emails()] == ["You joined Education"] or len(
        queued_emails()
    ) == 1
    assert is_signed_in(client)


def test_join_after_sso_does_not_let_the_address_be_changed(client, rush, organization, team):
    sign_in_by_provider(client, **NORA_CLAIMS)
    html = client.get("/join/").content.decode()
    assert "disabled" in html.partition('name="email"')[2].partition(">")[0]
    forged = {**JOIN_FORM, "email": "boss@rush.example", "teams": [team.slug]}
    client.post("/join/", forged)
    assert not Member.objects.filter(email="boss@rush.example").exists()
    assert Member.objects.get(email="nora@rush.example").full_name == "Nora Newcomer"


def test_join_after_sso_needs_a_code_once_the_verification_is_old(client, rush, organization, team):
    sign_in_by_provider(client, **NORA_CLAIMS)
    session = client.session
    session["verified_email"] = {
        **session["verified_email"],
        "at": time.time() - VERIFIED_EMAIL_SECONDS - 1,
    }
    session.save()
    response = client.post("/join/", {**JOIN_FORM, "teams": [team.slug]})
    assert "Enter your work email address" in visible_text(response)
    sent = client.post("/join/", {**JOIN_FORM, "email": NORA_CLAIMS["email"], "teams": [team.slug]})
    assert sent.url == "/join/code/"
    assert not Member.objects.filter(email="nora@rush.example").exists()


def test_join_after_sso_proposes_an_unrecognized_hospital(client, rush, team, db):
    sign_in_by_provider(client, **NORA_CLAIMS)
    page = client.post("/join/", {**JOIN_FORM, "teams": [team.slug]}, follow=True)
    assert page.redirect_chain == [("/join/organization/", 302)]
    assert 'value="Rush Hospital"' in page.content.decode()
    client.post("/join/organization/", {"organization": "Rush Hospital"})
    nora = Member.objects.get(email="nora@rush.example")
    assert not nora.is_affiliation_confirmed
    assert nora.organization.status == "proposed"
    assert not membership_of(nora, team).is_active


def test_join_after_sso_takes_the_organization_from_the_email_domain(
    client, rush, other_organization, administrator, team
):
    add_domain(other_organization, domain="rush.example", by=administrator)
    sign_in_by_provider(client, **NORA_CLAIMS)
    client.post("/join/", {**JOIN_FORM, "teams": [team.slug]})
    assert Member.objects.get(email=NORA_CLAIMS["email"]).organization == other_organization


def test_sso_callback_does_not_change_the_member(client, rush, member):
    change_profile(member, full_name="Maria Moved", job_title="HR", shares_email=False)
    sign_in_by_provider(client, **MARIA_CLAIMS, name="Somebody Else")
    member.refresh_from_db()
    assert member.full_name == "Maria Moved"


def test_sso_callback_leads_a_closed_account_to_join(client, rush, member):
    close_account(member)
    assert sign_in_by_provider(client, **MARIA_CLAIMS).url == "/join/"


def test_sso_callback_refuses_an_account_closed_by_a_facilitator(client, rush, member):
    Member.objects.filter(pk=member.pk).update(is_active=False)
    response = sign_in_by_provider(client, **MARIA_CLAIMS)
    assert response.status_code == 403
    assert "This account is closed" in visible_text(response)
    assert not is_signed_in(client)


# The pages ---------------------------------------------------------------------------------


def test_sso_buttons_are_on_both_ways_in(client, rush, team):
    for path in ("/sign-in/", "/join/"):
        page = client.get(path).content.decode()
        assert "Sign in with Rush Hospital" in page, path
        assert f'action="{START}?next=' in page
        assert page.index("Send me a code") < page.index("Sign in with Rush Hospital")


def test_sso_button_passes_the_requested_page_on(client, rush, db):
    page = client.get("/sign-in/?next=/my/data/").content.decode()
    assert f'action="{START}?next=/my/data/"' in page


def test_sso_without_a_provider_has_no_button_and_no_address(client, db):
    for path in ("/sign-in/", "/join/"):
        assert "with Rush" not in client.get(path).content.decode()
        assert "Or without a code" not in client.get(path).content.decode()
    assert client.post(START).status_code == 404
    assert client.get(CALLBACK).status_code == 404


def test_sso_start_of_an_unknown_provider_is_a_404(client, rush, db):
    assert client.post("/sign-in/with/loop/").status_code == 404
    assert client.get("/sign-in/with/loop/done/").status_code == 404


def test_sso_callback_refuses_the_state_of_another_provider(client, rush, settings, member):
    settings.SSO_PROVIDERS |= {"loop": provider_at(rush.issuer, key="loop")}
    callback = callback_url(client, **MARIA_CLAIMS)
    response = client.get(callback.replace("/rush/", "/loop/"))
    assert is_refused(client, response, 400, "Start again")


def test_sso_start_does_nothing_on_get(client, rush, db):
    assert client.get(START).url == "/sign-in/"
    assert client.put(START).status_code == 405
    assert client.post(CALLBACK).status_code == 405
    assert client.head(CALLBACK).status_code == 405
    assert not Session.objects.exists()


def test_sso_start_needs_the_csrf_token(rush, db):
    assert Client(enforce_csrf_checks=True).post(START).status_code == 403


def test_sso_start_is_rate_limited(client, rush, settings, db):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "sso": "2/15m/ip"}
    assert [client.post(START).status_code for _ in range(3)] == [302, 302, 429]


def test_sso_callback_stores_nothing_else_of_the_claims(client, rush, member):
    sign_in_by_provider(client, **MARIA_CLAIMS, name="Maria Member", phone_number="555-0100")
    stored = str(dict(client.session))
    assert "555-0100" not in stored
    assert "access_token" not in stored
    assert "socialaccount_sociallogin" not in client.session


def test_sso_has_no_pages_of_allauth(client, rush, member, settings):
    names = ("connections", "signup", "login_cancelled", "login_error")
    for name in [f"socialaccount_{each}" for each in names] + ["openid_connect_login"]:
        with pytest.raises(NoReverseMatch):
            reverse(name)
    client.force_login(member)
    for path in ("/3rdparty/", "/3rdparty/signup/", "/accounts/3rdparty/", "/oidc/rush/login/"):
        assert client.get(path).status_code == 404, path
    ours = str(settings.BASE_DIR / "templates")
    assert get_template("members/sso_failed.html").origin.name.startswith(ours)


def test_sso_has_no_views_of_allauth(rush):
    assert [view for view in views_below(get_resolver()) if "socialaccount" in view] == []


def views_below(resolver) -> list[str]:
    """The modules of all views."""
    found = []
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            found += views_below(pattern)
        else:
            found.append(pattern.callback.__module__)
    return found


def test_sso_callback_sends_no_email(client, rush, member):
    sign_in_by_provider(client, deny=True)
    sign_in_by_provider(client, **MARIA_CLAIMS | {"email_verified": False})
    assert not Email.objects.exists()


def test_sso_callback_of_a_former_address_signs_in_nobody(client, rush, member, other_organization):
    move_member(member, "maria@loop.example")
    response = sign_in_by_provider(client, **MARIA_CLAIMS)
    assert response.url == "/join/"
    assert not is_signed_in(client)
    page = visible_text(client.get("/join/"))
    assert "moved to another address" in page
    assert "maria@loop.example" not in page


def test_sso_callback_of_an_account_on_hold_says_so(client, rush, member, other_organization):
    # Whose address of today is the one that the service verifies.
    Member.objects.filter(pk=member.pk).update(email="maria@loop.example")
    move_member(Member.objects.get(pk=member.pk), "maria@rush.example")
    object_to_move(Move.objects.get())
    response = sign_in_by_provider(client, **MARIA_CLAIMS)
    assert response.status_code == 403
    assert "This account is on hold" in visible_text(response)
    assert not is_signed_in(client)
