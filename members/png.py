"""Images that administrators upload: PNG files, of which only the picture is kept."""

import zlib
from typing import NamedTuple

from django.core.exceptions import ValidationError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# What a picture needs, and its colors; not its comments, its place, its author, its animation.
PICTURE_CHUNKS = {
    b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"IDAT", b"IEND",
}  # fmt: skip
NOT_READABLE = "This PNG image cannot be read. Save it as PNG again, and choose it again."


class Png(NamedTuple):
    """A picture: the file, and its size in pixels."""

    content: bytes
    width: int
    height: int


def clean_png(content: bytes, max_pixels: int) -> Png:
    """Return a PNG file with nothing but its picture (PNG specification, section 5).

    Raises ValidationError for another kind of file (SVG can hold scripts, a JPEG the place where
    it was taken), a damaged one, and one wider or higher than `max_pixels`.
    """
    if not content.startswith(SIGNATURE):
        raise ValidationError(NOT_READABLE)
    chunks = _read_chunks(content)
    kinds = [kind for kind, _ in chunks]
    if not chunks or kinds[0] != b"IHDR" or kinds[-1] != b"IEND" or b"IDAT" not in kinds:
        raise ValidationError(NOT_READABLE)
    header = chunks[0][1]
    # The length of the chunk, its kind, then width and height.
    width, height = (int.from_bytes(header[start : start + 4]) for start in (8, 12))
    if not 0 < width <= max_pixels or not 0 < height <= max_pixels:
        raise ValidationError(
            f"The image is {width:,} x {height:,} pixels. Make it at most "
            f"{max_pixels:,} x {max_pixels:,}, and choose it again."
        )
    picture = b"".join(chunk for kind, chunk in chunks if kind in PICTURE_CHUNKS)
    return Png(SIGNATURE + picture, width, height)


def _read_chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    """Return each chunk, up to the last one of the picture, with its kind; none of a damaged file.
    What follows the picture is left out."""
    chunks: list[tuple[bytes, bytes]] = []
    start = len(SIGNATURE)
    while start < len(content):
        end = start + 12 + int.from_bytes(content[start : start + 4])
        chunk = content[start:end]
        if len(chunk) < 12 or end > len(content):
            return []
        if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:]):
            return []
        chunks.append((chunk[4:8], chunk))
        if chunk[4:8] == b"IEND":
            break
        start = end
    return chunks
