"""Draws a batch of scenes: several moments of the shutter for color, the frame's own time for the truth."""

from dataclasses import dataclass

import torch
from torch import Tensor

from model_server.training.clip import Clip
from model_server.training.synthetic.cast import Solids, first_hits, solids_of
from model_server.training.synthetic.hits import Hits, hits_of
from model_server.training.synthetic.rays import camera_rays, picture
from model_server.training.synthetic.scene import Scene
from model_server.training.synthetic.sensor import developed
from model_server.training.synthetic.settings import SceneSettings
from model_server.training.synthetic.shading import colors_of
from model_server.training.synthetic.truth import truth_of

COARSER = (0.0, -0.4, 0.4, 0.2)  # levels of texture that the samples of a pixel add
# Where in the pixel the samples of a color look; the first is the frame's own time and looks at the center.
SHIFTS = ((0.0, 0.0), (-0.3, 0.15), (0.3, -0.15), (0.1, 0.35))


@dataclass(frozen=True)
class _Seen:
    """One moment of each frame; F is clips * frames."""

    cameras: Tensor  # (F, 3, 4)
    focals: Tensor  # (F,)
    directions: Tensor  # (3, F, Q, 16)
    solids: Solids
    hits: Hits
    color: Tensor  # (3, F, Q, 16)


@torch.no_grad()
def render(scene: Scene, settings: SceneSettings) -> Clip:
    """The pictures of a batch of scenes with their truth.

    Args:
        scene: with leading B, its T = frames * color_samples moments, on any device.
        settings: frames and size of the pictures.
    """
    clips, frames, samples = len(scene.kinds), settings.frames, settings.color_samples
    size = (settings.width, settings.height)
    own = _seen(scene, settings, 0)
    light = own.color
    for sample in range(1, samples):
        light = light + _seen(scene, settings, sample).color
    truth = truth_of(scene, own.hits, own.directions, own.solids, own.cameras, own.focals, size)
    linear = picture(light / samples, *size).reshape(3, clips, frames, size[1], size[0]).movedim(0, 2)
    return Clip(
        images=developed(linear, scene),
        depth=truth.depth,
        valid=truth.depth > 0,
        camera_from_world=_square(own.cameras.reshape(clips, frames, 3, 4)),
        intrinsics=_intrinsics(own.focals.reshape(clips, frames), *size),
        moving=truth.moving,
        flow=truth.flow,
    )


@torch.no_grad()
def draft(scene: Scene, settings: SceneSettings, width: int, height: int) -> tuple[Tensor, Tensor]:
    """Depth and moving mask of a batch, each (B, S, height, width), at another size: a quick look at a scene."""
    moments = torch.arange(settings.frames, device=scene.kinds.device) * settings.color_samples
    solids = solids_of(scene, moments)
    cameras = scene.camera_from_world[:, moments].flatten(0, 1)
    focals = scene.focals_px[:, moments].flatten() * (width / settings.width)
    origins, directions = camera_rays(cameras, focals, width, height)
    depth, which = first_hits(origins, directions, solids)
    moves = scene.moves.repeat_interleave(settings.frames, 0).gather(1, which.flatten(1)).reshape(which.shape)
    shape = (-1, settings.frames, height, width)
    return picture(depth, width, height).reshape(shape), picture(moves, width, height).reshape(shape)


def _seen(scene: Scene, settings: SceneSettings, sample: int) -> _Seen:
    moments = torch.arange(settings.frames, device=scene.kinds.device) * settings.color_samples + sample
    solids = solids_of(scene, moments)
    cameras, focals = scene.camera_from_world[:, moments].flatten(0, 1), scene.focals_px[:, moments].flatten()
    shift, coarser = SHIFTS[sample % len(SHIFTS)], COARSER[sample % len(COARSER)]
    origins, directions = camera_rays(cameras, focals, settings.width, settings.height, shift)
    hits = hits_of(scene, origins, directions, solids)
    lights = scene.lights[:, moments].flatten(0, 1)
    color = colors_of(scene, hits, directions, solids, focals, lights, coarser)
    return _Seen(cameras, focals, directions, solids, hits, color)


def _square(matrices: Tensor) -> Tensor:
    last = torch.tensor([0.0, 0.0, 0.0, 1.0], device=matrices.device)
    return torch.cat([matrices, last.expand(*matrices.shape[:-2], 1, 4)], -2)


def _intrinsics(focals_px: Tensor, width: int, height: int) -> Tensor:
    matrices = torch.zeros(*focals_px.shape, 3, 3, device=focals_px.device)
    matrices[..., 0, 0] = matrices[..., 1, 1] = focals_px
    matrices[..., 0, 2], matrices[..., 1, 2], matrices[..., 2, 2] = width / 2, height / 2, 1.0
    return matrices
