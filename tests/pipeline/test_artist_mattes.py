"""What the artist masks does not disturb the solve, and a thing of the artist's is the layer that was given."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from camera_errors import path_error
from moving_box import jaccard, solution_of, through_the_lens
from synthetic import synthetic_clip
from synthetic_footage import FIRST_FRAME, small_clip, write_sequence
from tolerances import MASKED_PATH, UNDISTORTED_MATTE_J

from model_server.engines import engine_named
from model_server.errors import BadInput, Unsolvable
from model_server.footage.clip import ClipInfo
from model_server.geometry.lens import Distortion
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import FrameStatus, Layer, Layers, Motion, Plate
from model_server.package.reader import read_package
from model_server.pipeline.artist_mattes import ArtistMattes
from model_server.pipeline.given_layers import GivenThings, given_things, moving_as_given, others, with_given
from model_server.pipeline.run import solve_clip
from model_server.pipeline.solve import solve_cameras
from model_server.pipeline.tracks import track_points
from model_server.settings import MatteFolders, SolveSettings

DEFAULTS = SolveSettings()


def _ignore(done):
    assert 0 <= done <= 1


def _plate(images):
    height, width = images.shape[1:3]
    return Plate(images, lambda index: images[index], width, height, 1.0, PixelMap((1.0, 1.0)))


def _write_mattes(folder, masks, first=FIRST_FRAME):
    folder.mkdir(parents=True)
    for number, mask in enumerate(masks, start=first):
        cv2.imwrite(str(folder / f"roto.{number}.png"), mask.astype(np.uint8) * 255)
    return folder


def _info(images):
    numbers = tuple(range(FIRST_FRAME, FIRST_FRAME + len(images)))
    return ClipInfo("room", (Path("room"),), images.shape[2], images.shape[1], 1.0, Fraction(24), numbers)


@pytest.fixture(scope="module")
def crowded():
    """(plate, masks): a textured wall that slides over more than half of the room, and where it is."""
    clip = synthetic_clip()
    images, masks = clip.images.copy(), np.zeros(clip.depth.shape, bool)
    wall = synthetic_clip(frames=2, focal=200.0, speed=0).images[1][:, ::-1]
    count, _, width = masks.shape
    share = int(0.6 * width)
    for frame in range(count):
        shift = 3 * frame
        masks[frame, :, :share] = True
        images[frame, :, :share] = np.roll(wall, (shift, 2 * shift), (0, 1))[:, :share]
    return _plate(images), masks


def _solve(plate, tracks):
    geometry = engine_named("classical").estimate(plate, tracks, DEFAULTS, _ignore)
    return solve_cameras(plate, tracks, geometry, DEFAULTS, _ignore)


def test_no_track_is_seen_where_the_mattes_leave_out(tmp_path, crowded):
    plate, masks = crowded
    folders = MatteFolders(exclude=_write_mattes(tmp_path / "out", masks))
    tracks = track_points(plate, _ignore, ArtistMattes.of(folders, _info(plate.images)).left_out)
    x, y = np.floor(tracks.positions).astype(int).T
    assert not masks[tracks.frame_indices, y, x].any()
    assert len(np.unique(tracks.frame_indices)) == plate.frame_count


def test_a_mover_that_fills_most_of_the_picture_does_not_disturb_the_solve_once_it_is_left_out(crowded):
    plate, masks = crowded
    truth = synthetic_clip().camera_from_world
    solution = _solve(plate, track_points(plate, _ignore, lambda index: masks[index]))
    assert (solution.status == FrameStatus.SOLVED).all()
    assert path_error(solution.camera_from_world, truth) < MASKED_PATH
    try:
        disturbed = path_error(_solve(plate, track_points(plate, _ignore)).camera_from_world, truth)
    except Unsolvable:
        return
    assert disturbed > MASKED_PATH  # else the test shows nothing


def test_mattes_that_leave_nothing_are_named(crowded):
    plate, masks = crowded
    with pytest.raises(Unsolvable, match="the mattes leave out 100%") as raised:
        track_points(plate, _ignore, lambda index: np.ones_like(masks[index]))
    assert "inverted" in raised.value.hint


def test_things_are_left_out_of_the_solve_as_well(tmp_path):
    masks = np.zeros((2, 2, 24, 32), bool)
    masks[0, :, :5], masks[1, :, :, :7] = True, True
    a, b = (_write_mattes(tmp_path / name, part) for name, part in zip("ab", masks))
    mattes = ArtistMattes.of(MatteFolders(exclude=a, layers=(("B", b),)), _info(np.zeros((2, 24, 32, 3))))
    assert np.array_equal(mattes.left_out(1), masks[0, 1] | masks[1, 1])
    assert set(mattes.files) == {*a.iterdir(), *b.iterdir()}
    assert ArtistMattes().left_out(0) is None


def test_mattes_lie_on_the_undistorted_images(tmp_path):
    clip = synthetic_clip()
    solution = solution_of(clip, Distortion(-0.15))
    bent = through_the_lens(clip.moving[:3].astype(np.float32), solution, (640, 480)) > 0.5
    folder = _write_mattes(tmp_path / "box", bent)
    info = ClipInfo("room", (Path("room"),), 640, 480, 1.0, Fraction(24), (1001, 1002, 1003))
    mattes = ArtistMattes.of(MatteFolders(layers=(("Box", folder),)), info)
    plate = Plate(clip.images[:3], lambda _: None, 640, 480, 1.0, PixelMap((2.0, 2.0)))
    given = given_things(plate, mattes.layers, solution, _ignore)
    for labels, mask in zip(given.labels, clip.moving):
        assert jaccard(labels == 1, mask) > UNDISTORTED_MATTE_J


def test_the_mattes_decide_for_their_pixels_and_found_things_come_after():
    shape = (6, 40, 100)
    given_labels, moving, found = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    given_labels[:, 10:20, 10:20] = 1
    given_labels[:, 10:20, 30:40] = 2
    moving[:, 9:21, 9:21] = 200  # the given thing with a halo
    moving[:, 15:17, 20:28] = 200  # and what hangs on to it
    moving[:, 10:20, 70:80] = 200
    found[:, 10:20, 70:80] = 1
    given = GivenThings(np.where(given_labels > 0, 255, 0).astype(np.uint8), given_labels)
    left = others(Motion(moving), given).moving
    assert np.array_equal(left > 0, found > 0)
    joined = moving_as_given(Motion(moving), given)
    assert joined.source == "mattes"
    assert (joined.moving[given_labels > 0] == 255).all()
    layers = with_given(Layers(found, (Layer(1, "Thing 1", 0, 5),)), given, ["Actor", "Dog"])
    assert [(thing.id, thing.name) for thing in layers.things] == [(1, "Actor"), (2, "Dog"), (3, "Thing 1")]
    assert np.array_equal(layers.labels == 3, found == 1)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """(package, true mattes) of the small clip solved with the walking box as the artist's layer."""
    folder, clip = tmp_path_factory.mktemp("mattes"), small_clip()
    write_sequence(folder / "room", clip)
    soft = [cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0) for mask in clip.moving]
    mattes = folder / "roto"
    mattes.mkdir()
    truth = {}
    for number, matte in enumerate(soft, start=FIRST_FRAME):
        truth[number] = np.rint(matte * 255).astype(np.uint8)
        if number != FIRST_FRAME + 3:  # the artist forgot one
            cv2.imwrite(str(mattes / f"roto.{number}.png"), truth[number])
    settings = SolveSettings(engine="classical", mattes=MatteFolders(layers=(("Walking box", mattes),)))
    solve_clip(folder / "room", settings, folder / "work", folder / "room.page4d", lambda *_: None)
    return read_package(folder / "room.page4d"), truth


def test_the_layers_matte_is_the_given_one(package):
    package, truth = package
    package.verify()
    for number, matte in truth.items():
        written = cv2.imread(str(package.folder / f"mattes/layer_01/{number}.png"), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(written, matte * (number != FIRST_FRAME + 3))


def test_the_layer_has_the_given_name_and_moves(package):
    package, truth = package
    facts = package.manifest
    assert facts.layers[1].name == "Walking box"
    assert facts.motion.source == "mattes"
    labels, moving = package.array("layers.npy"), package.array("moving.npy")
    for index, (number, matte) in enumerate(truth.items()):
        if number != FIRST_FRAME + 3:
            assert (moving[index][matte > 200] > 127).all()
            assert (labels[index][matte > 200] == 1).all()


def test_the_report_says_what_the_artist_gave_and_forgot(package):
    said = package[0].manifest.solve.assumptions
    assert "the layer 'Walking box' is the artist's own" in said
    assert f"1 frame has no matte of 'Walking box': {FIRST_FRAME + 3}" in said


@pytest.mark.parametrize("names", [("Actor", "actor"), ("",), ("a\nb",), ("x" * 64,)])
def test_names_that_no_layer_can_have_are_refused(names):
    with pytest.raises(BadInput):
        MatteFolders(layers=tuple((name, Path("roto")) for name in names))
