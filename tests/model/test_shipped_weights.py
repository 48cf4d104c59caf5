"""page4d-mini as it ships: whole, small, described, and it sees how cameras turn in clips that no training drew."""

import pytest
import torch

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.weights.installed import InstalledWeights
from model_server.engines.page4d.weights.load import load_network
from model_server.engines.page4d.weights.shipped import MINI, SHIPPED_FOLDER, shipped_weights
from model_server.engines.page4d.weights.stored import sha256_of
from model_server.scoring.mini import ROTATION, STILL_ABS_REL, score_clips, score_nothing
from model_server.training.synthetic.draw import SceneSettings, Split, draw_clips, seeds_of

LARGEST = 25_000_000  # bytes that may ship
FROM_STANDING = 0.92  # of the error of a camera that stands and one depth; benchmarks/RESULTS.md has more clips
CLIPS, FIRST = 32, 1 << 20  # of the held-out seeds


@pytest.fixture
def weights() -> InstalledWeights:
    found = shipped_weights()
    assert found is not None
    return found


def test_the_file_is_what_its_record_and_its_card_say(weights):
    assert weights.path.stat().st_size == weights.bytes <= LARGEST
    assert sha256_of(weights.path) == weights.installed_sha256
    assert weights.sha256 in (SHIPPED_FOLDER / f"{MINI}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("moving_share", [0.0, 1.0])
def test_it_sees_how_cameras_turn(weights, moving_share):
    network = load_network(ModelConfig.mini(), weights)
    share = {"moving_share": moving_share, "travel": 4.0, "textures": Split.HELD_OUT}
    settings = SceneSettings(frames=6, width=112, height=84, **share)
    clips = draw_clips(seeds_of(Split.HELD_OUT, FIRST, CLIPS), settings, torch.device("cpu"))
    ours, standing = score_clips(network, weights.mask_strength, clips), score_nothing(clips)
    assert ours[ROTATION].mean() < FROM_STANDING * standing[ROTATION].mean()
    assert ours[STILL_ABS_REL].mean() < FROM_STANDING * standing[STILL_ABS_REL].mean()
