"""The network on this machine's device, ready to look at one shot. Imports torch: only whoever runs it imports this."""

import os

import psutil
import torch

from model_server.engines.page4d.engine import Eye
from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.network import Head, Page4DNetwork
from model_server.engines.page4d.network.precision import Precision, stored_dtype
from model_server.engines.page4d.plan import memory_need, plan
from model_server.engines.page4d.runner import WindowRunner
from model_server.engines.page4d.weights.installed import InstalledWeights
from model_server.engines.page4d.weights.load import load_network
from model_server.geometry.shot import Array

# Frames of a window at most, whatever the memory: more help little, and attention's time grows with their square.
_MOST_FRAMES = {"cuda": 100, "cpu": 16}
_MINI_FRAMES = 8  # as many as it has learned on
COMPILE_VARIABLE = "PAGE4D_COMPILE"  # 1 turns torch.compile on: minutes at first, faster from then on
_SHARED, _MOST_SHARED = 0.25, 8  # of a window with the one before; frames


def open_network(weights: InstalledWeights, images: Array) -> Eye:
    """Load the weights onto the best device, and plan windows for the memory that is free there.

    Args:
        images: (F, H, W, 3) uint8 sRGB, the network's size.

    Raises:
        WrongWeights: the file no longer is what was installed.
        WindowTooLong: there is too little memory for any window.
    """
    device = _best_device()
    precision = Precision.best_for(device)
    free = _free_bytes(device)  # before the weights: the need holds them
    network = load_network(ModelConfig.released(), weights, storage=precision.storage, device=device)
    if os.environ.get(COMPILE_VARIABLE) == "1":
        network.compile_blocks()
    return eye_of(network, images, weights.mask_strength, precision, free, _MOST_FRAMES[device.type])


def open_mini(weights: InstalledWeights, images: Array) -> Eye:
    """The same with the weights of page4d-mini, which are small enough for full precision."""
    device = _best_device()
    free = _free_bytes(device)
    network = load_network(ModelConfig.mini(), weights, device=device)
    return eye_of(network, images, weights.mask_strength, Precision.full(), free, _MINI_FRAMES)


def eye_of(
    network: Page4DNetwork, images: Array, strength: float, precision: Precision, free_bytes: int, most_frames: int
) -> Eye:
    """A network that is loaded, in windows of at most `most_frames` that fit into `free_bytes` with its weights."""
    runner = WindowRunner(network, images, strength, precision)
    length = plan(runner.memory_need(), min(len(images), most_frames), free_bytes)
    return Eye(runner, length, max(1, min(_MOST_SHARED, int(_SHARED * length))))


def planned_length(frames: int, size: tuple[int, int], free_bytes: int) -> int:
    """How many of so many frames the released network sees at once here; see `Page4DEngine.plan`."""
    device, heads = _best_device(), (Head.CAMERA, Head.DEPTH)
    precision, config = Precision.best_for(device), ModelConfig.released(track=False)
    with torch.device("meta"):
        parameters = Page4DNetwork(config, heads).named_parameters()
    weights = sum(p.numel() * stored_dtype(name, p.dim(), precision.storage).itemsize for name, p in parameters)
    need = memory_need(config, weights, *size, precision.compute.itemsize, frames_at_once=1)
    return plan(need, min(frames, _MOST_FRAMES[device.type]), free_bytes)


def _best_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)
