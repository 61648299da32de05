"""The import of a list of topics: upload a file, read what it would do, press once to do it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core import signing
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.text import Truncator

from desk.changelist import counted, own_teams, require_staff
from desk.imports.file_check import FileCheck
from desk.imports.topics import TopicList, read_topics
from desk.imports.views import UploadForm
from desk.records.submissions import SubmissionAdmin
from members.history.changesets import ChangeSource, change_source
from members.models import Member
from members.services import Refused
from members.text_fields import CleanFormField
from teams.models import ActionTeam, Topic
from teams.services.topics import add_topic

TITLE = "Import topics"
CHECKED_SALT = "desk.records.topics"
CHECKED_SECONDS = 24 * 3600


class ListForm(UploadForm):
    """The file, and why its topics are here."""

    why = CleanFormField(
        label="Where the list is from",
        max_length=300,
        help_text="One sentence. Everyone reads it on the page of each topic, but for those that "
        "have a sentence of their own in the file, under Why.",
        error_messages={"required": "Say in one sentence where the list is from."},
    )


class TopicImportAdmin(SubmissionAdmin[Topic]):
    """A list of topics that a file can be imported into."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.import_view)
        return [path("import/", view, name="teams_topic_import"), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, with the way to the import."""
        url = reverse("admin:teams_topic_import")
        return super().changelist_view(request, {"import_url": url, **(extra_context or {})})

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Take a file (GET, POST), say what would become of each row, and add its topics when that
        is confirmed (POST with `checked`)."""
        if request.method == "POST" and "checked" in request.POST:
            return self._store(request, request.POST["checked"])
        is_sent = request.method == "POST"
        form = ListForm(request.POST if is_sent else None, request.FILES if is_sent else None)
        if is_sent and form.is_valid():
            try:
                topic_list = read_topics(form.cleaned_data["file"], list(own_teams(request)))
            except Refused as refusal:
                form.add_error("file", str(refusal))
            else:
                return self._check_page(request, topic_list, form.cleaned_data["why"])
        return self._page(request, "admin/teams/topic/import.html", form=form)

    def _check_page(self, request: HttpRequest, topic_list: TopicList, why: str) -> HttpResponse:
        """Return the page that says in words what would be added, and what would not."""
        rows = [
            [each.title, each.summary, each.state, each.team and each.team.pk, each.why or why]
            for each in topic_list.topics
        ]
        number = counted(len(rows), "topic", "topics")
        can_store = rows and not topic_list.errors
        check = FileCheck(
            effects=f"This will add {number} for everyone to read: {topic_list.in_words}."
            if rows
            else "The file holds nothing new.",
            button="Add the topics",
            token=signing.dumps(rows, salt=CHECKED_SALT, compress=True) if can_store else "",
            errors=topic_list.errors,
            notes=topic_list.notes,
            lists=[("Here already, and left unchanged", topic_list.existing)],
            columns=("Title", "Summary", "State", "Focus area", "Why"),
            rows=[
                (
                    each.title,
                    Truncator(each.summary).words(30) or "none",
                    each.state_label,
                    each.team or "none",
                    each.why or why,
                )
                for each in topic_list.topics
            ],
        )
        return self._page(request, "admin/file_check.html", check=check)

    def _store(self, request: HttpRequest, token: str) -> HttpResponse:
        try:
            rows = signing.loads(token, salt=CHECKED_SALT, max_age=CHECKED_SECONDS)
            add_imported(rows, by=require_staff(request))
        except signing.BadSignature:
            messages.error(
                request, "The check is more than a day old. Nothing was added. Upload it again."
            )
        except Refused as refusal:
            messages.error(request, f"{refusal} Nothing of the file was added. Upload it again.")
        else:
            number = counted(len(rows), "topic is", "topics are")
            messages.success(request, f"{number} added. Everyone can read them.")
            return HttpResponseRedirect(reverse("admin:teams_topic_changelist"))
        return HttpResponseRedirect(reverse("admin:teams_topic_import"))

    def _page(self, request: HttpRequest, template: str, **context: Any) -> HttpResponse:
        upload_url = reverse("admin:teams_topic_import")
        return self.render_page(request, template, TITLE, upload_url=upload_url, **context)


@transaction.atomic
def add_imported(rows: list[list[Any]], *, by: Member) -> None:
    """Add the topics of a file that was checked, all or none; refuses what the rules do not allow
    now."""
    teams = ActionTeam.objects.in_bulk([row[3] for row in rows if row[3]])
    with change_source(ChangeSource.IMPORT):
        for title, summary, state, team, why in rows:
            add_topic(title, summary, why=why, by=by, state=state, team=teams.get(team))
