"""Histories and stories: one readable line per change, and the whole of a member in one list."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import make_member, membership_of, visible_text
from desk import timeline as story_module
from members.history.changesets import ChangeSource, change_source
from members.models import Member, Organization
from members.services import remove_domain, save_with_history, unconfirm_affiliation
from teams.models import Membership
from teams.services import (
    add_domain,
    approve_membership,
    change_profile,
    close_account,
    decline_membership,
    end_membership,
    join_teams,
    merge_members,
    merge_organizations,
    recognize_organization,
    set_facilitators,
)

MEMBERS = "/admin/members/member/"
ORGANIZATIONS = "/admin/members/organization/"


def lines(client, row) -> list[str]:
    """The story on the page of `row`: about, what and why, and the changes, newest first."""
    kind = MEMBERS if isinstance(row, Member) else ORGANIZATIONS
    story = client.get(f"{kind}{row.pk}/change/").context["story"]
    return [
        " | ".join(
            filter(
                None,
                [
                    line.told_about,
                    line.history_change_reason,
                    line.stated_reason,
                    *(f"{each.field}: {each.old} → {each.new}" for each in line.field_changes),
                ],
            )
        )
        for line in story.lines
    ]


def history_of(client, row, query: str = ""):
    meta = row._meta
    return client.get(f"/admin/{meta.app_label}/{meta.model_name}/{row.pk}/history/{query}")


# One line per change ----------------------------------------------------------------------------


def test_history_tells_a_status_from_what_to_what(client_for, facilitator, applicant, team):
    recognize_organization(applicant.organization, by=facilitator)
    client = client_for(facilitator)
    told = visible_text(history_of(client, applicant.organization))
    assert "Status: Proposed → Recognized" in told
    told = visible_text(history_of(client, membership_of(applicant, team)))
    assert "opened with the affiliation by hand Status: Waiting → Active" in told
    told = visible_text(history_of(client, applicant))
    assert "Affiliation: not confirmed → by a facilitator" in told
    for noise in ("Decided", "ormalized", "Affiliation confirmed"):
        assert noise not in told


def test_history_tells_where_an_organization_was_merged(
    client_for, facilitator, organization, proposed_organization
):
    merge_organizations(proposed_organization, organization, by=facilitator)
    told = visible_text(history_of(client_for(facilitator), proposed_organization))
    assert "Merged into: not given → Rush Example Hospital" in told
    assert "Status: Proposed → Merged" in told


@pytest.mark.parametrize("how", ChangeSource)
def test_history_tells_how_it_came_about(client_for, administrator, organization, how):
    with change_source(how):
        save_with_history(organization, administrator, "tried")
    assert f"Ada Admin tried {how.label}" in visible_text(
        history_of(client_for(administrator), organization)
    )


def test_history_tells_what_nobody_did_as_automatic(client_for, administrator, organization):
    save_with_history(organization, None, "by itself")
    told = visible_text(history_of(client_for(administrator), organization))
    assert "the portal by itself automatically" in told


def test_the_last_line_of_a_page_is_compared_with_the_next_page(
    client_for, administrator, organization, monkeypatch
):
    monkeypatch.setattr("desk.admin.OrganizationAdmin.history_list_per_page", 1)
    save_with_history(organization, administrator, "renamed", name="Rush")
    told = visible_text(history_of(client_for(administrator), organization))
    assert "Name: Rush Example Hospital → Rush" in told


@pytest.mark.parametrize("kind", ["organization", "team", "member"])
def test_history_asks_as_often_for_many_lines_as_for_few(
    client_for, request, administrator, facilitator, kind
):
    row = request.getfixturevalue(kind)
    client, counts = client_for(administrator), []
    for number in range(5):
        if kind == "team":
            set_facilitators(
                row, [facilitator] if number % 2 else [administrator], by=administrator
            )
        else:
            other = Organization.objects.create(name=f"Other {number}")
            what = {"organization": other} if kind == "member" else {"name": f"Rush {number}"}
            save_with_history(row, administrator, "changed", **what)
        with CaptureQueriesContext(connection) as done:
            assert history_of(client, row).status_code == 200
        counts.append(len(done))
    assert counts[-1] <= counts[1]


# The story of a member --------------------------------------------------------------------------


def test_the_story_tells_everything_newest_first(
    client_for, administrator, facilitator, organization, team, other_team, approval_team
):
    nora = make_member("nora@mail.example", name="Nora")
    save_with_history(nora, nora, "named the organization", organization=organization)
    change_profile(nora, full_name="Nora New", job_title="HR", shares_email=False)
    join_teams(nora, [team, approval_team])
    add_domain(organization, domain="mail-two.example", by=administrator)
    set_facilitators(other_team, [nora], by=administrator)
    Member.objects.filter(pk=nora.pk).update(organization=organization)
    nora.refresh_from_db()
    with change_source(ChangeSource.BULK):
        decline_membership(membership_of(nora, approval_team), reason="Full.", by=administrator)
    told = lines(client_for(administrator), nora)
    assert told == [
        "Careers | declined | Full. | Status: Waiting → Declined",
        "Account | facilitator of Hiring | May use the desk: no → yes",
        "Careers | requested",
        "Education | requested",
        "Account | changed by the member | Full name: Nora → Nora New | Job title: not given → HR",
        "Account | named the organization | Organization: not given → Rush Example Hospital",
        "Account",
    ]
    page = visible_text(client_for(administrator).get(f"{MEMBERS}{nora.pk}/change/"))
    assert "Careers Ada Admin declined Reason: Full. in bulk Status: Waiting → Declined" in page


def test_the_story_names_only_the_teams_that_one_looks_after(
    client_for, facilitator, administrator, member, team, other_team, approval_team
):
    join_teams(member, [other_team, approval_team])
    decline_membership(membership_of(member, approval_team), reason="Secret.", by=administrator)
    end_membership(membership_of(member, team), reason="Moved.", by=facilitator)
    told = lines(client_for(facilitator), member)
    assert "Education | ended | Moved. | Status: Active → Ended" in told
    page = visible_text(client_for(facilitator).get(f"{MEMBERS}{member.pk}/change/"))
    assert "Hiring" not in page
    assert "Careers" not in page
    assert "Secret" not in page
    assert "Hiring" in visible_text(client_for(administrator).get(f"{MEMBERS}{member.pk}/change/"))


def test_the_story_of_somebody_of_other_teams_is_not_found(client_for, facilitator, outsider):
    assert client_for(facilitator).get(f"{MEMBERS}{outsider.pk}/change/").status_code == 404


def test_the_story_tells_every_team_that_somebody_came_to_look_after(
    client_for, administrator, member, team, other_team
):
    set_facilitators(team, [member], by=administrator)
    set_facilitators(other_team, [member], by=administrator)
    set_facilitators(team, [], by=administrator)
    told = lines(client_for(administrator), member)
    assert told[0] == "Account | no longer a facilitator of Education"
    assert told[1] == "Account | facilitator of Hiring"


def test_the_story_tells_that_a_confirmation_was_taken_back(client_for, facilitator, member):
    unconfirm_affiliation(member, reason="She moved.", by=facilitator)
    assert lines(client_for(facilitator), member)[0] == (
        "Account | affiliation confirmation taken back: She moved. | "
        "Affiliation: by the email domain → not confirmed"
    )


def test_the_story_goes_on_with_that_of_a_merged_account(
    client_for, administrator, facilitator, member, organization, approval_team
):
    second = make_member("maria.old@rush.example", organization, "Maria M.")
    join_teams(second, [approval_team])
    approve_membership(membership_of(second, approval_team), by=administrator)
    merge_members(second, member, by=administrator)
    told = lines(client_for(administrator), member)
    assert "Careers | approved | Status: Waiting → Active" in told
    assert any(line.startswith("maria.old@rush.example | two accounts of") for line in told)
    assert any("Member: maria.old@rush.example → Maria Member" in line for line in told)
    assert "Careers" not in " ".join(lines(client_for(facilitator), member))


def test_the_story_of_a_closed_account_names_nobody(client_for, administrator, member):
    close_account(member)
    page = visible_text(client_for(administrator).get(f"{MEMBERS}{member.pk}/change/"))
    assert "account closed" in page
    assert "Maria" not in page


def test_a_long_story_is_cut_with_a_notice(client_for, administrator, member, monkeypatch):
    monkeypatch.setattr(story_module, "LINES", 3)
    for number in range(4):
        save_with_history(member, administrator, "changed", job_title=f"Title {number}")
    response = client_for(administrator).get(f"{MEMBERS}{member.pk}/change/")
    assert len(response.context["story"].lines) == 3
    assert "The newest 3 lines." in visible_text(response)


def test_a_short_story_has_no_notice(client_for, administrator, member):
    response = client_for(administrator).get(f"{MEMBERS}{member.pk}/change/")
    assert not response.context["story"].more
    assert "The newest" not in visible_text(response)


def test_the_story_asks_as_often_for_many_lines_as_for_few(
    client_for, administrator, member, other_team, approval_team
):
    client, counts = client_for(administrator), []
    for team in (None, other_team, approval_team):
        if team:
            join_teams(member, [team])
            save_with_history(member, administrator, "changed", job_title=team.name)
        with CaptureQueriesContext(connection) as done:
            client.get(f"{MEMBERS}{member.pk}/change/")
        counts.append(len(done))
    assert len(set(counts)) == 1


# The story of an organization -------------------------------------------------------------------


def test_the_story_of_an_organization_tells_domains_and_names_merged_in(
    client_for, facilitator, organization, proposed_organization
):
    add_domain(organization, domain="two.example", by=facilitator)
    remove_domain(organization.domains.get(domain="two.example"), by=facilitator)
    add_domain(proposed_organization, domain="lakeview.example", by=facilitator)
    merge_organizations(proposed_organization, organization, by=facilitator)
    told = lines(client_for(facilitator), organization)
    assert told == [
        "Organization | Lakeview Health merged into it",
        "lakeview.example | Lakeview Health merged into Rush Example Hospital",
        "two.example | taken back",
        "two.example | domain added",
        "rush.example | domain added",
        "Organization | added as recognized",
    ]


def test_a_new_organization_has_no_story_yet(client_for, facilitator):
    assert "Story" not in visible_text(client_for(facilitator).get(f"{ORGANIZATIONS}add/"))


def test_history_of_a_record_without_any_says_so_and_breaks_nothing(
    client_for, administrator, member
):
    stay = Membership.objects.of(member).get()
    stay.history.all().delete()
    told = visible_text(
        client_for(administrator).get(f"/admin/teams/membership/{stay.pk}/history/")
    )
    assert "have a change history" in told
