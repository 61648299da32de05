"""Cells that know their column: a narrow window shows them under each other."""

from django.utils.html import format_html

from desk.templatetags.desk import labelled


def test_each_cell_gets_the_name_of_its_column_and_stays_as_it_is():
    cells = [
        format_html('<td class="action-checkbox">{}</td>', "x"),
        format_html('<th class="field-name"><a href="/1/">{}</a></th>', "{0} <td> & co"),
    ]
    headers = [
        {"text": "box", "class_attrib": ' class="action-checkbox-column"'},
        {"text": 'say "name"', "class_attrib": ""},
    ]
    assert list(labelled(cells, headers)) == [
        '<td class="action-checkbox">x</td>',
        '<th data-label="Say &quot;name&quot;" class="field-name">'
        '<a href="/1/">{0} &lt;td&gt; &amp; co</a></th>',
    ]
