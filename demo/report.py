"""The demo's short report, read from the result package."""

from pathlib import Path

from rich.table import Table

from model_server.package.reader import read_package
from model_server.report import report_of

PICTURES = ("camera.png", "side.png")
SENSOR_MM = 36.0  # the width of the film back that the scene's camera is given


def report_table(package: Path, blend: Path, pictures: Path, seconds: float) -> Table:
    """Frames, error, lens, points, layers, seconds by stage, and where everything is."""
    report, clip = report_of(package), read_package(package).manifest.clip
    table = Table(title=f"{clip.name}, {clip.width} x {clip.height}", show_header=False)
    table.add_row("frames", f"{report.frames_solved} of {report.frames} solved ({report.mode} camera)")
    table.add_row("median reprojection error", _value(report.median_px, "footage px", 2))
    focal_mm = None if report.focal_px is None else report.focal_px / clip.width * SENSOR_MM
    table.add_row("focal length", f"{_value(report.focal_px, 'px', 0)}, {_value(focal_mm, 'mm on 36 mm', 1)}")
    table.add_row("points", f"{report.points:,} tracked, {report.background_points:,} in the background")
    table.add_row("moving layers", str(report.layers))
    for stage, spent in report.seconds.items():
        table.add_row(f"  seconds for {stage}", f"{spent:.1f}")
    table.add_row("seconds of this run", f"{seconds:.1f}")
    for assumption in report.assumptions:
        table.add_row("assumed", assumption)
    for name, place in (("scene", blend), ("package", package), *_pictures(pictures)):
        table.add_row(name, str(place))
    return table


def _pictures(folder: Path) -> list[tuple[str, Path]]:
    return [("picture", folder / name) for name in PICTURES]


def _value(number: float | None, unit: str, digits: int) -> str:
    return "unknown" if number is None else f"{number:.{digits}f} {unit}"
