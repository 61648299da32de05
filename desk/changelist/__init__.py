"""What all lists of the desk have in common."""

from desk.changelist.base import (
    DeskModelAdmin,
    is_administrator,
    only_team,
    own_teams,
    parse_pk,
    require_staff,
    team_tag,
)
from desk.changelist.export import Column, ExportAdmin, ExportingAdmin
from desk.changelist.history import RecordAdmin
from desk.changelist.people import mark_unseen_people
from members.templatetags.drawings import badge
from members.wording import counted

__all__ = [
    "Column",
    "DeskModelAdmin",
    "ExportAdmin",
    "ExportingAdmin",
    "RecordAdmin",
    "badge",
    "counted",
    "is_administrator",
    "mark_unseen_people",
    "only_team",
    "own_teams",
    "parse_pk",
    "require_staff",
    "team_tag",
]
