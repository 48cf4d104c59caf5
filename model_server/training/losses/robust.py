"""What keeps a few wrong pixels of a data set from telling the network what to learn (MODEL_SPEC 5.4)."""

import torch
from torch import Tensor

LARGEST = 100.0  # no pixel's loss counts more
_ENOUGH = 1000  # values under which none is dropped


def filtered_mean(values: Tensor, quantile: float) -> Tensor:
    """Mean of the values (N,), each cut off at 100, without those at or above a quantile of them; 0 where N is 0.

    The quantile is one of the values (the nearest rank). Where no more than 1000 are left, none are dropped: few
    values have no tail to speak of, and equal ones would all go.
    """
    values = values.clamp(-LARGEST, LARGEST)
    if len(values) > _ENOUGH and quantile < 1:
        rank = 1 + round(quantile * (len(values) - 1))
        below = values.detach() < torch.kthvalue(values.detach(), rank).values
        kept = below.sum()
        if kept > _ENOUGH:
            return torch.where(below, values, 0.0).sum() / kept
    return values.sum() / max(len(values), 1)
