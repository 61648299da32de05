"""The names and the logo of the site: changed at the desk, shown everywhere."""

import json

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import IntegrityError
from django.template.loader import render_to_string
from django.urls import reverse

from conftest import visible_text
from members.emails import address_code
from members.models import SiteIdentity
from members.site_identity import last_known_identity
from members.tests.test_png import make_png

LIST = "/admin/members/siteidentity/"
NAMES = {"name": "Lakeshore Care Partnership", "short_name": "Partnership"}


@pytest.fixture
def identity(db) -> SiteIdentity:
    call_command("load_starter_content", verbosity=0)
    return SiteIdentity.objects.get()


@pytest.fixture
def change(client_for, administrator, identity):
    """Change the names, and what else is sent, as an administrator; return the response."""

    def post(**fields):
        path = f"{LIST}{identity.pk}/change/"
        response = client_for(administrator).post(path, {**NAMES, **fields})
        identity.refresh_from_db()
        return response

    return post


def upload(content: bytes, name: str = "logo.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, "image/png")


def test_names_are_changed_with_history_and_shown_everywhere(
    change, identity, client, queued_emails, fragment_clock
):
    assert "Chicagoland Healthcare Workforce Collaborative" in client.get("/").content.decode()
    change(name=" Lakeshore\r\nCare  Partnership ")
    assert identity.name == NAMES["name"]
    assert identity.history.latest().history_user.is_superuser
    fragment_clock.advance(2)
    for path in ("/", "/privacy/", "/nowhere/", "/sign-in/"):
        body = client.get(path).content.decode()
        head, _, rest = body.partition("</head>")
        assert "Lakeshore Care Partnership" in head
        assert "Lakeshore Care Partnership" in rest
        assert "Chicagoland Healthcare" not in body.replace("Chicagoland’s", ""), path
    manifest = json.loads(client.get("/site.webmanifest").content)
    assert (manifest["name"], manifest["short_name"]) == tuple(NAMES.values())
    address_code("maria@rush.example", "BCDFGH", None)
    email = queued_emails()[0]
    assert email.subject == "BCDFGH is your code for the Partnership's portal"
    for text in (email.message, email.html_message):
        assert "Lakeshore Care Partnership" in text
        assert "Collaborative" not in text


def test_pages_without_a_database_show_the_name_read_last(change, client, fragment_clock):
    assert last_known_identity().has_default_name
    change()
    fragment_clock.advance(2)
    client.get("/")
    page = render_to_string("503.html", {"site": last_known_identity()})
    assert "Lakeshore Care Partnership" in page


def test_logo_is_stored_shown_and_served_strictly(change, identity, client):
    change(logo_file=upload(make_png(6, 2) + b"<script>"))
    assert (identity.logo_width, identity.logo_height) == (6, 2)
    body = client.get("/").content.decode()
    assert body.count(f'src="{identity.logo_url}" width="6" height="2" alt=""') == 2
    assert "og:image" in body
    response = client.get(identity.logo_url)
    assert response.content == make_png(6, 2)
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "immutable" in response["Cache-Control"]
    assert client.post(identity.logo_url).status_code == 405
    assert client.get(reverse("site_logo", args=["0" * 16])).status_code == 404
    # It is no square.
    assert 'href="/favicon.ico"' in body


def test_square_logo_is_the_icon_too(change, identity, client):
    change(logo_file=upload(make_png(4, 4)), logo_shows_name="on")
    body = client.get("/").content.decode()
    assert f'<link rel="icon" href="{identity.logo_url}" type="image/png">' in body
    assert body.count('alt="Lakeshore Care Partnership"') == 2
    assert "<span>Lakeshore Care Partnership</span>" not in body
    icons = json.loads(client.get("/site.webmanifest").content)["icons"]
    assert icons == [{"src": identity.logo_url, "type": "image/png", "sizes": "4x4"}]


def test_logo_gets_another_address_and_is_removed(change, identity, client):
    change(logo_file=upload(make_png(6, 2)))
    first = identity.logo_url
    change()
    assert identity.logo_url == first
    change(logo_file=upload(make_png(7, 2)))
    assert identity.logo_url != first
    assert client.get(first).status_code == 404
    change(remove_logo="on")
    assert (identity.logo_url, bytes(identity.logo)) == ("", b"")
    assert client.get("/logo/.png").status_code == 404
    assert identity.history.count() == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Save it as PNG"),
        (b"", "The file is empty. Choose another one."),
        (make_png() + b"0" * 100_000, "larger than 100 kB"),
        (make_png(2001, 1), "Make it at most 2,000 x 2,000"),
    ],
)
def test_other_files_are_refused_and_nothing_is_changed(change, identity, content, message):
    response = change(logo_file=upload(content))
    assert message in visible_text(response)
    assert NAMES["name"] in response.content.decode()
    assert identity.has_default_name
    assert not identity.logo_digest


def test_names_are_not_empty(change, identity):
    assert "Enter the name of the site" in visible_text(change(name=" "))
    assert identity.has_default_name


def test_page_is_the_list_and_closed_to_facilitators(
    client_for, administrator, facilitator, identity
):
    page = f"{LIST}{identity.pk}/change/"
    client = client_for(administrator)
    assert client.get(LIST)["Location"] == page
    assert 'enctype="multipart/form-data"' in client.get(page).content.decode()
    assert client.get(f"{LIST}add/").status_code == 403
    client = client_for(facilitator)
    for path in (LIST, page):
        assert client.get(path).status_code == 403
    assert client.post(page, NAMES).status_code == 403
    assert LIST not in client.get("/admin/").content.decode()


@pytest.mark.both_databases
def test_there_is_one_identity_and_it_has_names(identity):
    with pytest.raises(IntegrityError, match="singleton"):
        SiteIdentity.objects.create(name="Another one")


def test_identity_without_names_is_refused_by_the_database(db):
    with pytest.raises(IntegrityError, match="named"):
        SiteIdentity.objects.create(name="")


def test_manifest_names_icons_that_are_there(client, db):
    response = client.get("/site.webmanifest")
    assert response["Content-Type"] == "application/manifest+json"
    manifest = json.loads(response.content)
    for icon in manifest["icons"]:
        name = icon["src"].removeprefix(f"/{settings.STATIC_URL.strip('/')}/")
        assert (settings.BASE_DIR / "static" / name).is_file()
    page = client.get("/")
    assert '<link rel="manifest" href="/site.webmanifest">' in page.content.decode()
    assert "manifest-src 'self'" in page["Content-Security-Policy"]
