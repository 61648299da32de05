import pytest

from members.batches import BATCH_SIZE, batched


@pytest.mark.parametrize(
    ("number", "sizes"), [(0, []), (1, [1]), (3, [3]), (4, [3, 1]), (6, [3, 3])]
)
def test_batched_gives_each_value_once(number, sizes):
    batches = list(batched(iter(range(number)), 3))
    assert [len(batch) for batch in batches] == sizes
    assert sum(batches, []) == list(range(number))


def test_batched_fits_one_statement_by_default():
    assert [len(batch) for batch in batched(range(BATCH_SIZE + 1))] == [BATCH_SIZE, 1]
