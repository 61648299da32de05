"""What facilitators decide about resources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from desk.actions.bulk_action import PREPARED_PARAM, ActionWithReason, BulkAction
from members.dates import long_date
from teams.models import Resource


class ResourceAction(BulkAction[Resource]):
    model = Resource
    nouns = ("resource", "resources")

    def record_name(self, resource: Resource) -> str:
        return f"“{resource}”"

    def describe(self, resource: Resource) -> str:
        return f"{resource}, {resource.url} (last checked {long_date(resource.checked_on)})"


class StillTrue(ResourceAction):
    name, label, title = "renew", "Still good", "Still good: {}"
    description = (
        "You have opened each page, and it is still correct and useful. "
        "The resource will show today as the date of its last check."
    )

    def is_available(self, resource: Resource) -> bool:
        is_due = resource.checked_on != timezone.localdate() or resource.has_dead_link
        return is_due and not resource.is_archived

    def one_click_data(self, resource: Resource) -> dict[str, str] | None:
        """Return what a button posts; of a dead link its page asks first."""
        return None if resource.is_gone else {}


class FollowMovedLink(ResourceAction):
    name, label, title = "follow", "Use the new address", "Use the new address of {}"
    description = (
        "The site says that the page has moved permanently. The resource will link to the new "
        "address, with today as the date of its last check."
    )

    def is_available(self, resource: Resource) -> bool:
        return not resource.is_archived and bool(resource.moved_to)

    def describe(self, resource: Resource) -> str:
        return f"{resource}: {resource.url} becomes {resource.moved_to}"


class Archive(ResourceAction, ActionWithReason[Resource]):
    name, label, title = "archive", "Archive", "Archive {}"
    description = (
        "It will no longer be on any page, in the search or in a feed. Its record is kept, and "
        "you can restore it. No email is sent."
    )
    shows_email = False
    reason_help = "Optional. It is kept in the history."
    prepared_reasons = (
        "The page is gone.",
        "It is out of date.",
        "There is a better one.",
    )

    def is_available(self, resource: Resource) -> bool:
        return not resource.is_archived

    def get_form(self, request: HttpRequest, records: Sequence[Resource]) -> forms.Form:
        form = super().get_form(request, records)
        form.fields["reason"].required = False
        if PREPARED_PARAM not in request.POST:
            form.initial["reason"] = ""
        return form


class Restore(ResourceAction):
    name, label, title = "restore", "Restore", "Restore {}"
    description = "It will be on the pages again, with today as the date of its last check."

    def is_available(self, resource: Resource) -> bool:
        return resource.is_archived


ACTIONS: list[BulkAction[Any]] = [FollowMovedLink(), StillTrue(), Archive(), Restore()]
