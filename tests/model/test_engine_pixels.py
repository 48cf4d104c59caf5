"""The network sees the whole picture, whatever its shape, and what it says comes back to the right footage pixels."""

import numpy as np
import pytest
import tolerances
from footage.made import opened, write_image
from oracle_network import FACTS

from model_server.engines.page4d.engine import LONG_SIDE, PATCH, Page4DEngine
from model_server.engines.page4d.footage_geometry import footage_geometry
from model_server.engines.page4d.pose_encoding import decode_cameras
from model_server.errors import BadInput
from model_server.footage.model_images import model_images
from model_server.geometry.cameras import inverse, project
from model_server.geometry.pixel_map import PixelMap, fit_long_side
from model_server.geometry.shot import Geometry

SHAPES = {"portrait": (720, 1280), "4:3": (1024, 768), "16:9": (1280, 720), "2.39:1": (1147, 480), "square": (600, 600)}
SPOTS = [(0.1, 0.2), (0.85, 0.15), (0.5, 0.5), (0.25, 0.9)]  # shares of width and height
SPOT_RADIUS = 12.0  # footage pixels


def _spot_picture(width, height, spot):
    """A bright round spot at a known place: (0, 0) is the corner, so the first pixel's center is at 0.5."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    bright = np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / (2 * SPOT_RADIUS**2))
    return np.repeat((20 + 200 * bright)[..., None], 3, axis=-1).astype(np.uint8)


def _center_of_brightness(image):
    light = np.clip(image.mean(-1) - 40, 0, None)
    y, x = np.indices(light.shape)
    return np.array([(light * (x + 0.5)).sum(), (light * (y + 0.5)).sum()]) / light.sum()


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def seen(request, tmp_path_factory):
    """(footage width, height, spots in footage pixels, network images, pixel map)."""
    width, height = SHAPES[request.param]
    folder = tmp_path_factory.mktemp("shape")
    spots = [(across * width, down * height) for across, down in SPOTS]
    (folder / "shot").mkdir()
    for number, spot in enumerate(spots, start=1):
        write_image(folder / f"shot/shot.{number:04d}.png", _spot_picture(width, height, spot))
    images, pixels = model_images(
        opened(folder / "shot"), LONG_SIDE, folder / "images.npy", lambda _: None, multiple=PATCH
    )
    return width, height, spots, images, pixels


def test_the_whole_picture_is_seen_in_multiples_of_the_patch(seen):
    width, height, _, images, pixels = seen
    rows, columns = images.shape[1:3]
    assert rows % PATCH == columns % PATCH == 0
    assert max(rows, columns) == LONG_SIDE
    # No crop: the corners of the network's picture are those of the footage.
    corners = pixels.footage_from_model(np.array([[0, 0], [columns, rows]], float))
    assert corners == pytest.approx(np.array([[0, 0], [width, height]]), abs=tolerances.ROUND_TRIP_PX)
    # Its shape is the footage's, to what the patch allows.
    assert columns / rows == pytest.approx(width / height, rel=PATCH / 2 / min(rows, columns) + 0.01)


def test_a_footage_point_is_found_at_its_network_pixel_and_back(seen):
    _, _, spots, images, pixels = seen
    for spot, image in zip(spots, images):
        expected = pixels.model_from_footage(np.array(spot))
        found = _center_of_brightness(np.asarray(image, float))
        assert found == pytest.approx(expected, abs=tolerances.NETWORK_PIXEL)
        assert pixels.footage_from_model(found) == pytest.approx(
            np.array(spot), abs=tolerances.NETWORK_PIXEL * max(pixels.scale)
        )


@pytest.mark.parametrize(("width", "height"), SHAPES.values(), ids=SHAPES)
def test_a_known_pinhole_projects_right_after_decoding(width, height):
    """Both fields of view are the footage's own, though the network's picture is stretched by up to half a patch."""
    focal = 0.9 * max(width, height)
    columns, rows = fit_long_side(width, height, LONG_SIDE, PATCH)
    pixels = PixelMap((width / columns, height / rows))
    fields = 2 * np.arctan([height / 2 / focal, width / 2 / focal])
    turned = np.array([0.02, -0.05, 0.01, 1.0]) * 1.7  # the network's quaternions are of any length
    encodings = np.stack([np.r_[0.0, 0, 0, 0, 0, 0, 1, fields], np.r_[0.3, -0.1, 0.2, turned, fields]])
    poses, network_lens = decode_cameras(encodings, columns, rows)
    geometry = footage_geometry(Geometry(poses, network_lens), pixels)
    points = np.array([[0.4, -0.3, 3.0], [-1.0, 0.6, 4.0], [0.0, 0.0, 2.0]])
    for lens, seen_by_network in zip(geometry.intrinsics, network_lens):
        assert lens == pytest.approx(np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]]))
        there, _ = project(points, seen_by_network)
        here, _ = project(points, lens)
        assert pixels.footage_from_model(there) == pytest.approx(here)


def test_the_world_is_the_first_camera_whatever_the_network_says():
    poses, lens = decode_cameras(np.array([[1.0, 2, 3, 0.1, 0, 0, 1, 1, 1], [1.0, 2, 4, 0, 0.1, 0, 1, 1, 1]]), 518, 294)
    found = footage_geometry(Geometry(poses, lens), PixelMap((2.0, 2.0))).camera_from_world
    assert found[0] == pytest.approx(np.eye(4))
    assert found[1] == pytest.approx(poses[1] @ inverse(poses[0]))


def test_a_camera_that_is_no_camera_is_unknown():
    poses, lens = np.tile(np.eye(4), (3, 1, 1)), np.tile(np.diag([300.0, 300, 1]), (3, 1, 1))
    poses[0, 0, 3], lens[2, 0, 0] = np.nan, np.inf
    geometry = footage_geometry(Geometry(poses, lens), PixelMap((1.0, 1.0)))
    assert np.array_equal(np.isnan(geometry.camera_from_world[:, 0, 0]), [True, False, True])


def test_the_long_side_is_the_users_choice_within_what_the_network_can_see(monkeypatch):
    def engine():
        return Page4DEngine(FACTS, lambda images: pytest.fail("nothing is looked at"))

    assert engine().long_side == LONG_SIDE
    monkeypatch.setenv("PAGE4D_LONG_SIDE", "700")
    assert engine().long_side == 700
    for wrong in ("500", "0", "-518", "14", "28000", "large", ""):
        monkeypatch.setenv("PAGE4D_LONG_SIDE", wrong)
        with pytest.raises(BadInput, match=wrong or "long side") as refused:
            engine()
        assert "multiple of 14" in refused.value.hint
