"""The starter content is loaded once; what people did with it stays."""

import pytest
from django.core.management import call_command

from members.services import save_with_history
from teams.management.commands import load_starter_content
from teams.markdown import render_markdown
from teams.models import ActionTeam, FaqEntry, Goal


def load(capsys) -> str:
    call_command("load_starter_content")
    return capsys.readouterr().out.strip()


@pytest.fixture
def loaded(db, capsys) -> str:
    return load(capsys)


def test_first_run_adds_teams_goals_and_questions(loaded):
    assert loaded == "Starter content: 3 teams, 10 goals, 11 questions added."
    assert list(ActionTeam.objects.values_list("name", flat=True)) == [
        "Education & Training",
        "Local & Targeted Hiring",
        "Retention & Career Pathways",
    ]
    assert (Goal.objects.count(), FaqEntry.objects.published().general().count()) == (10, 11)


def test_nothing_is_invented(loaded):
    for goal in Goal.objects.all():
        assert goal.state == Goal.State.UNREPORTED
        assert (goal.current, goal.target, goal.due_on, goal.reported_on) == (None,) * 4
        assert (goal.unit, goal.state_reason) == ("", "")
    for team in ActionTeam.objects.all():
        assert not team.facilitators.exists()
        assert ("MAPP" in team.achievements) == (team.slug == "retention-career-pathways")


def test_every_row_says_in_its_history_where_it_comes_from(loaded):
    for kind in (ActionTeam, Goal, FaqEntry):
        for row in kind.objects.all():
            line = row.history.get()
            assert (line.history_change_reason, line.history_user) == ("starter content", None)


def test_every_text_is_valid_and_reads_as_markdown(loaded):
    for row in [*ActionTeam.objects.all(), *Goal.objects.all(), *FaqEntry.objects.all()]:
        row.full_clean()
    for entry in FaqEntry.objects.all():
        html = render_markdown(entry.answer)
        assert 1 <= html.count("<p>") <= 2
        assert "](" not in html
        assert "!" not in entry.answer


def test_second_run_adds_nothing(loaded, capsys):
    before = [kind.history.count() for kind in (ActionTeam, Goal, FaqEntry)]
    assert load(capsys) == "Nothing to add."
    assert [kind.history.count() for kind in (ActionTeam, Goal, FaqEntry)] == before


def test_edits_are_kept(loaded, capsys, administrator):
    team = ActionTeam.objects.get(slug="education-training")
    save_with_history(
        team, administrator, "renamed", name="Learning", why="Ours.", join_policy="closed"
    )
    entry = FaqEntry.objects.get(slug="password")
    save_with_history(entry, administrator, "hidden", is_published=False, answer="Ünlikely")
    assert load(capsys) == "Nothing to add."
    team.refresh_from_db()
    entry.refresh_from_db()
    assert (team.name, team.why, team.join_policy) == ("Learning", "Ours.", "closed")
    assert (entry.is_published, entry.search_text[-8:]) == (False, "unlikely")


def test_removed_rows_stay_away(loaded, capsys):
    FaqEntry.objects.get(slug="password").delete()
    Goal.objects.get(slug="one-table").delete()
    team = ActionTeam.objects.get(slug="local-targeted-hiring")
    team.goals.all().delete()  # goes past save(), and still leaves a history line for each
    team.delete()
    assert load(capsys) == "Nothing to add."


def test_rows_under_a_changed_slug_are_not_made_again(loaded, capsys, administrator):
    save_with_history(
        ActionTeam.objects.get(slug="education-training"), administrator, "x", slug="learning"
    )
    save_with_history(Goal.objects.get(slug="fair-hiring"), administrator, "x", slug="just-hiring")
    assert load(capsys) == "Nothing to add."


def test_a_team_made_by_hand_is_left_alone(db, capsys):
    ActionTeam.objects.create(name="Education & Training", slug="edu", summary="Ours.")
    assert load(capsys) == "Starter content: 2 teams, 6 goals, 11 questions added."
    assert ActionTeam.objects.get(name="Education & Training").summary == "Ours."


def test_missing_rows_are_added_to_what_is_there(db, capsys):
    FaqEntry.objects.create(slug="password", question="Password?", answer="No.")
    assert load(capsys) == "Starter content: 3 teams, 10 goals, 10 questions added."
    assert FaqEntry.objects.get(slug="password").answer == "No."


def test_one_row_is_said_in_the_singular(loaded, capsys):
    FaqEntry.objects.filter(slug="password").delete()
    FaqEntry.history.filter(slug="password").delete()
    assert load(capsys) == "Starter content: 1 question added."


def test_an_interrupted_run_leaves_nothing_and_is_repeated(db, capsys, monkeypatch):
    broken = [*load_starter_content.QUESTIONS[:5], {"slug": "x", "question": "?", "answer": None}]
    with monkeypatch.context() as patched:
        patched.setattr(load_starter_content, "QUESTIONS", broken)
        with pytest.raises(Exception, match="NOT NULL|not-null|NoneType"):
            load(capsys)
    assert not ActionTeam.objects.exists()
    assert not ActionTeam.history.exists()
    assert load(capsys) == "Starter content: 3 teams, 10 goals, 11 questions added."
