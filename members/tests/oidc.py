"""Sign-in services for the tests: a real one as a process, and one that a test scripts."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import requests
from django.test import Client

from conftest import visible_text
from members.auth.sso_providers import Provider

START = "/sign-in/with/rush/"
CALLBACK = f"{START}done/"
MARIA_CLAIMS = {"email": "maria@rush.example", "email_verified": True}
NORA_CLAIMS = {"email": "nora@rush.example", "email_verified": True, "name": "Nora Newcomer"}

# Two services, as the environment of production sets them.
RUSH_SETTINGS = {
    "SSO_PROVIDERS": "rush",
    "SSO_RUSH_NAME": "Rush Hospital",
    "SSO_RUSH_ISSUER": "https://login.example.org/realms/rush",
    "SSO_RUSH_CLIENT_ID": "portal",
    "SSO_RUSH_CLIENT_SECRET": "hunter2",
    "SSO_RUSH_DOMAINS": "rush.example, Rush.example.org",
}
LOOP_SETTINGS = {
    "SSO_LOOP_NAME": "Loop Clinic",
    "SSO_LOOP_ISSUER": "https://idp.example.net:8443",
    "SSO_LOOP_CLIENT_ID": "portal",
    "SSO_LOOP_CLIENT_SECRET": "hunter2",
    "SSO_LOOP_DOMAINS": "loop.example",
}


def provider_at(issuer: str, **changes: Any) -> Provider:
    """Return “Rush Hospital”, whose service is at `issuer`."""
    defaults = {"client_id": "portal", "client_secret": "s3cret", "domains": ("rush.example",)}
    return Provider(
        **{"key": "rush", "name": "Rush Hospital", "issuer": issuer} | defaults | changes
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running_provider() -> Iterator[str]:
    """Run an OpenID Connect provider as a process; yields its issuer."""
    issuer = f"http://127.0.0.1:{(port := free_port())}"
    process = subprocess.Popen(
        [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while not _answers(f"{issuer}/.well-known/openid-configuration"):
            assert process.poll() is None, "the provider ended"
            assert time.monotonic() < deadline, "the provider does not start"
            # A process has no other way to say that it is ready.
            time.sleep(0.05)
        yield issuer
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


def consent(url: str, sub: str, *, deny: bool = False, **claims: Any) -> str:
    """Sign in, or refuse, at the provider's page `url`; returns where the browser is sent.

    `claims` is what the provider then says of the person.
    """
    parts = urlsplit(url)
    if claims:
        stored = requests.put(
            f"{parts.scheme}://{parts.netloc}/users/{sub}", json=claims, timeout=5
        )
        assert stored.ok
    form = {"action": "deny"} if deny else {"sub": sub}
    response = requests.post(url, data=form, allow_redirects=False, timeout=5)
    assert response.status_code == 302, response.text
    return response.headers["Location"]


def callback_url(client: Client, sub: str = "nora", *, query: str = "", **claims: Any) -> str:
    """Start in the browser `client` and sign in at the provider; returns the address of the portal
    that leads back."""
    sent = client.post(f"{START}{query}")
    assert sent.status_code == 302, sent.content
    callback = urlsplit(consent(sent.url, sub, **claims))
    return f"{callback.path}?{callback.query}"


def sign_in_by_provider(
    client: Client, sub: str = "nora", *, query: str = "", **claims: Any
) -> Any:
    """Sign `client` in by the provider; returns the response to the callback."""
    return client.get(callback_url(client, sub, query=query, **claims))


class ScriptedProvider:
    """A service whose responses a test writes: `responses[path]` is JSON, text or a status."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.responses: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "jwks_uri": f"{self.issuer}/keys",
            }
        }

    def respond_with(self, userinfo: dict[str, Any] | None = None, **claims: Any) -> None:
        """Let the token have these claims; None leaves one out."""
        token = {"iss": self.issuer, "aud": "portal", "sub": "1", "exp": time.time() + 60, **claims}
        token = {name: value for name, value in token.items() if value is not None}
        signed = jwt.encode(token, "k" * 32, algorithm="HS256")
        self.responses["/token"] = {"access_token": "t", "token_type": "Bearer", "id_token": signed}
        self.responses["/userinfo"] = userinfo if userinfo is not None else 404

    def sign_in(self, client: Client, userinfo: dict[str, Any] | None = None, **claims: Any) -> Any:
        """Sign `client` in with these claims; returns the response to the callback."""
        state = start_and_get_state(client)
        self.respond_with(userinfo, **claims)
        return client.get(f"{CALLBACK}?state={state}&code=x")


@contextmanager
def running_scripted_provider() -> Iterator[ScriptedProvider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802  # named by http.server
            response = scripted_provider.responses.get(urlsplit(self.path).path, 404)
            status, body = (response, "") if isinstance(response, int) else (200, response)
            text = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_POST(self) -> None:  # noqa: N802  # named by http.server
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        scripted_provider = ScriptedProvider(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield scripted_provider
        finally:
            server.shutdown()
            thread.join()


def is_signed_in(client) -> bool:
    return client.get("/my/profile/").status_code == 200


def start_and_get_state(client) -> str:
    """Start at the provider; returns the state that has to come back."""
    return parse_qs(urlsplit(client.post(START).url).query)["state"][0]


def is_refused(client, response, status: int, message: str) -> bool:
    """Return whether this is the portal's own page with the reason and the way by code."""
    page, text = response.content.decode(), visible_text(response)
    assert response.status_code == status
    assert message in text, text
    assert 'href="/sign-in/"' in page
    assert "Skip to main content" in text
    return "_auth_user_id" not in client.session
