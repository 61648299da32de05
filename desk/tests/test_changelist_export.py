"""Exports: exactly what the list shows, safe in a spreadsheet, streamed and logged."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.contrib import admin
from django.core.signals import request_finished
from django.db import IntegrityError, close_old_connections, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from conftest import make_member, membership_of
from desk.changelist.export import CHUNK, as_file, csv_lines, safe, xlsx_file
from desk.models import Export
from members.models import EmailDomain, Member, Organization
from teams.models import FaqEntry, Goal, Membership, Question
from teams.services import join_teams

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
    """What stands in an exported CSV, headings first."""
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def sheet_of(table: list[list[object]]):
    """The sheet of an exported workbook with these rows below one heading."""
    with xlsx_file(["a"], table) as file:
        return load_workbook(io.BytesIO(file.read())).active


def column(response, heading: str) -> list[str]:
    headings, *rows = rows_of(response)
    return [row[headings.index(heading)] for row in rows]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_every_list_can_be_exported(
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
        sheet = load_workbook(io.BytesIO(content)).active
        found = [list(row) for row in sheet.iter_rows(values_only=True)]
    else:
        found = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert found[0] == [heading for heading, _ in listed.export_columns]
    assert len(found) == 1 + listed.model.objects.count()


def test_export_has_the_rows_that_filter_and_search_leave(
    client_for, administrator, member, applicant
):
    client = client_for(administrator)
    found = column(export(client, MEMBERSHIPS, "?status__exact=requested"), "Member")
    assert found == ["Wanda Waiting"]
    assert column(export(client, MEMBERSHIPS, "?q=maria"), "Member") == ["Maria Member"]
    assert column(export(client, MEMBERSHIPS, "?q=maria&status__exact=requested"), "Member") == []


def test_page_keeps_its_filters_in_the_export(client_for, administrator, applicant):
    page = (
        client_for(administrator).get(f"{MEMBERSHIPS}?status__exact=requested&q=w").content.decode()
    )
    assert f'action="{MEMBERSHIPS}export/?status__exact=requested&amp;q=w"' in page


def test_facilitator_exports_ones_own_people_only(
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


def test_members_leave_with_the_headings_that_the_import_reads(client_for, administrator, member):
    headings, row, *_ = rows_of(export(client_for(administrator), MEMBERS, "?q=maria"))
    assert headings[:5] == ["Email", "Full name", "Job title", "Organization", "Teams"]
    assert row[:5] == [
        "maria@rush.example", "Maria Member", "", "Rush Example Hospital", "Education"
    ]  # fmt: skip


def test_file_says_the_list_and_the_day(client_for, administrator):
    response = export(client_for(administrator), MEMBERS)
    day = timezone.localdate().isoformat()
    assert response["Content-Disposition"] == f'attachment; filename="members-{day}.csv"'
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert "no-store" in response["Cache-Control"]


def test_export_is_logged_with_who_what_and_how_many(client_for, facilitator, member, colleague):
    response = export(client_for(facilitator), MEMBERS, "?affiliation=confirmed&q=rush")
    logged = Export.objects.get()  # before the first byte
    assert (logged.by, logged.what, logged.file_format) == (facilitator, "Members", "csv")
    assert logged.filters == 'search "rush"; affiliation: Confirmed'
    rows_of(response)
    logged.refresh_from_db()
    assert logged.rows == 2


def test_log_counts_what_left_when_the_client_goes_away(rf, administrator, organization):
    EmailDomain.objects.bulk_create(
        EmailDomain(organization=organization, domain=f"{'d' * 60}{number}.example")
        for number in range(2 * CHUNK)
    )
    request = rf.post(f"{DOMAINS}export/", {"format": "csv"})
    request.user = administrator
    response = admin.site.get_model_admin(EmailDomain).export_view(request)
    next(iter(response.streaming_content))
    request_finished.disconnect(close_old_connections)  # as the test client does
    response.close()
    request_finished.connect(close_old_connections)
    assert 0 < Export.objects.get().rows < CHUNK


def test_csv_reads_rows_only_as_they_leave():
    taken = []

    def table():
        for number in range(5000):
            taken.append(number)
            yield [f"row {number}", "x" * 100]

    pieces = csv_lines(["Row", "Text"], table())
    assert taken == []
    first = next(pieces)
    assert 0 < len(taken) < 1000
    assert len((first + b"".join(pieces)).splitlines()) == 5001


def test_queries_of_an_export_do_not_grow_with_its_rows(
    client_for, administrator, organization, team
):
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


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_formulas_leave_as_text(start):
    assert safe(f"{start}1+1") == f"'{start}1+1"
    assert sheet_of([[f"{start}1+1"]])["A2"].data_type == "s"
    assert f"'{start}1+1".encode() in b"".join(csv_lines(["a"], iter([[f"{start}1+1"]])))


def test_plain_text_and_numbers_leave_as_they_are():
    assert safe("a=b") == "a=b"
    assert b"".join(csv_lines(["a"], iter([[-5, Decimal("1.50"), "a"]]))).endswith(b"-5,1.50,a\r\n")


def test_formula_in_a_name_is_harmless_in_the_file(client_for, administrator):
    Member.objects.create_user("x@rush.example", full_name='=HYPERLINK("http://x")')
    (name,) = column(export(client_for(administrator), MEMBERS, "?q=x@rush"), "Full name")
    assert name == '\'=HYPERLINK("http://x")'


def test_accents_and_dates_are_kept_in_both_formats():
    when = datetime(2026, 11, 23, 9, 30, 15, 500)  # noqa: DTZ001  # as a cell holds it
    lines = b"".join(csv_lines(["é"], iter([["Zoë", when]])))
    assert lines.startswith(b"\xef\xbb\xbf")
    assert lines.decode("utf-8-sig") == "é\r\nZoë,2026-11-23 09:30\r\n"
    sheet = sheet_of([["Zoë\x0b", when]])
    assert [cell.value for cell in sheet[2]] == ["Zoë", when.replace(microsecond=0)]
    assert sheet["B2"].is_date


def test_times_leave_in_the_portals_time_zone(client_for, administrator, member, team):
    stay = membership_of(member, team)
    Membership.objects.filter(pk=stay.pk).update(requested_at=datetime(2026, 7, 1, 12, tzinfo=UTC))
    assert column(export(client_for(administrator), MEMBERSHIPS), "Requested") == [
        "2026-07-01 07:00"
    ]


@pytest.mark.parametrize("query", ["?format=csv", ""])
def test_opening_the_address_exports_nothing(client_for, facilitator, query):
    response = client_for(facilitator).get(f"{MEMBERS}export/{query}")
    assert (response.status_code, Export.objects.count()) == (302, 0)
    assert response["Location"].startswith(MEMBERS)


@pytest.mark.parametrize("file_format", ["", "pdf", "CSV"])
def test_unknown_format_exports_nothing(client_for, facilitator, file_format):
    response = export(client_for(facilitator), MEMBERS, file_format=file_format)
    assert (response.status_code, Export.objects.count()) == (302, 0)


def test_forged_filter_exports_nothing(client_for, facilitator, member):
    response = export(client_for(facilitator), MEMBERS, "?organization__decided_by=1")
    assert response.status_code in {302, 400}
    assert not Export.objects.exists()


@pytest.mark.parametrize("path", LISTS)
def test_export_is_not_a_members(client_for, member, path):
    assert export(client_for(member), path).status_code == 403
    assert not Export.objects.exists()


def test_export_asks_a_visitor_to_sign_in(client, db):
    response = export(client, MEMBERS)
    assert response["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("path", ["/admin/post_office/email/", LOG])
def test_mails_and_the_log_are_not_exported(client_for, administrator, path):
    client = client_for(administrator)
    assert "Export this list" not in client.get(path).content.decode()
    assert export(client, path).status_code == 404


def test_too_many_rows_for_excel_are_told(client_for, administrator, member, monkeypatch):
    monkeypatch.setattr("desk.changelist.export.XLSX_ROWS", 1)
    response = client_for(administrator).post(f"{MEMBERS}export/", {"format": "xlsx"}, follow=True)
    assert "Narrow the list, or take it as CSV." in response.content.decode()
    assert not Export.objects.exists()


def test_excel_file_is_gone_when_it_has_left(db):
    response = as_file("list.xlsx", ["a"], iter([["b"]]))
    file = response.file_to_stream
    b"".join(response.streaming_content)
    response.close()
    assert file.closed


def test_administrators_read_the_log(client_for, administrator, facilitator, member):
    rows_of(export(client_for(facilitator), MEMBERS, "?q=maria"))
    page = client_for(administrator).get(LOG).content.decode()
    for told in ("Fay Facilitator", "Members", "search &quot;maria&quot;", "1 row", "CSV"):
        assert told in page


def test_log_is_for_reading(client_for, administrator, member):
    client = client_for(administrator)
    rows_of(export(client, MEMBERS))
    pk = Export.objects.get().pk
    assert client.get(f"{LOG}add/").status_code == 404
    assert client.get(f"{LOG}{pk}/change/").status_code == 404
    assert client.post(f"{LOG}{pk}/delete/", {"post": "yes"}).status_code == 404
    assert Export.objects.filter(pk=pk).exists()


def test_log_is_not_a_facilitators(client_for, facilitator):
    client = client_for(facilitator)
    assert client.get(LOG).status_code in {403, 404}
    assert LOG not in client.get("/admin/").content.decode()


def test_database_refuses_an_unknown_format(administrator):
    with pytest.raises(IntegrityError), transaction.atomic():
        Export.objects.create(by=administrator, what="Members", file_format="pdf")
