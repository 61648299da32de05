"""Names are compared the way people read them."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from members.normalize import (
    MAX_NORMALIZED_NAME_LENGTH,
    clean_lines,
    clean_text,
    fold,
    normalize_organization_name,
    normalize_person_name,
)

name_parts = st.sampled_from(
    ["The", "the ", "and", "&", " ", ".", ",", "'", "’", "-", "Inc", "L.L.C.", "LTD", "St. ", "É"]
)
names = st.lists(name_parts | st.text(max_size=4), max_size=10).map("".join)


INVISIBLE = {
    *(chr(code) for code in (0x00, 0x07, 0x1B, 0x7F, 0x80, 0x9F, 0xAD, 0x61C, 0x180E, 0xFEFF)),
    *map(chr, range(0x200B, 0x2010)),
    *map(chr, range(0x202A, 0x202F)),
    *map(chr, range(0x2060, 0x2070)),
    *("\u034f", "\u3164", "\uffa0", "\ufff9", "\ud800", "\udfff", "\U000e0001", "\U000e0061"),
}


@pytest.mark.parametrize("character", sorted(INVISIBLE), ids=lambda c: f"U+{ord(c):04X}")
def test_clean_text_removes_what_nobody_sees(character):
    typed = f"{character}Ana{character} Ex{character}{character}ample{character}"
    assert clean_text(typed) == "Ana Example"
    assert fold(typed) == "ana example"
    assert normalize_organization_name(typed) == "ana example"
    assert clean_lines(f"one{character}\r\n\ttwo ") == "one\r\n\ttwo "


@pytest.mark.parametrize(
    "text",
    [
        "ليلى حسن",
        "שרה כהן",
        "José Núñez-O’Brien",
        "Jose\u0301",
        # Persian, Hindi, Sinhala, Malayalam, Mongolian: another word without the joiner.
        "مریم می\u200cخواهم",
        "रमेश\u200dचंद्र क्\u200dष",
        "ශ්\u200dරී",
        "അവന്\u200dഅ",
        # The characters of emoji, and of names in Japanese, that choose a form.
        "Pat 🎉 👩\u200d⚕\ufe0f 👩🏽\u200d⚕\ufe0f",
        "葛\U000e0100城",
        "it's 50% – “so” … ½ ™",
        "",
    ],
)
def test_clean_text_keeps_what_people_write(text):
    assert clean_text(text) == clean_lines(text) == text


@pytest.mark.parametrize(
    ("typed", "clean"),
    [
        ("  Ana \u00a0\t Example\u3000\r\n", "Ana Example"),
        ("Ana\u2028Example\u2029RN\x0bBSN\x85MSN", "Ana Example RN BSN MSN"),
        # A joiner at the edge of a word, between Latin letters, and twice.
        ("مریم\u200c", "مریم"),
        ("\u200dLake\u200dfront\u200c", "Lakefront"),
        ("می\u200c\u200c\u200dخواهم", "می\u200cخواهم"),
        ("\u200b\u202e\u2069", ""),
    ],
)
def test_clean_text_is_one_line_without_stray_joiners(typed, clean):
    assert clean_text(typed) == clean


@given(st.text())
def test_clean_text_is_idempotent(text):
    assert clean_text(clean_text(text)) == clean_text(text)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("École", "ecole"),
        ("E\u0301COLE", "ecole"),
        ("straße", "strasse"),
        ("STRASSE", "strasse"),
        ("ﬁne ①", "fine 1"),
        ("İstanbul", "istanbul"),
        ("Ω", "ω"),
        ("", ""),
    ],
)
def test_fold_drops_case_accents_and_compatibility_forms(text, folded):
    assert fold(text) == folded


@given(st.text())
@example("ΐ ẞ ſ ᾳ")
def test_fold_is_idempotent(text):
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=20))
def test_fold_ignores_whether_accents_are_composed(text):
    assert fold(unicodedata.normalize("NFC", text)) == fold(unicodedata.normalize("NFD", text))


@pytest.mark.parametrize(
    "name",
    [
        "St. Anne's Hospital & Clinics",
        "The St. Anne's Hospital & Clinics, Inc.",
        "ST ANNES HOSPITAL AND CLINICS",
        "St Anne’s  Hospital, Clinics LLC",
        "The St. Ánne's Hospital and the Clinics L.L.C.",
        "St.Anne's Hospital/Clinics Co., Ltd.",
    ],
)
def test_normalize_organization_name_unites_spellings(name):
    assert normalize_organization_name(name) == "st annes hospital clinics"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Rush Hospital", "Rush Hospitals"),
        ("Northside Clinic", "Southside Clinic"),
        ("St. Anne", "St. Anne 2"),
        ("Incorporated Health", "Health"),
        ("Theater Clinic", "Clinic"),
        ("Andover Clinic", "Over Clinic"),
    ],
)
def test_normalize_organization_name_keeps_different_names_apart(one, other):
    assert normalize_organization_name(one) != normalize_organization_name(other)


@pytest.mark.parametrize("name", ["", "   ", "...", "&", "The", "the & and", "'", "—"])
def test_normalize_organization_name_is_empty_without_letter_or_digit(name):
    assert normalize_organization_name(name) == ""


@pytest.mark.parametrize(
    ("name", "normalized"), [("Inc", "inc"), ("The Company", "company"), ("Co. Ltd.", "co")]
)
def test_normalize_organization_name_keeps_a_legal_ending_alone(name, normalized):
    assert normalize_organization_name(name) == normalized


@given(names)
@example("T.h.e")
@example("Foo Inc the")
def test_normalize_organization_name_is_idempotent(name):
    assert normalize_organization_name(
        normalize_organization_name(name)
    ) == normalize_organization_name(name)


@given(names)
def test_normalize_organization_name_leaves_folded_words(name):
    normalized = normalize_organization_name(name)
    assert normalized == " ".join(normalized.split())
    assert fold(normalized) == normalized
    assert not {"the", "and"} & set(normalized.split())


def test_normalize_organization_name_fits_its_column():
    assert len(normalize_organization_name("ﷺ" * 150)) <= MAX_NORMALIZED_NAME_LENGTH
    assert len(normalize_organization_name("ab " * 150)) <= MAX_NORMALIZED_NAME_LENGTH


@pytest.mark.parametrize(
    ("name", "normalized"),
    [
        ("García Lopez, José", "garcia jose lopez"),
        ("JOSE GARCIA-LOPEZ", "garcia jose lopez"),
        ("Ann O'Hara", "ann ohara"),
        ("A.n", "a n"),
        (" — ", ""),
    ],
)
def test_normalize_person_name_ignores_order_case_and_accents(name, normalized):
    assert normalize_person_name(name) == normalized


def test_normalize_person_name_fits_its_column():
    assert len(normalize_person_name("ﷺ" * 120)) <= MAX_NORMALIZED_NAME_LENGTH
