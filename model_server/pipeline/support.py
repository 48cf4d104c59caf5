"""What a solve can be asked for."""

from model_server.engines.choose import require_engine
from model_server.errors import BadInput
from model_server.settings import ModeChoice, SolveSettings


def check_support(settings: SolveSettings) -> None:
    """Refuse what would have to be left out in silence.

    Raises:
        BadInput: an engine that is not here or lacks what it needs (the hint says how to get it), or a zoom of one
            given focal length.
    """
    require_engine(settings.engine)
    if settings.mode is ModeChoice.ZOOM and settings.lens is not None:
        raise BadInput(
            f"a lens of {settings.lens.focal_mm:g} mm can't zoom", hint='leave the lens out, or use the mode "free"'
        )
