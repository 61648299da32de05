"""For processes beside the tests: a free port, and the address of the tests' database."""

import socket

from django.db import connection


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nothing uses."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def database_url(host: str = "") -> str:
    """Return the URL of the tests' database; with `host`, over TCP."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    if host:
        return f"postgres://{database['USER']}@{host}/{database['NAME']}"
    return f"postgres://{database['USER']}@/{database['HOST']}/{database['NAME']}"
