"""Cells with the name of their column, for narrow windows, and no empty columns."""

import pytest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from desk.templatetags.desk import breakable, filled, labeled


def test_labeled_adds_the_name_of_the_column_to_each_cell():
    cells = [
        format_html('<td class="action-checkbox">{}</td>', "x"),
        format_html('<th class="field-name"><a href="/1/">{}</a></th>', "{0} <td> & co"),
    ]
    headers = [
        {"text": "box", "class_attrib": ' class="action-checkbox-column"'},
        {"text": 'say "name"', "class_attrib": ""},
    ]
    assert list(labeled(cells, headers)) == [
        '<td class="action-checkbox">x</td>',
        '<th scope="row" data-label="Say &quot;name&quot;" class="field-name">'
        '<a href="/1/">{0} &lt;td&gt; &amp; co</a></th>',
    ]


def test_filled_leaves_out_a_column_that_is_empty_in_each_row():
    headers = [
        {"text": "box", "class_attrib": ' class="action-checkbox-column"'},
        {"text": "name", "class_attrib": ""},
        {"text": "decide", "class_attrib": ""},
        {"text": "waiting", "class_attrib": ""},
    ]
    rows = [
        [SafeString("<td><input></td>"), format_html("<th>{}</th>", name), *rest]
        for name, rest in [
            ("Ann", [SafeString("<td> </td>"), SafeString("<td></td>")]),
            ("Ben", [SafeString("<td></td>"), SafeString("<td>0</td>")]),
        ]
    ]
    shown = filled(rows, headers)
    assert [header["text"] for header in shown["headers"]] == ["box", "name", "waiting"]
    assert shown["rows"][1] == ["<td><input></td>", "<th>Ben</th>", "<td>0</td>"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ana@rush.example", "ana@rush.example"),
        ("ana@hospital.example", "ana@<wbr>hospital.example"),
        ("a@north.branch-hospital.example", "a@<wbr>north<wbr>.branch-hospital<wbr>.example"),
        ("https://a.example/documents", "https://a.example<wbr>/documents"),
        ("Mr. Smith & sons/co-operators", "Mr. Smith &amp; sons/co-operators"),
        (
            SafeString('<a href="mailto:anna@hospital.example">anna@hospital.example</a>'),
            '<a href="mailto:anna@hospital.example">anna@<wbr>hospital.example</a>',
        ),
        ("<b>@hospital.example", "&lt;b&gt;@<wbr>hospital.example"),
    ],
)
def test_addresses_break_between_their_parts_only(text, shown):
    assert breakable(text) == shown
