"""The benchmark's verdicts: a goal is held, missed, or has no figure and then counts as missed."""

from goals import verdicts

_GOOD = {
    "frames_given": 36,
    "frames_solved": 36,
    "mode": "tripod",
    "rot_deg": 0.1,
    "focal_err_worst_pct": 1.0,
    "J_moving": 0.8,
    "seconds_per_frame": 1.9,
    "peak_gb": 3.0,
}


def test_a_goal_is_held_up_to_its_figure():
    assert all(verdict.held for verdict in verdicts({"pan_2": _GOOD}))


def test_what_falls_short_is_named():
    missed = [v.what for v in verdicts({"pan_31": _GOOD | {"mode": "free", "frames_solved": 8}}) if not v.held]
    assert missed == ["frames solved", "mode"]


def test_a_shot_without_a_solve_holds_nothing():
    assert not any(verdict.held for verdict in verdicts({"pan_2": {"error": "no texture"}}))


def test_davis_is_judged_by_its_mean_and_a_failed_shot_counts_as_nothing():
    scores = {"davis_camel": {"J_moving": 0.8}, "davis_goat": {"J_moving": 0.7}, "davis_dog": {"error": "cut"}}
    mean = [verdict for verdict in verdicts(scores) if verdict.shots.startswith("DAVIS")]
    assert [(verdict.seen, verdict.held) for verdict in mean] == [("0.5", False)]


def test_the_kitchen_with_a_dog_is_held_to_the_kitchen_without():
    def harm(with_dog, without):
        scores = {"semi_kitchen_dog": {"ate": with_dog}, "7scenes_kitchen": {"ate": without}}
        return [v.held for v in verdicts(scores) if "over that" in v.what]

    assert harm(0.047, 0.04) == [True]
    assert harm(0.049, 0.04) == [False]
    assert harm(0.04, None) == [False]
