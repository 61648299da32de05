"""The desk: who is let in, what its first page says, and what it leaves out."""

import re
from urllib.parse import unquote

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import resolve, reverse
from post_office.models import Attachment, EmailTemplate, Log

from conftest import make_member, visible_text
from members.models import Member, Organization
from teams.models import FaqEntry, Goal, Question
from teams.services import add_organization, join_teams, suggest_resource
from teams.tests.announcements import make_resource

DESK = "/admin/"
LISTS = {
    "organizations": "/admin/members/organization/",
    "domains": "/admin/members/emaildomain/",
    "members": "/admin/members/member/",
    "memberships": "/admin/teams/membership/",
    "goals": "/admin/teams/goal/",
    "questions": "/admin/teams/faqentry/",
    "teams": "/admin/teams/actionteam/",
    "emails": "/admin/post_office/email/",
}
FORBIDDEN_WORDS = ("user", "group", "company", "reject", "quit", "delete")


def test_list_sends_a_visitor_to_the_portals_sign_in_and_back(client, db):
    path = f"{LISTS['members']}?q=x"
    response = client.get(path, follow=True)
    assert response.request["PATH_INFO"] == reverse("account_login")
    assert unquote(response.request["QUERY_STRING"]) == f"next={path}"


@pytest.mark.parametrize("path", [DESK, "/admin/login/"])
def test_desk_refuses_a_member_without_a_loop(client_for, member, path):
    response = client_for(member).get(path)
    assert response.status_code == 403
    assert "do not have access to this page" in visible_text(response)


def test_desk_refuses_a_facilitator_whose_account_is_closed(client_for, facilitator):
    client = client_for(facilitator)
    Member.objects.filter(pk=facilitator.pk).update(is_active=False)
    # The session no longer counts.
    assert client.get(DESK).status_code == 302


def test_sign_in_address_of_the_desk_takes_no_password(client, administrator):
    form_data = {"username": administrator.email, "password": "anything"}
    response = client.post("/admin/login/", form_data)
    assert (response.status_code, response["Location"]) == (302, "/sign-in/?next=/admin/")


def test_sign_in_address_leads_who_is_signed_in_to_the_desk(client_for, facilitator):
    response = client_for(facilitator).get("/admin/login/")
    assert (response.status_code, response["Location"]) == (302, DESK)


def test_desk_has_no_pages_about_passwords_and_no_second_sign_out(client_for, administrator):
    client = client_for(administrator)
    for path in ("password_change/", "password_change/done/", "logout/", "r/1/1/"):
        assert client.post(DESK + path).status_code == 404, path
    assert client.get(DESK).status_code == 200


def test_desk_signs_out_through_the_portal_and_offers_no_password(client_for, facilitator):
    page = client_for(facilitator).get(DESK).content.decode()
    assert f'action="{reverse("account_logout")}"' in page
    assert "password" not in page.lower()


def test_dashboard_says_that_nothing_waits(client_for, facilitator):
    assert "Nothing waits for you." in visible_text(client_for(facilitator).get(DESK))


def test_dashboard_counts_what_waits_and_links_to_lists_of_that_length(
    client_for, facilitator, applicant, organization, approval_team, team, goal
):
    approval_team.facilitators.add(facilitator)
    join_teams(make_member("ann@rush.example", organization, "Ann"), [approval_team])
    unsure = make_member("una@mail.example", organization, "Una", confirmed=False)
    join_teams(unsure, [team, approval_team])
    Organization.objects.create(name="Nobody waits for it")
    Question.objects.create(text="When do you meet?")
    suggest_resource("https://library.example.org/", "Guide")
    make_resource(link_state="gone")
    client = client_for(facilitator)
    page = client.get(DESK)
    waiting = {kind: count.number for kind, count in page.context["dashboard"]["waiting"].items()}
    assert waiting == {
        "organizations": 1, "affiliations": 1, "requests": 1, "moves": 0, "questions": 1,
        "bounces": 0, "goals": 1, "meetings": 0, "suggestions": 1, "resources": 1,
        "topics": 0,
    }  # fmt: skip
    for path, what in [
        ("/admin/members/organization/?waits=decision", "1 organization to recognize"),
        ("/admin/members/member/?affiliation=to_confirm", "1 person to confirm"),
        ("/admin/teams/membership/?waits_for=approval", "1 request to decide"),
        ("/admin/teams/question/?waits=answer", "1 question to answer"),
        ("/admin/teams/goal/?stale=1", "1 goal without an update for 90 days"),
        ("/admin/teams/resourcesuggestion/?waits=decision", "1 suggested resource to decide"),
        ("/admin/teams/resource/?due=any", "1 resource to check"),
    ]:
        assert f'href="{path}"' in page.content.decode()
        assert what in visible_text(page)
        assert client.get(path).context["cl"].result_count == 1


def test_dashboard_shows_nothing_of_other_teams(
    client_for, other_facilitator, member, approval_team, goal
):
    join_teams(member, [approval_team])
    assert "Nothing waits for you." in visible_text(client_for(other_facilitator).get(DESK))


def test_app_index_redirects_to_the_dashboard(client_for, facilitator):
    response = client_for(facilitator).get("/admin/teams/")
    assert (response.status_code, response["Location"]) == (302, "/admin/")


@pytest.mark.parametrize("model", [Group, EmailTemplate, Log, Attachment])
def test_desk_leaves_out_the_lists_of_other_apps(model):
    assert not admin.site.is_registered(model)


@pytest.fixture
def desk_rows(facilitator, organization, team):
    """`desk_rows(n)`: make n more rows in every list."""

    def add(number: int) -> None:
        for _ in range(number):
            n = Member.objects.count()
            name = f"Clinic {n}"
            clinic = add_organization(name, domains=[f"clinic{n}.example"], by=facilitator)
            Organization.objects.create(name=f"Proposed {n}", suggested_domain=f"new{n}.example")
            join_teams(make_member(f"m{n}@clinic{n}.example", clinic, f"Member {n}"), [team])
            Goal.objects.create(team=team, slug=f"goal-{n}", title=f"Goal {n}")
            FaqEntry.objects.create(team=team, slug=f"faq-{n}", question="Why?", answer="So.")

    return add


def test_pages_need_the_same_queries_for_one_and_three_records(
    client_for, administrator, desk_rows, today_charts
):
    client = client_for(administrator)

    def count(path: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        return len(queries)

    paths = [DESK, *LISTS.values()]
    desk_rows(1)
    client.get(DESK)  # its charts are kept until something else waits
    one = {path: count(path) for path in paths}
    desk_rows(2)
    client.get(DESK)
    assert {path: count(path) for path in paths} == one
    assert client.get(LISTS["emails"]).context["cl"].result_count == 3


def test_record_and_history_need_the_same_queries_for_one_and_three_changes(
    client_for, administrator, member, other_team, approval_team, organization
):
    client = client_for(administrator)
    record = f"{LISTS['members']}{member.pk}/change/"
    history = f"{LISTS['organizations']}{organization.pk}/history/"
    for path in (record, history):
        client.get(path)
    change = f"{LISTS['organizations']}{organization.pk}/change/"
    client.post(change, {"name": "Renamed once"})
    with CaptureQueriesContext(connection) as one:
        client.get(record)
        client.get(history)
    join_teams(member, [other_team, approval_team])
    client.post(change, {"name": "Renamed twice"})
    client.post(change, {"name": "Renamed again"})
    with CaptureQueriesContext(connection) as three:
        assert "Hiring" in visible_text(client.get(record))
        assert "Renamed again" in visible_text(client.get(history))
    assert len(three) == len(one)


RECORDS = ["{}add/", "{}{}/change/", "{}{}/history/"]


@pytest.fixture
def pages(desk_rows) -> list[str]:
    """Every kind of page that the desk has, with a record on it."""
    desk_rows(1)
    paths = [DESK, "/admin/report/", "/admin/coverage/", *LISTS.values()]
    for path in LISTS.values():
        model = apps.get_model(*path.split("/")[2:4])
        newest = model.objects.order_by("pk").last()
        if newest and path != LISTS["emails"]:
            paths += [record.format(path, newest.pk) for record in RECORDS]
            actions = getattr(admin.site.get_model_admin(model), "bulk_actions", ())
            paths += [f"{path}{newest.pk}/{action.name}/" for action in actions]
    # Members are added to a team.
    paths.remove(f"{LISTS['members']}add/")
    return paths


@pytest.mark.usefixtures("fragment_clock")
def test_pages_have_one_h1_and_plain_words_and_nothing_inline_and_forms_with_an_address(
    client_for, administrator, pages
):
    client = client_for(administrator)
    for path in pages:
        response = client.get(path)
        assert response.status_code == 200, path
        page = response.content.decode()
        assert page.count("<h1") == 1, path
        words = visible_text(response).lower()
        assert [word for word in FORBIDDEN_WORDS if word in words] == [], path
        # The content security policy would block them.
        inline = ("style=", "<style", "<script>", "onclick")
        assert [each for each in inline if each in page] == [], path
        # A form without an address posts to wherever it happens to be shown. The list's own form
        # is stock admin's: it posts the ticked rows to the list.
        page = page.replace('id="changelist-form"', "action")
        forms = re.findall(r'<form[^>]+method="post"[^>]*>', page)
        assert [form for form in forms if "action" not in form] == [], path


@pytest.mark.usefixtures("fragment_clock")
def test_every_page_is_closed_to_members_and_visitors_and_to_forgery(
    client, client_for, administrator, member, pages
):
    of_member = client_for(member)
    sign_ins = (reverse("admin:login"), reverse("account_login"))
    for path in pages:
        assert of_member.get(path).status_code == 403, path
        assert client.get(path).url in {f"{sign_in}?next={path}" for sign_in in sign_ins}, path
        assert not getattr(resolve(path).func, "csrf_exempt", False), path
    forged = Client(enforce_csrf_checks=True)
    forged.cookies.update(client_for(administrator).cookies)
    # Of each kind one: a list, its form, a record, what is done to it.
    for path in [path for path in pages if path.startswith(LISTS["goals"])]:
        assert of_member.post(path).status_code == 403, path
        if "history" not in path:
            assert forged.post(path, {"reason": "x"}).status_code == 403, path
    # It is the token that is missing: the pages are open.
    assert forged.get(DESK).status_code == 200


def test_list_of_another_app_does_not_exist(client_for, administrator):
    client: Client = client_for(administrator)
    assert client.get("/admin/auth/group/").status_code == 404
    assert client.get("/admin/account/emailaddress/").status_code == 404
