"""Uploaded files: small ones, in memory. A large one is refused before any of it is read."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import MemoryFileUploadHandler


class SmallUploads(MemoryFileUploadHandler):
    """Takes what fits into FILE_UPLOAD_MAX_MEMORY_SIZE, the whole request counted.

    Raises RequestDataTooBig for more: else anybody could fill the disk with temporary files, at
    every address that takes a form.
    """

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803  # Django's name
        content_length: int,
        boundary: Any,
        encoding: Any = None,
    ) -> None:
        if content_length > settings.FILE_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig("The uploaded files are too large.")
        super().handle_raw_input(input_data, META, content_length, boundary, encoding)
