"""The pages of the imports: upload, check in words, one press; all or nothing."""

import io
import re

import pytest
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import Workbook

from conftest import make_member, membership_of, visible_text
from desk.imports import reader
from members.models import Member, Organization
from teams.models import Membership
from teams.services import add_organization, decline_membership, join_teams

MEMBERS = "/admin/members/member/"
ORGANIZATIONS = "/admin/members/organization/"
HEADINGS = "Email,Full name,Job title,Organization,Teams"
NORA = "Nora@Rush.example,Nora Newcomer,HR lead,Rush Example Hospital,Education"


def lines(*rows: str) -> bytes:
    return "\n".join([HEADINGS, *rows]).encode()


def check(client, content: bytes, path: str = MEMBERS, name: str = "list.csv"):
    return client.post(f"{path}import/", {"file": SimpleUploadedFile(name, content)})


def store(client, checked_page, path: str = MEMBERS, **ticked):
    sent = {"checked": checked_page.context["checked"], **ticked}
    return client.post(f"{path}import/store/", sent, follow=True)


def errors(response) -> list[tuple[int | None, str, str, str]]:
    return [(e.row, e.column, e.there, e.say) for e in response.context["errors"]]


def nora() -> Member | None:
    return Member.objects.filter(email="nora@rush.example").first()


@pytest.fixture
def book():
    """`book(rows)`: an Excel file with these rows."""

    def make(*rows) -> bytes:
        workbook = Workbook()
        for row in rows:
            workbook.active.append(row)
        buffer = io.BytesIO()
        workbook.save(buffer)
        return buffer.getvalue()

    return make


@pytest.mark.parametrize("path", [MEMBERS, ORGANIZATIONS])
def test_list_leads_to_the_import_and_that_to_an_empty_file(client_for, facilitator, path):
    client = client_for(facilitator)
    assert f'href="{path}import/"' in client.get(path).content.decode()
    assert f'href="{path}import/template/"' in client.get(f"{path}import/").content.decode()
    template = client.get(f"{path}import/template/").content
    told = visible_text(check(client, template, path))
    assert "There are no rows below the headings." in told


def test_check_says_what_will_happen_and_stores_nothing(
    client_for, facilitator, member, organization, mails
):
    response = check(
        client_for(facilitator), lines(NORA, f"{member.email},M,,rush example hospital,")
    )
    told = visible_text(response)
    assert "1 new member, 1 known." in told
    assert "1 new membership, 0 waiting requests approved." in told
    assert errors(response) == []
    assert (nora(), mails(), Membership.objects.count()) == (None, [], 1)
    assert Member.history.filter(email="nora@rush.example").count() == 0


def test_press_imports_what_was_checked(client_for, facilitator, team, organization, mails):
    client = client_for(facilitator)
    response = store(client, check(client, lines(NORA)))
    assert response.redirect_chain == [(MEMBERS, 302)]
    assert "Imported. 1 new member, 0 known." in visible_text(response)
    assert membership_of(nora(), team).history.get().source == "import"
    assert mails() == []


def test_mail_goes_out_only_if_ticked(client_for, facilitator, team, organization, mails):
    client = client_for(facilitator)
    store(client, check(client, lines(NORA)), with_mail="on")
    assert [mail.to for mail in mails()] == [["nora@rush.example"]]


def test_same_file_again_offers_nothing_to_import(client_for, facilitator, team, organization):
    client = client_for(facilitator)
    store(client, check(client, lines(NORA)))
    response = check(client, lines(NORA))
    assert "0 new members, 1 known." in visible_text(response)
    assert "There is nothing to import." in visible_text(response)
    assert 'value="Import"' not in response.content.decode()


def test_export_can_be_imported_again_and_changes_nothing(
    client_for, facilitator, member, colleague
):
    client = client_for(facilitator)
    exported = client.post(f"{MEMBERS}export/", {"format": "xlsx"})
    response = check(client, b"".join(exported.streaming_content), name="members.xlsx")
    assert "There is nothing to import." in visible_text(response)
    assert "Not read: the columns Affiliation confirmed, Member since." in visible_text(response)


def test_errors_are_told_by_row_and_column(
    client_for, facilitator, team, other_team, organization, proposed_organization
):
    content = lines(
        NORA,
        "",
        "nobody,,HR,Rush Example Hospitals,Hiring",
        "a@rush.example,Ana,,Lakeview Health,",
        f"b@rush.example,{'x' * 121},,,Education",
    )
    response = check(client_for(facilitator), content)
    assert "1 unknown organization." in visible_text(response)
    found = errors(response)
    assert [(row, column, there[:23]) for row, column, there, _ in found] == [
        (4, "Email", "nobody"),
        (4, "Full name", ""),
        (4, "Organization", "Rush Example Hospitals"),
        (4, "Teams", "Hiring"),
        (5, "Organization", "Lakeview Health"),
        (5, "Teams", ""),
        (6, "Full name", "x" * 23),
        (6, "Organization", ""),
    ]
    says = [say for *_, say in found]
    assert "Did you mean “Rush Example Hospital”?" in says[2]
    assert says[3] == "“Hiring” is not one of your teams. They are: Education."
    assert says[4] == "Lakeview Health waits to be recognized. Do that first."
    assert says[5] == "Enter at least one of your teams."
    assert nora() is None


def test_one_wrong_row_leaves_everything_as_it_is(client_for, facilitator, team, organization):
    client = client_for(facilitator)
    checked = check(client, lines(NORA, "a@rush.example,Ana,,Nowhere,Education"))
    assert 'value="Import"' not in checked.content.decode()
    response = store(client, checked)  # pressed all the same
    assert "Nothing was stored." in visible_text(response)
    assert nora() is None


def test_change_since_the_check_is_told_and_nothing_is_stored(
    client_for, facilitator, team, organization
):
    client = client_for(facilitator)
    late = make_member("late@rush.example", organization, "Late")
    checked = check(client, lines(NORA, "late@rush.example,Late,,Rush Example Hospital,Education"))
    Member.objects.filter(pk=late.pk).update(is_active=False)
    response = store(client, checked)
    assert "Something changed since the check. Nothing was stored." in visible_text(response)
    assert [(row, column) for row, column, *_ in errors(response)] == [(3, "Email")]
    assert nora() is None


def test_administrator_imports_into_all_teams_and_into_none(
    client_for, administrator, team, other_team, organization
):
    client = client_for(administrator)
    content = lines(
        NORA.replace("Education", '"education; HIRING"'), "a@x.example,Ana,,Rush Example Hospital,"
    )
    store(client, check(client, content))
    assert Membership.objects.of(nora()).active().count() == 2
    assert Member.objects.filter(email="a@x.example").exists()


def test_facilitator_learns_nothing_of_people_without_a_team_in_the_file(
    client_for, facilitator, outsider, organization
):
    response = check(client_for(facilitator), lines(f"{outsider.email},O,,Rush Example Hospital,"))
    assert [say for *_, say in errors(response)] == ["Enter at least one of your teams."]


def test_organizations_come_in_with_their_domains(client_for, facilitator, applicant, team, mails):
    client = client_for(facilitator)
    content = b"Domains;NAME\n@North.example, n.example;North Example\n;Lakeview Health\n"
    checked = check(client, content, ORGANIZATIONS)
    told = visible_text(checked)
    assert "1 new organization, 0 known, 1 recognized that waited." in told
    assert "2 new email domains." in told
    assert (
        "1 person who waits is confirmed by this: 1 membership begins, 1 email tells them." in told
    )
    assert "claim the account" not in told
    assert (mails(), membership_of(applicant, team).status) == ([], "requested")
    store(client, checked, ORGANIZATIONS)
    made = Organization.objects.get(name="North Example")
    assert {row.domain for row in made.domains.all()} == {"north.example", "n.example"}
    assert membership_of(applicant, team).status == "active"
    assert len(mails()) == 1


def test_organizations_refusals_name_the_column(client_for, facilitator, other_organization):
    content = b"Name,Domains\n,a.example\nNorth,loop.example\n!!!,\n"
    found = errors(check(client_for(facilitator), content, ORGANIZATIONS))
    assert [(row, column) for row, column, *_ in found] == [
        (2, "Name"), (3, "Domains"), (4, "Name")
    ]  # fmt: skip
    assert "belongs to Loop Example Clinic" in found[1][3]
    assert not Organization.objects.filter(name="North").exists()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_in_every_usual_dialect(client_for, facilitator, encoding, delimiter):
    content = delimiter.join(["NAME", " do_mains"]) + "\r\n" + delimiter.join(["Évry Clinic", ""])
    client = client_for(facilitator)
    store(client, check(client, content.encode(encoding), ORGANIZATIONS), ORGANIZATIONS)
    assert Organization.objects.filter(name="Évry Clinic").exists()


def test_excel_is_read_with_its_row_numbers(client_for, facilitator, organization, team, book):
    rows = [HEADINGS.split(","), NORA.split(","), [], ["x@y.example", None, 5, None, None]]
    response = check(client_for(facilitator), book(*rows), name="list.xlsx")
    assert [(row, column) for row, column, *_ in errors(response)] == [
        (4, "Full name"), (4, "Organization"), (4, "Teams")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "say"),
    [
        (b"", "The file is empty."),
        (b"Email,Name\na,b", "The column “Full name” is missing."),
        (b"Email,Email," + HEADINGS.encode()[6:] + b"\na", "“Email” is there twice."),
        (HEADINGS.encode(), "There are no rows below the headings."),
        (b"PK nothing", "This Excel file cannot be read."),
        (b"\x81\x8d\xff", "This is no text that can be read."),
        (b"x" * 1_000_001, "The file is larger than 1 MB."),
        (lines(*["a,b,c,d,e"] * 1001), "The file has more than 1,000 rows."),
        (lines(*["," * 4] * 2100), "The file has more than 1,000 rows."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_that_cannot_be_read_are_told(client_for, facilitator, content, say):
    response = check(client_for(facilitator), content)
    assert say in visible_text(response)
    assert "checked" not in response.context


def test_excel_file_that_unpacks_to_too_much_is_told(client_for, facilitator, book, monkeypatch):
    monkeypatch.setattr(reader, "MAX_UNPACKED", 100)
    told = visible_text(check(client_for(facilitator), book(HEADINGS.split(","))))
    assert "The Excel file holds too much." in told


def test_table_too_large_for_the_page_is_told(client_for, facilitator, monkeypatch):
    monkeypatch.setattr("desk.imports.views.CHECKED_BYTES", 50)
    assert "The file holds too much text." in visible_text(
        check(client_for(facilitator), lines(NORA))
    )


def test_page_without_a_file_says_so(client_for, facilitator):
    response = client_for(facilitator).post(f"{MEMBERS}import/", {})
    assert "Choose a file." in visible_text(response)


def test_markup_in_a_file_is_shown_as_text(client_for, facilitator, organization):
    response = check(client_for(facilitator), lines("<script>,x,,Rush Example Hospital,Education"))
    assert "<script>,x" not in response.content.decode()
    assert re.search(r"<td>&lt;script&gt;</td>", response.content.decode())


@pytest.mark.parametrize("forged", ["", "x", "e30:1abc:sig"])
def test_forged_table_imports_nothing(client_for, facilitator, forged):
    response = client_for(facilitator).post(
        f"{MEMBERS}import/store/", {"checked": forged}, follow=True
    )
    assert "The check is too old." in visible_text(response)


def test_table_checked_by_somebody_else_imports_nothing(
    client_for, facilitator, administrator, team, organization
):
    checked = check(client_for(administrator), lines(NORA))
    response = store(client_for(facilitator), checked)
    assert "The check is too old." in visible_text(response)
    assert nora() is None


def test_table_of_one_import_is_not_taken_by_the_other(client_for, facilitator, organization):
    checked = check(client_for(facilitator), b"Name,Domains\nNorth,", ORGANIZATIONS)
    assert "The check is too old." in visible_text(store(client_for(facilitator), checked))


def test_old_check_imports_nothing(client_for, facilitator, team, organization, monkeypatch):
    client = client_for(facilitator)
    checked = check(client, lines(NORA))
    monkeypatch.setattr("desk.imports.views.CHECKED_SECONDS", -1)
    assert "The check is too old." in visible_text(store(client, checked))
    assert nora() is None


def test_opening_the_address_of_the_press_imports_nothing(client_for, facilitator):
    response = client_for(facilitator).get(f"{MEMBERS}import/store/")
    assert (response.status_code, response["Location"]) == (302, f"{MEMBERS}import/")


@pytest.mark.parametrize("page", ["import/", "import/store/", "import/template/"])
@pytest.mark.parametrize("path", [MEMBERS, ORGANIZATIONS])
def test_import_is_not_a_members(client_for, member, path, page):
    assert client_for(member).post(path + page, {"checked": signing.dumps([])}).status_code == 403


def test_what_the_check_foretells_is_what_happens(client_for, facilitator, applicant, organization):
    client = client_for(facilitator)
    add_organization("Loop Example", by=facilitator)
    content = lines(NORA, f"{applicant.email},W,,Rush Example Hospital,Education")
    checked = check(client, content)
    told = " ".join(checked.context["told"])
    assert "1 waiting request approved" in told
    assert f"Imported. {told}" in visible_text(store(client, checked))


def test_export_of_members_can_be_imported_again_with_people_who_still_wait(
    client_for, facilitator, member, applicant
):
    """Whoever joins nothing by the file needs no recognized organization."""
    taken = client_for(facilitator).post(f"{MEMBERS}export/", {"format": "csv"})
    exported = b"".join(taken.streaming_content)
    assert b"wanda@lakeview.example" in exported
    response = check(client_for(facilitator), exported)
    assert "Everything in the file is here already." in visible_text(response)


def test_check_says_who_was_declined_before(client_for, facilitator, member, team, organization):
    person = make_member("juna@personal.example", organization, "Juna Once", confirmed=False)
    join_teams(person, [team])
    decline_membership(membership_of(person, team), reason="Not now.", by=facilitator)
    rows = lines(f"juna@personal.example,Juna,,{organization},{team}")
    told = visible_text(check(client_for(facilitator), rows))
    assert "1 person joins a team that declined them before: juna@personal.example." in told
    assert "an import cannot be undone" in told
