"""What `deploy/` ships works: nginx in front of two gunicorns, and a restart that loses nothing."""

import json
import os
import re
import signal
import socket
import ssl
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest

from collaborative.tests.web import (
    NAME,
    NGINX,
    NO_NGINX,
    PATIENCE,
    Answer,
    Gunicorn,
    Load,
    Site,
    production,
    shipped_site,
)

pytestmark = pytest.mark.skipif(NGINX is None, reason=NO_NGINX)

TOKEN = {"Authorization": "Bearer only-of-this-test-0123456789"}


def own_database(folder: Path) -> str:
    """An empty database of its own beside that of the other tests."""
    if os.environ.get("TEST_DATABASE") != "postgres":
        return f"sqlite:///{folder}/portal.sqlite3"
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    host = server.removeprefix("postgres://postgres@/")
    with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS deploy WITH (FORCE)")
        admin.execute("CREATE DATABASE deploy")
    return f"{server}/deploy"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Not below pytest's own folder: nginx's workers are another user's where this is root."""
    with tempfile.TemporaryDirectory(prefix="web-", dir="/tmp") as name:  # noqa: S108  # own name
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def site(folder) -> Iterator[Site]:
    """nginx in front of two gunicorns, as shipped."""
    with shipped_site(folder, production(own_database(folder), folder)) as shipped:
        yield shipped


def lines(site: Site, request_id: str) -> list[dict]:
    """What the portals' logs say of this request; they are written before the answer is."""
    log_lines = []
    for host in site.hosts:
        for line in host.log.read_text().splitlines():
            if request_id in line:
                log_lines.append(json.loads(line))
    return log_lines


def line_of_nginx(site: Site, request_id: str) -> str:
    """nginx's line of this request, which it writes after the answer."""
    deadline = time.monotonic() + PATIENCE
    while True:
        for line in (site.folder / "portal.log").read_text().splitlines():
            if request_id in line:
                return line
        assert time.monotonic() < deadline
        time.sleep(0.01)


# Pages -------------------------------------------------------------------------------------


def test_page_comes_over_tls_and_tells_no_version(site):
    answer = site.get("/")
    assert answer.status == 200
    assert b"Education" in answer.body
    assert answer.headers["Server"] == "nginx"
    assert answer.headers.get_all("Strict-Transport-Security") == [
        "max-age=63072000; includeSubDomains; preload"
    ]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    for name in ("X-Powered-By", "Via", "X-Forwarded-For"):
        assert name not in answer.headers


def test_pages_are_compressed(site):
    answer = site.get("/teams/", Accept_Encoding="gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]


@pytest.mark.parametrize("path", ["/", "/teams/?page=2"])
def test_plain_http_is_sent_to_tls(site, path):
    with closing(HTTPConnection("127.0.0.1", site.http, timeout=10)) as connection:
        connection.request("GET", path, headers={"Host": NAME})
        answer = Answer(connection.getresponse())
    assert (answer.status, answer.headers["Location"]) == (301, f"https://{NAME}{path}")


def test_other_names_get_no_answer(site):
    context = site.trusting()
    with (
        socket.create_connection(("127.0.0.1", site.https), 10) as plain,
        pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME|ALERT"),
    ):
        context.wrap_socket(plain, server_hostname="other.example.org")
    with closing(HTTPConnection("127.0.0.1", site.http, timeout=10)) as connection:
        connection.request("GET", "/", headers={"Host": "other.example.org"})
        with pytest.raises(ConnectionError):
            connection.getresponse()
    # The right name in the handshake, another in the request:
    assert site.get("/", Host="other.example.org").status == 421


@pytest.mark.parametrize(
    ("version", "works"), [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)]
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_old_tls_is_refused_and_new_one_speaks_http_2(site, version, works):
    context = site.trusting()
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # this side would take part in the old one
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", site.https), 10) as plain:
        if works:
            with context.wrap_socket(plain, server_hostname=NAME) as wrapped:
                assert wrapped.selected_alpn_protocol() == "h2"
        else:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(plain, server_hostname=NAME)


# Static files ------------------------------------------------------------------------------


def test_hashed_file_is_kept_for_ever_and_sent_compressed(site):
    (path,) = set(
        re.findall(rb'href="(/static/portal/portal\.[0-9a-f]{12}\.css)"', site.get("/").body)
    )
    answer = site.get(path.decode(), Accept_Encoding="gzip")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "public, max-age=315360000, immutable"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Content-Type"] == "text/css"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = site.get(path.decode(), Accept_Encoding="gzip", If_None_Match=answer.headers["ETag"])
    assert again.status == 304


def test_file_without_a_hash_is_kept_for_a_minute(site):
    assert site.get("/static/portal/portal.css").headers["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize(
    "path",
    ["/static/none.css", "/static/", "/static../settings.py", "/static/../../portal.sqlite3"]
    + ["/static/%2e%2e/privkey.pem"],
)
def test_nothing_but_static_files_is_served_from_the_disk(site, path):
    assert site.get(path).status in {400, 403, 404}


# Ids and addresses -------------------------------------------------------------------------


def test_one_id_is_in_the_answer_in_nginxs_log_and_in_the_portals(site):
    answer = site.get("/teams/?email=maria@rush.example")
    request_id = answer.headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", request_id)
    (line,) = lines(site, request_id)
    assert (line["route"], line["status"], line["path"]) == ("team_list", 200, "/teams/")
    of_nginx = json.loads(line_of_nginx(site, request_id))
    assert (of_nginx["path"], of_nginx["status"]) == ("/teams/", 200)
    assert "maria" not in json.dumps([line, of_nginx])
    assert "127.0.0.1" not in json.dumps([line, of_nginx])


def test_visitors_id_is_not_taken(site):
    given = "f" * 32
    answer = site.get("/faq/", X_Request_ID=given)
    assert answer.headers["X-Request-ID"] != given
    assert not lines(site, given)


def signed_form(site: Site, path: str, source: str) -> tuple[dict[str, str], dict[str, str]]:
    """The token of the form at `path`, and the headers that a browser sends with it."""
    page = site.get(path, source=source)
    token = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page.body).group(1).decode()
    cookies = "; ".join(cookie.split(";")[0] for cookie in page.headers.get_all("Set-Cookie"))
    headers = {"Cookie": cookies, "Referer": f"https://{NAME}{path}", "Origin": f"https://{NAME}"}
    headers["Content_Type"] = "application/x-www-form-urlencoded"
    return {"csrfmiddlewaretoken": token}, headers


def test_made_up_addresses_do_not_get_round_the_limits(site):
    """30 checks in 5 minutes are allowed to one address, which is the one that nginx sees."""
    sources = "127.0.9.1", "127.0.9.2"
    body = urlencode({"email": "nora@rush.example"}).encode()

    def ask(source: str, number: int) -> int:
        made_up = f"203.0.113.{number}"
        headers = {"X_Forwarded_For": made_up, "X_Real_IP": made_up, "Forwarded": f"for={made_up}"}
        headers["Content_Type"] = "application/x-www-form-urlencoded"
        path = "/organizations/check/"
        return site.get(path, method="POST", body=body, source=source, **headers).status

    statuses = [ask(sources[0], number) for number in range(31)]
    assert statuses == [200] * 30 + [429]
    assert ask(sources[1], 1) == 200, "another visitor is limited by what somebody else did"


def test_made_up_scheme_and_host_reach_nothing(site):
    answer = site.get(
        "/sign-in/", X_Forwarded_Proto="http", X_Forwarded_Host="evil.example", X_Forwarded_Port="1"
    )
    assert answer.status == 200
    assert b"evil.example" not in answer.body


def page_with(connection: HTTPConnection, headers: dict[str, str]) -> str:
    """What comes over this connection for a request with just these headers."""
    with closing(connection):
        connection.request("GET", "/teams/", headers={"Host": NAME, **headers})
        return Answer(connection.getresponse()).body.decode()


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "Script_Name", "Script-Name", "PATH_INFO"])
def test_script_name_of_a_visitor_reaches_no_page(site, name):
    """Neither through nginx, nor past it: through a proxy that passes what it gets."""
    made_up = {name: "/evil"}
    assert "evil" not in page_with(site.connection("127.0.0.1"), made_up)
    inside = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}
    for headers in ({**inside, **made_up}, inside):
        page = page_with(site.hosts[0].connection(), headers)
        assert 'href="/faq/"' in page
        assert "evil" not in page


def test_scheme_is_what_our_proxy_says(site):
    """gunicorn would take it from two more headers, and refuse a request where they differ."""
    answer = site.get("/teams/", X_Forwarded_Ssl="off", X_Forwarded_Protocol="evil")
    assert answer.status == 200


# Limits ------------------------------------------------------------------------------------


def test_body_of_two_megabytes_passes_and_a_larger_one_does_not(site):
    statuses = [
        site.get("/join/", method="POST", body=b"x" * size).status
        for size in (2_000_000, 2_200_000)
    ]
    assert statuses[0] in {400, 403, 413}  # the portal's own word: no token
    assert statuses[1] == 413
    assert site.get("/", Cookie="x" * 9000).status in {400, 431}


def test_one_address_that_asks_without_end_is_slowed_down_and_no_other(site):
    def ask_on() -> Counter:
        """150 requests over one connection, which is faster than a person is."""
        statuses: Counter = Counter()
        with closing(site.connection("127.0.9.3")) as connection:
            for _ in range(150):
                connection.request("GET", "/robots.txt", headers={"Host": NAME})
                statuses[Answer(connection.getresponse()).status] += 1
        return statuses

    with ThreadPoolExecutor(4) as threads:
        answers = [threads.submit(ask_on) for _ in range(4)]
    statuses = sum((answer.result() for answer in answers), Counter())
    assert set(statuses) == {200, 429}
    assert statuses[200] >= 100, "a hospital's staff share an address"
    assert site.get("/", source="127.0.9.4").status == 200


# Probes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/readyz/", "/./readyz"])
def test_probes_are_not_for_those_outside(site, path):
    answer = site.get(path, **TOKEN)
    assert answer.status == 404
    assert b"ready" not in answer.body


def test_probes_are_for_machines_inside_and_nothing_else_is(site):
    assert json.loads(site.get("/readyz", inside=True).body)["ready"] is True
    assert site.get("/healthz", inside=True).body == b"ok\n"
    assert site.get("/metrics", inside=True).status == 401
    for path in ("/", "/admin/", "/readyz/x"):
        assert site.get(path, inside=True).status == 404


def counted(host: Gunicorn, route: str) -> float:
    """How many requests of this kind this host has counted, over all its workers."""
    connection = host.connection()
    connection.request("GET", "/metrics", headers=TOKEN)
    body = connection.getresponse().read().decode()
    connection.close()
    pattern = rf'portal_request_seconds_count{{[^}}]*route="{route}"[^}}]*}} (\S+)'
    return sum(float(number) for number in re.findall(pattern, body))


def test_figures_add_up_over_workers_whichever_of_them_is_asked(site):
    before = sum(counted(host, "account_login") for host in site.hosts)
    sources = [f"127.0.8.{number}" for number in range(1, 17)]
    assert {site.get("/sign-in/", source=source).status for source in sources} == {200}
    for _ in range(4):
        assert sum(counted(host, "account_login") for host in site.hosts) == before + 16


# Restarts ----------------------------------------------------------------------------------


def ready(host: Gunicorn, after: int) -> None:
    """Until the gunicorn that was started last says that it listens."""
    deadline = time.monotonic() + PATIENCE
    while host.log.read_text().count("Listening at") <= after:
        assert time.monotonic() < deadline, host.log.read_text()[-3000:]
        time.sleep(0.05)


def test_rolling_restart_under_load_fails_no_request(site):
    """One host by a stop and a start, then the other by HUP: pages and forms are answered."""
    signed, headers = signed_form(site, "/sign-in/", "127.0.7.1")

    def ask(thread: int, count: int) -> Answer:
        source = f"127.0.{10 + thread}.{count % 250 + 1}"
        if thread == 0:
            body = urlencode({**signed, "email": f"n{count}@rush.example"}).encode()
            return site.get("/sign-in/", method="POST", body=body, source=source, **headers)
        return site.get(("/", "/teams/")[thread % 2], source=source)

    with Load(ask, threads=3) as load:
        one, other = site.hosts
        load.wait(20)
        starts = one.log.read_text().count("Listening at")
        one.stop()  # systemctl restart: meanwhile the socket keeps what comes
        one.start()
        ready(one, starts)
        load.wait(20)
        other.process.send_signal(signal.SIGHUP)
        load.wait(40)
    failed = [answer for answer in load.answers if answer.status not in {200, 302}]
    assert not failed, (len(failed), len(load.answers), failed[:5])
    assert {answer.status for answer in load.answers} == {200, 302}


def test_worker_that_is_killed_is_replaced_and_its_figures_stay(site):
    host = site.hosts[0]
    before = counted(host, "account_login")
    children = Path(f"/proc/{host.process.pid}/task/{host.process.pid}/children")
    old = children.read_text().split()
    os.kill(int(old[0]), signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while (
        set(old) & set(children.read_text().split()) == set(old)
        or len(children.read_text().split()) < 2
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert counted(host, "account_login") == before


def test_portals_own_page_is_shown_while_nothing_answers(site):
    """The last test: both hosts are gone."""
    for host in site.hosts:
        host.close()
    for method in ("GET", "POST"):
        answer = site.get("/sign-in/", method=method)
        assert answer.status == 503
        assert b"The portal is down for a short while" in answer.body
    assert answer.headers["Retry-After"] == "30"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"].startswith("text/html")
    (style,) = set(re.findall(rb'href="(/static/portal/portal\.[0-9a-f]{12}\.css)"', answer.body))
    assert site.get(style.decode()).status == 200
    assert site.get("/503.html").status == 404
