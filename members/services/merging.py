"""One organization under two names: merging a duplicate, and renaming. The old name stays as a
row of its own, an alias: whoever joins with it means the organization that goes on."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from members.history.saving import Refused, bulk_save_with_history, one_line, save_with_history
from members.models import Member, Organization
from members.normalize import normalize_organization_name
from members.services.affiliations import locked_organization
from members.services.organizations import new_domain, release

RENAMED = "changed at the desk"


def merge_organizations(
    duplicate: Organization, into: Organization, *, domain: str = "", by: Member
) -> list[Member]:
    """Make `duplicate` a former name of `into`: its people, email domains and former names move.

    Nobody is vouched for by that: who was confirmed stays so, who waited goes on waiting. Only a
    email domain that is new to a recognized `into`, by this merge or as `domain`, confirms who
    waits there, as if it were added; those are returned. Refuses an organization with itself, one
    that is merged already, and into one that is merged, declined or less recognized.
    """
    if duplicate.pk == into.pk:
        raise Refused(f"{into} cannot be merged with itself. Choose the other organization.")
    with transaction.atomic():
        pair = Organization.objects.filter(pk__in=[duplicate.pk, into.pk]).order_by("pk")
        rows = {row.pk: row for row in pair.select_for_update(no_key=True)}
        old, kept = rows[duplicate.pk], rows[into.pk]
        _refuse_to_merge(old, kept)
        was_recognized = old.is_recognized
        moved = _move_all(old, kept, by)
        save_with_history(
            old,
            by,
            f"merged into {kept}",
            status=Organization.Status.MERGED,
            merged_into=kept,
            decided_at=timezone.now(),
            decided_by=by,
        )
        save_with_history(kept, by, f"{old} merged into it")
        fresh = [] if was_recognized else moved
        if domain:
            fresh.append(new_domain(kept, domain, by).domain)
        return release(kept, fresh, by, named=False) if kept.is_recognized and fresh else []


def _refuse_to_merge(old: Organization, kept: Organization) -> None:
    if old.is_merged:
        raise Refused(f"{old} is merged into {old.canonical} already. Nothing was changed.")
    if kept.is_merged:
        raise Refused(f"{kept} is itself a former name of {kept.canonical}. Merge into that one.")
    if kept.status == Organization.Status.DECLINED:
        raise Refused(f"{kept} was declined. Recognize it first, or merge the other way round.")
    if old.is_recognized and not kept.is_recognized:
        raise Refused(f"{old} is recognized and {kept} is not. Merge the other way round.")


def _move_all(old: Organization, kept: Organization, by: Member) -> list[str]:
    """Move email domains, former names and people; returns the domains. In the order of locks."""
    why = f"{old} merged into {kept}"
    domains = list(old.domains.select_for_update(no_key=True).order_by("pk"))
    bulk_save_with_history(domains, by, why, organization=kept)
    bulk_save_with_history(list(old.former_names.order_by("pk")), by, why, merged_into=kept)
    people = Member.objects.filter(organization=old).order_by("pk")
    bulk_save_with_history(list(people.select_for_update(no_key=True)), by, why, organization=kept)
    return [row.domain for row in domains]


def rename_organization(organization: Organization, name: str, *, by: Member) -> Organization:
    """Call `organization` by another name; returns the stored row. The old name stays as an
    alias, unless the two are compared as one; a former name of its own can be taken again.

    Refuses a name with nothing to compare, another organization's, and to rename an alias.
    """
    name, compared = one_line(name), normalize_organization_name(name)
    if not compared:
        raise Refused("Enter a name with at least one letter or digit.")
    with transaction.atomic():
        row = locked_organization(organization)
        if row.is_merged:
            raise Refused(f"{row} is a former name of {row.canonical}. Rename that one.")
        old = row.name
        if compared == row.normalized_name:
            if name != old:
                save_with_history(row, by, RENAMED, name=name)
            return row
        alias = _alias_for_old_name(row, compared, by)
        try:
            with transaction.atomic():
                save_with_history(row, by, RENAMED, name=name)
        except IntegrityError as error:
            raise Refused("Another organization has this name already. Look again.") from error
        save_with_history(alias, by, f"former name of {name}", name=old)
        return row


def _alias_for_old_name(row: Organization, taken: str, by: Member) -> Organization:
    """The alias that is to carry the old name of `row`: the one whose name `row` takes again,
    moved out of the way, else a new one, not stored yet."""
    alias = row.former_names.filter(normalized_name=taken).first()
    if alias is None:
        return Organization(
            status=Organization.Status.MERGED,
            merged_into=row,
            decided_at=timezone.now(),
            decided_by=by,
        )
    # Names swap: in between the alias is compared as what no name can be.
    Organization.objects.filter(pk=alias.pk).update(normalized_name=f"#{alias.pk}")
    return alias
