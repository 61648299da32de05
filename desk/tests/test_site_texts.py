"""The desk's texts of the site and notices: for administrators alone."""

import pytest
from django.core.management import call_command
from django.utils import timezone

from conftest import visible_text
from teams.models import Notice, SiteText

LIST = "/admin/teams/sitetext/"
NOTICES = "/admin/teams/notice/"


@pytest.fixture
def privacy(db) -> SiteText:
    call_command("load_starter_content", verbosity=0)
    return SiteText.objects.get(place="privacy")


def test_list_shows_every_text_with_its_place(client_for, administrator, privacy):
    text = visible_text(client_for(administrator).get(LIST))
    for place in SiteText.Place.labels:
        assert place in text


def test_every_page_leads_administrators_to_the_texts_and_notices(client_for, administrator):
    body = client_for(administrator).get("/admin/teams/goal/").content.decode()
    assert f'href="{LIST}"' in body
    assert f'href="{NOTICES}"' in body


def test_text_is_changed_with_history_and_shown_with_today(client_for, administrator, privacy):
    client = client_for(administrator)
    SiteText.objects.update(changed_on="2026-01-02")
    response = client.post(f"{LIST}{privacy.pk}/change/", {"text": "New words."})
    assert response.status_code == 302
    privacy.refresh_from_db()
    assert (privacy.text, privacy.changed_on) == ("New words.", timezone.localdate())
    assert privacy.history.latest().history_user == administrator
    assert "New words." in visible_text(client.get("/privacy/"))


def test_unknown_word_in_braces_is_refused_and_what_was_typed_kept(
    client_for, administrator, privacy
):
    response = client_for(administrator).post(
        f"{LIST}{privacy.pk}/change/", {"text": "Call {phone}."}
    )
    assert "The portal cannot fill in {phone}." in visible_text(response)
    assert "Call {phone}." in response.content.decode()
    privacy.refresh_from_db()
    assert "{phone}" not in privacy.text


def test_preview_shows_what_is_typed_and_stores_nothing(client_for, administrator, privacy):
    client = client_for(administrator)
    body = client.get(f"{LIST}{privacy.pk}/change/").content.decode()
    path = f"{LIST}{privacy.pk}/preview/"
    assert f'formaction="{path}" formtarget="_blank"' in body
    response = client.post(path, {"text": "# Draft\n\nFor {code_minutes} minutes."})
    assert "<h2>Draft</h2>" in response.content.decode()
    assert "For 15 minutes." in visible_text(response)
    assert "Draft" not in SiteText.objects.get(pk=privacy.pk).text
    assert client.get(path).status_code == 405
    assert "cannot fill in {x}" in visible_text(client.post(path, {"text": "{x}"}))


def test_texts_and_notices_are_closed_to_facilitators(client_for, facilitator, privacy):
    client = client_for(facilitator)
    for path in (LIST, f"{LIST}{privacy.pk}/change/", NOTICES, f"{NOTICES}add/"):
        assert client.get(path).status_code == 403
    assert client.post(f"{LIST}{privacy.pk}/preview/", {"text": "x"}).status_code == 403
    assert client.post(f"{LIST}{privacy.pk}/change/", {"text": "x"}).status_code == 403
    body = client.get("/admin/").content.decode()
    assert LIST not in body
    assert NOTICES not in body


def test_no_text_is_added_or_deleted(client_for, administrator, privacy):
    client = client_for(administrator)
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(f"{LIST}{privacy.pk}/delete/").status_code in {403, 404}


def test_notice_is_added_and_says_whether_it_is_shown(client_for, administrator):
    client = client_for(administrator)
    today = timezone.localdate().isoformat()
    entered = {"text": "The portal is down on Sunday.", "starts_on": today, "ends_on": today}
    assert client.post(f"{NOTICES}add/", entered).status_code == 302
    assert Notice.objects.get().history.count() == 1
    assert "Shown now" in visible_text(client.get(NOTICES))
    assert "The portal is down on Sunday." in visible_text(client.get("/"))


def test_notice_that_ends_before_it_starts_is_refused(client_for, administrator):
    entered = {"text": "Words", "starts_on": "2026-03-02", "ends_on": "2026-03-01"}
    response = client_for(administrator).post(f"{NOTICES}add/", entered)
    assert "Choose a last day that is not before the first one." in visible_text(response)
    assert not Notice.objects.exists()
