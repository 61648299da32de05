"""The desk's page for the names and the logo of the site, which only administrators change."""

from __future__ import annotations

import hashlib
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from desk.records.site_texts import AdministratorsRecordAdmin
from members.models import SiteIdentity
from members.png import Png, clean_png

# Every visitor loads it.
MAX_LOGO_BYTES = 100_000
MAX_LOGO_PIXELS = 2000
LOGO_FIELDS = ("logo", "logo_digest", "logo_width", "logo_height")


class SiteIdentityForm(forms.ModelForm[SiteIdentity]):
    """The names, and the logo as a file."""

    logo_file = forms.FileField(
        label="New logo",
        required=False,
        help_text=f"A PNG image of at most {MAX_LOGO_BYTES // 1000} kB, for a white background. "
        "A square one also becomes the icon of the site. Leave this empty to keep the logo.",
        error_messages={"empty": "The file is empty. Choose another one."},
        widget=forms.FileInput(attrs={"accept": "image/png"}),
    )
    remove_logo = forms.BooleanField(
        label="Remove the logo, and show the portal's own mark", required=False
    )

    class Meta:
        model = SiteIdentity
        fields = ("name", "short_name", "logo_shows_name")

    def clean_logo_file(self) -> Png | None:
        """Return the picture of the file, without anything else that was in it."""
        upload: UploadedFile[bytes] | None = self.cleaned_data["logo_file"]
        if not upload:
            return None
        if (upload.size or 0) > MAX_LOGO_BYTES:
            raise ValidationError(
                f"The file is larger than {MAX_LOGO_BYTES // 1000} kB. Save the logo smaller; a "
                "height of 200 pixels is enough."
            )
        return clean_png(upload.read(), MAX_LOGO_PIXELS)


class SiteIdentityAdmin(AdministratorsRecordAdmin):
    """The names and the logo. There is one record, so none is added, and its page is the list."""

    can_add = False
    form = SiteIdentityForm
    change_form_template = "admin/members/siteidentity/change_form.html"
    fields = ("name", "short_name", "logo_file", "logo_shows_name", "remove_logo")

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the form, with where the names are shown."""
        kwargs["help_texts"] = {
            "name": "At the top and the foot of every page, in titles and emails.",
            "short_name": "As in “the Collaborative”: in sentences and emails, and below the icon "
            "on a phone.",
            "logo_shows_name": "The name is then not written next to it.",
        }
        return super().get_form(request, *args, **kwargs)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to the page of the one record, where there is one."""
        identity = self.get_queryset(request).first()
        if identity is None or not self.has_view_permission(request):
            return super().changelist_view(request, extra_context)
        return HttpResponseRedirect(
            reverse("admin:members_siteidentity_change", args=[identity.pk])
        )

    def save_model(self, request: HttpRequest, obj: SiteIdentity, form: Any, change: bool) -> None:
        """Save; a new logo, or none, in place of the stored one."""
        png: Png | None = form.cleaned_data["logo_file"]
        if png or form.cleaned_data["remove_logo"]:
            obj.logo, obj.logo_width, obj.logo_height = png or (b"", 0, 0)
            obj.logo_digest = hashlib.sha256(png.content).hexdigest()[:16] if png else ""
            form.changed_data.extend(LOGO_FIELDS)
        super().save_model(request, obj, form, change)
