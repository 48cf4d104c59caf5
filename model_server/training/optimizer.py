"""AdamW over groups of parameters that learn at their own rates (MODEL_SPEC 5.2)."""

from collections.abc import Iterator
from dataclasses import fields

import torch
from torch import Tensor, nn

from model_server.training.config import GroupSettings, OptimizerSettings
from model_server.training.freezing import MASK_HEAD, POSE, block_prefixes
from model_server.training.processes import whole
from model_server.training.schedules import learning_rate

_BETAS, _EPS = (0.9, 0.999), 1e-8


class Optimizer:
    """Steps on the gradients that a network's learning parameters hold."""

    def __init__(self, network: nn.Module, settings: OptimizerSettings, middle: range, steps: int) -> None:
        """
        Args:
            network: what learns in it has requires_grad.
            middle: rounds of the group "blocks".
            steps: of the whole run, for the rates.
        """
        self._steps = steps
        self.parameters = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
        self._settings: dict[str, GroupSettings] = {
            field.name: getattr(settings, field.name) for field in fields(settings)
        }
        members: dict[str, list[Tensor]] = {name: [] for name in self._settings}
        for name, parameter in self.parameters.items():
            members[group_of(name, middle)].append(parameter)
        groups = [
            {"params": members[name], "name": name, "lr": 0.0, "weight_decay": group.weight_decay}
            for name, group in self._settings.items()
            if members[name]
        ]
        self.adam = torch.optim.AdamW(groups, betas=_BETAS, eps=_EPS, fused=True)

    def rates(self, step: int) -> dict[str, float]:
        """Rate of learning of each group that has members."""
        return {
            group["name"]: learning_rate(step, self._steps, self._settings[group["name"]])
            for group in self.adam.param_groups
        }

    def step(self, step: int) -> None:
        """Change the parameters by their gradients; those without are left as they are."""
        rates = self.rates(step)
        for group in self.adam.param_groups:
            group["lr"] = rates[group["name"]]
        self.adam.step()

    def clear(self) -> None:
        """Forget the gradients."""
        self.adam.zero_grad(set_to_none=True)

    def clipped_norm(self, longest: float) -> Tensor:
        """Shorten the gradient, over all parameters, to `longest` where it is longer; its norm before that."""
        found = [parameter.grad for parameter in self.parameters.values() if parameter.grad is not None]
        norm = whole(nn.utils.get_total_norm(found))
        nn.utils.clip_grads_with_norm_(self.parameters.values(), longest, norm)
        return norm

    def moments(self) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """What AdamW remembers of each parameter that it has changed, by name."""
        for name, parameter in self.parameters.items():
            if state := self.adam.state.get(parameter):
                yield name, state


def group_of(name: str, middle: range) -> str:
    """The group that a parameter learns in."""
    if name.startswith(MASK_HEAD):
        return "mask_head"
    if name.startswith(POSE):
        return "pose"
    return "blocks" if name.startswith(block_prefixes(middle)) else "rest"
