"""The pages and steps around the second step of signing in: set up, confirm, recover, help."""

import re
from urllib.parse import unquote

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.core.exceptions import BadRequest
from django.core.management import CommandError, call_command
from django.db import connection
from django.template.loader import get_template
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver, resolve, reverse
from post_office.models import Email

from conftest import code_in, visible_text
from members.auth.second_factor import PasskeyForm, SignInPasskeyForm
from members.models import Member
from members.services import anonymize_member, reset_second_factor, second_factors
from members.tests.second_factor import (
    activate_app,
    code_for,
    create_passkey,
    recovery_codes,
    well_formed_credential,
)
from members.tests.steps import last_line, refused
from teams.services import personal_data

SECURITY = "/two-factor/"
SET_UP = "/two-factor/totp/activate/"
REMOVE = "/two-factor/totp/deactivate/"
CODES = "/two-factor/recovery-codes/"
CONFIRM = "/two-factor/reauthenticate/"
ADD_PASSKEY = "/two-factor/webauthn/add/"
PAGES = [SECURITY, SET_UP, REMOVE, CODES, f"{CODES}generate/", f"{CODES}download/", CONFIRM]
PAGES += [ADD_PASSKEY, "/two-factor/webauthn/", "/two-factor/webauthn/reauthenticate/"]
FORBIDDEN_WORDS = ("user", "group", "company", "reject", "quit", "delete", "password")
MALFORMED_CREDENTIALS = ["{}", "[]", "1", "no json", '{"id": "x"}', '{"rawId": "x", "response": 1}']
MALFORMED_CREDENTIALS += ["[" * 9_000, "[" * 100_000, '{"a":' * 3_000, "1" * 5_000, "é" * 20_001]


@pytest.fixture
def after_commit(django_capture_on_commit_callbacks):
    """`after_commit(step)`: what `step` returns, with what waits for its commit done too."""

    def run(step):
        with django_capture_on_commit_callbacks(execute=True):
            return step()

    return run


@pytest.fixture
def client_with_app(client_for, member, after_commit) -> Client:
    """A client of `member`, who has just set up an app."""
    client = client_for(member)
    client.get(SET_UP)
    code = code_for(client.session[SECRET_SESSION_KEY])
    after_commit(lambda: client.post(SET_UP, {"code": code}))
    return client


def authenticator_types_of(person) -> list[str]:
    return sorted(Authenticator.objects.filter(user=person).values_list("type", flat=True))


# Setting up --------------------------------------------------------------------------------


def test_profile_links_to_security_page(client_for, member):
    client = client_for(member)
    assert f'href="{SECURITY}"' in client.get("/my/profile/").content.decode()
    page = client.get(SECURITY).content.decode()
    assert f'href="{SET_UP}"' in page
    assert f'href="{ADD_PASSKEY}"' in page
    assert CODES not in page
    assert "desk" not in page


def test_set_up_app_shows_the_key_as_a_picture_and_in_letters(client_for, member, settings):
    client = client_for(member)
    page = client.get(SET_UP).content.decode()
    secret = client.session[SECRET_SESSION_KEY]
    assert 'src="data:image/svg+xml;base64,' in page
    assert " ".join(re.findall("....", secret)) in page
    assert "issuer=Chicagoland%20Healthcare" in page


def test_set_up_app_sends_an_email_and_writes_history(client_with_app, member, queued_emails):
    assert authenticator_types_of(member) == ["recovery_codes", "totp"]
    (email,) = queued_emails()
    assert email.to == [member.email]
    assert email.subject == "Your sign-in: An authenticator app was added"
    for body in (email.message, email.html_message):
        assert "Your sign-in has changed, Maria" in body
        assert "If it was not you" in body
        assert "/two-factor/" in body
    by, why = last_line(member)
    assert by == member
    assert why == "second step of signing in: An authenticator app was added"


def test_set_up_app_with_a_wrong_code_keeps_the_key(client_for, member, queued_emails):
    client = client_for(member)
    client.get(SET_UP)
    secret = client.session[SECRET_SESSION_KEY]
    response = client.post(SET_UP, {"code": "000000"})
    assert "Enter the newest code" in visible_text(response)
    assert " ".join(re.findall("....", secret)) in visible_text(response)
    assert authenticator_types_of(member) == []
    assert queued_emails() == []


@pytest.mark.parametrize("form_class", [PasskeyForm, SignInPasskeyForm])
@pytest.mark.parametrize("credential", MALFORMED_CREDENTIALS)
def test_passkey_forms_refuse_a_malformed_credential(member, form_class, credential):
    form = form_class({"credential": credential}, user=member)
    assert form.is_valid()
    with pytest.raises(BadRequest):
        form.verify()


@pytest.mark.parametrize("credential", ["no json", "[" * 100_000])
def test_set_up_passkey_refuses_a_malformed_credential(client_for, member, credential):
    client = client_for(member)
    client.get(ADD_PASSKEY)
    response = client.post(ADD_PASSKEY, {"name": "Mine", "credential": credential})
    assert response.status_code == 400
    assert "We could not read that request" in visible_text(response)
    assert authenticator_types_of(member) == []


def test_set_up_passkey_without_javascript_says_what_is_missing(client_for, member):
    response = client_for(member).post(ADD_PASSKEY, {"name": "Mine", "credential": ""})
    assert "it needs JavaScript" in visible_text(response)
    assert authenticator_types_of(member) == []


def test_second_factor_pages_ask_a_visitor_to_sign_in(client, db):
    for path in PAGES:
        assert client.get(path).url == f"/sign-in/?next={path}", path
        assert client.post(path).url == f"/sign-in/?next={path}", path


def test_second_factor_pages_have_one_h1_and_no_forbidden_words(
    client_for, member, colleague, client_with_app
):
    key = create_passkey(member)
    keys = f"/two-factor/webauthn/keys/{key.pk}/"
    newcomer = client_for(colleague)
    pages = [(newcomer, path) for path in (SECURITY, SET_UP, ADD_PASSKEY)]
    pages += [
        (client_with_app, path) for path in (SECURITY, REMOVE, CODES, f"{CODES}generate/", CONFIRM)
    ]
    pages += [(client_with_app, f"{keys}edit/"), (client_with_app, f"{keys}remove/")]
    for client, path in pages:
        response = client.get(path)
        assert response.status_code == 200, path
        page = response.content.decode()
        assert page.count("<h1") == 1, path
        assert "style=" not in page
        assert "<script>" not in page
        words = visible_text(response).lower()
        assert [word for word in FORBIDDEN_WORDS if word in words] == [], path


# What is set up already is protected by itself ---------------------------------------------


@pytest.mark.parametrize("path", [REMOVE, CODES, f"{CODES}generate/", f"{CODES}download/"])
def test_second_factor_pages_ask_for_the_second_factor_first(client_for, member, path):
    secret = activate_app(member)
    client = client_for(member)
    assert unquote(client.get(path).url) == f"{CONFIRM}?next={path}"
    response = client.post(CONFIRM, {"code": code_for(secret), "next": path})
    assert response.url == path
    assert client.get(path).status_code == 200


def test_set_up_passkey_asks_for_the_code_of_the_app(client_for, member):
    activate_app(member)
    client = client_for(member)
    assert client.get(ADD_PASSKEY).url.startswith(CONFIRM)
    assert client.post(ADD_PASSKEY, {"credential": "{}"}).url.startswith(CONFIRM)


def test_confirm_by_passkey_without_one_leads_to_the_code(client_for, member):
    activate_app(member)
    assert client_for(member).get("/two-factor/webauthn/reauthenticate/").url == CONFIRM


def test_sign_in_second_factor_refuses_a_malformed_credential(client, member, queued_emails):
    activate_app(member)
    client.post("/sign-in/", {"email": member.email})
    client.post("/sign-in/code/", {"code": code_in(queued_emails()[-1])})
    response = client.post("/two-factor/authenticate/", {"credential": "no json"})
    assert response.status_code == 400
    assert "_auth_user_id" not in client.session


def test_sign_in_second_factor_refuses_an_empty_credential_in_words(client, member, queued_emails):
    activate_app(member)
    client.post("/sign-in/", {"email": member.email})
    client.post("/sign-in/code/", {"code": code_in(queued_emails()[-1])})
    response = client.post("/two-factor/authenticate/", {"credential": ""})
    assert "There is a problem" in visible_text(response)
    assert "_auth_user_id" not in client.session


def test_sign_in_second_factor_refuses_a_passkey_of_another_challenge_in_words(
    client, member, queued_emails
):
    """Well-formed, as a device makes it: another page of the same browser was opened meanwhile."""
    activate_app(member)
    client.post("/sign-in/", {"email": member.email})
    client.post("/sign-in/code/", {"code": code_in(queued_emails()[-1])})
    client.get("/two-factor/authenticate/")
    response = client.post("/two-factor/authenticate/", {"credential": well_formed_credential()})
    assert response.status_code == 200
    assert "The passkey did not work" in visible_text(response)
    assert "_auth_user_id" not in client.session


def test_confirm_by_code_leads_to_no_other_site(client_for, member):
    secret = activate_app(member)
    response = client_for(member).post(
        CONFIRM, {"code": code_for(secret), "next": "https://elsewhere.example/"}
    )
    assert response.url == "/my/"


def test_remove_app_removes_the_recovery_codes_and_sends_an_email(
    client_with_app, member, queued_emails, after_commit
):
    after_commit(lambda: client_with_app.post(REMOVE))
    assert authenticator_types_of(member) == []
    assert queued_emails()[-1].subject == "Your sign-in: The authenticator app was removed"
    assert last_line(member)[1].endswith("The authenticator app was removed")
    assert "The authenticator app was removed." in visible_text(client_with_app.get(SECURITY))
    assert client_with_app.get(REMOVE).status_code == 404


def test_generate_recovery_codes_replaces_the_old_ones(
    client_with_app, member, queued_emails, after_commit
):
    old = recovery_codes(member)
    response = after_commit(lambda: client_with_app.post(f"{CODES}generate/"))
    assert response.url == CODES
    new = recovery_codes(member)
    assert not set(old) & set(new)
    assert queued_emails()[-1].subject == "Your sign-in: New recovery codes were made"


def test_recovery_codes_can_be_downloaded(client_with_app, member):
    response = client_with_app.get(f"{CODES}download/")
    codes = recovery_codes(member)
    assert response["Content-Disposition"] == 'attachment; filename="recovery-codes.txt"'
    for code in codes:
        assert f"{code[:4]} {code[4:]}\n" in response.content.decode()


def test_generate_recovery_codes_needs_a_second_factor(client_for, member):
    client = client_for(member)
    assert client.get(CODES).status_code == 404
    assert client.get(f"{CODES}download/").status_code == 404
    response = client.post(f"{CODES}generate/")
    assert "Set up an authenticator app or a passkey first" in visible_text(response)
    assert authenticator_types_of(member) == []


def test_passkey_can_be_renamed_and_removed(client_with_app, member, queued_emails):
    key = create_passkey(member)
    client_with_app.post(f"/two-factor/webauthn/keys/{key.pk}/edit/", {"name": "Red key"})
    assert "Red key" in visible_text(client_with_app.get(SECURITY))
    response = client_with_app.post(f"/two-factor/webauthn/keys/{key.pk}/remove/", follow=True)
    assert response.redirect_chain[-1][0] == SECURITY
    assert "Red key" not in visible_text(response)
    assert queued_emails()[-1].subject == "Your sign-in: A passkey was removed"
    assert authenticator_types_of(member) == ["recovery_codes", "totp"]


def test_passkey_of_another_member_is_a_404(client_with_app, colleague):
    key = create_passkey(colleague)
    for step in ("edit", "remove"):
        path = f"/two-factor/webauthn/keys/{key.pk}/{step}/"
        assert client_with_app.get(path).status_code == 404
        assert client_with_app.post(path, {"name": "Mine now"}).status_code == 404
    key.refresh_from_db()
    assert key.data["name"] == "Work laptop"


def test_confirm_by_code_is_rate_limited_with_the_portals_page(client_for, member):
    activate_app(member)
    client = client_for(member)
    responses = [client.post(CONFIRM, {"code": "000000"}) for _ in range(11)]
    assert responses[-1].status_code == 429
    assert "Wait a little, then try again" in visible_text(responses[-1])


def test_security_page_takes_the_same_queries_for_more_passkeys(client_for, member):
    client = client_for(member)
    counts = []
    for number in (1, 2):
        for _ in range(number):
            create_passkey(member)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(SECURITY)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# Two people at one computer ----------------------------------------------------------------


def test_sign_in_forgets_what_another_person_left_half_way(
    client, member, colleague, queued_emails
):
    activate_app(member)
    form = {"full_name": "Maria Member", "email": member.email}
    client.post("/join/", {**form, "teams": ["education"]})
    client.post("/join/code/", {"code": code_in(queued_emails()[-1])})
    assert "join_result" in client.session
    client.post("/sign-in/", {"email": colleague.email})
    client.post("/sign-in/code/", {"code": code_in(queued_emails()[-1])})
    assert client.session["_auth_user_id"] == str(colleague.pk)
    assert "join_result" not in client.session


# Help for who lost it ----------------------------------------------------------------------


def test_reset_second_factor_command_removes_it_and_sends_an_email(
    facilitator, queued_emails, capsys
):
    activate_app(facilitator)
    call_command("reset_second_factor", "FAY@rush.example")
    output = capsys.readouterr().out
    assert "Fay Facilitator (fay@rush.example): authenticator app, recovery codes." in output
    assert authenticator_types_of(facilitator) == []
    (email,) = queued_emails()
    assert email.to == ["fay@rush.example"]
    assert email.subject == "Your sign-in: the second step was removed"
    for body in (email.message, email.html_message):
        assert "the facilitators" in body
        assert "If you did not ask for this" in body
    assert last_line(facilitator) == (
        None,
        "second step of signing in removed (authenticator app, recovery codes), to help",
    )


def test_reset_second_factor_command_leaves_others_alone(facilitator, member):
    activate_app(facilitator)
    activate_app(member)
    call_command("reset_second_factor", facilitator.email)
    assert authenticator_types_of(member) == ["recovery_codes", "totp"]


def test_reset_second_factor_command_takes_a_merged_address(facilitator, colleague):
    activate_app(facilitator)
    Member.objects.filter(pk=colleague.pk).update(merged_into=facilitator, is_active=False)
    call_command("reset_second_factor", colleague.email)
    assert authenticator_types_of(facilitator) == []


@pytest.mark.parametrize("email", ["nobody@rush.example", "", "maria@rush.example"])
def test_reset_second_factor_command_refuses_without_an_account_or_second_factor(member, email):
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("reset_second_factor", email)
    assert not Email.objects.exists()


def test_reset_second_factor_refuses_a_closed_account(member):
    anonymize_member(member)
    refused("This account is closed", reset_second_factor, member)


def test_reset_second_factor_refuses_where_there_is_none(member):
    refused("Maria Member has no second step to remove", reset_second_factor, member)


def test_anonymize_member_removes_the_second_factor(member):
    activate_app(member)
    create_passkey(member)
    anonymize_member(member)
    assert authenticator_types_of(member) == []


def test_personal_data_lists_the_second_factor_without_secrets(member):
    secret = activate_app(member)
    second_factor = personal_data(member)["second_step_of_signing_in"]
    assert second_factor == second_factors(member)
    assert [authenticator["kind"] for authenticator in second_factor] == [
        "authenticator app",
        "recovery codes",
    ]
    assert secret not in str(second_factor)


# The look ----------------------------------------------------------------------------------


def template_names(patterns) -> set[str]:
    """What the views at these addresses, and below them, draw their pages with."""
    named = set()
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            named |= template_names(pattern.url_patterns)
        elif name := getattr(getattr(pattern.callback, "view_class", None), "template_name", ""):
            named.add(name)
    return named


def test_second_factor_pages_use_the_portals_templates(settings):
    named = template_names(get_resolver("members.urls").url_patterns)
    named.remove("mfa/webauthn/authenticator_list.html")  # its address leads to the index
    ours = str(settings.BASE_DIR / "templates")
    strange = [name for name in named if not get_template(name).origin.name.startswith(ours)]
    assert "mfa/index.html" in named
    assert strange == []


@pytest.mark.parametrize(
    "name",
    [
        "mfa_authenticate",
        "mfa_reauthenticate",
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "mfa_reauthenticate_webauthn",
    ],
)
def test_second_factor_pages_that_verify_are_the_portals_views(name):
    """allauth's own would take our forms for verified, which only `verify` makes them."""
    view_class = resolve(reverse(name)).func.view_class
    assert view_class.__module__ == "members.auth.second_factor"
    assert hasattr(view_class, "form_verified")
