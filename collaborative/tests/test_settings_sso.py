"""The settings of hospitals' sign-in services: whole, or the start stops with a sentence."""

import runpy

import pytest
from django.core.exceptions import ImproperlyConfigured

from collaborative.tests.test_settings import PRODUCTION, ROOT

RUSH = {
    "SSO_PROVIDERS": "rush",
    "SSO_RUSH_NAME": "Rush Hospital",
    "SSO_RUSH_ISSUER": "https://login.example.org/realms/rush",
    "SSO_RUSH_CLIENT_ID": "portal",
    "SSO_RUSH_CLIENT_SECRET": "hunter2",
    "SSO_RUSH_DOMAINS": "rush.example, Rush.example.org",
}
LOOP = {name.replace("RUSH", "LOOP"): value for name, value in RUSH.items()}
LOOP["SSO_LOOP_ISSUER"] = "https://idp.example.net:8443"


@pytest.fixture
def read_settings(monkeypatch):
    """`read_settings(NAME=…)`: the settings as a production process would read them."""

    def read(**changes):
        for name in {"CACHE_URL", "DEBUG", "PORT"}:
            monkeypatch.delenv(name, raising=False)
        for name, value in (PRODUCTION | changes).items():
            if value is not None:
                monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "collaborative/settings.py"))

    return read


def test_one_hospital_is_read_whole(read_settings):
    found = read_settings(**RUSH)
    (rush,) = found["SSO_PROVIDERS"].values()
    assert (rush.key, rush.name, rush.client_id) == ("rush", "Rush Hospital", "portal")
    assert rush.domains == ("rush.example", "rush.example.org")
    assert not rush.email_trusted
    assert "allauth.socialaccount" in found["INSTALLED_APPS"]
    assert "hunter2" not in repr(rush)


def test_several_hospitals_are_read_and_forms_may_lead_to_each(read_settings):
    more = {"SSO_PROVIDERS": "rush,loop", "SSO_RUSH_ORIGINS": "https://sts.example.org"}
    found = read_settings(**(LOOP | RUSH | more))
    assert list(found["SSO_PROVIDERS"]) == ["rush", "loop"]
    allowed = found["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]["form-action"]
    assert allowed == [
        "'self'",
        "https://idp.example.net:8443",
        "https://login.example.org",
        "https://sts.example.org",
    ]


def test_without_one_nothing_is_added(read_settings):
    found = read_settings()
    assert found["SSO_PROVIDERS"] == {}
    assert not [name for name in found["INSTALLED_APPS"] if "social" in name]
    assert found["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]["form-action"] == ["'self'"]


@pytest.mark.parametrize("name", sorted(set(RUSH) - {"SSO_PROVIDERS"}))
@pytest.mark.parametrize("value", [None, " "])
def test_half_given_service_stops_the_start(read_settings, name, value):
    with pytest.raises(ImproperlyConfigured, match=rf"^{name} is not set\. Set it to "):
        read_settings(**(RUSH | {name: value}))


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
        ("SSO_RUSH_DOMAINS", "@rush.example"),
        ("SSO_RUSH_DOMAINS", "rush.example, gmail.com"),
        ("SSO_RUSH_DOMAINS", "*.example"),
        ("SSO_RUSH_EMAIL_TRUSTED", "hunter2"),
        ("SSO_RUSH_ORIGINS", "http://sts.example.org"),
        ("SSO_RUSH_ORIGINS", "https://sts.example.org, *"),
        ("SSO_RUSH_ORIGINS", "https://sts.example.org/hunter2"),
    ],
)
def test_wrong_service_stops_the_start_and_is_not_repeated(read_settings, name, value):
    with pytest.raises(ImproperlyConfigured, match=rf"^{name} is set to a value that ") as caught:
        read_settings(**(RUSH | {name: value}))
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
def test_setting_of_no_service_stops_the_start(read_settings, changes):
    with pytest.raises(ImproperlyConfigured, match=r"^SSO_\w+ is set, and is no setting of"):
        read_settings(**(RUSH | changes))


def test_development_takes_a_service_on_this_machine(read_settings):
    local = {**RUSH, "SSO_RUSH_ISSUER": "http://127.0.0.1:9400", "DEBUG": "1"}
    assert read_settings(**local)["SSO_PROVIDERS"]["rush"].origins == {"http://127.0.0.1:9400"}
