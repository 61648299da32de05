"""Every public page: what it says, who may read it, which methods it takes, how much it costs."""

import html
import json
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from conftest import make_member, visible_text
from members.models import Organization
from teams.models import FaqEntry, Goal
from teams.services import add_organization, decline_organization, join_teams
from teams.tests.announcements import make_resource

PUBLIC = ["home", "team_list", "resource_list", "faq_list", "organization_list", "privacy"]
PUBLIC += ["accessibility"]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_page_needs_no_account_and_sets_no_cookie(client, db, team, name):
    response = client.get(reverse(name))
    assert response.status_code == 200
    assert not response.cookies
    assert response.content.decode().count("<h1") == 1
    assert "csrfmiddlewaretoken" not in response.content.decode()


@pytest.mark.parametrize("name", PUBLIC)
def test_public_page_refuses_to_be_posted_to(client, db, name):
    assert client.post(reverse(name)).status_code == 405


def test_team_detail_answers_a_visitor_without_naming_a_person(client, team, member, facilitator):
    Goal.objects.create(team=team, slug="g", title="Bring people to one table", body="Some *how*.")
    response = client.get(team.get_absolute_url())
    text = visible_text(response)
    assert "Bring people to one table" in text
    assert "1 member from 1 organization" in text
    assert "Rush Example Hospital" in text
    assert f'href="{reverse("join")}?team={team.slug}"' in response.content.decode()
    for person in (member, facilitator):
        assert person.full_name not in response.content.decode()
        assert person.email not in response.content.decode()
    assert not response.cookies


def test_team_detail_does_not_exist_for_an_unknown_team(client, db):
    response = client.get(reverse("team_detail", args=["nowhere"]))
    assert response.status_code == 404
    assert "Page not found" in visible_text(response)


def test_team_detail_shows_an_organization_only_once_it_is_recognized(client, team, applicant):
    text = visible_text(client.get(team.get_absolute_url()))
    assert "Lakeview Health" not in text
    assert "No organization has a member in this team yet" in text


def test_team_detail_of_a_closed_team_offers_no_joining(client, closed_team):
    response = client.get(closed_team.get_absolute_url())
    assert "is not taking new members right now" in visible_text(response)
    assert f"/join/?team={closed_team.slug}" not in response.content.decode()


def test_team_detail_lets_no_scripts_of_facilitators_through(client, team):
    team.why = "<script>alert(1)</script> [x](javascript:alert(1)) **bold**"
    team.save()
    page = client.get(team.get_absolute_url()).content.decode()
    assert "<strong>bold</strong>" in page
    assert "<script>alert" not in page
    assert 'href="javascript' not in page


def test_faq_search_finds_without_case_and_accents_and_marks_the_words(client, faq_entry):
    FaqEntry.objects.create(
        slug="cafe", question="Where is the Café?", answer="On the *first* floor."
    )
    response = client.get(reverse("faq_list"), {"q": "CAFE floor"})
    page = response.content.decode()
    assert "1 answer for “CAFE floor”" in visible_text(response)
    assert "<mark>Café</mark>" in page
    assert '<details class="qa" open>' in page
    assert faq_entry.question not in page


def test_faq_opens_the_first_answer_and_all_on_request(client, faq_entry):
    FaqEntry.objects.create(slug="why", question="Why?", answer="So.", position=2)
    closed = client.get(reverse("faq_list")).content.decode()
    assert re.search(r'href="/faq/\?all=1">(<svg.*?</svg>)?\s*Show all answers', closed, re.DOTALL)
    assert closed.index('<details class="qa" open>') < closed.index('<details class="qa">')
    opened = client.get(reverse("faq_list"), {"all": "1"}).content.decode()
    assert 'href="/faq/">Close all answers' in opened
    assert '<details class="qa">' not in opened
    assert f'href="{reverse("question_ask")}"' in opened


def test_faq_orders_sections_by_topic_and_then_by_team(client, team, other_team):
    for number, (entry_team, topic) in enumerate(
        [(other_team, "about"), (team, "account"), (None, "account"), (None, "about")]
    ):
        FaqEntry.objects.create(
            slug=f"f{number}", question="Why?", answer="So.", team=entry_team, topic=topic
        )
    page = client.get(reverse("faq_list")).content.decode()
    assert re.findall(r'<h2 id="topic-\d">(.+)</h2>', page) == [
        "About us", "Your account and your details", team.name, other_team.name
    ]  # fmt: skip


def test_faq_search_without_a_match_says_what_to_do(client, faq_entry):
    response = client.get(reverse("faq_list"), {"q": "unicorn%_<b>"})
    text = visible_text(response)
    assert "No answers for" in text
    assert "Try fewer or different words" in text
    page = response.content.decode()
    assert 'href="/faq/#topic-1">About' in page
    assert "<b>" not in page


def test_faq_search_ignores_too_long_a_query(client, faq_entry):
    response = client.get(reverse("faq_list"), {"q": "x" * 500})
    assert response.status_code == 200
    assert faq_entry.question in visible_text(response)


def test_faq_hides_what_is_not_published(client, faq_entry):
    faq_entry.is_published = False
    faq_entry.save()
    assert faq_entry.question not in client.get(reverse("faq_list")).content.decode()
    assert client.get(faq_entry.get_absolute_url()).status_code == 404


def test_faq_answers_carry_their_own_id_and_permalink(client, faq_entry):
    page = client.get(reverse("faq_list")).content.decode()
    assert f'<div id="{faq_entry.slug}"' in page
    assert f'href="{faq_entry.get_absolute_url()}"' in page
    single = client.get(faq_entry.get_absolute_url()).content.decode()
    assert "<em>recognized</em>" in single
    assert f'rel="canonical" href="http://127.0.0.1:8000/faq/#{faq_entry.slug}"' in single


def test_faq_data_is_json_that_cannot_leave_its_script(client, faq_entry):
    faq_entry.question = 'Who said "</script><script>alert(1)"?'
    faq_entry.save()
    page = client.get(reverse("faq_list")).content.decode()
    (raw,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, flags=re.S)
    data = json.loads(raw)
    assert data["@type"] == "FAQPage"
    assert data["mainEntity"][0]["name"] == faq_entry.question
    assert "<em>recognized</em>" in data["mainEntity"][0]["acceptedAnswer"]["text"]


def test_organization_list_shows_recognized_ones_with_their_teams(client, member, applicant):
    Organization.objects.create(name="Lonely Proposal")
    text = visible_text(client.get(reverse("organization_list")))
    assert "Rush Example Hospital Education" in text
    assert "Lakeview" not in text
    assert "Lonely" not in text


def test_organization_list_goes_page_by_page(client, administrator, monkeypatch):
    monkeypatch.setattr("teams.views.public.ORGANIZATIONS_PER_PAGE", 2)
    for name in ("Alpha", "Beta", "Gamma"):
        add_organization(name, by=administrator)
    first = visible_text(client.get(reverse("organization_list")))
    assert "Page 1 of 2" in first
    assert "Gamma" not in first
    assert "Gamma" in visible_text(client.get(reverse("organization_list"), {"page": "2"}))
    assert "Gamma" in visible_text(client.get(reverse("organization_list"), {"page": "99"}))
    assert "Alpha" in visible_text(client.get(reverse("organization_list"), {"page": "nonsense"}))


@pytest.mark.parametrize(
    ("email", "message"),
    [
        ("maria@mail.rush.example", "Yes, you can join at once"),
        ("MARIA@RUSH.EXAMPLE ", "Yes, you can join at once"),
        ("wanda@lakeview.example", "Not right away, but you can ask now"),
        ("someone@gmail.com", "This is a personal address"),
        ("nonsense", "Enter your work email address, like name@hospital.org"),
        ("", "Enter your work email address, like name@hospital.org"),
    ],
)
def test_organization_check_answers_from_the_public_list(
    client, organization, applicant, email, message
):
    response = client.post(reverse("organization_check"), {"email": email})
    assert message in visible_text(response)
    assert not response.cookies


def test_organization_check_passes_the_address_on_to_the_join_form(client, organization, team):
    check = reverse("organization_check")
    page = client.post(check, {"email": " Nora+HR@Rush.example"}).content.decode()
    (path,) = re.findall(r'class="btn btn-primary" href="(/join/\?[^"]+)"', page)
    form = client.get(html.unescape(path)).content.decode()
    assert 'value="nora+hr@rush.example"' in form


def test_organization_check_says_that_an_organization_was_declined(
    client, applicant, administrator
):
    check, address = reverse("organization_check"), {"email": "anyone@mail.lakeview.example"}
    organizations = Organization.objects.filter(pk=applicant.organization_id)
    organizations.update(suggested_domain="lakeview.example")
    assert "Not right away" in visible_text(client.post(check, address))
    reason = "Wanda told us in confidence."
    decline_organization(applicant.organization, reason=reason, by=administrator)
    text = visible_text(client.post(check, address))
    assert "Not with this address" in text
    assert "you can still ask" in text
    assert reason not in text
    # Asked again, by the same name or another one: nothing is declined any longer.
    Organization.objects.create(name="Other", suggested_domain="lakeview.example")
    assert "Not right away" in visible_text(client.post(check, address))


def test_organization_check_asks_whether_a_near_domain_was_meant(client, organization):
    check = reverse("organization_check")
    page = client.post(check, {"email": "nora@rsuh.example"})
    assert "Did you mean nora@rush.example?" in visible_text(page)
    assert "Did you mean" not in visible_text(client.post(check, {"email": "nora@rush.example"}))


def test_organization_check_says_the_same_for_members_and_strangers(client, member):
    member_response = client.post(reverse("organization_check"), {"email": member.email})
    stranger_response = client.post(reverse("organization_check"), {"email": "nobody@rush.example"})
    assert member_response.content.replace(b"maria", b"nobody") == stranger_response.content


def test_organization_check_is_limited_and_says_when_to_try_again(client, db, settings):
    assert settings.RATE_LIMITS["check"] == "30/5m/ip"
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "check": "2/5m/ip"}
    for _ in range(2):
        assert (
            client.post(reverse("organization_check"), {"email": "a@b.example"}).status_code == 200
        )
    response = client.post(reverse("organization_check"), {"email": "a@b.example"})
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 300
    assert "minute" in visible_text(response)


def test_organization_check_takes_only_posts(client, db):
    assert client.get(reverse("organization_check"))["Location"] == reverse("organization_list")
    assert client.put(reverse("organization_check")).status_code == 405


def test_team_detail_explains_approval_before_joining(client, approval_team):
    text = visible_text(client.get(approval_team.get_absolute_url()))
    assert "Ask to join" in text
    assert "The team’s facilitators decide each request." in text
    assert "A facilitator decides each request." in visible_text(client.get(reverse("join")))


def test_robots_and_sitemap_name_only_public_pages(client, team):
    robots = client.get(reverse("robots")).content.decode()
    assert "Disallow: /admin/" in robots
    assert "Disallow: /join/done/" in robots
    assert "Disallow: /join/\n" not in robots
    assert "Sitemap: http://127.0.0.1:8000/sitemap.xml" in robots
    sitemap = client.get(reverse("sitemap")).content.decode()
    assert f"<loc>http://127.0.0.1:8000{team.get_absolute_url()}</loc>" in sitemap
    assert "/my/" not in sitemap
    assert "/admin/" not in sitemap


def test_home_says_nothing_where_there_is_nothing_to_count(client, team):
    text = visible_text(client.get(reverse("home")))
    assert "Where we stand" not in text
    assert team.name in text


def test_pages_have_a_strict_content_security_policy(client, db):
    header = client.get(reverse("home"))["Content-Security-Policy"]
    rules = {rule.split()[0]: rule.split()[1:] for rule in header.split(";") if rule.strip()}
    assert rules["default-src"] == ["'none'"]
    assert rules["frame-ancestors"] == ["'none'"]
    assert "unsafe" not in header


def add_content(team, administrator, count: int) -> None:
    """Add `count` more of everything that public pages list."""
    start = Organization.objects.count()
    for number in range(start, start + count):
        employer = add_organization(f"Employer {number}", by=administrator)
        join_teams(make_member(f"p{number}@e{number}.example", employer), [team])
        Goal.objects.create(team=team, slug=f"g{number}", title=f"Goal {number}")
        FaqEntry.objects.create(slug=f"f{number}", question=f"Question {number}?", answer="Yes.")
        FaqEntry.objects.create(slug=f"t{number}", question="Own?", answer="Yes.", team=team)
        make_resource(team)


def test_public_pages_cost_the_same_queries_for_one_and_three_rows(client, team, administrator):
    addresses = [*(reverse(name) for name in PUBLIC), team.get_absolute_url()]
    costs: list[dict[str, int]] = [{}, {}]
    for count, cost in enumerate(costs, 1):
        add_content(team, administrator, count)
        for address in addresses:
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            cost[address] = len(queries)
    assert costs[0] == costs[1]
    # Outside development only the first visit of a second pays for what the fragments hold.
    assert max(costs[0].values()) <= 25


@pytest.mark.parametrize("name", ["dev_components", "dev_desk_components"])
def test_components_are_shown_in_development_only(client, db, settings, name):
    assert client.get(reverse(name)).status_code == 404
    settings.DEBUG = True
    assert client.get(reverse(name)).status_code == 200
