"""Random surfaces: which texture, how large and in which colors."""

import colorsys
from collections.abc import Sequence

import numpy as np

from model_server.training.synthetic.parts import Surface
from model_server.training.synthetic.settings import Split
from model_server.training.synthetic.textures import Tiles, tiles_of

SKINS = ((0.93, 0.76, 0.65), (0.82, 0.62, 0.49), (0.62, 0.44, 0.33), (0.42, 0.29, 0.22), (0.3, 0.2, 0.16))


class Materials:
    """Draws surfaces for one clip from the tiles of a split."""

    def __init__(self, random: np.random.Generator, split: Split) -> None:
        self._random = random
        self._tiles: Tiles = tiles_of(split)

    def wall(self) -> Surface:
        """Mostly pale and plain, sometimes papered or of brick."""
        kind = self._random.random()
        color = self._color((0.0, 0.35), (0.55, 0.95))
        if kind < 0.5:
            return self._noise(self._tiles.plain, (1.0, 4.0), color, contrast=0.25)
        if kind < 0.65:
            return self._noise(self._tiles.printed, (0.4, 1.5), color, contrast=0.3)
        if kind < 0.8:
            return self._noise(self._tiles.laid, (0.8, 2.0), self._color((0.1, 0.6), (0.4, 0.8)), contrast=0.6)
        if kind < 0.9:
            return self._noise(self._tiles.cloudy, (1.0, 3.0), color, contrast=0.4)
        return self.photo((1.0, 3.0))

    def floor(self) -> Surface:
        """Planks, tiles, carpet or concrete."""
        kind = self._random.random()
        if kind < 0.45:
            return self._noise(self._tiles.laid, (0.8, 2.5), self._wooden(), contrast=0.6)
        if kind < 0.65:
            return self._noise(self._tiles.grainy, (0.5, 1.5), self._color((0.0, 0.7), (0.25, 0.7)), contrast=0.4)
        if kind < 0.8:
            return self._noise(self._tiles.cloudy, (1.0, 4.0), self._color((0.0, 0.25), (0.35, 0.7)), contrast=0.5)
        if kind < 0.9:
            return self._noise(self._tiles.printed, (0.6, 2.0), self._color((0.0, 0.7), (0.3, 0.8)), contrast=0.7)
        return self.photo((0.8, 2.5))

    def ceiling(self) -> Surface:
        """Pale."""
        return self._noise(self._tiles.plain, (1.5, 4.0), self._color((0.0, 0.08), (0.8, 0.95)), contrast=0.2)

    def ground(self) -> Surface:
        """Asphalt, gravel, paving or grass."""
        kind = self._random.random()
        if kind < 0.45:
            return self._noise(self._tiles.grainy, (1.0, 3.0), self._color((0.0, 0.1), (0.3, 0.6)), contrast=0.5)
        if kind < 0.65:
            return self._noise(self._tiles.cloudy, (2.0, 6.0), self._color((0.0, 0.3), (0.3, 0.6)), contrast=0.6)
        if kind < 0.85:
            return self._noise(self._tiles.laid, (1.0, 3.0), self._color((0.0, 0.35), (0.4, 0.75)), contrast=0.6)
        return self.photo((1.0, 3.0))

    def front(self) -> Surface:
        """Of a house: windows in a wall."""
        if self._random.random() < 0.75:
            return self._noise(self._tiles.windows, (4.0, 9.0), self._color((0.0, 0.5), (0.5, 0.9)), contrast=1.0)
        return self._noise(self._tiles.laid, (1.0, 3.0), self._color((0.1, 0.6), (0.4, 0.8)), contrast=0.6)

    def wood(self) -> Surface:
        """Grainy brown."""
        return self._noise(self._tiles.grainy, (0.4, 1.2), self._wooden(), contrast=0.45)

    def cloth(self) -> Surface:
        """Plain or printed, of any color."""
        tiles = self._tiles.printed if self._random.random() < 0.4 else self._tiles.cloudy + self._tiles.grainy
        return self._noise(tiles, (0.25, 0.7), self._color((0.0, 0.8), (0.12, 0.9)), contrast=0.6)

    def skin(self) -> Surface:
        """Of a person."""
        return self._noise(self._tiles.plain, (0.3, 0.5), SKINS[self._random.integers(len(SKINS))], contrast=0.2)

    def leaves(self) -> Surface:
        """Green, mostly."""
        color = colorsys.hsv_to_rgb(self._random.uniform(0.15, 0.42), self._random.uniform(0.3, 0.8), 0.55)
        return self._noise(self._tiles.grainy + self._tiles.cloudy, (0.3, 1.0), color, contrast=1.0)

    def paint(self) -> Surface:
        """Smooth: metal, plastic, lacquer."""
        return self._noise(self._tiles.plain, (0.6, 2.0), self._color((0.0, 0.9), (0.1, 0.95)), contrast=0.2)

    def dark(self) -> Surface:
        """Rubber, glass, screens, shoes."""
        return self._noise(self._tiles.plain, (0.3, 0.8), self._color((0.0, 0.2), (0.08, 0.2)), contrast=0.3)

    def bright(self, glow: float) -> Surface:
        """A window or a lamp."""
        color = self._color((0.0, 0.15), (0.85, 0.95))
        return self._noise(self._tiles.cloudy, (1.0, 3.0), color, contrast=0.3, glow=glow)

    def any(self) -> Surface:
        """Whatever a thing may be made of."""
        kind = self._random.random()
        if kind < 0.25:
            return self.photo((0.4, 1.2))
        if kind < 0.4:
            return self.wood()
        if kind < 0.55:
            return self.paint()
        return self._noise(
            self._tiles.cloudy + self._tiles.grainy + self._tiles.laid + self._tiles.printed,
            (0.3, 1.2),
            self._color((0.0, 0.85), (0.2, 0.9)),
            contrast=self._random.uniform(0.4, 1.0),
        )

    def photo(self, meters: tuple[float, float]) -> Surface:
        """A photograph, its colors a little changed."""
        random = self._random
        tile = int(random.choice(self._tiles.photos))
        grey = random.uniform(0.0, 0.5)
        tint = random.uniform(0.75, 1.15, 3)
        color = np.zeros((3, 4))
        color[:, :3] = ((1 - grey) * np.eye(3) + grey / 3) * tint[:, None]
        return Surface(tile, random.uniform(*meters), color)

    def cloud_tile(self) -> int:
        """For the sky."""
        return int(self._random.choice(self._tiles.cloudy))

    def _color(self, saturation: tuple[float, float], value: tuple[float, float]) -> tuple[float, float, float]:
        hue, pale = self._random.random(), self._random.random() ** 1.5
        return colorsys.hsv_to_rgb(
            hue, saturation[0] + pale * (saturation[1] - saturation[0]), self._random.uniform(*value)
        )

    def _wooden(self) -> tuple[float, float, float]:
        random = self._random
        if random.random() < 0.25:
            return self._color((0.0, 0.3), (0.4, 0.8))
        return colorsys.hsv_to_rgb(random.uniform(0.05, 0.12), random.uniform(0.25, 0.65), random.uniform(0.35, 0.85))

    def _noise(
        self,
        tiles: tuple[int, ...],
        meters: tuple[float, float],
        color: Sequence[float],
        *,
        contrast: float,
        glow: float = 0.0,
    ) -> Surface:
        """The texture's first channel goes from dark to bright around the color; the others tint it."""
        random = self._random
        matrix = np.zeros((3, 4))
        middle = np.asarray(color)
        dark, bright = middle * (1 - 0.75 * contrast), middle + (1 - middle) * 0.5 * contrast
        if contrast > 0.5 and random.random() < 0.3:
            bright = np.asarray(
                colorsys.hsv_to_rgb(random.random(), random.uniform(0.1, 0.6), random.uniform(0.4, 0.9))
            )
        matrix[:, 0] = bright - dark
        matrix[:, 1] = random.normal(0, 0.12 * contrast, 3)
        matrix[:, 2] = random.normal(0, 0.12 * contrast, 3)
        matrix[:, 3] = dark - (matrix[:, 1] + matrix[:, 2]) / 2
        return Surface(int(random.choice(tiles)), random.uniform(*meters), matrix, glow)
