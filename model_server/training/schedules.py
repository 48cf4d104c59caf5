"""What changes from step to step: the rate of learning and the mask's strength. Both are told by the step alone."""

import math

from model_server.training.config import GroupSettings, MaskSettings

_LEAST = 1e-8  # rate at which the warm-up begins and the cosine ends


def learning_rate(step: int, steps: int, group: GroupSettings) -> float:
    """Up in a line over the group's warm-up, then down along a cosine (MODEL_SPEC 5.2).

    Args:
        step: optimizer steps that were made, 0 .. steps - 1.
    """
    least = min(_LEAST, group.learning_rate)
    rise = group.warm_up * steps
    if step < rise:
        return least + (group.learning_rate - least) * step / rise
    part = (step - rise) / max(steps - rise, 1)
    return least + (group.learning_rate - least) * 0.5 * (1 + math.cos(math.pi * part))


def mask_alpha(step: int, mask: MaskSettings) -> float:
    """The mask's strength: whole until `hold`, along a cosine to 0 at `end` (MODEL_SPEC 2.4).

    Args:
        step: optimizer steps that were made, whatever one step takes in batches.
    """
    if mask.always or step < mask.hold:
        return mask.strength
    if step >= mask.end:
        return 0.0
    return mask.strength * 0.5 * (1 + math.cos(math.pi * (step - mask.hold) / (mask.end - mask.hold)))
