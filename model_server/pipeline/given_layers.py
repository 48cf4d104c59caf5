"""Things that the artist's mattes show: they move, each is a layer of its name, and its matte is the artist's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from model_server.footage.matte_files import HALF, MatteClip
from model_server.geometry.shot import Array, Layer, Layers, Motion, Plate, Progress, Solution
from model_server.pipeline.mattes import write_matte
from model_server.pipeline.thing_ways import MOVING
from model_server.pipeline.undistort import RemapTables

_FRINGE = 0.015  # of the width: motion found this near to a given thing is its rim, and no thing of its own
_MOSTLY = 0.5  # share of a moving region from which on all of it belongs to the given things in it
_MOST_LAYERS = 254


@dataclass(frozen=True)
class GivenThings:
    """What the mattes of all given things show, on the undistorted images."""

    alpha: Array  # (F, H, W) uint8: 255 any of the things
    labels: Array  # (F, H, W) uint8: 0 none, 1.. the thing, in the order they were given


def given_things(plate: Plate, mattes: Sequence[MatteClip], solution: Solution, progress: Progress) -> GivenThings:
    """Bring mattes to model size and take the lens off them; where two things overlap, the denser one counts.

    Args:
        mattes: one for each thing, footage pixels, distorted as the plate is.
    """
    count, height, width = plate.images.shape[:3]
    alpha, labels = np.zeros((count, height, width), np.uint8), np.zeros((count, height, width), np.uint8)
    tables = RemapTables(plate, solution)
    for index in range(count):
        for number, clip in enumerate(mattes, start=1):
            matte = clip.frame(index)
            if matte is None:
                continue
            small = cv2.resize(matte, (width, height), interpolation=cv2.INTER_AREA)
            if not solution.distortion.is_pinhole:
                small = cv2.remap(small, *tables.of(index), cv2.INTER_LINEAR)
            labels[index][(small > HALF) & (small > alpha[index])] = number
            np.maximum(alpha[index], small, out=alpha[index])
        progress((index + 1) / count)
    return GivenThings(alpha, labels)


def moving_as_given(motion: Motion, given: GivenThings) -> Motion:
    """Motion where the given things decide for their pixels."""
    return replace(motion, moving=np.maximum(motion.moving, given.alpha), source="mattes")


def others(motion: Motion, given: GivenThings) -> Motion:
    """Motion that may be of things that the artist did not give: away from the given ones, and no smaller part of one.

    Moving pixels that hang together with a given thing and are fewer than it are its shadow, or what it has just bared.
    """
    moving = np.array(motion.moving)
    reach = max(1, round(_FRINGE * moving.shape[2]))
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    for index, labels in enumerate(given.labels):
        thing = np.asarray(labels) > 0
        _, regions = cv2.connectedComponents((thing | (moving[index] > MOVING)).astype(np.uint8))
        given_share = np.bincount(regions.ravel(), thing.ravel()) / np.maximum(np.bincount(regions.ravel()), 1)
        claimed = (given_share > _MOSTLY)[regions] & (regions > 0)
        moving[index][claimed | (cv2.dilate(thing.astype(np.uint8), around) > 0)] = 0
    return replace(motion, moving=moving)


def with_given(found: Layers, given: GivenThings, names: Sequence[str]) -> Layers:
    """The given things, numbered 1 and up in their order, then those that were found."""
    count = len(names)
    room = _MOST_LAYERS - count
    labels = np.array(given.labels)
    for index, frame in enumerate(found.labels):
        free = (labels[index] == 0) & (frame > 0) & (frame <= room)
        labels[index][free] = frame[free] + count
    things = [_layer(number, name, given.labels) for number, name in enumerate(names, start=1)]
    things += [replace(thing, id=thing.id + count) for thing in found.things if thing.id <= room]
    return Layers(labels, tuple(things))


def write_given_mattes(
    mattes: Sequence[MatteClip], frame_numbers: Sequence[int], size: tuple[int, int], folder: Path
) -> None:
    """Write the artist's mattes as those of layers 1 and up, as `mattes.write_mattes` does for found things.

    Args:
        size: of the footage, width and height; a frame without a matte gets a black one.
    """
    for layer, clip in enumerate(mattes, start=1):
        target = folder / f"layer_{layer:02d}"
        target.mkdir(parents=True, exist_ok=True)
        for index, number in enumerate(frame_numbers):
            matte = clip.frame(index)
            write_matte(target / f"{number:04d}.png", np.zeros(size[::-1], np.uint8) if matte is None else matte)


def _layer(number: int, name: str, labels: Array) -> Layer:
    shown = [index for index, frame in enumerate(labels) if (frame == number).any()]
    first, last = (shown[0], shown[-1]) if shown else (0, len(labels) - 1)
    return Layer(number, name, first, last)
