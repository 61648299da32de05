"""The question that a form asks before it stores an email domain beside another's."""

from __future__ import annotations

from django import forms

from desk.records.asking import ask_once, confirmation_field
from desk.records.organizations.domain_evidence import looks_like_warnings, overlap_warning
from members.models import EmailDomain, Organization


class OverlapForm(forms.ModelForm):  # type: ignore[type-arg]  # of any model
    """A form that gives an email domain to an organization. Beside another organization's, and
    where it looks like one, it asks once: its box to confirm that is shown only then."""

    accepts_overlap = confirmation_field("That is right, store it")

    def check_overlap(self, field: str, domain: str, organization: Organization | None) -> None:
        """Ask about `domain` if a domain of another organization lies above or below it, or if it
        is probably a typo of one."""
        others = EmailDomain.objects.overlapping(domain)
        if organization:
            others = others.exclude(organization=organization)
        if other := others.first():
            doubt = overlap_warning(domain, other.domain, other.organization)
        else:
            doubt, owner = looks_like_warnings([domain]).get(domain, ("", None))
            # One organization may well have two domains that are alike.
            doubt = "" if owner and owner == organization else doubt
        if doubt:
            ask_once(self, field, doubt, "accepts_overlap")
