"""Make trained weights the ones that come with the server: `python -m model_server.training.ship FILE`."""

import argparse
import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from model_server.clear_exit import clear_exit
from model_server.engines.page4d.network.config import ModelConfig
from model_server.engines.page4d.network.names import by_our_names
from model_server.engines.page4d.network.network import Head
from model_server.engines.page4d.weights.installed import InstalledWeights, safetensors_path, write_record
from model_server.engines.page4d.weights.layout import MASK_HEAD, WrongWeights, check_layout
from model_server.engines.page4d.weights.load import expected_shapes
from model_server.engines.page4d.weights.shipped import MINI, SHIPPED_FOLDER
from model_server.engines.page4d.weights.stored import sha256_of, stored_tensors

LICENSE = "GPL-3.0-or-later"


def ship(source: Path, folder: Path = SHIPPED_FOLDER) -> InstalledWeights:
    """Put page4d-mini's cameras, depth and mask into the server's package, in float16, with their record.

    Args:
        source: what a training run has exported; its record says how strong the mask is.

    Raises:
        WrongWeights: the file is not page4d-mini's, or was not written by a training run; what ships stays as it is.
    """
    try:
        with safe_open(source, framework="pt") as file:
            names = {
                ours: name for ours, name in by_our_names(file.keys()).items() if not ours.startswith("points_head.")
            }
            tensors = {ours: file.get_tensor(name).half().contiguous() for ours, name in names.items()}
            metadata = file.metadata() or {}
        strength = float(json.loads(metadata["page4d_training"])["alpha"])
    except (SafetensorError, OSError, LookupError, ValueError, TypeError) as error:
        raise WrongWeights(f"{source} is no training run's: {error}", hint="give its weights.safetensors") from error
    has_mask = any(name.startswith(MASK_HEAD) for name in tensors)
    folder.mkdir(exist_ok=True)
    path, draft = safetensors_path(folder, MINI), folder / f"{MINI}.part"
    try:
        save_file(tensors, draft, metadata)
        expected = expected_shapes(ModelConfig.mini(), (Head.CAMERA, Head.DEPTH))
        check_layout(source.name, stored_tensors(draft), expected, has_mask, "F16")
        size, sha256 = draft.stat().st_size, sha256_of(draft)
        draft.chmod(0o644)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    weights = InstalledWeights(MINI, sha256, LICENSE, strength, has_mask, False, size, sha256, folder)
    write_record(weights)
    return weights


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, metavar="FILE")
    with clear_exit():
        print(ship(parser.parse_args().weights).path)
