"""Sign-in services for the tests: a real one as a process, and one that answers anything."""

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

SSO = "/sign-in/with/rush/"
BACK = f"{SSO}done/"
MARIA = {"email": "maria@rush.example", "email_verified": True}
NORA = {"email": "nora@rush.example", "email_verified": True, "name": "Nora Newcomer"}

# What the environment of production says of two services.
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
    """“Rush Hospital”, whose service is at `issuer`."""
    known = {"client_id": "portal", "client_secret": "s3cret", "domains": ("rush.example",)}
    return Provider(**{"key": "rush", "name": "Rush Hospital", "issuer": issuer} | known | changes)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running_provider() -> Iterator[str]:
    """The issuer of an OpenID Connect provider that runs as a process of its own."""
    issuer = f"http://127.0.0.1:{(port := free_port())}"
    process = subprocess.Popen(
        [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 60
        while not _answers(f"{issuer}/.well-known/openid-configuration"):
            assert process.poll() is None, "the provider ended"
            assert time.monotonic() < until, "the provider does not start"
            time.sleep(0.05)  # a process of its own says in no other way that it is there
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
    """What a person does at the provider, whose page is at `url`: sign in, or refuse; `claims` is
    what the provider then says of them. Returns where the browser is sent."""
    parts = urlsplit(url)
    if claims:
        stored = requests.put(
            f"{parts.scheme}://{parts.netloc}/users/{sub}", json=claims, timeout=5
        )
        assert stored.ok
    pressed = {"action": "deny"} if deny else {"sub": sub}
    answer = requests.post(url, data=pressed, allow_redirects=False, timeout=5)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def way_back(client: Client, sub: str = "nora", *, query: str = "", **said: Any) -> str:
    """Begin in the browser `client`, and sign in at the provider; the address of the portal that
    leads back."""
    sent = client.post(f"{SSO}{query}")
    assert sent.status_code == 302, sent.content
    back = urlsplit(consent(sent.url, sub, **said))
    return f"{back.path}?{back.query}"


def arrive(client: Client, sub: str = "nora", *, query: str = "", **said: Any) -> Any:
    """Sign `client` in by the provider; returns the answer to the way back."""
    return client.get(way_back(client, sub, query=query, **said))


class Liar:
    """A service whose every answer the test makes up: `answers[path]` is JSON, text or a status."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.answers: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "jwks_uri": f"{self.issuer}/keys",
            }
        }

    def says(self, userinfo: dict[str, Any] | None = None, **claims: Any) -> None:
        """Whoever comes is the person of these claims; None leaves a claim out."""
        token = {"iss": self.issuer, "aud": "portal", "sub": "1", "exp": time.time() + 60, **claims}
        token = {name: value for name, value in token.items() if value is not None}
        signed = jwt.encode(token, "k" * 32, algorithm="HS256")
        self.answers["/token"] = {"access_token": "t", "token_type": "Bearer", "id_token": signed}
        self.answers["/userinfo"] = userinfo if userinfo is not None else 404


@contextmanager
def running_liar() -> Iterator[Liar]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802  # named by http.server
            answer = liar.answers.get(urlsplit(self.path).path, 404)
            status, body = (answer, "") if isinstance(answer, int) else (200, answer)
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
        liar = Liar(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield liar
        finally:
            server.shutdown()
            thread.join()


def is_signed_in(client) -> bool:
    return client.get("/my/profile/").status_code == 200


def state_of(client) -> str:
    """Begin at the provider; the state that has to come back."""
    return parse_qs(urlsplit(client.post(SSO).url).query)["state"][0]


def arrive_by(liar: Liar, client, userinfo: dict[str, Any] | None = None, **claims: Any) -> Any:
    """Sign `client` in by the service that says this; returns the answer to the way back."""
    state = state_of(client)
    liar.says(userinfo, **claims)
    return client.get(f"{BACK}?state={state}&code=x")


def is_refused(client, response, status: int, say: str) -> bool:
    """Whether this is the portal's own page with the reason and the way by code."""
    page, text = response.content.decode(), visible_text(response)
    assert response.status_code == status
    assert say in text, text
    assert 'href="/sign-in/"' in page
    assert "Skip to main content" in text
    return "_auth_user_id" not in client.session
