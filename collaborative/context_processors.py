"""Variables of every template."""

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from members.site_identity import site_identity
from teams.workdays import answer_expected_on


def portal(request: HttpRequest) -> dict[str, object]:
    """Return the names and the address of the site, where to get help, the promises that pages
    make (how soon facilitators answer, and by when what is asked now; how long a code is valid),
    the organizations whose sign-in can be used, and in development the page that shows emails."""
    return {
        # Pages that ask no database bring their own.
        "site": SimpleLazyObject(site_identity),
        "site_url": settings.SITE_URL,
        "contact_email": settings.CONTACT_EMAIL,
        "answer_working_days": settings.ANSWER_WORKING_DAYS,
        "answer_by": answer_expected_on(timezone.now()),
        "code_minutes": settings.CODE_MINUTES,
        "sso_providers": settings.SSO_PROVIDERS.values(),
        "mailbox_url": reverse("dev_email") if settings.DEBUG else "",
    }
