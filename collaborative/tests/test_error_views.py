"""The database away, or too much sent: what people are told then, and what machines are told."""

import sqlite3
from collections.abc import Callable

import pytest
import redis
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import (
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    connection,
)
from django.http import HttpResponse
from django.test import Client

from collaborative import error_views
from collaborative.tests.page_kinds import member_pages
from conftest import visible_text
from teams.tests.joining import JOIN, form

DOWN = "The portal is down for a short while"
MEMBERS_PAGES = ["/", "/my/", "/my/profile/", "/teams/education/", "/nowhere/", "/admin/"]


def gone(*statement: object) -> None:
    raise OperationalError("the connection is lost")


def without_database(client: Client, path: str, **posted: object) -> HttpResponse:
    client.raise_request_exception = False
    with connection.execute_wrapper(gone):
        return client.post(path, posted) if posted else client.get(path)


def is_told(response: HttpResponse) -> bool:
    said = visible_text(response)
    return (
        response.status_code == 503
        and response["Retry-After"] == "10"
        and "no-store" in response["Cache-Control"]
        and DOWN in said
        and "Traceback" not in said
    )


@pytest.mark.parametrize("path", ["/", "/teams/", "/faq/", "/organizations/", "/join/"])
def test_pages_of_visitors_answer_503_while_the_database_is_away(client, team, path):
    assert is_told(without_database(client, path))
    assert client.get(path).status_code == 200


def test_every_page_of_members_answers_503_while_the_database_is_away(
    client_for, member, faq_entry
):
    browser = client_for(member)
    pages = member_pages(member)
    assert [path for path in pages if not is_told(without_database(browser, path))] == []


@pytest.mark.parametrize("path", MEMBERS_PAGES)
def test_signed_in_people_are_told_and_stay_signed_in(client_for, member, path):
    browser = client_for(member)
    assert is_told(without_database(browser, path))
    assert browser.get("/my/").status_code == 200


def test_form_sent_while_the_database_is_away_answers_503_and_keeps_nothing(client, team, mails):
    assert is_told(without_database(client, JOIN, **form(team)))
    assert mails() == []


def test_session_that_cannot_be_kept_is_an_outage_and_no_bad_request(client, team):
    """Django takes a session that it cannot write for one that was deleted: 400."""

    def full(execute: Callable, sql: str, *rest: object) -> object:
        if sql.startswith("UPDATE") and "members_session" in sql:
            gone()
        return execute(sql, *rest)

    client.raise_request_exception = False
    client.post(JOIN, form(team))
    with connection.execute_wrapper(full):
        assert is_told(client.post(JOIN, form(team)))


@pytest.mark.django_db
def test_healthz_answers_while_the_database_is_away(client):
    assert without_database(client, "/healthz").status_code == 200


@pytest.mark.django_db
def test_error_of_our_own_stays_a_500(client):
    def wrong(*statement: object) -> None:
        raise IntegrityError("our mistake")

    client.raise_request_exception = False
    with connection.execute_wrapper(wrong):
        response = client.get("/teams/")
    assert response.status_code == 500
    assert "Retry-After" not in response


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def of_sqlite(code: int) -> Exception:
    cause = sqlite3.OperationalError("from the file")
    cause.sqlite_errorcode = code
    return caused(OperationalError("from the file"), cause)


def of_postgres(kind: type[Exception], state: str) -> Exception:
    cause = Exception("from the server")
    cause.sqlstate = state
    return caused(kind("from the server"), cause)


@pytest.mark.parametrize(
    "error",
    [
        of_sqlite(sqlite3.SQLITE_BUSY),
        of_sqlite(sqlite3.SQLITE_FULL),
        of_sqlite(sqlite3.SQLITE_IOERR_WRITE),
        of_sqlite(sqlite3.SQLITE_CANTOPEN),
        of_postgres(OperationalError, "57P01"),  # stopped by its administrator
        of_postgres(OperationalError, "53100"),  # disk full
        of_postgres(InternalError, "25006"),  # a standby by now
        OperationalError("could not connect"),
        InterfaceError("the connection is closed"),
        redis.ConnectionError("refused"),
        redis.exceptions.BusyLoadingError("starting"),
        caused(ValueError("read"), OperationalError("lost")),
        NotSupportedError("cached plan must not change result type"),
    ],
)
def test_what_means_that_the_database_is_away(error):
    assert error_views.is_away(error)


@pytest.mark.parametrize(
    "error",
    [
        of_sqlite(sqlite3.SQLITE_ERROR),  # no such column, too many variables
        of_postgres(OperationalError, "54000"),  # an index row too large
        of_postgres(InternalError, "25P02"),
        redis.ResponseError("wrong command"),
        IntegrityError("there twice"),
        NotSupportedError("distinct on fields"),
        ValueError("wrong"),
        None,
    ],
)
def test_what_does_not_mean_that_the_database_is_away(error):
    assert not error_views.is_away(error)


# Too much ----------------------------------------------------------------------------------


def too_much(response: HttpResponse) -> bool:
    return response.status_code == 413 and "That was too much to send" in visible_text(response)


@pytest.mark.django_db
def test_form_larger_than_a_megabyte_is_refused_in_words(client, mails):
    assert too_much(client.post(JOIN, {"full_name": "x" * 1_100_000}))
    assert mails() == []


@pytest.mark.django_db
@pytest.mark.parametrize("path", [JOIN, "/sign-in/", "/faq/ask/", "/organizations/check/"])
def test_form_with_thousands_of_fields_is_refused_in_words(client, path):
    assert too_much(client.post(path, {f"field{number}": "" for number in range(5000)}))


@pytest.mark.django_db
def test_query_with_thousands_of_fields_is_refused_in_words(client):
    assert too_much(client.get("/faq/?" + "&".join(["q="] * 5000)))


@pytest.mark.parametrize("path", [JOIN, "/admin/members/organization/import/"])
def test_huge_upload_is_refused_before_it_is_read(client_for, administrator, client, path):
    browser = client_for(administrator) if "admin" in path else client
    file = SimpleUploadedFile("list.csv", b"Name,Domains\n" + b"x" * 6_000_000)
    assert too_much(browser.post(path, {"file": file}))


def test_large_file_is_refused_by_the_form_itself(client_for, administrator):
    file = SimpleUploadedFile("list.csv", b"Name,Domains\n" + b"x" * 1_500_000)
    response = client_for(administrator).post("/admin/members/organization/import/", {"file": file})
    assert response.status_code == 200
    assert "The file is larger than 1 MB. Split it." in visible_text(response)


@pytest.mark.django_db
def test_request_that_cannot_be_read_is_answered_in_our_look(client):
    response = client.post("/join/", b"--x", content_type="multipart/form-data; boundary=\xff")
    assert response.status_code == 400
    assert "We could not read that request" in visible_text(response)


def test_foreign_host_is_answered_in_our_look(client, settings):
    response = client.get("/teams/", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert "We could not read that request" in visible_text(response)
    assert "evil.example" not in response.content.decode()
