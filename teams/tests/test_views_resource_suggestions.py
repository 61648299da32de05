"""Suggesting a resource: people get through without an account, programs and traps do not."""

import time

import pytest
from django.core import signing

from conftest import visible_text
from teams.forms import ResourceSuggestionForm
from teams.models import ResourceSuggestion
from teams.tests.announcements import make_resource

SUGGEST, DONE = "/resources/suggest/", "/resources/suggest/done/"
pytestmark = pytest.mark.django_db


def suggestion_data(seconds: float = 10, **changes: str) -> dict[str, str]:
    """The fields of the form, shown `seconds` ago."""
    shown = signing.dumps(time.time() - seconds, salt=ResourceSuggestionForm.salt)
    fields = {"url": "library.example.org/guide", "title": "Guide", "text": "", "email": ""}
    return {**fields, "website": "", "shown": shown, **changes}


def test_resource_suggest_needs_no_account(client):
    entered = suggestion_data(text=" Fair\r\nquestions ", email=" Vera@Visitor.example ")
    sent = client.post(SUGGEST, entered)
    assert sent["Location"] == DONE + "?email=1"
    suggestion = ResourceSuggestion.objects.get()
    assert (suggestion.url, suggestion.title) == ("https://library.example.org/guide", "Guide")
    assert (suggestion.text, suggestion.email) == ("Fair\nquestions", "vera@visitor.example")
    text = visible_text(client.get(sent["Location"]))
    assert "we email you when it is published" in text


def test_resource_suggest_needs_no_address(client):
    assert client.post(SUGGEST, suggestion_data())["Location"] == DONE
    assert "we cannot write to you" in visible_text(client.get(DONE))
    assert client.post(DONE).status_code == 405


def test_resource_suggest_shows_the_fields_it_takes(client, client_for, member):
    response = client.get(SUGGEST)
    page = response.content.decode()
    for name in suggestion_data():
        assert f'name="{name}"' in page
    assert "no-store" in response["Cache-Control"]
    assert f'value="{member.email}"' in client_for(member).get(SUGGEST).content.decode()


def test_resource_suggest_says_how_to_fix_it(client):
    for changes, messages in (
        (
            {"url": "javascript:alert(1)", "title": " \u200b", "email": "nowhere"},
            [
                "Enter the address of a web page, like https://library.example.org/guide",
                "Enter the title that is on the page",
                "like name@hospital.org, or leave it out",
            ],
        ),
        (
            {"url": "http://127.0.0.1/admin", "title": "x" * 151, "text": "x" * 501},
            ["instead of numbers", "Shorten the title", "at most 500 characters"],
        ),
        (
            {"url": "https://printer.local/"},
            ["printer.local is not a name on the public web"],
        ),
        ({"url": "data:text/html,x"}, ["Enter the address of a web page"]),
    ):
        response = client.post(SUGGEST, suggestion_data(**{"title": "My title", **changes}))
        text = visible_text(response)
        assert all(message in text for message in messages)
        assert "<title>Error: " in response.content.decode()
        assert changes.get("title", "My title") in response.content.decode()
    assert not ResourceSuggestion.objects.exists()


@pytest.mark.parametrize("changes", [{"website": "https://spam.example"}, {"shown": "forged"}])
def test_resource_suggest_asks_programs_for_a_second_press(client, changes):
    response = client.post(SUGGEST, suggestion_data(**changes))
    assert "press “Send” once more" in visible_text(response)
    assert not ResourceSuggestion.objects.exists()
    confirmed = response.context["form"].confirmation_token
    client.post(SUGGEST, suggestion_data(**changes, confirmed=confirmed))
    assert ResourceSuggestion.objects.count() == 1


def test_resource_suggest_refuses_the_time_of_another_form(client):
    shown = signing.dumps(time.time() - 10, salt="teams.forms.QuestionForm")
    client.post(SUGGEST, suggestion_data(shown=shown))
    assert not ResourceSuggestion.objects.exists()


def test_resource_suggest_names_a_page_that_is_here_already(client):
    make_resource(title="Interview guide")
    response = client.post(SUGGEST, suggestion_data())
    assert "We have this one already" in visible_text(response)
    assert '<a href="/resources/interview-guide/">Interview guide</a>' in response.content.decode()
    assert not ResourceSuggestion.objects.exists()


def test_resource_suggest_takes_what_visitors_cannot_see(client, client_for, member):
    make_resource(audience="members")
    assert client.post(SUGGEST, suggestion_data()).status_code == 302
    assert client_for(member).post(SUGGEST, suggestion_data()).status_code == 200
    assert ResourceSuggestion.objects.count() == 1


def test_resource_suggest_is_limited_to_5_an_hour(client):
    for number in range(5):
        client.post(SUGGEST, suggestion_data(title=f"Number {number}"))
    refused = client.post(SUGGEST, suggestion_data(title="My sixth"))
    assert refused.status_code == 429
    assert "Retry-After" in refused.headers
    assert "My sixth" in refused.content.decode()
    assert ResourceSuggestion.objects.count() == 5


def test_resource_suggest_refuses_other_methods(client):
    assert client.put(SUGGEST).status_code == 405


def test_privacy_says_how_long_the_address_of_a_suggestion_is_kept(client):
    text = visible_text(client.get("/privacy/"))
    assert "A link that you suggest as a resource" in text
    assert "erase it 90 days after the decision" in text
