"""How far a camera path is from the truth, by evo (github.com/MichaelGrupp/evo), as papers report it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from model_server.geometry.cameras import inverse
from model_server.geometry.shot import Array
from model_server.scoring.umeyama import best_similarity, require_spread
from model_server.scoring.unscorable import Unscorable

ATE, RPE_TRANSLATION, RPE_ROTATION = "ate", "rpe_translation", "rpe_rotation_deg"
FEWEST_CAMERAS = 3  # two fit any other two


@dataclass(frozen=True)
class TrajectoryErrors:
    """RMSE after the best Sim(3) (Umeyama 1991), and what came to lie where."""

    figures: Mapping[str, float]  # ATE and RPE over one frame: translation in the truth's unit, rotation in degrees
    aligned_centers: Array  # (S, 3) in the truth's world
    true_centers: Array  # (S, 3)


def trajectory_errors(camera_from_world: Array, truth: Array, lines_fail: bool = False) -> TrajectoryErrors:
    """Errors of a path against the truth, (S, 4, 4) both, camera from world; worlds and units may differ.

    Args:
        lines_fail: as evo has it, a path that is exactly a line has no error. It has: the turn around the line, which
            no Sim(3) tells, changes none of these figures.

    Raises:
        Unscorable: there are too few cameras, or one of them stands.
    """
    if len(truth) < FEWEST_CAMERAS:
        raise Unscorable(f"a path of {len(truth)} cameras has no error", hint=f"it takes {FEWEST_CAMERAS}")
    from evo.core import metrics  # heavy; `evo.tools` is never loaded: it writes into the home directory
    from evo.core.geometry import GeometryException
    from evo.core.lie_algebra import se3
    from evo.core.trajectory import PosePath3D

    found = PosePath3D(poses_se3=list(inverse(np.asarray(camera_from_world, np.float64))))
    true = PosePath3D(poses_se3=list(inverse(np.asarray(truth, np.float64))))
    require_spread(found.positions_xyz, true.positions_xyz)
    try:
        found.align(true, correct_scale=True)
    except GeometryException as error:
        if lines_fail:
            raise Unscorable(f"the camera paths can't be laid over each other: {error}") from error
        true_from_found = best_similarity(found.positions_xyz, true.positions_xyz)
        found.scale(float(true_from_found.scale))
        found.transform(se3(true_from_found.rotation, true_from_found.translation))

    def rmse(metric: metrics.PE) -> float:
        metric.process_data((true, found))
        return float(metric.get_statistic(metrics.StatisticsType.rmse))

    def over_one_frame(relation: metrics.PoseRelation) -> metrics.RPE:
        return metrics.RPE(relation, delta=1, delta_unit=metrics.Unit.frames, all_pairs=True)

    figures = {
        ATE: rmse(metrics.APE(metrics.PoseRelation.translation_part)),
        RPE_TRANSLATION: rmse(over_one_frame(metrics.PoseRelation.translation_part)),
        RPE_ROTATION: rmse(over_one_frame(metrics.PoseRelation.rotation_angle_deg)),
    }
    return TrajectoryErrors(figures, np.asarray(found.positions_xyz), np.asarray(true.positions_xyz))
