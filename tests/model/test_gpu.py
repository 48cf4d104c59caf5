"""What holds on a GPU alone; `pytest tests -m gpu` where there is one."""

import pytest
import torch
from parity import build_half, call
from random_network import random_network
from shared_footage import shared
from tolerances import HALF_PRECISION, PLANNED_MEMORY

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.network import Head
from model_server.engines.page4d.network.precision import Precision
from model_server.engines.page4d.plan import memory_need

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
HEADS = (Head.CAMERA, Head.DEPTH)


@pytest.fixture
def precision() -> Precision:
    return Precision.best_for(torch.device("cuda"))


def _network(precision, config=None):
    return random_network(config or ModelConfig.released(track=False), precision.storage, HEADS).cuda()


def test_nothing_waits_for_the_host_inside_the_forward(precision):
    network, images = _network(precision, ModelConfig.tiny()), torch.rand(1, 4, 3, 42, 70, device="cuda")
    with torch.inference_mode(), torch.autocast("cuda", precision.compute):
        network(images, 64.0, HEADS)  # tables are made and kept
        torch.cuda.set_sync_debug_mode("error")
        try:
            network(images, 64.0, HEADS)
        finally:
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", ["s2_56x84_mask", "s4_294x518_mask", "s4_294x518_nomask"])
def test_half_precision_stays_within_two_percent_of_the_official_code(name):
    import json
    import sys

    import numpy as np

    sys.path.insert(0, str(shared("model")))
    import fill_weights
    import synth

    golden = np.load(shared(f"model/golden/{name}.npz"))
    meta = json.loads(str(golden["meta"]))
    model = build_half()
    fill_weights.fill(model, meta["seed"], mode=meta.get("fill_mode", ""))
    model.cuda()
    images = torch.from_numpy(synth.images(meta["S"], meta["H"], meta["W"], meta["B"])).cuda()
    with torch.autocast("cuda", Precision.best_for(images.device).compute):
        found = call(model, images, meta["mask"])
    stride, offset = meta["stride"], meta["offset"]
    for key, value in (
        ("pose_enc", found["pose_enc"]),
        ("depth", found["depth"][:, :, offset::stride, offset::stride]),
    ):
        truth, ours = golden[key], value.float().cpu().numpy()
        off = np.abs(ours - truth) / (np.abs(truth) + np.sqrt((truth**2).mean()))
        assert off.max() < HALF_PRECISION, key


@pytest.mark.parametrize("frames", [10, 50, 100])
def test_the_plan_holds_against_the_measured_peak(precision, frames):
    network = _network(precision)
    weights = sum(parameter.nbytes for parameter in network.parameters())
    need = memory_need(network.config, weights, 518, 294, precision.compute.itemsize, frames_at_once=1)
    images = torch.rand(1, frames, 3, 294, 518, device="cuda")
    torch.cuda.reset_peak_memory_stats()
    with torch.inference_mode(), torch.autocast("cuda", precision.compute):
        patches = torch.cat([network.backbone(frame[None]) for frame in images[0]])
        network.from_patches(patches[None], (21, 37), 64.0, HEADS)
    assert need.of(frames) == pytest.approx(torch.cuda.max_memory_allocated(), rel=PLANNED_MEMORY)
