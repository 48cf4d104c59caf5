"""Structure from motion on tracks, from several guesses of the focal length, since a wrong one can look good."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pycolmap

from model_server.engines.classical.explained import explained
from model_server.engines.classical.keyframes import longest_tracks
from model_server.engines.classical.match_database import Sightings, write_database
from model_server.engines.classical.told_focal import told_focal
from model_server.geometry.lens import Distortion, is_plausible, undistort_pixels
from model_server.geometry.shot import Array, Progress
from model_server.geometry.square_picture import LONG_SIDE, SquarePicture

_VIEW_ANGLES = (55.0, 75.0, 40.0, 28.0)  # degrees across the long side: most usual first, then wide to long
_TRIAL_KEYFRAMES = 12  # a guess is tried on so many, in the middle of the shot
_TRIAL_POINTS, _FINAL_POINTS, _MORE_POINTS = 300, 500, 1000  # in a frame
_AGREE = 0.01  # two guesses that lead to the same focal length this closely settle it
_MIN_FRAMES = 3
_WORKERS = 2  # the machines that this must be quick on have two cores


@dataclass(frozen=True)
class LensGuess:
    """In square pixels. What is given is kept; without a focal length several are tried."""

    focal: float | None = None
    distortion: Distortion | None = None
    zooms: bool = False  # every frame has its own focal length; no distortion is looked for


@dataclass(frozen=True)
class Structure:
    """What the mapper found, in square pixels; frames that were not found are NaN."""

    camera_from_world: Array  # (F, 4, 4)
    focals: Array  # (F,)
    k1: float
    sighting_count: int  # that stand in a 3D point

    @property
    def focal(self) -> float:
        return float(np.nanmedian(self.focals))

    @property
    def frame_count(self) -> int:
        return int(np.isfinite(self.camera_from_world[:, 0, 0]).sum())


def find_structure(
    sightings: Sightings, keys: Array, frame_count: int, square: SquarePicture, guess: LensGuess, progress: Progress
) -> Structure | None:
    """Cameras of the keyframes `keys`, from the guess of the lens that explains most.

    The focal length is what breaks a structure: two views hardly hold it, and a wrong one bends the whole scene at a
    small error. So guesses are tried on part of the keyframes until two of them lead to the same value; if none
    do, the one with the most frames, then the most sightings, is taken. From a far guess all may lead to cameras that
    explain what is far off, whose tracks are the longest, and leave what is near behind them. So where the pairs of
    pictures themselves tell another focal length, the whole is tried from there as well, and the structure that
    explains more of the picture is taken.

    Returns:
        None where no guess leads to at least 3 cameras.
    """
    middle = max(0, (len(keys) - _TRIAL_KEYFRAMES) // 2)
    few = keys[middle : middle + _TRIAL_KEYFRAMES]
    part = longest_tracks(sightings.of_frames(few), _TRIAL_POINTS)
    whole = sightings.of_frames(keys)
    trials: list[tuple[Structure, LensGuess]] = []
    focals = list(_focals(guess))
    for first in range(0, len(focals), _WORKERS):  # it takes two to agree
        together = [(focal, guess) for focal in focals[first : first + _WORKERS]]
        agree = False
        for found in _reconstruct_all(part, frame_count, square, together):
            if found is None or not _plausible(found):
                continue
            near = any(abs(other.focal / found.focal - 1) < _AGREE for other, _ in trials)
            agree |= near and found.frame_count == len(few)
            trials.append((found, guess))
        progress(0.5 * (first + len(together)) / len(focals))
        if agree:
            break
    best = _best(trials, whole, len(keys), frame_count, square)
    if guess.focal is None and not guess.zooms:
        best = _or_from_told_focal(best, whole, keys, frame_count, square, guess)
    if best is None and guess.focal is None and not guess.zooms:
        best = _best(_locked_trials(part, frame_count, square, guess), whole, len(keys), frame_count, square)
    progress(1.0)
    return best


def _or_from_told_focal(
    best: Structure | None, whole: Sightings, keys: Array, frame_count: int, square: SquarePicture, guess: LensGuess
) -> Structure | None:
    """`best`, or what the focal length that the pairs of pictures tell leads to, where that explains more of them."""
    told = told_focal(whole, keys, square.center)
    if told is None or (best is not None and not told.contradicts(best.focal)):
        return best
    found = _reconstruct(longest_tracks(whole, _FINAL_POINTS), frame_count, square, told.focal, guess)
    if found is None or not _plausible(found):
        return best
    if best is None or abs(found.focal / best.focal - 1) < _AGREE:
        return best or found

    def share(structure: Structure) -> float:
        lenses = np.tile(square.intrinsics(structure.focal), (frame_count, 1, 1))
        return explained(whole, structure.camera_from_world, lenses, guess.distortion or Distortion(structure.k1))

    return max(best, found, key=share)


def _locked_trials(
    part: Sightings, frame_count: int, square: SquarePicture, guess: LensGuess
) -> list[tuple[Structure, LensGuess]]:
    """Trials that keep their focal length: where the shot says nothing of it, a usual one beats a nonsense one."""
    locked = [(focal, LensGuess(focal, guess.distortion or Distortion())) for focal in _focals(guess)]
    all_found = _reconstruct_all(part, frame_count, square, locked)
    return [(found, lens) for found, (_, lens) in zip(all_found, locked) if found is not None]


def _reconstruct_all(
    sightings: Sightings, frame_count: int, square: SquarePicture, trials: list[tuple[float, LensGuess]]
) -> list[Structure | None]:
    """One after the other in each of two threads, which COLMAP lets run beside each other."""
    with ThreadPoolExecutor(_WORKERS) as workers:
        return list(workers.map(lambda trial: _reconstruct(sightings, frame_count, square, *trial), trials))


def _best(
    trials: list[tuple[Structure, LensGuess]],
    whole: Sightings,
    key_count: int,
    frame_count: int,
    square: SquarePicture,
) -> Structure | None:
    """The structure of all keyframes from the trial that explains most; with more points where a keyframe is lost."""
    best: Structure | None = None
    for points in (_FINAL_POINTS, _MORE_POINTS):
        part = longest_tracks(whole, points)
        for trial, guess in sorted(trials, key=lambda pair: _merit(pair[0]), reverse=True):
            found = _reconstruct(part, frame_count, square, trial.focal, guess)
            if found is not None and _plausible(found) and (best is None or _merit(found) > _merit(best)):
                best = found
            # A structure that holds most keyframes settles it; the solve finds the rest from its points.
            if best is not None and best.frame_count > key_count // 2:
                break
        if best is not None and best.frame_count == key_count:
            break
    return best


def _plausible(structure: Structure) -> bool:
    shortest, longest = np.nanmin(structure.focals) / LONG_SIDE, np.nanmax(structure.focals) / LONG_SIDE
    return is_plausible(shortest, structure.k1) and is_plausible(longest, structure.k1)


def _merit(structure: Structure) -> tuple[int, int]:
    return structure.frame_count, structure.sighting_count


def _focals(guess: LensGuess) -> Iterator[float]:
    if guess.focal is not None:
        yield guess.focal
        return
    yield from (LONG_SIDE / 2 / np.tan(np.radians(angle) / 2) for angle in _VIEW_ANGLES)


def _reconstruct(
    sightings: Sightings, frame_count: int, square: SquarePicture, focal: float, guess: LensGuess
) -> Structure | None:
    """COLMAP's incremental mapper (Schönberger and Frahm 2016), from one guess of the lens."""
    if guess.distortion is not None:
        positions = undistort_pixels(sightings.positions, square.intrinsics(focal), guess.distortion)
        sightings = Sightings(sightings.frames, sightings.tracks, positions)
    camera = pycolmap.Camera.create_from_model_name(
        1, "SIMPLE_RADIAL", focal, round(square.width), round(square.height)
    )
    camera.params = [focal, square.width / 2, square.height / 2, 0.0]
    camera.has_prior_focal_length = True
    with tempfile.TemporaryDirectory(prefix="page4d-") as scratch:
        path = Path(scratch) / "database.db"
        write_database(path, sightings, camera, guess.zooms)
        models = pycolmap.incremental_mapping(str(path), scratch, scratch, _mapping_options(guess))
    found = [_structure(model, frame_count) for model in models.values()]
    found = [structure for structure in found if structure.frame_count >= _MIN_FRAMES]
    return max(found, key=_merit) if found else None


def _structure(model: pycolmap.Reconstruction, frame_count: int) -> Structure:
    poses, lenses = np.full((frame_count, 4, 4), np.nan), np.full((frame_count, 4), np.nan)
    for image in model.images.values():
        if image.has_pose:
            poses[image.image_id - 1] = np.eye(4)
            poses[image.image_id - 1, :3] = image.cam_from_world().matrix()
            lenses[image.image_id - 1] = model.cameras[image.camera_id].params
    return Structure(poses, lenses[:, 0], float(np.nanmedian(lenses[:, 3])), model.compute_num_observations())


def _mapping_options(guess: LensGuess) -> pycolmap.IncrementalPipelineOptions:
    """COLMAP's defaults, but for tracks: closer views (small angles) and sub-pixel positions (small errors)."""
    options = pycolmap.IncrementalPipelineOptions()
    for part in (options, options.mapper, options.triangulation):
        part.random_seed = 1
    options.num_threads = 1  # sums in another order would give other cameras every time
    options.extract_colors = False
    options.min_model_size = _MIN_FRAMES
    options.max_num_models = 3
    options.ba_refine_focal_length = guess.focal is None
    options.ba_refine_extra_params = guess.distortion is None and not guess.zooms
    options.mapper.abs_pose_refine_focal_length = guess.zooms
    options.mapper.abs_pose_refine_extra_params = False
    options.mapper.init_min_tri_angle = 3.0
    options.mapper.init_max_error = 2.0
    options.mapper.abs_pose_max_error = 6.0
    options.mapper.filter_max_reproj_error = 3.0
    options.mapper.filter_min_tri_angle = 0.7
    options.triangulation.min_angle = 0.7
    return options
