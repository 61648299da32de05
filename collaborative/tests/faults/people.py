"""People who join over HTTP, with the code from a real email, and go on trying when it fails; and
the audit afterwards: a person who saw the joining confirmed is there, once, with every email, and
nobody whose code was taken had to begin again."""

import asyncio
import http.client
import itertools
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from html import unescape
from urllib.parse import urlencode

from post_office.models import STATUS, Email

from collaborative.tests.conftest import MailServer
from collaborative.tests.faults.processes import wait_for
from members.models import Member
from teams.models import ActionTeam, Membership

CODE = re.compile(r"\b[BCDFGHJKLMNPQRSTVWXZ]{6}\b")
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
TRY_AGAIN = 0.2  # seconds, then a person presses again
CONNECT, TIMEOUT = 2, 30
HOST = "portal.example.org"
EMPLOYER_PATH = "/join/organization/"


class Mailbox(MailServer):
    """A mail server in whose emails people find their codes. It can be slow, hang and refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[str, str] = {}
        self.ids: Counter[str] = Counter()
        self.delay = 0.0
        self.refuses = self.hangs = False
        self.news = threading.Condition()

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802  # aiosmtpd's name
        if self.refuses:
            return "451 Come back later"
        await asyncio.sleep(self.delay)
        while self.hangs:
            await asyncio.sleep(0.1)
        message = message_from_bytes(envelope.content)
        code = CODE.search(message.get_payload(0).get_payload(decode=True).decode())
        with self.news:
            self.ids[message["Message-ID"]] += 1
            if code:
                self.codes[envelope.rcpt_tos[0]] = code[0]
            self.news.notify_all()
        return "250 Taken"

    def code_of(self, address: str, seconds: float) -> str | None:
        with self.news:
            self.news.wait_for(lambda: address in self.codes, seconds)
            return self.codes.pop(address, None)


@dataclass
class Responses:
    """What the portal answered to all of these people together."""

    acknowledged: list[tuple[str, float]] = field(default_factory=list)  # and since when
    answers: Counter = field(default_factory=Counter)
    longest: float = 0.0
    without_retry_after: int = 0
    # Of people who were asked where they work, after their code was taken.
    lost_forms: int = 0


class Browser:
    """Cookies, one after another request, each on a connection of its own."""

    def __init__(self, hosts: list[tuple[str, int]], responses: Responses, number: int) -> None:
        self.hosts, self.responses = itertools.cycle(hosts), responses
        self.number_of_hosts = len(hosts)
        self.cookies: dict[str, str] = {}
        self.address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"

    def connected(self) -> http.client.HTTPConnection:
        """To the next host that answers, as a balancer does. Raises OSError if none does."""
        for left in reversed(range(self.number_of_hosts)):
            server = http.client.HTTPConnection(*next(self.hosts), timeout=CONNECT)
            try:
                server.connect()
            except OSError:
                if not left:
                    raise
            else:
                server.sock.settimeout(TIMEOUT)
                return server
        raise OSError("no host")

    def ask(self, path: str, form: list[tuple[str, str]] | None = None) -> tuple[int, str, str]:
        """Status (0: no answer), Location and body."""
        headers = {
            "Host": HOST,
            "X-Forwarded-For": self.address,
            "X-Forwarded-Proto": "https",
            "Referer": f"https://{HOST}{path}",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        started = time.monotonic()
        server = None
        try:
            server = self.connected()
            server.request(
                "POST" if form is not None else "GET", path, urlencode(form or []), headers
            )
            answer = server.getresponse()
            body = answer.read().decode()
        except (OSError, http.client.HTTPException):
            self.responses.answers[0] += 1
            return 0, "", ""
        finally:
            if server:
                server.close()
            self.responses.longest = max(self.responses.longest, time.monotonic() - started)
        self.responses.answers[answer.status] += 1
        if answer.status == 503 and not answer.getheader("Retry-After"):
            self.responses.without_retry_after += 1
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, answer.getheader("Location") or "", body

    def join(self, email: str, teams: list[str], mailbox: Mailbox, over: threading.Event) -> bool:
        """Try until the portal confirms it; return False if `over` or a rate limit came first."""
        while not over.is_set():
            status, _, page = self.ask("/join/")
            hidden = [(name, unescape(value)) for name, value in HIDDEN.findall(page)]
            fields = [("full_name", "Nora Newcomer"), ("email", email)]
            fields += [("teams", team) for team in teams]
            if status == 200:
                status, where, _ = self.ask("/join/", hidden + fields)
                if status == 302 and where == "/join/code/" and self.enter(email, hidden, mailbox):
                    return True
            if status == 429:  # too many codes for now: another person's turn
                return False
            over.wait(TRY_AGAIN)
        return False

    def enter(self, email: str, hidden: list[tuple[str, str]], mailbox: Mailbox) -> bool:
        """Type the code from the email; again, when there was no answer."""
        code = mailbox.code_of(email, TIMEOUT)
        for _ in range(50 if code else 0):
            status, where, _ = self.ask("/join/code/", [*hidden, ("code", code or "")])
            if status == 302 and where == EMPLOYER_PATH:
                return self.name_employer(hidden)
            if status == 302:
                return where == "/join/done/"
            if status not in {0, 502, 503}:
                return False
            time.sleep(TRY_AGAIN)
        return False

    def name_employer(self, hidden: list[tuple[str, str]]) -> bool:
        """Answer where the person works; again, when there was no answer."""
        answer = None  # first the page, which needs the form that was sent before the code
        for _ in range(50):
            status, where, _ = self.ask(EMPLOYER_PATH, answer)
            if status == 302:
                self.responses.lost_forms += answer is None
                return where == "/join/done/"
            if status == 200:
                answer = [*hidden, ("organization", "Lakeview Health")]
            elif status in {0, 502, 503}:
                time.sleep(TRY_AGAIN)
            else:
                return False
        return False


class JoiningPeople:
    """So many people at a time join one after another, until `stop()`."""

    def __init__(self, hosts: list[tuple[str, int]], mailbox: Mailbox, clients: int) -> None:
        self.hosts, self.mailbox, self.responses = hosts, mailbox, Responses()
        self.teams = list(
            ActionTeam.objects.filter(join_policy="open").values_list("slug", flat=True)
        )
        self.numbers = itertools.count(1)
        self.over = threading.Event()
        self.threads: list[threading.Thread] = []
        for _ in range(clients):
            self._begin(self._join)

    def _begin(self, what: Callable[[], None]) -> None:
        self.threads.append(threading.Thread(target=what, daemon=True))
        self.threads[-1].start()

    def wait_for_503(self, pages: int) -> None:
        """Wait for this number of 503 pages. One more person begins, as all may wait for a code."""
        expected = self.responses.answers[503] + pages
        self._begin(self._join_once)
        wait_for(lambda: self.responses.answers[503] >= expected, "the 503 page")

    def _join(self) -> None:
        while not self.over.is_set():
            self._join_once()

    def _join_once(self) -> None:
        began, number = time.monotonic(), next(self.numbers)
        # Of each third one the address does not show the employer.
        email = f"p{number}@{'rush' if number % 3 else 'lakeview'}.example"
        hosts = self.hosts[number % len(self.hosts) :] + self.hosts[: number % len(self.hosts)]
        if Browser(hosts, self.responses, number).join(email, self.teams, self.mailbox, self.over):
            self.responses.acknowledged.append((email, began))

    @property
    def count(self) -> int:
        return len(self.responses.acknowledged)

    def stop(self) -> Responses:
        self.over.set()
        for thread in self.threads:
            thread.join(2 * TIMEOUT)
            assert not thread.is_alive(), "somebody still waits for an answer"
        return self.responses


@dataclass
class Audit:
    lost: int
    doubled: int


def all_emails_left() -> bool:
    return not Email.objects.filter(status__in=[STATUS.queued, STATUS.requeued]).exists()


def audit(responses: Responses, mailbox: Mailbox, teams: list[str]) -> Audit:
    """Count what is lost (confirmed joins and queued emails that did not arrive) and what is there,
    or arrived, more than once."""
    people = [email for email, _ in responses.acknowledged]
    stays = Counter(
        Membership.objects.current()
        .filter(member__email__in=people, team__slug__in=teams)
        .values_list("member__email", "team__slug")
    )
    emails = list(Email.objects.values_list("message_id", "to", "subject"))
    welcomes = Counter(to[0] for _, to, subject in emails if "code" not in subject.lower())
    lost = sum(not stays[email, team] for email in people for team in teams)
    lost += sum(not welcomes[email] for email in people)
    lost += sum(not mailbox.ids[message_id] for message_id, _, _ in emails)
    lost += responses.lost_forms
    doubled = sum(number - 1 for number in [*stays.values(), *welcomes.values()])
    doubled += len(people) - len(set(people)) + len(people)
    doubled -= Member.objects.filter(email__in=people).count()
    doubled += sum(number - 1 for number in mailbox.ids.values())
    return Audit(lost, doubled)
