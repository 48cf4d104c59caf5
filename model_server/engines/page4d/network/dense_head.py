"""A value for every pixel from the tokens of four rounds: the DPT head (arXiv 2103.13413; MODEL_SPEC 3.2)."""

from torch import Tensor, nn
from torch.nn import functional

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.layers import Conv2d, ConvTranspose2d
from model_server.engines.page4d.network.picture_position import with_positions


class DenseFeatures(nn.Module):
    """Tokens of four rounds to one feature map at 8 times the patches' resolution."""

    def __init__(self, config: ModelConfig, features: int, out: int) -> None:
        super().__init__()
        dim, widths = 2 * config.backbone.dim, config.dense.widths
        self.special = config.special_tokens
        self.norm = nn.LayerNorm(dim)
        self.projects = nn.ModuleList(Conv2d(dim, width, 1) for width in widths)
        self.resize_layers = nn.ModuleList(
            [
                ConvTranspose2d(widths[0], widths[0], 4, 4),
                ConvTranspose2d(widths[1], widths[1], 2, 2),
                nn.Identity(),
                Conv2d(widths[3], widths[3], 3, 2, 1),
            ]
        )
        self.reduce = nn.ModuleList(Conv2d(width, features, 3, padding=1, bias=False) for width in widths)
        self.fusions = nn.ModuleList(Fusion(features, has_skip=level < 3) for level in range(4))
        self.output = Conv2d(features, out, 3, padding=1)

    def forward(self, tokens: list[Tensor], rows: int, columns: int, positions: bool) -> Tensor:
        """tokens: four of (B, P, 2 * dim), special ones included; to (B, out, 8 * rows, 8 * columns).

        Args:
            positions: add an embedding of where in the picture each patch is.
        """
        maps = []
        for level, project, resize, reduce in zip(tokens, self.projects, self.resize_layers, self.reduce):
            patches = self.norm(level[:, self.special :])
            x = project(patches.transpose(1, 2).unflatten(2, (rows, columns)))
            if positions:
                x = with_positions(x, columns / rows)
            maps.append(reduce(resize(x)))
        x = self.fusions[3](maps[3], None, maps[2].shape[2:])
        x = self.fusions[2](x, maps[2], maps[1].shape[2:])
        x = self.fusions[1](x, maps[1], maps[0].shape[2:])
        x = self.fusions[0](x, maps[0], (2 * maps[0].shape[2], 2 * maps[0].shape[3]))
        return self.output(x)


class DenseHead(nn.Module):
    """Some values and a confidence for every pixel, without their activations."""

    def __init__(self, config: ModelConfig, values: int) -> None:
        super().__init__()
        features, hidden = config.dense.features, config.dense.hidden
        self.patch = config.patch
        self.features = DenseFeatures(config, features, features // 2)
        self.refine = Conv2d(features // 2, hidden, 3, padding=1)
        self.predict = Conv2d(hidden, values + 1, 1)

    def forward(self, tokens: list[Tensor], rows: int, columns: int) -> Tensor:
        """tokens: four of (B, P, 2 * dim); to (B, values + 1, H, W), the raw confidence last."""
        x = self.features(tokens, rows, columns, positions=True)
        x = _resized(x, (self.patch * rows, self.patch * columns))
        x = with_positions(x, columns / rows)
        return self.predict(functional.relu_(self.refine(x)))


class Fusion(nn.Module):
    """A coarse map joined with a finer one, then enlarged."""

    def __init__(self, features: int, has_skip: bool) -> None:
        super().__init__()
        self.skip_unit = ResidualUnit(features) if has_skip else None
        self.unit = ResidualUnit(features)
        self.out_conv = Conv2d(features, features, 1)

    def forward(self, x: Tensor, skip: Tensor | None, size: tuple[int, int]) -> Tensor:
        """(B, C, H, W) and a skip of the same shape to (B, C, *size)."""
        if self.skip_unit is not None and skip is not None:
            x = x + self.skip_unit(skip)
        # The reference enlarges first: a map of single pixels and interpolation commute, and this is 4 times less work.
        return _resized(self.out_conv(self.unit(x)), size)


class ResidualUnit(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = Conv2d(features, features, 3, padding=1)
        self.conv2 = Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        # What is added is the rectified input: the reference's first ReLU works in place (MODEL_SPEC 0.1).
        x = functional.relu(x)
        return self.conv2(functional.relu_(self.conv1(x))).add_(x)


def activated_depth(raw: Tensor) -> tuple[Tensor, Tensor]:
    """(B, 2, H, W) to depth (B, H, W) > 0 and its confidence (B, H, W) > 1."""
    return raw[:, 0].exp(), 1 + raw[:, 1].exp()


def activated_points(raw: Tensor) -> tuple[Tensor, Tensor]:
    """(B, 4, H, W) to points (B, H, W, 3) in the first camera's axes and their confidence (B, H, W) > 1."""
    values = raw[:, :3].permute(0, 2, 3, 1)
    return values.sign() * values.abs().expm1(), 1 + raw[:, 3].exp()


def _resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(x, size=tuple(size), mode="bilinear", align_corners=True)
