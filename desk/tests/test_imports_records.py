"""What is kept of an import: its record, and what it brought."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from conftest import membership_of
from desk.imports.members import MemberImport
from desk.imports.organizations import OrganizationImport
from desk.imports.reader import TableRow
from desk.models import Import, ImportedRecord
from members.models import EmailDomain, Member, Organization
from teams.models import Membership

NORA = ("nora@rush.example", "Nora Newcomer", "", "Rush Example Hospital", "Education")


def table_of(columns, *rows) -> list[TableRow]:
    """Return the rows as the second one and the following of a file."""
    return [
        TableRow(number, dict(zip(columns, row, strict=True)))
        for number, row in enumerate(rows, start=2)
    ]


def store_members(by, *rows, **options) -> Import:
    record = Import.objects.create(by=by, kind="members", file_name="staff.csv")
    report = MemberImport(table_of(MemberImport.columns, *rows), by=by, **options).store(record)
    assert report.errors == []
    return record


def store_organizations(by, *rows) -> Import:
    record = Import.objects.create(by=by, kind="organizations", file_name="employers.csv")
    columns = OrganizationImport.columns
    table = table_of(columns, *((*row, "", "", "")[: len(columns)] for row in rows))
    assert OrganizationImport(table, by=by).store(record).errors == []
    return record


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "teams"},
        {"state": "lost"},
        {"state": "done"},
        {"state": "taken_back", "finished_at": timezone.now()},
        {"taken_back_at": timezone.now()},
    ],
    ids=lambda fields: "-".join(fields),
)
@pytest.mark.both_databases
def test_import_constraints_refuse(facilitator, fields):
    values = {"by": facilitator, "kind": "members", "file_name": "a.csv"} | fields
    with pytest.raises(IntegrityError), transaction.atomic():
        Import.objects.create(**values)


@pytest.mark.both_databases
def test_imported_record_is_noted_once_per_import(facilitator):
    record = Import.objects.create(by=facilitator, kind="members", file_name="a.csv")
    fields = {"source": record, "model_label": "members.member", "object_id": 1}
    ImportedRecord.objects.create(**fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        ImportedRecord.objects.create(**fields)


def test_store_notes_new_members_and_memberships(facilitator, team, organization, member):
    known = (member.email, "Maria Member", "", "Rush Example Hospital", "Education")
    record = store_members(facilitator, NORA, known)
    nora = Member.objects.get(email="nora@rush.example")
    assert (record.state, record.brought(Member)) == ("done", [nora.pk])
    assert record.brought(Membership) == [membership_of(nora, team).pk]


def test_store_notes_what_known_people_had_before(
    facilitator, team, organization, applicant, proposed_organization
):
    row = (applicant.email, "Wanda Waiting", "", "Rush Example Hospital", "Education")
    record = store_members(facilitator, row)
    before = dict(record.records.values_list("model_label", "before"))
    assert before == {
        "members.member": {"organization": proposed_organization.pk},
        "teams.membership": {"status": "requested"},
    }


def test_store_notes_memberships_of_accounts_that_the_importer_does_not_see(
    facilitator, team, outsider
):
    row = (outsider.email, "Olga", "", "Loop Example Clinic", "Education")
    record = store_members(facilitator, row)
    assert record.brought(Member) == []
    assert record.brought(Membership) == [membership_of(outsider, team).pk]
    assert len(record.email_ids) == 1


def test_store_notes_organizations_and_email_domains(
    facilitator, organization, other_organization, proposed_organization
):
    record = store_organizations(
        facilitator,
        ("North Example", "north.example"),
        ("Lakeview Health", "", "", "Educator"),
        ("Rush Example Hospital", "rush.example rush2.example"),
        ("Loop Example Clinic", "", "", "Employer"),
    )
    created = Organization.objects.get(name="North Example")
    organizations = record.records.filter(model_label="members.organization")
    assert dict(organizations.values_list("object_id", "before")) == {
        created.pk: None,
        proposed_organization.pk: {"status": "proposed", "kind": ""},
        other_organization.pk: {"kind": ""},
    }
    domains = EmailDomain.objects.filter(pk__in=record.brought(EmailDomain))
    assert {domain.domain for domain in domains} == {"north.example", "rush2.example"}


def test_check_notes_nothing(facilitator, team, organization):
    MemberImport(table_of(MemberImport.columns, NORA), by=facilitator).check()
    assert not ImportedRecord.objects.exists()


def test_store_with_an_error_notes_nothing(facilitator, team, organization):
    record = Import.objects.create(by=facilitator, kind="members", file_name="staff.csv")
    rows = table_of(MemberImport.columns, NORA, ("x", "", "", "", ""))
    assert MemberImport(rows, by=facilitator).store(record).errors
    record.refresh_from_db()
    assert (record.state, record.records.count()) == ("checked", 0)
