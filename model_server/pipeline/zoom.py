"""The solve of a shot whose focal length may change: found by itself, or where it can't be held said in words."""

from dataclasses import replace

from model_server.engines.classical.engine import ClassicalEngine
from model_server.engines.engine import Engine
from model_server.errors import Unsolvable
from model_server.geometry.shot import FrameStatus, Geometry, Plate, Progress, Solution, Tracks
from model_server.pipeline.first_cameras import solve_first_cameras
from model_server.pipeline.focal_change import FocalChange, compare, focal_change, geometry_of
from model_server.pipeline.solve import solve_cameras
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
    """The better of two: from the cameras that showed the zoom, and from structure that was found with one.

    From cameras that had one focal length the way is long, and may end before all focal lengths are right.
    """
    settings, best = replace(settings, mode=ModeChoice.ZOOM), None
    if change.zoom is not None:
        start = geometry_of(change.zoom, geometry.static_tracks)
        best = _solve(plate, tracks, start, settings, lambda done: progress(0.4 * done))
    try:
        start = ClassicalEngine().estimate(plate, tracks, settings, lambda done: progress(0.4 + 0.4 * done))
    except Unsolvable:
        return best
    start = replace(start, static_tracks=geometry.static_tracks)  # the same sightings are to agree
    other = _solve(plate, tracks, start, settings, lambda done: progress(0.8 + 0.2 * done))
    if best is None or other is None:
        return best or other
    return other if compare(plate, best, other).gain > 1 else best


def _solve(
    plate: Plate, tracks: Tracks, start: Geometry, settings: SolveSettings, progress: Progress
) -> Solution | None:
    try:
        return solve_cameras(plate, tracks, start, settings, progress)
    except Unsolvable:
        return None


def _solved(solution: Solution) -> int:
    return int((solution.status == FrameStatus.SOLVED).sum())


def _percent(change: FocalChange) -> str:
    return f"{change.ratio - 1:.0%}"


def _with_note(solution: Solution, note: str) -> Solution:
    return replace(solution, assumptions=(*solution.assumptions, note))
