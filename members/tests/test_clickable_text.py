"""What mail programs make a link of, in text of people whom nobody has checked."""

import time

import pytest
from django.core.exceptions import ValidationError

from members.clickable_text import clickable_part, validate_not_clickable


@pytest.mark.parametrize(
    "part",
    [
        "https://evil.example",
        "HTTP://EVIL",
        "ftp://x",
        "www.evil",
        "evil.example",
        "evil.com/path?x=1",
        "(evil.com)",
        "evil.com,",
        "EVIL.COM",
        "ｅｖｉｌ．ｃｏｍ",
        "evil。com",
        "evil｡com",
        "e\u00advil.com",
        "münchen.de",
        "192.0.2.1",
        "ana@evil.example",
        "mailto:ana",
        "tel:+13125550100",
        "hello,evil.com",
        "a.b.c.evil.co.uk",
    ],
)
def test_clickable_part_is_found(part):
    assert clickable_part(f"Look at {part} now") == part


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Come along!",
        "At 5:30 p.m., e.g. on Monday.",
        "Ph.D. and M.B.A.",
        "Room 2.14, floor 3.5",
        "St. Mary... yes",
        "Team: education / hiring",
        "Version 1.2.3",
        "ratio 3:1 (note:this)",
    ],
)
def test_plain_text_is_not_clickable(text):
    assert clickable_part(text) == ""


def test_clickable_text_is_refused_by_name():
    with pytest.raises(ValidationError, match="Leave out “evil.com”"):
        validate_not_clickable("see evil.com")
    validate_not_clickable("see you")


@pytest.mark.parametrize("text", ["a", "a-", "a_", "a.", "a_.", "é.", ".", "www"])
def test_clickable_part_of_a_long_word_takes_linear_time(text):
    started = time.process_time()
    assert clickable_part(text * 100_000) == ""
    assert time.process_time() - started < 1
