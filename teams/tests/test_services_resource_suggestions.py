"""Resources that visitors suggest: stored once, known pages found, addresses erased in time."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from conftest import make_team
from teams.models import ActionTeam, ResourceSuggestion
from teams.services import delete_old_addresses, resource_at, suggest_resource
from teams.services.resource_suggestions import email_suggester
from teams.tests.announcements import make_resource
from teams.tests.meetings import make_meeting
from teams.tests.test_concurrency import at_once

URL = "https://library.example.org/guide"


@pytest.fixture
def suggestion(db) -> ResourceSuggestion:
    return suggest_resource(URL, "Interview guide", "Fair questions.", "vera@visitor.example")


def test_suggest_resource_stores_it_with_history(suggestion):
    stored = ResourceSuggestion.objects.get()
    assert (stored.url, stored.title, stored.text, stored.email) == (
        URL,
        "Interview guide",
        "Fair questions.",
        "vera@visitor.example",
    )
    assert stored.status == "waiting"
    version = stored.history.get()
    assert version.history_change_reason == "suggested by a visitor"
    assert not hasattr(version, "email")


def test_suggest_resource_twice_is_one_suggestion(suggestion):
    again = (suggestion.url, suggestion.title, suggestion.text, suggestion.email)
    assert suggest_resource(*again) == suggestion
    ResourceSuggestion.objects.update(suggested_at=timezone.now() - timedelta(minutes=11))
    assert suggest_resource(*again) != suggestion


@pytest.mark.parametrize("changed", ["url", "title", "text", "email"])
def test_suggest_resource_in_other_words_is_another(suggestion, changed):
    fields = {name: getattr(suggestion, name) for name in ("url", "title", "text", "email")}
    assert suggest_resource(**(fields | {changed: "other"})) != suggestion


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_suggest_resource_4_times_at_once_is_one():
    suggestions = at_once(*[lambda: suggest_resource(URL, "Guide")] * 4)
    assert len({suggestion.pk for suggestion in suggestions}) == 1
    assert ResourceSuggestion.objects.count() == 1


@pytest.mark.parametrize("typed", [URL, "http://www.library.example.org/guide/?utm_source=x"])
def test_resource_at_finds_a_page_however_its_address_is_written(db, typed):
    make_resource(url="https://library.example.org/guide-2", slug="second")
    guide = make_resource(url=URL, slug="first")
    assert resource_at(typed, AnonymousUser()) == guide
    assert resource_at("https://example.org/guide", AnonymousUser()) is None


def test_resource_at_tells_of_no_resource_that_is_not_shown(db, member, team):
    draft = make_team("Prepared")
    ActionTeam.objects.filter(pk=draft.pk).update(state=ActionTeam.State.DRAFT)
    make_resource(url=f"{URL}/1", audience="members")
    make_resource(team, url=f"{URL}/2", audience="teams")
    make_resource(url=f"{URL}/3", meeting=make_meeting(team, audience="members"))
    make_resource(draft, url=f"{URL}/4")
    make_resource(url=f"{URL}/5", archived_at=timezone.now())
    pages = [f"{URL}/{number}" for number in range(1, 6)]
    assert [bool(resource_at(page, AnonymousUser())) for page in pages] == [False] * 5
    assert [bool(resource_at(page, member)) for page in pages] == [True] * 3 + [False] * 2


@pytest.mark.parametrize(
    ("suggested", "decided", "is_kept"),
    [(100, 89, True), (100, 91, False), (364, None, True), (366, None, False)],
)
def test_delete_old_addresses_erases_those_of_suggesters(
    suggestion, administrator, suggested, decided, is_kept
):
    now = timezone.now()
    decision = {}
    if decided is not None:
        decision = {
            "status": "dismissed",
            "decided_at": now - timedelta(days=decided),
            "decided_by": administrator,
        }
    ResourceSuggestion.objects.update(suggested_at=now - timedelta(days=suggested), **decision)
    assert delete_old_addresses() == (not is_kept)
    suggestion.refresh_from_db()
    assert bool(suggestion.email) == is_kept


@pytest.fixture
def decided(suggestion, administrator):
    """Decide the suggestion, without an email, and return it."""

    def decide(**fields) -> ResourceSuggestion:
        for name, value in {
            "decided_at": timezone.now(),
            "decided_by": administrator,
            **fields,
        }.items():
            setattr(suggestion, name, value)
        suggestion.save()
        return suggestion

    return decide


@pytest.mark.parametrize(
    ("audience", "link"), [("public", "/resources/interview-guide/"), ("members", "/resources/")]
)
def test_email_suggester_links_to_what_everyone_can_open(decided, queued_emails, audience, link):
    resource = make_resource(audience=audience)
    email_suggester(decided(status="published", published_as=resource))
    (email,) = queued_emails()
    assert email.to == ["vera@visitor.example"]
    assert f"\nhttp://127.0.0.1:8000{link}\n" in email.message
    assert "> Interview guide\n> https://library.example.org/guide\n" in email.message


def test_email_suggester_quotes_the_reason_of_a_dismissal(decided, queued_emails):
    email_suggester(decided(status="dismissed", answer="It asks for a password."))
    (email,) = queued_emails()
    assert "It asks for a password." in email.message


@pytest.mark.parametrize("fields", [{"answer": ""}, {"answer": "No room for it.", "email": ""}])
def test_email_suggester_sends_none_without_a_reason_or_an_address(decided, queued_emails, fields):
    email_suggester(decided(status="dismissed", **fields))
    assert not queued_emails()
