"""Many rows, their history and their emails in one go."""

from django.db import connection
from django.test.utils import CaptureQueriesContext
from post_office.models import STATUS

from conftest import make_member, membership_of
from members.models import Member, Organization
from members.services import bulk_save_with_history
from teams.models import Membership
from teams.services import join_teams, recognize_organization
from teams.upcoming_meetings import upcoming_meetings


def test_recognizing_needs_the_same_queries_for_one_and_for_three_people(
    fragment_clock, administrator, team
):
    upcoming_meetings()  # are in the cache of fragments then
    needed = []
    for number in (1, 3):
        organization = Organization.objects.create(name=f"Lakeview {number}")
        for person in range(number):
            waiting = make_member(f"p{person}@lake{number}.example", organization, confirmed=False)
            join_teams(waiting, [team])
        with CaptureQueriesContext(connection) as queries:
            recognize_organization(organization, domain=f"lake{number}.example", by=administrator)
        needed.append(len(queries))
        assert Member.objects.filter(organization=organization).unconfirmed().count() == 0
    assert needed[0] == needed[1]
    assert Membership.objects.active().count() == 4


def test_history_and_emails_of_many_at_once_are_as_one_by_one(
    applicant, proposed_organization, administrator, team, queued_emails
):
    recognize_organization(proposed_organization, by=administrator)
    version = membership_of(applicant, team).history.first()
    assert version.history_change_reason == "opened with the affiliation"
    assert (version.history_user, version.status, version.source) == (
        administrator,
        "active",
        "hand",
    )
    assert version.decided_by == administrator
    (email,) = queued_emails()
    assert email.to == [applicant.email]
    assert email.status == STATUS.queued


def test_nothing_to_record_asks_nothing(administrator, django_assert_num_queries):
    with django_assert_num_queries(0):
        bulk_save_with_history([], administrator, "nothing", full_name="Nobody")
