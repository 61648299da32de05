"""The desk's list of words that mean the same to the search, which all facilitators share."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from desk.changelist import RecordAdmin, badge
from teams.models import SynonymGroup


class SynonymGroupAdmin(RecordAdmin[SynonymGroup]):
    """The synonyms. One that is no longer wanted is switched off, so that its history stays."""

    list_display = ["words", "state"]
    list_filter = ["is_used"]
    search_fields = ["words"]
    export_columns = [("Words", "words"), ("In use", "is_used")]
    fields = ["words", "is_used"]

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the form, in plain words."""
        kwargs["help_texts"] = {
            "words": "Words or phrases that mean the same, with commas between them, like: "
            "employer, hospital, place of work. A search of the questions and answers for one of "
            "them finds the others, too.",
            "is_used": "Clear the box to search without these synonyms.",
        }
        return super().get_form(request, *args, **kwargs)

    @admin.display(description="in use", ordering="is_used")
    def state(self, group: SynonymGroup) -> SafeString:
        if group.is_used:
            return badge("confirmed", "In use")
        return badge("closed", "Not in use")
