"""The services behind the imports: who comes in, what stays as it is, who gets an email."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from conftest import make_member, membership_of
from members.history.changesets import ChangeSource, change_source
from members.models import EmailDomain, Member, Organization
from members.services import OrganizationData, Refused, lock_organizations, save_with_history
from members.site_identity import site_identity
from teams.models import Membership
from teams.services import (
    MemberData,
    add_organization,
    close_account,
    decline_organization,
    import_members,
    import_organizations,
    join_teams,
    lock_accounts,
)
from teams.upcoming_meetings import upcoming_meetings


@pytest.fixture
def nora_data(organization, team):
    """`nora_data(…)`: what a file says about Nora, with changes."""

    def make(**changes) -> MemberData:
        nora = {
            "email": "nora@rush.example",
            "full_name": "Nora Newcomer",
            "job_title": "HR lead",
            "organization": organization,
            "teams": [team],
        }
        return MemberData(**(nora | changes))

    return make


def run_import(*people, by, send_email=False):
    with transaction.atomic(), change_source(ChangeSource.IMPORT):
        accounts = lock_accounts(data.email for data in people)
        return import_members(people, accounts, by=by, send_email=send_email)


def test_import_members_confirms_new_members_and_sends_no_email(
    facilitator, team, nora_data, queued_emails
):
    result = run_import(nora_data(), by=facilitator)
    nora = Member.objects.get(email="nora@rush.example")
    membership = membership_of(nora, team)
    assert result.created == [nora]
    assert (nora.full_name, nora.job_title) == ("Nora Newcomer", "HR lead")
    assert nora.normalized_name == "newcomer nora"
    assert (nora.organization.name, nora.affiliation_confirmed_by) == (
        "Rush Example Hospital",
        facilitator,
    )
    assert (membership.status, membership.decided_by) == ("active", facilitator)
    assert queued_emails() == []


def test_import_members_writes_history(facilitator, team, nora_data):
    run_import(nora_data(), by=facilitator)
    nora = Member.objects.get(email="nora@rush.example")
    for version in (nora.history.get(), membership_of(nora, team).history.get()):
        assert (version.history_user, version.source) == (facilitator, "import")
        assert version.history_change_reason


def test_import_members_sends_claim_email_to_new_members_on_request(
    facilitator, member, other_team, nora_data, queued_emails
):
    people = [nora_data(), nora_data(email=member.email, teams=[other_team])]
    run_import(*people, by=facilitator, send_email=True)
    (email,) = queued_emails()
    assert email.to == ["nora@rush.example"]
    assert email.subject == "Fay Facilitator created an account for you"
    for body in (email.message, email.html_message):
        for text in ("Education", "nora@rush.example", "/my/", "/my/data/", "code"):
            assert text in body


def test_import_members_keeps_existing_profiles_and_adds_missing_memberships(
    facilitator, member, team, other_team, nora_data
):
    data = nora_data(
        email=member.email, full_name="Forged", job_title="Boss", teams=[team, other_team]
    )
    result = run_import(data, by=facilitator)
    member.refresh_from_db()
    assert (member.full_name, member.job_title) == ("Maria Member", "")
    assert [membership.team for membership in result.created_memberships] == [other_team]
    assert Membership.objects.of(member).active().count() == 2


def test_import_members_keeps_another_confirmed_organization(administrator, outsider, nora_data):
    result = run_import(nora_data(email=outsider.email), by=administrator)
    outsider.refresh_from_db()
    assert outsider.organization.name == "Loop Example Clinic"
    assert result.with_other_organization == {outsider.pk}


def test_import_members_again_changes_nothing(facilitator, nora_data):
    run_import(nora_data(), by=facilitator)
    before = Member.history.count(), Membership.history.count()
    result = run_import(nora_data(), by=facilitator)
    assert result.changes_nothing
    assert len(result.existing) == 1
    assert (Member.history.count(), Membership.history.count()) == before


def test_import_members_approves_requests_and_opens_others_with_the_affiliation(
    facilitator, applicant, team, other_team, approval_team, nora_data, queued_emails
):
    join_teams(applicant, [other_team, approval_team])
    sent = len(queued_emails())
    result = run_import(nora_data(email=applicant.email), by=facilitator)
    applicant.refresh_from_db()
    assert applicant.is_affiliation_confirmed
    assert applicant.organization.name == "Rush Example Hospital"
    memberships = Membership.objects.of(applicant)
    states = {membership.team: membership.status for membership in memberships}
    assert states == {team: "active", other_team: "active", approval_team: "requested"}
    assert len(result.approved_requests) == 2
    assert len(queued_emails()) == sent


def test_import_members_confirms_nobody_of_other_teams(
    other_facilitator, applicant, team, other_team, nora_data, queued_emails
):
    result = run_import(nora_data(email=applicant.email, teams=[other_team]), by=other_facilitator)
    applicant.refresh_from_db()
    assert not applicant.is_affiliation_confirmed
    assert applicant.organization.name == "Lakeview Health"
    assert membership_of(applicant, other_team).is_active
    assert membership_of(applicant, team).is_waiting
    assert (result.unseen, result.existing) == ({applicant.email: {other_team.pk}}, set())
    assert [email.to for email in queued_emails()] == [[applicant.email]]


def test_import_members_confirms_no_one_without_a_new_membership(
    administrator, applicant, nora_data
):
    run_import(nora_data(email=applicant.email, teams=[]), by=administrator)
    applicant.refresh_from_db()
    assert not applicant.is_affiliation_confirmed


def test_import_members_makes_one_member_of_two_rows(facilitator, team, other_team, nora_data):
    result = run_import(
        nora_data(), nora_data(full_name="Other", teams=[team, other_team]), by=facilitator
    )
    (nora,) = result.created
    assert nora.full_name == "Nora Newcomer"
    assert Membership.objects.of(nora).active().count() == 2


def test_import_members_takes_a_merged_address_for_the_remaining_account(
    administrator, member, outsider, nora_data
):
    with transaction.atomic():
        merged = Member.objects.get(pk=outsider.pk)
        save_with_history(merged, administrator, "merged", is_active=False, merged_into=member)
    result = run_import(nora_data(email=outsider.email), by=administrator)
    assert result.existing == {member.pk}
    assert result.changes_nothing


def test_import_members_refuses_a_closed_account_and_stores_nothing(facilitator, member, nora_data):
    address = member.email
    close_account(member)
    Member.objects.filter(pk=member.pk).update(email=address)
    with pytest.raises(Refused, match="closed"):
        run_import(nora_data(), nora_data(email=address), by=facilitator)
    assert not Member.objects.filter(email="nora@rush.example").exists()


@pytest.mark.both_databases
def test_import_members_refuses_an_address_that_someone_has_just_joined_with(
    facilitator, nora_data
):
    make_member("nora@rush.example")
    with pytest.raises(Refused, match="Something has just changed here"), transaction.atomic():
        import_members([nora_data()], {}, by=facilitator)
    assert not Membership.objects.exists()


def test_import_members_refuses_an_account_that_is_merged_meanwhile(
    facilitator, outsider, member, administrator, nora_data
):
    """Another request merges it between the look-up of the address and the lock."""
    merged = []

    def merge_after(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if '"email" IN' in sql and not merged:
            merged.append(sql)
            account = Member.objects.get(pk=outsider.pk)
            changes = {"is_active": False, "merged_into": member}
            save_with_history(account, administrator, "merged", **changes)
        return result

    with (
        connection.execute_wrapper(merge_after),
        pytest.raises(Refused, match="Something has just changed here"),
    ):
        run_import(nora_data(email=outsider.email), by=facilitator)
    assert merged


def test_import_members_queries_do_not_grow_with_the_rows(
    fragment_clock, facilitator, organization, nora_data
):
    def queries(*people) -> int:
        with CaptureQueriesContext(connection) as captured:
            run_import(*people, by=facilitator, send_email=True)
        return len(captured)

    # These are in the cache of fragments then.
    site_identity()
    upcoming_meetings()
    people = [make_member(f"{name}@loop.example", organization) for name in "wxyz"]
    one = queries(nora_data(email="a@rush.example"), nora_data(email=people[0].email))
    three = queries(
        *(nora_data(email=f"{name}@rush.example") for name in "bcd"),
        *(nora_data(email=person.email) for person in people[1:]),
    )
    assert one == three


def run_organization_import(*rows, by):
    """Import these (name, domains)."""
    with change_source(ChangeSource.IMPORT):
        result, _ = import_organizations([OrganizationData(*row) for row in rows], by=by)
        return result


def test_import_organizations_recognizes_new_ones_with_their_domains(facilitator):
    run_organization_import(("North  Example", ["north.example", "n.example"]), by=facilitator)
    created = Organization.objects.named("north example").get()
    assert created.name == "North Example"
    assert (created.status, created.decided_by) == ("recognized", facilitator)
    assert {domain.domain for domain in created.domains.all()} == {"north.example", "n.example"}
    added = EmailDomain.history.filter(organization=created)
    assert [version.source for version in (created.history.get(), *added)] == ["import"] * 3


def test_import_organizations_again_changes_nothing(facilitator, organization):
    result = run_organization_import(("RUSH example hospital", ["rush.example"]), by=facilitator)
    assert result.changes_nothing
    assert (result.errors, result.existing) == ([], {organization.pk})
    assert Organization.history.count() == 1


def test_import_organizations_recognizes_waiting_ones_and_confirms_their_people(
    facilitator, applicant, team, queued_emails
):
    run_organization_import(("Lakeview Health", []), by=facilitator)
    assert membership_of(applicant, team).status == "active"
    assert [email.to for email in queued_emails()] == [[applicant.email]]


def test_import_organizations_confirms_people_at_a_new_domain(
    facilitator, applicant, team, organization
):
    run_organization_import(("Rush Example Hospital", ["lakeview.example"]), by=facilitator)
    applicant.refresh_from_db()
    assert applicant.organization == organization
    assert membership_of(applicant, team).status == "active"


def test_import_organizations_takes_a_former_name_for_the_organization_of_today(
    administrator, organization
):
    Organization.objects.create(
        name="Old Rush",
        status="merged",
        merged_into=organization,
        decided_by=administrator,
        decided_at=organization.created_at,
    )
    result = run_organization_import(("Old Rush", ["old-rush.example"]), by=administrator)
    assert result.existing == {organization.pk}
    assert organization.domains.count() == 2
    with transaction.atomic():
        assert lock_organizations(["old rush"]) == {"old rush": organization}


@pytest.mark.parametrize(
    ("domain", "message"),
    [
        ("gmail.com", "gmail.com: This is a public mailbox provider"),
        ("k12.il.us", "k12.il.us: Many organizations share this domain"),
        ("no domain", "no domain: Enter an email domain"),
        ("loop.example", "loop.example belongs to Loop Example Clinic."),
    ],
)
def test_import_organizations_reports_a_wrong_domain_and_stores_nothing(
    facilitator, other_organization, domain, message
):
    rows = [("South Example", []), ("North Example", [domain])]
    (error,) = run_organization_import(*rows, by=facilitator).errors
    assert (error.index, error.field) == (1, "domains")
    assert error.message.startswith(message)
    assert not Organization.objects.filter(name__endswith="h Example").exists()


def test_import_organizations_reports_a_domain_of_two_rows_in_the_second(facilitator):
    rows = [("North Example", ["n.example"], "", 4), ("South Example", ["n.example"], "", 7)]
    (error,) = run_organization_import(*rows, by=facilitator).errors
    assert (error.index, error.field) == (1, "domains")
    assert error.message == "Row 4 gives n.example to North Example. Remove it from one row."


def test_import_organizations_reports_a_declined_one(facilitator, proposed_organization):
    decline_organization(proposed_organization, reason="Not healthcare.", by=facilitator)
    (error,) = run_organization_import(("Lakeview Health", []), by=facilitator).errors
    assert error.field == "name"
    assert "was declined" in error.message


@pytest.mark.both_databases
def test_import_organizations_refuses_what_someone_adds_at_the_same_time(facilitator):
    """Another request adds the organization between the look-up and the first insert."""
    added = []

    def add_first(execute, sql, params, many, context):
        if sql.startswith("INSERT") and not added:
            added.append(sql)
            add_organization("North Example", by=facilitator)
        return execute(sql, params, many, context)

    with (
        connection.execute_wrapper(add_first),
        pytest.raises(Refused, match="just added"),
        transaction.atomic(),
    ):
        run_organization_import(("North Example", []), by=facilitator)
    assert added
