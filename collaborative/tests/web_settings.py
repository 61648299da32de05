"""The portal's settings in production, but for a folder of static files of the test's own, of
which only the sheets are compressed: all of them take five seconds."""

import os

from collaborative.settings import *  # noqa: F403

STATIC_ROOT = os.environ["TEST_STATIC_ROOT"]
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("ico", "js", "md", "png", "svg", "txt", "woff2")
