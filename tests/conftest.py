"""No test depends on what a developer has installed for the network. Blender's Python reads this as well."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _no_weights(tmp_path_factory):
    """Processes that tests start inherit this."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAGE4D_WEIGHTS_DIR", str(tmp_path_factory.mktemp("no-weights")))
        patch.delenv("PAGE4D_WEIGHTS", raising=False)
        patch.delenv("PAGE4D_LONG_SIDE", raising=False)
        yield
