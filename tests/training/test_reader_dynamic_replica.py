"""DynamicReplica's footage comes back from a folder in its layout."""

import gzip
import json

import pytest
from filmed_scene import film
from reader_checks import check_missing, check_sequence
from training_folders import write_dynamic_replica

from model_server.errors import BadInput
from model_server.training.readers import reader_named

NAMES = ["f14caa-3_obj_source_left", "f14caa-3_obj_source_right"]


@pytest.fixture
def root(tmp_path):
    write_dynamic_replica(
        tmp_path,
        {("f14caa-3_obj", "left"): film(5, seed=1), ("f14caa-3_obj", "right"): film(5, seed=1, eye=0.1)},
    )
    return tmp_path


def test_each_eye_comes_back_with_its_truth(root):
    reader = reader_named("dynamic_replica", root)
    assert [sequence.name for sequence in reader.sequences] == NAMES
    check_sequence(reader, NAMES[0], film(5, seed=1), relative_depth=2**-11)
    check_sequence(reader, NAMES[1], film(5, seed=1, eye=0.1), relative_depth=2**-11)


@pytest.mark.parametrize("path", [f"{NAMES[0]}/images/{NAMES[0]}-0002.png", f"{NAMES[1]}/depths"])
def test_a_missing_file_is_named(root, path):
    check_missing("dynamic_replica", root, path)


def test_missing_annotations_are_named(root):
    (root / "frame_annotations_train.jgz").unlink()
    with pytest.raises(BadInput, match=r"has no 'frame_annotations_\*\.jgz'"):
        reader_named("dynamic_replica", root)


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"no json"), gzip.compress(b'[{"sequence_name": "a"}]')])
def test_annotations_that_are_none_are_named(root, content):
    (root / "frame_annotations_train.jgz").write_bytes(content)
    with pytest.raises(BadInput, match=r"frame_annotations_train\.jgz"):
        reader_named("dynamic_replica", root)


@pytest.mark.parametrize("elsewhere", ["../secret.png", "/etc/secret.png"])
def test_annotations_do_not_lead_out_of_the_folder(root, elsewhere):
    path = root / "frame_annotations_train.jgz"
    entries = json.loads(gzip.decompress(path.read_bytes()))
    for entry in entries:
        entry["image"]["path"] = elsewhere
    path.write_bytes(gzip.compress(json.dumps(entries).encode()))
    with pytest.raises(BadInput, match="not in its folder"):
        reader_named("dynamic_replica", root).frame(NAMES[0], 0)
