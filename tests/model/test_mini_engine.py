"""page4d-mini: it can come with the server, and what it sees at 112 pixels lands on the footage's pixels."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from camera_errors import path_error
from oracle_network import FACTS, Errors, Oracle, Truth
from random_network import random_network
from safetensors.torch import load_file, save_file
from synthetic_footage import small_clip, write_sequence
from tolerances import WHOLE_JOB_FOCAL, WHOLE_JOB_PATH
from track_scene import FOCAL, HEIGHT, WIDTH, track_scene
from typer.testing import CliRunner

from model_server.engines import engine_named, engine_names
from model_server.engines.choose import engine_states
from model_server.engines.page4d.engine import PATCH, Eye
from model_server.engines.page4d.mini_engine import LONG_SIDE, MiniEngine, shrunk
from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.weights.installed import recorded_weights
from model_server.engines.page4d.weights.layout import WrongWeights
from model_server.engines.page4d.weights.libraries import LibrariesMissing
from model_server.engines.page4d.weights.shipped import MINI
from model_server.engines.page4d.weights.stored import sha256_of
from model_server.errors import BadInput
from model_server.geometry.pixel_map import fit_long_side
from model_server.package.reader import read_package
from model_server.pipeline.run import solve_clip
from model_server.settings import SolveSettings
from model_server.training.ship import ship
from model_server.weights_commands import app

LARGEST = 25_000_000  # bytes that may ship
EXACT = 1e-6  # of the path


def _trained(folder, config):
    path = folder / "trained.safetensors"
    save_file(random_network(config).state_dict(), path, {"page4d_training": json.dumps({"alpha": 12.0})})
    return path


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A server that came with weights: random ones."""
    folder = tmp_path / "shipped"
    monkeypatch.setattr("model_server.engines.page4d.weights.shipped.SHIPPED_FOLDER", folder)
    return ship(_trained(tmp_path, ModelConfig.mini()), folder)


def test_without_weights_there_is_no_such_engine(tmp_path, monkeypatch):
    monkeypatch.setattr("model_server.engines.page4d.weights.shipped.SHIPPED_FOLDER", tmp_path)
    assert MINI not in engine_names()
    assert MINI not in [state.name for state in engine_states()]
    with pytest.raises(BadInput, match="there is no engine"):
        engine_named(MINI)


def test_with_weights_it_is_there_and_needs_torch(weights, monkeypatch):
    assert MINI in engine_names()
    state = engine_states()[-1]
    assert (state.name, state.weights, state.license, state.ready) == (MINI, MINI, weights.license, True)
    monkeypatch.setattr("model_server.engines.page4d.weights.libraries.libraries_missing", lambda: ("torch",))
    assert not engine_states()[-1].ready
    with pytest.raises(LibrariesMissing, match="torch"):
        engine_named(MINI)


@pytest.mark.parametrize("command", [["list"], ["check", MINI], ["download", MINI]], ids=lambda words: words[0])
def test_the_command_line_knows_them_and_downloads_nothing(weights, command):
    told = CliRunner().invoke(app, command)
    assert told.exit_code == 0, told.output
    assert MINI in told.output
    assert weights.license in told.output


def test_trained_weights_become_the_shipped_ones_in_half_precision(tmp_path, weights):
    assert weights == recorded_weights(tmp_path / "shipped", MINI)
    assert weights.path.stat().st_size <= LARGEST
    assert sha256_of(weights.path) == weights.installed_sha256
    assert (weights.mask_strength, weights.has_mask_head) == (12.0, True)
    before, after = load_file(tmp_path / "trained.safetensors"), load_file(weights.path)
    assert {name for name in before if name not in after} == {name for name in before if name.startswith("points_head")}
    assert all(np.array_equal(after[name].numpy(), before[name].half().numpy()) for name in after)


def test_weights_of_another_network_are_not_shipped(tmp_path):
    with pytest.raises(WrongWeights):
        ship(_trained(tmp_path, ModelConfig.tiny()), tmp_path / "shipped")
    assert recorded_weights(tmp_path / "shipped", MINI) is None
    assert not list((tmp_path / "shipped").iterdir())


def test_what_no_training_run_has_written_leaves_the_shipped_weights_alone(tmp_path, weights):
    other = tmp_path / "other.safetensors"
    save_file(random_network(ModelConfig.mini(), seed=1).state_dict(), other)
    with pytest.raises(WrongWeights, match="page4d_training"):
        ship(other, tmp_path / "shipped")
    assert recorded_weights(tmp_path / "shipped", MINI) == weights
    assert sha256_of(weights.path) == weights.sha256


def test_what_it_sees_at_its_size_lands_on_the_plate(tmp_path):
    """Cameras in footage pixels, and a moving square where it is, though the network's two scales differ."""
    scene = track_scene()
    count = scene.plate.frame_count
    moving = np.zeros((count, HEIGHT, WIDTH), bool)
    moving[:, 80:280, 400:520] = True
    size = fit_long_side(WIDTH, HEIGHT, LONG_SIDE, PATCH)
    small = np.stack([cv2.resize(m.astype(np.float32), size, interpolation=cv2.INTER_AREA) for m in moving]) > 0.5
    fields = 2 * np.arctan(WIDTH / 2 / FOCAL), 2 * np.arctan(HEIGHT / 2 / FOCAL)
    truth = Truth(scene.camera_from_world, fields, np.ones(small.shape), small)
    seen = []

    def open_eye(images):
        seen.append(images.shape)
        return Eye(Oracle(truth, Errors(), images.shape), 8, 2)

    plate = replace(scene.plate, images=np.zeros((count, HEIGHT, WIDTH, 3), np.uint8))
    engine = MiniEngine(FACTS, open_eye)
    found = engine.estimate(plate, scene.tracks, SolveSettings(), lambda done: None, tmp_path)
    assert seen == [(count, size[1], size[0], 3)]
    assert path_error(found.camera_from_world, scene.camera_from_world) < EXACT
    assert found.intrinsics[:, [0, 1], [0, 1]] == pytest.approx(FOCAL)
    assert found.motion.shape == moving.shape
    ours = np.asarray(found.motion) > 0.6
    assert (ours & moving).sum() / (ours | moving).sum() > 0.9  # a pixel of the network is six of these
    assert found.depth is None


def test_pictures_are_the_whole_plate():
    images = np.zeros((2, 300, 500, 3), np.uint8)
    images[:, :, 250:] = 200
    small = shrunk(images, lambda done: None)
    assert small.shape[1] % PATCH == small.shape[2] % PATCH == 0
    assert small.shape[2] == LONG_SIDE
    assert (small[:, :, :56] == 0).all()
    assert (small[:, :, 56:] == 200).all()


def test_a_shot_is_solved_with_nothing_downloaded(weights, tmp_path, monkeypatch):
    monkeypatch.setenv("PAGE4D_WEIGHTS_DIR", str(tmp_path / "none"))
    write_sequence(tmp_path / "room", small_clip())
    settings = SolveSettings(engine=MINI)
    solve_clip(tmp_path / "room", settings, tmp_path / "work", tmp_path / "shot.page4d", lambda stage, done: None)
    package = read_package(tmp_path / "shot.page4d")
    package.verify()
    made_by = package.manifest.made_by
    assert (made_by.engine, made_by.weights, made_by.weights_sha256) == (MINI, MINI, weights.sha256)
    clip = small_clip()
    assert path_error(package.array("cameras/camera_from_world.npy"), clip.camera_from_world) <= WHOLE_JOB_PATH
    focal = package.array("cameras/intrinsics.npy")[:, 0, 0]
    assert focal == pytest.approx(clip.intrinsics[0, 0], rel=WHOLE_JOB_FOCAL)
