"""The steps of topics: in order, with a reason, by those who may; and to whom a topic matters."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from conftest import make_active_member, make_organization
from members.services import Refused
from teams.models import ActionTeam, Topic, TopicSupport
from teams.services import (
    close_account,
    delete_old_addresses,
    merge_members,
    merge_organizations,
    personal_data,
    search_site,
)
from teams.services.topics import (
    add_topic,
    change_topic,
    classify_topic,
    dismiss_topic,
    focus_topic,
    propose_topic,
    publish_topic,
    set_aside_topic,
    study_topic,
    support_topic,
    withdraw_support,
)
from teams.services.waiting import waiting_for
from teams.tests.test_concurrency import at_once
from teams.tests.topics import make_topic, waiting_topic

pytestmark = pytest.mark.django_db
WHY = "Three employers asked for it."
State = Topic.State


@pytest.fixture
def topic(administrator) -> Topic:
    return make_topic("Night shifts", by=administrator)


def test_proposed_topic_waits_with_history_and_without_a_step():
    topic = propose_topic("Night shifts", "Hard to fill.", "vera@visitor.example")
    assert (topic.state, topic.slug) == (State.WAITING, "night-shifts")
    version = topic.history.get()
    assert version.history_change_reason == "proposed by a visitor"
    assert not hasattr(version, "proposer_email")
    assert not topic.steps.exists()
    assert not Topic.objects.visible_to(AnonymousUser()).exists()


def test_proposing_twice_within_ten_minutes_is_one_proposal():
    topic = propose_topic("Night shifts")
    assert propose_topic("Night shifts") == topic
    assert propose_topic("Night shifts", "Others.").slug == "night-shifts-2"
    Topic.objects.filter(pk=topic.pk).update(proposed_at=timezone.now() - timedelta(minutes=11))
    assert propose_topic("Night shifts") != topic


@pytest.mark.parametrize(("title", "slug"), [("Propose", "propose-2"), ("???", "topic")])
def test_address_of_a_topic_is_never_one_of_the_pages(title, slug):
    assert propose_topic(title).slug == slug


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_4_proposals_at_once_are_one():
    assert len({each.pk for each in at_once(*[lambda: propose_topic("Night shifts")] * 4)}) == 1


@pytest.mark.both_databases
def test_each_step_says_why_and_stays(facilitator, team, queued_emails):
    topic = waiting_topic()
    publish_topic(topic, why=WHY, title="Night work", summary="Hard to fill.", by=facilitator)
    study_topic(topic, why="Two teams look at it.", by=facilitator)
    classify_topic(topic, team, why="It is about training.", by=facilitator)
    focus_topic(topic, why="The goal is set.", by=facilitator)
    topic = set_aside_topic(topic, reason="Others do it.", by=facilitator)
    assert (topic.title, topic.slug, topic.team) == ("Night work", "night-shifts", team)
    assert [(step.state, step.why) for step in topic.steps.all()] == [
        (State.PROPOSED, WHY),
        (State.STUDIED, "Two teams look at it."),
        (State.CLASSIFIED, "It is about training."),
        (State.IN_FOCUS, "The goal is set."),
        (State.SET_ASIDE, "Others do it."),
    ]
    assert topic.history.first().history_change_reason == "set aside"
    assert [email.to for email in queued_emails()] == [["vera@visitor.example"]]
    again = study_topic(topic, why="It is back.", by=facilitator)
    assert (again.state, again.team) == (State.STUDIED, None)
    # The first decision counts for how long the address is kept.
    assert again.decided_at == topic.decided_at


@pytest.mark.parametrize("why", ["", "  ", "\u200b"])
def test_step_without_a_reason_is_refused(topic, facilitator, why):
    with pytest.raises(Refused, match="Say in one sentence why"):
        study_topic(topic, why=why, by=facilitator)
    with pytest.raises(Refused, match="Say in one sentence why"):
        add_topic("Other", why=why, by=facilitator)
    assert topic.steps.count() == 1


@pytest.mark.parametrize(
    ("state", "take"),
    [
        (State.PROPOSED, lambda topic, by: publish_topic(topic, why=WHY, by=by)),
        (State.PROPOSED, lambda topic, by: dismiss_topic(topic, reason="", by=by)),
        (State.PROPOSED, lambda topic, by: focus_topic(topic, why=WHY, by=by)),
        (State.STUDIED, lambda topic, by: study_topic(topic, why=WHY, by=by)),
        (State.SET_ASIDE, lambda topic, by: set_aside_topic(topic, reason=WHY, by=by)),
        (State.SET_ASIDE, lambda topic, by: focus_topic(topic, why=WHY, by=by)),
        (State.WAITING, lambda topic, by: study_topic(topic, why=WHY, by=by)),
        (State.DISMISSED, lambda topic, by: publish_topic(topic, why=WHY, by=by)),
    ],
)
def test_step_out_of_order_is_refused_and_changes_nothing(administrator, state, take):
    if state in (State.WAITING, State.DISMISSED):
        topic = waiting_topic()
        if state == State.DISMISSED:
            dismiss_topic(topic, reason="", by=administrator)
    else:
        topic = make_topic("Night shifts", state, by=administrator)
    steps = topic.steps.count()
    with pytest.raises(Refused, match=r"now\. Nothing was changed"):
        take(topic, administrator)
    topic.refresh_from_db()
    assert (topic.state, topic.steps.count()) == (state, steps)


def test_only_facilitators_of_a_team_decide_what_it_works_on(
    topic, team, other_team, facilitator, other_facilitator, member
):
    with pytest.raises(Refused, match=f"You do not facilitate {team}"):
        classify_topic(topic, team, why=WHY, by=other_facilitator)
    with pytest.raises(Refused, match="You do not facilitate"):
        classify_topic(topic, team, why=WHY, by=member)
    classified = classify_topic(topic, team, why=WHY, by=facilitator)
    with pytest.raises(Refused, match="already"):
        classify_topic(topic, team, why=WHY, by=facilitator)
    for take in (
        lambda: focus_topic(topic, why=WHY, by=other_facilitator),
        lambda: set_aside_topic(topic, reason=WHY, by=other_facilitator),
        lambda: classify_topic(topic, other_team, why=WHY, by=other_facilitator),
    ):
        with pytest.raises(Refused, match=f"You do not facilitate {team}"):
            take()
    assert classified.steps.count() == 2


@pytest.mark.both_databases
def test_database_keeps_a_classified_topic_with_its_team(topic):
    with pytest.raises(IntegrityError), transaction.atomic():
        Topic.objects.filter(pk=topic.pk).update(state=State.CLASSIFIED)


def test_same_title_is_not_added_twice(topic, administrator):
    with pytest.raises(Refused, match="There is a topic “Night shifts” already"):
        make_topic("night SHIFTS", by=administrator)
    with pytest.raises(Refused, match="Choose the team"):
        make_topic("Other", State.IN_FOCUS, by=administrator)


@pytest.mark.parametrize(("reason", "emails"), [("Thank you.", 1), ("", 0)])
def test_dismissed_proposal_is_nowhere_and_its_reason_goes_to_the_proposer(
    facilitator, queued_emails, reason, emails
):
    topic = dismiss_topic(waiting_topic(), reason=reason, by=facilitator)
    assert not Topic.objects.public().exists()
    assert not topic.steps.exists()
    assert len(queued_emails()) == emails
    assert all("Thank you." in email.message for email in queued_emails())


def test_topic_of_a_draft_team_exists_for_those_alone_who_prepare_it(
    topic, team, facilitator, other_facilitator, administrator
):
    classify_topic(topic, team, why=WHY, by=administrator)
    ActionTeam.objects.filter(pk=team.pk).update(state=ActionTeam.State.DRAFT)
    assert not Topic.objects.public().exists()
    seen = [
        person
        for person in (AnonymousUser(), other_facilitator, facilitator, administrator)
        if Topic.objects.visible_to(person).exists()
    ]
    assert seen == [facilitator, administrator]
    found = search_site("night", other_facilitator).counts
    assert not found
    assert [kind.name for kind, _ in search_site("night", facilitator).counts] == ["topic"]


def test_waiting_topics_are_late_and_lose_their_address_in_time(facilitator):
    topic = waiting_topic()
    assert waiting_for(facilitator)["topics"].number == 1
    Topic.objects.update(proposed_at=timezone.now() - timedelta(days=366))
    assert waiting_for(facilitator)["topics"].late == 1
    assert delete_old_addresses() == 1
    topic.refresh_from_db()
    assert topic.proposer_email == ""


def test_matters_once_per_organization_and_can_be_taken_back(
    topic, organization, member, colleague, outsider
):
    assert support_topic(topic, by=member) == organization
    support_topic(topic, by=colleague)
    support_topic(topic, by=outsider)
    assert Topic.objects.with_support().get().support_count == 2
    assert TopicSupport.objects.get(organization=organization).member == member
    withdraw_support(topic, by=colleague)
    withdraw_support(topic, by=colleague)
    assert Topic.objects.with_support().get().support_count == 1


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_matters_4_times_at_once_is_once(administrator, member):
    topic = make_topic("Night shifts", by=administrator)
    at_once(*[lambda: support_topic(topic, by=member)] * 4)
    assert TopicSupport.objects.count() == 1


def test_others_cannot_say_that_a_topic_matters(topic, applicant, administrator, member):
    for person in (applicant, administrator):
        with pytest.raises(Refused, match="whose organization is recognized"):
            support_topic(topic, by=person)
    set_aside_topic(topic, reason=WHY, by=administrator)
    with pytest.raises(Refused, match="is set aside"):
        support_topic(topic, by=member)
    with pytest.raises(Refused, match="no longer there"):
        support_topic(waiting_topic("Other"), by=member)
    assert not TopicSupport.objects.exists()


def test_support_follows_merged_people_and_organizations(
    topic, team, organization, administrator, member, colleague
):
    second = make_organization("Rush Annex", "annex.example", administrator)
    twin = make_active_member("pat@annex.example", second, "Pat Twin", team)
    other = make_topic("Other", by=administrator)
    for each in (topic, other):
        support_topic(each, by=twin)
    support_topic(topic, by=member)
    merge_organizations(second, organization, by=administrator)
    counts = Topic.objects.with_support().values_list("title", "support_count")
    assert dict(counts) == {"Night shifts": 1, "Other": 1}
    assert other.support.get().organization == organization
    withdraw_support(topic, by=member)
    support_topic(topic, by=colleague)
    merge_members(colleague, member, by=administrator)
    (said,) = personal_data(member)["topics_that_matter_to_your_organization"]
    assert said["topic"] == "Night shifts"


def test_download_names_what_matters_and_closing_keeps_it_for_the_organization(
    topic, organization, member
):
    support_topic(topic, by=member)
    (said,) = personal_data(member)["topics_that_matter_to_your_organization"]
    assert (said["topic"], said["organization"]) == ("Night shifts", organization.name)
    close_account(member)
    assert Topic.objects.with_support().get().support_count == 1
    assert TopicSupport.objects.get().member.full_name == ""


def test_changing_words_and_links_leaves_history(topic, goal, facilitator):
    links = {"goals": [goal], "meetings": [], "resources": []}
    change_topic(topic, by=facilitator, links=links, title="Night work", summary="")
    change_topic(topic, by=facilitator, links=links)
    assert list(goal.topics.all()) == [topic]
    reasons = [version.history_change_reason for version in topic.history.all()]
    assert reasons == ["chosen: goals", "changed", "added"]
    with pytest.raises(Refused, match="Enter a title"):
        change_topic(topic, by=facilitator, links={}, title=" ")
