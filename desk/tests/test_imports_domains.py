"""Email domains and addresses in imported files, as people really write them."""

import pytest

from conftest import make_member
from desk.imports.base import ImportReport
from desk.imports.members import MemberImport
from desk.imports.organizations import OrganizationImport
from desk.imports.reader import TableRow, cell_text
from members.models import EmailDomain, Member, Organization


def import_domains(by, *cells: str) -> ImportReport:
    rows = [
        TableRow(
            number,
            {
                "Name": f"Example Clinic {number}",
                "Domains": cell_text(cell),
                "Status": "",
                "Kind": "",
            },
        )
        for number, cell in enumerate(cells, 2)
    ]
    return OrganizationImport(rows, by=by).store()


@pytest.mark.parametrize(
    ("cell", "domains"),
    [
        ("www.cedar.example", ["cedar.example"]),
        ("https://www.dogwood.example/careers, fir.example.", ["dogwood.example", "fir.example"]),
        ("GUM.Example www.gum.example; gum.example", ["gum.example"]),
        ("@a.example / @b.example and c.example & d.example|e.example",
         [f"{letter}.example" for letter in "abcde"]),
        ("a.exam\u00adple;\u200b b.example\ufeff", ["a.example", "b.example"]),
        ("zürich-klinik.example", ["xn--zrich-klinik-dlb.example"]),
        ("co.kane.il.us", ["co.kane.il.us"]),
    ],
)  # fmt: skip
def test_import_puts_right_what_is_surely_a_domain(facilitator, cell, domains):
    assert import_domains(facilitator, cell).errors == []
    added = EmailDomain.objects.filter(organization__name="Example Clinic 2")
    assert list(added.values_list("domain", flat=True)) == domains


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("info@elm.example", "info@elm.example: Enter only the part after the @: elm.example."),
        ("*.hazel.example", "*.hazel.example: Enter hazel.example."),
        ("il.us", "Many organizations share this domain."),
        ("nhs.uk", "Many organizations share this domain."),
        ("onmicrosoft.com", "Many organizations share this domain."),
        ("ameritech.net", "public mailbox provider"),
        ("www.yahoo.de", "public mailbox provider"),
        ("mailinator.com", "throwaway"),
        ("a.example/b.example", "Enter one domain. There are two."),
        ("n/a", "Leave the cell empty if it has none."),
    ],
)
def test_import_refuses_what_is_no_domain_of_one_organization(facilitator, cell, message):
    (error,) = import_domains(facilitator, cell).errors
    assert (error.row, error.column, error.value) == (2, "Domains", cell)
    assert message in error.message
    assert not Organization.objects.named("Example Clinic 2").exists()


@pytest.mark.parametrize("cell", ["N/A", "none", "-", "unknown", "TBD"])
def test_import_says_that_a_word_for_no_domain_is_none(facilitator, cell):
    (error,) = import_domains(facilitator, cell).errors
    said = f"“{cell}” is no email domain. Leave the cell empty if it has none."
    assert (error.column, error.message) == ("Domains", said)


def test_import_check_shows_a_domain_readable(facilitator):
    (row,) = import_domains(facilitator, "zürich-klinik.example a.example").rows
    readable = "zürich-klinik.example (xn--zrich-klinik-dlb.example); a.example"
    assert row.cells[1] == (readable, "")


def test_import_asks_before_it_stores_a_domain_beside_anothers(facilitator, organization):
    EmailDomain.objects.create(domain="clinic.example.net", organization=organization)
    cells = ["a.example; lake.rush.example", "example.net", "sub.fir.example", "fir.example"]
    asked = import_domains(facilitator, *cells).errors
    assert [(error.row, error.message, error.suggestion, error.is_question) for error in asked] == [
        (
            2,
            "lake.rush.example is below rush.example of Rush Example Hospital. It takes its "
            "addresses out of that one. Is that right?",
            "a.example",
            True,
        ),
        (
            3,
            "clinic.example.net of Rush Example Hospital is below example.net and keeps its "
            "addresses. Is that right?",
            "",
            True,
        ),
        (
            4,
            "sub.fir.example is below fir.example of Example Clinic 5. It takes its addresses "
            "out of that one. Is that right?",
            "",
            True,
        ),
    ]
    rows = [
        TableRow(
            number, {"Name": f"Example Clinic {number}", "Domains": cell, "Status": "", "Kind": ""}
        )
        for number, cell in enumerate(cells, 2)
    ]
    kept = {(2, "Domains"), (3, "Domains"), (4, "Domains")}
    report = OrganizationImport(rows, by=facilitator, confirmed_cells=kept).store()
    assert report.errors == []
    assert EmailDomain.objects.filter(domain="lake.rush.example").exists()


def test_import_asks_before_it_stores_a_domain_that_looks_like_anothers(facilitator, organization):
    cells = ["a.example rsuh.example comcst.net", "harbor.example", "harbour.example"]
    (asked,) = import_domains(facilitator, *cells).errors
    assert (asked.row, asked.suggestion, asked.is_question) == (2, "a.example", True)
    assert asked.message == (
        "rsuh.example looks like rush.example of Rush Example Hospital. comcst.net looks like "
        "comcast.net. Is that right?"
    )


def test_import_asks_nothing_about_domains_of_one_organization(facilitator, organization):
    cells = {
        "Name": organization.name,
        "Domains": "lake.rush.example rush.test",
        "Status": "",
        "Kind": "",
    }
    assert OrganizationImport([TableRow(2, cells)], by=facilitator).store().errors == []


@pytest.mark.both_databases
def test_member_is_recognized_by_either_spelling_of_a_domain(facilitator):
    import_domains(facilitator, "zürich-klinik.example")
    for address in ("iris@ZÜRICH-Klinik.example", "iris@mail.xn--zrich-klinik-dlb.example"):
        member = make_member(address)
        domain = member.email.rpartition("@")[2]
        assert EmailDomain.objects.owner_of(domain).name == "Example Clinic 2"


def test_import_cleans_cells_before_it_compares_them(administrator, organization, team):
    rows = [
        {"Email": "iris\u200b@rush.example", "Full name": "Iris\u200b Zero"},
        {"Email": "mailto:Jan@rush.example\u200b", "Full name": "\u202aJan Zero\u202c"},
        {"Email": "Moe Zero <moe\u00ad@rush.example>", "Full name": "ليلى\u200f حسن"},
    ]
    rest = {
        "Job title": "",
        "Organization": "Rush\u200b Example Hos\u00adpital",
        "Teams": f"{team}\ufeff",
    }
    cells = [{name: cell_text(cell) for name, cell in {**row, **rest}.items()} for row in rows]
    table = [TableRow(number, line) for number, line in enumerate(cells, 2)]
    assert MemberImport(table, by=administrator).store().errors == []
    names = Member.objects.filter(organization=organization).order_by("pk")
    assert list(names.values_list("email", "full_name")) == [
        ("iris@rush.example", "Iris Zero"),
        ("jan@rush.example", "Jan Zero"),
        ("moe@rush.example", "ليلى حسن"),
    ]


def test_import_says_two_addresses_in_one_cell(administrator, organization, team):
    for cell in (
        "a@rush.example; a@x.example",
        "a@rush.example, b@rush.example",
        "a@x.org / b@x.org",
    ):
        row = {"Email": cell, "Full name": "Ana", "Job title": "", "Teams": team.name,
               "Organization": organization.name}  # fmt: skip
        (error,) = MemberImport([TableRow(2, row)], by=administrator).store().errors
        assert error.message == "Enter one address. There are two."
