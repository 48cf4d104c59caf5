"""Whether a file's tensors are those of the network: every name and every shape accounted for."""

from collections.abc import Mapping
from dataclasses import dataclass

from model_server.engines.page4d.network.names import by_our_names
from model_server.errors import BadInput

Shape = tuple[int, ...]

# Our names. Only these parts may be missing, and only whole.
TRACK_HEAD, MASK_HEAD = "track_head.", "aggregator.mask_head."
# Buffers that some published VGGT files hold though the network makes them itself; nothing else is dropped.
DROPPED = frozenset({"aggregator._resnet_mean", "aggregator._resnet_std"})
_DTYPES = {"F32": "float32", "F16": "float16"}
_SHOWN = 3


class WrongWeights(BadInput):
    """The file is not what it should be; the message names the first things that do not fit."""

    status, code = 422, "wrong_weights"


@dataclass(frozen=True)
class StoredTensor:
    """How a tensor lies in a file; `dtype` as safetensors writes it, e.g. F32."""

    shape: Shape
    dtype: str


@dataclass(frozen=True)
class Layout:
    """What a file that fits holds, by its own names."""

    names: tuple[str, ...]
    has_track_head: bool


def check_layout(
    what: str,
    found: Mapping[str, StoredTensor],
    expected: Mapping[str, Shape],
    has_mask_head: bool,
    dtype: str = "F32",
) -> Layout:
    """See that the tensors in a file are the network's, all of them and no others.

    Args:
        what: what the file is called in messages.
        found: the tensors in the file, by published names or by ours.
        expected: the shapes of the whole network, by our names, mask and track head included.
        has_mask_head: whether the file must have the mask head, or must not.
        dtype: what every tensor must be stored in, as safetensors writes it.

    Raises:
        WrongWeights: a tensor is missing, unexpected, or of another shape or type.
    """
    ours = by_our_names(name for name in found if name not in DROPPED)
    known = {name: our for our, name in ours.items()}
    has_track_head = any(name.startswith(TRACK_HEAD) for name in ours)
    absent = (() if has_mask_head else (MASK_HEAD,)) + (() if has_track_head else (TRACK_HEAD,))
    wanted = {name: shape for name, shape in expected.items() if not name.startswith(absent)} if absent else expected
    unexpected = [name for name in found if name not in DROPPED and known.get(name) not in wanted]
    fitting = [(found[theirs], wanted[name], theirs) for name, theirs in ours.items() if name in wanted]
    complaints = [
        _counted("missing", [name for name in wanted if name not in ours]),
        _counted("unexpected", unexpected),
        _counted("of another shape", [f"{n} {t.shape}, not {s}" for t, s, n in fitting if t.shape != s]),
        _counted(f"not {_DTYPES[dtype]}", [f"{n} {t.dtype}" for t, s, n in fitting if t.dtype != dtype]),
    ]
    if any(complaints):
        raise WrongWeights(
            f"{what} does not fit the network: of {len(wanted)} tensors {'; '.join(filter(None, complaints))}",
            hint="see that it is the right file for this name: page4d-server weights list",
        )
    return Layout(tuple(ours.values()), has_track_head)


def _counted(complaint: str, names: list[str]) -> str:
    if not names:
        return ""
    shown = ", ".join(f"{name:.120}" for name in names[:_SHOWN])
    return f"{len(names)} {complaint} ({shown}{', ...' if len(names) > _SHOWN else ''})"
