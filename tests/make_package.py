"""Result packages of the synthetic clip with every kind of footage: anamorphic, off-center, distorted, with gaps."""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from synthetic import synthetic_clip

from model_server.geometry.lens import Distortion, undistort_pixels
from model_server.package import manifest as m
from model_server.package.writer import PackageWriter


@dataclass(frozen=True)
class Footage:
    """How the clip was shot; the default is landscape with square pixels from frame 1001 on."""

    width: int = 96  # of the model's pictures
    height: int = 72
    stretch: tuple[float, float] = (2.0, 2.0)  # footage pixels per model pixel, (x, y)
    cut: tuple[int, int] = (0, 0)  # columns and rows missing at the left and the top: an off-center lens
    distortion: tuple[float, float, float] = (0.0, 0.0, 0.0)
    frame_numbers: tuple[int, ...] = (1001, 1002, 1003, 1004, 1005)
    unknown: tuple[int, ...] = ()  # indices of frames whose camera was not found
    zoom: float = 1.0  # focal length at the end over the one at the start; pictures stay as they are
    things: int = 1
    focal: float = 84.0  # model pixels
    unknown_corner: bool = True  # a corner of every frame has no depth


LANDSCAPE = Footage()
PORTRAIT = Footage(width=64, height=96)
ANAMORPHIC = Footage(stretch=(1.0, 2.0))
TALL_PIXELS = Footage(width=64, height=90, stretch=(2.0, 1.5))
OFF_CENTER = Footage(cut=(21, 13))
DISTORTED = Footage(distortion=(-0.12, 0.03, 0.0))
WITH_GAPS = Footage(frame_numbers=(1001, 1003, 1005, 1009, 1011))


@dataclass(frozen=True)
class Written:
    """What was written, for comparison: F frames, H x W model size, world in solver axes."""

    folder: Path
    plate: Path  # first image of the sequence
    width: int  # of the footage
    height: int
    frame_numbers: tuple[int, ...]
    camera_from_world: np.ndarray  # (F, 4, 4)
    intrinsics: np.ndarray  # (F, 3, 3) footage pixels
    images: np.ndarray  # (F, H, W, 3)
    depth: np.ndarray  # (F, H, W)
    layers: np.ndarray  # (F, H, W)
    background: np.ndarray  # (P, 3)


def write_synthetic_package(folder: Path, footage: Footage = LANDSCAPE) -> Written:
    """Write `folder` (`<name>.page4d`) and, beside it, the plate as `plate/shot.<frame>.png`."""
    clip = synthetic_clip(len(footage.frame_numbers), footage.width, footage.height, footage.focal)
    left, top = footage.cut
    images, depth = clip.images[:, top:, left:], clip.depth[:, top:, left:].copy()
    layers = clip.moving[:, top:, left:].astype(np.uint8) if footage.things else np.zeros(depth.shape, np.uint8)
    if footage.things == 2:
        layers[:, : layers.shape[1] // 4, : layers.shape[2] // 4] = 2
    if footage.unknown_corner:
        depth[:, -3:, -5:] = 0
    count, height, width = depth.shape
    stretch_x, stretch_y = footage.stretch
    to_footage = np.array([[stretch_x, 0, -left * stretch_x], [0, stretch_y, -top * stretch_y], [0, 0, 1]])
    intrinsics = np.repeat((to_footage @ clip.intrinsics)[None], count, 0)
    intrinsics[:, [0, 1], [0, 1]] *= np.linspace(1, footage.zoom, count)[:, None]
    poses = clip.camera_from_world.copy()
    status = np.zeros(count, np.uint8)
    status[list(footage.unknown)] = 2
    poses[list(footage.unknown)] = np.nan
    sizes = round(width * stretch_x), round(height * stretch_y)
    written = Written(
        folder,
        folder.parent / "plate" / f"shot.{footage.frame_numbers[0]}.png",
        *sizes,
        footage.frame_numbers,
        poses,
        intrinsics,
        images,
        depth,
        layers,
        np.random.default_rng(0).uniform([-2, -1, 2], [2, 1, 5], (500, 3)).astype(np.float32),
    )
    _write_plate(written, footage)
    _write(written, footage, status)
    return written


def write_png(file: Path, pixels: np.ndarray) -> None:
    """(H, W) or (H, W, 3) uint8; the format's own minimum, since Blender's Python has no image library in 4.2."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = pixels.shape[:2]
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes())) + chunk(b"IEND", b"")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def _write_plate(written: Written, footage: Footage) -> None:
    for index, number in enumerate(written.frame_numbers):
        write_png(written.plate.with_name(f"shot.{number}.png"), _as_plate(written.images[index], written, footage))


def _as_plate(picture: np.ndarray, written: Written, footage: Footage) -> np.ndarray:
    """A model picture as the distorted footage shows it: bilinear at the undistorted place of each plate pixel."""
    x, y = np.meshgrid(np.arange(written.width) + 0.5, np.arange(written.height) + 0.5)
    straight = undistort_pixels(np.stack([x, y], -1), written.intrinsics[0], Distortion(*footage.distortion))
    place = straight / np.array(footage.stretch) - 0.5
    height, width = picture.shape[:2]
    base = np.clip(place, 0, [width - 1.001, height - 1.001]).astype(int)
    t = np.clip(place - base, 0, 1).reshape(*place.shape, *[1] * (picture.ndim - 2))
    i, j, u, v = base[..., 1], base[..., 0], t[:, :, 0], t[:, :, 1]
    top = picture[i, j] * (1 - u) + picture[i, j + 1] * u
    low = picture[i + 1, j] * (1 - u) + picture[i + 1, j + 1] * u
    return np.rint(top * (1 - v) + low * v).astype(np.uint8)


def _write(written: Written, footage: Footage, status: np.ndarray) -> None:
    count, height, width = written.depth.shape
    confidence = np.broadcast_to(np.linspace(0, 1, width), written.depth.shape).astype(np.float16)
    colors = np.tile(np.array([[200, 40, 90]], np.uint8), (len(written.background), 1))
    with PackageWriter(written.folder) as writer:
        arrays = {
            "cameras/camera_from_world.npy": written.camera_from_world,
            "cameras/intrinsics.npy": written.intrinsics,
            "cameras/frame_numbers.npy": np.array(written.frame_numbers, np.int32),
            "cameras/status.npy": status,
            "cameras/reprojection_px.npy": np.full(count, 0.25, np.float32),
            "images.npy": np.ascontiguousarray(written.images),
            "depth.npy": written.depth,
            "confidence.npy": confidence,
            "moving.npy": (written.layers > 0).astype(np.uint8) * 255,
            "layers.npy": written.layers,
            "background/positions.npy": written.background,
            "background/colors.npy": colors,
            "tracks/positions.npy": written.background[:50],
            "tracks/observations.npy": np.zeros((0, 4), np.float32),
        }
        for path, array in arrays.items():
            writer.add_array(path, array)
        for layer in range(1, footage.things + 1):
            for index, number in enumerate(written.frame_numbers):
                matte = _as_plate((written.layers[index] == layer).astype(np.uint8) * 255, written, footage)
                write_png(writer.folder / f"mattes/layer_{layer:02d}/{number}.png", matte)
        writer.add_mattes(written.height, written.width)
        writer.finish(_manifest(written, footage, count, height, width))


def _manifest(written: Written, footage: Footage, count: int, height: int, width: int) -> m.Manifest:
    ends = written.frame_numbers[0], written.frame_numbers[-1]
    names = ["Background", *(f"Thing {number}" for number in range(1, footage.things + 1))]
    return m.Manifest(
        made_by=m.MadeBy(server="0.1.0", engine="classical"),
        clip=m.ClipFacts(
            name="shot",
            path=f"plate/{written.plate.name}",
            files=tuple(m.ClipFile(f"shot.{number}.png", "0" * 64) for number in written.frame_numbers),
            width=written.width,
            height=written.height,
            pixel_aspect=footage.stretch[1] / footage.stretch[0],
            fps=(24000, 1001),
            first_frame=ends[0],
            frames=count,
        ),
        pixels=m.Pixels(width, height, m.FootageFromModel(footage.stretch, (0.0, 0.0))),
        lens=m.LensFacts(
            "brown" if any(footage.distortion) else "pinhole", *footage.distortion, varying_focal=footage.zoom != 1
        ),
        scale=m.Scale(metric=False),
        up=(0.0, -0.8, -0.6),
        floor=(0.0, -0.8, -0.6, 1.2),
        solve=m.SolveFacts("free", 0.25, 0.3, 2, None, (), (), {"tracks": 1.0}),
        motion=m.MotionFacts("geometry"),
        layers=tuple(m.LayerFacts(number, name, ends) for number, name in enumerate(names)),
    )
