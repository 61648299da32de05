"""Pages kept for visitors: fast, never old, and nobody's but everybody's."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from collaborative.middleware import page_cache
from conftest import visible_text
from members.services import rename_organization
from teams.models import FaqEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(settings, monkeypatch) -> list[float]:
    """Pages are kept for one second of this clock, which stands still."""
    settings.PAGE_CACHE_SECONDS = 1
    settings.ALLOWED_HOSTS = ["testserver", "other.example.org"]
    now = [1000.0]
    monkeypatch.setattr(page_cache.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def visitor(clock) -> Client:
    """Somebody without a cookie. Each client is a process of its own, with pages of its own."""
    return Client()


@pytest.fixture
def content(team, goal, faq_entry, organization) -> None:
    """Something of everything that public pages show."""


def queries_of(client: Client, path: str, **headers: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        client.get(path, headers=headers)
    return len(queries)


def headers_of(response) -> dict[str, str]:
    """Those that belong to the page, and not to the request."""
    return {name: value for name, value in response.items() if name != "X-Request-ID"}


PUBLIC = ["/", "/teams/", "/teams/education/", "/faq/", "/organizations/", "/privacy/"]
PUBLIC += ["/accessibility/", "/robots.txt", "/sitemap.xml", "/.well-known/security.txt"]


# Kept ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PUBLIC)
def test_second_visitor_costs_no_query_and_reads_the_same(visitor, content, path):
    first = visitor.get(path)
    assert first.status_code == 200
    assert queries_of(visitor, path) == 0
    second = visitor.get(path)
    assert second.content == first.content
    assert headers_of(second) == headers_of(first)
    assert second["Cache-Control"] == "max-age=0, must-revalidate"
    assert "Content-Security-Policy" in second


def test_every_public_page_without_a_form_is_kept(visitor, content):
    entry = FaqEntry.objects.get()
    for path in [*PUBLIC, entry.get_absolute_url()]:
        assert "csrf" not in visitor.get(path).content.decode()
        assert queries_of(visitor, path) == 0


def test_who_has_the_page_gets_304_without_a_body(visitor, content):
    etag = visitor.get("/faq/")["ETag"]
    assert not etag.startswith("W/")
    for sent in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = visitor.get("/faq/", headers={"if-none-match": sent})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    assert visitor.get("/faq/", headers={"if-none-match": '"other"'}).status_code == 200


def test_first_answer_of_a_process_can_be_304_too(visitor, content):
    etag = visitor.get("/faq/")["ETag"]
    assert Client().get("/faq/", headers={"if-none-match": etag}).status_code == 304


def test_log_tells_the_route_of_a_kept_page_too(visitor, content, caplog):
    with caplog.at_level("INFO", logger="portal.requests"):
        visitor.get("/faq/")
        visitor.get("/faq/")
    assert [line.route for line in caplog.records] == ["faq_list", "faq_list"]


def test_head_is_the_head_of_the_page(visitor, content):
    before = visitor.head("/faq/")
    page = visitor.get("/faq/")
    after = visitor.head("/faq/")
    for head in (before, after):
        assert (head.status_code, head.content) == (200, b"")
        assert head["Content-Length"] == str(len(page.content))
    assert after["ETag"] == page["ETag"]


# Never old -----------------------------------------------------------------------------------


def test_change_shows_within_a_second_in_every_process(visitor, clock, team, content):
    others = [visitor, Client()]
    for client in others:
        client.get("/teams/")
    team.name = "Renamed"
    team.save()
    assert not any("Renamed" in visible_text(client.get("/teams/")) for client in others)
    clock[0] += 1
    assert all("Renamed" in visible_text(client.get("/teams/")) for client in others)


def test_second_counts_from_before_the_data_was_read(visitor, clock, team, monkeypatch):
    page = page_cache._page
    monkeypatch.setattr(page_cache, "_page", lambda *given: (slow(clock), page(*given))[1])
    visitor.get("/teams/")
    assert queries_of(visitor, "/teams/") > 0


def slow(clock: list[float]) -> None:
    clock[0] += 1


def test_change_shows_at_once_to_who_is_signed_in(visitor, client_for, member, team):
    visitor.get("/teams/")
    client = client_for(member)
    client.get("/teams/")
    team.name = "Renamed"
    team.save()
    assert "Renamed" in visible_text(client.get("/teams/"))


def test_old_pages_make_room_for_new_ones(visitor, content, monkeypatch):
    monkeypatch.setattr(page_cache, "PAGES", 2)
    for path in ("/", "/teams/", "/faq/"):
        visitor.get(path)
    assert [queries_of(visitor, path) for path in ("/teams/", "/faq/")] == [0, 0]
    assert queries_of(visitor, "/") > 0


# Nobody's but everybody's ----------------------------------------------------------------------


def test_page_of_a_member_is_never_a_visitors_nor_the_other_way_round(
    client_for, visitor, member, team
):
    mixed = client_for(member)
    path = team.get_absolute_url()
    assert "You are a member" in visible_text(mixed.get(path))
    mixed.cookies.clear()
    assert "You are a member" not in visible_text(mixed.get(path))
    mixed.get(path)
    mixed.force_login(member)
    assert "You are a member" in visible_text(mixed.get(path))


@pytest.mark.parametrize("cookie", ["sessionid", "csrftoken", "messages", "anything"])
def test_any_cookie_gets_a_page_of_its_own_that_is_not_kept(visitor, content, cookie):
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
def test_query_string_gets_a_page_of_its_own_that_is_not_kept(visitor, content, query):
    clean = Client().get("/faq/").content
    visitor.get(f"/faq/{query}")
    assert visitor.get("/faq/").content == clean
    assert queries_of(visitor, f"/faq/{query}") > 0


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-host": "evil.example"},
        {"x-forwarded-proto": "evil"},
        {"x-forwarded-prefix": "/evil"},
        {"x-original-url": "/admin/"},
        {"x-http-method-override": "POST"},
        {"accept-language": "evil"},
        {"accept": "application/evil"},
        {"accept-encoding": "evil"},
        {"authorization": "Basic ZXZpbDpldmls"},
        {"origin": "https://evil.example"},
        {"referer": "https://evil.example"},
        {"range": "bytes=0-1"},
        {"user-agent": "<script>evil</script>"},
        {"x-request-id": "evil"},
    ],
)
def test_no_header_gets_into_the_page_that_others_read(visitor, content, headers):
    clean = Client().get("/")
    visitor.get("/", headers=headers)
    kept = visitor.get("/")
    assert kept.content == clean.content
    assert "evil" not in str(kept.headers) + kept.content.decode()


def test_foreign_host_is_refused_and_keeps_nothing(visitor, content):
    for _ in range(2):
        refused = visitor.get("/", headers={"host": "evil.example"})
        assert refused.status_code == 400
    assert visitor.get("/").status_code == 200


def test_hosts_and_schemes_do_not_share_pages(visitor, content):
    visitor.get("/")
    assert visitor.get("/", headers={"host": "other.example.org"}).status_code == 200
    with CaptureQueriesContext(connection) as queries:
        visitor.get("/", secure=True)
    assert len(queries) > 0


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch", "options", "trace"])
def test_other_methods_are_neither_answered_with_a_page_nor_kept(visitor, content, method):
    getattr(visitor, method)("/")
    page = visitor.get("/")
    assert page.status_code == 200
    assert getattr(visitor, method)("/").status_code == 405


def test_what_is_not_found_is_not_kept(visitor, clock):
    assert visitor.get("/faq/later/").status_code == 404
    FaqEntry.objects.create(slug="later", question="Later?", answer="Now.", is_published=True)
    assert visitor.get("/faq/later/").status_code == 200


def test_forms_and_pages_of_members_and_of_the_desk_are_never_kept(
    clock, client_for, administrator
):
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


def test_nothing_is_kept_where_no_seconds_are_set(settings, content):
    settings.PAGE_CACHE_SECONDS = 0
    client = Client()
    client.get("/")
    assert queries_of(client, "/") > 0


def test_every_kept_name_is_a_route():
    for name in page_cache.SAME_FOR_VISITORS:
        assert get_resolver().reverse_dict.getlist(name), name


def test_change_of_an_organization_shows(visitor, clock, organization, administrator):
    assert organization.name in visible_text(visitor.get("/organizations/"))
    rename_organization(organization, name="Renamed Hospital", by=administrator)
    clock[0] += 1
    assert "Renamed Hospital" in visible_text(visitor.get("/organizations/"))
