"""What the style sheets promise: contrast in light and dark, and sheets that stay small.

The ratios are those of WCAG 2.2: 4.5 for words (1.4.3), 3 for what is drawn and for the edges of
fields (1.4.11).
"""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template

from collaborative.static_files import BUNDLE, BundlingStorage
from collaborative.static_files import SHEETS as IN_BUNDLE
from teams.models import ActionTeam

SHEETS = Path(settings.BASE_DIR) / "static" / "portal"
WORDS, DRAWN = 4.5, 3.0
GROUNDS = ("paper", "surface", "sunken")
MAX_LINES = 400

# (what, on what, how much at least)
PAIRS = [
    *((words, ground, WORDS) for words in ("ink", "soft", "lake", "alarm") for ground in GROUNDS),
    *((field, ground, DRAWN) for field in ("edge", "ring") for ground in GROUNDS),
    ("on-lake", "lake", WORDS),
    ("lake", "lake-tint", WORDS),
    ("lake-deep", "lake-tint", WORDS),
    ("paper", "alarm", WORDS),
    ("leaf", "leaf-tint", WORDS),
    ("alarm", "alarm-tint", WORDS),
    ("soft", "slate-tint", WORDS),
    *(
        (words, f"{tint}-tint", WORDS)
        for words in ("ink", "soft", "lake")
        for tint in ("lake", "leaf", "prairie", "alarm")
    ),
    ("on-deep", "deep", WORDS),
    ("on-deep-soft", "deep", WORDS),
]


def colors_of(*names: str) -> dict[str, str]:
    """The colors of the sheets, where a later one overrides an earlier one."""
    found: dict[str, str] = {}
    for name in names:
        text = (SHEETS / name).read_text(encoding="utf-8")
        found |= re.findall(r"--([\w-]+): (#[0-9a-f]{6});", text)
    return found


SCHEMES = {"light": colors_of("tokens.css"), "dark": colors_of("tokens.css", "dark.css")}


def luminance(color: str) -> float:
    """The relative luminance of a color like #1b2731, by WCAG's definition."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_of_black_on_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_words_and_edges_can_be_seen(scheme):
    colors = SCHEMES[scheme]
    weak = [
        (front, back)
        for front, back, least in PAIRS
        if contrast(colors[front], colors[back]) < least
    ]
    assert not weak


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("color", ActionTeam.Color.values)
def test_color_of_a_team_can_be_read_and_seen(scheme, color):
    colors = SCHEMES[scheme]
    words, fill, tint = (colors[name] for name in (color, f"fill-{color}", f"{color}-tint"))
    for ground in (*(colors[name] for name in GROUNDS), tint):
        assert contrast(words, ground) >= WORDS
    for ground in (colors["surface"], tint):
        assert contrast(fill, ground) >= DRAWN
    for text in ("ink", "soft"):
        assert contrast(colors[text], tint) >= WORDS


@pytest.mark.parametrize("color", ActionTeam.Color.values)
def test_color_of_a_team_has_its_class(color):
    assert f".team-{color} {{" in (SHEETS / "tokens.css").read_text(encoding="utf-8")


@pytest.mark.parametrize("drawing", ActionTeam.Drawing.values)
def test_drawing_of_a_team_has_its_scene_and_icon(drawing):
    team = ActionTeam(drawing=drawing)
    assert "<svg" in get_template(team.scene_template).render()
    assert "<svg" in get_template(team.icon_template).render()


@pytest.mark.parametrize("sheet", sorted(SHEETS.glob("*.css")), ids=lambda sheet: sheet.name)
def test_sheet_stays_small(sheet):
    assert len(sheet.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_no_template_of_a_page_has_styles_of_its_own():
    """The content security policy refuses them. The page in the download of my data is read from
    a disk, so it brings its own."""
    folder = Path(settings.BASE_DIR) / "templates"
    pages = [
        path
        for path in folder.rglob("*.html")
        if "emails" not in path.parts and path.name != "my_data_file.html"
    ]
    assert pages
    for path in [*pages, *folder.rglob("*.svg")]:
        text = path.read_text(encoding="utf-8")
        assert " style=" not in text, path
        assert "<style" not in text, path


def test_templates_render_drawings_and_badges_once():
    """An include renders them on every page again, and takes four to ten times as long."""
    folder = Path(settings.BASE_DIR) / "templates"
    for path in folder.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(
            r'{% include ("icons/|"art/|"_badge|\S*(icon|scene)_template)', text
        ), path


def test_pages_with_a_honeypot_say_why_they_ask_for_one_more_press():
    """Whose browser filled it in would see the same form again, and no word about it."""
    folder = Path(settings.BASE_DIR) / "templates"
    pages = [path.read_text(encoding="utf-8") for path in folder.glob("*/[!_]*.html")]
    forms = ('"_honeypot.html"', '"teams/_visitor_form.html"')
    with_honeypot = [page for page in pages if any(form in page for form in forms)]
    assert with_honeypot
    assert all('"_confirm_press.html"' in page for page in with_honeypot)


def test_bundle_holds_every_sheet_but_the_dark_one(tmp_path):
    """dark.css stays alone: its link says when it holds."""
    storage = BundlingStorage(location=tmp_path, base_url="/static/")
    folder = Path(settings.BASE_DIR) / "static"
    names = [path.relative_to(folder).as_posix() for path in SHEETS.glob("*.css")]
    names += [path.relative_to(folder).as_posix() for path in folder.glob("fonts/*.woff2")]
    for name in names:
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes((folder / name).read_bytes())
    list(storage.post_process({name: (storage, name) for name in names}))
    bundle = (tmp_path / storage.stored_name(BUNDLE)).read_text(encoding="utf-8")
    sheets = {name for name in names if name.endswith(".css")}
    assert sheets - set(IN_BUNDLE) == {"portal/dark.css"}
    assert bundle.index("--paper: #fbfaf7") < bundle.index("@media print")
    assert re.search(r"fonts/newsreader\.[0-9a-f]{12}\.woff2", bundle)
