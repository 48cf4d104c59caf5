"""What shared/model/check_parity.py takes: the network under its official names, and a call of it."""

import json

import torch
from shared_footage import shared
from torch import Tensor, nn

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.names import our_name
from model_server.engines.page4d.network.network import Head, Page4DNetwork
from model_server.engines.page4d.network.precision import Precision, store_weights

INTERMEDIATES = (0, 4, 9, 11, 17, 19, 23)


class OfficialNames(nn.Module):
    """The network, whose state dict has the names of the published checkpoints."""

    def __init__(self, network: Page4DNetwork, official: list[str]) -> None:
        super().__init__()
        self.network, self.official = network, official

    def state_dict(self, *_, **__) -> dict[str, Tensor]:
        ours = self.network.state_dict()
        named = {name: ours.pop(our_name(name)) for name in self.official if our_name(name) in ours}
        return named | ours  # a tensor with no official name shows up as an unexpected one


def official_names() -> list[str]:
    """Names of all tensors of the published network."""
    manifest = json.loads((shared("model") / "state_dict_manifest.json").read_text())
    return [entry["key"] for entry in manifest["entries"]]


def build() -> OfficialNames:
    """The released network, unfilled."""
    with torch.device("meta"):
        network = Page4DNetwork(ModelConfig.released())
    return OfficialNames(network.to_empty(device="cpu"), official_names())


def build_half() -> OfficialNames:
    """The same, its matrices kept in bfloat16."""
    model = build()
    store_weights(model.network, torch.bfloat16)
    return model


def call_half(model: OfficialNames, images: Tensor, mask: bool, queries: Tensor | None = None) -> dict[str, object]:
    """Computed as the machine at hand does it fastest; of the inner tokens nothing is handed out."""
    compute = Precision.best_for(images.device).compute
    with torch.autocast("cpu", torch.bfloat16, enabled=compute is torch.bfloat16):
        return call(model, images, mask, queries) | {"intermediates": {}}


def call_half_products(
    model: OfficialNames, images: Tensor, mask: bool, queries: Tensor | None = None
) -> dict[str, object]:
    """Every matrix product of the transformer in bfloat16, as on a GPU, however slow it is here."""
    with torch.autocast("cpu", torch.bfloat16):
        return call(model, images, mask, queries) | {"intermediates": {}}


def call(model: OfficialNames, images: Tensor, mask: bool, queries: Tensor | None = None) -> dict[str, object]:
    config = model.network.config
    with torch.inference_mode():
        found = model.network(images, config.mask.strength if mask else 0.0, tuple(Head), queries, rounds=INTERMEDIATES)
    result = {
        "pose_enc": found.poses[-1],
        "pose_enc_all": found.poses,
        "depth": found.depth[..., None],
        "depth_conf": found.depth_confidence,
        "world_points": found.points,
        "world_points_conf": found.points_confidence,
        "intermediates": {f"agg{index:02d}": value for index, value in found.rounds.items()},
    }
    if mask:
        special = config.special_tokens
        keys = found.keys.flatten(2)
        row = keys.new_zeros(*keys.shape[:2], special + keys.shape[2])
        key = row.clone()
        row[..., :special], key[..., special:] = config.mask.strength, keys
        result["intermediates"] |= {"mask_row": row.flatten(1), "mask_key": key.flatten(1)}
    if queries is not None:
        result |= {"track": found.tracks.positions, "vis": found.tracks.visibility, "conf": found.tracks.confidence}
    return result
