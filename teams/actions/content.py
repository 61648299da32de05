"""What staff decide about what teams publish, and about what visitors ask and suggest."""

from __future__ import annotations

from decimal import Decimal

from members.models import Member
from members.normalize import clean_text
from members.services import Refused
from members.wording import counted, end_sentence
from teams import services
from teams.actions.registry import TEAM_PREFIX, FormData, action
from teams.models import (
    ActionTeam,
    FaqEntry,
    Goal,
    Question,
    Resource,
    ResourceSuggestion,
    Review,
    TargetArea,
    Topic,
)
from teams.services import areas, reviews, topics

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
    targets = areas.choose_targets(team, form_data["areas"], why=form_data["why"], by=by)
    number = counted(len(targets), "target area", "target areas")
    return f"{number} chosen for {team}: {', '.join(str(target.area) for target in targets)}."


@action(TargetArea, "end")
def end_target(target: TargetArea, by: Member, form_data: FormData) -> str:
    target = areas.end_target(target, reason=form_data["reason"], by=by)
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
    return f"“{resource}” is published."


@action(ResourceSuggestion, "dismiss")
def dismiss_suggestion(suggestion: ResourceSuggestion, by: Member, form_data: FormData) -> str:
    services.dismiss_suggestion(suggestion, reason=form_data["reason"], by=by)
    return f"“{suggestion}” is dismissed."


# Topics


@action(Topic, "publish")
def publish_topic(topic: Topic, by: Member, form_data: FormData) -> str:
    words = {name: form_data[name] for name in ("title", "summary", "why")}
    topic = topics.publish_topic(topic, **words, by=by)
    return f"“{topic}” is published as proposed."


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


# What happened since the last quarterly meeting


@action(Review, "publish")
def publish_review(review: Review, by: Member, form_data: FormData) -> str:
    review = reviews.publish_review(review, by=by, version=form_data.get("version", ""))
    return f"{review} is published."


@action(Review, "correct")
def correct_review(review: Review, by: Member, form_data: FormData) -> str:
    reviews.correct_review(review, form_data["text"], by=by)
    return f"The correction is on the page about {end_sentence(review)}"


@action(Review, "delete", can_be_undone=False)
def delete_review(review: Review, by: Member, form_data: FormData) -> str:
    reviews.delete_review(review, by=by)
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
    message = f"“{question}” is answered on the FAQ page"
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
