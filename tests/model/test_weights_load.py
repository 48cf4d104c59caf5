"""An installed file fills the network exactly, and costs no more memory than the network keeps."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from shared_footage import shared
from weights_files import MASK_HEAD, TRACK_HEAD, write_checkpoint

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.names import our_name
from model_server.engines.page4d.network.network import Head, Page4DNetwork
from model_server.engines.page4d.network.precision import store_weights
from model_server.engines.page4d.weights.install import install_file
from model_server.engines.page4d.weights.known import known_weights
from model_server.engines.page4d.weights.layout import WrongWeights
from model_server.engines.page4d.weights.load import expected_shapes, load_network

ROOT = Path(__file__).parents[2]
TINY = ModelConfig.tiny()
MB = 1 << 20


@pytest.fixture(scope="module")
def network():
    """The tiny network with random weights: what a trainer holds when it saves."""
    torch.manual_seed(5)
    network = Page4DNetwork(TINY).eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter.copy_(0.1 * torch.randn(parameter.shape))
    return network


def _install(folder, network, name, without=()):
    """Its weights, saved under their published names as the authors save them, and installed."""
    entries = json.loads(shared("model/state_dict_manifest.json").read_text())["entries"]
    ours = network.state_dict()
    published = {e["key"]: ours[our_name(e["key"])] for e in entries if our_name(e["key"]) in ours}
    assert len(published) == len(ours)  # the tiny network has fewer blocks and no other names
    kept = {name: tensor for name, tensor in published.items() if not name.startswith(without or "-")}
    source = write_checkpoint(folder / "checkpoint.pt", kept)
    return install_file(known_weights(name), source, expected_shapes(TINY), folder / "weights")


def _same(prediction, wanted):
    return all(
        torch.equal(getattr(prediction, part), getattr(wanted, part)) for part in ("poses", "depth", "depth_confidence")
    )


@pytest.fixture(scope="module")
def images():
    return torch.rand(1, 2, 3, 42, 56, generator=torch.Generator().manual_seed(2))


def test_a_loaded_network_answers_as_the_saved_one(tmp_path, network, images):
    loaded = load_network(TINY, _install(tmp_path, network, "page4d-mask"), tuple(Head), tracks=True)
    with torch.inference_mode():
        found, wanted = loaded(images, 64.0), network(images, 64.0)
    assert _same(found, wanted)
    assert torch.equal(found.keys, wanted.keys)
    assert loaded.state_dict().keys() == network.state_dict().keys()
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert not loaded.training


def test_heads_that_are_not_asked_for_are_not_loaded(tmp_path, network, images):
    loaded = load_network(TINY, _install(tmp_path, network, "page4d-nomask"), (Head.CAMERA, Head.DEPTH))
    assert {name.split(".")[0] for name in loaded.state_dict()} == {
        "backbone",
        "aggregator",
        "camera_head",
        "depth_head",
    }
    with torch.inference_mode():
        assert _same(loaded(images), network(images))


def test_weights_without_track_and_mask_head_load_too(tmp_path, network, images):
    weights = _install(tmp_path, network, "vggt-1b", (MASK_HEAD, TRACK_HEAD))
    loaded = load_network(TINY, weights, tracks=True)
    assert loaded.config.mask is None
    assert loaded.config.track is None
    with torch.inference_mode():
        assert _same(loaded(images), network(images))


def test_less_precision_is_what_converting_the_whole_network_gives(tmp_path, network):
    loaded = load_network(TINY, _install(tmp_path, network, "page4d-mask"), tuple(Head), torch.bfloat16, tracks=True)
    twin = Page4DNetwork(TINY)
    twin.load_state_dict(network.state_dict())
    store_weights(twin, torch.bfloat16)
    for name, parameter in twin.named_parameters():
        found = loaded.get_parameter(name)
        assert found.dtype == parameter.dtype
        assert torch.equal(found, parameter)


def test_weights_of_another_network_are_named(tmp_path, network):
    weights = _install(tmp_path, network, "page4d-mask")
    with pytest.raises(WrongWeights, match=r"page4d-mask.safetensors holds .* as \(1, 1, 48\), not \(1, 1, 1024\)"):
        load_network(ModelConfig.released(), weights)


_MEASURE = """
import json, sys, threading, time
from pathlib import Path
import torch
from model_server.engines.page4d.weights import convert, load
from model_server.engines.page4d.weights.installed import InstalledWeights


def now(*kinds):
    lines = Path("/proc/self/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(kinds)) * 1024


folder, what = Path(sys.argv[1]), sys.argv[2]
torch.set_num_threads(1)
with torch.device("meta"):
    network = torch.nn.ModuleList(torch.nn.Linear(2048, 2048) for _ in range(16))
weights = InstalledWeights("big", "", "", 0.0, False, False, 0, "", folder)
kind = "VmRSS" if what == "bfloat16" else "RssAnon"  # pages of a mapped file are the system's to take back
torch.zeros(1).to(torch.bfloat16)
start, peak, done = now(kind), 0, False


def watch():
    global peak
    while not done:
        peak = max(peak, now(kind))
        time.sleep(0.001)


watcher = threading.Thread(target=watch)
watcher.start()
if what == "convert":
    convert.write_safetensors(convert.open_checkpoint(folder / "big.pt"), folder / "again.safetensors", {})
else:
    load.load_into(network, weights, getattr(torch, what))
    total = sum(float(parameter.float().sum()) for parameter in network.parameters())
done = True
watcher.join()
print(peak - start)
"""


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """268 MB of weights as a checkpoint and as safetensors; the largest tensor is 17 MB."""
    folder = tmp_path_factory.mktemp("big")
    tensors = {f"{index}.{name}": torch.ones(shape) for index in range(16) for name, shape in _LINEAR.items()}
    write_checkpoint(folder / "big.pt", tensors)
    save_file(tensors, folder / "big.safetensors")
    return folder


_LINEAR = {"weight": (2048, 2048), "bias": (2048,)}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc, which only Linux has")
@pytest.mark.parametrize(
    ("what", "most_mb"),
    [
        ("convert", 48),  # from file to file
        ("float32", 48),  # stays in the file
        ("bfloat16", 134 + 17 + 48),  # the result and one tensor
    ],
)
def test_memory_is_what_is_kept_and_one_tensor(big, what, most_mb):
    assert (big / "big.pt").stat().st_size > 256 * MB
    run = subprocess.run(
        [sys.executable, "-c", _MEASURE, big, what],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < most_mb * MB
