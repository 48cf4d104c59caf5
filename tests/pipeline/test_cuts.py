"""A cut is found where it stands, what only looks like one is none, and the longest part is solved."""

import cv2
import numpy as np
import pytest
from camera_errors import path_error
from synthetic import synthetic_clip
from synthetic_footage import small_clip
from tolerances import PART_PATH

from model_server.engines import engine_named
from model_server.errors import Unsolvable
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import FrameStatus, Motion, Plate, Tracks
from model_server.package.reader import read_package
from model_server.pipeline.cuts import ShotPart, find_cuts
from model_server.pipeline.run import solve_clip
from model_server.pipeline.solve import solve_cameras
from model_server.pipeline.tracks import track_points
from model_server.report import report_of
from model_server.settings import SolveSettings

DEFAULTS = SolveSettings()


def _ignore(done):
    assert 0 <= done <= 1


def _plate(images):
    height, width = images.shape[1:3]
    return Plate(images, lambda index: images[index], width, height, 1.0, PixelMap((1.0, 1.0)))


def _other(images):
    """Another scene: the room in a mirror, in other colors."""
    return 255 - images[:, :, ::-1][..., [2, 0, 1]]


def _found(images):
    return find_cuts(images, track_points(_plate(images), _ignore))


@pytest.fixture(scope="module")
def room():
    return synthetic_clip(frames=16, width=160, height=120, focal=140.0)


@pytest.fixture(scope="module")
def joined(room):
    """Five frames of another scene, then eleven of the room: images, tracks."""
    images = np.concatenate([_other(room.images[:5]), room.images[5:]])
    return images, track_points(_plate(images), _ignore)


def test_a_cut_is_found_where_it_stands(joined):
    assert find_cuts(*joined) == (5,)


def test_a_cutaway_is_two_cuts(room):
    a, b = room.images, _other(room.images)
    assert _found(np.concatenate([a[:5], b[5:10], a[10:]])) == (5, 10)


def test_a_shot_without_a_cut_has_none(room):
    assert _found(room.images) == ()


@pytest.mark.parametrize("flashed", [[8], [7, 8]], ids=["one frame", "two frames"])
def test_a_flash_is_no_cut(room, flashed):
    images = room.images.copy()
    images[flashed] = np.clip(images[flashed].astype(int) // 8 + 225, 0, 255)
    assert _found(images) == ()


def test_black_frames_inside_a_shot_are_no_cut(room):
    images = room.images.copy()
    images[8] = 0
    assert _found(images) == ()


def test_a_sudden_change_of_light_is_no_cut(room):
    images = room.images.copy()
    images[8:] = images[8:] // 2
    assert _found(images) == ()


def test_a_whip_pan_is_no_cut():
    """Most of a picture's width from frame to frame, blurred as such a pan blurs."""
    wide = np.concatenate([*synthetic_clip().images[::3]], axis=1)
    blurred = cv2.blur(wide, (121, 1))
    places = [0, 3, 6, 9, 12, 15, 150, 300, 450, 600, 750, 900, 903, 906, 909, 912]
    frames = [(wide if x < 20 or x > 895 else blurred)[:, x : x + 320] for x in places]
    assert _found(np.stack(frames)) == ()


def test_the_longest_part_is_solved_and_the_others_are_unknown(room, joined):
    images, tracks = joined
    part = ShotPart.of(images, tracks, range(1001, 1017))
    assert (part.start, part.stop) == (5, 16)
    inside = part.tracks(tracks)
    assert inside.frame_indices.min() == 5
    assert np.bincount(inside.track_ids).min() >= 3
    plate = _plate(images)
    geometry = engine_named("classical").estimate(plate, inside, DEFAULTS, _ignore)
    solution = part.solution(solve_cameras(plate, inside, geometry, DEFAULTS, _ignore))
    assert (solution.status[:5] == FrameStatus.UNKNOWN).all()
    assert (solution.status[5:] == FrameStatus.SOLVED).all()
    assert np.isnan(solution.camera_from_world[:5]).all()
    assert path_error(solution.camera_from_world[5:], room.camera_from_world[5:]) < PART_PATH
    assert solution.cuts == (1006,)
    assert solution.assumptions[-1] == (
        "there is a cut before frame 1006: frames 1006-1016, the longest part, are solved;"
        " to solve 1001-1005, ask for those frames alone"
    )


def test_of_equal_parts_the_first_is_solved():
    part = ShotPart.of(np.zeros((16, 2, 2, 3), np.uint8), _crossing_nothing(8, 16), range(16))
    assert part.cuts == ()  # black pictures do not differ
    images = np.random.default_rng(0).integers(0, 255, (2, 18, 32, 3), np.uint8).repeat(8, axis=0)
    part = ShotPart.of(images, _crossing_nothing(8, 16), range(16))
    assert (part.cuts, part.start, part.stop) == ((8,), 0, 8)


def test_few_tracks_say_nothing_of_cuts():
    images = np.random.default_rng(0).integers(0, 255, (2, 18, 32, 3), np.uint8).repeat(8, axis=0)
    assert find_cuts(images, _crossing_nothing(8, 16, 20)) == ()


def test_what_can_not_be_solved_says_that_it_was_a_part():
    images = np.random.default_rng(0).integers(0, 255, (2, 18, 32, 3), np.uint8).repeat(8, axis=0)
    part = ShotPart.of(images, _crossing_nothing(8, 16), range(1, 17))
    words = "too little parallax; there is a cut before frame 9"
    with pytest.raises(Unsolvable, match=words) as raised, part.named_in_errors():
        raise Unsolvable("too little parallax", hint="move the camera")
    assert raised.value.hint == "move the camera"


def test_of_other_parts_no_motion_is_claimed():
    images = np.random.default_rng(0).integers(0, 255, (2, 18, 32, 3), np.uint8).repeat(8, axis=0)
    part = ShotPart.of(images, _crossing_nothing(8, 16), range(16))
    moving = part.motion(Motion(np.full((16, 2, 2), 200, np.uint8))).moving
    assert (moving[:8] == 200).all()
    assert not moving[8:].any()


def test_the_package_and_the_report_name_the_cut(tmp_path):
    room = small_clip().images
    folder = tmp_path / "shot"
    folder.mkdir()
    for number, image in enumerate(np.concatenate([room, _other(room[:4])]), start=1001):
        cv2.imwrite(str(folder / f"shot.{number}.png"), image[..., ::-1])
    package = tmp_path / "shot.page4d"
    solve_clip(folder, SolveSettings(engine="classical"), tmp_path / "work", package, lambda *_: None)
    written = read_package(package)
    assert written.manifest.solve.cuts == (1009,)
    assert list(written.array("cameras/status.npy")) == [FrameStatus.SOLVED] * 8 + [FrameStatus.UNKNOWN] * 4
    report = report_of(package)
    assert (report.frames, report.frames_solved) == (12, 8)
    assert any("a cut before frame 1009" in words for words in report.assumptions)


def _crossing_nothing(cut, count, tracks=60):
    """Tracks that all end at a cut, and as many that begin there."""
    frames = np.concatenate([np.tile(np.arange(cut), tracks), np.tile(np.arange(cut, count), tracks)])
    ids = np.concatenate([np.arange(tracks).repeat(cut), np.arange(tracks, 2 * tracks).repeat(count - cut)])
    return Tracks(ids.astype(np.int32), frames.astype(np.int32), np.zeros((len(ids), 2), np.float32))
