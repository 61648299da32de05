"""Addresses of web pages as people type them: what is accepted, what is refused, what is the same
page."""

import pytest
from django.core.exceptions import ValidationError

from teams.web_addresses import normalize_web_address, same_page_key, web_host


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("example.org/x", "https://example.org/x"),
        ("https://Example.ORG/Guide?b=2&a=1#top", "https://example.org/Guide?b=2&a=1#top"),
        ("http://example.org", "http://example.org"),
        ("HTTPS:/example.org/x", "https://example.org/x"),
        ("http//example.org/x", "http://example.org/x"),
        ("//example.org/x", "https://example.org/x"),
        (" <https://example.org/x>, ", "https://example.org/x"),
        ("“www.example.org”", "https://www.example.org"),
        ("Example.org.", "https://example.org"),
        ("example.org:8080/x", "https://example.org:8080/x"),
        ("https://example.org:443/x", "https://example.org/x"),
        ("http://example.org:443/x", "http://example.org:443/x"),
        ("https://zürich.example/straße", "https://xn--zrich-kva.example/stra%C3%9Fe"),
        ("https://example.org/a%20b?q=%2F", "https://example.org/a%20b?q=%2F"),
        ("https://exam\u200bple.org/x\u202e", "https://example.org/x"),
        ("https://example.org/?next=https://other.example/", "https://example.org/?next=https://other.example/"),
        ("https://example.org/@ana", "https://example.org/@ana"),
    ],
)  # fmt: skip
def test_normalize_web_address_accepts_what_people_type(typed, stored):
    assert normalize_web_address(typed) == stored
    assert normalize_web_address(stored) == stored


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "like https://"),
        ("https://", "like https://"),
        ("guide", "like https://"),
        ("javascript:alert(1)", "like https://"),
        ("JavaScript://example.org/%0aalert(1)", "like https://"),
        ("javascript:1", "like https://"),
        ("data:text/html,x", "like https://"),
        ("file:///etc/passwd", "like https://"),
        ("ftp://example.org/x", "like https://"),
        ("mailto:ana@example.org", "like https://"),
        (r"C:\guide.pdf", "without spaces"),
        ("java\tscript:alert(1)", "without spaces"),
        ("see https://example.org", "without spaces"),
        (r"https://example.org\@localhost/", "without spaces"),
        ("ana@example.org", "before an @"),
        ("https://example.org@10.0.0.1/", "before an @"),
        ("https://ana:secret@example.org/", "before an @"),
        ("http://127.0.0.1/", "instead of numbers"),
        ("http://10.1.2.3:8000/x", "instead of numbers"),
        ("http://169.254.169.254/latest/meta-data", "instead of numbers"),
        ("http://2130706433/", "instead of numbers"),
        ("http://[::1]/", "instead of numbers"),
        ("http://0x7f.1/", "instead of numbers"),
        ("http://[", "like https://"),
        ("http://example.org:port/", "like https://"),
        ("http://example.org:99999/", "like https://"),
        ("http://１２７.0.0.1/", "instead of numbers"),
        ("localhost:8000", "like https://"),
        ("http://intranet/x", "like https://"),
        ("https://portal.localhost/", "not a name on the public web"),
        ("https://wiki.corp/x", "not a name on the public web"),
        ("https://printer.local/", "not a name on the public web"),
        ("https://router.home.arpa/", "not a name on the public web"),
        ("https://metadata.google.internal/", "not a name on the public web"),
        ("https://exa_mple.org/", "like https://"),
        ("https://example.org/" + "x" * 500, "at most 500"),
        ("https://example.org/" + "ß" * 100, "at most 500"),
    ],
)
def test_normalize_web_address_says_what_to_enter(typed, message):
    with pytest.raises(ValidationError, match=message):
        normalize_web_address(typed)


@pytest.mark.parametrize(
    "other",
    [
        "http://example.org/guide",
        "https://www.example.org/guide/",
        "https://EXAMPLE.org:443/guide#part-2",
        "https://example.org/guide?utm_source=newsletter&fbclid=x",
    ],
)
def test_same_page_key_is_one_for_one_page(other):
    assert same_page_key(other) == same_page_key("https://example.org/guide")


@pytest.mark.parametrize(
    "other",
    [
        "https://example.org/Guide",
        "https://example.org/guide?page=2",
        "https://example.org:8080/guide",
        "https://docs.example.org/guide",
        "https://example.org/guide#!/part-2",
        "not an address",
    ],
)
def test_same_page_key_differs_for_different_pages(other):
    assert same_page_key(other) != same_page_key("https://example.org/guide")


@pytest.mark.parametrize(
    ("address", "host"),
    [("https://www.Example.org:8080/x", "example.org"), ("https://[", ""), ("x", "")],
)
def test_web_host_names_the_site(address, host):
    assert web_host(address) == host
