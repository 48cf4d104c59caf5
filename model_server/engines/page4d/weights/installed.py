"""Which weights lie on this machine. Needs no torch: the API process asks, too."""

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import platformdirs

from model_server.engines.page4d.weights.known import KNOWN, known_weights
from model_server.errors import BadInput

FOLDER_VARIABLE, NAME_VARIABLE = "PAGE4D_WEIGHTS_DIR", "PAGE4D_WEIGHTS"


class WeightsMissing(BadInput):
    """The network has nothing to run with; the hint is the command that installs it."""

    status, code = 409, "weights_missing"


@dataclass(frozen=True)
class InstalledWeights:
    """What the record beside an installed file says; the record is written last."""

    name: str
    sha256: str  # of the file as it was published
    license: str
    mask_strength: float  # alpha the mask runs with; 0 = it is off
    has_mask_head: bool
    has_track_head: bool
    bytes: int  # of the installed file
    installed_sha256: str  # of the installed file; the published one's where nothing had to be converted
    folder: Path

    @property
    def path(self) -> Path:
        return safetensors_path(self.folder, self.name)


_FACTS = {field.name: field.type for field in fields(InstalledWeights) if field.name != "folder"}


def weights_folder() -> Path:
    """Where weights lie: PAGE4D_WEIGHTS_DIR, or the place for a user's data."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else platformdirs.user_data_path("page4d", appauthor=False) / "weights"


def installed_weights(folder: Path | None = None) -> tuple[InstalledWeights, ...]:
    """All weights installed here, the one that is taken first in front; never raises."""
    folder = folder or weights_folder()
    found = (recorded_weights(folder, known.name) for known in KNOWN)
    return tuple(weights for weights in found if weights is not None)


def chosen_weights(folder: Path | None = None) -> InstalledWeights:
    """The weights that a run takes: those that PAGE4D_WEIGHTS names, else the first that are installed.

    Raises:
        BadInput: PAGE4D_WEIGHTS names no known weights.
        WeightsMissing: they, or any, are not installed.
    """
    wanted = os.environ.get(NAME_VARIABLE, "")
    if wanted:
        known_weights(wanted)
    for weights in installed_weights(folder):
        if wanted in ("", weights.name):
            return weights
    message = f"the weights {wanted} are not installed" if wanted else "no weights for the engine page4d are installed"
    raise WeightsMissing(message, hint=install_hint(wanted or KNOWN[0].name))


def install_hint(name: str) -> str:
    return f"run: page4d-server weights download {name}"


def safetensors_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.safetensors"


def write_record(weights: InstalledWeights) -> None:
    """From here on the weights count as installed."""
    path = _record_path(weights.folder, weights.name)
    said = {key: value for key, value in asdict(weights).items() if key in _FACTS}
    draft = path.with_name(f"{path.name}.part")
    draft.write_text(json.dumps(said, indent=2), encoding="utf-8")
    draft.replace(path)


def forget_record(folder: Path, name: str) -> None:
    """From here on the weights do not count as installed."""
    _record_path(folder, name).unlink(missing_ok=True)


def recorded_weights(folder: Path, name: str) -> InstalledWeights | None:
    """What lies there under that name; None where the record or the file is missing or damaged."""
    try:
        said = json.loads(_record_path(folder, name).read_text(encoding="utf-8"))
        facts = {key: said[key] for key in _FACTS}
        if any(type(value) is not _FACTS[key] for key, value in facts.items()):
            return None
        weights = InstalledWeights(folder=folder, **facts)
        whole = weights.name == name and weights.path.stat().st_size == weights.bytes
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return weights if whole else None


def _record_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"
