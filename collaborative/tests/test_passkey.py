"""A passkey in a real Chromium."""

import pytest
from playwright.sync_api import Page, expect
from post_office.models import Email

from collaborative.tests.test_journeys import expect_heading, newest_code

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(autouse=True)
def _demanded(settings):
    settings.STAFF_SECOND_FACTOR = True


def give_device(page: Page) -> None:
    """A device that says yes to every passkey."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})


def begin_sign_in(page: Page, email: str) -> None:
    page.goto("/sign-in/?next=/admin/")
    page.get_by_label("Work email").fill(email)
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_label("Code from the email").fill(newest_code())
    page.get_by_role("button", name="Sign in").click()
    expect_heading(page, "Take the second step")


def test_passkey_is_made_and_signs_in(new_page, facilitator):
    page = new_page(facilitator, width=360)
    give_device(page)
    page.goto("/admin/")
    expect_heading(page, "Sign-in and security")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name of the passkey").fill("My laptop")
    # As the button does.
    page.get_by_label("Name of the passkey").press("Enter")
    expect_heading(page, "Keep your recovery codes")
    codes = page.get_by_role("list", name="Recovery codes").get_by_role("listitem")
    expect(codes).to_have_count(10)
    assert Email.objects.latest("pk").subject == "Your sign-in: A passkey was added"

    page.goto("/two-factor/webauthn/add/")  # the device has one already, and refuses
    page.get_by_role("button", name="Create the passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("The passkey did not work")
    expect(page.get_by_role("alert")).to_be_focused()

    page.goto("/two-factor/webauthn/reauthenticate/?next=/my/profile/")
    forge = "form => { form.credential.value = '{}'; form.submit() }"
    page.eval_on_selector("#passkey-form", forge)
    expect_heading(page, "We could not read that request")
    page.goto("/two-factor/webauthn/reauthenticate/?next=/my/profile/")
    page.get_by_role("button", name="Use my passkey").click()
    page.wait_for_url("**/my/profile/")

    page.get_by_text("Menu", exact=True).click()
    page.get_by_role("button", name="Sign out").click()
    begin_sign_in(page, facilitator.email)
    page.get_by_role("button", name="Use my passkey").click()
    page.wait_for_url("**/admin/")
    expect_heading(page, "Today")


def test_passkey_alone_opens_the_desk(new_page, facilitator):
    page = new_page(facilitator)
    give_device(page)
    page.goto("/two-factor/webauthn/add/")
    page.get_by_role("button", name="Create the passkey").click()
    expect_heading(page, "Keep your recovery codes")
    page.get_by_role("button", name="Sign out").click()
    emails = Email.objects.count()

    page.goto("/sign-in/?next=/admin/report/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/admin/report/")
    assert Email.objects.count() == emails


def test_passkey_that_is_unknown_signs_nobody_in(new_page, facilitator):
    page = new_page()
    give_device(page)
    page.goto("/sign-in/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("The passkey did not work")


def test_sign_in_page_has_no_passkey_button_without_javascript(new_page):
    page = new_page(javascript=False)
    page.goto("/sign-in/")
    expect(page.get_by_role("button", name="Send me a code")).to_be_visible()
    assert "passkey" not in page.locator("body").inner_text().lower()
