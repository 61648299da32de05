"""What anyone suggests as a resource, without an account; facilitators decide."""

from django.contrib.auth.models import AnonymousUser

from members.models import Member
from teams import emails
from teams.models import Resource, ResourceSuggestion
from teams.services.submissions import store_submission
from teams.web_addresses import same_page_key, web_host


def suggest_resource(url: str, title: str, text: str = "", email: str = "") -> ResourceSuggestion:
    """Store the suggestion of a visitor, as `store_submission`, and return it."""
    fields = {"url": url, "title": title, "text": text, "email": email}
    return store_submission(ResourceSuggestion, "suggested by a visitor", fields)


def resource_at(url: str, person: Member | AnonymousUser) -> Resource | None:
    """Return the resource at the page `url`, however its address is written, if it exists for
    `person`; None without one."""
    key = same_page_key(url)
    on_site = Resource.objects.visible_to(person).filter(url__icontains=web_host(url))
    candidates = on_site.order_by("-added_at", "-pk").only("url", "title", "slug")
    return next((each for each in candidates if same_page_key(each.url) == key), None)


def email_suggester(suggestion: ResourceSuggestion) -> None:
    """Queue the email to who suggested it, if they left an address: what became of it. A dismissal
    without a reason sends none. Call it in the transaction of the decision."""
    if not suggestion.email:
        return
    if resource := suggestion.published_as:
        is_public = Resource.objects.visible_to(AnonymousUser()).contains(resource)
        emails.suggestion_published(suggestion, is_public=is_public)
    elif suggestion.answer:
        emails.suggestion_dismissed(suggestion)
