"""Accounts on hold and moves without the old mailbox, at the desk."""

import pytest
from post_office.models import Email

from conftest import appoint, messages_of, visible_text
from desk.tests.action_pages import action_url
from members.models import Decision, Member, Move
from teams.services import move_member, object_to_move, request_move

LIST = "/admin/members/move/"
REASON = {"reason": "We spoke on the phone."}


def hold(member: Member, email: str) -> Move:
    """Return the move of `member`, to which the former address has objected."""
    move_member(member, email)
    return object_to_move(Move.objects.latest("pk"))


@pytest.fixture
def held(member, other_organization) -> Move:
    return hold(member, "maria@loop.example")


@pytest.fixture
def requested(member, other_organization) -> Move:
    details = {"full_name": "Maria Member", "organization_name": "", "note": "Call 5-1234."}
    request_move("maria@rush.example", "maria@loop.example", **details)
    return Move.objects.get()


@pytest.fixture
def desk(client_for, facilitator):
    return client_for(facilitator)


def test_dashboard_and_rail_show_what_waits(desk, held, rail_counts):
    page = desk.get("/admin/")
    assert "1 account on hold or to be moved" in visible_text(page)
    assert "says that they did not ask for the move to maria@loop.example" in visible_text(page)
    links = {link.label: link for _, links in page.context["rail"] for link in links}
    assert links["Moves"].waiting.number == 1
    record = visible_text(desk.get(f"{LIST}{held.pk}/change/"))
    assert "maria@rush.example" in record
    assert "Rush Example Hospital" in record
    assert visible_text(desk.get(f"{LIST}?waits=decision")).count("maria@loop.example") == 1


def test_approve_asks_first_and_moves(desk, requested):
    url = action_url("approve", requested)
    page = desk.get(url)
    assert "call the person" in visible_text(page)
    assert "note: “Call 5-1234.”" in visible_text(page)
    done = desk.post(url)
    assert "The account of Maria Member moved to maria@loop.example" in messages_of(done)[0]
    assert Member.objects.get(email="maria@loop.example").is_active
    assert not Decision.objects.get().can_be_undone
    assert "Nothing here can be decided" in visible_text(desk.get(url))


def test_decline_needs_a_reason(desk, requested):
    url = action_url("decline", requested)
    assert "Give a reason" in visible_text(desk.post(url, {"reason": ""}))
    desk.post(url, REASON)
    assert Move.objects.get().state == "declined"


def test_keep_says_what_to_make_sure_of_before_the_button(desk, held):
    page = visible_text(desk.get(action_url("keep", held)))
    assert page.index("call the person") < page.index("This will send 2 emails")
    assert page.count("call the person") == 1


def test_keep_can_be_undone(desk, held):
    desk.post(action_url("keep", held), REASON)
    assert Member.objects.get(pk=held.member_id).is_active
    decision = Decision.objects.get()
    before = Email.objects.count()
    desk.post(f"/admin/members/decision/{decision.pk}/undo/")
    person = Member.objects.get(pk=held.member_id)
    assert (person.is_active, person.is_held) == (False, True)
    assert Move.objects.get().is_held
    assert Email.objects.count() == before - 2


def test_return_gives_the_account_back(desk, held):
    done = desk.post(action_url("return", held), REASON)
    assert "with its old address maria@rush.example" in messages_of(done)[0]
    assert Member.objects.get(pk=held.member_id).email == "maria@rush.example"


def test_moves_are_seen_by_those_who_decide_them(
    client_for, held, facilitator, other_facilitator, administrator, team
):
    for action in ("keep", "return"):
        url = action_url(action, held)
        assert client_for(other_facilitator).get(url).status_code == 404
        assert client_for(other_facilitator).post(url, REASON).status_code == 404
    assert client_for(administrator).get(f"{LIST}{held.pk}/change/").status_code == 200
    # Of staff, only administrators.
    appoint(held.member, team, administrator)
    assert client_for(facilitator).get(action_url("keep", held)).status_code == 404
    assert client_for(administrator).get(action_url("keep", held)).status_code == 200


def test_nobody_decides_about_their_own_account(client_for, administrator):
    details = {"full_name": "Ada", "organization_name": "", "note": ""}
    request_move(administrator.email, "ada@loop.example", **details)
    desk = client_for(administrator)
    desk.post(action_url("approve", Move.objects.get()))
    assert Member.objects.get(pk=administrator.pk).email == "administrator@example.org"
