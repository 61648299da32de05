"""The desk's lists of target areas and of the surveys about them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core import signing
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString

from desk.actions.base import ActionAdmin
from desk.actions.bulk_action import ActionWithReason
from desk.changelist import DeskModelAdmin, badge, counted, only_team, require_staff, team_tag
from desk.changelist.filters import TeamFilter
from desk.imports.area_figures import AreaFigures, read_area_figures
from desk.imports.file_check import FileCheck
from desk.imports.views import UploadForm
from desk.records.choose_areas import ChooseAreas
from members.dates import long_date, short_date
from members.services import Refused
from members.text_fields import CleanFormField
from teams.areas import all_areas, chicago
from teams.forms import WebAddressField
from teams.models import (
    TargetArea,
    TargetAreaQuerySet,
    UnemploymentSurvey,
)
from teams.services.areas import AreaRate, store_figures

# Of percent: larger changes since the last survey are listed.
LARGE_CHANGE = Decimal(5)
CHECKED_SALT = "desk.records.areas"
CHECKED_SECONDS = 24 * 3600
# Of the rows of a file, on the page that checks it.
ROWS_SHOWN = 20
# Of the areas that a file lacks, by name.
MISSING_NAMED = 12


class EndTarget(ActionWithReason[TargetArea]):
    """The end of a target."""

    model = TargetArea
    name, label, title = "end", "End", "End {}"
    nouns = ("target area", "target areas")
    description = "The map will no longer mark it. Its page will still say when it was a target."
    reason_help = "One sentence. Everyone can read it on the page of the area."
    max_reason_length = 300
    prepared_reasons = (
        "The goal for this area is reached.",
        "The newest figures no longer show a higher concentration of unemployment there.",
        "The team concentrates on fewer areas.",
    )

    def is_available(self, target: TargetArea) -> bool:
        return target.ended_on is None

    def preview_data(self, form: forms.Form) -> None:
        """Return None: it sends no email and changes nothing but the map."""


class StateFilter(admin.SimpleListFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Current targets"), ("ended", "Ended")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[TargetArea]
    ) -> QuerySet[TargetArea]:
        targets = cast("TargetAreaQuerySet", queryset)
        if self.value() == "open":
            return targets.open()
        return targets.exclude(ended_on=None) if self.value() == "ended" else targets


class TargetAreaAdmin(ActionAdmin[TargetArea]):
    """The target areas of one's own teams. They are chosen for a team, and ended here."""

    can_change = False
    add_words = "Choose target areas"
    bulk_actions = [EndTarget()]
    list_display = ["name", "team_tag", "since_day", "why", "state"]
    list_display_links = ["name"]
    list_filter = [StateFilter, TeamFilter]
    list_select_related = ["team"]
    search_fields = ["why", "ended_why"]
    ordering = ["ended_on", "team", "-since"]
    export_columns = [
        ("Area number", "area_code"), ("Area", "area"), ("Team", "team"), ("Since", "since"),
        ("Why", "why"), ("Chosen by", "chosen_by"), ("Ended", "ended_on"),
        ("Why it ended", "ended_why"),
    ]  # fmt: skip
    fields = ["name", "team", "since", "why", "chosen_by", "state", "ended_why"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[TargetArea]:
        targets = TargetArea.objects.editable_by(require_staff(request))
        return targets.select_related("team", "chosen_by")

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Go to the page that chooses areas for a team; with several teams, to their list first."""
        if team := only_team(request):
            return HttpResponseRedirect(ChooseAreas().record_url(team.pk))
        messages.info(request, "Open the team, then press “Choose target areas”.")
        return HttpResponseRedirect(reverse("admin:teams_actionteam_changelist"))

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return obj.area.get_absolute_url() if isinstance(obj, TargetArea) else None

    @admin.display(description="area", ordering="area_code")
    def name(self, target: TargetArea) -> str:
        return str(target.area)

    @admin.display(description="team", ordering="team")
    def team_tag(self, target: TargetArea) -> SafeString:
        return team_tag(target.team)

    @admin.display(description="since", ordering="since")
    def since_day(self, target: TargetArea) -> str:
        return short_date(target.since)

    @admin.display(description="state", ordering="ended_on")
    def state(self, target: TargetArea) -> SafeString:
        if target.ended_on:
            return badge("closed", f"Ended {short_date(target.ended_on)}")
        return badge("new", "Target")


class SurveyForm(UploadForm):
    """A file of figures, and where they are from."""

    name = CleanFormField(
        label="Survey",
        max_length=100,
        initial="American Community Survey, 5-year estimates",
    )
    first_year = forms.IntegerField(
        label="First year", min_value=1990, max_value=2100, help_text="For example, 2020."
    )
    last_year = forms.IntegerField(label="Last year", min_value=1990, max_value=2100)
    source = CleanFormField(
        label="Source",
        max_length=200,
        initial="Chicago Metropolitan Agency for Planning, Community Data Snapshots",
        help_text="Who published the file, and its title, so that people can find it.",
    )
    source_url = WebAddressField(label="Address of the source", required=False, max_length=600)
    city_rate = forms.DecimalField(
        label="Rate for Chicago overall, in percent",
        required=False,
        min_value=0,
        max_value=100,
        decimal_places=1,
        help_text="Leave this empty if the file has numbers of people for all 77 areas. We then "
        "calculate it.",
    )
    field_order = [
        "file", "name", "first_year", "last_year", "source", "source_url", "city_rate",
    ]  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Refuse years in the wrong order."""
        first, last = self.cleaned_data.get("first_year"), self.cleaned_data.get("last_year")
        if first and last and first > last:
            self.add_error("last_year", "The last year is before the first one. Check both years.")
        return self.cleaned_data


class UnemploymentSurveyAdmin(DeskModelAdmin[UnemploymentSurvey]):
    """The surveys with figures about areas: imported, and read on the public pages."""

    can_change = False
    add_words = "Import figures"
    list_display = ["years", "name", "city_rate_shown", "number", "source", "imported"]
    ordering = ["-last_year"]
    fields = ["name", "years", "source", "source_url", "city_rate_shown", "number", "imported"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[UnemploymentSurvey]:
        surveys = UnemploymentSurvey.objects.annotate(number_of_areas=Count("figures"))
        return surveys.select_related("imported_by")

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Take a file (GET, POST), say what it holds, and store it when that is confirmed (POST
        with `checked`)."""
        if request.method == "POST" and "checked" in request.POST:
            return self._store(request, request.POST["checked"])
        form = SurveyForm(
            request.POST if request.method == "POST" else None,
            request.FILES if request.method == "POST" else None,
        )
        if request.method == "POST" and form.is_valid():
            try:
                figures = read_area_figures(form.cleaned_data["file"])
            except Refused as refusal:
                form.add_error("file", str(refusal))
            else:
                figures.city_rate = form.cleaned_data["city_rate"] or figures.city_rate
                if figures.rates and figures.city_rate is None:
                    form.add_error(
                        "city_rate",
                        "Enter the rate: the file lacks the numbers of people of some areas.",
                    )
                else:
                    return self._check_page(request, form, figures)
        return self._page(request, "admin/teams/unemploymentsurvey/import.html", form=form)

    def _check_page(
        self, request: HttpRequest, form: SurveyForm, figures: AreaFigures
    ) -> HttpResponse:
        """Return the page that says in words what would be stored."""
        data = form.cleaned_data
        about = {
            name: data[name] for name in ("name", "first_year", "last_year", "source", "source_url")
        }
        survey = UnemploymentSurvey(city_rate=figures.city_rate or 0, **about)
        checked = {
            **about,
            "city_rate": str(figures.city_rate),
            "rates": [
                [each.area.code, str(each.rate), each.unemployed, each.labor_force]
                for each in figures.rates
            ],
        }
        rates = figures.rates
        can_store = rates and not figures.errors
        check = FileCheck(
            effects=f"This will store the {'rates' if len(rates) > 1 else 'rate'} for "
            f"{counted(len(rates), 'area', 'areas')}: {survey}. "
            f"Chicago overall: {survey.city_rate}%.",
            button="Store the figures",
            token=signing.dumps(checked, salt=CHECKED_SALT, compress=True) if can_store else "",
            errors=figures.errors,
            notes=figures.notes,
            warnings=_warnings(survey, rates) if can_store else [],
            lists=[
                (
                    f"Changes of more than {LARGE_CHANGE} points since the last survey",
                    _large_changes(survey, rates),
                )
            ],
            columns=("Area", "Rate", "Out of work", "Labor force"),
            rows=[_table_row(each) for each in rates[:ROWS_SHOWN]],
            unlisted=max(len(rates) - ROWS_SHOWN, 0),
        )
        return self._page(request, "admin/file_check.html", check=check)

    def _store(self, request: HttpRequest, token: str) -> HttpResponse:
        try:
            checked = signing.loads(token, salt=CHECKED_SALT, max_age=CHECKED_SECONDS)
        except signing.BadSignature:
            messages.error(
                request, "This check is over a day old. Nothing was stored. Upload the file again."
            )
            return HttpResponseRedirect(reverse("admin:teams_unemploymentsurvey_add"))
        rates = [
            AreaRate(all_areas()[code], Decimal(rate), unemployed, labor_force)
            for code, rate, unemployed, labor_force in checked.pop("rates")
        ]
        checked["city_rate"] = Decimal(checked["city_rate"])
        survey = store_figures(UnemploymentSurvey(**checked), rates, by=require_staff(request))
        messages.success(
            request,
            f"Stored: {counted(len(rates), 'area', 'areas')}, {survey}. The map shows the newest "
            "survey; older ones stay on the pages of the areas.",
        )
        return HttpResponseRedirect(reverse("admin:teams_unemploymentsurvey_changelist"))

    def _page(self, request: HttpRequest, template: str, **context: Any) -> HttpResponse:
        upload_url = reverse("admin:teams_unemploymentsurvey_add")
        return self.render_page(request, template, self.add_words, upload_url=upload_url, **context)

    @admin.display(description="Chicago overall", ordering="city_rate")
    def city_rate_shown(self, survey: UnemploymentSurvey) -> str:
        return f"{survey.city_rate}%"

    @admin.display(description="areas")
    def number(self, survey: UnemploymentSurvey) -> int:
        # Annotated by get_queryset.
        number: int = survey.number_of_areas  # type: ignore[attr-defined]
        return number

    @admin.display(description="imported")
    def imported(self, survey: UnemploymentSurvey) -> str:
        return f"{long_date(survey.imported_at)}, by {survey.imported_by}"


def _table_row(each: AreaRate) -> tuple[object, ...]:
    """Return the cells of an area in the table of what will be stored."""
    counts = (each.unemployed, each.labor_force)
    return (
        each.area,
        f"{each.rate}%",
        *("not given" if number is None else f"{number:,}" for number in counts),
    )


def _warnings(survey: UnemploymentSurvey, rates: Sequence[AreaRate]) -> list[str]:
    """Return what to look at before storing: figures that would be replaced, areas without one."""
    warnings = []
    replaced = UnemploymentSurvey.objects.filter(last_year=survey.last_year).first()
    if replaced:
        warnings.append(
            f"Figures for {replaced.years} were imported on {long_date(replaced.imported_at)}. "
            "They will be replaced."
        )
    present = {each.area for each in rates}
    areas = chicago().areas
    missing = [str(area) for area in areas if area not in present]
    if missing:
        named = [*missing[:MISSING_NAMED], *(["…"] if len(missing) > MISSING_NAMED else [])]
        warnings.append(
            f"{len(missing)} of the {len(areas)} community areas "
            f"{'is' if len(missing) == 1 else 'are'} missing: {', '.join(named)}"
        )
    return warnings


def _large_changes(survey: UnemploymentSurvey, rates: Sequence[AreaRate]) -> list[str]:
    """Return the areas whose rate differs by more than LARGE_CHANGE from the newest survey of other
    years: "37 Fuller Park: 23.9% to 31.0%"."""
    others = UnemploymentSurvey.objects.exclude(last_year=survey.last_year)
    before = others.first()
    if before is None:
        return []
    known = {each.area_code: each.rate for each in before.figures.all()}
    return [
        f"{each.area}: {known[each.area.code]}% to {each.rate}%"
        for each in rates
        if each.area.code in known and abs(each.rate - known[each.area.code]) > LARGE_CHANGE
    ]
