"""From light to the picture that a camera records: exposure, lens, tone and noise."""

import torch
from torch import Tensor

from model_server.training.synthetic.scene import Scene

BRIGHTEST = 3.0  # how many times as bright as paper light is before it is white


def developed(light: Tensor, scene: Scene) -> Tensor:
    """Pictures (B, S, 3, H, W) sRGB 0..1 in steps of 1/255.

    Args:
        light: (B, S, 3, H, W) linear.
        scene: with leading B.
    """

    def of_clip(values: Tensor) -> Tensor:
        return values[:, None, None, None, None]

    # The brightest hundredth of lamps and sky should not set the exposure.
    level = light.clamp(max=2.0).mean((1, 2, 3, 4))
    gain = of_clip(scene.brightness / level.clamp(min=1e-4)) * 2 ** scene.exposures[:, :, None, None, None]
    light = light * gain * scene.white_balance[:, None, :, None, None]
    light = _soft(light, of_clip(scene.softness)) * _vignette(light, of_clip(scene.vignette))
    tone = light * (1 + light / BRIGHTEST**2) / (1 + light) * 1.6
    tone = tone.clamp(0, 1) ** (1 / 2.2)
    tone = 0.45 + (tone - 0.45) * of_clip(scene.contrast)
    tone = tone + of_clip(scene.noise) * _noise(scene, tone)
    return (tone.clamp(0, 1) * 255).round() / 255


def _soft(light: Tensor, pixels: Tensor) -> Tensor:
    """Three taps along rows and along columns, with the variance of a blur of that many pixels."""
    side = (pixels * pixels / 2).clamp(max=1 / 3)
    for axis in (-1, -2):
        before = torch.cat([light.narrow(axis, 0, 1), light.narrow(axis, 0, light.shape[axis] - 1)], axis)
        after = torch.cat([light.narrow(axis, 1, light.shape[axis] - 1), light.narrow(axis, -1, 1)], axis)
        light = light + side * (before + after - 2 * light)
    return light


def _vignette(light: Tensor, darkness: Tensor) -> Tensor:
    height, width = light.shape[-2:]
    y = torch.linspace(-1, 1, height, device=light.device)[:, None]
    x = torch.linspace(-1, 1, width, device=light.device)
    return 1 - darkness * (x * x + y * y) / 2


def _noise(scene: Scene, tone: Tensor) -> Tensor:
    """Drawn on the CPU from each clip's own seed, so that it is the same on every device and in every batch."""
    noises = []
    for seed in scene.noise_seed.tolist():
        generator = torch.Generator().manual_seed(seed)
        noises.append(torch.randn(tone.shape[1:], generator=generator))
    return torch.stack(noises).to(tone.device)
