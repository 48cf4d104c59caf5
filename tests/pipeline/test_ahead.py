"""Work done ahead comes in order, no further than it must, and its errors are not lost."""

import threading
import time

import pytest

from model_server.pipeline.ahead import WORKERS, ahead


def test_results_come_in_order_however_long_each_takes():
    def work(item):
        time.sleep(0.002 * (5 - item % 5))
        return item * item

    assert list(ahead(work, range(20))) == [item * item for item in range(20)]


def test_items_are_worked_on_at_the_same_time():
    together = threading.Barrier(WORKERS, timeout=20)
    assert len(list(ahead(lambda _: together.wait(), range(2 * WORKERS)))) == 2 * WORKERS


def test_no_more_is_begun_than_what_comes_next():
    begun = []
    results = ahead(begun.append, range(100))
    for taken in range(1, 11):
        next(results)
        assert len(begun) <= taken + WORKERS


def test_an_error_is_raised_at_its_turn():
    def work(item):
        if item == 3:
            raise ValueError("the third")
        return item

    results, taken = ahead(work, range(10)), []
    with pytest.raises(ValueError, match="the third"):
        taken.extend(results)
    assert taken == [0, 1, 2]


def test_nothing_to_do_is_done():
    assert list(ahead(str, [])) == []
