"""Tracks as COLMAP wants them: keypoints and verified matches in a database (Schönberger and Frahm 2016)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pycolmap

from model_server.geometry.shot import Array

_GAPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
_MIN_MATCHES = 15
_VERIFY_PX = 2.0  # square pixels


@dataclass(frozen=True)
class Sightings:
    """Tracks to reconstruct from: M rows, positions in square pixels."""

    frames: Array  # (M,) int
    tracks: Array  # (M,) int
    positions: Array  # (M, 2) float64

    def of_frames(self, frames: Array) -> "Sightings":
        keep = np.isin(self.frames, frames)
        return Sightings(self.frames[keep], self.tracks[keep], self.positions[keep])


def write_database(path: Path, sightings: Sightings, camera: pycolmap.Camera, zooms: bool = False) -> None:
    """Make the database of one camera that saw all frames; image `i + 1` is frame `i`.

    Args:
        zooms: every frame gets a camera of its own, like `camera` to begin with.
    """
    frames = [int(frame) for frame in np.unique(sightings.frames)]
    rows = {frame: np.nonzero(sightings.frames == frame)[0] for frame in frames}
    rows = {frame: r[np.argsort(sightings.tracks[r], kind="stable")] for frame, r in rows.items()}
    pairs = []
    with pycolmap.Database.open(str(path)) as database:
        camera_id, rig_id = _write_camera(database, camera)
        for frame in frames:
            if zooms and frame != frames[0]:
                camera_id, rig_id = _write_camera(database, camera)
            _write_image(database, frame, camera_id, rig_id, sightings.positions[rows[frame]])
        for order, first in enumerate(frames):
            for gap in _GAPS:
                if order + gap >= len(frames):
                    break
                second = frames[order + gap]
                _, a, b = np.intersect1d(
                    sightings.tracks[rows[first]],
                    sightings.tracks[rows[second]],
                    assume_unique=True,
                    return_indices=True,
                )
                if len(a) >= _MIN_MATCHES:
                    database.write_matches(first + 1, second + 1, np.column_stack([a, b]).astype(np.uint32))
                    pairs.append((first, second))
    _verify(path, pairs)


def _write_camera(database: pycolmap.Database, camera: pycolmap.Camera) -> tuple[int, int]:
    camera_id = database.write_camera(camera)
    rig = pycolmap.Rig()
    rig.add_ref_sensor(pycolmap.sensor_t(pycolmap.SensorType.CAMERA, camera_id))
    return camera_id, database.write_rig(rig)


def _write_image(database: pycolmap.Database, frame: int, camera_id: int, rig_id: int, positions: Array) -> None:
    image = pycolmap.Image(name=f"{frame:06d}", camera_id=camera_id, image_id=frame + 1)
    database.write_image(image, use_image_id=True)
    moment = pycolmap.Frame()
    moment.rig_id = rig_id
    moment.frame_id = frame + 1
    moment.add_data_id(image.data_id)
    database.write_frame(moment, use_frame_id=True)
    database.write_keypoints(frame + 1, positions.astype(np.float32))


def _verify(path: Path, pairs: list[tuple[int, int]]) -> None:
    listing = path.with_suffix(".pairs.txt")
    listing.write_text("".join(f"{a:06d} {b:06d}\n" for a, b in pairs))
    options = pycolmap.TwoViewGeometryOptions()
    options.ransac.max_error = _VERIFY_PX
    options.ransac.random_seed = 1
    options.ransac.num_threads = 1
    options.detect_watermark = False
    pycolmap.verify_matches(str(path), str(listing), options)
