"""A stranger's browser over TLS: cookies, forms as the pages show them, and any header."""

from __future__ import annotations

import time
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin

from django.conf import settings
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from collaborative.tests.fuzzing import Form, Page
from collaborative.tests.web import NAME, Answer, Site
from members.models import Member

FORM_CONTENT = "application/x-www-form-urlencoded"


class Browser:
    """A browser at the address `source`, which is any of 127.0.0.0/8: a network of its own."""

    def __init__(self, site: Site, source: str, member: Member | None = None) -> None:
        """`member` is signed in, if given."""
        self.site = site
        self.source = source
        self.cookies = SimpleCookie()
        self.seconds = 0.0
        if member:
            client = Client()
            client.force_login(member)
            self.cookies["__Host-session"] = client.cookies[settings.SESSION_COOKIE_NAME].value

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Return the answer; `seconds` is how long it took."""
        cookies = "; ".join(
            f"{name}={morsel.value}"
            for name, morsel in self.cookies.items()
            if path.startswith(morsel["path"])
        )
        sent = {"Cookie": cookies, "Referer": f"https://{NAME}{path}"} | headers
        started = time.monotonic()
        answer = self.site.get(path, method=method, body=body, source=self.source, **sent)
        self.seconds = time.monotonic() - started
        for cookie in (answer.headers and answer.headers.get_all("Set-Cookie")) or []:
            self.cookies.load(cookie)
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, **headers)

    def form(self, path: str, action: str = "") -> Form:
        """Return the form of the page at `path` that posts to `action`, or its first one."""
        page = Page(path)
        page.feed(self.get(path).body.decode())
        posting = [form for form in page.forms if form.method == "POST"]
        return next(form for form in posting if action in form.action)

    def submit(self, form: Form, entered: dict[str, object]) -> Answer:
        """Post the form as it was shown, with `entered` instead of what it holds."""
        shown = [(name, value) for name, value in form.fields if name not in entered]
        body = urlencode([*shown, *entered.items()], doseq=True).encode()
        return self.request("POST", urljoin("/", form.action), body, Content_Type=FORM_CONTENT)

    def upload(self, form: Form, field: str, file) -> Answer:
        """Post the form with a file, which has a name and can be read."""
        body = encode_multipart(BOUNDARY, dict(form.fields) | {field: file})
        return self.request("POST", form.action, body, Content_Type=MULTIPART_CONTENT)
