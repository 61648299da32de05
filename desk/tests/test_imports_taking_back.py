"""Taking an import back: what ends, what is closed, what loses recognition, and what stays."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from post_office.models import STATUS, Email

from conftest import make_member, membership_of
from desk.imports.taking_back import preview_take_back, take_back
from desk.models import Import
from desk.tests.test_imports_records import NORA, store_members, store_organizations
from members.models import EmailDomain, Member, Organization
from members.services import Refused, set_kind
from teams.models import Attendance, Membership
from teams.services import (
    add_domain,
    add_member,
    end_membership,
    invite_member,
    merge_members,
    merge_organizations,
    request_move,
)
from teams.tests.meetings import make_meeting

TAKEN_BACK = "import taken back"
RUSH = "Rush Example Hospital"


def row_for(email: str, employer: str = RUSH, teams: str = "Education"):
    return (email, "Typed Name", "", employer, teams)


def sign_in(member: Member) -> None:
    Member.objects.filter(pk=member.pk).update(last_login=timezone.now())


def reload(*records):
    for record in records:
        record.refresh_from_db()


@pytest.fixture
def nora_import(facilitator, team, organization) -> Import:
    return store_members(facilitator, NORA)


@pytest.fixture
def nora(nora_import) -> Member:
    return Member.objects.get(email="nora@rush.example")


# Members -----------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_take_back_ends_memberships_and_closes_unused_accounts(
    nora_import, nora, facilitator, team, queued_emails
):
    take_back(nora_import, by=facilitator)
    membership = membership_of(nora, team)
    assert (membership.status, membership.reason) == ("ended", TAKEN_BACK)
    assert (membership.ended_by, membership.history.first().source) == (facilitator, "import")
    reload(nora, nora_import)
    assert (nora.is_active, nora.email) == (False, f"closed-{nora.pk}@closed.invalid")
    assert (nora.full_name, nora.normalized_name, nora.job_title) == ("", "", "")
    assert nora.closed_at is not None
    assert nora.history.first().history_change_reason == TAKEN_BACK
    assert not Member.history.exclude(email__contains="closed").filter(id=nora.pk).exists()
    assert not Member.history.filter(id=nora.pk).exclude(full_name="").exists()
    assert (nora_import.state, nora_import.taken_back_by) == ("taken_back", facilitator)
    assert {record.outcome for record in nora_import.records.all()} == {"taken_back"}
    assert queued_emails() == []


def test_take_back_deletes_the_emails_that_still_wait(
    facilitator, team, organization, outsider, queued_emails
):
    rows = [NORA, row_for(outsider.email, "Loop Example Clinic")]
    record = store_members(facilitator, *rows, send_email=True)
    assert len(queued_emails()) == 2
    take_back(record, by=facilitator)
    assert queued_emails() == []


def test_take_back_erases_the_address_wherever_it_was_written_to(
    nora_import, nora, facilitator, queued_emails
):
    invitation = invite_member(nora, by=facilitator)
    Email.objects.update(status=STATUS.sent)
    take_back(nora_import, by=facilitator)
    reload(invitation, nora)
    assert nora.closed_at is not None
    assert (invitation.email, invitation.note) == (f"erased-{invitation.pk}@closed.invalid", "")
    assert invitation.cancelled_at is not None
    assert queued_emails() == []


def test_take_back_leaves_people_alone_who_have_used_their_account(
    nora_import, nora, facilitator, team
):
    sign_in(nora)
    take_back(nora_import, by=facilitator)
    reload(nora)
    assert nora.is_active
    assert membership_of(nora, team).is_active
    assert {record.outcome for record in nora_import.records.all()} == {"kept"}


def test_take_back_ends_used_memberships_if_asked_to(nora_import, nora, facilitator, team):
    sign_in(nora)
    take_back(nora_import, by=facilitator, end_used=True)
    reload(nora)
    assert nora.is_active
    assert membership_of(nora, team).reason == TAKEN_BACK


def test_take_back_does_not_close_accounts_that_belong_to_another_team(
    nora_import, nora, facilitator, other_facilitator, team, other_team, organization
):
    add_member(
        nora.email, full_name="", organization=organization, team=other_team, by=other_facilitator
    )
    take_back(nora_import, by=facilitator)
    reload(nora)
    assert nora.is_active
    assert membership_of(nora, team).reason == TAKEN_BACK
    assert membership_of(nora, other_team).is_active


def test_take_back_does_not_close_an_account_that_another_was_merged_into(
    nora_import, nora, facilitator, administrator, organization
):
    merge_members(make_member("old@rush.example", organization), nora, by=administrator)
    take_back(nora_import, by=facilitator)
    reload(nora)
    assert nora.is_active


def test_take_back_does_not_close_an_account_whose_owner_asked_for_another_address(
    nora_import, nora, facilitator
):
    # A code to the new address has proven that there is somebody.
    asked = {"full_name": "Nora", "organization_name": "Nora Care", "note": ""}
    request_move(nora.email, "nora@mailbox.example", **asked)
    take_back(nora_import, by=facilitator)
    reload(nora)
    assert nora.is_active
    assert nora.moves.get().is_requested


def test_take_back_does_not_touch_accounts_that_were_here_before(
    facilitator, team, organization, outsider, other_team
):
    record = store_members(facilitator, row_for(outsider.email, "Loop Example Clinic"))
    take_back(record, by=facilitator)
    reload(outsider)
    assert (outsider.is_active, outsider.full_name) == (True, "Olga Outsider")
    assert membership_of(outsider, team).status == "ended"
    assert membership_of(outsider, other_team).is_active


def test_take_back_lets_approved_requests_wait_again_and_takes_confirmations_back(
    facilitator, team, organization, applicant, proposed_organization
):
    asked_at = membership_of(applicant, team).requested_at
    record = store_members(facilitator, row_for(applicant.email))
    assert membership_of(applicant, team).is_active
    take_back(record, by=facilitator)
    reload(applicant)
    membership = membership_of(applicant, team)
    assert (membership.status, membership.decided_by) == ("requested", None)
    assert (membership.requested_at, membership.decided_at) == (asked_at, None)
    assert applicant.organization == proposed_organization
    assert not applicant.is_affiliation_confirmed


def test_take_back_keeps_a_confirmation_that_another_membership_rests_on(
    administrator, facilitator, team, other_team, organization, applicant
):
    record = store_members(facilitator, row_for(applicant.email))
    store_members(administrator, row_for(applicant.email, teams="Hiring"))
    take_back(record, by=facilitator)
    reload(applicant)
    assert applicant.is_affiliation_confirmed


def test_take_back_leaves_memberships_of_teams_that_are_out_of_sight(
    nora_import, nora, facilitator, team
):
    team.facilitators.remove(facilitator)
    take_back(nora_import, by=facilitator)
    reload(nora)
    assert nora.is_active
    assert membership_of(nora, team).is_active


def test_take_back_after_a_membership_was_ended_by_hand_erases_what_was_written(
    nora_import, nora, facilitator, team
):
    end_membership(membership_of(nora, team), reason="Nora said so.", by=facilitator)
    take_back(nora_import, by=facilitator)
    reload(nora)
    assert nora.closed_at is not None
    assert membership_of(nora, team).reason == "Erased with the account."
    outcomes = dict(nora_import.records.values_list("model_label", "outcome"))
    assert outcomes == {"members.member": "taken_back", "teams.membership": ""}


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.both_databases
def test_take_back_of_two_imports_closes_an_account_that_both_gave_a_membership(
    administrator, team, other_team, organization, step
):
    imports = [
        store_members(administrator, row_for("nora@rush.example", teams=teams))
        for teams in ("Education", "Hiring")
    ]
    nora = Member.objects.get(email="nora@rush.example")
    first, second = imports[::step]
    take_back(first, by=administrator)
    reload(nora)
    assert nora.is_active
    take_back(second, by=administrator)
    reload(nora)
    assert nora.closed_at is not None
    outcomes = {record.outcome for each in imports for record in each.records.all()}
    assert outcomes == {"taken_back"}


def test_take_back_leaves_people_alone_who_were_seen_at_a_meeting(
    nora_import, nora, facilitator, team
):
    meeting = make_meeting()
    Attendance.objects.create(meeting=meeting, member=nora, came=True)
    take_back(nora_import, by=facilitator)
    reload(nora)
    assert nora.is_active


def test_taken_back_list_can_be_imported_again(nora_import, nora, facilitator, team):
    take_back(nora_import, by=facilitator)
    store_members(facilitator, NORA)
    again = Member.objects.get(email="nora@rush.example")
    assert (again.pk != nora.pk, membership_of(again, team).is_active) == (True, True)


# Organizations -----------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_take_back_of_organizations_removes_recognition_and_domains(
    facilitator, organization, proposed_organization, queued_emails
):
    before = EmailDomain._base_manager.count()
    record = store_organizations(
        facilitator,
        ("North Example", "north.example"),
        ("Lakeview Health", ""),
        (RUSH, "rush2.example"),
    )
    take_back(record, by=facilitator)
    north = Organization.objects.get(name="North Example")
    reload(organization, proposed_organization)
    assert (north.status, proposed_organization.status) == ("proposed", "proposed")
    assert (north.decided_at, north.history.first().history_change_reason) == (None, TAKEN_BACK)
    assert organization.is_recognized
    assert [domain.domain for domain in EmailDomain.objects.all()] == ["rush.example"]
    assert EmailDomain._base_manager.count() == before + 2
    assert queued_emails() == []


def test_taken_back_organizations_can_be_imported_again_with_the_right_domains(facilitator):
    record = store_organizations(
        facilitator, ("North", "south.example"), ("South", "north.example")
    )
    take_back(record, by=facilitator)
    store_organizations(facilitator, ("North", "north.example"), ("South", "south.example"))
    north = Organization.objects.get(name="North")
    assert north.is_recognized
    assert [domain.domain for domain in north.domains.all()] == ["north.example"]


def test_take_back_of_organizations_keeps_what_people_are_confirmed_for(
    facilitator, applicant, proposed_organization, team
):
    record = store_organizations(facilitator, ("Lakeview Health", "lakeview.example other.example"))
    take_back(record, by=facilitator)
    reload(applicant, proposed_organization)
    assert proposed_organization.is_recognized
    assert membership_of(applicant, team).is_active
    assert [domain.domain for domain in proposed_organization.domains.all()] == ["lakeview.example"]
    kept = {record.object_id for record in record.records.filter(outcome="kept")}
    assert proposed_organization.pk in kept


@pytest.mark.parametrize("built", ["domain", "former name", "person"])
def test_take_back_of_organizations_keeps_what_was_built_upon_since(
    facilitator, administrator, team, proposed_organization, built
):
    record = store_organizations(facilitator, ("North Example", "north.example"))
    north = Organization.objects.get(name="North Example")
    if built == "domain":
        add_domain(north, domain="n.example", by=facilitator)
    elif built == "former name":
        merge_organizations(proposed_organization, north, by=facilitator)
    else:
        store_members(facilitator, row_for("ned@hr.north.example", "North Example"))
    take_back(record, by=facilitator)
    reload(north)
    assert north.is_recognized
    # Nobody rests on the domain but the person.
    assert EmailDomain.objects.filter(domain="north.example").exists() is (built == "person")


def test_take_back_leaves_a_domain_that_was_given_to_another_organization_since(
    facilitator, organization
):
    record = store_organizations(facilitator, ("North Example", "north.example"))
    north = Organization.objects.get(name="North Example")
    merge_organizations(north, organization, by=facilitator)
    take_back(record, by=facilitator)
    reload(north)
    assert north.is_merged
    assert EmailDomain.objects.owner_of("north.example") == organization


@pytest.mark.both_databases
def test_take_back_of_organizations_removes_kinds_unless_changed_since(
    facilitator, organization, other_organization, proposed_organization
):
    rows = [
        (name, "", status, "Employer")
        for name, status in [
            ("North Example", ""), (RUSH, ""), ("Loop Example Clinic", ""),
            ("Lakeview Health", "Proposed"), ("South Example", ""),
        ]
    ]  # fmt: skip
    set_kind(other_organization, "employer", by=facilitator)
    record = store_organizations(facilitator, *rows)
    north, south = (Organization.objects.get(name=f"{each} Example") for each in ("North", "South"))
    add_domain(south, domain="south.example", by=facilitator)
    set_kind(organization, "funder", by=facilitator)
    preview = preview_take_back(record, by=facilitator)
    take_back(record, by=facilitator)
    assert preview.effects == [
        "1 organization is no longer recognized.",
        "2 organizations lose the kind that the file gave them.",
    ]
    kinds = dict(Organization.objects.values_list("name", "kind"))
    # Changed since; there before; built upon since.
    assert kinds == {
        "North Example": "",
        "Lakeview Health": "",
        RUSH: "funder",
        "Loop Example Clinic": "employer",
        "South Example": "employer",
    }
    assert north.history.first().kind == ""
    outcomes = dict(record.records.values_list("object_id", "outcome"))
    assert outcomes == {
        north.pk: "taken_back",
        proposed_organization.pk: "taken_back",
        organization.pk: "kept",
        south.pk: "kept",
    }


# Preview, refusals, size -------------------------------------------------------------------------


def test_preview_take_back_says_what_happens_and_changes_nothing(
    facilitator, team, organization, applicant
):
    record = store_members(facilitator, NORA, row_for("a@rush.example"), row_for(applicant.email))
    used = Member.objects.get(email="a@rush.example")
    sign_in(used)
    preview = preview_take_back(record, by=facilitator)
    assert preview.effects == [
        "1 membership ends.",
        "1 request waits again.",
        "1 account is closed, and its name and address are erased for good.",
        "1 person is no longer confirmed for the organization in the file.",
    ]
    assert preview.kept[Member] == [used.pk]
    assert preview.can_end_used
    assert Membership.objects.active().filter(team=team).count() == 3
    assert record.records.exclude(outcome="").count() == 0


@pytest.mark.both_databases
def test_take_back_is_refused_twice_and_after_its_time(nora_import, nora, facilitator, team):
    finished_at = timezone.now() - timedelta(days=14, minutes=1)
    Import.objects.update(finished_at=finished_at)
    with pytest.raises(Refused, match="too late"):
        take_back(nora_import, by=facilitator)
    Import.objects.update(finished_at=finished_at + timedelta(minutes=2))
    take_back(nora_import, by=facilitator)
    with pytest.raises(Refused, match="was taken back on .* by Fay Facilitator"):
        take_back(nora_import, by=facilitator)


def test_take_back_needs_the_same_queries_for_one_and_for_three_people(
    facilitator, team, organization
):
    def queries(*addresses) -> int:
        record = store_members(facilitator, *map(row_for, addresses), send_email=True)
        with CaptureQueriesContext(connection) as captured:
            take_back(record, by=facilitator)
        return len(captured)

    one = queries("a@rush.example")
    assert one == queries("b@rush.example", "c@rush.example", "d@rush.example")


def test_take_back_of_an_import_by_an_administrator_reaches_people_without_a_team(
    administrator, organization
):
    record = store_members(administrator, row_for("ana@rush.example", teams=""))
    ana = Member.objects.get(email="ana@rush.example")
    take_back(record, by=administrator)
    reload(ana)
    assert ana.closed_at is not None
