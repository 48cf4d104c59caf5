"""Weights that count as installed, with nothing in them: enough for whoever only asks what is here."""

from pathlib import Path

from model_server.engines.page4d.weights.installed import FOLDER_VARIABLE, InstalledWeights, write_record
from model_server.engines.page4d.weights.known import known_weights


def install_empty_weights(folder: Path, name: str, monkeypatch) -> InstalledWeights:
    """Put the record and an empty file of the weights `name` into `folder`, and make it the place of weights."""
    known = known_weights(name)
    weights = InstalledWeights(
        name,
        sha256="5" * 64,
        license=known.license.name,
        mask_strength=known.mask_strength,
        has_mask_head=known.has_mask_head,
        has_track_head=False,
        bytes=0,
        installed_sha256="6" * 64,
        folder=folder,
    )
    weights.path.touch()
    write_record(weights)
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    return weights
