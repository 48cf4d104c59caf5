"""What lies in a safetensors file, from its header alone, and whether the file is what it was."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from model_server.engines.page4d.weights.layout import StoredTensor, WrongWeights

Bytes = Callable[[int], None]  # called with the bytes that went by since last time
Step = Callable[[str, int], Bytes]  # called with what begins now, and its bytes in all
_CHUNK = 8 << 20


def stored_tensors(path: Path) -> dict[str, StoredTensor]:
    """The tensors in a safetensors file; no tensor is read.

    Raises:
        WrongWeights: it is none, or cut short.
    """
    from safetensors import SafetensorError, safe_open  # not part of every install

    try:
        with safe_open(path, framework="np") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
            return {name: StoredTensor(tuple(s.get_shape()), s.get_dtype()) for name, s in slices.items()}
    except (SafetensorError, OSError) as error:
        raise WrongWeights(
            f"{path.name} is neither a PyTorch checkpoint nor a whole safetensors file: {error}"
        ) from error


def no_step(what: str, total: int) -> Bytes:
    """A `Step` for those who do not watch."""
    return lambda count: None


def sha256_of(path: Path, went_by: Bytes = lambda count: None) -> str:
    """The file's sha256 in lower-case hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            went_by(len(chunk))
    return digest.hexdigest()
