"""Every kind of page of the desk and every file that it exports, as one staff member gets them."""

from __future__ import annotations

import html
import io
import re
from zipfile import ZipFile

from django.apps import apps
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client

from collaborative.tests.fuzzing import list_addresses
from desk.models import Import, Selection

SIGNING_OUT = {"/admin/login/", "/admin/logout/"}
# Stock admin's, for any address that does not exist.
ANY_ADDRESS = {"/admin/<app_label>/", "/admin/<url>"}
SORTED = re.compile(r"[?&]o=")
HREF = re.compile(r'href="((?:/admin/|\?)[^"#]*)')


OF_A_COLUMN = ("__exact", "__isnull")
# What the pages of a record depend on, besides whether it is shown at all.
STATES = ("status", "state", "is_staff", "is_affiliation_confirmed")


def crawl_desk(client: Client) -> dict[str, str]:
    """Open every address of the desk, those of records for every record or every kind of record
    (see `keys_for`), then every other kind of page that these pages link to, and export every list;
    return what each said."""
    texts: dict[str, str] = {}
    linked: list[str] = []
    for address in desk_addresses():
        keys = keys_for(address, texts) if "<" in address else [0]
        for opened in (re.sub(r"<[^>]+>", str(key), address) for key in keys):
            response = _get(client, opened, texts)
            linked += links_of(opened, response)
    kinds = set(map(kind_of_page, [*texts, *SIGNING_OUT]))
    for address in linked:
        if kind_of_page(address) not in kinds:
            kinds.add(kind_of_page(address))
            _get(client, address, texts)
    exports = [address for address in texts if address.endswith("/export/")]
    for address in exports:
        texts[f"{address} as csv"] = text_of(client.post(address, {"format": "csv"}))
    # Workbooks are made of the same rows, by the same code for every list.
    texts[f"{exports[0]} as xlsx"] = text_of(client.post(exports[0], {"format": "xlsx"}))
    return texts


def desk_addresses() -> list[str]:
    """Return every address of the desk, that of the record first."""
    addresses = [
        address
        for address in list_addresses()
        if address.startswith("/admin/") and address not in SIGNING_OUT | ANY_ADDRESS
    ]
    return sorted(addresses, key=lambda address: not address.endswith(">/change/"))


def kind_of_page(address: str) -> str:
    """Return an address without keys and values: a list filtered by two teams is of one kind, and
    one that is filtered by a column of its own shows no other page."""
    path, _, query = address.partition("?")
    names = [name for name in re.findall(r"([^=&]+)=", query) if not name.endswith(OF_A_COLUMN)]
    return f"{re.sub('[0-9]+', '0', path)}?{'&'.join(names)}"


def keys_for(address: str, texts: dict[str, str]) -> list[int]:
    """Return the keys to open an address of records with: of its model (of imports, whose
    addresses begin with the model of their rows: the import) every key for the record itself,
    otherwise one of those that are not shown, as `texts` has it, and of those shown each for the
    history, or else one in each state."""
    _, _, app_label, model_name, *_ = address.split("/")
    model = apps.get_model(app_label, model_name)
    if "selection_id" in address:
        return selection_keys(model)
    if "/import/" in address:
        return keys_of(Import)
    if address.endswith(">/change/"):
        return keys_of(model)
    names = ["pk"] if address.endswith(">/history/") else STATES
    kinds: dict[tuple, int] = {}
    for record in model._base_manager.order_by("pk"):
        is_hidden = texts[f"/admin/{app_label}/{model_name}/{record.pk}/change/"].startswith("404")
        states = () if is_hidden else (getattr(record, name, None) for name in names)
        kinds.setdefault((is_hidden, *states), record.pk)
    return list(kinds.values())


def keys_of(model: type[Model]) -> list[int]:
    return list(model._base_manager.order_by("pk").values_list("pk", flat=True))


def selection_keys(model: type[Model]) -> list[int]:
    selections = Selection.objects.filter(model_label=model._meta.label_lower)
    return list(selections.order_by("pk").values_list("pk", flat=True))


def _get(client: Client, address: str, texts: dict[str, str]) -> HttpResponse:
    response = client.get(address)
    assert response.status_code < 500, address
    texts[address] = text_of(response)
    return response


def links_of(address: str, response: HttpResponse) -> list[str]:
    """Return the addresses of the desk that a page links to, but for lists in another order."""
    if response.streaming or "html" not in response.get("Content-Type", ""):
        return []
    path = address.partition("?")[0]
    links = (html.unescape(link) for link in HREF.findall(response.content.decode()))
    absolute = (path + link if link.startswith("?") else link for link in links)
    return [link for link in absolute if not SORTED.search(link)]


def text_of(response: HttpResponse) -> str:
    """Return all that a response says: its status, its headers and its text; of a workbook its
    parts."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    if body.startswith(b"PK"):
        with ZipFile(io.BytesIO(body)) as workbook:
            body = b"\n".join(workbook.read(name) for name in workbook.namelist())
    return html.unescape(f"{response.status_code} {response.headers}\n{body.decode()}")
