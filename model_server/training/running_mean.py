"""The running mean of the weights over the steps (EMA): calmer than the weights themselves."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class RunningMean:
    """Follows the parameters that learn."""

    def __init__(self, parameters: Mapping[str, nn.Parameter], decay: float) -> None:
        """
        Args:
            decay: what stays of the mean at each step.
        """
        self._parameters, self._decay = parameters, decay
        self.means: dict[str, Tensor] = {name: parameter.detach().clone() for name, parameter in parameters.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are now."""
        for name, parameter in self._parameters.items():
            self.means[name].lerp_(parameter, 1 - self._decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, the network's weights are the means."""
        own = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}
        self._put(self.means)
        try:
            yield
        finally:
            self._put(own)

    @torch.no_grad()
    def _put(self, values: Mapping[str, Tensor]) -> None:
        for name, parameter in self._parameters.items():
            parameter.copy_(values[name])
