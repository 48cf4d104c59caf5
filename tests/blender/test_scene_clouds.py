"""The clouds show the right points at every frame, and the artist's inputs act without a new solve."""

from dataclasses import replace

import bpy
import make_package as made
import numpy as np
import pytest
from evaluated_scene import part, shown_counts, shown_points
from tolerances import SCENE_UNITS

from page4d_blender import compat
from page4d_blender.core.clouds import frame_cloud
from page4d_blender.core.look import ColorBy, Look, Wiring
from page4d_blender.core.package import open_package
from page4d_blender.scene.importer import build_scene


@pytest.fixture
def written(tmp_path):
    return made.write_synthetic_package(tmp_path / "shot.page4d", replace(made.WITH_GAPS, things=2))


def test_every_frame_shows_its_own_points_and_a_missing_one_those_before(scene, written):
    build_scene(open_package(written.folder), scene)
    for frame in range(1001, 1014):
        index = np.searchsorted(written.frame_numbers, frame, side="right") - 1
        assert shown_counts(scene, frame) == _expected(written, index), frame


def test_a_frame_without_camera_shows_no_points(scene, tmp_path):
    written = made.write_synthetic_package(tmp_path / "shot.page4d", replace(made.LANDSCAPE, unknown=(2,)))
    build_scene(open_package(written.folder), scene)
    assert set(shown_counts(scene, 1003)) == {"background"}
    assert shown_counts(scene, 1004) == _expected(written, 3)


def test_points_stand_where_they_were_solved(scene, written):
    package = open_package(written.folder)
    build_scene(package, scene)
    found = shown_points(scene, 1005)
    root = np.array(part(scene, "root").matrix_world)
    cloud = frame_cloud(package, 2)
    wanted = cloud.positions @ root[:3, :3].T + root[:3, 3]
    assert np.abs(found["frames"].positions - wanted[cloud.layers == 0]).max() < SCENE_UNITS
    assert np.abs(found["layer 2"].positions - wanted[cloud.layers == 2]).max() < SCENE_UNITS
    assert np.abs(_srgb(found["layer 1"].colors) - cloud.colors[cloud.layers == 1]).max() < 0.6


def test_points_just_cover_their_pixels(scene, written):
    build_scene(open_package(written.folder), scene)
    found = shown_points(scene, 1005)["frames"]
    depth = written.depth[2][(written.depth[2] > 0) & (written.layers[2] == 0)]
    pixel = depth * 2 / written.intrinsics[2, 0, 0]
    assert np.allclose(found.radii, pixel / np.sqrt(2), rtol=1e-4)  # up to its corners


def test_a_long_shot_is_thinned_to_fit_into_memory_and_says_so(scene, written, monkeypatch):
    monkeypatch.setattr("page4d_blender.core.clouds.SHOT_CAP", 5 * 700)
    report = build_scene(open_package(written.folder), scene)
    assert any("700 points" in warning for warning in report.warnings)
    counts = shown_counts(scene, 1003)
    assert sum(counts.values()) == 700 + counts["background"]
    assert report.points == 5 * 700 + counts["background"]


def test_without_moving_things_the_frames_hold_everything(scene, tmp_path):
    written = made.write_synthetic_package(tmp_path / "shot.page4d", replace(made.LANDSCAPE, things=0))
    build_scene(open_package(written.folder), scene)
    assert shown_counts(scene, 1002) == {"background": 500, "frames": (written.depth[1] > 0).sum()}


@pytest.mark.parametrize(
    ("look", "value", "keeps"),
    [
        (Look.MINIMUM_CONFIDENCE, 0.5, lambda cloud: cloud.confidences >= 0.5),
        (Look.EDGE_CUT, 4, lambda cloud: cloud.edges <= 4),
        (Look.DECIMATE, 3, lambda cloud: np.arange(len(cloud.edges)) % 3 == 0),
        (Look.SHOW_BACKGROUND, False, lambda cloud: cloud.layers > 0),
        (Look.SHOW_LAYERS, False, lambda cloud: cloud.layers == 0),
    ],
)
def test_an_input_drops_exactly_the_points_that_it_says(scene, written, look, value, keeps):
    package = open_package(written.folder)
    build_scene(package, scene)
    modifier = part(scene, "frames").modifiers[0]
    compat.set_input(modifier, Wiring.LAYERS_APART, False)
    cloud = frame_cloud(package, 1)
    assert shown_counts(scene, 1003)["frames"] == len(cloud.positions)
    compat.set_input(modifier, look, value)
    assert compat.get_input(modifier, look) == value
    kept = keeps(cloud)
    assert 0 < kept.sum() < len(kept)
    assert shown_counts(scene, 1003)["frames"] == kept.sum()


def test_minimum_confidence_leaves_a_cloud_without_confidence_alone(scene, written):
    build_scene(open_package(written.folder), scene)
    compat.set_input(part(scene, "background").modifiers[0], Look.MINIMUM_CONFIDENCE, 0.9)
    assert shown_counts(scene, 1001)["background"] == 500


def test_all_that_moves_or_all_that_stands_still_can_be_hidden(scene, written):
    build_scene(open_package(written.folder), scene)
    things = [part(scene, "background"), part(scene, "frames"), part(scene, "layer", 1), part(scene, "layer", 2)]
    for look, left in ((Look.SHOW_LAYERS, {"background", "frames"}), (Look.SHOW_BACKGROUND, {"layer 1", "layer 2"})):
        for shown in (False, True):
            for thing in things:
                compat.set_input(thing.modifiers[0], look, shown)
            expected = {"background", "frames", "layer 1", "layer 2"} if shown else left
            assert set(shown_counts(scene, 1003)) == expected


def test_point_size_scales_the_radius(scene, written):
    build_scene(open_package(written.folder), scene)
    before = shown_points(scene, 1001)["frames"].radii
    compat.set_input(part(scene, "frames").modifiers[0], Look.POINT_SIZE, 2.5)
    assert np.allclose(shown_points(scene, 1001)["frames"].radii, before * 2.5, rtol=1e-5)


def test_color_shows_depth_confidence_or_layer(scene, written):
    package = open_package(written.folder)
    build_scene(package, scene)
    modifier = part(scene, "frames").modifiers[0]
    compat.set_input(modifier, Wiring.LAYERS_APART, False)
    cloud = frame_cloud(package, 0)

    def colors(choice):
        compat.set_input(modifier, Look.COLOR_BY, choice)
        assert compat.get_input(modifier, Look.COLOR_BY) == choice
        return shown_points(scene, 1001)["frames"].colors

    depth = colors(ColorBy.DEPTH)
    near, far = np.argsort(cloud.sizes)[[0, -1]]
    assert depth[near, 0] > depth[far, 0]
    assert depth[near, 2] < depth[far, 2]
    confidence = colors(ColorBy.CONFIDENCE)
    assert np.allclose(confidence[cloud.confidences.argmin()], [0.9, 0.09, 0.09], atol=0.02)
    assert np.allclose(confidence[cloud.confidences.argmax()], [0.09, 0.9, 0.09], atol=0.02)
    layer = colors(ColorBy.LAYER)
    seen = [layer[cloud.layers == number] for number in range(3)]
    assert all(np.ptp(each, axis=0).max() == 0 for each in seen)
    assert len({tuple(each[0]) for each in seen}) == 3
    assert np.abs(_srgb(colors(ColorBy.RGB)) - cloud.colors).max() < 0.6


def test_the_meshes_of_the_frames_are_not_in_the_scene(scene, written):
    build_scene(open_package(written.folder), scene)
    assert not [thing for thing in scene.objects if thing.get("page4d_role") == "frame_cloud"]
    (collection,) = [c for c in bpy.data.collections if c.get("page4d_role") == "frame_clouds"]
    assert len(collection.objects) == len(written.frame_numbers)


def test_tracks_are_vertices_to_snap_to(scene, written):
    build_scene(open_package(written.folder), scene)
    tracks = part(scene, "tracks")
    assert len(tracks.data.vertices) == 50
    assert not tracks.modifiers


def test_the_empty_follows_the_middle_of_its_thing(scene, written):
    package = open_package(written.folder)
    build_scene(package, scene)
    for index, frame in enumerate(written.frame_numbers):
        thing = shown_points(scene, frame)["layer 1"].positions
        center = np.array(part(scene, "layer_center", 1).matrix_world.translation)
        local = np.linalg.inv(np.array(part(scene, "root").matrix_world))[:3, :3]
        assert np.abs(local @ center - np.median(thing @ local.T, axis=0)).max() < SCENE_UNITS, index


def _expected(written, index) -> dict[str, int]:
    known = written.depth[index] > 0
    names = {"frames": 0} | {f"layer {number}": number for number in np.unique(written.layers) if number}
    counts = {name: int((known & (written.layers[index] == number)).sum()) for name, number in names.items()}
    return {"background": 500} | {name: count for name, count in counts.items() if count}


def _srgb(linear: np.ndarray) -> np.ndarray:
    """Levels 0..255 (IEC 61966-2-1)."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
