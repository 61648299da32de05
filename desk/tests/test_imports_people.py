"""Who a row of an imported file is about: people named in several rows, people whose address shows
another employer than the file, and people of whom it says only what is stored."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from conftest import make_active_member, make_member, make_organization
from desk.imports.base import ImportReport
from desk.imports.members import MemberImport
from desk.imports.reader import read_table
from desk.tests.test_imports_records import table_of
from members.models import Member
from teams.models import Membership
from teams.services import close_account, merge_members, merge_organizations, move_member

RUSH = "Rush Example Hospital"
LOOP = "Loop Example Clinic"


def run(by, *rows, confirmed=(), store=False) -> ImportReport:
    """Check or store a file with these rows, the first of which is row 2."""
    people = MemberImport(table_of(MemberImport.columns, *rows), by=by, confirmed_cells=confirmed)
    return people.store() if store else people.check()


def row(email="nora@rush.example", name="Nora New", title="", employer=RUSH, teams="Education"):
    return (email, name, title, employer, teams)


def errors_of(report: ImportReport) -> list[tuple[int | None, str]]:
    return [(error.row, error.column) for error in report.errors]


# One person in several rows ----------------------------------------------------------------------


def test_import_makes_one_person_of_rows_with_other_teams(
    administrator, organization, team, other_team
):
    again = row("NORA@Rush.Example ", "NORA  NEW", "HR lead", "the rush example hospital", "Hiring")
    report = run(administrator, row(), again, store=True)
    nora = Member.objects.get(email="nora@rush.example")
    assert (nora.full_name, nora.job_title) == ("Nora New", "HR lead")
    assert Membership.objects.of(nora).active().count() == 2
    assert [line.outcome for line in report.rows] == ["New member", "Same person as row 2"]
    assert [cells[0] for cells in report.rows[1].cells][:3] == [
        "nora@rush.example", "Nora New", "HR lead"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "second"),
    [
        ("Full name", row(name="Vic Second")),
        ("Full name", row(name="Vic Second", title="CFO", employer=LOOP)),
        ("Full name", row("Nora@RUSH.example", "Vic Second", teams="")),
        ("Job title", row(title="CFO")),
        ("Organization", row(title="HR", employer=LOOP)),
    ],
    ids=["name", "all", "spelling", "title", "organization"],
)
def test_import_refuses_a_row_that_contradicts_an_earlier_one(
    administrator, organization, other_organization, team, column, second
):
    report = run(administrator, row("a@rush.example"), row(title="HR"), second, store=True)
    (error,) = report.errors
    assert (error.row, error.column) == (4, column)
    assert error.message.startswith("Row 3 says “")
    assert not Member.objects.filter(email="nora@rush.example").exists()


def test_import_refuses_rows_that_contradict_each_other_about_a_known_person(
    facilitator, member, organization
):
    report = run(facilitator, row(member.email, "Maria M"), row(member.email, "Vic Second"))
    assert errors_of(report) == [(3, "Full name")]


@pytest.mark.parametrize("stored_first", [True, False])
def test_import_refuses_rows_of_which_one_says_what_is_stored_and_the_other_not(
    facilitator, member, organization, stored_first
):
    stored, other = row(member.email, "Maria Member"), row(member.email, "Vic Second")
    rows = [stored, other] if stored_first else [other, stored]
    assert errors_of(run(facilitator, *rows)) == [(3, "Full name")]


@pytest.mark.parametrize("name", ["nora NEW", "New, Nora", "Nóra New"])
def test_import_takes_spellings_of_a_name_for_one_person(facilitator, organization, team, name):
    assert run(facilitator, row(), row(name=name)).errors == []


# The address shows another employer --------------------------------------------------------------


@pytest.mark.parametrize("email", ["wes@loop.example", "WES@LOOP.EXAMPLE", "wes@mail.loop.example"])
def test_import_asks_who_employs_people_at_the_domain_of_another_organization(
    facilitator, organization, other_organization, team, email
):
    report = run(facilitator, row(), row(email), store=True)
    (error,) = report.errors
    assert (error.row, error.column, error.suggestion) == (3, "Organization", LOOP)
    assert error.is_question
    assert not Member.objects.filter(email="nora@rush.example").exists()


@pytest.mark.parametrize("employer", ["", "Nobody Knows", "Lakeview Health"])
def test_import_suggests_who_employs_people_where_the_file_names_no_recognized_organization(
    facilitator, organization, proposed_organization, team, employer
):
    (error,) = run(facilitator, row("nora@hr.rush.example", employer=employer)).errors
    assert (error.column, error.suggestion) == ("Organization", RUSH)
    assert error.message.endswith("Addresses at hr.rush.example belong to Rush Example Hospital.")
    (error,) = run(facilitator, row("nora@mail.example", employer=employer)).errors
    assert error.suggestion == ""


def test_import_confirms_by_the_file_where_the_importer_chose_it(
    facilitator, organization, other_organization, team
):
    confirmed = [(2, "Organization")]
    report = run(facilitator, row("wes@loop.example"), confirmed=confirmed, store=True)
    wes = Member.objects.get(email="wes@loop.example")
    assert (wes.organization, wes.is_affiliation_confirmed) == (organization, True)
    assert any(
        sentence.startswith("1 person is confirmed for the organization in the file, although")
        and "wes@loop.example" in sentence
        for sentence in report.summary
    )


def test_import_asks_nothing_where_the_address_and_the_file_agree(
    facilitator, organization, other_organization, proposed_organization, team, administrator
):
    former = make_organization("Old Rush", "oldrush.example", administrator)
    merge_organizations(former, organization, by=administrator)
    rows = [
        row("a@oldrush.example"),
        row("b@rush.example", employer="Old Rush"),
        # Of an organization that nobody has recognized, and of none.
        row("c@lakeview.example"),
        row("d@nobody.example"),
    ]
    assert run(facilitator, *rows).errors == []


def test_import_asks_nothing_about_known_people_who_keep_their_employer(
    facilitator, organization, other_organization, team
):
    person = make_active_member("wes@loop.example", other_organization, "Wes", team)
    assert run(facilitator, row(person.email, "Wes", employer=RUSH)).errors == []


def test_import_asks_about_known_people_whom_it_would_confirm(
    facilitator, organization, other_organization, applicant, team
):
    Member.objects.filter(pk=applicant.pk).update(email="wanda@loop.example")
    assert errors_of(run(facilitator, row("wanda@loop.example"))) == [(2, "Organization")]


# What is stored already --------------------------------------------------------------------------


def exported(client, path="/admin/members/member/", filters="", file_format="csv") -> bytes:
    response = client.post(f"{path}export/{filters}", {"format": file_format})
    return b"".join(response.streaming_content)


@pytest.fixture
def everyone(
    administrator, facilitator, member, outsider, applicant, organization, team, other_team
):
    """People in every state: see the tests."""
    closed = make_active_member("cleo@rush.example", organization, "Cleo Closed", team)
    close_account(closed, by=administrator)
    merged = make_member("maria.old@rush.example", organization, "Maria Old")
    merge_members(merged, member, by=administrator)
    blocked = make_active_member("bob@rush.example", organization, "Bob Blocked", team)
    Member.objects.filter(pk=blocked.pk).update(is_active=False)
    declined = make_organization("Declined Example", "declined.example", administrator)
    dee = make_active_member("dee@declined.example", declined, "=Dee", team)
    Member.objects.filter(pk=dee.pk).update(job_title="#N/A")
    type(declined).objects.filter(pk=declined.pk).update(status="declined", decision_reason="No.")
    make_member("nameless@mail.example")
    # Confirmed for another organization than the address shows.
    make_active_member("wes@loop.example", organization, "Wes", other_team)
    return [closed, merged, blocked]


@pytest.mark.parametrize(
    ("who", "file_format"),
    [("administrator", "csv"), ("administrator", "xlsx"), ("facilitator", "csv")],
)
@pytest.mark.both_databases
def test_import_of_an_export_changes_nothing(client_for, request, everyone, who, file_format):
    staff = request.getfixturevalue(who)
    content = exported(client_for(staff), file_format=file_format)
    upload = SimpleUploadedFile(f"list.{file_format}", content)
    rows = read_table(upload, MemberImport.columns).rows
    report = MemberImport(rows, by=staff).check()
    assert (report.errors, report.changes_nothing) == ([], True)
    assert {line.outcome for line in report.rows} == {"Unchanged"}


def test_import_still_refuses_what_an_export_does_not_say_of_a_closed_account(
    administrator, everyone, team
):
    closed, _, blocked = everyone
    report = run(
        administrator,
        row(blocked.email, "Bob Blocked", teams="Hiring"),
        row(f"closed-{closed.pk}@closed.invalid", "", employer=RUSH, teams="Education"),
        row("dee@declined.example", "Dee", employer="Declined Example", teams="Hiring"),
    )
    assert (2, "Email") in errors_of(report)
    assert (3, "Email") in errors_of(report)
    assert (4, "Organization") in errors_of(report)


def test_import_asks_whether_a_former_address_is_the_same_person(
    facilitator, member, other_organization
):
    move_member(member, "maria@loop.example")
    (error,) = run(facilitator, row("maria@rush.example", "Maria Member")).errors
    assert error.is_question
    assert (error.column, error.suggestion) == ("Email", "maria@loop.example")
    assert "moved to maria@loop.example" in error.message
    # With another name it is somebody who has the mailbox now.
    assert run(facilitator, row("maria@rush.example", "Mario Newcomer")).errors == []


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        (("Total: 2", ""), "“Total: 2”"),
        (("Total employees", "2"), "“Total employees”, “2”"),
        (("Confidential, internal use only", ""), "“Confidential, internal use only”"),
        (("", "Nora New"), "“Nora New”"),
    ],
)
def test_import_says_in_one_sentence_that_a_row_is_no_person(facilitator, team, cells, shown):
    email, name = cells
    report = run(facilitator, row(), row(email, name, employer="", teams=""))
    said = f"This row has only {shown}. Complete it, or remove it if it is no person."
    assert [(error.row, error.message) for error in report.errors] == [(3, said)]


def test_import_says_nothing_of_what_stands_in_shifted_cells(facilitator, team, organization):
    content = (
        b"Email,Full name,Job title,Organization,Teams\na@x.example,O'Brien, Mary,HR,Rush,Team"
    )
    table = read_table(SimpleUploadedFile("list.csv", content), MemberImport.columns)
    report = MemberImport(table.rows, by=facilitator).check()
    assert [(error.row, error.column) for error in report.errors] == [(2, "")]
    assert not any("unknown organization" in sentence for sentence in report.summary)


def test_import_stores_names_as_people_write_them(facilitator, team, organization):
    """With credentials, apostrophes, emoji, no-break spaces, and empty rows between."""
    typed = {
        "aoife": "Aoife O’Brien-Ní Dhálaigh, RN, MSN",
        "pat": "Pat 🎉 Party",
        "gerard": "'t Hooft, Gerard",
        "JANE.DOE": "JANE DOE",
        "jane.doe+hr": "Jane Doe",
        "\u00a0 ned": "\u00a0 Ned\u00a0 Flan ",
    }
    lines = [
        f'{address}@rush.example\u00a0,"{name}",HR\u00a0,{organization}\u00a0,{team}\u00a0\r\n'
        for address, name in typed.items()
    ]
    empty = ",,,,\r\n   ,,\u00a0,,\r\n"
    content = f"{','.join(MemberImport.columns)}\r\n{empty.join(lines)}".encode()
    table = read_table(SimpleUploadedFile("list.csv", content), MemberImport.columns)
    report = MemberImport(table.rows, by=facilitator).store()
    assert [line.number for line in report.rows] == [2, 5, 8, 11, 14, 17]
    members = Member.objects.filter(email__endswith="@rush.example").exclude(job_title="")
    assert list(members.order_by("pk").values_list("email", "full_name")) == [
        ("aoife@rush.example", "Aoife O’Brien-Ní Dhálaigh, RN, MSN"),
        ("pat@rush.example", "Pat 🎉 Party"),
        ("gerard@rush.example", "'t Hooft, Gerard"),
        ("jane.doe@rush.example", "JANE DOE"),
        ("jane.doe+hr@rush.example", "Jane Doe"),
        ("ned@rush.example", "Ned Flan"),
    ]


def test_import_refuses_a_name_that_is_too_long(facilitator, team, organization):
    assert errors_of(run(facilitator, row(name="Wolfeschlegel " * 10))) == [(2, "Full name")]
