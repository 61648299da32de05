"""The list of organizations, all of them or those of one team."""

import re

import pytest

from conftest import make_organization, visible_text
from members.models import Organization
from teams.views import public

pytestmark = pytest.mark.django_db
LIST = "/organizations/"


def listed(page) -> list[str]:
    return re.findall(r'<h3 class="name"><bdi>(.*?)</bdi></h3>', page.content.decode())


@pytest.fixture
def people(member, colleague, outsider, team, other_team, administrator):
    """Rush is in Education, Loop in Hiring, Prairie in no team."""
    make_organization("Prairie Example Care", "prairie.example", administrator)


def test_organization_list_shows_those_of_one_team(client, people, team, other_team):
    everyone = listed(client.get(LIST))
    assert everyone == ["Loop Example Clinic", "Prairie Example Care", "Rush Example Hospital"]
    page = client.get(f"{LIST}?team={team.slug}")
    assert listed(page) == ["Rush Example Hospital"]
    text = visible_text(page)
    assert text.startswith("Organizations in Education - ")
    assert "Recognized organizations in Education" in text
    assert listed(client.get(f"{LIST}?team={other_team.slug}")) == ["Loop Example Clinic"]


def test_organization_list_leads_to_each_team_with_its_number(client, people, team, other_team):
    body = client.get(f"{LIST}?team={team.slug}").content.decode()
    chips = re.findall(r'class="chip" href="(\S+)"(.*?)>(.*?) <span class="n">(\d+)<', body)
    current = ' aria-current="true"'
    assert chips == [
        ("/organizations/#list", "", "All teams", "3"),
        ("/organizations/?team=education#list", current, "Education", "1"),
        ("/organizations/?team=hiring#list", "", "Hiring", "1"),
    ]


def test_organization_list_of_a_team_does_not_count_the_unrecognized(client, applicant, team):
    page = client.get(f"{LIST}?team={team.slug}")
    assert listed(page) == []
    assert "Yours can be the first." in visible_text(page)


def test_organization_list_keeps_the_team_on_its_pages(client, people, team, monkeypatch):
    monkeypatch.setattr(public, "ORGANIZATIONS_PER_PAGE", 1)
    organization = Organization.objects.get(name="Prairie Example Care")
    member = team.memberships.active()[0].member
    other = team.memberships.active()[1].member
    other.organization = organization
    other.save()
    page = client.get(f"{LIST}?team={team.slug}")
    assert listed(page) == ["Prairie Example Care"]
    assert f'href="{LIST}?team={team.slug}&amp;page=2#list"' in page.content.decode()
    assert listed(client.get(f"{LIST}?team={team.slug}&page=2")) == [member.organization.name]


@pytest.mark.parametrize("slug", ["nowhere", "education%00", "x" * 300])
def test_organization_list_of_an_unknown_team_is_not_found(client, people, slug):
    assert client.get(f"{LIST}?team={slug}").status_code == 404


def test_organization_lists_are_cached_each_by_its_team(client, people, team, fragment_clock):
    assert len(listed(client.get(LIST))) == 3
    assert len(listed(client.get(f"{LIST}?team={team.slug}"))) == 1
    assert len(listed(client.get(LIST))) == 3


@pytest.mark.parametrize(
    ("state", "heading"),
    [("paused", "The team is paused"), ("finished", "The team has finished its work")],
)
def test_closing_words_are_on_the_page_of_a_team_that_takes_nobody(client, team, state, heading):
    team.closing_words = "Thank you. *Forty* people were hired."
    team.state = state
    team.save()
    text = visible_text(client.get(team.get_absolute_url()))
    assert f"{heading} Thank you. Forty people were hired." in text
    if state == "paused":
        team.state = "published"
        team.save()
        assert "Forty" not in visible_text(client.get(team.get_absolute_url()))


def test_organization_list_shows_and_filters_kinds(client, people, team, fragment_clock):
    (first, second, *_) = Organization.objects.recognized().order_by("name")
    Organization.objects.filter(pk=first.pk).update(kind="employer")
    Organization.objects.filter(pk=second.pk).update(kind="educator")
    text = visible_text(client.get("/organizations/"))
    assert f"{first.name} Employer" in text
    assert "All kinds Employer 1 Educator 1" in text
    assert "Funder" not in text
    employers = visible_text(client.get("/organizations/?kind=employer"))
    assert first.name in employers
    assert second.name not in employers
    assert client.get("/organizations/?kind=hospital").status_code == 404
    empty = visible_text(client.get("/organizations/?kind=funder"))
    assert "No recognized organization of this kind is here yet." in empty
