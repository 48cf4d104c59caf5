"""The two protocols hold what MODEL_SPEC section 6 says, and what is corrected of it."""

import pytest

from model_server.scoring.rules import CORRECTED, PAPER, Alignment, ProtocolName, Task


def test_published_video_depth_looks_at_the_first_120_frames_and_corrected_at_every_kth():
    assert PAPER.frames(Task.VIDEO_DEPTH, "dycheck", 300) == range(120)
    assert CORRECTED.frames(Task.VIDEO_DEPTH, "dycheck", 300) == range(0, 300, 3)
    for rules in (PAPER, CORRECTED):
        assert rules.frames(Task.VIDEO_DEPTH, "sintel", 50) == range(50)


def test_published_poses_are_of_all_frames_but_every_tenth_of_dycheck():
    assert PAPER.frames(Task.POSE, "tum", 400) == range(400)
    assert PAPER.frames(Task.POSE, "dycheck", 400) == range(0, 400, 10)


@pytest.mark.parametrize("count", [1, 119, 120, 121, 240, 241, 1000])
def test_no_more_than_120_frames_are_looked_at_together_and_they_go_to_the_end(count):
    frames = CORRECTED.frames(Task.POSE, "dycheck", count)
    assert len(frames) <= 120
    assert frames[0] == 0
    assert frames[-1] > count - 1 - frames.step


@pytest.mark.parametrize("rules", [PAPER, CORRECTED], ids=list(ProtocolName))
def test_every_image_has_its_monocular_depth(rules):
    assert rules.frames(Task.MONO_DEPTH, "dycheck", 500) == range(500)


def test_published_lists_of_sequences():
    sintel = PAPER.of(Task.POSE, "sintel").sequences
    assert len(sintel) == 14
    assert {"alley_2", "temple_3"} < set(sintel)
    assert "bamboo_1" not in sintel
    assert len(PAPER.of(Task.VIDEO_DEPTH, "bonn").sequences) == 5
    assert len(PAPER.of(Task.MONO_DEPTH, "dycheck").sequences) == 13
    assert PAPER.of(Task.VIDEO_DEPTH, "sintel").skipped == ("market_5",)
    assert PAPER.of(Task.MONO_DEPTH, "sintel").skipped == ()


def test_published_depth_ends_at_70_where_it_does():
    ends = {
        (task, name): (PAPER.of(task, name).farthest, PAPER.of(task, name).clipped_at)
        for task in (Task.VIDEO_DEPTH, Task.MONO_DEPTH)
        for name in ("sintel", "bonn", "dycheck", "kitti")
    }
    assert ends == {
        (Task.VIDEO_DEPTH, "sintel"): (70, 70),
        (Task.VIDEO_DEPTH, "bonn"): (70, None),
        (Task.VIDEO_DEPTH, "dycheck"): (70, None),
        (Task.VIDEO_DEPTH, "kitti"): (None, None),
        (Task.MONO_DEPTH, "sintel"): (70, 70),
        (Task.MONO_DEPTH, "bonn"): (70, None),
        (Task.MONO_DEPTH, "dycheck"): (None, None),
        (Task.MONO_DEPTH, "kitti"): (None, None),
    }


def test_nothing_is_dropped_or_clipped_in_the_corrected_protocol():
    for task in Task:
        for name in ("sintel", "tum", "bonn", "dycheck", "kitti", "davis", "synthetic"):
            taken = CORRECTED.of(task, name)
            assert (taken.sequences, taken.skipped, taken.clipped_at) == (None, (), None)


def test_alignments():
    assert PAPER.alignments[Task.MONO_DEPTH] == (Alignment.MEDIAN,)
    assert PAPER.alignments[Task.VIDEO_DEPTH][0] is Alignment.SCALE
    assert Alignment.MEDIAN not in PAPER.alignments[Task.VIDEO_DEPTH]
    assert set(CORRECTED.alignments[Task.VIDEO_DEPTH]) == set(Alignment)
