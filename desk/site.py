"""The facilitators' desk: Django admin, with what waits on its first page."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from desk.actions.results import undoable_decisions
from desk.dashboard import dashboard
from desk.rail import rail
from desk.records.attendance.urls import attendance_urls
from desk.reports import views as reports
from desk.search_page import search_page
from members.auth.staff_second_factor import second_factor_redirect
from members.models import Member

# Nobody has a password; no form suggests records by script; and a record links to its page itself,
# not by an address that takes any type and id.
DROPPED_URLS = {"password_change", "password_change_done", "view_on_site", "autocomplete"}


class DeskSite(admin.AdminSite):
    """Admin for facilitators and administrators. People sign in and out where everyone does."""

    site_header = site_title = "Facilitators’ desk"
    index_title = "Today"
    site_url = "/"
    empty_value_display = "not given"
    enable_nav_sidebar = False

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return the stock context, the rail, and one's decisions that can still be undone."""
        context: dict[str, Any] = super().each_context(request)
        if isinstance(request.user, Member) and context["has_permission"]:
            context["undoable"] = undoable_decisions(request.user)
            # Only called by pages that show it.
            context["rail"] = partial(rail, self, request, context["undoable"])
        return context

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return no list of what can be opened, which stock admin makes for each page: the rail
        has it."""
        return []

    def get_urls(self) -> list[Any]:
        stock = [url for url in super().get_urls() if getattr(url, "name", "") not in DROPPED_URLS]
        return [
            path("search/", self.admin_view(partial(search_page, self)), name="search"),
            path("report/", self.admin_view(reports.report), name="report"),
            path("coverage/", self.admin_view(reports.coverage), name="coverage"),
            path(
                "coverage/export/",
                self.admin_view(reports.coverage_export),
                name="coverage_export",
            ),
            *attendance_urls(self),
            *stock,
        ]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Return the stock view, but a member who is not staff gets 403 instead of a sign-in."""
        inner = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.user.is_authenticated and not self.has_permission(request):
                raise PermissionDenied
            missing = second_factor_redirect(request, after_form=reverse("admin:index"))
            response: HttpResponse = missing or inner(request, *args, **kwargs)
            return response

        return guarded

    @method_decorator(never_cache)
    @method_decorator(login_not_required)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to the portal's own sign-in, by code; refuses members who are not staff."""
        index = reverse("admin:index", current_app=self.name)
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get("next") or index)
        if not self.has_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(index)

    @method_decorator(never_cache)
    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Signing out has one address, `account_logout`; this is not it."""
        raise Http404

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Return what waits for the person here, then the charts."""
        waits = dashboard(request)
        context = {
            "dashboard": waits,
            "charts": reports.dashboard_charts(request, waits["waiting"]),
            "rail": rail(self, request, waiting=waits["waiting"]),
        }
        return super().index(request, {**context, **(extra_context or {})})

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Redirect to the first page, which lists everything."""
        return HttpResponseRedirect(reverse("admin:index", current_app=self.name))
