"""The pages of moving: three presses, the sign-in page without the old mailbox, the objection."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from post_office.models import Email

from conftest import messages_of, visible_text
from members.models import Member, Move
from members.tests.passkeys import Device, sign_in_by
from members.tests.second_factor import activate_app, code_for
from teams.services import move_member, object_to_move
from teams.tests.joining import age_codes, join, last_code
from teams.tests.moving import (
    CODE,
    CONFIRM,
    MOVE,
    NEW,
    NEW_CODE,
    RECOVER,
    RECOVER_CODE,
    RECOVER_DONE,
    confirm,
    prove,
    recover,
    request_form,
)


def sign_in(client: Client, email: str, follow: bool = True):
    client.post("/sign-in/", {"email": email})
    return client.post("/sign-in/code/", {"code": last_code()}, follow=follow)


@pytest.fixture
def held(member, other_organization) -> Member:
    """`member`, whose account is on hold after a move to maria@loop.example."""
    move_member(member, NEW)
    object_to_move(Move.objects.get())
    return Member.objects.get(pk=member.pk)


# Moving ------------------------------------------------------------------------------------


def test_my_move_takes_three_presses(client_for, member, other_organization):
    browser, other_browser = client_for(member), client_for(member)
    page = prove(browser)
    text = visible_text(page)
    assert "You are moving from Rush Example Hospital to Loop Example Clinic" in text
    assert "Your team stays" in text
    assert Member.objects.get(pk=member.pk).email == "maria@rush.example"
    moved = confirm(browser, follow=True)
    assert messages_of(moved) == [
        f"You have moved. Sign in with {NEW} from now on. Your team stays."
    ]
    assert Member.objects.get(pk=member.pk).email == NEW
    assert other_browser.get("/my/").status_code == 302
    # A second press, and an old tab.
    assert browser.post(CONFIRM, {"email": NEW})["Location"] == "/my/"
    assert browser.get(CONFIRM)["Location"] == MOVE
    assert Move.objects.count() == 1


def test_my_move_asks_where_one_works_if_the_address_does_not_show_it(client_for, member, team):
    browser = client_for(member)
    page = prove(browser, "maria@mailbox.example")
    assert "Where do you work?" in visible_text(page)
    assert "your team waits" in visible_text(page)
    refused = confirm(browser, organization=" ")
    assert "Enter the name of your organization" in visible_text(refused)
    moved = confirm(browser, organization="Harbor Care", follow=True)
    assert "See below what is waiting" in visible_text(moved)
    assert "Waiting since you moved" in visible_text(moved)
    assert browser.get(f"/teams/{team.slug}/members/").status_code == 404


def test_my_move_asks_no_administrator_without_an_employer(client_for, administrator):
    browser = client_for(administrator)
    page = prove(browser, "ada@mailbox.example")
    assert "Where do you work?" not in visible_text(page)
    assert "Your account stays as it is" in visible_text(page)
    assert confirm(browser)["Location"] == "/my/"
    moved = Member.objects.get(pk=administrator.pk)
    assert (moved.email, moved.organization) == ("ada@mailbox.example", None)


def test_my_move_is_the_same_for_known_and_unknown_addresses(client_for, member, outsider):
    browser, texts = client_for(member), []
    for email in ("olga@loop.example", "nobody@loop.example"):
        sent = browser.post(MOVE, {"email": email}, follow=True)
        assert sent.redirect_chain == [(CODE, 302)]
        # It names the minute until which the code works.
        texts.append(re.sub(r"until .+? Central Time", "", visible_text(sent).replace(email, "")))
    assert texts[0] == texts[1]
    subjects = set(Email.objects.values_list("subject", flat=True))
    assert len(subjects) == 2  # Each names its code.


def test_my_move_to_an_address_with_an_account_says_so_after_the_code(client_for, member, outsider):
    browser = client_for(member)
    page = prove(browser, "olga@loop.example")
    assert page.status_code == 409
    assert "already has an account" in visible_text(page)
    assert browser.post(CONFIRM, {"email": outsider.email}).status_code == 409
    assert Member.objects.get(pk=member.pk).email == "maria@rush.example"


def test_my_move_refuses_what_is_no_new_address(client_for, member):
    browser = client_for(member)
    for email, error in (
        ("maria", "Enter your work email address"),
        ("MARIA@rush.example", "This is already your address"),
    ):
        assert error in visible_text(browser.post(MOVE, {"email": email}))
    assert not Email.objects.exists()


def test_my_move_code_expires_and_can_be_sent_again(client_for, member, other_organization):
    browser = client_for(member)
    browser.post(MOVE, {"email": NEW})
    age_codes(16 * 60)
    assert "too old" in visible_text(browser.post(CODE, {"code": last_code()}))
    browser.post(NEW_CODE)
    assert browser.post(CODE, {"code": last_code()})["Location"] == CONFIRM
    # A second press of the same button.
    assert browser.post(CODE, {"code": last_code()})["Location"] == CONFIRM


def test_my_move_code_of_another_member_counts_for_nobody_else(
    client_for, member, colleague, other_organization
):
    client_for(member).post(MOVE, {"email": NEW})
    other = client_for(colleague)
    assert other.post(CODE, {"code": last_code()})["Location"] == MOVE
    assert other.post(CONFIRM, follow=True).redirect_chain == [("/my/", 302)]
    assert Member.objects.get(pk=colleague.pk).email == "colin@rush.example"


def test_my_move_is_limited_as_codes_are(client_for, member, settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"code": "1/15m/ip", "code_of_address": "9/m/key"}
    browser = client_for(member)
    assert browser.post(MOVE, {"email": NEW}).status_code == 302
    refused = browser.post(MOVE, {"email": "maria@other.example"})
    assert refused.status_code == 429
    assert "maria@other.example" in refused.content.decode()


def test_my_move_is_for_members(client, db):
    for path in (MOVE, CODE, CONFIRM):
        assert client.get(path)["Location"] == f"/sign-in/?next={path}"


def test_my_move_of_staff_needs_the_second_factor(
    client_for, facilitator, other_organization, settings
):
    settings.STAFF_SECOND_FACTOR = True
    browser = client_for(facilitator)
    assert browser.get(MOVE)["Location"] == "/two-factor/"
    assert browser.post(MOVE, {"email": "fay@loop.example"})["Location"] == "/two-factor/"
    secret = activate_app(facilitator)
    assert browser.get(MOVE)["Location"].startswith("/two-factor/reauthenticate/")
    browser.post(f"/two-factor/reauthenticate/?next={MOVE}", {"code": code_for(secret)})
    assert prove(browser, "fay@loop.example").status_code == 200
    assert confirm(browser)["Location"] == "/my/"
    assert Member.objects.get(pk=facilitator.pk).email == "fay@loop.example"


def test_my_move_moves_only_to_the_address_on_the_page(client_for, member, other_organization):
    browser = client_for(member)
    assert prove(browser).context["email"] == NEW
    # In another tab.
    prove(browser, "maria@other.example")
    asked = browser.post(CONFIRM, {"email": NEW}, follow=True)
    assert asked.context["email"] == "maria@other.example"
    assert "Nothing has changed yet" in visible_text(asked)
    assert not Move.objects.exists()


# The old address ---------------------------------------------------------------------------


def test_old_address_signs_in_nobody_and_may_join_as_another_person(
    client, member, team, other_organization
):
    move_member(member, NEW)
    page = sign_in(client, "maria@rush.example")
    assert page.redirect_chain[-1][0] == "/join/"
    assert "moved to another address" in visible_text(page)
    assert NEW not in visible_text(page)
    # A mailbox is given to a new employee.
    join(Client(), team, email="maria@rush.example", full_name="Mario Newcomer")
    newcomer = Member.objects.get(email="maria@rush.example")
    assert newcomer != member
    for address, owner in (("maria@rush.example", newcomer), (NEW, member)):
        browser = Client()
        sign_in(browser, address, follow=False)
        assert browser.session["_auth_user_id"] == str(owner.pk)


def test_sign_in_that_stopped_at_the_second_factor_ends_with_the_move(member, other_organization):
    secret = activate_app(member)
    browser = Client()
    stopped = sign_in(browser, "maria@rush.example", follow=False)
    assert stopped["Location"].startswith("/two-factor/")
    move_member(member, NEW)
    ended = browser.post("/two-factor/authenticate/", {"code": code_for(secret)}, follow=True)
    assert ended.redirect_chain[-1][0] == "/sign-in/"
    assert "_auth_user_id" not in browser.session


# On hold -----------------------------------------------------------------------------------


def objection_url() -> str:
    return f"/moved/{Move.objects.latest('pk').token}/"


def test_move_objection_asks_first_and_holds_the_account(
    client, client_for, member, other_organization
):
    move_member(member, NEW)
    browser = client_for(member)
    (notice,) = Email.objects.filter(to="maria@rush.example")
    assert objection_url() in notice.message
    assert "Put the account on hold?" in visible_text(client.get(objection_url()))
    assert browser.get("/my/").status_code == 200
    done = client.post(objection_url(), follow=True)
    assert "The account is on hold" in visible_text(done)
    assert ".." not in visible_text(done)
    assert browser.get("/my/").status_code == 302
    assert NEW not in visible_text(done)


def test_move_objection_after_seven_days_changes_nothing(client, member, other_organization):
    move_member(member, NEW)
    Move.objects.update(changed_at=timezone.now() - timedelta(days=7))
    done = client.post(objection_url(), follow=True)
    assert "It is too late to do this here" in visible_text(done)
    until = r"until \w+ \d+, \d{4}, ([^.]+\.m\.|noon|midnight) Central Time"
    assert re.search(until, visible_text(done))
    assert Member.objects.get(pk=member.pk).is_active


def test_move_objection_of_an_account_that_moved_back_changes_nothing(
    client, member, other_organization
):
    move_member(member, NEW)
    url = objection_url()
    move_member(Member.objects.get(pk=member.pk), "maria@rush.example")
    assert "back at this address" in visible_text(client.post(url, follow=True))
    assert Member.objects.get(pk=member.pk).is_active


def test_move_objection_of_a_forged_link_is_not_there(client, member, other_organization):
    move_member(member, NEW)
    for token in ("1", "1:forged", "x", "1:" + "é" * 300):
        url = f"/moved/{token}/"
        assert client.get(url).status_code == client.post(url).status_code == 404
    assert Member.objects.get(pk=member.pk).is_active


def test_held_account_lets_nobody_in(client_for, held, team, settings):
    """By code, by joining, by the second factor, by a passkey alone, by an old session."""
    reasons = [
        sign_in(Client(), NEW),
        join(Client(), team, email=NEW),
        client_for(held).get("/my/", follow=True),
        sign_in_by(Device(held), Client()),
    ]
    for page in (reasons[0], reasons[1], reasons[3]):
        assert page.status_code == 403
        assert "This account is on hold" in visible_text(page)
    assert reasons[2].redirect_chain[-1][0].startswith("/sign-in/")


def test_held_account_ends_a_sign_in_that_stopped_at_the_second_factor(member, other_organization):
    secret = activate_app(member)
    move_member(member, NEW)
    browser = Client()
    sign_in(browser, NEW, follow=False)
    object_to_move(Move.objects.get())
    page = browser.post("/two-factor/authenticate/", {"code": code_for(secret)})
    assert "This account is on hold" in visible_text(page)
    assert "_auth_user_id" not in browser.session


# Without the old mailbox -------------------------------------------------------------------


def test_account_recover_brings_the_request_to_the_desk(client, member, other_organization):
    page = recover(client)
    assert "We have your request" in visible_text(page)
    move = Move.objects.get()
    assert (move.member, move.new_email, move.is_requested) == (member, NEW, True)
    assert Member.objects.get(pk=member.pk).email == "maria@rush.example"
    # A second press.
    assert client.post(RECOVER_CODE, {"code": "BCDFGH"})["Location"] == RECOVER_DONE
    objection = Client().post(objection_url(), follow=True)
    assert "We have your objection" in visible_text(objection)


def test_account_recover_that_a_browser_filled_in_takes_one_more_press(client, member):
    autofilled = client.post(RECOVER, request_form(website="rush.example", organization="Loop"))
    assert "press “Send me a code” once more" in visible_text(autofilled)
    (confirmed,) = re.findall(r'name="confirmed" value="([^"]+)"', autofilled.content.decode())
    sent = client.post(RECOVER, request_form(confirmed=confirmed, organization="Loop"))
    assert sent["Location"] == RECOVER_CODE


def test_account_recover_is_the_same_without_an_account(member, other_organization):
    pages = [
        recover(Client(), old_email=email, email=new)
        for email, new in (
            ("maria@rush.example", NEW),
            ("nobody@rush.example", "nobody@loop.example"),
        )
    ]
    texts = [
        visible_text(page).replace(NEW, "").replace("nobody@loop.example", "") for page in pages
    ]
    assert texts[0] == texts[1]
    assert Move.objects.count() == 1


def test_account_recover_to_an_address_with_an_account_says_so_after_the_code(
    client, member, outsider
):
    page = recover(client, email="olga@loop.example")
    assert "already has an account" in visible_text(page)
    assert not Move.objects.exists()


def test_account_recover_refuses_what_is_missing(client, organization, other_organization):
    for changes, errors in (
        (
            {"old_email": "", "full_name": "", "note": "x" * 501},
            ["Enter your work email address", "Enter your full name", "Shorten this"],
        ),
        ({"email": "maria@rush.example"}, ["Enter a different address from the old one"]),
        ({"email": "maria@mailbox.example"}, ["Enter the name of your organization"]),
    ):
        text = visible_text(client.post(RECOVER, request_form(**changes)))
        assert all(error in text for error in errors)
    assert not Email.objects.exists()


def test_account_recover_leads_members_to_moving(client_for, member):
    assert client_for(member).get(RECOVER)["Location"] == MOVE


def test_account_recover_is_limited(client, member, other_organization, settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"recover": "1/h/ip"}
    recover(client)
    limited = recover(client, email="maria@mail.loop.example")
    assert limited.status_code == 429
    assert Move.objects.count() == 1


# Where it is offered -----------------------------------------------------------------------


def test_moving_is_offered_where_people_look_for_it(client, client_for, member):
    browser = client_for(member)
    assert f'href="{MOVE}"' in browser.get("/my/").content.decode()
    assert f'href="{MOVE}"' in browser.get("/my/profile/").content.decode()
    sign_in_page = client.get("/sign-in/").content.decode()
    assert f'href="{RECOVER}"' in sign_in_page
    assert f'href="{MOVE}"' in sign_in_page


def test_code_pages_ask_about_an_address_that_looks_mistyped(client_for, member):
    browser = client_for(member)
    page = browser.post(MOVE, {"email": "maria@gmial.com"}, follow=True)
    assert "Did you mean maria@gmail.com?" in visible_text(page)
    assert browser.post("/my/move/code/correct/")["Location"] == CODE
    assert "We sent a code to maria@gmail.com" in visible_text(browser.get(CODE))
    visitor = Client()
    visitor.post(RECOVER, request_form(email="maria@gmial.com", organization="Harbor Care"))
    assert visitor.post("/sign-in/move/code/correct/")["Location"] == RECOVER_CODE
    assert "We sent a code to maria@gmail.com" in visible_text(visitor.get(RECOVER_CODE))
