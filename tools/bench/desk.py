"""How fast the desk is: every page of it, as a facilitator and as an administrator.

    DATABASE_URL=... .venv/bin/python tools/bench/desk.py on a database that is filled already
    make bench-desk                                            on a PostgreSQL of its own

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
from teams.models import ActionTeam, Meeting, MeetingQuerySet, Membership  # noqa: E402

# Otherwise Django would keep every query.
settings.DEBUG = False

RUNS = 3
SLOW_MILLISECONDS = 150
MANY_QUERIES = 30
# Among the newest records one is searched for that an action is available for.
MAX_RECORDS_SEARCHED = 2000


@dataclass
class Page:
    role: str
    name: str
    path: str
    queries: int = 0
    milliseconds: float = 0
    slowest_query: float = 0
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
            milliseconds = (time.perf_counter() - started) * 1000
            if milliseconds >= max(self.times, default=0):
                self.slowest_sql = sql
            self.times.append(milliseconds)


def client_for(person: Member) -> Client:
    client = Client(SERVER_NAME="localhost", raise_request_exception=False)
    client.force_login(person)
    return client


def open_once(client: Client, page: Page) -> tuple[float, Queries, str]:
    queries = Queries()
    with connection.execute_wrapper(queries):
        started = time.perf_counter()
        response = client.get(page.path)
        milliseconds = (time.perf_counter() - started) * 1000
    page.status = response.status_code
    return milliseconds, queries, response.content.decode()


def measure(client: Client, page: Page, show_sql: bool) -> str:
    """Measure `page`, print its line, and return its HTML."""
    _, _, html = open_once(client, page)
    runs = sorted((open_once(client, page) for _ in range(RUNS)), key=lambda run: run[0])
    page.milliseconds, queries, _ = runs[RUNS // 2]
    page.queries, page.slowest_query = len(queries.times), max(queries.times, default=0)
    tracemalloc.start()
    open_once(client, page)
    page.megabytes = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    mark = "" if page.status == 200 else f"  HTTP {page.status}"
    times = f"{page.milliseconds:>8.0f} {page.slowest_query:>8.0f}"
    cost = f"{page.queries:>4} {times} {page.megabytes:>7.1f}"
    report(f"{cost}  {page.role:<13} {page.name}{mark}")
    if show_sql and page.milliseconds > SLOW_MILLISECONDS:
        report(f"{'':>32}{queries.slowest_sql}")
    return html


def report(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # a script


# What there is to measure ----------------------------------------------------------------------


def links(html: str, pattern: str) -> list[str]:
    urls = re.findall(rf'href="({pattern})"', html)
    return list(dict.fromkeys(unescape(url) for url in urls))


def request_of(person: Member) -> HttpRequest:
    request = HttpRequest()
    request.user = person
    return request


def search_terms(person: Member) -> dict[str, str]:
    """Return what people search for, from what is nearly everywhere to what is nowhere."""
    memberships = Membership.objects.visible_to(person).order_by("pk")
    middle = memberships.select_related("member__organization")[memberships.count() // 2]
    member = middle.member
    return {
        "a word of all": "example",
        "a frequent word": "hospital",
        "a last name": member.full_name.split()[-1],
        "a name": member.full_name,
        "an address": member.email,
        "an organization": str(member.organization),
        "a domain": member.email.partition("@")[2],
        "nothing": "zzqx",
    }


def list_pages(person: Member, role: str, model_admin: Any) -> Iterator[Page]:
    """Yield a list, whole, filtered, sorted by each column and searched; send each page's HTML."""
    opts = model_admin.opts
    stem, title = f"admin:{opts.app_label}_{opts.model_name}", opts.verbose_name_plural
    url = reverse(f"{stem}_changelist")
    html = yield Page(role, f"{title}: first page", url)
    if last := last_page(html):
        yield Page(role, f"{title}: middle page", f"{url}?p={last // 2}")
        yield Page(role, f"{title}: last page", f"{url}?p={last}")
    beside = html.partition('id="changelist-filter"')[2]
    for query in links(beside, r"\?[^\"]+"):
        filtered = yield Page(role, f"{title}: {query}", url + query)
        if number := last_page(filtered):
            yield Page(role, f"{title}: {query}, last page", f"{url}{query}&p={number}")
    for query in links(html, r"\?o=-?\d+"):
        yield Page(role, f"{title}: ordered {query}", url + query)
    if model_admin.search_fields:
        yield from search_pages(person, role, title, url)
    if model_admin.has_add_permission(request_of(person)):
        yield Page(role, f"{title}: add", reverse(f"{stem}_add"))


def search_pages(person: Member, role: str, title: str, url: str) -> Iterator[Page]:
    for kind, word in search_terms(person).items():
        html = yield Page(role, f"{title}: search for {kind}, {word}", f"{url}?q={quote(word)}")
        if number := last_page(html):
            name = f"{title}: search for {kind}, last page"
            yield Page(role, name, f"{url}?q={quote(word)}&p={number}")


def last_page(html: str) -> int:
    numbers = re.findall(r"[?&;]p=(\d+)", html.partition('class="paginator"')[2])
    return max(map(int, numbers), default=0)


def record_pages(person: Member, role: str, model_admin: Any) -> Iterator[Page]:
    """Yield the newest record with its history, and each decision about a record waiting for it."""
    opts = model_admin.opts
    stem = f"admin:{opts.app_label}_{opts.model_name}"
    visible = model_admin.get_queryset(request_of(person)).order_by("-pk")
    newest = list(visible[:MAX_RECORDS_SEARCHED])
    for word in ("change", "history"):
        try:
            path = reverse(f"{stem}_{word}", args=[newest[0].pk])
        except (NoReverseMatch, IndexError):
            continue
        yield Page(role, f"{opts.verbose_name}: {word}", path)
    for action in getattr(model_admin, "bulk_actions", ()):
        records = [record for record in newest if action.is_available(record)]
        records = [each for each in records[:100] if action.has_permission(person, each)]
        if not records or not action.has_permission(person):
            continue
        selection = Selection.objects.create(
            by=person, model_label=opts.label_lower, object_ids=[each.pk for each in records]
        )
        name = f"{opts.verbose_name}: {action.name}"
        yield Page(role, f"{name} 1", action.record_url(records[0].pk))
        yield Page(role, f"{name} {len(records)}", action.selection_url(selection.pk))


def report_pages(role: str, index: str) -> Iterator[Page]:
    """Yield the reports and the pages that they link to."""
    for name in ("coverage", "report"):
        try:
            url = reverse(f"admin:{name}")
        except NoReverseMatch:
            continue
        html = yield Page(role, name, url)
        pages = [int(number) for number in re.findall(r"[?&;]page=(\d+)", html)]
        if pages:
            yield Page(role, f"{name}: last page", f"{url}?page={max(pages)}")
        for query in links(html, r"\?without=[^\"&]+"):
            yield Page(role, f"{name}: {query}", url + query)
    for link in links(index, r"/admin/[^\"]+\?[^\"]+"):
        if "joined=" in link or "ended=" in link or "answered=" in link:
            yield Page(role, f"linked from a report: {link}", link)


def public_pages(role: str) -> Iterator[Page]:
    for name in (
        *("home", "team_list", "organization_list", "faq_list", "my_teams", "meeting_list"),
        *("all_meetings_calendar", "my_calendar", "my_emails"),
    ):
        try:
            yield Page(role, f"portal: {name}", reverse(name))
        except NoReverseMatch:
            continue
    team = ActionTeam.objects.order_by("position").first()
    yield Page(role, "portal: team_detail", reverse("team_detail", args=[team.slug]))
    yield Page(role, "portal: team_calendar", reverse("team_calendar", args=[team.slug]))
    for when, meeting in newest_meetings(Meeting.objects.public()):
        yield Page(role, f"portal: meeting_detail, {when}", meeting.get_absolute_url())


def newest_meetings(meetings: MeetingQuerySet) -> Iterator[tuple[str, Meeting]]:
    """Yield the next and the last one of `meetings`, with the word for it."""
    for when, some in (("next", meetings.upcoming()), ("last", meetings.past())):
        if meeting := some.first():
            yield when, meeting


def meeting_pages(person: Member, role: str) -> Iterator[Page]:
    """Yield the pages about one meeting that are not its record."""
    for when, meeting in newest_meetings(Meeting.objects.editable_by(person).takes_place()):
        for name in ("attendance", "unanswered", "afterwards"):
            path = reverse(f"admin:teams_meeting_{name}", args=[meeting.pk])
            yield Page(role, f"meeting: {name}, {when}", path)


# Exports ---------------------------------------------------------------------------------------


def exports(people: dict[str, Member]) -> Iterator[tuple[str, str, str]]:
    """Yield the role, URL and format of each export."""
    for role in people:
        for model_admin in admin.site._registry.values():
            if getattr(model_admin, "export_columns", ()):
                opts = model_admin.opts
                url = reverse(f"admin:{opts.app_label}_{opts.model_name}_export")
                yield role, url, "csv"
                yield role, url, "xlsx"
        try:
            yield role, reverse("admin:coverage_export"), "csv"
        except NoReverseMatch:
            continue


def peak_memory() -> int:
    """Return the most resident memory of this process so far, in MB.

    Not `ru_maxrss`: on Linux that of a child starts at what its parent has.
    """
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) // 1024


def run_export(pk: int, url: str, file_format: str) -> None:
    """Run one export to its end and print its cost; in a process of its own."""
    client = client_for(Member.objects.get(pk=pk))
    client.get(reverse("admin:index"))
    before, started = peak_memory(), time.perf_counter()
    queries = Queries()
    with connection.execute_wrapper(queries):
        response = client.post(url, {"format": file_format})
        first_bytes = time.perf_counter() - started
        size = lines = 0
        for chunk in response if response.streaming else [response.content]:
            size += len(chunk)
            lines += chunk.count(b"\n")
    rows = f"{lines:,} lines" if file_format == "csv" else f"{size / 1e6:.1f} MB"
    cost = f"{rows}, {time.perf_counter() - started:.1f} s, first bytes after {first_bytes:.1f} s, "
    cost += f"{len(queries.times)} queries, peak {peak_memory()} MB (before {before})"
    report(cost if response.status_code == 200 else f"refused: HTTP {response.status_code}")


# The run ---------------------------------------------------------------------------------------


def pages_of(person: Member, role: str) -> Iterator[Page]:
    index = yield Page(role, "the desk", reverse("admin:index"))
    yield from report_pages(role, index)
    for model_admin in admin.site._registry.values():
        if model_admin.has_view_permission(request_of(person)):
            yield from list_pages(person, role, model_admin)
            yield from record_pages(person, role, model_admin)
    yield from meeting_pages(person, role)
    yield from public_pages(role)


def print_summary(pages: list[Page]) -> None:
    for part, group in (
        ("desk", [page for page in pages if not page.name.startswith("portal:")]),
        ("portal", [page for page in pages if page.name.startswith("portal:")]),
    ):
        if not group:
            continue
        slowest = max(group, key=lambda page: page.milliseconds)
        most = max(group, key=lambda page: page.queries)
        middle = median(page.milliseconds for page in group)
        report(f"\n{part}: {len(group)} pages, median {middle:.0f} ms")
        report(f"  slowest: {slowest.milliseconds:.0f} ms, {slowest.role}, {slowest.name}")
        report(f"  most queries: {most.queries}, {most.role}, {most.name}")
        slow = [page for page in group if page.milliseconds > SLOW_MILLISECONDS]
        slow.sort(key=lambda page: -page.milliseconds)
        report(f"  over {SLOW_MILLISECONDS} ms: {len(slow)}")
        for page in slow:
            report(f"    {page.milliseconds:>6.0f} ms  {page.role}, {page.name}")
        many = [page for page in group if page.queries > MANY_QUERIES]
        report(f"  over {MANY_QUERIES} queries: {len(many)}")
        for page in many:
            report(f"    {page.queries:>6}  {page.role}, {page.name}")
        for page in group:
            if page.status != 200:
                report(f"  not a page: HTTP {page.status}, {page.role}, {page.name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="measure pages whose name contains this")
    parser.add_argument("--sql", action="store_true", help="print the slowest query of slow pages")
    parser.add_argument("--no-exports", action="store_true")
    parser.add_argument("--export", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.export:
        pk, url, file_format = options.export
        run_export(int(pk), url, file_format)
        return
    people = {
        "facilitator": Member.objects.filter(is_staff=True, is_superuser=False).earliest("pk"),
        "administrator": Member.objects.filter(is_superuser=True).earliest("pk"),
    }
    counted = (Organization, Member, Membership)
    counts = ", ".join(
        f"{model.objects.count():,} {model._meta.verbose_name_plural}" for model in counted
    )
    report(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    report(f"{connection.display_name}: {counts}\n\n   q       ms  slowest      MB")
    measured: list[Page] = []
    for role, person in people.items():
        client = client_for(person)
        pages = pages_of(person, role)
        page = next(pages)
        while page:
            if options.only in page.name:
                html = measure(client, page, options.sql)
                measured.append(page)
            else:
                html = open_once(client, page)[2]
            try:
                page = pages.send(html)
            except StopIteration:
                break
    report(f"load of the machine: {os.getloadavg()[0]:.1f}")
    print_summary(measured)
    if not options.no_exports:
        report("\nexports, to the end")
        for role, url, file_format in exports(people):
            command = [sys.executable, __file__, "--export", str(people[role].pk), url, file_format]
            done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
            cost = (done.stdout or done.stderr).strip().splitlines()[-1]
            report(f"  {role:<13} {url} {file_format}: {cost}")


if __name__ == "__main__":
    main()
