"""What members do together: action teams, their goals, questions, memberships and meetings."""

from teams.models.announcements import (
    Announcement,
    AnnouncementQuerySet,
    AnnouncementRecipient,
    meetings_of,
)
from teams.models.areas import (
    RELIABLE_DIFFERENCE,
    RELIABLE_LABOR_FORCE,
    TargetArea,
    TargetAreaQuerySet,
    UnemploymentFigure,
    UnemploymentSurvey,
)
from teams.models.attendance import Attendance, AttendanceQuerySet
from teams.models.calendar_keys import CalendarKey
from teams.models.claims import Claim
from teams.models.emails import EmailChoice, TeamEmail
from teams.models.faq import FaqEntry, Question
from teams.models.goals import STALE_AFTER, Goal, GoalQuerySet, GoalUpdate, amount, amount_of
from teams.models.invitations import (
    INVITATION_VALIDITY,
    INVITED_ALREADY,
    MAX_INVITATION_EMAILS,
    MAX_NOTE_LENGTH,
    Invitation,
    InvitationQuerySet,
    InvitationRefusal,
)
from teams.models.meeting_links import MeetingLink
from teams.models.meetings import Meeting, MeetingQuerySet, team_keys
from teams.models.memberships import MAX_REQUEST_REASON_LENGTH, Membership, MembershipQuerySet
from teams.models.resource_suggestions import ResourceSuggestion
from teams.models.resources import CHECK_AFTER, Resource, ResourceQuerySet
from teams.models.reviews import Review, ReviewCorrection, ReviewLine, ReviewQuerySet
from teams.models.site_texts import MAX_NOTICE_LENGTH, PLACEHOLDERS, Notice, SiteText
from teams.models.submissions import Submission, SubmissionQuerySet
from teams.models.synonyms import SynonymGroup
from teams.models.teams import ActionTeam, ActionTeamQuerySet
from teams.models.topics import (
    MIN_SUPPORT_SHOWN,
    Topic,
    TopicQuerySet,
    TopicStep,
    TopicSupport,
)

__all__ = [
    "CHECK_AFTER",
    "INVITATION_VALIDITY",
    "INVITED_ALREADY",
    "MAX_INVITATION_EMAILS",
    "MAX_NOTE_LENGTH",
    "MAX_NOTICE_LENGTH",
    "MAX_REQUEST_REASON_LENGTH",
    "MIN_SUPPORT_SHOWN",
    "PLACEHOLDERS",
    "RELIABLE_DIFFERENCE",
    "RELIABLE_LABOR_FORCE",
    "STALE_AFTER",
    "ActionTeam",
    "ActionTeamQuerySet",
    "Announcement",
    "AnnouncementQuerySet",
    "AnnouncementRecipient",
    "Attendance",
    "AttendanceQuerySet",
    "CalendarKey",
    "Claim",
    "EmailChoice",
    "FaqEntry",
    "Goal",
    "GoalQuerySet",
    "GoalUpdate",
    "Invitation",
    "InvitationQuerySet",
    "InvitationRefusal",
    "Meeting",
    "MeetingLink",
    "MeetingQuerySet",
    "Membership",
    "MembershipQuerySet",
    "Notice",
    "Question",
    "Resource",
    "ResourceQuerySet",
    "ResourceSuggestion",
    "Review",
    "ReviewCorrection",
    "ReviewLine",
    "ReviewQuerySet",
    "SiteText",
    "SynonymGroup",
    "TargetArea",
    "TargetAreaQuerySet",
    "Submission",
    "SubmissionQuerySet",
    "TeamEmail",
    "Topic",
    "TopicQuerySet",
    "TopicStep",
    "TopicSupport",
    "UnemploymentFigure",
    "UnemploymentSurvey",
    "amount",
    "amount_of",
    "meetings_of",
    "team_keys",
]
