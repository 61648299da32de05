"""Taking an import back as a whole: what it brought, in the hands of the services."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from desk.models import Import, ImportedRecord
from members.batches import batched
from members.dates import long_date
from members.history.changesets import ChangeSource, change_source
from members.models import EmailDomain, Member, Organization
from members.services import OrganizationsTakenBack, Refused, take_back_organizations
from members.wording import counted
from teams.models import Membership
from teams.services import ImportedPeople, PeopleTakenBack, take_back_members

KeysByModel = dict[type[Model], list[int]]
Outcome = ImportedRecord.Outcome


@dataclass(frozen=True)
class TakeBackPreview:
    """What taking an import back would do."""

    # In sentences.
    effects: list[str]
    # What stays, because it has been used since.
    kept: KeysByModel
    # Whether memberships stay that could end all the same.
    can_end_used: bool


def preview_take_back(record: Import, *, by: Member) -> TakeBackPreview:
    """Return what `take_back` would do: it is done, and all of it rolled back. Refuses as that."""
    with transaction.atomic():
        people, employers = _take_back(record, by=by, end_used=False)
        kept = brought_by(record, Outcome.KEPT)
        transaction.set_rollback(True)
    return TakeBackPreview(
        describe_effects(people, employers), kept, can_end_used=bool(people.used)
    )


def take_back(record: Import, *, by: Member, end_used: bool = False) -> None:
    """Take back what an import did, all at once. What has been used since stays, and its records
    say so; with `end_used` only memberships end although the account was used.

    Refuses an import that was taken back already, or ended more than TAKE_BACK_WINDOW ago.
    """
    with transaction.atomic():
        _take_back(record, by=by, end_used=end_used)


def brought_by(record: Import, outcome: str | None = None) -> KeysByModel:
    """Return the keys of what an import created or changed, by model; only of those with this
    `outcome`, if one is given."""
    keys: KeysByModel = {Member: [], Membership: [], Organization: [], EmailDomain: []}
    records = record.records.order_by("pk")
    if outcome is not None:
        records = records.filter(outcome=outcome)
    for label, key in records.values_list("model_label", "object_id"):
        keys[apps.get_model(label)].append(key)
    return keys


def describe_effects(people: PeopleTakenBack, employers: OrganizationsTakenBack) -> list[str]:
    """Return in sentences what is taken back; an empty list if it is nothing."""
    effects: list[tuple[Sequence[Model], str, str]] = [
        (people.ended, "membership ends", "memberships end"),
        (people.waiting, "request waits again", "requests wait again"),
        (
            people.closed,
            "account is closed, and its name and address are erased for good",
            "accounts are closed, and their names and addresses are erased for good",
        ),
        (
            people.unconfirmed,
            "person is no longer confirmed for the organization in the file",
            "people are no longer confirmed for the organization in the file",
        ),
        (
            employers.organizations,
            "organization is no longer recognized",
            "organizations are no longer recognized",
        ),
        (
            employers.without_kind,
            "organization loses the kind that the file gave it",
            "organizations lose the kind that the file gave them",
        ),
        (
            employers.domains,
            "email domain no longer confirms anyone",
            "email domains no longer confirm anyone",
        ),
    ]
    return [
        f"{counted(len(records), one, several)}." for records, one, several in effects if records
    ]


def _take_back(
    record: Import, *, by: Member, end_used: bool
) -> tuple[PeopleTakenBack, OrganizationsTakenBack]:
    stored = Import.objects.select_for_update(no_key=True).get(pk=record.pk)
    if stored.taken_back_at and stored.taken_back_by:
        who = stored.taken_back_by.name_for_staff(by)
        raise Refused(f"This was taken back on {long_date(stored.taken_back_at)} by {who}.")
    if not stored.can_be_taken_back:
        raise Refused("It is too late to take this back.")
    brought = brought_by(stored)
    with change_source(ChangeSource.IMPORT):
        # Organizations come first in the order of locks.
        employers = _take_back_employers(stored, brought, by)
        people = take_back_members(_imported_people(stored, brought), by=by, end_used=end_used)
    left = _accounts_left_before(stored).filter(object_id__in=[each.pk for each in people.closed])
    left.update(outcome=Outcome.TAKEN_BACK)
    taken_back = employers.keys | people.keys
    for model, keys in brought.items():
        done = taken_back[model].intersection(keys)
        _note(stored, model, done, Outcome.TAKEN_BACK)
        _note(stored, model, _still_there(model, set(keys) - done), Outcome.KEPT)
    stored.state = Import.State.TAKEN_BACK
    stored.taken_back_at, stored.taken_back_by = timezone.now(), by
    stored.save(update_fields=["state", "taken_back_at", "taken_back_by"])
    return people, employers


def _take_back_employers(
    record: Import, brought: KeysByModel, by: Member
) -> OrganizationsTakenBack:
    """Take back what the import did to organizations and their domains; return it. A record of one
    that it created is about all its fields."""
    before = _fields_before(record)[Organization]
    created = set(brought[Organization]) - before.keys()
    return take_back_organizations(
        created | {key for key, fields in before.items() if "status" in fields},
        brought[EmailDomain],
        created | {key for key, fields in before.items() if "kind" in fields},
        finished_at=record.finished_at or record.created_at,
        by=by,
    )


def _imported_people(record: Import, brought: KeysByModel) -> ImportedPeople:
    before = _fields_before(record)
    organizations = {key: fields["organization"] for key, fields in before[Member].items()}
    left = _accounts_left_before(record)
    left_since = filter(None, left.values_list("source__finished_at", flat=True))
    return ImportedPeople(
        members={*brought[Member], *left.values_list("object_id", flat=True)}
        - organizations.keys(),
        organizations_before=organizations,
        memberships=[key for key in brought[Membership] if key not in before[Membership]],
        requests=list(before[Membership]),
        emails=record.email_ids,
        finished_at=min([record.finished_at or record.created_at, *left_since]),
    )


def _accounts_left_before(record: Import) -> QuerySet[ImportedRecord]:
    """Return the records of accounts that another import created, and that were left when that one
    was taken back because this one had given them a membership."""
    memberships = record.records.filter(model_label=Membership._meta.label_lower)
    members = Membership.objects.filter(pk__in=memberships.values("object_id")).values("member")
    accounts = ImportedRecord.objects.filter(
        model_label=Member._meta.label_lower, before__isnull=True, outcome=Outcome.KEPT
    )
    return accounts.filter(object_id__in=members).exclude(source=record)


def _fields_before(record: Import) -> dict[type[Model], dict[int, Any]]:
    """Return what the import changed, by model and key, with the fields as they were."""
    before: dict[type[Model], dict[int, Any]] = defaultdict(dict)
    changed = record.records.filter(before__isnull=False)
    for label, key, fields in changed.values_list("model_label", "object_id", "before"):
        before[apps.get_model(label)][key] = fields
    return before


def _still_there(model: type[Model], keys: Iterable[int]) -> set[int]:
    """Return those of the keys whose records are as good as after the import: neither ended nor
    closed meanwhile."""
    there: dict[type[Model], QuerySet[Any]] = {
        Member: Member.objects.filter(is_active=True),
        Membership: Membership.objects.active(),
        Organization: Organization.objects.recognized(),
        EmailDomain: EmailDomain.objects.all(),
    }
    return {
        pk
        for batch in batched(sorted(keys))
        for pk in there[model].filter(pk__in=batch).values_list("pk", flat=True)
    }


def _note(record: Import, model: type[Model], keys: Iterable[int], outcome: str) -> None:
    for batch in batched(sorted(keys)):
        records = record.records.filter(model_label=model._meta.label_lower)
        records.filter(object_id__in=batch).update(outcome=outcome)
