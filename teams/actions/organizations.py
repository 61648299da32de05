"""What staff decide about organizations and their email domains."""

from __future__ import annotations

from members import services as member_services
from members.models import EmailDomain, Member, Organization
from members.wording import counted
from teams import services
from teams.actions.registry import FormData, action, merge_target

# Organizations and their email domains


@action(Organization, "recognize")
def recognize_organization(organization: Organization, by: Member, form_data: FormData) -> str:
    domain = _confirmed_domain(organization, form_data)
    kind = form_data.get(f"kind_{organization.pk}", "")
    recognition = services.recognize_organization(organization, domain=domain, kind=kind, by=by)
    people = counted(len(recognition.confirmed), "person", "people")
    memberships = counted(len(recognition.opened), "membership", "memberships")
    return f"{organization} is recognized. {people} confirmed, {memberships} opened."


@action(Organization, "decline")
def decline_organization(organization: Organization, by: Member, form_data: FormData) -> str:
    declined = services.decline_organization(organization, reason=form_data["reason"], by=by)
    requests = counted(len(declined), "request", "requests")
    return f"{organization} is declined. {requests} declined with it."


@action(Organization, "merge")
def merge_organizations(organization: Organization, by: Member, form_data: FormData) -> str:
    into = merge_target(Organization, form_data)
    domain = _confirmed_domain(organization, form_data)
    merged = services.merge_organizations(organization, into, domain=domain, by=by)
    confirmed = merged.confirmed
    message = f"{organization} is a former name of {into} now."
    if confirmed:
        message += f" {counted(len(confirmed), 'person', 'people')} confirmed."
    return message


@action(EmailDomain, "take-back")
def remove_domain(domain: EmailDomain, by: Member, form_data: FormData) -> str:
    member_services.remove_domain(domain, by=by)
    return f"The email domain {domain} of {domain.organization} has been removed."


@action(EmailDomain, "move")
def move_domain(domain: EmailDomain, by: Member, form_data: FormData) -> str:
    target = merge_target(Organization, form_data)
    with_people = bool(form_data.get("people"))
    moved = services.move_domain(domain, target, with_people=with_people, by=by)
    message = f"{domain} now belongs to {target}. {_describe_move(moved)}"
    if moved.confirmed:
        message += (
            f" {counted(len(moved.confirmed), 'waiting person', 'waiting people')} confirmed."
        )
    return message


@action(EmailDomain, "move-people")
def move_people(domain: EmailDomain, by: Member, form_data: FormData) -> str:
    return f"{domain}: {_describe_move(services.move_people(domain, by=by))}"


def _describe_move(moved: services.DomainMove) -> str:
    message = f"{counted(len(moved.moved), 'person', 'people')} moved."
    if moved.other_count:
        others = counted(moved.other_count, "person is", "people are")
        message += f" {others} not in your teams: an administrator can move them."
    return message


def _confirmed_domain(organization: Organization, form_data: FormData) -> str:
    """Return the suggested email domain if its box is ticked, else an empty string."""
    return organization.offered_domain if form_data.get(f"domain_{organization.pk}") else ""
