"""Mattes of the layers on the plate: at footage size, distorted as the plate is, with edges that follow the picture.

The guided filter (K. He, J. Sun, X. Tang, "Guided image filtering", PAMI 2013), its coefficients found at model size
and used at footage size (K. He, J. Sun, "Fast guided filter", arXiv 1505.00996).
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from model_server.errors import ServerError
from model_server.geometry.cameras import pixel_centers
from model_server.geometry.lens import undistort_pixels
from model_server.geometry.shot import Array, Layers, Plate, Progress, Solution
from model_server.pipeline.optical_flow import inside, sample

_RADIUS = 0.006  # of the picture's width: how far from its rough edge a matte looks for the picture's
_SMOOTHNESS = 1e-4  # contrast (squared, of 1) that does not count as an edge
_SOFT = 0.1  # alpha this near to 0 or 1 becomes 0 or 1


def write_mattes(
    plate: Plate, layers: Layers, solution: Solution, frame_numbers: Sequence[int], folder: Path, progress: Progress
) -> None:
    """Write `folder/layer_01/0001.png` and on: 8 bit gray, footage size, plate pixels; 255 is the thing.

    Every layer has a picture for every frame of the clip, black where the thing is not seen, so that an image sequence
    has no gaps but the clip's own. Names are the layer's id in two digits or more and the footage's frame number in
    four or more: `layer_{id:02d}/{number:04d}.png`.

    Args:
        frame_numbers: the footage's own, one for each frame.

    Raises:
        ServerError: a matte can't be written.
    """
    paths = {thing.id: folder / f"layer_{thing.id:02d}" for thing in layers.things}
    for path in paths.values():
        path.mkdir(parents=True, exist_ok=True)
    empty = _encoded(np.zeros((plate.height, plate.width), np.uint8), "that shows nothing")
    for index, number in enumerate(frame_numbers):
        labels = np.asarray(layers.labels[index])
        present = [thing_id for thing_id in paths if (labels == thing_id).any()]
        mattes = _frame_mattes(plate, index, solution, labels, present) if present else {}
        for thing_id, path in paths.items():
            if thing_id in mattes:
                write_matte(path / f"{number:04d}.png", mattes[thing_id])
            else:
                (path / f"{number:04d}.png").write_bytes(empty)
        progress((index + 1) / len(frame_numbers))


def write_matte(path: Path, matte: Array) -> None:
    """Write (FH, FW) uint8 as an 8 bit gray PNG; raises ServerError where that fails."""
    path.write_bytes(_encoded(matte, path.name))


def _encoded(matte: Array, name: str) -> bytes:
    done, data = cv2.imencode(".png", matte)
    if not done:
        raise ServerError(f"the matte {name} can't be encoded", hint="report this, with the footage")
    return data.tobytes()


def _frame_mattes(plate: Plate, index: int, solution: Solution, labels: Array, ids: list[int]) -> dict[int, Array]:
    """(FH, FW) uint8 for each id."""
    height, width = labels.shape
    centers = plate.pixels.footage_from_model(pixel_centers(width, height))
    flat = undistort_pixels(centers, solution.intrinsics[index], solution.distortion)
    places = plate.pixels.model_from_footage(flat)
    covered = inside(places, width, height, margin=0.0)
    footage = plate.pixels.model_from_footage(pixel_centers(plate.width, plate.height)).astype(np.float32)
    guide, full = np.asarray(plate.images[index], np.float32) / 255, plate.frame(index).astype(np.float32) / 255
    radius = max(2, round(_RADIUS * width))
    mattes = {}
    for thing_id in ids:
        rough = sample((labels == thing_id).astype(np.float32), places) * covered
        area = _around(rough, 3 * radius, plate, footage.shape)
        slopes, offset = _guided_around(guide, rough, radius)
        at = footage[area]
        alpha = (sample(slopes, at) * full[area]).sum(-1) + sample(offset, at)
        near = sample(cv2.dilate(rough, np.ones((2 * radius + 1,) * 2, np.uint8)), at) > 0
        alpha = np.clip((alpha - _SOFT) / (1 - 2 * _SOFT), 0, 1) * near
        mattes[thing_id] = np.zeros(footage.shape[:2], np.uint8)
        mattes[thing_id][area] = np.rint(alpha * 255)
    return mattes


def _around(rough: Array, margin: int, plate: Plate, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The part of the footage's picture in which a matte can be other than black."""
    rows, columns = np.flatnonzero(rough.any(axis=1)), np.flatnonzero(rough.any(axis=0))
    if not len(rows):
        return slice(0, 1), slice(0, 1)
    corners = np.array([[columns[0] - margin, rows[0] - margin], [columns[-1] + 1 + margin, rows[-1] + 1 + margin]])
    low, high = plate.pixels.footage_from_model(corners.astype(np.float64))
    return (
        slice(max(0, int(low[1])), min(shape[0], int(np.ceil(high[1])))),
        slice(max(0, int(low[0])), min(shape[1], int(np.ceil(high[0])))),
    )


def _guided_around(guide: Array, alpha: Array, radius: int) -> tuple[Array, Array]:
    """`_guided`, worked out only where it can be other than zero."""
    slopes, offset = np.zeros_like(guide), np.zeros_like(alpha)
    y, x, width, height = (int(v) for v in np.array(cv2.boundingRect((alpha > 0).astype(np.uint8)))[[1, 0, 2, 3]])
    margin = 5 * radius
    part = slice(max(0, y - margin), y + height + margin), slice(max(0, x - margin), x + width + margin)
    slopes[part], offset[part] = _guided(guide[part], alpha[part], radius)
    return slopes, offset


def _guided(guide: Array, alpha: Array, radius: int) -> tuple[Array, Array]:
    """Coefficients (H, W, 3) and (H, W) of the color guided filter: alpha = slopes . color + offset."""

    def mean(values: Array) -> Array:
        return np.asarray(cv2.blur(values, (2 * radius + 1, 2 * radius + 1)))

    colors, level = mean(guide), mean(alpha)
    products = (guide[..., :, None] * guide[..., None, :]).reshape(*alpha.shape, 9)
    second = np.concatenate([mean(products[..., k : k + 3]) for k in (0, 3, 6)], axis=-1).reshape(*alpha.shape, 3, 3)
    spread = second - colors[..., :, None] * colors[..., None, :] + _SMOOTHNESS * np.eye(3, dtype=np.float32)
    common = mean(guide * alpha[..., None]) - colors * level[..., None]
    slopes = np.linalg.solve(spread, common[..., None])[..., 0].astype(np.float32)
    offset = level - (slopes * colors).sum(-1)
    return mean(slopes), mean(offset)
