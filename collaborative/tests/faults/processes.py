"""The portal as it runs in production: gunicorn and the mail worker, supervised as by systemd,
on the database of the tests."""

import http.client
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connection

from collaborative.tests import postgres
from collaborative.tests.conftest import PATIENCE
from collaborative.tests.ports import database_url

ROOT = Path(__file__).resolve().parents[3]
RESTART_SECONDS = 0.5  # the supervisor's pause: RestartSec
SETTINGS = "collaborative.tests.faults.settings"


def environment(mail_port: int, host: str = "") -> dict[str, str]:
    """What `/etc` of a production machine would hold, for the database of the tests."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "DEBUG": "0",
        "SECRET_KEY": "only-for-these-tests-" + "q7w8e9r0" * 6,
        "ALLOWED_HOSTS": "portal.example.org",
        "SITE_URL": "https://portal.example.org",
        "CONTACT_EMAIL": "help@example.org",
        "DEFAULT_FROM_EMAIL": "portal@example.org",
        "EMAIL_URL": f"smtp://{host or '127.0.0.1'}:{mail_port}",
        "DATABASE_URL": database_url(host),
        "CACHE_URL": "locmemcache://",
        "TRUSTED_PROXY_COUNT": "1",
        "PYTHONUNBUFFERED": "1",
    }


class Supervised:
    """A process in a group of its own; however it ends, it is started again until `vanish()`."""

    def __init__(self, command: list, env: dict[str, str], log: Path) -> None:
        self.command, self.env, self.log = command, env, log
        self.starts = 0
        self.over = threading.Event()
        self.popen = self._start()
        self.keeper = threading.Thread(target=self._keep, daemon=True)
        self.keeper.start()

    def _start(self) -> subprocess.Popen:
        self.starts += 1
        with self.log.open("ab") as output:
            return subprocess.Popen(
                self.command,
                env=self.env,
                cwd=ROOT,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _keep(self) -> None:
        while True:
            self.popen.wait()
            self._end()  # what it has left behind, as systemd does
            if self.over.wait(RESTART_SECONDS):
                return
            self.popen = self._start()

    def _end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)

    def kill(self) -> None:
        """The process itself, in the middle of whatever it does; its children live on."""
        self.popen.kill()

    def kill_child(self) -> None:
        """One of its children."""
        done = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.popen.pid)],
            check=True,
            capture_output=True,
            text=True,
        )
        os.kill(int(done.stdout.split()[0]), signal.SIGKILL)

    def vanish(self) -> None:
        """The process and its children at once, for good: the machine is gone."""
        self.over.set()
        self._end()
        self.keeper.join(PATIENCE)

    def says(self) -> str:
        return self.log.read_text(errors="replace")


def web(env: dict[str, str], bind: str, log: Path, before: tuple[str, ...] = ()) -> Supervised:
    """gunicorn as deploy/ ships it, with two workers."""
    serve = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py"]
    return Supervised([*before, *serve], {**env, "BIND": bind, "WEB_CONCURRENCY": "2"}, log)


def sender(env: dict[str, str], log: Path, before: tuple[str, ...] = ()) -> Supervised:
    return Supervised([*before, sys.executable, "manage.py", "mail_worker"], env, log)


def wait_for(true: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


class PostgresServer:
    """A PostgreSQL server of one test, which can be stopped and started. It has the database of
    the tests, as that is now, or an empty one, and is used instead of theirs until `remove()`."""

    def __init__(self, *, is_empty: bool = False) -> None:
        self.theirs = connection.settings_dict["HOST"]
        url, _ = postgres.start_postgres()
        self.folder = Path(urlsplit(url).path).parent
        self.data = self.folder / "data"
        programs, as_owner = postgres.client_programs(), ["--no-psqlrc", "-U", "postgres"]
        name = connection.settings_dict["NAME"]
        dump = [programs / "pg_dump", "-U", "postgres", "-h", self.theirs, "--create", name]
        if is_empty:
            dump.append("--exclude-schema=public")
        copy = subprocess.run(dump, check=True, capture_output=True).stdout
        load = [programs / "psql", *as_owner, "-q", "-h", self.folder, "-v", "ON_ERROR_STOP=1"]
        subprocess.run([*load, "postgres"], check=True, input=copy, stdout=subprocess.DEVNULL)
        self._use(str(self.folder))

    def _use(self, host: str) -> None:
        connection.close()
        connection.close_pool()
        connection.settings_dict["HOST"] = host

    def remove(self) -> None:
        """End it, and go back to the server of the tests."""
        self._use(self.theirs)
        if (self.data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder)

    def stop(self, number: int = signal.SIGINT) -> None:
        """SIGINT ends all connections at once, as a restart of the service does."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, number)
        wait_for(lambda: not Path(f"/proc/{pid}/stat").exists() or _is_zombie(pid), "the end")

    def listen_at(self, address: str, network: str) -> None:
        """Restart it so that machines of this network reach it, without a password."""
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {network} trust\n")
        connection.close()
        self.stop()
        self.start(address)

    def start(self, listen: str = "") -> None:
        """The same command again, for the same owner; it ends with this process."""
        # The program, which is not quoted there, and its quoted options.
        program, _, options = (self.data / "postmaster.opts").read_text().partition(' "')
        command = [program, *shlex.split(f'"{options}'), "-c", f"listen_addresses={listen}"]
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        owner = self.data.stat()
        run_as = {"cwd": self.folder, "env": env}
        if not os.geteuid():
            run_as |= {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        ready = [Path(command[0]).with_name("pg_isready"), "-q", "-h", self.folder]
        postgres._serve(command, [*ready, "-U", "postgres"], run_as)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def is_up(host: str, port: int) -> bool:
    with closing(http.client.HTTPConnection(host, port, timeout=5)) as server:
        try:
            server.request("GET", "/healthz", headers={"Host": "portal.example.org"})
            return server.getresponse().status == 200
        except OSError:
            return False
