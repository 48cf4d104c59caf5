"""Which pixels belong to the body in the middle of a square: BlazePose's network, which ships with the server.

V. Bazarevsky et al., "BlazePose: On-device real-time body pose tracking", arXiv 2006.10204; where the file is from is
in weights/README.md. It draws the outline of people, and of most animals; and it always draws something: whether that
is a body that moves is for `moving_bodies` to say.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.special import expit

from model_server.geometry.shot import Array

_WEIGHTS = Path(__file__).parent / "weights" / "pose_landmark_full.tflite"
_SIDE = 256  # pixels of the square that the network sees
_OUTPUTS = ["Identity", "Identity_1", "Identity_2"]  # landmarks in the square's pixels, 0..1, log odds of the body
_LANDMARKS, _HIPS, _REACH = 39, 33, 34  # how many; between the hips; on the circle around the whole body, above them
_FEET, _SEEN = slice(27, 33), 3  # ankles, heels and toes; of a landmark's numbers, the log odds that it is seen
_ROOM = 1.25  # times that circle, which the network was trained to see
_AROUND_MASK = 1.24  # times the longer side of what is known of a body
OUTSIDE = -20.0  # log odds beyond the square
_FINE = 0.4  # of how many pixels become one, the blur before


@dataclass(frozen=True)
class Square:
    """Where in a picture a body may be."""

    center: Array  # (2,) pixels
    half: float  # of its side, pixels
    turn: float  # radians by which the picture is turned for the body to stand upright

    @staticmethod
    def around(x: float, y: float, width: float, height: float) -> "Square":
        """Around the box of what is known of a body, pixels."""
        return Square(np.array([x + width / 2, y + height / 2]), _AROUND_MASK * max(width, height) / 2, 0.0)

    def is_near(self, other: "Square", share: float) -> bool:
        """Whether the two differ in place and size by less than a share of half a square."""
        apart = float(np.hypot(*(self.center - other.center))) / min(self.half, other.half)
        return apart < share and abs(np.log(self.half / other.half)) < share

    def from_picture(self) -> Array:
        """(2, 3) picture's pixels to those of the network's square."""
        scale = _SIDE / (2 * self.half)
        c, s = np.cos(self.turn) * scale, np.sin(self.turn) * scale
        turned = np.array([[c, -s], [s, c]])
        return np.hstack([turned, (_SIDE / 2 - turned @ self.center)[:, None]])


@dataclass(frozen=True)
class Look:
    """What the network sees in a square."""

    odds: Array  # (H, W) float32 log odds of each pixel of the picture to be of the body
    person: float  # 0..1 likely to be one, and upright
    asked: Square  # where the body is better seen; its center is between the hips
    sole: float  # pixels down to the lower foot
    feet_seen: float  # 0..1 likely that nothing hides them


class BodySegmenter:
    """The network, loaded once. Not for several threads at a time."""

    def __init__(self) -> None:
        self._network = cv2.dnn.readNetFromTFLite(str(_WEIGHTS))

    def __call__(self, picture: Array, square: Square) -> Look:
        """Look at a square of an (H, W, 3) uint8 sRGB picture."""
        height, width = picture.shape[:2]
        to_square = square.from_picture()
        smaller = 2 * square.half / _SIDE  # pixels of the picture for one of the square
        sharp = cv2.GaussianBlur(picture, (0, 0), _FINE * smaller) if smaller > 1 else picture
        seen = cv2.warpAffine(sharp, to_square, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR)
        self._network.setInput(cv2.dnn.blobFromImage(seen, 1 / 255))
        landmarks, person, odds = self._network.forward(_OUTPUTS)
        body = cv2.warpAffine(
            odds[0, 0], to_square, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT, borderValue=OUTSIDE,
        )  # fmt: skip
        places = landmarks.reshape(_LANDMARKS, -1)
        points = (places[:, :2] - to_square[:, 2]) @ np.linalg.inv(to_square[:, :2]).T
        hips, reach = points[[_HIPS, _REACH]]
        up = reach - hips
        asked = Square(hips, max(1.0, _ROOM * float(np.hypot(*up))), -float(np.arctan2(up[0], -up[1])))
        feet_seen = float(expit(places[_FEET, _SEEN]).mean())
        sole = float(points[_FEET, 1].max())
        return Look(np.asarray(body, np.float32), float(person.squeeze()), asked, sole, feet_seen)
