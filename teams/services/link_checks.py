"""Whether the links of resources still lead somewhere, found out by asking their sites weekly."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import F, Q

from teams.link_check import LinkChecker, LinkResult, Verdict
from teams.models import Resource, ResourceQuerySet
from teams.web_addresses import normalize_web_address, same_page_key, web_host

CHECK_LINKS_EVERY = timedelta(days=7)
# One that fails is tried again soon: sites are away for an hour, or for a weekend.
RETRY_AFTER = timedelta(hours=20)
GONE_AFTER = timedelta(days=3)
MAX_LINKS_PER_RUN = 20
# Of which a run asks one on each site.
MAX_CANDIDATES = 500
TO_FRONT_PAGE = "It leads to the front page of the site now"

LinkState = Resource.LinkState


def check_links(now: datetime, checker: LinkChecker | None = None) -> int:
    """Try the links that are due at `now`, one after the other and one on each site, and store what
    became of them; return how many resources were checked.

    Call it often, and not in a thread for which anything waits: it may take minutes.
    """
    checker = checker or LinkChecker(f"LinkCheck/1.0 (+{settings.SITE_URL})")
    due = _one_per_site(due_resources(now)[:MAX_CANDIDATES])[:MAX_LINKS_PER_RUN]
    for resource in due:
        result = checker.check(resource.url)
        transcript = checker.check(resource.transcript_url) if resource.transcript_url else None
        _store(resource, result, transcript, now)
    return len(due)


def due_resources(now: datetime) -> ResourceQuerySet:
    """Return the resources whose links are to be tried: those never tried first."""
    is_failing = Q(link_failing_since__isnull=False) | Q(transcript_failing_since__isnull=False)
    is_due = (
        Q(link_checked_at=None)
        | Q(link_checked_at__lte=now - CHECK_LINKS_EVERY)
        | Q(is_failing, link_checked_at__lte=now - RETRY_AFTER)
        # By a clock that was wrong.
        | Q(link_checked_at__gt=now + RETRY_AFTER)
    )
    order = F("link_checked_at").asc(nulls_first=True)
    return Resource.objects.current().filter(is_due).order_by(order, "pk")


def _one_per_site(resources: Iterable[Resource]) -> list[Resource]:
    sites: dict[str, Resource] = {}
    for resource in resources:
        sites.setdefault(web_host(resource.url), resource)
    return list(sites.values())


def _store(
    resource: Resource, result: LinkResult, transcript: LinkResult | None, now: datetime
) -> None:
    """Store what became of the links of `resource`, unless they were changed meanwhile. It is no
    fact about what people did: no line of history."""
    state, failing_since = _judge(
        resource.url, result, resource.link_state, resource.link_failing_since, now
    )
    moved_to = resource.moved_to if state == LinkState.MOVED else ""
    if result.verdict == Verdict.ALIVE:
        moved_to = _new_address(resource.url, result)
    values: dict[str, Any] = {
        "link_state": state,
        "link_checked_at": now,
        "link_failing_since": failing_since,
        "link_problem": _problem(resource.url, moved_to) or result.problem,
        "moved_to": moved_to,
    }
    if transcript:
        values["transcript_state"], values["transcript_failing_since"] = _judge(
            resource.transcript_url,
            transcript,
            resource.transcript_state,
            resource.transcript_failing_since,
            now,
        )
    unchanged = Resource.objects.filter(
        pk=resource.pk, url=resource.url, transcript_url=resource.transcript_url
    )
    unchanged.update(**values)


def _judge(
    url: str, result: LinkResult, state: str, failing_since: datetime | None, now: datetime
) -> tuple[str, datetime | None]:
    """Return the new state of the link `url`, which had `state`, and since when it fails. It is
    gone once it has failed for GONE_AFTER; where nothing answered, only if the portal has reached
    other sites meanwhile."""
    if result.verdict == Verdict.ALIVE:
        return (LinkState.MOVED if _new_address(url, result) else LinkState.OK), None
    if result.verdict == Verdict.REFUSED:
        return LinkState.UNKNOWN, None
    failing_since = min(failing_since or now, now)
    if now - failing_since < GONE_AFTER:
        return state, failing_since
    is_certain = result.verdict == Verdict.MISSING or _reached_others_since(failing_since)
    return (LinkState.GONE if is_certain else state), failing_since


def _reached_others_since(moment: datetime) -> bool:
    """Return whether any link was found to work since then: the portal itself is not cut off."""
    working = Resource.objects.filter(link_state__in=[LinkState.OK, LinkState.MOVED])
    return working.filter(link_failing_since=None, link_checked_at__gte=moment).exists()


def _new_address(url: str, result: LinkResult) -> str:
    """Return where the page has moved; empty where it has not, or only gained "www." or the "s" of
    https, which browsers follow unseen."""
    if not result.moved_to or same_page_key(url) == same_page_key(result.moved_to):
        return ""
    try:
        return normalize_web_address(result.moved_to)
    except ValidationError:
        # No one could enter it: it is too long, say, or a number.
        return ""


def _problem(url: str, moved_to: str) -> str:
    """Return what is suspicious about the new address of a page, in words."""
    leads_to_front_page = moved_to and len(urlsplit(url).path) > 1 >= len(urlsplit(moved_to).path)
    return TO_FRONT_PAGE if leads_to_front_page else ""
