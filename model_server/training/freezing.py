"""Which parameters learn, by their names (MODEL_SPEC 5.1)."""

from torch import nn

from model_server.training.config import Freeze

MASK_HEAD = "aggregator.mask_head."
POSE = "camera_head.pose_branch.fc2.weight"  # what the camera head says comes out of this
CAMERA_HEAD = "camera_head."
HEADS = (CAMERA_HEAD, "depth_head.", "points_head.", "track_head.", MASK_HEAD)
_NEVER_USED = "backbone.mask_token"  # only DINOv2's own training reads it


def freeze(network: nn.Module, what: Freeze, middle: range) -> None:
    """Set what learns, and put all that does not into eval mode.

    Args:
        network: a Page4DNetwork.
        middle: rounds of the aggregator that the mask acts in, or would: in the published training, they learn.
    """
    prefixes = {Freeze.NONE: ("",), Freeze.PUBLISHED: (MASK_HEAD, *block_prefixes(middle))}
    learning = prefixes[what]
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(learning) and name != _NEVER_USED)
    for module in network.modules():
        module.training = any(parameter.requires_grad for parameter in module.parameters())


def block_prefixes(rounds: range) -> tuple[str, ...]:
    """Beginnings of the names of these rounds' blocks, frame and global."""
    return tuple(f"aggregator.{kind}_blocks.{index}." for kind in ("frame", "global") for index in rounds)
