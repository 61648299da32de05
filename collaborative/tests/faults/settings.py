"""The settings of production, except that static files need no `collectstatic` before."""

from collaborative.settings import *  # noqa: F403
from collaborative.settings import STORAGES

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
