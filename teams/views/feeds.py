"""The feeds, for everyone."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import conditional_page, require_safe

from teams.feeds import (
    GoalsFeed,
    MeetingsFeed,
    PublicFeed,
    QuestionsFeed,
    ResourcesFeed,
    ReviewsFeed,
)


def _feed_view(feed: PublicFeed) -> Callable[[HttpRequest], HttpResponse]:
    @login_not_required
    @require_safe
    @conditional_page
    def view(request: HttpRequest) -> HttpResponse:
        return feed(request)

    return view


meetings_feed = _feed_view(MeetingsFeed())
resources_feed = _feed_view(ResourcesFeed())
questions_feed = _feed_view(QuestionsFeed())
goals_feed = _feed_view(GoalsFeed())
reviews_feed = _feed_view(ReviewsFeed())
