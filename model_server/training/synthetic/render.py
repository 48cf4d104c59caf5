"""Draws a batch of scenes: several moments of the shutter for color, the frame's own time for the truth."""

import torch

from model_server.training.clip import Clip
from model_server.training.synthetic.cast import first_hits, solids_of
from model_server.training.synthetic.hits import hits_of
from model_server.training.synthetic.rays import camera_rays, picture
from model_server.training.synthetic.scene import Scene
from model_server.training.synthetic.sensor import developed
from model_server.training.synthetic.settings import SceneSettings
from model_server.training.synthetic.shading import colors_of
from model_server.training.synthetic.truth import truth_of

COARSER = (0.0, -0.4, 0.4, 0.2)  # levels of texture that the samples of a pixel add
# Where in the pixel the samples of a color look; the first is the frame's own time and looks at the center.
SHIFTS = ((0.0, 0.0), (-0.3, 0.15), (0.3, -0.15), (0.1, 0.35))


@torch.no_grad()
def render(scene: Scene, settings: SceneSettings) -> Clip:
    """The pictures of a batch of scenes with their truth.

    Args:
        scene: with leading B, its T = frames * color_samples moments, on any device.
        settings: frames and size of the pictures.
    """
    size = (settings.width, settings.height)
    clips, frames = len(scene.kinds), settings.frames
    light, truth = None, None
    for sample in range(settings.color_samples):
        moments = torch.arange(frames, device=scene.kinds.device) * settings.color_samples + sample
        solids = solids_of(scene, moments)
        cameras, focals = scene.camera_from_world[:, moments].flatten(0, 1), scene.focals_px[:, moments].flatten()
        origins, directions = camera_rays(cameras, focals, *size, SHIFTS[sample % len(SHIFTS)])
        hits = hits_of(scene, origins, directions, solids)
        lights = scene.lights[:, moments].flatten(0, 1)
        color = colors_of(scene, hits, directions, solids, focals, lights, COARSER[sample % len(COARSER)])
        light = color if light is None else light + color
        if sample == 0:
            truth = truth_of(scene, hits, directions, solids, cameras, focals, size)
    assert light is not None and truth is not None
    linear = picture(light / settings.color_samples, *size).unflatten(1, (clips, frames)).movedim(0, 2)
    own_times = torch.arange(frames, device=scene.kinds.device) * settings.color_samples
    return Clip(
        images=developed(linear, scene),
        depth=truth.depth,
        valid=truth.depth > 0,
        camera_from_world=_square(scene.camera_from_world[:, own_times]),
        intrinsics=_intrinsics(scene.focals_px[:, own_times], *size),
        moving=truth.moving,
        flow=truth.flow,
    )


@torch.no_grad()
def draft(scene: Scene, settings: SceneSettings, width: int, height: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Depth and moving mask of a batch, each (B, S, height, width), at another size: a quick look at a scene."""
    moments = torch.arange(settings.frames, device=scene.kinds.device) * settings.color_samples
    solids = solids_of(scene, moments)
    cameras = scene.camera_from_world[:, moments].flatten(0, 1)
    focals = scene.focals_px[:, moments].flatten() * (width / settings.width)
    origins, directions = camera_rays(cameras, focals, width, height)
    depth, which = first_hits(origins, directions, solids)
    moves = scene.moves.repeat_interleave(settings.frames, 0).gather(1, which.flatten(1)).reshape(which.shape)
    return tuple(picture(values, width, height).unflatten(0, (-1, settings.frames)) for values in (depth, moves))


def _square(matrices: torch.Tensor) -> torch.Tensor:
    last = torch.tensor([0.0, 0.0, 0.0, 1.0], device=matrices.device)
    return torch.cat([matrices, last.expand(*matrices.shape[:-2], 1, 4)], -2)


def _intrinsics(focals_px: torch.Tensor, width: int, height: int) -> torch.Tensor:
    matrices = torch.zeros(*focals_px.shape, 3, 3, device=focals_px.device)
    matrices[..., 0, 0] = matrices[..., 1, 1] = focals_px
    matrices[..., 0, 2], matrices[..., 1, 2], matrices[..., 2, 2] = width / 2, height / 2, 1.0
    return matrices
