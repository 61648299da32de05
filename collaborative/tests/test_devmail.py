"""The mails in the browser: in development only, and safe to look at whatever they hold."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from post_office.models import PRIORITY, STATUS, Email


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
        reverse("dev_mail"),
        reverse("dev_mail_detail", args=[mail.pk]),
        reverse("dev_mail_html", args=[mail.pk]),
    ]


def test_mail_pages_do_not_exist_outside_development(client, as_, mail, administrator):
    for address in addresses(mail):
        assert client.get(address).status_code == 404
        assert as_(administrator).get(address).status_code == 404


@pytest.mark.usefixtures("_development")
def test_mail_pages_refuse_post(client, mail):
    for address in addresses(mail):
        assert client.post(address).status_code == 405


@pytest.mark.usefixtures("_development")
def test_empty_mailbox_says_what_to_do(client, db):
    page = client.get(reverse("dev_mail")).content.decode()
    assert "No mails yet" in page
    assert f'href="{reverse("join")}"' in page


@pytest.mark.usefixtures("_development")
def test_mail_list_shows_a_stranger_the_newest_first(client, mail):
    newer = Email.objects.create(
        from_email="p@example.org", to=["olga@loop.example"], subject="Welcome", status=STATUS.sent
    )
    page = client.get(reverse("dev_mail")).content.decode()
    assert page.index("olga@loop.example") < page.index("maria@rush.example")
    assert page.index("Welcome") < page.index("Your code: &lt;b&gt;ABC&lt;/b&gt;")
    assert reverse("dev_mail_detail", args=[newer.pk]) in page
    assert "queued" in page


@pytest.mark.usefixtures("_development")
def test_mail_list_costs_the_same_queries_for_one_row_and_three(
    client, mail, django_assert_num_queries
):
    for _ in range(3):
        with django_assert_num_queries(1):
            client.get(reverse("dev_mail"))
        Email.objects.create(from_email="p@example.org", to=["olga@loop.example"])


@pytest.mark.usefixtures("_development")
def test_mail_detail_shows_the_text_escaped_with_links(client, mail):
    page = client.get(reverse("dev_mail_detail", args=[mail.pk])).content.decode()
    assert "Line one<br>&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert 'href="https://portal.example.org/join/"' in page
    assert reverse("dev_mail_html", args=[mail.pk]) in page


@pytest.mark.usefixtures("_development")
def test_mail_html_is_a_page_of_its_own_that_allows_styles_and_no_script(client, mail):
    response = client.get(reverse("dev_mail_html", args=[mail.pk]))
    assert response.content.decode() == mail.html_message
    policy = dict(
        part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";")
    )
    assert policy["style-src"] == "'unsafe-inline'"
    assert policy["script-src"] == policy["default-src"] == policy["form-action"] == "'none'"


@pytest.mark.usefixtures("_development")
def test_mail_that_is_missing_or_text_only_has_no_page(client, mail):
    Email.objects.filter(pk=mail.pk).update(html_message="")
    assert client.get(reverse("dev_mail_html", args=[mail.pk])).status_code == 404
    missing = reverse("dev_mail_detail", args=[mail.pk + 1])
    assert client.get(missing).status_code == 404
    detail = client.get(reverse("dev_mail_detail", args=[mail.pk])).content.decode()
    assert "as HTML" not in detail


@pytest.mark.browser
def test_mail_pages_work_in_a_browser(new_page, live_server, mail, settings):
    settings.DEBUG = True
    Email.objects.filter(pk=mail.pk).update(created=timezone.now() - timedelta(minutes=1))
    page = new_page(javascript=False, width=320)
    page.goto(reverse("dev_mail"))
    page.get_by_role("link", name="Your code").click()
    page.get_by_role("link", name="Show it as HTML").click()
    hello = page.get_by_text("Hello")
    assert hello.evaluate("element => getComputedStyle(element).color") == "rgb(0, 128, 128)"
