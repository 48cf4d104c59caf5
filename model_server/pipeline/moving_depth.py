"""A plausible depth for what moves: it stands where it touches the ground.

One camera can't triangulate what moves. A person's feet, though, are as far away as the floor beneath them (D. Hoiem,
A. Efros, M. Hebert, "Putting objects in perspective", CVPR 2006), and the body stands upright over them: a card that
faces the camera, with sections as round as its outline is wide, or flat over an edge that it stands on. All of it is a
guess, and its confidence says so. An engine that knows what moves is believed instead.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import median_filter

from model_server.geometry.cameras import unproject
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, DepthMaps, Ground, Layers, Solution, SolveMode
from model_server.pipeline.checkpoint import new_array
from model_server.pipeline.ground import floor_depth
from model_server.pipeline.optical_flow import grid
from model_server.pipeline.quantile_path import quantile_path
from model_server.pipeline.still_view import MEASURED

GUESSED = 0.3  # confidence of these depths
_SOLE = 0.06  # of a thing's height: the band of its lowest pixels
_CRUMB = 0.05  # of a thing's largest piece
_BESIDE = 3  # pixels under the soles, past the soft edge, where the still depth is read
_AIRBORNE = 0.95  # of the still depth around it, for a thing that stands nowhere
_AGREE = 0.2  # by which floor and still depth may differ before the soles count as hidden or in the air
_GROUNDED = 5  # percentile of a thing's sizes that counts as the least
_SAME_SIZE = 1.08  # times another: what stands keeps its size, and where most frames agree on it they tell the least
_UPRIGHT = 1.5  # times as tall as wide: such a thing stands, and what makes it grow is more of it that is found
_IN_AIR = 1.1  # times its least size
_USUAL = 1.2  # times the height that a thing usually has; farther off its outline is bad
_STEADY = 1.1  # times it: where half the outlines are farther off, a thing's size tells nothing
_TALLER = 1.1  # times it, up to which an outline that the picture cuts off may be the thing's own
_SIZE_SWING = 60.0  # frames in which a thing's height in the picture may change and change back
# All that goes wrong moves soles up the picture and the thing away: feet in the air, hidden ones, some not found. So
# the path runs below most of what they say, and steps do not show in it. What stands on an edge lifts no feet, and
# has its shadow in its outline as often as its edge is hidden: there it runs through the middle.
_LOW, _MIDDLE, _STEP_SWING = 0.2, 0.5, 24.0
_RELIEF = 1.6  # the card is nowhere this much nearer or farther than its foot
# Of a thing's width: the lowest band of a ball is 0.47 wide, and what is broader there stands on its front; by this
# percentile of its frames, for in others its edge is hidden, or has a shadow before it.
_EDGE, _CLEAREST = 0.55, 75
_MOST_THICKNESS = 0.1  # of the depth, from its middle to its front
_CLEARLY_OFF = 0.15  # relative, by which known depth must miss the place a thing stands on before it is moved there
_SURE_FRAMES = 3  # in which that place must be sure
_AGREEING = 3.0  # times the spread over those frames that the miss must be


@dataclass(frozen=True)
class _Foot:
    """Where a thing seems to stand in one frame."""

    sole: Array  # (2,) pixel, middle of the lowest ones
    depth: float  # of the floor there; NaN = not known
    sure: bool  # the soles are in the picture, and floor and still depth agree
    height: float  # of the thing, pixels over focal length
    width: float
    breadth: float  # of the lowest pixels, a share of the thing's width
    cut: bool  # it goes on below the picture: then it is no farther than the floor at the picture's edge


def stand_on_ground(
    depth: DepthMaps, layers: Layers, solution: Solution, pixels: PixelMap, ground: Ground, folder: Path | None = None
) -> DepthMaps:
    """Depth maps in which every thing of `layers` is upright over the place it stands on, and as thick as it is wide.

    What stands on an edge as broad as itself is flat instead: its lowest pixels are its front already. What is taller
    than wide is never in the air.
    The place is where the ray through its lowest pixels meets the floor, or the still depth measured just beneath them.
    Frames in which neither can be trusted (soles hidden or out of the picture) take their depth from those around
    them. A thing in the air seems to stand too far off, and so too large: it gets the depth at which it keeps its
    least size. One that never stands is put a little in front of what is behind it. Depths follow a smooth path over
    time, so that things don't flicker.

    Where `depth` knows moving pixels it stays; a thing whose soles are clearly not on the floor in it is brought there
    as a whole, by one factor for all its frames.

    Args:
        depth: of what stands still; at moving pixels it is what lies around or behind them, or their own.
        ground: up and floor, in the units and the world of `solution`.
        folder: where the new arrays are kept, as `checkpoint.new_array` makes them; None keeps them in memory.

    Returns:
        New depth maps; where the depth of moving pixels was not known, their confidence is 0.3 (0 on a
        tripod). Frames without a pose are left as they are.
    """
    values, confidence = _copy(depth.depth, "depth", folder), _copy(depth.confidence, "confidence", folder)
    intrinsics = pixels.model_intrinsics(solution.intrinsics)
    known = np.asarray(np.isfinite(solution.camera_from_world).all(axis=(1, 2)))
    for thing in layers.things:
        seen = [i for i in range(thing.first, thing.last + 1) if known[i] and (layers.labels[i] == thing.id).any()]
        feet = [
            _foot(depth, layers.labels[i] == thing.id, i, solution.camera_from_world[i], intrinsics[i], ground)
            for i in seen
        ]
        if depth.knows_moving:
            factor = _factor_to_ground(depth, layers.labels, thing.id, seen, feet)
            for index in range(thing.first, thing.last + 1):
                values[index][np.asarray(layers.labels[index]) == thing.id] *= np.float32(factor)
            continue
        is_round = _is_round(feet)
        for index, foot, foot_depth in zip(seen, feet, _steady(np.array(seen), feet, _LOW if is_round else _MIDDLE)):
            here, still = np.asarray(layers.labels[index]) == thing.id, np.asarray(depth.depth[index])
            around = still[here][still[here] > 0]
            if not np.isfinite(foot_depth) and not len(around):
                continue
            pose, lens = solution.camera_from_world[index], intrinsics[index]
            at = foot_depth if np.isfinite(foot_depth) else _AIRBORNE * float(np.median(around))
            card = _body(unproject(foot.sole, np.array(at), lens), here, pose[:3, :3] @ ground.up, lens, is_round)
            if len(around) and not any(foot.sure for foot in feet):  # never behind what seems to be hidden by it
                card *= min(1.0, float(np.median(around / card[still[here] > 0])))
            # On a tripod not even what is around it is known.
            values[index][here], confidence[index][here] = card, 0 if solution.mode is SolveMode.TRIPOD else GUESSED
    return replace(depth, depth=values, confidence=confidence)


def _copy(array: Array, field: str, folder: Path | None) -> Array:
    if folder is None:
        return np.array(array)
    copy = new_array(folder, field, str(array.dtype), array.shape)
    for index, frame in enumerate(array):
        copy[index] = frame
    return copy


def _factor_to_ground(depth: DepthMaps, labels: Array, thing: int, frames: list[int], feet: list[_Foot]) -> float:
    """What brings a thing's own depth to where it stands; 1 where that is not clearly elsewhere."""
    logs = []
    for index, foot in zip(frames, feet):
        here = np.asarray(labels[index]) == thing
        own = np.asarray(depth.depth[index])[_soles(here)]
        if foot.sure and (own > 0).any():
            logs.append(np.log(foot.depth / np.median(own[own > 0])))
    if len(logs) < _SURE_FRAMES:
        return 1.0
    off = float(np.median(logs))
    spread = 1.4826 * float(np.median(np.abs(np.array(logs) - off)))
    return float(np.exp(off)) if abs(off) > max(np.log1p(_CLEARLY_OFF), _AGREEING * spread) else 1.0


def _foot(depth: DepthMaps, here: Array, index: int, pose: Array, intrinsics: Array, ground: Ground) -> _Foot:
    still, confidence = np.asarray(depth.depth[index]), np.asarray(depth.confidence[index], np.float32)
    here = _without_crumbs(here)
    y, x = _soles(here)
    below = y + _BESIDE
    seen = below < len(here)
    sole = np.array([np.median(x) + 0.5, np.median(y) + 1.0])
    beneath = still[below[seen], x[seen]]
    beneath = beneath[(beneath > 0) & (confidence[below[seen], x[seen]] >= MEASURED)]
    measured = float(np.median(beneath)) if len(beneath) >= max(2, 0.3 * len(x)) else np.nan
    on_floor = floor_depth(sole, pose, intrinsics, ground.floor)
    sure = bool(seen.mean() > 0.5)
    found = measured if np.isfinite(measured) else on_floor
    if np.isfinite(measured) and np.isfinite(on_floor):
        agree = abs(measured / on_floor - 1) < _AGREE
        sure &= agree
        found = on_floor if agree else measured  # the floor is what all the shot says
    rows = np.flatnonzero(here.any(axis=1))
    height = (rows[-1] + 1 - rows[0]) / intrinsics[1, 1]
    cut = bool(seen.mean() <= 0.5)
    if cut and np.isfinite(on_floor):
        found = on_floor
    breadth = len(x) / np.count_nonzero(here.any(axis=0))
    width = np.count_nonzero(here.any(axis=0)) / intrinsics[0, 0]
    return _Foot(sole, float(found), sure and bool(np.isfinite(found)), float(height), float(width), breadth, cut)


def _without_crumbs(here: Array) -> Array:
    """Pieces that hardly count, of a shadow or of something else, say nothing of where a thing stands."""
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(here.astype(np.uint8))
    sizes = stats[:, cv2.CC_STAT_AREA].copy()
    sizes[0] = 0  # the background
    return np.asarray((sizes >= _CRUMB * sizes.max())[pieces] & here)


def _soles(here: Array) -> tuple[Array, Array]:
    """Rows and columns of the lowest pixel of every column that reaches the lowest band of the thing."""
    rows = np.flatnonzero(here.any(axis=1))
    columns = np.flatnonzero(here.any(axis=0))
    lowest = here.shape[0] - 1 - np.argmax(here[::-1, columns], axis=0)
    band = rows[-1] - max(2.0, _SOLE * (rows[-1] - rows[0]))
    return lowest[lowest >= band], columns[lowest >= band]


def _is_round(feet: list[_Foot]) -> bool:
    """Whether a thing does not stand on an edge as broad as itself; what is tall has feet."""
    if not feet or _is_tall(feet):
        return True
    return bool(np.percentile([foot.breadth for foot in feet], _CLEAREST) < _EDGE)


def _is_tall(feet: list[_Foot]) -> bool:
    return bool(np.median([foot.height / foot.width for foot in feet]) >= _UPRIGHT)


def _steady(frames: Array, feet: list[_Foot], quantile: float) -> Array:
    """Depth for each of the frames that show the thing, NaN where nothing tells, without flicker.

    `quantile`: share of what the frames say that is nearer.
    """
    depths, sure = np.array([foot.depth for foot in feet]), np.array([foot.sure for foot in feet])
    if not sure.any():
        sure = np.isfinite(depths)
    if not sure.any():
        return depths
    heights = np.array([foot.height for foot in feet])
    cut = np.array([foot.cut for foot in feet])
    whole = sure & ~cut if (sure & ~cut).any() else sure
    usual = np.exp(quantile_path(frames, np.log(heights), whole, 0.5, _SIZE_SWING))
    # A ball touches the floor for a frame or two; one that has a bad outline must not count as that.
    shown, heights = heights, median_filter(heights, 5, mode="nearest")
    unlike = np.abs(np.log(heights / usual))
    good, seen = sure & (unlike < np.log(_USUAL)), sure
    if good.any() and np.median(unlike[sure]) < np.log(_STEADY):
        sure = good
        # What seems taller than usual has its shadow in its outline: it comes down on it, no taller than it was.
        on_shadow = seen & ~good & ~cut & (shown > usual)
        least = _least_size(depths[sure] * heights[sure], depths[on_shadow] * usual[on_shadow])
        # Where the picture cuts it off for a while, it has the height that it has before and after; what seems taller
        # there has its shadow, or something else, in its outline.
        between = cut & np.isfinite(depths) & (frames > frames[sure][0]) & (frames < frames[sure][-1])
        between &= shown < _TALLER * usual
        least = float(np.min(depths[between] * usual[between], initial=least))
        if not _is_tall(feet):
            in_air = sure & (depths * heights > _IN_AIR * least)
            depths[in_air] = least / heights[in_air]
    logs = np.log(np.where(sure, depths, 1.0))
    return np.asarray(np.exp(quantile_path(frames, logs, sure, quantile, _STEP_SWING)))


def _least_size(sizes: Array, on_shadow: Array) -> float:
    """What a thing has for its size: where most are alike it stands, and they tell; else when it seems to be lowest."""
    alike = np.abs(np.log(sizes / np.median(sizes))) < np.log(_SAME_SIZE)
    counted = sizes[alike] if alike.mean() > 0.5 else np.concatenate([sizes, on_shadow])
    return float(np.percentile(counted, _GROUNDED))


def _body(foot: Array, here: Array, up: Array, intrinsics: Array, is_round: bool) -> Array:
    """(n,) depth of a thing: an upright card through `foot` that faces the camera, round towards it or flat."""
    facing = foot - (foot @ up) * up
    rays = unproject(grid(here.shape[1], here.shape[0])[here].astype(np.float64), np.ones(int(here.sum())), intrinsics)
    slope = rays @ facing
    met = np.where(slope > 1e-6, (foot @ facing) / np.maximum(slope, 1e-6), foot[2])
    card = np.clip(met, foot[2] / _RELIEF, foot[2] * _RELIEF)
    if not is_round:
        return np.asarray(card)  # the edge below is its front
    return np.asarray(card * (1 - np.minimum(_thickness(here)[here] / intrinsics[0, 0], _MOST_THICKNESS)))


def _thickness(here: Array) -> Array:
    """(H, W) float32 pixels from the middle of a thing to its surface: as thick as it is wide, with round sections."""
    thickness = np.zeros(here.shape, np.float32)
    x, y, width, height = cv2.boundingRect(here.astype(np.uint8))
    rows, columns = slice(y, y + height), slice(x, x + width)
    away = cv2.distanceTransform(np.pad(here[rows, columns], 1).astype(np.uint8), cv2.DIST_L2, 3)
    side = 2 * int(away.max()) + 1
    radius = cv2.dilate(away, np.ones((side, side), np.uint8))
    thickness[rows, columns] = np.sqrt(away * (2 * radius - away))[1:-1, 1:-1]
    return thickness
