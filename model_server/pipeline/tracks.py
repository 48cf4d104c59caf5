"""Points followed over the shot: corners by optical flow, and descriptors that join what flow lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from model_server.errors import Unsolvable
from model_server.geometry.shot import Array, Plate, Progress, Tracks
from model_server.pipeline.track_corners import Follower
from model_server.pipeline.track_features import FeatureMatcher
from model_server.pipeline.track_picture import TrackingPicture

MIN_LENGTH = 3  # sightings; fewer say nothing that two views could not fake
_MIN_TRACKS = 30
_SHARE_FOLLOWED = 0.6  # of the stage's time
_MASKED = 0.5  # share of the shot left out from which on the mattes are the reason for too few tracks

LeftOut = Callable[[int], Array | None]


def _nothing(index: int) -> None:
    return None


def track_points(plate: Plate, progress: Progress, left_out: LeftOut = _nothing) -> Tracks:
    """Follow points through all frames of the plate.

    Two kinds in one table: Shi-Tomasi corners followed by pyramidal Lucas-Kanade (sub-pixel, in consecutive frames),
    then SIFT features matched over gaps (coarser, but they hold through blur, fast motion and occlusion).

    Args:
        left_out: index of a frame to (FH, FW) bool, plate pixels where nothing is followed; None where all may be.

    Returns:
        Tracks of at least 3 sightings, in plate pixels, (0, 0) at the corner.

    Raises:
        Unsolvable: fewer than two frames, or too little texture to follow; the message names which.
    """
    if plate.frame_count < 2:
        raise Unsolvable("the footage is a single frame", hint="a camera can only be found from two frames or more")
    picture = TrackingPicture.of(plate)
    masked = 0.0  # share of the shot
    follower, matcher = Follower(picture), FeatureMatcher(picture)
    with ThreadPoolExecutor(1) as beside:
        for index in range(plate.frame_count):
            gray, out = picture.gray(plate.frame(index)), left_out(index)
            mask = None if out is None else picture.mask(out)
            masked += 0.0 if out is None else float(out.mean()) / plate.frame_count
            matched = beside.submit(matcher.add, gray, mask)
            follower.add(gray, mask)
            matched.result()
            progress(_SHARE_FOLLOWED * (index + 1) / plate.frame_count)
    followed = follower.sightings()
    joined = matcher.sightings(followed, lambda done: progress(_SHARE_FOLLOWED + (1 - _SHARE_FOLLOWED) * done))
    tracks = _table([followed, joined], picture)
    if tracks.track_count < _MIN_TRACKS:
        raise Unsolvable(
            f"only {tracks.track_count} points could be followed through the {plate.frame_count} frames:"
            f" {_why(follower.contrast, masked)}",
            hint="check the mattes: white is left out, unless they are inverted"
            if masked > _MASKED
            else "use footage with visible detail on things that stand still",
        )
    return tracks


def _table(parts: list[Array], picture: TrackingPicture) -> Tracks:
    """One table from several of rows (track, frame, x, y), long enough tracks only, in plate pixels."""
    ids, rows, first_id = [], [], 0
    for part in parts:
        if not len(part):
            continue
        part = part[np.lexsort((part[:, 1], part[:, 0]))]
        _, compact, lengths = np.unique(part[:, 0], return_inverse=True, return_counts=True)
        keep = lengths[compact] >= MIN_LENGTH
        _, compact = np.unique(compact[keep], return_inverse=True)
        ids.append(compact + first_id)
        rows.append(part[keep])
        first_id += int(compact.max()) + 1 if len(compact) else 0
    if not rows:
        empty = np.zeros(0, np.int32)
        return Tracks(empty, empty, np.zeros((0, 2), np.float32))
    table = np.concatenate(rows)
    positions = picture.plate_from_picture(table[:, 2:])
    return Tracks(np.concatenate(ids).astype(np.int32), table[:, 1].astype(np.int32), positions.astype(np.float32))


def _why(contrast: float, masked: float) -> str:
    if masked > _MASKED:
        return f"the mattes leave out {masked:.0%} of the picture"
    if contrast < 1.0:
        return "the picture is black or of one flat color"
    return "it has too little texture, or changes too much from frame to frame"
