from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class DeskConfig(AppConfig):
    name = "desk"
    verbose_name = "Facilitators’ desk"


class AdminSiteConfig(SimpleAdminConfig):
    """django.contrib.admin, with the desk as its site and the lists of `desk.admin` alone.

    Those that other apps bring along (emails with their text, groups, addresses) know nothing of
    who may see what.
    """

    default_site = "desk.site.DeskSite"

    def ready(self) -> None:
        super().ready()
        import_module("desk.admin")
