"""The first page of the desk: what waits, the oldest first, and the buttons that decide it."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from post_office.models import Email

from conftest import make_active_member, make_member, membership_of, visible_text
from desk.dashboard import DashboardItem
from members.models import EmailDomain, Move, Organization
from members.services import record_bounce
from teams.models import Goal, Membership, Question
from teams.services import add_organization, claim, join_teams, move_member, object_to_move
from teams.tests.meetings import make_meeting

DESK = "/admin/"


def days_ago(days: int):
    return timezone.now() - timedelta(days=days)


def form_actions(response) -> list[str]:
    """The addresses that the forms of the page post to, without signing out."""
    actions = re.findall(r'<form method="post" action="([^"]+)"', response.content.decode())
    return [url.replace("&amp;", "&") for url in actions]


def items_of(response, place: str) -> list[DashboardItem]:
    sections = response.context["dashboard"]["sections"]
    return [item for section in sections if section.kind.place == place for item in section.items]


def names(response, place: str) -> list[str]:
    return [str(item.record) for item in items_of(response, place)]


@pytest.fixture
def unsure(organization, team):
    """A member of a recognized organization whom nobody has confirmed."""
    person = make_member("una@mail.example", organization, "Una Unsure", confirmed=False)
    join_teams(person, [team])
    return person


@pytest.fixture
def request_to_decide(member, approval_team, facilitator) -> Membership:
    approval_team.facilitators.add(facilitator)
    join_teams(member, [approval_team])
    return membership_of(member, approval_team)


# One click each ---------------------------------------------------------------------------------


def test_dashboard_recognizes_with_one_click_and_the_suggested_domain(
    client_for, facilitator, applicant, team
):
    client = client_for(facilitator)
    page = client.get(DESK)
    organization = applicant.organization
    (action,) = form_actions(page)
    checkbox = f"domain_{organization.pk}"
    assert action == f"/admin/members/organization/{organization.pk}/recognize/?from=dashboard"
    assert f'type="checkbox" name="{checkbox}" checked' in page.content.decode()
    response = client.post(action, {checkbox: "on"})
    assert (response.status_code, response["Location"]) == (302, DESK)
    assert EmailDomain.objects.filter(domain="lakeview.example", organization=organization).exists()
    assert membership_of(applicant, team).is_active


def test_dashboard_previews_what_recognizing_does(
    client_for, facilitator, applicant, team, other_team, approval_team, queued_emails
):
    employer = applicant.organization
    walt = make_member("walt@mail.lakeview.example", employer, "Walt", confirmed=False)
    join_teams(walt, [team, other_team, approval_team])
    make_member("wim@lakeview.example", employer, "Wim", confirmed=False)
    client = client_for(facilitator)
    page = client.get(DESK)
    preview = "confirms 3 people, opens up to 3 memberships, sends 2 emails"
    assert f"Recognizing {preview}." in visible_text(page)
    before = len(queued_emails())
    client.post(form_actions(page)[0])
    assert employer.members.exclude(affiliation_confirmed_at=None).count() == 3
    assert Membership.objects.active().filter(member__organization=employer).count() == 3
    assert len(queued_emails()) - before == 2


def test_dashboard_recognizes_without_the_domain_if_it_is_not_ticked(
    client_for, facilitator, applicant
):
    path = f"/admin/members/organization/{applicant.organization_id}/recognize/"
    client_for(facilitator).post(f"{path}?from=dashboard")
    applicant.organization.refresh_from_db()
    assert applicant.organization.is_recognized
    assert not EmailDomain.objects.filter(domain="lakeview.example").exists()


def test_dashboard_does_not_offer_a_domain_of_another_organization(
    client_for, facilitator, applicant, organization
):
    EmailDomain.objects.create(domain="lakeview.example", organization=organization)
    page = client_for(facilitator).get(DESK)
    assert "lakeview.example is the email domain of Rush Example Hospital" in visible_text(page)
    assert 'type="checkbox"' not in page.content.decode()


def test_dashboard_confirms_with_one_click(client_for, facilitator, unsure, team):
    client = client_for(facilitator)
    page = client.get(DESK)
    assert "Una Unsure Employer entered: Rush Example Hospital." in visible_text(page)
    (action,) = form_actions(page)
    assert client.post(action)["Location"] == DESK
    assert membership_of(unsure, team).is_active


def test_dashboard_approves_with_one_click(client_for, facilitator, request_to_decide):
    client = client_for(facilitator)
    action, _claim = form_actions(client.get(DESK))
    assert client.post(action)["Location"] == DESK
    request_to_decide.refresh_from_db()
    assert request_to_decide.is_active


def test_dashboard_links_to_the_pages_of_other_decisions(
    client_for, facilitator, applicant, unsure, request_to_decide, goal
):
    Question.objects.create(text="When do you meet?", email="v@visitor.example")
    client = client_for(facilitator)
    page = client.get(DESK).content.decode()
    links = re.findall(r'href="([^"]+from=dashboard)"', page)
    assert len(links) == 7
    for link in links:
        assert client.get(link.replace("&amp;", "&")).status_code == 200, link


def test_dashboard_offers_no_email_answer_without_an_address(client_for, facilitator):
    question = Question.objects.create(text="When do you meet?")
    page = client_for(facilitator).get(DESK).content.decode()
    assert f"/admin/teams/question/{question.pk}/publish/" in page
    assert "/admin/teams/question/answer/" not in page


# Who sees what ----------------------------------------------------------------------------------


def test_dashboard_shares_only_organizations_and_questions(
    client_for, other_facilitator, applicant, unsure, request_to_decide, goal
):
    Question.objects.create(text="When do you meet?")
    page = client_for(other_facilitator).get(DESK)
    assert "1 person waits, 1 request" in visible_text(page)
    for other in ("Wanda", "Una", "Maria", goal.title):
        assert other not in visible_text(page)
    assert [action.split("/")[5] for action in form_actions(page)] == ["recognize", "claim"]


def test_dashboard_actions_do_not_exist_for_other_teams(
    client_for, other_facilitator, unsure, request_to_decide
):
    client = client_for(other_facilitator)
    for path in (
        f"/admin/members/member/{unsure.pk}/confirm/?from=dashboard",
        f"/admin/teams/membership/{request_to_decide.pk}/approve/?from=dashboard",
    ):
        assert client.post(path).status_code == 404
    request_to_decide.refresh_from_db()
    assert request_to_decide.is_waiting


# Order, age and number --------------------------------------------------------------------------


def test_dashboard_puts_the_oldest_first_and_marks_late_ones(
    client_for, facilitator, approval_team, organization
):
    approval_team.facilitators.add(facilitator)
    for name, days in (("New", 0), ("Oldest", 30), ("Old", 20)):
        person = make_member(f"{name.lower()}@rush.example", organization, name)
        join_teams(person, [approval_team])
        Membership.objects.of(person).update(requested_at=days_ago(days))
    page = client_for(facilitator).get(DESK)
    items = items_of(page, "requests")
    assert [item.record.member.full_name for item in items] == ["Oldest", "Old", "New"]
    assert [item.is_late for item in items] == [True, True, False]
    assert "3 requests 2 late" in visible_text(page)


def test_an_organization_is_as_old_as_its_oldest_request(client_for, facilitator, applicant, team):
    newer = Organization.objects.create(name="Newer Clinic", created_at=days_ago(400))
    person = make_member("n@newer.example", newer, confirmed=False)
    join_teams(person, [team])
    Membership.objects.of(applicant).update(requested_at=days_ago(9))
    page = client_for(facilitator).get(DESK)
    assert names(page, "organizations") == ["Lakeview Health", "Newer Clinic"]
    ages = [item.age for item in items_of(page, "organizations")]
    assert ages[1] == "from today"
    assert re.fullmatch(r"[67] working days old", ages[0])


def test_dashboard_puts_goals_without_any_update_first(client_for, facilitator, goal, team):
    old = timezone.localdate() - timedelta(days=100)
    Goal.objects.create(team=team, slug="old", title="Old", state="on_track", reported_on=old)
    Goal.objects.create(
        team=team, slug="new", title="New", state="on_track", reported_on=timezone.localdate()
    )
    page = client_for(facilitator).get(DESK)
    assert names(page, "goals") == [goal.title, "Old"]
    assert "no update for 100 days" in visible_text(page)


def test_dashboard_shows_ten_items_and_counts_all(client_for, facilitator):
    for number in range(11):
        Question.objects.create(text=f"Question {number}", asked_at=days_ago(20 - number))
    page = client_for(facilitator).get(DESK)
    assert names(page, "questions") == [f"Question {number}" for number in range(10)]
    assert "11 questions to answer" in visible_text(page)
    assert "See all 11" in visible_text(page)


def test_dashboard_shows_similar_organizations(client_for, facilitator, applicant, administrator):
    similar = add_organization("Lakeview Health System", domains=[], by=administrator)
    page = client_for(facilitator).get(DESK)
    assert "Already here with a similar name: Lakeview Health System" in visible_text(page)
    assert f"{applicant.organization_id}/merge/?into={similar.pk}" in page.content.decode()


def test_dashboard_escapes_what_people_enter(client_for, facilitator, applicant):
    Organization.objects.update(name="<b>Bold</b> & Co")
    Question.objects.create(text="<script>x</script>")
    page = client_for(facilitator).get(DESK).content.decode()
    assert "<b>Bold" not in page
    assert "<script>x" not in page


def test_dashboard_costs_the_same_queries_for_one_and_three_items(
    client_for, facilitator, organization, other_organization, team, approval_team
):
    approval_team.facilitators.add(facilitator)
    client = client_for(facilitator)

    def add(number: int) -> None:
        proposed = Organization.objects.create(
            name=f"Clinic {number}", suggested_domain=f"c{number}.example"
        )
        for employer, confirmed, where in (
            (proposed, False, team),
            (organization, False, team),
            (organization, True, approval_team),
        ):
            email = f"m{number}-{where.pk}-{confirmed}-{employer.pk}@x.example"
            person = make_member(email, employer, confirmed=confirmed)
            join_teams(person, [where])
        claim(membership_of(person, approval_team), by=facilitator)
        held = make_active_member(f"held{number}@rush.example", organization, "H", team)
        move_member(held, f"held{number}@loop.example")
        object_to_move(Move.objects.latest("pk"))
        left = make_active_member(f"left{number}@rush.example", organization, "L", team)
        record_bounce(left, left.email, "5.1.1")
        Question.objects.create(text="Why?", email="v@visitor.example")
        Goal.objects.create(team=team, slug=f"goal-{number}", title="Goal")
        make_meeting(team, status="draft", starts_at=timezone.now() + timedelta(days=7))

    add(1)
    client.get(DESK)
    with CaptureQueriesContext(connection) as one:
        client.get(DESK)
    add(2)
    add(3)
    Email.objects.all().delete()
    with CaptureQueriesContext(connection) as three:
        assert names(client.get(DESK), "organizations") == ["Clinic 1", "Clinic 2", "Clinic 3"]
    assert len(one) == len(three) <= 30
