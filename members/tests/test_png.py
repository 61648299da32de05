"""Only the picture of an uploaded PNG file is stored."""

import struct
import zlib

import pytest
from django.core.exceptions import ValidationError

from members.png import SIGNATURE, clean_png


def make_chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def make_png(width: int = 3, height: int = 2, *extra: bytes) -> bytes:
    """A gray picture; `extra` are chunks between its header and its pixels."""
    header = make_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    return b"".join([SIGNATURE, header, *extra, make_chunk(b"IDAT", rows), make_chunk(b"IEND")])


def test_clean_png_returns_the_picture_and_its_size():
    assert clean_png(make_png(3, 2), 10) == (make_png(3, 2), 3, 2)


def test_clean_png_keeps_colors_and_drops_what_else_is_in_the_file():
    palette = make_chunk(b"PLTE", b"\0\0\0")
    extra = [make_chunk(kind, b"secret") for kind in (b"tEXt", b"eXIf", b"acTL", b"zTXt")]
    png = make_png(3, 2, palette, *extra) + b"<script>alert(1)</script>"
    assert clean_png(png, 10).content == make_png(3, 2, palette)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG",
        SIGNATURE,
        b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        b"\xff\xd8\xff\xe0JFIF",
        b"GIF89a;",
        make_png()[:-5],
        make_png().replace(b"IDAT", b"IDAU"),
        SIGNATURE + make_chunk(b"IDAT") + make_chunk(b"IEND"),
        SIGNATURE + make_chunk(b"IHDR", b"\0" * 13) + make_chunk(b"IEND"),
        SIGNATURE + b"\xff\xff\xff\xffIHDR",
    ],
)
def test_clean_png_refuses_what_is_no_whole_png(content):
    with pytest.raises(ValidationError, match="Save it as PNG"):
        clean_png(content, 10)


@pytest.mark.parametrize(("width", "height"), [(11, 2), (2, 11), (2**31, 1)])
def test_clean_png_refuses_what_is_too_large_and_says_how_large_it_may_be(width, height):
    png = make_png().replace(make_png()[8:33], make_header(width, height))
    with pytest.raises(ValidationError, match="Make it at most 10 x 10"):
        clean_png(png, 10)


def make_header(width: int, height: int) -> bytes:
    return make_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
