"""Signing in by a hospital's own service: a real provider on loopback, and one that lies."""

import subprocess
import sys
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
from members.models import Member
from members.services import add_domain, change_profile
from members.tests.oidc import (
    BACK,
    MARIA,
    NORA,
    SSO,
    arrive,
    is_refused,
    is_signed_in,
    provider_at,
    way_back,
)
from members.tests.second_factor import code_for, with_app
from teams.services import close_account, merge_members

JOIN = {"full_name": "Nora Newcomer", "organization": "Rush Example Hospital"}
WITHOUT = """
import os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "collaborative.settings"
os.environ |= {"DEBUG": "1", "DATABASE_URL": "sqlite://:memory:"}
django.setup()
import django.urls
django.urls.get_resolver().url_patterns
print([name for name in ("requests", "jwt", "allauth.socialaccount") if name in sys.modules])
"""


# Signing in --------------------------------------------------------------------------------


def test_known_member_is_signed_in_without_a_code(client, rush, member, mails):
    answer = arrive(client, **MARIA)
    assert answer.url == "/my/"
    assert is_signed_in(client)
    assert client.session["_auth_user_id"] == str(member.pk)
    assert mails() == []
    assert UserSession.objects.get().user == member


def test_page_that_was_wanted_comes_back_and_no_other_site(client, rush, member):
    assert arrive(client, query="?next=/my/data/", **MARIA).url == "/my/data/"
    client.post("/sign-out/")
    answer = arrive(client, query="?next=https://elsewhere.example/", **MARIA)
    assert answer.url == "/my/"


def test_address_is_compared_as_everywhere(client, rush, member):
    arrive(client, email=" Maria@RUSH.example", email_verified=True)
    assert client.session["_auth_user_id"] == str(member.pk)


def test_provider_is_asked_with_state_and_pkce_for_the_registered_address(
    client, rush, settings, db
):
    settings.SITE_URL = "https://portal.example.org"
    asked = parse_qs(urlsplit(client.post(SSO).url).query)
    assert asked["redirect_uri"] == ["https://portal.example.org/sign-in/with/rush/done/"]
    assert set(asked["scope"][0].split()) == {"openid", "profile", "email"}
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["state"][0]) >= 16
    assert "s3cret" not in str(asked)


def test_visitor_chooses_neither_scope_nor_parameters(client, rush, db):
    asked = urlsplit(client.post(f"{SSO}?scope=admin&auth_params=prompt%3Dnone").url).query
    assert "admin" not in asked
    assert "prompt" not in asked


def test_signing_in_changes_the_session(client, rush, member):
    back = way_back(client, **MARIA)
    before = client.session.session_key
    client.get(back)
    assert client.session.session_key != before


def test_second_step_is_asked_for_before_anybody_is_signed_in(client, rush, facilitator, settings):
    settings.STAFF_SECOND_FACTOR = True
    secret = with_app(facilitator)
    answer = arrive(client, query="?next=/admin/", email=facilitator.email, email_verified=True)
    assert answer.url == "/two-factor/authenticate/"
    assert not is_signed_in(client)
    answer = client.post("/two-factor/authenticate/", {"code": code_for(secret)})
    assert answer.url == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_staff_without_a_second_step_are_led_to_set_it_up(client, rush, facilitator, settings):
    settings.STAFF_SECOND_FACTOR = True
    arrive(client, email=facilitator.email, email_verified=True)
    assert client.get("/admin/").url == "/two-factor/"


def test_merged_accounts_address_signs_in_to_the_one_that_goes_on(
    client, rush, member, colleague, administrator
):
    merge_members(colleague, member, by=administrator)
    arrive(client, email="colin@rush.example", email_verified=True)
    assert client.session["_auth_user_id"] == str(member.pk)


def test_who_is_signed_in_already_stays_so(client_for, rush, member, colleague):
    client, other = client_for(colleague), Client()
    assert client.post(SSO).url == "/my/"
    assert client.get(way_back(other, **MARIA)).url == "/my/"
    assert client.session["_auth_user_id"] == str(colleague.pk)


# Joining -----------------------------------------------------------------------------------


def test_newcomer_joins_with_one_form_and_no_code(client, rush, organization, team, mails):
    answer = arrive(client, query="?next=/join/%3Fteam%3Deducation", **NORA)
    assert answer.url == "/join/?team=education"
    page = client.get(answer.url)
    assert "no code is needed" in visible_text(page)
    html = page.content.decode()
    assert 'value="nora@rush.example"' in html
    assert 'value="Nora Newcomer"' in html
    assert 'value="Rush Example Hospital"' in html
    assert html.count(" checked") == 1
    assert "Sign in with Rush" not in html
    done = client.post("/join/", {**JOIN, "teams": [team.slug]}, follow=True)
    assert "You have joined Education" in visible_text(done)
    person = Member.objects.get(email="nora@rush.example")
    assert person.affiliation_confirmed_via == "domain"
    assert membership_of(person, team).is_active
    assert [mail.subject for mail in mails()] == ["You joined Education"] or len(mails()) == 1
    assert is_signed_in(client)


def test_proven_address_cannot_be_changed_in_the_form(client, rush, organization, team):
    arrive(client, **NORA)
    html = client.get("/join/").content.decode()
    assert "disabled" in html.partition('name="email"')[2].partition(">")[0]
    forged = {**JOIN, "email": "boss@rush.example", "teams": [team.slug]}
    client.post("/join/", forged)
    assert not Member.objects.filter(email="boss@rush.example").exists()
    assert Member.objects.get(email="nora@rush.example").full_name == "Nora Newcomer"


def test_proof_that_is_too_old_is_none(client, rush, organization, team):
    arrive(client, **NORA)
    session = client.session
    session["verified_email"] = {
        **session["verified_email"],
        "at": time.time() - VERIFIED_EMAIL_SECONDS - 1,
    }
    session.save()
    answer = client.post("/join/", {**JOIN, "teams": [team.slug]})
    assert "Enter your work email address" in visible_text(answer)
    sent = client.post("/join/", {**JOIN, "email": NORA["email"], "teams": [team.slug]})
    assert sent.url == "/join/code/"
    assert not Member.objects.filter(email="nora@rush.example").exists()


def test_hospital_that_is_not_recognized_is_proposed_as_with_codes(client, rush, team, db):
    arrive(client, **NORA)
    page = client.get("/join/").content.decode()
    assert 'value="Rush Hospital"' in page
    client.post("/join/", {**JOIN, "teams": [team.slug]})
    person = Member.objects.get(email="nora@rush.example")
    assert not person.is_affiliation_confirmed
    assert person.organization.status == "proposed"
    assert not membership_of(person, team).is_active


def test_mail_domain_decides_whatever_the_provider_is_called(
    client, rush, other_organization, administrator, team
):
    add_domain(other_organization, domain="rush.example", by=administrator)
    arrive(client, **NORA)
    client.post("/join/", {**JOIN, "teams": [team.slug]})
    assert Member.objects.get(email=NORA["email"]).organization == other_organization


def test_what_a_provider_says_changes_nothing_about_a_known_member(client, rush, member):
    change_profile(member, full_name="Maria Moved", job_title="HR", shares_email=False)
    arrive(client, **MARIA, name="Somebody Else")
    member.refresh_from_db()
    assert member.full_name == "Maria Moved"


def test_closed_account_joins_anew_as_with_codes(client, rush, member):
    close_account(member)
    assert arrive(client, **MARIA).url == "/join/"


def test_account_closed_by_a_facilitator_is_told_so(client, rush, member):
    Member.objects.filter(pk=member.pk).update(is_active=False)
    answer = arrive(client, **MARIA)
    assert answer.status_code == 403
    assert "This account is closed" in visible_text(answer)
    assert not is_signed_in(client)


# The pages ---------------------------------------------------------------------------------


def test_buttons_stand_on_both_ways_in(client, rush, team):
    for path in ("/sign-in/", "/join/"):
        page = client.get(path).content.decode()
        assert "Sign in with Rush Hospital" in page, path
        assert f'action="{SSO}?next=' in page
        assert page.index("Send me a code") < page.index("Sign in with Rush Hospital")


def test_wanted_page_is_kept_by_the_button(client, rush, db):
    page = client.get("/sign-in/?next=/my/data/").content.decode()
    assert f'action="{SSO}?next=/my/data/"' in page


def test_without_a_provider_there_is_no_button_and_no_address(client, db):
    for path in ("/sign-in/", "/join/"):
        assert "with Rush" not in client.get(path).content.decode()
        assert "Or without a code" not in client.get(path).content.decode()
    assert client.post(SSO).status_code == 404
    assert client.get(BACK).status_code == 404


def test_another_providers_name_is_a_404(client, rush, db):
    assert client.post("/sign-in/with/loop/").status_code == 404
    assert client.get("/sign-in/with/loop/done/").status_code == 404


def test_state_of_one_provider_is_worth_nothing_at_another(client, rush, settings, member):
    settings.SSO_PROVIDERS |= {"loop": provider_at(rush.issuer, key="loop")}
    back = way_back(client, **MARIA)
    answer = client.get(back.replace("/rush/", "/loop/"))
    assert is_refused(client, answer, 400, "Begin again")


def test_reading_the_address_begins_nothing(client, rush, db):
    assert client.get(SSO).url == "/sign-in/"
    assert client.put(SSO).status_code == 405
    assert client.post(BACK).status_code == 405
    assert client.head(BACK).status_code == 405
    assert not Session.objects.exists()


def test_button_without_its_token_is_refused(rush, db):
    assert Client(enforce_csrf_checks=True).post(SSO).status_code == 403


def test_too_many_beginnings_are_refused(client, rush, settings, db):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "sso": "2/15m/ip"}
    assert [client.post(SSO).status_code for _ in range(3)] == [302, 302, 429]


def test_nothing_of_a_provider_is_stored(client, rush, member):
    arrive(client, **MARIA, name="Maria Member", phone_number="555-0100")
    stored = str(dict(client.session))
    assert "555-0100" not in stored
    assert "access_token" not in stored
    assert "socialaccount_sociallogin" not in client.session


def test_privacy_page_tells_of_it_where_it_is_used(client, rush, settings, db):
    assert "your organization’s own service" in visible_text(client.get("/privacy/"))
    settings.SSO_PROVIDERS = {}
    assert "your organization’s own service" not in visible_text(client.get("/privacy/"))


def test_no_address_of_allauths_pages_exists(client, rush, member, settings):
    names = ("connections", "signup", "login_cancelled", "login_error")
    for name in [f"socialaccount_{each}" for each in names] + ["openid_connect_login"]:
        with pytest.raises(NoReverseMatch):
            reverse(name)
    client.force_login(member)
    for path in ("/3rdparty/", "/3rdparty/signup/", "/accounts/3rdparty/", "/oidc/rush/login/"):
        assert client.get(path).status_code == 404, path
    ours = str(settings.BASE_DIR / "templates")
    assert get_template("members/sso_failed.html").origin.name.startswith(ours)


def test_no_view_of_allauths_social_part_is_reachable(rush):
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


def test_nothing_is_loaded_without_a_provider():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def test_no_mail_is_sent_by_any_of_this(client, rush, member):
    arrive(client, deny=True)
    arrive(client, **MARIA | {"email_verified": False})
    assert not Email.objects.exists()
