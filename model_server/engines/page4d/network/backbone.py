"""DINOv2 with registers: the tokens of each picture by itself (MODEL_SPEC 2.1)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.layers import Conv2d
from model_server.engines.page4d.network.transformer import Block

_NORM_EPS = 1e-6
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, sRGB 0..1


class Backbone(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        backbone, dim = config.backbone, config.backbone.dim
        self.grid, self.patch, self.special = backbone.grid, config.patch, 1 + backbone.registers
        self.patch_projection = Conv2d(3, dim, config.patch, config.patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.register_tokens = nn.Parameter(torch.zeros(1, backbone.registers, dim))
        self.position_embedding = nn.Parameter(torch.zeros(1, 1 + backbone.grid**2, dim))
        self.mask_token = nn.Parameter(torch.zeros(1, dim))  # in every checkpoint; only DINOv2's training uses it
        self.blocks = nn.ModuleList(
            Block(dim, backbone.heads, config.mlp_ratio, _NORM_EPS) for _ in range(backbone.depth)
        )
        self.norm = nn.LayerNorm(dim, eps=_NORM_EPS)

    def forward(self, images: Tensor) -> Tensor:
        """images (B, 3, H, W) in 0..1, sides multiples of the patch, to patch tokens (B, rows * columns, dim)."""
        batch, _, height, width = images.shape
        if height % self.patch or width % self.patch:
            raise ValueError(f"{width} x {height} pixels are not whole patches of {self.patch} x {self.patch}")
        # By plain numbers: a tensor of them would have to come from the host, and a GPU would wait for it.
        normalized = [(channel - mean) / std for channel, mean, std in zip(images.unbind(1), _MEAN, _STD)]
        patches = self.patch_projection(torch.stack(normalized, dim=1)).flatten(2).transpose(1, 2)
        own, grid = self._positions(height // self.patch, width // self.patch)
        cls, registers = (self.cls_token + own), self.register_tokens
        x = torch.cat((cls.expand(batch, -1, -1), registers.expand(batch, -1, -1), patches + grid), dim=1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x[:, self.special :])

    def _positions(self, rows: int, columns: int) -> tuple[Tensor, Tensor]:
        """Embeddings of the class token, (1, 1, dim), and of the patches, (1, rows * columns, dim)."""
        kept = self.position_embedding
        positions = kept if kept.dtype is torch.float64 else kept.float()
        own, stored = positions[:, :1], positions[:, 1:]
        if (rows, columns) == (self.grid, self.grid):
            return own, stored
        square = stored.view(1, self.grid, self.grid, -1).permute(0, 3, 1, 2)
        resized = functional.interpolate(square, size=(rows, columns), mode="bicubic", antialias=True)
        return own, resized.flatten(2).transpose(1, 2)
