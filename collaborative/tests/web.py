"""nginx and gunicorn as `deploy/` ships them, on ports of this machine, for the tests of it.

nginx runs with the shipped file; only its ports, its paths and its certificate are others. Each
gunicorn gets its socket from us, as systemd gives it: the socket stays when gunicorn goes.
"""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from collaborative.tests.ports import free_port
from collaborative.tests.test_settings import PRODUCTION, ROOT

DEPLOY = ROOT / "deploy"
NAME = "portal.example.org"
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
NGINX, PGBOUNCER, REDIS = (
    shutil.which(name, path=PATH) for name in ("nginx", "pgbouncer", "redis-server")
)
NO_NGINX, NO_POOLER = "no nginx found", "no pgbouncer or redis-server found"
PATIENCE = 60

# What systemd does: the socket as descriptor 3, and the process that it is meant for.
LAUNCH = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py"])
"""

# What an update does before it starts gunicorn, in one process; an empty database gets its tables
# without each step that led to them.
PREPARE = """
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from collaborative.operations.backups.schema import create_tables
if not connection.introspection.table_names():
    create_tables(set(MigrationLoader(None).disk_migrations))
    call_command("migrate", fake=True, verbosity=0)
# Also adds permissions.
call_command("migrate", verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0)
call_command("createcachetable", verbosity=0)
call_command("load_starter_content", verbosity=0)
call_command("write_error_page", verbosity=0)
"""


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for NAME that holds for an hour, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "fullchain.pem", folder / "privkey.pem"
    chain.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain, secret


class Gunicorn:
    """One web host: a gunicorn with the shipped configuration, on a socket that outlives it."""

    def __init__(self, folder: Path, number: int, env: dict[str, str]) -> None:
        self.path = folder / f"web-{number}.sock"
        self.log = folder / f"web-{number}.log"
        self.env = env
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.path))
        self.path.chmod(0o666)  # nginx's workers are another user's where this runs as root
        self.socket.listen(2048)
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", LAUNCH, str(self.socket.fileno())],
                cwd=ROOT,
                env=self.env,
                pass_fds=[self.socket.fileno()],
                stdout=log,
                stderr=log,
            )

    def stop(self, by: int = signal.SIGTERM) -> None:
        if self.process:
            self.process.send_signal(by)
            self.process.wait(PATIENCE)
            self.process = None

    def connection(self) -> HTTPConnection:
        """A connection past nginx."""
        made = HTTPConnection(NAME, timeout=PATIENCE)
        made.sock = socket.socket(socket.AF_UNIX)
        made.sock.settimeout(PATIENCE)
        made.sock.connect(str(self.path))
        return made

    def close(self) -> None:
        """The host is gone: nobody holds its socket."""
        self.stop()
        self.socket.close()
        self.path.unlink(missing_ok=True)


@dataclass
class Site:
    """The shipped nginx in front of some gunicorns."""

    folder: Path
    hosts: list[Gunicorn]
    http: int = field(default_factory=free_port)
    https: int = field(default_factory=free_port)
    inside: int = field(default_factory=free_port)
    process: subprocess.Popen | None = None
    # Made once: to make one takes longer than a request.
    browser: ssl.SSLContext | None = None

    def start(self, static: Path) -> None:
        """Render the shipped file, let nginx check it, and start it."""
        main = self.folder / "nginx.conf"
        (self.folder / "portal.conf").write_text(self.rendered(static))
        user = "user nobody nogroup;" if os.geteuid() == 0 else ""
        main.write_text(
            f"daemon off; {user} pid {self.folder}/nginx.pid; worker_processes 1;\n"
            f"error_log {self.folder}/error.log; events {{ worker_connections 512; }}\n"
            # As Debian's own file has it around ours.
            "http { sendfile on; ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; gzip on;\n"
            "ssl_prefer_server_ciphers on; default_type application/octet-stream;\n"
            f"include {self._types()}; {self._scratch()}\n"
            f"include {self.folder}/portal.conf; }}"
        )
        command = [NGINX, "-e", self.folder / "start.log", "-p", self.folder, "-c", main]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        assert "[warn]" not in checked.stderr, checked.stderr
        self.process = subprocess.Popen(command)
        self.browser = self.trusting()
        self.wait()

    def rendered(self, static: Path) -> str:
        """The shipped file with the ports and paths of this test."""
        chain, secret = certificate(self.folder)
        text = (DEPLOY / "nginx.conf").read_text()
        servers = "".join(
            f"server unix:{host.path} max_fails=3 fail_timeout=5s;\n" for host in self.hosts
        )
        changes = {
            r"listen \[::\]:\d+[^;]*;": "",  # the machine may have no IPv6
            r"listen 80\b": f"listen 127.0.0.1:{self.http}",
            r"listen 443\b": f"listen 127.0.0.1:{self.https}",
            r"listen 127\.0\.0\.1:9080": f"listen 127.0.0.1:{self.inside}",
            r"/etc/letsencrypt/live/[^;]*fullchain\.pem": str(chain),
            r"/etc/letsencrypt/live/[^;]*privkey\.pem": str(secret),
            r"/srv/portal/current/staticfiles": str(static),
            r"/var/log/nginx": str(self.folder),
            r"/var/www/acme": str(self.folder / "acme"),
            r"server unix:/run/portal/web\.sock[^;]*;": servers,
        }
        for pattern, new in changes.items():
            text, count = re.subn(pattern, new, text)
            assert count, f"deploy/nginx.conf has no {pattern}"
        return text

    def _types(self) -> str:
        shipped = Path("/etc/nginx/mime.types")
        assert shipped.is_file(), "nginx came without its mime.types"
        return str(shipped)

    def _scratch(self) -> str:
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        return " ".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in kinds)

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)

    def wait(self) -> None:
        """Until every host answers."""
        deadline = time.monotonic() + PATIENCE
        while self.get("/readyz", inside=True).status != 200:
            assert time.monotonic() < deadline, [host.log.read_text() for host in self.hosts]
            time.sleep(0.1)

    def trusting(self) -> ssl.SSLContext:
        """What a browser trusts here: the certificate of this test alone."""
        return ssl.create_default_context(cafile=self.folder / "fullchain.pem")

    def connection(self, source: str) -> HTTPSConnection:
        """A browser's connection to nginx, from the address `source` of this machine."""
        connection = HTTPSConnection(NAME, timeout=PATIENCE, context=self.browser)
        plain = socket.create_connection(("127.0.0.1", self.https), PATIENCE, (source, 0))
        connection.sock = self.browser.wrap_socket(plain, server_hostname=NAME)
        return connection

    def get(
        self,
        path: str,
        *,
        inside: bool = False,
        method: str = "GET",
        body: bytes = b"",
        source: str = "127.0.0.1",
        **headers: str,
    ) -> "Answer":
        """What nginx answers; headers with _ for -."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection: HTTPConnection | None = None
        try:
            if inside:
                connection = HTTPConnection("127.0.0.1", self.inside, timeout=PATIENCE)
            else:
                connection = self.connection(source)
            connection.request(method, path, body or None, {"Host": NAME, **sent})
            return Answer(connection.getresponse())
        except (OSError, HTTPException) as error:
            return Answer(error=error)
        finally:
            if connection:
                connection.close()


class Answer:
    """One answer, or the error that came in its place (status 0)."""

    def __init__(
        self, response: HTTPResponse | None = None, error: Exception | None = None
    ) -> None:
        self.error = error
        self.status = response.status if response else 0
        self.headers = response.headers if response else {}
        self.body = response.read() if response else b""

    def __repr__(self) -> str:
        return f"{self.status} {self.error or ''} {self.body[:80]!r}"


class Load:
    """Some threads that ask again and again, with short pauses, until they are stopped."""

    def __init__(self, ask, threads: int = 4) -> None:
        self.ask = ask
        self.answers: list[Answer] = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=[n]) for n in range(threads)]

    def _run(self, number: int) -> None:
        count = 0
        while not self.stopping.is_set():
            self.answers.append(self.ask(number, count))
            count += 1
            time.sleep(0.05)

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(PATIENCE)

    def wait(self, more: int) -> None:
        """Until there are so many more answers."""
        expected, deadline = len(self.answers) + more, time.monotonic() + PATIENCE
        while len(self.answers) < expected:
            assert time.monotonic() < deadline, f"only {len(self.answers)} of {expected} answers"
            time.sleep(0.02)


@contextmanager
def shipped_site(folder: Path, env: dict[str, str]) -> Iterator[Site]:
    """nginx in front of two gunicorns, as `deploy/` has them, with starter content in a database
    that is migrated or empty; ended with the block."""
    subprocess.run([sys.executable, "-c", PREPARE], cwd=ROOT, env=env, check=True)
    hosts = [Gunicorn(folder, number, env) for number in (1, 2)]
    site = Site(folder, hosts)
    try:
        for host in hosts:
            host.start()
        site.start(folder / "static")
        yield site
    finally:
        site.stop()
        for host in hosts:
            host.close()


def production(database_url: str, folder: Path, **changes: str) -> dict[str, str]:
    """The environment of a gunicorn in production, on this database."""
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **env,
        **PRODUCTION,
        "DJANGO_SETTINGS_MODULE": "collaborative.tests.web_settings",
        "TEST_STATIC_ROOT": str(folder / "static"),
        "DATABASE_URL": database_url,
        "TRUSTED_PROXY_COUNT": "1",
        "WEB_CONCURRENCY": "2",
        "LOG_FORMAT": "json",
        "METRICS_TOKEN": "only-of-this-test-0123456789",
        "TMPDIR": str(folder),
        **changes,
    }
