from importlib import import_module

from django.apps import AppConfig


class TeamsConfig(AppConfig):
    name = "teams"
    verbose_name = "Action teams"

    def ready(self) -> None:
        """Connect what teams do when members decide about an affiliation."""
        import_module("teams.receivers")
