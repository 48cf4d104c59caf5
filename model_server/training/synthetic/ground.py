"""Who stands where: free ground in front of the camera."""

import numpy as np

from model_server.training.synthetic.camera_paths import Viewpoint


class Ground:
    """Discs that are taken, in a rectangle around x = z = 0."""

    def __init__(self, half_width: float, half_depth: float) -> None:
        self._half = np.array([half_width, half_depth])
        self._discs = np.zeros((0, 3))

    def take(self, places: np.ndarray, radius: float) -> None:
        """Keep others from (N, 2) places."""
        self._discs = np.concatenate([self._discs, np.column_stack([places, np.full(len(places), radius)])])

    def free(self, place: np.ndarray, radius: float) -> bool:
        """Whether a disc fits there."""
        inside = bool((np.abs(place) + 0.7 * radius < self._half).all())
        distances = np.hypot(*(self._discs[:, :2] - place).T)
        return inside and bool((distances > self._discs[:, 2] + radius).all())

    def seen_place(
        self, random: np.random.Generator, view: Viewpoint, radius: float, nearest: float, farthest: float
    ) -> np.ndarray | None:
        """A free place (2,) in the picture, which is then taken; None where none is found."""
        for _ in range(12):
            distance = np.exp(random.uniform(np.log(nearest), np.log(max(farthest, nearest * 1.01))))
            angle = view.yaw + random.uniform(-0.55, 0.55) * view.fov
            place: np.ndarray = view.place[[0, 2]] + distance * np.array([np.sin(angle), np.cos(angle)])
            if self.free(place, radius):
                self.take(place[None], radius)
                return place
        return None


def reaching(view: Viewpoint, half_width: float, half_depth: float) -> float:
    """How far the camera sees along the ground until the rectangle ends."""
    way = np.array([np.sin(view.yaw), np.cos(view.yaw)])
    gap = np.where(
        way > 0,
        np.array([half_width, half_depth]) - view.place[[0, 2]],
        np.array([half_width, half_depth]) + view.place[[0, 2]],
    )
    return float((gap / np.maximum(np.abs(way), 1e-6)).min())
