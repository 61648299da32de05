"""Accounts that a facilitator does not see: importing people, or adding one directly, changes
nothing of them but the membership, and says the same as of an address that nobody has."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from conftest import (
    appoint,
    make_active_member,
    make_member,
    make_membership,
    membership_of,
    visible_text,
)
from members.email_domains import email_domain
from members.models import EmailDomain, Member
from teams.models import Membership
from teams.services import decline_organization, end_membership, merge_members

Status = Membership.Status
MEMBERS = "/admin/members/member/"
ADD = "/admin/teams/membership/add/"
NOTE = "Name, title and organization are used only where the address is new here."
NEW_ADDRESS = "nobody-knows@loop.example"


@pytest.fixture
def waiting(proposed_organization, other_team, approval_team) -> Member:
    """Waits in two other teams until the organization is recognized."""
    person = make_member("wes@lakeview.example", proposed_organization, "Wes", confirmed=False)
    for team in (other_team, approval_team):
        make_membership(person, team, Status.REQUESTED)
    return person


@pytest.fixture
def unconfirmed(organization, other_team) -> Member:
    """Waits in an open team until a facilitator of it confirms the organization."""
    person = make_member("uma@mail.example", organization, "Uma", confirmed=False)
    make_membership(person, other_team, Status.REQUESTED)
    return person


@pytest.fixture
def declined(proposed_organization, other_team, administrator) -> Member:
    decline_organization(proposed_organization, reason="No.", by=administrator)
    person = make_member("dee@lakeview.example", proposed_organization, "Dee", confirmed=False)
    make_membership(person, other_team, Status.REQUESTED)
    return person


@pytest.fixture
def nameless(db) -> Member:
    return make_member("noel@mail.example")


@pytest.fixture
def blocked(outsider) -> Member:
    Member.objects.filter(pk=outsider.pk).update(is_active=False)
    return outsider


@pytest.fixture
def further_address(outsider, administrator) -> Member:
    """A second address of a member of another team."""
    second = make_member("olga.old@loop.example")
    merge_members(second, outsider, by=administrator)
    return second


@pytest.fixture
def further_address_of_member(member, administrator) -> Member:
    """A second address of a member of the facilitator's team, whom they know by the first."""
    second = make_member("maria.old@rush.example")
    merge_members(second, member, by=administrator)
    return second


WHO = [
    "outsider", "waiting", "unconfirmed", "declined", "nameless", "blocked", "administrator",
    "other_facilitator", "further_address", "further_address_of_member",
]  # fmt: skip


@pytest.fixture(params=WHO)
def unseen(request) -> Member:
    return request.getfixturevalue(request.param)


@pytest.fixture
def desk(client_for, facilitator, organization, team) -> Client:
    return client_for(facilitator)


def csv_file(*rows: tuple[str, ...]) -> SimpleUploadedFile:
    text = io.StringIO()
    csv.writer(text).writerows(
        [("Email", "Full name", "Job title", "Organization", "Teams"), *rows]
    )
    return SimpleUploadedFile("people.csv", text.getvalue().encode())


def row_of(address: str, organization: str = "", teams: str = "Education"):
    """Return a row of a file; without an organization with the one that the address belongs to."""
    return (address, "Typed Name", "Typed Title", organization or employer_at(address), teams)


def employer_at(address: str) -> str:
    """Return the organization that the address belongs to, so that nothing is asked about it."""
    owner = EmailDomain.objects.owner_of(email_domain(address))
    return str(owner or "Rush Example Hospital")


def check(desk: Client, *rows: tuple[str, ...]):
    return desk.post(f"{MEMBERS}import/", {"file": csv_file(*rows)}, follow=True)


def store(desk: Client, checked: Any, **ticked: str):
    record = checked.context["record"]
    data = {"version": record.version, **ticked}
    return desk.post(f"{MEMBERS}import/{record.pk}/store/", data, follow=True)


def add(desk: Client, address: str):
    form = desk.get(ADD).context["form"]
    typed = {name: form[name].value() or "" for name in form.fields} | {
        "email": address,
        "full_name": "Typed Name",
        "organization": employer_at(address),
    }
    typed["team"] = form.fields["team"].queryset.get().pk
    return desk.post(ADD, typed, follow=True)


def words(response: Any, address: str) -> str:
    """Return what is read on the page and where it is, without the address itself and the number
    of the import."""
    path = re.sub(r"\d+", "N", response.request["PATH_INFO"])
    page = f"{path} {response.status_code} {visible_text(response)}"
    return page.replace(address, "ADDRESS")


def state_of(member: Member) -> list[Any]:
    """Return the account as it is stored, its history, and its memberships, but in Education."""
    memberships = Membership.objects.of(member).exclude(team__name="Education").order_by("pk")
    return [
        *Member.objects.filter(pk=member.pk).values(),
        *Member.history.filter(id=member.pk).values("history_id"),
        *memberships.values(),
        *Membership.history.filter(id__in=memberships).values("history_id"),
    ]


@pytest.fixture
def gives_membership_alone(team, queued_emails) -> Callable[[Member], AbstractContextManager[None]]:
    """`with gives_membership_alone(person)`: the block makes the account an active member of the
    team, who gets the email about that, and leaves all else of the account as it is."""

    @contextmanager
    def check_account(person: Member) -> Iterator[None]:
        account = Member.objects.account_of(person.email)
        before, sent = state_of(account), len(queued_emails())
        already = Membership.objects.of(account).filter(team=team).exists()
        yield
        assert state_of(account) == before
        assert membership_of(account, team).is_active
        told = [] if already else [([account.email], "You were added to Education")]
        assert [(email.to, email.subject) for email in queued_emails()[sent:]] == told

    return check_account


# What is said and done --------------------------------------------------------------------------


def test_import_of_an_unseen_address_says_the_same_as_of_a_new_one(
    desk, unseen, colleague, gives_membership_alone
):
    def say(address: str) -> list[str]:
        rows = [row_of(address), row_of(colleague.email)]
        checked = check(desk, *rows)
        return [words(checked, address), words(store(desk, checked), address)]

    with gives_membership_alone(unseen):
        known = say(unseen.email)
    assert known == say(NEW_ADDRESS)
    assert all("1 new member, 1 known. 1 new membership, 0 w" in page for page in known)
    assert all(NOTE in page for page in known)


def test_import_sends_claims_without_saying_more(desk, unseen):
    def say(address: str) -> str:
        return words(store(desk, check(desk, row_of(address)), send_email="on"), address)

    assert say(unseen.email) == say(NEW_ADDRESS)


def test_import_finds_the_same_errors_for_an_unseen_and_a_new_address(desk, unseen):
    """Whether a guess at the organization of the account is right must not be told."""
    organization = unseen.organization.name if unseen.organization else "Nowhere"
    # The check may say whose addresses those of the same domain are.
    new_address = f"nobody-knows@{email_domain(unseen.email)}"

    def say(address: str, teams: str) -> str:
        return words(check(desk, row_of(address, organization, teams)), address)

    for teams in ("", "Hiring", "Education"):
        assert say(unseen.email, teams) == say(new_address, teams), teams


def test_import_counts_two_addresses_of_one_unseen_account_as_two(desk, further_address, outsider):
    addresses = [outsider.email, further_address.email]
    known = visible_text(check(desk, *map(row_of, addresses)))
    assert "2 new members, 0 known. 2 new memberships," in known


def test_add_of_an_unseen_address_says_the_same_as_of_a_new_one(
    desk, unseen, gives_membership_alone
):
    with gives_membership_alone(unseen):
        known = words(add(desk, unseen.email), unseen.email)
    assert known == words(add(desk, NEW_ADDRESS), NEW_ADDRESS)
    assert f"You added ADDRESS to Education. An email says so. {NOTE}" in known


def test_forms_say_beforehand_what_is_used(desk):
    for page in (ADD, f"{MEMBERS}import/"):
        assert NOTE in visible_text(desk.get(page)), page


def by_import(desk: Client, address: str) -> None:
    store(desk, check(desk, row_of(address)))


@pytest.mark.parametrize("way", [by_import, add])
@pytest.mark.parametrize("who", ["waiting", "unconfirmed", "nameless", "administrator"])
def test_membership_that_a_facilitator_gave_is_no_reason_to_confirm(
    desk, facilitator, team, way, who, request
):
    """Else adding somebody twice would do what adding them once may not."""
    person = request.getfixturevalue(who)
    before = state_of(person)
    for _ in range(2):
        way(desk, person.email)
        membership = Membership.objects.of(person).active().get(team=team)
        end_membership(membership, reason="Again.", by=facilitator)
    assert state_of(person) == before


@pytest.mark.parametrize("way", [by_import, add])
@pytest.mark.parametrize("importer", ["facilitator", "administrator"])
def test_account_of_an_administrator_is_never_confirmed(
    client_for, organization, team, request, way, importer
):
    boss = Member.objects.create_superuser("boss@mail.example", organization=organization)
    make_membership(boss, team, Status.REQUESTED)
    before = state_of(boss)
    client = client_for(request.getfixturevalue("facilitator"))
    if importer == "administrator":
        client = client_for(request.getfixturevalue("administrator"))
    way(client, boss.email)
    assert state_of(boss) == before
    assert membership_of(boss, team).is_active


def test_import_into_several_teams_tells_an_unseen_person_once(
    desk, facilitator, administrator, other_team, approval_team, team, queued_emails
):
    appoint(facilitator, approval_team, administrator)
    person = make_active_member(
        "pat@loop.example", team.facilitators.get().organization, "Pat", other_team
    )
    rows = [
        row_of(person.email, teams="Education; Careers"),
        row_of(person.email.upper(), teams="Careers"),
    ]
    store(desk, check(desk, *rows))
    (email,) = queued_emails()
    assert (email.to, email.subject) == ([person.email], "You were added to 2 action teams")
    assert "Careers" in email.message
    assert "Careers" in email.html_message


@pytest.mark.parametrize("way", [by_import, add])
def test_person_who_asked_for_ones_team_is_confirmed_by_it(
    desk, applicant, organization, other_team, way
):
    """Also what they asked of another open team opens: they are people whom the desk sees."""
    make_membership(applicant, other_team, Status.REQUESTED)
    way(desk, applicant.email)
    applicant.refresh_from_db()
    assert applicant.is_affiliation_confirmed
    assert applicant.organization == organization
    assert membership_of(applicant, other_team).is_active


def test_import_tells_an_administrator_what_it_is_about(
    client_for, administrator, organization, team, outsider
):
    row = row_of(outsider.email, "Rush Example Hospital")
    page = visible_text(check(client_for(administrator), row))
    assert "0 new members, 1 known." in page
    assert "1 known person keeps a different organization from the one in the file: olga@" in page
    assert NOTE not in page
