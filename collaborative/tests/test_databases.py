"""Which tests run on which database: the lists of the plugin name files that exist."""

import pytest
from django.core.management.color import no_style
from django.db import connection, connections

from collaborative.tests.databases import BOTH_DATABASES, ONE_AT_A_TIME
from collaborative.tests.test_settings import ROOT


@pytest.mark.parametrize("pattern", [*BOTH_DATABASES, *ONE_AT_A_TIME])
def test_pattern_names_a_file(pattern):
    assert list(ROOT.glob(pattern))


@pytest.mark.django_db
def test_tables_of_committed_tests_are_emptied_by_delete_through_every_connection():
    """Beside the loop of a browser a thread has another one; TRUNCATE takes 50 times as long."""
    other = connections.create_connection(connection.alias)
    (statement,) = other.ops.sql_flush(no_style(), ["teams_goal", "auth_permission"])
    assert statement.endswith('DELETE FROM "teams_goal"')
