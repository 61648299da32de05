"""How fast the portal answers over HTTP, beside the least that WSGI and Django can do.

    make bench          the databases are kept in BENCH and filled the first time (minutes, 3 GB)

Starts the portal under gunicorn (2 sync workers, as behind nginx) on PostgreSQL and on SQLite, a
bare WSGI constant and a bare Django constant view; asks them with wrk in turns, and prints the
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

from tools.bench.databases import ROOT, filled, manage, run, say, start  # noqa: E402  # the path comes first

PORTAL = "collaborative.wsgi"
CLIENTS, ROUNDS, SECONDS = 16, 5, 3
JOINS = 3000
GROWTH = 1_000_000 / 1000  # in memberships
TOKEN = "a" * 32  # against forged requests; cookie and form say the same
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
        """Answers a second, asked without a pause; stops everything at the first error."""
        self.is_right()
        command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s"]
        for name, value in {**PROXY, **self.headers}.items():
            command += ["-H", f"{name}: {value}"]
        told = run([*command, self.url]).stdout
        if "Non-2xx" in told or "Socket errors" in told:
            sys.exit(f"{self.name}: {told}")
        return float(re.search(r"Requests/sec:\s+([\d.]+)", told).group(1))

    def is_right(self) -> None:
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
        """PSS of the workers together, MiB."""
        children = run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)]).stdout.split()
        total = 0
        for pid in children:
            rolled = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+) kB", rolled, re.M).group(1))
        return total / 1024


@contextmanager
def serving(application: str, **env: str) -> Iterator[Server]:
    """`application` under gunicorn, once it answers."""
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


def signed_in(number: int, **env: str) -> dict[str, object]:
    told = run([sys.executable, "bench/speed_people.py", str(number)], **env).stdout
    return json.loads(told)


def cookies(people: dict[str, object], who: str) -> dict[str, str]:
    """What the browser of somebody who is signed in sends with each request."""
    return {"Cookie": f"{people['csrf']}={TOKEN}; {people['cookie']}={people[who]}"}


def targets(name: str, server: Server, people: dict[str, object]) -> list[Target]:
    """What is asked of one portal. Any cookie gets a page that is made for whoever sent it."""
    at = server.address
    made = {"Cookie": "any=thing"}
    return [
        Target(f"{name}: public page, kept", f"{at}/faq/"),
        Target(f"{name}: public page, made", f"{at}/faq/", made),
        Target(f"{name}: team page, made", f"{at}/teams/{people['team']}/", made),
        Target(f"{name}: My teams", f"{at}/my/", cookies(people, "member")),
        Target(
            f"{name}: desk's memberships",
            f"{at}/admin/teams/membership/",
            cookies(people, "administrator"),
        ),
    ]


def pages_that_grow(server: Server, people: dict[str, object]) -> list[Target]:
    """Every kind of public and member page, made anew."""
    made, mine = {"Cookie": "any=thing"}, cookies(people, "member")
    public = ["", "teams/", f"teams/{people['team']}/", "faq/", "organizations/", "join/"]
    member = ["my/", "my/profile/", "my/data/", f"teams/{people['team']}/"]
    paths = [(f"/{path}", made) for path in public] + [(f"/{path}", mine) for path in member]
    return [
        Target(f"{path}{' as member' if who is mine else ''}", f"{server.address}{path}", who)
        for path, who in paths
    ]


def in_turns(asked: list[Target], base: Target) -> None:
    """Ask all in turns, each beside the bare Django view, and print the ratios."""
    ratios: dict[str, list[float]] = {target.name: [] for target in asked}
    for number in range(ROUNDS):
        for target in asked:
            bare = base.measure()
            rate = target.measure()
            target.rates.append(rate)
            ratios[target.name].append(rate / bare)
        say(f"round {number + 1} of {ROUNDS}")
    say(f"\n{'':42}{'per second':>11}{'ratio':>8}  range")
    for target in asked:
        found = ratios[target.name]
        spread = f"{min(found):.3f}-{max(found):.3f}"
        say(f"{target.name:42}{median(target.rates):11.0f}{median(found):8.3f}  {spread}")


def joins(server: Server, people: dict[str, object], **env: str) -> None:
    """Members who are in no team join one with one press each, 16 at a time."""
    before = number_of_stays(**env)
    host, port = server.address.removeprefix("http://").split(":")
    body = f"csrfmiddlewaretoken={TOKEN}"
    headers = PROXY | {
        "Host": "127.0.0.1",
        "Origin": "https://127.0.0.1",
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": str(len(body)),
    }
    lines = [f"POST /teams/{people['team']}/join/ HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]

    def join(session: str) -> bool:
        """Down to the bytes: the client runs on the same cores."""
        cookie = f"Cookie: {people['csrf']}={TOKEN}; {people['cookie']}={session}"
        with socket.create_connection((host, int(port)), timeout=60) as asking:
            asking.sendall("\r\n".join([*lines, cookie, "", body]).encode())
            answer = b"".join(iter(lambda: asking.recv(65536), b""))
        return answer.startswith(b"HTTP/1.1 302 ")

    started = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(join, people["fresh"]))
    took = time.monotonic() - started
    say(
        f"joins: {sum(answers)} of {len(answers)} acknowledged, {number_of_stays(**env) - before} "
        f"stored, in {took:.1f} s: {sum(answers) / took:.0f} a second"
    )


def number_of_stays(**env: str) -> int:
    code = "from teams.models import Membership; print(Membership.objects.count())"
    told = run([sys.executable, "manage.py", "shell", "--no-imports", "-c", code], **env).stdout
    return int(told.split()[-1])


def growth(small: list[Target], big: list[Target]) -> None:
    """The time of each page on both databases, in turns, with one client."""
    say(f"\n{'page, made anew':40}{'small ms':>10}{'big ms':>9}{'exponent':>10}")
    for one, other in zip(small, big, strict=True):
        pairs = [(1000 / one.measure(2, 1), 1000 / other.measure(2, 1)) for _ in range(3)]
        times = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
        exponent = median(math.log(b / a) / math.log(GROWTH) for a, b in pairs)
        say(f"{one.name:40}{times[0]:10.1f}{times[1]:9.1f}{exponent:10.3f}")


def main(folder: Path) -> None:
    server, version = start(folder)
    say(f"PostgreSQL {version}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    found = filled(folder, server)
    manage("collectstatic", "--noinput", "--verbosity=0", **found["SQLite"])
    with ExitStack() as stack:
        bare = stack.enter_context(serving("tools.bench.bare:wsgi"))
        constant = stack.enter_context(serving("tools.bench.bare:application", BARE_DJANGO="1"))
        servers, people = {}, {}
        for name, env in found.items():
            people[name] = signed_in(JOINS if "big" not in name else 0, **env)
            servers[name] = stack.enter_context(serving(PORTAL, **env))
        base = Target("bare Django constant", f"{constant.address}/")
        asked = [Target("bare WSGI constant", f"{bare.address}/")]
        for name in ("PostgreSQL", "SQLite"):
            asked += targets(name, servers[name], people[name])
        in_turns(asked, base)
        for name in ("PostgreSQL", "SQLite"):
            say(f"\n{name}")
            joins(servers[name], people[name], **found[name])
            say(f"memory of 2 workers after it all (PSS): {servers[name].memory():.0f} MiB")
        growth(
            pages_that_grow(servers["PostgreSQL"], people["PostgreSQL"]),
            pages_that_grow(servers["PostgreSQL, big"], people["PostgreSQL, big"]),
        )


if __name__ == "__main__":
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed. On Debian: apt-get install wrk")
    main(Path(sys.argv[1]))
