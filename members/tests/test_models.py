"""What the database itself refuses about people and organizations, and how domains are matched."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from conftest import make_member
from members.models import EmailDomain, Member, Organization
from members.services import save_with_history


def refuses(change, *args, **kwargs) -> None:
    """The database refuses, whatever Python checks beforehand."""
    with pytest.raises(IntegrityError), transaction.atomic():
        change(*args, **kwargs)


# Organizations -----------------------------------------------------------------------------


@pytest.fixture
def organizations(organization):
    return Organization.objects.filter(pk=organization.pk)


def test_organization_has_a_known_status(organizations):
    refuses(organizations.update, status="accepted")
    refuses(organizations.update, status="")


def test_organization_is_recognized_only_with_time_and_person(organizations):
    refuses(organizations.update, decided_at=None)
    refuses(organizations.update, decided_by=None)


def test_organization_is_declined_only_with_a_reason(organizations):
    refuses(organizations.update, status="declined", decision_reason="")
    organizations.update(status="declined", decision_reason="Not in healthcare.")


def test_organization_name_is_unique_as_names_are_compared(organization):
    refuses(Organization.objects.create, name="The RUSH-Example Hospital, Inc.")
    refuses(Organization.objects.bulk_create, [Organization(name="x", normalized_name="")])


def test_organization_name_is_comparable(db):
    refuses(Organization.objects.create, name="...")


def test_organization_renamed_is_compared_by_the_new_name(organization, administrator):
    save_with_history(organization, administrator, "renamed", name="Rush & Sons")
    assert Organization.objects.named("the rush and sons").get() == organization
    assert not Organization.objects.named("Rush Example Hospital").exists()


@pytest.mark.parametrize("name", ["The Rush Example Hospital", "&", "…"])
def test_organization_form_refuses_known_and_empty_names_in_words(organization, name):
    with pytest.raises(ValidationError) as refused:
        Organization(name=name).full_clean()
    assert "name" in refused.value.message_dict


def test_organization_keeps_its_own_name(organization):
    organization.full_clean()


def test_organization_with_members_is_not_deleted(member):
    with pytest.raises(ProtectedError):
        member.organization.delete()


def test_organization_counts_waiting_people(organization, other_organization):
    for number in range(3):
        make_member(f"w{number}@x.example", organization, confirmed=False)
    make_member("sure@rush.example", organization)
    Member.objects.filter(email="w2@x.example").update(is_active=False)
    counted = Organization.objects.with_waiting_count()
    assert {each.name: each.waiting_count for each in counted} == {
        "Rush Example Hospital": 2,
        "Loop Example Clinic": 0,
    }


# Email domains ------------------------------------------------------------------------------


def add(organization, domain) -> None:
    EmailDomain.objects.bulk_create([EmailDomain(organization=organization, domain=domain)])


def test_domain_belongs_to_one_organization(organization, other_organization):
    refuses(add, other_organization, "rush.example")


@pytest.mark.parametrize(
    "domain", ["Rush2.example", "localhost", "@rush2.example", "a@rush2.example", "a b.example", ""]
)
def test_domain_is_lower_case_and_has_two_labels(organization, domain):
    refuses(add, organization, domain)


def test_domain_does_not_start_with_a_dot(organization):
    refuses(add, organization, ".rush2.example")


@pytest.mark.parametrize("domain", ["büro.example", "ruſh.example"])
def test_email_domain_is_ascii(organization, domain):
    refuses(add, organization, domain)


@pytest.mark.parametrize(
    ("domain", "message"),
    [
        ("mail.gmail.com", "public mailbox provider"),
        ("GMAIL.com", "public mailbox provider"),
        (" @x.yahoo.co.uk ", "public mailbox provider"),
        ("IL.us", "Many organizations share"),
        ("*.rush2.example", "Enter rush2.example. Addresses below it count as well"),
    ],
)
def test_email_domain_clean_refuses_what_is_not_one_organizations(organization, domain, message):
    with pytest.raises(ValidationError, match=message):
        EmailDomain(organization=organization, domain=domain).full_clean()


@pytest.mark.parametrize("domain", ["il.us", "gmail.com", ""])
def test_organization_offers_only_a_domain_that_can_be_its_own(domain):
    assert Organization(suggested_domain=domain).offered_domain == ""
    assert Organization(suggested_domain="kappa.example").offered_domain == "kappa.example"


@pytest.mark.parametrize("email", ['"x,eve@evil.example,y"@rush.example', "a,b@rush.example"])
def test_member_address_is_one_address(db, email):
    refuses(Member.objects.create, email=email)


@pytest.mark.parametrize("domain", ["https://rush2", "rush2", "a..example", "a,b.example"])
def test_domain_that_is_none_is_refused_in_words(organization, domain):
    with pytest.raises(ValidationError, match="Enter an email domain, like hospital.org"):
        EmailDomain(organization=organization, domain=domain).full_clean()


def test_domain_is_cleaned_of_case_and_signs(organization):
    domain = EmailDomain(organization=organization, domain=" @Mail.Rush2.Example. ")
    domain.full_clean()
    assert domain.domain == "mail.rush2.example"


def test_organization_with_a_domain_is_not_deleted(organization):
    with pytest.raises(ProtectedError):
        organization.delete()


def test_owner_of_follows_the_longest_domain(organization, other_organization):
    add(other_organization, "kids.rush.example")
    owner_of = EmailDomain.objects.owner_of
    assert owner_of("rush.example") == organization
    assert owner_of("mail.rush.example") == organization
    assert owner_of("kids.rush.example") == other_organization
    assert owner_of("mail.kids.rush.example") == other_organization


@pytest.mark.parametrize(
    "domain", ["notrush.example", "rush.example.evil.example", "example", "localhost", ""]
)
def test_owner_of_a_domain_that_only_looks_alike_is_nobody(organization, domain):
    assert EmailDomain.objects.owner_of(domain) is None


def test_owner_of_needs_one_query(organization, django_assert_num_queries):
    with django_assert_num_queries(1):
        owner = EmailDomain.objects.owner_of("a.b.c.rush.example")
        assert owner.name == "Rush Example Hospital"


# Members -----------------------------------------------------------------------------------


@pytest.fixture
def people(member):
    return Member.objects.filter(pk=member.pk)


def test_member_address_is_unique(people):
    refuses(Member.objects.create, email="maria@rush.example")


def test_member_address_is_lower_case(people):
    refuses(people.update, email="Maria@rush.example")
    assert Member.objects.create_user("NEW@Rush.example").email == "new@rush.example"


def test_affiliation_is_confirmed_as_a_whole_or_not_at_all(people):
    refuses(people.update, affiliation_confirmed_at=None)
    refuses(people.update, affiliation_confirmed_via="")
    refuses(people.update, affiliation_confirmed_via="hearsay")
    refuses(people.update, organization=None)
    people.update(affiliation_confirmed_at=None, affiliation_confirmed_via="")


@pytest.mark.parametrize("right", ["is_active", "is_staff", "is_superuser"])
def test_closed_account_has_no_rights(people, right):
    refuses(
        people.update,
        closed_at=timezone.now(),
        **{"is_active": False, "is_staff": False, "is_superuser": False, right: True},
    )


def test_member_has_no_password(member):
    assert "password" not in [field.name for field in Member._meta.get_fields()]


def test_member_with_a_membership_is_not_deleted(member):
    with pytest.raises(ProtectedError):
        member.delete()


def test_unconfirmed_are_open_accounts_with_an_organization(organization, member):
    waiting = make_member("w@x.example", organization, confirmed=False)
    make_member("closed@x.example", organization, confirmed=False)
    make_member("none@x.example")
    Member.objects.filter(email="closed@x.example").update(is_active=False)
    assert list(Member.objects.unconfirmed()) == [waiting]


def test_at_domain_includes_subdomains(db):
    for address in (
        "a@rush.example",
        "b@mail.rush.example",
        "c@notrush.example",
        "d@rush2.example",
    ):
        make_member(address)
    members = Member.objects.at_domain("rush.example").order_by("email")
    assert [person.email for person in members] == ["a@rush.example", "b@mail.rush.example"]
    assert not Member.objects.at_domain("%").exists()


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"full_name": "Maria"}, "Maria"),
        ({}, "m@rush.example"),
        ({"full_name": "Maria", "closed_at": timezone.now() - timedelta(1)}, "Former member"),
    ],
)
def test_member_is_shown_by_name_and_never_after_closing(fields, shown):
    assert str(Member(email="m@rush.example", **fields)) == shown


def test_may_join_at_once_needs_confirmation_and_recognition(organization, proposed_organization):
    assert make_member("a@x.example", organization).may_join_at_once
    assert not make_member("b@x.example", organization, confirmed=False).may_join_at_once
    assert not make_member("c@x.example", proposed_organization).may_join_at_once
    assert not make_member("d@x.example").may_join_at_once


def test_member_normalized_name_follows_the_name(member):
    assert member.normalized_name == "maria member"
    save_with_history(member, member, "renamed", full_name="María Núñez")
    member.refresh_from_db()
    assert member.normalized_name == "maria nunez"


def test_member_normalized_name_is_not_written_from_an_old_row(member):
    old = Member.objects.get(pk=member.pk)
    save_with_history(member, member, "renamed", full_name="María Núñez")
    save_with_history(old, member, "changed", job_title="Recruiter")
    member.refresh_from_db()
    assert (member.full_name, member.normalized_name) == ("María Núñez", "maria nunez")
