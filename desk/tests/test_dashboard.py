"""The first page of the desk: what waits, the oldest first, and the press that decides it."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from post_office.models import Email

from conftest import make_member, membership_of, visible_text
from members.models import EmailDomain, Organization
from teams.models import Goal, Membership, Question
from teams.services import add_organization, join_teams

DESK = "/admin/"


def days_ago(days: int):
    return timezone.now() - timedelta(days=days)


def presses(response) -> list[str]:
    """Where the forms of the page lead, without signing out."""
    found = re.findall(r'<form method="post" action="([^"]+)"', response.content.decode())
    return [url.replace("&amp;", "&") for url in found]


def names(response, kind: str) -> list[str]:
    return [str(line.row) for line in response.context["today"][kind]]


@pytest.fixture
def unsure(organization, team):
    """Someone of a recognized organization whom nobody has confirmed."""
    person = make_member("una@mail.example", organization, "Una Unsure", confirmed=False)
    join_teams(person, [team])
    return person


@pytest.fixture
def request_to_decide(member, approval_team, facilitator) -> Membership:
    approval_team.facilitators.add(facilitator)
    join_teams(member, [approval_team])
    return membership_of(member, approval_team)


# One press each ---------------------------------------------------------------------------------


def test_recognizing_is_one_press_with_the_domain_ticked(client_for, facilitator, applicant, team):
    client = client_for(facilitator)
    page = client.get(DESK)
    organization = applicant.organization
    (press,) = presses(page)
    tick = f"domain_{organization.pk}"
    assert press == f"/admin/members/organization/{organization.pk}/recognize/?from=dashboard"
    assert f'type="checkbox" name="{tick}" checked' in page.content.decode()
    response = client.post(press, {tick: "on"})
    assert (response.status_code, response["Location"]) == (302, DESK)
    assert EmailDomain.objects.filter(domain="lakeview.example", organization=organization).exists()
    assert membership_of(applicant, team).is_active


def test_today_promises_what_recognizing_does(
    client_for, facilitator, applicant, team, other_team, approval_team, mails
):
    employer = applicant.organization
    walt = make_member("walt@mail.lakeview.example", employer, "Walt", confirmed=False)
    join_teams(walt, [team, other_team, approval_team])
    make_member("wim@lakeview.example", employer, "Wim", confirmed=False)
    client = client_for(facilitator)
    page = client.get(DESK)
    promised = "confirms 3 people, opens up to 3 memberships, sends 2 emails"
    assert f"Recognizing {promised}." in visible_text(page)
    before = len(mails())
    client.post(presses(page)[0])
    assert employer.members.exclude(affiliation_confirmed_at=None).count() == 3
    assert Membership.objects.active().filter(member__organization=employer).count() == 3
    assert len(mails()) - before == 2


def test_without_the_tick_the_domain_stays_free(client_for, facilitator, applicant):
    client = client_for(facilitator)
    client.post(presses(client.get(DESK))[0])
    applicant.organization.refresh_from_db()
    assert applicant.organization.is_recognized
    assert not EmailDomain.objects.filter(domain="lakeview.example").exists()


def test_a_domain_of_another_organization_is_named_and_not_offered(
    client_for, facilitator, applicant, organization
):
    EmailDomain.objects.create(domain="lakeview.example", organization=organization)
    page = client_for(facilitator).get(DESK)
    assert "lakeview.example is the email domain of Rush Example Hospital" in visible_text(page)
    assert 'type="checkbox"' not in page.content.decode()


def test_confirming_is_one_press(client_for, facilitator, unsure, team):
    client = client_for(facilitator)
    page = client.get(DESK)
    assert "Una Unsure from today · says: Rush Example Hospital" in visible_text(page)
    (press,) = presses(page)
    assert client.post(press)["Location"] == DESK
    assert membership_of(unsure, team).is_active


def test_approving_is_one_press(client_for, facilitator, request_to_decide):
    client = client_for(facilitator)
    (press,) = presses(client.get(DESK))
    assert client.post(press)["Location"] == DESK
    request_to_decide.refresh_from_db()
    assert request_to_decide.is_active


def test_what_is_declined_answered_or_reported_has_a_page(
    client_for, facilitator, applicant, unsure, request_to_decide, goal
):
    Question.objects.create(text="When do you meet?", email="v@visitor.example")
    client = client_for(facilitator)
    page = client.get(DESK).content.decode()
    links = re.findall(r'href="([^"]+from=dashboard)"', page)
    assert len(links) == 7
    for link in links:
        assert client.get(link.replace("&amp;", "&")).status_code == 200, link


def test_a_question_without_an_address_is_not_answered_by_mail(client_for, facilitator):
    question = Question.objects.create(text="When do you meet?")
    page = client_for(facilitator).get(DESK).content.decode()
    assert f"/admin/teams/question/{question.pk}/publish/" in page
    assert "/admin/teams/question/answer/" not in page


# Who sees what ----------------------------------------------------------------------------------


def test_only_organizations_and_questions_are_everybodys(
    client_for, other_facilitator, applicant, unsure, request_to_decide, goal
):
    Question.objects.create(text="When do you meet?")
    page = client_for(other_facilitator).get(DESK)
    assert "1 person waits, 1 request" in visible_text(page)
    for other in ("Wanda", "Una", "Maria", goal.title):
        assert other not in visible_text(page)
    assert len(presses(page)) == 1


def test_a_press_about_another_team_does_not_exist(
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


def test_the_oldest_stand_on_top_and_are_late(client_for, facilitator, approval_team, organization):
    approval_team.facilitators.add(facilitator)
    for name, days in (("New", 0), ("Oldest", 30), ("Old", 20)):
        person = make_member(f"{name.lower()}@rush.example", organization, name)
        join_teams(person, [approval_team])
        Membership.objects.of(person).update(requested_at=days_ago(days))
    page = client_for(facilitator).get(DESK)
    lines = page.context["today"]["requests"]
    assert [line.row.member.full_name for line in lines] == ["Oldest", "Old", "New"]
    assert [line.is_late for line in lines] == [True, True, False]
    assert "2 of 3 are overdue" in visible_text(page)
    assert "2 late." in visible_text(page)


def test_an_organization_is_as_old_as_its_oldest_request(client_for, facilitator, applicant, team):
    newer = Organization.objects.create(name="Newer Clinic", created_at=days_ago(400))
    person = make_member("n@newer.example", newer, confirmed=False)
    join_teams(person, [team])
    Membership.objects.of(applicant).update(requested_at=days_ago(9))
    page = client_for(facilitator).get(DESK)
    assert names(page, "organizations") == ["Lakeview Health", "Newer Clinic"]
    ages = [line.age for line in page.context["today"]["organizations"]]
    assert ages[1] == "from today"
    assert re.fullmatch(r"[67] working days old", ages[0])


def test_goals_without_any_update_stand_above_old_ones(client_for, facilitator, goal, team):
    old = timezone.localdate() - timedelta(days=100)
    Goal.objects.create(team=team, slug="old", title="Old", state="on_track", reported_on=old)
    Goal.objects.create(
        team=team, slug="new", title="New", state="on_track", reported_on=timezone.localdate()
    )
    page = client_for(facilitator).get(DESK)
    assert names(page, "goals") == [goal.title, "Old"]
    assert "no update for 100 days" in visible_text(page)


def test_ten_are_shown_and_all_are_counted(client_for, facilitator):
    for number in range(11):
        Question.objects.create(text=f"Question {number}", asked_at=days_ago(20 - number))
    page = client_for(facilitator).get(DESK)
    assert names(page, "questions") == [f"Question {number}" for number in range(10)]
    assert "11 questions to answer" in visible_text(page)
    assert "see all 11" in visible_text(page)


def test_names_that_look_alike_stand_beside_it(client_for, facilitator, applicant, administrator):
    known = add_organization("Lakeview Health System", domains=[], by=administrator)
    page = client_for(facilitator).get(DESK)
    assert "Already here with a name like it: Lakeview Health System" in visible_text(page)
    assert f"{applicant.organization_id}/merge/?into={known.pk}" in page.content.decode()


def test_nothing_that_people_typed_is_markup(client_for, facilitator, applicant):
    Organization.objects.update(name="<b>Bold</b> & Co")
    Question.objects.create(text="<script>x</script>")
    page = client_for(facilitator).get(DESK).content.decode()
    assert "<b>Bold" not in page
    assert "<script>x" not in page


def test_today_needs_the_same_queries_whatever_waits(
    client_for, facilitator, organization, team, approval_team
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
            join_teams(make_member(email, employer, confirmed=confirmed), [where])
        Question.objects.create(text="Why?", email="v@visitor.example")
        Goal.objects.create(team=team, slug=f"goal-{number}", title="Goal")

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
