"""One search over everything that a person may see."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from members.search_words import cut_search_note, used_words
from teams.forms import SearchForm
from teams.search import DocumentKey
from teams.services import SiteSearch, search_site

RESULTS_PER_PAGE = 20


@dataclass(frozen=True)
class KindLink:
    """A filter: how many results it leaves."""

    words: str
    number: int
    url: str
    is_current: bool


@login_not_required
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Show what `?q=` finds, the best first: of all kinds, or of `?kind=`."""
    form = SearchForm(request.GET)
    words = form.cleaned_data["q"].split() if form.is_valid() else []
    query, entered = " ".join(used_words(words)), " ".join(words)
    note = cut_search_note(words)
    context: dict[str, object] = {"entered": entered, "query": query, "search_note": note}
    if query:
        found = search_site(query, request.user)
        chosen = request.GET.get("kind", "")
        context |= _results(found, query, chosen, request.GET.get("page", ""))
    return render(request, "teams/search.html", context)


def _results(found: SiteSearch, query: str, chosen: str, page_number: str) -> dict[str, object]:
    """Return a page of what was found; of all kinds if there is nothing of the chosen one."""
    kinds = [kind.name for kind, _ in found.counts]
    kind = chosen if chosen in kinds else ""
    keys = [key for key in found.matches if not kind or key.kind == kind]
    page: Page[DocumentKey] = Paginator(keys, RESULTS_PER_PAGE).get_page(page_number)
    links = [KindLink("All", len(found.matches), _url(q=query), not kind)]
    links += [
        KindLink(each.plural, number, _url(q=query, kind=each.name), kind == each.name)
        for each, number in found.counts
    ]
    return {
        "found": found,
        "results": found.show(page.object_list if found.matches else found.nearest),
        "page": page,
        "page_url": _url(q=query, kind=kind),
        "links": links,
        "suggestion_url": _url(q=found.suggestion),
    }


def _url(**parameters: str) -> str:
    given = {name: value for name, value in parameters.items() if value}
    return f"{reverse('search')}?{urlencode(given)}"
