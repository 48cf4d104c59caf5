"""Mattes of the layers on the plate: at footage size, distorted as the plate is, with edges that follow the picture.

The guided filter (K. He, J. Sun, X. Tang, "Guided image filtering", PAMI 2013), its coefficients found at model size
and used at footage size (K. He, J. Sun, "Fast guided filter", arXiv 1505.00996).
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from model_server.errors import ServerError
from model_server.geometry.cameras import pixel_centers
from model_server.geometry.lens import undistort_pixels
from model_server.geometry.shot import Array, Layers, Plate, Progress, Solution
from model_server.pipeline.ahead import ahead
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
    if not paths:
        return
    empty = _encoded(np.zeros((plate.height, plate.width), np.uint8), "that shows nothing")
    maker = _MatteMaker(plate, solution)

    def pictures() -> Iterator[tuple[int, list[int], Array | None]]:
        """Frames in order, as a movie gives them; those that show no thing are not read."""
        for index in range(len(frame_numbers)):
            present = np.intersect1d(np.asarray(layers.labels[index]), list(paths)).tolist()
            yield index, present, plate.frame(index) if present else None

    def mattes(item: tuple[int, list[int], Array | None]) -> dict[int, bytes]:
        index, present, picture = item
        if picture is None:
            return {}
        made = maker.frame(index, picture, np.asarray(layers.labels[index]), present)
        return {thing_id: _encoded(matte, str(frame_numbers[index])) for thing_id, matte in made.items()}

    for index, made in enumerate(ahead(mattes, pictures())):
        for thing_id, path in paths.items():
            (path / f"{frame_numbers[index]:04d}.png").write_bytes(made.get(thing_id, empty))
        progress((index + 1) / len(frame_numbers))


def write_matte(path: Path, matte: Array) -> None:
    """Write (FH, FW) uint8 as an 8 bit gray PNG; raises ServerError where that fails."""
    path.write_bytes(_encoded(matte, path.name))


def _encoded(matte: Array, name: str) -> bytes:
    done, data = cv2.imencode(".png", matte)
    if not done:
        raise ServerError(f"the matte {name} can't be encoded", hint="report this, with the footage")
    return data.tobytes()


class _MatteMaker:
    """Mattes of single frames, from several threads; what only depends on the lens is worked out once."""

    def __init__(self, plate: Plate, solution: Solution) -> None:
        self._plate, self._solution = plate, solution
        self._radius = max(2, round(_RADIUS * plate.images.shape[2]))
        self._flat = lru_cache(maxsize=4)(self._flat_places)  # a zoom has a lens for every frame
        centers = pixel_centers(plate.width, plate.height)
        self._model_from_footage = plate.pixels.model_from_footage(centers).astype(np.float32)

    def frame(self, index: int, picture: Array, labels: Array, ids: list[int]) -> dict[int, Array]:
        """(FH, FW) uint8 for each id; `picture` is the frame at footage size."""
        guide, radius = np.asarray(self._plate.images[index], np.float32) / 255, self._radius
        mattes = {}
        for thing_id in ids:
            rough = self._on_the_plate(index, (labels == thing_id).astype(np.float32))
            area = _around(rough, 3 * radius, self._plate, self._model_from_footage.shape)
            slopes, offset = _guided_around(guide, rough, radius)
            at = self._model_from_footage[area]
            colors = picture[area].astype(np.float32) / 255
            alpha = np.einsum("yxc,yxc->yx", sample(slopes, at), colors) + sample(offset, at)
            near = sample(cv2.dilate(rough, np.ones((2 * radius + 1,) * 2, np.uint8)), at) > 0
            alpha = np.clip((alpha - _SOFT) / (1 - 2 * _SOFT), 0, 1) * near
            mattes[thing_id] = np.zeros(self._model_from_footage.shape[:2], np.uint8)
            mattes[thing_id][area] = np.rint(alpha * 255)
        return mattes

    def _on_the_plate(self, index: int, mask: Array) -> Array:
        """A mask of the undistorted image, (H, W) float32, on the distorted one."""
        if self._solution.distortion.is_pinhole:
            return mask
        places = self._flat(self._solution.intrinsics[index].tobytes())
        return sample(mask, places) * inside(places, mask.shape[1], mask.shape[0], margin=0.0)

    def _flat_places(self, intrinsics: bytes) -> Array:
        """(H, W, 2) where the plate's model pixels lie on the undistorted image; (3, 3) float64 as bytes."""
        pixels, (height, width) = self._plate.pixels, self._plate.images.shape[1:3]
        centers, lens = pixels.footage_from_model(pixel_centers(width, height)), np.frombuffer(intrinsics).reshape(3, 3)
        return pixels.model_from_footage(undistort_pixels(centers, lens, self._solution.distortion))


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
    common = mean(guide * alpha[..., None]) - colors * level[..., None]
    following = guide[..., [1, 2, 0]]
    squares = mean(guide * guide) - colors * colors + np.float32(_SMOOTHNESS)
    products = mean(guide * following) - colors * colors[..., [1, 2, 0]]  # rg, gb, br
    slopes = _solved(squares, products, common)
    offset = level - (slopes * colors).sum(-1)
    return mean(slopes), mean(offset)


def _solved(squares: Array, products: Array, right: Array) -> Array:
    """(H, W, 3) x of A x = right; A is symmetric with `squares` on its diagonal and `products` rg, gb, br (Cramer)."""
    rr, gg, bb = np.moveaxis(squares.astype(np.float64), -1, 0)
    rg, gb, br = np.moveaxis(products.astype(np.float64), -1, 0)
    r, g, b = np.moveaxis(right.astype(np.float64), -1, 0)
    m_rr, m_gg, m_bb = gg * bb - gb * gb, rr * bb - br * br, rr * gg - rg * rg
    m_rg, m_rb, m_gb = gb * br - rg * bb, rg * gb - gg * br, rg * br - rr * gb
    scale = 1 / (rr * m_rr + rg * m_rg + br * m_rb)
    parts = (m_rr * r + m_rg * g + m_rb * b, m_rg * r + m_gg * g + m_gb * b, m_rb * r + m_gb * g + m_bb * b)
    return np.stack([(part * scale).astype(np.float32) for part in parts], axis=-1)
