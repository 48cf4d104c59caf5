"""What the server writes is what the extension reads, and both refuse the same broken packages."""

import json

import numpy as np
import pytest
from example_package import FIRST_FRAME, example_arrays, write_example

from model_server.package.layout import ARRAYS, BadPackage
from model_server.package.manifest import FORMAT_NAME, MAJOR
from model_server.package.reader import read_package
from page4d_blender.core import manifest, package
from page4d_blender.core.errors import PackageError


def test_the_extension_reads_what_the_server_wrote(tmp_path):
    clip = write_example(tmp_path / "shot.page4d")
    found = package.open_package(tmp_path / "shot.page4d")
    arrays = example_arrays(clip)
    assert np.array_equal(found.camera_from_world, arrays["cameras/camera_from_world.npy"])
    assert np.array_equal(found.intrinsics, arrays["cameras/intrinsics.npy"])
    assert np.array_equal(found.frame_numbers, arrays["cameras/frame_numbers.npy"])
    assert np.array_equal(found.depth, clip.depth)
    facts = found.manifest
    assert facts.clip.fps.as_integer_ratio() == (24000, 1001)
    assert (facts.clip.width, facts.clip.height) == (2 * facts.model_width, 2 * facts.model_height)
    assert facts.footage_from_model == manifest.FootageFromModel((2.0, 2.0), (0.0, 0.0))
    assert [(layer.id, layer.name, layer.first) for layer in facts.layers] == [(1, "Thing 1", FIRST_FRAME)]
    assert facts.assumptions == read_package(tmp_path / "shot.page4d").manifest.solve.assumptions


def test_both_know_the_same_format():
    assert (manifest.FORMAT_NAME, manifest.MAJOR) == (FORMAT_NAME, MAJOR)
    for path, (dtype, shape) in package._ARRAYS.items():
        assert (ARRAYS[path].dtype, ARRAYS[path].shape) == (dtype, shape), path


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value["format"].update(major=MAJOR + 1),
        lambda value: value["files"].update({"../x.npy": value["files"]["depth.npy"]}),
        lambda value: value["files"].update({"/etc/passwd": value["files"]["depth.npy"]}),
        lambda value: value["files"]["depth.npy"].update(bytes=1),
        lambda value: value["files"].pop("depth.npy"),
        lambda value: value["clip"].update(frames=99),
        lambda value: value.pop("pixels"),
    ],
)
def test_both_refuse_a_manifest_that_lies(tmp_path, change):
    folder = tmp_path / "shot.page4d"
    write_example(folder)
    value = json.loads((folder / "manifest.json").read_text())
    change(value)
    (folder / "manifest.json").write_text(json.dumps(value))
    with pytest.raises(BadPackage):
        read_package(folder)
    with pytest.raises(PackageError):
        package.open_package(folder)


def test_neither_takes_a_folder_without_a_manifest_for_a_package(tmp_path):
    write_example(tmp_path / "shot.page4d")
    (tmp_path / "shot.page4d/manifest.json").unlink()
    with pytest.raises(BadPackage):
        read_package(tmp_path / "shot.page4d")
    with pytest.raises(PackageError):
        package.open_package(tmp_path / "shot.page4d")
