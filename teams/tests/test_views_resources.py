"""The list of resources with its filters, each one's page, and those on the page of a team."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import visible_text
from teams.models import Resource
from teams.tests.announcements import make_resource
from teams.tests.meetings import make_meeting

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelf(team, other_team) -> dict[str, Resource]:
    """Resources of two teams and of all, in two languages; one is for members alone."""
    return {
        "guide": make_resource(team, title="Guide"),
        "guia": make_resource(other_team, title="Guía", language="es"),
        "talk": make_resource(title="Talk", kind="recording"),
        "letter": make_resource(team, title="Letter", kind="toolkit", audience="members"),
    }


def titles(response) -> list[str]:
    return [resource.title for resource in response.context["page"].resources]


def links_of(response, name: str) -> list:
    return response.context[f"{name}_links"]


def links(response, name: str) -> list[tuple[str, int | None]]:
    return [(link.words, link.number) for link in links_of(response, name)]


# The list ---------------------------------------------------------------------------------


def test_resource_list_shows_the_newest_first_and_marks_titles_in_other_languages(client, shelf):
    Resource.objects.filter(title="Guide").update(added_at=timezone.now() + timedelta(hours=1))
    response = client.get("/resources/")
    assert titles(response) == ["Guide", "Talk", "Guía"]
    text = visible_text(response)
    assert "3 resources, newest first" in text
    assert "Publication, Example Workforce Institute, March 2025, in Spanish" in text
    assert "Recording, Example Workforce Institute, March 2025, not checked for captions" in text
    assert "Open at library.example.org" in text
    page = response.content.decode()
    assert '<a href="/resources/interview-guide-1/" lang="es" dir="auto">Guía</a>' in page
    assert '<a href="/resources/interview-guide/">Guide</a>' in page


def test_resource_list_filters(client, shelf):
    for query, shown, heading in (
        ("kind=publication", ["Guía", "Guide"], "Publications"),
        ("language=es", ["Guía"], "Resources in Spanish"),
        ("kind=recording&team=hiring", ["Talk"], "Recordings for Hiring"),
    ):
        response = client.get(f"/resources/?{query}")
        assert titles(response) == shown
        assert f"<title>{heading} - " in response.content.decode()


def test_resource_list_offers_only_what_has_something(client, client_for, shelf, member):
    response = client.get("/resources/")
    assert links(response, "kind") == [("All kinds", 3), ("Publications", 2), ("Recordings", 1)]
    assert links(response, "team") == [("All teams", None), ("Education", 2), ("Hiring", 2)]
    assert links(response, "language") == [
        ("All languages", None),
        ("English", 2),
        ("Spanish", 1),
    ]
    response = client_for(member).get("/resources/?team=education")
    assert ("Toolkits", 1) in links(response, "kind")
    # All of the team's are in English.
    assert links(response, "language") == []


def test_resource_list_counts_agree_with_what_its_links_show(client_for, shelf, member):
    client = client_for(member)
    page = client.get("/resources/?kind=publication")
    for name in ("kind", "team", "language"):
        link = [link for link in links_of(page, name) if link.number is not None][-1]
        shown = client.get(link.url).context["page"].resources.paginator.count
        assert link.number == shown, link


def test_resource_list_answers_alike_for_what_is_hidden_and_what_is_not_there(client, shelf):
    """A toolkit is there for members alone, notes are there for nobody."""
    toolkits, notes = (
        visible_text(client.get(f"/resources/?kind={kind}")) for kind in ("toolkit", "notes")
    )
    assert "No resource matches these choices" in notes
    assert sorted(toolkits.replace("Toolkits", "Notes").split()) == sorted(notes.split())


def test_resource_list_is_404_where_no_link_leads(client, team):
    for query in ("kind=zebra", "team=zebra", "team=%00", "language=%00", "language=no+code"):
        assert client.get(f"/resources/?{query}").status_code == 404


def test_resource_list_turns_pages_within_its_filter(client, team, monkeypatch):
    monkeypatch.setattr("teams.views.resources.RESOURCES_PER_PAGE", 2)
    for number in range(3):
        make_resource(team, title=f"Number {number}")
    response = client.get("/resources/?team=education")
    assert len(titles(response)) == 2
    page = response.context["page"]
    assert (page.previous_url, page.next_url) == ("", "/resources/?team=education&page=2")
    assert titles(client.get(page.next_url)) == ["Number 0"]
    assert client.get("/resources/?page=x").status_code == 200


def test_resource_list_without_resources_invents_nothing(client, db):
    text = visible_text(client.get("/resources/"))
    assert "No resources yet." in text
    assert "Suggest the first one" in text
    assert "newest first" not in text


def test_resource_list_costs_the_same_for_one_and_for_many(client_for, member, team):
    client = client_for(member)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/resources/")
        return len(captured)

    make_resource(team, meeting=make_meeting(team))
    one = queries()
    for _ in range(2):
        make_resource(team, meeting=make_meeting(team), audience="members")
    assert queries() == one


def test_resources_are_shown_to_everyone_without_a_cookie(client, shelf):
    for page in ("/resources/", shelf["talk"].get_absolute_url()):
        response = client.get(page)
        assert not response.cookies
        assert "csrfmiddlewaretoken" not in response.content.decode()
        assert client.post(page).status_code == 405


# A resource -------------------------------------------------------------------------------


def test_resource_detail_says_what_is_known(client, team):
    meeting = make_meeting(team, title="Fall meeting")
    make_resource(
        kind="recording",
        title="Charla",
        slug="charla",
        language="es",
        url="https://www.video.example.org/x",
        published_on="2025",
        minutes=65,
        captions="no",
        transcript_url="https://video.example.org/text",
        meeting=meeting,
        checked_on=date(2025, 3, 1),
    )
    response = client.get("/resources/charla/")
    text = visible_text(response)
    for words in (
        "Recording for Education",
        "Publisher Example Workforce Institute",
        "Published 2025",
        "Language Spanish",
        "Length 1 hour 5 minutes",
        "Captions Without captions",
        "Transcript Read the transcript",
        "From the meeting Fall meeting, ",
        "Last checked March 1, 2025. It may have changed since.",
        "Open at video.example.org",
    ):
        assert words in text
    page = response.content.decode()
    assert '<h1 lang="es" dir="auto">Charla</h1>' in page
    assert 'href="https://www.video.example.org/x"' in page


def test_resource_detail_says_little_where_little_is_known(client, db):
    make_resource(slug="bare", publisher="", published_on="", summary="")
    text = visible_text(client.get("/resources/bare/"))
    for word in ("Publisher", "Published", "Captions", "Transcript", "Length", "From the meeting"):
        assert word not in text
    assert "Publication for all teams" in text


def test_resource_detail_says_that_the_link_did_not_open(client, db):
    make_resource(slug="gone", link_state="gone", link_checked_at=timezone.now())
    assert "The link did not open when we last tried" in visible_text(
        client.get("/resources/gone/")
    )
    assert "Did not open" in visible_text(client.get("/resources/"))


def test_resource_detail_leads_those_who_keep_it_to_the_desk(
    client, client_for, shelf, member, facilitator, other_facilitator
):
    guide = shelf["guide"]
    desk_url = f'href="/admin/teams/resource/{guide.pk}/change/"'
    for person, is_shown in ((facilitator, True), (other_facilitator, False), (member, False)):
        page = client_for(person).get(guide.get_absolute_url()).content.decode()
        assert (desk_url in page) == is_shown
    assert "/admin/" not in client.get(guide.get_absolute_url()).content.decode()


def test_resource_detail_leads_to_a_question_about_a_broken_link(client, db):
    resource = make_resource(title="A & B")
    response = client.get(resource.get_absolute_url())
    form = client.get(response.context["report_url"])
    assert (
        "The link for “A &amp; B” is broken: http://127.0.0.1:8000/resources/interview-guide/"
        in (form.content.decode())
    )


def test_resource_detail_exists_for_its_audience_alone(client, client_for, shelf, member, outsider):
    letter = shelf["letter"].get_absolute_url()
    assert client.get(letter).status_code == client.get("/resources/zebra/").status_code == 404
    assert "Members of any team. No one else" in visible_text(client_for(outsider).get(letter))
    Resource.objects.update(audience="teams")
    assert client_for(outsider).get(letter).status_code == 404
    assert "Members of Education. No one else" in visible_text(client_for(member).get(letter))


def test_resource_detail_of_an_archived_one_is_404(client, shelf):
    Resource.objects.update(archived_at=timezone.now())
    assert client.get(shelf["guide"].get_absolute_url()).status_code == 404


# On the page of a team --------------------------------------------------------------------


def test_team_detail_shows_the_newest_resources(client, client_for, shelf, member):
    text = visible_text(client.get("/teams/education/"))
    assert "All resources for this team" in text
    assert "Guía" not in text
    assert "Letter" not in text
    make_resource(title="Newest")
    make_resource(title="Of a meeting", meeting=make_meeting(shelf["guide"].teams.get()))
    page = client_for(member).get("/teams/education/").content.decode()
    assert page.index("Newest") < page.index("Letter") < page.index("Talk")
    assert "Guide" not in page
    assert "Of a meeting" not in page


def test_team_detail_without_resources_says_nothing_of_them(client, team):
    assert "All resources" not in visible_text(client.get("/teams/education/"))


def test_home_tells_of_public_resources_among_what_happened_lately(client, shelf, team):
    make_resource(title="Of a meeting", meeting=make_meeting(team))
    text = visible_text(client.get("/"))
    lately = text[text.index("What happened lately") :]
    assert lately.index("New recording: Talk") < lately.index("New publication: Guide")
    assert "Letter" not in text
    assert "Of a meeting" not in text
