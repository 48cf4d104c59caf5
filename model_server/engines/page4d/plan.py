"""How many frames the network can see at once in the memory at hand."""

from dataclasses import dataclass

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.window import WindowTooLong

_FLOAT = 4
_SAFETY = 0.9  # share of the free memory that is planned with: allocators lose some to gaps


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes that a window of S frames takes: fixed + S * per_frame."""

    fixed: int
    per_frame: int

    def of(self, frames: int) -> int:
        return self.fixed + frames * self.per_frame


def plan(need: MemoryNeed, frames: int, free_bytes: int) -> int:
    """Length of the longest window, at most `frames`, that fits into `free_bytes`.

    Raises:
        WindowTooLong: not even two frames fit.
    """
    length = min(frames, int((_SAFETY * free_bytes - need.fixed) // need.per_frame))
    if length < min(2, frames):
        needed, free = need.of(min(2, frames)) / _SAFETY / 1e9, free_bytes / 1e9
        raise WindowTooLong(
            f"the network needs {needed:.1f} GB of memory, and {free:.1f} GB are free",
            hint="close other programs, or use the engine classical",
        )
    return length


def memory_need(
    config: ModelConfig, weight_bytes: int, width: int, height: int, compute_bytes: int, frames_at_once: int
) -> MemoryNeed:
    """What the network takes on pictures of width x height pixels, cameras and depth asked for.

    Args:
        weight_bytes: of the weights as they are kept.
        compute_bytes: of one number in the transformer's matrix products: 2 or 4.
        frames_at_once: how many frames the head for depth takes at a time.
    """
    dim = config.backbone.dim
    tokens = (width // config.patch) * (height // config.patch) + config.special_tokens
    # Outputs kept for the heads, the residual stream and its sum, in float32.
    kept = tokens * dim * _FLOAT * (2 * len(set(config.dense.rounds)) + 3)
    # The widest moment of a block: the MLP's hidden layer before and after the GELU.
    widest = tokens * dim * compute_bytes * 2 * config.mlp_ratio
    pictures = width * height * (3 + 4) * _FLOAT
    # The head's last maps: features // 2 channels at full size, twice, and features at 8 / patch of it, three times.
    features = config.dense.features
    head = width * height * _FLOAT * (features + 3 * features * (8 / config.patch) ** 2)
    return MemoryNeed(int(weight_bytes + frames_at_once * head), int(kept + widest + pictures))
