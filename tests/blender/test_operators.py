"""The operators in a Blender with the extension enabled. `execute` blocks, as for any script."""

import os
import sys
from pathlib import Path

import bpy
import make_package as made
import pytest
from evaluated_scene import part
from page4d_server import SERVER_PYTHON, free_port, server_process, write_footage
from stand_in_server import TOKEN, StandInServer

ROOT = Path(__file__).parents[2]
ID = "bl_ext.page4d_tests.page4d"


@pytest.fixture(scope="module")
def extension(tmp_path_factory):
    """The repository's root, enabled from an extension repository of these tests."""
    folder = tmp_path_factory.mktemp("repository")
    os.symlink(ROOT, folder / "page4d", target_is_directory=True)
    repositories = bpy.context.preferences.extensions.repos
    repository = repositories.new(name="Tests", module="page4d_tests", custom_directory=str(folder))
    bpy.ops.preferences.addon_enable(module=ID)
    assert ID in bpy.context.preferences.addons
    yield sys.modules[ID + ".page4d_blender"]
    bpy.ops.preferences.addon_disable(module=ID)
    repositories.remove(repository)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return made.write_synthetic_package(tmp_path_factory.mktemp("made") / "shot.page4d")


@pytest.fixture
def preferences(extension, tmp_path):
    """Those of the extension, results going to `results`; the scene is empty."""
    bpy.ops.wm.read_homefile(use_empty=True)
    found = bpy.context.preferences.addons[ID].preferences
    found.address, found.token, found.server_executable = "http://127.0.0.1:9", "", ""
    found.results_folder = str(tmp_path / "results")
    return found


@pytest.fixture
def session(extension, preferences):
    return sys.modules[ID + ".page4d_blender.operators.session"].SESSION


def test_a_solve_from_a_script_ends_with_the_scene(preferences, session, tmp_path):
    footage = write_footage(tmp_path / "room")
    with server_process(tmp_path / "server") as (address, token):
        preferences.address, preferences.token = address, token.read_text()
        shot = bpy.context.scene.page4d
        shot.footage = str(footage / "room.1001.png")
        shot.use_frames, shot.first, shot.last = True, 1001, 1006
        assert bpy.ops.page4d.solve() == {"FINISHED"}
    scene = bpy.context.scene
    assert scene.camera == part(scene, "camera")
    assert (scene.frame_start, scene.frame_end) == (1001, 1006)
    assert Path(shot.package) == tmp_path / "results/room.page4d"
    assert "px median over 6 frames, focal" in session.summary
    assert "square pixels" in session.assumptions


def test_a_solve_sends_the_settings_of_the_scene(preferences, written, tmp_path):
    movie = tmp_path / "shot.mov"
    movie.write_bytes(bytes(10))
    with StandInServer(written.folder) as server:
        preferences.address, preferences.token = server.address, TOKEN
        shot = bpy.context.scene.page4d
        shot.footage, shot.mode, shot.distortion, shot.smoothing = str(movie), "free", "none", 0.5
        shot.use_lens, shot.focal_mm, shot.sensor_mm = True, 50.0, 36.0
        assert bpy.ops.page4d.solve() == {"FINISHED"}
        (request,) = server.jobs.values()
    assert request["solve"] == {"mode": "free", "distortion": "none", "smoothing": 0.5}
    assert request["lens"] == {"focal_mm": 50.0, "sensor_mm": 36.0}
    assert request["frames"] is None


def test_the_name_of_a_camera_sets_the_width_of_its_film_back(preferences):
    shot = bpy.context.scene.page4d
    shot.film_back = "super-35"
    assert shot.sensor_mm == pytest.approx(24.89)
    shot.film_back, shot.sensor_mm = "other", 30.0
    assert shot.sensor_mm == 30.0


def test_a_solve_sends_the_mattes_that_were_picked(preferences, written, tmp_path):
    movie = tmp_path / "shot.mov"
    movie.write_bytes(bytes(10))
    for folder in ("actor", "second/actor", "sign"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "0001.png").write_bytes(folder.encode())
    shot = bpy.context.scene.page4d
    for folder in ("actor", "second/actor", "sign"):
        assert bpy.ops.page4d.add_matte(directory=str(tmp_path / folder)) == {"FINISHED"}
    assert [matte.name for matte in shot.mattes] == ["actor", "actor 2", "sign"]
    assert bpy.ops.page4d.remove_matte(index=0) == {"FINISHED"}
    with StandInServer(written.folder) as server:
        preferences.address, preferences.token = server.address, TOKEN
        shot.footage, shot.exclude, shot.dilate_mattes, shot.shadows = str(movie), str(tmp_path / "actor"), 3, True
        assert bpy.ops.page4d.solve() == {"FINISHED"}
        shot.use_mattes = False
        assert bpy.ops.page4d.solve() == {"FINISHED"}
        first, second = server.jobs.values()
        sent = [server.files[layer["files"][0]["sha256"]] for layer in first["mattes"]["layers"]]
    assert [layer["name"] for layer in first["mattes"]["layers"]] == ["actor 2", "sign"]
    assert sent == [b"second/actor", b"sign"]
    assert (first["mattes"]["dilate_px"], first["shadows"]) == (3, True)
    assert second["mattes"] is None


def test_a_folder_that_is_not_there_is_no_matte(preferences, tmp_path):
    with pytest.raises(RuntimeError, match="There is no folder"):
        bpy.ops.page4d.add_matte(directory=str(tmp_path / "none"))


def test_a_solve_that_fails_says_why_and_keeps_it(preferences, session, tmp_path):
    bpy.context.scene.page4d.footage = str(tmp_path)
    with pytest.raises(RuntimeError, match=r"No server answers at .*:9\. Start one: page4d-server serve"):
        bpy.ops.page4d.solve()
    assert session.status.line == "No server answers at http://127.0.0.1:9"
    assert session.status.is_about_server


def test_solve_is_greyed_out_without_footage(preferences):
    with pytest.raises(RuntimeError, match="Pick the footage first"):
        bpy.ops.page4d.solve()


def test_another_machine_is_not_called_while_blender_is_offline(preferences, tmp_path):
    assert not bpy.app.online_access
    preferences.address = "http://farm.example:8712"
    bpy.context.scene.page4d.footage = str(tmp_path)
    for operator in (bpy.ops.page4d.check_server, bpy.ops.page4d.solve):
        with pytest.raises(RuntimeError, match="Blender is offline"):
            operator()


def test_check_names_the_server_and_refuses_a_wrong_token(preferences, session):
    with StandInServer() as server:
        preferences.address, preferences.token = server.address, TOKEN
        assert bpy.ops.page4d.check_server() == {"FINISHED"}
        assert session.server_line == "page4d-server 9.9, engine classical, on none"
        preferences.token = "wrong"
        with pytest.raises(RuntimeError, match="token is missing or wrong"):
            bpy.ops.page4d.check_server()
        assert not session.server_is_good


@pytest.mark.parametrize("picked", ["", "manifest.json"])
def test_a_result_imports_from_its_folder_and_from_its_manifest(preferences, written, picked):
    bpy.context.scene.page4d.package = str(written.folder / picked)
    bpy.context.scene.page4d.footage = str(written.plate)
    assert bpy.ops.page4d.import_package() == {"FINISHED"}
    scene = bpy.context.scene
    assert part(scene, "camera").data.background_images[0].clip
    assert Path(scene.page4d.package) == written.folder


def test_what_is_no_result_says_so(preferences, session, tmp_path):
    with pytest.raises(RuntimeError, match=r"manifest\.json is missing"):
        bpy.ops.page4d.import_package(package=str(tmp_path))
    assert session.status.hint
    with pytest.raises(RuntimeError, match="no result to import"):
        bpy.ops.page4d.import_package()


def test_one_value_adjusts_every_cloud(preferences, extension, written):
    bpy.ops.page4d.import_package(package=str(written.folder))
    scene = bpy.context.scene
    look = scene.page4d_look
    look.minimum_confidence, look.point_size, look.color_by, look.decimate = 0.25, 2.5, "DEPTH", 3
    look = bpy.context.scene.page4d_look
    values = (look.minimum_confidence, look.point_size, look.color_by, look.decimate)
    assert values == (0.25, 2.5, "DEPTH", 3)
    prefix = f"{ID}.page4d_blender"
    modifiers = sys.modules[f"{prefix}.scene.cloud_inputs"].cloud_modifiers(scene)
    assert len(modifiers) == 3  # background, frames, one thing
    get_input = sys.modules[f"{prefix}.compat"].get_input
    assert {get_input(modifier, "Decimate") for modifier in modifiers} == {3}


def test_the_active_clip_becomes_the_footage(preferences, written):
    assert not bpy.ops.page4d.use_active_clip.poll()
    bpy.context.scene.active_clip = bpy.data.movieclips.load(str(written.plate))
    assert bpy.ops.page4d.use_active_clip() == {"FINISHED"}
    assert Path(bpy.context.scene.page4d.footage) == written.plate


def test_a_server_on_this_machine_starts_is_found_and_ends(preferences, session, tmp_path, monkeypatch):
    monkeypatch.delenv("PAGE4D_TOKEN", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    preferences.address = f"http://127.0.0.1:{free_port()}"
    preferences.server_executable = str(SERVER_PYTHON.with_name("page4d-server"))
    assert bpy.ops.page4d.start_server() == {"FINISHED"}
    assert "engine classical" in session.server_line
    assert not bpy.ops.page4d.start_server.poll()
    assert bpy.ops.page4d.stop_server() == {"FINISHED"}
    with pytest.raises(RuntimeError, match="No server answers"):
        bpy.ops.page4d.check_server()


def test_a_server_that_can_not_start_says_why(preferences, tmp_path):
    preferences.server_executable = str(tmp_path / "page4d-server")
    with pytest.raises(RuntimeError, match="can't be started"):
        bpy.ops.page4d.start_server()
    preferences.server_executable = sys.executable  # takes `serve` for a script that is not there
    with pytest.raises(RuntimeError, match="ended at once"):
        bpy.ops.page4d.start_server()


def test_no_timer_is_left_in_background_blender(preferences, extension):
    assert bpy.app.background
    assert not sys.modules[f"{ID}.page4d_blender.operators.session"]._ticks
