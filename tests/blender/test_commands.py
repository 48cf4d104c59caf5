"""`python -m page4d_blender`: a finished .blend or one clear line, and the exit code that tells which."""

import bpy
import make_package as made
import pytest
from evaluated_scene import part
from page4d_server import run_page4d
from stand_in_server import TOKEN, StandInServer


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return made.write_synthetic_package(tmp_path_factory.mktemp("made") / "shot.page4d")


@pytest.fixture
def movie(tmp_path):
    file = tmp_path / "shot.mov"
    file.write_bytes(bytes(1000))
    return file


def test_import_saves_a_scene_that_opens(written, tmp_path):
    out = tmp_path / "shot.blend"
    done = run_page4d("import", written.folder, "--out", out, "--footage", written.plate)
    assert done.returncode == 0, done.stderr
    assert "px median over 5 frames" in done.stdout
    bpy.ops.wm.open_mainfile(filepath=str(out))
    assert part(bpy.context.scene, "camera") == bpy.context.scene.camera
    paths = {clip.filepath for clip in bpy.data.movieclips} | {i.filepath for i in bpy.data.images if i.filepath}
    assert paths
    assert all(path.startswith("//") for path in paths), paths


def test_solve_saves_the_scene_and_keeps_the_result_beside_it(written, movie, tmp_path):
    out = tmp_path / "out/shot.blend"
    out.parent.mkdir()
    with StandInServer(written.folder) as server:
        server.states = [server.status("running", stage="tracks", fraction=0.25)]
        done = run_page4d(
            "solve", movie, "--out", out, "--server", server.address, "--frames", "1-5", "--step", 2, PAGE4D_TOKEN=TOKEN
        )
        (request,) = server.jobs.values()
    assert done.returncode == 0, done.stderr
    assert request["frames"] == {"first": 1, "last": 5, "step": 2}
    assert out.is_file()
    assert (tmp_path / "out/shot.page4d/manifest.json").is_file()
    assert "page4d: 25% Tracking points" in done.stderr


def test_no_server_is_one_line_that_says_how_to_start_one(movie, tmp_path):
    done = run_page4d("solve", movie, "--out", tmp_path / "a.blend", "--server", "http://127.0.0.1:9")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "page4d: no server answers at http://127.0.0.1:9. Start one: page4d-server serve"
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["solve", "nowhere.mov", "--out", "a.png"], "is no .blend file"),
        (["solve", "nowhere.mov", "--out", "/nowhere/a.blend"], "can't be written to"),
        (["solve", "nowhere.mov", "--out", "a.blend", "--frames", "ten"], "is not a range"),
        (["solve", "nowhere.mov", "--out", "a.blend", "--frames", "10-5"], "is empty"),
        (["solve", "nowhere.mov", "--out", "a.blend", "--focal-mm", "35"], "without its sensor"),
        (
            ["solve", "nowhere.mov", "--out", "a.blend", "--focal-mm", "35", "--film-back", "imax"],
            "no film back 'imax'",
        ),
        (["solve", "nowhere.mov", "--out", "a.blend", "--server", "ftp://x"], "is no server address"),
        (["solve", "nowhere.mov", "--out", "a.blend", "--matte", "Actor"], "names no folder"),
        (["solve", "nowhere.mov", "--out", "a.blend", "--invert-mattes"], "no mattes to invert"),
        (["solve", "nowhere.mov", "--out", "a.blend", "--exclude", "x", "--dilate-mattes", "-1"], "can't grow"),
        (["import", "/nowhere.page4d", "--out", "a.blend"], "manifest.json is missing"),
        (["import"], "required"),
    ],
)
def test_bad_input_is_told_and_exits_with_2(arguments, words, capsys, tmp_path, monkeypatch):
    from page4d_blender.commands import main

    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told


def test_our_fault_exits_with_1(movie, tmp_path):
    with StandInServer() as server:
        error = {"code": "internal", "message": "Page4D failed: ValueError", "hint": "a bug of ours"}
        server.states = [server.status("failed", error=error)]
        done = run_page4d("solve", movie, "--out", tmp_path / "a.blend", "--server", server.address, PAGE4D_TOKEN=TOKEN)
    assert done.returncode == 1
    assert "Page4D failed: ValueError" in done.stderr
