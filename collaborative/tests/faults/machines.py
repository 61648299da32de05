"""Machines of their own for the processes: network namespaces on one bridge. Their cable can be
pulled, so that nothing of what they run hears any more of the others, and does not end."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

NETWORK = "10.231.77"
HERE = f"{NETWORK}.1"


@dataclass
class Machine:
    """Where processes run: its address, and the command that takes them there."""

    address: str = "127.0.0.1"
    enter: tuple[str, ...] = ()
    cable: str = ""

    def pull_the_cable(self) -> None:
        _ip("link", "set", self.cable, "down")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def machines(number: int) -> Iterator[list[Machine] | None]:
    """Machines, which reach this one at HERE; None where that is not possible."""
    names = [f"portal-{os.getpid()}-{at}" for at in range(number)]
    bridge = f"pb{os.getpid()}"
    try:
        if os.geteuid() or not shutil.which("ip"):
            yield None
            return
        try:
            _ip("link", "add", bridge, "type", "bridge")
            _ip("addr", "add", f"{HERE}/24", "dev", bridge)
            _ip("link", "set", bridge, "up")
            started = [_machine(name, bridge, at) for at, name in enumerate(names)]
        except subprocess.CalledProcessError:
            started = None
        yield started
    finally:
        for name in [["netns", "del", name] for name in names] + [["link", "del", bridge]]:
            subprocess.run(["ip", *name], check=False, capture_output=True)


def _machine(name: str, bridge: str, at: int) -> Machine:
    address, cable = f"{NETWORK}.{10 + at}", f"pc{os.getpid()}-{at}"
    _ip("netns", "add", name)
    _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
    _ip("link", "set", cable, "master", bridge, "up")
    for words in (("link", "set", "lo", "up"), ("link", "set", "eth0", "up")):
        _ip("-n", name, *words)
    _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
    return Machine(address, ("ip", "netns", "exec", name), cable)
