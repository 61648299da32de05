"""The facilitators' desk: Django admin, with what waits on its first page."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse


class Desk(admin.AdminSite):
    site_header = site_title = "Facilitators' desk"
    index_title = "Today"
    site_url = "/"
    empty_value_display = "not given"
    enable_nav_sidebar = False
