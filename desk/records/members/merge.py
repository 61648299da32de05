"""Merging two accounts of one person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.text import get_text_list

from desk.actions.merge import Merge, enumerated
from desk.changelist import counted
from members.models import Member
from members.services import Preview
from teams.services import merge_members


class MergeMember(Merge[Member]):
    model = Member
    rows_are = ("account", "accounts")
    says = (
        "For a person who is here twice, with two addresses. Memberships and requests move to "
        "the account that goes on; where both are in one team, the better one stays. The address "
        "of this account signs in to that one from now on. One email to both addresses says so."
    )
    wanted_label = "Merge into the account with which address?"
    wanted_help = "The exact address of the other account, the one that goes on."

    def has_permission(self, desk: Member, row: Member | None = None) -> bool:
        return desk.is_superuser

    def is_available(self, row: Member) -> bool:
        return row.is_active

    def line(self, row: Member) -> str:
        return f"{row}, {row.email}: {row.organization or 'no organization'}"

    def find(self, wanted: str) -> Member | None:
        return Member.objects.account_of(wanted)

    def merge(self, row: Member, into: Member, by: Member, answers: dict[str, Any]) -> str:
        merge_members(row, into, by=by)
        return f"The account {row.email} is part of that of {into}, {into.email}, from now on."

    def told(self, rows: Sequence[Member], into: Member, foreseen: Preview) -> str:
        stays = foreseen.keys("teams.membership", "member", into.pk)
        ended = foreseen.keys("teams.membership", "status", "ended")
        withdrawn = foreseen.keys("teams.membership", "status", "withdrawn")
        doubled = len(ended | withdrawn)
        told = f"{enumerated([(len(stays), 'membership or request', 'memberships or requests')])}"
        told = f"{told.capitalize()} {'moves' if len(stays) == 1 else 'move'} to {into.email}. "
        if doubled:
            told += f"{counted(doubled, 'team has', 'teams have')} the person twice. "
        if into.pk in foreseen.keys("members.member", "affiliation_confirmed_via", "domain") | (
            foreseen.keys("members.member", "affiliation_confirmed_via", "facilitator")
        ):
            told += "The confirmed affiliation moves with them. "
        addresses = get_text_list([row.email for row in rows], "and")
        return f"{told}{addresses} {'signs' if len(rows) == 1 else 'sign'} in to that account."
