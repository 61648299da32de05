"""Answers while the database is away, and to requests that are too large or cannot be read."""

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
from collaborative.tests.page_kinds import of_members
from conftest import visible_text
from teams.tests.joining import JOIN, form

OUTAGE_MESSAGE = "The portal is down for a short while"
MEMBER_PAGES = ["/", "/my/", "/my/profile/", "/teams/education/", "/nowhere/", "/admin/"]


def lose_connection(*args: object) -> None:
    raise OperationalError("the connection is lost")


def request_without_database(client: Client, path: str, **data: object) -> HttpResponse:
    client.raise_request_exception = False
    with connection.execute_wrapper(lose_connection):
        return client.post(path, data) if data else client.get(path)


def is_outage_page(response: HttpResponse) -> bool:
    text = visible_text(response)
    return (
        response.status_code == 503
        and response["Retry-After"] == "10"
        and "no-store" in response["Cache-Control"]
        and OUTAGE_MESSAGE in text
        and "Traceback" not in text
    )


@pytest.mark.parametrize("path", ["/", "/teams/", "/faq/", "/organizations/", "/join/"])
def test_visitor_pages_answer_503_while_the_database_is_away(client, team, path):
    assert is_outage_page(request_without_database(client, path))
    assert client.get(path).status_code == 200


def test_member_pages_answer_503_while_the_database_is_away(client_for, member, faq_entry):
    browser = client_for(member)
    pages = of_members(member)
    assert [
        path for path in pages if not is_outage_page(request_without_database(browser, path))
    ] == []


@pytest.mark.parametrize("path", MEMBER_PAGES)
def test_members_stay_signed_in_after_an_outage(client_for, member, path):
    browser = client_for(member)
    assert is_outage_page(request_without_database(browser, path))
    assert browser.get("/my/").status_code == 200


def test_form_sent_while_the_database_is_away_answers_503(client, team, mails):
    assert is_outage_page(request_without_database(client, JOIN, **form(team)))
    assert mails() == []


def test_session_that_cannot_be_saved_answers_503(client, team):
    """Django takes a session that it cannot write for one that was deleted: 400."""

    def fail_to_save(execute: Callable, sql: str, *rest: object) -> object:
        if sql.startswith("UPDATE") and "django_session" in sql:
            lose_connection()
        return execute(sql, *rest)

    client.raise_request_exception = False
    client.post(JOIN, form(team))
    with connection.execute_wrapper(fail_to_save):
        assert is_outage_page(client.post(JOIN, form(team)))


@pytest.mark.django_db
def test_healthz_answers_while_the_database_is_away(client):
    assert request_without_database(client, "/healthz").status_code == 200


@pytest.mark.django_db
def test_other_database_errors_answer_500(client):
    def break_constraint(*args: object) -> None:
        raise IntegrityError("our mistake")

    client.raise_request_exception = False
    with connection.execute_wrapper(break_constraint):
        response = client.get("/teams/")
    assert response.status_code == 500
    assert "Retry-After" not in response


def with_cause(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def sqlite_error(code: int) -> Exception:
    cause = sqlite3.OperationalError("from the file")
    cause.sqlite_errorcode = code
    return with_cause(OperationalError("from the file"), cause)


def postgres_error(error_class: type[Exception], state: str) -> Exception:
    cause = Exception("from the server")
    cause.sqlstate = state
    return with_cause(error_class("from the server"), cause)


@pytest.mark.parametrize(
    "error",
    [
        sqlite_error(sqlite3.SQLITE_BUSY),
        sqlite_error(sqlite3.SQLITE_FULL),
        sqlite_error(sqlite3.SQLITE_IOERR_WRITE),
        sqlite_error(sqlite3.SQLITE_CANTOPEN),
        # Stopped by its administrator; the disk full; a read-only standby.
        postgres_error(OperationalError, "57P01"),
        postgres_error(OperationalError, "53100"),
        postgres_error(InternalError, "25006"),
        OperationalError("could not connect"),
        InterfaceError("the connection is closed"),
        redis.ConnectionError("refused"),
        redis.exceptions.BusyLoadingError("starting"),
        with_cause(ValueError("read"), OperationalError("lost")),
        NotSupportedError("cached plan must not change result type"),
    ],
)
def test_is_away_recognizes_an_outage(error):
    assert error_views.is_away(error)


@pytest.mark.parametrize(
    "error",
    [
        # No such column, or too many variables; an index row too large.
        sqlite_error(sqlite3.SQLITE_ERROR),
        postgres_error(OperationalError, "54000"),
        postgres_error(InternalError, "25P02"),
        redis.ResponseError("wrong command"),
        IntegrityError("there twice"),
        NotSupportedError("distinct on fields"),
        ValueError("wrong"),
        None,
    ],
)
def test_is_away_does_not_blame_the_database(error):
    assert not error_views.is_away(error)


# Too large, or unreadable ------------------------------------------------------------------


def is_too_large_page(response: HttpResponse) -> bool:
    return response.status_code == 413 and "That was too much to send" in visible_text(response)


@pytest.mark.django_db
def test_form_larger_than_a_megabyte_answers_413(client, mails):
    assert is_too_large_page(client.post(JOIN, {"full_name": "x" * 1_100_000}))
    assert mails() == []


@pytest.mark.django_db
@pytest.mark.parametrize("path", [JOIN, "/sign-in/", "/faq/ask/", "/organizations/check/"])
def test_form_with_thousands_of_fields_answers_413(client, path):
    assert is_too_large_page(client.post(path, {f"field{number}": "" for number in range(5000)}))


@pytest.mark.django_db
def test_query_with_thousands_of_fields_answers_413(client):
    assert is_too_large_page(client.get("/faq/?" + "&".join(["q="] * 5000)))


@pytest.mark.parametrize("path", [JOIN, "/admin/members/organization/import/"])
def test_huge_upload_answers_413_before_it_is_read(client_for, administrator, client, path):
    browser = client_for(administrator) if "admin" in path else client
    file = SimpleUploadedFile("list.csv", b"Name,Domains\n" + b"x" * 6_000_000)
    assert is_too_large_page(browser.post(path, {"file": file}))


def test_large_file_is_refused_by_the_form_itself(client_for, administrator):
    file = SimpleUploadedFile("list.csv", b"Name,Domains\n" + b"x" * 1_500_000)
    response = client_for(administrator).post("/admin/members/organization/import/", {"file": file})
    assert response.status_code == 200
    assert "The file is larger than 1 MB. Split it." in visible_text(response)


@pytest.mark.django_db
def test_unreadable_request_answers_400_with_a_page(client):
    response = client.post("/join/", b"--x", content_type="multipart/form-data; boundary=\xff")
    assert response.status_code == 400
    assert "We could not read that request" in visible_text(response)


def test_foreign_host_answers_400_with_a_page(client, settings):
    response = client.get("/teams/", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert "We could not read that request" in visible_text(response)
    assert "evil.example" not in response.content.decode()
