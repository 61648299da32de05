"""One organization under two names: merging, renaming, and names that mean another one."""

import pytest

from conftest import make_member
from members.models import EmailDomain, Member, Organization
from members.services import rename_organization
from members.services.merging import merge_organizations
from members.services.organizations import (
    add_domain,
    decline_organization,
    recognize_organization,
    set_kind,
)
from members.tests.steps import last_line, refused
from teams.services import add_organization, set_affiliation


@pytest.fixture
def duplicate(administrator) -> Organization:
    return add_organization("Rush Hosp", domains=["rushhosp.example"], by=administrator)


def fresh(instance):
    return type(instance)._base_manager.get(pk=instance.pk)


def people_of(organization: Organization) -> set[str]:
    return {person.email for person in organization.members.all()}


# Merging ---------------------------------------------------------------------------------------


def test_merge_organizations_moves_people_domains_and_former_names(
    duplicate, organization, member, administrator
):
    confirmed = make_member("a@rushhosp.example", duplicate)
    waiting = make_member("b@elsewhere.example", duplicate, confirmed=False)
    gone = make_member("c@rushhosp.example", duplicate)
    Member.objects.filter(pk=gone.pk).update(is_active=False)
    older = add_organization("Rush Clinic Old", by=administrator)
    merge_organizations(older, duplicate, by=administrator)
    assert merge_organizations(duplicate, organization, by=administrator) == []
    assert people_of(duplicate) == set()
    assert people_of(organization) == {confirmed.email, waiting.email, gone.email, member.email}
    assert fresh(confirmed).is_affiliation_confirmed
    assert not fresh(waiting).is_affiliation_confirmed
    assert set(organization.domains.values_list("domain", flat=True)) == {
        "rush.example", "rushhosp.example",
    }  # fmt: skip
    assert set(organization.former_names.all()) == {duplicate, older}
    old = fresh(duplicate)
    assert (old.status, old.merged_into, old.decided_by) == ("merged", organization, administrator)
    why = "Rush Hosp merged into Rush Example Hospital"
    for moved in (
        confirmed,
        waiting,
        gone,
        older,
        EmailDomain.objects.get(domain="rushhosp.example"),
    ):
        assert last_line(moved) == (administrator, why)
    assert last_line(duplicate) == (administrator, "merged into Rush Example Hospital")
    assert last_line(organization) == (administrator, "Rush Hosp merged into it")


@pytest.mark.parametrize(("kind", "expected"), [("", "funder"), ("employer", "employer")])
def test_merge_organizations_keeps_a_kind_that_only_the_duplicate_has(
    kind, expected, duplicate, organization, administrator
):
    set_kind(duplicate, "funder", by=administrator)
    set_kind(organization, kind, by=administrator)
    merge_organizations(duplicate, organization, by=administrator)
    assert fresh(organization).kind == expected


def test_merge_organizations_confirms_nobody_who_named_a_proposed_one(
    proposed_organization, organization, administrator, applicant
):
    merge_organizations(proposed_organization, organization, by=administrator)
    person = fresh(applicant)
    assert (person.organization, person.is_affiliation_confirmed) == (organization, False)


def test_merge_organizations_confirms_by_domains_of_a_proposed_duplicate(
    proposed_organization, organization, administrator, applicant
):
    add_domain(proposed_organization, domain="lakeview.example", by=administrator)
    elsewhere = make_member("x@mail.example", proposed_organization, confirmed=False)
    confirmed = merge_organizations(proposed_organization, organization, by=administrator)
    assert confirmed == [applicant]
    person = fresh(applicant)
    assert (person.organization, person.affiliation_confirmed_by) == (organization, administrator)
    assert not fresh(elsewhere).is_affiliation_confirmed


def test_merge_organizations_adds_the_suggested_domain(
    proposed_organization, organization, administrator, applicant
):
    given = {"domain": "lakeview.example", "by": administrator}
    assert merge_organizations(proposed_organization, organization, **given) == [applicant]
    assert EmailDomain.objects.get(domain="lakeview.example").organization == organization


def test_merge_organizations_restores_no_removed_confirmation(
    duplicate, organization, administrator
):
    person = make_member("a@rushhosp.example", duplicate, confirmed=False)
    assert merge_organizations(duplicate, organization, by=administrator) == []
    assert not fresh(person).is_affiliation_confirmed


def test_merge_organizations_that_are_both_proposed_confirms_nobody(
    proposed_organization, administrator, applicant
):
    kappa = Organization.objects.create(name="Kappa")
    add_domain(proposed_organization, domain="lakeview.example", by=administrator)
    assert merge_organizations(proposed_organization, kappa, by=administrator) == []
    assert fresh(applicant).organization == kappa
    assert not fresh(applicant).is_affiliation_confirmed


def test_merge_organizations_accepts_a_declined_duplicate(
    proposed_organization, organization, administrator
):
    decline_organization(proposed_organization, reason="Unknown.", by=administrator)
    merge_organizations(proposed_organization, organization, by=administrator)
    assert fresh(proposed_organization).is_merged


def test_merge_organizations_refuses_wrong_pairs(
    organization, other_organization, proposed_organization, administrator
):
    def merging(words, one, two, **more):
        refused(words, merge_organizations, one, two, by=administrator, **more)

    merging("with itself", organization, organization)
    merging("Merge the other way around", organization, proposed_organization)
    merging("already belongs", organization, other_organization, domain="rush.example")
    merging("public mailbox", proposed_organization, organization, domain="gmail.com")
    declined = Organization.objects.create(name="Kappa")
    decline_organization(declined, reason="Unknown.", by=administrator)
    merging("was declined", proposed_organization, declined)
    merge_organizations(organization, other_organization, by=administrator)
    merging("merged into Loop Example Clinic already", organization, proposed_organization)
    merging("itself a former name of Loop", proposed_organization, organization)


def test_merge_organizations_needs_the_same_queries_for_more_people(
    duplicate, other_organization, organization, administrator, django_assert_max_num_queries
):
    add_domain(other_organization, domain="many.example", by=administrator)
    for number in range(3):
        make_member(f"p{number}@rushhosp.example", duplicate)
    for number in range(9):
        make_member(f"q{number}@loop.example", other_organization)
    with django_assert_max_num_queries(30) as few:
        merge_organizations(duplicate, organization, by=administrator)
    with django_assert_max_num_queries(30) as many:
        merge_organizations(other_organization, organization, by=administrator)
    assert len(many) == len(few)


def test_recognize_organization_asks_once_for_the_owners_of_all_domains(
    administrator, organization, django_assert_max_num_queries
):
    counts = []
    for number, people in enumerate((1, 5)):
        kappa = Organization.objects.create(name=f"Kappa {number}")
        for person in range(people):
            domain = f"d{person}.k{number}.example"
            make_member(f"p@{domain}", Organization.objects.create(name=domain), confirmed=False)
        with django_assert_max_num_queries(40) as done:
            confirmed = recognize_organization(kappa, domain=f"k{number}.example", by=administrator)
        assert len(confirmed) == people
        counts.append(len(done))
    assert counts[0] == counts[1]


# A merged name means the organization that goes on ------------------------------------------------


def test_set_affiliation_with_a_former_name_means_the_retained_one(
    duplicate, organization, administrator
):
    merge_organizations(duplicate, organization, by=administrator)
    nora = set_affiliation(make_member("nora@mail.example"), "The RUSH Hosp.")
    assert (nora.organization, nora.is_affiliation_confirmed) == (organization, False)
    assert Organization.objects.count() == 2


def test_set_affiliation_by_a_moved_domain_confirms_for_the_retained_one(
    duplicate, organization, administrator
):
    merge_organizations(duplicate, organization, by=administrator)
    nora = set_affiliation(make_member("nora@rushhosp.example"), "Whatever")
    assert (nora.organization, nora.is_affiliation_confirmed) == (organization, True)


def test_set_affiliation_with_a_former_name_proposes_again(proposed_organization, administrator):
    rename_organization(proposed_organization, "Lakeview Care", by=administrator)
    decline_organization(proposed_organization, reason="Unknown.", by=administrator)
    nora = set_affiliation(make_member("nora@mail.example"), "Lakeview Health")
    assert nora.organization == proposed_organization
    assert nora.organization.status == "proposed"


def test_former_name_refuses_every_decision(duplicate, organization, administrator):
    merge_organizations(duplicate, organization, by=administrator)
    by = {"by": administrator}
    refused("already merged", recognize_organization, duplicate, **by)
    refused("already merged", decline_organization, duplicate, reason="No.", **by)
    refused("former name of Rush", add_domain, duplicate, domain="new.example", **by)
    refused("former name of Rush", rename_organization, duplicate, "New name", **by)


def test_former_name_is_suggested_nowhere(duplicate, organization, administrator):
    merge_organizations(duplicate, organization, by=administrator)
    assert list(Organization.objects.suggested()) == [organization]
    assert list(Organization.objects.recognized()) == [organization]


# Renaming --------------------------------------------------------------------------------------


def test_rename_organization_keeps_the_old_name_as_former(organization, administrator):
    renamed = rename_organization(organization, "  Rush   Medical ", by=administrator)
    assert (renamed.name, renamed.normalized_name) == ("Rush Medical", "rush medical")
    (former,) = renamed.former_names.all()
    assert (former.name, former.status) == ("Rush Example Hospital", "merged")
    assert last_line(former) == (administrator, "former name of Rush Medical")
    nora = set_affiliation(make_member("nora@mail.example"), "Rush Example Hospital")
    assert nora.organization == organization


def test_rename_organization_by_case_leaves_no_former_name(organization, administrator):
    renamed = rename_organization(organization, "The RUSH-Example Hospital", by=administrator)
    assert renamed.name == "The RUSH-Example Hospital"
    assert not renamed.former_names.exists()


def test_rename_organization_to_the_same_name_changes_nothing(organization, administrator):
    before = organization.history.count()
    rename_organization(organization, "Rush Example Hospital", by=administrator)
    assert organization.history.count() == before


def test_rename_organization_back_swaps_the_names(organization, administrator):
    for name in ("Rush Medical", "Rush Example Hospital", "Rush Medical", "Rush Three"):
        rename_organization(organization, name, by=administrator)
    renamed = fresh(organization)
    assert renamed.name == "Rush Three"
    assert {(former.name, former.normalized_name) for former in renamed.former_names.all()} == {
        ("Rush Example Hospital", "rush example hospital"),
        ("Rush Medical", "rush medical"),
    }


def test_rename_organization_refuses_wrong_names(
    organization, other_organization, duplicate, administrator
):
    by = {"by": administrator}
    refused("at least one letter", rename_organization, organization, " -- ", **by)
    refused("Another organization", rename_organization, organization, "Loop Example Clinic", **by)
    merge_organizations(duplicate, other_organization, by=administrator)
    refused("Another organization", rename_organization, organization, "Rush Hosp", **by)
