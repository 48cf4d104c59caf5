"""The engine that needs no weights: structure from motion on tracks, then multi-view stereo."""

import numpy as np

from model_server.engines.classical.epipolar import static_tracks
from model_server.engines.classical.match_database import Sightings
from model_server.engines.classical.structure import find_structure
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

    def estimate(self, plate: Plate, tracks: Tracks, settings: SolveSettings, progress: Progress) -> Geometry:
        """Cameras from the tracks that one rigid scene explains.

        Raises:
            Unsolvable: no two frames hold the same still scene from clearly different places.
        """
        square = SquarePicture.of(plate)
        positions = square.from_plate(tracks.positions)
        static = static_tracks(positions, tracks.frame_indices, tracks.track_ids, lambda done: progress(0.1 * done))
        keep = static[tracks.track_ids]
        sightings = Sightings(tracks.frame_indices[keep], tracks.track_ids[keep], positions[keep])
        found = find_structure(sightings, plate.frame_count, square, settings, lambda d: progress(0.1 + 0.9 * d))
        if found is None:
            raise Unsolvable(
                "no camera path explains the tracked points",
                hint="use footage in which the camera moves sideways or forward past things that stand still",
            )
        intrinsics = np.repeat(square.plate_intrinsics(found.focal)[None], plate.frame_count, axis=0)
        return Geometry(found.camera_from_world, intrinsics, Distortion(found.k1), static_tracks=static)

    def densify(
        self, images: Array, pixels: PixelMap, geometry: Geometry, solution: Solution, progress: Progress
    ) -> DepthMaps:
        """Depth by multi-view stereo on the solved cameras; the engine's own geometry holds no depth."""
        from model_server.engines.classical.stereo import dense_depth

        return dense_depth(images, pixels, solution, progress)
