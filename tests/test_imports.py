"""The arrows of DESIGN.md hold: who may import whom, read from the source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SERVER_LAYERS = [
    {"api"},
    {"jobs"},
    {"scoring"},
    {"training"},
    {"pipeline"},
    {"engines", "people", "footage", "package"},
    {"geometry"},
]
ADDON_LAYERS = [{"ui"}, {"operators"}, {"scene"}, {"core"}]
STANDARD_OR_SHIPPED = {"numpy", "requests"}


def _imports(path: Path) -> set[str]:
    """Absolute dotted names that the file imports, at any depth; relative ones are resolved."""
    package = path.relative_to(ROOT).with_suffix("").parts
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            stem = list(package[: len(package) - node.level]) if node.level else []
            stem += node.module.split(".") if node.module else []
            names |= {".".join([*stem, alias.name]) for alias in node.names}
    return names


def _python_files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def _broken_arrows(program: str, layers: list[set[str]]) -> list[str]:
    rank = {name: level for level, names in enumerate(layers) for name in names}
    broken = []
    for path in _python_files(program):
        parts = path.relative_to(ROOT / program).parts
        if parts[0] not in rank:
            continue
        for name in _imports(path):
            target = name.split(".")
            if target[0] != program or len(target) < 2 or target[1] not in rank or target[1] == parts[0]:
                continue
            if rank[target[1]] <= rank[parts[0]]:
                broken.append(f"{path.relative_to(ROOT)} imports {name}")
    return broken


@pytest.mark.parametrize(("program", "layers"), [("model_server", SERVER_LAYERS), ("page4d_blender", ADDON_LAYERS)])
def test_layers_import_only_downwards(program, layers):
    assert _python_files(program)
    assert _broken_arrows(program, layers) == []


@pytest.mark.parametrize(("program", "other"), [("model_server", "page4d_blender"), ("page4d_blender", "model_server")])
def test_the_two_programs_never_import_each_other(program, other):
    assert not [p for p in _python_files(program) for name in _imports(p) if name.split(".")[0] == other]


def test_core_needs_only_what_blender_ships():
    import sys

    allowed = set(sys.stdlib_module_names) | STANDARD_OR_SHIPPED | {"page4d_blender"}
    foreign = [
        (p.name, n) for p in _python_files("page4d_blender/core") for n in _imports(p) if n.split(".")[0] not in allowed
    ]
    assert foreign == []


def test_the_api_never_loads_torch():
    assert not [
        p
        for folder in ("api", "jobs")
        for p in _python_files(f"model_server/{folder}")
        for n in _imports(p)
        if n.split(".")[0] == "torch"
    ]


def test_nothing_unpickles():
    for program in ("model_server", "page4d_blender"):
        for path in _python_files(program):
            assert not {"pickle", "dill", "joblib"} & {n.split(".")[0] for n in _imports(path)}, path


def test_only_what_runs_the_network_loads_torch():
    """Everything else works where the extra `network` is not installed."""
    page4d = ROOT / "model_server/engines/page4d"
    allowed = {
        page4d / "runner.py",
        page4d / "network_eye.py",
        page4d / "weights/convert.py",
        page4d / "weights/load.py",
    }
    loading = {p for p in _python_files("model_server") if {n.split(".")[0] for n in _imports(p)} & {"torch"}}
    folders = {page4d / "network", ROOT / "model_server/training", ROOT / "model_server/scoring"}
    assert {path for path in loading if not folders & set(path.parents)} <= allowed
