"""How many frames the network can see at once in the memory at hand."""

from dataclasses import dataclass

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.window import WindowTooLong

_FLOAT = 4
_SAFETY = 0.9  # share of the free memory that is planned with: allocators lose some to gaps


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes that a window takes: the weights, and whichever is more of two phases that follow each other."""

    weights: int
    block_per_frame: int  # while the transformer runs
    head: int  # while the head for depth runs: for the frames that it takes at a time ...
    head_per_frame: int  # ... and for each frame of the window

    def of(self, frames: int) -> int:
        return self.weights + max(frames * self.block_per_frame, self.head + frames * self.head_per_frame)

    def longest(self, free_bytes: float) -> int:
        """The longest window that fits, in frames; less than 1 where none does."""
        left = free_bytes - self.weights
        return int(min(left / self.block_per_frame, (left - self.head) / self.head_per_frame))


def plan(need: MemoryNeed, frames: int, free_bytes: int) -> int:
    """Length of the longest window, at most `frames`, that fits into `free_bytes`.

    Raises:
        WindowTooLong: not even two frames fit.
    """
    length = min(frames, need.longest(_SAFETY * free_bytes))
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
    dim, features = config.backbone.dim, config.dense.features
    tokens = (width // config.patch) * (height // config.patch) + config.special_tokens
    stream = tokens * dim * _FLOAT  # the residual stream of one frame
    outputs = 2 * len(set(config.dense.rounds)) * stream  # kept for the heads; the last is made when blocks are done
    # The widest moment of a block: the MLP's hidden layer before and after the GELU, beside its input and the stream.
    hidden = 2 * config.mlp_ratio * tokens * dim * compute_bytes
    blocks = outputs - 2 * stream + 3 * stream + hidden
    # The head's last maps: features // 2 channels before they are enlarged, after, and as the convolution takes them.
    channels = features // 2 * (2 + (8 / config.patch) ** 2) + config.dense.hidden
    maps = width * height * _FLOAT * channels
    pictures = 4 * width * height * _FLOAT  # depth and confidence, raw and as they leave
    return MemoryNeed(weight_bytes, int(blocks), int(frames_at_once * maps), int(outputs + 2 * stream + pictures))
