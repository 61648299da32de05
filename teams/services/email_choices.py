"""Which emails of their teams members get: chosen on their page, or stopped from an email."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from members.models import Member
from members.services import lock_open_account, save_with_history
from teams.models import ActionTeam, EmailChoice, TeamEmail

Kind = EmailChoice.Kind
Wants = EmailChoice.Wants

# No secret: it tells signatures apart.
TOKEN_SALT = "teams.services.email_choices"  # noqa: S105
CHOSEN = "chosen"
STOPPED_FROM_EMAIL = "with the link in an email"
# There is no monthly choice for reminders: they would come too late.
OFFERED: Mapping[str, Sequence[Wants]] = {
    Kind.ANNOUNCEMENTS: (Wants.EACH, Wants.MONTHLY, Wants.NONE),
    Kind.MEETINGS: (Wants.EACH, Wants.MONTHLY, Wants.NONE),
    Kind.REMINDERS: (Wants.EACH, Wants.NONE),
    Kind.MATERIALS: (Wants.EACH, Wants.MONTHLY, Wants.NONE),
}
DESCRIPTIONS: Mapping[str, str] = {
    Kind.ANNOUNCEMENTS: "announcements",
    Kind.MEETINGS: "emails about meeting dates",
    Kind.REMINDERS: "meeting reminders",
    Kind.MATERIALS: "emails about minutes and materials",
}
# By the key of a team (None: the whole Collaborative) and kind.
Choices = dict[tuple[int | None, str], str]


def choices_of(member: Member) -> Choices:
    """Return what `member` has chosen, for teams that they left, too; each one where there is
    nothing."""
    stored = EmailChoice.objects.filter(member=member).values_list("team", "kind", "wants")
    return {(team, kind): wants for team, kind, wants in stored}


def others_than_each(kind: str, teams: Collection[int | None]) -> dict[tuple[int, int | None], str]:
    """Return, by member and team, who wants emails of this kind of `teams` otherwise than each
    one: one query for any number of recipients."""
    in_teams = Q(team__in=[key for key in teams if key is not None])
    if None in teams:
        in_teams |= Q(team=None)
    stored = EmailChoice.objects.filter(in_teams, kind=kind).exclude(wants=Wants.EACH)
    return {
        (member, team): wants
        for member, team, wants in stored.values_list("member", "team", "wants")
    }


@transaction.atomic
def choose_emails(
    member: Member, choices: Mapping[tuple[int | None, str], str], *, from_email: bool = False
) -> None:
    """Store how `member` wants these kinds of emails; what is not among `choices` is left as it
    is, and what is the same writes no history. `from_email`: with the link in an email, by anyone
    who has it."""
    account = lock_open_account(member)
    stored = {(each.team_id, each.kind): each for each in account.email_choices.all()}
    for (team, kind), wants in choices.items():
        choice = stored.get((team, kind)) or EmailChoice(member=account, team_id=team, kind=kind)
        if choice.wants == wants:
            continue
        save_with_history(
            choice,
            None if from_email else account,
            STOPPED_FROM_EMAIL if from_email else CHOSEN,
            wants=wants,
            changed_at=timezone.now(),
            # The first summary is that of the next month.
            summarized_on=first_of_month(timezone.localdate()),
        )


def stop_all_emails(member: Member, teams: Iterable[ActionTeam]) -> None:
    """Store that `member` wants none of the emails of `teams` and of the whole Collaborative that
    can be stopped."""
    keys: list[int | None] = [*(team.pk for team in teams), None]
    choose_emails(member, {(key, kind): Wants.NONE for key in keys for kind in OFFERED})


def copy_choices(duplicate: Member, retained: Member, by: Member) -> None:
    """Give `retained`, whose account goes on, what `duplicate` has chosen and they have not; both
    are locked."""
    chosen = choices_of(retained)
    for choice in duplicate.email_choices.all():
        if (choice.team_id, choice.kind) not in chosen:
            copied = EmailChoice(member=retained, team_id=choice.team_id, kind=choice.kind)
            changes = {"wants": choice.wants, "summarized_on": choice.summarized_on}
            save_with_history(copied, by, "two accounts were merged", **changes)


def erase_choices(member: Member) -> None:
    """Erase what `member`, whose account is closed, has chosen, with its history."""
    member.email_choices.all().delete()
    EmailChoice.history.filter(member_id=member.pk).delete()


def first_of_month(day: date) -> date:
    """Return the first day of the month of `day`."""
    return day.replace(day=1)


@dataclass(frozen=True)
class StopLink:
    """What the link of an email stops: one kind of emails of a team (None: of the whole
    Collaborative), or the monthly summary with all that comes in it."""

    member: Member
    team: ActionTeam | None
    kind: str

    def __str__(self) -> str:
        """As the object of a sentence."""
        if self.is_summary:
            return "the monthly summary from your teams"
        return f"{DESCRIPTIONS[self.kind]} from {self.team or 'the whole Collaborative'}"

    @property
    def is_summary(self) -> bool:
        return self.kind == TeamEmail.SUMMARY

    @property
    def offered(self) -> Sequence[Wants]:
        """The choices for this kind of emails."""
        return (Wants.NONE,) if self.is_summary else OFFERED[self.kind]

    @property
    def wants(self) -> str:
        """The member's present choice."""
        if self.is_summary:
            return Wants.MONTHLY if self.in_summary() else Wants.NONE
        return choices_of(self.member).get((self.key, self.kind), Wants.EACH)

    @property
    def key(self) -> int | None:
        return self.team.pk if self.team else None

    def in_summary(self) -> list[tuple[int | None, str]]:
        """Return what the member gets in the monthly summary."""
        return [key for key, wants in choices_of(self.member).items() if wants == Wants.MONTHLY]

    def choose(self, wants: str) -> None:
        """Store that the member wants this kind so. Refuses a closed account."""
        keys = self.in_summary() if self.is_summary else [(self.key, self.kind)]
        choose_emails(self.member, dict.fromkeys(keys, wants), from_email=True)


def stop_url(member: int, team: int | None, kind: str) -> str:
    """Return the whole address of the page on which the member with this key stops emails of a
    kind, without signing in."""
    token = signing.Signer(salt=TOKEN_SALT).sign_object([member, team, kind])
    return settings.SITE_URL + reverse("stop_emails", args=[token])


def stop_link(token: str) -> StopLink | None:
    """Return what the link with this `token` stops; None where it is forged, or its account is
    closed. Of an account that was merged it is the one that goes on."""
    try:
        member_key, team_key, kind = signing.Signer(salt=TOKEN_SALT).unsign_object(token)
    except (signing.BadSignature, ValueError):
        return None
    member = Member.objects.select_related("merged_into").filter(pk=member_key).first()
    team = ActionTeam.objects.filter(pk=team_key).first() if team_key else None
    if member is None or (team_key and team is None):
        return None
    account = member.merged_into or member
    return StopLink(account, team, kind) if account.is_active else None
