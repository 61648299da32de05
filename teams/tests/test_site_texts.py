"""The texts of the site and its notices, as pages show them."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from conftest import visible_text
from members.models import SiteIdentity
from teams.models import Notice, SiteText
from teams.models.site_texts import refuse_unknown_placeholders
from teams.starter_content import SITE_TEXTS


def make_notice(text: str, first_day: int, last_day: int) -> Notice:
    """A notice from and to these days, counted from today."""
    today = timezone.localdate()
    starts_on, ends_on = today + timedelta(first_day), today + timedelta(last_day)
    return Notice.objects.create(text=text, starts_on=starts_on, ends_on=ends_on)


@pytest.mark.parametrize(
    ("path", "place"),
    [("/", "home_lead"), ("/", "who_we_are"), ("/", "teams_lead"), ("/faq/", "tagline")]
    + [("/privacy/", "privacy"), ("/accessibility/", "accessibility")],
)
def test_page_shows_the_starter_text_and_then_the_stored_one(client, db, path, place):
    first_words = SITE_TEXTS[place].replace("{site_name}", SiteIdentity().name)[:40]
    assert first_words in visible_text(client.get(path))
    SiteText.objects.create(place=place, text="Other *words* for {contact_email}.")
    text = visible_text(client.get(path))
    assert f"Other words for {settings.CONTACT_EMAIL}." in text
    assert first_words not in text


def test_foot_of_every_page_shows_the_contact(client, db):
    assert settings.CONTACT_EMAIL in visible_text(client.get("/faq/"))
    SiteText.objects.create(place="contact", text="Call 312-555-0100, or write to 1 Example St.")
    for path in ("/", "/faq/", "/no-such-page/"):
        text = visible_text(client.get(path))
        assert "Call 312-555-0100, or write to 1 Example St." in text
        assert settings.CONTACT_EMAIL not in text


def test_home_page_shows_a_section_for_each_heading(client, db):
    SiteText.objects.create(place="taking_part", text="# One\r\n\r\nFirst.\r\n# Two\r\nSecond.")
    body = client.get("/").content.decode()
    assert "<h3>One</h3>" in body
    assert "<h3>Two</h3>" in body
    assert "First. Two Second." in visible_text(client.get("/"))


def test_home_page_shows_a_fact_for_each_heading(client, db):
    assert "health and hospital systems take part About a dozen" in visible_text(client.get("/"))
    SiteText.objects.create(place="facts", text="# 14\r\n\r\nhospitals\r\n# 2\r\ncolleges")
    text = visible_text(client.get("/"))
    assert "hospitals 14 colleges 2" in text
    assert "systems take part About a dozen" not in text


@pytest.mark.parametrize(
    ("text", "opening", "sections"),
    [
        ("", "", []),
        ("Only words", "Only words", []),
        ("Words\n\n# A\n\nOne\n\n# B", "Words", [("A", "One"), ("B", "")]),
        ("# A\r\nOne\r\n## C\r\nTwo", "", [("A", "One\r\n## C\r\nTwo")]),
        ("#not a heading", "#not a heading", []),
    ],
)
def test_site_text_is_split_at_its_headings(text, opening, sections):
    site_text = SiteText(text=text)
    assert (site_text.opening, site_text.sections) == (opening, sections)


def test_statement_says_when_it_was_changed(client, db):
    assert "Last changed" not in visible_text(client.get("/privacy/"))
    SiteText.objects.create(place="privacy", text="Short.", changed_on="2026-11-03")
    assert "Last changed on November 3, 2026." in visible_text(client.get("/privacy/"))


def test_statement_has_one_h1_and_sections_below_it(client, db):
    body = client.get("/privacy/").content.decode()
    assert body.count("<h1") == 1
    assert "<h2>What we keep</h2>" in body


def test_site_text_shows_no_html_of_its_writer(client, db):
    SiteText.objects.create(place="privacy", text="<script>alert(1)</script> [x](javascript:y)")
    body = client.get("/privacy/").content.decode()
    assert "<script>alert" not in body
    assert 'href="javascript:' not in body


@pytest.mark.parametrize("text", ["{}", "{password}", "{SECRET_KEY}", "{contact_email.__class__}"])
def test_other_words_in_braces_are_refused(text):
    with pytest.raises(ValidationError, match=r"It knows \{contact_email\}, "):
        refuse_unknown_placeholders(f"Write to {text}")


def test_starter_texts_fill_in_only_what_the_portal_knows():
    for text in SITE_TEXTS.values():
        refuse_unknown_placeholders(text)


def test_notice_is_shown_from_its_first_day_to_its_last(client, db):
    make_notice("Shown today", 0, 0)
    make_notice("Over", -3, -1)
    make_notice("Not yet", 1, 3)
    for path in ("/", "/sign-in/", "/no-such-page/"):
        text = visible_text(client.get(path))
        assert "Shown today" in text
        assert "Over" not in text
        assert "Not yet" not in text


def test_notice_is_text_in_which_addresses_are_links(client, db):
    make_notice("<b>See</b> https://example.org/summit", 0, 1)
    body = client.get("/").content.decode()
    assert "&lt;b&gt;See" in body
    assert 'href="https://example.org/summit"' in body


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("teams_notice_ends_after_start", {"starts_on": "2026-03-02", "ends_on": "2026-03-01"}),
        ("teams_notice_not_empty", {"text": "", "ends_on": "2099-01-01"}),
    ],
)
def test_notice_constraints_are_kept_by_the_database(db, constraint, fields):
    with pytest.raises(IntegrityError, match=constraint):
        Notice.objects.create(**{"text": "Words", **fields})


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("teams_sitetext_place_known", {"place": "nowhere", "text": "Words"}),
        ("teams_sitetext_not_empty", {"place": "contact", "text": ""}),
    ],
)
def test_site_text_constraints_are_kept_by_the_database(db, constraint, fields):
    with pytest.raises(IntegrityError, match=constraint):
        SiteText.objects.create(**fields)
