"""Dense depth of what stands still, from photographs whose cameras are known.

Five passes over the shot, one frame and the few it is compared with at a time. Planes are swept, semi-global matching
picks one at every pixel, and the choice is refined; what the frames' maps agree on counts as measured; the rest is
filled in from it; last, frames steady each other, twice: a wrong depth looks for its votes in the wrong places. All at
half the size of the images, brought to theirs at the end.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.engines.classical.depth_fusion import HIDDEN, fuse_depth, points_of_others, steady_depth
from model_server.engines.classical.filling import fill
from model_server.engines.classical.frame_plans import FramePlan, plan_frames
from model_server.engines.classical.photographs import COST_OF_NO_CORRELATION, View, has_own_texture
from model_server.engines.classical.plane_sweep import best_planes, sweep
from model_server.engines.classical.refinement import refine
from model_server.engines.classical.semi_global import aggregate
from model_server.engines.classical.upsampling import upsample
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.plate_area import plate_area
from model_server.geometry.shot import Array, DepthMaps, Progress, Solution, SolveMode
from model_server.geometry.tripod_sphere import sphere_depth

Image = NDArray[np.float32]
Mask = NDArray[np.uint8]

SHRINK = 2  # depth is measured at 1 / SHRINK of the images' size
WORKERS = 2
REFINING_STEP = 1 / 3  # of the distance between planes
CHANCE = COST_OF_NO_CORRELATION / 2  # what costs more is as likely chance: no frame counts as having measured it
LEAST_SUPPORT = 2  # frames that must agree before a depth counts as measured
JUMP = 1.15  # ratio of depths across a surface's rim; windows smear it, so it is filled anew along the image's edges
RIM = 7  # pixels
WHOLE = 7  # pixels: where a match ends, windows saw the texture that lies further in
AGREEMENT = 0.02  # of the depth: two frames measured the same
NEIGHBORS_AGREE = 0.05  # of the depth: points that come to lie beside each other
STEADY = 5  # frames before and after that steady a frame
FILLED_CONFIDENCE = 0.2
VIEWS_KEPT = 32  # photographs, small; the next frames are compared with the same ones


def dense_depth(images: Array, pixels: PixelMap, solution: Solution, progress: Progress) -> DepthMaps:
    """Depth for every pixel of every frame whose camera is known.

    Confidence tells where it comes from: 0.5..1 measured here and confirmed by two or more other frames; 0.2 filled in
    from what surrounds it (no texture, moving things, sky: the depth of what borders it); 0 unknown, with depth 0 (no
    camera, nothing to compare with, or outside the plate). Tripod shots have no parallax: a sphere of radius 5 around
    the camera, confidence 0.

    Args:
        images: (F, H, W, 3) uint8 sRGB, undistorted.
        pixels: model <-> footage.
        solution: cameras, lens and solved points.
        progress: told the share that is done.

    Returns:
        Depth in the solution's units, consistent with its cameras.
    """
    if solution.mode is SolveMode.TRIPOD:
        return sphere_depth(images.shape[2], images.shape[1], pixels, solution, progress)
    frame_count, height, width = images.shape[:3]
    shot = _SmallShot(images, pixels, solution)
    # Inverse depth; of `first` and `measured`, below 0 is a guess that only its own frame may use.
    first, measured, filled, steadied = (np.zeros((frame_count, *shot.size), np.float32) for _ in range(4))
    support = np.zeros((frame_count, *shot.size), np.uint8)
    depth = np.zeros((frame_count, height, width), np.float32)
    confidence = np.zeros((frame_count, height, width), np.float16)

    def measure(frame: int, plan: FramePlan) -> None:
        first[frame] = _measure(shot, frame, plan)

    def confirm(frame: int, plan: FramePlan) -> None:
        measured[frame], support[frame] = _confirm(shot, frame, plan, first)

    def complete(frame: int, plan: FramePlan) -> None:
        filled[frame] = _complete(shot, frame, plan, first, measured)

    def steady(frame: int, _: FramePlan) -> None:
        steadied[frame] = _steady(shot, frame, measured, filled)

    def finish(frame: int, plan: FramePlan) -> None:
        depth[frame], confidence[frame] = _finish(shot, frame, plan, first, measured, support, steadied)

    with ThreadPoolExecutor(WORKERS) as workers:
        done = 0.0
        for step, share in ((measure, 0.8), (confirm, 0.02), (complete, 0.1), (steady, 0.03), (finish, 0.05)):
            for index, _ in enumerate(workers.map(step, shot.plans.keys(), shot.plans.values()), start=1):
                progress(done + share * index / len(shot.plans))
            done += share
    return DepthMaps(depth, confidence)


def _measure(shot: "_SmallShot", frame: int, plan: FramePlan) -> Image:
    """Pass 1: what this frame and its sources say by themselves; below 0 where that is as likely chance."""
    view, sources, planes = shot.view(frame), [shot.view(source) for source in plan.sources], plan.inverse_depths
    chosen = cv2.medianBlur(best_planes(aggregate(sweep(view, sources, planes), view.gray), planes), 5)
    step = REFINING_STEP * (planes[1] - planes[0])
    refined, cost = refine(view, sources, np.asarray(chosen, np.float32), step)
    limited = np.clip(refined, planes[0], planes[-1])
    return np.asarray(np.where(cost < CHANCE, limited, -limited), np.float32)


def _confirm(shot: "_SmallShot", frame: int, plan: FramePlan, first: Image) -> tuple[Image, Mask]:
    """Pass 2: inverse depth where the frames agree, 0 elsewhere and on the rims of surfaces; how many agree.

    Below 0 where too few others know a depth to agree or not, but the first map looks right.
    """
    own, likely = np.abs(first[frame]), (first[frame] > 0).astype(np.uint8)
    others = [(shot.view(source), np.maximum(first[source], 0)) for source in plan.sources if source in shot.plans]
    fused, support, knowing = fuse_depth(shot.view(frame), own, others, AGREEMENT)
    square = np.ones((RIM, RIM), np.uint8)
    nearest = cv2.dilate(np.where(likely, fused, 0), square)
    farthest = cv2.erode(np.where(likely, fused, nearest.max()), square)
    inside = nearest < JUMP * farthest
    whole = cv2.erode(likely, np.ones((WHOLE, WHOLE), np.uint8)) > 0
    good = inside & whole & has_own_texture(shot.view(frame).gray)
    alone = good & (knowing < LEAST_SUPPORT) & (support == knowing)
    confirmed = good & (support >= LEAST_SUPPORT)
    return np.where(confirmed, fused, np.where(alone, -own, 0)), support


def _complete(shot: "_SmallShot", frame: int, plan: FramePlan, first: Image, measured: Image) -> Image:
    """Pass 3: a value everywhere, from what was measured here, then in its sources, then guessed, then around it.

    What sources measured behind what this frame itself sees, confirmed or not, is hidden here and tells nothing.
    """
    others = [(shot.view(source), np.maximum(measured[source], 0)) for source in plan.sources]
    elsewhere = points_of_others(shot.view(frame), others, NEIGHBORS_AGREE)
    elsewhere[first[frame] > HIDDEN * elsewhere] = 0
    limits = float(plan.inverse_depths[0]), float(plan.inverse_depths[-1])
    here, guessed = np.maximum(measured[frame], 0), np.maximum(-measured[frame], 0)
    return fill(shot.image(frame), here, np.where(elsewhere > 0, elsewhere, guessed), limits)


def _steady(shot: "_SmallShot", frame: int, measured: Image, maps: Image) -> Image:
    """Pass 4, and part of the last: a frame's map, steadied by those of the frames before and after."""
    beside = [other for other in range(frame - STEADY, frame + STEADY + 1) if other != frame and other in shot.plans]
    others = [(shot.view(other), maps[other], np.maximum(measured[other], 0)) for other in beside]
    return steady_depth(shot.view(frame), maps[frame], others)


def _finish(
    shot: "_SmallShot",
    frame: int,
    plan: FramePlan,
    first: Image,
    measured: Image,
    support: Mask,
    steadied: Image,
) -> tuple[Image, Image]:
    """Pass 5: depth and confidence at the images' size, steadied once more."""
    steady = _steady(shot, frame, measured, steadied)
    agreed = np.minimum(support[frame] / np.float32(len(plan.sources)), 1)
    held = np.abs(steady - first[frame]) < AGREEMENT * steady
    confirmed = held & (support[frame] >= LEAST_SUPPORT)
    trust = np.where(confirmed, 0.5 + 0.5 * agreed, FILLED_CONFIDENCE).astype(np.float32)
    large = shot.large_image(frame)
    inverse_depth, trust = upsample(steady, trust, shot.image(frame), large)
    shown = shot.plate(frame, large.shape[1], large.shape[0])
    return np.where(shown, 1 / inverse_depth, 0), np.where(shown, trust, 0)


class _SmallShot:
    """The photographs at the size that depth is measured at, and what to compare each with."""

    def __init__(self, images: Array, pixels: PixelMap, solution: Solution) -> None:
        self._images, self._pixels, self._solution = images, pixels, solution
        height, width = images.shape[1:3]
        footage_width, footage_height = pixels.footage_from_model(np.array([width, height], np.float64))
        self.size = max(1, round(height / SHRINK)), max(1, round(width / SHRINK))
        shrunk = PixelMap(
            (pixels.scale[0] * width / self.size[1], pixels.scale[1] * height / self.size[0]), pixels.offset
        )
        self._intrinsics = shrunk.model_intrinsics(solution.intrinsics)
        plans = plan_frames(solution, footage_width, footage_height)
        self.plans = {frame: plan for frame, plan in enumerate(plans) if plan is not None}
        self.view = lru_cache(VIEWS_KEPT)(self._view)

    def large_image(self, frame: int) -> NDArray[np.uint8]:
        """(H, W, 3)."""
        return np.asarray(self._images[frame])

    def image(self, frame: int) -> NDArray[np.uint8]:
        """(h, w, 3)."""
        height, width = self.size
        image = self.large_image(frame)
        return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)

    def _view(self, frame: int) -> View:
        gray = np.maximum(cv2.cvtColor(self.image(frame), cv2.COLOR_RGB2GRAY), 1).astype(np.float32)
        if not self._solution.distortion.is_pinhole:
            gray[~self.plate(frame, self.size[1], self.size[0])] = 0
        return View(gray, self._intrinsics[frame], self._solution.camera_from_world[frame])

    def plate(self, frame: int, width: int, height: int) -> NDArray[np.bool_]:
        """(height, width): pixels of an image of this size that the plate shows."""
        full_height, full_width = self._images.shape[1:3]
        scale = self._pixels.scale[0] * full_width / width, self._pixels.scale[1] * full_height / height
        pixels = PixelMap(scale, self._pixels.offset)
        return plate_area(width, height, pixels, self._solution.intrinsics[frame], self._solution.distortion)
