"""A file's tensors are the network's, all of them and no others, or one line says which are not."""

import json

import pytest
from shared_footage import shared
from weights_files import EXPECTED, MASK_HEAD, SHAPES, TRACK_HEAD

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.weights.layout import StoredTensor, WrongWeights, check_layout
from model_server.engines.page4d.weights.load import expected_shapes


def _file(without=(), **changed):
    found = {name: StoredTensor(shape, "F32") for name, shape in SHAPES.items() if not name.startswith(without or "-")}
    return found | changed


def test_a_whole_file_fits():
    layout = check_layout("a file", _file(), EXPECTED, has_mask_head=True)
    assert set(layout.names) == set(SHAPES)
    assert layout.has_track_head


def test_the_track_head_may_be_absent():
    layout = check_layout("a file", _file(TRACK_HEAD), EXPECTED, has_mask_head=True)
    assert not layout.has_track_head
    assert len(layout.names) == len(SHAPES) - 2


def test_but_not_a_part_of_it():
    with pytest.raises(WrongWeights, match=r"1 missing \(track_head.update.virtual_tracks\)"):
        check_layout("a file", _file("track_head.tracker"), EXPECTED, has_mask_head=True)


def test_vggt_has_no_mask_head_and_page4d_has_one():
    assert check_layout("a file", _file(MASK_HEAD), EXPECTED, has_mask_head=False)
    with pytest.raises(WrongWeights, match=r"2 missing \(aggregator.mask_head"):
        check_layout("a file", _file(MASK_HEAD), EXPECTED, has_mask_head=True)
    with pytest.raises(WrongWeights, match=r"2 unexpected \(aggregator.spatial_mask_head"):
        check_layout("a file", _file(), EXPECTED, has_mask_head=False)


def test_the_two_buffers_of_some_vggt_files_are_dropped_and_no_others():
    buffers = {f"aggregator._resnet_{name}": StoredTensor((1, 1, 3, 1, 1), "F32") for name in ("mean", "std")}
    assert set(check_layout("a file", _file(**buffers), EXPECTED, has_mask_head=True).names) == set(SHAPES)
    other = {"aggregator._resnet_median": StoredTensor((1,), "F32")}
    with pytest.raises(WrongWeights, match=r"1 unexpected \(aggregator._resnet_median\)"):
        check_layout("a file", _file(**other), EXPECTED, has_mask_head=True)


def test_one_line_names_the_first_of_each_complaint_and_counts_the_rest():
    found = {f"surprise.{index}": StoredTensor((1,), "F32") for index in range(5)} | _file("depth_head")
    found["aggregator.camera_token"] = StoredTensor((1, 2, 1, 9), "F32")
    found["aggregator.patch_embed.cls_token"] = StoredTensor((1, 1, 8), "F16")
    with pytest.raises(WrongWeights) as caught:
        check_layout("mine.pt", found, EXPECTED, has_mask_head=True)
    message = caught.value.message
    assert message.startswith("mine.pt does not fit the network: of 13 tensors 1 missing (depth_head.")
    assert "5 unexpected (surprise.0, surprise.1, surprise.2, ...)" in message
    assert "1 of another shape (aggregator.camera_token (1, 2, 1, 9), not (1, 2, 1, 8))" in message
    assert "1 not float32 (aggregator.patch_embed.cls_token F16)" in message
    assert "\n" not in message


def test_two_tensors_for_one_place_are_one_too_many():
    found = _file() | {"backbone.cls_token": StoredTensor((1, 1, 8), "F32")}  # our own name for it
    with pytest.raises(WrongWeights, match="1 unexpected"):
        check_layout("a file", found, EXPECTED, has_mask_head=True)


def test_the_released_network_wants_exactly_the_1803_published_tensors():
    entries = json.loads(shared("model/state_dict_manifest.json").read_text())["entries"]
    published = {entry["key"]: StoredTensor(tuple(entry["shape"]), "F32") for entry in entries}
    expected = expected_shapes(ModelConfig.released())
    assert len(check_layout("PAGE-4D", published, expected, has_mask_head=True).names) == 1803
    trained = {name: tensor for name, tensor in published.items() if not name.startswith(TRACK_HEAD)}
    assert len(check_layout("the trainer's", trained, expected, has_mask_head=True).names) == 1409
    vggt = {name: tensor for name, tensor in published.items() if not name.startswith(MASK_HEAD)}
    assert len(check_layout("VGGT", vggt, expected, has_mask_head=False).names) == 1797
