"""Uploaded files are small and stay in memory. A large one is refused before it is read."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import MemoryFileUploadHandler


class SmallUploadHandler(MemoryFileUploadHandler):
    """Accepts requests of at most FILE_UPLOAD_MAX_MEMORY_SIZE, with everything in them.

    Raises RequestDataTooBig for larger ones. Otherwise anyone could fill the disk with temporary
    files, at every address that accepts a form.
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
