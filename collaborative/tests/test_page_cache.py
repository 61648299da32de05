"""Cached pages of visitors: fast, never old, and the same for everyone."""

import pytest
from django.core.handlers.wsgi import get_script_name
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext, override_script_prefix
from django.urls import get_resolver

from collaborative.middleware import page_cache
from conftest import visible_text
from members.services import rename_organization
from teams.models import FaqEntry
from teams.tests.announcements import make_announcement, make_resource
from teams.tests.meetings import make_meeting

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(settings, monkeypatch) -> list[float]:
    """Pages are cached for one second of this clock, which stands still."""
    settings.PAGE_CACHE_SECONDS = 1
    settings.ALLOWED_HOSTS = ["testserver", "other.example.org"]
    now = [1000.0]
    monkeypatch.setattr(page_cache.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def visitor(clock) -> Client:
    """Someone without a cookie. Each client is a process of its own, with pages of its own."""
    return Client()


@pytest.fixture
def content(team, goal, faq_entry, organization, administrator) -> None:
    """Something of everything that public pages show."""
    make_meeting(team)
    make_announcement(team, administrator, pk=1, is_public=True)
    make_resource(team)


def queries_of(client: Client, path: str, **headers: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        client.get(path, headers=headers)
    return len(queries)


def headers_of(response) -> dict[str, str]:
    """Those that belong to the page, and not to the request."""
    return {name: value for name, value in response.items() if name != "X-Request-ID"}


PUBLIC = ["/", "/teams/", "/teams/education/", "/faq/", "/organizations/", "/privacy/"]
PUBLIC += ["/meetings/", "/meetings/winter-meeting/"]
PUBLIC += ["/teams/education/announcements/", "/announcements/1/"]
PUBLIC += ["/resources/", "/resources/interview-guide/"]
PUBLIC += ["/accessibility/", "/site.webmanifest"]
PUBLIC += ["/robots.txt", "/sitemap.xml", "/.well-known/security.txt"]


# Cached ----------------------------------------------------------------------------------------


def test_page_cache_answers_the_second_visitor_without_a_query(visitor, content):
    for path in [*PUBLIC, FaqEntry.objects.get().get_absolute_url()]:
        first = visitor.get(path)
        assert first.status_code == 200, path
        # The token of a form would be another one for each visitor.
        assert "csrf" not in first.content.decode(), path
        with CaptureQueriesContext(connection) as queries:
            second = visitor.get(path)
        assert len(queries) == 0, path
        assert second.content == first.content
        assert headers_of(second) == headers_of(first)
        assert second["Cache-Control"] == "max-age=0, must-revalidate"
        assert "Content-Security-Policy" in second


def test_page_cache_answers_304_without_a_body(visitor, faq_entry):
    etag = visitor.get("/faq/")["ETag"]
    assert not etag.startswith("W/")
    for sent in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = visitor.get("/faq/", headers={"if-none-match": sent})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    assert visitor.get("/faq/", headers={"if-none-match": '"other"'}).status_code == 200


def test_page_cache_answers_304_in_a_process_that_has_no_page_yet(visitor, faq_entry):
    etag = visitor.get("/faq/")["ETag"]
    assert Client().get("/faq/", headers={"if-none-match": etag}).status_code == 304


def test_page_cache_logs_the_route_of_a_cached_page(visitor, faq_entry, caplog):
    with caplog.at_level("INFO", logger="portal.requests"):
        visitor.get("/faq/")
        visitor.get("/faq/")
    assert [line.route for line in caplog.records] == ["faq_list", "faq_list"]


def test_page_cache_answers_head_with_the_length_of_the_page(visitor, faq_entry):
    before = visitor.head("/faq/")
    page = visitor.get("/faq/")
    after = visitor.head("/faq/")
    for head in (before, after):
        assert (head.status_code, head.content) == (200, b"")
        assert head["Content-Length"] == str(len(page.content))
    assert after["ETag"] == page["ETag"]


# Never old -----------------------------------------------------------------------------------


def test_page_cache_shows_a_change_after_a_second_in_every_process(visitor, clock, team, content):
    others = [visitor, Client()]
    for client in others:
        client.get("/teams/")
    team.name = "Renamed"
    team.save()
    assert not any("Renamed" in visible_text(client.get("/teams/")) for client in others)
    clock[0] += 1
    assert all("Renamed" in visible_text(client.get("/teams/")) for client in others)


def test_page_cache_counts_the_second_from_before_the_data_was_read(
    visitor, clock, team, monkeypatch
):
    cached_page = page_cache._cached_page

    def slow(*args):
        clock[0] += 1
        return cached_page(*args)

    monkeypatch.setattr(page_cache, "_cached_page", slow)
    visitor.get("/teams/")
    assert queries_of(visitor, "/teams/") > 0


def test_visitor_sees_a_change_after_two_seconds(
    visitor, clock, fragment_clock, client_for, member, team
):
    """The worst case: a part of the page is cached just before the change, and the page is cached
    just before that part expires."""
    client_for(member).get("/teams/")
    team.name = "Renamed"
    team.save()
    fragment_clock.advance(0.99)
    clock[0] += 0.99
    assert "Renamed" not in visible_text(visitor.get("/teams/"))
    fragment_clock.advance(1.01)
    clock[0] += 1.01
    assert "Renamed" in visible_text(visitor.get("/teams/"))


def test_page_cache_gives_members_no_cached_page(visitor, client_for, member, team):
    visitor.get("/teams/")
    client = client_for(member)
    client.get("/teams/")
    team.name = "Renamed"
    team.save()
    assert "Renamed" in visible_text(client.get("/teams/"))


def test_page_cache_drops_the_oldest_page(visitor, faq_entry, monkeypatch):
    monkeypatch.setattr(page_cache, "MAX_PAGES", 2)
    for path in ("/", "/teams/", "/faq/"):
        visitor.get(path)
    assert [queries_of(visitor, path) for path in ("/teams/", "/faq/")] == [0, 0]
    assert queries_of(visitor, "/") > 0


# The same for everyone ----------------------------------------------------------------------


def test_page_cache_never_mixes_members_and_visitors(client_for, visitor, member, team):
    mixed = client_for(member)
    path = team.get_absolute_url()
    assert "You are a member" in visible_text(mixed.get(path))
    mixed.cookies.clear()
    assert "You are a member" not in visible_text(mixed.get(path))
    mixed.get(path)
    mixed.force_login(member)
    assert "You are a member" in visible_text(mixed.get(path))


@pytest.mark.parametrize("cookie", ["sessionid", "csrftoken", "messages", "anything"])
def test_page_cache_leaves_out_requests_with_a_cookie(visitor, faq_entry, cookie):
    clean = Client().get("/faq/").content
    visitor.cookies[cookie] = "poison"
    visitor.get("/faq/")
    visitor.cookies.clear()
    assert queries_of(visitor, "/faq/") > 0
    visitor.cookies[cookie] = "poison"
    assert queries_of(visitor, "/faq/") > 0
    visitor.cookies.clear()
    assert visitor.get("/faq/").content == clean


@pytest.mark.parametrize("query", ["?q=password", "?all=1", "?<script>", "?next=//evil.example"])
def test_page_cache_leaves_out_requests_with_a_query_string(visitor, faq_entry, query):
    clean = Client().get("/faq/").content
    visitor.get(f"/faq/{query}")
    assert visitor.get("/faq/").content == clean
    assert queries_of(visitor, f"/faq/{query}") > 0


def test_page_cache_lets_no_header_into_the_page_of_others(clock, content):
    clean = Client().get("/").content
    addresses = ["x-forwarded-prefix", "x-original-url", "x-rewrite-url", "script-name"]
    for headers in [
        {"x-forwarded-host": "evil.example", "x-forwarded-proto": "evil"},
        dict.fromkeys([*addresses, "path-info"], "/evil"),
        {"x-http-method-override": "POST"},
        {"accept-language": "evil", "accept": "application/evil", "accept-encoding": "evil"},
        {"authorization": "Basic ZXZpbDpldmls"},
        {"origin": "https://evil.example", "referer": "https://evil.example"},
        {"range": "bytes=0-1"},
        {"user-agent": "<script>evil</script>", "x-request-id": "evil"},
    ]:
        visitor = Client()
        visitor.get("/", headers=headers)
        cached = visitor.get("/")
        assert cached.content == clean, headers
        assert "evil" not in str(cached.headers) + cached.content.decode(), headers


def served(path: str, **environ: str) -> str:
    """What a server shows that passes a request with this environment to the portal."""
    prefix = get_script_name(RequestFactory().get(path).environ | environ)
    with override_script_prefix(prefix):
        return Client().get(path, **environ).content.decode()


def test_script_name_is_in_no_link_of_anybody(clock, content, fragment_clock):
    """Neither in the page itself nor in those parts of it that are cached for everyone."""
    clean = served("/teams/")
    fragment_clock.advance(2)
    assert served("/teams/", SCRIPT_NAME="/evil") == clean
    assert served("/teams/") == clean
    assert "/evil" not in served("/join/", SCRIPT_NAME="/evil")


@pytest.mark.parametrize("path", ["/", "/teams/"])
def test_page_cache_keeps_nothing_with_a_script_name(visitor, content, settings, path):
    """Also where a portal below a path would have to take it."""
    settings.FORCE_SCRIPT_NAME = None
    clean = Client().get(path).content
    visitor.get(path, SCRIPT_NAME="/evil")
    assert queries_of(visitor, path) > 0
    assert visitor.get(path).content == clean
    with CaptureQueriesContext(connection) as queries:
        visitor.get(path, SCRIPT_NAME="/evil")
    assert len(queries) > 0


def test_page_cache_caches_nothing_of_a_foreign_host(visitor, faq_entry):
    for _ in range(2):
        refused = visitor.get("/", headers={"host": "evil.example"})
        assert refused.status_code == 400
    assert visitor.get("/").status_code == 200


def test_page_cache_separates_hosts_and_schemes(visitor, faq_entry):
    visitor.get("/")
    assert visitor.get("/", headers={"host": "other.example.org"}).status_code == 200
    with CaptureQueriesContext(connection) as queries:
        visitor.get("/", secure=True)
    assert len(queries) > 0


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch", "options", "trace"])
def test_page_cache_leaves_out_other_methods(visitor, db, method):
    getattr(visitor, method)("/privacy/")
    assert visitor.get("/privacy/").status_code == 200
    assert getattr(visitor, method)("/privacy/").status_code == 405


def test_page_cache_leaves_out_404(visitor, clock):
    assert visitor.get("/faq/later/").status_code == 404
    FaqEntry.objects.create(slug="later", question="Later?", answer="Now.", is_published=True)
    assert visitor.get("/faq/later/").status_code == 200


def test_page_cache_leaves_out_forms_member_pages_and_the_desk(clock, client_for, administrator):
    client = client_for(administrator)
    for path in ("/my/", "/my/profile/", "/admin/", "/readyz", "/healthz"):
        client.get(path)
    client.cookies.clear()
    assert client.get("/my/").status_code == 302
    assert client.get("/admin/").status_code == 302
    for path in ("/join/", "/sign-in/", "/faq/ask/"):
        first, second = (Client().get(path) for _ in range(2))
        assert first.cookies
        assert "ETag" not in first
        assert first.content != second.content  # the token


def test_page_cache_is_off_without_seconds(settings, content):
    settings.PAGE_CACHE_SECONDS = 0
    client = Client()
    client.get("/")
    assert queries_of(client, "/") > 0


def test_page_cache_names_only_routes():
    for name in page_cache.CACHEABLE_VIEWS:
        assert get_resolver().reverse_dict.getlist(name), name


def test_page_cache_shows_a_renamed_organization(visitor, clock, organization, administrator):
    assert organization.name in visible_text(visitor.get("/organizations/"))
    rename_organization(organization, name="Renamed Hospital", by=administrator)
    clock[0] += 1
    assert "Renamed Hospital" in visible_text(visitor.get("/organizations/"))
