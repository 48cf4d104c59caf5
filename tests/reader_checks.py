"""What must hold for the reader of any dataset, whoever wrote the folder."""

import shutil

import numpy as np
import pytest

from model_server.errors import BadInput
from model_server.training.readers import reader_named


def check_sequence(reader, sequence, filmed, *, depth_step=1e-6, image_step=0, relative_depth=0.0, least_known=0.9):
    """Images, depth, lens and cameras are those of the film; its depths agree with its cameras from frame to frame."""
    frames = [reader.frame(sequence, index) for index in range(len(filmed))]
    for frame, truth in zip(frames, filmed):
        assert frame.image.dtype == np.uint8
        assert np.abs(frame.image.astype(int) - truth.image).max() <= image_step
        known = frame.depth > 0
        assert frame.depth.dtype == np.float32
        assert known.mean() > least_known
        limit = depth_step + relative_depth * truth.depth[known]
        assert (np.abs(frame.depth[known] - truth.depth[known]) <= limit).all()
        np.testing.assert_allclose(frame.intrinsics, truth.intrinsics, atol=1e-4)
    first, true_first = frames[0].camera_from_world, filmed[0].camera_from_world
    for frame, truth in zip(frames, filmed):
        camera_from_first = frame.camera_from_world @ np.linalg.inv(first)
        np.testing.assert_allclose(camera_from_first, truth.camera_from_world @ np.linalg.inv(true_first), atol=1e-5)
    for i, j in [(0, len(frames) - 1), (len(frames) - 1, 0)]:
        # The rest is hidden in the other frame, or at an edge there.
        assert _agreement(frames[i], frames[j], ~filmed[i].moving, ~filmed[j].moving) > 0.85


def _agreement(frame, other, still, still_there):
    """Share of still pixels whose place in the other frame is still as well and has the depth that they have there."""
    height, width = frame.depth.shape
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    rays = np.stack([x, y, np.ones_like(x)], -1)[still & (frame.depth > 0)] @ np.linalg.inv(frame.intrinsics).T
    points = np.column_stack([rays * frame.depth[still & (frame.depth > 0)][:, None], np.ones(len(rays))])
    moved = points @ (other.camera_from_world @ np.linalg.inv(frame.camera_from_world)).T
    pixels = moved[:, :3] @ other.intrinsics.T
    column, row = np.floor(pixels[:, :2] / pixels[:, 2:]).astype(int).T
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height) & (moved[:, 2] > 0)
    assert inside.mean() > 0.5
    there = np.where(still_there, other.depth, 0)[row[inside], column[inside]]
    known = there > 0
    assert known.sum() > 20
    return (np.abs(moved[inside, 2][known] / there[known] - 1) < 0.03).mean()


def check_missing(name, root, path):
    """Without this file or folder, opening the dataset or reading all of it fails with one line that names it."""
    gone = root / path
    assert gone.exists(), "the test takes away what is not there"
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    with pytest.raises(BadInput) as caught:
        _read_all(name, root)
    assert "\n" not in caught.value.message
    assert path in caught.value.message
    assert caught.value.hint


def _read_all(name, root):
    reader = reader_named(name, root)
    for sequence in reader.sequences:
        for index in range(sequence.frame_count):
            reader.frame(sequence.name, index)
