"""The actions that staff can take on records: what each one does, by model and name.

An action is a function without HTTP. It calls one service and returns in words what happened; it
raises Refused where the rules do not allow it. The desk gives each action a page and buttons
(`desk.records`), and the mail worker processes what a request left unfinished.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from members import services as member_services
from members.history.decisions import Step, UndoRules, process_items
from members.models import Bounce, Decision, EmailDomain, Member, Move, Organization
from members.normalize import clean_text
from members.services import Refused
from members.wording import counted, end_sentence
from teams import services
from teams.meeting_times import time_range
from teams.models import (
    ActionTeam,
    Announcement,
    FaqEntry,
    Goal,
    Invitation,
    Meeting,
    Membership,
    Question,
    Resource,
    ResourceSuggestion,
    Review,
    TargetArea,
    Topic,
)
from teams.services import meeting_emails, topics
from teams.services.areas import choose_targets, end_target
from teams.services.reviews import correct_review, delete_review, publish_review

FormData = dict[str, Any]
Execute = Callable[[Any, Member, FormData], str]
Record = TypeVar("Record", bound=models.Model)

# Younger unfinished decisions are still being processed by the request that created them.
PENDING_AFTER = timedelta(seconds=10)
# Emails go out between two rounds of the mail worker, so a round is short.
PENDING_SECONDS_PER_DECISION = 1.0
MAX_PENDING_DECISIONS = 5

NOT_ALLOWED = "The person who decided this may no longer do so. Nothing was changed."

# For the preview of an action that writes to many: it shows a few emails, and counts the rest.
MAX_EMAILS = "max_emails"

# Before the key of a team, where a form offers topics and teams in one list.
TEAM_PREFIX = "team-"


@dataclass(frozen=True)
class Action:
    """Something that staff decide about records of `model`; `execute` does it to one of them."""

    model: type[models.Model]
    name: str
    execute: Execute
    can_be_undone: bool = True
    administrators_only: bool = False

    def is_allowed_to(self, staff: Member) -> bool:
        """Return whether `staff` may take this action at all."""
        is_staff = staff.is_active and staff.is_staff
        return is_staff and (staff.is_superuser or not self.administrators_only)

    def step(self, by: Member, form_data: FormData) -> Step:
        """Return the action as a function of the key of a record. It refuses a record that `by`
        does not see when it is carried out."""

        def execute_for_key(key: int) -> str:
            record = self.model._default_manager.filter(pk=key).first()
            if record is None:
                raise Refused("It is no longer there. Nothing was changed.")
            if not services.visible_keys(self.model, [key], by):
                raise Refused(
                    f"One {self.model._meta.verbose_name} was left as it is: the person who "
                    "decided this no longer sees it at the desk."
                )
            return self.execute(record, by, form_data)

        return execute_for_key


ACTIONS: dict[tuple[str, str], Action] = {}


def action(
    model: type[models.Model],
    name: str,
    *,
    can_be_undone: bool = True,
    administrators_only: bool = False,
) -> Callable[[Execute], Execute]:
    """Register the decorated function as the action `name` of `model`."""

    def register(execute: Execute) -> Execute:
        ACTIONS[model._meta.label_lower, name] = Action(
            model, name, execute, can_be_undone, administrators_only
        )
        return execute

    return register


def get_action(model: type[models.Model], name: str) -> Action:
    """Return the action `name` of `model`; KeyError if there is none."""
    return ACTIONS[model._meta.label_lower, name]


def step_of(decision: Decision) -> Step:
    """Return what `decision` does to one record. It refuses where its author may not do it now:
    between two records the author may have been moved to another team, or have lost the desk."""
    registered = ACTIONS.get((decision.model_label, decision.action))

    def execute_for_key(key: int) -> str:
        author = Member.objects.get(pk=decision.by_id)
        if registered is None or not registered.is_allowed_to(author):
            raise Refused(NOT_ALLOWED)
        return registered.step(author, decision.form_data)(key)

    return execute_for_key


def undo_rules_of(decision: Decision) -> UndoRules:
    """Return the rules of undoing `decision`: as for deciding, by the person who undoes it."""
    registered = ACTIONS.get((decision.model_label, decision.action))

    def check_record(key: int, by: Member) -> None:
        if registered is None or not registered.is_allowed_to(by):
            raise Refused("the person who asked for it may no longer do so.")
        if not services.visible_keys(registered.model, [key], by):
            raise Refused("the person who asked for it no longer sees this at the desk.")

    return UndoRules(
        check_record,
        services.refuse_undo_if_built_upon,
        services.describe_for,
        {
            "teams.announcement": services.revert_sending,
            "teams.attendance": services.revert_answers,
        },
    )


def process_decision(decision: Decision, *, seconds: float) -> bool:
    """Process or undo items of `decision` for about `seconds`; return whether all are finished."""
    return process_items(
        decision, step_of(decision), seconds=seconds, undo_rules=undo_rules_of(decision)
    )


def process_pending_decisions() -> None:
    """Continue decisions that were too large for one request, or whose process was killed.

    The mail worker calls this every second.
    """
    now = timezone.now()
    # A decision of the future is from before the clock was set back, not from a running request.
    is_left = Q(created_at__lt=now - PENDING_AFTER) | Q(created_at__gt=now + PENDING_AFTER)
    pending = Decision.objects.unfinished().filter(is_left)
    for decision in pending.order_by("pk")[:MAX_PENDING_DECISIONS]:
        process_decision(decision, seconds=PENDING_SECONDS_PER_DECISION)


# Memberships


@action(Membership, "approve")
def approve_membership(membership: Membership, by: Member, form_data: FormData) -> str:
    membership = services.approve_membership(membership, by=by)
    return f"{membership.member} is an active member of {membership.team} now."


@action(Membership, "decline")
def decline_membership(membership: Membership, by: Member, form_data: FormData) -> str:
    membership = services.decline_membership(membership, reason=form_data["reason"], by=by)
    return f"The request of {membership.member} for {membership.team} is declined."


@action(Membership, "end")
def end_membership(membership: Membership, by: Member, form_data: FormData) -> str:
    membership = services.end_membership(membership, reason=form_data["reason"], by=by)
    return f"The membership of {membership.member} in {membership.team} has ended."


# Members


@action(Member, "confirm")
def confirm_affiliation(member: Member, by: Member, form_data: FormData) -> str:
    recognition = services.confirm_affiliation(member, by=by)
    # Teams that are not one's own are counted, not named.
    visible = Membership.objects.of(member).visible_to(by)
    opened_names = _team_names(visible.filter(pk__in=[each.pk for each in recognition.opened]))
    other_count = len(recognition.opened) - len(opened_names)
    message = f"{member} is confirmed for {end_sentence(member.organization)}"
    if opened_names:
        message += f" Active member now: {', '.join(opened_names)}."
    if other_count:
        message += f" {counted(other_count, 'membership', 'memberships')} opened in other teams."
    if waiting_names := _team_names(visible.waiting()):
        message += f" Still waiting for a decision: {', '.join(waiting_names)}."
    return message


def _team_names(memberships: QuerySet[Membership]) -> list[str]:
    """Return the names of the teams, in the order of the lists."""
    ordered = memberships.order_by("team__position", "team__name")
    return list(ordered.values_list("team__name", flat=True))


@action(Member, "unconfirm")
def unconfirm_affiliation(member: Member, by: Member, form_data: FormData) -> str:
    member_services.unconfirm_affiliation(member, reason=form_data["reason"], by=by)
    return (
        f"{member} is no longer confirmed for {end_sentence(member.organization)} Memberships stay."
    )


@action(Member, "decline")
def decline_all_requests(member: Member, by: Member, form_data: FormData) -> str:
    declined = services.decline_all_requests(member, reason=form_data["reason"], by=by)
    teams = ", ".join(membership.team.name for membership in declined)
    return f"Declined what {member} asked for: {teams}. One email says why."


@action(Member, "merge", administrators_only=True)
def merge_members(member: Member, by: Member, form_data: FormData) -> str:
    into = _merge_target(Member, form_data)
    services.merge_members(member, into, by=by)
    return f"The account {member.email} is part of that of {into}, {into.email}, from now on."


@action(Member, "close", can_be_undone=False, administrators_only=True)
def close_account(member: Member, by: Member, form_data: FormData) -> str:
    services.close_account(member, by=by)
    return "The account is closed and the person’s details are erased."


@action(Member, "invite")
def invite_member(member: Member, by: Member, form_data: FormData) -> str:
    services.invite_member(member, by=by)
    return f"Invited {member} at {end_sentence(member.email)}"


# Invitations


@action(ActionTeam, "invite-people")
def invite_people(team: ActionTeam, by: Member, form_data: FormData) -> str:
    number = services.invite_pasted(
        form_data["addresses"],
        team,
        form_data["note"],
        by=by,
        max_emails=form_data.get(MAX_EMAILS),
    )
    return f"Invited {counted(number, 'person', 'people')} to {end_sentence(team)}"


@action(Invitation, "send-again")
def send_invitation_again(invitation: Invitation, by: Member, form_data: FormData) -> str:
    if invitation.role == Invitation.Role.COLLEAGUE:
        services.resend_invitation(invitation, by=by)
    else:
        services.send_again(invitation, by=by)
    return f"Invited {invitation.email} once more."


@action(Invitation, "cancel")
def cancel_invitation(invitation: Invitation, by: Member, form_data: FormData) -> str:
    services.cancel_invitation(invitation, by=by)
    return f"The invitation of {invitation.email} no longer works."


# Emails that came back


@action(Bounce, "still-there")
def settle_bounce(bounce: Bounce, by: Member, form_data: FormData) -> str:
    bounce = member_services.settle_bounce(bounce, by=by)
    return f"{bounce.member} gets emails at {bounce.address} again."


@action(Bounce, "left")
def record_departure(bounce: Bounce, by: Member, form_data: FormData) -> str:
    memberships = services.record_departure(bounce, reason=form_data["reason"], by=by)
    teams = ", ".join(str(membership.team) for membership in memberships)
    return f"{bounce.member} has left: {end_sentence(teams)}"


# Moves to another address


@action(Move, "approve", can_be_undone=False)
def approve_move(move: Move, by: Member, form_data: FormData) -> str:
    move = services.approve_move(move, by=by)
    return f"The account of {move.member} moved to {move.new_email}. Both addresses get an email."


@action(Move, "decline")
def decline_move(move: Move, by: Member, form_data: FormData) -> str:
    move = services.decline_move(move, reason=form_data["reason"], by=by)
    return f"The account of {move.member} keeps {move.old_email}. Both addresses get an email."


@action(Move, "keep")
def keep_move(move: Move, by: Member, form_data: FormData) -> str:
    move = services.keep_move(move, reason=form_data["reason"], by=by)
    return f"The account of {move.member} is open again, with {move.member.email}."


@action(Move, "return", can_be_undone=False)
def return_account(move: Move, by: Member, form_data: FormData) -> str:
    move = services.return_account(move, reason=form_data["reason"], by=by)
    return f"The account of {move.member} is open again, with its old address {move.old_email}."


# Organizations and their email domains


@action(Organization, "recognize")
def recognize_organization(organization: Organization, by: Member, form_data: FormData) -> str:
    domain = _confirmed_domain(organization, form_data)
    kind = form_data.get(f"kind_{organization.pk}", "")
    recognition = services.recognize_organization(organization, domain=domain, kind=kind, by=by)
    people = counted(len(recognition.confirmed), "person", "people")
    memberships = counted(len(recognition.opened), "membership", "memberships")
    return f"{organization} is recognized. {people} confirmed, {memberships} opened."


@action(Organization, "decline")
def decline_organization(organization: Organization, by: Member, form_data: FormData) -> str:
    declined = services.decline_organization(organization, reason=form_data["reason"], by=by)
    requests = counted(len(declined), "request", "requests")
    return f"{organization} is declined. {requests} declined with it."


@action(Organization, "merge")
def merge_organizations(organization: Organization, by: Member, form_data: FormData) -> str:
    into = _merge_target(Organization, form_data)
    domain = _confirmed_domain(organization, form_data)
    merged = services.merge_organizations(organization, into, domain=domain, by=by)
    confirmed = merged.confirmed
    message = f"{organization} is a former name of {into} now."
    if confirmed:
        message += f" {counted(len(confirmed), 'person', 'people')} confirmed."
    return message


@action(EmailDomain, "take-back")
def remove_domain(domain: EmailDomain, by: Member, form_data: FormData) -> str:
    member_services.remove_domain(domain, by=by)
    return f"The email domain {domain} of {domain.organization} has been removed."


@action(EmailDomain, "move")
def move_domain(domain: EmailDomain, by: Member, form_data: FormData) -> str:
    target = _merge_target(Organization, form_data)
    with_people = bool(form_data.get("people"))
    moved = services.move_domain(domain, target, with_people=with_people, by=by)
    message = f"{domain} now belongs to {target}. {_describe_move(moved)}"
    if moved.confirmed:
        message += (
            f" {counted(len(moved.confirmed), 'waiting person', 'waiting people')} confirmed."
        )
    return message


@action(EmailDomain, "move-people")
def move_people(domain: EmailDomain, by: Member, form_data: FormData) -> str:
    return f"{domain}: {_describe_move(services.move_people(domain, by=by))}"


def _describe_move(moved: services.DomainMove) -> str:
    message = f"{counted(len(moved.moved), 'person', 'people')} moved."
    if moved.other_count:
        others = counted(moved.other_count, "person is", "people are")
        message += f" {others} not in your teams: an administrator can move them."
    return message


def _confirmed_domain(organization: Organization, form_data: FormData) -> str:
    """Return the suggested email domain if its box is ticked, else an empty string."""
    return organization.offered_domain if form_data.get(f"domain_{organization.pk}") else ""


def _merge_target(model: type[Record], form_data: FormData) -> Record:
    target = model._default_manager.filter(pk=form_data["into"]).first()
    if target is None:
        raise Refused("What it was to be merged into is no longer there.")
    return target


# What teams publish


@action(Goal, "report", can_be_undone=False)
def report_goal(goal: Goal, by: Member, form_data: FormData) -> str:
    value = form_data.get("value")
    services.report_goal(
        goal,
        state=form_data["state"],
        value=None if value is None else Decimal(value),
        sentence=form_data["sentence"],
        by=by,
    )
    return f"Your report on “{goal}” is on the team’s page now."


@action(ActionTeam, "choose-areas")
def choose_areas(team: ActionTeam, by: Member, form_data: FormData) -> str:
    targets = choose_targets(team, form_data["areas"], why=form_data["why"], by=by)
    areas = counted(len(targets), "target area", "target areas")
    return f"{areas} chosen for {team}: {', '.join(str(target.area) for target in targets)}."


@action(TargetArea, "end")
def end_target_area(target: TargetArea, by: Member, form_data: FormData) -> str:
    target = end_target(target, reason=form_data["reason"], by=by)
    return f"{target.area} is no longer a target of {end_sentence(target.team)}"


@action(FaqEntry, "confirm")
def confirm_entry(entry: FaqEntry, by: Member, form_data: FormData) -> str:
    services.confirm_entry(entry, by=by)
    return f"“{entry}” is checked as of today."


# Resources


@action(Resource, "renew")
def renew_resource(resource: Resource, by: Member, form_data: FormData) -> str:
    services.renew_resource(resource, by=by)
    return f"“{resource}” is marked as checked today."


@action(Resource, "follow")
def follow_moved_link(resource: Resource, by: Member, form_data: FormData) -> str:
    resource = services.follow_moved_link(resource, by=by)
    return f"“{resource}” now links to {resource.url}"


@action(Resource, "archive")
def archive_resource(resource: Resource, by: Member, form_data: FormData) -> str:
    services.archive_resource(resource, by=by, reason=form_data.get("reason", ""))
    return f"“{resource}” is archived. It is no longer on any page."


@action(Resource, "restore")
def restore_resource(resource: Resource, by: Member, form_data: FormData) -> str:
    services.restore_resource(resource, by=by)
    return f"“{resource}” is back on the pages."


@action(ResourceSuggestion, "publish")
def publish_suggestion(suggestion: ResourceSuggestion, by: Member, form_data: FormData) -> str:
    if key := form_data.get("resource"):
        resource = Resource.objects.editable_by(by).filter(pk=key).first()
        if resource is None:
            raise Refused("The resource that you chose is no longer there. Nothing was changed.")
        teams: list[ActionTeam] = []
    else:
        fields = {name: form_data[name] for name in services.SUGGESTED_FIELDS}
        resource = Resource(**fields)
        teams = list(ActionTeam.objects.filter(pk__in=form_data["teams"]))
    services.publish_suggestion(suggestion, resource=resource, teams=teams, by=by)
    if key:
        return f"“{suggestion}” is closed: the library already has it as “{resource}”."
    return f"“{resource}” is published: {resource.get_absolute_url()}"


@action(ResourceSuggestion, "dismiss")
def dismiss_suggestion(suggestion: ResourceSuggestion, by: Member, form_data: FormData) -> str:
    services.dismiss_suggestion(suggestion, reason=form_data["reason"], by=by)
    return f"“{suggestion}” is dismissed."


# Topics


@action(Topic, "publish")
def publish_topic(topic: Topic, by: Member, form_data: FormData) -> str:
    words = {name: form_data[name] for name in ("title", "summary", "why")}
    topic = topics.publish_topic(topic, **words, by=by)
    return f"“{topic}” is published as proposed: {topic.get_absolute_url()}"


@action(Topic, "study")
def study_topic(topic: Topic, by: Member, form_data: FormData) -> str:
    topic = topics.study_topic(topic, why=form_data["why"], by=by)
    return f"“{topic}” is being studied."


@action(Topic, "classify")
def classify_topic(topic: Topic, by: Member, form_data: FormData) -> str:
    team = ActionTeam.objects.filter(pk=form_data["team"]).first()
    if team is None:
        raise Refused("The team that you chose is no longer there. Nothing was changed.")
    topic = topics.classify_topic(topic, team, why=form_data["why"], by=by)
    return f"“{topic}” is in the focus area of {end_sentence(team)}"


@action(Topic, "focus")
def focus_topic(topic: Topic, by: Member, form_data: FormData) -> str:
    topic = topics.focus_topic(topic, why=form_data["why"], by=by)
    return f"“{topic}” is in focus: {topic.team} works on it now."


@action(Topic, "set-aside")
def set_aside_topic(topic: Topic, by: Member, form_data: FormData) -> str:
    topic = topics.set_aside_topic(topic, reason=form_data["reason"], by=by)
    return f"“{topic}” is set aside. Its page says why."


@action(Topic, "dismiss")
def dismiss_topic(topic: Topic, by: Member, form_data: FormData) -> str:
    topic = topics.dismiss_topic(topic, reason=form_data["reason"], by=by)
    return f"“{topic}” is dismissed."


# Meetings


@action(Meeting, "announce")
def announce_meeting(meeting: Meeting, by: Member, form_data: FormData) -> str:
    meeting = services.announce_meeting(meeting, by=by, max_emails=form_data.get(MAX_EMAILS))
    return f"“{meeting}” is announced: {time_range(meeting)}."


@action(Meeting, "move")
def move_meeting(meeting: Meeting, by: Member, form_data: FormData) -> str:
    moved = services.move_meeting(
        meeting,
        starts_at=datetime.fromisoformat(form_data["starts_at"]),
        ends_at=datetime.fromisoformat(form_data["ends_at"]),
        place=form_data["place"],
        join_url=form_data["join_url"],
        by=by,
        max_emails=form_data.get(MAX_EMAILS),
    )
    remarks = "".join(f" {remark}" for remark in form_data.get("remarks", ()))
    if (moved.starts_at, moved.ends_at) != (meeting.starts_at, meeting.ends_at):
        return f"“{moved}” is moved. It is now on {time_range(moved)}.{remarks}"
    if moved.where != meeting.where:
        return f"“{moved}” is moved. It is at the same time, but in a new place: {moved.where}."
    return f"“{moved}” has a new link to join online."


@action(Meeting, "cancel")
def cancel_meeting(meeting: Meeting, by: Member, form_data: FormData) -> str:
    reason, max_emails = form_data["reason"], form_data.get(MAX_EMAILS)
    meeting = services.cancel_meeting(meeting, reason=reason, by=by, max_emails=max_emails)
    return f"“{meeting}” on {time_range(meeting)} is cancelled."


@action(Meeting, "revive")
def revive_meeting(meeting: Meeting, by: Member, form_data: FormData) -> str:
    meeting = services.revive_meeting(meeting, by=by, max_emails=form_data.get(MAX_EMAILS))
    return f"“{meeting}” takes place after all: {time_range(meeting)}."


@action(Meeting, "email_materials")
def email_materials(meeting: Meeting, by: Member, form_data: FormData) -> str:
    recipients = meeting_emails.email_materials(meeting, by, max_emails=form_data.get(MAX_EMAILS))
    return f"Minutes and links of “{meeting}”: {recipients}."


@action(Meeting, "delete", can_be_undone=False)
def delete_meeting(meeting: Meeting, by: Member, form_data: FormData) -> str:
    services.delete_meeting(meeting, by=by)
    return f"The draft “{meeting}” is deleted."


# Announcements


@action(Announcement, "send")
def send_announcement(announcement: Announcement, by: Member, form_data: FormData) -> str:
    version = form_data.get("version", "")
    recipients = services.send_announcement(announcement, by=by, version=version)
    return f"“{announcement}” is sent: {recipients}."


@action(Announcement, "stop", can_be_undone=False)
def stop_announcement(announcement: Announcement, by: Member, form_data: FormData) -> str:
    number = services.stop_announcement(announcement, by=by)
    emails = counted(number, "email was", "emails were")
    return f"“{announcement}” is stopped: {emails} not sent."


@action(Announcement, "delete", can_be_undone=False)
def delete_announcement(announcement: Announcement, by: Member, form_data: FormData) -> str:
    services.delete_announcement(announcement, by=by)
    return f"The draft “{announcement}” is deleted."


# What happened since the last quarterly meeting


@action(Review, "publish")
def publish_review_for_good(review: Review, by: Member, form_data: FormData) -> str:
    review = publish_review(review, by=by, version=form_data.get("version", ""))
    return f"{review} is published: {review.get_absolute_url()}"


@action(Review, "correct")
def add_correction(review: Review, by: Member, form_data: FormData) -> str:
    correct_review(review, form_data["text"], by=by)
    return f"The correction is on the page about {end_sentence(review)}"


@action(Review, "delete", can_be_undone=False)
def delete_draft_of_review(review: Review, by: Member, form_data: FormData) -> str:
    delete_review(review, by=by)
    return f"The draft about {review} is deleted."


# Visitors' questions


@action(Question, "answer")
def answer_question(question: Question, by: Member, form_data: FormData) -> str:
    services.answer_question(question, answer=form_data["answer"], by=by)
    return f"“{question}” is answered by email."


@action(Question, "publish")
def publish_question(question: Question, by: Member, form_data: FormData) -> str:
    key = form_data["entry"]
    entry = _existing_entry(key, by) if key else _new_entry(form_data, by)
    question = services.publish_question(question, entry=entry, answer=form_data["answer"], by=by)
    message = f"“{question}” is answered on the FAQ page, at {entry.get_absolute_url()}"
    return f"{message}; the asker gets the link by email." if question.email else f"{message}."


@action(Question, "dismiss")
def dismiss_question(question: Question, by: Member, form_data: FormData) -> str:
    question = services.dismiss_question(question, reason=form_data["reason"], by=by)
    is_emailed = question.email and question.answer
    return f"“{question}” is dismissed; " + (
        "the asker gets the reason by email." if is_emailed else "nobody is notified."
    )


def _existing_entry(key: str, by: Member) -> FaqEntry:
    """Return the chosen entry; refuses one that `by` may not change."""
    entry = FaqEntry.objects.editable_by(by).filter(pk=key).first() if key.isdecimal() else None
    if entry is None:
        raise Refused("This FAQ entry is not there, or not yours to change. Nothing was changed.")
    return entry


def _new_entry(form_data: FormData, by: Member) -> FaqEntry:
    """Return a new entry, not stored; refuses a team that `by` does not facilitate."""
    place = form_data.get("place", "")
    question = clean_text(form_data.get("question", ""))
    entry = FaqEntry(question=question, answer=form_data["answer"])
    if place.startswith(TEAM_PREFIX):
        teams = ActionTeam.objects.facilitated_by(by)
        entry.team = teams.filter(pk=place.removeprefix(TEAM_PREFIX)).first()
        if entry.team is None:
            raise Refused("You no longer facilitate this team. Nothing was changed.")
    elif place:
        entry.topic = place
    return entry
