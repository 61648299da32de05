"""The portal's settings in production, but for a folder of static files of the test's own."""

import os

from collaborative.settings import *  # noqa: F403  # nothing else differs

STATIC_ROOT = os.environ["TEST_STATIC_ROOT"]
