"""Teams, goals and questions at the desk: one's own, and what all share."""

import pytest
from django.contrib.admin.models import LogEntry
from django.db import transaction

from conftest import make_member, messages_of, visible_text
from desk.tests.action_pages import list_url, listed
from members.models import Member
from members.services.moving import hold
from teams.models import ActionTeam, FaqEntry, Goal
from teams.services import join_teams, search_faq
from teams.tests.meetings import make_meeting

TEAMS = "/admin/teams/actionteam/"
GOALS = "/admin/teams/goal/"
QUESTIONS = "/admin/teams/faqentry/"


def names(model, staff, query="") -> set[str]:
    return {str(record) for record in listed(model, staff, query)}


@pytest.fixture
def other_goal(other_team) -> Goal:
    return Goal.objects.create(team=other_team, slug="hire", title="Hire more people")


@pytest.fixture
def other_question(other_team) -> FaqEntry:
    return FaqEntry.objects.create(team=other_team, slug="hire", question="Hired?", answer="Yes.")


def test_lists_show_ones_own_and_what_is_shared(
    facilitator, team, other_team, goal, other_goal, faq_entry, other_question
):
    assert names(ActionTeam, facilitator) == {"Education"}
    assert names(Goal, facilitator) == {"Bring people to one table"}
    assert names(FaqEntry, facilitator) == {"Who can join?"}


def test_lists_show_an_administrator_all(
    administrator, team, other_team, goal, other_goal, faq_entry, other_question
):
    models = (ActionTeam, Goal, FaqEntry)
    assert [len(names(model, administrator)) for model in models] == [2, 2, 2]


@pytest.mark.parametrize("path", ["change", "history"])
def test_records_of_other_teams_are_not_found(
    client_for, facilitator, other_team, other_goal, other_question, path
):
    client = client_for(facilitator)
    for stem, record in [(TEAMS, other_team), (GOALS, other_goal), (QUESTIONS, other_question)]:
        assert client.get(f"{stem}{record.pk}/{path}/").status_code == 404
        if path == "change":
            assert client.post(f"{stem}{record.pk}/{path}/", {"name": "x"}).status_code == 404


@pytest.mark.parametrize("model", [Goal, FaqEntry])
def test_filters_and_searches_reveal_nothing_of_other_teams(
    client_for, facilitator, goal, other_goal, other_question, faq_entry, model
):
    client, url = client_for(facilitator), list_url(model)
    assert "Hiring" not in visible_text(client.get(f"{url}?_facets"))
    assert names(model, facilitator, "team=hiring") == set()
    assert names(model, facilitator, "q=hire") == set()
    assert client.get(f"{url}?team__id__exact={other_goal.team_id}").status_code == 400


def test_questions_are_filtered_by_team_and_general(facilitator, team, faq_entry):
    FaqEntry.objects.create(team=team, slug="edu", question="Education?", answer="Yes.")
    assert names(FaqEntry, facilitator, "team=*") == {"Who can join?"}
    assert names(FaqEntry, facilitator, "team=education") == {"Education?"}


# Questions ---------------------------------------------------------------------------------


def test_question_is_changed_but_not_its_address(client_for, facilitator, faq_entry):
    form_data = {
        "topic": "joining",
        "question": "Who may join?",
        "answer": "You.",
        "slug": "moved",
        "position": "3",
        "is_published": "on",
    }
    client_for(facilitator).post(f"{QUESTIONS}{faq_entry.pk}/change/", form_data)
    faq_entry.refresh_from_db()
    assert (faq_entry.question, faq_entry.slug) == ("Who may join?", "who-can-join")
    assert search_faq("may").matches == [faq_entry]
    assert faq_entry.history.latest().history_user == facilitator


def test_question_with_a_forged_team_is_refused(client_for, facilitator, other_team):
    form_data = {
        "team": other_team.pk,
        "topic": "joining",
        "question": "Forged?",
        "answer": "Yes.",
        "slug": "forged",
        "position": "0",
    }
    response = client_for(facilitator).post(QUESTIONS + "add/", form_data)
    assert response.context["adminform"].form.errors["team"]
    assert not FaqEntry.objects.exists()


def test_question_leads_to_its_page_only_when_published(client_for, facilitator, faq_entry):
    client = client_for(facilitator)
    path = f"{QUESTIONS}{faq_entry.pk}/change/"
    assert faq_entry.get_absolute_url() in client.get(path).content.decode()
    FaqEntry.objects.update(is_published=False)
    assert faq_entry.get_absolute_url() not in client.get(path).content.decode()


# Teams -------------------------------------------------------------------------------------


@pytest.fixture
def typed_team() -> dict[str, object]:
    return {
        "name": "Learning",
        "slug": "learning",
        "state": "paused",
        "position": "9",
        "color": "rose",
        "drawing": "map",
        "join_policy": "closed",
        "summary": "What it is for.",
        "why": "",
        "achievements": "",
    }


def test_facilitator_changes_the_description_of_a_team_only(
    client_for, facilitator, other_facilitator, team, typed_team
):
    forged = typed_team | {"facilitators": other_facilitator.email}
    client_for(facilitator).post(f"{TEAMS}{team.pk}/change/", forged)
    team.refresh_from_db()
    assert (team.name, team.summary) == ("Learning", "What it is for.")
    assert (team.slug, team.join_policy, team.position) == ("education", "open", 1)
    assert team.state == "published"
    assert (team.color, team.drawing) == ("indigo", "table")
    assert list(team.facilitators.all()) == [facilitator]


def test_team_that_pauses_says_what_is_left_to_decide_and_to_hold(
    client_for, administrator, member, approval_team, typed_team
):
    join_teams(member, [approval_team])
    make_meeting(approval_team)
    client, path = client_for(administrator), f"{TEAMS}{approval_team.pk}/change/"
    page = client.post(path, typed_team | {"state": "draft"})
    assert "Decide their requests first, or choose Paused." in visible_text(page)
    page = client.post(path, typed_team, follow=True)
    text = " ".join(messages_of(page))
    assert "1 request still waits for a decision." in text
    assert "“Winter meeting” on " in text
    assert "Asks to join Learning (paused)." in visible_text(client.get("/admin/"))
    own = visible_text(client_for(member).get("/my/"))
    assert "The team is paused and takes no new members for now" in own


def test_facilitator_adds_no_team(client_for, facilitator, typed_team):
    assert client_for(facilitator).post(TEAMS + "add/", typed_team).status_code == 403
    assert not ActionTeam.objects.filter(slug="learning").exists()


def test_administrator_appoints_facilitators_who_may_then_use_the_desk(
    client_for, administrator, facilitator, member, team, typed_team
):
    form_data = typed_team | {"facilitators": f"Maria <{member.email}>", "join_policy": "approval"}
    client_for(administrator).post(f"{TEAMS}{team.pk}/change/", form_data)
    team.refresh_from_db()
    member.refresh_from_db()
    facilitator.refresh_from_db()
    assert list(team.facilitators.all()) == [member]
    assert (member.is_staff, facilitator.is_staff) == (True, False)
    assert (team.join_policy, team.slug) == ("approval", "education")
    assert client_for(member).get("/admin/").status_code == 200
    assert client_for(facilitator).get("/admin/").status_code == 403


def test_administrator_adds_a_team_with_its_facilitators(
    client_for, administrator, member, typed_team
):
    client_for(administrator).post(
        TEAMS + "add/", typed_team | {"facilitators": member.email.upper()}
    )
    added = ActionTeam.objects.get(slug="learning")
    assert list(added.facilitators.all()) == [member]
    assert (added.color, added.drawing, added.state) == ("rose", "map", "paused")
    member.refresh_from_db()
    assert member.is_staff


def test_new_team_begins_as_a_draft_after_the_others_in_a_color_of_its_own(
    client_for, administrator, team, approval_team
):
    ActionTeam.objects.filter(pk=team.pk).update(color="plum")
    client = client_for(administrator)
    initial = client.get(TEAMS + "add/").context["adminform"].form.initial
    assert initial == {"state": "draft", "position": 4, "color": "brick"}
    added = initial | {"name": "Fourth Team & More", "slug": "", "summary": "New."}
    client.post(TEAMS + "add/", added | {"drawing": "map", "join_policy": "open"})
    assert ActionTeam.objects.get(slug="fourth-team-more").state == "draft"
    assert ActionTeam.objects.get(pk=team.pk).color == "plum"


def test_team_without_letters_for_an_address_asks_for_one(client_for, administrator, typed_team):
    client = client_for(administrator)
    response = client.post(TEAMS + "add/", typed_team | {"name": "团队", "slug": ""})
    assert response.context["adminform"].form.errors["slug"] == [
        "Enter the address: lowercase letters, digits and hyphens."
    ]


def test_change_is_logged_in_the_history_only(client_for, administrator, member, typed_team):
    client_for(administrator).post(TEAMS + "add/", typed_team)
    team = ActionTeam.objects.get(slug="learning")
    client_for(administrator).post(
        f"{TEAMS}{team.pk}/change/", typed_team | {"name": "Learning more"}
    )
    assert team.history.count() >= 2
    assert not LogEntry.objects.exists()


def test_closed_account_cannot_facilitate(
    client_for, administrator, team, organization, typed_team
):
    gone = make_member("gone@rush.example", organization, "Gone")
    Member.objects.filter(pk=gone.pk).update(is_active=False)
    form_data = "fay@rush.example, or so\ngone@rush.example\nsomebody"
    data = typed_team | {"facilitators": form_data}
    response = client_for(administrator).post(f"{TEAMS}{team.pk}/change/", data)
    (text,) = response.context["adminform"].form.errors["facilitators"]
    assert "gone@rush.example, somebody." in text
    assert response.context["adminform"].form["facilitators"].value() == form_data
    assert not team.facilitators.exists()


def test_facilitator_on_hold_stays_one_when_the_team_is_saved(
    client_for, administrator, facilitator, member, team, typed_team
):
    for person in (facilitator, member):
        with transaction.atomic():
            hold(Member.objects.select_for_update().get(pk=person.pk), why="objected")
    client, path = client_for(administrator), f"{TEAMS}{team.pk}/change/"
    client.post(path, typed_team | {"facilitators": facilitator.email})
    team.refresh_from_db()
    facilitator.refresh_from_db()
    assert (team.name, list(team.facilitators.all())) == ("Learning", [facilitator])
    assert facilitator.is_staff
    # Nobody who is on hold becomes one.
    both = {"facilitators": f"{facilitator.email}\n{member.email}"}
    refused = client.post(path, typed_team | both, follow=True)
    assert "Maria Member: the account is on hold" in visible_text(refused)
    assert list(team.facilitators.all()) == [facilitator]


def test_team_list_counts_members_and_organizations(
    client_for, facilitator, member, colleague, outsider
):
    (record,) = client_for(facilitator).get(TEAMS).context["cl"].result_list
    assert (record.active_count, record.organization_count) == (2, 1)
