"""The second step: the desk asks for it, signing in asks for it, joining goes not past it."""

import runpy
from pathlib import Path

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse

from conftest import code_in, membership_of, visible_text
from members.tests.second_factor import activate_app, code_for, recovery_codes
from teams.models import Membership

DESK = "/admin/"
LIST = "/admin/teams/membership/?q=maria"
SECURITY = "/two-factor/"
AUTHENTICATE = "/two-factor/authenticate/"
CONFIRM = "/two-factor/reauthenticate/"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def second_factor_required(settings):
    """The desk asks for a second step, as it does outside DEBUG."""
    settings.STAFF_SECOND_FACTOR = True


def verify_email(client, member, queued_emails, next_page="") -> object:
    """Enter the address at the sign-in page and then the code from the email."""
    client.post(f"/sign-in/?next={next_page}", {"email": member.email})
    return client.post("/sign-in/code/", {"code": code_in(queued_emails()[-1])})


def is_signed_in(client) -> bool:
    return "_auth_user_id" in client.session


def desk_paths(patterns, prefix: str = DESK) -> list[str]:
    """Every address of the desk that takes no argument."""
    paths = []
    for pattern in patterns:
        route = str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            paths += desk_paths(pattern.url_patterns, prefix + route)
        elif not set("<(") & set(route):
            paths.append(prefix + route)
    return paths


def set_up_app(client: Client) -> str:
    """Set the app up on the page; returns its key."""
    client.get("/two-factor/totp/activate/")
    secret = client.session[SECRET_SESSION_KEY]
    client.post("/two-factor/totp/activate/", {"code": code_for(secret)})
    return secret


# The desk ----------------------------------------------------------------------------------


def test_desk_opens_without_a_second_factor_where_the_setting_is_off(client_for, facilitator):
    assert client_for(facilitator).get(DESK).status_code == 200


def test_desk_leads_to_setting_up_a_second_factor_and_back(
    client_for, facilitator, second_factor_required
):
    client = client_for(facilitator)
    response = client.get(LIST, follow=True)
    assert response.redirect_chain == [(SECURITY, 302)]
    assert "desk opens only after a second step" in visible_text(response)
    client.get("/two-factor/totp/activate/")
    secret = client.session[SECRET_SESSION_KEY]
    response = client.post("/two-factor/totp/activate/", {"code": code_for(secret)}, follow=True)
    assert response.redirect_chain == [("/two-factor/recovery-codes/", 302)]
    for code in recovery_codes(facilitator):
        assert f"{code[:4]} {code[4:]}" in visible_text(response)
    assert f'href="{LIST}"' in response.content.decode()
    assert client.get(LIST).status_code == 200
    assert LIST not in client.get(SECURITY).content.decode()


def test_desk_asks_for_the_second_factor_and_leads_back(
    client_for, facilitator, second_factor_required
):
    secret = activate_app(facilitator)
    client = client_for(facilitator)
    response = client.get(LIST, follow=True)
    assert response.redirect_chain == [
        (f"{CONFIRM}?next=%2Fadmin%2Fteams%2Fmembership%2F%3Fq%3Dmaria", 302)
    ]
    assert "password" not in visible_text(response)
    response = client.post(CONFIRM, {"code": code_for(secret), "next": LIST})
    assert response.url == LIST
    assert client.get(LIST).status_code == 200


def test_desk_asks_for_the_passkey_where_there_is_no_app(
    client_for, facilitator, second_factor_required
):
    Authenticator.objects.create(
        user=facilitator, type=Authenticator.Type.WEBAUTHN, data={"name": "Key", "credential": {}}
    )
    RecoveryCodes.activate(facilitator)
    response = client_for(facilitator).get(DESK)
    assert response.url == "/two-factor/webauthn/reauthenticate/?next=%2Fadmin%2F"


def test_desk_stays_closed_after_a_wrong_code(client_for, facilitator, second_factor_required):
    activate_app(facilitator)
    client = client_for(facilitator)
    response = client.post(CONFIRM, {"code": "000000", "next": LIST})
    assert response.status_code == 200
    assert "Enter the newest code; each code works once" in visible_text(response)
    assert client.get(LIST).status_code == 302


def test_desk_form_without_the_second_factor_changes_nothing(
    client_for, facilitator, applicant, second_factor_required, team
):
    membership = membership_of(applicant, team)
    client = client_for(facilitator)
    page = reverse("admin:teams_membership_approve", args=[membership.pk])
    assert client.post(page, {"apply": "1"}).url == SECURITY
    assert client.session["second_factor_next_page"] == DESK
    assert membership_of(applicant, team).status == Membership.Status.REQUESTED


def test_desk_pages_are_all_behind_the_second_factor(
    client_for, administrator, second_factor_required
):
    client = client_for(administrator)
    paths = set(desk_paths(admin.site.urls[0])) - {"/admin/login/", "/admin/logout/"}
    assert len(paths) > 20
    for path in [*paths, "/admin/members/member/1/change/", "/admin/members/member/1/history/"]:
        response = client.get(path)
        assert response.status_code == 302, path
        assert response.url == SECURITY, path


def test_desk_ignores_a_second_factor_that_was_removed(
    client_for, facilitator, second_factor_required
):
    client = client_for(facilitator)
    set_up_app(client)
    assert client.get(DESK).status_code == 200
    Authenticator.objects.filter(user=facilitator).delete()
    assert client.get(DESK).url == SECURITY
    activate_app(facilitator)
    assert client.get(DESK).url.startswith(CONFIRM)


def test_desk_ignores_the_second_factor_of_another_member(
    client_for, facilitator, other_facilitator, second_factor_required
):
    client = client_for(facilitator)
    set_up_app(client)
    records = client.session[AUTHENTICATION_METHODS_SESSION_KEY]
    activate_app(other_facilitator)
    stranger = client_for(other_facilitator)
    session = stranger.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = records
    session.save()
    assert stranger.get(DESK).url.startswith(CONFIRM)


def test_desk_refuses_a_member_who_is_not_staff(client_for, member, second_factor_required):
    assert client_for(member).get(DESK).status_code == 403
    activate_app(member)
    assert client_for(member).get(DESK).status_code == 403


def test_desk_asks_a_visitor_to_sign_in(client, db, second_factor_required):
    response = client.get(DESK, follow=True)
    assert response.redirect_chain[-1][0] == "/sign-in/?next=/admin/"


def test_second_factor_state_takes_one_query(
    client_for, facilitator, second_factor_required, django_assert_num_queries
):
    client = client_for(facilitator)
    set_up_app(client)
    page = "/admin/jsi18n/"
    client.get(page)
    with django_assert_num_queries(3):  # session, member, second step
        client.get(page)


# Signing in --------------------------------------------------------------------------------


def test_sign_in_asks_for_the_code_of_the_app(client, member, queued_emails):
    secret = activate_app(member)
    response = verify_email(client, member, queued_emails, "/my/profile/")
    assert response.url == AUTHENTICATE
    assert not is_signed_in(client)
    assert client.get("/my/").url.startswith("/sign-in/")
    assert "six digits" in visible_text(client.get(AUTHENTICATE))
    response = client.post(AUTHENTICATE, {"code": code_for(secret)})
    assert response.url == "/my/profile/"
    assert is_signed_in(client)
    assert client.session.get_expiry_age() > 24 * 60 * 60


def test_desk_does_not_ask_again_after_signing_in_with_the_second_factor(
    client, facilitator, queued_emails, second_factor_required
):
    secret = activate_app(facilitator)
    verify_email(client, facilitator, queued_emails, LIST)
    assert client.post(AUTHENTICATE, {"code": code_for(secret)}).url == LIST
    assert client.get(LIST).status_code == 200


def test_sign_in_without_a_second_factor_asks_for_none(
    client, facilitator, queued_emails, second_factor_required
):
    assert verify_email(client, facilitator, queued_emails, LIST).url == LIST
    assert is_signed_in(client)
    assert client.get(LIST).url == SECURITY


def test_sign_in_half_way_has_a_short_session_that_signing_out_ends(client, member, queued_emails):
    secret = activate_app(member)
    verify_email(client, member, queued_emails)
    assert client.session.get_expiry_age() <= 24 * 60 * 60
    client.post("/sign-out/")
    assert client.post(AUTHENTICATE, {"code": code_for(secret)}).url == "/sign-in/"
    assert not is_signed_in(client)


def test_sign_in_refuses_a_wrong_second_factor_code(client, member, queued_emails):
    activate_app(member)
    verify_email(client, member, queued_emails)
    for code in ("", "000000", "a" * 200, "١٢٣٤٥٦"):
        response = client.post(AUTHENTICATE, {"code": code})
        assert response.status_code == 200, code
        assert "There is a problem" in visible_text(response), code
        assert not is_signed_in(client)


def test_sign_in_refuses_the_right_code_after_too_many_wrong_ones(client, member, queued_emails):
    secret = activate_app(member)
    verify_email(client, member, queued_emails)
    for _ in range(5):
        client.post(AUTHENTICATE, {"code": "000000"})
    response = client.post(AUTHENTICATE, {"code": code_for(secret)})
    assert "Wait five minutes" in visible_text(response)
    assert not is_signed_in(client)


def test_sign_in_takes_a_second_factor_code_once(client, member, queued_emails):
    secret = activate_app(member)
    verify_email(client, member, queued_emails)
    client.post(AUTHENTICATE, {"code": code_for(secret)})
    other = Client()
    verify_email(other, member, queued_emails)
    assert other.post(AUTHENTICATE, {"code": code_for(secret)}).status_code == 200
    assert not is_signed_in(other)
    other.post(AUTHENTICATE, {"code": code_for(secret, 1)})
    assert is_signed_in(other)


def test_sign_in_refuses_an_old_second_factor_code(client, member, queued_emails):
    secret = activate_app(member)
    verify_email(client, member, queued_emails)
    client.post(AUTHENTICATE, {"code": code_for(secret, -3)})
    assert not is_signed_in(client)


def test_sign_in_takes_a_recovery_code_once(client, member, queued_emails):
    activate_app(member)
    code = recovery_codes(member)[0]
    verify_email(client, member, queued_emails)
    client.post(AUTHENTICATE, {"code": f"{code[:4]} {code[4:]}"})
    assert is_signed_in(client)
    assert code not in recovery_codes(member)
    other = Client()
    verify_email(other, member, queued_emails)
    other.post(AUTHENTICATE, {"code": code})
    assert not is_signed_in(other)


def test_sign_in_refuses_the_code_of_another_members_app(client, member, colleague, queued_emails):
    activate_app(member)
    secret = activate_app(colleague)
    verify_email(client, member, queued_emails)
    client.post(AUTHENTICATE, {"code": code_for(secret)})
    assert not is_signed_in(client)


def test_sign_in_second_factor_needs_the_code_from_the_email_first(client, member):
    secret = activate_app(member)
    assert client.get(AUTHENTICATE).url == "/sign-in/"
    assert client.post(AUTHENTICATE, {"code": code_for(secret)}).url == "/sign-in/"
    assert not is_signed_in(client)


# Joining -----------------------------------------------------------------------------------


def test_join_applies_the_form_and_asks_for_the_second_factor(
    client, member, other_team, queued_emails
):
    secret = activate_app(member)
    form = {
        "full_name": "Maria Member",
        "email": member.email,
        "job_title": "",
        "teams": [other_team.slug],
    }
    client.post("/join/", form)
    response = client.post("/join/code/", {"code": code_in(queued_emails()[-1])})
    assert response.url == AUTHENTICATE
    assert membership_of(member, other_team).is_active
    assert not is_signed_in(client)
    for path in ("/join/done/", "/my/", "/my/data/", "/my/profile/", SECURITY):
        assert client.get(path).url.startswith("/sign-in/"), path
    response = client.post(AUTHENTICATE, {"code": code_for(secret)}, follow=True)
    assert response.redirect_chain == [("/join/done/", 302)]
    assert other_team.name in visible_text(response)


def test_join_with_a_verified_address_asks_for_the_second_factor(
    client, member, other_team, queued_emails
):
    activate_app(member)
    verify_email(client, member, queued_emails)
    form = {
        "full_name": "Maria Member",
        "email": member.email,
        "teams": [other_team.slug],
    }
    client.post("/join/", form)
    assert not is_signed_in(client)


# The setting -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("debug", "value", "is_required"),
    [("", "", True), ("1", "", False), ("", "0", False), ("1", "1", True), ("", "1", True)],
)
def test_staff_second_factor_is_required_outside_debug_by_default(
    monkeypatch, debug, value, is_required
):
    for name, setting in {
        "SECRET_KEY": "only-of-this-test-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG",
        "ALLOWED_HOSTS": "portal.example.org",
        "SITE_URL": "https://portal.example.org",
        "CONTACT_EMAIL": "help@example.org",
        "DEFAULT_FROM_EMAIL": "portal@example.org",
        "EMAIL_URL": "smtp+tls://portal@mail.example.org:587",
        "DATABASE_URL": "sqlite://:memory:",
        "DEBUG": debug,
        "STAFF_SECOND_FACTOR": value,
    }.items():
        monkeypatch.setenv(name, setting)
    settings = runpy.run_path(str(ROOT / "collaborative/settings.py"))
    assert settings["STAFF_SECOND_FACTOR"] is is_required
    assert settings["MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN"] is bool(debug)


def test_staff_second_factor_with_a_wrong_value_stops_the_start(monkeypatch):
    monkeypatch.setenv("STAFF_SECOND_FACTOR", "perhaps")
    monkeypatch.setenv("DEBUG", "1")
    with pytest.raises(ImproperlyConfigured, match="^STAFF_SECOND_FACTOR is set to a value"):
        runpy.run_path(str(ROOT / "collaborative/settings.py"))
