"""Forms of the desk that overwrite nothing that someone else has changed meanwhile."""

from __future__ import annotations

from typing import TypeVar, cast

from django import forms
from django.db import models
from django.http import QueryDict

Record = TypeVar("Record", bound=models.Model)


class VersionForm(forms.Form):
    """What the page showed is what is decided about."""

    version = forms.CharField(required=False, widget=forms.HiddenInput)


class VersionedForm(forms.ModelForm[Record]):
    """The form of a stored record of which `initial` has the "version": any text that is another
    one after each change."""

    # The one that the form showed.
    version = forms.CharField(required=False, widget=forms.HiddenInput)

    def refuse_unseen_changes(self) -> None:
        """Add an error if the record was changed after the form was shown. Saving again is
        allowed: the page that says so shows the stored version."""
        stored = self.initial.get("version", "")
        if self.instance.pk and self.cleaned_data.get("version", "") != stored:
            self.add_error(
                None,
                f"Someone else changed this {self.instance._meta.verbose_name} while you had it "
                "open. Check what you entered, and save again to keep it.",
            )
            self.show_again("version", stored)

    def show_again(self, name: str, value: str) -> None:
        """Let the page that shows the errors have `value` in the field `name`."""
        data = cast("QueryDict", self.data).copy()
        data[self.add_prefix(name)] = value
        self.data = data
