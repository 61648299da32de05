"""Announcements: written as drafts, sent to a team or to those who come to a meeting, and stopped.

DRAFT --send--> SENT (undone within two minutes: DRAFT; after that, what has not left is stopped)

This module alone writes the status and the outcomes. Each step locks the announcement, so that if
two people act at the same time, the second one learns what the first has done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from copy import copy
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from post_office.models import Email

from members.batches import batched
from members.dates import long_date
from members.emails import bulk_queue, collect_emails
from members.models import Member
from members.normalize import clean_text
from members.services import Refused, delete_with_history, save_with_history
from members.wording import end_sentence
from teams import announcement_emails
from teams.meeting_emails import Reader
from teams.models import (
    ActionTeam,
    Announcement,
    AnnouncementRecipient,
    Attendance,
    EmailChoice,
    Meeting,
    TeamEmail,
)
from teams.services.email_choices import stop_url
from teams.services.meeting_emails import attendees_of
from teams.services.team_emails import Reason, Recipient, Recipients, recipients_in
from teams.services.visibility import visible_keys

Kind = EmailChoice.Kind
Outcome = AnnouncementRecipient.Outcome
Status = Announcement.Status

CHANGEABLE_FIELDS = frozenset({"team", "meeting", "subject", "body", "is_public"})
# Of what was sent: whether everyone can read it.
CHANGEABLE_WHEN_SENT = frozenset({"is_public"})
# Who got it is known for so long; how many did, for good.
RECIPIENT_RETENTION = timedelta(days=180)
# Among which one is looked for that the person sees.
MAX_SAMPLES = 20


@transaction.atomic
def create_announcement(announcement: Announcement, *, by: Member) -> Announcement:
    """Store `announcement`, which is new, as a draft, and return it. Refuses an audience to which
    `by` does not write, and an empty subject or text."""
    check_announcement(announcement, by=by)
    announcement.status, announcement.written_by = Status.DRAFT, by
    save_with_history(announcement, by, "written")
    return announcement


@transaction.atomic
def change_announcement(announcement: Announcement, *, by: Member, **changes: Any) -> Announcement:
    """Change fields of a draft, and return the stored announcement; of one that was sent only
    whether everyone can read it."""
    if unknown := set(changes) - CHANGEABLE_FIELDS:
        raise TypeError(f"Not changed here: {', '.join(sorted(unknown))}")
    announcement = _lock_announcement(announcement, by)
    changes = {
        name: value for name, value in changes.items() if getattr(announcement, name) != value
    }
    if not announcement.is_draft and not changes.keys() <= CHANGEABLE_WHEN_SENT:
        raise Refused(f"{_what_became_of(announcement)} What people have read is not changed.")
    changed = copy(announcement)
    for name, value in changes.items():
        setattr(changed, name, value)
    check_announcement(changed, by=by)
    if changes:
        save_with_history(announcement, by, "changed", **changes)
    return announcement


@transaction.atomic
def delete_announcement(announcement: Announcement, *, by: Member) -> None:
    """Delete a draft. Refuses what was sent."""
    announcement = _lock_announcement(announcement, by)
    _refuse_sent(announcement)
    delete_with_history(announcement, by, "deleted as a draft")


def check_announcement(announcement: Announcement, *, by: Member) -> None:
    """Refuse, before anything is stored, an audience to which `by` does not write, an empty subject
    or text, and what everyone can read although there is no page of a team for it."""
    if announcement.team and announcement.meeting:
        raise Refused("Write to a team or to the attendees of a meeting, not to both.")
    if not _may_write_to(announcement, by):
        raise Refused(
            f"You cannot write to this audience: {announcement.audience}. Choose one of your teams "
            "or meetings. Nothing was changed."
        )
    if not clean_text(announcement.subject):
        raise Refused("Enter a subject.")
    if not clean_text(announcement.body):
        raise Refused("Enter the text.")
    if announcement.is_public and announcement.team is None:
        raise Refused(
            "Only an announcement to one team can be on a public page. Clear the check box."
        )


def _may_write_to(announcement: Announcement, by: Member) -> bool:
    if not by.is_staff:
        return False
    if announcement.meeting_id:
        return Meeting.objects.editable_by(by).filter(pk=announcement.meeting_id).exists()
    if announcement.team_id:
        return ActionTeam.objects.facilitated_by(by).filter(pk=announcement.team_id).exists()
    return by.is_superuser


def audience_of(announcement: Announcement) -> Recipients:
    """Return who would get `announcement` now. Members of a team get it as they have chosen; those
    who come to a meeting, on the waiting list too, always: it is about their own answer."""
    if announcement.meeting:
        attendees = list(attendees_of(announcement.meeting))
        members = [Recipient(each.member, None) for each in attendees if each.member]
        # A member may also have answered as a guest.
        addresses = {each.member.email for each in members}
        guests = [each for each in attendees if not each.member]
        held = Member.objects.exclude(held_at=None).filter(
            attendances__meeting=announcement.meeting, attendances__answer__in=Attendance.COMING
        )
        return Recipients(
            members,
            guests=[each for each in guests if each.guest_email not in addresses],
            unreachable=[Recipient(member, None, Reason.ON_HOLD) for member in held],
        )
    return recipients_in([announcement.team] if announcement.team else [], Kind.ANNOUNCEMENTS)


def content_version(announcement: Announcement) -> str:
    """Return a text that differs where anything that people read, or who they are, does."""
    content = [announcement.team_id, announcement.meeting_id, announcement.is_public]
    text = repr([*content, announcement.subject, announcement.body])
    return sha256(text.encode()).hexdigest()[:16]


@transaction.atomic
def send_announcement(announcement: Announcement, *, by: Member, version: str = "") -> Recipients:
    """Send a draft to its audience as it is now, one email for each person, and return who gets it.

    Refuses one that was sent, that someone changed since `by` read it (with the `content_version`
    of `version`), and where it would reach nobody.
    """
    announcement = _lock_announcement(announcement, by)
    _refuse_sent(announcement)
    if version and version != content_version(announcement):
        raise Refused(
            "Someone changed this announcement while you were reading it. Nothing was sent. Read "
            "it again before you send it."
        )
    check_announcement(announcement, by=by)
    if announcement.team and announcement.team.state == ActionTeam.State.DRAFT:
        raise Refused(f"{announcement.team} is not published yet. Publish the team first.")
    recipients = audience_of(announcement)
    if not (recipients.number or recipients.monthly):
        raise Refused(f"Nobody would get this email: {recipients}. Nothing was sent.")
    save_with_history(
        announcement,
        by,
        "sent",
        status=Status.SENT,
        sent_at=timezone.now(),
        sent_by=by,
        monthly_number=recipients.monthly,
        stopped_number=recipients.stopped,
    )
    _queue(announcement, recipients)
    return recipients


def send_test(announcement: Announcement, *, to: Member) -> None:
    """Send the email as `to`, who wrote it, would get it to them alone, with a subject that says
    that it is a test. Refuses one to whose audience they do not write."""
    check_announcement(announcement, by=to)
    reader = _reader_of(announcement, to, announcement.team)
    announcement_emails.announcement(announcement, [reader], author=to, is_test=True)


def sample_email(announcement: Announcement, recipients: Recipients, *, by: Member) -> Email:
    """Return the email, not stored, as one of the first `recipients` whom `by` sees would get it
    from `by`; as `by` would, where they see none of them. Its link to stop such emails leads to
    the reader's own page: anyone who has the real one can stop them for that person."""
    reader = _sample_reader(announcement, recipients, by)
    if reader.stop_url:
        reader = replace(reader, stop_url=settings.SITE_URL + reverse("my_emails"))
    with collect_emails() as emails:
        announcement_emails.announcement(announcement, [reader], author=by)
    return emails[0]


def _sample_reader(announcement: Announcement, recipients: Recipients, by: Member) -> Reader:
    first = recipients.each[:MAX_SAMPLES]
    seen = visible_keys(Member, [each.member.pk for each in first], by)
    for each in first:
        if each.member.pk in seen:
            return _reader_of(announcement, each.member, each.team)
    if recipients.guests:
        return _guest_reader(announcement, recipients.guests[0])
    return _reader_of(announcement, by, announcement.team)


@transaction.atomic
def stop_announcement(announcement: Announcement, *, by: Member) -> int:
    """Stop the emails that have not left; return how many. They remain in the queue until the mail
    worker drops them, so that the one that is leaving right now is reported as sent."""
    announcement = _lock_announcement(announcement, by)
    if announcement.is_draft:
        raise Refused(f"“{announcement}” is a draft. Nothing was sent.")
    if announcement.stopped_at:
        raise Refused(f"“{announcement}” was stopped on {long_date(announcement.stopped_at)}.")
    now = timezone.now()
    waiting = announcement.recipients.filter(outcome=Outcome.QUEUED)
    number = waiting.update(
        outcome=Outcome.SKIPPED, reason=Reason.ANNOUNCEMENT_STOPPED, changed_at=now
    )
    if not number:
        raise Refused(
            f"All emails of “{announcement}” have already been sent. Nothing was stopped."
        )
    save_with_history(announcement, by, "stopped", stopped_at=now)
    return number


def revert_sending(changes: list[dict[str, Any]], by: Member, why: str) -> None:
    """Make drafts again of the announcements that were sent with `changes`, for the undo of the
    decision. Refuses where an email has left."""
    for change in changes:
        announcement = _lock_announcement(Announcement(pk=change["pk"]), by)
        waiting = [Outcome.QUEUED, Outcome.SKIPPED]
        if announcement.recipients.exclude(outcome__in=waiting).exists():
            raise Refused(f"emails of “{announcement}” have already been sent.")
        save_with_history(
            announcement,
            by,
            why,
            status=Status.DRAFT,
            sent_at=None,
            sent_by=None,
            stopped_at=None,
            monthly_number=0,
            stopped_number=0,
        )
        announcement.recipients.all().delete()


def record_outcome(email: Email, outcome: str, reason: str = "") -> None:
    """Store what became of `email`, if it is an announcement, in the transaction of the caller."""
    recipient = AnnouncementRecipient.objects.filter(email=email.pk)
    limit = AnnouncementRecipient._meta.get_field("reason").max_length
    recipient.update(outcome=outcome, reason=reason[:limit], changed_at=timezone.now())


def skip_closed_accounts(members: Collection[int]) -> None:
    """Store that the people with these keys, whose accounts are being closed and whose waiting
    emails are deleted with them, get no announcement."""
    for batch in batched(sorted(members)):
        waiting = AnnouncementRecipient.objects.filter(member__in=batch, outcome=Outcome.QUEUED)
        changed = {"reason": Reason.CLOSED, "changed_at": timezone.now()}
        waiting.update(outcome=Outcome.SKIPPED, **changed)


def delete_old_recipients() -> int:
    """Forget who got announcements that were sent RECIPIENT_RETENTION ago, and keep how many did;
    return of how many announcements."""
    since = timezone.now() - RECIPIENT_RETENTION
    old = Announcement.objects.filter(sent_at__lt=since, recipients__isnull=False).distinct()
    keys = list(old.order_by().values_list("pk", flat=True))
    for key in keys:
        with transaction.atomic():
            announcement = Announcement.objects.select_for_update(no_key=True).get(pk=key)
            recipients = announcement.recipients
            # After all this time nothing waits any longer.
            recipients.filter(outcome=Outcome.QUEUED).update(outcome=Outcome.SKIPPED)
            counted = recipients.values_list("outcome").annotate(number=Count("pk")).order_by()
            numbers = {f"{outcome}_number": number for outcome, number in counted}
            why = "who got it is no longer stored"
            save_with_history(announcement, None, why, **numbers)
            recipients.all().delete()
    return len(keys)


def _lock_announcement(announcement: Announcement, by: Member) -> Announcement:
    """Return the stored `announcement`, locked until the transaction ends. Refuses one that `by`
    may not change."""
    stored = Announcement.objects.select_for_update(no_key=True).filter(pk=announcement.pk).first()
    if stored is None:
        raise Refused("This announcement no longer exists. Nothing was changed.")
    if not Announcement.objects.editable_by(by).filter(pk=stored.pk).exists():
        raise Refused("You cannot write to this audience. Nothing was changed.")
    return stored


def _refuse_sent(announcement: Announcement) -> None:
    if not announcement.is_draft:
        raise Refused(f"{_what_became_of(announcement)} Nothing was changed.")


def _what_became_of(announcement: Announcement) -> str:
    when = f" on {long_date(announcement.sent_at)}" if announcement.sent_at else ""
    return f"“{announcement}” was sent{when}."


@dataclass(frozen=True)
class _Letter:
    """An email to be written: its reader, and who that is: a member, or a guest of the meeting."""

    reader: Reader
    member: Member | None = None
    # Through which the member gets it; None: any.
    team: ActionTeam | None = None
    guest: Attendance | None = None


def _queue(announcement: Announcement, recipients: Recipients) -> None:
    """Queue the emails, with what the mail worker has to know, and store who gets one: three
    statements for each batch. Who cannot be reached is stored, too."""
    kind = "" if announcement.meeting_id else Kind.ANNOUNCEMENTS
    for batch in batched(_letters(announcement, recipients)):
        with bulk_queue():
            emails = announcement_emails.announcement(
                announcement, [letter.reader for letter in batch], author=announcement.sent_by
            )
        written = list(zip(batch, emails, strict=True))
        TeamEmail.objects.bulk_create(
            TeamEmail(
                email=email,
                member=letter.member,
                team=letter.team,
                kind=kind,
                announcement=announcement,
            )
            for letter, email in written
        )
        AnnouncementRecipient.objects.bulk_create(
            AnnouncementRecipient(
                announcement=announcement, member=letter.member, guest=letter.guest, email=email
            )
            for letter, email in written
        )
    AnnouncementRecipient.objects.bulk_create(
        AnnouncementRecipient(
            announcement=announcement,
            member=each.member,
            outcome=Outcome.SKIPPED,
            reason=each.why_not,
        )
        for each in recipients.unreachable
    )


def _letters(announcement: Announcement, recipients: Recipients) -> Iterator[_Letter]:
    for each in recipients.each:
        reader = _reader_of(announcement, each.member, each.team)
        yield _Letter(reader, each.member, each.team)
    for guest in recipients.guests:
        yield _Letter(_guest_reader(announcement, guest), guest=guest)


def _reader_of(announcement: Announcement, member: Member, team: ActionTeam | None) -> Reader:
    """Return `member`, with the link that stops such emails, if these can be stopped."""
    stop = ""
    if not announcement.meeting_id:
        stop = stop_url(member.pk, team.pk if team else None, Kind.ANNOUNCEMENTS)
    reason = _reason(announcement, team)
    return Reader(member.email, member.full_name, reason, stop_url=stop)


def _guest_reader(announcement: Announcement, guest: Attendance) -> Reader:
    return Reader(guest.guest_email, guest.guest_name, _reason(announcement, None))


def _reason(announcement: Announcement, team: ActionTeam | None) -> str:
    """Return what follows "You get this email because"."""
    if announcement.meeting:
        return end_sentence(f"you said that you will come to {announcement.meeting}")
    return end_sentence(f"you are a member of {team or 'a team'}")
