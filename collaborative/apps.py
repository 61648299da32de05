from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class CollaborativeConfig(AppConfig):
    name = "collaborative"
    verbose_name = "Collaborative"


class DeskConfig(AdminConfig):
    """Django admin, with the facilitators' desk as its site."""

    default_site = "collaborative.desk.Desk"
