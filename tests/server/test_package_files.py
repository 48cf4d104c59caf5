"""The package writer and its reader: whole or not there, and nothing leaves its folder."""

import dataclasses
import json

import numpy as np
import pytest
from example_package import example_arrays, example_manifest, write_example
from synthetic import synthetic_clip

from model_server.errors import ServerError
from model_server.package.layout import BadPackage, inside
from model_server.package.manifest import Manifest
from model_server.package.reader import read_package
from model_server.package.writer import NotOurFolder, PackageWriter, is_package


def test_what_was_written_is_read_back(tmp_path):
    clip = write_example(tmp_path / "shot.page4d")
    package = read_package(tmp_path / "shot.page4d")
    package.verify()
    for path, array in example_arrays(clip).items():
        assert np.array_equal(package.array(path), array), path
    written = dataclasses.replace(package.manifest, files={})
    assert written == example_manifest(clip)


def test_arrays_may_be_empty_and_memory_mapped(tmp_path):
    clip = synthetic_clip(frames=3, width=32, height=24)
    arrays = example_arrays(clip) | {
        "background/positions.npy": np.zeros((0, 3), np.float32),
        "background/colors.npy": np.zeros((0, 3), np.uint8),
    }
    depth = np.lib.format.open_memmap(tmp_path / "depth", "w+", np.float32, clip.depth.shape)
    depth[:] = clip.depth
    with PackageWriter(tmp_path / "shot.page4d") as writer:
        for path, array in (arrays | {"depth.npy": depth}).items():
            writer.add_array(path, array)
        writer.finish(example_manifest(clip))
    package = read_package(tmp_path / "shot.page4d")
    assert package.array("background/positions.npy").shape == (0, 3)
    assert np.array_equal(package.array("depth.npy"), clip.depth)


def test_an_array_may_be_scaled_on_its_way(tmp_path):
    clip = synthetic_clip(frames=3, width=32, height=24)
    with PackageWriter(tmp_path / "shot.page4d") as writer:
        for path, array in example_arrays(clip).items():
            writer.add_array(path, array, 2.0 if path == "depth.npy" else 1.0)
        writer.finish(example_manifest(clip))
    found = read_package(tmp_path / "shot.page4d").array("depth.npy")
    assert found.dtype == np.float32
    assert np.array_equal(found, 2 * clip.depth)


def test_mattes_are_listed_with_their_hash(tmp_path):
    clip = synthetic_clip(frames=3, width=32, height=24)
    with PackageWriter(tmp_path / "shot.page4d") as writer:
        for path, array in example_arrays(clip).items():
            writer.add_array(path, array)
        (writer.folder / "mattes/layer_01").mkdir(parents=True)
        (writer.folder / "mattes/layer_01/1001.png").write_bytes(b"not really a picture")
        writer.add_mattes(48, 64)
        writer.finish(example_manifest(clip))
    package = read_package(tmp_path / "shot.page4d")
    package.verify()
    assert package.manifest.files["mattes/layer_01/1001.png"].shape == (48, 64)
    (package.folder / "mattes/layer_01/1001.png").write_bytes(b"not really a drawing")
    with pytest.raises(BadPackage, match="changed"):
        package.verify()


def test_a_writer_that_fails_leaves_the_old_package_whole(tmp_path):
    target = tmp_path / "shot.page4d"
    clip = write_example(target)
    with PackageWriter(target) as writer:
        writer.add_array("depth.npy", np.zeros((2, 3, 4), np.float32))
    read_package(target).verify()
    with PackageWriter(target) as writer:
        writer.add_array("depth.npy", clip.depth)
        with pytest.raises(BadPackage, match="is missing"):
            writer.finish(example_manifest(clip))
    read_package(target).verify()
    assert [p.name for p in tmp_path.iterdir()] == ["shot.page4d"]


def test_a_package_takes_the_place_of_an_older_one(tmp_path):
    target = tmp_path / "shot.page4d"
    write_example(target, synthetic_clip(frames=2, width=32, height=24))
    (target / "left_over.txt").write_text("from the old one")
    write_example(target, synthetic_clip(frames=3, width=32, height=24))
    assert read_package(target).manifest.clip.frames == 3
    assert not (target / "left_over.txt").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["shot.page4d"]


def test_a_users_own_folder_or_file_is_never_replaced(tmp_path):
    (tmp_path / "film").mkdir()
    (tmp_path / "film/cut.mov").write_text("precious")
    (tmp_path / "note").write_text("precious")
    for target in (tmp_path / "film", tmp_path / "note"):
        with pytest.raises(NotOurFolder):
            write_example(target)
    assert (tmp_path / "film/cut.mov").read_text() == (tmp_path / "note").read_text() == "precious"
    assert not is_package(tmp_path / "film")


def test_arrays_of_another_type_or_size_are_refused(tmp_path):
    clip = synthetic_clip(frames=2, width=32, height=24)
    with PackageWriter(tmp_path / "shot.page4d") as writer:
        with pytest.raises(ServerError, match="float64"):
            writer.add_array("depth.npy", clip.depth.astype(np.float64))
        with pytest.raises(ServerError, match="secrets"):
            writer.add_array("../secrets.npy", clip.depth)
        for path, array in (example_arrays(clip) | {"moving.npy": np.zeros((2, 24, 31), np.uint8)}).items():
            writer.add_array(path, array)
        with pytest.raises(BadPackage, match=r"moving\.npy"):
            writer.finish(example_manifest(clip))


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../../x", "", "a//b", "./a", "C:/x", "a\\b", "a/\0", ".hidden", "a/", "x" * 300]
)
def test_paths_that_leave_the_folder_are_refused(path):
    with pytest.raises(BadPackage):
        inside(path)


def _edit(package, change):
    file = package / "manifest.json"
    value = json.loads(file.read_text())
    change(value)
    file.write_text(json.dumps(value))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v["format"].update(major=2), "version 2"),
        (lambda v: v["format"].update(name="other"), "other"),
        (lambda v: v["files"].update({"../x": v["files"]["depth.npy"]}), "can't name"),
        (lambda v: v["files"]["depth.npy"].update(bytes=7), "bytes"),
        (lambda v: v["files"]["depth.npy"].update(dtype="float64"), "float64"),
        (lambda v: v["files"].pop("depth.npy"), "missing"),
        (lambda v: v.pop("lens"), "lens"),
        (lambda v: v["clip"].update(width="wide"), "width"),
    ],
)
def test_a_manifest_that_lies_is_refused(tmp_path, change, message):
    target = tmp_path / "shot.page4d"
    write_example(target)
    _edit(target, change)
    with pytest.raises(BadPackage, match=message):
        read_package(target)


def test_a_later_minor_version_with_more_keys_is_read(tmp_path):
    target = tmp_path / "shot.page4d"
    write_example(target)

    def later(value):
        value["format"]["minor"] = 9
        value["weather"] = "sunny"
        value["clip"]["reel"] = 4

    _edit(target, later)
    assert read_package(target).manifest.format.minor == 9


def test_links_out_of_the_package_are_refused(tmp_path):
    target = tmp_path / "shot.page4d"
    write_example(target)
    (tmp_path / "elsewhere.npy").write_bytes((target / "depth.npy").read_bytes())
    (target / "depth.npy").unlink()
    (target / "depth.npy").symlink_to(tmp_path / "elsewhere.npy")
    with pytest.raises(BadPackage, match="missing"):
        read_package(target)


def test_the_manifest_reads_itself():
    manifest = example_manifest(synthetic_clip(frames=2, width=32, height=24))
    assert Manifest.from_json(json.loads(json.dumps(manifest.as_json()))) == manifest
