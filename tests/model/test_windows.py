"""Windows cover a shot, share what they must, and are about equally long."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_server.engines.page4d.window import Window
from model_server.engines.page4d.windows import plan_windows
from model_server.errors import BadInput


@given(st.integers(1, 3000), st.integers(2, 200), st.data())
def test_windows_cover_all_frames_and_share_the_overlap(frame_count, length, data):
    overlap = data.draw(st.integers(1, length - 1))
    windows = plan_windows(frame_count, length, overlap)
    assert (windows[0].start, windows[0].shared, windows[-1].stop) == (0, 0, frame_count)
    for before, after in pairwise(windows):
        assert after.shared == overlap == before.stop - after.start
        assert after.stop > before.stop
    sizes = [window.frame_count for window in windows]
    assert max(sizes) <= length
    assert max(sizes) - min(sizes) <= 1
    assert len(windows) == 1 or frame_count > overlap + (len(windows) - 1) * (length - overlap), "one less would do"


@given(st.integers(10, 500), st.integers(4, 40), st.data())
def test_a_plan_goes_on_where_an_earlier_one_stopped(frame_count, length, data):
    overlap = data.draw(st.integers(1, length - 1))
    done = data.draw(st.integers(min(overlap, frame_count), frame_count))
    windows = plan_windows(frame_count, length, min(overlap, done), done)
    assert bool(windows) == (done < frame_count)
    if windows:
        assert windows[0].start + windows[0].shared == done
        assert windows[-1].stop == frame_count
        assert all(window.frame_count <= length for window in windows)


def test_a_shot_that_fits_is_one_window():
    assert plan_windows(1, 8, 2) == [Window(0, 1, 0)]
    assert plan_windows(8, 8, 2) == [Window(0, 8, 0)]
    assert plan_windows(2, 80, 16) == [Window(0, 2, 0)]


def test_the_last_window_is_no_stub():
    assert [window.frame_count for window in plan_windows(22, 12, 4)] == [10, 10, 10]


@pytest.mark.parametrize(
    ("frame_count", "length", "overlap"), [(0, 8, 2), (10, 8, 8), (10, 8, 9), (10, 8, 0), (5, 1, 1)]
)
def test_numbers_that_make_no_windows_are_refused(frame_count, length, overlap):
    with pytest.raises(BadInput):
        plan_windows(frame_count, length, overlap)
