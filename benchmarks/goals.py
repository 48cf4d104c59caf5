"""What is asked of a solve, shot by shot, and whether a score holds it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import eq, ge, le
from statistics import mean

Score = Mapping[str, object]  # score_package.py's keys, and `seconds_per_frame`, `peak_gb`
_SIGNS = {le: "<=", ge: ">=", eq: "="}


@dataclass(frozen=True)
class Goal:
    what: str
    key: str  # of the score
    holds: Callable[[object, object], bool]
    asked: object


@dataclass(frozen=True)
class Verdict:
    shots: str
    what: str
    asked: str
    seen: str
    held: bool


_MEDIAN = Goal("median error, px", "median_px_recomputed", le, 0.35)
_RENDERED_J = Goal("J of moving", "J_moving", ge, 0.75)
_RENDERED = (
    _MEDIAN,
    _RENDERED_J,
    Goal("still AbsRel", "absrel_still", le, 0.04),
    Goal("moving AbsRel", "absrel_moving", le, 0.10),
    Goal("flicker, %", "flicker_pct", le, 1.0),
)
_SENSOR = Goal("still AbsRel", "absrel_still", le, 0.08)
_SPEED = Goal("seconds a frame", "seconds_per_frame", le, 2.0)
_MEMORY = Goal("peak GB", "peak_gb", le, 4.0)


def _path(percent: float) -> Goal:
    return Goal("ATE, % of the path", "ate_pct_of_extent", le, percent)


def _truth_units(name: str, meters: float, key: str = "ate") -> Goal:
    return Goal(name, key, le, meters)


def _focal(percent: float) -> Goal:
    return Goal("focal off at worst, %", "focal_err_worst_pct", le, percent)


# By the start of the shot's name, so that other seeds of a scene are held to the same.
_GOALS = {
    r"room_\d": (_path(0.15), _focal(1.5), *_RENDERED, _SPEED),
    r"street_\d": (_path(0.06), _focal(0.5), *_RENDERED, _SPEED),
    r"zoom_\d": (_path(0.3), _focal(0.5), *_RENDERED, _SPEED),
    r"pan_\d": (
        Goal("mode", "mode", eq, "tripod"),
        Goal("rotation off, degrees", "rot_deg", le, 0.1),
        _focal(1.0),
        _RENDERED_J,
        _SPEED,
    ),
    "hololens_office": (_truth_units("ATE, m", 0.04), _SENSOR, _SPEED),
    "7scenes_kitchen": (
        _truth_units("ATE, m", 0.05),
        _truth_units("ATE from the second opinion, m", 0.025, "ate_vs_second_opinion"),
        _SENSOR,
    ),
    "semi_kitchen_dog": (_SENSOR,),
    "fox": (_path(0.2),),
    "davis_car-roundabout": (_path(2.0),),
}
_DAVIS_J = 0.60
_WITHOUT_MOVER, _WITH_MOVER, _HARM = "7scenes_kitchen", "semi_kitchen_dog", 1.2


def verdicts(scores: Mapping[str, Score]) -> Iterator[Verdict]:
    """Every goal that the shots in `scores` (name to score) can be held to; a figure that is missing is not held."""
    for shot, score in scores.items():
        given, solved = score.get("frames_given"), score.get("frames_solved")
        yield Verdict(shot, "frames solved", str(given), str(solved), given is not None and given == solved)
        for goal in (*_goals_of(shot), _MEMORY):
            yield _judged(shot, goal, score.get(goal.key))
    davis = [score for shot, score in scores.items() if shot.startswith("davis_")]
    if davis:
        seen = mean(float(str(score.get("J_moving", 0.0))) for score in davis)
        yield _judged(f"DAVIS, mean of {len(davis)}", Goal("J of moving", "", ge, _DAVIS_J), round(seen, 3))
    if {_WITHOUT_MOVER, _WITH_MOVER} <= scores.keys():
        goal = Goal(f"ATE over that of {_WITHOUT_MOVER}", "", le, _HARM)
        yield _judged(_WITH_MOVER, goal, _ratio(scores[_WITH_MOVER].get("ate"), scores[_WITHOUT_MOVER].get("ate")))


def _goals_of(shot: str) -> tuple[Goal, ...]:
    return next((goals for pattern, goals in _GOALS.items() if re.match(pattern, shot)), ())


def _judged(shots: str, goal: Goal, seen: object) -> Verdict:
    held = seen is not None and goal.holds(seen, goal.asked)
    return Verdict(shots, goal.what, f"{_SIGNS[goal.holds]} {goal.asked}", "-" if seen is None else str(seen), held)


def _ratio(above: object, below: object) -> float | None:
    if not isinstance(above, float) or not isinstance(below, float):
        return None
    return round(above / below, 2)
