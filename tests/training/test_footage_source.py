"""Batches of footage: deterministic, of one shape, from all datasets, true to their cameras."""

import pickle

import numpy as np
import pytest
import torch
from filmed_scene import film
from scoring_folders import write_sintel
from training_folders import write_co3d, write_kubric, write_waymo

from model_server.errors import BadInput
from model_server.training.footage_source import DatasetSettings, FootageSettings, FootageSource, trusted_depth
from model_server.training.sampling import ShapeLimits

CAMERA = np.array([[60.0, 0, 32], [0, 60, 24], [0, 0, 1]])
SHAPES = ShapeLimits(width=42, least_frames=2, most_frames=4, least_aspect=0.5)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("footage")
    write_kubric(root / "kubric", "scene_0001", film(6, intrinsics=CAMERA, seed=1))
    write_kubric(root / "kubric", "scene_0002", film(5, intrinsics=CAMERA, seed=2))
    write_co3d(root / "co3d", "apple", {"110_1_2": film(4, seed=3)})
    write_waymo(root / "waymo", "segment-1", film(6, seed=4))
    write_sintel(root / "sintel", "alley_2", film(6, seed=5))
    return root


def _source(root, names=("kubric", "co3d", "waymo"), seed=3, **settings):
    datasets = tuple(DatasetSettings(name, root / name) for name in names)
    return FootageSource(FootageSettings(datasets, SHAPES, **settings), seed)


def _same(first, second):
    return all(
        torch.equal(getattr(first, name), getattr(second, name))
        for name in ("images", "depth", "valid", "camera_from_world", "intrinsics")
    )


def test_a_batch_has_one_shape_and_all_that_a_clip_has(root):
    for step in range(8):
        clip = _source(root).batch(step, 3, 0, 1)
        clips, frames, _, height, width = clip.images.shape
        assert (clips, width) == (3, 42)
        assert 2 <= frames <= 4
        assert 14 <= height <= 42
        assert height % 14 == 0
        assert clip.depth.shape == clip.valid.shape == (clips, frames, height, width)
        assert clip.camera_from_world.shape == (clips, frames, 4, 4)
        assert clip.intrinsics.shape == (clips, frames, 3, 3)
        assert {tensor.dtype for tensor in (clip.images, clip.depth, clip.intrinsics)} == {torch.float32}
        assert (clip.valid == (clip.depth > 0)).all()
        assert clip.images.min() >= 0
        assert clip.images.max() <= 1


def test_a_step_gives_the_same_batch_again_and_others_give_others(root):
    source = _source(root)
    assert _same(source.batch(4, 2, 0, 1), source.batch(4, 2, 0, 1))
    assert _same(source.batch(4, 2, 0, 1), pickle.loads(pickle.dumps(source)).batch(4, 2, 0, 1))
    names = {source.batch(step, 2, 0, 1).name for step in range(10)} | {_source(root, seed=4).batch(4, 2, 0, 1).name}
    assert len(names) > 8


def test_two_processes_see_what_one_would(root):
    source = _source(root)
    whole = source.batch(5, 4, 0, 1)
    parts = [source.batch(5, 2, rank, 2) for rank in range(2)]
    assert _same(parts[0], whole[:2])
    assert _same(parts[1], whole[2:])


def test_datasets_are_drawn_by_their_weights(root):
    datasets = (DatasetSettings("kubric", root / "kubric", 3.0), DatasetSettings("co3d", root / "co3d", 1.0))
    source = FootageSource(FootageSettings(datasets, ShapeLimits(14, 2, 2, 1.0, 1.0)), 0)
    names = [name for step in range(20) for name in source.batch(step, 10, 0, 1).name.split(", ")]
    assert np.mean([name.startswith("kubric") for name in names]) == pytest.approx(0.75, abs=0.1)


def test_a_batch_is_filled_with_images_where_that_is_asked_for(root):
    for step in range(6):
        clips, frames = _source(root, max_images=9).batch(step, 1, 0, 1).images.shape[:2]
        assert clips == 9 // frames


def test_without_augmentation_colors_and_lens_are_the_datasets_own(root):
    clip = _source(root, ("kubric",), augment=False).batch(0, 4, 0, 1)
    assert torch.equal(clip.intrinsics, clip.intrinsics[:1, :1].expand_as(clip.intrinsics))
    augmented = _source(root, ("kubric",)).batch(0, 4, 0, 1)
    assert not torch.equal(augmented.intrinsics, augmented.intrinsics[:1, :1].expand_as(augmented.intrinsics))
    assert augmented.name == clip.name


def test_points_of_one_frame_are_seen_in_the_next_at_their_depth(root):
    """Through crops of other places and sizes in each frame."""
    agreed = []
    for step in range(12):
        clip = _source(root, ("kubric",)).batch(step, 1, 0, 1)[0]
        height, width = clip.depth.shape[1:]
        y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
        rays = torch.stack([x, y, torch.ones_like(x)], -1)[clip.valid[0]] @ torch.linalg.inv(clip.intrinsics[0]).T
        points = torch.cat([rays * clip.depth[0][clip.valid[0]][:, None], torch.ones(len(rays), 1)], dim=1)
        moved = points @ (clip.camera_from_world[1] @ torch.linalg.inv(clip.camera_from_world[0])).T
        pixels = moved[:, :3] @ clip.intrinsics[1].T
        column, row = (pixels[:, :2] / pixels[:, 2:]).floor().long().unbind(1)
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        there = clip.depth[1][row[inside], column[inside]]
        agreed.append(((moved[inside, 2] / there - 1).abs()[there > 0] < 0.03).float().mean())
    assert np.median(agreed) > 0.8, "the rest is at edges, which are many in so small a picture, or moves"


def test_other_footage_can_be_looked_at(root):
    clip = _source(root, ("sintel",), augment=False).batch(0, 2, 0, 1)
    assert clip.images.shape[0] == 2
    assert "sintel alley_2" in clip.name


def test_depths_outside_of_the_percentiles_are_not_trusted():
    depth = np.arange(0, 101, dtype=np.float32).reshape(1, 101)  # 0 is unknown, known are 1 .. 100
    assert np.count_nonzero(trusted_depth(depth, (0, 100))) == 100
    kept = trusted_depth(depth, (1, 98))
    assert (kept[kept > 0].min(), kept.max()) == (2, 98)
    assert not trusted_depth(np.zeros((2, 2), np.float32), (1, 98)).any()


def test_footage_that_is_not_there_or_too_short_is_named(root, tmp_path):
    with pytest.raises(BadInput, match="does not exist"):
        _source(tmp_path, ("waymo",)).batch(0, 1, 0, 1)
    write_kubric(tmp_path / "kubric", "scene_0001", film(1, intrinsics=CAMERA, seed=1))
    with pytest.raises(BadInput, match=r"no sequence of kubric in .* is long enough"):
        _source(tmp_path, ("kubric",)).batch(0, 1, 0, 1)


def test_settings_that_make_no_batch_are_refused(root):
    with pytest.raises(BadInput):
        FootageSettings(())
    with pytest.raises(BadInput):
        DatasetSettings("kubric", root, 0.0)
    with pytest.raises(BadInput):
        _source(root, max_images=-1)
