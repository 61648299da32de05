"""The question that a form asks before it stores an email domain above or below another's."""

from __future__ import annotations

from django import forms

from desk.records.organizations.domain_evidence import overlap_warning
from members.models import EmailDomain, Organization


class OverlapForm(forms.ModelForm):  # type: ignore[type-arg]  # of any model
    """A form that gives an email domain to an organization. Beside another organization's it asks
    once: its box to confirm that is shown only then."""

    accepts_overlap = forms.BooleanField(
        label="That is right, store it", required=False, widget=forms.HiddenInput
    )

    def check_overlap(self, field: str, domain: str, organization: Organization | None) -> None:
        """Add an error to `field` and show the box, if a domain of another organization lies above
        or below `domain` and the box is not ticked."""
        others = EmailDomain.objects.overlapping(domain)
        if organization:
            others = others.exclude(organization=organization)
        other = others.first()
        if other is None:
            return
        box = self.fields["accepts_overlap"]
        box.widget = forms.CheckboxInput()
        if not self.cleaned_data.get("accepts_overlap"):
            warning = overlap_warning(domain, other.domain, other.organization)
            self.add_error(field, f"{warning} If that is right, tick the box and save again.")
