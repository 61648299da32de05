"""Fields for what people write: cleaned before it is checked, compared or stored.

`members.normalize` says what that removes. Columns that people fill are one of the two model
fields; their forms, in the portal and at the desk, get the form field from them, so nobody has to
remember to clean.
"""

from collections.abc import Callable
from typing import Any

from django import forms
from django.db import models

from members.normalize import clean_lines, clean_text


class CleanFormField(forms.CharField):
    """A text without what nobody sees; in a text area its lines stay, else it is one line."""

    def to_python(self, value: Any) -> str | None:
        """Return the cleaned text, which the validators then check."""
        if isinstance(value, str):
            has_lines = isinstance(self.widget, forms.Textarea)
            value = clean_lines(value) if has_lines else clean_text(value)
        return super().to_python(value)


class MultilineField(CleanFormField):
    """A text of several lines; a line break counts as one character, as in the browser."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        return super().to_python(str(value or "").replace("\r\n", "\n")) or ""


class CleanCharField(models.CharField[Any, str]):
    """One line of text, stored cleaned however it comes to the database."""

    def to_python(self, value: Any) -> Any:
        return _cleaned(super().to_python(value), clean_text)

    def get_prep_value(self, value: Any) -> Any:
        return _cleaned(super().get_prep_value(value), clean_text)

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": CleanFormField, **kwargs})

    def deconstruct(self) -> Any:
        """Return the plain field: for the database, and so for migrations, they are the same."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


class CleanTextField(models.TextField[Any, str]):
    """Text of several lines, stored cleaned however it comes to the database."""

    def to_python(self, value: Any) -> Any:
        return _cleaned(super().to_python(value), clean_lines)

    def get_prep_value(self, value: Any) -> Any:
        return _cleaned(super().get_prep_value(value), clean_lines)

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": CleanFormField, **kwargs})

    def deconstruct(self) -> Any:
        """Return the plain field: for the database, and so for migrations, they are the same."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs


def _cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    return clean(value) if isinstance(value, str) else value
