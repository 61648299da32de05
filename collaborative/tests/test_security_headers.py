"""What browsers are told, as the Mozilla HTTP Observatory would read it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.http import HttpResponse

from collaborative.middleware.security_headers import HostCookieStorage
from conftest import visible_text

pytestmark = pytest.mark.django_db
PAGES = ["/", "/join/", "/nowhere/", "/healthz", "/robots.txt", "/admin/"]


def csp_of(response) -> dict[str, list[str]]:
    parts = [part.split() for part in response["Content-Security-Policy"].split(";")]
    return {name: values for name, *values in parts}


@pytest.mark.parametrize("path", PAGES)
def test_security_headers_are_on_every_answer(client, path):
    response = client.get(path)
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Server" not in response
    assert "X-Powered-By" not in response


def test_permissions_policy_allows_only_passkeys(client):
    for path in ("/", "/join/", "/nowhere/"):
        policy = client.get(path)["Permissions-Policy"]
        assert "camera=()" in policy
        assert "publickey-credentials-get=(self)" in policy


def test_security_headers_are_on_static_files(client):
    response = client.get("/favicon.ico")
    assert response.getvalue()
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    response.close()


@pytest.mark.parametrize("path", ["/", "/join/", "/nowhere/", "/admin/login/"])
def test_content_security_policy_denies_by_default_and_allows_no_inline_code(client, path):
    policy = csp_of(client.get(path, follow=True))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == ["'self'"]
    sources = " ".join(sum(policy.values(), []))
    assert "unsafe-" not in sources
    assert "*" not in sources
    assert "http" not in sources


def test_security_txt_names_the_contact_and_expires_within_a_year(client):
    response = client.get("/.well-known/security.txt")
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    lines = dict(line.split(": ", 1) for line in response.content.decode().splitlines())
    assert lines["Contact"] == f"mailto:{settings.CONTACT_EMAIL}"
    assert lines["Canonical"] == f"{settings.SITE_URL}/.well-known/security.txt"
    expires = datetime.strptime(lines["Expires"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert timedelta(days=170) < expires - datetime.now(UTC) < timedelta(days=365)


def test_pages_do_not_name_the_software(client):
    for path in PAGES:
        response = client.get(path)
        text = (str(response.headers) + visible_text(response)).lower()
        for software in ("django", "python", "gunicorn"):
            assert software not in text


def test_message_cookie_is_secure_when_it_is_deleted(rf, settings):
    """Browsers refuse a __Host- cookie that is not Secure, its deletion too."""
    settings.SESSION_COOKIE_SECURE = True
    storage = HostCookieStorage(rf.get("/"))
    response = HttpResponse()
    storage._store([Message(constants.INFO, "Saved.")], response)
    assert response.cookies["__Host-messages"].value
    response = HttpResponse()
    storage._store([], response)
    assert response.cookies["__Host-messages"]["max-age"] == 0
    assert response.cookies["__Host-messages"]["secure"]
