"""A wrong or missing setting stops the start with one sentence, which repeats no secret."""

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import global_settings
from django.core.exceptions import ImproperlyConfigured

from members.tests.oidc import LOOP_SETTINGS, RUSH_SETTINGS

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "SECRET_KEY": "only-of-this-test-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG",
    "ALLOWED_HOSTS": "portal.example.org",
    "SITE_URL": "https://portal.example.org",
    "CONTACT_EMAIL": "help@example.org",
    "DEFAULT_FROM_EMAIL": "portal@example.org",
    "EMAIL_URL": "smtp+tls://portal:hunter2@mail.example.org:587",
    "DATABASE_URL": "sqlite://:memory:",
}


def manage(*command: str, **changes: str | None) -> subprocess.CompletedProcess:
    """`manage.py command` in production, with `changes` to its settings (None: not set)."""
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    env |= {name: value for name, value in (PRODUCTION | changes).items() if value is not None}
    return subprocess.run(
        [sys.executable, ROOT / "manage.py", *command],
        env=env,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def read_settings(monkeypatch) -> Callable[..., dict[str, Any]]:
    """`read_settings(NAME=…)`: the settings as a production process would read them."""

    def read(**changes: str | None) -> dict[str, Any]:
        for name in {*PRODUCTION, "CACHE_URL", "DEBUG", "PORT"}:
            monkeypatch.delenv(name, raising=False)
        for name, value in (PRODUCTION | changes).items():
            if value is not None:
                monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "collaborative/settings.py"))

    return read


def loaded_libraries(**changes: str) -> set[str]:
    """Return which of the optional libraries the deployment check and the web server load, with
    these settings. Fails if the check has a complaint."""
    libraries = {"sentry_sdk", "prometheus_client", "redis"}
    # Of signing in by a hospital's own service.
    libraries |= {"allauth.socialaccount", "jwt", "requests"}
    # Of reading an email that came back.
    libraries |= {"flufl.bounce"}
    code = (
        "import collaborative.wsgi, collaborative.urls, django.core.management, sys; "
        "django.core.management.call_command('check', '--deploy', '--fail-level', 'WARNING'); "
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], **PRODUCTION, **changes},
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert "System check identified no issues (0 silenced)." in done.stdout, done.stderr
    return libraries & set(done.stdout.split())


def test_deployment_check_passes_and_an_optional_library_is_loaded_only_by_its_setting():
    assert loaded_libraries() == set()
    used = {"SENTRY_DSN": "https://key@sentry.example.org/1"}
    used |= {"METRICS_TOKEN": "only-of-this-test-012345"}
    assert loaded_libraries(**used) == {"sentry_sdk", "prometheus_client"}


def test_wrong_setting_ends_the_command_with_one_sentence_and_is_not_repeated():
    done = manage("check", DATABASE_URL="postgres://portal:hunter2@db.example.org:port/portal")
    assert done.returncode == 1
    assert done.stderr.startswith("The portal cannot start. DATABASE_URL is set to a value that ")
    assert len(done.stderr.splitlines()) == 1
    assert "hunter2" not in done.stderr + done.stdout


def test_settings_are_strict_outside_development(read_settings):
    production = read_settings()
    strict = {
        "SESSION_COOKIE_NAME": "__Host-session",
        "CSRF_COOKIE_NAME": "__Host-csrf",
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "CSRF_COOKIE_HTTPONLY": True,
        "SECURE_HSTS_SECONDS": 63072000,
        "SECURE_HSTS_PRELOAD": True,
        "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
        "SECURE_SSL_REDIRECT": True,
        "PAGE_CACHE_SECONDS": 1,
    }
    assert {name: production[name] for name in strict} == strict
    # Django's own values, which nothing may loosen.
    for name, value in {
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_SAMESITE": "Lax",
    }.items():
        assert production.get(name, getattr(global_settings, name)) == value


@pytest.mark.parametrize(
    "name",
    [
        "SECRET_KEY",
        "ALLOWED_HOSTS",
        "SITE_URL",
        "CONTACT_EMAIL",
        "DEFAULT_FROM_EMAIL",
        "EMAIL_URL",
        "DATABASE_URL",
    ],
)
@pytest.mark.parametrize("value", [None, "", " "])
def test_missing_setting_stops_the_start(read_settings, name, value):
    with pytest.raises(ImproperlyConfigured, match=rf"^{name} is not set\. Set it to "):
        read_settings(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "hunter2"),
        ("SECRET_KEY", "2" * 60),
        ("SECRET_KEY_FALLBACKS", "hunter2"),
        ("SECRET_KEY_FALLBACKS", f"{PRODUCTION['SECRET_KEY']},hunter2"),
        ("ALLOWED_HOSTS", ","),
        ("ALLOWED_HOSTS", "https://hunter2.example.org"),
        ("ALLOWED_HOSTS", "portal.example.org,hunter2.example.org:443"),
        ("ALLOWED_HOSTS", "portal.example.org/hunter2"),
        ("ALLOWED_HOSTS", "*.hunter2.example.org"),
        ("ALLOWED_HOSTS", "portal.example.org hunter2.example.org"),
        ("SITE_URL", "http://hunter2.example.org"),
        ("SITE_URL", "https://portal.example.org/hunter2/"),
        ("SITE_URL", "portal.example.org"),
        ("SITE_URL", "https://portal:hunter2@portal.example.org"),
        ("SITE_URL", "https://portal.example.org:hunter2"),
        ("CONTACT_EMAIL", "hunter2"),
        ("DEFAULT_FROM_EMAIL", "@hunter2.example"),
        ("EMAIL_URL", "smtp+tls://portal:hunter2@"),
        ("EMAIL_URL", "hunter2"),
        ("EMAIL_URL", "smtp://portal:hunter2@mail.example.org:port"),
        ("DATABASE_URL", "mysql://portal:hunter2@db.example.org/portal"),
        ("DATABASE_URL", "postgres://portal:hunter2@db.example.org"),
        ("DATABASE_URL", "postgres://portal:hunter2@db.example.org:port/portal"),
        ("DATABASE_URL", "hunter2"),
        ("DATABASE_URL", "://portal:hunter2@db.example.org/portal"),
        ("CACHE_URL", "hunter2://portal"),
        ("CACHE_URL", "hunter2"),
        ("DEBUG", "hunter2"),
        ("DEBUG", "true"),
        ("ANSWER_WORKING_DAYS", "-1"),
        ("ANSWER_WORKING_DAYS", "0"),
        ("TRUSTED_PROXY_COUNT", "hunter2"),
        ("CALENDAR_EMAIL", "hunter2"),
        ("CALENDAR_EMAIL", "meetings+hunter2@portal.example.org"),
        ("CALENDAR_EMAIL", "hunter2-meetings-of-all@portal.example.org"),
        ("BOUNCE_EMAIL", "bounces+hunter2@portal.example.org"),
        ("BOUNCE_IMAP_URL", "imap://bounces:hunter2@mail.example.org"),
        ("CALENDAR_IMAP_URL", "imap://meetings:hunter2@mail.example.org"),
        ("CALENDAR_IMAP_URL", "imaps://:hunter2@mail.example.org"),
        ("LOG_FORMAT", "hunter2"),
        ("LOG_LEVEL", "hunter2"),
        ("METRICS_TOKEN", "hunter2"),
        ("BACKUP_DIR", "hunter2/relative"),
        ("BACKUP_KEEP", "0"),
        ("BACKUP_KEY", "AGE-SECRET-KEY-1HUNTER2"),
        ("BACKUP_KEY", "age1hunter2"),
        ("BACKUP_MAC_KEY", "hunter2"),
        ("PG_BIN", "/hunter2/without/programs"),
        ("METRICS_TOKEN", "hunter2 hunter2 hunter2"),
        ("SENTRY_DSN", "hunter2"),
        ("SENTRY_DSN", "https://sentry.example.org/hunter2"),
        ("SENTRY_DSN", "https://hunter2@sentry.example.org/project"),
    ],
)
def test_wrong_setting_stops_the_start_and_is_not_repeated(read_settings, name, value):
    with pytest.raises(ImproperlyConfigured, match=rf"^{name} is set to a value that ") as caught:
        read_settings(**{name: value})
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("site", "hosts"),
    [
        ("https://portal.example.org", "other.example.org"),
        ("https://portal.example.org", "portal.example.com,.portal.example.org.example.com"),
        ("https://example.com", ".example.org"),
    ],
)
def test_own_address_that_every_page_would_refuse_stops_the_start(read_settings, site, hosts):
    with pytest.raises(ImproperlyConfigured, match="^SITE_URL has a host that ALLOWED_HOSTS does"):
        read_settings(SITE_URL=site, ALLOWED_HOSTS=hosts)


@pytest.mark.parametrize(
    ("site", "hosts"),
    [
        ("https://portal.example.org", "10.0.0.12, Portal.Example.ORG"),
        ("https://Portal.example.org:8443/", ".example.org"),
        ("https://portal.example.org", "*"),
        ("https://[::1]:8443", "[::1]"),
    ],
)
def test_own_address_may_be_any_that_is_allowed(read_settings, site, hosts):
    assert read_settings(SITE_URL=site, ALLOWED_HOSTS=hosts)["SITE_URL"] == site.rstrip("/")


def test_former_secrets_are_read_for_the_time_of_a_change(read_settings):
    former = [f"former-secret-{number}-0123456789-abcdefghijklmnopqrstuvwxyz" for number in (1, 2)]
    assert read_settings()["SECRET_KEY_FALLBACKS"] == []
    found = read_settings(SECRET_KEY_FALLBACKS=", ".join(former))
    assert found["SECRET_KEY_FALLBACKS"] == former


def test_development_needs_no_setting_but_debug_and_links_in_emails_follow_the_port(read_settings):
    found = read_settings(**dict.fromkeys(PRODUCTION), DEBUG="1", PORT="8123")
    assert found["SITE_URL"] == "http://127.0.0.1:8123"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
@pytest.mark.parametrize("host", ["db.example.org:5433/portal", "//run/postgresql/portal"])
def test_postgresql_is_used_with_a_pool_over_network_and_socket(read_settings, scheme, host):
    database = read_settings(DATABASE_URL=f"{scheme}://portal@{host}")["DATABASES"]["default"]
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert database["NAME"] == "portal"
    assert database["HOST"] in {"db.example.org", "/run/postgresql"}
    assert database["OPTIONS"]["pool"]["max_size"] > 1
    # Away and back: no request waits long, no dead connection is handed out.
    assert database["OPTIONS"]["pool"]["timeout"] <= 5
    assert database["OPTIONS"]["pool"]["reconnect_timeout"] <= 5
    assert database["OPTIONS"]["connect_timeout"] <= 5
    assert database["CONN_HEALTH_CHECKS"] is True
    assert database["CONN_MAX_AGE"] == 0, "the pool keeps them"
    assert database["OPTIONS"]["keepalives_idle"] == 30


def test_statements_are_prepared_unless_a_pooler_stands_between(read_settings):
    direct, pooled = (
        read_settings(DATABASE_URL=f"postgres://portal@db.example.org/portal{query}")
        for query in ("", "?DISABLE_SERVER_SIDE_CURSORS=true")
    )
    options = direct["DATABASES"]["default"]["OPTIONS"]
    assert (options["server_side_binding"], options["prepare_threshold"]) == (True, 5)
    options = pooled["DATABASES"]["default"]["OPTIONS"]
    assert not options.keys() & {"server_side_binding", "prepare_threshold"}  # Django's: off


@pytest.mark.parametrize(
    ("url", "table"), [(None, "django_cache"), ("dbcache://django_cache", "django_cache"),
    ("dbcache://other", "other")],
)  # fmt: skip
def test_cache_in_the_database_keeps_every_count(read_settings, url, table):
    """Django's own 300 entries are those of some dozen people; then it drops a third."""
    kept = read_settings(CACHE_URL=url)["CACHES"]["default"]
    assert kept["LOCATION"] == table
    assert kept["OPTIONS"]["MAX_ENTRIES"] >= 100_000


def test_sqlite_file_stays_open_and_has_the_options_that_make_writers_wait(read_settings):
    database = read_settings(DATABASE_URL="sqlite:////srv/portal.sqlite3")["DATABASES"]["default"]
    assert database["CONN_MAX_AGE"] > 60
    assert database["NAME"] == "/srv/portal.sqlite3"
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in database["OPTIONS"]["init_command"]


def test_forms_may_lead_to_each_hospitals_sign_in_and_nowhere_else(read_settings):
    more = {"SSO_PROVIDERS": "rush,loop", "SSO_RUSH_ORIGINS": "https://sts.example.org"}
    found = read_settings(**(LOOP_SETTINGS | RUSH_SETTINGS | more))
    assert list(found["SSO_PROVIDERS"]) == ["rush", "loop"]
    assert "allauth.socialaccount" in found["INSTALLED_APPS"]
    assert found["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]["form-action"] == [
        "'self'",
        "https://idp.example.net:8443",
        "https://login.example.org",
        "https://sts.example.org",
    ]


def test_hospitals_sign_in_without_tls_is_for_development_alone(read_settings):
    plain = {**RUSH_SETTINGS, "SSO_RUSH_ISSUER": "http://127.0.0.1:9400"}
    assert list(read_settings(**plain, DEBUG="1")["SSO_PROVIDERS"]) == ["rush"]
    with pytest.raises(ImproperlyConfigured, match=r"^SSO_RUSH_ISSUER is set to a value that "):
        read_settings(**plain, DEBUG="0")


def test_without_a_hospitals_sign_in_nothing_is_added(read_settings):
    found = read_settings()
    assert found["SSO_PROVIDERS"] == {}
    assert not [name for name in found["INSTALLED_APPS"] if "social" in name]
    assert found["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]["form-action"] == ["'self'"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status"), [("/healthz", 200), ("/readyz", 200), ("/metrics", 404)]
)
def test_what_machines_ask_is_not_redirected_to_https_but_pages_are(
    client, settings, read_settings, path, status
):
    production = read_settings()
    settings.SECURE_SSL_REDIRECT = production["SECURE_SSL_REDIRECT"]
    settings.SECURE_REDIRECT_EXEMPT = production["SECURE_REDIRECT_EXEMPT"]
    assert client.get(path).status_code == status
    assert client.get(path + "x").status_code == 301


def test_sentry_dsn_adds_its_middleware_behind_the_access_log(read_settings):
    reporting = "collaborative.monitoring.sentry.SentryRequestMiddleware"
    assert reporting not in read_settings()["MIDDLEWARE"]
    middleware = read_settings(SENTRY_DSN="https://key@sentry.example.org/1")["MIDDLEWARE"]
    assert middleware[:2] == ["collaborative.middleware.access_log.AccessLogMiddleware", reporting]


def test_calendar_imap_url_needs_the_address_of_its_mailbox(read_settings):
    folder = {"CALENDAR_IMAP_URL": "imaps://meetings:hunter2@mail.example.org/Answers"}
    with pytest.raises(ImproperlyConfigured, match="Set CALENDAR_EMAIL") as refused:
        read_settings(**folder)
    assert "hunter2" not in str(refused.value)
    settings = read_settings(CALENDAR_EMAIL="Meetings@portal.example.org", **folder)
    assert settings["CALENDAR_EMAIL"] == "meetings@portal.example.org"
    assert settings["CALENDAR_IMAP"][:3] == ("mail.example.org", 993, "meetings")


BOUNCES = "imaps://bounces:hunter2@mail.example.org"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"BOUNCE_IMAP_URL": BOUNCES}, "Set BOUNCE_EMAIL to the address"),
        (
            {"BOUNCE_EMAIL": "a@portal.example.org", "CALENDAR_EMAIL": "A@portal.example.org"},
            "are the same mailbox",
        ),
        (
            {
                "BOUNCE_EMAIL": "a@portal.example.org",
                "BOUNCE_IMAP_URL": BOUNCES,
                "CALENDAR_EMAIL": "b@portal.example.org",
                "CALENDAR_IMAP_URL": BOUNCES,
            },
            "are the same mailbox",
        ),
    ],
)
def test_bounce_imap_url_needs_a_mailbox_of_its_own(read_settings, values, reason):
    with pytest.raises(ImproperlyConfigured, match=reason) as refused:
        read_settings(**values)
    assert "hunter2" not in str(refused.value)


def test_bounce_email_is_in_small_letters(read_settings):
    settings = read_settings(BOUNCE_EMAIL="Bounces@portal.example.org", BOUNCE_IMAP_URL=BOUNCES)
    assert settings["BOUNCE_EMAIL"] == "bounces@portal.example.org"
    assert settings["BOUNCE_IMAP"].user == "bounces"
