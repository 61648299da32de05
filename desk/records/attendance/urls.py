"""The addresses of the pages of who came to a meeting."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from desk.records.attendance import views
from desk.records.attendance.afterwards import afterwards


def attendance_urls(site: AdminSite) -> list[URLPattern]:
    """Return the addresses, below that of the record of a meeting."""
    pages = {
        "attendance": ("attendance/", views.attendance),
        "attendance_check": ("attendance/check/", views.attendance_check),
        "attendance_store": ("attendance/store/", views.attendance_store),
        "afterwards": ("afterwards/", afterwards),
        "unanswered": ("unanswered/", views.unanswered),
    }
    return [
        path(
            f"teams/meeting/<int:pk>/{address}",
            site.admin_view(view),
            name=f"teams_meeting_{name}",
        )
        for name, (address, view) in pages.items()
    ]
