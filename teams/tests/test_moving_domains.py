"""An email domain goes to another organization, and the people with it: a clinic is sold."""

import pytest

from conftest import make_active_member, make_member, membership_of
from members.models import EmailDomain, Member, Organization
from members.services import Refused, remove_domain
from teams.models import Membership
from teams.services import (
    add_domain,
    count_people_to_move,
    join_teams,
    move_domain,
    move_people,
    set_affiliation,
)

pytestmark = pytest.mark.both_databases


@pytest.fixture
def domain(organization, facilitator) -> EmailDomain:
    """The domain of a clinic that is sold; its people are members of the facilitator's team."""
    add_domain(organization, domain="clinic.example", by=facilitator)
    return EmailDomain.objects.get(domain="clinic.example")


@pytest.fixture
def clinician(domain, organization, team) -> Member:
    return make_active_member("cleo@clinic.example", organization, "Cleo Clinician", team)


@pytest.fixture
def stranger(domain, organization, other_team) -> Member:
    """A person in another team than the facilitator's."""
    return make_active_member("sam@hr.clinic.example", organization, "Sam Stranger", other_team)


def employer(member: Member) -> Organization | None:
    return Member.objects.get(pk=member.pk).organization


def test_domain_moves_with_the_people_of_the_own_teams(
    domain,
    clinician,
    stranger,
    member,
    organization,
    other_organization,
    facilitator,
    administrator,
):
    moved = move_domain(domain, other_organization, with_people=True, by=facilitator)
    assert (moved.moved, moved.confirmed, moved.other_count) == ([clinician], [], 1)
    domain.refresh_from_db()
    assert domain.organization == other_organization
    latest = domain.history.latest()
    assert (latest.history_user, latest.history_change_reason) == (
        facilitator,
        f"moved from {organization}",
    )
    # The membership and the confirmation are as they were; who is elsewhere stays there.
    before, cleo = clinician, Member.objects.get(pk=clinician.pk)
    assert cleo.organization == other_organization
    assert cleo.affiliation_confirmed_at == before.affiliation_confirmed_at
    assert Membership.objects.active().filter(member=cleo).count() == 1
    followed = f"moved with clinic.example to {other_organization}"
    assert cleo.history.latest().history_change_reason == followed
    assert employer(stranger) == organization
    # An administrator moves the others.
    assert count_people_to_move(domain, other_organization, facilitator) == (0, 1)
    with pytest.raises(Refused, match="Nobody in your teams is left to move with clinic.example"):
        move_people(domain, by=facilitator)
    assert move_people(domain, by=administrator).moved == [stranger]
    assert employer(stranger) == other_organization


def test_domain_moves_alone_and_its_people_later(
    domain, clinician, organization, other_organization, facilitator
):
    moved = move_domain(domain, other_organization, with_people=False, by=facilitator)
    assert moved.moved == []
    assert employer(clinician) == organization
    domain.refresh_from_db()
    assert move_people(domain, by=facilitator).moved == [clinician]


def test_people_follow_a_domain_that_was_removed_and_added(
    domain, clinician, other_organization, facilitator
):
    remove_domain(domain, by=facilitator)
    add_domain(other_organization, domain="clinic.example", by=facilitator)
    added = EmailDomain.objects.get(domain="clinic.example")
    assert move_people(added, by=facilitator).moved == [clinician]


def test_domain_moves_and_confirms_who_waits_at_it(
    domain, organization, other_organization, facilitator, team, queued_emails
):
    remove_domain(domain, by=facilitator)
    una = make_member("una@clinic.example", organization, "Una", confirmed=False)
    join_teams(una, [team])
    EmailDomain._base_manager.filter(pk=domain.pk).update(removed_at=None)
    moved = move_domain(domain, other_organization, with_people=True, by=facilitator)
    assert moved.confirmed == [una]
    assert (employer(una), membership_of(una, team).is_active) == (other_organization, True)
    assert queued_emails()[-1].to == [una.email]


def test_people_stay_whom_another_domain_or_organization_holds(
    domain,
    organization,
    other_organization,
    facilitator,
    administrator,
    team,
    proposed_organization,
):
    add_domain(organization, domain="west.clinic.example", by=facilitator)
    stay = [
        make_active_member("wes@west.clinic.example", organization, "Wes", team),
        make_active_member("max@notclinic.example", organization, "Max", team),
        # Confirmed for an organization that never had the domain: on purpose.
        make_active_member("lia@clinic.example", proposed_organization, "Lia", team),
    ]
    closed = make_active_member("cara@clinic.example", organization, "Cara", team)
    Member.objects.filter(pk=closed.pk).update(is_active=False)
    before = [employer(person) for person in stay]
    moved = move_domain(domain, other_organization, with_people=True, by=administrator)
    assert (moved.moved, moved.other_count) == ([], 0)
    assert [employer(person) for person in stay] == before


def test_joining_after_the_move_belongs_to_the_new_organization(
    domain, other_organization, facilitator
):
    move_domain(domain, other_organization, with_people=True, by=facilitator)
    newcomer = make_member("nora@clinic.example")
    assert set_affiliation(newcomer, "").organization == other_organization


def test_domain_does_not_move_where_it_cannot_be(
    domain, organization, other_organization, facilitator, proposed_organization
):
    with pytest.raises(Refused, match="already belongs to Rush Example Hospital"):
        move_domain(domain, organization, with_people=True, by=facilitator)
    with pytest.raises(Refused, match="is not recognized. Recognize it first"):
        move_domain(domain, proposed_organization, with_people=True, by=facilitator)
    remove_domain(domain, by=facilitator)
    with pytest.raises(Refused, match="changed by someone else"):
        move_domain(domain, other_organization, with_people=True, by=facilitator)
