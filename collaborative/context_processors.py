"""Variables of every template."""

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse


def portal(request: HttpRequest) -> dict[str, object]:
    """Return the portal's name and address, where to get help, the promises that pages make (how
    soon facilitators answer, how long a code is valid), the organizations whose sign-in can be
    used, and in development the page that shows emails."""
    return {
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "contact_email": settings.CONTACT_EMAIL,
        "answer_working_days": settings.ANSWER_WORKING_DAYS,
        "code_minutes": settings.CODE_MINUTES,
        "sso_providers": settings.SSO_PROVIDERS.values(),
        "mailbox_url": reverse("dev_email") if settings.DEBUG else "",
    }
