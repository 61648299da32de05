"""The registry of actions: what may be done by whom, without the desk."""

import pytest

from conftest import membership_of
from members.models import Member
from members.services import Refused
from members.tests.decisions import decide
from teams.actions import ACTIONS, get_action, process_decision
from teams.models import Membership


def test_get_action_returns_the_action_of_the_model():
    assert get_action(Membership, "decline").model is Membership
    assert get_action(Member, "decline").model is Member
    with pytest.raises(KeyError):
        get_action(Membership, "recognize")


@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda action: action.execute.__name__)
def test_is_allowed_to_follows_the_role(action, member, facilitator, administrator):
    assert not action.is_allowed_to(member)
    assert action.is_allowed_to(facilitator) == (not action.administrators_only)
    assert action.is_allowed_to(administrator)
    administrator.is_active = False
    assert not action.is_allowed_to(administrator)


def test_administrators_only_are_the_actions_on_accounts():
    keys = {key for key, action in ACTIONS.items() if action.administrators_only}
    assert keys == {
        ("members.member", "merge"),
        ("members.member", "close"),
    }


def test_step_returns_what_happened_in_words(requests, administrator):
    step = get_action(Membership, "approve").step(administrator, {})
    assert step(requests[0].pk) == "Maria Member is an active member of Careers now."
    requests[0].refresh_from_db()
    assert requests[0].is_active


def test_step_refuses_a_record_that_is_gone(administrator):
    step = get_action(Membership, "approve").step(administrator, {})
    with pytest.raises(Refused, match="no longer there"):
        step(10**9)


def test_process_decision_executes_the_registered_action_with_its_form_data(
    member, team, administrator
):
    membership = membership_of(member, team)
    form_data = {"reason": "The year is over."}
    decision = decide(administrator, Membership, [membership.pk], "end", form_data=form_data)
    assert process_decision(decision, seconds=60)
    membership.refresh_from_db()
    assert (membership.status, membership.reason) == ("ended", "The year is over.")
