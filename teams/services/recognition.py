"""What is decided about organizations and affiliations, with what follows for requests.

Each function calls the step of `members.services` and then opens or declines what the people
concerned have requested, in one transaction and in the order of locks: organization, members,
memberships.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from members import services
from members.emails import bulk_queue
from members.models import EmailDomain, Member, Organization
from members.services import OrganizationData, OrganizationImportResult, Refused, domains
from teams import emails
from teams.models import Membership
from teams.services.meeting_emails import NextMeetings
from teams.services.topics import move_support
from teams.services.transitions import transition_all
from teams.services.visibility import name_for, visible_keys


@dataclass(frozen=True)
class Recognition:
    """Whose affiliation was confirmed, and which of their requests became memberships."""

    confirmed: list[Member]
    opened: list[Membership]


@dataclass(frozen=True)
class DomainMove:
    """Who followed an email domain to another organization, and whom that has confirmed."""

    # They waited at the domain.
    confirmed: list[Member]
    moved: list[Member]
    # Of people whom only an administrator can move: in none of the facilitator's teams.
    other_count: int


@transaction.atomic
def add_organization(
    name: str, *, domains: Iterable[str] = (), kind: str = "", by: Member
) -> Organization:
    """Add a recognized organization of this `kind` and return it; everyone who waits at one of its
    email `domains` is confirmed. Refuses a name that is already here."""
    organization, members = services.organizations.add_organization(
        name, domains=domains, kind=kind, by=by
    )
    activate_open_requests(members, by=by)
    return organization


@transaction.atomic
def recognize_organization(
    organization: Organization, *, domain: str = "", kind: str = "", by: Member
) -> Recognition:
    """Recognize `organization`, with its email `domain` and its `kind` if given; return whom that
    confirms and what it opens. Everyone who waits for something gets one email.

    Refuses an organization that is recognized or merged already, and a domain that is another's
    or a public mailbox provider's.
    """
    members = services.organizations.recognize_organization(
        organization, domain=domain, kind=kind, by=by
    )
    return Recognition(members, activate_open_requests(members, by=by))


@transaction.atomic
def decline_organization(
    organization: Organization, *, reason: str, by: Member
) -> list[Membership]:
    """Decline a proposed organization, and with it what its people requested; return the declined
    requests. Refuses without a reason, and unless the organization is proposed."""
    members = services.organizations.decline_organization(organization, reason=reason, by=by)
    return _decline_requests(members, reason=reason.strip(), by=by)


@transaction.atomic
def add_domain(organization: Organization, *, domain: str, by: Member) -> Recognition:
    """Give `organization` an email domain; return whom that confirms and what it opens, nothing
    unless the organization is recognized. Refuses a domain that is another's or a public mailbox
    provider's."""
    members = services.organizations.add_domain(organization, domain=domain, by=by)
    return Recognition(members, activate_open_requests(members, by=by))


@transaction.atomic
def move_domain(
    domain: EmailDomain, organization: Organization, *, with_people: bool, by: Member
) -> DomainMove:
    """Give `domain`, another organization's until now, to `organization`; return what follows.
    `with_people`: those whom it has shown to be of the former one follow, as `move_people` says.

    Refuses a domain that is gone or is the organization's own already, and an organization that
    is not recognized.
    """
    confirmed = domains.move_domain(domain, organization, by=by)
    activate_open_requests(confirmed, by=by)
    domain = EmailDomain.objects.select_related("organization").get(pk=domain.pk)
    own, other_count = _people_to_move(domain, domain.organization, by)
    moved = domains.move_people(domain, own, by=by) if with_people else []
    return DomainMove(confirmed, moved, other_count)


@transaction.atomic
def move_people(domain: EmailDomain, *, by: Member) -> DomainMove:
    """Let people whom `by` sees follow `domain`, which their organization had before, to the one
    that has it now; return what that changed. They keep their memberships. Refuses if there are
    none of them."""
    own, other_count = _people_to_move(domain, domain.organization, by)
    if not own:
        raise Refused(f"Nobody in your teams is left to move with {domain}. Nothing was changed.")
    return DomainMove([], domains.move_people(domain, own, by=by), other_count)


def _people_to_move(
    domain: EmailDomain, organization: Organization, by: Member
) -> tuple[set[int], int]:
    """Return the keys of the people who can follow `domain` to `organization` and are seen by
    `by`, and how many others can."""
    keys = set(domains.people_to_move(domain, organization).values_list("pk", flat=True))
    own = visible_keys(Member, keys, by)
    return own, len(keys - own)


def count_people_to_move(
    domain: EmailDomain, organization: Organization, by: Member
) -> tuple[int, int]:
    """Return how many people can follow `domain` to `organization`: of those whom `by` sees, and
    of others."""
    own, other_count = _people_to_move(domain, organization, by)
    return len(own), other_count


@transaction.atomic
def merge_organizations(
    duplicate: Organization, into: Organization, *, domain: str = "", by: Member
) -> Recognition:
    """Make `duplicate` a former name of `into`; return whom an email domain that is new to `into`
    confirms, and what that opens. Refuses an organization with itself,
    one that is merged already, and into one that is merged, declined or less recognized."""
    members = services.merging.merge_organizations(duplicate, into, domain=domain, by=by)
    move_support(duplicate, into, by=by)
    return Recognition(members, activate_open_requests(members, by=by))


@transaction.atomic
def import_organizations(
    organizations: Sequence[OrganizationData], *, by: Member
) -> tuple[OrganizationImportResult, list[Membership]]:
    """Store the organizations of a file; return what that changed, and the memberships that it
    opened. With an error in any of them nothing is stored."""
    result = services.importing.import_organizations(organizations, by=by)
    return result, activate_open_requests(result.confirmed, by=by)


@transaction.atomic
def confirm_affiliation(member: Member, *, by: Member) -> Recognition:
    """Confirm that `member` works for the organization they named; return what that opens.

    Refuses a closed account, an affiliation that is confirmed already, and an organization that
    nobody has recognized.
    """
    members = [services.affiliations.confirm_affiliation(member, by=by)]
    return Recognition(members, activate_open_requests(members, by=by))


@transaction.atomic
def set_affiliation(member: Member, organization_name: str) -> Member:
    """Tie `member`, whose address is proven, to the owner of the email domain or else to the
    organization of this name; return the locked, stored member. What waited for the affiliation
    opens if the domain confirms it."""
    member, is_newly_confirmed = services.affiliations.set_affiliation(member, organization_name)
    if is_newly_confirmed:
        activate_open_requests([member], by=None)
    return member


def refuse_undo_if_built_upon(
    members: list[Member], organizations: list[Organization], since: datetime, by: Member
) -> None:
    """Refuse `by` to undo a decision taken at `since`, after `members` and `organizations` are as
    they were before: nobody may be confirmed for an organization that is not recognized, and
    nobody whose affiliation is not confirmed may have joined a team since."""
    for organization in organizations:
        confirmed = organization.members.filter(affiliation_confirmed_at__isnull=False).first()
        if confirmed and not organization.is_recognized:
            raise Refused(f"{name_for(confirmed, by)} was confirmed for {organization} since.")
    joined = Membership.objects.active().filter(member__in=members, decided_at__gte=since)
    membership = joined.select_related("member", "team").first()
    if membership is None:
        return
    name = name_for(membership.member, by)
    if not visible_keys(Membership, [membership.pk], by):
        raise Refused(f"{name} became a member of another team since. An administrator can help.")
    raise Refused(f"{name} became a member of {membership.team} since. Undo or end that first.")


def activate_open_requests(members: Iterable[Member], *, by: Member | None) -> list[Membership]:
    """Open what `members`, whose affiliation is confirmed now, have requested of open teams;
    return the memberships. One email for each person who waits for something says what is open
    now and what still waits."""
    requests = _requests_by_member(members)
    opened = activate_requests_of_open_teams([each for _, own in requests for each in own], by=by)
    next_meetings = NextMeetings()
    with bulk_queue():
        for member, own in requests:
            active = [membership for membership in own if membership.is_active]
            emails.organization_recognized(
                member,
                active,
                [membership for membership in own if membership.is_waiting],
                next_meetings.of(active),
            )
    return opened


def activate_requests_of_open_teams(
    memberships: Sequence[Membership], *, by: Member | None
) -> list[Membership]:
    """Activate those of the waiting `memberships` that need no approval: of open teams, and those
    that were active before their member moved; return them."""
    opening = [membership for membership in memberships if not membership.needs_approval]
    why = "opened with the affiliation"
    return transition_all(opening, Membership.Status.ACTIVE, by=by, why=why)


def _decline_requests(members: Iterable[Member], *, reason: str, by: Member) -> list[Membership]:
    """Decline all that `members` of a declined organization have requested; one email each."""
    requests = _requests_by_member(members)
    declined = transition_all(
        [each for _, own in requests for each in own],
        Membership.Status.DECLINED,
        by=by,
        why="declined",
        reason=reason,
    )
    with bulk_queue():
        for member, own in requests:
            teams = [membership.team for membership in own]
            emails.membership_declined(member, teams, reason, member.organization)
    return declined


def _requests_by_member(members: Iterable[Member]) -> list[tuple[Member, list[Membership]]]:
    """Return those of `members` who have waiting requests, with these, locked."""
    by_key = {member.pk: member for member in members}
    requests: dict[int, list[Membership]] = defaultdict(list)
    waiting = Membership.objects.waiting().filter(member__in=by_key).select_related("team")
    for membership in waiting.select_for_update(of=("self",), no_key=True).order_by("pk"):
        membership.member = by_key[membership.member_id]
        requests[membership.member_id].append(membership)
    return [(by_key[key], own) for key, own in requests.items()]
