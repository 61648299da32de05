"""Finding the people of a pasted list of names and addresses among those who may have come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz, process

from members.batches import batched
from members.models import Member, MemberQuerySet
from members.normalize import normalize_person_name
from teams.attendee_lists import Entry, read_attendees
from teams.models import Attendance, Meeting, Membership
from teams.services.attendance import (
    Attendee,
    attendee_key,
    possible_attendees,
    visible_attendance,
)
from teams.services.visibility import seen_former_addresses

# Of rapidfuzz's ratio, in percent.
MIN_SIMILARITY = 85
MAX_CANDIDATES = 5
# Members of the teams with whose names similar ones are compared, besides all who answered.
MAX_NAMES_COMPARED = 5000


@dataclass
class Match:
    """An entry of the list: who it is, or who it may be. Without a `suggestion` the facilitator
    chooses; the most probable candidate stands first."""

    entry: Entry
    candidates: list[Attendee] = field(default_factory=list)
    suggestion: Attendee | None = None


@dataclass
class AttendeeMatches:
    """The entries of a list: of one person without doubt, of one of several or of a similar name,
    and of nobody. How many entries meant a person who was named before, and the lines without a
    person."""

    sure: list[Match] = field(default_factory=list)
    unsure: list[Match] = field(default_factory=list)
    unknown: list[Match] = field(default_factory=list)
    repeated: int = 0
    left_out: list[str] = field(default_factory=list)


def match_attendees(meeting: Meeting, text: str, by: Member) -> AttendeeMatches:
    """Return whom the names and addresses in `text` mean, among the guests of `meeting` and the
    people whom `by` sees who may come to it.

    An address decides; a name only where one person has it, compared without case, accents and the
    order of words. A name that does not resemble the owner of the address beside it, an initial, a
    part of a name and a typo are never sure. The number of queries does not depend on the list.
    """
    attendees = read_attendees(text)
    people = _People(meeting, by, attendees.entries)
    matches = AttendeeMatches(repeated=attendees.repeated, left_out=attendees.left_out)
    seen: set[str] = set()
    for entry in attendees.entries:
        match, is_sure = people.match(entry)
        key = attendee_key(match.candidates[0]) if is_sure else ""
        if key and key in seen:
            matches.repeated += 1
        elif key:
            seen.add(key)
            matches.sure.append(match)
        else:
            (matches.unsure if match.candidates else matches.unknown).append(match)
    return matches


class _People:
    """The people that the entries of one list may mean, looked up in a few queries."""

    def __init__(self, meeting: Meeting, by: Member, entries: Sequence[Entry]) -> None:
        self.meeting, self.by = meeting, by
        members = possible_attendees(meeting, by).select_related("organization")
        answers = visible_attendance(meeting, by)
        guests = {
            attendee_key(guest): guest
            for guest in answers.filter(member=None).exclude(guest_name="")
        }
        coming = answers.filter(answer__in=Attendance.COMING).values_list("member", "pk")
        self.coming = {f"member-{member}" if member else f"guest-{pk}" for member, pk in coming}
        self.by_address = self._by_address(members, {e.email for e in entries if e.email})
        self.by_address |= {
            guest.guest_email: guest for guest in guests.values() if guest.guest_email
        }
        self.by_name = self._by_name(members, guests, entries)
        self.names = self._names_to_compare(members, guests)
        self.by_word: dict[str, list[str]] = defaultdict(list)
        for key, name in self.names.items():
            for word in set(name.split()):
                self.by_word[word].append(key)
        similar = {entry: self._similar(entry) for entry in entries if not self._is_sure(entry)}
        keys = {int(key[7:]) for found in similar.values() for key in found if key[0] == "m"}
        people: dict[str, Attendee] = dict(guests)
        for batch in batched(sorted(keys)):
            people.update({attendee_key(person): person for person in members.filter(pk__in=batch)})
        self.similar = {
            entry: [people[key] for key in found if key in people]
            for entry, found in similar.items()
        }

    def _by_name(
        self, members: MemberQuerySet, guests: dict[str, Attendance], entries: Sequence[Entry]
    ) -> dict[str, dict[str, Attendee]]:
        """Return the people with exactly one of the names in `entries`, by normalized name."""
        names = {normalize_person_name(name) for entry in entries for name in entry.names}
        by_name: dict[str, dict[str, Attendee]] = defaultdict(dict)
        for batch in batched(sorted(names)):
            for member in members.filter(normalized_name__in=batch).order_by("pk"):
                by_name[member.normalized_name][attendee_key(member)] = member
        for key, guest in guests.items():
            by_name[normalize_person_name(guest.guest_name)][key] = guest
        return by_name

    def _by_address(self, members: MemberQuerySet, addresses: set[str]) -> dict[str, Attendee]:
        """Return whom `addresses` belong to: also former ones, and those of merged accounts."""
        found: dict[str, Attendee] = {}
        for batch in batched(sorted(addresses)):
            merged = Member.objects.filter(email__in=batch, merged_into__isnull=False)
            accounts = dict(merged.values_list("merged_into", "email"))
            for member in members.filter(pk__in=accounts):
                found[accounts[member.pk]] = member
            found |= {member.email: member for member in members.filter(email__in=batch)}
        former = seen_former_addresses(addresses - found.keys(), self.by)
        moved = {move.member_id: email for email, move in former.items()}
        for member in members.filter(pk__in=moved):
            found[moved[member.pk]] = member
        return found

    def _names_to_compare(
        self, members: MemberQuerySet, guests: dict[str, Attendance]
    ) -> dict[str, str]:
        """Return the normalized names, by key, of people who answered and of the teams' members."""
        answered = Attendance.objects.filter(meeting=self.meeting, member__isnull=False)
        of_teams = Membership.objects.listed_for(self.by).active()
        if teams := list(self.meeting.teams.order_by().values_list("pk", flat=True)):
            of_teams = of_teams.filter(team__in=teams)
        names: dict[str, str] = {}
        for people in (
            members.filter(pk__in=answered.values("member")),
            members.filter(pk__in=of_teams.order_by().values("member")),
        ):
            pairs = people.order_by("pk").values_list("pk", "normalized_name")[:MAX_NAMES_COMPARED]
            names.update({f"member-{pk}": name for pk, name in pairs})
        for key, guest in guests.items():
            names[key] = normalize_person_name(guest.guest_name)
        return names

    def match(self, entry: Entry) -> tuple[Match, bool]:
        """Return whom `entry` may mean, and whether that is sure."""
        owner = self.by_address.get(entry.email)
        if owner and self._is_sure(entry):
            return Match(entry, [owner], owner), True
        same_name = self._same_name(entry)
        if not owner and self._is_sure(entry):
            return Match(entry, same_name, same_name[0]), True
        candidates = [owner] if owner else []
        keys = {attendee_key(owner)} if owner else set()
        for person in [*self._coming_first(same_name), *self.similar.get(entry, [])]:
            if attendee_key(person) not in keys:
                keys.add(attendee_key(person))
                candidates.append(person)
        candidates = candidates[:MAX_CANDIDATES]
        suggestion = self._suggestion(entry, candidates, owner)
        return Match(entry, candidates, suggestion), False

    def _is_sure(self, entry: Entry) -> bool:
        """Return whether the address or the name of `entry` decides."""
        owner = self.by_address.get(entry.email)
        if owner is None:
            return not entry.email and len(self._same_name(entry)) == 1 and _is_whole_name(entry)
        owned = {word for word in _words(owner) if len(word) > 1}
        words = {word for name in entry.names for word in normalize_person_name(name).split()}
        return not words or not owned or bool(entry.device) or bool(owned & words)

    def _same_name(self, entry: Entry) -> list[Attendee]:
        """Return those with the first of the possible names of `entry` that any person has."""
        for name in entry.names:
            if people := self.by_name.get(normalize_person_name(name)):
                return list(people.values())
        return []

    def _coming_first(self, people: Iterable[Attendee]) -> list[Attendee]:
        return sorted(people, key=lambda person: attendee_key(person) not in self.coming)

    def _similar(self, entry: Entry) -> list[str]:
        """Return the keys of those whose names share words with `entry`, or differ by a typo: who
        said that they come first."""
        scores: dict[str, float] = {}
        for name in map(normalize_person_name, entry.names):
            words = name.split()
            for key in {key for word in words for key in self.by_word.get(word, [])}:
                if _is_part(words, self.names[key].split()):
                    scores[key] = max(scores.get(key, 0), fuzz.ratio(name, self.names[key]))
            if len(words) > 1:
                for _, score, key in process.extract(
                    name,
                    self.names,
                    scorer=fuzz.ratio,
                    score_cutoff=MIN_SIMILARITY,
                    limit=MAX_CANDIDATES,
                ):
                    scores[key] = max(scores.get(key, 0), score)
        ordered = sorted(scores, key=lambda key: (key not in self.coming, -scores[key], key))
        return ordered[:MAX_CANDIDATES]

    def _suggestion(
        self, entry: Entry, candidates: list[Attendee], owner: Attendee | None
    ) -> Attendee | None:
        """Return the candidate that is chosen unless the facilitator chooses another: the only
        one, if the name is more than a single word, or they said that they come."""
        if owner:
            return owner
        if len(candidates) != 1 or entry.device:
            return None
        is_coming = attendee_key(candidates[0]) in self.coming
        return candidates[0] if is_coming or _is_whole_name(entry) else None


def _is_whole_name(entry: Entry) -> bool:
    return any(len(normalize_person_name(name).split()) > 1 for name in entry.names)


def _words(person: Attendee) -> list[str]:
    if isinstance(person, Member):
        return person.normalized_name.split()
    return normalize_person_name(person.guest_name).split()


def _is_part(words: list[str], others: list[str]) -> bool:
    """Return whether each of the fewer words stands for one of the others, as a word or as its
    initial: "ana s" and "ana sample"."""
    fewer, more = sorted((words, others), key=len)
    remaining = list(more)
    for word in sorted(fewer, key=len, reverse=True):
        match = next((other for other in remaining if _stands_for(word, other)), None)
        if match is None:
            return False
        remaining.remove(match)
    return True


def _stands_for(word: str, other: str) -> bool:
    shorter, longer = sorted((word, other), key=len)
    return word == other or (len(shorter) == 1 and longer.startswith(shorter))
