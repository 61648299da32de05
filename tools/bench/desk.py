"""How fast the desk is: every page of it, as a facilitator and as an administrator.

    DATABASE_URL=... .venv/bin/python bench/desk.py        on a database that is filled already
    make bench-desk                                        on a PostgreSQL of its own

Prints for each page: queries; milliseconds (median of three after a warm-up, database and
Python together, in this process); the slowest query; the peak of Python's memory. Exports run to
their end in a process of their own, whose peak of resident memory is printed. The lists, their
filters and their columns are found at the desk itself.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collaborative.settings")
os.environ.update(DEBUG="1", STAFF_SECOND_FACTOR="0", CACHE_URL="locmemcache://")

import django  # noqa: E402  # the environment comes first

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib import admin  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import HttpRequest  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import NoReverseMatch, reverse  # noqa: E402

from desk.models import Selection  # noqa: E402
from members.models import Member, Organization  # noqa: E402
from teams.models import Membership  # noqa: E402

settings.DEBUG = False  # Django would keep every query

RUNS, SLOW, MANY = 3, 150, 30
LOOKED_AT = 2000  # newest rows among which one is found that a decision is offered for


@dataclass
class Page:
    who: str
    name: str
    path: str
    queries: int = 0
    ms: float = 0
    slowest: float = 0
    megabytes: float = 0
    status: int = 200


class Queries:
    """Counts and times the queries of a page."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.slowest_sql = ""

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        started = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            passed = (time.perf_counter() - started) * 1000
            if passed >= max(self.times, default=0):
                self.slowest_sql = sql
            self.times.append(passed)


def client_of(person: Member) -> Client:
    client = Client(SERVER_NAME="localhost", raise_request_exception=False)
    client.force_login(person)
    return client


def once(client: Client, page: Page) -> tuple[float, Queries, str]:
    queries = Queries()
    with connection.execute_wrapper(queries):
        started = time.perf_counter()
        response = client.get(page.path)
        passed = (time.perf_counter() - started) * 1000
    page.status = response.status_code
    return passed, queries, response.content.decode()


def measure(client: Client, page: Page, show_sql: bool) -> str:
    """Measure `page` and print its line; returns its HTML."""
    _, _, html = once(client, page)
    runs = sorted((once(client, page) for _ in range(RUNS)), key=lambda run: run[0])
    page.ms, queries, _ = runs[RUNS // 2]
    page.queries, page.slowest = len(queries.times), max(queries.times, default=0)
    tracemalloc.start()
    once(client, page)
    page.megabytes = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    mark = "" if page.status == 200 else f"  HTTP {page.status}"
    line = f"{page.queries:>4} {page.ms:>8.0f} {page.slowest:>8.0f} {page.megabytes:>7.1f}"
    say(f"{line}  {page.who:<13} {page.name}{mark}")
    if show_sql and page.ms > SLOW:
        say(f"{'':>32}{queries.slowest_sql}")
    return html


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # a script


# What there is to measure ----------------------------------------------------------------------


def links(html: str, pattern: str) -> list[str]:
    found = re.findall(rf'href="({pattern})"', html)
    return list(dict.fromkeys(unescape(link) for link in found))


def request_of(person: Member) -> HttpRequest:
    request = HttpRequest()
    request.user = person
    return request


def words(person: Member) -> dict[str, str]:
    """What people search for, from what is nearly everywhere to what is nowhere."""
    stays = Membership.objects.visible_to(person).select_related("member__organization")
    someone = stays.order_by("pk")[stays.order_by("pk").count() // 2].member
    return {
        "a word of all": "example",
        "a frequent word": "hospital",
        "a last name": someone.full_name.split()[-1],
        "a name": someone.full_name,
        "an address": someone.email,
        "an organization": str(someone.organization),
        "a domain": someone.email.partition("@")[2],
        "nothing": "zzqx",
    }


def list_pages(person: Member, who: str, desk_list: Any) -> Iterator[Page]:
    """A list, whole, filtered, ordered by each column and searched. Give back each page's HTML."""
    opts = desk_list.opts
    stem, title = f"admin:{opts.app_label}_{opts.model_name}", opts.verbose_name_plural
    url = reverse(f"{stem}_changelist")
    html = yield Page(who, f"{title}: first page", url)
    if last := last_page(html):
        yield Page(who, f"{title}: middle page", f"{url}?p={last // 2}")
        yield Page(who, f"{title}: last page", f"{url}?p={last}")
    beside = html.partition('id="changelist-filter"')[2]
    for query in links(beside, r"\?[^\"]+"):
        filtered = yield Page(who, f"{title}: {query}", url + query)
        if number := last_page(filtered):
            yield Page(who, f"{title}: {query}, last page", f"{url}{query}&p={number}")
    for query in links(html, r"\?o=-?\d+"):
        yield Page(who, f"{title}: ordered {query}", url + query)
    if desk_list.search_fields:
        yield from search_pages(person, who, title, url)
    if desk_list.has_add_permission(request_of(person)):
        yield Page(who, f"{title}: add", reverse(f"{stem}_add"))


def search_pages(person: Member, who: str, title: str, url: str) -> Iterator[Page]:
    for kind, word in words(person).items():
        found = yield Page(who, f"{title}: search for {kind}, {word}", f"{url}?q={quote(word)}")
        if number := last_page(found):
            name = f"{title}: search for {kind}, last page"
            yield Page(who, name, f"{url}?q={quote(word)}&p={number}")


def last_page(html: str) -> int:
    numbers = re.findall(r"[?&;]p=(\d+)", html.partition('class="paginator"')[2])
    return max(map(int, numbers), default=0)


def record_pages(person: Member, who: str, desk_list: Any) -> Iterator[Page]:
    """The newest record with its history, and each decision about a row that waits for it."""
    opts = desk_list.opts
    stem = f"admin:{opts.app_label}_{opts.model_name}"
    shown = desk_list.get_queryset(request_of(person)).order_by("-pk")
    newest = list(shown[:LOOKED_AT])
    for word in ("change", "history"):
        try:
            path = reverse(f"{stem}_{word}", args=[newest[0].pk])
        except (NoReverseMatch, IndexError):
            continue
        yield Page(who, f"{opts.verbose_name}: {word}", path)
    for action in getattr(desk_list, "bulk_actions", ()):
        offered = [record for record in newest if action.is_available(record)]
        offered = [record for record in offered[:100] if action.has_permission(person, record)]
        if not offered or not action.has_permission(person):
            continue
        selection = Selection.objects.create(
            by=person, model_label=opts.label_lower, object_ids=[each.pk for each in offered]
        )
        name = f"{opts.verbose_name}: {action.name}"
        yield Page(who, f"{name} 1", action.record_url(offered[0].pk))
        yield Page(who, f"{name} {len(offered)}", action.selection_url(selection.pk))


def special_pages(who: str, index: str) -> Iterator[Page]:
    """What is neither a list nor a record: figures and where they lead."""
    for name in ("coverage", "report"):
        try:
            url = reverse(f"admin:{name}")
        except NoReverseMatch:
            continue
        html = yield Page(who, name, url)
        pages = [int(number) for number in re.findall(r"[?&;]page=(\d+)", html)]
        if pages:
            yield Page(who, f"{name}: last page", f"{url}?page={max(pages)}")
        for query in links(html, r"\?without=[^\"&]+"):
            yield Page(who, f"{name}: {query}", url + query)
    for link in links(index, r"/admin/[^\"]+\?[^\"]+"):
        if "joined=" in link or "ended=" in link or "answered=" in link:
            yield Page(who, f"behind a figure: {link}", link)


def public_pages(who: str) -> Iterator[Page]:
    for name in ("home", "team_list", "organization_list", "faq_list", "my_teams"):
        try:
            yield Page(who, f"portal: {name}", reverse(name))
        except NoReverseMatch:
            continue


# Exports ---------------------------------------------------------------------------------------


def exports(people: dict[str, Member]) -> Iterator[tuple[str, str, str]]:
    """Who exports which list in which format."""
    for who in people:
        for desk_list in admin.site._registry.values():
            if getattr(desk_list, "export_columns", ()):
                opts = desk_list.opts
                url = reverse(f"admin:{opts.app_label}_{opts.model_name}_export")
                yield who, url, "csv"
                yield who, url, "xlsx"
        try:
            yield who, reverse("admin:coverage_export"), "csv"
        except NoReverseMatch:
            continue


def peak() -> int:
    """The most resident memory of this process so far, in MB.

    Not `ru_maxrss`: on Linux that of a child starts at what its parent has.
    """
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) // 1024


def export_here(pk: int, url: str, file_format: str) -> None:
    """Run one export to its end, and print what it took; in a process of its own."""
    client = client_of(Member.objects.get(pk=pk))
    client.get(reverse("admin:index"))
    before, started = peak(), time.perf_counter()
    queries = Queries()
    with connection.execute_wrapper(queries):
        response = client.post(url, {"format": file_format})
        first = time.perf_counter() - started
        size = lines = 0
        for piece in response if response.streaming else [response.content]:
            size += len(piece)
            lines += piece.count(b"\n")
    rows = f"{lines:,} lines" if file_format == "csv" else f"{size / 1e6:.1f} MB"
    told = f"{rows}, {time.perf_counter() - started:.1f} s, first bytes after {first:.1f} s, "
    told += f"{len(queries.times)} queries, peak {peak()} MB (before {before})"
    say(told if response.status_code == 200 else f"not given: HTTP {response.status_code}")


# The run ---------------------------------------------------------------------------------------


def pages_of(person: Member, who: str) -> Iterator[Page]:
    index = yield Page(who, "the desk", reverse("admin:index"))
    yield from special_pages(who, index)
    for desk_list in admin.site._registry.values():
        if desk_list.has_view_permission(request_of(person)):
            yield from list_pages(person, who, desk_list)
            yield from record_pages(person, who, desk_list)
    yield from public_pages(who)


def summary(pages: list[Page]) -> None:
    for part, rows in (
        ("desk", [page for page in pages if not page.name.startswith("portal:")]),
        ("portal", [page for page in pages if page.name.startswith("portal:")]),
    ):
        if not rows:
            continue
        worst = max(rows, key=lambda page: page.ms)
        most = max(rows, key=lambda page: page.queries)
        say(f"\n{part}: {len(rows)} pages, median {median(page.ms for page in rows):.0f} ms")
        say(f"  slowest: {worst.ms:.0f} ms, {worst.who}, {worst.name}")
        say(f"  most queries: {most.queries}, {most.who}, {most.name}")
        slow = sorted((page for page in rows if page.ms > SLOW), key=lambda page: -page.ms)
        say(f"  over {SLOW} ms: {len(slow)}")
        for page in slow:
            say(f"    {page.ms:>6.0f} ms  {page.who}, {page.name}")
        many = [page for page in rows if page.queries > MANY]
        say(f"  over {MANY} queries: {len(many)}")
        for page in many:
            say(f"    {page.queries:>6}  {page.who}, {page.name}")
        for page in rows:
            if page.status != 200:
                say(f"  not a page: HTTP {page.status}, {page.who}, {page.name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="measure pages whose name contains this")
    parser.add_argument("--sql", action="store_true", help="print the slowest query of slow pages")
    parser.add_argument("--no-exports", action="store_true")
    parser.add_argument("--export", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.export:
        pk, url, file_format = options.export
        export_here(int(pk), url, file_format)
        return
    people = {
        "facilitator": Member.objects.filter(is_staff=True, is_superuser=False).earliest("pk"),
        "administrator": Member.objects.filter(is_superuser=True).earliest("pk"),
    }
    kinds = (Organization, Member, Membership)
    counts = ", ".join(
        f"{kind.objects.count():,} {kind._meta.verbose_name_plural}" for kind in kinds
    )
    say(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    say(f"{connection.display_name}: {counts}\n\n   q       ms  slowest      MB")
    measured: list[Page] = []
    for who, person in people.items():
        client = client_of(person)
        found = pages_of(person, who)
        page = next(found)
        while page:
            if options.only in page.name:
                html = measure(client, page, options.sql)
                measured.append(page)
            else:
                html = once(client, page)[2]
            try:
                page = found.send(html)
            except StopIteration:
                break
    say(f"load of the machine: {os.getloadavg()[0]:.1f}")
    summary(measured)
    if not options.no_exports:
        say("\nexports, to the end")
        for who, url, file_format in exports(people):
            command = [sys.executable, __file__, "--export", str(people[who].pk), url, file_format]
            done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
            told = (done.stdout or done.stderr).strip().splitlines()[-1]
            say(f"  {who:<13} {url} {file_format}: {told}")


if __name__ == "__main__":
    main()
