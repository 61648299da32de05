"""Topics at the desk: shared by all facilitators, decided with a reason, undone in time."""

import pytest

from conftest import visible_text
from desk.tests.action_pages import action_form, action_url, listed, selection_url
from members.models import Decision
from members.services import undo_decision
from teams.actions import process_decision
from teams.models import Topic
from teams.services.digests import digest_for
from teams.services.topics import change_topic
from teams.tests.announcements import make_resource
from teams.tests.topics import make_topic, waiting_topic

LIST = "/admin/teams/topic/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client_for, facilitator):
    return client_for(facilitator)


def undo(by) -> None:
    decision = Decision.objects.latest("pk")
    undo_decision(decision, by=by)
    process_decision(decision, seconds=5)


def test_proposals_are_shared_and_wait_on_today(
    desk, client_for, other_facilitator, facilitator, member
):
    topic = waiting_topic()
    for staff in (facilitator, other_facilitator):
        assert listed(Topic, staff) == [topic]
    assert client_for(member).get(action_url("publish", topic)).status_code == 403
    text = visible_text(desk.get("/admin/"))
    assert "1 proposed topic to decide" in text
    (section,) = digest_for(facilitator)
    assert (section.kind, section.number) == ("topics", 1)
    assert "Night shifts" in visible_text(desk.get("/admin/search/?q=night"))


def test_publish_begins_with_the_proposal_and_is_undone(desk, facilitator, queued_emails):
    topic = waiting_topic()
    form = action_form(desk.get(action_url("publish", topic)))
    assert form.fields["title"] == "Night shifts"
    refused = form.submit(desk, "Publish", title="Night work", why="")
    assert "Say in one sentence why" in visible_text(refused)
    assert "Night work" in refused.content.decode()
    page = form.submit(desk, "Publish", title="Night work", why="Many asked.")
    assert f'href="{topic.get_absolute_url()}"' in page.content.decode()
    topic.refresh_from_db()
    assert (topic.title, topic.state, topic.steps.get().why) == (
        "Night work",
        "proposed",
        "Many asked.",
    )
    assert "Many asked." in visible_text(desk.get(f"{LIST}{topic.pk}/change/"))
    assert len(queued_emails()) == 1
    undo(facilitator)
    topic.refresh_from_db()
    assert (topic.title, topic.state, topic.decided_at) == ("Night shifts", "waiting", None)
    assert not topic.steps.exists()
    assert not queued_emails()


def test_each_decision_has_its_page_and_is_undone(desk, facilitator, team, other_team):
    topic = make_topic("Night shifts", by=facilitator)
    for action, entered, state in [
        ("study", {"why": "We look."}, "studied"),
        ("classify", {"why": "It is ours.", "team": str(team.pk)}, "classified"),
        ("focus", {"why": "The goal is set."}, "in_focus"),
        ("set-aside", {"reason": "Others do it."}, "set_aside"),
    ]:
        if action == "classify":
            page = desk.get(action_url(action, topic))
            assert other_team.name not in page.content.decode()
            form = action_form(page)
            form.fields.setdefault("team", "")
            form.submit(desk, "Classify", **entered, follow=False)
        else:
            desk.post(action_url(action, topic), entered)
        topic.refresh_from_db()
        assert topic.state == state
    undo(facilitator)
    topic.refresh_from_db()
    assert (topic.state, topic.team) == ("in_focus", team)
    assert topic.steps.last().state == "in_focus"
    record = visible_text(desk.get(f"{LIST}{topic.pk}/change/"))
    assert "Set aside…" in record
    assert "Study…" not in record


def test_topic_of_another_team_offers_no_step(desk, other_facilitator, other_team):
    topic = make_topic("Night shifts", "classified", other_team, by=other_facilitator)
    record = visible_text(desk.get(f"{LIST}{topic.pk}/change/"))
    assert "Set aside…" not in record
    assert "Put in focus…" not in record
    page = desk.post(action_url("set-aside", topic), {"reason": "Not ours."})
    assert page.status_code == 403
    assert "Not ours." in visible_text(page)
    topic.refresh_from_db()
    assert topic.state == "classified"


def test_many_proposals_are_dismissed_at_once_and_published_one_at_a_time(desk, queued_emails):
    topics = [waiting_topic(), waiting_topic("Spam", email="")]
    form = action_form(desk.get(selection_url(desk, "publish", *topics)))
    assert "Publish one topic at a time" in visible_text(form.submit(desk, "Publish", why="Yes."))
    form = action_form(desk.get(selection_url(desk, "dismiss", *topics)))
    form.submit(desk, "Dismiss", reason="Thank you.", follow=False)
    assert not Topic.objects.waiting().exists()
    assert len(queued_emails()) == 1
    late = visible_text(desk.get(action_url("dismiss", topics[0])))
    assert "It is dismissed now." in late


def test_topic_is_added_and_changed_with_links_that_others_chose(
    desk, facilitator, administrator, goal, other_team
):
    form = {"title": "Night shifts", "summary": "", "why": "", "goals": [goal.pk]}
    refused = desk.post(f"{LIST}add/", form)
    assert "Say in one sentence why it is one of our topics" in visible_text(refused)
    desk.post(f"{LIST}add/", form | {"why": "Employers told us."})
    topic = Topic.objects.get()
    assert (topic.state, topic.slug, list(topic.goals.all())) == (
        "proposed",
        "night-shifts",
        [goal],
    )
    hidden = make_resource(other_team, title="Of others", audience="teams")
    change_topic(topic, by=administrator, links={"resources": [hidden]})
    page = desk.get(f"{LIST}{topic.pk}/change/")
    assert "Of others" not in page.content.decode()
    desk.post(f"{LIST}{topic.pk}/change/", {"title": "Night work", "summary": "Hard."})
    topic.refresh_from_db()
    assert (topic.title, topic.state) == ("Night work", "proposed")
    assert list(topic.resources.all()) == [hidden]
    assert not topic.goals.exists()
    again = desk.post(f"{LIST}add/", form | {"title": "night WORK", "why": "x"})
    assert "There is a topic “Night work” already" in visible_text(again)
    assert desk.post(f"{LIST}{topic.pk}/delete/", {"post": "yes"}).status_code == 403
