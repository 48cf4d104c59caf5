"""A focal length per frame is found with the cameras, and held where the camera moves along its view."""

import numpy as np
import pytest
from camera_errors import path_error
from tolerances import ZOOM_FOCAL, ZOOM_PATH
from track_scene import HEIGHT, WIDTH, track_scene, zooming

from model_server.geometry.triangulation import PointSightings, triangulate
from model_server.pipeline.zoom_adjustment import adjust_zoom
from model_server.pipeline.zoom_equations import Layout, Step, ZoomBundle

CENTER = np.array([WIDTH / 2, HEIGHT / 2])


def _sightings(scene):
    tracks = scene.tracks
    enough = np.bincount(tracks.track_ids)[tracks.track_ids] >= 3
    return PointSightings(
        tracks.frame_indices[enough], tracks.track_ids[enough], tracks.positions[enough].astype(np.float64)
    )


def _all_intrinsics(focals):
    return np.array([[[focal, 0, CENTER[0]], [0, focal, CENTER[1]], [0, 0, 1]] for focal in focals])


def _start(scene, seen, focals, poses):
    points = triangulate(seen, poses, _all_intrinsics(focals), scene.tracks.track_count)
    return ZoomBundle(poses, focals, 0.0, points)


def test_slopes_are_those_of_finite_differences():
    scene = track_scene(zoom=zooming(1.4))
    seen = _sightings(scene)
    poses = scene.camera_from_world
    truth = _start(scene, seen, scene.focals, poses)
    bundle = ZoomBundle(truth.camera_from_world, truth.focals, -0.1, truth.points)
    layout = Layout.of(bundle, seen, CENTER, lock_k1=False)
    equations = layout.equations(bundle, np.zeros((len(poses), len(poses))), 1e6)
    unit = 1e-6
    for column in (*range(12, 18), layout.focal_columns[4], len(equations.gradient) - 1):
        change = np.zeros(len(equations.gradient))
        change[column] = unit
        sides = []
        for sign in (1, -1):
            moved = layout.moved(bundle, Step(sign * change, np.zeros((len(layout.point_ids), 3))))
            sides.append((moved.errors(layout.sightings, CENTER) ** 2).sum() / 2)
        assert equations.gradient[column] == pytest.approx((sides[0] - sides[1]) / 2 / unit, rel=1e-4, abs=1e-2)


@pytest.mark.parametrize("forward", [0.0, 1.0])
def test_focal_lengths_and_cameras_are_the_truth(forward):
    scene = track_scene(zoom=zooming(1.5), forward=forward, noise_px=0.1)
    seen = _sightings(scene)
    random = np.random.default_rng(3)
    poses = scene.camera_from_world.copy()
    poses[1:, :3, 3] += random.normal(0, 0.01, (len(poses) - 1, 3))
    focals = scene.focals * np.exp(random.normal(0, 0.03, len(poses)))
    bundle = adjust_zoom(_start(scene, seen, focals, poses), seen, CENTER, lock_k1=True, iterations=30, loss_px=0.7)
    assert bundle.focals == pytest.approx(scene.focals, rel=ZOOM_FOCAL)
    assert path_error(bundle.camera_from_world, scene.camera_from_world) < ZOOM_PATH
