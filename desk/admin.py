"""Registers every list of the desk. Each is in `desk.records`, named for its model."""

from django.contrib import admin
from post_office.models import Email

from desk.actions.log import DecisionAdmin
from desk.changelist import ExportAdmin
from desk.models import Export, Import
from desk.records.announcements.admin import AnnouncementAdmin
from desk.records.areas import TargetAreaAdmin, UnemploymentSurveyAdmin
from desk.records.bounces import BounceAdmin
from desk.records.domains import EmailDomainAdmin
from desk.records.emails import EmailAdmin
from desk.records.faq import FaqEntryAdmin
from desk.records.goals import GoalAdmin
from desk.records.imports import ImportAdmin
from desk.records.invitations import InvitationAdmin
from desk.records.meetings.admin import MeetingAdmin
from desk.records.members.admin import MemberAdmin
from desk.records.memberships.admin import MembershipAdmin
from desk.records.moves import MoveAdmin
from desk.records.organizations.admin import OrganizationAdmin
from desk.records.questions import QuestionAdmin
from desk.records.resources.admin import ResourceAdmin
from desk.records.resources.suggestions import ResourceSuggestionAdmin
from desk.records.reviews import ReviewAdmin
from desk.records.site_identity import SiteIdentityAdmin
from desk.records.site_texts import NoticeAdmin, SiteTextAdmin
from desk.records.synonyms import SynonymGroupAdmin
from desk.records.teams import ActionTeamAdmin
from desk.records.topics.admin import TopicAdmin
from members.models import Bounce, Decision, EmailDomain, Member, Move, Organization, SiteIdentity
from teams.models import (
    ActionTeam,
    Announcement,
    FaqEntry,
    Goal,
    Invitation,
    Meeting,
    Membership,
    Notice,
    Question,
    Resource,
    ResourceSuggestion,
    Review,
    SiteText,
    SynonymGroup,
    TargetArea,
    Topic,
    UnemploymentSurvey,
)

admin.site.register(ActionTeam, ActionTeamAdmin)
admin.site.register(Bounce, BounceAdmin)
admin.site.register(Announcement, AnnouncementAdmin)
admin.site.register(Decision, DecisionAdmin)
admin.site.register(Email, EmailAdmin)
admin.site.register(EmailDomain, EmailDomainAdmin)
admin.site.register(Export, ExportAdmin)
admin.site.register(FaqEntry, FaqEntryAdmin)
admin.site.register(Goal, GoalAdmin)
admin.site.register(Import, ImportAdmin)
admin.site.register(Invitation, InvitationAdmin)
admin.site.register(Meeting, MeetingAdmin)
admin.site.register(Member, MemberAdmin)
admin.site.register(Membership, MembershipAdmin)
admin.site.register(Move, MoveAdmin)
admin.site.register(Notice, NoticeAdmin)
admin.site.register(Organization, OrganizationAdmin)
admin.site.register(Question, QuestionAdmin)
admin.site.register(Resource, ResourceAdmin)
admin.site.register(ResourceSuggestion, ResourceSuggestionAdmin)
admin.site.register(Review, ReviewAdmin)
admin.site.register(SiteIdentity, SiteIdentityAdmin)
admin.site.register(SiteText, SiteTextAdmin)
admin.site.register(SynonymGroup, SynonymGroupAdmin)
admin.site.register(TargetArea, TargetAreaAdmin)
admin.site.register(Topic, TopicAdmin)
admin.site.register(UnemploymentSurvey, UnemploymentSurveyAdmin)
