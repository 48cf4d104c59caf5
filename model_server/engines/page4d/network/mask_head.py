"""PAGE-4D's dynamics mask: which patches the cameras should look away from (MODEL_SPEC 2.4)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from model_server.engines.page4d.network.layers import Conv2d

_MIN_SPREAD = 1e-6


class MaskHead(nn.Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.depthwise = Conv2d(dim, dim, 3, padding=1, groups=dim)
        self.mix = Conv2d(dim, hidden, 1)
        self.score = Conv2d(hidden, 1, 1)

    def forward(self, patches: Tensor) -> Tensor:
        """Patch tokens as pictures (B, dim, rows, columns) to keys (B, rows, columns), -0.5 moving .. 0.5 still.

        One patch alone has no spread: its key is NaN, as the reference's.
        """
        spread, mean = torch.std_mean(patches, dim=(2, 3), keepdim=True)
        normalized = (patches - mean) / spread.clamp_min(_MIN_SPREAD)
        scores = self.score(functional.gelu(self.mix(functional.gelu(self.depthwise(normalized)))))
        return torch.sigmoid(scores[:, 0] + normalized.mean(1).detach()) - 0.5
