"""The small weights that come with the server: page4d-mini, nothing to download. Needs no torch."""

from pathlib import Path

from model_server.engines.page4d.weights.installed import InstalledWeights, recorded_weights
from model_server.errors import ServerError

MINI = "page4d-mini"
SHIPPED_FOLDER = Path(__file__).parent / "shipped"  # the file, its record, and the card that says how it was made
MINI_ABOUT = "small and ours, comes with the server; sees 112 pixels"


def shipped_weights() -> InstalledWeights:
    """The weights in the server's own package.

    Raises:
        ServerError: they are not there, or not whole: the package was put together wrongly.
    """
    weights = recorded_weights(SHIPPED_FOLDER, MINI)
    if weights is None:
        raise ServerError(f"the weights {MINI} are missing in {SHIPPED_FOLDER}", hint="install the server again")
    return weights
