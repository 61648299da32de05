"""The state machine of organizations: every step that is allowed, and every one that is not."""

from itertools import product

import pytest
from django.utils import timezone

from members.models import Organization
from members.services.transitions import (
    TRANSITIONS,
    lock_organization,
    new_organization,
    transition,
    transition_all,
)
from members.tests.steps import last_line, refused

Status = Organization.Status

ALLOWED = {
    ("proposed", "recognized"),
    ("proposed", "declined"),
    ("proposed", "merged"),
    ("declined", "proposed"),
    ("declined", "recognized"),
    ("declined", "merged"),
    ("recognized", "merged"),
    # Taking an import back.
    ("recognized", "proposed"),
}
PAIRS = list(product(Status.values, Status.values))


@pytest.fixture
def stored(organization, administrator):
    """`stored(status)`: an organization with this status."""

    def create(status: str) -> Organization:
        fields = {}
        if status != "proposed":
            fields = {"decided_at": timezone.now(), "decided_by": administrator}
        if status == "declined":
            fields["decision_reason"] = "Unknown."
        if status == "merged":
            fields["merged_into"] = organization
        return Organization.objects.create(name="Kappa Clinic", status=status, **fields)

    return create


@pytest.mark.parametrize(("old", "new"), [pair for pair in PAIRS if pair in ALLOWED])
def test_transition_moves_to_every_allowed_status(stored, organization, facilitator, old, new):
    kappa = stored(old)
    changes = {"merged_into": organization} if new == "merged" else {}
    transition(kappa, Status(new), by=facilitator, why="tried", reason="Because.", **changes)
    kappa.refresh_from_db()
    assert kappa.status == new
    assert last_line(kappa) == (facilitator, "tried")
    if new != "proposed":
        assert kappa.decided_by == facilitator
    if new in {"recognized", "declined"}:
        assert kappa.decision_reason == "Because."


@pytest.mark.parametrize(("old", "new"), [pair for pair in PAIRS if pair not in ALLOWED])
def test_transition_refuses_every_other_status(stored, facilitator, old, new):
    kappa = stored(old)
    refused("Kappa Clinic", transition, kappa, Status(new), by=facilitator, why="tried", reason="x")


def test_transitions_know_every_status():
    assert set(TRANSITIONS) == set(Status)


def test_transition_refuses_by_the_stored_status_and_not_by_a_stale_copy(stored, facilitator):
    kappa = stored("proposed")
    transition(lock_organization(kappa), Status.RECOGNIZED, by=facilitator, why="recognized")
    assert kappa.status == Status.PROPOSED
    words = "Kappa Clinic was already recognized on .* by Fay Facilitator. Nothing was changed"
    refused(words, transition, kappa, Status.RECOGNIZED, by=facilitator, why="recognized")


def test_transition_names_one_who_lost_the_desk_to_administrators_alone(
    stored, facilitator, administrator, member
):
    kappa = stored("recognized")
    Organization.objects.filter(pk=kappa.pk).update(decided_by=member)
    for reader, name in ((facilitator, "a member"), (administrator, "Maria Member")):
        words = f"Kappa Clinic was already recognized on .* by {name}. Nothing was changed"
        refused(words, transition, kappa, Status.RECOGNIZED, by=reader, why="recognized")


def test_transition_all_moves_all_or_none(stored, proposed_organization, organization, facilitator):
    kappa = stored("declined")
    both = [kappa, proposed_organization]
    refused(
        "Rush Example Hospital was already recognized",
        transition_all,
        [*both, organization],
        Status.RECOGNIZED,
        by=facilitator,
        why="recognized",
    )
    transition_all(both, Status.RECOGNIZED, by=facilitator, why="recognized")
    for each in both:
        each.refresh_from_db()
        assert (each.status, each.decision_reason) == (Status.RECOGNIZED, "")
        assert last_line(each) == (facilitator, "recognized")


def test_new_organization_is_decided_and_not_stored(facilitator):
    kappa = new_organization(" Kappa \n Clinic ", Status.RECOGNIZED, by=facilitator)
    assert (kappa.name, kappa.normalized_name) == ("Kappa Clinic", "kappa clinic")
    assert (kappa.status, kappa.decided_by, kappa.pk) == (Status.RECOGNIZED, facilitator, None)
