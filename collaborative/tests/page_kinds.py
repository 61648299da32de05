"""The address of every kind of page, by who opens it.

Each list takes its rows from the database, which holds at least one of every kind: the tests
put them there, tools/bench/weight.py has them from the demo.
"""

from urllib.parse import urlsplit

from django.contrib.auth.models import AnonymousUser
from django.urls import reverse

from desk.models import Import
from members.models import Bounce, Decision, EmailDomain, Member, Organization, SiteIdentity
from teams.answer_links import answer_token
from teams.models import (
    ActionTeam,
    Announcement,
    AnnouncementQuerySet,
    FaqEntry,
    Goal,
    Invitation,
    Meeting,
    MeetingQuerySet,
    Membership,
    Question,
    Resource,
    ResourceQuerySet,
    ResourceSuggestion,
    Review,
    SiteText,
    Topic,
)
from teams.services.email_choices import stop_url
from teams.services.invitation_refusals import refusal_url


def visitor_pages() -> list[str]:
    team = ActionTeam.objects.order_by("position")[0]
    return [
        "/",
        "/teams/",
        *(team.get_absolute_url() for team in ActionTeam.objects.order_by("position")),
        "/faq/",
        "/faq/?all=1",
        "/faq/?q=join",
        "/faq/?q=zebra",
        "/faq/?q=join%20zebra",
        FaqEntry.objects.published()[0].get_absolute_url(),
        "/faq/ask/",
        "/faq/ask/?text=zebra",
        "/faq/ask/done/",
        "/meetings/",
        "/meetings/?kind=summit&year=2001",
        *_meeting_pages(Meeting.objects.public()),
        *_guest_forms(),
        *_announcement_pages(Announcement.objects.public(), team),
        "/resources/",
        "/resources/?kind=notes&language=pl",
        *_resource_pages(Resource.objects.visible_to(AnonymousUser())),
        "/resources/suggest/",
        "/resources/suggest/done/",
        "/topics/",
        "/topics/?state=studied",
        *(topic.get_absolute_url() for topic in Topic.objects.public()[:1]),
        "/topics/propose/",
        "/topics/propose/done/",
        "/areas/",
        "/areas/?order=rate",
        "/areas/68-englewood/",
        "/since/",
        *(review.get_absolute_url() for review in Review.objects.published()[:1]),
        "/search/",
        "/search/?q=meeting",
        "/search/?q=meetng%20zebra",
        "/search/?q=zebra",
        "/organizations/",
        "/join/",
        f"/join/?team={team.slug}",
        "/sign-in/",
        "/sign-in/move/",
        *_pages_of_invitations(),
        "/privacy/",
        "/accessibility/",
    ]


def _pages_of_invitations() -> list[str]:
    """The form that the email to a colleague leads to, and the page that stops such emails."""
    return [
        page
        for invitation in Invitation.objects.of_colleagues().open()[:1]
        for page in (
            reverse("invited", args=[invitation.token]),
            urlsplit(refusal_url(invitation.email)).path,
        )
    ]


def _meeting_pages(meetings: MeetingQuerySet) -> list[str]:
    """The pages of a meeting to come, and of one that is over."""
    before, after = meetings.takes_place().upcoming()[:1], meetings.past()[:1]
    return [meeting.get_absolute_url() for meeting in (*before, *after)]


def _announcement_pages(announcements: AnnouncementQuerySet, team: ActionTeam) -> list[str]:
    """The announcements to a team, and the page of one of `announcements`."""
    newest = [each.get_absolute_url() for each in announcements[:1]]
    return [reverse("team_announcements", args=[team.slug]), *newest]


def _resource_pages(resources: ResourceQuerySet) -> list[str]:
    """The page of a recording, of one in another language, and of one whose link is gone."""
    recordings = resources.filter(kind=Resource.Kind.RECORDING)
    gone = resources.filter(link_state=Resource.LinkState.GONE)
    kinds = (recordings, resources.exclude(language="en"), gone)
    return [resource.get_absolute_url() for kind in kinds for resource in kind[:1]]


def _guest_forms() -> list[str]:
    """The form of visitors who come to a meeting."""
    meetings = Meeting.objects.public().takes_place().upcoming().exclude(place="")
    return [
        reverse("meeting_guest", args=[meeting.slug])
        for meeting in [meeting for meeting in meetings if meeting.takes_answers][:1]
    ]


def _pages_of_answers(member: Member) -> list[str]:
    """Who comes to the next meeting, and the page behind the link of an email about it."""
    meetings = Meeting.objects.visible_to(member).takes_place().upcoming()
    return [
        page
        for meeting in meetings[:1]
        for page in (
            reverse("meeting_people", args=[meeting.slug]),
            reverse("meeting_answer_link", args=[answer_token(meeting, member)]),
        )
    ]


def member_pages(member: Member) -> list[str]:
    team = Membership.objects.active().filter(member=member)[0].team
    teams = ActionTeam.objects.filter(memberships__member=member)
    return [
        "/",
        "/meetings/",
        *_meeting_pages(Meeting.objects.visible_to(member)),
        *_pages_of_answers(member),
        "/resources/",
        *_resource_pages(Resource.objects.visible_to(member)),
        "/my/",
        "/my/profile/",
        "/my/move/",
        "/my/sessions/",
        "/my/calendar/",
        "/my/emails/",
        "/my/invite/",
        "/my/announcements/",
        *_announcement_pages(Announcement.objects.visible_to(member), team),
        urlsplit(stop_url(member.pk, team.pk, "meetings")).path,
        "/my/data/",
        "/my/data/close/",
        *(team.get_absolute_url() for team in teams),
        reverse("team_roster", args=[team.slug]),
        reverse("team_leave", args=[team.slug]),
        "/two-factor/",
        "/two-factor/totp/activate/",
        "/two-factor/webauthn/add/",
    ]


def _desk_bounce_pages() -> list[str]:
    """The record of an address from which emails came back, and the page that asks why."""
    return [
        f"members/bounce/{bounce.pk}/{page}/"
        for bounce in Bounce.objects.open()[:1]
        for page in ("change", "left")
    ]


def desk_pages() -> list[str]:
    """Every kind of page of the desk, as administrators see them: each list and form, the pages of
    decisions that look different, one history."""
    proposed = Organization.objects.proposed()[0]
    recognized = Organization.objects.recognized()[0]
    domain = EmailDomain.objects.all()[0]
    waiting = Membership.objects.waiting()[0]
    active = Membership.objects.active()[0]
    unsure = Member.objects.filter(
        organization__isnull=False, affiliation_confirmed_at=None, closed_at=None
    )[0]
    question = Question.objects.waiting()[0]
    goal, answer, team = (
        Goal.objects.all()[0],
        FaqEntry.objects.all()[0],
        ActionTeam.objects.all()[0],
    )
    records = [
        *(f"members/organization/{row.pk}" for row in (proposed, recognized)),
        f"members/emaildomain/{domain.pk}",
        *(f"members/member/{row.pk}" for row in (unsure, active.member)),
        *(f"teams/membership/{row.pk}" for row in (waiting, active)),
        f"teams/goal/{goal.pk}",
        f"teams/faqentry/{answer.pk}",
        f"teams/actionteam/{team.pk}",
        f"teams/question/{question.pk}",
    ]
    pages = [
        "",
        "search/?q=rush",
        "status/",
        "report/",
        "coverage/",
        "members/organization/",
        "members/organization/?q=zebra",
        "members/organization/add/",
        "members/organization/import/",
        f"members/organization/{proposed.pk}/recognize/",
        f"members/organization/{proposed.pk}/merge/",
        "members/emaildomain/",
        "members/emaildomain/add/",
        f"members/emaildomain/{domain.pk}/take-back/",
        f"members/emaildomain/{domain.pk}/move/",
        "members/member/",
        "members/member/import/",
        f"members/member/{unsure.pk}/confirm/",
        f"members/member/{unsure.pk}/merge/",
        f"members/member/{unsure.pk}/close/",
        "members/decision/",
        "members/move/",
        "members/bounce/",
        *_desk_bounce_pages(),
        "desk/import/",
        *(f"desk/import/{row.pk}/change/" for row in Import.objects.carried_out()[:1]),
        *(f"desk/import/{row.pk}/take-back/" for row in Import.objects.carried_out()[:1]),
        "teams/membership/",
        "teams/membership/?waits_for=approval",
        "teams/membership/add/",
        f"teams/membership/{waiting.pk}/approve/",
        f"teams/membership/{waiting.pk}/decline/",
        "teams/meeting/",
        "teams/meeting/add/",
        *_desk_meeting_pages(),
        "teams/announcement/",
        "teams/announcement/add/",
        *_desk_announcement_pages(),
        "teams/resource/",
        "teams/resource/?due=any",
        "teams/resource/add/",
        *_desk_resource_pages(),
        *_desk_topic_pages(),
        "teams/goal/",
        "teams/goal/add/",
        f"teams/goal/{goal.pk}/report/",
        "teams/targetarea/",
        "teams/unemploymentsurvey/",
        "teams/unemploymentsurvey/add/",
        f"teams/actionteam/{team.pk}/choose-areas/",
        "teams/review/",
        "teams/review/add/",
        *_desk_review_pages(),
        "teams/faqentry/",
        "teams/faqentry/add/",
        "teams/actionteam/",
        "teams/actionteam/add/",
        f"teams/actionteam/{team.pk}/invite-people/",
        "teams/invitation/",
        "teams/invitation/add/",
        "teams/question/",
        f"teams/question/{question.pk}/answer/",
        "teams/sitetext/",
        *(f"teams/sitetext/{text.pk}/change/" for text in SiteText.objects.all()[:1]),
        *(f"members/siteidentity/{row.pk}/change/" for row in SiteIdentity.objects.all()[:1]),
        "teams/notice/",
        "teams/notice/add/",
        "teams/synonymgroup/",
        "teams/synonymgroup/add/",
        "post_office/email/",
        *(f"members/decision/{row.pk}/change/" for row in Decision.objects.all()[:1]),
        *(f"{record}/change/" for record in records),
        *(f"{record}/history/" for record in records[:1]),
    ]
    return [f"/admin/{page}" for page in pages]


def _desk_meeting_pages() -> list[str]:
    """The record of a meeting in each state, and the pages of what is decided about it."""
    status = Meeting.Status
    actions = {
        status.DRAFT: ["announce"],
        status.ANNOUNCED: ["move", "cancel", "attendance", "unanswered"],
        status.HELD: ["attendance", "afterwards"],
    }
    return [
        f"teams/meeting/{meeting.pk}/{page}/"
        for state in status
        for meeting in Meeting.objects.filter(status=state).order_by("-starts_at")[:1]
        for page in ("change", *actions.get(state, ()))
    ]


def _desk_resource_pages() -> list[str]:
    """A resource with what is decided about it, and a suggestion."""
    pages = [
        f"teams/resource/{resource.pk}/{page}/"
        for resource in Resource.objects.current()[:1]
        for page in ("change", "archive")
    ]
    suggestions = [
        f"teams/resourcesuggestion/{suggestion.pk}/{page}/"
        for suggestion in ResourceSuggestion.objects.waiting()[:1]
        for page in ("change", "publish", "dismiss")
    ]
    return [*pages, "teams/resourcesuggestion/", *suggestions]


def _desk_review_pages() -> list[str]:
    """A draft with the page that publishes it, and a published one."""
    status = Review.Status
    return [
        f"teams/review/{review.pk}/{page}/"
        for state, pages in [
            (status.DRAFT, ["change", "publish"]),
            (status.PUBLISHED, ["change", "correct"]),
        ]
        for review in Review.objects.filter(status=state)[:1]
        for page in pages
    ]


def _desk_topic_pages() -> list[str]:
    """The record of a topic in each state, with what is decided about it."""
    states = Topic.State
    actions = {
        states.WAITING: ["publish", "dismiss"],
        states.PROPOSED: ["study", "classify", "set-aside"],
        states.CLASSIFIED: ["focus"],
    }
    pages = [
        f"teams/topic/{topic.pk}/{page}/"
        for state in states
        for topic in Topic.objects.filter(state=state)[:1]
        for page in ("change", *actions.get(state, ()))
    ]
    return ["teams/topic/", "teams/topic/add/", *pages]


def _desk_announcement_pages() -> list[str]:
    """A draft with the page that sends it, and one that was sent."""
    status = Announcement.Status
    return [
        f"teams/announcement/{announcement.pk}/{page}/"
        for state, pages in [(status.DRAFT, ["change", "send"]), (status.SENT, ["change"])]
        for announcement in Announcement.objects.filter(status=state)[:1]
        for page in pages
    ]


def facilitator_pages(facilitator: Member) -> list[str]:
    """The pages of the desk that differ from the administrators'."""
    team = ActionTeam.objects.filter(facilitators=facilitator)[0]
    stay = Membership.objects.active().filter(team=team)[0]
    organization = Organization.objects.recognized()[0]
    return [
        "/my/",
        "/admin/",
        "/admin/report/",
        "/admin/teams/invitation/",
        "/admin/teams/membership/",
        f"/admin/teams/membership/{stay.pk}/change/",
        f"/admin/members/member/{stay.member_id}/change/",
        f"/admin/members/organization/{organization.pk}/change/",
        f"/admin/teams/actionteam/{team.pk}/change/",
    ]
