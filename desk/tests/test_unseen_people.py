"""People whom the desk does not show to a facilitator are named to them nowhere."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from post_office.models import Email

from conftest import (
    appoint,
    make_active_member,
    make_member,
    make_membership,
    membership_of,
    messages_of,
    visible_text,
)
from desk.tests.action_pages import action_url, selection_url
from desk.tests.crawl import crawl_desk, text_of
from members.models import Decision, Member, Organization
from members.services import Refused, record_bounce, save_with_history, settle_bounce
from teams.models import ActionTeam, Membership, Question
from teams.services import (
    add_domain,
    answer_question,
    approve_membership,
    ask_question,
    complete_join,
    confirm_affiliation,
    decline_organization,
    end_membership,
    merge_members,
    merge_organizations,
    recognize_organization,
    refuse_undo_if_built_upon,
    report_goal,
    send_digests,
    set_facilitators,
)
from teams.services.visibility import name_for

# In the name, the address and the job title of everyone whom `facilitator` does not see.
MARK = "qxunseen"
ORGANIZATIONS = "/admin/members/organization/"
DECISIONS = "/admin/members/decision/"
PAGES = ("change", "history")


def unseen_member(name: str, team: ActionTeam, organization: str = "Mixed Clinic") -> Member:
    """Return a person of whom everything is marked, who has joined only `team`, as people do."""
    email = f"{MARK}.{name.lower()}@mixed.example"
    complete_join(
        email,
        full_name=f"Qxunseen {name}",
        job_title=f"Qxunseen {name} Manager",
        organization=organization,
        team_ids=[team.pk],
    )
    return Member.objects.get(email=email)


@pytest.fixture
def starter(other_team) -> Member:
    """Unseen; has proposed the organization "Mixed Clinic"."""
    return unseen_member("Starter", other_team)


@pytest.fixture
def former_facilitator(
    team, other_team, organization, proposed_organization, administrator, goal, member, faq_entry
) -> Member:
    """Unseen by now: once a facilitator of `team`, who decided much of what all facilitators
    share; today only a member of `other_team`."""
    former = make_active_member(f"{MARK}.former@rush.example", organization, "", other_team)
    names = {"full_name": "Qxunseen Former", "job_title": "Qxunseen Director"}
    save_with_history(former, former, "changed by the member", **names)
    before = list(team.facilitators.all())
    appoint(former, team, administrator)
    declined = Organization.objects.create(name="Declined Clinic")
    duplicate = Organization.objects.create(name="Lakeview Double")
    recognize_organization(proposed_organization, by=former)
    decline_organization(declined, reason="Nobody knows it.", by=former)
    merge_organizations(duplicate, proposed_organization, by=former)
    add_domain(proposed_organization, domain="more.example", by=former)
    newcomer = make_member("nadia@lakeview.example", organization, "Nadia New")
    make_membership(newcomer, team, Membership.Status.REQUESTED)
    approve_membership(membership_of(newcomer, team), by=former)
    end_membership(membership_of(newcomer, team), reason="Left us.", by=former)
    unsure = make_member("una@lakeview.example", proposed_organization, "Una", confirmed=False)
    make_membership(unsure, team, Membership.Status.REQUESTED)
    confirm_affiliation(unsure, by=former)
    answer_question(
        ask_question("Who pays?", "vera@visitor.example"), answer="All of us.", by=former
    )
    report_goal(goal, state="on_track", value=None, sentence="We met.", by=former)
    save_with_history(faq_entry, former, "changed at the desk", answer="Everybody.")
    set_facilitators(team, before, by=administrator)
    former.refresh_from_db()
    assert not former.is_staff
    return former


@pytest.fixture
def moved_decisions(facilitator, approval_team, administrator, client_for) -> list[Decision]:
    """Decisions of `facilitator` about unseen people, in a team they no longer facilitate: done,
    refused, undone and not undone."""
    appoint(facilitator, approval_team, administrator)
    people = [unseen_member(name, approval_team) for name in ("Moved", "Second", "Third")]
    requests = [membership_of(person, approval_team) for person in people]
    client = client_for(facilitator)
    for request in requests:
        client.post(action_url("decline", request), {"reason": "No room this year."})
    client.post(action_url("decline", requests[0]), {"reason": "Again."})
    client.post(selection_url(client, "end", *requests), {"reason": "Over."})
    newest_first = list(Decision.objects.all())
    client.post(f"{DECISIONS}{newest_first[-1].pk}/undo/")
    approval_team.facilitators.remove(facilitator)
    client.post(f"{DECISIONS}{newest_first[-2].pk}/undo/")
    return newest_first


@pytest.fixture
def undone_recognition(facilitator, other_team, client_for) -> Decision:
    """A recognition that `facilitator` could not undo: an unseen person has joined since."""
    harbor = Organization.objects.create(name="Harbor Care", suggested_domain="harbor.example")
    waiting = unseen_member("Waiting", other_team, "Harbor Care")
    client = client_for(facilitator)
    client.post(action_url("recognize", harbor))
    Membership.objects.of(waiting).update(status="ended", ended_at="2026-01-02T00:00Z")
    decision = Decision.objects.get(model_label="members.organization")
    client.post(f"{DECISIONS}{decision.pk}/undo/")
    return decision


def mentions(texts: dict[str, str]) -> list[str]:
    """Return the addresses whose text has the mark."""
    return [address for address, text in texts.items() if MARK in text.casefold()]


# Everything at once ---------------------------------------------------------------------------


@pytest.mark.usefixtures("fragment_clock")
def test_crawl_of_the_desk_names_nobody_of_other_teams(
    client_for, facilitator, administrator, outsider, starter, former_facilitator,
    moved_decisions, undone_recognition, member, today_charts,
):  # fmt: skip
    record_bounce(starter, starter.email, "5.1.1")
    settle_bounce(record_bounce(member, member.email, "5.1.1"), by=former_facilitator)
    send_digests(date(2026, 3, 3))
    read = crawl_desk(client_for(facilitator))
    assert len(read) > 200
    assert mentions(read) == []
    assert "This was about a person whom you no longer see." in read[DECISIONS]
    # An administrator reads the names at the same addresses.
    client = client_for(administrator)
    for address in (DECISIONS, *(f"{DECISIONS}{each.pk}/change/" for each in moved_decisions)):
        assert address in read
        assert mentions({address: text_of(client.get(address))})
    shared = Organization.objects.filter(name__in=["Mixed Clinic", "Lakeview Health"])
    for address in (f"{organization.pk}/{page}/" for organization in shared for page in PAGES):
        assert mentions({address: text_of(client.get(ORGANIZATIONS + address))})
    received = Email.objects.filter(to=facilitator.email)
    assert received.exists()
    assert not [email for email in received if MARK in f"{email.subject}{email.message}".casefold()]


# Each kind of text ------------------------------------------------------------------------------


def test_history_of_an_organization_calls_an_unseen_person_a_member(
    client_for, facilitator, administrator, starter
):
    for page in PAGES:
        address = f"{ORGANIZATIONS}{starter.organization_id}/{page}/"
        said = visible_text(client_for(facilitator).get(address))
        assert "a member proposed" in said or "by a member, by hand Organization: proposed" in said
        assert "Qxunseen Starter" not in said
        assert "Qxunseen Starter" in visible_text(client_for(administrator).get(address))


def test_history_names_a_person_as_soon_as_they_ask_for_a_team_of_the_reader(
    client_for, facilitator, starter, team
):
    make_membership(starter, team, Membership.Status.REQUESTED)
    page = client_for(facilitator).get(f"{ORGANIZATIONS}{starter.organization_id}/history/")
    assert "Qxunseen Starter proposed" in visible_text(page)


def test_history_names_staff_of_other_teams(client_for, facilitator, other_facilitator):
    organization = Organization.objects.create(name="Shared Clinic")
    recognize_organization(organization, by=other_facilitator)
    page = client_for(facilitator).get(f"{ORGANIZATIONS}{organization.pk}/change/")
    assert "Decided by Otto Facilitator" in visible_text(page)
    assert "by Otto Facilitator, by hand Organization: recognized" in visible_text(page)


def test_history_of_a_team_calls_a_former_facilitator_a_member(
    client_for, facilitator, former_facilitator, team
):
    page = client_for(facilitator).get(f"/admin/teams/actionteam/{team.pk}/history/")
    assert "Facilitators: Fay Facilitator, a member → Fay Facilitator" in visible_text(page)


def test_refusal_calls_an_unseen_person_a_member(
    client_for, facilitator, former_facilitator, proposed_organization, member, team
):
    client = client_for(facilitator)
    membership = Membership.objects.get(member__full_name="Nadia New")
    question = Question.objects.get()
    for path, words in (
        (action_url("approve", membership), r"already ended on .* by a member\."),
        (action_url("recognize", proposed_organization), r"already recognized on .* by a member\."),
        (action_url("dismiss", question), r"already answered on .* by a member\."),
    ):
        (message,) = messages_of(client.post(path, {"reason": ""}, follow=True))
        assert re.search(words, message)


def test_page_of_a_decided_question_calls_an_unseen_person_a_member(
    client_for, facilitator, former_facilitator
):
    page = client_for(facilitator).get(action_url("publish", Question.objects.get()))
    assert "Already answered by a member." in visible_text(page)


def test_undo_refusal_names_neither_person_nor_team_of_others(client_for, undone_recognition):
    (item,) = undone_recognition.items.all()
    assert item.outcome == "undo_refused"
    assert item.result_message.endswith("Not undone: a membership has changed in the meantime.")


def test_undo_refusal_of_a_later_membership_names_no_other_team(
    facilitator, administrator, other_team, organization
):
    unsure = make_member(f"{MARK}@rush.example", organization, "Qxunseen", confirmed=False)
    make_membership(unsure, other_team, Membership.Status.ACTIVE)
    since = timezone.now() - timedelta(minutes=1)
    with pytest.raises(Refused, match="a member became a member of another team since"):
        refuse_undo_if_built_upon([unsure], [], since, facilitator)
    with pytest.raises(Refused, match="Qxunseen became a member of Hiring since"):
        refuse_undo_if_built_upon([unsure], [], since, administrator)


def test_merged_account_is_seen_with_the_one_that_goes_on(
    facilitator, administrator, member, organization, other_team
):
    second = make_active_member("second@rush.example", organization, "Maria Two", other_team)
    assert name_for(Member.objects.get(pk=second.pk), facilitator) == "a member"
    merge_members(second, member, by=administrator)
    assert name_for(Member.objects.get(pk=second.pk), facilitator) == "second@rush.example"


def test_names_cost_the_same_queries_for_one_person_and_for_three(
    client_for, facilitator, other_team, organization, starter
):
    client, counts = client_for(facilitator), []
    client.get(f"{ORGANIZATIONS}{starter.organization_id}/history/")
    for number in range(3):
        person = make_active_member(f"p{number}@rush.example", organization, "P", other_team)
        save_with_history(starter.organization, person, "domain suggested")
        for page in PAGES if number != 1 else ():
            with CaptureQueriesContext(connection) as queries:
                client.get(f"{ORGANIZATIONS}{starter.organization_id}/{page}/")
            counts.append(len(queries))
    assert counts[:2] == counts[2:]


def test_export_costs_the_same_queries_for_one_person_and_for_three(
    client_for, facilitator, other_team, organization
):
    client, counts = client_for(facilitator), []
    for number in range(3):
        person = make_active_member(f"p{number}@rush.example", organization, "P", other_team)
        recognize_organization(Organization.objects.create(name=f"Clinic {number}"), by=person)
        if number == 1:
            continue
        with CaptureQueriesContext(connection) as queries:
            text = text_of(client.post(f"{ORGANIZATIONS}export/", {"format": "csv"}))
        counts.append(len(queries))
        assert text.count(",a member,") == number + 1
    assert len(set(counts)) == 1
