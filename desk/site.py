"""The facilitators' desk: Django admin, with what waits on its first page."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache

from desk.second_factor import second_factor_redirect
from members.models import Decision, Member

OUR_APPS = {"desk"}
UNDOABLE = 2  # decisions in the bar that undoes them; the others are on a page of their own
# What the desk shows besides the lists. By name: while these modules are imported, their lists
# are registered here.
DASHBOARD = "desk.dashboard.dashboard"
REPORTS = "desk.reports.views"
PAGES = {
    "report/": f"{REPORTS}.report",
    "coverage/": f"{REPORTS}.coverage",
    "coverage/export/": f"{REPORTS}.coverage_export",
}
# Nobody has a password; no form suggests rows by script; and a record links to its page itself,
# not by an address that takes any type and id.
DROPPED = {"password_change", "password_change_done", "view_on_site", "autocomplete"}


class Desk(admin.AdminSite):
    """Admin for facilitators and administrators. People sign in and out where everyone does."""

    site_header = site_title = "Facilitators’ desk"
    index_title = "Today"
    site_url = "/"
    empty_value_display = "not given"
    enable_nav_sidebar = False

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take the lists of our own apps only: those that other apps bring along (emails with
        their text, groups, addresses) know nothing of who may see what."""
        if admin_class and admin_class.__module__.split(".")[0] in OUR_APPS:
            super().register(model_or_iterable, admin_class, **options)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Besides stock: what can still be undone."""
        context: dict[str, Any] = super().each_context(request)
        if isinstance(request.user, Member) and context["has_permission"]:
            mine = Decision.objects.of(request.user).undoable()
            context["undoable"] = mine.with_told()[: UNDOABLE + 1]
        return context

    def get_urls(self) -> list[Any]:
        stock = [url for url in super().get_urls() if getattr(url, "name", "") not in DROPPED]
        own = [
            path(address, self.admin_view(import_string(view)), name=view.rsplit(".", 1)[-1])
            for address, view in PAGES.items()
        ]
        return own + stock

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Stock, but a member without a task at the desk is told so and not asked to sign in."""
        inner = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.user.is_authenticated and not self.has_permission(request):
                raise PermissionDenied
            response: HttpResponse = second_factor_redirect(request) or inner(
                request, *args, **kwargs
            )
            return response

        return guarded

    @method_decorator(never_cache)
    @method_decorator(login_not_required)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The portal's own sign-in, by code; refuses members without a task at the desk."""
        desk = reverse("admin:index", current_app=self.name)
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get("next") or desk)
        if not self.has_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(desk)

    @method_decorator(never_cache)
    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Signing out has one address, `account_logout`; this is not it."""
        raise Http404

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """What waits for whoever is here, then the figures, then the lists."""
        context = {
            "dashboard": import_string(DASHBOARD)(request),
            "charts": import_string(f"{REPORTS}.dashboard_charts")(request),
        }
        return super().index(request, {**context, **(extra_context or {})})

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """The first page lists everything: there is no second one for a part of it."""
        return HttpResponseRedirect(reverse("admin:index", current_app=self.name))
