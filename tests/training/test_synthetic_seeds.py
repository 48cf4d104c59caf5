"""A seed gives one clip wherever it is drawn; what is held out is nowhere in training."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from model_server.errors import BadInput
from model_server.training.synthetic.compose import compose
from model_server.training.synthetic.draw import SceneSettings, Split, draw_clips, seeds_of, split_of
from model_server.training.synthetic.render import render
from model_server.training.synthetic.scene import FACE_COUNT, batched
from model_server.training.synthetic.textures import LEVELS, TILE, atlas, tiles_of

SMALL = SceneSettings(frames=3, width=32, height=24)


def _tensors(clip):
    return {field.name: value for field in fields(clip) if isinstance(value := getattr(clip, field.name), torch.Tensor)}


def test_a_seed_gives_the_same_clip_alone_and_in_a_batch():
    together = draw_clips([5, 6, 7], SMALL)
    for place, seed in enumerate((5, 6, 7)):
        alone = draw_clips([seed], SMALL)[0]
        for name, value in _tensors(alone).items():
            assert torch.equal(value, getattr(together[place], name)), name
    assert not torch.equal(together[0].images, together[1].images)


def test_scenes_drawn_at_once_look_as_they_do_alone():
    """As a graphics card draws them, many at a time, of differing numbers of solids."""
    scenes = [compose(seed, SMALL) for seed in range(4)]
    together = render(batched(scenes), SMALL)
    for place, scene in enumerate(scenes):
        alone = render(batched([scene]), SMALL)
        for name, value in _tensors(alone).items():
            off = (value[0].float() - getattr(together, name)[place].float()).abs()
            assert float((off > 2e-3).float().mean()) < 2e-3, name


def test_more_frames_or_pixels_are_drawn_at_any_size():
    clip = draw_clips([1], SceneSettings(frames=2, width=37, height=22, color_samples=1))
    assert clip.images.shape == (1, 2, 3, 22, 37)
    assert clip.flow.shape == (1, 1, 22, 37, 2)
    assert float(clip.intrinsics[0, 0, 0, 2]) == 18.5


def test_seeds_of_training_and_held_out_ones_are_apart():
    training, held_out = seeds_of(Split.TRAIN, 0, 1000), seeds_of(Split.HELD_OUT, 0, 1000)
    assert not set(training) & set(held_out)
    assert all(split_of(seed) is Split.TRAIN for seed in training)
    assert all(split_of(seed) is Split.HELD_OUT for seed in held_out)
    with pytest.raises(BadInput):
        draw_clips(held_out[:1], SMALL)
    with pytest.raises(BadInput):
        seeds_of(Split.TRAIN, held_out[0] - 3, 10)
    with pytest.raises(BadInput):
        seeds_of(Split.TRAIN, -1, 10)


def test_textures_of_training_and_held_out_ones_are_apart():
    training, held_out = tiles_of(Split.TRAIN).all(), tiles_of(Split.HELD_OUT).all()
    assert not set(training) & set(held_out)
    texels = sum((TILE >> level) ** 2 for level in range(LEVELS))
    table = atlas("cpu").reshape(3, -1, texels)[:, :, : TILE * TILE].numpy()
    assert sorted(training + held_out) == list(range(table.shape[1]))
    flat = table.transpose(1, 0, 2).reshape(table.shape[1], -1)
    likeness = np.corrcoef(flat)[np.ix_(training, held_out)]
    assert likeness.max() < 0.95
    assert len(np.unique(flat, axis=0)) == len(flat)


@pytest.mark.parametrize("split", list(Split))
def test_a_scene_shows_the_textures_of_its_split_only(split):
    settings = SceneSettings(frames=2, width=32, height=24, textures=split)
    allowed = set(tiles_of(split).all())
    for seed in seeds_of(split, 0, 6):
        scene = compose(seed, settings)
        assert len(scene.tiles) == FACE_COUNT + len(scene.kinds)
        assert {*scene.tiles.tolist(), int(scene.sky_tile)} <= allowed


def test_a_share_of_the_clips_is_still():
    settings = SceneSettings(frames=2, width=32, height=24, moving_share=0.5)
    still = [not compose(seed, settings).moves.any() for seed in range(24)]
    assert 4 < sum(still) < 20


@pytest.mark.parametrize("wrong", [{"frames": 1}, {"width": 4}, {"moving_share": 1.5}, {"color_samples": 0}])
def test_settings_that_cannot_be_drawn_are_refused(wrong):
    with pytest.raises(BadInput):
        SceneSettings(**wrong)


def test_no_seeds_are_refused():
    with pytest.raises(BadInput):
        draw_clips([], SMALL)


def _paths(travel):
    """Where the cameras of a few scenes are, (N, T, 3), and half of their places, (N, 3)."""
    scenes = [compose(seed, SceneSettings(moving_share=0.0, travel=travel)) for seed in range(12)]
    poses = torch.stack([scene.camera_from_world for scene in scenes])
    centers = -(poses[..., :3].transpose(-1, -2) @ poses[..., 3:])[..., 0]
    return centers, torch.stack([scene.sizes[0] for scene in scenes])


def test_cameras_go_farther_when_they_are_asked_to_and_stay_inside():
    (near, _), (far, half) = _paths(1.0), _paths(4.0)
    assert (far[..., [0, 2]].abs().amax(1) < half[:, [0, 2]]).all()
    went, goes = ((path.amax(1) - path.amin(1)).norm(dim=1).median() for path in (near, far))
    assert goes > 2 * went
