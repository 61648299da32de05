"""The portal in production form for the attacks, and the table of what they came to.

Run by `make attack` alone: they take minutes.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collaborative.tests.attacks.browser import Browser
from collaborative.tests.ports import database_url
from collaborative.tests.test_settings import PRODUCTION
from collaborative.tests.web import Site, production, shipped_site
from members.models import Member

collect_ignore_glob = [] if os.environ.get("ATTACKS") else ["test_*.py"]
RESULTS: list[tuple[str, str]] = []


@pytest.fixture
def site(transactional_db, settings) -> Iterator[Site]:
    """nginx in front of two gunicorns, as shipped, on the database of the test."""
    # Sessions that the test begins are the site's own.
    settings.SECRET_KEY = PRODUCTION["SECRET_KEY"]
    # Not below pytest's own folder: nginx's workers are another user's where this is root.
    with tempfile.TemporaryDirectory(prefix="attack-", dir="/tmp") as name:  # noqa: S108  # own name
        folder = Path(name)
        folder.chmod(0o755)
        env = production(database_url(), folder, STAFF_SECOND_FACTOR="0")
        with shipped_site(folder, env) as shipped:
            yield shipped


@pytest.fixture
def browser_at(site) -> Callable[..., Browser]:
    """`browser_at("127.0.0.5", member)` returns a browser, in which `member` is signed in."""

    def open_browser(source: str = "127.0.0.1", member: Member | None = None) -> Browser:
        return Browser(site, source, member)

    return open_browser


@pytest.fixture
def note(request) -> Callable[[str], None]:
    """`note("0 of 40 …")` adds what the attack came to, to the table at the end."""
    attack = request.node.name.removeprefix("test_").replace("_", " ")
    return lambda result: RESULTS.append((attack, result))


def pytest_terminal_summary(terminalreporter) -> None:
    if RESULTS:
        terminalreporter.section("attacks")
        for attack, result in RESULTS:
            terminalreporter.write_line(f"{attack}\n    {result}")
