"""The pages of the imports: upload, check in words, one press; all or nothing."""

import pytest

from conftest import make_active_member, make_member, membership_of, visible_text
from desk.imports.organizations import MAX_DOMAINS_PER_ROW
from desk.models import Import
from desk.tests.import_pages import (
    HEADINGS,
    MEMBERS,
    NORA,
    ORGANIZATIONS,
    check,
    csv_of,
    errors,
    nora,
    own_import,
    store,
)
from desk.tests.workbooks import workbook_of
from members.models import Member, Organization
from teams.models import Membership
from teams.services import add_organization, decline_membership, join_teams


@pytest.mark.parametrize("path", [MEMBERS, ORGANIZATIONS])
def test_changelist_leads_to_the_import_and_that_to_an_empty_file(client_for, facilitator, path):
    client = client_for(facilitator)
    assert f'href="{path}import/"' in client.get(path).content.decode()
    assert f'href="{path}import/template/"' in client.get(f"{path}import/").content.decode()
    template = client.get(f"{path}import/template/").content
    page = visible_text(check(client, template, path))
    assert "There are no rows below the headings." in page


def test_import_check_says_what_will_happen_and_stores_nothing(
    client_for, facilitator, member, organization, queued_emails
):
    response = check(
        client_for(facilitator), csv_of(NORA, f"{member.email},M,,rush example hospital,")
    )
    page = visible_text(response)
    assert "1 new member, 1 known." in page
    assert "1 new membership, 0 waiting requests approved." in page
    assert errors(response) == []
    assert (nora(), queued_emails(), Membership.objects.count()) == (None, [], 1)
    assert Member.history.filter(email="nora@rush.example").count() == 0


def test_import_store_imports_what_was_checked(
    client_for, facilitator, team, organization, queued_emails
):
    client = client_for(facilitator)
    response = store(client, check(client, csv_of(NORA)))
    assert response.redirect_chain == [(f"{MEMBERS}import/{own_import(facilitator).pk}/", 302)]
    assert "Imported: list.csv" in visible_text(response)
    assert "1 new member, 0 known." in visible_text(response)
    assert membership_of(nora(), team).history.get().source == "import"
    assert queued_emails() == []


def test_import_store_sends_email_only_if_ticked(
    client_for, facilitator, team, organization, queued_emails
):
    client = client_for(facilitator)
    store(client, check(client, csv_of(NORA)), follow=False, send_email="on")
    assert [email.to for email in queued_emails()] == [["nora@rush.example"]]


def test_import_check_offers_nothing_for_the_same_file_again(
    client_for, facilitator, team, organization
):
    client = client_for(facilitator)
    store(client, check(client, csv_of(NORA)), follow=False)
    response = check(client, csv_of(NORA))
    assert "0 new members, 1 known." in visible_text(response)
    assert "There is nothing to import." in visible_text(response)
    assert 'value="Import"' not in response.content.decode()


def test_import_check_of_an_export_changes_nothing(client_for, facilitator, member, colleague):
    client = client_for(facilitator)
    exported = client.post(f"{MEMBERS}export/", {"format": "xlsx"})
    response = check(client, b"".join(exported.streaming_content), name="members.xlsx")
    assert "There is nothing to import." in visible_text(response)
    assert "Not read: the columns Affiliation confirmed, Member since." in visible_text(response)


def test_import_check_lists_errors_by_row_and_column(
    client_for, facilitator, team, other_team, organization, proposed_organization
):
    content = csv_of(
        NORA,
        "",
        "nobody,,HR,Rush Example Hospitals,Hiring",
        "a@rush.example,Ana,,Lakeview Health,",
        f"b@rush.example,{'x' * 121},,,Education",
    )
    response = check(client_for(facilitator), content)
    assert "1 unknown organization." in visible_text(response)
    listed = errors(response)
    assert [(row, column, value[:23]) for row, column, value, _ in listed] == [
        (4, "Email", "nobody"),
        (4, "Full name", ""),
        (4, "Organization", "Rush Example Hospitals"),
        (4, "Teams", "Hiring"),
        (5, "Organization", "Lakeview Health"),
        (5, "Teams", ""),
        (6, "Full name", "x" * 23),
        (6, "Organization", ""),
    ]
    text = [message for *_, message in listed]
    assert "Did you mean “Rush Example Hospital”?" in text[2]
    assert text[3] == ("“Hiring” is not one of your teams. Yours is Education.")
    assert text[4].startswith("Lakeview Health is waiting to be recognized. Recognize it first.")
    assert text[5] == "Enter at least one of your teams."
    assert nora() is None


def test_import_store_with_one_wrong_row_stores_nothing(
    client_for, facilitator, team, organization
):
    client = client_for(facilitator)
    checked = check(client, csv_of(NORA, "a@rush.example,Ana,,Nowhere,Education"))
    assert 'value="Import"' not in checked.content.decode()
    record = own_import(facilitator)
    response = client.post(
        f"{MEMBERS}import/{record.pk}/store/", {"version": record.version}, follow=True
    )
    assert "Nothing was stored." in visible_text(response)
    assert nora() is None


def test_import_store_after_a_change_since_the_check_stores_nothing(
    client_for, facilitator, team, organization
):
    client = client_for(facilitator)
    late = make_active_member("late@rush.example", organization, "Late", team)
    content = csv_of(NORA, "late@rush.example,Late,HR,Rush Example Hospital,Education")
    checked = check(client, content)
    Member.objects.filter(pk=late.pk).update(is_active=False)
    response = store(client, checked)
    assert "Something has changed since the check. Nothing was stored." in visible_text(response)
    assert [(row, column) for row, column, *_ in errors(response)] == [(3, "Email")]
    assert nora() is None


def test_import_by_an_administrator_reaches_all_teams_and_none(
    client_for, administrator, team, other_team, organization
):
    client = client_for(administrator)
    content = csv_of(
        NORA.replace("Education", '"education; HIRING"'), "a@x.example,Ana,,Rush Example Hospital,"
    )
    store(client, check(client, content), follow=False)
    assert Membership.objects.of(nora()).active().count() == 2
    assert Member.objects.filter(email="a@x.example").exists()


def test_import_by_a_facilitator_reveals_nothing_about_people_of_other_teams(
    client_for, facilitator, outsider, organization
):
    response = check(client_for(facilitator), csv_of(f"{outsider.email},O,,Rush Example Hospital,"))
    assert [message for *_, message in errors(response)] == ["Enter at least one of your teams."]


def test_import_of_organizations_adds_their_domains(
    client_for, facilitator, applicant, team, queued_emails
):
    client = client_for(facilitator)
    content = b"Domains;NAME\n@North.example, n.example;North Example\n;Lakeview Health\n"
    checked = check(client, content, ORGANIZATIONS)
    page = visible_text(checked)
    assert "1 new organization, 0 known, 1 waiting and now recognized." in page
    assert "2 new email domains." in page
    assert (
        "1 person who waits is confirmed by this: 1 membership begins, 1 email tells them." in page
    )
    assert "claim the account" not in page
    assert (queued_emails(), membership_of(applicant, team).status) == ([], "requested")
    store(client, checked, follow=False)
    created = Organization.objects.get(name="North Example")
    assert {domain.domain for domain in created.domains.all()} == {"north.example", "n.example"}
    assert membership_of(applicant, team).status == "active"
    assert len(queued_emails()) == 1


def test_import_of_organizations_lists_errors_by_row_and_column(
    client_for, facilitator, other_organization
):
    content = b"Name,Domains\n,a.example\nNorth,loop.example\n!!!,\n"
    listed = errors(check(client_for(facilitator), content, ORGANIZATIONS))
    assert [(row, column) for row, column, *_ in listed] == [
        (2, "Name"), (3, "Domains"), (4, "Name")
    ]  # fmt: skip
    assert "belongs to Loop Example Clinic" in listed[1][3]
    assert not Organization.objects.filter(name="North").exists()


def test_import_of_a_row_with_more_cells_than_headings_is_one_error(client_for, facilitator):
    """Its other cells may be in the wrong columns: nothing is said about them."""
    client = client_for(facilitator)
    checked = check(client, b"Name,Domains\nOak, oak.example, oakmed.example\n", ORGANIZATIONS)
    ((row, column, _, message),) = errors(checked)
    assert (row, column) == (2, "")
    assert "more cells than there are headings" in message
    assert "Nothing was stored." in visible_text(checked)
    assert not Organization.objects.filter(name="Oak").exists()


def test_import_of_organizations_limits_the_domains_of_a_row(client_for, facilitator):
    domains = " ".join(f"d{number}.example" for number in range(MAX_DOMAINS_PER_ROW + 1))
    content = f"Name,Domains\nNorth,{domains}\n".encode()
    (error,) = errors(check(client_for(facilitator), content, ORGANIZATIONS))
    assert (error[0], error[1]) == (2, "Domains")
    assert "This cell has 101 domains. Enter at most 100." in error[3]
    assert not Organization.objects.filter(name="North").exists()


def test_import_check_says_what_was_read_and_what_was_not(client_for, facilitator, organization):
    rows = [["Staff of 2026"], HEADINGS.split(","), NORA.split(",")]
    content = workbook_of({"Staff": rows, "Old": rows, "Lists": rows}, hidden={"Lists"})
    page = visible_text(check(client_for(facilitator), content, name="list.xlsx"))
    assert "Read: the sheet “Staff”." in page
    assert "Not read: the sheet “Old”." in page
    assert "Not read: 1 hidden sheet." in page
    assert "Not read: row 1, above the headings." in page


def test_import_check_lists_errors_of_excel_with_its_row_numbers(
    client_for, facilitator, organization, team
):
    rows = [HEADINGS.split(","), NORA.split(","), [], ["x@y.example", None, 5, None, None]]
    response = check(client_for(facilitator), workbook_of({"Staff": rows}), name="list.xlsx")
    assert [(row, column) for row, column, *_ in errors(response)] == [
        (4, "Full name"), (4, "Organization"), (4, "Teams")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty."),
        (b"x" * 2_000_001, "The file is larger than 2 MB."),
    ],
    ids=["empty", "large"],
)
def test_import_check_refuses_a_file_in_words(client_for, facilitator, content, message):
    response = check(client_for(facilitator), content)
    assert message in visible_text(response)
    assert not Import.objects.exists()


def test_import_check_without_a_file_says_so(client_for, facilitator):
    response = client_for(facilitator).post(f"{MEMBERS}import/", {})
    assert "Choose a file." in visible_text(response)


def test_import_check_shows_markup_as_text(client_for, facilitator, organization):
    response = check(client_for(facilitator), csv_of("<script>,x,,Rush Example Hospital,Education"))
    assert "<script>,x" not in response.content.decode()
    assert "<bdi>&lt;script&gt;</bdi>" in response.content.decode()


def test_import_is_its_uploaders_alone(client_for, facilitator, administrator, organization):
    """Not an administrator's, and not another list's."""
    own = client_for(facilitator)
    check(own, csv_of(NORA), follow=False)
    record = own_import(facilitator)
    data = {"version": record.version}
    pages = ("", "correct/", "store/", "continue/", "failed/")
    for client, path in [(client_for(administrator), MEMBERS), (own, ORGANIZATIONS)]:
        for page in pages if path == MEMBERS else ("", "store/"):
            assert client.post(f"{path}import/{record.pk}/{page}", data).status_code == 404
    assert nora() is None


def test_import_by_get_changes_nothing(client_for, facilitator, team, organization):
    client = client_for(facilitator)
    check(client, csv_of(NORA), follow=False)
    record = own_import(facilitator)
    address = f"{MEMBERS}import/{record.pk}/"
    for page in ("correct/", "store/", "continue/"):
        response = client.get(f"{address}{page}?version={record.version}")
        assert (response.status_code, response["Location"]) == (302, address)
        assert (own_import(facilitator).version, nora()) == (record.version, None)


def test_import_is_not_for_members(client_for, member):
    client = client_for(member)
    for path in (MEMBERS, ORGANIZATIONS):
        for page in ("import/", "import/1/", "import/1/store/", "import/template/"):
            assert client.post(path + page).status_code == 403


def test_import_store_does_what_the_check_said(client_for, facilitator, applicant, organization):
    client = client_for(facilitator)
    add_organization("Loop Example", by=facilitator)
    content = csv_of(NORA, f"{applicant.email},W,,Rush Example Hospital,Education")
    checked = check(client, content)
    summary = " ".join(checked.context["report"].summary)
    assert "1 waiting request approved" in summary
    assert summary in " ".join(visible_text(store(client, checked)).split())


def test_import_check_of_an_export_with_people_who_still_wait_changes_nothing(
    client_for, facilitator, member, applicant
):
    """Who joins nothing by the file needs no recognized organization."""
    response = client_for(facilitator).post(f"{MEMBERS}export/", {"format": "csv"})
    exported = b"".join(response.streaming_content)
    assert b"wanda@lakeview.example" in exported
    response = check(client_for(facilitator), exported)
    assert "Everything in the file is here already." in visible_text(response)


def test_import_check_says_who_was_declined_before(
    client_for, facilitator, member, team, organization
):
    person = make_member("juna@personal.example", organization, "Juna Once", confirmed=False)
    join_teams(person, [team])
    decline_membership(membership_of(person, team), reason="Not now.", by=facilitator)
    rows = csv_of(f"juna@personal.example,Juna,,{organization},{team}")
    page = visible_text(check(client_for(facilitator), rows))
    assert "1 person joins a team that declined them before: juna@personal.example." in page
    assert "For 14 days the import can be taken back as a whole" in page
