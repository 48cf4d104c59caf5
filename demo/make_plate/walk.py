"""How the figure walks: from a path on the floor to the pose of every bone, with planted feet.

Axes: x right, y ahead, z up, meters, floor at z = 0. The figure at rest stands at the origin and looks along y.
Feet come first: footprints lie on the path, a foot keeps its footprint from heel strike to toe-off, and the legs
follow by two-bone inverse kinematics (the law of cosines), so no foot slides. Timing and amplitudes are rounded from
the textbook gait cycle (Perry, "Gait Analysis": stance 62 % of the cycle, arms opposite to the legs).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STEP_M = 0.56
STANCE = 1.24  # of a step: a foot rests a little longer than one step, which makes both feet rest at times
AHEAD_M = 0.31  # the foot lands this far in front of the pelvis
HALF_TRACK_M = 0.075  # half the distance between the left and the right line of footprints
HIP, KNEE, ANKLE = np.array([0.09, 0.0, 0.92]), np.array([0.09, 0.01, 0.50]), np.array([0.09, 0.0, 0.09])
BALL = np.array([0.09, 0.13, 0.03])
HEEL = np.array([0.09, -0.05, 0.0])
WAIST, NECK = np.array([0.0, 0.0, 0.98]), np.array([0.0, 0.0, 1.44])
SHOULDER, ELBOW, WRIST = np.array([0.185, 0.0, 1.385]), np.array([0.225, -0.01, 1.10]), np.array([0.245, 0.0, 0.84])
BONES = (
    "pelvis",
    "torso",
    "head",
    *(f"{bone}.{side}" for side in "LR" for bone in ("thigh", "shin", "foot", "toe", "upper_arm", "forearm")),
)


@dataclass(frozen=True)
class Route:
    """A smooth path on the floor, sampled densely: points (N, 2) and their distance along it (N,), meters."""

    points: np.ndarray
    distances: np.ndarray

    @classmethod
    def through(cls, corners: np.ndarray) -> Route:
        """Round the corners (M, 2) of a polyline (Chaikin's corner cutting)."""
        points = np.asarray(corners, float)
        for _ in range(6):
            cut = np.stack([0.75 * points[:-1] + 0.25 * points[1:], 0.25 * points[:-1] + 0.75 * points[1:]], axis=1)
            points = np.concatenate([points[:1], cut.reshape(-1, 2), points[-1:]])
        lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
        return cls(points, np.concatenate([[0.0], np.cumsum(lengths)]))

    def at(self, distance: float) -> tuple[np.ndarray, np.ndarray]:
        """Where the path is after `distance` (straight on beyond its ends), and its direction: two (2,) arrays."""
        inside = float(np.clip(distance, 1e-3, self.distances[-1] - 1e-3))
        here, near = (np.array([np.interp(d, self.distances, axis) for axis in self.points.T]) for d in _around(inside))
        ahead = (near - here) / np.linalg.norm(near - here)
        return here + ahead * (distance - inside + 1e-3), ahead


def walk(path: Route, distances: np.ndarray) -> np.ndarray:
    """Pose the figure along the path.

    Args:
        path: where the pelvis goes.
        distances: (frames,) how far along the path the pelvis is.

    Returns:
        (frames, bones, 4, 4) in the order of BONES: takes points of the figure at rest to the floor's frame.
    """
    return np.stack([_pose(path, float(distance)) for distance in distances])


def footprints(path: Route, distance: float) -> dict[str, np.ndarray]:
    """The ankle's place (3,) of each foot that rests flat on the floor when the pelvis is at `distance`."""
    resting = {}
    for side in "LR":
        begun, _ = _cycle(side, distance)
        stance = (distance - begun + AHEAD_M) / (STANCE * STEP_M)
        if 0.12 <= stance <= 0.55:
            resting[side] = (
                _footprint(path, side, begun)[:3, :3] @ _mirror(ANKLE * [0, 1, 1], side)
                + (_footprint(path, side, begun)[:3, 3])
            )
    return resting


def _around(distance: float) -> tuple[float, float]:
    return distance - 1e-3, distance + 1e-3


def _cycle(side: str, distance: float) -> tuple[float, float]:
    """Where along the path the foot's present (or last) footprint lies, and the next one."""
    offset = 0.0 if side == "R" else STEP_M
    last = np.floor((distance + AHEAD_M - offset) / (2 * STEP_M)) * 2 * STEP_M + offset
    return float(last), float(last + 2 * STEP_M)


def _footprint(path: Route, side: str, distance: float) -> np.ndarray:
    """(4, 4) frame of a footprint: y along the path, z up, origin below the ankle."""
    here, ahead = path.at(distance)
    right = np.array([ahead[1], -ahead[0]])
    frame = np.eye(4)
    frame[:2, 0], frame[:2, 1] = right, ahead
    frame[:2, 3] = here + right * HALF_TRACK_M * (1 if side == "R" else -1)
    return frame


def _foot(path: Route, side: str, distance: float) -> tuple[np.ndarray, float, np.ndarray]:
    """The ankle (3,), the foot's pitch (toes up is positive, radians) and the frame (4, 4) it turns in."""
    last, following = _cycle(side, distance)
    progress = distance - last + AHEAD_M
    stance_length = STANCE * STEP_M
    if progress <= stance_length:
        frame = _footprint(path, side, last)
        ankle, pitch = _stance(progress / stance_length)
        return frame[:3, :3] @ ankle + frame[:3, 3], pitch, frame
    swing = (progress - stance_length) / (2 * STEP_M - stance_length)
    start, goal = _footprint(path, side, last), _footprint(path, side, following)
    (from_ankle, from_pitch), (to_ankle, to_pitch) = _stance(1.0), _stance(0.0)
    eased = swing * swing * (3 - 2 * swing)
    ankle = (1 - eased) * (start[:3, :3] @ from_ankle + start[:3, 3]) + eased * (goal[:3, :3] @ to_ankle + goal[:3, 3])
    ankle[2] += 0.045 * np.sin(np.pi * swing) ** 2
    pitch = from_pitch * (1 - eased) ** 2 + to_pitch * eased**2
    return ankle, float(pitch), (start if swing < 0.5 else goal)


def _stance(progress: float) -> tuple[np.ndarray, float]:
    """Ankle (3,) in the footprint's frame and pitch: heel strike, flat, then rolling over the ball."""
    ankle, ball, heel = (point * [0, 1, 1] for point in (ANKLE, BALL, HEEL))
    landing, leaving = np.clip(1 - progress / 0.12, 0, 1), np.clip((progress - 0.55) / 0.45, 0, 1)
    pitch = np.radians(18) * landing - np.radians(42) * leaving**1.6
    pivot = heel if pitch > 0 else ball
    return _about_x(pitch) @ (ankle - pivot) + pivot, float(pitch)


def _pose(path: Route, distance: float) -> np.ndarray:
    phase = np.pi * distance / STEP_M  # 2 pi a cycle; 0 when the pelvis is over the right footprint
    here, ahead = path.at(distance)
    right = np.array([ahead[1], -ahead[0]])
    feet = {side: _foot(path, side, distance) for side in "LR"}
    turn = np.eye(3)
    turn[:2, 0], turn[:2, 1] = right, ahead
    pelvis_turn = turn @ _about_z(0.09 * np.sin(phase)) @ _about_y(-0.035 * np.cos(phase))
    center = np.array([*(here + right * 0.02 * np.cos(phase)), 0.9 + 0.014 * np.cos(2 * phase)])
    center[2] = min(center[2], *(_reachable(center, pelvis_turn, side, feet[side][0]) for side in "LR"))
    pelvis_rest = np.array([0.0, 0.0, HIP[2]])
    torso_turn = turn @ _about_z(-0.10 * np.sin(phase)) @ _about_x(-0.045) @ _about_y(0.02 * np.cos(phase))
    waist = center + pelvis_turn @ (WAIST - pelvis_rest)
    neck = waist + torso_turn @ (NECK - WAIST)
    moved = {
        "pelvis": _rigid(pelvis_turn, pelvis_rest, center),
        "torso": _rigid(torso_turn, WAIST, waist),
        "head": _rigid(turn @ _about_z(-0.03 * np.sin(phase)), NECK, neck),
    }
    for side in "LR":
        moved |= _leg(side, center + pelvis_turn @ (_mirror(HIP, side) - pelvis_rest), *feet[side], turn)
        swing = (1 if side == "R" else -1) * np.sin(phase - 0.25)
        moved |= _arm(side, waist + torso_turn @ (_mirror(SHOULDER, side) - WAIST), torso_turn, swing)
    return np.stack([moved[bone] for bone in BONES])


def _leg(side: str, hip: np.ndarray, ankle: np.ndarray, pitch: float, frame: np.ndarray, turn: np.ndarray) -> dict:
    rest_hip, rest_knee, rest_ankle, rest_ball = (_mirror(point, side) for point in (HIP, KNEE, ANKLE, BALL))
    thigh, shin = np.linalg.norm(KNEE - HIP), np.linalg.norm(ANKLE - KNEE)
    reach = min(float(np.linalg.norm(ankle - hip)), thigh + shin - 1e-4)
    down = (ankle - hip) / np.linalg.norm(ankle - hip)
    lateral = turn[:, 0]
    forward = np.cross(down, lateral)
    forward *= np.sign(forward @ turn[:, 1]) / np.linalg.norm(forward)
    along = (thigh**2 - shin**2 + reach**2) / (2 * reach)
    knee = hip + down * along + forward * np.sqrt(max(thigh**2 - along**2, 0.0))
    foot_turn = frame[:3, :3] @ _about_x(pitch)
    ball = ankle + foot_turn @ (rest_ball - rest_ankle)
    toe_pitch = max(pitch, -0.25) if ball[2] > BALL[2] + 0.01 else max(pitch, 0.0)
    return {
        f"thigh.{side}": _rigid(_bend(rest_knee - rest_hip, knee - hip, lateral), rest_hip, hip),
        f"shin.{side}": _rigid(_bend(rest_ankle - rest_knee, ankle - knee, lateral), rest_knee, knee),
        f"foot.{side}": _rigid(foot_turn, rest_ankle, ankle),
        f"toe.{side}": _rigid(frame[:3, :3] @ _about_x(toe_pitch), rest_ball, ball),
    }


def _arm(side: str, shoulder: np.ndarray, torso_turn: np.ndarray, swing: float) -> dict:
    rest_shoulder, rest_elbow = _mirror(SHOULDER, side), _mirror(ELBOW, side)
    upper = torso_turn @ _about_x(0.42 * swing - 0.02)
    elbow = shoulder + upper @ (rest_elbow - rest_shoulder)
    fore = upper @ _about_x(0.38 + 0.22 * swing)
    return {
        f"upper_arm.{side}": _rigid(upper, rest_shoulder, shoulder),
        f"forearm.{side}": _rigid(fore, rest_elbow, elbow),
    }


def _reachable(center: np.ndarray, pelvis_turn: np.ndarray, side: str, ankle: np.ndarray) -> float:
    """The greatest pelvis height at which this leg, nearly straight, still reaches its ankle."""
    hip = center + pelvis_turn @ (_mirror(HIP, side) * [1, 1, 0])
    length = 0.995 * (np.linalg.norm(KNEE - HIP) + np.linalg.norm(ANKLE - KNEE))
    flat = np.linalg.norm((hip - ankle)[:2])
    return float(ankle[2] + np.sqrt(max(length**2 - flat**2, 0.0)) - (hip[2] - center[2]))


def _bend(rest: np.ndarray, now: np.ndarray, lateral: np.ndarray) -> np.ndarray:
    """The rotation that takes the bone's rest direction to where it points now, its side kept along `lateral`."""
    return _bone_axes(now, lateral) @ _bone_axes(rest, np.array([1.0, 0.0, 0.0])).T


def _bone_axes(direction: np.ndarray, lateral: np.ndarray) -> np.ndarray:
    along = direction / np.linalg.norm(direction)
    across = lateral - along * (lateral @ along)
    across /= np.linalg.norm(across)
    return np.stack([across, along, np.cross(across, along)], axis=1)


def _rigid(rotation: np.ndarray, rest_point: np.ndarray, point: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = point - rotation @ rest_point
    return matrix


def _mirror(point: np.ndarray, side: str) -> np.ndarray:
    return point * [1 if side == "R" else -1, 1, 1]


def _about_x(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _about_y(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _about_z(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
