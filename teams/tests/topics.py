"""Topics for tests."""

from django.utils import timezone

from members.models import Member
from teams.models import ActionTeam, Topic
from teams.services.topics import add_topic


def make_topic(
    title: str,
    state: str = Topic.State.PROPOSED,
    team: ActionTeam | None = None,
    *,
    by: Member,
    summary: str = "",
) -> Topic:
    """Return a topic that `by` added, in `state`."""
    return add_topic(title, summary, why="Employers told us.", by=by, state=state, team=team)


def waiting_topic(title: str = "Night shifts", email: str = "vera@visitor.example") -> Topic:
    """Return a proposal that waits, without its rules."""
    return Topic.objects.create(
        slug=title.lower().replace(" ", "-"),
        title=title,
        summary="Nobody wants them.",
        proposer_email=email,
        proposed_at=timezone.now(),
    )
