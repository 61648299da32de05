"""Goals at the desk: what they want is changed on the form, how they stand by reports."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import make_team, visible_text
from desk.records.goals import ReportForm
from desk.tests.action_pages import Form, action_url, forms_of, listed, selection_url
from teams.models import Goal, GoalUpdate
from teams.services import report_goal
from teams.tests.announcements import make_resource

GOALS = "/admin/teams/goal/"


def names(staff, query="") -> set[str]:
    return {str(record) for record in listed(Goal, staff, query)}


@pytest.fixture
def other_goal(other_team) -> Goal:
    return Goal.objects.create(team=other_team, slug="hire", title="Hire more people")


@pytest.fixture
def typed_goal(team) -> dict[str, object]:
    return {"team": team.pk, "title": "Train 40 people", "slug": "train-40", "position": "1"}


@pytest.fixture
def report_data() -> dict[str, str]:
    """What the page of a report sends."""
    return {"state": "on_track", "sentence": "Met twice."}


# The form ------------------------------------------------------------------------------------


def test_goal_is_added_to_ones_own_team_with_history(client_for, facilitator, team, typed_goal):
    client_for(facilitator).post(GOALS + "add/", typed_goal)
    added = Goal.objects.get(slug="train-40")
    assert (added.team, added.state) == (team, "unreported")
    assert added.history.get().history_user == facilitator


def test_added_goal_comes_last_in_its_team(client_for, facilitator, goal, other_goal, typed_goal):
    client = client_for(facilitator)
    Goal.objects.filter(pk=goal.pk).update(position=7)
    Goal.objects.filter(pk=other_goal.pk).update(position=20)
    client.post(GOALS + "add/", typed_goal)
    assert Goal.objects.get(slug="train-40").position == 8


def test_goal_with_a_forged_team_is_refused(client_for, facilitator, other_team, typed_goal):
    response = client_for(facilitator).post(GOALS + "add/", typed_goal | {"team": other_team.pk})
    assert response.context["adminform"].form.errors["team"]
    assert not Goal.objects.exists()


def test_target_that_is_none_is_refused_in_words(client_for, facilitator, goal, typed_goal):
    client = client_for(facilitator)
    for path, target in (("add/", "0"), (f"{goal.pk}/change/", "-5")):
        response = client.post(GOALS + path, typed_goal | {"target": target})
        assert "Give a target above 0, or none." in visible_text(response)
    assert Goal.objects.get().target is None


def test_goal_stays_with_its_team_and_address(
    client_for, facilitator, goal, other_team, typed_goal
):
    forged = typed_goal | {"team": other_team.pk, "slug": "moved"}
    client_for(facilitator).post(f"{GOALS}{goal.pk}/change/", forged)
    goal.refresh_from_db()
    assert (goal.title, goal.slug) == ("Train 40 people", "one-table")
    assert goal.team_id != other_team.pk


def test_form_does_not_change_the_progress_of_a_goal(client_for, facilitator, goal, typed_goal):
    forged = {"state": "reached", "current": "5", "state_reason": "x", "reported_on": "2026-01-01"}
    client_for(facilitator).post(f"{GOALS}{goal.pk}/change/", typed_goal | forged | {"target": "5"})
    goal.refresh_from_db()
    assert (goal.title, goal.target) == ("Train 40 people", 5)
    assert (goal.state, goal.current, goal.state_reason) == ("unreported", None, "")
    assert goal.reported_on is None


def test_target_is_set_changed_and_removed(client_for, facilitator, goal, typed_goal):
    client, path = client_for(facilitator), f"{GOALS}{goal.pk}/change/"
    client.post(path, typed_goal | {"target": "70", "unit": "%", "due_on": "2030-01-01"})
    goal.refresh_from_db()
    assert (goal.target, goal.current, goal.percent) == (70, None, None)
    report_goal(goal, state="on_track", value=Decimal(35), sentence="Half.", by=facilitator)
    client.post(path, typed_goal | {"target": "50"})
    goal.refresh_from_db()
    assert (goal.target, goal.current, goal.percent) == (50, 35, 70)
    client.post(path, typed_goal)
    goal.refresh_from_db()
    assert (goal.target, goal.current) == (None, None)
    assert goal.history.first().current is None
    assert goal.updates.get().value == 35


def test_form_uses_plain_words(client_for, facilitator, goal, team):
    client = client_for(facilitator)
    for path in (f"{GOALS}{goal.pk}/change/", f"/admin/teams/actionteam/{team.pk}/change/"):
        text = visible_text(client.get(path))
        assert "Place " in text
        assert "Address " in text
        assert "Blank line: new paragraph." in text
        for word in ("Slug", "Position", "Markdown"):
            assert word not in text


def test_record_lists_all_updates_newest_first(client_for, facilitator, administrator, goal):
    Goal.objects.update(target=10, unit="jobs")
    for value, by in ((1, administrator), (2, facilitator)):
        report_goal(goal, state="on_track", value=Decimal(value), sentence=f"Got {value}.", by=by)
    GoalUpdate.objects.create(
        goal=goal, state="ended", sentence="Old.", reported_at=timezone.now() - timedelta(days=9)
    )
    text = visible_text(client_for(facilitator).get(f"{GOALS}{goal.pk}/change/"))
    text = text[text.index("Updates") :]
    assert "Got 2. On track 2 jobs Fay Facilitator" in text
    assert "Got 1. On track 1 jobs Ada Admin" in text
    assert "Old. Ended no new one before this history began" in text
    assert text.index("Got 2.") < text.index("Got 1.") < text.index("Old.")


# Reporting -----------------------------------------------------------------------------------


def test_report_is_linked_on_the_record_and_in_the_list(client_for, facilitator, goal):
    client, link = client_for(facilitator), f'href="{action_url("report", goal)}"'
    assert link in client.get(f"{GOALS}{goal.pk}/change/").content.decode()
    response = client.get(GOALS)
    assert link in response.content.decode()
    assert "report" in dict(response.context["action_form"].fields["action"].choices)


def test_report_page_shows_the_number_and_latest_updates(client_for, facilitator, goal):
    Goal.objects.update(target=70, unit="%")
    for number in range(7):
        value = Decimal(number)
        report_goal(goal, state="on_track", value=value, sentence=f"No {number}.", by=facilitator)
    response = client_for(facilitator).get(action_url("report", goal))
    text = visible_text(response)
    assert "Report progress on “Bring people to one table”" in text
    assert "Now, in %" in text
    assert "The target is 70%. The last number is 6%; leave this empty to keep it." in text
    assert "No 6." in text
    assert "No 2." in text
    assert "No 1." not in text
    assert "All updates" in text
    assert goal.updates.count() == 7


def test_report_is_stored_and_confirmed(client_for, facilitator, goal, report_data):
    Goal.objects.update(target=70, unit="%")
    response = client_for(facilitator).post(
        action_url("report", goal), report_data | {"value": "58.5"}, follow=True
    )
    goal.refresh_from_db()
    assert (goal.state, goal.current) == ("on_track", Decimal("58.5"))
    assert goal.updates.get().by == facilitator
    assert response.redirect_chain[-1][0] == f"{GOALS}{goal.pk}/change/"
    assert "Your report on “Bring people to one table” is on the team’s page" in visible_text(
        response
    )


def test_report_without_a_number_is_stored(client_for, facilitator, goal, report_data):
    client_for(facilitator).post(action_url("report", goal), report_data)
    assert goal.updates.get().value is None


def test_report_twice_is_stored_once(client_for, facilitator, goal, report_data):
    client = client_for(facilitator)
    for _ in range(2):
        client.post(action_url("report", goal), report_data)
    assert goal.updates.count() == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state": ""}, "Say how the goal stands."),
        ({"state": "unreported"}, "Say how the goal stands."),
        ({"sentence": " "}, "Say in one sentence what was done."),
        ({"sentence": "x" * 301}, "at most 300 characters"),
        ({"value": "many"}, "Enter a number, such as 58."),
        ({"value": "-5"}, "Enter 0 or a number above it."),
        ({"value": "12345678901"}, "no more than 10 digits before the decimal point"),
    ],
)
def test_report_against_the_rules_is_refused_in_words(report_data, changes, message):
    form = ReportForm(report_data | changes, goals=[Goal(target=70)])
    assert message in str(form.errors)


def test_report_against_the_rules_is_shown_again(client_for, facilitator, goal, report_data):
    response = client_for(facilitator).post(action_url("report", goal), report_data | {"state": ""})
    assert "Say how the goal stands." in visible_text(response)
    assert report_data["sentence"] in response.content.decode()
    assert not GoalUpdate.objects.exists()


def test_report_on_a_goal_without_a_target_takes_no_number(
    client_for, facilitator, goal, report_data
):
    client = client_for(facilitator)
    response = client.get(action_url("report", goal))
    assert 'name="value"' not in response.content.decode()
    assert "set a target on its page" in visible_text(response)
    client.post(action_url("report", goal), report_data | {"value": "5"})
    goal.refresh_from_db()
    assert goal.current is None


def test_report_on_several_goals_offers_one_at_a_time(
    client_for, facilitator, goal, team, report_data
):
    second = Goal.objects.create(team=team, slug="second", title="Second")
    client = client_for(facilitator)
    path = selection_url(client, "report", goal, second)
    response = client.get(path)
    assert "Report on one goal at a time." in visible_text(response)
    for each in (goal, second):
        assert f'href="{action_url("report", each)}?' in response.content.decode()
    assert 'type="submit" class="default"' not in response.content.decode()
    assert "one goal at a time" in visible_text(client.post(path, report_data))
    assert not GoalUpdate.objects.exists()


def test_report_on_a_goal_of_another_team_is_not_found(
    client_for, facilitator, goal, other_goal, report_data
):
    client = client_for(facilitator)
    for key in (other_goal.pk, 10**9):
        path = f"{GOALS}{key}/report/"
        assert client.get(path).status_code == 404
        assert client.post(path, report_data).status_code == 404
    assert not other_goal.updates.exists()


def test_report_is_refused_to_members_and_visitors(client_for, client, member, goal, report_data):
    assert client_for(member).post(action_url("report", goal), report_data).status_code == 403
    assert client.post(action_url("report", goal), report_data).status_code == 302
    assert not GoalUpdate.objects.exists()


# The list ------------------------------------------------------------------------------------


def test_list_shows_the_progress(client_for, facilitator, team):
    expected = {
        "no target": {},
        "target 12 jobs": {"target": 12, "unit": "jobs"},
        "9 of 12 jobs": {"current": 9, "target": 12, "unit": "jobs"},
        "58% of 70%": {"current": 58, "target": 70, "unit": "%"},
    }
    for number, numbers in enumerate(expected.values()):
        Goal.objects.create(team=team, slug=f"g{number}", title="A goal", **numbers)
    text = visible_text(client_for(facilitator).get(GOALS))
    for progress in expected:
        assert f"No update yet {progress} " in text


def test_list_is_filtered_by_goals_without_an_update(facilitator, team, goal, other_goal):
    today = timezone.localdate()
    Goal.objects.create(team=team, slug="fresh", title="Fresh", reported_on=today)
    Goal.objects.create(team=team, slug="old", title="Old", reported_on=date(2020, 1, 1))
    assert names(facilitator, "stale=1") == {"Bring people to one table", "Old"}
    assert names(facilitator) == {"Bring people to one table", "Old", "Fresh"}
    assert names(facilitator, "stale=nonsense") == names(facilitator)


@pytest.mark.parametrize("path", [GOALS, "record"])
def test_pages_need_the_same_queries_for_one_and_three_goals(client_for, administrator, goal, path):
    client = client_for(administrator)
    path = f"{GOALS}{goal.pk}/change/" if path == "record" else path
    client.get(path)  # the first look also asks for what is kept from then on
    costs = []
    for number in (1, 3):
        more = Goal.objects.create(
            team=make_team(f"Team {number}"), slug=f"g{number}", title=f"Goal {number}"
        )
        for record in (goal, more):
            report_goal(
                record, state="on_track", value=None, sentence=f"Step {number}.", by=administrator
            )
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        costs.append(len(queries))
    assert len(set(costs)) == 1


def test_boxes_of_a_record_are_a_named_group(client_for, administrator, team):
    page = client_for(administrator).get("/admin/teams/meeting/add/").content.decode()
    assert "<legend>Teams</legend>" in page
    assert 'for=""' not in page


# Owner and documents -------------------------------------------------------------------------


def form_of(client, goal) -> Form:
    page = client.get(f"{GOALS}{goal.pk}/change/")
    return next(form for form in forms_of(page) if "title" in form.fields)


def test_owner_of_a_goal_facilitates_its_team(
    client_for, administrator, goal, facilitator, member, other_facilitator
):
    client = client_for(administrator)
    fields = form_of(client, goal).fields
    url = f"{GOALS}{goal.pk}/change/"
    client.post(url, fields | {"owner": facilitator.pk})
    goal.refresh_from_db()
    assert goal.owner == facilitator
    refused = client.post(url, fields | {"owner": member.pk})
    assert refused.context["adminform"].form.errors["owner"]
    # Of another team.
    refused = client.post(url, fields | {"owner": other_facilitator.pk})
    assert "Choose someone who facilitates this team." in visible_text(refused)


def test_documents_of_a_goal_are_on_the_page_of_its_team(client, client_for, facilitator, goal):
    document = make_resource(goal.team, title="Hiring plan")
    secret = make_resource(goal.team, title="Salary survey", audience="members")
    staff = client_for(facilitator)
    fields = form_of(staff, goal).fields
    staff.post(f"{GOALS}{goal.pk}/change/", fields | {"documents": [document.pk, secret.pk]})
    assert set(goal.resources.all()) == {document, secret}
    assert goal.history.first().history_change_reason.startswith("documents: Hiring plan")
    page = client.get(goal.team.get_absolute_url()).content.decode()
    goals = page[page.index('id="goal-') :].partition("</li>")[0]
    assert "Hiring plan" in goals
    assert "Salary survey" not in page
    staff.post(f"{GOALS}{goal.pk}/change/", fields | {"documents": []})
    assert not goal.resources.exists()
