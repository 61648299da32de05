"""The command demo harms nothing and keeps away from real data."""

import pytest
from django.core.management import CommandError, call_command
from post_office.models import Email

from collaborative.demo import data
from members.models import Member, Organization
from members.services import save_with_history
from teams.models import ActionTeam, Goal, Membership
from teams.services import close_account


@pytest.fixture(autouse=True)
def _development(settings, db):
    settings.DEBUG = True


@pytest.fixture
def run(capsys):
    def run_demo() -> str:
        call_command("demo")
        return capsys.readouterr().out

    return run_demo


def test_demo_interrupted_leaves_nothing_and_then_leaves_alone_what_others_made(run, monkeypatch):
    """In one run that is interrupted when two people have joined, and one that is not: the
    administrator, facilitators, edited teams and goals, accounts that were closed."""
    call_command("load_starter_content", verbosity=0)
    editor = Member.objects.create_superuser("root@example.org", full_name="Root")
    careers = ActionTeam.objects.get(slug=data.CAREERS)
    save_with_history(careers, editor, "renamed", name="Careers")
    goal = Goal.objects.get(slug="one-table")
    save_with_history(goal, editor, "ours", state="reached")
    training = ActionTeam.objects.get(slug=data.TRAINING)
    training.facilitators.add(Member.objects.create_user("keeper@example.org"))
    close_account(Member.objects.create_user("leo@rush.example"))
    people, emails = set(Member.objects.all()), set(Email.objects.all())
    with monkeypatch.context() as patched:
        patched.setattr(data, "PEOPLE", data.PEOPLE[:2])
        with pytest.raises(Membership.DoesNotExist):
            run()
    assert set(Member.objects.all()) == people
    assert set(Email.objects.all()) == emails
    assert run().startswith("Added 12")
    careers.refresh_from_db()
    goal.refresh_from_db()
    assert Member.objects.get(is_superuser=True) == editor
    assert (careers.join_policy, careers.name) == ("open", "Careers")
    assert (goal.state, goal.current) == ("reached", None)
    assert training.facilitators.count() == 2


def test_demo_is_refused_outside_development(run, settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG is off"):
        run()
    assert not Member.objects.exists()


@pytest.mark.parametrize(
    "address", ["a@rush.edu", "a@notexample.org", "a@gmail.com", "a@b.examples"]
)
def test_demo_is_refused_with_real_people(run, address):
    Member.objects.create_user(address)
    with pytest.raises(CommandError, match="holds 1 person with an address"):
        run()
    assert not Organization.objects.exists()


def test_demo_is_refused_without_the_starter_teams(run):
    call_command("load_starter_content", verbosity=0)
    team = ActionTeam.objects.get(slug=data.HIRING)
    team.goals.all().delete()
    team.delete()
    with pytest.raises(CommandError, match="one is gone"):
        run()
    assert not Member.objects.exists()
