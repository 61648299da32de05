from importlib import import_module

from django.apps import AppConfig
from django.conf import settings


class CollaborativeConfig(AppConfig):
    name = "collaborative"
    verbose_name = "Collaborative"

    def ready(self) -> None:
        """Start to send errors to Sentry where that is set; its library is loaded only then."""
        if settings.SENTRY_DSN:
            import_module("collaborative.monitoring.sentry").start_reporting(
                settings.SENTRY_DSN, settings.RELEASE
            )
