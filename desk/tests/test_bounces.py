"""People whose emails came back, at the desk: has this person left?"""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import make_active_member, make_member, membership_of, messages_of, visible_text
from desk.tests.action_pages import action_url
from members.models import Bounce, Decision, Member
from members.services import has_bounced, record_bounce
from teams.services import join_teams

LIST = "/admin/members/bounce/"
REASON = {"reason": "You told us that you changed employers."}


@pytest.fixture
def bounce(member, facilitator) -> Bounce:
    return record_bounce(member, member.email, "5.1.1")


@pytest.fixture
def desk(client_for, facilitator):
    return client_for(facilitator)


def test_dashboard_rail_list_and_record_say_that_emails_come_back(
    desk, bounce, member, colleague, rail_counts
):
    page = desk.get("/admin/")
    text = visible_text(page)
    assert "1 returned email to look into" in text
    assert "Has this person left?" in text
    assert "the mailbox does not exist (5.1.1). The teams’ emails are not sent there." in text
    links = {link.label: link for _, links in page.context["rail"] for link in links}
    assert links["Returned emails"].waiting.number == 1
    assert member.email in visible_text(desk.get(f"{LIST}?waits=answer"))
    people = visible_text(desk.get("/admin/members/member/?emails=returned"))
    assert member.email in people
    assert colleague.email not in people
    record = visible_text(desk.get(f"/admin/members/member/{member.pk}/change/"))
    assert "the mailbox does not exist (5.1.1). Has this person left?" in record
    assert "an email came back" in record
    assert "Nothing is sent there" in visible_text(desk.get(f"{LIST}{bounce.pk}/change/"))


def test_list_costs_the_same_for_one_and_three(desk, team, bounce, organization):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            desk.get(LIST)
        return len(captured)

    queries()
    one = queries()
    for name in ("ann", "bob"):
        person = make_active_member(f"{name}@rush.example", organization, name, team)
        record_bounce(person, person.email, "5.1.1")
    assert queries() == one


def test_still_there_settles_with_one_press_and_can_be_undone(desk, bounce, member):
    done = desk.post(action_url("still-there", bounce))
    assert f"{member} gets emails at {member.email} again." in messages_of(done)[0]
    assert not has_bounced(member)
    assert "to look into" not in visible_text(desk.get("/admin/"))
    assert Decision.objects.get().can_be_undone
    record = visible_text(desk.get(f"{LIST}{bounce.pk}/change/"))
    assert "Settled" in record
    # A second press, from an old page.
    assert "Nothing here can be decided" in visible_text(
        desk.get(action_url("still-there", bounce))
    )


def test_left_asks_first_and_ends_the_memberships(desk, bounce, member, team):
    url = action_url("left", bounce)
    page = visible_text(desk.get(url))
    assert "Ask a colleague of the person" in page
    assert membership_of(member, team).is_active
    assert "Give a reason" in visible_text(desk.post(url, {"reason": " "}))
    done = desk.post(url, REASON)
    assert f"{member} has left: Education." in messages_of(done)[0]
    membership = member.memberships.get()
    assert (membership.status, membership.reason) == ("ended", REASON["reason"])
    # Nothing is asked any longer, and the address stays marked.
    assert "to look into" not in visible_text(desk.get("/admin/"))
    assert has_bounced(member)


@pytest.mark.parametrize("name", ["still-there", "left"])
def test_decision_about_a_bounce_is_undone(desk, bounce, member, team, name, queued_emails):
    desk.post(action_url(name, bounce), REASON)
    undone = f"/admin/members/decision/{Decision.objects.get().pk}/undo/"
    desk.post(undone)
    assert has_bounced(member)
    assert membership_of(member, team).is_active
    assert queued_emails() == []
    bounce.refresh_from_db()
    assert bounce.settled_at is None


def test_left_ends_only_what_is_in_own_teams(
    desk, client_for, bounce, member, other_team, other_facilitator
):
    join_teams(member, [other_team])
    done = desk.post(action_url("left", bounce), REASON, follow=True)
    assert "Hiring" not in visible_text(done)
    assert membership_of(member, other_team).is_active
    # There it is still asked.
    theirs = client_for(other_facilitator)
    assert "1 returned email to look into" in visible_text(theirs.get("/admin/"))
    theirs.post(action_url("left", bounce), REASON)
    assert not membership_of(member, other_team).is_active


def test_left_declines_what_the_person_asks_for(desk, facilitator, approval_team, organization):
    approval_team.facilitators.add(facilitator)
    person = make_member("ann@rush.example", organization, "Ann")
    join_teams(person, [approval_team])
    desk.post(action_url("left", record_bounce(person, person.email, "5.1.1")), REASON)
    assert person.memberships.get().status == "declined"


def test_bounce_of_another_teams_member_is_not_there(client_for, other_facilitator, bounce):
    client = client_for(other_facilitator)
    for path in ("change/", "still-there/", "left/", "history/"):
        assert client.get(f"{LIST}{bounce.pk}/{path}").status_code == 404
    for path in ("still-there/", "left/"):
        assert client.post(f"{LIST}{bounce.pk}/{path}", REASON).status_code == 404
    assert "to look into" not in visible_text(client.get("/admin/"))
    assert bounce.address not in visible_text(client.get(LIST))
    bounce.refresh_from_db()
    assert bounce.settled_at is None


def test_bounce_of_a_facilitator_waits_for_administrators(
    client_for, administrator, other_facilitator
):
    record_bounce(other_facilitator, other_facilitator.email, "5.1.1")
    page = visible_text(client_for(administrator).get("/admin/"))
    assert "1 returned email to look into" in page


def test_bounce_of_a_person_in_no_team_is_no_question(client_for, administrator, outsider):
    Member.objects.filter(pk=outsider.pk).update(is_staff=False)
    outsider.memberships.all().delete()
    record_bounce(outsider, outsider.email, "5.1.1")
    client = client_for(administrator)
    assert "to look into" not in visible_text(client.get("/admin/"))
    assert outsider.email in visible_text(client.get(f"{LIST}?waits=open"))
