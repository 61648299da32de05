"""The form of a resource, also of one that someone suggested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.forms import ModelMultipleChoiceField
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from rapidfuzz import fuzz, process, utils

from desk.records.versions import VersionedForm
from members.models import Member
from members.normalize import fold
from members.services import Refused
from members.text_fields import CleanFormField
from teams.forms import WebAddressField
from teams.models import ActionTeam, Meeting, Resource, ResourceSuggestion
from teams.models.resources import language_name
from teams.partial_dates import HOW_TO_TYPE, parse_partial_date
from teams.services import SUGGESTED_FIELDS
from teams.services.resources import check_resource
from teams.web_addresses import same_page_key, web_host

# Most spoken around Chicago; a resource keeps another one that it has.
LANGUAGES = (
    "en", "es", "pl", "zh-hans", "zh-hant", "ar", "fr", "hi", "ko", "pt", "ru", "uk", "ur", "vi",
)  # fmt: skip
# Of rapidfuzz's token_set_ratio; 100 is all words of the shorter title.
MIN_SIMILARITY = 80
MAX_RESOURCES_OFFERED = 5
OF_RECORDINGS = {"captions", "transcript_url"}


class PartialDateField(CleanFormField):
    """A year, a month or a day, as people type it."""

    def prepare_value(self, value: Any) -> Any:
        """Return a stored date in words; what was entered as it is."""
        return Resource(published_on=value).published_in_words if value else value

    def clean(self, value: Any) -> Any:
        """Return the date as it is stored; empty if nothing was entered."""
        typed = super().clean(value)
        return parse_partial_date(typed) if typed else ""


class MeetingField(forms.ModelChoiceField[Meeting]):
    """A meeting, with its day."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj} ({obj.day:%b} {obj.day.day}, {obj.day.year})"


class ResourceForm(VersionedForm[Resource]):
    """A resource as facilitators add and change it."""

    # Set by the class that is made for a page.
    staff: ClassVar[Member]

    url = WebAddressField(label="Address", max_length=600)
    published_on = PartialDateField(
        label="Published", max_length=30, required=False, help_text=HOW_TO_TYPE
    )
    language = forms.ChoiceField(initial="en")
    transcript_url = WebAddressField(
        label="Address of the transcript", max_length=600, required=False
    )
    # The other resource with this address that the page has named.
    named = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Resource
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        resource = self.instance
        own = ActionTeam.objects.facilitated_by(self.staff)
        self.before: list[ActionTeam] = list(resource.teams.all()) if resource.pk else []
        own_keys = {team.pk for team in own}
        self.other_teams = [team for team in self.before if team.pk not in own_keys]
        self.meeting_before = resource.meeting
        self.fields["teams"] = ModelMultipleChoiceField(
            own.order_by("position", "name"),
            required=False,
            widget=forms.CheckboxSelectMultiple,
            help_text="Leave this empty to share it with all teams.",
        )
        if "meeting" in self.fields:
            self._offer_meetings()
        codes = dict.fromkeys([*LANGUAGES, resource.language])
        language = cast(forms.ChoiceField, self.fields["language"])
        names = {code: language_name(code) for code in codes}
        language.choices = [(code, names[code]) for code in sorted(names, key=lambda c: names[c])]
        self.fields["summary"].widget.attrs["rows"] = 4
        if "captions" in self.fields:
            self.fields["captions"].help_text = "For recordings only."
        if resource.pk:
            newest = resource.history.values_list("history_id", flat=True).first()
            self.initial = {**self.initial, "version": str(newest or "")}

    def _offer_meetings(self) -> None:
        meetings = Meeting.objects.editable_by(self.staff)
        if self.meeting_before:
            meetings = Meeting.objects.filter(
                Q(pk__in=meetings.order_by().values("pk")) | Q(pk=self.meeting_before.pk)
            )
        self.fields["meeting"] = MeetingField(
            meetings.defer("agenda", "minutes"),
            required=False,
            empty_label="None",
            help_text="If it belongs to a meeting, as a recording does. It is then on its page.",
        )

    def clean(self) -> dict[str, Any]:
        """Return the fields with all teams. Refuses what someone has changed meanwhile; names
        another resource with the same address once."""
        cleaned = super().clean() or self.cleaned_data
        cleaned["teams"] = [*cleaned.get("teams", ()), *self.other_teams]
        self.refuse_unseen_changes()
        self._name_duplicate(cleaned)
        return cleaned

    def _name_duplicate(self, cleaned: dict[str, Any]) -> None:
        url = cleaned.get("url", "")
        if not url or (self.instance.pk and url == self.instance.url):
            return
        duplicate = next(iter(same_page(url, self.staff, besides=self.instance)), None)
        if duplicate and str(duplicate.pk) != cleaned.get("named"):
            self.add_error("url", describe_duplicate(duplicate))
            self.show_again("named", str(duplicate.pk))

    def _post_clean(self) -> None:
        """Check the whole as the services will, so that nothing that was entered is lost."""
        super()._post_clean()  # type: ignore[misc]  # Django's, without a type
        if self.errors:
            return
        try:
            check_resource(
                self.instance,
                self.cleaned_data["teams"],
                by=self.staff,
                before=self.before,
                meeting_before=self.meeting_before,
            )
        except Refused as refusal:
            self.add_error(None, str(refusal))

    def values(self) -> dict[str, Any]:
        """Return the valid fields of the resource by name, without its teams."""
        columns = {field.name for field in Resource._meta.concrete_fields}
        return {name: value for name, value in self.cleaned_data.items() if name in columns}


def same_page(url: str, staff: Member, *, besides: Resource) -> list[Resource]:
    """Return the resources at the page `url`, however its address is written, that `staff` may
    know of: current ones first."""
    key = same_page_key(url)
    every = Resource.objects.order_by()
    known = Q(pk__in=every.visible_to(staff).values("pk"))
    known |= Q(pk__in=every.editable_by(staff).values("pk"))
    candidates = Resource.objects.filter(known, url__icontains=web_host(url)).exclude(pk=besides.pk)
    found = [each for each in candidates if same_page_key(each.url) == key]
    return sorted(found, key=lambda each: each.is_archived)


def describe_duplicate(resource: Resource) -> SafeString:
    """Return a sentence about a resource that has this address already."""
    return format_html(
        'This page is {} in the library: <a href="{}">{}</a>. Save again to add it anyway.',
        "archived" if resource.is_archived else "already",
        reverse("admin:teams_resource_change", args=[resource.pk]),
        resource,
    )


class PublishForm(ResourceForm):
    """What becomes of a suggestion: a new resource, or one that the library has already."""

    resource = forms.ChoiceField(
        label="In the library already?",
        required=False,
        help_text="If it is one of these, choose it and leave the rest as it is.",
    )
    field_order = (
        "resource", "kind", "title", "url", "summary", "publisher", "published_on", "language",
        "teams", "audience", "captions", "transcript_url",
    )  # fmt: skip

    class Meta:
        model = Resource
        fields = SUGGESTED_FIELDS

    def __init__(
        self, data: Any = None, *, suggestions: Sequence[ResourceSuggestion], **kwargs: Any
    ) -> None:
        suggestion, self.is_single = suggestions[0], len(suggestions) == 1
        initial = {
            "title": suggestion.title,
            "url": suggestion.url,
            "summary": suggestion.text,
            "resource": "",
            "teams": [],
        }
        super().__init__(data, initial=initial, label_suffix="", **kwargs)
        kind = cast(forms.ChoiceField, self.fields["kind"])
        kind.required, kind.choices = False, [("", "Choose"), *Resource.Kind.choices]
        self.fields["title"].error_messages["required"] = "Enter the title"
        self.order_fields(self.field_order)
        offered = similar_resources(suggestion, self.staff)
        if offered:
            choices = [("", "No, it is new"), *((str(each.pk), str(each)) for each in offered)]
            cast(forms.ChoiceField, self.fields["resource"]).choices = choices
        else:
            del self.fields["resource"]

    @property
    def first_fields(self) -> list[forms.BoundField]:
        """What is asked of every resource."""
        return [each for each in self.visible_fields() if each.name not in OF_RECORDINGS]

    @property
    def folded_fields(self) -> list[forms.BoundField]:
        """What only recordings have."""
        return [each for each in self.visible_fields() if each.name in OF_RECORDINGS]

    def clean(self) -> dict[str, Any]:
        """Return the fields. Refuses several suggestions at once."""
        if not self.is_single:
            raise ValidationError("Publish one suggestion at a time.")
        if self.cleaned_data.get("resource"):
            return self.cleaned_data
        if not self.cleaned_data.get("kind") and "kind" not in self.errors:
            self.add_error("kind", "Choose what kind of resource it is.")
        return super().clean()

    def _post_clean(self) -> None:
        """Check the whole, and make it ready for JSON."""
        if not self.cleaned_data.get("resource"):
            super()._post_clean()
        teams = self.cleaned_data.get("teams", ())
        self.cleaned_data["teams"] = [team.pk for team in teams]


def similar_resources(suggestion: ResourceSuggestion, staff: Member) -> list[Resource]:
    """Return the current resources of `staff` that may be what was suggested: those at the same
    page, and those with nearly the same title."""
    current = Resource.objects.editable_by(staff).current().only("title", "url")
    resources = {each.pk: each for each in current}
    key = same_page_key(suggestion.url)
    at_page = [each for each in resources.values() if same_page_key(each.url) == key]
    matches = process.extract(
        _comparable(suggestion.title),
        {pk: _comparable(each.title) for pk, each in resources.items()},
        scorer=fuzz.token_set_ratio,
        score_cutoff=MIN_SIMILARITY,
        limit=MAX_RESOURCES_OFFERED,
    )
    alike = [resources[pk] for _, _, pk in matches]
    return list(dict.fromkeys([*at_page, *alike]))[:MAX_RESOURCES_OFFERED]


def _comparable(text: str) -> str:
    return utils.default_process(fold(text))
