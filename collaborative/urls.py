"""The addresses of the portal."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.utils.module_loading import import_string

from collaborative import devmail, health, views
from collaborative.sitemaps import sitemap

handler400 = "collaborative.unavailable.bad_request"
handler500 = "collaborative.unavailable.server_error"

urlpatterns = [
    path("", views.home, name="home"),
    path("", include("teams.urls")),
    path("", include("members.urls")),
    path("privacy/", views.privacy, name="privacy"),
    path("accessibility/", views.accessibility, name="accessibility"),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("robots.txt", views.robots, name="robots"),
    path(".well-known/security.txt", views.security_txt, name="security_txt"),
    path("sitemap.xml", sitemap, name="sitemap"),
    # For development; each answers 404 unless DEBUG is on.
    path("dev/mail/", devmail.mail_list, name="dev_mail"),
    path("dev/mail/all/", devmail.mail_samples, name="dev_mail_samples"),
    path("dev/mail/all/<int:number>/", devmail.mail_sample_html, name="dev_mail_sample_html"),
    path("dev/mail/<int:pk>/", devmail.mail_detail, name="dev_mail_detail"),
    path("dev/mail/<int:pk>/html/", devmail.mail_html, name="dev_mail_html"),
]
if settings.METRICS_TOKEN:  # its library is loaded only then
    urlpatterns.append(
        path("metrics", import_string("collaborative.metrics.metrics"), name="metrics")
    )
