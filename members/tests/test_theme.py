"""The saved choice of light or dark, which the server renders into every page."""

import re

import pytest
from django.db import IntegrityError
from django.urls import reverse

from conftest import visible_text
from members.models import Member

PROFILE = reverse("my_profile")


def dark_sheet(response) -> str | None:
    """When the page is dark: the media of the link to dark.css."""
    link = re.search(r'<link [^>]*dark[^>]*\.css"[^>]*>', response.content.decode())
    return re.search('media="([^"]*)"', link[0])[1] if link else None


def choose(client, theme: str):
    return client.post(PROFILE, {"full_name": "Maria Member", "job_title": "", "theme": theme})


@pytest.mark.parametrize(
    ("theme", "pages", "media", "scheme"),
    [
        ("", ["/my/"], "screen and (prefers-color-scheme: dark)", "light dark"),
        ("light", ["/my/"], None, "light"),
        ("dark", ["/", "/my/", "/no-such-page/"], "screen", "dark"),
    ],
)
def test_theme_is_on_every_page(client_for, member, theme, pages, media, scheme):
    client = client_for(member)
    choose(client, theme)
    for page in pages:
        response = client.get(page)
        assert dark_sheet(response) == media, page
        assert f'<meta name="color-scheme" content="{scheme}">' in response.content.decode(), page


def test_theme_is_at_the_desk(client_for, administrator):
    Member.objects.filter(pk=administrator.pk).update(theme="dark")
    assert dark_sheet(client_for(administrator).get("/admin/")) == "screen"


def test_theme_of_visitors_is_that_of_their_system(client, client_for, member):
    choose(client_for(member), "dark")
    client.logout()
    assert dark_sheet(client.get("/")) == "screen and (prefers-color-scheme: dark)"


def test_theme_is_shown_in_the_form(client_for, member):
    client = client_for(member)
    choose(client, "dark")
    field = client.get(PROFILE).context["form"]["theme"]
    assert field.value() == "dark"


def test_theme_refuses_other_colors(client_for, member):
    client = client_for(member)
    choose(client, "light")
    assert "Choose one of the colors listed" in visible_text(choose(client, "pink"))
    member.refresh_from_db()
    assert member.theme == "light"


def test_theme_constraint_refuses_other_colors(member):
    with pytest.raises(IntegrityError, match="members_member_theme_known"):
        Member.objects.filter(pk=member.pk).update(theme="pink")


def test_theme_leaves_no_history(client_for, member):
    choose(client_for(member), "dark")
    assert not hasattr(member.history.latest(), "theme")


@pytest.mark.parametrize("address", ["/favicon.ico", "/apple-touch-icon.png"])
def test_icons_that_browsers_request_are_there(client, db, address):
    response = client.get(address)
    assert response.status_code == 200
    assert len(b"".join(response.streaming_content)) > 100
    response.close()


def test_theme_can_be_set_without_an_organization(client_for, administrator):
    details = {"full_name": "Ada Admin", "job_title": "", "organization": "", "theme": "dark"}
    response = client_for(administrator).post("/my/profile/", details)
    assert response.status_code == 302
    administrator.refresh_from_db()
    assert (administrator.theme, administrator.organization) == ("dark", None)


def test_profile_needs_the_organization_of_its_member(client_for, applicant):
    details = {"full_name": "Wanda", "job_title": "", "organization": "", "theme": "dark"}
    response = client_for(applicant).post("/my/profile/", details)
    assert "Enter the name of your organization" in response.content.decode()
    applicant.refresh_from_db()
    assert applicant.theme == ""
