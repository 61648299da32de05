"""What the portal's middleware adds to Django's sessions: cookies that stay, double presses that
land where they should, pages that nobody keeps."""

import pytest
from django.test import Client
from django.urls import get_resolver, reverse

from conftest import code_in, visible_text
from members.models import Member
from members.tests.second_factor import activate_app, recovery_codes
from members.tests.test_sessions import session_cookies_of

# Cookies -----------------------------------------------------------------------------------


def test_session_middleware_does_not_delete_a_cookie_without_a_session(
    client, member, queued_emails
):
    """A slow double press: the second request still has the cookie from before the sign-in."""
    client.post("/sign-in/", {"email": member.email})
    second_press = Client()
    second_press.cookies["sessionid"] = client.session.session_key
    code = {"code": code_in(queued_emails()[-1])}
    client.post("/sign-in/code/", code)
    response = second_press.post("/sign-in/code/", code)
    assert session_cookies_of(response) == []
    assert response.url == "/my/"


def test_session_middleware_varies_by_cookie_without_a_session(client, db):
    client.cookies["sessionid"] = "a" * 32
    assert "Cookie" in client.get("/sign-in/")["Vary"]


def test_session_middleware_deletes_the_cookie_at_sign_out(client_for, member):
    response = client_for(member).post("/sign-out/")
    assert response.cookies["sessionid"].value == ""


@pytest.mark.parametrize(
    "key", ["x", "aaaaaaaaaaaa\x00", "A" * 32, "é" * 32, "a" * 33, "a" * 31, "'; DROP TABLE x"]
)
def test_session_middleware_ignores_what_cannot_be_a_key(
    client, db, fragment_clock, django_assert_num_queries, key
):
    client.get("/faq/ask/done/")
    client.cookies["sessionid"] = key
    with django_assert_num_queries(0):
        assert client.get("/faq/ask/done/").status_code == 200


def test_session_middleware_does_not_delete_the_cookie_of_an_unknown_session_at_sign_out(
    client, db
):
    """It may be a newer one by the time that the response arrives."""
    client.cookies["sessionid"] = "a" * 32
    assert session_cookies_of(client.post("/sign-out/")) == []


# Slow double presses -----------------------------------------------------------------------


def press_twice(client: Client, path: str, data: dict) -> list:
    """Post the same form again: once with the cookie from before the first press, and once with
    the one that the browser has from its response. Returns the three responses."""
    slow = Client()
    slow.cookies["sessionid"] = client.cookies["sessionid"].value
    return [client.post(path, data), slow.post(path, data), client.post(path, data)]


def assert_lands_where_the_first_did(client: Client, responses: list) -> None:
    """Assert that every press leads to the page of the first one, and that it opens."""
    assert [each.url for each in responses] == [responses[0].url] * 3
    assert [session_cookies_of(each) for each in responses[1:]] == [[], []]
    assert client.get(responses[0].url).status_code == 200


def join_form(team, **changes: str) -> dict:
    form = {"full_name": "Nora New", "email": "nora@rush.example"}
    return {**form, "teams": team.slug, **changes}


def test_second_press_of_the_join_code_lands_on_what_became_of_it(
    client, organization, team, queued_emails
):
    client.post("/join/", join_form(team))
    responses = press_twice(client, "/join/code/", {"code": code_in(queued_emails()[-1])})
    assert responses[0].url == "/join/done/"
    assert_lands_where_the_first_did(client, responses)


def test_second_press_of_the_join_code_lands_on_the_question_that_is_left(
    client, team, queued_emails
):
    client.post("/join/", join_form(team))
    responses = press_twice(client, "/join/code/", {"code": code_in(queued_emails()[-1])})
    assert responses[0].url == "/join/organization/"
    assert [each.url for each in responses] == [responses[0].url] * 3
    responses = press_twice(client, "/join/organization/", {"organization": "Rush"})
    assert responses[0].url == "/join/done/"
    assert_lands_where_the_first_did(client, responses)
    assert len(queued_emails()) == 2


def test_second_press_of_the_sign_in_code_lands_on_the_requested_page(
    client, member, queued_emails
):
    client.post("/sign-in/?next=/my/data/", {"email": member.email})
    responses = press_twice(client, "/sign-in/code/", {"code": code_in(queued_emails()[-1])})
    assert responses[0].url == "/my/data/"
    assert_lands_where_the_first_did(client, responses)


def test_second_press_of_a_code_before_the_second_step_lands_there(client, member, queued_emails):
    activate_app(member)
    client.post("/sign-in/", {"email": member.email})
    responses = press_twice(client, "/sign-in/code/", {"code": code_in(queued_emails()[-1])})
    assert responses[0].url == "/two-factor/authenticate/"
    assert_lands_where_the_first_did(client, responses)


def test_second_press_of_the_second_step_lands_on_the_requested_page(client, member, queued_emails):
    activate_app(member)
    client.post("/sign-in/?next=/my/data/", {"email": member.email})
    client.post("/sign-in/code/", {"code": code_in(queued_emails()[-1])})
    code = {"code": recovery_codes(member)[0]}
    responses = press_twice(client, "/two-factor/authenticate/", code)
    assert responses[0].url == "/my/data/"
    assert_lands_where_the_first_did(client, responses)


def test_second_press_of_a_join_code_before_the_second_step_lands_there(
    client, member, team, queued_emails
):
    activate_app(member)
    client.post("/join/", join_form(team, email=member.email))
    responses = press_twice(client, "/join/code/", {"code": code_in(queued_emails()[-1])})
    assert responses[0].url == "/two-factor/authenticate/"
    assert_lands_where_the_first_did(client, responses)


def test_second_press_of_a_newcomer_lands_on_the_join_form(client, db, queued_emails):
    client.post("/sign-in/", {"email": "nora@rush.example"})
    responses = press_twice(client, "/sign-in/code/", {"code": code_in(queued_emails()[-1])})
    assert responses[0].url == "/join/"
    assert_lands_where_the_first_did(client, responses)


def test_second_press_of_a_join_form_whose_address_is_verified(
    client, organization, team, queued_emails
):
    client.post("/sign-in/", {"email": "nora@rush.example"})
    client.post("/sign-in/code/", {"code": code_in(queued_emails()[-1])})
    responses = press_twice(client, "/join/", join_form(team))
    assert responses[0].url == "/join/done/"
    assert_lands_where_the_first_did(client, responses)
    assert len(queued_emails()) == 2


@pytest.mark.parametrize(
    ("form_path", "code_path"), [("/join/", "/join/code/"), ("/sign-in/", "/sign-in/code/")]
)
def test_second_press_for_a_closed_account_says_so_again(
    client, member, team, queued_emails, form_path, code_path
):
    Member.objects.filter(pk=member.pk).update(is_active=False)
    client.post(form_path, join_form(team, email=member.email))
    responses = press_twice(client, code_path, {"code": code_in(queued_emails()[-1])})
    assert [each.status_code for each in responses] == [403] * 3
    assert len({visible_text(each) for each in responses}) == 1


def test_second_press_is_a_first_one_where_another_form_was_sent(client, member, queued_emails):
    """Nobody is led anywhere but by the very button that signed in."""
    client.post("/sign-in/", {"email": member.email})
    press_twice(client, "/sign-in/code/", {"code": code_in(queued_emails()[-1])})
    assert client.post("/my/data/close/").url == "/"
    assert not Member.objects.filter(email=member.email).exists()


def test_second_press_without_a_first_one_begins_again(client, db):
    client.cookies["sessionid"] = "a" * 32
    assert client.post("/join/code/", {"code": "BCDFGH"}).url == "/join/"
    assert client.post("/sign-in/code/", {"code": "BCDFGH"}).url == "/sign-in/"


# Private pages -----------------------------------------------------------------------------


def is_stored(response) -> bool:
    """Return whether a browser may keep the page."""
    return "no-store" not in response.get("Cache-Control", "")


def test_pages_of_who_is_signed_in_are_never_stored(client_for, member):
    activate_app(member)
    client = client_for(member)
    for path in (
        "/", "/teams/", "/my/", "/my/data/download/", "/no-such-page/", "/two-factor/",
        "/two-factor/recovery-codes/", "/two-factor/reauthenticate/", "/admin/", "/organizations/",
    ):  # fmt: skip
        response = client.get(path)
        assert not is_stored(response), path
        assert "private" in response["Cache-Control"], path


@pytest.mark.usefixtures("fragment_clock")
def test_every_page_of_who_is_signed_in_is_never_stored(client_for, administrator):
    client = client_for(administrator)
    urls = [pattern for pattern in get_resolver().reverse_dict if isinstance(pattern, str)]
    paths = [
        reverse(name) for name in urls if not get_resolver().reverse_dict.getlist(name)[0][0][0][1]
    ]
    assert len(paths) > 30
    pages = {path: client.get(path) for path in paths}
    stored = {path for path, page in pages.items() if is_stored(page)}
    assert {path for path in stored if "html" in pages[path]["Content-Type"]} == set()


def test_pages_with_what_a_visitor_entered_are_never_stored(client, team):
    client.post("/join/", join_form(team))
    for path in ("/join/", "/join/code/", "/"):
        assert not is_stored(client.get(path))


def test_public_pages_of_visitors_may_be_stored(client, team):
    for path in ("/", "/teams/", "/organizations/", "/faq/"):
        assert is_stored(client.get(path))
