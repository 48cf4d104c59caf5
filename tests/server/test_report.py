"""The report says which frames to look at, how many tracks hold each, and how sure the lens is."""

import numpy as np
import pytest
from make_package import Footage, write_synthetic_package

from model_server.report import WorstFrame, report_of


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Of a zoom of five frames from 1001: the third without a camera, the fourth interpolated."""
    written = write_synthetic_package(
        tmp_path_factory.mktemp("report") / "shot.page4d", Footage(unknown=(2,), zoom=1.5)
    )
    np.save(written.folder / "cameras/status.npy", np.array([0, 0, 2, 1, 0], np.uint8))
    np.save(written.folder / "cameras/reprojection_px.npy", np.array([0.25, 0.9, np.nan, 0.5, 0.3], np.float32))
    return report_of(written.folder), written


def test_the_worst_frames_come_first_and_frames_without_an_error_do_not_count(report):
    assert report[0].worst_frames == (
        WorstFrame(1002, pytest.approx(0.9)),
        WorstFrame(1004, pytest.approx(0.5)),
        WorstFrame(1005, pytest.approx(0.3)),
    )


def test_frames_that_were_not_solved_are_named(report):
    assert (report[0].frames, report[0].frames_solved) == (5, 3)
    assert (report[0].frames_guessed, report[0].frames_unknown) == ((1004,), (1003,))
    rows = dict(report[0].rows())
    assert rows["interpolated, not solved"] == "1004"
    assert rows["without a camera"] == "1003"


def test_a_zoom_has_a_shortest_and_a_longest_focal_length(report):
    facts, written = report
    focal = written.intrinsics[[0, 1, 4], 0, 0]
    assert facts.focal_range_px == (pytest.approx(focal.min()), pytest.approx(focal.max()))
    assert f"{focal.min():.2f} to {focal.max():.2f} px" in dict(facts.rows())["focal length"]


def test_a_shot_with_nothing_wrong_names_no_frames(tmp_path):
    written = write_synthetic_package(tmp_path / "shot.page4d")
    rows = dict(report_of(written.folder).rows())
    assert rows["frames"].startswith("5 of 5 solved")
    assert not {"interpolated, not solved", "without a camera"} & rows.keys()
    assert rows["focal length"] == f"{written.intrinsics[0, 0, 0]:.2f} px"
    assert rows["reprojection error"] == "0.25 px, median; 0.30 px, mean"
