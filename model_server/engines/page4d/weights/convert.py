"""From a PyTorch checkpoint to safetensors: once, without running anything that the file says."""

import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from model_server.engines.page4d.weights.layout import StoredTensor, WrongWeights

_WRAPPER = "model"  # the trainer's files hold the weights under this name, beside the optimizer
_LARGEST_PICKLE = 64 << 20  # bytes; the index of 1803 tensors and their optimizer is about 1 MB
_DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16"}


def open_checkpoint(path: Path) -> dict[str, Tensor]:
    """The weights of a checkpoint, memory-mapped: they take memory only as they are read, and can be let go of.

    Args:
        path: what torch.save wrote: {"model": {name: tensor}, ...} or {name: tensor}.

    Raises:
        WrongWeights: it is something else, damaged, or holds more than tensors.
    """
    _check_archive(path)
    try:
        # mmap: the tensors stay in the file. weights_only: a closed list of harmless types, no code.
        loaded: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # what a hostile pickle makes the unpickler raise is anybody's guess
        reason = str(error).strip().split("\n")[0][:200]
        raise WrongWeights(
            f"{path.name} is no checkpoint of plain tensors ({type(error).__name__}: {reason})"
        ) from error
    weights = loaded.get(_WRAPPER, loaded) if isinstance(loaded, dict) else loaded
    if not isinstance(weights, dict) or not weights:
        raise WrongWeights(f"{path.name} holds {_kind(weights)}, not weights by name")
    odd = [f"{name!r:.120} is {_kind(value)}" for name, value in weights.items() if not _is_plain(name, value)]
    if odd:
        raise WrongWeights(f"{path.name} holds {len(odd)} entries that are no plain tensors: {', '.join(odd[:3])}")
    return {name: value.detach() for name, value in weights.items()}


def tensors_of(weights: dict[str, Tensor]) -> dict[str, StoredTensor]:
    """The same as `stored_tensors` says of a safetensors file."""
    return {
        name: StoredTensor(tuple(value.shape), _DTYPES.get(value.dtype, str(value.dtype)))
        for name, value in weights.items()
    }


def write_safetensors(weights: dict[str, Tensor], path: Path, about: dict[str, str]) -> None:
    """Write the weights as they are, straight from the checkpoint's pages.

    Args:
        about: what the file's header says of it.
    """
    save_file({name: value.contiguous() for name, value in weights.items()}, path, metadata=about)


def _check_archive(path: Path) -> None:
    """A torch file is a zip archive that packs nothing; one that does could fill the memory before it is looked at."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise WrongWeights(f"{path.name} is no PyTorch checkpoint, or is cut short: {error}") from error
    for entry in entries:
        packed = entry.compress_type != zipfile.ZIP_STORED or entry.file_size > path.stat().st_size
        if packed or (entry.filename.endswith(".pkl") and entry.file_size > _LARGEST_PICKLE):
            raise WrongWeights(
                f"{path.name} is no PyTorch checkpoint: {entry.filename:.60} in it unpacks to {entry.file_size} bytes"
            )


def _is_plain(name: object, value: object) -> bool:
    return (
        isinstance(name, str)
        and isinstance(value, Tensor)
        and value.layout is torch.strided
        and value.device.type == "cpu"
        and not (value.is_quantized or value.is_nested or value.is_neg() or value.is_conj())
    )


def _kind(value: object) -> str:
    return f"a {value.layout} tensor on {value.device}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
