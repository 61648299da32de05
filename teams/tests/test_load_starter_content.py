"""The starter content is loaded once; what people did with it stays."""

from importlib import import_module

import pytest
from django.apps import apps
from django.core.management import call_command

from members.services import save_with_history
from teams.management.commands import load_starter_content
from teams.markdown import render_markdown
from teams.models import ActionTeam, FaqEntry, Goal, SynonymGroup


def added(teams: int = 3, goals: int = 10, questions: int = 12) -> str:
    return (
        f"Starter content: {teams} teams, {goals} goals, {questions} questions, 9 texts, 1 name, "
        "17 synonym groups added."
    )


def load(capsys) -> str:
    call_command("load_starter_content")
    return capsys.readouterr().out.strip()


@pytest.fixture
def loaded(db, capsys) -> str:
    return load(capsys)


def test_load_starter_content_adds_teams_goals_and_questions(loaded):
    assert loaded == added()
    assert list(ActionTeam.objects.values_list("name", flat=True)) == [
        "Education & Training",
        "Local & Targeted Hiring",
        "Retention & Career Pathways",
    ]
    assert (Goal.objects.count(), FaqEntry.objects.published().general().count()) == (10, 12)


def test_load_starter_content_gives_each_team_its_color_and_drawing(loaded):
    assert list(ActionTeam.objects.values_list("color", "drawing")) == [
        ("plum", "books"),
        ("brick", "map"),
        ("prairie", "stairs"),
    ]


def test_load_starter_content_invents_nothing(loaded):
    for goal in Goal.objects.all():
        assert goal.state == Goal.State.UNREPORTED
        assert (goal.current, goal.target, goal.due_on, goal.reported_on) == (None,) * 4
        assert (goal.unit, goal.state_reason) == ("", "")
    for team in ActionTeam.objects.all():
        assert not team.facilitators.exists()
        assert ("MAPP" in team.achievements) == (team.slug == "retention-career-pathways")


def test_load_starter_content_writes_history(loaded):
    for model in (ActionTeam, Goal, FaqEntry):
        for record in model.objects.all():
            version = record.history.get()
            assert (version.history_change_reason, version.history_user) == (
                "starter content",
                None,
            )


def test_load_starter_content_is_valid_and_readable_markdown(loaded):
    for record in [*ActionTeam.objects.all(), *Goal.objects.all(), *FaqEntry.objects.all()]:
        record.full_clean()
    for entry in FaqEntry.objects.all():
        html = render_markdown(entry.answer)
        assert 1 <= html.count("<p>") <= 2
        assert "](" not in html
        assert "!" not in entry.answer


def test_load_starter_content_adds_nothing_the_second_time(loaded, capsys):
    before = [model.history.count() for model in (ActionTeam, Goal, FaqEntry)]
    assert load(capsys) == "Nothing to add."
    assert [model.history.count() for model in (ActionTeam, Goal, FaqEntry)] == before


def test_load_starter_content_keeps_edits(loaded, capsys, administrator):
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
    assert (entry.is_published, entry.answer) == (False, "Ünlikely")


def test_load_starter_content_gives_synonyms_that_the_desk_accepts(loaded):
    for group in SynonymGroup.objects.all():
        group.full_clean()


def test_load_starter_content_does_not_restore_what_was_removed(loaded, capsys):
    FaqEntry.objects.get(slug="password").delete()
    Goal.objects.get(slug="one-table").delete()
    team = ActionTeam.objects.get(slug="local-targeted-hiring")
    team.goals.all().delete()  # goes past save(), and still leaves a history line for each
    team.delete()
    assert load(capsys) == "Nothing to add."


def test_load_starter_content_respects_changed_slugs(loaded, capsys, administrator):
    save_with_history(
        ActionTeam.objects.get(slug="education-training"), administrator, "x", slug="learning"
    )
    save_with_history(Goal.objects.get(slug="fair-hiring"), administrator, "x", slug="just-hiring")
    assert load(capsys) == "Nothing to add."


def test_load_starter_content_leaves_a_team_made_by_hand_alone(db, capsys):
    ActionTeam.objects.create(name="Education & Training", slug="edu", summary="Ours.")
    assert load(capsys) == added(teams=2, goals=6)
    assert ActionTeam.objects.get(name="Education & Training").summary == "Ours."


def test_load_starter_content_adds_what_is_missing(db, capsys):
    FaqEntry.objects.create(slug="password", question="Password?", answer="No.")
    assert load(capsys) == added(questions=11)
    assert FaqEntry.objects.get(slug="password").answer == "No."


def test_load_starter_content_reports_one_in_the_singular(loaded, capsys):
    FaqEntry.objects.filter(slug="password").delete()
    FaqEntry.history.filter(slug="password").delete()
    assert load(capsys) == "Starter content: 1 question added."


def test_load_starter_content_is_all_or_nothing(db, capsys, monkeypatch):
    broken = [*load_starter_content.QUESTIONS[:5], {"slug": "x", "question": "?", "answer": None}]
    with monkeypatch.context() as patched:
        patched.setattr(load_starter_content, "QUESTIONS", broken)
        with pytest.raises(Exception, match="NOT NULL|not-null|NoneType"):
            load(capsys)
    assert not ActionTeam.objects.exists()
    assert not ActionTeam.history.exists()
    assert load(capsys) == added()


def test_starter_teams_of_an_older_version_get_their_colors_and_drawings(team):
    """The migration, on rows as the version before left them."""
    ActionTeam.objects.filter(pk=team.pk).update(slug="local-targeted-hiring")
    migration = import_module("teams.migrations.0003_colors_of_starter_teams")
    migration.set_looks(apps, None)
    team.refresh_from_db()
    assert (team.color, team.drawing) == ("brick", "map")
