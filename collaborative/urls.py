"""The addresses of the portal."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.utils.module_loading import import_string

from collaborative import views
from collaborative.demo import components, desk_components, email_preview
from collaborative.monitoring import health, status_page
from collaborative.sitemaps import sitemap

handler400 = "collaborative.error_views.bad_request"
handler500 = "collaborative.error_views.server_error"

urlpatterns = [
    path("", views.home, name="home"),
    # The desk comes before the many addresses of the portal, each of which would be compared, and
    # after a page of it about what only this app knows.
    path("admin/status/", admin.site.admin_view(status_page.status), name="status"),
    path(
        "admin/status/requeue/",
        admin.site.admin_view(status_page.requeue),
        name="status_requeue",
    ),
    path("admin/", admin.site.urls),
    path("", include("teams.urls")),
    path("", include("members.urls")),
    path("privacy/", views.privacy, name="privacy"),
    path("accessibility/", views.accessibility, name="accessibility"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("site.webmanifest", views.manifest, name="manifest"),
    path("robots.txt", views.robots, name="robots"),
    path(".well-known/security.txt", views.security_txt, name="security_txt"),
    path("sitemap.xml", sitemap, name="sitemap"),
    # For development; each answers 404 unless DEBUG is on.
    path("dev/components/", components.components, name="dev_components"),
    path("dev/components/desk/", desk_components.desk_components, name="dev_desk_components"),
    path("dev/email/", email_preview.email_list, name="dev_email"),
    path("dev/email/all/", email_preview.sample_list, name="dev_email_samples"),
    path("dev/email/all/<int:number>/", email_preview.sample_html, name="dev_email_sample_html"),
    path("dev/email/<int:pk>/", email_preview.email_detail, name="dev_email_detail"),
    path("dev/email/<int:pk>/html/", email_preview.email_html, name="dev_email_html"),
]
if settings.METRICS_TOKEN:  # its library is loaded only then
    urlpatterns.append(
        path("metrics", import_string("collaborative.monitoring.metrics.metrics"), name="metrics")
    )
