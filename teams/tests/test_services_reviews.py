"""Reviews: what is collected from the data, and what can happen to them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conftest import make_organization, make_team
from members.services import Refused, create_decision, save_with_history
from teams.actions import process_decision
from teams.models import (
    ActionTeam,
    Announcement,
    FaqEntry,
    GoalUpdate,
    Meeting,
    Review,
    ReviewLine,
    TargetArea,
    Topic,
    TopicStep,
)
from teams.services import merge_organizations
from teams.services.review_lines import Days, collect_lines
from teams.services.reviews import (
    announce_review,
    begin_review,
    change_review,
    collect_again,
    content_version,
    correct_review,
    delete_review,
    proposed_days,
    publish_review,
)
from teams.tests.announcements import make_resource
from teams.tests.meetings import make_meeting
from teams.tests.reviews import add_line, days_ago, held, make_review, moment

pytestmark = pytest.mark.django_db


def last(days: int = 90) -> Days:
    return Days(days_ago(days), days_ago(0))


def texts(days: Days | None = None) -> list[str]:
    return [line.text for line in collect_lines(days or last())[0]]


def report(goal, state: str = "on_track", days: int = 10, **fields) -> GoalUpdate:
    values = {"sentence": "Two signed.", "reported_at": moment(days), **fields}
    return GoalUpdate.objects.create(goal=goal, state=state, **values)


def change_entry(entry, by, days: int, **changes) -> None:
    """Change `entry` so many days ago."""
    save_with_history(entry, by, "changed", **changes)
    newest = entry.history.first()
    newest.history_date = moment(days)
    newest.save()


def topic_with_step(state: str, team=None, **fields) -> Topic:
    decided_at = None if state == Topic.State.WAITING else timezone.now()
    topic = Topic.objects.create(
        title="Child care", slug="child-care", state=state, team=team, decided_at=decided_at
    )
    values = {"why": "It keeps people out.", "taken_at": moment(5), **fields}
    TopicStep.objects.create(topic=topic, state=state, team=team, **values)
    return topic


# Collecting ----------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_each_kind_is_collected_in_words_with_its_link(team, goal, organization, facilitator):
    goal.target, goal.unit = 70, "%"
    goal.save()
    report(goal, value=41, days=100)
    report(goal, value=58)
    held(team, minutes="Decided.")
    make_resource(team, added_at=moment(3))
    entry = FaqEntry(slug="who", question="Who can join?", answer="People.")
    save_with_history(entry, facilitator, "added")
    TargetArea.objects.create(team=team, area_code="68", why="Twice the rate.")
    lines, left_out = collect_lines(last())
    found = [(line.kind, line.text, line.path) for line in lines]
    assert found == [
        (
            "goal",
            "Education, “Bring people to one table”: on track, 58% of 70% (41% before). "
            "Two signed.",
            "/teams/education/#goal-one-table",
        ),
        (
            "meeting",
            "Winter meeting, quarterly meeting of Education. Its minutes are published.",
            "/meetings/winter-meeting/",
        ),
        (
            "resource",
            "Publication: Interview guide, from Example Workforce Institute",
            "/resources/interview-guide/",
        ),
        ("organization", "Rush Example Hospital", "/organizations/"),
        ("answer", "New: Who can join?", "/faq/who/"),
        (
            "target_area",
            "Englewood: a target area of Education. Twice the rate.",
            "/areas/68-englewood/",
        ),
    ]
    assert [line.name_and_news for line in lines if line.name_and_news[1]] == [
        (
            "Education, “Bring people to one table”",
            ": on track, 58% of 70% (41% before). Two signed.",
        ),
        ("Winter meeting", ", quarterly meeting of Education. Its minutes are published."),
        ("Englewood", ": a target area of Education. Twice the rate."),
    ]
    assert left_out == 0


def test_only_the_period_counts_both_of_its_days_included(goal):
    for days in (9, 10, 20, 21):
        report(goal, days=days, sentence=f"{days} days ago.")
    (line,) = collect_lines(Days(days_ago(20), days_ago(10)))[0]
    assert line.text.endswith("10 days ago.")
    (line,) = collect_lines(Days(days_ago(20), days_ago(11)))[0]
    assert line.text.endswith("20 days ago.")
    assert collect_lines(Days(days_ago(19), days_ago(11)))[0] == []


def test_nothing_is_collected_that_visitors_do_not_see(team):
    held(team, audience=Meeting.Audience.MEMBERS)
    held(team, audience=Meeting.Audience.TEAMS)
    held(team, status=Meeting.Status.DRAFT)
    held(team, status=Meeting.Status.CANCELLED, cancelled_reason="Snow")
    make_meeting(team)
    make_resource(team, audience="members")
    make_resource(team, archived_at=timezone.now())
    FaqEntry.objects.create(slug="draft", question="Draft?", answer="No.", is_published=False)
    topic_with_step("waiting")
    assert texts() == []


def test_nothing_of_a_draft_team_is_collected(team, goal, administrator):
    report(goal)
    held(team)
    make_resource(team)
    save_with_history(
        FaqEntry(slug="who", question="Who?", answer="All.", team=team), administrator, "added"
    )
    TargetArea.objects.create(team=team, area_code="68", why="Twice the rate.")
    topic_with_step("classified", team)
    ActionTeam.objects.update(state=ActionTeam.State.DRAFT)
    assert texts() == []


def test_answer_that_was_changed_and_changed_back_is_no_news(faq_entry, administrator):
    faq_entry.history.update(history_date=moment(200))
    change_entry(faq_entry, administrator, 100, answer="First.")
    change_entry(faq_entry, administrator, 20, answer="Second.")
    assert texts() == ["Changed: Who can join?"]
    change_entry(faq_entry, administrator, 10, answer="First.")
    change_entry(faq_entry, administrator, 9, checked_on=days_ago(9))
    assert texts() == []
    change_entry(faq_entry, administrator, 8, is_published=False)
    change_entry(faq_entry, administrator, 7, answer="Third.", is_published=True)
    assert texts() == ["Changed: Who can join?"]


def test_answer_first_published_in_the_period_is_new(administrator):
    entry = FaqEntry(slug="who", question="Who?", answer="All.", is_published=False)
    save_with_history(entry, administrator, "added")
    entry.history.update(history_date=moment(100))
    assert texts() == []
    change_entry(entry, administrator, 5, is_published=True)
    assert texts() == ["New: Who?"]


def test_organization_merged_or_known_by_a_former_name_did_not_join(
    organization, other_organization, administrator
):
    organization.history.update(history_date=moment(100))
    renamed = make_organization("Rush Example Health", "health.example", administrator)
    merge_organizations(organization, renamed, domain="", by=administrator)
    assert texts() == ["Loop Example Clinic"]
    merge_organizations(renamed, other_organization, domain="", by=administrator)
    assert texts() == []


def test_topic_says_its_last_step_and_why(team, administrator):
    topic = topic_with_step("classified", team)
    TopicStep.objects.create(topic=topic, state="proposed", why="Asked.", taken_at=moment(20))
    assert texts() == ["Child care: classified, Education. It keeps people out."]


def test_step_into_a_draft_team_is_left_out_although_the_topic_is_public(
    team, other_team, administrator
):
    topic = topic_with_step("classified", team)
    Topic.objects.filter(pk=topic.pk).update(team=other_team)
    assert texts() == ["Child care: classified, Education. It keeps people out."]
    ActionTeam.objects.filter(pk=team.pk).update(state="draft")
    assert texts() == []


def test_ended_target_area_says_why_it_ended(team):
    TargetArea.objects.create(
        team=team,
        area_code="68",
        why="Twice the rate.",
        since=days_ago(200),
        ended_on=days_ago(5),
        ended_why="The goal is reached.",
    )
    assert texts() == ["Englewood: no longer a target area of Education. The goal is reached."]


def test_target_areas_chosen_together_are_one_line(team, other_team):
    for code in ("68", "25", "67"):
        TargetArea.objects.create(team=team, area_code=code, why="Twice the rate.")
    TargetArea.objects.create(team=team, area_code="26", why="Few clinics.")
    TargetArea.objects.create(team=other_team, area_code="68", why="Twice the rate.")
    lines, _ = collect_lines(last())
    assert [(line.text, line.path) for line in lines] == [
        ("Austin, Englewood and West Englewood: target areas of Education. Twice the rate.",
         "/areas/"),
        (f"Englewood: a target area of {other_team}. Twice the rate.", "/areas/68-englewood/"),
        ("West Garfield Park: a target area of Education. Few clinics.",
         "/areas/26-west-garfield-park/"),
    ]  # fmt: skip


def test_many_target_areas_ended_together_leave_room_for_the_reason(team):
    ended = {"since": days_ago(200), "ended_on": days_ago(5), "ended_why": "The goal is reached."}
    for code in range(20, 30):
        TargetArea.objects.create(team=team, area_code=str(code), why="Twice the rate.", **ended)
    (text,) = texts()
    assert "and 5 more areas: no longer target areas of Education. The goal is reached." in text


def test_what_can_still_be_undone_is_left_out(team, administrator):
    decision = create_decision(
        ActionTeam,
        "choose-areas",
        title="Choose",
        keys=[team.pk],
        form_data={"areas": ["68"], "why": "Twice the rate."},
        can_be_undone=True,
        by=administrator,
    )
    process_decision(decision, seconds=9)
    assert collect_lines(last()) == ([], 1)
    type(decision).objects.update(finished_at=moment(1))
    assert len(texts()) == 1


def test_collecting_asks_as_often_for_many_records_as_for_few(team, administrator):
    def add(number: int) -> None:
        other = make_team(f"Team {number}")
        report(team.goals.create(slug=f"g-{number}", title="More"))
        held(team, other)
        make_resource(team)
        make_organization(f"Clinic {number}", f"clinic{number}.example", administrator)
        entry = FaqEntry(slug=f"who-{number}", question="Who?", answer="All.")
        save_with_history(entry, administrator, "added")
        TargetArea.objects.create(team=team, area_code=str(number), why=f"No. {number}.")

    def queries(number: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert len(texts()) == 6 * number
        return len(captured)

    add(1)
    one = queries(1)
    add(2)
    add(3)
    assert queries(3) == one


# Drafts --------------------------------------------------------------------------------------


def test_days_are_proposed_from_the_last_quarterly_meeting_held(team):
    assert proposed_days() == Days(days_ago(91), days_ago(0))
    held(days=80)
    held(days=30, kind=Meeting.Kind.LEARNING)
    held(days=20, status=Meeting.Status.CANCELLED, cancelled_reason="Snow")
    make_meeting()
    assert proposed_days() == Days(days_ago(80), days_ago(0))


@pytest.mark.parametrize(
    ("begins", "ends", "message"),
    [
        (1, 2, "The last day is before the first one"),
        (300_000, 1, "Choose a first day after"),
        (90, 0, "There is a draft about these days already"),
    ],
)
def test_wrong_days_are_refused(facilitator, begins, ends, message):
    make_review()
    with pytest.raises(Refused, match=message):
        begin_review(days_ago(begins), days_ago(ends), by=facilitator)
    assert Review.objects.count() == 1


@pytest.mark.both_databases
def test_draft_is_collected_again_and_hidden_lines_stay_hidden(
    organization, other_organization, facilitator, team
):
    review, summary = begin_review(days_ago(90), days_ago(0), by=facilitator)
    assert summary == "2 lines collected: 2 new."
    keys = {line.text: line.key for line in review.lines.all()}
    changes = {"begins_on": review.begins_on, "ends_on": review.ends_on, "intro": "A good quarter."}
    hidden = [keys["Rush Example Hospital"]]
    review = change_review(review, **changes, hidden=hidden, by=facilitator)
    held(team)
    save_with_history(other_organization, facilitator, "renamed", name="Loop Clinic")
    assert collect_again(review, by=facilitator) == "3 lines collected: 1 new, 1 changed."
    shown = {line.text: line.is_hidden for line in review.lines.all()}
    assert shown == {
        "Rush Example Hospital": True,
        "Loop Clinic": False,
        "Winter meeting, quarterly meeting of Education.": False,
    }
    review = change_review(review, **changes, hidden=[], by=facilitator)
    assert not review.lines.filter(is_hidden=True).exists()
    assert [version.history_change_reason for version in review.history.all()] == [
        "changed: 1 line hidden or shown",
        "collected again",
        "changed: 1 line hidden or shown",
        "begun",
    ]
    changes["begins_on"] = days_ago(5)
    review = change_review(review, **changes, hidden=[], by=facilitator)
    assert review.lines.count() == 2
    assert review.slug == f"{days_ago(5)}-to-{days_ago(0)}"


def test_what_an_earlier_review_says_of_a_shared_day_is_not_repeated(organization, facilitator):
    first, _ = begin_review(days_ago(90), days_ago(0), by=facilitator)
    publish_review(first, by=facilitator)
    second, summary = begin_review(days_ago(0), days_ago(0), by=facilitator)
    assert summary == "0 lines collected: nothing new."


# Publishing ----------------------------------------------------------------------------------


def publish(review: Review, facilitator, **options: str) -> Review:
    return publish_review(review, by=facilitator, **options)


def test_published_review_never_changes(organization, facilitator, administrator, team, goal):
    report(goal)
    review, _ = begin_review(days_ago(90), days_ago(0), by=facilitator)
    review = publish(review, facilitator)
    assert (review.published_by, review.history.first().history_user) == (facilitator, facilitator)
    lines = list(review.lines.values())
    save_with_history(organization, administrator, "renamed", name="Other", normalized_name="other")
    save_with_history(team, administrator, "renamed", name="Other")
    other = make_organization("Loop", "loop.example", administrator)
    merge_organizations(organization, other, domain="", by=administrator)
    GoalUpdate.objects.all().delete()
    for step in (
        lambda: collect_again(review, by=facilitator),
        lambda: publish(review, facilitator),
        lambda: delete_review(review, by=administrator),
        lambda: change_review(
            review,
            begins_on=review.begins_on,
            ends_on=review.ends_on,
            intro="Other",
            hidden=[lines[0]["object_key"]],
            by=administrator,
        ),
    ):
        with pytest.raises(Refused, match="A published review is not changed"):
            step()
    assert list(review.lines.values()) == lines


def test_publishing_refuses_what_is_no_longer_so(organization, facilitator):
    review, _ = begin_review(days_ago(90), days_ago(0), by=facilitator)
    save_with_history(organization, facilitator, "renamed", name="Rush Clinic")
    with pytest.raises(Refused, match="1 line is no longer true, such as “Rush Example Hosp"):
        publish(review, facilitator)
    collect_again(review, by=facilitator)
    assert not publish(review, facilitator).is_draft


def test_publishing_refuses_another_version_days_to_come_and_nothing(facilitator):
    review = make_review()
    version = content_version(review)
    line = review.lines.get()
    line.is_hidden = True
    line.save()
    with pytest.raises(Refused, match="Someone changed this review while you read it"):
        publish(review, facilitator, version=version)
    with pytest.raises(Refused, match="There is nothing to publish"):
        publish(review, facilitator)
    ahead = make_review(ends_on=days_ago(-1), intro="Soon.")
    with pytest.raises(Refused, match="is still to come"):
        publish(ahead, facilitator)


def test_correction_is_added_to_what_is_published_alone(facilitator):
    with pytest.raises(Refused, match="It is a draft"):
        correct_review(make_review(), "Three signed.", by=facilitator)
    review = make_review(facilitator, ends_on=days_ago(1))
    with pytest.raises(Refused, match="what is wrong"):
        correct_review(review, " ", by=facilitator)
    correct_review(review, "Three signed, not two.", by=facilitator)
    assert review.corrections.get().by == facilitator


def test_draft_is_deleted_with_its_lines(facilitator):
    delete_review(make_review(), by=facilitator)
    assert not Review.objects.exists()
    assert not ReviewLine.objects.exists()


# Announcing ----------------------------------------------------------------------------------


def test_announcement_has_the_paragraph_the_lines_and_the_link(
    facilitator, administrator, team, other_team, settings
):
    review = make_review(facilitator, intro="A **good** quarter.")
    add_line(review, "Tom & [the] *team*")
    add_line(review, "Hidden", is_hidden=True)
    correct_review(review, "Three signed.", by=facilitator)
    announcement = announce_review(review, by=facilitator)
    assert (announcement.team, announcement.status) == (team, Announcement.Status.DRAFT)
    assert announcement.subject == f"Since the last quarterly meeting: {review.period}"
    assert announcement.body == (
        "A **good** quarter.\n\n## Organizations that joined\n\n- Rush Example Hospital\n"
        "- Tom & (the) \\*team\\*\n\n## Corrections\n\n- Three signed.\n\n"
        f"All of it, with links: {settings.SITE_URL}/since/{review.slug}/"
    )
    assert announce_review(review, by=administrator).team is None


def test_announcement_is_of_what_is_published_and_by_who_writes_to_a_team(member, facilitator):
    with pytest.raises(Refused, match="Publish the review first"):
        announce_review(make_review(), by=facilitator)
    with pytest.raises(Refused, match="You facilitate no team"):
        announce_review(make_review(facilitator, ends_on=days_ago(1)), by=member)
