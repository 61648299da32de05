"""The desk's texts of the site and its notices, which only administrators change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.views.decorators.http import require_POST

from desk.changelist import RecordAdmin, badge, is_administrator
from members.dates import short_date
from teams.models import PLACEHOLDERS, Notice, SiteText
from teams.models.site_texts import refuse_unknown_placeholders
from teams.site_texts import render_site_text

HOW_TO_WRITE = (
    "Blank line: new paragraph. # Words: heading. **word**: bold. - item: list. "
    f"Filled in by the portal: {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}."
)


class AdministratorsRecordAdmin(RecordAdmin[Any]):
    """Records that only administrators see and change."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_administrator(request)

    has_change_permission = has_view_permission

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.can_add and is_administrator(request)


class SiteTextAdmin(AdministratorsRecordAdmin):
    """The texts of the site. There is one for each place, so none is added."""

    can_add = False
    title = "Texts of the site"
    change_form_template = "admin/teams/sitetext/change_form.html"
    list_display = ["place_name", "beginning", "last_changed"]
    fields = ["text"]

    def get_urls(self) -> list[URLPattern]:
        preview = self.admin_site.admin_view(self.preview_view)
        name = "teams_sitetext_preview"
        return [path("<int:pk>/preview/", preview, name=name), *super().get_urls()]

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the form, with how to write."""
        kwargs["help_texts"] = {"text": HOW_TO_WRITE}
        return super().get_form(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: SiteText, form: Any, change: bool) -> None:
        """Save, with today as the day that the page shows."""
        obj.changed_on = timezone.localdate()
        form.changed_data.append("changed_on")
        super().save_model(request, obj, form, change)

    @method_decorator(require_POST)
    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return a page that shows the text as it is typed; nothing is stored."""
        if not is_administrator(request):
            raise PermissionDenied
        text = request.POST.get("text", "")
        try:
            refuse_unknown_placeholders(text)
        except ValidationError as error:
            problem = error.messages[0]
        else:
            problem = ""
        site_text = get_object_or_404(SiteText, pk=pk)
        typed = SiteText(place=site_text.place, text=text)
        context = {"site_text": site_text, "typed": typed, "problem": problem}
        return render(request, "admin/teams/sitetext/preview.html", context)

    @admin.display(description="place", ordering="pk")
    def place_name(self, text: SiteText) -> str:
        return str(text)

    @admin.display(description="text")
    def beginning(self, text: SiteText) -> str:
        return Truncator(strip_tags(render_site_text(text.text, 2))).chars(120)

    @admin.display(description="last changed", ordering="changed_on")
    def last_changed(self, text: SiteText) -> str:
        return short_date(text.changed_on)


class NoticeAdmin(AdministratorsRecordAdmin):
    """The lines across the top of every page."""

    list_display = ["text", "starts_on", "ends_on", "state"]
    fields = ["text", "starts_on", "ends_on"]

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the form, in plain words."""
        kwargs["help_texts"] = {
            "text": "One or two sentences without Markdown; an address of a page becomes a link.",
            "ends_on": "The notice is shown until the end of this day, Central Time.",
        }
        return super().get_form(request, *args, **kwargs)

    @admin.display(description="shown")
    def state(self, notice: Notice) -> SafeString:
        if notice.is_current:
            return badge("confirmed", "Shown now")
        is_over = notice.ends_on < timezone.localdate()
        return badge("closed", "Over" if is_over else "Not yet")
