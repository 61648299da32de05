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
from members.models import EmailDomain, Member, Organization
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
def declined(other_team, administrator) -> Member:
    clinic = Organization.objects.create(name="Harbor", suggested_domain="harbor.example")
    decline_organization(clinic, reason="No.", by=administrator)
    person = make_member("dee@harbor.example", clinic, "Dee", confirmed=False)
    make_membership(person, other_team, Status.REQUESTED)
    return person


@pytest.fixture
def nameless(db) -> Member:
    return make_member("noel@mail.example")


@pytest.fixture
def blocked(other_organization, other_team) -> Member:
    person = make_active_member("bo@loop.example", other_organization, "Bo", other_team)
    Member.objects.filter(pk=person.pk).update(is_active=False)
    return person


def make_further_address(address: str, first: Member, administrator: Member) -> Member:
    """Return a second account of a member, which was merged into the first."""
    second = make_member(address)
    merge_members(second, first, by=administrator)
    second.refresh_from_db()
    return second


@pytest.fixture
def further_address(other_organization, other_team, administrator) -> Member:
    """A second address of a member of another team."""
    first = make_active_member("ivy@loop.example", other_organization, "Ivy", other_team)
    return make_further_address("ivy.old@loop.example", first, administrator)


@pytest.fixture
def further_address_of_member(member, administrator) -> Member:
    """A second address of a member of the facilitator's team, whom they know by the first."""
    return make_further_address("maria.old@rush.example", member, administrator)


WHO = [
    "outsider", "waiting", "unconfirmed", "declined", "nameless", "blocked", "administrator",
    "other_facilitator", "further_address", "further_address_of_member",
]  # fmt: skip


@pytest.fixture
def unseen(request) -> list[Member]:
    """One account of every kind."""
    return [request.getfixturevalue(kind) for kind in WHO]


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


def add_form(desk: Client) -> dict[str, Any]:
    """Return what the form posts that adds somebody to the team of the facilitator."""
    form = desk.get(ADD).context["form"]
    typed = {name: form[name].value() or "" for name in form.fields}
    return typed | {"full_name": "Typed Name", "team": form.fields["team"].queryset.get().pk}


def add(desk: Client, form: dict[str, Any], address: str, *, follow: bool = True):
    typed = {"email": address, "organization": employer_at(address)}
    return desk.post(ADD, form | typed, follow=follow)


def words(response: Any, *addresses: str) -> str:
    """Return what is read on the page and where it is, without the addresses themselves and the
    number of the import."""
    path = re.sub(r"\d+", "N", response.request["PATH_INFO"])
    page = f"{path} {response.status_code} {visible_text(response)}"
    for number, address in enumerate(addresses):
        page = page.replace(address, f"ADDRESS {number}")
    return page


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
def gives_membership_alone(
    team, queued_emails
) -> Callable[[list[Member]], AbstractContextManager[None]]:
    """`with gives_membership_alone(people)`: the block makes the accounts active members of the
    team, who get the email about that, and leaves all else of the accounts as it is."""

    @contextmanager
    def check_accounts(people: list[Member]) -> Iterator[None]:
        accounts = [Member.objects.account_of(person.email) for person in people]
        before, sent = [state_of(account) for account in accounts], len(queued_emails())
        newcomers = [each for each in accounts if not membership_exists(each)]
        yield
        assert [state_of(account) for account in accounts] == before
        assert all(membership_of(account, team).is_active for account in accounts)
        notices = {(email.to[0], email.subject) for email in queued_emails()[sent:]}
        assert notices == {(each.email, "You were added to Education") for each in newcomers}
        assert len(queued_emails()) - sent == len(notices)

    def membership_exists(account: Member) -> bool:
        return Membership.objects.of(account).filter(team=team).exists()

    return check_accounts


def addresses_of(people: list[Member]) -> list[str]:
    return [person.email for person in people]


def new_addresses(people: list[Member]) -> list[str]:
    """Return addresses that nobody has, at the email domains of `people`."""
    return [f"nobody-{n}@{email_domain(person.email)}" for n, person in enumerate(people)]


# What is said and done --------------------------------------------------------------------------


def test_import_of_unseen_addresses_says_the_same_as_of_new_ones(
    desk, unseen, colleague, gives_membership_alone
):
    def say(addresses: list[str]) -> list[str]:
        checked = check(desk, *map(row_of, [*addresses, colleague.email]))
        return [words(checked, *addresses), words(store(desk, checked), *addresses)]

    with gives_membership_alone(unseen):
        known = say(addresses_of(unseen))
    assert known == say(new_addresses(unseen))
    assert all("10 new members, 1 known. 10 new memberships, 0 w" in page for page in known)
    assert all(NOTE in page for page in known)


def test_import_sends_claims_without_saying_more(desk, unseen):
    def say(addresses: list[str]) -> str:
        checked = check(desk, *map(row_of, addresses))
        return words(store(desk, checked, send_email="on"), *addresses)

    assert say(addresses_of(unseen)) == say(new_addresses(unseen))


@pytest.mark.parametrize("teams", ["", "Hiring", "Education"])
def test_import_finds_the_same_errors_for_unseen_and_new_addresses(desk, unseen, teams):
    """Whether a guess at the organization of the account is right must not be told."""
    employers = [str(person.organization or "Nowhere") for person in unseen]

    def say(addresses: list[str]) -> str:
        guesses = zip(addresses, employers, strict=True)
        checked = check(desk, *(row_of(*guess, teams) for guess in guesses))
        return words(checked, *addresses)

    assert say(addresses_of(unseen)) == say(new_addresses(unseen))


def test_import_counts_two_addresses_of_one_unseen_account_as_two(desk, further_address):
    addresses = [further_address.merged_into.email, further_address.email]
    known = visible_text(check(desk, *map(row_of, addresses)))
    assert "2 new members, 0 known. 2 new memberships," in known


def test_add_of_an_unseen_address_says_the_same_as_of_a_new_one(
    desk, unseen, gives_membership_alone
):
    form = add_form(desk)
    new = words(add(desk, form, NEW_ADDRESS), NEW_ADDRESS)
    assert f"You added ADDRESS 0 to Education. An email says so. {NOTE}" in new
    with gives_membership_alone(unseen):
        for person in unseen:
            assert words(add(desk, form, person.email), person.email) == new


def test_forms_say_beforehand_what_is_used(desk):
    for page in (ADD, f"{MEMBERS}import/"):
        assert NOTE in visible_text(desk.get(page)), page


def by_import(desk: Client, *people: Member) -> None:
    store(desk, check(desk, *map(row_of, addresses_of([*people]))))


def by_hand(desk: Client, *people: Member) -> None:
    form = add_form(desk)
    for person in people:
        add(desk, form, person.email, follow=False)


@pytest.mark.parametrize("way", [by_import, by_hand])
def test_membership_that_a_facilitator_gave_is_no_reason_to_confirm(
    desk, facilitator, team, way, waiting, unconfirmed, nameless, administrator
):
    """Else adding somebody twice would do what adding them once may not."""
    people = [waiting, unconfirmed, nameless, administrator]
    before = [state_of(person) for person in people]
    for _ in range(2):
        way(desk, *people)
        memberships = Membership.objects.active().filter(team=team, member__in=people)
        assert len(memberships) == len(people)
        for membership in memberships:
            end_membership(membership, reason="Again.", by=facilitator)
    assert [state_of(person) for person in people] == before


@pytest.mark.parametrize("way", [by_import, by_hand])
@pytest.mark.parametrize("importer", ["facilitator", "administrator"])
def test_account_of_an_administrator_is_never_confirmed(
    client_for, organization, team, request, way, importer
):
    boss = Member.objects.create_superuser("boss@mail.example", organization=organization)
    make_membership(boss, team, Status.REQUESTED)
    before = state_of(boss)
    way(client_for(request.getfixturevalue(importer)), boss)
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


@pytest.mark.parametrize("way", [by_import, by_hand])
def test_person_who_asked_for_ones_team_is_confirmed_by_it(
    desk, applicant, organization, other_team, way
):
    """Also what they asked of another open team opens: they are people whom the desk sees."""
    make_membership(applicant, other_team, Status.REQUESTED)
    way(desk, applicant)
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
