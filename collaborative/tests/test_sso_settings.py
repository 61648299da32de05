"""The settings of hospitals' sign-in services: whole, or the start stops with a sentence."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from collaborative.sso_settings import sso_providers
from members.tests.oidc import LOOP_SETTINGS, RUSH_SETTINGS


@pytest.fixture
def read_providers(monkeypatch):
    """`read_providers(NAME=…)`: the services that production finds with these settings alone."""

    def find(*, insecure=False, **environment):
        for name, value in environment.items():
            if value is not None:
                monkeypatch.setenv(name, value)
        return sso_providers(insecure=insecure)

    return find


def test_sso_providers_reads_one_hospital(read_providers):
    (rush,) = read_providers(**RUSH_SETTINGS).values()
    assert (rush.key, rush.name, rush.client_id) == ("rush", "Rush Hospital", "portal")
    assert rush.issuer == "https://login.example.org/realms/rush"
    assert rush.origins == {"https://login.example.org"}
    assert rush.domains == ("rush.example", "rush.example.org")
    assert not rush.email_trusted
    assert "hunter2" not in repr(rush)


def test_sso_providers_reads_several_hospitals_in_order(read_providers):
    more = {"SSO_PROVIDERS": "rush, loop", "SSO_RUSH_EMAIL_TRUSTED": "1"}
    more["SSO_RUSH_ORIGINS"] = "https://sts.example.org/, https://sts.example.net:8443"
    several = read_providers(**(LOOP_SETTINGS | RUSH_SETTINGS | more))
    assert list(several) == ["rush", "loop"]
    assert [each.email_trusted for each in several.values()] == [True, False]
    assert several["rush"].further_origins == (
        "https://sts.example.org",
        "https://sts.example.net:8443",
    )


def test_sso_providers_is_empty_by_default(read_providers):
    assert read_providers() == {}


def test_sso_providers_takes_http_in_development(read_providers):
    local = {**RUSH_SETTINGS, "SSO_RUSH_ISSUER": "http://127.0.0.1:9400"}
    assert read_providers(insecure=True, **local)["rush"].origins == {"http://127.0.0.1:9400"}


@pytest.mark.parametrize("name", sorted(set(RUSH_SETTINGS) - {"SSO_PROVIDERS"}))
@pytest.mark.parametrize("value", [None, " "])
def test_sso_providers_refuses_an_incomplete_service(read_providers, name, value):
    with pytest.raises(ImproperlyConfigured, match=rf"^{name} is not set\. Set it to "):
        read_providers(**(RUSH_SETTINGS | {name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SSO_PROVIDERS", "Rush"),
        ("SSO_PROVIDERS", "rush hospital"),
        ("SSO_PROVIDERS", "rush_hospital"),
        ("SSO_PROVIDERS", "rush,rush"),
        ("SSO_PROVIDERS", ","),
        ("SSO_RUSH_NAME", "x" * 41),
        ("SSO_RUSH_ISSUER", "http://login.example.org"),
        ("SSO_RUSH_ISSUER", "login.example.org"),
        ("SSO_RUSH_ISSUER", "https://"),
        ("SSO_RUSH_ISSUER", "https://portal:hunter2@login.example.org"),
        ("SSO_RUSH_ISSUER", "https://login.example.org:port"),
        ("SSO_RUSH_ISSUER", "https://login.example.org/?tenant=hunter2"),
        ("SSO_RUSH_ISSUER", "https://login.example.org/.well-known/openid-configuration"),
        ("SSO_RUSH_ISSUER", "https://login.microsoftonline.com/common/v2.0"),
        ("SSO_RUSH_ISSUER", "https://login.microsoftonline.com/organizations/v2.0"),
        ("SSO_RUSH_ISSUER", "https://login.microsoftonline.com/consumers/v2.0"),
        ("SSO_RUSH_DOMAINS", ","),
        ("SSO_RUSH_DOMAINS", "rush"),
        ("SSO_RUSH_DOMAINS", "hr@rush.example"),
        ("SSO_RUSH_DOMAINS", "rush.example, gmail.com"),
        ("SSO_RUSH_DOMAINS", "rush.example, il.us"),
        ("SSO_RUSH_DOMAINS", "*.example"),
        ("SSO_RUSH_EMAIL_TRUSTED", "hunter2"),
        ("SSO_RUSH_ORIGINS", "http://sts.example.org"),
        ("SSO_RUSH_ORIGINS", "https://sts.example.org, *"),
        ("SSO_RUSH_ORIGINS", "https://sts.example.org/hunter2"),
        ("SSO_RUSH_ORIGINS", "https://hunter2@sts.example.org"),
    ],
)
def test_sso_providers_refuses_a_wrong_value_without_repeating_it(read_providers, name, value):
    with pytest.raises(ImproperlyConfigured, match=rf"^{name} is set to a value that ") as caught:
        read_providers(**(RUSH_SETTINGS | {name: value}))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"SSO_PROVIDERS": None},
        {"SSO_RUSH_CLIENTID": "portal"},
        {"SSO_LOOP_NAME": "Loop Clinic"},
        {"SSO_ISSUER": "https://login.example.org"},
    ],
)
def test_sso_providers_refuses_the_setting_of_an_unknown_service(read_providers, changes):
    with pytest.raises(ImproperlyConfigured, match=r"^SSO_\w+ is set, and is no setting of"):
        read_providers(**(RUSH_SETTINGS | changes))
