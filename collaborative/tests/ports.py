"""What a process beside the tests is told: a free port, and where their database is."""

import socket

from django.db import connection


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def database_url(host: str = "") -> str:
    """The address of the tests' database; with `host`, over TCP."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    if host:
        return f"postgres://{database['USER']}@{host}/{database['NAME']}"
    return f"postgres://{database['USER']}@/{database['HOST']}/{database['NAME']}"
