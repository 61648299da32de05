"""The search of the whole desk: the first matches in each list, as the list itself finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import capfirst

from members.models import Member, Organization
from teams.meeting_times import day_in_words
from teams.models import (
    Announcement,
    FaqEntry,
    Goal,
    Meeting,
    Question,
    Resource,
    ResourceSuggestion,
    Review,
    Topic,
)
from teams.web_addresses import web_host

SEARCHED: list[type[Model]] = [
    Organization, Member, Question, Meeting, Announcement, Resource, ResourceSuggestion, Goal,
    FaqEntry, Review, Topic,
]  # fmt: skip
MAX_MATCHES = 6


@dataclass(frozen=True)
class Found:
    """The first matches in one list, each as name, address and what tells it from others of that
    name; and the address of the list of all, if there are more."""

    title: str
    matches: list[tuple[str, str, str]]
    more_url: str


class SearchForm(forms.Form):
    q = forms.CharField(required=False, max_length=200)


def search_page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Return the page with what matches `q` in the lists that the person may open."""
    form = SearchForm(request.GET)
    query = form.cleaned_data["q"] if form.is_valid() else ""
    found = [_found(site, request, model, query) for model in SEARCHED] if query else []
    context = {
        **site.each_context(request),
        "title": f"Search: {query}" if query else "Search",
        "subtitle": None,
        "desk_query": query,
        "found": [group for group in found if group.matches],
    }
    return TemplateResponse(request, "admin/search.html", context)


def _found(site: AdminSite, request: HttpRequest, model: type[Model], query: str) -> Found:
    records = site.get_model_admin(model)
    if not records.has_view_permission(request):
        return Found("", [], "")
    everything = records.get_queryset(request)
    if isinstance(records.list_select_related, list):
        everything = everything.select_related(*records.list_select_related)
    matching, _ = records.get_search_results(request, everything, query)
    rows = list(matching.order_by(*records.get_ordering(request) or ["pk"])[: MAX_MATCHES + 1])
    stem = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    more_url = f"{reverse(f'{stem}_changelist')}?{urlencode({'q': query})}"
    return Found(
        capfirst(str(model._meta.verbose_name_plural)),
        [
            (str(row), reverse(f"{stem}_change", args=[row.pk]), _details(row))
            for row in rows[:MAX_MATCHES]
        ],
        more_url if len(rows) > MAX_MATCHES else "",
    )


def _details(row: Any) -> str:
    """Return what tells a record from others of its name."""
    if isinstance(row, Member):
        return f"{row.email}, {row.organization}" if row.organization else row.email
    if isinstance(row, Organization | Review):
        return str(row.get_status_display())
    if isinstance(row, Question):
        return row.email or "no address"
    if isinstance(row, Meeting):
        return day_in_words(row.day)
    if isinstance(row, Topic):
        return f"{row.get_state_display()}, {row.team}" if row.team else row.get_state_display()
    if isinstance(row, Announcement):
        return f"{row.get_status_display()}, {row.audience}"
    if isinstance(row, Resource | ResourceSuggestion):
        return web_host(row.url)
    return str(row.team or "")
