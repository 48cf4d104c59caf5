"""The whole engine with a small network of random weights: it knows nothing, and the package is whole all the same."""

import json
from dataclasses import replace

import numpy as np
import pytest
from camera_errors import path_error
from oracle_network import FACTS
from random_network import random_network
from shared_footage import shared
from synthetic_footage import small_clip, write_sequence
from tolerances import WHOLE_JOB_FOCAL, WHOLE_JOB_PATH
from track_scene import track_scene
from weights_files import write_checkpoint

from model_server.engines import engine_named
from model_server.engines.page4d.engine import Eye, Page4DEngine
from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.names import our_name
from model_server.engines.page4d.network.network import Head
from model_server.engines.page4d.network.precision import Precision
from model_server.engines.page4d.network_eye import eye_of
from model_server.engines.page4d.runner import WindowRunner
from model_server.engines.page4d.weights.install import install_file
from model_server.engines.page4d.weights.known import known_weights
from model_server.engines.page4d.weights.load import expected_shapes
from model_server.engines.page4d.window import Window, WindowTooLong
from model_server.geometry.pixel_map import PixelMap
from model_server.package.reader import read_package
from model_server.pipeline.run import solve_clip
from model_server.settings import SolveSettings

LONG_SIDE = 140  # pixels
MASK_STRENGTH = 64.0
ENOUGH_BYTES = 4 << 30


@pytest.fixture(scope="module")
def network():
    return random_network(ModelConfig.tiny(), heads=(Head.CAMERA, Head.DEPTH))


def _solve(folder, open_eye):
    write_sequence(folder / "room", small_clip())
    with pytest.MonkeyPatch.context() as patch:
        engine = Page4DEngine(FACTS, open_eye, LONG_SIDE)
        patch.setattr("model_server.pipeline.run.engine_named", lambda name: engine)
        solve_clip(folder / "room", SolveSettings(), folder / "work", folder / "shot.page4d", lambda stage, done: None)
    package = read_package(folder / "shot.page4d")
    package.verify()
    return package


def test_a_network_that_knows_nothing_leaves_a_whole_package_with_true_cameras(network, tmp_path):
    package = _solve(tmp_path, lambda images: Eye(WindowRunner(network, images, MASK_STRENGTH, Precision.full()), 5, 2))
    clip = small_clip()
    assert path_error(package.array("cameras/camera_from_world.npy"), clip.camera_from_world) <= WHOLE_JOB_PATH
    focal = package.array("cameras/intrinsics.npy")[:, 0, 0]
    assert focal == pytest.approx(clip.intrinsics[0, 0], rel=WHOLE_JOB_FOCAL)
    assert package.manifest.made_by.weights == FACTS.name
    depth, images = package.array("depth.npy"), package.array("images.npy")
    assert images.shape == (8, 112, 140, 3)
    assert np.isfinite(depth).all()
    assert (depth > 0).mean() > 0.5


def test_installed_weights_run_under_the_name_that_a_user_types(tmp_path, monkeypatch):
    """From the published file to the geometry, by the way that a solve takes; only the network is a small one."""
    whole = random_network(ModelConfig.tiny()).state_dict()
    names = [entry["key"] for entry in json.loads(shared("model/state_dict_manifest.json").read_text())["entries"]]
    published = {name: whole[our_name(name)] for name in names if our_name(name) in whole}
    file = write_checkpoint(tmp_path / "checkpoint.pt", published)
    install_file(known_weights("page4d-mask"), file, expected_shapes(ModelConfig.tiny()), tmp_path / "weights")
    monkeypatch.setenv("PAGE4D_WEIGHTS_DIR", str(tmp_path / "weights"))
    monkeypatch.setenv("PAGE4D_LONG_SIDE", str(LONG_SIDE))
    monkeypatch.setattr(ModelConfig, "released", ModelConfig.tiny)
    engine = engine_named("page4d")
    assert (engine.weights.name, engine.long_side) == ("page4d-mask", LONG_SIDE)
    scene = track_scene(frames=5)
    images = np.random.default_rng(0).integers(0, 255, (5, 84, 140, 3), np.uint8)
    pixels = PixelMap((scene.plate.width / 140, scene.plate.height / 84))
    plate = replace(scene.plate, images=images, pixels=pixels)
    geometry = engine.estimate(plate, scene.tracks, SolveSettings(), lambda done: None)
    assert geometry.depth.shape == geometry.motion.shape == (5, 84, 140)
    assert geometry.intrinsics[0, :2, 2] == pytest.approx([scene.plate.width / 2, scene.plate.height / 2])
    assert geometry.notes == ()


def test_windows_are_planned_for_the_memory_that_is_free(network):
    images = np.zeros((40, 112, 140, 3), np.uint8)
    long = eye_of(network, images, 0.0, Precision.full(), ENOUGH_BYTES, 16)
    need = long.predict.memory_need()
    short = eye_of(network, images, 0.0, Precision.full(), int(need.of(6) / 0.89), 16)
    assert 4 <= short.length < long.length == 16
    for eye in (short, long):
        assert 1 <= eye.overlap < eye.length
    with pytest.raises(WindowTooLong, match="GB"):
        eye_of(network, images, 0.0, Precision.full(), need.of(1), 16)


def test_where_the_mask_is_off_nothing_is_said_of_motion(network):
    images = np.zeros((3, 56, 70, 3), np.uint8)
    eyes = [eye_of(network, images, strength, Precision.full(), ENOUGH_BYTES, 16) for strength in (0.0, MASK_STRENGTH)]
    off, on = (eye.predict(Window(0, 3, 0)) for eye in eyes)
    assert off.motion is None
    assert on.motion.shape == (3, 56, 70)
    assert (on.motion >= 0).all()
    assert (on.motion <= 1).all()
