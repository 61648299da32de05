"""Every page of the desk and every file that it exports, as one staff member gets them."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
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


def crawl_desk(client: Client) -> dict[str, str]:
    """Open every address of the desk with the key of every record there is, then everything that
    these pages link to, and export every list in both formats; return what each said."""
    texts: dict[str, str] = {}
    linked: list[str] = []
    for address in desk_addresses():
        response = _get(client, address, texts)
        linked += links_of(address, response)
    for address in dict.fromkeys(linked):
        if address not in texts and address not in SIGNING_OUT:
            _get(client, address, texts)
    for address in [address for address in texts if address.endswith("/export/")]:
        for file_format in ("csv", "xlsx"):
            exported = client.post(address, {"format": file_format})
            texts[f"{address} as {file_format}"] = text_of(exported)
    return texts


def desk_addresses() -> Iterator[str]:
    """Yield every address of the desk, those of records once for each record of their model
    (of imports, whose addresses begin with the model of their rows: for each import)."""
    for address in list_addresses():
        if not address.startswith("/admin/") or address in SIGNING_OUT | ANY_ADDRESS:
            continue
        if "<" not in address:
            yield address
            continue
        _, _, app_label, model_name, *_ = address.split("/")
        model = apps.get_model(app_label, model_name)
        if "/import/" in address:
            model = Import
        keys = selection_keys(model) if "selection_id" in address else keys_of(model)
        yield from (re.sub(r"<[^>]+>", str(key), address) for key in keys)


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
    """Return all that a response says: its headers and its text; of a workbook its parts."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    if body.startswith(b"PK"):
        with ZipFile(io.BytesIO(body)) as workbook:
            body = b"\n".join(workbook.read(name) for name in workbook.namelist())
    return html.unescape(f"{response.headers}\n{body.decode()}")
