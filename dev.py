#!/usr/bin/env python3
"""Sets up and runs everything: `python dev.py demo`, `python dev.py test`. Needs nothing but Python 3.11 to 3.13.

`make demo` and `make test` call this. Environments are made beside it: `.venv` for the server and the tests, and one
for each Blender (`.venv-bpy-4.5`, ...), since Blender's releases want different Pythons and numpys.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent
SERVER_PYTHONS = ("3.11", "3.12", "3.13")
# What bpy's wheels load and a bare Debian lacks (measured with ldd; the last two for 4.2 only).
SYSTEM_PACKAGES = (
    "libx11-6 libxext6 libxrender1 libxfixes3 libxi6 libxkbcommon0 libsm6 libice6 libgl1 libegl1 libgl1-mesa-dri "
    "libxcb1 libuuid1 libstdc++6 libxxf86vm1 libgomp1"
)


@dataclass(frozen=True)
class Blender:
    """One Blender release as a Python wheel."""

    release: str
    wheel: str
    python: str

    @property
    def venv(self) -> Path:
        return ROOT / f".venv-bpy-{self.release}"


BLENDERS = (
    Blender("4.2", "4.2.23", "3.11"),
    Blender("4.5", "4.5.15", "3.11"),
    Blender("5.0", "5.0.1", "3.11"),
    Blender("5.2", "5.2.3", "3.13"),
)


class SetupFailed(Exception):
    """Something this script can't mend; the text says what to do."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "task", choices=TASKS, help="; ".join(f"{name}: {task.__doc__}" for name, task in TASKS.items())
    )
    task, rest = parser.parse_known_args()
    try:
        return TASKS[task.task](rest)
    except SetupFailed as failure:
        print(f"dev.py: {failure}", file=sys.stderr)
        return 1


def setup(_: list[str] = ()) -> int:
    """make the environments"""
    server_python()
    for blender in available_blenders():
        blender_python(blender)
    return 0


def demo(arguments: list[str]) -> int:
    """footage to a Blender scene, start to end"""
    blenders = {blender.release: blender for blender in available_blenders()}
    blender = blenders.get("4.5") or blenders["5.2"]
    command = [server_python(network=False), "demo/run.py", "--blender-python", blender_python(blender), *arguments]
    return subprocess.run(command, cwd=ROOT).returncode


def test(arguments: list[str]) -> int:
    """every test, in every Blender this machine's Pythons take"""
    python, blenders = server_python(), available_blenders()
    for blender in blenders:
        blender_python(blender)
    environment = os.environ | {"PAGE4D_SERVER_PYTHON": python}
    failed = []
    print("== tests without Blender", flush=True)
    outside = ["--ignore=tests/blender", "--ignore=tests/gui", *arguments]
    if subprocess.run([python, "-m", "pytest", "tests", *outside], cwd=ROOT, env=environment).returncode:
        failed.append("without Blender")
    for blender in blenders:
        print(f"== tests in Blender {blender.wheel}", flush=True)
        run = [blender_python(blender), "-m", "pytest", "tests/blender", *arguments]
        if subprocess.run(run, cwd=ROOT, env=environment).returncode:
            failed.append(f"Blender {blender.wheel}")
    missing = [b for b in BLENDERS if b not in blenders]
    for blender in missing:
        print(f"== not tested: Blender {blender.wheel}, for there is no Python {blender.python} on this machine")
    print(f"== failed: {', '.join(failed)}" if failed else "== all passed")
    return 1 if failed else 0


def check(_: list[str]) -> int:
    """format, lint and types"""
    python = server_python()
    steps = (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"])
    return max(subprocess.run([python, "-m", *step], cwd=ROOT).returncode for step in steps)


def extension(_: list[str]) -> int:
    """build dist/page4d-VERSION.zip with every Blender's own builder"""
    for blender in available_blenders():
        python = blender_python(blender)
        builder = next(blender.venv.glob("**/site-packages/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
        folder = ROOT / "dist" / f"blender-{blender.release}"
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([python, builder, "validate", ROOT], check=True, cwd=ROOT)
        subprocess.run([python, builder, "build", "--source-dir", ROOT, "--output-dir", folder], check=True, cwd=ROOT)
    for built in folder.glob("*.zip"):
        shutil.copy(built, ROOT / "dist" / built.name)
        print(f"dist/{built.name}")
    return 0


TASKS = {"setup": setup, "demo": demo, "test": test, "check": check, "extension": extension}


def server_python(network: bool = True) -> str:
    """The interpreter of `.venv`, made or brought up to date; without `network` it may lack torch, which is large."""
    base = find_python(*SERVER_PYTHONS)
    if base is None:
        raise SetupFailed(f"no Python {' or '.join(SERVER_PYTHONS)} was found; install one, then run this again")
    small, whole = (["-e", f"{ROOT}[{extras}]"] for extras in ("server,dev", "server,network,training,dev"))
    constraints = ROOT / "constraints.txt"
    if network:
        return _environment(ROOT / ".venv", base, whole, constraints)
    return _environment(ROOT / ".venv", base, small, constraints, or_else=whole)


def blender_python(blender: Blender) -> str:
    """The interpreter with that Blender in it, made or brought up to date, and proven to import bpy."""
    base = find_python(blender.python)
    if base is None:
        raise SetupFailed(f"Blender {blender.wheel} needs Python {blender.python}, which was not found")
    python = _environment(blender.venv, base, [f"bpy=={blender.wheel}", "pytest==9.1.1"], None)
    proof = subprocess.run([python, "-c", "import bpy"], capture_output=True, text=True)
    if proof.returncode:
        last = proof.stderr.strip().splitlines()[-1]
        raise SetupFailed(
            f"Blender {blender.wheel} does not start: {last}\nOn Debian: apt-get install {SYSTEM_PACKAGES}"
        )
    return python


def available_blenders() -> list[Blender]:
    """The Blenders that this machine's Pythons take; never none."""
    found = [blender for blender in BLENDERS if find_python(blender.python)]
    if not found:
        raise SetupFailed("no Python 3.11 or 3.13 was found, and Blender's wheels need one of them")
    return found


def find_python(*versions: str) -> str | None:
    """The first interpreter of one of these versions that really runs; this one where it fits."""
    for version in versions:
        here = f"{sys.version_info.major}.{sys.version_info.minor}"
        pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
        candidates = [[sys.executable]] if here == version and sys.prefix == sys.base_prefix else []
        candidates += [[f"python{version}"], ["py", f"-{version}"]]
        candidates += [[str(path)] for path in sorted(pyenv.glob(f"{version}.*/bin/python"))]
        for candidate in candidates:
            ask = "import sys; print(sys.executable, '%d.%d' % sys.version_info[:2], sep='|')"
            try:
                answer = subprocess.run([*candidate, "-c", ask], capture_output=True, text=True)
            except OSError:
                continue
            if answer.returncode == 0 and answer.stdout.strip().endswith(f"|{version}"):
                return answer.stdout.strip().split("|")[0]
    return None


def _environment(
    venv: Path, base: str, requirements: list[str], constraints: Path | None, or_else: list[str] | None = None
) -> str:
    """Python of the virtual environment `venv`; installs only when what it is made from has changed.

    Made from the requirements `or_else`, it will do as well.
    """
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp, recipe_hash = venv / "page4d-made-from", _recipe_hash(requirements, constraints)
    good = {recipe_hash, _recipe_hash(or_else or requirements, constraints)}
    if python.exists() and stamp.exists() and stamp.read_text() in good:
        return str(python)
    if not python.exists():
        _shown(f"{venv.name}: new environment", [base, "-m", "venv", str(venv)], None)
    install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *requirements]
    install += ["-c", str(constraints)] if constraints else []
    _shown(f"{venv.name}: installing", install, venv / "install.log")
    stamp.write_text(recipe_hash)
    return str(python)


def _recipe_hash(requirements: list[str], constraints: Path | None) -> str:
    recipe = " ".join(requirements).encode()
    for source in filter(None, (ROOT / "pyproject.toml" if constraints else None, constraints)):
        recipe += source.read_bytes()
    return hashlib.sha256(recipe).hexdigest()


def _shown(what: str, command: list[str], log: Path | None) -> None:
    """Run quietly, with the seconds and the packages so far on one line; on failure show the end of the log."""
    start, log = time.monotonic(), log or ROOT / ".venv-setup.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT)
        while process.poll() is None:
            time.sleep(0.5)
            if sys.stderr.isatty():
                count = log.read_text(errors="replace").count("\nCollecting ")
                print(f"\r{what}: {count} packages, {time.monotonic() - start:.0f} s", end="", file=sys.stderr)
    print(f"\r{what}: {time.monotonic() - start:.0f} s          ", file=sys.stderr, flush=True)
    if process.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise SetupFailed(f"{what} failed ({' '.join(command[:5])} ...):\n{tail}")


if __name__ == "__main__":
    sys.exit(main())
