"""What can happen to a meeting: rules and transactions."""

from django.contrib.auth.models import AnonymousUser

from members.models import Member
from teams.models import Meeting
from teams.models.meetings import team_keys


def join_url_for(meeting: Meeting, person: Member | AnonymousUser) -> str:
    """Return the link to join `meeting` online for a member of a team who may see it, while it is
    announced and not over; else an empty text. Two queries at most. It is never in a page for
    everyone, an email, a public calendar, a log or an export."""
    if not meeting.join_url or meeting.status != Meeting.Status.ANNOUNCED or meeting.is_over:
        return ""
    if not isinstance(person, Member) or not team_keys(person):
        return ""
    is_seen = Meeting.objects.visible_to(person).filter(pk=meeting.pk).exists()
    return meeting.join_url if is_seen else ""
