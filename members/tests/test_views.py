"""Signing in by code, signing out, and what members say of themselves."""

import pytest
from django.test import Client
from post_office.models import Email

from conftest import code_in, visible_text
from members.models import Member, Organization
from teams.tests.joining import without_time

SIGN_IN, CODE, NEW_CODE, PROFILE = (
    "/sign-in/",
    "/sign-in/code/",
    "/sign-in/code/new/",
    "/my/profile/",
)


def sign_in(client: Client, email: str, address: str = SIGN_IN):
    client.post(address, {"email": email})
    return client.post(CODE, {"code": code_in(Email.objects.latest("pk"))})


def test_sign_in_takes_an_address_and_a_code(client, member):
    response = sign_in(client, f" {member.email.upper()} ")
    assert response["Location"] == "/my/"
    assert "Maria Member" in visible_text(client.get("/my/"))


def test_sign_in_goes_on_to_the_page_that_asked_for_it(client, member, team):
    redirected = client.get(f"/teams/{team.slug}/members/")
    assert redirected["Location"] == f"/sign-in/?next=/teams/{team.slug}/members/"
    response = sign_in(client, member.email, redirected["Location"])
    assert response["Location"] == f"/teams/{team.slug}/members/"


def test_sign_in_leads_staff_to_the_desk_unless_they_asked_for_a_page(
    client_for, facilitator, administrator, member
):
    assert sign_in(Client(), facilitator.email)["Location"] == "/admin/"
    assert sign_in(Client(), administrator.email)["Location"] == "/admin/"
    requested = sign_in(Client(), facilitator.email, f"{SIGN_IN}?next=/my/data/")
    assert requested["Location"] == "/my/data/"
    assert client_for(facilitator).get(SIGN_IN)["Location"] == "/admin/"
    assert client_for(facilitator).get(f"{SIGN_IN}?next=/my/")["Location"] == "/my/"
    assert client_for(member).get(f"{SIGN_IN}?next=//evil.example")["Location"] == "/my/"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil"]
)
def test_sign_in_never_leads_to_another_site(client, member, target):
    client.post(f"{SIGN_IN}?next={target}", {"email": member.email})
    response = client.post(CODE, {"code": code_in(Email.objects.latest("pk"))})
    assert response["Location"] == "/my/"


def test_sign_in_after_a_post_leads_to_a_page(client, member, other_team):
    posted = client.post(f"/teams/{other_team.slug}/join/")
    signed_in = sign_in(client, member.email, posted["Location"])
    shown = client.get(signed_in["Location"], follow=True)
    assert "Join this team" in visible_text(shown)


def test_sign_in_responds_alike_to_known_and_unknown_addresses(member):
    seen = []
    for address in (member.email, "stranger@rush.example"):
        client = Client()
        sent = client.post(SIGN_IN, {"email": address})
        (email,) = Email.objects.filter(to=address)
        code = code_in(email)
        page = without_time(visible_text(client.get(sent["Location"]))).replace(address, "ADDRESS")
        message = without_time(email.message).replace(code, "CODE")
        seen.append((sent.status_code, sent["Location"], page, message))
    assert seen[0] == seen[1]


def test_sign_in_of_a_stranger_makes_no_account_and_shows_the_way_to_join(client, db):
    response = sign_in(client, "stranger@rush.example")
    assert response["Location"] == "/join/"
    assert Member.objects.count() == 0
    assert client.get("/my/").status_code == 302


def test_sign_in_refuses_a_wrong_code_and_an_empty_one(client, member):
    client.post(SIGN_IN, {"email": member.email})
    assert "not the code we sent" in visible_text(client.post(CODE, {"code": "ZZZZZZ"}))
    assert "Enter the code from the email" in visible_text(client.post(CODE, {"code": " "}))
    assert client.get("/my/").status_code == 302


def test_sign_in_refuses_a_closed_account_after_the_code(client, member):
    member.is_active = False
    member.save()
    response = sign_in(client, member.email)
    assert response.status_code == 403
    assert "This account is closed" in visible_text(response)


def test_sign_in_says_what_is_wrong_with_an_address(client, db):
    response = client.post(SIGN_IN, {"email": "maria"})
    assert "Enter your work email address, like name@hospital.org" in visible_text(response)
    assert 'value="maria"' in response.content.decode()


def test_sign_in_starts_over_without_a_verification(client, db):
    assert client.get(CODE)["Location"] == SIGN_IN
    assert client.post(NEW_CODE)["Location"] == SIGN_IN
    assert client.get(NEW_CODE)["Location"] == CODE
    assert client.put(NEW_CODE).status_code == 405


def test_sign_in_sends_a_new_code_on_request(client, member):
    client.post(SIGN_IN, {"email": member.email})
    old = code_in(Email.objects.latest("pk"))
    assert "We sent a new code" in visible_text(client.post(NEW_CODE, follow=True))
    assert "not the code we sent" in visible_text(client.post(CODE, {"code": old}))
    new = code_in(Email.objects.latest("pk"))
    assert client.post(CODE, {"code": new})["Location"] == "/my/"


def test_sign_in_redirects_a_signed_in_member(client_for, member):
    assert client_for(member).get(SIGN_IN)["Location"] == "/my/"


def test_sign_in_takes_a_code_only_once(client, member):
    client.post(SIGN_IN, {"email": member.email})
    code = code_in(Email.objects.latest("pk"))
    client.post(CODE, {"code": code})
    client.post("/sign-out/")
    assert client.post(CODE, {"code": code})["Location"] == SIGN_IN


def test_sign_in_changes_the_session(client, member):
    client.post(SIGN_IN, {"email": member.email})
    before = client.session.session_key
    client.post(CODE, {"code": code_in(Email.objects.latest("pk"))})
    assert client.session.session_key != before


def test_sign_out_takes_a_post(client_for, member):
    client = client_for(member)
    assert client.get("/sign-out/")["Location"] == "/"
    assert client.put("/sign-out/").status_code == 405
    assert client.get("/my/").status_code == 200
    assert "You have signed out" in visible_text(client.post("/sign-out/", follow=True))
    assert client.get("/my/").status_code == 302
    assert client.post("/sign-out/").status_code == 302


def test_member_has_no_password(member):
    assert not member.has_usable_password()
    assert not any(field.name == "password" for field in Member._meta.get_fields())


def test_profile_is_saved_with_history(client_for, member):
    client = client_for(member)
    client.post(
        PROFILE, {"full_name": " Maria Moved ", "job_title": "HR lead", "shares_email": "on"}
    )
    member.refresh_from_db()
    assert (member.full_name, member.job_title, member.shares_email) == (
        "Maria Moved",
        "HR lead",
        True,
    )
    line = member.history.latest()
    assert line.history_user == member
    assert line.history_change_reason == "changed by the member"


def test_profile_refuses_an_empty_name_and_keeps_the_rest(client_for, member):
    response = client_for(member).post(PROFILE, {"full_name": "", "job_title": "HR lead"})
    assert "Enter your full name" in visible_text(response)
    assert 'value="HR lead"' in response.content.decode()
    member.refresh_from_db()
    assert member.full_name == "Maria Member"


def test_profile_cannot_change_a_confirmed_organization_or_the_address(
    client_for, member, organization, other_organization
):
    forged = {
        "full_name": "Maria", "organization": other_organization.name, "email": "x@loop.example",
        "is_staff": "on", "is_superuser": "on",
    }  # fmt: skip
    client_for(member).post(PROFILE, forged)
    member.refresh_from_db()
    assert member.organization == organization
    assert member.email == "maria@rush.example"
    assert not member.is_staff
    assert not member.is_superuser


def test_profile_lets_the_unconfirmed_name_another_organization(client_for, applicant):
    client_for(applicant).post(
        PROFILE, {"full_name": "Wanda", "organization": "Lake View Hospital"}
    )
    applicant.refresh_from_db()
    assert applicant.organization.name == "Lake View Hospital"
    assert applicant.organization.status == Organization.Status.PROPOSED
    assert not applicant.is_affiliation_confirmed


def test_profile_needs_a_name_for_the_organization(client_for, applicant):
    response = client_for(applicant).post(PROFILE, {"full_name": "Wanda", "organization": "..."})
    assert "with letters or digits" in visible_text(response)
    applicant.refresh_from_db()
    assert applicant.organization.name == "Lakeview Health"


def test_profile_is_for_members(client, db):
    assert client.get(PROFILE)["Location"] == f"/sign-in/?next={PROFILE}"
    assert client.post(PROFILE, {"full_name": "x"})["Location"].startswith("/sign-in/")
