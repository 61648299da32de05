"""Merging at the desk: organizations by every facilitator, members by administrators."""

import pytest
from django.urls import reverse
from post_office.models import Email

from conftest import (
    make_active_member,
    make_member,
    make_organization,
    membership_of,
    messages_of,
    visible_text,
)
from desk.records.members.duplicates import possible_duplicates
from desk.records.organizations.merge import find_organization
from desk.tests.action_pages import action_url, listed
from members.models import Decision, EmailDomain, Member, Organization
from teams.services import (
    add_domain,
    add_organization,
    join_teams,
    merge_members,
    merge_organizations,
)

ORGANIZATIONS = "/admin/members/organization/"
MEMBERS = "/admin/members/member/"


def names(staff, query="") -> list[str]:
    return [str(record) for record in listed(Organization, staff, query)]


@pytest.fixture
def duplicate(administrator) -> Organization:
    return make_organization("Rush Hosp", "rushhosp.example", administrator)


@pytest.fixture
def former(duplicate, organization, administrator) -> Organization:
    """Rush Hosp, which is a former name of Rush Example Hospital."""
    merge_organizations(duplicate, organization, by=administrator)
    return duplicate


@pytest.fixture
def second(organization, other_team) -> Member:
    """Maria's other account, in another team."""
    return make_active_member("maria.old@rush.example", organization, "maría MEMBER", other_team)


# Organizations ---------------------------------------------------------------------------------


def test_merge_page_asks_first_and_suggests_names(client_for, facilitator, duplicate, organization):
    response = client_for(facilitator).get(action_url("merge", duplicate))
    content = response.content.decode()
    assert "Merge into which organization?" in visible_text(response)
    assert '<option value="Rush Example Hospital">' in content
    assert 'method="post" novalidate' not in content


@pytest.mark.parametrize(
    "wanted",
    ["rush example hospital", "@Rush.example", "rush.example", "The Rush-Example Hospital"],
)
def test_merge_target_is_found_by_name_or_domain(organization, wanted):
    assert find_organization(wanted) == organization


def test_merge_page_finds_its_target(client_for, facilitator, duplicate, organization):
    response = client_for(facilitator).get(action_url("merge", duplicate, search="rush.example"))
    assert response.context["target"] == organization


def test_merge_search_without_a_match_says_so(client_for, facilitator, duplicate):
    response = client_for(facilitator).get(action_url("merge", duplicate, search="Nowhere <b>"))
    assert "Nothing here matches “Nowhere <b>”" in visible_text(response)
    assert 'value="Nowhere &lt;b&gt;"' in response.content.decode()


def test_merge_preview_counts_what_moves_and_changes_nothing(
    client_for, facilitator, duplicate, organization, member, administrator, queued_emails
):
    merge_organizations(add_organization("Rush Old", by=administrator), duplicate, by=administrator)
    for number in range(7):
        make_member(f"p{number}@rushhosp.example", duplicate)
    add_domain(duplicate, domain="rush-two.example", by=administrator)
    response = client_for(facilitator).get(action_url("merge", duplicate, into=organization.pk))
    text = visible_text(response)
    assert (
        "7 members, 2 email domains and 1 former name move to Rush Example Hospital. "
        "Nobody loses a membership. “Rush Hosp” means Rush Example Hospital from now on." in text
    )
    duplicate.refresh_from_db()
    assert duplicate.is_recognized
    assert duplicate.members.count() == 7


def test_merge_of_organizations_can_be_undone(
    client_for, facilitator, duplicate, organization, queued_emails
):
    person = make_member("p@rushhosp.example", duplicate)
    client = client_for(facilitator)
    path = action_url("merge", duplicate, into=organization.pk)
    response = client.post(path, {"into": organization.pk})
    assert "Rush Hosp is a former name of Rush Example Hospital now." in messages_of(response)
    person.refresh_from_db()
    assert person.organization == organization
    client.post(reverse("admin:members_decision_undo", args=[Decision.objects.get().pk]))
    person.refresh_from_db()
    duplicate.refresh_from_db()
    assert (person.organization, duplicate.status) == (duplicate, "recognized")
    assert EmailDomain.objects.get(domain="rushhosp.example").organization == duplicate
    assert queued_emails() == []


def test_merge_moves_the_suggested_domain_when_checked(
    client_for, facilitator, applicant, organization, team
):
    lakeview, client = applicant.organization, client_for(facilitator)
    path = action_url("merge", lakeview, into=organization.pk)
    assert "Give lakeview.example to Rush Example Hospital" in visible_text(client.get(path))
    tick = {"into": organization.pk, f"domain_{lakeview.pk}": "on"}
    page = client.post(path, {**tick, "preview": "page"})
    assert "confirm 1 person, open 1 membership in 1 team and send 1 email" in visible_text(page)
    assert not EmailDomain.objects.filter(domain="lakeview.example").exists()
    client.post(path, tick)
    assert membership_of(applicant, team).is_active
    assert EmailDomain.objects.get(domain="lakeview.example").organization == organization


def test_merge_without_the_checkbox_leaves_people_waiting(
    client_for, facilitator, applicant, organization, team
):
    lakeview = applicant.organization
    path = action_url("merge", lakeview, into=organization.pk)
    client_for(facilitator).post(path, {"into": organization.pk})
    assert membership_of(applicant, team).waits_for == "affiliation"


def test_merge_offers_no_domain_of_another_organization(
    client_for, facilitator, applicant, organization, other_organization, administrator
):
    add_domain(other_organization, domain="lakeview.example", by=administrator)
    path = action_url("merge", applicant.organization, into=organization.pk)
    response = client_for(facilitator).get(path)
    assert "Give lakeview.example" not in visible_text(response)


def test_merge_preview_shows_a_refusal_and_the_reverse_merge(
    client_for, facilitator, proposed_organization, organization
):
    response = client_for(facilitator).get(
        action_url("merge", organization, into=proposed_organization.pk)
    )
    assert "is recognized and Lakeview Health is not" in visible_text(response)
    content = response.content.decode()
    assert f'href="{action_url("merge", proposed_organization, into=organization.pk)}"' in content
    assert 'type="submit" class="default"' not in content


@pytest.mark.parametrize("forged", ["", "x", "99999999"])
def test_merge_into_a_forged_target_changes_nothing(client_for, facilitator, duplicate, forged):
    client = client_for(facilitator)
    response = client.post(action_url("merge", duplicate), {"into": forged})
    assert response.status_code == 200
    duplicate.refresh_from_db()
    assert duplicate.is_recognized


def test_merge_is_refused_to_a_member(client_for, client, member, duplicate, organization):
    path = action_url("merge", duplicate, into=organization.pk)
    assert client_for(member).post(path, {"into": organization.pk}).status_code == 403
    assert client.post(path, {"into": organization.pk}).status_code == 302
    duplicate.refresh_from_db()
    assert duplicate.is_recognized


def test_similar_organization_links_to_the_merge_page(client_for, facilitator, organization):
    record = Organization.objects.create(name="Rush Medical")
    response = client_for(facilitator).get(f"{ORGANIZATIONS}{record.pk}/change/")
    link = action_url("merge", record, into=organization.pk)
    assert f'<a href="{link}">Merge into Rush Example Hospital</a>' in response.content.decode()


# Former names ----------------------------------------------------------------------------------


def test_former_names_are_listed_under_their_own_choice_only(client_for, facilitator, former):
    assert names(facilitator) == ["Rush Example Hospital"]
    assert names(facilitator, "status__exact=merged") == ["Rush Hosp"]
    assert names(facilitator, "q=rush+hosp") == ["Rush Example Hospital"]
    assert names(facilitator, "waits=decision") == []
    assert "Former names" in visible_text(client_for(facilitator).get(ORGANIZATIONS))


def test_former_names_are_not_suggested(client_for, facilitator, former):
    page = client_for(facilitator).get("/admin/members/emaildomain/add/").content.decode()
    assert '<option value="Rush Example Hospital">' in page
    assert '<option value="Rush Hosp">' not in page


def test_former_name_record_links_to_the_organization_and_offers_no_action(
    client_for, facilitator, former, organization
):
    client, path = client_for(facilitator), f"{ORGANIZATIONS}{former.pk}/change/"
    response = client.get(path)
    content = response.content.decode()
    assert (
        f'<a href="{ORGANIZATIONS}{organization.pk}/change/">Rush Example Hospital</a></bdi> on '
        in (content)
    )
    assert "by Ada Admin" in visible_text(response)
    assert response.context["bulk_actions"] == []
    assert 'name="name"' not in content
    assert client.post(path, {"name": "Forged"}).status_code == 403


def test_email_domain_for_a_former_name_goes_to_the_organization(
    client_for, facilitator, former, organization
):
    form_data = {"organization": former.name, "domain": "new.example"}
    client_for(facilitator).post("/admin/members/emaildomain/add/", form_data)
    assert EmailDomain.objects.get(domain="new.example").organization == organization


def test_former_name_is_refused_for_another_organization(
    client_for, facilitator, former, other_organization
):
    path = f"{ORGANIZATIONS}{other_organization.pk}/change/"
    response = client_for(facilitator).post(path, {"name": "rush hosp"})
    assert "Rush Hosp is already here: a former name of Rush Example Hospital" in visible_text(
        response
    )


def test_rename_keeps_the_old_name_and_can_take_it_again(client_for, facilitator, organization):
    client, path = client_for(facilitator), f"{ORGANIZATIONS}{organization.pk}/change/"
    for name, former_name in (
        ("Rush Medical", "Rush Example Hospital"),
        ("Rush Example Hospital", "Rush Medical"),
    ):
        assert client.post(path, {"name": name}).status_code == 302
        organization.refresh_from_db()
        assert organization.name == name
        assert [record.name for record in organization.former_names.all()] == [former_name]


def test_add_member_understands_former_names(client_for, facilitator, former, team):
    form_data = {
        "email": "nora@mail.example", "full_name": "Nora", "organization": "Rush Hosp",
        "team": team.pk,
    }  # fmt: skip
    client_for(facilitator).post("/admin/teams/membership/add/", form_data)
    assert Member.objects.get(full_name="Nora").organization.name == "Rush Example Hospital"


# Members ---------------------------------------------------------------------------------------


def test_merge_preview_says_which_memberships_move_and_end(
    client_for, administrator, second, member, team, other_team
):
    join_teams(second, [team])
    Email.objects.all().delete()
    response = client_for(administrator).get(
        action_url("merge", second, search="Maria@rush.example")
    )
    text = visible_text(response)
    assert "2 memberships or requests move to maria@rush.example." in text
    assert "1 team has the person twice." in text
    assert "end 1 membership and send 2 emails" in text
    assert "maria.old@rush.example signs in to that account." in text
    assert not Email.objects.exists()


def test_merge_of_members_can_be_undone(
    client_for, administrator, second, member, team, other_team, queued_emails
):
    join_teams(second, [team])
    Email.objects.all().delete()
    client = client_for(administrator)
    response = client.post(action_url("merge", second), {"into": member.pk}, follow=True)
    assert messages_of(response) == [
        "The account maria.old@rush.example is part of that of Maria Member, maria@rush.example, "
        "from now on."
    ]
    assert response.request["PATH_INFO"] == f"{MEMBERS}{member.pk}/change/"
    merged = client.get(f"{MEMBERS}{second.pk}/change/")
    assert "maria@rush.example</a>" in merged.content.decode()
    assert membership_of(member, other_team).is_active
    assert len(queued_emails()) == 2
    client.post(reverse("admin:members_decision_undo", args=[Decision.objects.get().pk]))
    second.refresh_from_db()
    assert (second.full_name, second.is_active, second.merged_into) == ("maría MEMBER", True, None)
    assert second.is_affiliation_confirmed
    assert membership_of(second, other_team).is_active
    assert membership_of(second, team).is_active
    assert membership_of(member, team).is_active
    assert queued_emails() == []


def test_merge_of_members_is_for_administrators(
    client_for, facilitator, other_facilitator, member, second
):
    for person in (facilitator, other_facilitator):
        client = client_for(person)
        path = action_url("merge", second, into=member.pk)
        assert client.get(path).status_code == 404
        assert client.post(path, {"into": member.pk}).status_code == 404
        assert "Merge" not in visible_text(client.get(MEMBERS))
    second.refresh_from_db()
    assert second.merged_into is None


def test_merge_of_members_says_that_an_address_is_unknown(client_for, administrator, second):
    response = client_for(administrator).get(
        action_url("merge", second, search="nobody@rush.example")
    )
    assert "Nothing here matches “nobody@rush.example”" in visible_text(response)


def test_merge_of_a_facilitator_is_refused_with_the_reverse_merge(
    client_for, administrator, facilitator, member
):
    response = client_for(administrator).get(action_url("merge", facilitator, into=member.pk))
    assert "Merge the other way around, so that this account is kept." in visible_text(response)
    assert f'href="{action_url("merge", member, into=facilitator.pk)}"' in response.content.decode()


def test_merge_of_a_member_into_itself_is_refused(client_for, administrator, member):
    response = client_for(administrator).get(action_url("merge", member, into=member.pk))
    assert "the same account" in visible_text(response)
    assert "other way round" not in visible_text(response)


def test_accounts_with_the_same_name_are_suggested_to_administrators(
    client_for, administrator, facilitator, member, second, colleague
):
    link = action_url("merge", member, into=second.pk)
    path = f"{MEMBERS}{member.pk}/change/"
    response = client_for(administrator).get(path)
    assert link in response.content.decode()
    assert [person.pk for person in response.context["possible_duplicates"]] == [second.pk]
    response = client_for(facilitator).get(path)
    assert response.context["possible_duplicates"] == []
    assert "maria.old" not in response.content.decode()


@pytest.mark.parametrize(
    ("name", "other", "alike"),
    [
        ("José García", "jose garcia", True),
        ("Jose Garcia", "JOSÉ GARCÍA", True),
        ("Ann O'Hara", "ann o'hara", True),
        ("Ann Lee", "Anne Lee", False),
        ("A.n", "Axn", False),
        ("", "", False),
    ],
)
def test_possible_duplicates_ignore_case_and_accents(db, name, other, alike):
    person = make_member("one@mail.example", name=name)
    double = make_member("two@mail.example", name=other)
    assert possible_duplicates(person) == ([double] if alike else [])


def test_possible_duplicates_are_limited_and_open(administrator, member, second):
    for number in range(6):
        make_member(f"m{number}@mail.example", name="Maria Member")
    merge_members(second, member, by=administrator)
    matches = possible_duplicates(member)
    assert [record.email for record in matches] == [
        f"m{number}@mail.example" for number in range(5)
    ]
