"""A meeting, announcement or resource that someone may not see is named to them nowhere: pages,
calendars, sitemap, counts.

Every meeting has a word of its own in its title, place, agenda, address and links, every
announcement in its subject and text, and every resource in its title, summary and addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

import pytest
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone

from collaborative.middleware import page_cache
from collaborative.tests.fuzzing import list_addresses
from conftest import make_team
from teams.models import ActionTeam, Announcement, Attendance, Meeting, Resource
from teams.search import MAX_CORRECTED_WORDS
from teams.tests.announcements import make_announcement, make_link, make_resource
from teams.tests.meetings import make_meeting

pytestmark = pytest.mark.django_db
# Who sees which meetings (qx), announcements (qn) and resources (qr), by the words in these.
# `member` comes to the meeting of qxteams.
MEMBERS = "qxpublic qxmembers qnpublic qnall qrpublic qrmembers qrmeeting"
OF_TEAM = f"{MEMBERS} qxteams qnteam qncoming qrteam"
SEEN = {
    "visitor": "qxpublic qnpublic qrpublic",
    "applicant": "qxpublic qnpublic qrpublic",
    "outsider": MEMBERS,
    "other_facilitator": MEMBERS,
    "member": OF_TEAM,
    "facilitator": f"{OF_TEAM} qxdraft qndraft",
    "administrator": f"{OF_TEAM} qxdraft qndraft qxprepared qnprepared",
}
UNLISTED = {"qnall", "qxdraft", "qndraft", "qxprepared", "qnprepared"}
ALL_WORDS = set(" ".join(SEEN.values()).split()) | {"qrarchived", "qrprepared"}
WORDS = re.compile(
    "q[nrx](?:public|members|teams?|draft|prepared|all|coming|meeting|archived)(?![a-z])"
)
# They have none of these, and take most of the time.
SKIPPED = (
    "/admin/", "/dev/", "/two-factor/", "/sign", "/join/", "/my/move", "/my/sessions", "/sso",
    "/privacy/", "/accessibility/", "/readyz", "/healthz", "/organizations/", "/topics/propose/",
    "/faq/ask/", "/resources/suggest/", "/my/profile/", "/robots.txt", "/site.webmanifest",
    "/areas/areas.csv",
)  # fmt: skip


def make_marked(word: str, *teams: ActionTeam, **fields) -> Meeting:
    """Return a meeting to come, with a twin that is over; both have the word everywhere."""
    values = {
        "title": f"Title {word}",
        "place": f"Place {word}",
        "join_url": f"https://video.example.org/{word}",
        "agenda": f"Agenda {word}",
        "minutes": f"Minutes {word}",
        **fields,
    }
    over = make_meeting(
        *teams, slug=f"{word}-over", starts_at=timezone.now() - timedelta(days=9), **values
    )
    make_link(over, word, url=f"https://x.org/{word}", slug=f"{word}-link")
    return make_meeting(*teams, slug=word, **values)


@pytest.fixture
def meetings(team) -> dict[str, Meeting]:
    draft = make_team("Prepared")
    ActionTeam.objects.filter(pk=draft.pk).update(state=ActionTeam.State.DRAFT)
    return {
        "qxpublic": make_marked("qxpublic", team, audience="public"),
        "qxmembers": make_marked("qxmembers", team, audience="members"),
        "qxteams": make_marked("qxteams", team, audience="teams"),
        "qxdraft": make_marked("qxdraft", team, audience="public", status="draft"),
        "qxprepared": make_marked("qxprepared", draft, audience="public"),
    }


@pytest.fixture
def announcements(meetings, team, member, facilitator) -> None:
    coming, prepared = meetings["qxteams"], ActionTeam.objects.get(name="Prepared")
    Attendance.objects.create(
        meeting=coming, member=member, answer="in-person", answered_at=timezone.now()
    )
    for word, fields in {
        "qnpublic": {"team": team, "is_public": True},
        "qnteam": {"team": team},
        "qnall": {"team": None},
        "qncoming": {"team": None, "meeting": coming},
        "qndraft": {"team": team, "status": "draft", "is_public": True},
        "qnprepared": {"team": prepared, "is_public": True},
    }.items():
        make_announcement(by=facilitator, subject=f"Title {word}", body=f"Text {word}", **fields)


@pytest.fixture
def resources(meetings, team) -> None:
    for word, fields in {
        "qrpublic": {},
        "qrmembers": {"audience": "members", "language": "es", "kind": "toolkit"},
        "qrteam": {"audience": "teams", "language": "pl"},
        "qrmeeting": {"meeting": meetings["qxmembers"]},
        "qrarchived": {"archived_at": timezone.now()},
        "qrprepared": {"teams": [ActionTeam.objects.get(name="Prepared")]},
    }.items():
        make_marked_resource(word, *fields.pop("teams", [team]), **fields)


def make_marked_resource(word: str, *teams: ActionTeam, **fields) -> Resource:
    texts = {"title": f"Title {word}", "summary": f"Summary {word}", "publisher": word}
    return make_resource(*teams, slug=word, url=f"https://x.org/{word}", **texts, **fields)


def unseen_and_one_seen(slugs: Iterable[str], allowed: set[str]) -> list[str]:
    """Return the slugs with a word that is not allowed, one of those with one that is, and what is
    on no list of an administrator's."""
    listed = [slug for slug in slugs if slug.partition("-")[0] in allowed - UNLISTED]
    return [slug for slug in slugs if slug not in listed[1:]]


def addresses(allowed: set[str]) -> list[str]:
    """Return every address of the portal with the slugs of all teams and those of resources and
    coming meetings, and the pages of meetings that are over and of announcements: of those with a
    word that is not allowed each, and of the others one of each kind."""

    def slugs_of(records: QuerySet) -> list[str]:
        return unseen_and_one_seen(list(records.values_list("slug", flat=True)), allowed)

    slugs = {
        "/teams/": list(ActionTeam.objects.values_list("slug", flat=True)),
        "/meetings/": slugs_of(Meeting.objects.upcoming()),
        "/resources/": slugs_of(Resource.objects.order_by("pk")),
    }
    filled = []
    for address in list_addresses():
        if address.startswith(SKIPPED):
            continue
        values = next((slugs[start] for start in slugs if address.startswith(start)), [])
        if "<slug:slug>" in address:
            filled += [address.replace("<slug:slug>", value) for value in values]
        elif "<" not in address:
            filled.append(address)
    filled += [f"/meetings/{slug}/" for slug in slugs_of(Meeting.objects.past())]
    by_word = {each.subject.split()[1]: each for each in Announcement.objects.all()}
    filled += [by_word[word].get_absolute_url() for word in unseen_and_one_seen(by_word, allowed)]
    searches = ["/faq/?q=Title", "/meetings/?team=education&kind=quarterly"]
    searches += ["/resources/?team=education&kind=toolkit"]
    searches += ["/search/?q=Title", "/search/?q=Title&page=2", "/search/?q=summary&kind=resource"]
    # What is suggested, and what comes nearest, for some of the other words with a typo;
    # test_services_site_search.py holds it for what is hidden of each kind.
    hidden = sorted(ALL_WORDS - allowed)
    some = hidden[:: len(hidden) // MAX_CORRECTED_WORDS + 1]
    typos = "+".join(f"{word[:3]}x{word[3:]}" for word in some)
    return [*filled, *searches, f"/search/?q={typos}"]


def text_of(client: Client, address: str) -> str:
    """Return what an answer says, and where it leads. The address itself names a meeting or a
    resource: a page that does not exist, or leads on, tells nothing by repeating it."""
    response = client.get(address)
    assert response.status_code < 500, address
    content = b"".join(response.streaming_content) if response.streaming else response.content
    text = content.decode(errors="replace").replace(address, "")
    text += response.get("Location", "").replace(address.rsplit("/", 2)[0], "")
    return text if response.status_code < 400 else ""


def words_in(client: Client, address: str) -> set[str]:
    """Return the words of what is marked that an answer holds."""
    return set(WORDS.findall(text_of(client, address)))


@pytest.mark.parametrize("name", SEEN)
@pytest.mark.usefixtures("announcements", "resources", "fragment_clock")
def test_nothing_names_what_is_not_seen(request, client, client_for, name):
    if name != "visitor":
        client = client_for(request.getfixturevalue(name))
    allowed = set(SEEN[name].split())
    seen = {}
    for address in addresses(allowed):
        text = text_of(client, address)
        for word in WORDS.findall(text):
            seen.setdefault(word, address)
        # The link to join, which visitors never get.
        assert name != "visitor" or "video.example.org" not in text, address
    assert set(seen) == allowed, {word: seen[word] for word in set(seen) - allowed}


def test_unseen_meetings_are_answered_like_unknown_ones(client, meetings):
    for word in ("qxmembers", "qxteams", "qxdraft", "qxprepared"):
        for ending in ("/", ".ics", "/guest/"):
            assert client.get(f"/meetings/{word}{ending}").status_code == 404
    for word in ("qxmembers", "qxteams"):
        assert word not in client.get("/meetings/?year=2001").content.decode()


def test_nothing_shows_visitors_what_has_been_for_members_for_two_seconds(
    settings, monkeypatch, fragment_clock, client, client_for, outsider, facilitator, team
):
    settings.PAGE_CACHE_SECONDS = 1
    now = [1000.0]
    monkeypatch.setattr(page_cache.time, "monotonic", lambda: now[0])
    make_marked("qxpublic", team, audience="public")
    announcement = make_announcement(team, facilitator, subject="qnpublic", is_public=True)
    resource = make_marked_resource("qrpublic", team)
    pages = [announcement.get_absolute_url(), "/teams/education/announcements/"]
    pages += [resource.get_absolute_url(), "/resources/?team=education", "/resources/"]
    pages += ["/", "/teams/education/", "/meetings/", "/meetings/qxpublic/"]
    pages += ["/sitemap.xml", "/meetings/calendar.ics", "/teams/education/meetings.ics"]
    people = [client, client_for(outsider)]

    def shown() -> set[str]:
        return {page for page in pages for person in people if words_in(person, page)}

    before = shown()
    assert {"/", "/teams/education/", "/meetings/", "/sitemap.xml", *pages[:5]} <= before
    now[0] += 0.9
    fragment_clock.advance(0.9)
    assert shown() == before
    Meeting.objects.update(audience=Meeting.Audience.TEAMS)
    Announcement.objects.update(is_public=False)
    Resource.objects.update(audience=Resource.Audience.TEAMS)
    now[0] += 2
    fragment_clock.advance(2)
    assert shown() == set()
