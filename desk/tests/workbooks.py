"""Excel and OpenDocument files for the tests."""

import io
import zipfile
from collections.abc import Collection, Mapping, Sequence
from xml.sax.saxutils import escape

from xlsxwriter import Workbook

Rows = Sequence[Sequence[object]]

ODS_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
ODS_MANIFEST = f"""<?xml version="1.0" encoding="UTF-8"?>
<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">
<manifest:file-entry manifest:full-path="/" manifest:media-type="{ODS_TYPE}"/>
</manifest:manifest>"""
ODS_CONTENT = """<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">
<office:body><office:spreadsheet><table:table table:name="Staff">{rows}</table:table>
</office:spreadsheet></office:body></office:document-content>"""
ODS_CELL = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'


def workbook_of(sheets: Mapping[str, Rows], hidden: Collection[str] = ()) -> bytes:
    """Return an Excel file with these sheets; None is an empty cell."""
    buffer = io.BytesIO()
    with Workbook(buffer, {"in_memory": True, "strings_to_formulas": False}) as workbook:
        for name in sheets:
            workbook.add_worksheet(name)
        visible = [sheet for sheet in workbook.worksheets() if sheet.name not in hidden]
        if visible:
            visible[0].activate()
        for sheet in workbook.worksheets():
            if sheet.name in hidden:
                sheet.hide()
            for number, row in enumerate(sheets[sheet.name]):
                sheet.write_row(number, 0, row)
    return buffer.getvalue()


def ods_of(rows: Sequence[Sequence[str]]) -> bytes:
    """Return an OpenDocument file with one sheet of text."""
    lines = "".join(
        f"<table:table-row>{''.join(ODS_CELL.format(escape(cell)) for cell in row)}"
        "</table:table-row>"
        for row in rows
    )
    return package_of(
        {
            "mimetype": ODS_TYPE,
            "META-INF/manifest.xml": ODS_MANIFEST,
            "content.xml": ODS_CONTENT.format(rows=lines),
        }
    )


def package_of(parts: Mapping[str, str | bytes]) -> bytes:
    """Return a packed folder with these parts, compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return buffer.getvalue()
