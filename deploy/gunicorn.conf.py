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
from django.http import HttpRequest
from gunicorn.glogging import Logger as GunicornLogger

PORTAL = str(Path(__file__).resolve().parents[1])
sys.path.insert(0, PORTAL)

from collaborative import env  # noqa: E402  # found by the line above
from collaborative.monitoring import logging  # noqa: E402

# EX_CONFIG, after which systemd does not restart the service.
EXIT_WRONG_SETTING = 78

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collaborative.settings")
try:
    log_format, metrics_token = settings.LOG_FORMAT, settings.METRICS_TOKEN
    # Not used where systemd hands over a socket.
    bind = env.read(
        "BIND",
        env.bind_addresses,
        "Set it to the address and port to listen at, or leave it out: 127.0.0.1:8000",
        "127.0.0.1:8000",
    )
    # As many sync workers as cores: nginx takes in slow clients, and two of them were faster than
    # any number of threads. Without nginx in front, use threads.
    workers = env.read(
        "WEB_CONCURRENCY",
        env.positive_int,
        "Set it to the number of worker processes, or leave it out for one per core.",
        cpu_count(),
    )
    metrics_folder = env.read(
        "PROMETHEUS_MULTIPROC_DIR",
        env.writable_folder,
        "Set it to the full path of a folder that is there and that the portal may write to, "
        "or leave it out.",
        "",
    )
except ImproperlyConfigured as error:
    print(f"The portal cannot start. {error}", file=sys.stderr)  # noqa: T201  # no log yet
    sys.exit(EXIT_WRONG_SETTING)

wsgi_app = "collaborative.wsgi"
chdir = PORTAL

worker_class = "sync"
# Loaded once and shared by the workers, which saves tens of MiB. New code comes with a restart,
# which loses no request; HUP would start workers with the old code.
preload_app = True
# A worker that answers one request for longer is replaced: for the longest exports.
timeout = 120
# After HUP or TERM, for the requests that are being answered.
graceful_timeout = 30
backlog = 2048
# The heartbeat of the workers waits for no disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # as above
control_socket_disable = True

# Of what nginx lets through; it refuses larger bodies.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
# No header says where the portal is mounted (SCRIPT_NAME, which gunicorn takes from a proxy unless
# told otherwise), and https is Django's to decide, by TRUSTED_PROXY_COUNT.
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
# A header with an underscore could pass for another one.
header_map = "drop"


class Logger(GunicornLogger):  # type: ignore[misc]  # gunicorn is untyped
    """gunicorn's logger without its line per request: the portal writes its own, with an id and
    without addresses. (`accesslog = None` is not enough: with the dictionary below gunicorn formats
    the line all the same, which costs a tenth of the time of a cached page.)"""

    access_log_enabled = False


logger_class = Logger
errorlog = "-"
logconfig_dict = logging.configuration(log_format, "INFO")
logconfig_dict["loggers"] |= {"gunicorn.error": {"level": "INFO", "propagate": True}}

# Prometheus: each worker writes its metrics into this folder. Set before the workers import it.
_created_folders: list[str] = []
if metrics_token and not metrics_folder:
    _created_folders.append(tempfile.mkdtemp(prefix="portal-metrics-"))
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _created_folders[0]


def on_starting(server: Any) -> None:
    """Delete the metrics of an earlier run: they begin at zero."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    for file in Path(folder).glob("*.db") if folder else ():
        file.unlink(missing_ok=True)


def when_ready(server: Any) -> None:
    """Load what the first request would, and keep it out of the garbage collector's way, which
    would write into the pages that the workers share."""
    import_module("collaborative.urls")
    # The base template with all its tags, and the holidays of 200 countries: 16 MiB in each worker
    # otherwise. This page asks no database, so that no connection is open when workers begin.
    import_module("collaborative.error_views").bad_request(HttpRequest(), Exception())
    gc.collect()
    gc.freeze()
    # A page creates thousands of objects, hardly any in cycles.
    gc.set_threshold(5_000, 10, 10)


def child_exit(server: Any, worker: Any) -> None:
    """Drop the gauges of a worker that has ended; its counters stay."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client.multiprocess import (  # noqa: PLC0415  # METRICS_TOKEN alone loads it
            mark_process_dead,
        )

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """Delete the folder of metrics that was created above."""
    for folder in _created_folders:
        shutil.rmtree(folder, ignore_errors=True)
