"""Where do you work: asked after the code, and only where the address does not show it."""

import time

import pytest
from django.db import OperationalError, connection
from django.test import Client
from post_office.models import Email

from conftest import membership_of, visible_text
from members.auth.email_codes import VERIFIED_EMAIL_SECONDS
from members.models import Member, Organization
from members.tests.second_factor import activate_app, code_for
from teams.models import Membership
from teams.services import add_organization, decline_organization
from teams.tests.joining import CODE, DONE, EMPLOYER, JOIN, enter_code, form, join, last_code


@pytest.fixture
def asked(client, organization, team):
    """The page that asks, reached with an address at a domain that nobody knows."""
    client.post(JOIN, form(team, email="nora@lakeview.example"))
    return enter_code(client)


def forget_verification(client) -> None:
    """Let so much time pass that the address has to be verified again."""
    session = client.session
    session["verified_email"]["at"] = time.time() - VERIFIED_EMAIL_SECONDS - 1
    session.save()


def test_join_asks_no_member_again(client, member, applicant, team):
    """Confirmed or not: right after the code they hear that they are members already."""
    for person, text in (
        (member, "You were a member already"),
        (applicant, "Your request waited already"),
    ):
        browser = Client()
        browser.post(JOIN, form(team, email=person.email))
        response = enter_code(browser)
        assert response.redirect_chain == [(DONE, 302)]
        assert text in visible_text(response)


def test_join_organization_changes_nothing_before_the_answer(client, asked, organization):
    assert asked.redirect_chain == [(EMPLOYER, 302)]
    text = visible_text(asked)
    assert "Where do you work?" in text
    assert "We do not know lakeview.example yet" in text
    assert f'<option value="{organization.name}">' in asked.content.decode()
    assert not Member.objects.filter(email="nora@lakeview.example").exists()
    assert "_auth_user_id" not in client.session
    assert Email.objects.count() == 1


def test_join_organization_proposes_what_was_typed_and_signs_in(client, asked, team):
    done = client.post(EMPLOYER, {"organization": " Lakeview  Health "}, follow=True)
    assert done.redirect_chain == [(DONE, 302)]
    text = visible_text(done)
    assert "We are checking your organization" in text
    assert "Answer expected by" in text
    assert Email.objects.count() == 2
    nora = Member.objects.get(email="nora@lakeview.example")
    assert (nora.full_name, nora.job_title) == ("Nora Newcomer", "Recruiter")
    proposed = nora.organization
    assert (proposed.name, proposed.status) == ("Lakeview Health", "proposed")
    assert proposed.suggested_domain == "lakeview.example"
    assert membership_of(nora, team).is_waiting
    assert client.get(EMPLOYER).url == "/my/"


def test_join_organization_refuses_bad_input_in_words(client, asked):
    for value, message in (
        ("  ", "Enter the name of your organization"),
        ("x" * 151, "Enter a name with at most 150 characters"),
        ("!!! --", "with letters or digits"),
    ):
        response = client.post(EMPLOYER, {"organization": value})
        assert response.status_code == 200
        assert visible_text(response).count(message) == 2
    assert not Member.objects.filter(email="nora@lakeview.example").exists()


def test_join_organization_is_for_those_who_were_asked(client, client_for, member, team):
    assert client.get(EMPLOYER).url == JOIN
    assert client.post(EMPLOYER, {"organization": "Rush"}).url == JOIN
    assert client_for(member).post(EMPLOYER, {"organization": "Rush"}).url == "/my/"
    client.post(JOIN, form(team, email="nora@lakeview.example"))
    assert client.get(EMPLOYER).url == JOIN
    assert client.delete(EMPLOYER).status_code == 405


def test_join_organization_of_another_person_is_not_shown(client, asked, member):
    """Two people at one computer: the second one signs in."""
    client.post("/sign-in/", {"email": member.email})
    client.post("/sign-in/code/", {"code": last_code()})
    assert client.get(EMPLOYER).url == "/my/"
    assert client.post(EMPLOYER, {"organization": "Lakeview"}).url == "/my/"
    assert not Member.objects.filter(email="nora@lakeview.example").exists()


def test_join_keeps_everything_when_going_back_from_the_question(client, asked, team, other_team):
    page = client.get(JOIN).content.decode()
    assert 'value="Nora Newcomer"' in page
    assert 'value="nora@lakeview.example"' in page
    assert page.count(" checked") == 1
    assert client.get(CODE).url == EMPLOYER
    again = client.post(JOIN, form(team, other_team, email="nora@lakeview.example"))
    assert again.url == EMPLOYER
    client.post(EMPLOYER, {"organization": "Lakeview"})
    nora = Member.objects.get(email="nora@lakeview.example")
    assert Membership.objects.of(nora).count() == 2


def test_join_organization_asks_for_a_new_code_after_a_long_time(client, asked, team):
    """What was typed is kept, and not asked again."""
    forget_verification(client)
    sent = client.post(EMPLOYER, {"organization": "Lakeview"})
    assert sent.url == CODE
    assert not Member.objects.filter(email="nora@lakeview.example").exists()
    assert client.get(JOIN).content.decode().count(" checked") == 1
    assert enter_code(client).redirect_chain == [(DONE, 302)]
    nora = Member.objects.get(email="nora@lakeview.example")
    assert nora.organization.name == "Lakeview"


def test_join_organization_says_when_a_new_code_may_be_sent(client, asked, settings):
    forget_verification(client)
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, "1/15m/ip")
    client.post("/sign-in/", {"email": "maria@rush.example"})
    response = client.post(EMPLOYER, {"organization": "Lakeview"})
    assert response.status_code == 429
    assert 'value="Lakeview"' in response.content.decode()


def test_join_organization_is_kept_when_the_address_is_changed(client, asked, team):
    forget_verification(client)
    client.post(EMPLOYER, {"organization": "Lakeview"})
    client.post(JOIN, form(team, email="nora@gmail.com"))
    assert enter_code(client).redirect_chain == [(DONE, 302)]
    assert Member.objects.get(email="nora@gmail.com").organization.name == "Lakeview"


def test_join_organization_of_a_personal_address_says_so_and_suggests_no_domain(client, team):
    client.post(JOIN, form(team, email="nora@gmail.com"))
    assert "nora@gmail.com is a personal address" in visible_text(enter_code(client))
    client.post(EMPLOYER, {"organization": "New Clinic"})
    assert Organization.objects.get().suggested_domain == ""


def test_join_asks_again_after_the_organization_was_declined(
    client, applicant, team, administrator
):
    reason = "It does not work in healthcare."
    decline_organization(applicant.organization, reason=reason, by=administrator)
    client.post(JOIN, form(team, email=applicant.email))
    text = visible_text(enter_code(client))
    assert "A facilitator did not recognize Lakeview Health" in text
    assert reason in text
    client.post(EMPLOYER, {"organization": "Lakeview Clinics"})
    applicant.refresh_from_db()
    assert applicant.organization.name == "Lakeview Clinics"
    assert membership_of(applicant, team).is_waiting


def test_join_organization_is_asked_before_the_second_factor(
    client, applicant, team, administrator
):
    secret = activate_app(applicant)
    decline_organization(applicant.organization, reason="No.", by=administrator)
    client.post(JOIN, form(team, email=applicant.email))
    assert enter_code(client).redirect_chain == [(EMPLOYER, 302)]
    response = client.post(EMPLOYER, {"organization": "Lakeview Clinics"})
    assert response.url == "/two-factor/authenticate/"
    assert membership_of(applicant, team).is_waiting
    done = client.post(response.url, {"code": code_for(secret)}, follow=True)
    assert done.redirect_chain == [(DONE, 302)]


def test_join_tells_a_closed_account_before_it_asks(client, member, team):
    Member.objects.filter(pk=member.pk).update(
        is_active=False, organization=None, affiliation_confirmed_at=None,
        affiliation_confirmed_via="", email="maria@unknown.example",
    )  # fmt: skip
    response = join(client, team, email="maria@unknown.example")
    assert response.status_code == 403
    assert "This account is closed" in visible_text(response)


def test_join_by_a_domain_recognized_while_the_question_was_open(client, asked, administrator):
    add_organization("Lakeview Health", domains=["lakeview.example"], by=administrator)
    client.post(EMPLOYER, {"organization": "Lakeview"})
    nora = Member.objects.get(email="nora@lakeview.example")
    assert nora.affiliation_confirmed_via == "domain"
    assert not Organization.objects.filter(name="Lakeview").exists()


def test_join_keeps_the_form_in_the_transaction_that_uses_up_the_code(client, team):
    """A process that is killed between the two would lose what was typed."""
    client.post(JOIN, form(team, email="nora@lakeview.example"))
    client.raise_request_exception = False

    def refuse(execute, sql, params, many, context):
        if sql.startswith('UPDATE "django_session"'):
            raise OperationalError("the database is away")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        assert client.post(CODE, {"code": last_code()}).status_code == 503
    assert enter_code(client).redirect_chain == [(EMPLOYER, 302)]
