"""What the tests of the imports do on their pages."""

import html
import re

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.html import strip_tags

from desk.models import Import
from members.models import Member

MEMBERS = "/admin/members/member/"
ORGANIZATIONS = "/admin/members/organization/"
HEADINGS = "Email,Full name,Job title,Organization,Teams"
NORA = "Nora@Rush.example,Nora Newcomer,HR lead,Rush Example Hospital,Education"


def csv_of(*rows: str) -> bytes:
    return "\n".join([HEADINGS, *rows]).encode()


def check(client, content: bytes, path: str = MEMBERS, name: str = "list.csv", *, follow=True):
    """Upload a file and return the page that its check leads to."""
    return client.post(f"{path}import/", {"file": SimpleUploadedFile(name, content)}, follow=follow)


def press(client, page, button: str, *, follow=True, **fields):
    """Submit the form of the page that has this button, and return the page that follows."""
    forms = re.findall(r"<form.*?</form>", page.content.decode(), re.DOTALL)
    (form,) = [form for form in forms if button in form]
    action = re.search(r'action="([^"]+)"', form)[1]
    version = re.search(r'name="version" value="(\d+)"', form)[1]
    return client.post(action, {"version": version, **fields}, follow=follow)


def store(client, checked_page, *, follow=True, **ticked):
    return press(client, checked_page, 'value="Import"', follow=follow, **ticked)


def errors(response) -> list[tuple[int | None, str, str, str]]:
    listed = response.context["report"].errors
    return [(error.row, error.column, error.value, error.message) for error in listed]


def shown_rows(response) -> list[list[str]]:
    """Return the cells of the rows on the page, below their headings."""
    table = response.content.decode().rpartition('<h2 id="rows">')[2]
    lines = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)[1:]
    cells = [re.findall(r"<t[hd].*?</t[hd]>", line, re.DOTALL) for line in lines]
    return [[html.unescape(strip_tags(cell)).strip() for cell in line] for line in cells]


def own_import(by) -> Import:
    return Import.objects.filter(by=by).latest("pk")


def nora() -> Member | None:
    return Member.objects.filter(email="nora@rush.example").first()
