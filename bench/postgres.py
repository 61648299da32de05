"""A PostgreSQL with the big database, for as long as a measuring script runs.

    .venv/bin/python bench/postgres.py FOLDER SCRIPT [ARGUMENTS]

starts the server of the tests on the databases in FOLDER, makes and fills them first if they
are not there yet (some minutes, 2 GB), and runs SCRIPT with DATABASE_URL set. FOLDER is kept for
the next time; remove it when the tables have changed.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402  # the path comes first

from collaborative.tests.postgres import start_postgres  # noqa: E402

NAME = "portal"


def main(folder: str, *script: str) -> int:
    url, version = start_postgres(Path(folder))
    print(f"PostgreSQL {version}, databases in {folder}", flush=True)  # noqa: T201
    socket = url.split("@/")[1].rpartition("/")[0]
    env = {**os.environ, "DATABASE_URL": url, "DEBUG": "1"}
    with psycopg.connect(host=socket, user="postgres", autocommit=True) as server:
        known = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone()
        if not known:
            server.execute(f"CREATE DATABASE {NAME}")
    if not known:
        for command in ("migrate", "createcachetable", "fill_big_database"):
            done = subprocess.run([sys.executable, ROOT / "manage.py", command], env=env)  # noqa: S603
            if done.returncode:
                return done.returncode
    return subprocess.run([sys.executable, *script], env=env).returncode  # noqa: S603


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
