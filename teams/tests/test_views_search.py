"""The page of the search, and the field for it in the header of every page."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse

from collaborative.tests.fuzzing import Page
from conftest import visible_text
from teams.tests.announcements import make_resource
from teams.tests.meetings import make_meeting

SEARCH = "/search/"
pytestmark = pytest.mark.django_db


def test_search_finds_a_resource_with_a_misspelled_word_in_two_presses(client, team):
    resource = make_resource(team, title="Apprenticeship handbook")
    page = Page("/")
    page.feed(client.get("/").content.decode())
    (form,) = [form for form in page.forms if form.action == SEARCH]
    ((name, value),) = form.fields
    assert (form.method, value) == ("GET", "")
    response = client.get(form.action, {name: "aprenticeship"})
    (link,) = re.findall(r'<h3><a href="(.+?)">', response.content.decode())
    assert link == resource.get_absolute_url()
    assert client.get(link).status_code == 200


def test_search_shows_the_kind_and_why_and_marks_the_words(client, team):
    make_resource(team, title="Job guide", summary="How to *advertise*.", publisher="Institute")
    response = client.get(SEARCH, {"q": "guide advertize"})
    page, text = response.content.decode(), visible_text(response)
    assert "1 result for “guide advertize”" in text
    assert "Resource: Publication, Institute" in text
    assert "Job <mark>guide</mark>" in page
    assert "How to *<mark>advertise</mark>*." in page
    assert '<a href="/search/?q=guide+advertise">guide advertise</a>' in page
    assert '<meta name="robots" content="noindex">' in page


def test_search_filters_by_kind(client, team):
    make_resource(team, title="Winter guide")
    make_meeting(team)
    page = client.get(SEARCH, {"q": "winter"}).content.decode()
    chips = re.findall(
        r'href="(/search/\?q=winter[^"]*)"( aria-current="true")?>(\w+) .*?(\d)<', page
    )
    assert chips == [
        ("/search/?q=winter", ' aria-current="true"', "All", "2"),
        ("/search/?q=winter&amp;kind=meeting", "", "Meetings", "1"),
        ("/search/?q=winter&amp;kind=resource", "", "Resources", "1"),
    ]
    page = client.get(SEARCH, {"q": "winter", "kind": "resource"}).content.decode()
    assert re.findall(r"<h3>.*?</h3>", page) == [
        '<h3><a href="/resources/interview-guide/"><mark>Winter</mark> guide</a></h3>'
    ]


def test_search_shows_all_kinds_where_there_is_none_of_the_chosen_one(client, db):
    make_meeting()
    for kind in ("person", "\0"):
        response = client.get(SEARCH, {"q": "winter", "kind": kind})
        assert "1 result for" in visible_text(response)


def test_search_has_pages(client, monkeypatch):
    monkeypatch.setattr("teams.views.search.RESULTS_PER_PAGE", 2)
    for number in range(3):
        make_resource(title=f"Guide {number}", slug=f"guide-{number}")
    page = client.get(SEARCH, {"q": "guide", "kind": "resource"}).content.decode()
    assert page.count("<h3>") == 2
    (following,) = re.findall(r'href="([^"]+)">Next page', page)
    page = client.get(following.replace("&amp;", "&")).content.decode()
    assert page.count("<h3>") == 1
    for number in ("-1", "x", "9" * 5000):
        assert client.get(SEARCH, {"q": "guide", "page": number}).status_code == 200


def test_search_focuses_its_field_until_something_is_entered(client, db):
    assert "autofocus" in client.get(SEARCH).content.decode()
    assert "autofocus" not in client.get(SEARCH, {"q": "winter"}).content.decode()


def test_search_in_vain_offers_to_ask_and_to_suggest_with_the_words_filled_in(client, faq_entry):
    response = client.get(SEARCH, {"q": "xylophone & <b>"})
    page = response.content.decode()
    assert "No results for “xylophone &amp; &lt;b&gt;”" in page
    for name, field in (("question_ask", "text"), ("resource_suggest", "title")):
        (link,) = re.findall(rf'href="({reverse(name)}\?[^"]+)"', page)
        query = parse_qs(urlsplit(link.replace("&amp;", "&")).query)
        assert query == {field: ["xylophone & <b>"]}
        assert (
            "xylophone &amp; &lt;b&gt;" in client.get(link.replace("&amp;", "&")).content.decode()
        )


def test_search_in_vain_shows_what_comes_nearest(client, faq_entry):
    response = client.get(SEARCH, {"q": "joining zebras"})
    page = response.content.decode()
    assert "No results for" in page
    nearest = page[page.index("Closest matches") :]
    assert f'<h3><a href="{faq_entry.get_absolute_url()}">Who can <mark>join</mark>?' in nearest


def test_search_takes_any_query(client, faq_entry):
    for query in ("", "the of", "\0", "x" * 5000, "w " * 500):
        response = client.get(SEARCH, {"q": query})
        assert response.status_code == 200
        assert ("Only the first 20 words" in visible_text(response)) == (len(query) > 500)


def test_search_only_reads(client, team):
    assert client.post(SEARCH, {"q": "x"}).status_code == 405
    assert client.head(SEARCH, {"q": "x"}).status_code == 200
    assert not client.get(SEARCH, {"q": team.name}).cookies


def test_search_is_in_the_header_of_all_other_pages(client, client_for, member):
    for person, address in (
        (client, "/"),
        (client, "/no-such-page/"),
        (client_for(member), "/faq/"),
    ):
        page = person.get(address).content.decode()
        header = page[page.index("<header") : page.index("</header>")]
        assert '<a class="search-link" href="/search/">' in header
        assert re.search(r'<label[^>]* for="site-search">Search this site</label>', header)
    page = client.get(SEARCH).content.decode()
    assert 'id="site-search"' not in page
    assert '<a class="search-link" href="/search/" aria-current="page">' in page
    assert SEARCH not in client.get("/sitemap.xml").content.decode()
