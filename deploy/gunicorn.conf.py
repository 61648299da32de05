"""How gunicorn serves the portal behind nginx: `gunicorn -c deploy/gunicorn.conf.py`.

What differs between machines comes from the environment (`portal.env.example`). Under systemd
the socket is systemd's (`portal-web.socket`): it stays open while gunicorn restarts, so that
requests wait in it and none is lost.
"""

import gc
import os
import shutil
import sys
import tempfile
from importlib import import_module
from multiprocessing import cpu_count
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from gunicorn.glogging import Logger as GunicornLogger

PORTAL = str(Path(__file__).resolve().parents[1])
sys.path.insert(0, PORTAL)

from collaborative.env import listening, one_or_more, own_folder, read  # noqa: E402
from collaborative.monitoring import logging  # noqa: E402  # found by the line above

WRONG_SETTING = 78  # EX_CONFIG, after which systemd does not restart it by itself

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collaborative.settings")
try:
    log_format, metrics_token = settings.LOG_FORMAT, settings.METRICS_TOKEN
    # Not used where systemd hands over a socket.
    bind = read(
        "BIND",
        listening,
        "Set it to the address and port to listen at, or leave it out: 127.0.0.1:8000",
        "127.0.0.1:8000",
    )
    # As many sync workers as cores: nginx takes in slow clients, and two of them were faster than
    # any number of threads. Without nginx in front, use threads.
    workers = read(
        "WEB_CONCURRENCY",
        one_or_more,
        "Set it to the number of worker processes, or leave it out for one per core.",
        cpu_count(),
    )
    figures = read(
        "PROMETHEUS_MULTIPROC_DIR",
        own_folder,
        "Set it to the full path of a folder that is there and that the portal may write to, "
        "or leave it out.",
        "",
    )
except ImproperlyConfigured as error:
    print(f"The portal cannot start. {error}", file=sys.stderr)  # noqa: T201  # no log yet
    sys.exit(WRONG_SETTING)

wsgi_app = "collaborative.wsgi"
chdir = PORTAL

worker_class = "sync"
# Loaded once and shared: with two workers some 115 MiB (PSS, master included) instead of 145. New
# code comes with a restart, which loses no request; HUP would start workers with the old code.
preload_app = True
timeout = 120  # a worker that answers one request for longer is replaced: the longest exports
graceful_timeout = 30  # after HUP or TERM, for the requests that are being answered
backlog = 2048
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # no disk in the heartbeat
control_socket_disable = True

# Of what nginx lets through; it refuses larger bodies.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190


class Logger(GunicornLogger):  # type: ignore[misc]  # gunicorn is untyped
    """gunicorn's, without its line per request: the portal writes its own, with an id and without
    addresses. (`accesslog = None` is not enough: with a dictionary below gunicorn puts the line
    together all the same, which costs a tenth of a kept page.)"""

    access_log_enabled = False


logger_class = Logger
errorlog = "-"
logconfig_dict = logging.configuration(log_format, "INFO")
logconfig_dict["loggers"] |= {"gunicorn.error": {"level": "INFO", "propagate": True}}

# Prometheus: each worker's figures are a file in this folder. Set before the workers import it.
_made: list[str] = []
if metrics_token and not figures:
    _made.append(tempfile.mkdtemp(prefix="portal-figures-"))
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _made[0]


def on_starting(server: Any) -> None:
    """Forget the figures of an earlier run: they begin at nothing."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    for file in Path(folder).glob("*.db") if folder else ():
        file.unlink(missing_ok=True)


def when_ready(server: Any) -> None:
    """Load what the first request would, and keep it out of the garbage collector's way, which
    would write into the pages that the workers share."""
    import_module("collaborative.urls")
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 10, 10)  # a page makes thousands of objects, hardly any in circles


def child_exit(server: Any, worker: Any) -> None:
    """Drop what only a living worker can tell; what it counted stays counted."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client.multiprocess import (  # noqa: PLC0415  # METRICS_TOKEN alone loads it
            mark_process_dead,
        )

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """Remove the folder of figures that was made above."""
    for folder in _made:
        shutil.rmtree(folder, ignore_errors=True)
