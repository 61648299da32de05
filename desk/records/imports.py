"""The list and the records of imports: what each brought, and taking it back."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, Q, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from desk.actions.base import MAX_DECISION_ROWS
from desk.actions.bulk_action import IMPORT_ORIGIN, ORIGIN_PARAM
from desk.changelist import DeskModelAdmin, badge, require_staff
from desk.imports.taking_back import (
    KeysByModel,
    Outcome,
    brought_by,
    preview_take_back,
    take_back,
)
from desk.models import Import, ImportedRecord, ImportQuerySet, Selection
from members.dates import short_date
from members.models import EmailDomain, Member, Organization
from members.services import Refused
from members.wording import counted
from teams.models import Invitation, Membership
from teams.services import visible_members

RECORDS_PER_PAGE = 100
MAX_KEPT_LISTED = 50
# To a member, newest first.
INVITATIONS_OF = Invitation.objects.filter(role=Invitation.Role.MEMBER, email=OuterRef("email"))
BADGES = {Import.State.DONE: "confirmed", Import.State.TAKEN_BACK: "closed"}
ONLY_KIND = Q(before={"kind": ""})
# What the import did to records of each model.
LABELS = {
    "created": {
        "members.member": "New accounts",
        "teams.membership": "New memberships",
        "members.organization": "New organizations",
        "members.emaildomain": "New email domains",
    },
    "changed": {
        "members.member": "People confirmed",
        "teams.membership": "Requests approved",
        "members.organization": "Waiting organizations recognized",
    },
    "given a kind": {"members.organization": "Organizations given a kind"},
}


class ImportAdmin(DeskModelAdmin[Import]):
    """One's own imports; administrators see those of all."""

    can_add = can_change = False
    list_display = ["file_name", "kind", "by", "imported", "number", "state_badge", "until"]
    list_filter = ["kind"]
    list_select_related = ["by"]
    search_fields = ["file_name", "by__full_name", "by__email"]
    search_help_text = "Search by file or by who imported it."
    ordering = ["-pk"]

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/take-back/", wrap(self.take_back_view), name="desk_import_take_back"),
            path("<int:pk>/invite/", wrap(self.invite_view), name="desk_import_invite"),
        ] + [
            url
            for url in super().get_urls()
            if (url.name or "").endswith(("_changelist", "_change"))
        ]

    def get_queryset(self, request: HttpRequest) -> ImportQuerySet:
        imports = Import.objects.visible_to(require_staff(request)).carried_out()
        return imports.select_related("by", "taken_back_by")

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Return what the import brought, and what became of it when it was taken back."""
        record = self._get_import(request, object_id)
        staff = require_staff(request)
        records = (
            Organization.objects.filter(pk__in=record.brought(Organization)).order_by("name")
            if record.kind == Import.Kind.ORGANIZATIONS
            else (record.people & visible_members(staff))
            .filter(closed_at=None)
            .annotate(invited_at=Subquery(INVITATIONS_OF.values("sent_at")[:1]))
            .order_by("full_name", "email")
        )
        kept = brought_by(record, Outcome.KEPT)
        context = {
            "record": record,
            "counts": _counts(record),
            "page": Paginator(records, RECORDS_PER_PAGE).get_page(request.GET.get("page")),
            "kept": _kept_context(kept, staff),
            "invitable": len(self._invitable(record, staff)),
        }
        page = "admin/desk/import/record.html"
        return self.render_page(request, page, record.file_name, **context)

    def invite_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Open the page that invites the imported people who have neither signed in nor been
        invited (POST); it says what will happen, and sends nothing."""
        record = self._get_import(request, str(pk))
        staff = require_staff(request)
        keys = self._invitable(record, staff)
        if request.method != "POST" or not keys:
            return self._redirect(record)
        selection = Selection.objects.create(
            by=staff, model_label=Member._meta.label_lower, object_ids=keys
        )
        url = reverse("admin:members_member_invite_selection", args=[selection.pk])
        return HttpResponseRedirect(f"{url}?{ORIGIN_PARAM}={IMPORT_ORIGIN}{record.pk}")

    def _invitable(self, record: Import, staff: Member) -> list[int]:
        """Return the keys of at most MAX_DECISION_ROWS of the people that `record` brought, whom
        `staff` sees, and who have neither signed in nor been invited."""
        if record.kind != Import.Kind.MEMBERS or record.taken_back_at:
            return []
        invited = Invitation.objects.filter(role=Invitation.Role.MEMBER).values("email")
        people = (record.people & visible_members(staff)).filter(last_login=None, is_active=True)
        keys = people.exclude(email__in=invited).order_by("pk").values_list("pk", flat=True)
        return list(keys[:MAX_DECISION_ROWS])

    def take_back_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say what taking the import back would do (GET), or do it (POST)."""
        record = self._get_import(request, str(pk))
        staff = require_staff(request)
        try:
            if request.method == "POST":
                take_back(record, by=staff, end_used="end_used" in request.POST)
                messages.success(request, f"The import of {record.file_name} has been taken back.")
                return self._redirect(record)
            preview = preview_take_back(record, by=staff)
        except Refused as refusal:
            messages.warning(request, str(refusal))
            return self._redirect(record)
        kept = _kept_context(preview.kept, staff)
        page, title = "admin/desk/import/take_back.html", f"Take back {record.file_name}"
        return self.render_page(request, page, title, record=record, preview=preview, kept=kept)

    def _get_import(self, request: HttpRequest, object_id: str) -> Import:
        record = self.get_object(request, object_id)
        if record is None:
            raise Http404
        return record

    def _redirect(self, record: Import) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:desk_import_change", args=[record.pk]))

    @admin.display(description="when", ordering="finished_at")
    def imported(self, record: Import) -> str:
        return short_date(record.finished_at) if record.finished_at else ""

    @admin.display(description="rows", ordering="row_count")
    def number(self, record: Import) -> str:
        return counted(record.row_count, "row", "rows")

    @admin.display(description="state", ordering="state")
    def state_badge(self, record: Import) -> str:
        return badge(BADGES[Import.State(record.state)], record.get_state_display())

    @admin.display(description="can be taken back", empty_value="")
    def until(self, record: Import) -> str | None:
        until = record.take_back_until
        return f"until {short_date(until)}" if until and record.can_be_taken_back else None


def _counts(record: Import) -> list[dict[str, Any]]:
    """Return how many records of each kind the import brought, and what became of them."""
    changed = record.records.filter(before__isnull=False)
    groups = {
        "created": record.records.filter(before__isnull=True),
        "changed": changed.exclude(ONLY_KIND),
        "given a kind": changed.filter(ONLY_KIND),
    }
    counts = []
    for group, records in groups.items():
        by_model = records.order_by("model_label").values("model_label")
        for row in by_model.annotate(
            number=Count("pk"),
            taken_back=Count("pk", filter=Q(outcome=ImportedRecord.Outcome.TAKEN_BACK)),
            kept=Count("pk", filter=Q(outcome=ImportedRecord.Outcome.KEPT)),
        ):
            counts.append({"label": LABELS[group][row["model_label"]], **row})
    return counts


def _kept_context(kept: KeysByModel, staff: Member) -> dict[str, Any]:
    """Return the records with these keys that `staff` sees, for a list of what stays."""
    memberships = Membership.objects.filter(pk__in=kept[Membership])
    people = Member.objects.filter(Q(pk__in=kept[Member]) | Q(pk__in=memberships.values("member")))
    # The others are counted.
    visible = (people & visible_members(staff)).order_by("full_name", "email")
    shown = list(visible[:MAX_KEPT_LISTED])
    domains = EmailDomain.objects.filter(pk__in=kept[EmailDomain])
    organizations = Organization.objects.filter(
        Q(pk__in=kept[Organization]) | Q(pk__in=domains.values("organization"))
    )
    return {
        "people": shown,
        "more_people": people.count() - len(shown),
        "organizations": organizations.order_by("name")[:MAX_KEPT_LISTED],
        "more_organizations": max(0, organizations.count() - MAX_KEPT_LISTED),
    }
