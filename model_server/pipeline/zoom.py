"""The solve of a shot whose focal length may change: found by itself, or where it can't be held said in words."""

from dataclasses import replace

from model_server.engines.classical.engine import ClassicalEngine
from model_server.engines.engine import Engine
from model_server.errors import Unsolvable
from model_server.geometry.shot import FrameStatus, Geometry, Plate, Progress, Solution, Tracks
from model_server.pipeline.first_cameras import solve_first_cameras
from model_server.pipeline.focal_change import FocalChange, compare, focal_change, geometry_of, still_part
from model_server.pipeline.solve import GLANCE, solve_cameras
from model_server.settings import ModeChoice, SolveSettings


def solve_moving(
    engine: Engine, plate: Plate, tracks: Tracks, geometry: Geometry, settings: SolveSettings, progress: Progress
) -> Solution:
    """Solve for a camera that moves, with one focal length unless the settings ask for a zoom or the tracks show one.

    Where the tracks show one and no zoom can be held, or one focal length is asked for, the assumptions say so.

    Raises:
        Unsolvable: no camera path explains the tracks.
    """
    if settings.mode is ModeChoice.ZOOM:
        return solve_first_cameras(engine, plate, tracks, geometry, settings, progress)
    solution = solve_first_cameras(engine, plate, tracks, geometry, settings, lambda done: progress(0.5 * done))
    if settings.lens is not None:
        return solution
    change = focal_change(plate, tracks, geometry, solution, settings)
    progress(0.6)
    if not change.is_zoom:
        return solution
    if settings.mode is ModeChoice.FREE:
        return _with_note(solution, f"the focal length seems to change by {_percent(change)}: use the mode zoom")
    zoom = _zoom(plate, tracks, geometry, change, settings, lambda done: progress(0.6 + 0.4 * done))
    if zoom is None or _solved(zoom) < _solved(solution) or compare(plate, solution, zoom).gain <= 1:
        note = f"the focal length seems to change by {_percent(change)}, but the tracks do not hold one for every frame"
        return _with_note(solution, f"{note}: cameras and lens are wrong to that degree")
    return replace(zoom, assumptions=(*zoom.assumptions, *geometry.notes))


def _zoom(
    plate: Plate, tracks: Tracks, geometry: Geometry, change: FocalChange, settings: SolveSettings, progress: Progress
) -> Solution | None:
    """From the cameras that showed the zoom, or from structure that was found with one: which of them fits better.

    From cameras that had one focal length the way is long, and may end before all focal lengths are right.
    """
    settings, best = replace(settings, mode=ModeChoice.ZOOM), change.zoom
    found = _with_structure(plate, still_part(tracks, geometry.static_tracks), settings, progress)
    if found is not None and (best is None or compare(plate, best, found).gain > 1):
        best = found
    if best is None:
        return None
    start = geometry_of(best, geometry.static_tracks)
    try:
        return solve_cameras(plate, tracks, start, settings, lambda done: progress(0.5 + 0.5 * done))
    except Unsolvable:
        return None


def _with_structure(plate: Plate, part: Tracks, settings: SolveSettings, progress: Progress) -> Solution | None:
    """A glance at what comes of structure with a zoom, for the same part of the tracks that showed one."""
    try:
        start = ClassicalEngine().estimate(plate, part, settings, lambda done: progress(0.4 * done))
        start = replace(start, static_tracks=None)
        return solve_cameras(plate, part, start, settings, lambda done: progress(0.4 + 0.1 * done), GLANCE)
    except Unsolvable:
        return None


def _solved(solution: Solution) -> int:
    return int((solution.status == FrameStatus.SOLVED).sum())


def _percent(change: FocalChange) -> str:
    return f"{change.ratio - 1:.0%}"


def _with_note(solution: Solution, note: str) -> Solution:
    return replace(solution, assumptions=(*solution.assumptions, note))
