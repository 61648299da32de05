from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class DeskConfig(AppConfig):
    name = "desk"
    verbose_name = "Facilitators’ desk"


class AdminSiteConfig(AdminConfig):
    """django.contrib.admin, with the facilitators' desk as its site."""

    default_site = "desk.site.Desk"
