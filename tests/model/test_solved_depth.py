"""The network's depth comes out on the undistorted image, in the solve's unit, of still and of moving things."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from solved_room import PIXELS, true_solution
from synthetic import synthetic_clip
from tolerances import NETWORK_MOVING_DEPTH, NETWORK_STILL_DEPTH

from model_server.engines.page4d import solved_depth as module
from model_server.engines.page4d.solved_depth import solved_depth
from model_server.geometry.cameras import pixel_centers
from model_server.geometry.lens import Distortion, undistort_pixels
from model_server.geometry.plate_area import plate_area
from model_server.geometry.shot import DepthMaps, Geometry, SolveMode
from model_server.geometry.tripod_sphere import RADIUS

UNIT = 0.37  # the network's, in the solve's
LENSES = {"pinhole": Distortion(), "barrel": Distortion(k1=-0.12), "pincushion": Distortion(k1=0.08)}


@pytest.fixture(scope="module")
def clip():
    return synthetic_clip(frames=6)


def _geometry(clip, lens, depth=None):
    """What the network sees: the true depth, as the lens bends it, in a unit of its own."""
    height, width = clip.depth.shape[1:]
    straight = undistort_pixels(pixel_centers(width, height), clip.intrinsics, lens).astype(np.float32) - 0.5
    x, y = np.moveaxis(straight, -1, 0)
    depth = clip.depth if depth is None else depth
    seen = [cv2.remap(frame, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE) for frame in depth]
    maps = np.stack(seen).astype(np.float32) * np.float32(UNIT)
    return Geometry(depth=maps, confidence=np.full(maps.shape, 0.8, np.float16))


def _solved(clip, geometry, solution):
    return solved_depth(clip.images, PIXELS, geometry, solution, lambda done: None)


@pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES)
def test_depth_is_true_on_the_undistorted_image_and_unknown_off_the_plate(clip, lens):
    solution = true_solution(clip, lens=lens)
    found = _solved(clip, _geometry(clip, lens), solution)
    height, width = clip.depth.shape[1:]
    shown = plate_area(width, height, PIXELS, clip.intrinsics, lens)
    relative = np.abs(found.depth / clip.depth - 1)
    # The rims of things may lie a pixel off: resampled twice.
    moving = np.stack([cv2.erode(mask.astype(np.uint8), np.ones((5, 5))) for mask in clip.moving]) > 0
    still = np.stack([cv2.dilate(mask.astype(np.uint8), np.ones((5, 5))) for mask in clip.moving]) == 0
    assert relative[still & shown].mean() <= NETWORK_STILL_DEPTH
    assert relative[moving & shown].mean() <= NETWORK_MOVING_DEPTH
    assert not found.depth[:, ~shown].any()
    assert not found.confidence[:, ~shown].any()
    inside = cv2.erode(shown.astype(np.uint8), np.ones((5, 5))) > 0
    assert found.confidence[:, inside] == pytest.approx(0.8, abs=1e-3)
    assert found.knows_moving


def test_frames_without_a_camera_have_depth_too(clip):
    solution = true_solution(clip)
    lost = solution.observations[:, 1] != 3
    poses = solution.camera_from_world.copy()
    poses[3] = np.nan
    solution = replace(solution, camera_from_world=poses, observations=solution.observations[lost])
    found = _solved(clip, _geometry(clip, Distortion()), solution)
    assert np.abs(found.depth[3] / clip.depth[3] - 1).mean() <= NETWORK_STILL_DEPTH


def test_what_the_network_does_not_know_stays_unknown(clip):
    geometry = _geometry(clip, Distortion())
    geometry.depth[:, :40] = 0
    found = _solved(clip, geometry, true_solution(clip))
    assert not found.depth[:, :40].any()
    assert not found.confidence[:, :40].any()
    assert (found.depth[:, 40:] > 0).all()


def test_depth_that_misses_the_points_counts_as_a_guess(clip):
    """Otherwise its errors would be taken for motion."""
    noise = np.exp(np.random.default_rng(0).normal(0, 0.2, clip.depth.shape)).astype(np.float32)
    found = _solved(clip, _geometry(clip, Distortion(), clip.depth * noise), true_solution(clip))
    assert (found.depth > 0).all()
    assert (found.confidence < 0.5).all()
    assert "a guess" in found.notes[0]


def test_depth_that_is_not_this_scene_gives_way_to_stereo_and_this_is_said(clip, monkeypatch):
    stereo = DepthMaps(np.ones_like(clip.depth), np.ones(clip.depth.shape, np.float16))
    monkeypatch.setattr(module, "dense_depth", lambda *arguments: stereo)
    noise = np.exp(np.random.default_rng(0).normal(0, 1.5, clip.depth.shape)).astype(np.float32)
    found = _solved(clip, _geometry(clip, Distortion(), noise), true_solution(clip))
    assert found.depth is stereo.depth
    assert not found.knows_moving
    assert "stereo" in found.notes[0]


def test_a_tripods_depth_is_the_sphere_and_this_is_said(clip):
    solution = replace(true_solution(clip), mode=SolveMode.TRIPOD)
    found = _solved(clip, _geometry(clip, Distortion()), solution)
    height, width = clip.depth.shape[1:]
    centers = pixel_centers(width, height)
    rays = np.dstack([(centers - clip.intrinsics[:2, 2]) / clip.intrinsics[[0, 1], [0, 1]], np.ones((height, width))])
    assert np.allclose(np.linalg.norm(rays * found.depth[0][..., None], axis=-1), RADIUS, rtol=1e-4)
    assert not found.confidence.any()
    assert "one place" in found.notes[0]
