"""What all clips have in common is taken out of the camera tokens before a run begins: see `standardize_cameras`."""

import torch
from torch.nn import functional

from model_server.engines.page4d.network.network import Page4DNetwork
from model_server.training.sources import ClipSource

_LEAST_SPREAD = 1e-3  # of a layer-normed token, whose channels are about 1


@torch.no_grad()
def standardize_cameras(network: Page4DNetwork, source: ClipSource, batches: int, size: int) -> None:
    """Let the camera head's first norm give every channel a mean of 0 and a spread of 1 over clips.

    On a network from nothing most of a camera token is the same in every clip: 17.7 of its length, and 2.9 of what
    differs. A head that begins there learns how cameras differ very slowly. Weights alone are set, so that nothing
    changes for who uses them. All processes see the same clips.

    Args:
        network: with a camera head, on its device.
        source: of the clips that are looked at: its first `batches` of `size` clips.
    """
    device, seen = next(network.parameters()).device, []
    for index in range(batches):
        images = source.batch(index, size, 0, 1).images.to(device)
        last = network.config.aggregator.rounds - 1
        found = network(images, 0.0, (), rounds=(last,)).rounds[last]
        seen.append(found[:, 1:, 0].flatten(0, 1).float())
    norm, tokens = network.camera_head.token_norm, torch.cat(seen)
    plain = functional.layer_norm(tokens, tokens.shape[-1:], eps=norm.eps)
    spread = plain.std(0).clamp_min(_LEAST_SPREAD)
    norm.weight.copy_(1 / spread)
    norm.bias.copy_(-plain.mean(0) / spread)
