"""Put the rendered figures and their shadow into the plate: occlusion, grain, softness, masks. Runs in `.venv`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO
from place import BLACK_FURNITURE

SOFTNESS_PX = 0.55  # the plate's own sharpness, as a Gaussian; the render is sharper
NEARER_M = 0.06  # depth maps and cameras agree to this; a surface hides the figure when it is nearer by more
EDGE_PX = 0.8  # softness of the edge where furniture hides the figure
SHADOW_SOFTNESS_PX = 1.5
SHADOW_GRADE = 3.2  # the plate's own contact shadows are this much deeper than what even lamps give
DARK = 60  # of 255: black furniture, of which the depth sensor sees nothing
HIGHLIGHT = 0.75  # above this the render is rolled off, as the headset's own picture is


@dataclass(frozen=True)
class Rendered:
    """One frame of `render`: linear rgb, premultiplied by alpha; depth along the optical axis, meters, inf = none."""

    rgb: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray
    walker: np.ndarray
    shadow: np.ndarray


@dataclass(frozen=True)
class Composited:
    """`image` (H, W, 3) uint8 bgr; `layers` (H, W) uint8: 0, or 1.. for the walker seen in most of the pixel."""

    image: np.ndarray
    layers: np.ndarray


def read_rendered(path: Path) -> Rendered:
    """Read one multi-layer EXR of `render`."""
    source = OpenImageIO.ImageInput.open(str(path))
    names = source.spec().channelnames
    pixels = source.read_image("float")
    source.close()
    channel = {name: pixels[..., index] for index, name in enumerate(names)}
    depth = channel["figure.Depth.Z"]
    return Rendered(
        np.stack([channel[f"figure.Combined.{name}"] for name in "BGR"], axis=2),
        channel["figure.Combined.A"],
        np.where(depth > 1e4, np.inf, depth),
        channel["figure.IndexOB.X"].round().astype(np.uint8),
        channel["shadow.Combined.A"],
    )


def composite(
    plate: np.ndarray,
    surface: np.ndarray,
    floor: np.ndarray,
    rendered: Rendered,
    grain: float,
    random: np.random.Generator,
) -> Composited:
    """Lay one rendered frame over its plate.

    Args:
        plate: (H, W, 3) uint8, bgr.
        surface: (H, W) depth of what is seen, meters, without holes.
        floor: (H, W) depth of the floor there, inf above the horizon.
        rendered: the figures and their shadow.
        grain: the plate's noise, standard deviation in 0..255.
        random: for the grain.
    """
    solid = np.where(np.isfinite(rendered.depth), rendered.depth, 0.0)
    grown = cv2.dilate(solid.astype(np.float32), np.ones((5, 5)))  # soft edge pixels of the figure need a depth too
    hidden = (surface < np.where(solid > 0, solid, grown) - NEARER_M).astype(np.uint8)
    hidden = cv2.morphologyEx(hidden, cv2.MORPH_OPEN, np.ones((9, 9)))  # crumbs of depth are no furniture
    seen = 1.0 - _soft(hidden.astype(np.float32), EDGE_PX)
    alpha = _soft(rendered.alpha, SOFTNESS_PX) * seen
    rgb = _soft(_smoothed(rendered.rgb, 0.08, 1.5), SOFTNESS_PX) * seen[..., None]
    on_floor = (surface > floor - 0.12 * np.minimum(floor, 10)).astype(np.float32)
    shadow = (1 - (1 - _soft(_smoothed(rendered.shadow, 0.3, 5.0), SHADOW_SOFTNESS_PX)) ** SHADOW_GRADE) * _soft(
        on_floor, EDGE_PX
    )
    linear = _linear(plate.astype(np.float32) / 255)
    linear = linear * (1 - shadow[..., None])
    linear = linear * (1 - alpha[..., None]) + _rolled_off(rgb)
    noise = _soft(random.normal(size=plate.shape[:2]).astype(np.float32), 0.6)
    noise *= grain / noise.std()
    image = _encoded(linear) * 255 + (noise * alpha)[..., None]
    layers = np.where(alpha > 0.5, _nearest_walker(rendered.walker), 0).astype(np.uint8)
    return Composited(np.clip(image + 0.5, 0, 255).astype(np.uint8), layers)


def surface_depth(
    plate: np.ndarray, depth: np.ndarray, floor: np.ndarray, rays_from_camera: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Fill the holes of a depth map as far as hiding a figure needs it.

    Unknown pixels are the floor, or far away, with one exception: the sensor sees nothing of black chairs, so a dark
    pixel whose ray meets the box that the chairs stand in is a chair.

    Args:
        plate: (H, W, 3) uint8.
        depth: (H, W) meters, 0 = unknown.
        floor: (H, W) depth of the floor, inf above the horizon.
        rays_from_camera: camera center (3,) and per-pixel directions (H, W, 3) of depth 1, in the floor's frame.

    Returns:
        (H, W) meters, inf = far.
    """
    small_holes = cv2.morphologyEx(depth.astype(np.float32), cv2.MORPH_CLOSE, np.ones((5, 5)))
    filled = np.where(depth > 0, depth, small_holes)
    entry = np.min([_box_entry(*rays_from_camera, np.array(box)) for box in BLACK_FURNITURE], axis=0)
    dark = cv2.GaussianBlur(plate.max(axis=2), (0, 0), 1.0) < DARK
    chair = (filled == 0) & dark & np.isfinite(entry)
    return np.where(filled > 0, filled, np.where(chair, entry, floor))


def measured_grain(plate: np.ndarray, flat_wall: tuple[slice, slice]) -> float:
    """Noise of the plate on a flat wall, standard deviation in 0..255 (Immerkaer 1996)."""
    gray = cv2.cvtColor(plate[flat_wall], cv2.COLOR_BGR2GRAY).astype(np.float32)
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return float(np.abs(cv2.filter2D(gray, -1, kernel)[2:-2, 2:-2]).mean() * np.sqrt(np.pi / 2) / 6)


def _box_entry(center: np.ndarray, rays: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Depth at which each ray enters an axis-aligned box [[low], [high]]; inf where it misses (slab method)."""
    with np.errstate(divide="ignore"):
        sides = (box[:, None, None, :] - center) / rays[None]
    enter, leave = sides.min(axis=0).max(axis=-1), sides.max(axis=0).min(axis=-1)
    return np.where((enter < leave) & (leave > 0), np.maximum(enter, 0.0), np.inf)


def _nearest_walker(walker: np.ndarray) -> np.ndarray:
    return cv2.dilate(walker, np.ones((5, 5), np.uint8))


def _soft(image: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(image.astype(np.float32), (0, 0), sigma)


def _smoothed(image: np.ndarray, step: float, sigma_px: float) -> np.ndarray:
    """Without the noise of few samples, but with its edges (bilateral filter, Tomasi and Manduchi 1998)."""
    return cv2.bilateralFilter(image.astype(np.float32), -1, step, sigma_px)


def _rolled_off(rgb: np.ndarray) -> np.ndarray:
    over = np.maximum(rgb - HIGHLIGHT, 0)
    return np.minimum(rgb, HIGHLIGHT) + (1 - HIGHLIGHT) * (1 - np.exp(-over / (1 - HIGHLIGHT)))


def _linear(encoded: np.ndarray) -> np.ndarray:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _encoded(linear: np.ndarray) -> np.ndarray:
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
