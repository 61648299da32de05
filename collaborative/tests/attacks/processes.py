"""How much memory the site's workers take."""

import re
from pathlib import Path

from collaborative.tests.web import Site

MEBIBYTE = 1024


def workers(site: Site) -> list[int]:
    """Return the process ids of the web workers of all hosts."""
    masters = [host.process.pid for host in site.hosts]
    children = [Path(f"/proc/{pid}/task/{pid}/children").read_text().split() for pid in masters]
    return [int(pid) for pids in children for pid in pids]


def peak_memory(site: Site) -> int:
    """Return the most memory that any worker has taken since it began, in MiB."""
    return max(_read(pid, "VmHWM") for pid in workers(site))


def _read(pid: int, name: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) // MEBIBYTE
