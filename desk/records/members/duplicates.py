"""Accounts that may be a second one of the same person."""

from __future__ import annotations

from rapidfuzz import fuzz, process

from members.models import Member, MemberQuerySet

# Of rapidfuzz's ratio, in percent.
MIN_SIMILARITY = 90
MAX_COLLEAGUES_COMPARED = 2000
MAX_DUPLICATES_OFFERED = 5


def possible_duplicates(member: Member) -> list[Member]:
    """Return other open accounts with the same name, and colleagues with a similar one.

    Names are compared as they are stored for that, without case, accents and order of words.
    """
    if not member.normalized_name:
        return []
    others = Member.objects.filter(is_active=True).exclude(pk=member.pk)
    same_name = others.filter(normalized_name=member.normalized_name).order_by("pk")
    keys = list(same_name.values_list("pk", flat=True)[:MAX_DUPLICATES_OFFERED])
    if len(keys) < MAX_DUPLICATES_OFFERED and member.organization_id:
        colleagues = others.filter(organization=member.organization_id)
        keys += [key for key in _similar(member.normalized_name, colleagues) if key not in keys]
    keys = keys[:MAX_DUPLICATES_OFFERED]
    duplicates = others.select_related("organization").in_bulk(keys)
    return [duplicates[key] for key in keys if key in duplicates]


def _similar(normalized_name: str, members: MemberQuerySet) -> list[int]:
    """Return the keys of those of the first `members` whose names are most similar."""
    names = members.order_by("pk").values_list("pk", "normalized_name")[:MAX_COLLEAGUES_COMPARED]
    similar = process.extract(
        normalized_name,
        dict(names),
        scorer=fuzz.ratio,
        score_cutoff=MIN_SIMILARITY,
        limit=2 * MAX_DUPLICATES_OFFERED,
    )
    return [key for _, _, key in similar]
