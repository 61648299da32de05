"""What was linked from the pages of meetings becomes resources, with its history.

The links themselves remain for the version before this one. One that was removed becomes an
archived resource, unless its meeting, a draft, was deleted with it.
"""

from collections import defaultdict

from django.db import migrations
from django.utils import timezone
from django.utils.text import slugify

BATCH_SIZE = 500
COPIED = ("kind", "title", "url", "audience", "captions", "transcript_url", "position", "added_at")
OF_HISTORY = ("history_date", "history_change_reason", "history_user_id", "source")
MAX_TITLE_CHARACTERS = 60


def copy_links(apps, schema_editor):
    link_model = apps.get_model("teams", "MeetingLink")
    slugs = set(apps.get_model("teams", "Resource").objects.values_list("slug", flat=True))
    links = link_model.objects.order_by("pk")
    for batch in _batches(links):
        histories = _histories(apps, [link.pk for link in batch])
        _copy(apps, [(link, None, histories[link.pk]) for link in batch], slugs)
    # What was removed is only in the history.
    removed = apps.get_model("teams", "HistoricalMeetingLink").objects.filter(history_type="-")
    for batch in _batches(removed.order_by("history_id"), "history_id"):
        histories = _histories(apps, [version.id for version in batch])
        _copy(apps, [(each, each.history_date, histories[each.id]) for each in batch], slugs)


def _batches(rows, key="pk"):
    last = 0
    while batch := list(rows.filter(**{f"{key}__gt": last})[:BATCH_SIZE]):
        yield batch
        last = getattr(batch[-1], key)


def _histories(apps, keys):
    """Return the versions of the links with these keys, oldest first, by key."""
    versions = defaultdict(list)
    history = apps.get_model("teams", "HistoricalMeetingLink").objects
    for version in history.filter(id__in=keys).order_by("history_id"):
        versions[version.id].append(version)
    return versions


def _copy(apps, links, slugs):
    """Store resources like the `links`: each a link or its last version, when it was removed, and
    its versions."""
    resource_model = apps.get_model("teams", "Resource")
    history_model = apps.get_model("teams", "HistoricalResource")
    keys = {link.meeting_id for link, _, _ in links}
    meetings = apps.get_model("teams", "Meeting").objects.filter(pk__in=keys)
    slug_of_meeting = dict(meetings.values_list("pk", "slug"))
    pairs = []
    for link, removed_at, versions in links:
        if link.meeting_id not in slug_of_meeting:
            continue
        resource = resource_model(
            **{name: getattr(link, name) for name in COPIED},
            meeting_id=link.meeting_id,
            slug=_free_slug(link, slug_of_meeting[link.meeting_id], slugs),
            added_by_id=next((each.history_user_id for each in versions), None),
            checked_on=timezone.localdate(link.added_at),
            archived_at=removed_at,
        )
        pairs.append((resource, versions))
    resource_model.objects.bulk_create([resource for resource, _ in pairs])
    history_model.objects.bulk_create(
        [
            _version(history_model, resource, version)
            for resource, versions in pairs
            for version in versions
        ],
        batch_size=BATCH_SIZE,
    )


def _version(history_model, resource, version):
    is_removal = version.history_type == "-"
    return history_model(
        id=resource.pk,
        **{name: getattr(version, name) for name in (*COPIED, *OF_HISTORY)},
        meeting_id=version.meeting_id,
        slug=resource.slug,
        added_by_id=resource.added_by_id,
        checked_on=resource.checked_on,
        archived_at=version.history_date if is_removal else None,
        history_type="~" if is_removal else version.history_type,
    )


def _free_slug(link, slug_of_meeting, slugs):
    name = slugify(link.title)[:MAX_TITLE_CHARACTERS].strip("-") or link.kind
    stem = f"{name}-{slug_of_meeting}"[:130].strip("-")
    slug, number = stem, 1
    while slug in slugs:
        number += 1
        slug = f"{stem}-{number}"
    slugs.add(slug)
    return slug


class Migration(migrations.Migration):
    dependencies = [("teams", "0010_announcements_resources_areas_topics")]
    operations = [migrations.RunPython(copy_links, migrations.RunPython.noop, elidable=True)]
