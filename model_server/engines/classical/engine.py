"""The engine that needs no weights: structure from motion on tracks, then multi-view stereo."""

from pathlib import Path

import numpy as np

from model_server.engines.classical.epipolar import static_tracks
from model_server.engines.classical.keyframes import keyframes
from model_server.engines.classical.match_database import Sightings
from model_server.engines.classical.parallax import CameraMotion, camera_motion
from model_server.engines.classical.stereo import dense_depth
from model_server.engines.classical.structure import LensGuess, find_structure
from model_server.engines.engine import WeightsFacts
from model_server.errors import Unsolvable
from model_server.geometry.lens import Distortion
from model_server.geometry.pixel_map import PixelMap
from model_server.geometry.shot import Array, DepthMaps, Geometry, Plate, Progress, Solution, SolveMode, Tracks
from model_server.geometry.square_picture import SquarePicture
from model_server.settings import ModeChoice, SolveSettings


class ClassicalEngine:
    """Runs on any machine; knows cameras and the depth of what stands still, and guesses nothing."""

    name = "classical"
    long_side = 640
    multiple = 1
    weights: WeightsFacts | None = None

    def estimate(
        self, plate: Plate, tracks: Tracks, settings: SolveSettings, progress: Progress, folder: Path | None = None
    ) -> Geometry:
        """Cameras of keyframes, from the tracks that one rigid scene explains; frames between them are NaN.

        A camera that stays in one place has no path to find: then only `mode` and `static_tracks` are known. Where no
        path explains the tracks, even the mode is not. Focal lengths of a zoom are NaN between the keyframes as well; a
        zoom is only looked for where the settings ask for one.

        Raises:
            Unsolvable: no camera path explains the tracks, though the settings ask for one.
        """
        square = SquarePicture.of(plate)
        positions = square.from_plate(tracks.positions)
        static = static_tracks(positions, tracks.frame_indices, tracks.track_ids, lambda done: progress(0.2 * done))
        keep = static[tracks.track_ids]
        sightings = Sightings(tracks.frame_indices[keep], tracks.track_ids[keep], positions[keep])
        keys = keyframes(sightings, plate.frame_count)
        motion = camera_motion(sightings, keys)
        if settings.mode is ModeChoice.TRIPOD or (
            settings.mode is ModeChoice.AUTO and motion is not CameraMotion.MOVES
        ):
            return Geometry(static_tracks=static, mode=SolveMode.TRIPOD)
        if motion is CameraMotion.RESTS:
            raise _no_path(motion)
        guess = _guess(square, settings)
        found = find_structure(
            sightings, keys, plate.frame_count, square, guess, lambda done: progress(0.2 + 0.8 * done)
        )
        if found is None:
            if settings.mode is ModeChoice.AUTO:
                return Geometry(static_tracks=static)  # perhaps it only turns, behind a lens that hides it
            raise _no_path(motion)
        focals = found.focals if guess.zooms else np.full(plate.frame_count, found.focal)
        intrinsics = square.plate_intrinsics(focals)
        distortion = guess.distortion or Distortion(found.k1)
        return Geometry(found.camera_from_world, intrinsics, distortion, static_tracks=static, mode=SolveMode.FREE)

    def densify(
        self, images: Array, pixels: PixelMap, geometry: Geometry, solution: Solution, progress: Progress
    ) -> DepthMaps:
        """Depth by multi-view stereo on the solved cameras; the engine's own geometry holds no depth."""
        return dense_depth(images, pixels, solution, progress)


def _guess(square: SquarePicture, settings: SolveSettings) -> LensGuess:
    lens, distortion = settings.lens, settings.distortion
    focal = None if lens is None else lens.focal_mm / lens.sensor_mm * square.width
    zooms = settings.mode is ModeChoice.ZOOM
    if distortion == "solve":
        return LensGuess(focal, zooms=zooms)
    return LensGuess(focal, Distortion() if isinstance(distortion, str) else Distortion(*distortion), zooms)


def _no_path(motion: CameraMotion) -> Unsolvable:
    if motion is CameraMotion.MOVES:
        return Unsolvable(
            "no camera path explains the tracked points",
            hint="use footage in which the camera moves sideways or forward past things that stand still",
        )
    how = "does not move" if motion is CameraMotion.RESTS else "turns but hardly moves"
    return Unsolvable(
        f"the camera {how}, so there is no path to find", hint='use the mode "tripod": a camera that stays in one place'
    )
