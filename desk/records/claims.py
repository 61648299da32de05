"""Claiming what waits at the desk, with a note to the other facilitators."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from desk.actions.base import ActionAdmin
from desk.actions.bulk_action import Record
from desk.changelist import require_staff
from members.services import Refused
from teams.services import claim, claim_of, release_claim, standing_claims, write_claim_note


def with_claim(shown: SafeString | str, record: Any) -> SafeString | str:
    """Return `shown` of a record in a list, with who takes care of the record, if anyone does."""
    standing = getattr(record, "shown_claim", None)
    if standing is None:
        return shown
    words = '{} <span class="meta">taken by <bdi>{}</bdi></span>'
    return format_html(words, shown, standing.claimed_by)


class ClaimableAdmin(ActionAdmin[Record]):
    """A list of records that one facilitator takes care of while they wait."""

    change_form_template = "admin/teams/claimable_change_form.html"

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_claim"
        view = self.admin_site.admin_view(self.claim_view)
        return [path("<int:object_id>/claim/", view, name=name), *super().get_urls()]

    def prepare_rows(self, rows: Collection[Any]) -> None:
        """Find with one query who takes care of what waits, for `with_claim`."""
        claims: dict[Any, Any] = {
            **standing_claims([record for record in rows if record.is_waiting])
        }
        for record, standing in claims.items():
            record.shown_claim = standing

    @method_decorator(require_POST)
    def claim_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Claim the record, release it, or store the note, by the button that was pressed."""
        staff = require_staff(request)
        record: Any = get_object_or_404(self.get_queryset(request), pk=object_id)
        note = request.POST.get("note", "")
        try:
            if "release" in request.POST:
                release_claim(record, by=staff)
                done = "Released. Any facilitator can take it on."
            elif "note" in request.POST:
                write_claim_note(record, note, by=staff)
                done = "The note is saved. Only facilitators see it."
            else:
                claim(record, by=staff)
                done = "You took this on. Your colleagues see that you are taking care of it."
        except Refused as refused:
            lost = f" Your note was not saved: “{note}”" if note else ""
            messages.warning(request, f"{refused}{lost}")
        else:
            messages.success(request, done)
        return HttpResponseRedirect(self.back_url(request, [record]))

    def get_record_context(self, request: HttpRequest, record: Any) -> dict[str, Any]:
        """Return who takes care of it while it waits."""
        context = super().get_record_context(request, record)
        if not record.is_waiting:
            return context
        stored = claim_of(record)
        standing = standing_claims([record]).get(record)
        return {
            **context,
            "is_claimable": True,
            "claim": standing,
            "claim_note": stored.note if stored else "",
            "is_own_claim": standing and standing.claimed_by == require_staff(request),
        }
