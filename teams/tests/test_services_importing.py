"""The services behind the imports: who comes in, what stays as it is, who is told."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from conftest import make_member, membership_of
from members.models import ChangeSource, EmailDomain, Member, Organization, change_source
from members.services import (
    OrganizationImport,
    Refused,
    add_organization,
    decline_organization,
    organizations_named,
    save_with_history,
)
from teams.models import Membership
from teams.services import MemberRow, accounts_of, close_account, import_members, join_teams


@pytest.fixture
def row(organization, team):
    """`row(…)`: what a file says of Nora, with changes."""

    def make(**changes) -> MemberRow:
        nora = {
            "email": "nora@rush.example",
            "full_name": "Nora Newcomer",
            "job_title": "HR lead",
            "organization": organization,
            "teams": [team],
        }
        return MemberRow(**(nora | changes))

    return make


def imported(*rows, by, with_mail=False):
    with transaction.atomic(), change_source(ChangeSource.IMPORT):
        accounts = accounts_of(row.email for row in rows)
        return import_members(rows, accounts, by=by, with_mail=with_mail)


def test_new_member_is_confirmed_and_active_and_gets_no_mail(facilitator, team, row, mails):
    done = imported(row(), by=facilitator)
    nora = Member.objects.get(email="nora@rush.example")
    stay = membership_of(nora, team)
    assert done.new == [nora]
    assert (nora.full_name, nora.job_title) == ("Nora Newcomer", "HR lead")
    assert nora.normalized_name == "newcomer nora"
    assert (nora.organization.name, nora.affiliation_confirmed_by) == (
        "Rush Example Hospital",
        facilitator,
    )
    assert (stay.status, stay.decided_by) == ("active", facilitator)
    assert mails() == []


def test_import_is_told_in_the_history(facilitator, team, row):
    imported(row(), by=facilitator)
    nora = Member.objects.get(email="nora@rush.example")
    for version in (nora.history.get(), membership_of(nora, team).history.get()):
        assert (version.history_user, version.how) == (facilitator, "import")
        assert version.history_change_reason


def test_claim_mail_goes_to_new_members_only_and_only_if_asked_for(
    facilitator, member, other_team, row, mails
):
    rows = [row(), row(email=member.email, teams=[other_team])]
    imported(*rows, by=facilitator, with_mail=True)
    (mail,) = mails()
    assert mail.to == ["nora@rush.example"]
    assert mail.subject == "Fay Facilitator made an account for you"
    for text in (mail.message, mail.html_message):
        for told in ("Education", "nora@rush.example", "/my/", "/my/data/", "code"):
            assert told in text


def test_known_member_keeps_the_profile_and_joins_what_is_missing(
    facilitator, member, team, other_team, row
):
    typed = row(email=member.email, full_name="Forged", job_title="Boss", teams=[team, other_team])
    done = imported(typed, by=facilitator)
    member.refresh_from_db()
    assert (member.full_name, member.job_title) == ("Maria Member", "")
    assert [stay.team for stay in done.begun] == [other_team]
    assert Membership.objects.of(member).active().count() == 2


def test_known_member_keeps_another_confirmed_organization(facilitator, outsider, row):
    done = imported(row(email=outsider.email), by=facilitator)
    outsider.refresh_from_db()
    assert outsider.organization.name == "Loop Example Clinic"
    assert done.elsewhere == {outsider.pk}


def test_importing_again_changes_nothing(facilitator, row):
    imported(row(), by=facilitator)
    before = Member.history.count(), Membership.history.count()
    done = imported(row(), by=facilitator)
    assert done.changes_nothing
    assert len(done.known) == 1
    assert (Member.history.count(), Membership.history.count()) == before


def test_waiting_request_is_approved_with_the_affiliation_and_frees_other_open_requests(
    facilitator, applicant, team, other_team, approval_team, row, mails
):
    join_teams(applicant, [other_team, approval_team])
    sent = len(mails())
    done = imported(row(email=applicant.email), by=facilitator)
    applicant.refresh_from_db()
    assert applicant.is_affiliation_confirmed
    assert applicant.organization.name == "Rush Example Hospital"
    states = {stay.team: stay.status for stay in Membership.objects.of(applicant)}
    assert states == {team: "active", other_team: "active", approval_team: "requested"}
    assert len(done.opened) == 2
    assert len(mails()) == sent


def test_nobody_is_vouched_for_without_a_membership_that_begins(administrator, applicant, row):
    imported(row(email=applicant.email, teams=[]), by=administrator)
    applicant.refresh_from_db()
    assert not applicant.is_affiliation_confirmed


def test_two_rows_of_one_person_are_one_member(facilitator, team, other_team, row):
    done = imported(row(), row(full_name="Other", teams=[team, other_team]), by=facilitator)
    (nora,) = done.new
    assert nora.full_name == "Nora Newcomer"
    assert Membership.objects.of(nora).active().count() == 2


def test_merged_address_means_the_account_that_goes_on(administrator, member, outsider, row):
    with transaction.atomic():
        old = Member.objects.get(pk=outsider.pk)
        save_with_history(old, administrator, "merged", is_active=False, merged_into=member)
    done = imported(row(email=outsider.email), by=administrator)
    assert done.known == {member.pk}
    assert done.changes_nothing


def test_closed_account_is_refused_and_nothing_is_stored(facilitator, member, row):
    address = member.email
    close_account(member)
    Member.objects.filter(pk=member.pk).update(email=address)
    with pytest.raises(Refused, match="closed"):
        imported(row(), row(email=address), by=facilitator)
    assert not Member.objects.filter(email="nora@rush.example").exists()


def test_address_that_somebody_joined_with_meanwhile_is_refused(facilitator, row):
    make_member("nora@rush.example")
    with pytest.raises(Refused, match="just joined"), transaction.atomic():
        import_members([row()], {}, by=facilitator)
    assert not Membership.objects.exists()


def test_queries_of_an_import_do_not_grow_with_its_rows(facilitator, row):
    def queries(*rows) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            imported(*rows, by=facilitator, with_mail=True)
        return len(captured)

    one = queries(row(email="a@rush.example"))
    three = queries(*(row(email=f"{name}@rush.example") for name in "bcd"))
    assert one == three


def organizations(*rows, by):
    """Import these (name, domains); returns the import and what it refused."""
    with transaction.atomic(), change_source(ChangeSource.IMPORT):
        domains = [domain for _, listed in rows for domain in listed]
        file = OrganizationImport([name for name, _ in rows], domains, by=by)
        refused = [refusal for row in rows for refusal in file.take(*row)]
        if not refused:
            file.store()
    return file, [(refusal.column, str(refusal)) for refusal in refused]


def test_new_organization_is_recognized_with_its_domains(facilitator):
    organizations(("North  Example", ["north.example", "n.example"]), by=facilitator)
    made = Organization.objects.named("north example").get()
    assert (made.name, made.status, made.decided_by) == ("North Example", "recognized", facilitator)
    assert {row.domain for row in made.domains.all()} == {"north.example", "n.example"}
    added = EmailDomain.history.filter(organization=made)
    assert [version.how for version in (made.history.get(), *added)] == ["import"] * 3


def test_organizations_imported_again_change_nothing(facilitator, organization):
    file, refused = organizations(("RUSH example hospital", ["rush.example"]), by=facilitator)
    assert (file.new, file.added, refused) == ([], [], [])
    assert file.known == {organization.pk}
    assert Organization.history.count() == 1


def test_waiting_organization_is_recognized_and_its_people_are_released(
    facilitator, applicant, team, mails
):
    organizations(("Lakeview Health", []), by=facilitator)
    assert membership_of(applicant, team).status == "active"
    assert [mail.to for mail in mails()] == [[applicant.email]]


def test_new_domain_releases_who_waits_there(facilitator, applicant, team, organization):
    organizations(("Rush Example Hospital", ["lakeview.example"]), by=facilitator)
    applicant.refresh_from_db()
    assert applicant.organization == organization
    assert membership_of(applicant, team).status == "active"


def test_former_name_means_the_organization_of_today(administrator, organization):
    Organization.objects.create(
        name="Old Rush",
        status="merged",
        merged_into=organization,
        decided_by=administrator,
        decided_at=organization.created_at,
    )
    file, _ = organizations(("Old Rush", ["old-rush.example"]), by=administrator)
    assert file.known == {organization.pk}
    assert organization.domains.count() == 2
    with transaction.atomic():
        assert organizations_named(["old rush"]) == {"old rush": organization}


@pytest.mark.parametrize(
    ("domain", "say"),
    [
        ("gmail.com", "gmail.com: This is a public mailbox provider"),
        ("k12.il.us", "k12.il.us: Many organizations share this domain"),
        ("no domain", "no domain: Enter an email domain"),
        ("loop.example", "loop.example belongs to Loop Example Clinic."),
    ],
)
def test_wrong_domain_is_refused(facilitator, other_organization, domain, say):
    _, ((column, told),) = organizations(("North Example", [domain]), by=facilitator)
    assert column == "domains"
    assert told.startswith(say)


def test_domain_of_two_rows_is_refused_in_the_second(facilitator):
    rows = [("North Example", ["n.example"]), ("South Example", ["n.example"])]
    _, refused = organizations(*rows, by=facilitator)
    assert refused == [("domains", "n.example belongs to North Example. Take it out of this row.")]


def test_declined_organization_is_refused(facilitator, proposed_organization):
    decline_organization(proposed_organization, reason="Not healthcare.", by=facilitator)
    _, ((column, told),) = organizations(("Lakeview Health", []), by=facilitator)
    assert column == "name"
    assert "was declined" in told


def test_organization_that_somebody_adds_meanwhile_is_refused(facilitator):
    with transaction.atomic():
        file = OrganizationImport(["North Example"], [], by=facilitator)
        list(file.take("North Example", []))
        add_organization("North Example", by=facilitator)
        with pytest.raises(Refused, match="just added"):
            file.store()
