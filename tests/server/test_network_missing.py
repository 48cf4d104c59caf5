"""Asked for the network where there is none, every door says what is missing, and the command that gets it."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import httpx
import pytest
from installed_weights import install_empty_weights
from running_server import RunningServer
from synthetic_footage import small_clip, write_sequence

from model_server.engines import engine_named
from model_server.engines.choose import best_engine, engine_names, engine_states
from model_server.engines.page4d.weights.installed import WeightsMissing
from model_server.engines.page4d.weights.libraries import LibrariesMissing
from page4d_blender.core.access import parse_address
from page4d_blender.core.client import Client

ROOT = Path(__file__).parents[2]
COMMAND = "page4d-server weights download page4d-nomask"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with RunningServer(tmp_path_factory.mktemp("data")) as running:
        yield running


def _health(server):
    return httpx.get(f"{server.address}/v1/health", trust_env=False).json()


def test_the_command_line_names_the_command_that_installs_weights(tmp_path):
    footage = write_sequence(tmp_path / "room", small_clip())[0].parent
    run = subprocess.run(
        [sys.executable, "-m", "model_server", "solve", footage, "--out", tmp_path / "o.page4d", "--engine", "page4d"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 2
    assert run.stdout == ""
    (line,) = run.stderr.strip().splitlines()
    assert line.startswith("page4d-server: no weights for the engine page4d are installed")
    assert COMMAND in line
    assert os.listdir(tmp_path) == ["room"]


def test_a_job_for_a_network_without_weights_is_refused_at_once(server):
    file = {"name": "shot.mov", "sha256": "0" * 64}
    body = {"clip": {"name": "shot", "files": [file]}, "engine": "page4d"}
    answer = server.client.put(f"/v1/jobs/{uuid.uuid4()}", json=body)
    assert answer.status_code == 409
    error = answer.json()["error"]
    assert error["code"] == "weights_missing"
    assert COMMAND in error["hint"]


def test_health_says_what_to_do(server):
    network, classical, *_ = _health(server)["engines"]
    assert (network["name"], network["weights"], network["license"]) == ("page4d", None, None)
    assert not network["ready"]
    assert COMMAND in network["note"]
    assert classical == {"name": "classical", "weights": None, "license": None, "ready": True, "note": ""}


def test_the_extension_shows_only_engines_that_can_run(server):
    shown = Client(parse_address(server.address), server.token).health().engines
    assert shown == tuple(name for name in engine_names() if name != "page4d")
    assert "classical" in shown


def test_auto_is_classical_without_weights_and_the_network_with_them(tmp_path, monkeypatch):
    assert best_engine() == engine_named("auto").name == "classical"
    install_empty_weights(tmp_path, "page4d-mask", monkeypatch)
    assert best_engine() == "page4d"
    engine = engine_named("auto")
    assert (engine.name, engine.weights.name, engine.weights.license) == ("page4d", "page4d-mask", "not stated")


def test_health_names_weights_and_license_and_what_they_can_not_do(tmp_path, monkeypatch):
    install_empty_weights(tmp_path, "vggt-1b", monkeypatch)
    network, *_ = engine_states()
    assert (network.weights, network.license, network.ready) == ("vggt-1b", "CC-BY-NC-4.0", True)
    assert "no mask" in network.note


def test_weights_without_torch_name_the_command_that_installs_it(tmp_path, monkeypatch):
    install_empty_weights(tmp_path, "page4d-mask", monkeypatch)
    monkeypatch.setattr("model_server.engines.page4d.weights.libraries.libraries_missing", lambda: ("torch",))
    with pytest.raises(LibrariesMissing, match="torch") as missing:
        engine_named("page4d")
    assert "pip install" in missing.value.hint
    assert best_engine() == "classical"
    network, *_ = engine_states()
    assert network.weights == "page4d-mask"
    assert not network.ready
    assert "pip install" in network.note


def test_no_weights_are_named_before_torch(monkeypatch):
    monkeypatch.setattr("model_server.engines.page4d.weights.libraries.libraries_missing", lambda: ("torch",))
    with pytest.raises(WeightsMissing):
        engine_named("page4d")


def test_neither_the_api_nor_a_classical_solve_loads_torch():
    code = (
        "import sys, json; import model_server.api.app, model_server.pipeline.run, model_server.jobs.worker;"
        "from model_server.engines import engine_named; engine_named('classical');"
        "from model_server.engines.choose import engine_states; engine_states();"
        "print(json.dumps([name for name in ('torch', 'safetensors', 'huggingface_hub') if name in sys.modules]))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == []
