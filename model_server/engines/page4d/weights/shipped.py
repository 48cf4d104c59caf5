"""The small weights that come with the server, where it was built with them: page4d-mini. Needs no torch."""

from pathlib import Path

from model_server.engines.page4d.weights.installed import InstalledWeights, recorded_weights

MINI = "page4d-mini"
SHIPPED_FOLDER = Path(__file__).parent / "shipped"  # the file, its record, and the card that says how it was made
MINI_ABOUT = "small and ours, comes with the server; sees 112 pixels"


def shipped_weights() -> InstalledWeights | None:
    """The weights in the server's own package; None where there are none, which then has no engine page4d-mini."""
    return recorded_weights(SHIPPED_FOLDER, MINI)
