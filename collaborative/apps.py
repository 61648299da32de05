from importlib import import_module

from django.apps import AppConfig
from django.conf import settings


class CollaborativeConfig(AppConfig):
    name = "collaborative"
    verbose_name = "Collaborative"

    def ready(self) -> None:
        """Let errors go to Sentry where that is set; its library is loaded only then."""
        if settings.SENTRY_DSN:
            import_module("collaborative.monitoring.sentry").report_to(
                settings.SENTRY_DSN, settings.RELEASE
            )
