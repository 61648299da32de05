"""The emails in the browser: in development only, and safe to look at whatever they hold."""

import re
from datetime import timedelta

import pytest
from django.conf import settings as portal
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from post_office.models import PRIORITY, STATUS, Email

from collaborative.demo.sample_emails import render_sample, samples


@pytest.fixture
def mail(db) -> Email:
    return Email.objects.create(
        from_email="portal@example.org",
        to=["maria@rush.example"],
        subject="Your code: <b>ABC</b>",
        message="Line one\n<script>alert(1)</script>\nhttps://portal.example.org/join/",
        html_message='<p style="color: teal">Hello</p>',
        status=STATUS.queued,
        priority=PRIORITY.high,
    )


@pytest.fixture
def _development(settings):
    settings.DEBUG = True


def addresses(mail: Email) -> list[str]:
    return [
        reverse("dev_email"),
        reverse("dev_email_detail", args=[mail.pk]),
        reverse("dev_email_html", args=[mail.pk]),
        reverse("dev_email_samples"),
        reverse("dev_email_sample_html", args=[0]),
    ]


def test_mail_pages_do_not_exist_outside_development(client, client_for, mail, administrator):
    for address in addresses(mail):
        assert client.get(address).status_code == 404
        assert client_for(administrator).get(address).status_code == 404


@pytest.mark.usefixtures("_development")
def test_mail_pages_refuse_post(client, mail):
    for address in addresses(mail):
        assert client.post(address).status_code == 405


@pytest.mark.usefixtures("_development")
def test_empty_mailbox_says_what_to_do(client, db):
    page = client.get(reverse("dev_email")).content.decode()
    assert "No emails yet" in page
    assert f'href="{reverse("join")}"' in page


@pytest.mark.usefixtures("_development")
def test_mail_list_shows_a_stranger_the_newest_first(client, mail):
    newer = Email.objects.create(
        from_email="p@example.org", to=["olga@loop.example"], subject="Welcome", status=STATUS.sent
    )
    page = client.get(reverse("dev_email")).content.decode()
    assert page.index("olga@loop.example") < page.index("maria@rush.example")
    assert page.index("Welcome") < page.index("Your code: &lt;b&gt;ABC&lt;/b&gt;")
    assert reverse("dev_email_detail", args=[newer.pk]) in page
    assert "queued" in page


@pytest.mark.usefixtures("_development")
def test_mail_list_costs_the_same_queries_for_one_row_and_three(
    client, mail, django_assert_num_queries
):
    for _ in range(3):
        with django_assert_num_queries(1):
            client.get(reverse("dev_email"))
        Email.objects.create(from_email="p@example.org", to=["olga@loop.example"])


@pytest.mark.usefixtures("_development")
def test_mail_detail_shows_the_text_escaped_with_links_and_the_html_in_a_frame(client, mail):
    page = client.get(reverse("dev_email_detail", args=[mail.pk])).content.decode()
    assert "Line one\n&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert 'href="https://portal.example.org/join/"' in page
    assert f'<iframe class="mail-frame" src="{reverse("dev_email_html", args=[mail.pk])}"' in page


@pytest.mark.usefixtures("_development")
def test_mail_html_is_a_page_of_its_own_that_allows_styles_and_no_script(client, mail):
    response = client.get(reverse("dev_email_html", args=[mail.pk]))
    assert response.content.decode() == mail.html_message
    policy = dict(
        part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";")
    )
    assert policy["style-src"] == "'unsafe-inline'"
    assert policy["script-src"] == policy["default-src"] == policy["form-action"] == "'none'"
    assert policy["frame-ancestors"] == "'self'"
    assert response["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.usefixtures("_development")
def test_mail_that_is_missing_or_text_only_has_no_page(client, mail):
    Email.objects.filter(pk=mail.pk).update(html_message="")
    assert client.get(reverse("dev_email_html", args=[mail.pk])).status_code == 404
    missing = reverse("dev_email_detail", args=[mail.pk + 1])
    assert client.get(missing).status_code == 404
    detail = client.get(reverse("dev_email_detail", args=[mail.pk])).content.decode()
    assert "as HTML" not in detail
    assert "<iframe" not in detail
    beyond = reverse("dev_email_sample_html", args=[len(samples())])
    assert client.get(beyond).status_code == 404


# Every email that the portal can write ---------------------------------------------------------

MAILS = portal.BASE_DIR / "templates" / "emails"


@pytest.fixture(params=samples(), ids=lambda sample: sample.func.__name__)
def sample(request) -> Email:
    return render_sample(request.param)


@pytest.mark.usefixtures("_development")
def test_page_of_every_mail_leaves_no_template_out(client, db):
    page = client.get(reverse("dev_email_samples"))
    shown = {template.name for template in page.templates if template.name}
    assert {f"emails/{file.name}" for file in MAILS.iterdir()} <= shown
    for number, each in enumerate(samples()):
        assert reverse("dev_email_sample_html", args=[number]) in page.content.decode()
        assert f"{each.func.__name__}, to " in page.content.decode()
    assert not Email.objects.exists()


@pytest.mark.usefixtures("_development")
def test_html_of_a_sample_is_that_of_the_mail(client, db):
    html = client.get(reverse("dev_email_sample_html", args=[1])).content.decode()
    assert html == render_sample(samples()[1]).html_message


def test_subject_of_every_mail_is_one_short_line(sample):
    assert 0 < len(sample.subject) <= 78
    assert "\n" not in sample.subject


def test_text_of_every_mail_has_short_lines_and_no_gaps(sample):
    assert max(len(line) for line in sample.message.splitlines()) <= 76
    assert "\n\n\n" not in sample.message


def test_every_mail_says_why_it_comes_and_where_to_ask(sample):
    for part in (sample.message, sample.html_message):
        assert "You get this email because" in part
        assert portal.CONTACT_EMAIL in part


def test_every_mail_is_filled_in(sample):
    for part in (sample.subject, sample.message, sample.html_message):
        assert not re.search(
            r"\{[{%#]|[#%}]\}|\bNone\b", re.sub(r"<style>.*?</style>", "", part, flags=re.S)
        )


def test_every_mail_has_one_button_at_most_and_its_address_in_words(sample):
    buttons = re.findall(r'class="button".*?href="([^"]+)"', sample.html_message, re.S)
    assert len(buttons) <= 1
    for address in buttons:
        assert f">{address}</a>" in sample.html_message
        assert address in sample.message.splitlines()


def test_every_mail_is_a_page_in_a_language_with_its_title_and_a_preheader(sample):
    html = sample.html_message
    assert '<html lang="en">' in html
    assert f"<title>{escape(sample.subject)}</title>" in html
    assert re.search(r'<div style="display: none;[^>]*>[^<]{10,90}</div>', html)
    assert html.count("<table") == html.count('<table role="presentation"')
    assert "<img" not in html


def test_mails_use_the_colours_of_the_portal():
    sheets = [portal.BASE_DIR / "static" / name for name in ("palette.css", "dark.css")]
    palette = set(re.findall(r"#[0-9a-f]{6}", "".join(sheet.read_text() for sheet in sheets)))
    for file in MAILS.glob("*.html"):
        assert set(re.findall(r"#[0-9a-f]{6}", file.read_text())) <= palette, file.name


@pytest.mark.browser
def test_mail_pages_work_in_a_browser(new_page, live_server, mail, settings):
    settings.DEBUG = True
    Email.objects.filter(pk=mail.pk).update(created=timezone.now() - timedelta(minutes=1))
    page = new_page(javascript=False, width=320)
    page.goto(reverse("dev_email"))
    page.get_by_role("link", name="Your code").click()
    hello = page.frame_locator("iframe").get_by_text("Hello")
    assert hello.evaluate("element => getComputedStyle(element).color") == "rgb(0, 128, 128)"
    page.goto(reverse("dev_email_samples"))
    assert page.frame_locator("iframe").first.get_by_text("BCDFGH").is_visible()
