"""The databases that are measured. The big one is filled once and kept in a folder for the next
run; the small ones are made for each run, since joins are measured in them and would add up.

    .venv/bin/python tools/bench/databases.py FOLDER SCRIPT [ARGUMENTS]

runs SCRIPT with DATABASE_URL set to the big one, in development. Delete FOLDER when the tables
have changed.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402  # the path comes first

from collaborative.tests.postgres import start_postgres  # noqa: E402

SIZES = {
    "small": [
        "--organizations=100",
        "--members=400",
        "--memberships=1000",
        "--questions=50",
        "--emails=100",
        "--meetings=50",
    ],
    # The defaults of fill_big_database: 10,000 organizations, 1,000,000 memberships.
    "big": [],
}
SETTINGS = {
    "DEBUG": "0",
    "SECRET_KEY": secrets.token_urlsafe(64),
    "ALLOWED_HOSTS": "127.0.0.1",
    "SITE_URL": "https://127.0.0.1",
    "CONTACT_EMAIL": "help@example.org",
    "DEFAULT_FROM_EMAIL": "portal@example.org",
    "EMAIL_URL": "dummymail://",
    "TRUSTED_PROXY_COUNT": "1",
    "STAFF_SECOND_FACTOR": "0",
    "BACKUP_DIR": tempfile.gettempdir(),
    "LOG_LEVEL": "warning",
}


def report(line: str = "") -> None:
    print(line, flush=True)  # noqa: T201


def run(command: list[str], **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end and return the result; exit if it fails."""
    result = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True
    )
    if result.returncode:
        sys.exit(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
    return result


def manage(*arguments: str, **env: str) -> None:
    run([sys.executable, "manage.py", *arguments], **(SETTINGS | env))


def fill_databases(folder: Path, server: str, only: str = "") -> dict[str, dict[str, str]]:
    """Create and fill the databases, or one; return the environment of each."""
    names = {
        "PostgreSQL": f"{server}portal_small",
        "SQLite": f"sqlite:///{folder}/small.sqlite3",
        "PostgreSQL, big": f"{server}portal_big",
    }
    environments = {}
    for name, url in names.items():
        if only and name != only:
            continue
        env = SETTINGS | {"DATABASE_URL": url}
        environments[name] = env
        if not is_filled(folder, url):
            report(f"Filling {name} …")
            manage("migrate", "--verbosity=0", **env)
            manage("createcachetable", **env)
            size = SIZES["big" if "big" in name else "small"]
            filler = str(ROOT / "tools" / "fill_big_database.py")
            run([sys.executable, filler, "--yes", "--verbosity=0", *size], **(SETTINGS | env))
            if "big" in name:
                (folder / f"{url.rpartition('/')[2]}.filled").touch()
        else:
            manage("migrate", "--verbosity=0", **env)
    return environments


def is_filled(folder: Path, url: str) -> bool:
    """Return whether the database is complete; otherwise replace what a killed run has left by an
    empty one."""
    server, _, name = url.rpartition("/")
    if (folder / f"{name}.filled").exists():
        return True
    if url.startswith("postgres"):
        socket_folder = server.partition("@/")[2]
        with psycopg.connect(host=socket_folder, user="postgres", autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name}")
            connection.execute(f"CREATE DATABASE {name}")
    else:
        for file in folder.glob(f"{name}*"):
            file.unlink()
    return False


def start_server(folder: Path) -> tuple[str, str]:
    """Start the PostgreSQL server of `folder`, for as long as this process runs; return the URL of
    its databases, and its version."""
    folder.mkdir(parents=True, exist_ok=True)
    url, version = start_postgres(folder / "postgres")
    return url.rpartition("/")[0] + "/", version


def main(folder: Path, *script: str) -> int:
    server, version = start_server(folder)
    report(f"PostgreSQL {version}, databases in {folder}")
    url = fill_databases(folder, server, only="PostgreSQL, big")["PostgreSQL, big"]["DATABASE_URL"]
    env = {**os.environ, "DATABASE_URL": url, "DEBUG": "1"}
    return subprocess.run([sys.executable, *script], env=env).returncode  # noqa: S603


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
