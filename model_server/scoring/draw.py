"""Pictures of scored sequences, by matplotlib."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from model_server.scoring.drawings import Drawing, ErrorMapDrawing, PathDrawing

_WORST = 0.5  # relative error at which the color ends


def draw(drawing: Drawing, title: str, path: Path) -> None:
    """Write a png. No window, and none of matplotlib's global state, is touched."""
    figure = _paths(drawing, title) if isinstance(drawing, PathDrawing) else _error_maps(drawing, title)
    FigureCanvasAgg(figure)
    figure.savefig(path)


def _paths(drawing: PathDrawing, title: str) -> Figure:
    """Seen along the axis in which the true path is the flattest."""
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.add_subplot(title=title, aspect="equal")
    across, up = sorted(np.argsort(np.ptp(drawing.truth, axis=0))[1:])
    for centers, style, label in ((drawing.truth, "k--", "truth"), (drawing.aligned, "C0-", "predicted")):
        axes.plot(centers[:, across], centers[:, up], style, label=label)
    axes.plot(*drawing.truth[0, [across, up]], "ko", label="first frame")
    axes.set_xlabel("xyz"[across])
    axes.set_ylabel("xyz"[up])
    axes.legend()
    return figure


def _error_maps(drawing: ErrorMapDrawing, title: str) -> Figure:
    count = len(drawing.images)
    height, width = drawing.images.shape[1:3]
    figure = Figure(figsize=(3 * count + 1, 6 * height / width + 0.6), layout="constrained")
    figure.suptitle(title)
    rows = figure.subplots(2, count, squeeze=False)
    for place, (image, errors) in enumerate(zip(drawing.images, drawing.errors)):
        rows[0, place].imshow(image)
        shown = rows[1, place].imshow(errors, vmin=0, vmax=_WORST, cmap="magma", interpolation="nearest")
    for axes in rows.flat:
        axes.set_axis_off()
    figure.colorbar(shown, ax=rows[1].tolist(), label="|depth - truth| / truth", extend="max")
    return figure
