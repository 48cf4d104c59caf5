"""A run's state on disk: weights, what AdamW remembers, the running mean, and counters. No pickle."""

import json
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from model_server.engines.page4d.network.network import Page4DNetwork
from model_server.errors import BadInput
from model_server.training.optimizer import Optimizer
from model_server.training.processes import Processes, fill, whole
from model_server.training.running_mean import RunningMean

_KEPT = 2
_WEIGHTS, _MOMENTS, _MEANS, _STATE, _LATEST = (
    "weights.safetensors",
    "optimizer.safetensors",
    "ema.safetensors",
    "state.json",
    "latest",
)
_NAME = re.compile(r"step-(\d{8})")


@dataclass(frozen=True)
class Progress:
    """Where a run stands. Nothing else is random: clips, rates and the mask's strength are told by the step."""

    step: int = 0  # optimizer steps that were made or left out
    skipped: int = 0  # of those, left out because a gradient was not finite
    alpha: float = 0.0  # the mask's strength at the last step


@dataclass(frozen=True)
class RunState:
    """What a checkpoint holds the values of."""

    network: Page4DNetwork
    optimizer: Optimizer
    mean: RunningMean | None


def save(folder: Path, state: RunState, progress: Progress, here: Processes) -> None:
    """Write a checkpoint, and remove all but the last two; every process must call it, the first one writes.

    It counts only when it is whole: it is written under another name and renamed.

    Args:
        folder: of the run's checkpoints.
    """
    weights = {name: _stored(value) for name, value in state.network.named_parameters()}
    moments = {
        f"{kind}.{name}": _stored(value)
        for name, kept in state.optimizer.moments()
        for kind, value in sorted(kept.items())
    }
    means = {} if state.mean is None else {name: _stored(value) for name, value in state.mean.means.items()}
    if here.first:
        whole_name = f"step-{progress.step:08d}"
        part = folder / f".{whole_name}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        save_file(weights, part / _WEIGHTS)
        save_file(moments, part / _MOMENTS)
        if means:
            save_file(means, part / _MEANS)
        (part / _STATE).write_text(json.dumps(asdict(progress), indent=2), encoding="utf-8")
        shutil.rmtree(folder / whole_name, ignore_errors=True)
        part.rename(folder / whole_name)
        pointer = folder / f".{_LATEST}.part"
        pointer.write_text(whole_name + "\n", encoding="utf-8")
        pointer.replace(folder / _LATEST)
        for old in _steps(folder)[:-_KEPT]:
            shutil.rmtree(folder / f"step-{old:08d}")
    here.wait()


def latest(folder: Path) -> Path | None:
    """The last whole checkpoint of a run; None where there is none."""
    pointer = folder / _LATEST
    if not pointer.exists():
        return None
    found = folder / pointer.read_text(encoding="utf-8").strip()
    return found if (found / _STATE).exists() else None


def load(checkpoint: Path, state: RunState) -> Progress:
    """Put a run back to where it was when that checkpoint was written; every process must call it.

    Raises:
        BadInput: the checkpoint is of another network, or other parameters learned.
    """
    _fill_all(dict(state.network.named_parameters()), checkpoint / _WEIGHTS)
    if state.mean is not None:
        _fill_all(state.mean.means, checkpoint / _MEANS)
    adam = state.optimizer.adam
    with safe_open(checkpoint / _MOMENTS, framework="pt") as file:
        for key in file.keys():  # noqa: SIM118 (it is no dict)
            kind, _, name = key.partition(".")
            parameter = state.optimizer.parameters.get(name)
            if parameter is None:
                raise BadInput(f"{checkpoint} has moments of {name}, which does not learn", hint=_OTHER)
            values = file.get_tensor(key)
            if kind == "step":
                kept = values
            else:
                kept = torch.zeros_like(parameter)
                fill(kept, values)
            adam.state[parameter][kind] = kept.to(parameter.device) if kind == "step" else kept
    return Progress(**json.loads((checkpoint / _STATE).read_text(encoding="utf-8")))


_OTHER = "resume with the configuration that the run was begun with, or give another output folder"


def _fill_all(tensors: dict[str, Tensor], path: Path) -> None:
    if not path.exists():
        raise BadInput(f"{path} is missing", hint=_OTHER)
    with safe_open(path, framework="pt") as file:
        found = set(file.keys())
        if found != set(tensors):
            other = sorted(found ^ set(tensors))[0]
            raise BadInput(f"{path} and the network differ in {other}", hint=_OTHER)
        for name, tensor in tensors.items():
            if tuple(file.get_slice(name).get_shape()) != tuple(tensor.shape):
                raise BadInput(f"{path} holds {name} in another shape", hint=_OTHER)
            fill(tensor, file.get_tensor(name))


def _stored(tensor: Tensor) -> Tensor:
    return whole(tensor.detach()).cpu().contiguous()


def _steps(folder: Path) -> list[int]:
    found = (_NAME.fullmatch(path.name) for path in folder.iterdir())
    return sorted(int(match[1]) for match in found if match)
