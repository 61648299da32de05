"""How long a search of the site takes with 10,000 documents, on both databases.

    python tools/bench/search.py [number of documents]

Everything in one process, in its processor time: the database, which records someone may see, the
search, and the results of a page. Prints the median and the slowest of REPEATS searches for each
kind of query, of a visitor and of a member; the first search after a change, which reads all
documents again; and how much memory the process has taken for the index. Returns 1 if a median is
over LIMIT_MS.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.bench.databases import SETTINGS, manage, report, start_server

DOCUMENTS, DIFFERENT_WORDS, WORDS_OF_TITLE, WORDS_OF_TEXT = 10_000, 20_000, 8, 80
# How many of all documents are of a kind; the rest are organizations.
SHARES = {"goal": 0.01, "question": 0.1, "meeting": 0.2, "resource": 0.4}
REPEATS, LIMIT_MS = 20, 100
QUERIES = {
    "one word": "hospital",
    "a question": "How do I change my email address at the hospital?",
    "a typo": "organizatoin",
    "typos in each word": "chnage adresss hosptal",
    "a beginning": "organ",
    "nothing": "xylophonist zzyzx",
    "twenty words": " ".join(["hospital address"] * 10),
    "twenty typos": " ".join(f"hospitalx{letter}zz" for letter in "abcdefghijklmnopqrst"),
}


def make_texts() -> Callable[[int], str]:
    """Return a function that makes up a text of that many words, some frequent and most rare, as in
    real text; the same ones each time."""
    chance = random.Random(1)  # noqa: S311  # the same words each time
    syllables = ["ba", "ce", "di", "fo", "gu", "la", "me", "ni", "po", "ru", "sta", "tre", "vin"]
    words = ["hospital", "address", "change", "email", "organization"]
    words += ["".join(chance.choices(syllables, k=4)) for _ in range(DIFFERENT_WORDS)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    return lambda length: " ".join(chance.choices(words, weights, k=length))


def fill(number: int) -> None:
    """Store `number` documents, a third of the meetings and resources for members alone."""
    from django.utils import timezone  # noqa: PLC0415  # the settings come first

    from members.models import Member, Organization  # noqa: PLC0415
    from teams.models import ActionTeam, FaqEntry, Goal, Meeting, Membership, Resource  # noqa: PLC0415

    text = make_texts()
    now, audiences = timezone.now(), ("public", "members", "teams")
    numbers = {kind: int(number * share) for kind, share in SHARES.items()}
    team = ActionTeam.objects.create(name="Bench", slug="bench", summary=text(20), why=text(200))
    member = Member.objects.create_user("bench@example.org", full_name="Bench Example")
    Membership.objects.create(member=member, team=team, status="active", decided_at=now)
    Goal.objects.bulk_create(
        Goal(team=team, slug=f"g{key}", title=text(WORDS_OF_TITLE)[:200], body=text(WORDS_OF_TEXT))
        for key in range(numbers["goal"])
    )
    FaqEntry.objects.bulk_create(
        FaqEntry(slug=f"q{key}", question=text(WORDS_OF_TITLE)[:200], answer=text(WORDS_OF_TEXT))
        for key in range(numbers["question"])
    )
    Meeting.objects.bulk_create(
        Meeting(
            slug=f"m{key}",
            title=text(WORDS_OF_TITLE)[:120],
            agenda=text(WORDS_OF_TEXT),
            starts_at=now - timedelta(days=key),
            ends_at=now - timedelta(days=key) + timedelta(hours=1),
            audience=audiences[key % 3],
            status="held",
            announced_at=now,
        )
        for key in range(numbers["meeting"])
    )
    Resource.objects.bulk_create(
        Resource(
            slug=f"r{key}",
            kind="toolkit",
            title=text(WORDS_OF_TITLE)[:150],
            summary=text(WORDS_OF_TEXT)[:600],
            url="https://example.org/",
            audience=audiences[key % 3],
        )
        for key in range(numbers["resource"])
    )
    Organization.objects.bulk_create(
        Organization(
            name=f"{text(3)} {key}"[:150],
            normalized_name=f"{key}",
            status="recognized",
            decided_at=now,
            decided_by=member,
        )
        for key in range(number - 1 - sum(numbers.values()))
    )


def milliseconds(step: Callable[[], object]) -> float:
    """Return the processor time of this process, so that other work on the machine does not count.
    PostgreSQL's own is not in it: a few milliseconds for the keys of 10,000 records."""
    began = time.process_time()
    step()
    return (time.process_time() - began) * 1000


def resident_mib() -> float:
    """Return the resident memory of this process. Linux alone has this file."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure(number: int) -> int:
    """Fill the database of the settings and print the times; return 1 if a median is too high."""
    import django  # noqa: PLC0415  # the settings come first

    django.setup()
    from django.contrib.auth.models import AnonymousUser  # noqa: PLC0415

    from members.models import Member  # noqa: PLC0415
    from teams.models import FaqEntry, SynonymGroup  # noqa: PLC0415
    from teams.services import search_site  # noqa: PLC0415

    fill(number)
    SynonymGroup.objects.create(words="employer, organization, hospital")
    member = Member.objects.get(email="bench@example.org")

    def search(query: str, person: Member | AnonymousUser) -> None:
        found = search_site(query, person)
        found.show((found.matches or found.nearest)[:20])

    before = resident_mib()
    first = milliseconds(lambda: search("x", member))
    report(f"{number} documents: first search {first:.0f} ms, +{resident_mib() - before:.0f} MiB")
    medians = []
    for who, person in (("visitor", AnonymousUser()), ("member", member)):
        for name, query in QUERIES.items():
            times = [milliseconds(lambda: search(query, person)) for _ in range(REPEATS)]  # noqa: B023  # at once
            medians.append(median(times))
            report(f"{who:8} {name:20} {medians[-1]:6.1f} ms, slowest {max(times):6.1f} ms")
    FaqEntry.objects.all()[0].save()
    changed = milliseconds(lambda: search("x", member))
    report(f"first search after a change {changed:.0f} ms; +{resident_mib() - before:.0f} MiB")
    return int(max(medians) > LIMIT_MS)


def main() -> int:
    if "--measure" in sys.argv:
        return measure(int(sys.argv[1]))
    number = sys.argv[1] if sys.argv[1:] else str(DOCUMENTS)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        # The server may run as another user.
        Path(folder).chmod(0o755)
        server, version = start_server(Path(folder))
        for name, url in {
            "SQLite": f"sqlite:///{folder}/search.sqlite3",
            f"PostgreSQL {version}": f"{server}postgres",
        }.items():
            report(name)
            env = SETTINGS | {
                "DATABASE_URL": url,
                "DJANGO_SETTINGS_MODULE": "collaborative.settings",
            }
            manage("migrate", "--verbosity=0", **env)
            command = [sys.executable, __file__, number, "--measure"]
            results.append(subprocess.run(command, env=os.environ | env).returncode)  # noqa: S603
    return max(results)


if __name__ == "__main__":
    sys.exit(main())
