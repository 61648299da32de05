"""The saved choice of light or dark, which the server renders into every page."""

import re

import pytest
from django.db import IntegrityError
from django.urls import reverse

from conftest import visible_text
from members.models import Member

PROFILE = reverse("my_profile")
PAGES = ["/", "/my/", "/no-such-page/"]


def dark_sheet(response) -> str | None:
    """When the page is dark: the media of the link to dark.css."""
    link = re.search(r'<link [^>]*dark[^>]*\.css"[^>]*>', response.content.decode())
    return re.search('media="([^"]*)"', link[0])[1] if link else None


def choose(client, theme: str):
    return client.post(PROFILE, {"full_name": "Maria Member", "job_title": "", "theme": theme})


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("theme", "media", "scheme"),
    [
        ("", "screen and (prefers-color-scheme: dark)", "light dark"),
        ("light", None, "light"),
        ("dark", "screen", "dark"),
    ],
)
def test_every_page_has_the_chosen_colors(client_for, member, page, theme, media, scheme):
    client = client_for(member)
    choose(client, theme)
    response = client.get(page)
    assert dark_sheet(response) == media
    assert f'<meta name="color-scheme" content="{scheme}">' in response.content.decode()


def test_the_desk_has_the_chosen_colors(client_for, administrator):
    Member.objects.filter(pk=administrator.pk).update(theme="dark")
    assert dark_sheet(client_for(administrator).get("/admin/")) == "screen"


def test_visitors_see_what_their_system_says(client, client_for, member):
    choose(client_for(member), "dark")
    client.logout()
    assert dark_sheet(client.get("/")) == "screen and (prefers-color-scheme: dark)"


def test_the_form_shows_what_is_chosen(client_for, member):
    client = client_for(member)
    choose(client, "dark")
    field = client.get(PROFILE).context["form"]["theme"]
    assert field.value() == "dark"


def test_other_colors_are_refused_and_change_nothing(client_for, member):
    client = client_for(member)
    choose(client, "light")
    assert "Choose one of the colors listed" in visible_text(choose(client, "pink"))
    member.refresh_from_db()
    assert member.theme == "light"


def test_the_database_refuses_other_colors(member):
    with pytest.raises(IntegrityError, match="members_member_theme_known"):
        Member.objects.filter(pk=member.pk).update(theme="pink")


def test_colors_leave_no_history(client_for, member):
    choose(client_for(member), "dark")
    assert not hasattr(member.history.latest(), "theme")


@pytest.mark.parametrize("address", ["/favicon.ico", "/apple-touch-icon.png"])
def test_what_browsers_ask_for_unasked_is_there(client, db, address):
    response = client.get(address)
    assert response.status_code == 200
    assert len(b"".join(response.streaming_content)) > 100
    response.close()


def test_administrator_of_no_organization_chooses_too(client_for, administrator):
    details = {"full_name": "Ada Admin", "job_title": "", "organization": "", "theme": "dark"}
    response = client_for(administrator).post("/my/profile/", details)
    assert response.status_code == 302
    administrator.refresh_from_db()
    assert (administrator.theme, administrator.organization) == ("dark", None)


def test_member_of_an_organization_cannot_take_it_away(client_for, applicant):
    details = {"full_name": "Wanda", "job_title": "", "organization": "", "theme": "dark"}
    response = client_for(applicant).post("/my/profile/", details)
    assert "Enter the name of your organization" in response.content.decode()
    applicant.refresh_from_db()
    assert applicant.theme == ""
