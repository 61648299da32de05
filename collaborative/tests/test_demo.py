"""Demo data shows every state, harms nothing, and stays away from real data."""

from datetime import datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from post_office.models import Email

from collaborative import demo_data
from collaborative.management.commands import demo
from collaborative.management.commands.prepare_development import ADMINISTRATOR
from members import emails
from members.models import Member, Organization
from members.services import record
from teams.models import ActionTeam, FaqEntry, Goal, GoalUpdate, Membership, Question
from teams.services import close_account

COUNTED = (Member, Organization, ActionTeam, Goal, FaqEntry, Membership, Question)


@pytest.fixture(autouse=True)
def _development(settings, db):
    settings.DEBUG = True


@pytest.fixture
def run(capsys):
    def run_demo() -> str:
        call_command("demo")
        return capsys.readouterr().out

    return run_demo


def ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)


def counts() -> list[int]:
    return [kind.objects.count() for kind in COUNTED] + [k.history.count() for k in COUNTED]


def test_demo_shows_organizations_and_people_in_every_state(run):
    assert run().startswith("Added 12 organizations, 33 people, 40 memberships.")
    by_status = [
        Organization.objects.filter(status=status).count() for status in Organization.Status.values
    ]
    assert by_status == [3, 8, 1, 0]
    assert set(Membership.objects.values_list("status", flat=True)) == set(Membership.Status.values)
    assert {stay.waits_for for stay in Membership.objects.waiting()} == {
        "organization",
        "affiliation",
        "approval",
    }
    assert Organization.objects.get(name=demo_data.RIVERBEND).members.count() == 4
    assert Goal.objects.exclude(state="unreported").count() == len(demo_data.NEWS)
    for team in ActionTeam.objects.all():
        assert team.facilitators.count() == 1
        assert team.facilitators.get().is_staff
        assert team.memberships.active().exists()


def test_demo_goals_have_moved_over_months(run):
    run()
    for goal in Goal.objects.filter(slug__in=demo_data.NEWS):
        _, _, reports = demo_data.NEWS[goal.slug]
        updates = list(goal.updates.order_by("reported_at"))
        assert [update.sentence for update in updates] == [report[3] for report in reports]
        assert updates[-1].reported_at.date() == goal.reported_on
        assert goal.state == updates[-1].state
        told = goal.history.exclude(reported_on=None).values_list("history_date", flat=True)
        assert sorted(told) == [update.reported_at for update in updates]
    assert Goal.objects.stale().filter(slug__in=demo_data.NEWS).count() == 1
    assert GoalUpdate.objects.earliest("reported_at").reported_at < ago(300)


def test_demo_has_a_past_of_fourteen_months_in_order_and_what_waits_is_fresh_or_late(run):
    run()
    _waiting_is_fresh_or_late()
    now = timezone.now()
    for stay in Membership.objects.all():
        moments = [stay.requested_at, stay.decided_at, stay.ended_at, now]
        known = [moment for moment in moments if moment]
        assert known == sorted(known)
        assert stay.requested_at >= stay.member.date_joined
        lines = stay.history.order_by("history_date")
        assert [line.pk for line in lines] == sorted(line.pk for line in lines)
        assert lines.last().history_date == known[-2]
    settled = Membership.objects.exclude(status="requested")
    months = {stay.requested_at.strftime("%Y-%m") for stay in settled}
    assert len(months) >= 12
    assert settled.earliest("requested_at").requested_at < ago(420)
    for employer in Organization.objects.all():
        assert employer.created_at <= employer.members.earliest("date_joined").date_joined
        assert employer.decided_at is None or employer.created_at <= employer.decided_at <= now


def _waiting_is_fresh_or_late() -> None:
    waiting = Membership.objects.waiting().values_list("requested_at", flat=True)
    assert min(waiting) < ago(9)
    assert max(waiting) > ago(1)
    asked = Question.objects.waiting().values_list("asked_at", flat=True)
    assert len(asked) == len(demo_data.QUESTIONS)
    assert min(asked) < ago(9)
    assert max(asked) > ago(1)
    assert set(Question.objects.values_list("status", flat=True)) == {
        "waiting",
        "answered",
        "dismissed",
    }


def test_demo_is_visibly_fictional(run):
    run()
    assert not Organization.objects.exclude(name__contains="Example").exists()
    for person in Member.objects.all():
        assert person.email.endswith((".example", "@example.org"))


def test_demo_is_done_by_people_through_the_services(run):
    run()
    for stay in Membership.objects.exclude(status="requested"):
        assert stay.history.filter(history_change_reason="").count() == 0
        assert stay.history.first().history_user
    assert not Membership.history.filter(history_change_reason=None).exists()


def test_demo_tells_who_can_sign_in_and_where(run, settings):
    said = run()
    assert f"{settings.SITE_URL}/sign-in/" in said
    assert f"{ADMINISTRATOR:<26} administrator" in " ".join(said.split("\n"))
    for email, _, _ in demo_data.FACILITATORS.values():
        assert email in said
    for line in said.splitlines()[3:]:
        assert Member.objects.get(email=line.split()[0]).is_active


def test_second_run_adds_nothing_and_says_so(run):
    run()
    before = counts()
    said = run()
    assert said.startswith("The demo data is here already.")
    assert ADMINISTRATOR in said
    assert counts() == before


def test_nobody_who_does_not_exist_is_written_to(run):
    emails.queue("address_code", "dev@example.org", {"code": "BCDFGH", "minutes": 15})
    run()
    assert [mail.to for mail in Email.objects.all()] == [["dev@example.org"]]


def test_the_administrator_that_is_there_is_kept(run):
    Member.objects.create_superuser("root@example.org", full_name="Root")
    run()
    assert list(Member.objects.filter(is_superuser=True).values_list("email", flat=True)) == [
        "root@example.org"
    ]


def test_edited_teams_and_goals_are_left_alone(run):
    call_command("load_starter_content", verbosity=0)
    editor = Member.objects.create_superuser("root@example.org")
    careers = ActionTeam.objects.get(slug=demo_data.CAREERS)
    record(careers, editor, "renamed", name="Careers")
    goal = Goal.objects.get(slug="one-table")
    record(goal, editor, "ours", state="reached")
    run()
    careers.refresh_from_db()
    goal.refresh_from_db()
    assert (careers.join_policy, careers.name) == ("open", "Careers")
    assert (goal.state, goal.current) == ("reached", None)


def test_facilitators_that_are_there_stay(run):
    call_command("load_starter_content", verbosity=0)
    keeper = Member.objects.create_user("keeper@example.org")
    ActionTeam.objects.get(slug=demo_data.TRAINING).facilitators.add(keeper)
    run()
    assert ActionTeam.objects.get(slug=demo_data.TRAINING).facilitators.count() == 2


def test_an_interrupted_run_leaves_nothing_and_is_repeated(run, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(demo, "LEFT", [("nobody@prairie.example", demo_data.TRAINING)])
        with pytest.raises(Membership.DoesNotExist):
            run()
    assert not Member.objects.exists()
    assert not Email.objects.exists()
    assert run().startswith("Added 12")


def test_refuses_outside_development(run, settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG is off"):
        run()
    assert not Member.objects.exists()


@pytest.mark.parametrize(
    "address", ["a@rush.edu", "a@notexample.org", "a@gmail.com", "a@b.examples"]
)
def test_refuses_a_database_with_real_people(run, address):
    Member.objects.create_user(address)
    with pytest.raises(CommandError, match="holds 1 person with an address"):
        run()
    assert not Organization.objects.exists()


def test_accounts_closed_in_development_do_not_count_as_real_people(run):
    Member.objects.create_superuser("root@example.org")
    close_account(Member.objects.create_user("leo@rush.example"))
    assert run().startswith("Added 12")


def test_refuses_without_the_starter_teams(run):
    call_command("load_starter_content", verbosity=0)
    team = ActionTeam.objects.get(slug=demo_data.HIRING)
    team.goals.all().delete()
    team.delete()
    with pytest.raises(CommandError, match="one is gone"):
        run()
    assert not Member.objects.exists()
