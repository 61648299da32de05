"""The error pages for an outage of the database and for too large a request."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, OperationalError, connection
from django.http import HttpResponse
from django.test import Client

from collaborative.tests.page_kinds import member_pages
from conftest import visible_text
from teams.tests.joining import JOIN, form
from teams.tests.meetings import make_meeting

DOWN = "The portal is down for a short while"
MEMBERS_PAGES = ["/", "/my/", "/my/profile/", "/teams/education/", "/nowhere/", "/admin/"]


def fail_statement(*statement: object) -> None:
    raise OperationalError("the connection is lost")


def open_without_database(client: Client, path: str, **data: object) -> HttpResponse:
    client.raise_request_exception = False
    with connection.execute_wrapper(fail_statement):
        return client.post(path, data) if data else client.get(path)


def is_outage_page(response: HttpResponse) -> bool:
    text = visible_text(response)
    return (
        response.status_code == 503
        and response["Retry-After"] == "10"
        and "no-store" in response["Cache-Control"]
        and DOWN in text
        and "Traceback" not in text
    )


@pytest.mark.parametrize("path", ["/", "/teams/", "/faq/", "/organizations/", "/join/"])
def test_public_pages_answer_503_during_an_outage(client, team, path):
    assert is_outage_page(open_without_database(client, path))
    assert client.get(path).status_code == 200


def test_member_pages_answer_503_during_an_outage(client_for, member, faq_entry):
    browser = client_for(member)
    pages = member_pages(member)
    assert [
        path for path in pages if not is_outage_page(open_without_database(browser, path))
    ] == []


@pytest.mark.parametrize("path", MEMBERS_PAGES)
def test_outage_signs_nobody_out(client_for, member, path):
    browser = client_for(member)
    assert is_outage_page(open_without_database(browser, path))
    assert browser.get("/my/").status_code == 200


@pytest.mark.both_databases
def test_form_answers_503_during_an_outage_and_stores_nothing(client, team, queued_emails):
    assert is_outage_page(open_without_database(client, JOIN, **form(team)))
    assert queued_emails() == []


def test_bad_request_answers_503_for_a_session_lost_in_an_outage(client, team):
    """Django takes a session that it cannot write for one that was deleted: 400."""

    def full(execute: Callable, sql: str, *rest: object) -> object:
        if sql.startswith("UPDATE") and "django_session" in sql:
            fail_statement()
        return execute(sql, *rest)

    client.raise_request_exception = False
    client.post(JOIN, form(team))
    with connection.execute_wrapper(full):
        assert is_outage_page(client.post(JOIN, form(team)))


@pytest.mark.django_db
def test_healthz_answers_during_an_outage(client):
    assert open_without_database(client, "/healthz").status_code == 200


@pytest.mark.django_db
def test_server_error_answers_500_for_other_errors(client):
    def wrong(*statement: object) -> None:
        raise IntegrityError("our mistake")

    client.raise_request_exception = False
    with connection.execute_wrapper(wrong):
        response = client.get("/teams/")
    assert response.status_code == 500
    assert "Retry-After" not in response


# Too large ---------------------------------------------------------------------------------


def is_too_large_page(response: HttpResponse) -> bool:
    return response.status_code == 413 and "That was too much to send" in visible_text(response)


@pytest.mark.django_db
def test_form_larger_than_a_megabyte_answers_413(client, queued_emails):
    assert is_too_large_page(client.post(JOIN, {"full_name": "x" * 1_100_000}))
    assert queued_emails() == []


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


def test_large_file_is_refused_by_its_form(client_for, administrator):
    file = SimpleUploadedFile("list.csv", b"Name,Domains\n" + b"x" * 2_200_000)
    response = client_for(administrator).post("/admin/members/organization/import/", {"file": file})
    assert response.status_code == 200
    assert "The file is larger than 2 MB. Split it." in visible_text(response)


@pytest.mark.django_db
def test_unreadable_request_answers_400_as_a_page_of_the_site(client):
    response = client.post("/join/", b"--x", content_type="multipart/form-data; boundary=\xff")
    assert response.status_code == 400
    assert "We could not read that request" in visible_text(response)


def test_foreign_host_answers_400_as_a_page_of_the_site(client, settings):
    response = client.get("/teams/", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert "We could not read that request" in visible_text(response)
    assert "evil.example" not in response.content.decode()


def test_page_not_found_offers_signing_in_and_tells_nothing(client, client_for, member, team):
    meeting = make_meeting(team, audience="teams")
    paths = [meeting.get_absolute_url(), "/meetings/nowhere/", "/nowhere/?q=a&b=c"]
    pages = [client.get(path) for path in paths]
    assert {page.status_code for page in pages} == {404}
    texts = set()
    for path, page in zip(paths, pages, strict=True):
        link = f'<a href="/sign-in/?next={quote(path, safe="")}">Sign in</a>'
        assert link in page.content.decode()
        texts.add(visible_text(page).replace(path.partition("?")[0], ""))
    assert len(texts) == 1
    assert client_for(member).get(paths[0]).status_code == 200
    assert "Members may see more" not in visible_text(client_for(member).get("/nowhere/"))
