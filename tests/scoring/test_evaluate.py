"""Whole datasets: an oracle has no error, a sequence that fails is named and counts, and the protocols do differ."""

import json
from dataclasses import replace

import numpy as np
import pytest
from filmed_scene import film
from scoring_folders import write_bonn, write_davis, write_dycheck, write_kitti, write_sintel, write_tum
from scoring_oracle import OneAnswer, Oracle

from model_server.engines.page4d.window import WindowTooLong
from model_server.errors import BadInput
from model_server.scoring.datasets import open_dataset
from model_server.scoring.draw import draw
from model_server.scoring.drawings import ErrorMapDrawing, PathDrawing
from model_server.scoring.evaluate import evaluate
from model_server.scoring.report import as_json, failure_lines, write_json
from model_server.scoring.rules import CORRECTED, PAPER, Alignment, Task

FILMS = {"alley_2": film(5, seed=1), "market_5": film(4, seed=2)}
DRIVE = "2011_09_26_drive_0002_sync"


@pytest.fixture
def sintel(tmp_path):
    for name, filmed in FILMS.items():
        write_sintel(tmp_path, name, filmed)
    return tmp_path


def _worst(scores):
    """The largest error of all; shares that should be 1 are told by what they lack."""
    return max(
        1 - value if name.startswith(("delta", "j", "f")) else value
        for sequence in scores.sequences
        for figures in sequence.figures.values()
        for name, value in figures.items()
    )


@pytest.mark.parametrize("task", [Task.POSE, Task.VIDEO_DEPTH, Task.MONO_DEPTH, Task.POINTS, Task.MOTION])
def test_an_oracle_has_no_error_on_sintel(sintel, task):
    oracle = Oracle(list(FILMS.values()))
    aligned = replace(CORRECTED, alignments=dict.fromkeys(CORRECTED.alignments, tuple(Alignment)[:3]))
    scores = evaluate(task, open_dataset("sintel", sintel, task), oracle, aligned)
    assert [sequence.name for sequence in scores.sequences] == list(FILMS)
    assert failure_lines(scores) == []
    assert scores.counted == "2 of 2"
    assert _worst(scores) < 1e-3
    assert sum(oracle.calls) == 9
    assert (max(oracle.calls) == 1) == (task is Task.MONO_DEPTH)


@pytest.mark.parametrize(
    ("name", "write", "sequence", "tasks"),
    [
        ("tum", write_tum, "rgbd_dataset_freiburg3_walking_xyz", (Task.POSE, Task.VIDEO_DEPTH)),
        ("bonn", write_bonn, "rgbd_bonn_balloon2", (Task.POSE, Task.VIDEO_DEPTH)),
        ("dycheck", write_dycheck, "apple", (Task.POSE, Task.MONO_DEPTH, Task.POINTS)),
        ("kitti", write_kitti, DRIVE, (Task.VIDEO_DEPTH, Task.MONO_DEPTH)),
    ],
)
def test_an_oracle_is_nearly_right_on_the_other_datasets(tmp_path, name, write, sequence, tasks):
    """Depth is rounded on disk, poses are stored with nine decimals."""
    filmed = film(4, seed=3)
    write(tmp_path, sequence, filmed)
    for task in tasks:
        scores = evaluate(task, open_dataset(name, tmp_path, task), Oracle([filmed]), CORRECTED)
        assert failure_lines(scores) == []
        for alignment, figures in scores.mean.items():
            if alignment != "metric":
                assert next(iter(figures.values())) < 2e-3, (task, alignment)


def test_masks_of_davis_are_scored(tmp_path):
    write_davis(tmp_path, "dog", film(3, seed=1))
    scores = evaluate(Task.MOTION, open_dataset("davis", tmp_path, Task.MOTION), OneAnswer(), CORRECTED)
    moving = np.stack([frame.moving for frame in film(3, seed=1)])
    left = np.zeros_like(moving)
    left[:, :, : moving.shape[2] // 2] = True
    expected = np.mean([(m & n).sum() / (m | n).sum() for m, n in zip(left, moving)])
    assert scores.mean["none"]["j"] == pytest.approx(expected, abs=0.02)


def test_metric_depth_shows_the_unit_and_the_other_alignments_do_not(sintel):
    oracle = Oracle(list(FILMS.values()), depth_factor=1.1)
    scores = evaluate(Task.VIDEO_DEPTH, open_dataset("sintel", sintel, Task.VIDEO_DEPTH), oracle, CORRECTED)
    assert scores.mean["metric"]["abs_rel"] == pytest.approx(1 - 0.37 * 1.1, abs=1e-5)
    assert scores.mean["median"]["abs_rel"] < 1e-5


def _break(root):
    path = root / "training/depth/alley_2/frame_0003.dpt"
    path.write_bytes(path.read_bytes()[:-100])


def test_a_broken_sequence_is_named_and_counts(sintel):
    _break(sintel)
    scores = evaluate(Task.POSE, open_dataset("sintel", sintel, Task.POSE), Oracle(list(FILMS.values())), CORRECTED)
    (line,) = failure_lines(scores)
    assert line.startswith("alley_2 failed: ")
    assert "frame_0003.dpt" in line
    assert scores.counted == "1 of 2"
    said = as_json(scores)
    assert said["failed"] == ["alley_2"]
    assert (said["scored"], said["mean_of"]) == (1, "1 of 2")


def test_the_published_mean_does_not_tell_of_what_failed_but_the_list_does(sintel):
    _break(sintel)
    reader = open_dataset("sintel", sintel, Task.POSE)
    lines = replace(PAPER, lines_fail=False)  # the film's camera is on rails
    scores = evaluate(Task.POSE, reader, OneAnswer(), lines, ["alley_2", "market_5"])
    assert scores.counted == "1"
    assert as_json(scores)["failed"] == ["alley_2"]


def test_sequences_of_the_published_list_that_are_not_there_are_named(sintel):
    lines = replace(PAPER, lines_fail=False)
    scores = evaluate(Task.POSE, open_dataset("sintel", sintel, Task.POSE), OneAnswer(), lines)
    assert len(scores.sequences) == 14
    assert len(scores.scored) == 2
    assert "temple_3 failed: it is not there" in failure_lines(scores)


def test_published_video_depth_leaves_market_5_out(sintel):
    scores = evaluate(Task.VIDEO_DEPTH, open_dataset("sintel", sintel, Task.VIDEO_DEPTH), OneAnswer(), PAPER)
    assert [sequence.name for sequence in scores.sequences] == ["alley_2"]


class _TooLong(OneAnswer):
    def __call__(self, images):
        if len(images) > 4:
            raise WindowTooLong("5 frames at once do not fit")
        return super().__call__(images)


class _NotFinite(OneAnswer):
    def __call__(self, images):
        clip = super().__call__(images)
        clip.depth[0, 0, 0] = np.nan
        return clip


class _Stands(OneAnswer):
    def __call__(self, images):
        clip = super().__call__(images)
        return replace(clip, camera_from_world=np.tile(np.eye(4), (len(images), 1, 1)))


@pytest.mark.parametrize(
    ("predictor", "reason", "scored"),
    [(_TooLong(), "do not fit", 1), (_NotFinite(), "not finite", 0), (_Stands(), "in one place", 0)],
)
def test_what_a_predictor_can_not_do_is_a_failure_of_the_sequence(sintel, predictor, reason, scored):
    scores = evaluate(Task.POSE, open_dataset("sintel", sintel, Task.POSE), predictor, CORRECTED)
    assert len(scores.scored) == scored
    assert reason in failure_lines(scores)[0]


def test_a_sequence_whose_depth_is_not_known_is_a_failure(tmp_path):
    write_dycheck(tmp_path, "apple", [replace(frame, depth=0 * frame.depth) for frame in film(3, 28, 28)])
    for task in (Task.VIDEO_DEPTH, Task.MONO_DEPTH, Task.POINTS):
        scores = evaluate(task, open_dataset("dycheck", tmp_path, task), OneAnswer(), CORRECTED)
        assert "depth" in failure_lines(scores)[0]
        assert scores.mean == {}


def _flat(depths, moved=0.0):
    """Frames of one depth each; half of each is known."""
    frames = film(len(depths), 28, 28, seed=4)
    known = np.arange(28) < 14
    return [replace(frame, depth=np.where(known, depth, 0) * np.ones((28, 28))) for frame, depth in zip(frames, depths)]


def test_published_means_are_by_valid_pixels_and_corrected_ones_are_not(tmp_path):
    """One sequence of 1 frame that is off by nothing, one of 3 that is off by 1/2 in metric depth."""
    write_dycheck(tmp_path, "apple", _flat([2.0]))
    write_dycheck(tmp_path, "block", _flat([4.0, 4.0, 4.0]))
    reader = open_dataset("dycheck", tmp_path, Task.VIDEO_DEPTH)
    still = replace(PAPER, from_first_camera=False)
    published = evaluate(Task.VIDEO_DEPTH, reader, OneAnswer(), still, ["apple", "block"])
    corrected = evaluate(Task.VIDEO_DEPTH, reader, OneAnswer(), CORRECTED)
    assert published.mean["metric"]["abs_rel"] == pytest.approx(3 / 4 * 0.5)
    assert corrected.mean["metric"]["abs_rel"] == pytest.approx(1 / 2 * 0.5)


def test_published_monocular_means_are_by_valid_pixels_of_each_image(tmp_path):
    """Two images that are right, one with a fourth of their pixels known that is half right."""
    frames = _flat([2.0, 2.0, 2.0])
    depth = np.zeros((28, 28))
    depth[:8, :14], depth[:4, :14] = 4, 2  # 112 pixels are known; of each median the lower is taken
    write_dycheck(tmp_path, "apple", [*frames[:2], replace(frames[2], depth=depth)])
    reader = open_dataset("dycheck", tmp_path, Task.MONO_DEPTH)
    published = evaluate(Task.MONO_DEPTH, reader, OneAnswer(), PAPER, ["apple"])
    corrected = evaluate(Task.MONO_DEPTH, reader, OneAnswer(), CORRECTED)
    of_the_last = 0.5 * 0.5
    assert published.mean["median"]["abs_rel"] == pytest.approx(112 / (392 * 2 + 112) * of_the_last)
    assert corrected.mean["median"]["abs_rel"] == pytest.approx(of_the_last / 3)


def test_published_video_depth_of_a_whole_dataset_is_z_in_the_first_camera(tmp_path):
    """All cameras of this answer look ahead from z = 0, so z is the depth; one that walks ahead makes it another."""

    class Walks(OneAnswer):
        def __call__(self, images):
            clip = super().__call__(images)
            clip.camera_from_world[:, 2, 3] = -np.arange(len(images))  # a unit ahead with every frame
            return clip

    write_dycheck(tmp_path, "apple", _flat([2.0, 3.0, 4.0]))
    reader = open_dataset("dycheck", tmp_path, Task.VIDEO_DEPTH)
    published = evaluate(Task.VIDEO_DEPTH, reader, Walks(), PAPER, ["apple"])
    corrected = evaluate(Task.VIDEO_DEPTH, reader, Walks(), CORRECTED)
    assert published.mean["metric"]["abs_rel"] == pytest.approx(0, abs=1e-6)
    assert corrected.mean["metric"]["abs_rel"] == pytest.approx((0 + 1 / 3 + 1 / 2) / 3)


def test_published_sintel_depth_is_clipped_at_70_and_true_depth_from_there_on_is_not_scored(tmp_path):
    frames = film(2, 28, 28, seed=4)
    depth = np.full((28, 28), 60.0)
    depth[0] = 700
    depth[1:14] = 1.5
    write_sintel(tmp_path, "alley_2", [replace(frame, depth=depth) for frame in frames])
    reader = open_dataset("sintel", tmp_path, Task.MONO_DEPTH)
    # Median of 13 rows of 1.5 and 14 of 60: 60. All that is 2 becomes 60.
    figures = evaluate(Task.MONO_DEPTH, reader, OneAnswer(), PAPER).mean["median"]
    assert figures["rmse"] == pytest.approx(np.sqrt(13 / 27) * 58.5, rel=1e-5)

    class Split(OneAnswer):
        def __call__(self, images):
            clip = super().__call__(images)
            clip.depth[:, : clip.depth.shape[1] // 4] = 200
            return clip

    # 6 of the 27 rows that are scored are 6000 before they are clipped, all others 60.
    linear = replace(PAPER, enlarged_cubic=False)
    clipped = evaluate(Task.MONO_DEPTH, reader, Split(), linear).mean["median"]["rmse"]
    assert clipped == pytest.approx(np.sqrt((6 * 68.5**2 + 7 * 58.5**2) / 27), rel=1e-5)
    assert evaluate(Task.MONO_DEPTH, reader, Split(), CORRECTED).mean["median"]["rmse"] > 1000


def test_pictures_are_square_as_published_and_in_their_aspect_as_corrected(sintel):
    reader = open_dataset("sintel", sintel, Task.POSE)
    for rules, shape in ((PAPER, (5, 56, 56)), (CORRECTED, (5, 42, 56))):
        predictor = OneAnswer()
        evaluate(Task.POSE, reader, predictor, rules, ["alley_2"])
        assert predictor.shapes == [shape]


def test_every_sequence_has_its_picture(sintel, tmp_path):
    kinds = {Task.POSE: PathDrawing, Task.VIDEO_DEPTH: ErrorMapDrawing, Task.MONO_DEPTH: ErrorMapDrawing}
    for task, kind in kinds.items():
        seen = []
        oracle = Oracle(list(FILMS.values()), depth_factor=1.2)
        evaluate(task, open_dataset("sintel", sintel, task), oracle, CORRECTED, seen=lambda *b, to=seen: to.append(b))
        drawings = {score.name: drawing for score, drawing in seen}
        assert set(drawings) == set(FILMS)
        for name, drawing in drawings.items():
            assert isinstance(drawing, kind)
            draw(drawing, name, tmp_path / "picture.png")
            assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
        if kind is ErrorMapDrawing:
            assert drawings["alley_2"].errors.shape == (4, 48, 64)
            assert np.nanmax(drawings["alley_2"].errors) < 1e-4  # aligned
        else:
            np.testing.assert_allclose(drawings["alley_2"].aligned, drawings["alley_2"].truth, atol=1e-6)


def test_json_holds_all_of_it(sintel, tmp_path):
    scores = evaluate(Task.MOTION, open_dataset("sintel", sintel, Task.MOTION), Oracle(list(FILMS.values())), CORRECTED)
    write_json(scores, tmp_path / "scores.json")
    said = json.loads((tmp_path / "scores.json").read_text())
    assert (said["task"], said["dataset"], said["protocol"]) == ("motion", "sintel", "corrected")
    assert said["rules"]["stretched"] is False
    assert [sequence["name"] for sequence in said["sequences"]] == list(FILMS)
    assert said["mean"]["none"]["j"] == 1
    assert said["failed"] == []


def test_who_does_not_know_motion_is_not_asked_for_it(sintel):
    reader = open_dataset("sintel", sintel, Task.MOTION)
    with pytest.raises(BadInput, match="does not say what moves"):
        evaluate(Task.MOTION, reader, OneAnswer(knows_motion=False), CORRECTED)


def test_wrong_names_are_answered_with_right_ones(sintel):
    with pytest.raises(BadInput, match="'imagenet' can't be scored on") as caught:
        open_dataset("imagenet", sintel, Task.POSE)
    assert "sintel" in caught.value.hint
    with pytest.raises(BadInput, match="kitti has no truth for pose"):
        open_dataset("kitti", sintel, Task.POSE)
    with pytest.raises(BadInput, match="no sequence 'alley_1' there") as caught:
        evaluate(Task.POSE, open_dataset("sintel", sintel, Task.POSE), OneAnswer(), CORRECTED, ["alley_1"])
    assert "alley_2" in caught.value.hint
