"""The teams that everyone may know of, as pages show them."""

from members.fragments import cached_fragment
from teams.models import ActionTeam

# As long as other parts of pages, so that a change is seen within two seconds.
CACHE_SECONDS = 1


def public_teams() -> list[ActionTeam]:
    """Return all teams but drafts, in their order, up to CACHE_SECONDS old."""
    return cached_fragment("public-teams", lambda: list(ActionTeam.objects.public()), CACHE_SECONDS)


def public_team(slug: str) -> ActionTeam | None:
    """Return the public team with this address, up to CACHE_SECONDS old; None without one."""
    return next((team for team in public_teams() if team.slug == slug), None)
