"""How bright and of what color each hit is: texture, sun or lamp with its shadows, light from all around, haze."""

import torch
from torch import Tensor

from model_server.training.synthetic.cast import Solids, clear_ways
from model_server.training.synthetic.hits import Hits
from model_server.training.synthetic.scene import Scene
from model_server.training.synthetic.textures import TILE, texels_at

GLANCING = 0.15  # cosine below which a surface's texture is no longer coarsened
CORNER_METERS, CORNER_DARKNESS = 0.35, 0.35  # how far into the room, and how much, a corner keeps light away
SHADOW_SLACK = 3e-4  # of the way to the light, within which a surface does not shade itself


def colors_of(
    scene: Scene, hits: Hits, directions: Tensor, solids: Solids, focals: Tensor, lights: Tensor, coarser: float
) -> Tensor:
    """Linear light (3, F, Q, 16) that comes back along each ray.

    Args:
        scene: with leading B.
        hits: of the rays along `directions` (3, F, Q, 16).
        solids: of the F moments.
        focals: (F,) pixels.
        lights: (F, 3) where the light is.
        coarser: levels to add to a texture's own, so that samples of one pixel blend two levels.
    """
    pictures = len(focals)
    each = pictures // len(scene.kinds)

    def of_each(values: Tensor) -> Tensor:
        """(B, ...) as (..., F, 1, 1)."""
        return values.repeat_interleave(each, 0).movedim(0, -1)[..., None, None]

    albedo, glow = _albedo(scene, hits, directions, focals, coarser, each)
    to_light = lights.T[:, :, None, None] - hits.place
    distance = (to_light * to_light).sum(0).sqrt()
    facing = ((hits.normal * to_light).sum(0) / distance).clamp(min=0)
    lit = _lit(hits, lights, -to_light, solids, facing > 0)
    reach = of_each(scene.light_reach)
    fading = torch.where(reach > 0, 2 / (1 + (distance / reach.clamp(min=1e-3)) ** 2), 1.0)
    upward = 0.5 - 0.5 * hits.normal[1]
    below, above = of_each(scene.ambient_colors)
    ambient = (below + (above - below) * upward) * _openness(scene, hits, each)
    color = albedo * (ambient + of_each(scene.light_color) * (facing * lit * fading) + glow)

    horizon = of_each(scene.sky_colors[:, 0])
    length = (directions * directions).sum(0).sqrt()
    seen = 1 - torch.exp(-of_each(scene.fog) * hits.depth * length)
    color = color + (horizon - color) * seen
    return _with_sky(scene, color, hits.sky, directions / length, each)


def _albedo(
    scene: Scene, hits: Hits, directions: Tensor, focals: Tensor, coarser: float, each: int
) -> tuple[Tensor, Tensor]:
    surfaces = scene.tiles.shape[1]
    clip = torch.arange(len(scene.kinds), device=focals.device).repeat_interleave(each)[:, None, None]
    row = (hits.surface + clip * surfaces).flatten()
    table = torch.cat([scene.colors.flatten(-2), scene.tile_meters[..., None], scene.glows[..., None]], -1)
    found = table.flatten(0, 1).T.contiguous().index_select(1, row)
    tile = scene.tiles.flatten().index_select(0, row)
    slant = (hits.normal * directions).sum(0).abs() / (directions * directions).sum(0).sqrt()
    footprint = hits.depth / focals[:, None, None] / slant.clamp(min=GLANCING).sqrt()
    level = torch.log2(footprint.flatten() * TILE / found[12]) + coarser
    texture = texels_at(
        tile, hits.across[0].flatten() / found[12] + 0.37, hits.across[1].flatten() / found[12] + 0.21, level
    )
    color = torch.stack(
        [
            found[4 * i] * texture[0] + found[4 * i + 1] * texture[1] + found[4 * i + 2] * texture[2] + found[4 * i + 3]
            for i in range(3)
        ]
    ).clamp(0.015, 0.95)
    shape = hits.depth.shape
    return (color * color).reshape(3, *shape), found[13].reshape(shape)


def _lit(hits: Hits, lights: Tensor, from_light: Tensor, solids: Solids, wanted: Tensor) -> Tensor:
    """1 where nothing stands between the light and the surface; asked only where `wanted`."""
    wanted = wanted & ~hits.sky
    weight = wanted.float()
    middle = (from_light * weight).sum(-1, keepdim=True) / weight.sum(-1, keepdim=True).clamp(min=1)
    middle = torch.where(wanted.any(-1, keepdim=True), middle, 1.0)
    return clear_ways(lights, torch.where(wanted, from_light, middle), solids, wanted, 1 - SHADOW_SLACK).float()


def _openness(scene: Scene, hits: Hits, each: int) -> Tensor:
    """Less than 1 near the walls and the floor, where less light comes from all around."""
    shell = scene.world_from_local[:, 0, 0]
    openness = torch.ones_like(hits.depth)
    for axis in range(3):
        middle = shell[:, axis, 3].repeat_interleave(each)[:, None, None]
        half = shell[:, axis, axis].repeat_interleave(each)[:, None, None]
        gap = (half - (hits.place[axis] - middle).abs()).clamp(min=0)
        openness = openness * (1 - CORNER_DARKNESS * torch.exp(-gap / CORNER_METERS))
    return openness


def _with_sky(scene: Scene, color: Tensor, sky: Tensor, ways: Tensor, each: int) -> Tensor:
    """Clouds on a gradient, worked out only where nothing was hit."""
    rays = torch.nonzero(sky.flatten())[:, 0]
    if len(rays) == 0:
        return color
    clip = rays // (sky[0].numel() * each)
    x, y, z = ways.flatten(1).index_select(1, rays)
    up = (-y).clamp(min=0)
    far = 0.4 / (up + 0.15)
    cloud = texels_at(scene.sky_tile[clip], x * far, z * far, torch.zeros_like(up))[0]
    horizon, zenith = scene.sky_colors[clip].unbind(1)
    light = horizon.T + (zenith - horizon).T * up.sqrt() + (cloud - 0.5).clamp(min=0) * 1.2 * up.sqrt()
    return color.flatten(1).index_copy(1, rays, light).reshape(color.shape)
