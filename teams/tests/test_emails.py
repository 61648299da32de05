"""The emails about teams: the fact, why, what next; what people typed is escaped."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from post_office.models import Email

from conftest import make_member, membership_of
from members.models import Organization
from teams import emails
from teams.models import ActionTeam, Goal, Membership

HOSTILE = "<script>x</script> & {{ site_url }} {% now 'Y' %} O'Hara"
ESCAPED = "&lt;script&gt;x&lt;/script&gt; &amp; {{ site_url }} {% now 'Y' %} O'Hara".replace(
    "'", "&#x27;"
)

MONDAY = datetime(2090, 3, 6, 10, tzinfo=ZoneInfo("America/Chicago"))


def make_membership(member, team, status="active", **fields) -> Membership:
    """Return a membership for an email; nothing is stored."""
    return Membership(member=member, team=team, status=status, **fields)


@pytest.fixture
def queued(db):
    """`queued()`: the one email there is, checked for what every email has."""

    def read() -> Email:
        (email,) = Email.objects.all()
        assert "!" not in email.message + email.subject
        assert "\n\n\n" not in email.message
        assert max(len(line) for line in email.message.splitlines()) <= 78, email.message
        assert "You get this email" in email.message
        assert "You get this email" in email.html_message
        assert "help@example.org" in email.message
        assert "&amp;" not in email.message
        assert email.subject.strip()
        return email

    return read


@pytest.fixture
def ampersand_team(db) -> ActionTeam:
    return ActionTeam.objects.create(name="Education & Training", slug="education-training")


def test_teams_joined_names_the_teams_and_says_how_to_leave(member, ampersand_team, queued):
    emails.teams_joined(member, [make_membership(member, ampersand_team)], [])
    email = queued()
    assert email.to == [member.email]
    assert email.subject == "You joined Education & Training"
    assert "You are in, Maria" in email.message
    assert "http://127.0.0.1:8000/teams/education-training/" in email.message
    assert "leave a team" in email.message
    assert "Education &amp; Training" in email.html_message
    assert "waiting" not in email.message


def test_teams_joined_says_what_still_waits(member, team, approval_team, queued):
    emails.teams_joined(
        member,
        [make_membership(member, team)],
        [make_membership(member, approval_team, "requested")],
    )
    email = queued()
    assert email.subject == "You joined Education"
    for body in (email.message, email.html_message):
        assert "Still waiting" in body
        assert "Careers" in body
        assert "withdraw" in body


def test_teams_joined_counts_several_in_the_subject(member, team, other_team, queued):
    emails.teams_joined(
        member, [make_membership(member, team), make_membership(member, other_team)], []
    )
    assert queued().subject == "You joined 2 action teams"


@pytest.mark.parametrize("policy", ["open", "approval"])
def test_requests_waiting_for_the_organization_says_who_checks_and_by_when(
    applicant, team, policy, queued
):
    team.join_policy = policy
    emails.requests_waiting(
        applicant, [make_membership(applicant, team, "requested", requested_at=MONDAY)]
    )
    email = queued()
    assert email.subject == "We have your request for Education"
    words = " ".join(email.message.split())
    assert "A facilitator checks Lakeview Health first" in words
    assert ("Then a facilitator of the team decides" in words) == (policy == "approval")
    assert "You will get an answer by March 8, 2090." in words
    assert "withdraw" in words


def test_requests_waiting_for_the_affiliation_names_the_organization(organization, team, queued):
    person = make_member("x@mailbox.example", organization, confirmed=False)
    emails.requests_waiting(person, [make_membership(person, team, "requested")])
    words = " ".join(queued().message.split())
    assert "checks that you work for Rush Example Hospital." in words
    assert "Hello" not in words


def test_requests_waiting_for_approval_says_so(member, approval_team, other_team, queued):
    emails.requests_waiting(
        member,
        [
            make_membership(member, approval_team, "requested"),
            make_membership(member, other_team, "requested"),
        ],
    )
    email = queued()
    assert email.subject == "We have your requests for 2 action teams"
    words = " ".join(email.message.split())
    assert "A facilitator of the team decides on your request" in words
    assert "You will get an answer by" in words


def test_requests_waiting_without_an_organization_says_so(db, team, queued):
    person = make_member("nobody@mailbox.example")
    emails.requests_waiting(person, [make_membership(person, team, "requested")])
    assert "checks your organization first" in " ".join(queued().message.split())


def test_requests_waiting_does_not_repeat_a_day_that_has_passed(member, approval_team, queued):
    old = make_membership(member, approval_team, "requested")
    old.requested_at = timezone.now().replace(year=2020)
    emails.organization_recognized(member, [], [old])
    email = queued()
    assert email.subject == "Your organization is confirmed"
    assert "You will get an answer by" not in email.message + email.html_message
    assert "decides on your request" in " ".join(email.message.split())


def test_organization_recognized_names_it_and_what_is_open(member, team, approval_team, queued):
    emails.organization_recognized(
        member,
        [make_membership(member, team)],
        [make_membership(member, approval_team, "requested")],
    )
    email = queued()
    assert email.subject == "You joined Education"
    for body in (email.message, email.html_message):
        assert "Rush Example Hospital" in body
        assert "/teams/education/" in body
        assert "Careers" in body


def test_membership_approved_says_who_decided_and_how_to_leave(member, team, queued):
    emails.membership_approved(membership_of(member, team))
    email = queued()
    assert email.subject == "You joined Education"
    assert "A facilitator has approved your request" in email.message
    assert "/teams/education/" in email.message
    assert "http://127.0.0.1:8000/my/" in email.message


def test_membership_added_says_by_whom_and_how_to_leave(member, team, facilitator, queued):
    emails.membership_added([membership_of(member, team)], facilitator)
    email = queued()
    assert email.subject == "You were added to Education"
    words = " ".join(email.message.split())
    assert "Fay Facilitator" in words
    assert "as part of Rush Example Hospital" in words
    assert "If you do not want this, you can leave" in words


def test_membership_added_by_an_administrator_says_so(member, team, administrator, queued):
    emails.membership_added([membership_of(member, team)], administrator)
    email = queued()
    assert "Ada Admin, an administrator, added you to" in " ".join(email.message.split())
    assert "<bdi>Ada Admin</bdi>, an administrator, added you to" in email.html_message


def test_membership_declined_gives_the_reason_and_the_next_step(member, team, queued):
    emails.membership_declined(member, [team], "The team is full until May.")
    email = queued()
    assert email.subject == "Your request for Education was declined"
    for body in (email.message, email.html_message):
        assert "The team is full until May." in body
        assert "ask again on My teams" in body
        assert "help@example.org" in body
        assert "My details" not in body


def test_membership_declined_with_the_organization_points_to_my_details(
    applicant, team, other_team, queued
):
    emails.membership_declined(
        applicant, [team, other_team], "Not in healthcare.", applicant.organization
    )
    email = queued()
    assert email.subject == "Your requests for 2 action teams were declined"
    words = " ".join(email.message.split())
    assert "did not recognize Lakeview Health" in words
    assert "change it under My details" in words


def test_membership_ended_by_leaving_offers_the_way_back(member, team, queued):
    ended = membership_of(member, team)
    ended.ended_by = member
    emails.membership_ended(ended)
    email = queued()
    assert email.subject == "You left Education"
    assert "join again on My teams" in email.message
    assert "facilitator" not in email.message


def test_membership_ended_offers_no_way_back_to_a_closed_team(member, closed_team, queued):
    left = make_membership(member, closed_team, "ended", ended_by=member)
    emails.membership_ended(left)
    email = queued()
    for body in (email.message, email.html_message):
        assert "is not taking new members right now" in " ".join(body.split())
        assert "join again" not in body


def test_request_withdrawn_from_a_closed_team_offers_no_second_one(member, closed_team, queued):
    emails.request_withdrawn(make_membership(member, closed_team, "withdrawn"))
    email = queued()
    assert "ask again" not in email.message + email.html_message


def test_membership_ended_by_a_facilitator_gives_the_reason(member, team, facilitator, queued):
    ended = membership_of(member, team)
    ended.ended_by, ended.reason = facilitator, "You changed employers."
    emails.membership_ended(ended)
    email = queued()
    assert email.subject == "Your membership in Education has ended"
    for body in (email.message, email.html_message):
        assert "You changed employers." in body
        assert "think this is a mistake" in body


def test_request_withdrawn_confirms(applicant, team, queued):
    emails.request_withdrawn(membership_of(applicant, team))
    email = queued()
    assert email.subject == "You withdrew your request for Education"
    assert "ask again on My teams" in email.message


def test_facilitator_appointed_says_which_team_and_where(
    member, ampersand_team, administrator, queued
):
    emails.facilitator_appointed(member, ampersand_team, administrator)
    email = queued()
    assert email.to == [member.email]
    assert email.subject == "You are now a facilitator of Education & Training"
    assert "http://127.0.0.1:8000/admin/" in email.message
    assert "http://127.0.0.1:8000/admin/" in email.html_message
    words = " ".join(email.message.split())
    assert "You now facilitate Education & Training. An administrator, Ada Admin," in words
    assert "at most once per working day" in words
    assert "Education &amp; Training" in email.html_message


def digest_section(kind: str, number: int, late: int = 0) -> emails.DigestSection:
    """A section with two of its items, the first one late, the second one claimed."""
    goals = [Goal(pk=1, title="Meet"), Goal(pk=2, title="Meet " * 30)]
    items = [
        emails.DigestItem(goal, str(goal), goal.pk == 1, goal.pk == 2) for goal in goals[:number]
    ]
    return emails.DigestSection(kind, number, late, items)


def test_facilitator_digest_names_what_waits_with_its_page(facilitator, queued):
    sections = [
        digest_section("organizations", 2, 1),
        digest_section("affiliations", 1, 1),
        digest_section("requests", 3),
        digest_section("questions", 2, 2),
        digest_section("goals", 1),
    ]
    emails.facilitator_digest(facilitator, sections)
    email = queued()
    assert email.subject == "9 items waiting at the facilitators' desk, 4 late"
    for line in (
        "2 organizations to recognize (1 late)\n\n* Meet (late)\n  http://127.0.0.1:8000/admin/",
        "1 person whose employer needs to be confirmed (1 late)\n\n* Meet (late)\n",
        "3 requests to decide\n\n",
        "(you took this on)\n  http://127.0.0.1:8000/admin/teams/goal/2/change/\n"
        "* and 1 more at the desk\n",
        "2 questions to answer (2 late)\n",
        "1 goal without an update for 90 days\n",
    ):
        assert line in email.message
    assert 'href="http://127.0.0.1:8000/admin/teams/goal/2/change/"' in email.html_message
    assert "once a working day" in email.message


def test_facilitator_digest_counts_one_item(facilitator, queued):
    emails.facilitator_digest(facilitator, [digest_section("organizations", 1)])
    email = queued()
    assert email.subject == "1 item waiting at the facilitators' desk"
    assert "1 organization to recognize\n" in email.message


def test_facilitator_digest_about_goals_alone_mentions_no_requests(facilitator, queued):
    emails.facilitator_digest(facilitator, [digest_section("goals", 2)])
    email = queued()
    assert email.subject == "2 items waiting at the facilitators' desk"
    assert "Everyone who asked" not in email.message + email.html_message


def hostile(member, team, organization):
    """Everything that a person can type holds markup, template code and an apostrophe."""
    member.full_name = HOSTILE
    organization.name = team.name = HOSTILE
    member.organization = organization
    requested = make_membership(member, team, "requested")
    ended = make_membership(member, team, "ended", reason=HOSTILE, ended_by_id=0)
    return [
        (
            "teams_joined",
            lambda: emails.teams_joined(member, [make_membership(member, team)], [requested]),
        ),
        ("requests_waiting", lambda: emails.requests_waiting(member, [requested])),
        (
            "organization_recognized",
            lambda: emails.organization_recognized(
                member, [make_membership(member, team)], [requested]
            ),
        ),
        ("membership_approved", lambda: emails.membership_approved(make_membership(member, team))),
        (
            "membership_added",
            lambda: emails.membership_added([make_membership(member, team)], member),
        ),
        (
            "membership_declined",
            lambda: emails.membership_declined(member, [team], HOSTILE, organization),
        ),
        ("membership_ended", lambda: emails.membership_ended(ended)),
        ("request_withdrawn", lambda: emails.request_withdrawn(requested)),
        ("facilitator_appointed", lambda: emails.facilitator_appointed(member, team, member)),
    ]


@pytest.mark.parametrize("index", range(9))
def test_email_shows_typed_text_and_never_renders_it(
    member, team, organization, index, queued_emails
):
    _, send = hostile(member, team, Organization.objects.get(pk=organization.pk))[index]
    send()
    (email,) = queued_emails()
    assert f", {HOSTILE.split()[0]}\n" in email.message
    assert "<script" not in email.html_message
    assert ESCAPED in email.html_message
    assert "http://127.0.0.1:8000 " not in email.subject
    assert "<script>x</script>" in email.subject  # as text: a mail program shows it as it is
    assert "{{ site_url }}" in email.email_message().body
