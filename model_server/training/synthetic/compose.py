"""From a seed to a scene that shows what was asked for."""

import numpy as np
import torch
from torch import Tensor

from model_server.training.synthetic.affine import joined, moved, sized
from model_server.training.synthetic.camera_paths import CameraMove, CameraPath, camera_path, drawn_move
from model_server.training.synthetic.ground import Ground, reaching
from model_server.training.synthetic.materials import Materials
from model_server.training.synthetic.movers import AREAS, USUAL_AREA, Mover, drawn_kind, mover
from model_server.training.synthetic.parts import Part, Surface, Thing
from model_server.training.synthetic.places import Place, furnished, room, street
from model_server.training.synthetic.render import draft
from model_server.training.synthetic.scene import Kind, Scene, batched
from model_server.training.synthetic.settings import SceneSettings

ATTEMPTS = 10
DRAFT_SIZE = (28, 20)
LEAST_MOVING = 0.02  # of the picture, in at least half of the frames
MOST_MOVING = 0.45  # of the whole clip
STREET_SHARE = 0.45
PARTS = 36  # about, of things that stand around


def compose(seed: int, settings: SceneSettings) -> Scene:
    """The scene of a seed, without a leading B. Drawn on the CPU, so that it is the same for every device.

    It is drawn anew until a small draft of it shows enough that moves, and no thing right before the lens; the best
    draft counts where none is good.
    """
    random = np.random.default_rng([seed, 0])
    moving = random.random() < settings.moving_share
    move = drawn_move(random, moving=moving)
    drawn: list[tuple[float, Scene]] = []
    for attempt in range(ATTEMPTS):
        scene = _drawn(np.random.default_rng([seed, 1 + attempt]), settings, move, moving=moving)
        drawn.append((_fault(scene, settings, moving=moving), scene))
        if drawn[-1][0] == 0:
            break
    return min(drawn, key=lambda each: each[0])[1]


def camera_move_of(seed: int, settings: SceneSettings) -> CameraMove:
    """The kind of shot that a seed gives, the same whatever else is drawn anew."""
    random = np.random.default_rng([seed, 0])
    moving = random.random() < settings.moving_share
    return drawn_move(random, moving=moving)


def _fault(scene: Scene, settings: SceneSettings, *, moving: bool) -> float:
    """0 for a good scene; else how far from good it is."""
    depth, seen_moving = draft(batched([scene]), settings, *DRAFT_SIZE)
    near = float((depth < 0.5).float().mean((2, 3)).amax())
    far = float((depth > 20.0).float().mean())
    fault = max(near - 0.15, 0) + max(far - 0.5, 0)
    if moving:
        shares = seen_moving[0].float().mean((1, 2))
        missing = LEAST_MOVING * 1.3 - float(shares.median())
        fault += max(missing, 0) * 20 + max(float(shares.mean()) - MOST_MOVING, 0)
    return fault


def _drawn(random: np.random.Generator, settings: SceneSettings, move: CameraMove, *, moving: bool) -> Scene:
    materials = Materials(random, settings.textures)
    times = _moments(random, settings)
    seconds = random.uniform(0.1, 0.2)
    place = street(random, materials) if random.random() < STREET_SHARE else room(random, materials)
    path = camera_path(random, move, place.view, times, place.half[[0, 2]], settings.travel)
    ground = Ground(place.half[0], place.half[2])
    ground.take(path.places[:, [0, 2]], 0.7)
    parts: Thing = []
    if moving:
        for number in range(int(random.choice([1, 2, 3], p=[0.5, 0.35, 0.15]))):
            one = _mover(random, materials, place, times, seconds, settings, first=number == 0)
            ground.take(one.track, one.radius)
            parts += one.thing
    parts += furnished(random, materials, place, ground, int(random.uniform(0.3, 1.0) * PARTS), len(times))
    return _numbers(random, place, place.fixtures + parts, path, times, settings, materials)


def _moments(random: np.random.Generator, settings: SceneSettings) -> np.ndarray:
    """(T,) in frames: each frame's own time first, then the others of its shutter."""
    samples = settings.color_samples
    spread = (np.arange(samples) + 0.5) / samples - 0.5
    spread = spread[np.argsort(np.abs(spread), kind="stable")]
    spread[0] = 0.0
    shutter = random.uniform(0.02, 0.3)
    return (np.arange(settings.frames)[:, None] + shutter * spread).flatten()


def _mover(
    random: np.random.Generator,
    materials: Materials,
    place: Place,
    times: np.ndarray,
    seconds: float,
    settings: SceneSettings,
    *,
    first: bool,
) -> Mover:
    """The first is put where it covers its share of the picture, others anywhere in sight."""
    kind = drawn_kind(random, street=place.street)
    share = np.exp(random.uniform(np.log(0.04 if first else 0.01), np.log(0.4 if first else 0.1)))
    view = place.view
    aspect = settings.height / settings.width
    focal = 0.5 / np.tan(view.fov / 2)
    distance = focal * np.sqrt(AREAS.get(kind, USUAL_AREA) / (share * aspect))
    distance = float(
        np.clip(distance, 2.5 if kind == "drives" else 1.1, 0.85 * reaching(view, place.half[0], place.half[2]))
    )
    angle = view.yaw + random.uniform(-0.32, 0.32) * view.fov
    spot = view.place[[0, 2]] + distance * np.array([np.sin(angle), np.cos(angle)])
    limit = np.maximum(place.half[[0, 2]] - (1.2 if kind == "drives" else 0.5), 0.1)
    spot = np.clip(spot, -limit, limit)
    heading = angle + random.choice([-1, 1]) * np.pi / 2 + random.normal(0, 0.5)
    if kind == "drives" and random.random() < 0.7:
        heading = random.choice([0.0, np.pi]) + random.normal(0, 0.1)
    return mover(random, materials, kind, times, (float(spot[0]), float(spot[1])), float(heading), seconds)


def _numbers(
    random: np.random.Generator,
    place: Place,
    parts: Thing,
    path: CameraPath,
    times: np.ndarray,
    settings: SceneSettings,
    materials: Materials,
) -> Scene:
    shell = joined(moved(0.0, -place.half[1], 0.0), sized(*place.half))
    solids = [Part(Kind.SHELL, shell, place.faces[0]), *parts]
    moments = len(times)
    matrices = np.stack([np.broadcast_to(part.world_from_local, (moments, 3, 4)) for part in solids], axis=1)
    surfaces: list[Surface] = [*place.faces, *(part.surface for part in solids)]
    jitter = random.normal(0, place.light_size / 2, (moments, 3)) if settings.color_samples > 1 else np.zeros(3)
    drift = random.normal(0, random.choice([0.0, 0.08]))
    return Scene(
        kinds=torch.tensor([int(part.kind) for part in solids]),
        lengths=_tensor([part.length for part in solids]),
        world_from_local=_tensor(matrices),
        sizes=_tensor(np.linalg.norm(matrices[0, :, :, :3], axis=1)),
        moves=torch.tensor([part.moves for part in solids]),
        open_faces=torch.tensor(place.open_faces),
        tiles=torch.tensor([surface.tile for surface in surfaces]),
        tile_meters=_tensor([surface.meters for surface in surfaces]),
        colors=_tensor(np.stack([surface.color for surface in surfaces])),
        glows=_tensor([surface.glow for surface in surfaces]),
        camera_from_world=_tensor(path.camera_from_world),
        focals_px=_tensor(path.focals * settings.width),
        lights=_tensor(place.light + jitter * np.ones((moments, 1))),
        light_color=_tensor(place.light_color),
        light_reach=_tensor(place.light_reach),
        ambient_colors=_tensor(place.ambient),
        sky_colors=_tensor(place.sky),
        sky_tile=torch.tensor(materials.cloud_tile()),
        fog=_tensor(place.fog),
        exposures=_tensor(drift * np.linspace(-1, 1, settings.frames)),
        brightness=_tensor(random.uniform(0.07, 0.32)),
        white_balance=_tensor(np.exp(random.normal(0, 0.05, 3))),
        contrast=_tensor(random.uniform(0.9, 1.2)),
        noise=_tensor(random.choice([0.002, 0.008, 0.02]) * random.uniform(0.5, 1.3)),
        softness=_tensor(random.uniform(0.0, 0.7)),
        vignette=_tensor(random.choice([0.0, random.uniform(0.0, 0.4)])),
        noise_seed=torch.tensor(int(random.integers(1 << 40))),
    )


def _tensor(values: object) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32).copy())
