"""Which tests run on which database: the lists of the plugin name files that exist."""

import pytest

from collaborative.tests.databases import BOTH_DATABASES, ONE_AT_A_TIME
from collaborative.tests.test_settings import ROOT


@pytest.mark.parametrize("pattern", [*BOTH_DATABASES, *ONE_AT_A_TIME])
def test_pattern_names_a_file(pattern):
    assert list(ROOT.glob(pattern))
