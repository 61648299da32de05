"""What happened since the last quarterly meeting: the desk's list, the draft, and what is decided
about it. All facilitators share it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from desk.actions.base import ActionAdmin
from desk.actions.bulk_action import BulkAction
from desk.changelist import badge, mark_unseen_people, require_staff
from desk.records.versions import VersionedForm, VersionForm
from members.dates import short_date
from members.services import Refused
from members.text_fields import CleanFormField
from members.wording import end_sentence
from teams.models import Review, ReviewLine
from teams.models.reviews import HEADINGS
from teams.models.teams import MARKDOWN_HELP
from teams.services.reviews import (
    announce_review,
    begin_review,
    change_review,
    check_days,
    collect_again,
    content_version,
    proposed_days,
)

SAVE_AND_PREVIEW, SAVE_AND_COLLECT = "_preview", "_collect"


class ReviewAction(BulkAction[Review]):
    """A decision about a draft."""

    model = Review
    nouns = ("review", "reviews")
    needs_form = True

    def is_available(self, review: Review) -> bool:
        return review.is_draft

    def preview_data(self, form: forms.Form) -> None:
        """Return None: it sends no email, and its page says itself what will happen."""


class Publish(ReviewAction):
    name, label, title = "publish", "Publish", "Publish {}"
    leave_label = "Back to the draft"
    description = (
        "Everyone can read it, with nobody’s name. After two minutes it never changes, whatever "
        "happens to what it names; you can add corrections."
    )
    template = "admin/teams/review/publish.html"

    def get_form(self, request: HttpRequest, records: Sequence[Review]) -> forms.Form:
        initial = {"version": content_version(records[0])} if len(records) == 1 else {}
        return VersionForm(request.POST if request.method == "POST" else None, initial=initial)

    def get_context_data(
        self, request: HttpRequest, records: Sequence[Review], form: forms.Form
    ) -> dict[str, Any]:
        """Return the review as everyone will read it; of several the list."""
        context = super().get_context_data(request, records, form)
        if len(records) > 1:
            return {**context, "is_settled": True}
        return {**context, "descriptions": [], "review": records[0]}


class CorrectionForm(forms.Form):
    text = CleanFormField(
        label="Correction",
        max_length=500,
        help_text="What is wrong, and what is right. Everyone reads it below the lines.",
        error_messages={"required": "Say in a sentence or two what is wrong and what is right."},
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
    )


class Correct(ReviewAction):
    name, label, title = "correct", "Add a correction", "Add a correction to {}"
    description = "The lines are not changed. The correction stands below them, with its date."
    template = "admin/teams/review/correct.html"

    def is_available(self, review: Review) -> bool:
        return not review.is_draft

    def get_form(self, request: HttpRequest, records: Sequence[Review]) -> forms.Form:
        return CorrectionForm(request.POST if request.method == "POST" else None, label_suffix="")


class Delete(ReviewAction):
    name, label, title = "delete", "Delete draft", "Delete {}"
    description = "Nobody has read it, and nothing that it names is changed. You cannot undo this."

    def success_url(self, form_data: dict[str, Any]) -> str:
        return reverse("admin:teams_review_changelist")


class ReviewForm(VersionedForm[Review]):
    """The days of a draft; of a stored one also its paragraph, and which lines are hidden."""

    hidden = forms.MultipleChoiceField(
        label="Hide lines",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Lines with a check mark are not shown. They are still hidden when the lines are "
        "collected again.",
    )

    class Meta:
        model = Review
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.pk:
            return
        lines = list(self.instance.lines.all())
        hidden = cast("forms.MultipleChoiceField", self.fields["hidden"])
        hidden.choices = [
            (HEADINGS[kind], [(line.key, line.text) for line in lines if line.kind == kind])
            for kind in ReviewLine.Kind
            if any(line.kind == kind for line in lines)
        ]
        self.initial["hidden"] = [line.key for line in lines if line.is_hidden]
        self.initial["version"] = content_version(self.instance)

    def clean(self) -> dict[str, Any]:
        """Return the fields. Refuses days that the services would refuse, and what someone has
        changed meanwhile."""
        cleaned = super().clean() or self.cleaned_data
        if "begins_on" in cleaned and "ends_on" in cleaned:
            try:
                check_days(self.instance, cleaned["begins_on"], cleaned["ends_on"])
            except Refused as refusal:
                self.add_error("ends_on", str(refusal))
        self.refuse_unseen_changes()
        return cleaned


class ReviewAdmin(ActionAdmin[Review]):
    """The drafts and the published ones."""

    form = ReviewForm
    title = "Since the last quarterly meeting"
    add_words = "Begin a new one"
    bulk_actions = [Publish(), Correct(), Delete()]
    closing_fields = ("intro",)
    list_display = ["name", "status_badge", "shown_number", "published"]
    list_filter = ["status"]
    list_select_related = ["published_by"]
    search_fields = ["slug", "intro", "lines__text"]
    search_help_text = "Search by day (2026-03), paragraph or line."
    export_columns = [
        ("From", "begins_on"), ("To", "ends_on"), ("State", "get_status_display"),
        ("Paragraph", "intro"), ("Lines", "shown_count"), ("Published", "published_at"),
        ("Published by", "published_by"),
    ]  # fmt: skip
    DAYS = ("begins_on", "ends_on")
    FACTS = ("status_badge", "published")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.announcement_view)
        name = "teams_review_announcement"
        return [path("<int:pk>/announcement/", view, name=name), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Review]:
        shown = Count("lines", filter=Q(lines__is_hidden=False))
        reviews = Review.objects.visible_to(require_staff(request))
        return reviews.select_related("published_by").annotate(shown_count=shown)

    def has_change_permission(self, request: HttpRequest, obj: Review | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.is_draft)

    def get_fieldsets(self, request: HttpRequest, obj: Review | None = None) -> Any:
        """Return the days of a new one; of a draft its paragraph and lines as well; of what is
        published its facts."""
        if obj is None:
            return [(None, {"fields": self.DAYS})]
        if obj.is_draft:
            hidden = ["hidden"] if obj.lines.exists() else []
            return [(None, {"fields": [*self.DAYS, "intro", *hidden, "version"]})]
        return [(None, {"fields": self.FACTS})]

    def get_readonly_fields(self, request: HttpRequest, obj: Review | None = None) -> Any:
        return [] if obj is None or obj.is_draft else self.FACTS

    def get_form(
        self, request: HttpRequest, obj: Review | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Return the form, which says where the days come from."""
        kwargs["help_texts"] = {
            "begins_on": "The day of the last quarterly meeting. What happened on it counts.",
            "ends_on": "The last day that counts.",
            "intro": f"What these months were about, in a few sentences. {MARKDOWN_HELP}",
        }
        return super().get_form(request, obj, change, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        days = proposed_days()
        return {"begins_on": days.first, "ends_on": days.last}

    def save_model(self, request: HttpRequest, obj: Review, form: Any, change: bool) -> None:
        """Begin or change through the services."""
        staff, data = require_staff(request), form.cleaned_data
        days = {name: data[name] for name in self.DAYS}
        if change:
            hidden = data.get("hidden", ())
            change_review(obj, **days, intro=data["intro"], hidden=hidden, by=staff)
            return
        review, summary = begin_review(**days, by=staff)
        obj.pk = review.pk
        messages.success(request, f"{summary} Write the paragraph now, and hide what is minor.")

    def response_add(
        self, request: HttpRequest, obj: Review, post_url_continue: str | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:teams_review_change", args=[obj.pk]))

    def response_change(self, request: HttpRequest, obj: Review) -> HttpResponse:
        if SAVE_AND_PREVIEW in request.POST:
            return HttpResponseRedirect(Publish().record_url(obj.pk))
        saved = "The draft is saved. Only facilitators see it."
        if SAVE_AND_COLLECT in request.POST:
            saved = f"The draft is saved. {collect_again(obj, by=require_staff(request))}"
        messages.success(request, saved)
        return HttpResponseRedirect(reverse("admin:teams_review_change", args=[obj.pk]))

    def get_record_context(self, request: HttpRequest, record: Review) -> dict[str, Any]:
        """Return its corrections, and who added them."""
        corrections = list(record.corrections.select_related("by"))
        mark_unseen_people(corrections, require_staff(request))
        return {**super().get_record_context(request, record), "corrections": corrections}

    def announcement_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Write the draft of an announcement about what is published (POST), and show it."""
        review = get_object_or_404(self.get_queryset(request), pk=pk)
        record = reverse("admin:teams_review_change", args=[pk])
        if request.method != "POST":
            return HttpResponseRedirect(record)
        try:
            announcement = announce_review(review, by=require_staff(request))
        except Refused as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(record)
        messages.success(
            request,
            f"This is a draft to {end_sentence(announcement.audience)} Change what you like, and "
            "send it from its preview. Nothing is sent yet.",
        )
        return HttpResponseRedirect(
            reverse("admin:teams_announcement_change", args=[announcement.pk])
        )

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        is_published = isinstance(obj, Review) and not obj.is_draft
        return obj.get_absolute_url() if is_published else None

    @admin.display(description="months", ordering="begins_on")
    def name(self, review: Review) -> str:
        return review.period

    @admin.display(description="state", ordering="status")
    def status_badge(self, review: Review) -> SafeString:
        return badge("new", "Draft") if review.is_draft else badge("confirmed", "Published")

    @admin.display(description="lines")
    def shown_number(self, review: Review) -> int:
        # Annotated by get_queryset.
        number: int = review.shown_count  # type: ignore[attr-defined]
        return number

    @admin.display(description="published", ordering="published_at", empty_value="Not yet")
    def published(self, review: Review) -> str | None:
        if review.published_at is None:
            return None
        return f"{short_date(review.published_at)}, by {review.published_by}"
