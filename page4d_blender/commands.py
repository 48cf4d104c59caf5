"""Without a window: `blender --command page4d solve|import`, the same as `python -m page4d_blender`."""

import argparse
import os
import re
import sys
from pathlib import Path

from .core.access import DEFAULT_ADDRESS, parse_address
from .core.client import ServerError, connect
from .core.errors import Page4DError
from .core.film_backs import film_back
from .core.job import Canceled, Done, Failed, Message, SolveJob
from .core.package import open_package
from .core.settings import Distortion, Engine, Frames, Lens, Mattes, Mode, SolveSettings
from .core.status import Phase, Status, sentence, solve_summary, status_after

_DONE, _OUR_FAULT, _BAD_INPUT = 0, 1, 2
_FRAMES = re.compile(r"(-?\d{1,9})-(-?\d{1,9})")


class BadCommand(Page4DError):
    """Arguments that do not fit together, or files that can't be."""


def main(arguments: list[str]) -> int:
    """Run one command; the exit code is 0 for done, 2 for bad input, 1 for our fault."""
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as leaving:  # argparse has said why; Blender must close by itself
        return int(leaving.code or 0)
    try:
        options.run(options)
    except Page4DError as error:
        _say(f"{error.message}. {sentence(error.hint)}" if error.hint else error.message)
        return _OUR_FAULT if isinstance(error, ServerError) and error.is_our_fault else _BAD_INPUT
    except KeyboardInterrupt:
        _say("canceled")
        return 130
    except Exception as error:  # the edge of the program
        _say(f"failed, and that is our fault: {type(error).__name__}: {error}")
        return _OUR_FAULT
    return _DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="page4d", description="Footage in, Blender scene out.")
    commands = parser.add_subparsers(required=True, metavar="solve|import")

    solve = commands.add_parser("solve", help="send footage to a server and save the scene")
    solve.set_defaults(run=_solve)
    solve.add_argument("footage", type=Path, help="a movie, a folder, or one image of a numbered sequence")
    _add_out(solve)
    solve.add_argument("--server", default=DEFAULT_ADDRESS, metavar="URL", help="default: %(default)s")
    solve.add_argument(
        "--token-file", type=Path, metavar="FILE", help="default: PAGE4D_TOKEN, or the file of a server here"
    )
    solve.add_argument("--frames", metavar="A-B", help="the footage's own numbers, both included")
    solve.add_argument("--step", type=int, default=1, metavar="N", help="take every Nth frame")
    solve.add_argument("--engine", choices=[str(engine) for engine in Engine], default="auto")
    solve.add_argument("--focal-mm", type=float, metavar="MM", help="focal length, where it is known")
    solve.add_argument("--sensor-mm", type=float, metavar="MM", help="width of the film back, with --focal-mm")
    solve.add_argument("--film-back", metavar="CAMERA", help="the same by the camera's name, like super-35")
    solve.add_argument("--mode", choices=[str(mode) for mode in Mode], default="auto")
    solve.add_argument("--distortion", choices=[str(choice) for choice in Distortion], default="solve")
    solve.add_argument("--smoothing", type=float, default=0.0, metavar="0..1")
    solve.add_argument("--exclude", type=Path, metavar="FOLDER", help="mattes of what is left out of the solve")
    solve.add_argument(
        "--matte",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="mattes of a thing: its layer; again for more",
    )
    solve.add_argument("--invert-mattes", action="store_true", help="black is the thing")
    solve.add_argument("--dilate-mattes", type=int, default=0, metavar="PX", help="grow the mattes")
    solve.add_argument("--shadows", action="store_true", help="shadows that move as a layer of their own")

    take = commands.add_parser("import", help="make a scene of a result that is here")
    take.set_defaults(run=_import)
    take.add_argument("package", type=Path, help="a folder that ends in .page4d")
    _add_out(take)
    take.add_argument("--footage", type=Path, metavar="PLATE", help="default: where the result says it was")
    return parser


def _add_out(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", type=Path, required=True, metavar="FILE.blend", help="the file to write")


def _solve(options: argparse.Namespace) -> None:
    _check_out(options.out)
    settings = SolveSettings(
        engine=Engine(options.engine),
        frames=_frames(options.frames, options.step),
        lens=_lens(options.focal_mm, options.sensor_mm, options.film_back),
        mode=Mode(options.mode),
        distortion=Distortion(options.distortion),
        smoothing=options.smoothing,
        mattes=_mattes(options.exclude, options.matte, options.invert_mattes, options.dilate_mattes),
        shadows=options.shadows,
    )
    address = parse_address(options.server)
    footage, results = options.footage.absolute(), options.out.absolute().parent
    job = SolveJob(lambda: connect(address, token_file=options.token_file), footage, settings, results)
    end = job.run(_Progress())
    match end:
        case Done(folder):
            _build(folder, footage, options.out)
        case Failed(message, hint, is_our_fault):
            raise ServerError(message, hint=hint, status=500 if is_our_fault else 0)
        case Canceled():
            raise ServerError("the solve was canceled on the server")


def _import(options: argparse.Namespace) -> None:
    _check_out(options.out)
    _build(options.package, options.footage, options.out)


def _build(folder: Path, footage: Path | None, out: Path) -> None:
    """Build the scene in an empty file, and save that."""
    import bpy  # arguments are checked, and help is given, before Blender's own Python module loads

    from .scene.importer import build_scene

    package = open_package(folder)
    if footage is not None and not footage.exists():
        raise BadCommand(f"there is no footage at '{footage}'", hint="check the spelling of --footage")
    bpy.ops.wm.read_homefile(use_empty=True)
    report = build_scene(package, bpy.context.scene, footage.absolute() if footage else None)
    for warning in report.warnings:
        _say(warning)
    try:
        _save(out)
    except RuntimeError as error:
        raise BadCommand(f"'{out}' can't be written: {error}".strip(), hint="give another --out") from error
    print(f"{out}: {solve_summary(package)}; {report.points} points, moving layers: {report.layers}", flush=True)
    for assumption in package.manifest.assumptions:
        print(f"  assumed: {assumption}", flush=True)


def _save(out: Path) -> None:
    """Save with paths relative to the file, which only a file that has a place already can hold: so twice."""
    import bpy

    bpy.ops.wm.save_as_mainfile(filepath=str(out.absolute()), compress=True)
    bpy.ops.file.make_paths_relative()
    paths = bpy.context.preferences.filepaths
    backups, paths.save_version = paths.save_version, 0  # the artist's older file is the backup, not our first save
    try:
        bpy.ops.wm.save_mainfile(compress=True)
    finally:
        paths.save_version = backups


def _check_out(out: Path) -> None:
    """Before minutes of work."""
    if out.suffix != ".blend":
        raise BadCommand(f"--out {out} is no .blend file", hint="give a name that ends in .blend")
    if not out.absolute().parent.is_dir() or not os.access(out.absolute().parent, os.W_OK):
        raise BadCommand(f"the folder of --out {out} can't be written to", hint="make it first")


def _frames(text: str | None, step: int) -> Frames | None:
    if text is None:
        return Frames(step=step) if step != 1 else None
    match = _FRAMES.fullmatch(text)
    if match is None:
        raise BadCommand(f"--frames {text!r:.40} is not a range", hint="write it like 1001-1100")
    return Frames(int(match[1]), int(match[2]), step)


def _lens(focal_mm: float | None, sensor_mm: float | None, back: str | None) -> Lens | None:
    if back is not None:
        if sensor_mm is not None:
            raise BadCommand("--sensor-mm and --film-back both say how wide the sensor is", hint="give one of them")
        sensor_mm = film_back(back).width_mm
    if focal_mm is None and sensor_mm is None:
        return None
    if focal_mm is None or sensor_mm is None:
        raise BadCommand(
            "a focal length says nothing without its sensor", hint="give --focal-mm, and --sensor-mm or --film-back"
        )
    return Lens(focal_mm, sensor_mm)


def _mattes(exclude: Path | None, things: list[str], invert: bool, dilate_px: int) -> Mattes | None:
    layers = []
    for text in things:
        name, _, folder = text.partition("=")
        if not folder:
            raise BadCommand(f"--matte {text!r:.80} names no folder", hint="write it like --matte Actor=mattes/actor")
        layers.append((name, Path(folder).absolute()))
    if exclude is None and not layers:
        if invert or dilate_px:
            raise BadCommand("there are no mattes to invert or dilate", hint="give --exclude or --matte")
        return None
    return Mattes(exclude.absolute() if exclude else None, tuple(layers), invert, dilate_px)


class _Progress:
    """Lines on standard error: every stage, and every tenth of it."""

    def __init__(self) -> None:
        self._status, self._said = Status(), ("", -1)

    def __call__(self, message: Message) -> None:
        self._status = status_after(self._status, message)
        if self._status.phase is not Phase.WORKING:
            return
        now = (self._status.line.split(",")[0], int(self._status.fraction * 10))
        if now != self._said:
            self._said = now
            _say(f"{self._status.fraction:4.0%} {self._status.line}")


def _say(line: str) -> None:
    print(f"page4d: {' '.join(line.split())}", file=sys.stderr, flush=True)
