"""Merging two accounts of one person."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.text import get_text_list

from desk.actions.merge import Merge, enumerate_counts
from desk.changelist import counted
from members.models import Member
from members.services import Preview


class MergeMember(Merge[Member]):
    model = Member
    nouns = ("account", "accounts")
    description = (
        "For a person who is here twice, with two addresses. Memberships and requests move to "
        "the account that is kept; where both are on one team, the better one is kept. The address "
        "of this account signs in to that one from now on. One email to both addresses says so."
    )
    search_label = "Merge into the account with which address?"
    search_help = "The exact address of the other account, the one that goes on."

    def is_available(self, member: Member) -> bool:
        return member.is_active

    def describe(self, member: Member) -> str:
        organization = member.organization or "no organization"
        return format_html("<bdi>{}</bdi>, {}: <bdi>{}</bdi>", member, member.email, organization)

    def find_target(self, search: str) -> Member | None:
        return Member.objects.account_of(search)

    def describe_merge(self, records: Sequence[Member], target: Member, preview: Preview) -> str:
        moved = len(preview.keys("teams.membership", "member", target.pk))
        ended = preview.keys("teams.membership", "status", "ended")
        withdrawn = preview.keys("teams.membership", "status", "withdrawn")
        duplicates = len(ended | withdrawn)
        memberships = enumerate_counts(
            [(moved, "membership or request", "memberships or requests")]
        ).capitalize()
        sentences = [f"{memberships} {'moves' if moved == 1 else 'move'} to {target.email}."]
        if duplicates:
            sentences.append(f"{counted(duplicates, 'team has', 'teams have')} the person twice.")
        if any(
            target.pk in preview.keys("members.member", "affiliation_confirmed_via", via)
            for via in Member.ConfirmedVia.values
        ):
            sentences.append("The confirmed affiliation moves with them.")
        addresses = get_text_list([member.email for member in records], "and")
        verb = "signs" if len(records) == 1 else "sign"
        sentences.append(f"{addresses} {verb} in to that account.")
        return " ".join(sentences)
