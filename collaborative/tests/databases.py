"""Pytest plugin: the environment of the tests, set before the settings are read."""

import os

os.environ.setdefault("DEBUG", "1")  # pytest-django switches settings.DEBUG itself off
