"""What the rows of an imported list of organizations say about one organization, and about one that
is stored already."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from desk.imports.base import ImportReport
from desk.imports.organizations import OrganizationImport
from desk.imports.reader import read_table
from desk.tests.test_imports_people import errors_of, exported
from desk.tests.test_imports_records import table_of
from members.models import EmailDomain, Organization
from members.services import rename_organization, set_kind
from teams.services import add_domain, add_organization, decline_organization

ORGANIZATIONS = "/admin/members/organization/"


def run(by, *rows, store=False) -> ImportReport:
    """Check or store a file with these rows, the first of which is row 2."""
    table = [(*row, "", "", "")[:4] for row in rows]
    importer = OrganizationImport(table_of(OrganizationImport.columns, *table), by=by)
    return importer.store() if store else importer.check()


def test_import_makes_one_organization_of_rows_with_other_domains(facilitator):
    rows = [("North Example", "n.example"), ("the NORTH example, Inc.", "north.example n.example")]
    report = run(facilitator, *rows, store=True)
    north = Organization.objects.named("north example").get()
    assert (north.name, north.domains.count()) == ("North Example", 2)
    assert [row.outcome for row in report.rows] == [
        "New organization", "Same organization as row 2"
    ]  # fmt: skip
    # Shown as stored, with what the file says instead.
    assert report.rows[1].cells[0] == ("North Example", "the NORTH example, Inc.")


@pytest.mark.parametrize(
    ("rows", "column", "message"),
    [
        (
            [("North Example", "ñ.example"), ("South", "s.example"), ("West", "Ñ.example")],
            "Domains",
            "Row 2 gives ñ.example (xn--ida.example) to North Example. Remove it from one row.",
        ),
        (
            [("South", ""), ("Lakeview Health", "", "Proposed"), ("lakeview health", "")],
            "Status",
            "Row 3 says something else about Lakeview Health.",
        ),
        (
            [
                ("South", "", "", "Educator"),
                ("Lakeview Health", "", "Proposed", "employer"),
                ("lakeview health", "", "Proposed", "Funder"),
            ],
            "Kind",
            "Lakeview Health is already recorded as: Employer.",
        ),
    ],
    ids=["domain", "status", "kind"],
)
def test_import_refuses_a_row_that_contradicts_an_earlier_one(
    facilitator, proposed_organization, rows, column, message
):
    (error,) = run(facilitator, *rows, store=True).errors
    assert (error.row, error.column) == (4, column)
    assert error.message.startswith(message)
    assert Organization.objects.count() == 2


@pytest.mark.parametrize(
    ("filters", "file_format"), [("", "csv"), ("", "xlsx"), ("?status__exact=merged", "csv")]
)
@pytest.mark.both_databases
def test_import_of_an_export_changes_nothing(
    client_for,
    administrator,
    facilitator,
    organization,
    other_organization,
    proposed_organization,
    filters,
    file_format,
):
    add_domain(proposed_organization, domain="lakeview.example", by=administrator)
    # Given before the list of mailbox providers had it.
    EmailDomain.objects.create(organization=other_organization, domain="comcast.net")
    set_kind(other_organization, "funder", by=administrator)
    rename_organization(other_organization, "=Loop & Example", by=administrator)
    declined = Organization.objects.create(name="Declined Example")
    decline_organization(declined, reason="No.", by=administrator)
    content = exported(client_for(facilitator), ORGANIZATIONS, filters, file_format)
    upload = SimpleUploadedFile(f"list.{file_format}", content)
    rows = read_table(upload, OrganizationImport.columns).rows
    assert len(rows) == (1 if filters else 4)
    report = OrganizationImport(rows, by=facilitator).check()
    assert (report.errors, report.changes_nothing) == ([], True)
    assert {row.outcome for row in report.rows} == {"Unchanged"}
    # Nothing in the file is shown as different from what is stored.
    assert not any(in_file for row in report.rows for _, in_file in row.cells)


def test_import_without_a_status_recognizes_what_waits(facilitator, proposed_organization):
    upload = SimpleUploadedFile("list.csv", b"Domains,Name\n,Lakeview Health\n")
    columns, optional = OrganizationImport.columns, OrganizationImport.optional_columns
    report = OrganizationImport(read_table(upload, columns, optional).rows, by=facilitator).store()
    proposed_organization.refresh_from_db()
    assert proposed_organization.is_recognized
    assert [cells for row in report.rows for cells in row.cells] == [
        ("Lakeview Health", ""), ("", ""), ("Recognized", ""), ("", "")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("Rush Example Hospital", "", "Declined"), "Rush Example Hospital is recognized."),
        (("Lakeview Health", "", "merged"), "Lakeview Health is proposed."),
        (("Nobody Knows", "", "Proposed"), "No organization has this name."),
        (("Lakeview Health", "", "Active"), "“Active” is not a status."),
        (("Lakeview Health", "new.example", "Proposed"), "new.example is not among its domains."),
    ],
    ids=["recognized", "proposed", "unknown", "word", "domain"],
)
def test_import_refuses_a_status_that_it_would_not_store(
    facilitator, organization, proposed_organization, row, message
):
    report = run(facilitator, row)
    assert [error.message.startswith(message) for error in report.errors] == [True]
    assert errors_of(report) == [(2, "Domains" if row[1] else "Status")]


@pytest.mark.parametrize(("name", "kind"), [("1871", "a number"), ("n/a", "a placeholder")])
def test_import_adds_no_organization_without_a_name(facilitator, name, kind):
    (error,) = run(facilitator, (name, "")).errors
    assert (error.row, error.column) == (2, "Name")
    assert error.message == f"This cell has {kind} instead of a name. Enter the name."


def test_import_leaves_an_organization_with_the_name_of_a_number_alone(facilitator):
    add_organization("1871", by=facilitator)
    report = run(facilitator, ("1871", ""))
    assert (report.errors, report.changes_nothing) == ([], True)


# Kinds ---------------------------------------------------------------------------------------


def test_import_stores_the_kinds_of_new_and_known_organizations(facilitator, organization):
    rows = [
        ("North", "", "", "training PROVIDER"),
        (organization.name, "", "", "Employer"),
        ("South", "", "", ""),
    ]
    report = run(facilitator, *rows, store=True)
    assert [row.outcome for row in report.rows] == [
        "New organization", "Kind added", "New organization"
    ]  # fmt: skip
    kinds = dict(Organization.objects.values_list("name", "kind"))
    assert kinds == {"North": "training_provider", organization.name: "employer", "South": ""}
    assert organization.history.first().history_change_reason == "kind imported"
    again = run(facilitator, *rows)
    assert again.changes_nothing
    assert [row.outcome for row in again.rows] == ["Unchanged"] * 3


def test_import_names_a_kind_that_it_does_not_know_or_that_differs(facilitator, organization):
    Organization.objects.update(kind="employer")
    rows = [("North", "", "", "hospital"), (organization.name, "", "", "Funder")]
    unknown, other = (run(facilitator, row, store=True).errors[0] for row in rows)
    assert unknown.message.startswith("“hospital” is not a kind of organization. Write Employer,")
    assert other.message.startswith(
        f"{organization} is already recorded as: Employer. Change that on its page"
    )
    assert {unknown.column, other.column} == {"Kind"}
    assert Organization.objects.count() == 1
