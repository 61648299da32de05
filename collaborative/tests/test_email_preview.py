"""The pages that show emails: in development only, and safe with any content."""

import re
from datetime import timedelta

import pytest
from django.conf import settings as portal
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from post_office.models import PRIORITY, STATUS, Email

from collaborative.demo import sample_emails
from collaborative.demo.sample_emails import render_sample, samples
from members.models import Move
from teams.models import Invitation
from teams.tests.announcements import make_announcement, make_resource
from teams.tests.meetings import make_meeting
from teams.tests.topics import make_topic


@pytest.fixture
def email(db) -> Email:
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


def urls(email: Email) -> list[str]:
    return [
        reverse("dev_email"),
        reverse("dev_email_detail", args=[email.pk]),
        reverse("dev_email_html", args=[email.pk]),
        reverse("dev_email_samples"),
        reverse("dev_email_sample_html", args=[0]),
    ]


def test_email_pages_do_not_exist_outside_development(client, client_for, email, administrator):
    for url in urls(email):
        assert client.get(url).status_code == 404
        assert client_for(administrator).get(url).status_code == 404


@pytest.mark.usefixtures("_development")
def test_email_pages_refuse_post(client, email):
    for url in urls(email):
        assert client.post(url).status_code == 405


@pytest.mark.usefixtures("_development")
def test_email_list_without_emails_says_what_to_do(client, db):
    page = client.get(reverse("dev_email")).content.decode()
    assert "No emails yet" in page
    assert f'href="{reverse("join")}"' in page


@pytest.mark.usefixtures("_development")
def test_email_list_shows_the_newest_first(client, email):
    newer = Email.objects.create(
        from_email="p@example.org", to=["olga@loop.example"], subject="Welcome", status=STATUS.sent
    )
    page = client.get(reverse("dev_email")).content.decode()
    assert page.index("olga@loop.example") < page.index("maria@rush.example")
    assert page.index("Welcome") < page.index("Your code: &lt;b&gt;ABC&lt;/b&gt;")
    assert reverse("dev_email_detail", args=[newer.pk]) in page
    assert "queued" in page


@pytest.mark.usefixtures("_development")
def test_email_list_costs_the_same_queries_for_one_email_and_three(
    client, email, fragment_clock, django_assert_num_queries
):
    # What stands around every page is read once a second.
    client.get("/faq/ask/done/")
    for _ in range(3):
        with django_assert_num_queries(1):
            client.get(reverse("dev_email"))
        Email.objects.create(from_email="p@example.org", to=["olga@loop.example"])


@pytest.mark.usefixtures("_development")
def test_email_detail_shows_escaped_text_and_html_in_a_frame(client, email):
    page = client.get(reverse("dev_email_detail", args=[email.pk])).content.decode()
    assert "Line one\n&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert 'href="https://portal.example.org/join/"' in page
    assert f'<iframe class="mail-frame" src="{reverse("dev_email_html", args=[email.pk])}"' in page


@pytest.mark.usefixtures("_development")
def test_email_html_allows_styles_and_no_script(client, email):
    detail = client.get(reverse("dev_email_html", args=[email.pk]))
    assert detail.content.decode() == email.html_message
    sample = client.get(reverse("dev_email_sample_html", args=[0]))
    for response in (detail, sample):
        policy = dict(
            part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";")
        )
        assert policy["style-src"] == "'unsafe-inline'"
        assert policy["script-src"] == policy["default-src"] == policy["form-action"] == "'none'"
        assert policy["frame-ancestors"] == "'self'"
        assert response["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.usefixtures("_development")
def test_email_html_does_not_exist_for_a_text_only_email(client, email):
    Email.objects.filter(pk=email.pk).update(html_message="")
    assert client.get(reverse("dev_email_html", args=[email.pk])).status_code == 404
    missing = reverse("dev_email_detail", args=[email.pk + 1])
    assert client.get(missing).status_code == 404
    detail = client.get(reverse("dev_email_detail", args=[email.pk])).content.decode()
    assert "as HTML" not in detail
    assert "<iframe" not in detail
    beyond = reverse("dev_email_sample_html", args=[len(samples())])
    assert client.get(beyond).status_code == 404


# Every email that the portal can write ---------------------------------------------------------

TEMPLATES = portal.BASE_DIR / "templates" / "emails"


@pytest.mark.usefixtures("_development")
def test_sample_list_shows_every_email_template(client, email):
    page = client.get(reverse("dev_email_samples"))
    # Its frames open as those of one email do, which a browser shows below.
    detail = client.get(reverse("dev_email_detail", args=[email.pk]))
    assert page["Content-Security-Policy"] == detail["Content-Security-Policy"]
    assert "dev/_email_parts.html" in {template.name for template in page.templates}
    shown = {template.name for template in page.templates if template.name}
    assert {f"emails/{file.name}" for file in TEMPLATES.iterdir()} <= shown
    for number, each in enumerate(samples()):
        assert reverse("dev_email_sample_html", args=[number]) in page.content.decode()
        assert f"{each.func.__name__}, to " in page.content.decode()
    assert Email.objects.get() == email


@pytest.mark.usefixtures("_development")
def test_sample_html_is_that_of_the_email(client, db):
    html = client.get(reverse("dev_email_sample_html", args=[1])).content.decode()
    assert html == render_sample(samples()[1]).html_message


def test_emails_end_no_sentence_twice(db, monkeypatch):
    for record in (
        *(sample_emails.LAKEFRONT, sample_emails.RIVERBEND),
        *(sample_emails.TRAINING, sample_emails.HIRING, sample_emails.CAREERS),
    ):
        monkeypatch.setattr(record, "name", f"{record.name}, Inc.")
    for person in (sample_emails.ANA, sample_emails.SAM, sample_emails.FAYE):
        monkeypatch.setattr(person, "full_name", f"{person.full_name} Jr.")
    for each in samples():
        email = render_sample(each)
        for part in (email.subject, email.message, email.html_message):
            assert re.findall(r".{30}\.\.(?!\.)", part) == []


@pytest.mark.usefixtures("fragment_clock")
def test_samples_link_only_to_pages_that_are_there(client_for, administrator):
    call_command("load_starter_content", verbosity=0)
    client = client_for(administrator)
    # Those of the samples.
    Invitation.objects.create(
        pk=1, email="ana@lakefront.example", role="administrator", invited_by=administrator
    )
    Invitation.objects.create(
        pk=2, email="mia@lakefront.example", role="colleague", invited_by=administrator
    )
    Move.objects.create(
        pk=1,
        member=administrator,
        old_email="old@riverbend.example",
        new_email="ana@lakefront.example",
        state="requested",
    )
    make_meeting()
    make_announcement(None, administrator, pk=1)
    make_resource(slug="guia")
    make_topic("Night", by=administrator)
    texts = "\n".join(render_sample(each).message for each in samples())
    paths = set(re.findall(rf"{portal.SITE_URL}(/[^\s)]+)", texts))
    # The records of the samples are nowhere stored.
    stored_nowhere = re.compile(
        r"/admin/\w+/\w+/\d+/(?:change|report)/|/meetings/answer/.*|/emails/.*/stop/"
    )
    paths = {path for path in paths if not stored_nowhere.fullmatch(path)}
    assert "/faq/who-can-join/" in paths
    # Members are led on to My teams.
    answers = {path: client.get(path, follow=True).status_code for path in paths}
    assert answers == dict.fromkeys(paths, 200)


def check_subject_is_one_short_line(sample: Email) -> None:
    assert 0 < len(sample.subject) <= 78
    assert "\n" not in sample.subject


def check_text_has_short_lines_and_no_gaps(sample: Email) -> None:
    # An address that proves something cannot be wrapped.
    is_proof = re.compile(
        rf"{portal.SITE_URL}/\S*(invitation=|/answer/|invited/|/stop/)\S*"
    ).fullmatch
    lines = [line for line in sample.message.splitlines() if not is_proof(line)]
    assert max(map(len, lines)) <= 76
    assert "\n\n\n" not in sample.message


def check_it_says_why_it_was_sent_and_where_to_ask(sample: Email) -> None:
    for part in (sample.message, sample.html_message):
        assert "You get this email because" in part
        assert portal.CONTACT_EMAIL in part


def check_it_says_whom_replies_reach(sample: Email) -> None:
    """The contact address, but for what a person wrote."""
    is_written = sample.headers["Auto-Submitted"] == "no"
    assert is_written == ("via Collaborative" in sample.from_email)
    if not is_written:
        assert sample.headers["Auto-Submitted"] == "auto-generated"
        assert sample.headers["Reply-To"] == portal.CONTACT_EMAIL
    sentence = "Replies go to " if is_written else "Replies to this email go to "
    for part in (sample.message, sample.html_message):
        text = " ".join(re.sub(r"<[^>]+>", "", part).split())
        replies = re.search(rf"{sentence}(\D*?)\.(?: |$)", text)
        assert replies
        assert replies[1].endswith(sample.headers["Reply-To"])


def check_it_has_stop_headers_where_it_can_be_stopped(sample: Email) -> None:
    links = set(re.findall(rf"{portal.SITE_URL}/(?:emails|invited)/\S+/stop/", sample.message))
    can_stop = sample.headers.get("List-Unsubscribe")
    if sample.subject.startswith("Test: "):
        assert links
        assert not can_stop
        return
    assert [f"<{link}>" for link in links] == ([can_stop] if can_stop else [])
    one_click = sample.headers.get("List-Unsubscribe-Post")
    assert one_click == ("List-Unsubscribe=One-Click" if can_stop else None)
    words = "Do not invite me again" if "invited" in str(can_stop) else "Stop these emails"
    assert bool(can_stop) == (words in sample.html_message)


def test_samples_that_can_be_stopped_are_from_teams_or_invite(db):
    """What is decided about a person, and their own answers, are not among them."""
    can_stop = {
        each.func.__name__
        for each in samples()
        if "List-Unsubscribe" in render_sample(each).headers
    }
    assert can_stop == {
        *("meeting_announced", "meeting_moved", "meeting_cancelled", "meeting_reminder"),
        *("meeting_unanswered", "meeting_materials", "monthly_summary", "announcement"),
        "colleague_invited",
    }


def check_it_has_no_unfilled_variable(sample: Email) -> None:
    for part in (sample.subject, sample.message, sample.html_message):
        assert not re.search(
            r"\{[{%#]|[#%}]\}|\bNone\b", re.sub(r"<style>.*?</style>", "", part, flags=re.S)
        )


def check_it_has_at_most_one_button_and_its_url_as_text(sample: Email) -> None:
    buttons = re.findall(r'class="button".*?href="([^"]+)"', sample.html_message, re.S)
    assert len(buttons) <= 1
    for url in buttons:
        assert f">{url}</a>" in sample.html_message
        assert url in sample.message.splitlines()


def check_html_has_language_title_and_preheader(sample: Email) -> None:
    html = sample.html_message
    assert '<html lang="en" ' in html
    assert f"<title>{escape(sample.subject)}</title>" in html
    assert re.search(r'<div style="display: none;[^>]*>[^<]{10,90}</div>', html)
    assert html.count("<table") == html.count('<table role="presentation"')
    assert "<img" not in html


@pytest.mark.django_db
@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.func.__name__)
def test_sample_is_as_every_email(sample):
    email = render_sample(sample)
    check_subject_is_one_short_line(email)
    check_text_has_short_lines_and_no_gaps(email)
    check_it_says_why_it_was_sent_and_where_to_ask(email)
    check_it_says_whom_replies_reach(email)
    check_it_has_stop_headers_where_it_can_be_stopped(email)
    check_it_has_no_unfilled_variable(email)
    check_it_has_at_most_one_button_and_its_url_as_text(email)
    check_html_has_language_title_and_preheader(email)


def test_sample_colors_are_those_of_the_portal():
    sheets = [portal.BASE_DIR / "static/portal" / name for name in ("tokens.css", "dark.css")]
    palette = set(re.findall(r"#[0-9a-f]{6}", "".join(sheet.read_text() for sheet in sheets)))
    for file in [*TEMPLATES.glob("*.html"), portal.BASE_DIR / "teams/markdown.py"]:
        assert set(re.findall(r"#[0-9a-f]{6}", file.read_text())) <= palette, file.name


@pytest.mark.browser
def test_email_pages_work_in_a_browser(new_page, live_server, email, settings):
    settings.DEBUG = True
    Email.objects.filter(pk=email.pk).update(created=timezone.now() - timedelta(minutes=1))
    page = new_page(javascript=False, width=320)
    page.goto(reverse("dev_email"))
    page.get_by_role("link", name="Your code").click()
    hello = page.frame_locator("iframe").get_by_text("Hello")
    assert hello.evaluate("element => getComputedStyle(element).color") == "rgb(0, 128, 128)"
