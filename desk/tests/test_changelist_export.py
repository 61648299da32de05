"""Exports: exactly what the list shows, safe in a spreadsheet, streamed and logged."""

import csv
import io
import re
import tracemalloc
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signals import request_finished
from django.db import IntegrityError, close_old_connections, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from python_calamine import CalamineWorkbook

from conftest import make_member, membership_of
from desk.changelist.export import (
    BATCH_SIZE,
    MAX_XLSX_CHARACTERS,
    file_response,
    stream_csv,
    write_xlsx,
)
from desk.models import Export
from members.models import EmailDomain, Member, Organization
from teams.models import FaqEntry, Goal, Membership, Question
from teams.services import add_organization, join_teams

DOMAINS = "/admin/members/emaildomain/"
LOG = "/admin/desk/export/"
MEMBERS = "/admin/members/member/"
MEMBERSHIPS = "/admin/teams/membership/"
ORGANIZATIONS = "/admin/members/organization/"
LISTS = [
    DOMAINS,
    MEMBERS,
    MEMBERSHIPS,
    ORGANIZATIONS,
    "/admin/teams/actionteam/",
    "/admin/teams/faqentry/",
    "/admin/teams/goal/",
    "/admin/teams/question/",
]


def export(client, path: str, query: str = "", file_format: str = "csv"):
    return client.post(f"{path}export/{query}", {"format": file_format})


def rows_of(response) -> list[list[str]]:
    """Return the rows of an exported CSV, headings first."""
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def xlsx_rows_of(content: bytes) -> list[list[object]]:
    """Return the rows of an exported workbook, headings first."""
    with CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
        return list(workbook.get_sheet_by_index(0).iter_rows())


def write_and_read_xlsx(rows: list[list[object]]) -> list[list[object]]:
    """Return the rows below the heading of a workbook that was written with `rows`."""
    with write_xlsx(["a"], rows) as file:
        return xlsx_rows_of(file.read())[1:]


def column(response, heading: str) -> list[str]:
    headings, *rows = rows_of(response)
    return [row[headings.index(heading)] for row in rows]


@pytest.mark.parametrize(
    ("path", "file_format"), [*((path, "csv") for path in LISTS), (MEMBERS, "xlsx")]
)
def test_export_works_for_every_list(
    client_for, administrator, applicant, goal, faq_entry, path, file_format
):
    Question.objects.create(text="Who pays?")
    client = client_for(administrator)
    page = client.get(path).content.decode()
    assert f'action="{path}export/?"' in page
    response = export(client, path, file_format=file_format)
    content = b"".join(response.streaming_content)
    listed = admin.site.get_model_admin(
        {
            DOMAINS: EmailDomain,
            MEMBERS: Member,
            MEMBERSHIPS: Membership,
            ORGANIZATIONS: Organization,
            "/admin/teams/faqentry/": FaqEntry,
            "/admin/teams/goal/": Goal,
            "/admin/teams/question/": Question,
        }.get(path, type(goal.team))
    )
    if file_format == "xlsx":
        rows = xlsx_rows_of(content)
    else:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert rows[0] == [heading for heading, _ in listed.export_columns]
    assert len(rows) == 1 + listed.model.objects.count()


def test_export_has_the_rows_that_filter_and_search_leave(
    client_for, administrator, member, applicant
):
    client = client_for(administrator)
    requested = export(client, MEMBERSHIPS, "?status__exact=requested")
    assert column(requested, "Member") == ["Wanda Waiting"]
    assert column(export(client, MEMBERSHIPS, "?q=maria"), "Member") == ["Maria Member"]
    assert column(export(client, MEMBERSHIPS, "?q=maria&status__exact=requested"), "Member") == []


def test_changelist_keeps_its_filters_in_the_export(client_for, administrator, applicant):
    page = (
        client_for(administrator).get(f"{MEMBERSHIPS}?status__exact=requested&q=w").content.decode()
    )
    assert f'action="{MEMBERSHIPS}export/?status__exact=requested&amp;q=w"' in page


def test_export_by_a_facilitator_has_the_people_of_the_own_teams_only(
    client_for, facilitator, member, outsider, other_team
):
    join_teams(member, [other_team])
    client = client_for(facilitator)
    assert column(export(client, MEMBERS), "Email") == ["maria@rush.example"]
    assert column(export(client, MEMBERS), "Teams") == ["Education"]
    assert column(export(client, MEMBERSHIPS), "Team") == ["Education"]


def test_export_is_not_narrowed_to_a_page_of_the_list(client_for, administrator, organization):
    EmailDomain.objects.bulk_create(
        EmailDomain(organization=organization, domain=f"d{number}.example") for number in range(120)
    )
    assert len(column(export(client_for(administrator), DOMAINS), "Domain")) == 121


def test_export_of_members_has_the_headings_that_the_import_reads(
    client_for, administrator, member
):
    headings, row, *_ = rows_of(export(client_for(administrator), MEMBERS, "?q=maria"))
    assert headings[:5] == ["Email", "Full name", "Job title", "Organization", "Teams"]
    assert row[:5] == [
        "maria@rush.example", "Maria Member", "", "Rush Example Hospital", "Education"
    ]  # fmt: skip


def test_export_file_name_has_the_list_and_the_day(client_for, administrator):
    response = export(client_for(administrator), MEMBERS)
    day = timezone.localdate().isoformat()
    assert response["Content-Disposition"] == f'attachment; filename="members-{day}.csv"'
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert "no-store" in response["Cache-Control"]


def test_export_is_logged_with_who_what_and_how_many(client_for, facilitator, member, colleague):
    response = export(client_for(facilitator), MEMBERS, "?affiliation=confirmed&q=rush")
    # Before the first byte is sent.
    logged = Export.objects.get()
    assert (logged.by, logged.what, logged.file_format) == (facilitator, "Members", "csv")
    assert logged.filters == 'search "rush"; affiliation: Confirmed'
    rows_of(response)
    logged.refresh_from_db()
    assert logged.rows == 2


def test_export_log_counts_what_was_sent_when_the_client_goes_away(rf, administrator, organization):
    EmailDomain.objects.bulk_create(
        EmailDomain(organization=organization, domain=f"{'d' * 60}{number}.example")
        for number in range(2 * BATCH_SIZE)
    )
    request = rf.post(f"{DOMAINS}export/", {"format": "csv"})
    request.user = administrator
    response = admin.site.get_model_admin(EmailDomain).export_view(request)
    next(iter(response.streaming_content))
    # As the test client does.
    request_finished.disconnect(close_old_connections)
    response.close()
    request_finished.connect(close_old_connections)
    assert 0 < Export.objects.get().rows < BATCH_SIZE


def test_stream_csv_reads_rows_only_as_they_are_sent():
    read = []

    def rows():
        for number in range(5000):
            read.append(number)
            yield [f"row {number}", "x" * 100]

    pieces = stream_csv(["Row", "Text"], rows())
    assert read == []
    first = next(pieces)
    assert 0 < len(read) < 1000
    assert len((first + b"".join(pieces)).splitlines()) == 5001


def test_write_xlsx_needs_the_same_memory_for_any_number_of_rows():
    def peak_of(count: int) -> int:
        rows = ([number, f"row {number}", "x" * 100] for number in range(count))
        tracemalloc.start()
        with write_xlsx(["Number", "Row", "Text"], rows) as file:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert file.seek(0, io.SEEK_END) > 10 * count
        return peak

    # The first use of the library reads its modules and templates.
    peak_of(1)
    assert peak_of(2_500) < peak_of(500) + 100_000


def test_export_queries_do_not_grow_with_its_rows(client_for, administrator, organization, team):
    client = client_for(administrator)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            rows_of(export(client, MEMBERS, "?q=rush.example"))
        return len(captured)

    def join(name: str) -> None:
        join_teams(make_member(f"{name}@rush.example", organization, name), [team])

    join("one")
    one = queries()
    join("two")
    join("three")
    assert queries() == one


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_exports_write_formulas_as_text(start):
    formula = f"{start}1+1"
    assert write_and_read_xlsx([[formula]]) == [[f"'{formula}"]]
    assert f"'{formula}".encode() in b"".join(stream_csv(["a"], iter([[formula]])))


def test_exports_leave_numbers():
    row = [-5, Decimal("1.50"), "a"]
    assert b"".join(stream_csv(["a"], iter([row]))).endswith(b"-5,1.50,a\r\n")
    assert write_and_read_xlsx([row]) == [[-5, 1.5, "a"]]


def test_exports_write_formulas_in_headings_as_text():
    assert b"".join(stream_csv(["=1+1: members"], iter(()))).endswith(b"'=1+1: members\r\n")
    with write_xlsx(["=1+1: members"], []) as file:
        assert xlsx_rows_of(file.read()) == [["'=1+1: members"]]


def test_two_modules_alone_write_spreadsheets():
    """What they write is safe; another writer would need the same rule."""
    root = Path(__file__).parents[2]
    writers = [
        str(path.relative_to(root))
        for app in ("members", "teams", "desk", "collaborative")
        for path in (root / app).rglob("*.py")
        if "tests" not in path.parts
        and re.search(r"csv\.\w*writer|xlsxwriter\b(?!\.utility)", path.read_text(), re.I)
    ]
    assert sorted(writers) == ["desk/changelist/export.py", "members/csv_files.py"]


def test_write_xlsx_writes_no_formulas_and_no_links():
    rows = [["{=1+1}", "https://example.org/", "mailto:maria@rush.example", "12"]]
    with write_xlsx(["a"], rows) as file, zipfile.ZipFile(file) as package:
        sheet = package.read("xl/worksheets/sheet1.xml").decode()
        assert not any("rels" in name and "sheet1" in name for name in package.namelist())
    assert "<f>" not in sheet
    assert "<v>12</v>" not in sheet
    assert write_and_read_xlsx(rows) == rows


def test_write_xlsx_cuts_text_that_no_cell_can_hold():
    ((text,),) = write_and_read_xlsx([["x" * (MAX_XLSX_CHARACTERS + 1)]])
    assert (len(text), text[-2:]) == (MAX_XLSX_CHARACTERS, "x…")


def test_write_xlsx_fails_rather_than_drop_a_cell():
    with pytest.raises(ValueError, match="was not written"):
        write_xlsx(["a"], [["x"] * 16_385])


def test_write_xlsx_keeps_the_place_of_empty_cells_and_rows():
    rows = [["", "", "b"], [None, None, None], ["c", "", ""]]
    assert write_and_read_xlsx(rows) == [["", "", "b"], ["", "", ""], ["c", "", ""]]


def test_formula_in_a_name_is_harmless_in_the_file(client_for, administrator):
    Member.objects.create_user("x@rush.example", full_name='=HYPERLINK("http://x")')
    (name,) = column(export(client_for(administrator), MEMBERS, "?q=x@rush"), "Full name")
    assert name == '\'=HYPERLINK("http://x")'


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_export_with_formulas_in_names_can_be_imported_unchanged(
    client_for, administrator, file_format
):
    for name in ["=North", "South; -1", "'＝East", "'s-West", '"@x" Clinic']:
        add_organization(name, by=administrator)
    client = client_for(administrator)
    content = b"".join(export(client, ORGANIZATIONS, file_format=file_format).streaming_content)
    upload = SimpleUploadedFile(f"list.{file_format}", content)
    page = client.post(f"{ORGANIZATIONS}import/", {"file": upload}, follow=True)
    assert page.context["report"].errors == []
    assert page.context["report"].changes_nothing


def test_export_keeps_accents_dates_and_times_in_both_formats():
    day = date(2026, 11, 23)
    time = datetime(2026, 11, 23, 9, 30, 15, 500)  # noqa: DTZ001  # as a cell holds it
    content = b"".join(stream_csv(["é"], iter([["Zoë", day, time]])))
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.decode("utf-8-sig") == "é\r\nZoë,2026-11-23,2026-11-23 09:30\r\n"
    assert write_and_read_xlsx([["Zoë\x0b", day, time]]) == [
        ["Zoë", day, time.replace(microsecond=0)]
    ]


def test_write_xlsx_writes_a_date_before_all_spreadsheets_as_text():
    assert write_and_read_xlsx([[date(226, 1, 31)]]) == [["0226-01-31"]]


def test_export_writes_times_in_the_portals_time_zone(client_for, administrator, member, team):
    membership = membership_of(member, team)
    Membership.objects.filter(pk=membership.pk).update(
        requested_at=datetime(2026, 7, 1, 12, tzinfo=UTC)
    )
    assert column(export(client_for(administrator), MEMBERSHIPS), "Requested") == [
        "2026-07-01 07:00"
    ]


@pytest.mark.parametrize("query", ["?format=csv", ""])
def test_export_by_get_exports_nothing(client_for, facilitator, query):
    response = client_for(facilitator).get(f"{MEMBERS}export/{query}")
    assert (response.status_code, Export.objects.count()) == (302, 0)
    assert response["Location"].startswith(MEMBERS)


@pytest.mark.parametrize("file_format", ["", "pdf", "CSV"])
def test_export_refuses_an_unknown_format(client_for, facilitator, file_format):
    response = export(client_for(facilitator), MEMBERS, file_format=file_format)
    assert (response.status_code, Export.objects.count()) == (302, 0)


def test_export_refuses_a_forged_filter(client_for, facilitator, member):
    response = export(client_for(facilitator), MEMBERS, "?organization__decided_by=1")
    assert response.status_code in {302, 400}
    assert not Export.objects.exists()


def test_export_is_not_for_members(client_for, member):
    client = client_for(member)
    assert [export(client, path).status_code for path in LISTS] == [403] * len(LISTS)
    assert not Export.objects.exists()


def test_export_asks_a_visitor_to_sign_in(client, db):
    response = export(client, MEMBERS)
    assert response["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("path", ["/admin/post_office/email/", LOG])
def test_export_is_not_offered_for_emails_and_the_log(client_for, administrator, path):
    client = client_for(administrator)
    assert "Export this list" not in client.get(path).content.decode()
    assert export(client, path).status_code == 404


def test_export_refuses_too_many_rows_for_excel(client_for, administrator, member, monkeypatch):
    monkeypatch.setattr("desk.changelist.export.MAX_XLSX_ROWS", 1)
    response = client_for(administrator).post(f"{MEMBERS}export/", {"format": "xlsx"}, follow=True)
    assert "Narrow the list, or take it as CSV." in response.content.decode()
    assert not Export.objects.exists()


def test_file_response_deletes_the_excel_file_after_sending(db):
    response = file_response("list.xlsx", ["a"], iter([["b"]]))
    file = response.file_to_stream
    b"".join(response.streaming_content)
    response.close()
    assert file.closed


def test_export_log_can_be_read_by_administrators(client_for, administrator, facilitator, member):
    rows_of(export(client_for(facilitator), MEMBERS, "?q=maria"))
    page = client_for(administrator).get(LOG).content.decode()
    for text in ("Fay Facilitator", "Members", "search &quot;maria&quot;", "1 row", "CSV"):
        assert text in page


def test_export_log_cannot_be_changed(client_for, administrator, member):
    client = client_for(administrator)
    rows_of(export(client, MEMBERS))
    pk = Export.objects.get().pk
    assert client.get(f"{LOG}add/").status_code == 404
    assert client.get(f"{LOG}{pk}/change/").status_code == 404
    assert client.post(f"{LOG}{pk}/delete/", {"post": "yes"}).status_code == 404
    assert Export.objects.filter(pk=pk).exists()


def test_export_log_is_not_for_facilitators(client_for, facilitator):
    client = client_for(facilitator)
    assert client.get(LOG).status_code in {403, 404}
    assert LOG not in client.get("/admin/").content.decode()


def test_export_database_refuses_an_unknown_format(administrator):
    with pytest.raises(IntegrityError), transaction.atomic():
        Export.objects.create(by=administrator, what="Members", file_format="pdf")
