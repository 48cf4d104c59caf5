"""Means of what a run measures, over steps and processes."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from model_server.training.processes import Processes


class Means:
    """Takes figures by name and gives their means; NaN counts as not known."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor | float] = {}
        self._counts: dict[str, Tensor | int] = {}

    def add(self, figures: Mapping[str, Tensor | float]) -> None:
        """Scalars; those on a GPU are not waited for."""
        for name, value in figures.items():
            known: Tensor | int
            if isinstance(value, Tensor):
                known, value = value.isfinite().int(), value.double().nan_to_num(0, 0, 0)
            else:
                known, value = int(math.isfinite(value)), value if math.isfinite(value) else 0.0
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._counts[name] = self._counts.get(name, 0) + known

    def taken(self, here: Processes) -> dict[str, float]:
        """Means since the last time, over all processes; every one must ask. What nobody knows is left out."""
        sums = torch.tensor([float(value) for value in self._sums.values()], dtype=torch.float64)
        counts = torch.tensor([float(value) for value in self._counts.values()], dtype=torch.float64)
        sums, counts = here.total(torch.stack((sums, counts)).to(here.device)).cpu()
        found = {name: float(s / c) for name, s, c in zip(self._sums, sums, counts) if c}
        self._sums, self._counts = {}, {}
        return found
