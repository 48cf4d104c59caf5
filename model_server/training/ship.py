"""Make trained weights the ones that come with the server: `python -m model_server.training.ship FILE`."""

import argparse
import json
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file

from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.network import Head
from model_server.engines.page4d.weights.installed import InstalledWeights, safetensors_path, write_record
from model_server.engines.page4d.weights.layout import MASK_HEAD, check_layout
from model_server.engines.page4d.weights.load import expected_shapes
from model_server.engines.page4d.weights.shipped import MINI, SHIPPED_FOLDER
from model_server.engines.page4d.weights.stored import sha256_of, stored_tensors

LICENSE = "GPL-3.0-or-later"
_LARGEST = 25_000_000  # bytes that may be in the repository


def ship(source: Path, folder: Path = SHIPPED_FOLDER) -> InstalledWeights:
    """Put page4d-mini's cameras, depth and mask into the server's package, in float16, with their record.

    Raises:
        WrongWeights: the file is not page4d-mini's.
        ValueError: it is too large to be shipped.
    """
    with safe_open(source, framework="pt") as file:
        names = [name for name in file.keys() if not name.startswith("points_head.")]  # noqa: SIM118 (it is no dict)
        tensors = {name: file.get_tensor(name).half().contiguous() for name in names}
        metadata = file.metadata()
    has_mask = any(name.startswith(MASK_HEAD) for name in tensors)
    folder.mkdir(exist_ok=True)
    path, draft = safetensors_path(folder, MINI), folder / f"{MINI}.part"
    save_file(tensors, draft, metadata)
    expected = expected_shapes(ModelConfig.mini(), (Head.CAMERA, Head.DEPTH))
    try:
        check_layout(source.name, stored_tensors(draft), expected, has_mask, "F16")
        size, sha256 = draft.stat().st_size, sha256_of(draft)
        if size > _LARGEST:
            raise ValueError(f"{size} bytes are more than the {_LARGEST} that may be shipped")
        draft.chmod(0o644)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    strength = float(json.loads(metadata["page4d_training"])["alpha"])
    weights = InstalledWeights(MINI, sha256, LICENSE, strength, has_mask, False, size, sha256, folder)
    write_record(weights)
    return weights


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, metavar="FILE")
    print(ship(parser.parse_args().weights))
