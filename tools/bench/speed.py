"""How fast the portal answers over HTTP, beside the least that WSGI and Django can do.

    make bench          the databases are kept in BENCH and filled the first time (minutes, 3 GB)

Starts the portal under gunicorn (2 sync workers, as behind nginx) on PostgreSQL and on SQLite, a
bare WSGI constant and a bare Django constant view; requests them with wrk in turns, and prints the
median ratio to the Django constant of the same round, with its range. Then joins over HTTP, the
memory of the two workers, and how the time of each page grows from the small database (100
organizations, 1,000 memberships) to the big one (10,000 and 1,000,000).
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.error import HTTPError
from urllib.request import Request, urlopen

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.bench.databases import (  # noqa: E402  # the path comes first
    ROOT,
    fill_databases,
    manage,
    report,
    run,
    start_server,
)

PORTAL = "collaborative.wsgi"
CLIENTS, ROUNDS, SECONDS = 16, 5, 3
JOINS = 3000
# In memberships.
GROWTH = 1_000_000 / 1000
CSRF_TOKEN = "a" * 32
# What the reverse proxy says in production: the visitor came by https.
PROXY = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}


@dataclass
class Target:
    """One page of one server."""

    name: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)

    def measure(self, seconds: float = SECONDS, clients: int = CLIENTS) -> float:
        """Return the answers per second, requested without a pause; exit at the first error."""
        self.check()
        command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s"]
        for name, value in {**PROXY, **self.headers}.items():
            command += ["-H", f"{name}: {value}"]
        output = run([*command, self.url]).stdout
        if "Non-2xx" in output or "Socket errors" in output:
            sys.exit(f"{self.name}: {output}")
        return float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))

    def check(self) -> None:
        try:
            with urlopen(Request(self.url, headers=PROXY | self.headers), timeout=60) as answer:  # noqa: S310
                if answer.status == 200 and answer.url == self.url:
                    return
                sys.exit(f"{self.name}: {answer.status} {answer.url}")
        except HTTPError as error:
            sys.exit(f"{self.name}: {error}")


@dataclass
class Server:
    """A gunicorn with two sync workers."""

    address: str
    process: subprocess.Popen[bytes]

    def memory(self) -> float:
        """Return the PSS of the workers together, in MiB."""
        children = run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)]).stdout.split()
        total = 0
        for pid in children:
            rolled = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+) kB", rolled, re.M).group(1))
        return total / 1024


@contextmanager
def serving(application: str, **env: str) -> Iterator[Server]:
    """Run `application` under gunicorn; yield the server once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", application, "--workers", "2"]
    if application == PORTAL:
        command += ["-c", "deploy/gunicorn.conf.py"]
    command += ["--bind", f"127.0.0.1:{port}", "--no-control-socket", "--log-level", "warning"]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}) as process:  # noqa: S603
        try:
            for _ in range(300):
                with socket.socket() as probe:
                    if not probe.connect_ex(("127.0.0.1", port)):
                        break
                if process.poll() is not None:
                    sys.exit(f"{application} does not start.")
                time.sleep(0.1)
            yield Server(f"http://127.0.0.1:{port}", process)
        finally:
            process.terminate()


def sign_in(new_members: int, **env: str) -> dict[str, object]:
    output = run([sys.executable, "tools/bench/speed_members.py", str(new_members)], **env).stdout
    return json.loads(output)


def cookies(people: dict[str, object], who: str) -> dict[str, str]:
    """Return what the browser of a signed-in person sends with each request."""
    return {"Cookie": f"{people['csrf']}={CSRF_TOKEN}; {people['cookie']}={people[who]}"}


def pages(name: str, server: Server, people: dict[str, object]) -> list[Target]:
    """Return the pages of one portal. With any cookie a page does not come from the cache."""
    at = server.address
    uncached = {"Cookie": "any=thing"}
    return [
        Target(f"{name}: public page, cached", f"{at}/faq/"),
        Target(f"{name}: public page, rendered", f"{at}/faq/", uncached),
        Target(f"{name}: team page, rendered", f"{at}/teams/{people['team']}/", uncached),
        Target(f"{name}: My teams", f"{at}/my/", cookies(people, "member")),
        Target(
            f"{name}: desk's memberships",
            f"{at}/admin/teams/membership/",
            cookies(people, "administrator"),
        ),
    ]


def pages_that_grow(server: Server, people: dict[str, object]) -> list[Target]:
    """Return every kind of public and member page, none from the cache."""
    visitor, mine = {"Cookie": "any=thing"}, cookies(people, "member")
    public = ["", "teams/", f"teams/{people['team']}/", "faq/", "organizations/", "join/"]
    member = ["my/", "my/profile/", "my/data/", f"teams/{people['team']}/"]
    paths = [(f"/{path}", visitor) for path in public] + [(f"/{path}", mine) for path in member]
    return [
        Target(f"{path}{' as member' if who is mine else ''}", f"{server.address}{path}", who)
        for path, who in paths
    ]


def measure_in_turns(targets: list[Target], base: Target) -> None:
    """Measure all in turns, each beside the bare Django view, and print the ratios."""
    ratios: dict[str, list[float]] = {target.name: [] for target in targets}
    for number in range(ROUNDS):
        for target in targets:
            bare = base.measure()
            rate = target.measure()
            target.rates.append(rate)
            ratios[target.name].append(rate / bare)
        report(f"round {number + 1} of {ROUNDS}")
    report(f"\n{'':42}{'per second':>11}{'ratio':>8}  range")
    for target in targets:
        measured = ratios[target.name]
        spread = f"{min(measured):.3f}-{max(measured):.3f}"
        report(f"{target.name:42}{median(target.rates):11.0f}{median(measured):8.3f}  {spread}")


def measure_joins(server: Server, people: dict[str, object], **env: str) -> None:
    """Let members who are in no team join one with one click each, 16 at a time."""
    before = count_memberships(**env)
    host, port = server.address.removeprefix("http://").split(":")
    body = f"csrfmiddlewaretoken={CSRF_TOKEN}"
    headers = PROXY | {
        "Host": "127.0.0.1",
        "Origin": "https://127.0.0.1",
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": str(len(body)),
    }
    lines = [f"POST /teams/{people['team']}/join/ HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]

    def join(session: str) -> bool:
        # Down to the bytes, since the client runs on the same cores.
        cookie = f"Cookie: {people['csrf']}={CSRF_TOKEN}; {people['cookie']}={session}"
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall("\r\n".join([*lines, cookie, "", body]).encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        return answer.startswith(b"HTTP/1.1 302 ")

    started = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(join, people["new_members"]))
    seconds = time.monotonic() - started
    stored = count_memberships(**env) - before
    report(
        f"joins: {sum(answers)} of {len(answers)} acknowledged, {stored} stored, "
        f"in {seconds:.1f} s: {sum(answers) / seconds:.0f} a second"
    )


def count_memberships(**env: str) -> int:
    code = "from teams.models import Membership; print(Membership.objects.count())"
    output = run([sys.executable, "manage.py", "shell", "--no-imports", "-c", code], **env).stdout
    return int(output.split()[-1])


def measure_growth(small: list[Target], big: list[Target]) -> None:
    """Measure the time of each page on both databases, in turns, with one client."""
    report(f"\n{'page, rendered':40}{'small ms':>10}{'big ms':>9}{'exponent':>10}")
    for one, other in zip(small, big, strict=True):
        pairs = [(1000 / one.measure(2, 1), 1000 / other.measure(2, 1)) for _ in range(3)]
        times = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
        exponent = median(math.log(b / a) / math.log(GROWTH) for a, b in pairs)
        report(f"{one.name:40}{times[0]:10.1f}{times[1]:9.1f}{exponent:10.3f}")


def main(folder: Path) -> None:
    server, version = start_server(folder)
    report(f"PostgreSQL {version}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    environments = fill_databases(folder, server)
    manage("collectstatic", "--noinput", "--verbosity=0", **environments["SQLite"])
    with ExitStack() as stack:
        bare = stack.enter_context(serving("tools.bench.bare:wsgi"))
        constant = stack.enter_context(serving("tools.bench.bare:application", BARE_DJANGO="1"))
        servers, people = {}, {}
        for name, env in environments.items():
            people[name] = sign_in(JOINS if "big" not in name else 0, **env)
            servers[name] = stack.enter_context(serving(PORTAL, **env))
        base = Target("bare Django constant", f"{constant.address}/")
        measured = [Target("bare WSGI constant", f"{bare.address}/")]
        for name in ("PostgreSQL", "SQLite"):
            measured += pages(name, servers[name], people[name])
        measure_in_turns(measured, base)
        for name in ("PostgreSQL", "SQLite"):
            report(f"\n{name}")
            measure_joins(servers[name], people[name], **environments[name])
            report(f"memory of 2 workers after it all (PSS): {servers[name].memory():.0f} MiB")
        measure_growth(
            pages_that_grow(servers["PostgreSQL"], people["PostgreSQL"]),
            pages_that_grow(servers["PostgreSQL, big"], people["PostgreSQL, big"]),
        )


if __name__ == "__main__":
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed. On Debian: apt-get install wrk")
    main(Path(sys.argv[1]))
