"""The page of what remains after a meeting: its checklist, the minutes, and the links."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.validators import URLValidator
from django.forms import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from desk.records.attendance.views import page_context, planned_meeting
from members.services import Refused
from teams.models import Meeting, Resource
from teams.models.teams import MARKDOWN_HELP
from teams.services.meeting_materials import LINK_FIELDS, checklist, save_materials

MAX_LINKS = 30
# The kinds of what a meeting leaves behind.
KINDS = (
    Resource.Kind.SLIDES,
    Resource.Kind.RECORDING,
    Resource.Kind.DOCUMENT,
    Resource.Kind.NOTES,
)
REMOVED_MEANWHILE = (
    "This link is no longer on the page of the meeting. Copy what you need, and reload the page."
)
FIRST_FIELDS = ("kind", "title", "url")
EMPTY_LINKS = 1


class HttpsField(forms.URLField):
    """An address that begins with https; without a scheme it gets that."""

    default_validators = [URLValidator(schemes=["https"])]  # noqa: RUF012  # as Django has it

    def __init__(self, **options: Any) -> None:
        super().__init__(assume_scheme="https", **options)


class LinkForm(forms.ModelForm[Resource]):
    """Something to read, watch or hear. What it is, its title and its address are asked first; the
    rest is folded, and has what most links need."""

    INSECURE = "Enter an address that begins with https://."
    url = HttpsField(label="Address", max_length=500, error_messages={"invalid": INSECURE})
    transcript_url = HttpsField(
        label="Address of the transcript",
        max_length=500,
        required=False,
        error_messages={"invalid": INSECURE},
    )

    class Meta:
        model = Resource
        fields = LINK_FIELDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # One that was added elsewhere keeps its kind.
        kinds = [kind for kind in Resource.Kind if kind in KINDS or kind == self.instance.kind]
        choices = [("", "Choose"), *((kind.value, kind.label) for kind in kinds)]
        cast(forms.ChoiceField, self.fields["kind"]).choices = choices
        self.fields["audience"].help_text = "Among those who can see the meeting."
        self.fields["captions"].help_text = "For recordings only."
        self.fields["position"].required = False
        self.fields["position"].label = "Order"
        self.fields["position"].help_text = "Links with a lower number come first."
        self.fields["captions"].required = False

    def clean_position(self) -> int:
        """Return the place of the link; without one it comes first."""
        return self.cleaned_data.get("position") or 0

    def clean_captions(self) -> str:
        """Return what is known about captions."""
        return self.cleaned_data.get("captions") or Resource.Captions.UNKNOWN

    @property
    def first_fields(self) -> list[forms.BoundField]:
        """What is asked of every link."""
        return [self[name] for name in FIRST_FIELDS]

    @property
    def folded_fields(self) -> list[forms.BoundField]:
        """What has an answer for most links."""
        return [self[name] for name in LINK_FIELDS if name not in FIRST_FIELDS]

    @property
    def is_unfolded(self) -> bool:
        """Whether what is folded has a mistake."""
        return any(field.errors for field in self.folded_fields)


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


class BaseLinkFormSet(BaseInlineFormSet[Resource, Meeting, LinkForm]):
    """The links of a meeting."""

    def add_fields(self, form: LinkForm, index: int | None) -> None:
        """Add what tells links apart."""
        super().add_fields(form, index)
        key = cast("forms.ModelChoiceField[Resource]", form.fields["id"])
        # Django offers every link, and drops what was typed for one that was removed.
        key.queryset = self.get_queryset()
        key.error_messages["invalid_choice"] = REMOVED_MEANWHILE


LinkFormSet = forms.inlineformset_factory(
    Meeting,
    Resource,
    form=LinkForm,
    formset=BaseLinkFormSet,
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
    current = meeting.resources.current()
    links = LinkFormSet(data, instance=meeting, prefix="links", queryset=current)
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
        "has_materials": bool(meeting.minutes) or current.exists(),
    }
    return TemplateResponse(request, "admin/teams/meeting/afterwards.html", context)


def _lines(text: str) -> str:
    """Return text of a form as it is stored: browsers end lines with two characters."""
    return text.replace("\r\n", "\n").strip()
