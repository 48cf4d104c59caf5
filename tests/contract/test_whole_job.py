"""The extension's client, the server, its worker and the package between them: one job on real sockets."""

import numpy as np
import pytest
from running_server import RunningServer
from synthetic_footage import FIRST_FRAME, small_clip, write_sequence
from tolerances import WHOLE_JOB_DEPTH, WHOLE_JOB_FOCAL, WHOLE_JOB_PATH

from page4d_blender.core.access import parse_address
from page4d_blender.core.client import Client
from page4d_blender.core.job import Done, Running, SolveJob
from page4d_blender.core.package import open_package
from page4d_blender.core.settings import SolveSettings


@pytest.fixture(scope="module")
def whole_job(tmp_path_factory):
    """(clip, package, messages) of a solve of the synthetic sequence."""
    folder, clip, said = tmp_path_factory.mktemp("whole"), small_clip(), []
    files = write_sequence(folder / "room", clip)
    with RunningServer(folder / "data") as server:
        job = SolveJob(
            lambda: Client(parse_address(server.address), server.token), files[3], SolveSettings(), folder / "results"
        )
        end = job.run(said.append)
        assert server.client.get("/v1/health").json()["state"] == "idle"
    assert isinstance(end, Done), end
    return clip, open_package(end.folder), said


def test_cameras_come_back_as_they_were(whole_job):
    clip, package, _ = whole_job
    assert list(package.frame_numbers) == list(range(FIRST_FRAME, FIRST_FRAME + len(clip.images)))
    true, found = (np.linalg.inv(poses)[:, :3, 3] for poses in (clip.camera_from_world, package.camera_from_world))
    scale = (true * found).sum() / (found * found).sum()  # both start at the origin
    assert np.abs(scale * found - true).max() <= WHOLE_JOB_PATH * np.ptp(true, axis=0).max()
    focal = package.intrinsics[:, 0, 0]
    assert np.abs(focal / clip.intrinsics[0, 0] - 1).max() <= WHOLE_JOB_FOCAL


def test_the_scene_is_in_scene_units(whole_job):
    clip, package, _ = whole_job
    still = (package.depth[0] > 0) & ~clip.moving[0]
    assert np.median(package.depth[0][still]) == pytest.approx(5.0, rel=WHOLE_JOB_DEPTH)


def test_progress_only_grows_and_names_every_long_stage(whole_job):
    running = [message for message in whole_job[2] if isinstance(message, Running)]
    fractions = [message.fraction for message in running]
    assert fractions == sorted(fractions)
    assert {"engine", "depth"} <= {message.stage for message in running}
