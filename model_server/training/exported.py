"""The network at the end of a run, as others load it: our names, safetensors."""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file

from model_server.training.checkpoint import Progress, RunState
from model_server.training.config import Storage
from model_server.training.processes import Processes, whole


def export(path: Path, state: RunState, progress: Progress, storage: Storage, here: Processes) -> Path:
    """Write the weights, the running means where there are some; every process must call it, the first one writes.

    The file's metadata says how many steps were made and how strong the mask was at the last one.
    """
    means = {} if state.mean is None else state.mean.means
    dtype = torch.float16 if storage is Storage.FP16 else torch.float32
    tensors = {
        name: whole(means.get(name, parameter).detach()).to("cpu", dtype).contiguous()
        for name, parameter in state.network.named_parameters()
    }
    if here.first:
        part = path.with_name(f".{path.name}.part")
        save_file(tensors, part, metadata={"page4d_training": json.dumps(asdict(progress))})
        part.chmod(0o644)  # safetensors makes files for the owner alone, and this one is to be shipped
        part.replace(path)
    here.wait()
    return path
