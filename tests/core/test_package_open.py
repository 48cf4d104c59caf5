"""A result package is read as it was written, and nothing hostile or broken is."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from make_package import WITH_GAPS, Footage, write_synthetic_package

from page4d_blender.core.clouds import background_cloud, frame_cloud
from page4d_blender.core.coordinates import blender_points
from page4d_blender.core.errors import Page4DError
from page4d_blender.core.package import open_package


@pytest.fixture
def written(tmp_path):
    return write_synthetic_package(tmp_path / "shot.page4d", Footage(width=48, height=32))


def test_what_the_server_wrote_is_read_back(tmp_path):
    written = write_synthetic_package(tmp_path / "shot.page4d", WITH_GAPS)
    package = open_package(written.folder)
    assert tuple(package.frame_numbers) == written.frame_numbers
    assert np.array_equal(package.camera_from_world, written.camera_from_world)
    assert np.array_equal(package.depth, written.depth)
    assert np.array_equal(package.images, written.images)
    assert [layer.name for layer in package.manifest.layers] == ["Thing 1"]
    assert sorted(package.mattes[1]) == list(written.frame_numbers)
    assert package.manifest.clip.fps.numerator == 24000


def test_a_later_minor_version_and_unknown_keys_are_read(written):
    _edit(written, lambda manifest: manifest["format"].update(minor=7, new=1) or manifest.update(future={"a": [1]}))
    assert open_package(written.folder).manifest.clip.name == "shot"


def test_what_was_assumed_is_shown_as_lines_and_not_without_end(written):
    _edit(written, lambda m: m["solve"].update(assumptions=["two\nlines\x1b", "long " * 1000] + ["more"] * 1000))
    found = open_package(written.folder).manifest.assumptions
    assert found[0] == "two lines"
    assert len(found) < 100
    assert max(map(len, found)) <= 300
    _edit(written, lambda m: m["solve"].pop("assumptions"))
    assert open_package(written.folder).manifest.assumptions == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["format"].update(major=2),
        lambda m: m["format"].update(name="other"),
        lambda m: m.pop("clip"),
        lambda m: m["clip"].update(width=0),
        lambda m: m["clip"].update(width=10**9),
        lambda m: m["clip"].update(width=True),
        lambda m: m["clip"].update(fps=[24, 0]),
        lambda m: m["clip"].update(fps=24),
        lambda m: m["clip"].update(frames=10**12),
        lambda m: m["pixels"]["footage_from_model"].update(scale=[0, 1]),
        lambda m: m.update(up=[0, 0, 0]),
        lambda m: m.update(up=[float("nan"), 0, 1]),
        lambda m: m.update(layers=[{"id": 1, "name": "a", "frames": [1, 2]}] * 2),
        lambda m: m.update(layers=[{"id": 300, "name": "a", "frames": [1, 2]}]),
        lambda m: m.update(files=[]),
        lambda m: m["files"].pop("depth.npy"),
        lambda m: m["files"]["depth.npy"].update(bytes=1),
        lambda m: m["files"]["depth.npy"].update(dtype="float64"),
        lambda m: m["files"]["depth.npy"].update(shape=[10**6, 10**6, 10**6]),
        lambda m: m["files"]["depth.npy"].update(shape=[]),
        lambda m: m["files"].update({"../secret.npy": {"dtype": "uint8", "shape": [1], "bytes": 1}}),
        lambda m: m["files"].update({"/etc/passwd": {"dtype": "uint8", "shape": [1], "bytes": 1}}),
        lambda m: m["files"].update({"C:\\a.npy": {"dtype": "uint8", "shape": [1], "bytes": 1}}),
        lambda m: m["files"].update({"gone.npy": {"dtype": "uint8", "shape": [1], "bytes": 1}}),
    ],
)
def test_a_manifest_that_can_not_be_is_refused(written, change):
    _edit(written, change)
    with pytest.raises(Page4DError) as refused:
        open_package(written.folder)
    assert refused.value.hint


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"format": 1}', "[" * 100_000, "\x00"])
def test_a_manifest_that_is_no_manifest_is_refused(written, text):
    (written.folder / "manifest.json").write_text(text)
    with pytest.raises(Page4DError):
        open_package(written.folder)


def test_a_folder_without_manifest_is_refused(tmp_path):
    with pytest.raises(Page4DError, match=r"manifest\.json is missing"):
        open_package(tmp_path)


def test_links_out_of_the_package_are_refused(written, tmp_path):
    depth = written.folder / "depth.npy"
    depth.rename(tmp_path / "elsewhere.npy")
    depth.symlink_to(tmp_path / "elsewhere.npy")
    with pytest.raises(Page4DError, match="link out"):
        open_package(written.folder)


@pytest.mark.parametrize(
    "array",
    [
        np.array([{"a": 1}], dtype=object),  # a pickle
        np.zeros((5, 32, 48), np.float64),
        np.zeros((5, 32, 47), np.float32),
        np.asfortranarray(np.zeros((5, 32, 48), np.float32)),
    ],
)
def test_an_array_of_another_kind_is_refused(written, array):
    _replace(written, "depth.npy", array)
    with pytest.raises(Page4DError):
        open_package(written.folder)


def test_a_header_that_claims_more_than_the_file_holds_is_refused(written):
    file = written.folder / "depth.npy"
    header, rest = file.read_bytes().split(b"\n", 1)
    claimed = header.replace(b"(5, 32, 48)", b"(99999, 99999, 99999)").rstrip().ljust(len(header))
    file.write_bytes(claimed + b"\n" + rest)
    _edit(written, lambda m: m["files"]["depth.npy"].update(shape=[99999, 99999, 99999]))
    with pytest.raises(Page4DError, match=r"depth\.npy"):
        open_package(written.folder)


@pytest.mark.parametrize("cut", [0, 5, 9, 40, 200])
def test_a_file_that_was_cut_off_is_refused(written, cut):
    file = written.folder / "depth.npy"
    file.write_bytes(file.read_bytes()[:cut])
    _edit(written, lambda m: m["files"]["depth.npy"].update(bytes=cut))
    with pytest.raises(Page4DError, match=r"depth\.npy"):
        open_package(written.folder)


@pytest.mark.parametrize("seed", range(30))
def test_a_flipped_byte_in_a_header_is_refused_or_does_no_harm(written, seed):
    file = written.folder / "cameras/status.npy"
    data = bytearray(file.read_bytes())
    data[np.random.default_rng(seed).integers(0, 80)] ^= 1 << seed % 8
    file.write_bytes(data)
    with contextlib.suppress(Page4DError):
        open_package(written.folder)


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("cameras/camera_from_world.npy", lambda a: a * 2),
        ("cameras/camera_from_world.npy", lambda a: a * np.nan),
        ("cameras/camera_from_world.npy", lambda a: a * np.array([-1.0, 1, 1, 1])[:, None]),
        ("cameras/intrinsics.npy", lambda a: -a),
        ("cameras/frame_numbers.npy", lambda a: a[::-1].copy()),
        ("cameras/status.npy", lambda a: a + np.uint8(2)),
    ],
)
def test_cameras_that_can_not_be_are_refused(written, path, wrong):
    _replace(written, path, wrong(np.load(written.folder / path)))
    with pytest.raises(Page4DError):
        open_package(written.folder)


def test_points_of_a_frame_project_onto_their_own_pixels(tmp_path):
    footage = Footage(stretch=(1.0, 2.0), cut=(21, 13))
    written = write_synthetic_package(tmp_path / "shot.page4d", footage)
    cloud = frame_cloud(open_package(written.folder), 3)
    rows, columns = np.nonzero(written.depth[3] > 0)
    assert len(cloud.positions) == len(rows)
    x, z, up = cloud.positions.T.astype(np.float64)
    in_camera = np.stack([x, -up, z, np.ones_like(x)]).T @ written.camera_from_world[3].T
    pixels = in_camera[:, :3] @ written.intrinsics[3].T
    found = pixels[:, :2] / pixels[:, 2:] / footage.stretch
    assert np.abs(found - np.stack([columns + 0.5, rows + 0.5], 1)).max() < 1e-3
    assert np.array_equal(cloud.colors, written.images[3][rows, columns])
    assert np.array_equal(cloud.layers, written.layers[3][rows, columns])


def test_a_cloud_over_the_cap_is_thinned_evenly_to_the_cap(written):
    package = open_package(written.folder)
    whole, thin = frame_cloud(package, 0), frame_cloud(package, 0, cap=500)
    assert len(thin.positions) == 500
    rows = np.histogram(thin.positions[:, 2], bins=2)[0] / np.histogram(whole.positions[:, 2], bins=2)[0]
    assert np.ptp(rows) < 0.05
    assert np.median(thin.sizes) > np.median(whole.sizes)  # fewer points, each a larger share of the picture


def test_depth_edges_are_found_and_slopes_are_not(written):
    package = open_package(written.folder)
    cloud = frame_cloud(package, 2)
    rows, columns = np.nonzero(written.depth[2] > 0)
    edge = np.zeros(written.depth[2].shape, int)
    edge[rows, columns] = cloud.edges
    thing = written.layers[2] > 0
    boundary = thing[:, 1:] != thing[:, :-1]
    assert np.median(edge[:, 1:][boundary]) > 10
    assert np.median(edge) <= 3


def test_a_frame_without_camera_has_no_points(tmp_path):
    written = write_synthetic_package(tmp_path / "shot.page4d", Footage(width=48, height=32, unknown=(2,)))
    package = open_package(written.folder)
    assert [len(frame_cloud(package, index).positions) > 0 for index in range(5)] == [True, True, False, True, True]


def test_the_background_leaves_out_what_is_no_number(written):
    positions = np.load(written.folder / "background/positions.npy")
    positions[::7] = np.nan
    _replace(written, "background/positions.npy", positions)
    cloud = background_cloud(open_package(written.folder))
    assert np.array_equal(cloud.positions, blender_points(positions[np.isfinite(positions[:, 0])]))
    assert (cloud.sizes > 0).all()


def test_an_empty_background_is_read(written):
    _replace(written, "background/positions.npy", np.zeros((0, 3), np.float32))
    _replace(written, "background/colors.npy", np.zeros((0, 3), np.uint8))
    assert len(background_cloud(open_package(written.folder)).positions) == 0


def _edit(written, change) -> None:
    file = written.folder / "manifest.json"
    manifest = json.loads(file.read_text())
    change(manifest)
    file.write_text(json.dumps(manifest))


def _replace(written, path: str, array) -> None:
    file: Path = written.folder / path
    np.save(file, array, allow_pickle=True)
    facts = {"dtype": str(array.dtype), "shape": list(array.shape), "bytes": file.stat().st_size}
    _edit(written, lambda manifest: manifest["files"][path].update(facts))
