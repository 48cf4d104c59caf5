"""A whole package of the synthetic clip, written by the server's own writer from the clip's truth."""

from pathlib import Path

import numpy as np
from synthetic import SyntheticClip, synthetic_clip

from model_server.package import manifest as m
from model_server.package.writer import PackageWriter

FIRST_FRAME = 1001


def write_example(target: Path, clip: SyntheticClip | None = None) -> SyntheticClip:
    """Write `target` with frames 1001.., the walking box as layer 1 and footage twice the model size."""
    clip = clip or synthetic_clip(frames=4, width=64, height=48)
    with PackageWriter(target) as writer:
        for path, array in example_arrays(clip).items():
            writer.add_array(path, array)
        writer.finish(example_manifest(clip))
    return clip


def example_arrays(clip: SyntheticClip) -> dict[str, np.ndarray]:
    """Every array of the layout, from the truth."""
    frames, height, width = clip.depth.shape
    to_footage = np.diag([2.0, 2.0, 1.0])
    points = np.array([[0.0, 0.0, 4.0], [0.5, 0.2, 3.0]], np.float32)
    return {
        "cameras/camera_from_world.npy": clip.camera_from_world,
        "cameras/intrinsics.npy": np.repeat((to_footage @ clip.intrinsics)[None], frames, 0),
        "cameras/frame_numbers.npy": np.arange(FIRST_FRAME, FIRST_FRAME + frames, dtype=np.int32),
        "cameras/status.npy": np.zeros(frames, np.uint8),
        "cameras/reprojection_px.npy": np.full(frames, 0.25, np.float32),
        "images.npy": clip.images,
        "depth.npy": clip.depth,
        "confidence.npy": np.ones(clip.depth.shape, np.float16),
        "moving.npy": clip.moving.astype(np.uint8) * 255,
        "layers.npy": clip.moving.astype(np.uint8),
        "background/positions.npy": points,
        "background/colors.npy": np.array([[255, 0, 0], [0, 128, 255]], np.uint8),
        "tracks/positions.npy": points,
        "tracks/observations.npy": np.array([[0, 0, width, height], [1, 0, width, height]], np.float32),
    }


def example_manifest(clip: SyntheticClip) -> m.Manifest:
    """What is true of `example_arrays`; `files` is for the writer to fill."""
    frames, height, width = clip.depth.shape
    last = FIRST_FRAME + frames - 1
    return m.Manifest(
        made_by=m.MadeBy(server="0.1.0", engine="classical"),
        clip=m.ClipFacts(
            name="room",
            path="room.1001.png",
            files=(m.ClipFile("room.1001.png", "0" * 64),),
            width=2 * width,
            height=2 * height,
            pixel_aspect=1.0,
            fps=(24000, 1001),
            first_frame=FIRST_FRAME,
            frames=frames,
        ),
        pixels=m.Pixels(width, height, m.FootageFromModel((2.0, 2.0), (0.0, 0.0))),
        lens=m.LensFacts("pinhole", 0.0, 0.0, 0.0, varying_focal=False),
        scale=m.Scale(metric=False),
        up=(0.0, -1.0, 0.0),
        floor=(0.0, -1.0, 0.0, 1.2),
        solve=m.SolveFacts("free", 0.25, 0.3, 2, None, (), (), {"tracks": 1.0}),
        motion=m.MotionFacts("geometry"),
        layers=(
            m.LayerFacts(0, "Background", (FIRST_FRAME, last)),
            m.LayerFacts(1, "Thing 1", (FIRST_FRAME, last)),
        ),
    )
