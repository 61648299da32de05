"""The code step: wrong, old, renewed, for another address, requested too often."""

from datetime import UTC, datetime

from django.test import Client
from post_office.models import Email

from conftest import visible_text
from members.models import Member, SentCode
from teams.tests.joining import CODE, DONE, JOIN, NEW_CODE, age_codes, form, join, last_code


def test_join_code_ignores_case_spaces_and_hyphens(client, organization, team):
    client.post(JOIN, form(team))
    code = last_code().lower()
    done = client.post(CODE, {"code": f" {code[:2]} {code[2:4]}-{code[4:]}\n"})
    assert done["Location"] == DONE


def test_join_code_refuses_a_wrong_one_and_still_takes_the_right_one(client, organization, team):
    client.post(JOIN, form(team))
    code = last_code()
    for entered in ("é", "", "x" * 99):
        response = client.post(CODE, {"code": entered})
        assert response.status_code == 200
        assert "There is a problem" in visible_text(response)
    assert Member.objects.filter(email="nora@rush.example").count() == 0
    assert client.post(CODE, {"code": code})["Location"] == DONE


def test_join_code_stops_after_too_many_tries_and_a_new_one_keeps_the_form(
    client, organization, team
):
    client.post(JOIN, form(team))
    code = last_code()
    for _ in range(5):
        response = client.post(CODE, {"code": "ZZZZZZ"})
    assert "wrong too often" in visible_text(response)
    assert "wrong too often" in visible_text(client.post(CODE, {"code": code}))
    assert Member.objects.filter(email="nora@rush.example").count() == 0
    renewed = client.post(NEW_CODE, follow=True)
    assert "We sent a new code to nora@rush.example" in visible_text(renewed)
    assert client.post(CODE, {"code": last_code()})["Location"] == DONE
    assert Member.objects.get(email="nora@rush.example").full_name == "Nora Newcomer"


def test_join_code_expires_and_a_new_one_keeps_the_form(client, organization, team):
    client.post(JOIN, form(team))
    code = last_code()
    age_codes(15 * 60 + 1)
    assert "too old" in visible_text(client.post(CODE, {"code": code}))
    client.post(NEW_CODE)
    assert client.post(CODE, {"code": last_code()})["Location"] == DONE


def test_join_code_page_says_until_when_the_code_works(client, organization, team):
    client.post(JOIN, form(team))
    SentCode.objects.update(expires_at=datetime(2027, 7, 1, 20, 42, tzinfo=UTC))
    assert "It works until 3:42 p.m. Central Time." in visible_text(client.get(CODE))
    wrong = client.post(CODE, {"code": "ZZZZZZ"})
    assert "until 3:42 p.m. Central Time" in visible_text(wrong)


def test_join_code_new_replaces_the_one_before(client, organization, team):
    client.post(JOIN, form(team))
    old = last_code()
    client.post(NEW_CODE)
    assert "not the code we sent" in visible_text(client.post(CODE, {"code": old}))


def test_join_with_a_changed_address_keeps_the_form_and_ends_the_old_code(
    client, organization, team
):
    client.post(JOIN, form(team, email="norra@rush.example"))
    old = last_code()
    page = client.get(JOIN).content.decode()
    assert 'value="Nora Newcomer"' in page
    assert 'value="norra@rush.example"' in page
    assert page.count(" checked") == 1
    client.post(JOIN, form(team))
    assert "not the code we sent" in visible_text(client.post(CODE, {"code": old}))
    assert client.post(CODE, {"code": last_code()})["Location"] == DONE
    assert not Member.objects.filter(email="norra@rush.example").exists()


def test_join_code_of_another_browser_is_refused(client, organization, team):
    client.post(JOIN, form(team))
    code = last_code()
    stranger = Client()
    stranger.post(JOIN, form(team, email="other@rush.example"))
    assert "not the code we sent" in visible_text(stranger.post(CODE, {"code": code}))


def test_join_starts_over_after_the_tab_was_closed(organization, team):
    Client().post(JOIN, form(team))
    again = Client()
    assert again.get(CODE)["Location"] == JOIN
    assert again.post(CODE, {"code": "BCDFGH"})["Location"] == JOIN
    assert again.post(NEW_CODE)["Location"] == JOIN
    assert "You have joined" in visible_text(join(again, team))


def test_join_codes_are_limited_for_an_address_and_the_form_is_shown_again(team, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "code": "60/15m/ip,2/15m/key"}
    for _ in range(2):
        assert Client().post(JOIN, form(team)).status_code == 302
    last = Client()
    response = last.post(JOIN, form(team, full_name="Third Sender"))
    assert response.status_code == 429
    assert 14 * 60 <= int(response["Retry-After"]) <= 15 * 60
    assert "minutes" in visible_text(response)
    assert 'value="Third Sender"' in response.content.decode()
    assert Email.objects.count() == 2
    assert Client().post(JOIN, form(team, email="other@rush.example")).status_code == 302


def test_join_codes_are_limited_for_a_network_address(team, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "code": "5/15m/key,1/15m/ip"}
    Client().post(JOIN, form(team))
    response = Client().post(JOIN, form(team, email="n4@rush.example"))
    assert response.status_code == 429
    other = Client(REMOTE_ADDR="198.51.100.7")
    assert other.post(JOIN, form(team, email="n4@rush.example")).status_code == 302


def test_join_limits_use_the_proxy_header_only_behind_a_proxy(team, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "code": "2/15m/ip"}
    for number in range(2):
        Client(headers={"x-forwarded-for": f"203.0.113.{number}"}).post(
            JOIN, form(team, email=f"n{number}@rush.example")
        )
    forged = Client(headers={"x-forwarded-for": "203.0.113.9"})
    assert forged.post(JOIN, form(team)).status_code == 429


def test_join_code_tries_are_limited_for_an_address_over_all_browsers(team, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "code_try": "60/15m/ip,3/15m/key"}
    statuses = []
    for _ in range(2):
        client = Client()
        client.post(JOIN, form(team))
        statuses += [client.post(CODE, {"code": "ZZZZZZ"}).status_code for _ in range(2)]
    assert statuses == [200, 200, 200, 429]
