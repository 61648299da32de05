"""One organization under two names: merging a duplicate, and renaming. The other name stays as a
row of its own, a former name: people who join with it belong to the organization that goes on."""

from django.db import IntegrityError, transaction

from members.history.saving import Refused, bulk_save_with_history, save_with_history
from members.models import Member, Organization
from members.normalize import clean_text, normalize_organization_name
from members.services.organizations import confirm_waiting_members, create_domain
from members.services.transitions import lock_organization, new_organization, transition
from members.wording import end_sentence

# Stands in the history of an organization that was renamed.
RENAMED = "changed at the desk"


def merge_organizations(
    duplicate: Organization, into: Organization, *, domain: str = "", by: Member
) -> list[Member]:
    """Make `duplicate` a former name of `into`: its people, email domains and former names move,
    and its kind, if `into` has none.

    That confirms nobody: confirmed people stay confirmed, waiting people go on waiting. Only an
    email domain that is new to a recognized `into`, by this merge or as `domain`, confirms those
    who wait there, as if it were added; they are returned. Refuses an organization with itself,
    one that is merged already, and into one that is merged, declined or less recognized.
    """
    if duplicate.pk == into.pk:
        raise Refused(f"{into} cannot be merged with itself. Choose the other organization.")
    with transaction.atomic():
        pair = Organization.objects.filter(pk__in=[duplicate.pk, into.pk]).order_by("pk")
        locked = {each.pk: each for each in pair.select_for_update(no_key=True)}
        duplicate, retained = locked[duplicate.pk], locked[into.pk]
        _refuse_to_merge(duplicate, retained)
        was_recognized = duplicate.is_recognized
        moved_domains = _move_all(duplicate, retained, by)
        transition(
            duplicate,
            Organization.Status.MERGED,
            by=by,
            why=f"merged into {retained}",
            merged_into=retained,
        )
        only_there = {"kind": duplicate.kind} if duplicate.kind and not retained.kind else {}
        save_with_history(retained, by, f"{duplicate} merged into it", **only_there)
        new_domains = [] if was_recognized else moved_domains
        if domain:
            new_domains.append(create_domain(retained, domain, by).domain)
        if not (retained.is_recognized and new_domains):
            return []
        return confirm_waiting_members(retained, new_domains, by, named=False)


def _refuse_to_merge(duplicate: Organization, retained: Organization) -> None:
    if duplicate.is_merged:
        raise Refused(
            f"{duplicate} is merged into {duplicate.canonical} already. Nothing was changed."
        )
    if retained.is_merged:
        raise Refused(
            f"{retained} is itself a former name of {end_sentence(retained.canonical)} "
            "Merge into that one."
        )
    if retained.status == Organization.Status.DECLINED:
        raise Refused(
            f"{retained} was declined. Recognize it first, or merge the other way around."
        )
    if duplicate.is_recognized and not retained.is_recognized:
        raise Refused(
            f"{duplicate} is recognized and {retained} is not. Merge the other way around."
        )


def _move_all(duplicate: Organization, retained: Organization, by: Member) -> list[str]:
    """Move email domains, former names and members, in the order of locks; return the domains."""
    why = f"{duplicate} merged into {retained}"
    domains = list(duplicate.domains.select_for_update(no_key=True).order_by("pk"))
    bulk_save_with_history(domains, by, why, organization=retained)
    former_names = list(duplicate.former_names.order_by("pk"))
    bulk_save_with_history(former_names, by, why, merged_into=retained)
    members = Member.objects.filter(organization=duplicate).order_by("pk")
    locked = list(members.select_for_update(no_key=True))
    bulk_save_with_history(locked, by, why, organization=retained)
    return [domain.domain for domain in domains]


def rename_organization(organization: Organization, name: str, *, by: Member) -> Organization:
    """Call `organization` by another name; return the stored organization. The old name stays as
    a former name, unless the two are compared as one; a former name of its own can be taken back.

    Refuses a name with nothing to compare, another organization's, and to rename a former name.
    """
    name, compared = clean_text(name), normalize_organization_name(name)
    if not compared:
        raise Refused("Enter a name with at least one letter or digit.")
    with transaction.atomic():
        organization = lock_organization(organization)
        if organization.is_merged:
            raise Refused(
                f"{organization} is a former name of {end_sentence(organization.canonical)} "
                "Rename that one."
            )
        old_name = organization.name
        if compared == organization.normalized_name:
            if name != old_name:
                save_with_history(organization, by, RENAMED, name=name)
            return organization
        former = _former_name(organization, compared, by)
        try:
            with transaction.atomic():
                save_with_history(organization, by, RENAMED, name=name)
        except IntegrityError as error:
            raise Refused("Another organization has this name already. Look again.") from error
        save_with_history(former, by, f"former name of {name}", name=old_name)
        return organization


def _former_name(organization: Organization, taken: str, by: Member) -> Organization:
    """Return the row that is to carry the old name of `organization`: the one whose name it
    takes back, moved out of the way, else a new one, not stored yet."""
    former = organization.former_names.filter(normalized_name=taken).first()
    if former is None:
        return new_organization("", Organization.Status.MERGED, by=by, merged_into=organization)
    # The names swap: in between this one is compared as no name can be.
    Organization.objects.filter(pk=former.pk).update(normalized_name=f"#{former.pk}")
    return former
