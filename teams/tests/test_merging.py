"""One person with two accounts: memberships of both, and the old address opens the one account."""

import pytest
from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from post_office.models import Email

from conftest import code_in, make_member, make_membership, membership_of, visible_text
from members.models import Bounce, Member, Organization
from members.services import record_bounce
from members.tests.steps import last_line, refused
from teams.models import Membership
from teams.services import (
    close_account,
    complete_join,
    decline_membership,
    end_membership,
    join_teams,
    merge_members,
    merge_organizations,
    personal_data,
    recognize_organization,
    set_facilitators,
)
from teams.services.merging import IN_TEAM_TWICE, MERGED
from teams.tests.test_concurrency import ROUNDS, _room_for_all, at_once, refusals  # noqa: F401
from teams.tests.test_services_people import database_text


@pytest.fixture
def second(organization) -> Member:
    """Maria's other account."""
    return make_member("maria.old@rush.example", organization, "Maria M.")


def fresh(person: Member) -> Member:
    return Member.objects.select_related("organization").get(pk=person.pk)


def test_merge_members_moves_memberships_and_emails_both_addresses(
    second, member, team, other_team, approval_team, administrator, queued_emails
):
    join_teams(second, [other_team, approval_team])
    Email.objects.all().delete()
    merge_members(second, member, by=administrator)
    memberships = Membership.objects.of(member)
    assert {(membership.team.name, membership.status) for membership in memberships} == {
        ("Education", "active"), ("Hiring", "active"), ("Careers", "requested"),
    }  # fmt: skip
    assert not Membership.objects.of(second).exists()
    assert last_line(membership_of(member, other_team)) == (administrator, MERGED)
    assert [email.to for email in queued_emails()] == [[member.email], [second.email]]
    for email in queued_emails():
        assert email.subject == "Your two accounts are now one"
        for body in (email.message, email.html_message):
            for words in (member.email, second.email, "Education", "Hiring", "Careers", "help@"):
                assert words in body
        assert "\n\n\n" not in email.message
        assert max(len(line) for line in email.message.splitlines()) <= 78


def test_merge_members_closes_the_duplicate(second, member, administrator):
    merge_members(second, member, by=administrator)
    duplicate = fresh(second)
    assert (duplicate.email, duplicate.full_name, duplicate.is_active) == (
        "maria.old@rush.example",
        "",
        False,
    )
    assert (duplicate.merged_into, duplicate.organization) == (member, None)
    assert Member.objects.account_of("Maria.Old@rush.example") == member
    assert last_line(second) == last_line(member) == (administrator, MERGED)


@pytest.mark.parametrize(
    ("mine", "theirs", "retained"),
    [
        ("active", "requested", "mine"),
        ("requested", "active", "theirs"),
        ("active", "active", "mine"),
        ("requested", "requested", "mine"),
    ],
)
def test_merge_members_keeps_the_better_membership_of_a_team(
    second, member, approval_team, administrator, mine, theirs, retained
):
    memberships = {}
    for person, status, whose in ((member, mine, "mine"), (second, theirs, "theirs")):
        memberships[whose] = make_membership(person, approval_team, status)
    merge_members(second, member, by=administrator)
    better = memberships.pop(retained)
    (worse,) = memberships.values()
    better.refresh_from_db()
    worse.refresh_from_db()
    assert better.member == worse.member == member
    assert better.status == (mine if retained == "mine" else theirs)
    was = theirs if retained == "mine" else mine
    assert worse.status == ("ended" if was == "active" else "withdrawn")
    assert (worse.reason, worse.ended_by) == (IN_TEAM_TWICE, administrator)
    assert Email.objects.count() == 2  # none about memberships


def test_merge_members_keeps_the_older_of_two_active_memberships(
    second, member, team, administrator
):
    join_teams(second, [team])
    older = Membership.objects.filter(member=second)
    older.update(decided_at="2020-01-01T00:00Z")
    pk = older.get().pk
    merge_members(second, member, by=administrator)
    assert Membership.objects.of(member).active().get().pk == pk


@pytest.mark.both_databases
def test_merge_members_moves_memberships_that_are_over(
    second, member, approval_team, team, administrator
):
    join_teams(second, [approval_team, team])
    decline_membership(membership_of(second, approval_team), reason="Full.", by=administrator)
    end_membership(membership_of(second, team), reason="Moved.", by=administrator)
    merge_members(second, member, by=administrator)
    assert set(Membership.objects.of(member).values_list("status", "reason")) == {
        ("active", ""), ("declined", "Full."), ("ended", "Moved."),
    }  # fmt: skip


def test_merge_members_moves_a_confirmed_affiliation_and_opens_requests(
    second, organization, team, approval_team, administrator, queued_emails
):
    retained = make_member("maria@mail.example", organization, confirmed=False)
    join_teams(retained, [team, approval_team])
    Email.objects.all().delete()
    merge_members(second, retained, by=administrator)
    retained = fresh(retained)
    assert (retained.organization, retained.affiliation_confirmed_via) == (organization, "domain")
    assert (retained.full_name, retained.job_title) == ("Maria M.", "")
    assert membership_of(retained, team).is_active
    assert membership_of(retained, approval_team).is_waiting
    assert len(queued_emails()) == 2


def test_merge_members_fills_in_what_the_profile_lacks(
    member, proposed_organization, administrator
):
    second = make_member("m@lakeview.example", proposed_organization, "Mary", confirmed=False)
    Member.objects.filter(pk=second.pk).update(job_title="Head of HR")
    merge_members(fresh(second), member, by=administrator)
    retained = fresh(member)
    assert (retained.full_name, retained.job_title) == ("Maria Member", "Head of HR")
    assert retained.organization.name == "Rush Example Hospital"


def test_merge_members_moves_an_unconfirmed_organization(applicant, administrator):
    retained = make_member("wanda@mail.example")
    merge_members(applicant, retained, by=administrator)
    assert fresh(retained).organization.name == "Lakeview Health"
    assert not fresh(retained).is_affiliation_confirmed


def test_merge_members_moves_accounts_merged_before(second, member, colleague, administrator):
    merge_members(second, colleague, by=administrator)
    merge_members(colleague, member, by=administrator)
    assert Member.objects.account_of(second.email) == member


def test_merge_members_refuses_wrong_pairs(member, second, outsider, facilitator, administrator):
    def merging(words, one, two):
        refused(words, merge_members, one, two, by=administrator)

    merging("This is the same account", member, member)
    merging("may use the desk", facilitator, member)
    merging("may use the desk", administrator, member)
    merging("confirmed for Loop Example Clinic, maria@rush.example for Rush", outsider, member)
    merge_members(second, member, by=administrator)
    merging("part of another account already", second, fresh(outsider))
    merging("account is closed", outsider, fresh(second))
    close_account(outsider)
    merging("account is closed", fresh(outsider), fresh(member))


def test_merge_members_refuses_after_the_organization_changed(
    member, applicant, other_organization, administrator
):
    stale = fresh(applicant)
    Member.objects.filter(pk=applicant.pk).update(organization=other_organization)
    refused("in the meantime", merge_members, stale, member, by=administrator)


@pytest.mark.both_databases
def test_merged_account_is_never_open_in_the_database(member, second):
    with pytest.raises(IntegrityError), transaction.atomic():
        Member.objects.filter(pk=second.pk).update(merged_into=member)


def test_merge_members_leaves_a_retained_facilitator_the_desk(
    second, facilitator, team, administrator
):
    merge_members(second, facilitator, by=administrator)
    assert fresh(facilitator).is_staff


# The old address --------------------------------------------------------------------------------


@pytest.fixture
def merged(second, member, administrator) -> Member:
    EmailAddress.objects.create(user=second, email=second.email, verified=True, primary=True)
    merge_members(second, member, by=administrator)
    Email.objects.all().delete()
    return fresh(second)


def test_merged_address_signs_in_to_the_retained_account(client, merged, member, queued_emails):
    client.post("/sign-in/", {"email": merged.email})
    response = client.post("/sign-in/code/", {"code": code_in(queued_emails()[-1])})
    assert response.status_code == 302
    assert client.session["_auth_user_id"] == str(member.pk)
    assert EmailAddress.objects.get(user=member).email == member.email
    assert "Education" in visible_text(client.get("/my/"))


def test_merged_address_joins_as_the_retained_member(merged, member, other_team):
    joined, _ = complete_join(
        merged.email,
        full_name="Forged",
        job_title="",
        organization="Elsewhere",
        team_ids=[other_team.pk],
    )
    assert joined == member
    assert membership_of(member, other_team).is_active
    assert fresh(member).full_name == "Maria Member"
    assert not fresh(merged).full_name


def test_merge_members_signs_the_duplicate_out(client_for, second, member, administrator):
    client = client_for(second)
    merge_members(second, member, by=administrator)
    assert client.get("/my/").status_code == 302


def test_personal_data_lists_merged_addresses_with_emails_and_history(merged, member):
    Email.objects.create(to=[merged.email], from_email="x@example.org", subject="To the old one")
    data = personal_data(member)
    assert data["further_addresses"] == [merged.email]
    assert [email["subject"] for email in data["emails"]] == ["To the old one"]
    assert {merged.email, member.email} <= {line["email"] for line in data["history"]}


def test_close_account_erases_what_was_merged_into_it(merged, member, queued_emails):
    Email.objects.create(to=[merged.email], from_email="x@example.org", subject="To the old one")
    close_account(member)
    (email,) = queued_emails()
    assert email.to == [member.email]
    email.delete()
    assert "maria" not in database_text().lower()
    assert fresh(merged).closed_at
    assert Member.objects.account_of(merged.email) is None


def test_set_facilitators_refuses_a_merged_account(merged, team, administrator):
    refused("closed", set_facilitators, team, [merged], by=administrator)


# At the same time ---------------------------------------------------------------------------------

at_the_same_time = pytest.mark.django_db(transaction=True)


@at_the_same_time
@pytest.mark.both_databases
def test_merge_members_at_once_is_one_merge(second, member, team, administrator, queued_emails):
    join_teams(second, [team])
    Email.objects.all().delete()
    results = at_once(
        *[lambda: merge_members(second, member, by=administrator)] * 2,
        *[lambda: merge_members(member, second, by=administrator)] * 2,
    )
    assert len(refusals(results)) == 3
    assert Membership.objects.active().count() == 1
    assert Member.objects.filter(is_active=True, email__startswith="maria").count() == 1
    assert len(queued_emails()) == 2


@at_the_same_time
@pytest.mark.both_databases
def test_merge_organizations_both_ways_at_once_is_one_merge(
    organization, other_organization, member, outsider, administrator
):
    results = at_once(
        *[lambda: merge_organizations(organization, other_organization, by=administrator)] * 2,
        *[lambda: merge_organizations(other_organization, organization, by=administrator)] * 2,
    )
    assert len(refusals(results)) == 3
    (retained,) = Organization.objects.recognized()
    assert retained.members.count() == 2
    assert retained.domains.count() == 2


@at_the_same_time
@pytest.mark.both_databases
def test_merge_organizations_while_recognizing_leaves_nobody_behind(
    organization, team, administrator, queued_emails
):
    for turn in range(ROUNDS):
        kappa = Organization.objects.create(name=f"Kappa {turn}")
        person = make_member(f"p@k{turn}.example", kappa, confirmed=False)
        join_teams(person, [team])
        at_once(
            lambda k=kappa: merge_organizations(k, organization, by=administrator),
            lambda k=kappa, t=turn: recognize_organization(
                k, domain=f"k{t}.example", by=administrator
            ),
        )
        kappa.refresh_from_db()
        assert kappa.is_merged
        assert not kappa.members.exists()
        assert not kappa.domains.exists()
        assert fresh(person).organization == organization


@at_the_same_time
@pytest.mark.both_databases
def test_merge_organizations_while_joining_never_names_the_duplicate(
    organization, team, administrator
):
    for turn in range(ROUNDS):
        kappa = Organization.objects.create(name=f"Kappa {turn}")
        typed = {"full_name": "", "job_title": "", "organization": kappa.name}
        results = at_once(
            *[
                lambda n=n, t=turn, typed=typed: complete_join(
                    f"p{n}@k{t}.example", **typed, team_ids=[team.pk]
                )
                for n in range(3)
            ],
            lambda k=kappa: merge_organizations(k, organization, by=administrator),
        )
        assert refusals(results) == []
        assert not kappa.members.exists()
        assert organization.members.filter(email__endswith=f"@k{turn}.example").count() == 3


@at_the_same_time
@pytest.mark.both_databases
def test_merge_organizations_while_joining_by_domain_never_names_the_duplicate(
    organization, team, administrator
):
    for turn in range(ROUNDS):
        kappa = Organization.objects.create(name=f"Kappa {turn}")
        recognize_organization(kappa, domain=f"k{turn}.example", by=administrator)
        typed = {"full_name": "", "job_title": "", "organization": "x"}
        results = at_once(
            *[
                lambda n=n, t=turn, typed=typed: complete_join(
                    f"p{n}@k{t}.example", **typed, team_ids=[team.pk]
                )
                for n in range(3)
            ],
            lambda k=kappa: merge_organizations(k, organization, by=administrator),
        )
        assert refusals(results) == []
        assert not kappa.members.exists()
        assert Membership.objects.active().filter(member__organization=organization).count() == (
            3 * (turn + 1)
        )


def test_merge_members_settles_what_came_back_from_the_other_address(
    member, colleague, facilitator
):
    for each in (member, colleague):
        record_bounce(each, each.email, "5.1.1")
    merge_members(colleague, member, by=facilitator)
    assert Bounce.objects.open().get().member == member
