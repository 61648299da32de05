"""Settings of the portal. Every value that differs between machines comes from the environment.

A value that is missing or wrong stops the start with a sentence that says what to set; the
value itself is never repeated there, since it may hold a password. docs/settings.md lists them all.
"""

import os
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured

from collaborative import env
from collaborative.monitoring import logging
from collaborative.sso_settings import sso_providers

django_stubs_ext.monkeypatch()

T = TypeVar("T")

BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = env.read(
    "DEBUG", env.one_of(env.BOOLEANS), "Set it to 1 for development, or leave it out.", False
)


def in_development(value: T) -> T | None:
    """Return a default that holds in development only; outside DEBUG it must be set."""
    return value if DEBUG else None


# The site ----------------------------------------------------------------------------------


SECRET_KEY = env.read(
    "SECRET_KEY",
    env.secret_key,
    "Set it to at least 50 random characters, and keep them secret: "
    'python -c "import secrets; print(secrets.token_urlsafe(64))"',
    in_development("development-only-" + "x1y2z" * 10),
)
SECRET_KEY_FALLBACKS: list[str] = env.read(
    "SECRET_KEY_FALLBACKS",
    env.secret_keys,
    "Set it to former values of SECRET_KEY, separated by commas, until "
    "`manage.py reencrypt_second_factors` has run, or leave it out.",
    [],
)
ALLOWED_HOSTS = env.read(
    "ALLOWED_HOSTS",
    env.host_list,
    "Set it to the names under which the portal is reached, without https:// or a port, "
    "separated by commas: portal.example.org",
    in_development(["localhost", "127.0.0.1", "[::1]"]),
)
SITE_URL = env.read(
    "SITE_URL",
    env.site_address({"http", "https"} if DEBUG else {"https"}),
    "Set it to the portal's own address without a path, as links in emails need it: "
    "https://portal.example.org",
    in_development(f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"),
)
env.require_allowed_host(SITE_URL, ALLOWED_HOSTS)
CONTACT_EMAIL = env.read(
    "CONTACT_EMAIL",
    env.email_address,
    "Set it to the address that people can write to for help: help@example.org",
    in_development("help@example.org"),
)
DEFAULT_FROM_EMAIL = env.read(
    "DEFAULT_FROM_EMAIL",
    env.email_address,
    "Set it to the sender of the portal's emails: portal@example.org",
    in_development("portal@example.org"),
)
ANSWER_WORKING_DAYS = env.read(
    "ANSWER_WORKING_DAYS",
    env.positive_int,
    "Set it to the number of working days within which facilitators answer: 2",
    2,
)
TRUSTED_PROXY_COUNT = env.read(
    "TRUSTED_PROXY_COUNT",
    env.non_negative_int,
    "Set it to the number of your own reverse proxies in front of the portal: 1",
    0,
)

# Apps and middleware -----------------------------------------------------------------------

INSTALLED_APPS = [
    "collaborative.apps.CollaborativeConfig",
    "desk.apps.DeskConfig",
    "teams.apps.TeamsConfig",
    "members.apps.MembersConfig",
    # django.contrib.admin, with our AdminSite.
    "desk.apps.AdminSiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "crispy_forms",
    "csp",
    "post_office",
    "simple_history",
]
MIDDLEWARE = [
    "collaborative.middleware.access_log.AccessLogMiddleware",
    "collaborative.middleware.page_cache.PageCacheMiddleware",
    "collaborative.middleware.security_headers.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "members.auth.session_middleware.SessionMiddleware",
    "members.auth.session_middleware.PrivatePagesMiddleware",
    "members.auth.session_middleware.SecondPressMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "members.auth.session_middleware.LastUseMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "members.auth.rate_limits.RateLimitMiddleware",
]
ROOT_URLCONF = "collaborative.urls"
WSGI_APPLICATION = "collaborative.wsgi.application"
# The portal is at the top of its host. A script name of a request would be in the links that other
# people get from a cache.
FORCE_SCRIPT_NAME = ""
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "collaborative.context_processors.portal",
            ],
            "builtins": ["members.templatetags.drawings"],
        },
    }
]
CRISPY_ALLOWED_TEMPLATE_PACKS = CRISPY_TEMPLATE_PACK = "portal"
SIMPLE_HISTORY_HISTORY_CHANGE_REASON_USE_TEXT_FIELD = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Data --------------------------------------------------------------------------------------

DATABASES = {
    "default": env.read(
        "DATABASE_URL",
        env.database,
        "Set it to postgres://user:password@host:5432/name or sqlite:////folder/file.sqlite3",
        in_development(
            {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": BASE_DIR / "db.sqlite3",
                "OPTIONS": env.SQLITE_OPTIONS,
            }
        ),
    )
}
CACHES = {
    "default": env.read(
        "CACHE_URL",
        env.cache,
        "Set it to rediscache://host:6379/0 or dbcache://django_cache, or leave it out for the "
        "database.",
        env.DATABASE_CACHE,
    ),
    # Parts of pages and counts that every visitor may see, in the memory of each process.
    "fragments": {
        "BACKEND": "django.core.cache.backends.dummy.DummyCache"
        if DEBUG
        else "members.fragments.FragmentCache",
        # Not the memory of another cache.
        "LOCATION": "fragments",
    },
    # How much waits at the desk, and the charts of its first page, in each process.
    "desk_counts": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "desk_counts",
    },
    # Which sessions were in use, and how often calendars were fetched, within the last minutes, in
    # each process.
    "last_use": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "last_use",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}

# Without a folder there are no backups.
BACKUP_DIR = env.read(
    "BACKUP_DIR",
    env.folder,
    "Set it to the full path of a folder for the backups: /var/backups/portal",
    str(BASE_DIR / "backups") if DEBUG else "",
)
BACKUP_KEY = env.read(
    "BACKUP_KEY",
    env.age_recipient,
    "Set it to the public key that `manage.py backup --new-key` prints: age1…",
    "",
)
BACKUP_MAC_KEY = env.read(
    "BACKUP_MAC_KEY",
    env.secret_key,
    "Set it to at least 50 random characters, and keep them secret: "
    'python -c "import secrets; print(secrets.token_urlsafe(64))"',
    "",
)
BACKUP_KEEP = env.read(
    "BACKUP_KEEP", env.positive_int, "Set it to the number of backups to keep: 14", 14
)
PG_BIN = env.read(
    "PG_BIN",
    env.postgres_programs,
    "Set it to the folder of pg_dump and pg_restore, or leave it out to find them by PATH.",
    "",
)
RELEASE = env.read("RELEASE", str, "Set it to what you call the version that runs.", "")

# Email: queued in the database by the change that it reports, sent by `manage.py mail_worker` ----


_mail_server: dict[str, Any] = env.read(
    "EMAIL_URL",
    env.mail_server,
    "Set it to your mail server, with its user and password quoted as in any address: "
    "smtp+tls://user:password@mail.example.org:587",
    in_development({"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}),
)
EMAIL_BACKEND: str = _mail_server["EMAIL_BACKEND"]
EMAIL_HOST: str = _mail_server.get("EMAIL_HOST") or "localhost"
EMAIL_PORT: int = _mail_server.get("EMAIL_PORT") or 25
EMAIL_HOST_USER: str = _mail_server.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD: str = _mail_server.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS: bool = _mail_server.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL: bool = _mail_server.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
EMAILS_PER_MINUTE = env.read(
    "EMAILS_PER_MINUTE",
    env.positive_int,
    "Set it to how many announcements and invitations are sent per minute: 60",
    60,
)
# Whether the mail worker asks the sites to which resources link if their pages are still there.
CHECK_LINKS = env.read(
    "CHECK_LINKS",
    env.one_of(env.BOOLEANS),
    "Set it to 1 to try the links of resources once a week, or to 0.",
    not DEBUG,
)
# One email at a time, so that a killed mail worker repeats at most one. It waits half an hour at
# most between two tries: 350 tries last for about a week without a mail server.
POST_OFFICE = {
    "BACKENDS": {"default": EMAIL_BACKEND},
    "BATCH_SIZE": 1,
    "MAX_RETRIES": 350,
    "SENDING_ORDER": ["-priority", "id"],
    "MESSAGE_ID_ENABLED": True,
    "MESSAGE_ID_FQDN": urlsplit(SITE_URL).hostname,
}
# Where calendar programs send the answers to invitations; without it these have no buttons.
CALENDAR_EMAIL = env.read(
    "CALENDAR_EMAIL",
    env.plus_mailbox,
    "Set it to a mailbox that accepts plus addresses, with at most 20 characters before the @: "
    "meetings@portal.example.org",
    "",
)
CALENDAR_IMAP = env.read(
    "CALENDAR_IMAP_URL",
    env.imap_folder,
    "Set it to that mailbox, with its user and password quoted as in any address: "
    "imaps://user:password@mail.example.org/INBOX",
    env.NO_IMAP_FOLDER,
)
if CALENDAR_IMAP.host and not CALENDAR_EMAIL:
    raise ImproperlyConfigured(
        "CALENDAR_IMAP_URL is set, and CALENDAR_EMAIL is not. Set CALENDAR_EMAIL to the address "
        "of that mailbox, or leave both out."
    )
# Where mail servers send back what they cannot deliver; without it, to DEFAULT_FROM_EMAIL.
BOUNCE_EMAIL = env.read(
    "BOUNCE_EMAIL",
    env.plus_mailbox,
    "Set it to a mailbox of its own that accepts plus addresses, with at most 20 characters before "
    "the @: bounces@portal.example.org",
    "",
)
BOUNCE_IMAP = env.read(
    "BOUNCE_IMAP_URL",
    env.imap_folder,
    "Set it to that mailbox, with its user and password quoted as in any address: "
    "imaps://user:password@mail.example.org/INBOX",
    env.NO_IMAP_FOLDER,
)
if BOUNCE_IMAP.host and not BOUNCE_EMAIL:
    raise ImproperlyConfigured(
        "BOUNCE_IMAP_URL is set, and BOUNCE_EMAIL is not. Set BOUNCE_EMAIL to the address of that "
        "mailbox, or leave both out."
    )
# Each is read on its own: what one has read is not read again.
if (BOUNCE_EMAIL and BOUNCE_EMAIL == CALENDAR_EMAIL) or (
    BOUNCE_IMAP.host and BOUNCE_IMAP == CALENDAR_IMAP
):
    raise ImproperlyConfigured(
        "BOUNCE_EMAIL and CALENDAR_EMAIL are the same mailbox. Set BOUNCE_EMAIL and "
        "BOUNCE_IMAP_URL to one of its own."
    )

# Accounts and signing in -------------------------------------------------------------------

AUTH_USER_MODEL = "members.Member"
AUTHENTICATION_BACKENDS = ["members.auth.backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "my_teams"
ACCOUNT_ADAPTER = "members.auth.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*"]
# Every way in verifies the address by a code, or by a hospital, before.
ACCOUNT_EMAIL_VERIFICATION = "none"
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
CODE_MINUTES = 15
STAFF_SECOND_FACTOR = env.read(
    "STAFF_SECOND_FACTOR",
    env.one_of(env.BOOLEANS),
    "Set it to 1 to let only those into the desk who sign in with a second step, or to 0.",
    not DEBUG,
)
MFA_ADAPTER = "members.auth.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
# A passkey is the second factor after the code; or both, where the device verifies the person.
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG
# Nobody is signed in without a verified address.
MFA_ALLOW_UNVERIFIED_EMAIL = True
# In half minutes, for clocks that differ and slow fingers.
MFA_TOTP_TOLERANCE = 1
MFA_FORMS = {
    "authenticate": "members.auth.second_factor.SignInCodeForm",
    "reauthenticate": "members.auth.second_factor.ConfirmCodeForm",
    "activate_totp": "members.auth.second_factor.AppCodeForm",
    "authenticate_webauthn": "members.auth.second_factor.SignInPasskeyForm",
    "login_webauthn": "members.auth.second_factor.PasskeyAloneForm",
    "reauthenticate_webauthn": "members.auth.second_factor.ConfirmPasskeyForm",
    "add_webauthn": "members.auth.second_factor.PasskeyForm",
    "edit_webauthn": "members.auth.second_factor.PasskeyNameForm",
}
# Hospitals' own sign-in services; without one, nothing of this is loaded.
SSO_PROVIDERS = sso_providers(insecure=DEBUG)
SOCIALACCOUNT_ADAPTER = "members.auth.sso.SocialAdapter"
if SSO_PROVIDERS:
    INSTALLED_APPS += ["allauth.socialaccount"]
    # None of its tables is used.
    MIGRATION_MODULES = {"socialaccount": None}
RECOGNIZED_CODES_PER_NETWORK = env.read(
    "RECOGNIZED_CODES_PER_NETWORK",
    env.positive_int,
    "Set it to how many codes one network may request in 15 minutes for addresses of recognized "
    "organizations: 300",
    300,
)
# Requests per action, in sliding windows, by network ("ip") and by "key". The limit of the network
# comes first: what it refuses takes no room in the other. docs/operating.md says what each is for.
RATE_LIMITS = {
    # Codes and tries are counted for an email address as requested from one network, or a stranger
    # could keep its owner out; and codes, each of which has five tries, also from all networks.
    "code": "60/15m/ip,5/15m/key",
    "code_of_recognized": f"{RECOGNIZED_CODES_PER_NETWORK}/15m/ip,5/15m/key",
    "code_of_address": "20/15m/key",
    "code_try": f"{2 * RECOGNIZED_CODES_PER_NETWORK}/15m/ip,15/15m/key",
    # Where the address has signed in before; the second one from all such browsers.
    "code_of_browser": "5/15m/key",
    "code_of_known_browsers": "20/15m/key",
    "code_try_of_browser": "15/15m/key",
    # Only the services of recognized hospitals, whose staff share a network.
    "sso": f"{RECOGNIZED_CODES_PER_NETWORK}/15m/ip",
    "passkey": "60/15m/ip",
    "check": "30/5m/ip",
    "question": "5/h/ip",
    "suggestion": "5/h/ip",
    "topic": "5/h/ip",
    # From a hospital, whose staff share a network; each member has a limit of their own.
    "invite": "100/h/ip",
    # Requests to move an account without its old mailbox, each of which writes to that one.
    "recover": "10/h/ip",
}

# Security ----------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "manifest-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        # Chromium asks it about redirects after a form, too.
        "form-action": [
            "'self'",
            *sorted(set().union(*(each.origins for each in SSO_PROVIDERS.values()))),
        ],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
MESSAGE_STORAGE = "collaborative.middleware.security_headers.MessageStorage"
# How old a public page may be.
PAGE_CACHE_SECONDS = 0 if DEBUG else 1
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
# A form without, and with its files.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
FILE_UPLOAD_HANDLERS = ["collaborative.upload_handlers.SmallUploadHandler"]
if not DEBUG:
    SECURE_SSL_REDIRECT = True
    # Requested from inside.
    SECURE_REDIRECT_EXEMPT = ["^(healthz|readyz|metrics)$"]
    SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365 * 2
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
    if TRUSTED_PROXY_COUNT:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Language, time zone, static files ---------------------------------------------------------

LANGUAGE_CODE = "en-us"
TIME_ZONE = "America/Chicago"
USE_TZ = True
USE_I18N = False
FORMAT_MODULE_PATH = "collaborative.formats"

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
# What browsers request at the top: /favicon.ico.
WHITENOISE_ROOT = BASE_DIR / "static" / "root"
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "collaborative.static_files.BundlingStorage"
    },
}

# Log, errors, metrics ----------------------------------------------------------------------

LOG_FORMAT = env.read(
    "LOG_FORMAT",
    env.one_of(logging.FORMATS),
    "Set it to json for one JSON object per line, or to text.",
    "text",
)
LOG_LEVEL = env.read(
    "LOG_LEVEL",
    env.one_of(logging.LEVELS),
    "Set it to debug, info, warning or error: lines below that are not written.",
    "INFO",
)
LOGGING = logging.configuration(LOG_FORMAT, LOG_LEVEL)
SENTRY_DSN = env.read(
    "SENTRY_DSN",
    env.sentry_dsn,
    "Set it to the address (DSN) that Sentry shows for the project, to send errors there: "
    "https://key@sentry.example.org/1",
    "",
)
METRICS_TOKEN = env.read(
    "METRICS_TOKEN",
    env.token,
    "Set it to at least 20 random characters, which Prometheus sends as its bearer token to "
    "read /metrics.",
    "",
)
if SENTRY_DSN:
    MIDDLEWARE.insert(1, "collaborative.monitoring.sentry.SentryRequestMiddleware")
if METRICS_TOKEN:
    MIDDLEWARE.insert(1, "collaborative.monitoring.metrics.MetricsMiddleware")
