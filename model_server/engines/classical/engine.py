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
from model_server.geometry.shot import Array, DepthMaps, Geometry, Plate, Progress, Solution, Tracks
from model_server.geometry.square_picture import SquarePicture
from model_server.settings import SolveSettings


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

        Raises:
            Unsolvable: the camera stays in one place, or no camera path explains the tracks.
        """
        square = SquarePicture.of(plate)
        positions = square.from_plate(tracks.positions)
        static = static_tracks(positions, tracks.frame_indices, tracks.track_ids, lambda done: progress(0.2 * done))
        keep = static[tracks.track_ids]
        sightings = Sightings(tracks.frame_indices[keep], tracks.track_ids[keep], positions[keep])
        keys = keyframes(sightings, plate.frame_count)
        _need_motion(camera_motion(sightings, keys))
        guess = _guess(square, settings)
        found = find_structure(
            sightings, keys, plate.frame_count, square, guess, lambda done: progress(0.2 + 0.8 * done)
        )
        if found is None:
            raise Unsolvable(
                "no camera path explains the tracked points",
                hint="use footage in which the camera moves sideways or forward past things that stand still",
            )
        intrinsics = np.repeat(square.plate_intrinsics(found.focal)[None], plate.frame_count, axis=0)
        distortion = guess.distortion or Distortion(found.k1)
        return Geometry(found.camera_from_world, intrinsics, distortion, static_tracks=static)

    def densify(
        self, images: Array, pixels: PixelMap, geometry: Geometry, solution: Solution, progress: Progress
    ) -> DepthMaps:
        """Depth by multi-view stereo on the solved cameras; the engine's own geometry holds no depth."""
        return dense_depth(images, pixels, solution, progress)


def _guess(square: SquarePicture, settings: SolveSettings) -> LensGuess:
    lens, distortion = settings.lens, settings.distortion
    focal = None if lens is None else lens.focal_mm / lens.sensor_mm * square.width
    if distortion == "solve":
        return LensGuess(focal)
    return LensGuess(focal, Distortion() if isinstance(distortion, str) else Distortion(*distortion))


def _need_motion(motion: CameraMotion) -> None:
    if motion is CameraMotion.RESTS:
        raise Unsolvable(
            "the camera does not move: the still things stay where they are in the picture",
            hint="use footage in which the camera moves past still things",
        )
    if motion is CameraMotion.TURNS:
        raise Unsolvable(
            "the camera turns but hardly moves: near and far things shift alike, so there is no depth to find",
            hint="use a part of the shot in which the camera moves past things at different distances",
        )
