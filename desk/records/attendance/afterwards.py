"""The page of what remains after a meeting: its checklist, the minutes, and the links."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.validators import URLValidator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from desk.records.attendance.views import page_context, planned_meeting
from members.services import Refused
from teams.models import Meeting, MeetingLink
from teams.models.teams import MARKDOWN_HELP
from teams.services.meeting_materials import checklist, save_materials

MAX_LINKS = 30
EMPTY_LINKS = 1


class HttpsField(forms.URLField):
    """An address that begins with https; without a scheme it gets that."""

    default_validators = [URLValidator(schemes=["https"])]  # noqa: RUF012  # as Django has it

    def __init__(self, **options: Any) -> None:
        super().__init__(assume_scheme="https", **options)


class LinkForm(forms.ModelForm[MeetingLink]):
    """Something to read, watch or hear."""

    INSECURE = "Enter an address that begins with https://."
    url = HttpsField(label="Address", max_length=500, error_messages={"invalid": INSECURE})
    transcript_url = HttpsField(
        label="Address of the transcript",
        max_length=500,
        required=False,
        error_messages={"invalid": INSECURE},
    )

    class Meta:
        model = MeetingLink
        fields = (
            "kind", "title", "url", "captions", "transcript_url", "audience", "position",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["position"].required = False
        self.fields["position"].label = "Order"
        self.fields["position"].help_text = "Links with a lower number come first."
        self.fields["captions"].required = False

    def clean_position(self) -> int:
        """Return the place of the link; without one it comes first."""
        return self.cleaned_data.get("position") or 0

    def clean_captions(self) -> str:
        """Return what is known about captions."""
        return self.cleaned_data.get("captions") or MeetingLink.Captions.UNKNOWN


class MinutesForm(forms.Form):
    """The minutes, with those that the page has shown."""

    minutes = forms.CharField(
        label="Minutes",
        required=False,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 14, "cols": 60}),
        help_text=f"What was decided, and who does what. Everyone who can see the meeting can read "
        f"them. {MARKDOWN_HELP}",
    )
    shown_minutes = forms.CharField(required=False, widget=forms.HiddenInput)


LinkFormSet = forms.inlineformset_factory(
    Meeting,
    MeetingLink,
    form=LinkForm,
    extra=EMPTY_LINKS,
    max_num=MAX_LINKS,
    validate_max=True,
    can_delete=True,
)


@require_http_methods(["GET", "HEAD", "POST"])
def afterwards(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what there is to do after a meeting; store minutes and links, or show how the minutes
    will look."""
    meeting, staff = planned_meeting(request, pk)
    stored = {"minutes": meeting.minutes, "shown_minutes": meeting.minutes}
    data = request.POST if request.method == "POST" else None
    form = MinutesForm(data, initial=stored, label_suffix="")
    links = LinkFormSet(data, instance=meeting, prefix="links")
    is_valid = data is not None and form.is_valid() and links.is_valid()
    if is_valid and "preview" not in request.POST:
        changed = links.save(commit=False)
        try:
            save_materials(
                meeting,
                minutes=_lines(form.cleaned_data["minutes"]),
                shown_minutes=_lines(form.cleaned_data["shown_minutes"]),
                saved=changed,
                removed=links.deleted_objects,
                by=staff,
            )
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, "Saved. It is now on the meeting page.")
            return HttpResponseRedirect(reverse("admin:teams_meeting_afterwards", args=[pk]))
    context = {
        **page_context(request, meeting, f"After the meeting: {meeting}"),
        "form": form,
        "links": links,
        "checklist": checklist(meeting),
        "preview": form["minutes"].value() if "preview" in request.POST else "",
        "has_errors": data is not None and not is_valid,
        "has_materials": bool(meeting.minutes) or meeting.links.exists(),
    }
    return TemplateResponse(request, "admin/teams/meeting/afterwards.html", context)


def _lines(text: str) -> str:
    """Return text of a form as it is stored: browsers end lines with two characters."""
    return text.replace("\r\n", "\n").strip()
