"""Decisions and the mail worker: emails wait, and interrupted decisions are continued."""

from datetime import timedelta

import pytest
from django.utils import timezone
from post_office.models import Email

from collaborative.operations.mail_worker import MailWorker, process_pending_decisions
from collaborative.tests.test_mail_worker import run_until
from conftest import membership_of
from desk.models import Selection
from members.models import UNDO_WINDOW, Decision
from members.services import create_decision, undo_decision
from teams.actions import process_decision
from teams.models import Membership
from teams.services import join_teams

pytestmark = pytest.mark.django_db


@pytest.fixture
def decision(member, colleague, approval_team, administrator) -> Decision:
    """A decision that approves two requests; its process was killed before the first one."""
    for person in (member, colleague):
        join_teams(person, [approval_team])
    Email.objects.all().delete()
    return create_decision(
        Membership,
        "approve",
        title="Approve 2 requests",
        keys=[membership_of(member, approval_team).pk, membership_of(colleague, approval_team).pk],
        form_data={},
        can_be_undone=True,
        by=administrator,
    )


def test_emails_of_a_decision_leave_after_the_undo_window(smtp, clock, decision):
    process_decision(decision, seconds=60)
    sent_at: list[float] = []
    smtp.on_email = lambda count: sent_at.append(clock.seconds)
    run_until(lambda: len(smtp.taken) == 2, clock, {}, stride=1)
    assert min(sent_at) > UNDO_WINDOW.total_seconds()
    assert max(sent_at) < UNDO_WINDOW.total_seconds() + 60


def test_emails_of_an_undone_decision_never_leave(smtp, clock, decision, administrator):
    process_decision(decision, seconds=60)

    def undo() -> None:
        undo_decision(decision, by=administrator)
        process_decision(decision, seconds=60)

    run_until(lambda: clock.seconds > 1000, clock, {100: undo}, stride=20)
    assert smtp.taken == []
    assert Membership.objects.waiting().count() == 2


def test_mail_worker_continues_an_interrupted_decision(smtp, clock, decision):
    Decision.objects.update(created_at=timezone.now())  # by the clock of the test
    run_until(lambda: len(smtp.taken) == 2, clock, {}, stride=1)
    decision.refresh_from_db()
    assert [item.outcome for item in decision.items.all()] == ["done", "done"]
    assert Membership.objects.waiting().count() == 0


def test_decision_of_the_future_is_continued(decision):
    """The clock was set back after its process was killed."""
    Decision.objects.update(created_at=timezone.now() + timedelta(days=1))
    process_pending_decisions()
    assert Membership.objects.waiting().count() == 0


def test_daily_run_deletes_old_decisions_and_selections_and_keeps_the_history(
    smtp, decision, administrator
):
    process_decision(decision, seconds=60)
    Decision.objects.update(finished_at=timezone.now() - timedelta(days=8))
    for days in (6, 8):
        Selection.objects.create(
            by=administrator,
            model_label="teams.membership",
            object_ids=[1],
            created_at=timezone.now() - timedelta(days=days),
        )
    MailWorker().run_once()
    assert not Decision.objects.exists()
    assert Selection.objects.get().created_at > timezone.now() - timedelta(days=7)
    assert Membership.history.filter(history_change_reason="approved").count() == 2
