"""How long sending an announcement to 2,000 people takes, and how long a sign-in code takes to
leave while their emails do.

    make bench-announcements

On PostgreSQL and on SQLite: presses "send" as the desk does, lets the emails leave at once instead
of in two minutes, and starts the mail worker with a mail server that takes LATENCY for each email.
Then asks for codes, first with no limit on the pace, so that the worker never rests, and then with
the pace of the default setting. Exits with 1 if a code takes longer than CODE_SECONDS, the press
longer than PRESS_SECONDS (of the processor), or if more leave in a minute than the setting says.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path
from statistics import median
from threading import Lock
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from aiosmtpd.controller import Controller  # noqa: E402  # the path comes first

from collaborative.tests.ports import free_port  # noqa: E402
from tools.bench.databases import (  # noqa: E402
    ROOT,
    SETTINGS,
    is_filled,
    manage,
    report,
    start_server,
)

PEOPLE, CODES, PACE = 2000, 20, 60
CODE_SECONDS, PRESS_SECONDS = 2.0, 2.0
# Of the mail server, for each email; between two codes; and how long the pace is watched.
LATENCY, CODE_PAUSE, PACE_WATCHED = 0.05, 0.5, 20.0
UNLIMITED = 1_000_000


class MailServer:
    """Takes every email, slowly, and notes when it came."""

    def __init__(self) -> None:
        self.port = free_port()
        self.taken: list[tuple[float, str]] = []
        self._lock = Lock()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        await asyncio.sleep(LATENCY)
        subject = str(message_from_bytes(envelope.content)["Subject"])
        with self._lock:
            self.taken.append((time.monotonic(), f"{envelope.rcpt_tos[0]} {subject}"))
        return "250 Taken"

    def when(self, address: str) -> float | None:
        """Return when the first email to `address` came, in seconds of the monotonic clock."""
        with self._lock:
            return next((at for at, what in self.taken if what.startswith(f"{address} ")), None)

    def number(self) -> int:
        with self._lock:
            return len(self.taken)

    def stop(self) -> None:
        self._controller.stop()


@contextmanager
def mail_worker(server: MailServer, pace: int) -> Iterator[None]:
    """Run `manage.py mail_worker`, once it has sent something."""
    env = {
        **os.environ,
        "EMAIL_URL": f"smtp://127.0.0.1:{server.port}",
        "EMAILS_PER_MINUTE": str(pace),
    }
    before = server.number()
    command = [sys.executable, "manage.py", "mail_worker"]
    with subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        try:
            while server.number() == before:
                time.sleep(0.05)
            yield
        finally:
            process.terminate()


def measure() -> int:
    """Measure the database of DATABASE_URL, which is empty; return 1 if something took too long."""
    # Needs the database of the environment.
    import django  # noqa: PLC0415

    os.environ["DJANGO_SETTINGS_MODULE"] = "collaborative.settings"
    django.setup()

    from tools.bench import announcement_data as data  # noqa: PLC0415

    draft = data.make_draft(PEOPLE)
    wall, cpu = time.monotonic(), time.process_time()
    data.press_send(draft)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    report(f"  the press, to {PEOPLE} people: {cpu:.1f} s of the processor, {wall:.1f} s")
    data.let_emails_leave()
    server = MailServer()
    slowest = []
    with mail_worker(server, UNLIMITED):
        slowest.append(measure_codes(server, "while emails leave without a limit"))
    left = data.waiting()
    with mail_worker(server, PACE):
        began = time.monotonic()
        slowest.append(measure_codes(server, f"while emails leave at {PACE} a minute"))
        time.sleep(max(0.0, began + PACE_WATCHED - time.monotonic()))
        paced = left - data.waiting()
    server.stop()
    report(f"  in the first {PACE_WATCHED:.0f} s at {PACE} a minute: {paced} announcements left")
    return int(max(slowest) > CODE_SECONDS or cpu > PRESS_SECONDS or paced > PACE)


def measure_codes(server: MailServer, when: str) -> float:
    """Ask for codes, and return how many seconds the slowest one took to leave."""
    from tools.bench import announcement_data as data  # noqa: PLC0415

    asked = {}
    for number in range(CODES):
        address = f"code-{time.monotonic_ns()}-{number}@rush.example"
        asked[address] = time.monotonic()
        data.ask_for_code(address)
        time.sleep(CODE_PAUSE)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and any(server.when(each) is None for each in asked):
        time.sleep(0.05)
    seconds = [(server.when(each) or deadline) - at for each, at in asked.items()]
    report(
        f"  a code {when}: {median(seconds):.2f} s, slowest {max(seconds):.2f} s "
        f"({data.waiting()} announcements still waited)"
    )
    return max(seconds)


def main(folder: Path) -> int:
    postgres, version = start_server(folder)
    results = []
    for name, url in {
        f"PostgreSQL {version}": f"{postgres}portal_announcements",
        "SQLite": f"sqlite:///{folder}/announcements.sqlite3",
    }.items():
        report(name)
        # Never marked as filled: each run begins with an empty one.
        is_filled(folder, url)
        env = {**SETTINGS, "DATABASE_URL": url, "LOG_LEVEL": "error"}
        manage("migrate", "--verbosity=0", **env)
        manage("createcachetable", **env)
        command = [sys.executable, __file__, "measure"]
        results.append(subprocess.run(command, env={**os.environ, **env}).returncode)  # noqa: S603
    return max(results)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(measure() if sys.argv[1] == "measure" else main(Path(sys.argv[1])))
