"""What a solve can be asked for; settings say more than the pipeline can do yet."""

from model_server.engines.choose import require_engine
from model_server.errors import BadInput
from model_server.settings import ModeChoice, SolveSettings


def check_support(settings: SolveSettings) -> None:
    """Refuse what would have to be left out in silence.

    Raises:
        BadInput: an engine or a mode that is not here, an engine that lacks what it needs (the hint says how to get
            it).
    """
    require_engine(settings.engine)
    if settings.mode not in (ModeChoice.AUTO, ModeChoice.FREE, ModeChoice.TRIPOD):
        raise BadInput(f'the mode "{settings.mode}" can\'t be solved yet', hint='use "auto", "free" or "tripod"')
