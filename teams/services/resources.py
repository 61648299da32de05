"""What can happen to a resource: added, changed, checked, archived, restored; and to what people
suggest as one. Nothing deletes one but the deletion of a draft meeting that it belongs to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import copy
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import get_text_list, slugify

from members.dates import long_date
from members.models import Member
from members.normalize import clean_text
from members.services import Refused, explain_change, save_with_history
from members.wording import end_sentence
from teams.models import ActionTeam, Meeting, Resource, ResourceSuggestion
from teams.services.resource_suggestions import email_suggester
from teams.services.submissions import decide_submission, lock_submission

# Of an address, of which the words of a meeting and a number may be a part.
MAX_SLUG_CHARACTERS = 130
MAX_TITLE_CHARACTERS_BEFORE_MEETING = 60
CHANGEABLE_FIELDS = frozenset(
    {
        "kind", "title", "url", "summary", "publisher", "published_on", "language", "meeting",
        "audience", "captions", "transcript_url", "minutes", "position",
    }
)  # fmt: skip
# What is asked of a resource that someone suggested.
SUGGESTED_FIELDS = (
    "kind", "title", "url", "summary", "publisher", "published_on", "language", "audience",
    "captions", "transcript_url",
)  # fmt: skip
# What another address was found to be says nothing about this one.
NEVER_TRIED = {
    "link_state": Resource.LinkState.UNKNOWN,
    "link_checked_at": None,
    "link_failing_since": None,
    "link_problem": "",
    "moved_to": "",
    "transcript_state": Resource.LinkState.UNKNOWN,
    "transcript_failing_since": None,
}


@transaction.atomic
def create_resource(resource: Resource, teams: Sequence[ActionTeam], *, by: Member) -> Resource:
    """Store `resource`, which is new, for `teams` (none, and no meeting: for all teams), and return
    it. Refuses teams and meetings that `by` does not facilitate, and what is unclear."""
    _refuse_others([], teams, [resource.meeting], by)
    _refuse_unclear(resource, teams)
    resource.slug, resource.added_by = _free_slug(resource), by
    try:
        with transaction.atomic():
            save_with_history(resource, by, "added")
    except IntegrityError as error:
        raise Refused(
            "Someone just added a resource with the same title. Check the list, and save again if "
            "yours is a different one."
        ) from error
    if teams:
        _set_teams(resource, teams, by)
    return resource


@transaction.atomic
def change_resource(
    resource: Resource, *, by: Member, teams: Sequence[ActionTeam] | None = None, **changes: Any
) -> Resource:
    """Change fields of `resource`, and its teams if given; return the stored resource. With another
    address it is checked as of today.

    Its own address on this site stays. Refuses teams and meetings of others, and what is unclear.
    """
    if unknown := set(changes) - CHANGEABLE_FIELDS:
        raise TypeError(f"Not changed here: {', '.join(sorted(unknown))}")
    stored = lock_resource(resource, by)
    before = list(stored.teams.all())
    after = before if teams is None else list(teams)
    meeting = changes.get("meeting", stored.meeting)
    _refuse_others(before, after, [stored.meeting, meeting], by)
    changes = {name: value for name, value in changes.items() if getattr(stored, name) != value}
    if "url" in changes:
        changes["checked_on"] = timezone.localdate()
    changed = copy(stored)
    for name, value in changes.items():
        setattr(changed, name, value)
    _refuse_unclear(changed, after)
    if changes:
        save_with_history(stored, by, "changed", **changes)
    if "url" in changes or "transcript_url" in changes:
        Resource.objects.filter(pk=stored.pk).update(**NEVER_TRIED)
    if set(after) != set(before):
        _set_teams(stored, after, by)
    return stored


@transaction.atomic
def renew_resource(resource: Resource, *, by: Member) -> Resource:
    """Store that a person found `resource` still true and useful today, and its link working;
    return the stored resource. Refuses one that was checked today already, unless its link is said
    to be dead, and an archived one."""
    stored = lock_resource(resource, by)
    if stored.archived_at:
        raise Refused(f"“{stored}” is archived. Restore it first. Nothing was changed.")
    if stored.checked_on == timezone.localdate() and not stored.has_dead_link:
        raise Refused(f"“{stored}” was already checked today. Nothing was changed.")
    save_with_history(stored, by, "checked: still true", checked_on=timezone.localdate())
    # Who has just opened the page knows better than the check of links.
    Resource.objects.filter(pk=stored.pk).update(
        **NEVER_TRIED | {"link_state": Resource.LinkState.OK, "link_checked_at": timezone.now()}
    )
    return stored


@transaction.atomic
def archive_resource(resource: Resource, *, by: Member, reason: str = "") -> Resource:
    """Take `resource` from all pages; return the stored resource. Refuses an archived one."""
    stored = lock_resource(resource, by)
    if stored.archived_at:
        raise Refused(f"“{stored}” is already archived. Nothing was changed.")
    why = f"archived: {reason}" if (reason := clean_text(reason)) else "archived"
    save_with_history(stored, by, why, archived_at=timezone.now())
    return stored


@transaction.atomic
def restore_resource(resource: Resource, *, by: Member) -> Resource:
    """Show an archived resource again, checked as of today; return the stored resource. Refuses
    one that is not archived."""
    stored = lock_resource(resource, by)
    if not stored.archived_at:
        raise Refused(f"“{stored}” is not archived. Nothing was changed.")
    save_with_history(stored, by, "restored", archived_at=None, checked_on=timezone.localdate())
    return stored


@transaction.atomic
def follow_moved_link(resource: Resource, *, by: Member) -> Resource:
    """Give `resource` the address to which its page has moved for good, checked as of today; return
    the stored resource. Refuses one whose page has not moved."""
    stored = lock_resource(resource, by)
    if not stored.moved_to:
        raise Refused(f"“{stored}” has not moved, as far as we know. Nothing was changed.")
    return change_resource(stored, by=by, url=stored.moved_to)


@transaction.atomic
def publish_suggestion(
    suggestion: ResourceSuggestion, *, resource: Resource, teams: Sequence[ActionTeam], by: Member
) -> ResourceSuggestion:
    """Publish what was suggested as `resource`, which is new, for `teams`, or note that the library
    has it already as `resource`; return the stored suggestion. Who suggested it gets an email.

    Refuses a suggestion that is decided already, and what `create_resource` refuses.
    """
    suggestion = lock_submission(suggestion, by)
    resource = lock_resource(resource, by) if resource.pk else resource
    if resource.archived_at:
        raise Refused(f"“{resource}” is archived. Restore it first. Nothing was changed.")
    resource = resource if resource.pk else create_resource(resource, teams, by=by)
    published = ResourceSuggestion.Status.PUBLISHED
    decide_submission(suggestion, by, "published", status=published, published_as=resource)
    email_suggester(suggestion)
    return suggestion


@transaction.atomic
def dismiss_suggestion(
    suggestion: ResourceSuggestion, *, reason: str, by: Member
) -> ResourceSuggestion:
    """Close the suggestion without publishing it; return the stored suggestion. With a reason, who
    suggested it gets an email, if they left an address. Refuses one that is decided already."""
    suggestion = lock_submission(suggestion, by)
    dismissed = ResourceSuggestion.Status.DISMISSED
    decide_submission(suggestion, by, "dismissed", status=dismissed, answer=reason.strip())
    email_suggester(suggestion)
    return suggestion


def check_resource(
    resource: Resource,
    teams: Sequence[ActionTeam],
    *,
    by: Member,
    before: Sequence[ActionTeam] = (),
    meeting_before: Meeting | None = None,
) -> None:
    """Refuse, before anything is stored, what `create_resource` and `change_resource` would refuse
    of `resource` with these teams; `before` and `meeting_before` are what it has."""
    _refuse_others(before, teams, [meeting_before, resource.meeting], by)
    _refuse_unclear(resource, teams)


def describe_attention(resource: Resource) -> list[str]:
    """Return what is due about `resource`, in sentences."""
    sentences = describe_links(resource)
    if resource.is_due_for_check:
        sentences.append(f"Last checked on {long_date(resource.checked_on)}.")
    return sentences


def describe_links(resource: Resource) -> list[str]:
    """Return what is wrong with the links of `resource`, and what it lacks, in sentences."""
    sentences = []
    if resource.link_state == Resource.LinkState.GONE:
        reason = f": {end_sentence(resource.link_problem)}" if resource.link_problem else "."
        sentences.append(f"The link is dead{reason}")
    if resource.link_state == Resource.LinkState.MOVED:
        sentences.append(f"The page has moved permanently, to {resource.moved_to}")
    if resource.transcript_state == Resource.LinkState.GONE:
        sentences.append("The link to the transcript is dead.")
    if resource.lacks_captions:
        sentences.append("It has neither captions nor a transcript.")
    return sentences


def lock_resource(resource: Resource, by: Member) -> Resource:
    """Return the stored resource, locked until the transaction ends. Refuses `by` the resources of
    others."""
    stored = Resource.objects.select_for_update(no_key=True).filter(pk=resource.pk).first()
    if stored is None:
        raise Refused("This resource no longer exists. Nothing was changed.")
    if not Resource.objects.editable_by(by).filter(pk=stored.pk).exists():
        raise Refused("This resource belongs to teams that are not yours. Nothing was changed.")
    return stored


def _set_teams(resource: Resource, teams: Sequence[ActionTeam], by: Member) -> None:
    explain_change(resource, by, "teams chosen")
    resource.teams.set(teams)


def _refuse_others(
    before: Sequence[ActionTeam],
    after: Sequence[ActionTeam],
    meetings: Collection[Meeting | None],
    by: Member,
) -> None:
    """Refuse a facilitator to add or remove teams of others, and meetings that others plan."""
    if by.is_superuser and by.is_staff:
        return
    own = set(ActionTeam.objects.facilitated_by(by)) if by.is_staff else set()
    if others := (set(before) ^ set(after)) - own:
        names = get_text_list(sorted(team.name for team in others), "and")
        raise Refused(
            f"You do not facilitate {names}. Only its facilitators or an administrator can add or "
            "remove it. Nothing was changed."
        )
    keys = {meeting.pk for meeting in meetings if meeting}
    if Meeting.objects.editable_by(by).filter(pk__in=keys).count() < len(keys):
        raise Refused(
            "You do not plan this meeting. Only its facilitators or an administrator can add to "
            "it. Nothing was changed."
        )


def _refuse_unclear(resource: Resource, teams: Sequence[ActionTeam]) -> None:
    """Refuse a resource whose parts do not fit each other."""
    if not clean_text(resource.title):
        raise Refused("Enter a title.")
    if not resource.url:
        raise Refused("Enter an address.")
    if resource.kind not in Resource.Kind.values:
        raise Refused("Choose what kind of resource it is.")
    if resource.audience == Resource.Audience.TEAMS and not (teams or resource.meeting):
        raise Refused("This resource has no team. Choose its teams, or change who sees it.")


def _free_slug(resource: Resource) -> str:
    """Return the address of `resource`: its title, at a meeting with the meeting's words, and with
    a number where there is another one of this name."""
    stem = slugify(resource.title) or resource.kind
    if resource.meeting:
        title = stem[:MAX_TITLE_CHARACTERS_BEFORE_MEETING].strip("-")
        stem = f"{title}-{resource.meeting.slug}"
    stem = stem[:MAX_SLUG_CHARACTERS].strip("-")
    taken = set(Resource.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    # The address at which people suggest a resource.
    taken.add("suggest")
    candidates = [stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 2))]
    return next(slug for slug in candidates if slug not in taken)
