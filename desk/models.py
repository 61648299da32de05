"""What the desk itself stores: exported lists, imported files with what they brought, and
selections of records to decide about."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from members.models import Decision, Member, MemberQuerySet

SELECTION_LIFETIME = timedelta(days=1)
# From the end of an import on.
TAKE_BACK_WINDOW = timedelta(days=14)


class Export(models.Model):
    """A list that left the portal as a file: which, by whom, how many rows, when."""

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        XLSX = "xlsx", "XLSX"

    by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    # The title of the list: "Memberships".
    what = models.CharField(max_length=100)
    # What it was narrowed to, in words.
    filters = models.CharField(max_length=500, blank=True)
    file_format = models.CharField("format", max_length=4, choices=Format.choices)
    # Those that left so far.
    rows = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField("when", default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="desk_export_format_known", condition=Q(file_format__in=["csv", "xlsx"])
            )
        ]

    def __str__(self) -> str:
        return f"{self.what}, {self.rows} rows"


class ImportQuerySet(models.QuerySet["Import"]):
    def visible_to(self, staff: Member) -> ImportQuerySet:
        """Return the imports of `staff`; for administrators those of all."""
        return self if staff.is_superuser else self.filter(by=staff)

    def carried_out(self) -> ImportQuerySet:
        """Return those that have stored something, whatever became of it since."""
        return self.filter(state__in=[Import.State.DONE, Import.State.TAKEN_BACK])

    def pending(self) -> ImportQuerySet:
        """Return those that are to be checked or imported."""
        return self.filter(state__in=[Import.State.CHECKING, Import.State.RUNNING])


class Import(models.Model):
    """A file of members or organizations: checked, imported, and perhaps taken back."""

    class Kind(models.TextChoices):
        MEMBERS = "members", "Members"
        ORGANIZATIONS = "organizations", "Organizations"

    class State(models.TextChoices):
        CHECKING = "checking", "Being checked"
        CHECKED = "checked", "Checked, not imported"
        RUNNING = "running", "Being imported"
        DONE = "done", "Imported"
        FAILED = "failed", "Not imported"
        TAKEN_BACK = "taken_back", "Taken back"

    by = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=13, choices=Kind.choices)
    file_name = models.CharField("file", max_length=255)
    state = models.CharField(max_length=10, choices=State.choices, default=State.CHECKED)
    # What the importer chose.
    send_email = models.BooleanField(default=False)
    # The table, how it was read, and what its check found. They name people: emptied when they are
    # stored, and a day after the upload.
    rows = models.JSONField(default=list, blank=True)
    notes = models.JSONField(default=list, blank=True)
    report = models.JSONField(default=dict, blank=True)
    # Numbers of rows, each with the column of a cell that stays as it is after a question.
    confirmed_cells = models.JSONField(default=list, blank=True)
    # The rows that the importer leaves out, each with what is wrong with it.
    left_out = models.JSONField(default=list, blank=True)
    # Of the check: who has an older one on the screen does not confirm this one.
    version = models.PositiveIntegerField(default=1)
    # The emails that it queued, by key: those that still wait go when it is taken back.
    email_ids = models.JSONField(default=list, blank=True)
    row_count = models.PositiveIntegerField("rows", default=0)
    # When the mail worker may check or import it; a small one is first the request's own.
    run_after = models.DateTimeField(default=timezone.now)
    # How often a process has begun with it; those before the last were killed.
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField("when", default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    taken_back_at = models.DateTimeField(null=True, blank=True)
    taken_back_by = models.ForeignKey(
        Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = ImportQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="desk_import_kind_known",
                condition=Q(kind__in=["members", "organizations"]),
            ),
            models.CheckConstraint(
                name="desk_import_state_known",
                condition=Q(
                    state__in=["checking", "checked", "running", "done", "failed", "taken_back"]
                ),
            ),
            models.CheckConstraint(
                name="desk_import_done_carries_time",
                condition=~Q(state__in=["done", "taken_back"]) | Q(finished_at__isnull=False),
            ),
            models.CheckConstraint(
                name="desk_import_taken_back_at_and_by",
                condition=Q(
                    state="taken_back", taken_back_at__isnull=False, taken_back_by__isnull=False
                )
                | (~Q(state="taken_back") & Q(taken_back_at=None, taken_back_by=None)),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["by", "-id"], name="desk_import_by_person"),
            # What the mail worker looks for every second.
            models.Index(
                fields=["id"],
                name="desk_import_pending",
                condition=Q(state__in=["checking", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file_name}, {self.row_count} rows"

    @property
    def is_pending(self) -> bool:
        """Return whether it is to be checked or imported."""
        return self.state in {self.State.CHECKING, self.State.RUNNING}

    @property
    def take_back_until(self) -> datetime | None:
        """Return when taking it back ends; None if it has stored nothing."""
        return self.finished_at + TAKE_BACK_WINDOW if self.finished_at else None

    @property
    def can_be_taken_back(self) -> bool:
        until = self.take_back_until
        in_time = until is not None and timezone.now() < until
        return self.state == self.State.DONE and in_time

    @property
    def new_people(self) -> MemberQuerySet:
        """Return those who have their account by it."""
        members = self.records.filter(model_label="members.member", before__isnull=True)
        people: MemberQuerySet = Member.objects.filter(pk__in=members.values("object_id"))
        return people

    @property
    def people(self) -> MemberQuerySet:
        """Return those who have an account or a membership by it."""
        memberships = self.records.filter(model_label="teams.membership").values("object_id")
        joined = Member.objects.filter(memberships__in=memberships)
        people: MemberQuerySet = Member.objects.filter(
            Q(pk__in=self.new_people.values("pk")) | Q(pk__in=joined.values("pk"))
        )
        return people

    def brought(self, model: type[models.Model]) -> list[int]:
        """Return the keys of the records of `model` that the import created or changed."""
        records = self.records.filter(model_label=model._meta.label_lower)
        return list(records.order_by("pk").values_list("object_id", flat=True))


class ImportedRecord(models.Model):
    """A member, membership, organization or email domain that an import created or changed."""

    class Outcome(models.TextChoices):
        """What became of it when the import was taken back."""

        NONE = "", "Not taken back"
        TAKEN_BACK = "taken_back", "Taken back"
        KEPT = "kept", "Kept"

    source = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="records")
    # "teams.membership"
    model_label = models.CharField(max_length=50)
    object_id = models.BigIntegerField()
    # The fields that the import changed, as they were; of a record that it created null.
    before = models.JSONField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "model_label", "object_id"],
                name="desk_importedrecord_once_per_import",
            ),
            models.CheckConstraint(
                name="desk_importedrecord_outcome_known",
                condition=Q(outcome__in=["", "taken_back", "kept"]),
            ),
        ]
        indexes: ClassVar = [
            # Who was imported, of any list of people.
            models.Index(fields=["model_label", "object_id"], name="desk_importedrecord_object")
        ]

    def __str__(self) -> str:
        return f"{self.model_label} {self.object_id} of {self.source}"


class SelectionQuerySet(models.QuerySet["Selection"]):
    def of(self, member: Member) -> SelectionQuerySet:
        """Return the selections that `member` made."""
        return self.filter(by=member)


class Selection(models.Model):
    """The records that someone ticked in a list, kept until an action on them is decided."""

    by = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="+")
    # As of the list: "teams.membership".
    model_label = models.CharField(max_length=50)
    object_ids = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)
    # What the selection led to: submitting its page again does not decide again.
    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, null=True, related_name="+")

    objects = SelectionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"{len(self.object_ids)} records of {self.model_label}"

    @property
    def is_expired(self) -> bool:
        """Return whether the list may look very different now."""
        return timezone.now() > self.created_at + SELECTION_LIFETIME
