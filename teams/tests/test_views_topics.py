"""Topics on public pages: what is read by whom, proposing without an account, one press."""

import time

import pytest
from django.core import signing

from conftest import visible_text
from teams.forms import TopicForm
from teams.models import ActionTeam, Topic, TopicSupport
from teams.services.topics import change_topic, classify_topic, support_topic
from teams.tests.announcements import make_resource
from teams.tests.meetings import make_meeting
from teams.tests.topics import make_topic, waiting_topic

LIST, PROPOSE, DONE = "/topics/", "/topics/propose/", "/topics/propose/done/"
pytestmark = pytest.mark.django_db


def topic_data(seconds: float = 10, **changes: str) -> dict[str, str]:
    """The fields of the form, shown `seconds` ago."""
    shown = signing.dumps(time.time() - seconds, salt=TopicForm.salt)
    fields = {"title": "Night shifts", "summary": "", "email": "", "website": "", "shown": shown}
    return {**fields, **changes}


def test_empty_list_tells_how_the_focus_areas_came_about(client, team):
    waiting_topic()
    text = visible_text(client.get(LIST))
    assert "No topic is listed yet" in text
    assert "picked over 30 workforce trends and topics" in text
    assert "Night shifts" not in text
    assert client.post(LIST).status_code == 405


def test_list_tells_the_funnel_in_words_and_filters_by_links(
    client, team, administrator, django_assert_max_num_queries
):
    make_topic("Alpha", by=administrator)
    make_topic("Beta", Topic.State.IN_FOCUS, team, by=administrator)
    make_topic("Gamma", Topic.State.CLASSIFIED, team, by=administrator)
    with django_assert_max_num_queries(10):
        page = client.get(LIST)
    text = visible_text(page)
    assert "3 topics so far: 1 proposed, 1 classified into a focus area and 1 in focus now." in text
    assert text.index("Beta") < text.index("Gamma") < text.index("Alpha")
    narrowed = visible_text(client.get(f"{LIST}?state=in_focus&team={team.slug}"))
    assert "Beta" in narrowed
    assert "Gamma" not in narrowed
    none = visible_text(client.get(f"{LIST}?state=studied"))
    assert "No topic matches these choices" in none
    for query in ("state=waiting", "state=%00", "team=nowhere", "team=%00"):
        assert client.get(f"{LIST}?{query}").status_code == 404


def test_topic_page_shows_steps_and_only_what_the_reader_may_see(
    client, client_for, team, goal, member, administrator
):
    topic = make_topic("Night shifts", by=administrator, summary="*Hard* <script>x</script>")
    classify_topic(topic, team, why="It is about training.", by=administrator)
    secret = make_resource(team, title="Members’ list", audience="teams")
    public = make_resource(title="Open guide", slug="open")
    links = {"goals": [goal], "resources": [secret, public]}
    change_topic(topic, by=administrator, links=links)
    page = client.get(topic.get_absolute_url())
    text = visible_text(page)
    assert text.index("It is about training.") < text.index("Employers told us.")
    assert goal.title in text
    assert "Open guide" in text
    assert "Members’ list" not in text
    assert "<script>x" not in page.content.decode()
    assert str(administrator) not in text
    assert "Members’ list" in visible_text(client_for(member).get(topic.get_absolute_url()))


def test_goals_meetings_and_resources_name_their_topics(client, team, goal, administrator):
    meeting = make_meeting(team)
    resource = make_resource(title="Open guide", slug="open")
    topic = make_topic("Night shifts", by=administrator)
    links = {"goals": [goal], "meetings": [meeting], "resources": [resource]}
    change_topic(topic, by=administrator, links=links)
    pages = [each.get_absolute_url() for each in (team, meeting, resource)]
    link = f'href="{topic.get_absolute_url()}"'
    assert all(link in client.get(page).content.decode() for page in pages)
    Topic.objects.update(state="waiting", decided_at=None, decided_by=None)
    assert not any(link in client.get(page).content.decode() for page in pages[1:])


@pytest.mark.parametrize("state", ["waiting", "dismissed", "draft team"])
def test_hidden_topic_has_no_page(client, client_for, member, team, administrator, state):
    if state == "draft team":
        topic = make_topic("Night shifts", Topic.State.CLASSIFIED, team, by=administrator)
        ActionTeam.objects.filter(pk=team.pk).update(state=ActionTeam.State.DRAFT)
        reader = client
    else:
        topic = waiting_topic()
        if state == "dismissed":
            Topic.objects.update(state=state, decided_at=topic.proposed_at)
        reader = client_for(member)
        assert reader.post(f"{topic.get_absolute_url()}support/").status_code == 404
    assert reader.get(topic.get_absolute_url()).status_code == 404
    assert topic.get_absolute_url() not in client.get("/sitemap.xml").content.decode()


def test_matters_to_us_is_one_press_for_members_of_recognized_organizations(
    client, client_for, member, applicant, organization, administrator
):
    topic = make_topic("Night shifts", by=administrator)
    page, press = topic.get_absolute_url(), f"{topic.get_absolute_url()}support/"
    assert "Sign in" in visible_text(client.get(page))
    assert client.post(press)["Location"].startswith("/sign-in/")
    assert "whose organization is recognized" in visible_text(client_for(applicant).get(page))
    refused = visible_text(client_for(applicant).post(press, follow=True))
    assert "Nothing was changed" in refused
    signed_in = client_for(member)
    assert signed_in.get(press)["Location"] == page
    assert not TopicSupport.objects.exists()
    text = visible_text(signed_in.post(press, follow=True))
    assert f"Night shifts matters to {organization}" in text
    assert "Take it back" in text
    # The number is shown from five on, to staff always.
    assert "It matters to 1 organization" not in text
    assert "It matters to 1 organization" in visible_text(client_for(administrator).get(page))
    signed_in.post(press, {"withdraw": "1"})
    assert not TopicSupport.objects.exists()


def test_number_is_shown_from_five_organizations_on(client, member, administrator, monkeypatch):
    topic = make_topic("Night shifts", by=administrator)
    support_topic(topic, by=member)
    assert "matters to 1" not in visible_text(client.get(LIST))
    monkeypatch.setattr("teams.models.topics.MIN_SUPPORT_SHOWN", 1)
    assert "matters to 1" in visible_text(client.get(LIST))


def test_propose_needs_no_account(client):
    entered = topic_data(summary=" Hard\r\nto fill ", email=" Vera@Visitor.example ")
    sent = client.post(PROPOSE, entered)
    assert sent["Location"] == DONE + "?email=1"
    topic = Topic.objects.get()
    assert (topic.title, topic.summary) == ("Night shifts", "Hard\nto fill")
    assert (topic.state, topic.proposer_email) == ("waiting", "vera@visitor.example")
    assert "we email you" in visible_text(client.get(sent["Location"]))
    assert "we cannot write to you" in visible_text(client.get(DONE))


def test_propose_shows_the_fields_it_takes(client, client_for, member):
    response = client.get(f"{PROPOSE}?title=Robots")
    page = response.content.decode()
    assert all(f'name="{name}"' in page for name in topic_data())
    assert 'value="Robots"' in page
    assert "no-store" in response["Cache-Control"]
    assert f'value="{member.email}"' in client_for(member).get(PROPOSE).content.decode()


def test_propose_says_how_to_fix_it_and_keeps_what_was_typed(client):
    for changes, messages in (
        (
            {"title": " \u200b", "email": "nowhere"},
            ["Enter the topic in a few words", "like name@hospital.org, or leave it out"],
        ),
        (
            {"title": "x" * 121, "summary": "y" * 1001},
            ["at most 120 characters", "at most 1,000 characters"],
        ),
    ):
        response = client.post(PROPOSE, topic_data(**{"summary": "My reasons", **changes}))
        assert all(message in visible_text(response) for message in messages)
        assert changes.get("summary", "My reasons") in response.content.decode()
    assert not Topic.objects.exists()


@pytest.mark.parametrize("changes", [{"website": "https://spam.example"}, {"shown": "forged"}])
def test_propose_asks_programs_for_a_second_press(client, changes):
    response = client.post(PROPOSE, topic_data(**changes))
    assert "press “Send” once more" in visible_text(response)
    confirmed = response.context["form"].confirmation_token
    client.post(PROPOSE, topic_data(**changes, confirmed=confirmed))
    assert Topic.objects.count() == 1


def test_propose_names_a_topic_that_is_here_and_tells_of_no_hidden_one(client, administrator):
    make_topic("Robots", by=administrator)
    waiting_topic("Night shifts")
    assert "We have this one already" in visible_text(
        client.post(PROPOSE, topic_data(title="ROBOTS"))
    )
    assert client.post(PROPOSE, topic_data())["Location"] == DONE
    assert Topic.objects.waiting().count() == 2


def test_propose_is_limited(client, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "topic": "1/h/ip"}
    client.post(PROPOSE, topic_data(title="First"))
    refused = client.post(PROPOSE, topic_data(title="Second"))
    assert refused.status_code == 429
    assert "Second" in refused.content.decode()
    assert Topic.objects.count() == 1
