"""Depth, cameras, flow and masks of synthetic clips agree with each other and with a plain ray at a time."""

import numpy as np
import pytest
import torch
from plain_rays import nearest

from model_server.training.synthetic.camera_paths import CameraMove
from model_server.training.synthetic.compose import camera_move_of, compose
from model_server.training.synthetic.draw import SceneSettings, draw_clips
from model_server.training.synthetic.render import render
from model_server.training.synthetic.scene import Kind, batched

MOVING = SceneSettings(frames=4, width=60, height=45)
STILL = SceneSettings(frames=4, width=60, height=45, moving_share=0.0)
SEEDS = list(range(30))


@pytest.fixture(scope="module")
def moving():
    return draw_clips(SEEDS, MOVING)


@pytest.fixture(scope="module")
def still():
    return draw_clips(SEEDS, STILL)


def _points(clip, frame):
    """World points (H, W, 3) of a frame's pixels."""
    height, width = clip.depth.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    k, camera = clip.intrinsics[frame].double(), clip.camera_from_world[frame].double()
    rays = torch.stack([(x - k[0, 2]) / k[0, 0], (y - k[1, 2]) / k[1, 1], torch.ones_like(x)], -1).double()
    return (rays * clip.depth[frame, ..., None] - camera[:3, 3]) @ camera[:3, :3]


def _projected(clip, points, frame):
    """Where world points are in a frame, (H, W, 2) pixels, and their depth there."""
    camera, k = clip.camera_from_world[frame].double(), clip.intrinsics[frame].double()
    seen = points @ camera[:3, :3].T + camera[:3, 3]
    z = seen[..., 2]
    return torch.stack([seen[..., 0] / z * k[0, 0] + k[0, 2], seen[..., 1] / z * k[1, 1] + k[1, 2]], -1), z


def _looked_up(picture, places):
    """Nearest pixels of (..., H, W) at (N, 2), and which are inside."""
    height, width = picture.shape[-2:]
    column, row = places[:, 0].floor().long(), places[:, 1].floor().long()
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    return picture[..., row.clamp(0, height - 1), column.clamp(0, width - 1)], inside


def test_still_pixels_are_found_again_in_other_frames(still):
    """Depth fits where nothing hides the place, and the pictures look alike there."""
    fits, likeness = [], []
    for number in range(len(SEEDS)):
        clip = still[number]
        there, z = _projected(clip, _points(clip, 0), 3)
        known = clip.valid[0] & (z > 0.1)
        depth, inside = _looked_up(clip.depth[3], there[known])
        hidden = z[known] > depth * 1.03 + 0.03
        counted = inside & ~hidden & (depth > 0)
        if counted.sum() < 200:
            continue
        fits.append(float(((z[known] - depth)[counted].abs() < 0.05 * depth[counted] + 0.02).float().mean()))
        colors, _ = _looked_up(clip.images[3], there[known])
        here = clip.images[0][:, known]
        likeness.append(np.corrcoef(here[:, counted].flatten(), colors[:, counted].flatten())[0, 1])
    assert len(fits) > 20
    assert np.median(fits) > 0.97
    assert np.median(likeness) > 0.85


def test_flow_of_still_pixels_is_that_of_depth_and_cameras(moving, still):
    for clips in (moving, still):
        for number in range(len(SEEDS)):
            clip = clips[number]
            height, width = clip.depth.shape[-2:]
            y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
            for frame in range(3):
                there, z = _projected(clip, _points(clip, frame), frame + 1)
                counted = clip.valid[frame] & ~clip.moving[frame] & (z > 0.3)
                off = (clip.flow[frame] - (there - torch.stack([x, y], -1)))[counted]
                assert not len(off) or float(off.abs().max()) < 0.02


def test_depth_solid_and_flow_are_those_of_a_plain_ray():
    """Also of what moves and changes its shape."""
    random = np.random.default_rng(0)
    differing, counted = 0, 0
    for seed in range(6):
        scene = compose(seed, MOVING)
        clip = render(batched([scene]), MOVING)[0]
        for _ in range(60):
            frame, row, column = int(random.integers(3)), int(random.integers(45)), int(random.integers(60))
            if random.random() < 0.5 and clip.moving[frame].any():
                row, column = random.choice(torch.nonzero(clip.moving[frame]).numpy())
            camera = clip.camera_from_world[frame].double().numpy()
            k = clip.intrinsics[frame].double().numpy()
            ray = camera[:3, :3].T @ [(column + 0.5 - k[0, 2]) / k[0, 0], (row + 0.5 - k[1, 2]) / k[1, 1], 1.0]
            t, solid, local = nearest(scene, frame * MOVING.color_samples, -camera[:3, :3].T @ camera[:3, 3], ray)
            counted += 1
            if solid == 0 and not clip.valid[frame, row, column]:
                continue
            if abs(t - float(clip.depth[frame, row, column])) > 1e-3 * t:
                differing += 1
                continue
            assert bool(scene.moves[solid]) == bool(clip.moving[frame, row, column])
            matrix = scene.world_from_local[(frame + 1) * MOVING.color_samples, solid].double().numpy()
            following = clip.camera_from_world[frame + 1].double().numpy()
            x, y, z = following[:3, :3] @ (matrix[:, :3] @ local + matrix[:, 3]) + following[:3, 3]
            focal = float(clip.intrinsics[frame + 1, 0, 0])
            if z > 0.2:
                true = [focal * x / z + 30 - column - 0.5, focal * y / z + 22.5 - row - 0.5]
                np.testing.assert_allclose(clip.flow[frame, row, column], true, atol=0.02, rtol=2e-3)
    # Single precision may take a ray that grazes an edge either way.
    assert counted > 300
    assert differing < 4


def test_nothing_moves_in_still_scenes(still):
    assert not still.moving.any()
    for seed in SEEDS[:8]:
        scene = compose(seed, STILL)
        assert not scene.moves.any()
        assert (scene.world_from_local == scene.world_from_local[:1]).all()


def test_something_moves_in_moving_scenes_and_is_seen(moving):
    shares = moving.moving.float().mean((2, 3))
    assert ((shares > 0.02).float().mean(1) >= 0.5).float().mean() > 0.95
    assert 0.03 < float(shares.mean()) < 0.4


def test_masked_pixels_go_another_way_than_the_camera_moves_them(moving):
    """But for places that happen to rest, like a foot on the floor."""
    differing = []
    for number in range(len(SEEDS)):
        clip = moving[number]
        for frame in range(3):
            there, z = _projected(clip, _points(clip, frame), frame + 1)
            height, width = clip.depth.shape[-2:]
            y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
            off = (clip.flow[frame] - (there - torch.stack([x, y], -1))).norm(dim=-1)
            differing.append(off[clip.moving[frame] & (z > 0.3)])
    differing = torch.cat(differing)
    assert len(differing) > 5000
    assert float((differing > 0.05).float().mean()) > 0.93
    assert float(differing.median()) > 0.5


def test_all_is_finite_and_the_sky_has_no_depth(moving, still):
    for clips in (moving, still):
        for values in (clips.images, clips.depth, clips.flow, clips.camera_from_world, clips.intrinsics):
            assert torch.isfinite(values).all()
        assert ((clips.images >= 0) & (clips.images <= 1)).all()
        assert (clips.valid == (clips.depth > 0)).all()
        assert not clips.moving[~clips.valid].any()
        assert 0 < float((~clips.valid).float().mean()) < 0.4
        # Neither black nor burnt out.
        levels = clips.images.mean((1, 2, 3, 4))
        assert ((levels > 0.1) & (levels < 0.9)).all()
        assert (clips.images.std((1, 2, 3, 4)) > 0.04).all()


def test_cameras_turn_without_stretching_and_look_where_people_do(moving):
    rotation = moving.camera_from_world[..., :3, :3]
    assert torch.allclose(rotation @ rotation.mT, torch.eye(3).expand_as(rotation), atol=1e-5)
    assert torch.allclose(torch.linalg.det(rotation), torch.ones(rotation.shape[:2]), atol=1e-5)
    places = -(rotation.mT @ moving.camera_from_world[..., :3, 3:])[..., 0]
    assert ((-places[..., 1] > 0.29) & (-places[..., 1] < 3.0)).all()
    widths = 2 * torch.rad2deg(torch.atan(30 / moving.intrinsics[:, :, 0, 0]))
    assert ((widths > 20) & (widths < 110)).all()


def test_the_focal_length_changes_in_zooms_only(moving):
    for number, seed in enumerate(SEEDS):
        focals = moving.intrinsics[number, :, 0, 0]
        zooms = camera_move_of(seed, MOVING) is CameraMove.ZOOM
        assert bool((focals.max() / focals.min() > 1.01) == zooms)
    moves = {camera_move_of(seed, MOVING) for seed in range(100)}
    assert moves == set(CameraMove)


def test_cameras_that_pan_or_rest_stay_where_they_are(moving):
    for number, seed in enumerate(SEEDS):
        matrices = moving.camera_from_world[number]
        places = -(matrices[:, :3, :3].mT @ matrices[:, :3, 3:])[..., 0]
        way = float((places - places[0]).norm(dim=-1).max())
        move = camera_move_of(seed, MOVING)
        if move in (CameraMove.PAN, CameraMove.STILL):
            assert way < 1e-5
        elif move is not CameraMove.ZOOM:
            assert way > 0.01


def test_scenes_hold_all_kinds_of_solids():
    kinds = torch.cat([compose(seed, MOVING).kinds for seed in range(8)])
    assert set(kinds.tolist()) == {int(kind) for kind in Kind}
