"""The pages of actions: their addresses, and their forms, posted as a browser would."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client, RequestFactory

from members.models import Member


def list_url(model: type[Model]) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def listed(model: type[Model], staff: Member, query: str = "") -> list[Any]:
    """Return the records that the list of `model` shows `staff` with this query, without the page
    around them, which takes most of the time."""
    request = RequestFactory().get(f"{list_url(model)}?{query}")
    request.user = staff
    changelist = admin.site.get_model_admin(model).get_changelist_instance(request)
    return list(changelist.result_list)


def action_url(action: str, record: Model, **query: object) -> str:
    """Return the address of the page of `action` about one record."""
    return f"{list_url(type(record))}{record.pk}/{action}/?{urlencode(query)}".rstrip("?")


def ticked(action: str, *records: Model) -> dict[str, object]:
    """Return what ticking `records` in their list, choosing `action` and pressing "Go" posts."""
    keys = [record.pk for record in records]
    return {"action": action, "_selected_action": keys, "index": "0"}


def selection_url(client: Client, action: str, *records: Model, filters: str = "") -> str:
    """Tick `records` in their list and choose `action`; return the address that this leads to."""
    path = f"{list_url(type(records[0]))}?{filters}".rstrip("?")
    response = client.post(path, ticked(action, *records))
    assert response.status_code == 302
    return response["Location"]


@dataclass
class Form:
    """A form of a page: where it sends what, before anything is changed; and its buttons."""

    action: str | None = None
    method: str = "get"
    fields: dict[str, Any] = field(default_factory=dict)
    # Label or value of each button that submits, with the name and value that it adds.
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)

    def submit(
        self, client: Client, button: str, *, follow: bool = True, **entered: str
    ) -> HttpResponse:
        """Post exactly what the form holds, changed by what was entered; return the page that this
        leads to, or with `follow=False` the redirect."""
        assert self.action, "a form without an address posts to wherever it is shown"
        assert self.method == "post"
        unknown = entered.keys() - self.fields.keys()
        assert not unknown, f"the form has no field {unknown}"
        name, value = self.buttons[button]
        added = {name: value} if name else {}
        return client.post(self.action, self.fields | entered | added, follow=follow)


class _FormParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._textarea = self._select = ""
        self._button: tuple[str, str] | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        name, value = attributes.get("name", ""), attributes.get("value", "")
        if tag == "form":
            method = attributes.get("method", "get").lower()
            self.forms.append(Form(attributes.get("action"), method))
        elif not self.forms:
            return
        elif tag == "input":
            self._handle_input(attributes, name, value)
        elif tag == "textarea":
            self._textarea, self._text = name, ""
        elif tag == "select":
            self._select = name
            self.forms[-1].fields.setdefault(name, "")
        elif tag == "option" and self._select and "selected" in attributes:
            self.forms[-1].fields[self._select] = value
        elif tag == "button":
            self._button, self._text = (name, value), ""

    def _handle_input(self, attributes: dict[str, str], name: str, value: str) -> None:
        kind = attributes.get("type", "text")
        if kind == "submit":
            self.forms[-1].buttons[value] = (name, value)
        elif kind not in {"checkbox", "radio"} or "checked" in attributes:
            self.forms[-1].fields[name] = value or "on" if kind == "checkbox" else value

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self.forms:
            # A browser drops the first line break.
            self.forms[-1].fields[self._textarea] = self._text.removeprefix("\n")
        elif tag == "select":
            self._select = ""
        elif tag == "button" and self._button and self.forms:
            self.forms[-1].buttons[" ".join(self._text.split())] = self._button
            self._button = None


def forms_of(response: HttpResponse) -> list[Form]:
    """Return the forms of a page, as a browser reads them."""
    parser = _FormParser()
    parser.feed(response.content.decode())
    return parser.forms


def press(page: HttpResponse, button: str, **entered: Any) -> HttpResponse:
    """Fill in the form with this button, and press it; return the page that this leads to."""
    form = next(form for form in forms_of(page) if button in form.buttons)
    form.action = form.action or page.request["PATH_INFO"]
    return form.submit(page.client, button, **entered)


def action_form(response: HttpResponse) -> Form:
    """Return the form of the page of an action. Its button may say more than the label."""
    label = response.context["bulk_action"].label
    (form,) = [
        form for form in forms_of(response) if any(each.startswith(label) for each in form.buttons)
    ]
    return form
