"""What every template may use."""

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse


def portal(request: HttpRequest) -> dict[str, object]:
    """The portal's name, where to get help, and in development the page that shows mails."""
    return {
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "contact_email": settings.CONTACT_EMAIL,
        "answer_working_days": settings.ANSWER_WORKING_DAYS,
        "code_minutes": settings.CODE_MINUTES,
        "mailbox_url": reverse("dev_mail") if settings.DEBUG else "",
    }
