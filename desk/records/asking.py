"""Questions that a form of the desk asks once, before it does what is rarely right."""

from django import forms


def confirmation_field(label: str) -> forms.BooleanField:
    """Return the box that confirms what `ask_once` has asked; until then it is hidden."""
    return forms.BooleanField(label=label, required=False, widget=forms.HiddenInput)


def ask_once(form: forms.BaseForm, field: str, doubt: str, box: str) -> None:
    """Show `box` of a form, and unless it is checked add an error to `field` that says `doubt` and
    what to do."""
    form.fields[box].widget = forms.CheckboxInput()
    if not form.cleaned_data.get(box):
        form.add_error(field, f"{doubt} If that is right, check the box and save again.")
