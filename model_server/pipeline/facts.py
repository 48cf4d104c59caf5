"""The manifest of a solve, from what its stages found."""

import math
from pathlib import Path

import numpy as np

from model_server import __version__
from model_server.engines.engine import Engine
from model_server.footage.clip import ClipInfo
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, FrameStatus, Ground, Layers, Motion, Solution
from model_server.package import manifest as m

_SAME_FOCAL = 1e-6  # relative; a shared focal length differs by rounding only


def manifest_of(
    clip: ClipInfo,
    file_hashes: tuple[str, ...],
    package: Path,
    engine: Engine,
    images: Array,
    pixels: PixelMap,
    solution: Solution,
    ground: Ground,
    motion: Motion,
    layers: Layers,
    seconds: dict[str, float],
) -> m.Manifest:
    """Everything but `files`; images (F, H, W, 3), the solution and the ground in scene units."""
    height, width = images.shape[1:3]
    x, y, z = (float(value) for value in ground.up)
    return m.Manifest(
        made_by=_made_by(engine),
        clip=_clip_facts(clip, file_hashes, package),
        pixels=m.Pixels(width, height, m.FootageFromModel(_pair(pixels.scale), _pair(pixels.offset))),
        lens=_lens_facts(solution),
        scale=m.Scale(metric=False),
        up=(x, y, z),
        floor=_floor(ground),
        solve=m.SolveFacts(
            mode=solution.mode.value,
            median_px=_known(solution.median_px),
            mean_px=_known(solution.mean_px),
            points=len(solution.points),
            focal_sigma_px=_known(solution.focal_sigma_px),
            cuts=tuple(map(int, solution.cuts)),
            assumptions=(*clip.notes, *solution.assumptions),
            seconds=seconds,
        ),
        motion=m.MotionFacts(motion.source),
        layers=_layer_facts(clip, layers),
    )


def _made_by(engine: Engine) -> m.MadeBy:
    weights = engine.weights
    if weights is None:
        return m.MadeBy(__version__, engine.name)
    return m.MadeBy(__version__, engine.name, weights.name, weights.sha256, weights.license)


def _clip_facts(clip: ClipInfo, file_hashes: tuple[str, ...], package: Path) -> m.ClipFacts:
    first, home = clip.files[0].resolve(), package.resolve().parent
    hint = first.relative_to(home) if first.is_relative_to(home) else first
    return m.ClipFacts(
        name=clip.name,
        path=hint.as_posix(),
        files=tuple(m.ClipFile(file.name, sha256) for file, sha256 in zip(clip.files, file_hashes)),
        width=clip.width,
        height=clip.height,
        pixel_aspect=float(clip.pixel_aspect),
        fps=(clip.fps.numerator, clip.fps.denominator),
        first_frame=clip.frame_numbers[0],
        frames=clip.frame_count,
    )


def _lens_facts(solution: Solution) -> m.LensFacts:
    lens = solution.distortion
    focal = solution.intrinsics[solution.status != FrameStatus.UNKNOWN, 0, 0]
    varying = len(focal) > 0 and float(np.ptp(focal)) > _SAME_FOCAL * float(np.mean(focal))
    return m.LensFacts("pinhole" if lens.is_pinhole else "brown", lens.k1, lens.k2, lens.k3, varying_focal=varying)


def _layer_facts(clip: ClipInfo, layers: Layers) -> tuple[m.LayerFacts, ...]:
    numbers = clip.frame_numbers
    background = m.LayerFacts(0, "Background", (numbers[0], numbers[-1]))
    things = (m.LayerFacts(t.id, t.name, (numbers[t.first], numbers[t.last])) for t in layers.things)
    return background, *things


def _floor(ground: Ground) -> tuple[float, float, float, float] | None:
    if ground.floor is None:
        return None
    a, b, c, d = (float(value) for value in ground.floor)
    return a, b, c, d


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _pair(values: tuple[float, float]) -> tuple[float, float]:
    return float(values[0]), float(values[1])
