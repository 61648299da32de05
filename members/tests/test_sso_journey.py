"""The way in by a hospital's own service, in a real Chromium under the portal's strict policy."""

import copy

import pytest
import requests
from playwright.sync_api import expect

from members.models import Member
from members.tests.oidc import NORA_CLAIMS, provider_at, running_provider

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_newcomer_joins_with_the_account_of_the_hospital(
    browser, live_server, settings, organization, team
):
    with running_provider() as issuer:
        requests.put(f"{issuer}/users/nora", json=NORA_CLAIMS, timeout=5).raise_for_status()
        settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "allauth.socialaccount"]
        settings.SITE_URL = live_server.url
        settings.SSO_PROVIDERS = {"rush": (rush := provider_at(issuer))}
        policy = copy.deepcopy(settings.CONTENT_SECURITY_POLICY)
        policy["DIRECTIVES"]["form-action"] += sorted(rush.origins)
        settings.CONTENT_SECURITY_POLICY = policy

        with browser.new_context(
            base_url=live_server.url, viewport={"width": 360, "height": 800}
        ) as context:
            page = context.new_page()
            page.set_default_timeout(15_000)
            page.goto("/join/?team=education")
            page.get_by_role("button", name="Sign in with Rush Hospital").click()
            page.get_by_placeholder("sub").fill("nora")
            page.get_by_role("button", name="Authorize").click()
            expect(page.get_by_label("Work email")).to_be_disabled()
            expect(page.get_by_label("Work email")).to_have_value("nora@rush.example")
            page.get_by_role("button", name="Join", exact=True).click()
            expect(page.get_by_role("heading", level=1)).to_have_text("You have joined Education")
            assert Member.objects.get(email="nora@rush.example").is_affiliation_confirmed

            page.get_by_text("Menu", exact=True).click()
            page.get_by_role("button", name="Sign out").click()
            page.goto("/sign-in/")
            page.get_by_role("button", name="Sign in with Rush Hospital").click()
            page.get_by_placeholder("sub").fill("nora")
            page.get_by_role("button", name="Authorize").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("My teams")
