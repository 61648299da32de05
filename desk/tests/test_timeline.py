"""Histories: one readable line per change, and everything about a member in one timeline."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import make_member, membership_of, visible_text
from desk import timeline
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


def timeline_of(client, record) -> list[str]:
    """The timeline on the page of `record`: about, what and why, and changes, newest first."""
    address = MEMBERS if isinstance(record, Member) else ORGANIZATIONS
    context = client.get(f"{address}{record.pk}/change/").context
    return [
        " | ".join(
            filter(
                None,
                [
                    version.told_about,
                    version.history_change_reason,
                    version.stated_reason,
                    *(f"{each.field}: {each.old} → {each.new}" for each in version.field_changes),
                ],
            )
        )
        for version in context["timeline"].versions
    ]


def history_of(client, record, query: str = ""):
    meta = record._meta
    return client.get(f"/admin/{meta.app_label}/{meta.model_name}/{record.pk}/history/{query}")


# One line per change ----------------------------------------------------------------------------


def test_history_shows_old_and_new_status(client_for, facilitator, applicant, team):
    recognize_organization(applicant.organization, by=facilitator)
    client = client_for(facilitator)
    text = visible_text(history_of(client, applicant.organization))
    assert "Status: Proposed → Recognized" in text
    text = visible_text(history_of(client, membership_of(applicant, team)))
    assert "opened with the affiliation by hand Status: Waiting → Active" in text
    text = visible_text(history_of(client, applicant))
    assert "Affiliation: not confirmed → by a facilitator" in text
    for noise in ("Decided", "ormalized", "Affiliation confirmed"):
        assert noise not in text


def test_history_shows_where_an_organization_was_merged(
    client_for, facilitator, organization, proposed_organization
):
    merge_organizations(proposed_organization, organization, by=facilitator)
    text = visible_text(history_of(client_for(facilitator), proposed_organization))
    assert "Merged into: not given → Rush Example Hospital" in text
    assert "Status: Proposed → Merged" in text


def test_history_shows_the_source_of_a_change(client_for, administrator, organization):
    for source in ChangeSource:
        with change_source(source):
            save_with_history(organization, administrator, f"tried {source.value}")
    text = visible_text(history_of(client_for(administrator), organization))
    for source in ChangeSource:
        assert f"Ada Admin tried {source.value} {source.label}" in text


def test_history_shows_changes_without_a_person_as_automatic(
    client_for, administrator, organization
):
    save_with_history(organization, None, "expired")
    text = visible_text(history_of(client_for(administrator), organization))
    assert "the portal expired automatically" in text


def test_history_compares_the_last_version_of_a_page_with_the_next(
    client_for, administrator, organization, monkeypatch
):
    monkeypatch.setattr("desk.admin.OrganizationAdmin.history_list_per_page", 1)
    save_with_history(organization, administrator, "renamed", name="Rush")
    text = visible_text(history_of(client_for(administrator), organization))
    assert "Name: Rush Example Hospital → Rush" in text


@pytest.mark.parametrize("kind", ["organization", "team", "member"])
def test_history_costs_the_same_queries_for_more_versions(
    client_for, request, administrator, facilitator, kind
):
    record = request.getfixturevalue(kind)
    client, counts = client_for(administrator), []
    for number in range(4):
        if kind == "team":
            set_facilitators(
                record, [facilitator] if number % 2 else [administrator], by=administrator
            )
        else:
            other = Organization.objects.create(name=f"Other {number}")
            what = {"organization": other} if kind == "member" else {"name": f"Rush {number}"}
            save_with_history(record, administrator, "changed", **what)
        if number in (1, 3):
            with CaptureQueriesContext(connection) as done:
                assert history_of(client, record).status_code == 200
            counts.append(len(done))
    assert counts[1] <= counts[0]


# Timeline of a member --------------------------------------------------------------------------


def test_member_timeline_shows_everything_newest_first(
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
    lines = timeline_of(client_for(administrator), nora)
    assert lines == [
        "Careers | declined | Full. | Status: Waiting → Declined",
        "Account | facilitator of Hiring | May use the desk: no → yes",
        "Careers | requested",
        "Education | requested",
        "Account | changed by the member | Full name: Nora → Nora New | Job title: not given → HR",
        "Account | named the organization | Organization: not given → Rush Example Hospital",
        "Account",
    ]
    page = visible_text(client_for(administrator).get(f"{MEMBERS}{nora.pk}/change/"))
    assert (
        "by Ada Admin, in bulk Careers: declined Reason: Full. Status: Waiting → Declined" in page
    )


def test_member_timeline_shows_only_teams_that_one_facilitates(
    client_for, facilitator, administrator, member, team, other_team, approval_team
):
    join_teams(member, [other_team, approval_team])
    decline_membership(membership_of(member, approval_team), reason="Secret.", by=administrator)
    end_membership(membership_of(member, team), reason="Moved.", by=facilitator)
    lines = timeline_of(client_for(facilitator), member)
    assert "Education | ended | Moved. | Status: Active → Ended" in lines
    page = visible_text(client_for(facilitator).get(f"{MEMBERS}{member.pk}/change/"))
    assert "Hiring" not in page
    assert "Careers" not in page
    assert "Secret" not in page
    assert "Hiring" in visible_text(client_for(administrator).get(f"{MEMBERS}{member.pk}/change/"))


def test_member_timeline_of_other_teams_is_not_found(client_for, facilitator, outsider):
    assert client_for(facilitator).get(f"{MEMBERS}{outsider.pk}/change/").status_code == 404


def test_member_timeline_shows_every_facilitated_team(
    client_for, administrator, member, team, other_team
):
    set_facilitators(team, [member], by=administrator)
    set_facilitators(other_team, [member], by=administrator)
    set_facilitators(team, [], by=administrator)
    lines = timeline_of(client_for(administrator), member)
    assert lines[0] == "Account | no longer a facilitator of Education"
    assert lines[1] == "Account | facilitator of Hiring"


def test_member_timeline_shows_a_removed_confirmation(client_for, facilitator, member):
    unconfirm_affiliation(member, reason="She moved.", by=facilitator)
    assert timeline_of(client_for(facilitator), member)[0] == (
        "Account | affiliation confirmation taken back: She moved. | "
        "Affiliation: by the email domain → not confirmed"
    )


def test_member_timeline_includes_a_merged_account(
    client_for, administrator, facilitator, member, organization, approval_team
):
    second = make_member("maria.old@rush.example", organization, "Maria M.")
    join_teams(second, [approval_team])
    approve_membership(membership_of(second, approval_team), by=administrator)
    merge_members(second, member, by=administrator)
    lines = timeline_of(client_for(administrator), member)
    assert "Careers | approved | Status: Waiting → Active" in lines
    assert any(line.startswith("maria.old@rush.example | two accounts of") for line in lines)
    assert any("Member: maria.old@rush.example → Maria Member" in line for line in lines)
    assert "Careers" not in " ".join(timeline_of(client_for(facilitator), member))


def test_member_timeline_of_a_closed_account_names_nobody(client_for, administrator, member):
    close_account(member)
    page = visible_text(client_for(administrator).get(f"{MEMBERS}{member.pk}/change/"))
    assert "account closed" in page
    assert "Maria" not in page


def test_member_timeline_is_cut_with_a_notice(client_for, administrator, member, monkeypatch):
    monkeypatch.setattr(timeline, "MAX_VERSIONS", 3)
    for number in range(4):
        save_with_history(member, administrator, "changed", job_title=f"Title {number}")
    response = client_for(administrator).get(f"{MEMBERS}{member.pk}/change/")
    assert len(response.context["timeline"].versions) == 3
    assert "The newest 3 changes." in visible_text(response)


def test_member_timeline_without_older_versions_has_no_notice(client_for, administrator, member):
    response = client_for(administrator).get(f"{MEMBERS}{member.pk}/change/")
    assert not response.context["timeline"].has_more
    assert "The newest" not in visible_text(response)


def test_member_timeline_costs_the_same_queries_for_more_versions(
    client_for, administrator, member, other_team, approval_team
):
    client, counts = client_for(administrator), []
    client.get(f"{MEMBERS}{member.pk}/change/")
    for teams in ([], [other_team, approval_team]):
        for team in teams:
            join_teams(member, [team])
            save_with_history(member, administrator, "changed", job_title=team.name)
        with CaptureQueriesContext(connection) as done:
            client.get(f"{MEMBERS}{member.pk}/change/")
        counts.append(len(done))
    assert len(set(counts)) == 1


# Timeline of an organization -------------------------------------------------------------------


def test_organization_timeline_shows_domains_and_merged_names(
    client_for, facilitator, organization, proposed_organization
):
    add_domain(organization, domain="two.example", by=facilitator)
    remove_domain(organization.domains.get(domain="two.example"), by=facilitator)
    add_domain(proposed_organization, domain="lakeview.example", by=facilitator)
    merge_organizations(proposed_organization, organization, by=facilitator)
    lines = timeline_of(client_for(facilitator), organization)
    assert lines[:4] == [
        "Organization | Lakeview Health merged into it",
        "lakeview.example | Lakeview Health merged into Rush Example Hospital",
        "two.example | taken back",
        "two.example | domain added",
    ]
    # What was there before the test was added at one time.
    assert set(lines[4:]) == {"rush.example | domain added", "Organization | added as recognized"}


def test_organization_timeline_does_not_exist_before_the_organization(client_for, facilitator):
    assert "Timeline" not in visible_text(client_for(facilitator).get(f"{ORGANIZATIONS}add/"))


def test_history_without_versions_says_so(client_for, administrator, member):
    membership = Membership.objects.of(member).get()
    membership.history.all().delete()
    text = visible_text(
        client_for(administrator).get(f"/admin/teams/membership/{membership.pk}/history/")
    )
    assert "have a change history" in text
