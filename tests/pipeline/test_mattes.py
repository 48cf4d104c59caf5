"""Mattes lie on the plate, distortion included."""

import cv2
import numpy as np
import pytest
from moving_box import PIXELS, jaccard, solution_of, through_the_lens
from synthetic import synthetic_clip
from tolerances import MATTE_J

from model_server.geometry.lens import Distortion
from model_server.geometry.shot import Layer, Layers, Plate
from model_server.pipeline.mattes import write_mattes

FRAMES = 3


@pytest.mark.parametrize("k1", [0.0, -0.15, 0.12])
def test_mattes_line_up_with_the_plate(k1, tmp_path):
    clip = synthetic_clip()
    solution = solution_of(clip, Distortion(k1))
    full = through_the_lens(clip.images[:FRAMES], solution, (640, 480))
    truth = through_the_lens(clip.moving[:FRAMES].astype(np.float32), solution, (640, 480)) > 0.5
    small = np.stack([cv2.resize(image, (320, 240), interpolation=cv2.INTER_AREA) for image in full])
    plate = Plate(small, lambda index: full[index], 640, 480, 1.0, PIXELS)
    layers = Layers(clip.moving[:FRAMES].astype(np.uint8), (Layer(1, "Thing 1", 0, FRAMES - 1),))
    write_mattes(plate, layers, solution, (1001, 1003, 1005), tmp_path, lambda done: None)
    files = sorted((tmp_path / "layer_01").iterdir())
    assert [file.name for file in files] == ["1001.png", "1003.png", "1005.png"]
    for file, mask in zip(files, truth):
        matte = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        assert (matte.dtype, matte.shape) == (np.uint8, (480, 640))
        assert jaccard(matte > 127, mask) >= MATTE_J


def test_every_frame_has_a_matte_black_where_the_thing_is_not(tmp_path):
    clip = synthetic_clip()
    labels = clip.moving[:FRAMES].astype(np.uint8)
    labels[1] = 0
    small = clip.images[:FRAMES]
    full = np.stack([cv2.resize(image, (640, 480)) for image in small])
    plate = Plate(small, lambda index: full[index], 640, 480, 1.0, PIXELS)
    layers = Layers(labels, (Layer(1, "Thing 1", 0, 2),))
    write_mattes(plate, layers, solution_of(clip), (1, 2, 3), tmp_path, lambda done: None)
    seen = [cv2.imread(str(tmp_path / f"layer_01/000{n}.png"), cv2.IMREAD_UNCHANGED).any() for n in (1, 2, 3)]
    assert seen == [True, False, True]


def test_no_layers_write_nothing(tmp_path):
    clip = synthetic_clip()
    plate = Plate(clip.images, lambda index: clip.images[index], 640, 480, 1.0, PIXELS)
    layers = Layers(np.zeros(clip.moving.shape, np.uint8), ())
    write_mattes(plate, layers, solution_of(clip), range(1, 17), tmp_path, lambda done: None)
    assert list(tmp_path.iterdir()) == []
