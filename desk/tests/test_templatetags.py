"""Cells with the name of their column, for narrow windows."""

from django.utils.html import format_html

from desk.templatetags.desk import labeled


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
        '<th data-label="Say &quot;name&quot;" class="field-name">'
        '<a href="/1/">{0} &lt;td&gt; &amp; co</a></th>',
    ]
