"""A training run, from its configuration to weights that can be used."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from model_server.engines.page4d.network.network import Page4DNetwork
from model_server.errors import BadInput, ServerError
from model_server.training.batches import batches
from model_server.training.checkpoint import Progress, RunState, latest, load, save
from model_server.training.config import TrainingConfig
from model_server.training.exported import export
from model_server.training.figures import Means
from model_server.training.freezing import CAMERA_HEAD, freeze
from model_server.training.held_out import validated
from model_server.training.initial_weights import initialize, load_weights
from model_server.training.journal import Journal, journal
from model_server.training.losses.matching import AttentionWatch
from model_server.training.losses.telling import TokenWatch
from model_server.training.losses.total import heads_of
from model_server.training.optimizer import Optimizer
from model_server.training.processes import Processes, processes, shared
from model_server.training.running_mean import RunningMean
from model_server.training.sources import ClipSource, clip_source
from model_server.training.standardized import standardize_cameras
from model_server.training.step import Stepper, Watch
from model_server.training.views import Views

_CHECKPOINTS, _WEIGHTS = "checkpoints", "weights.safetensors"
_WATCHES: dict[str, Callable[[Page4DNetwork], Watch]] = {"matching": AttentionWatch, "telling": TokenWatch}
_HOPELESS = 100  # steps in a row whose gradients were not finite


class TrainingDiverged(ServerError):
    code = "training_diverged"


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    progress: Progress
    weights: Path | None  # written after the last step; None where the run was asked to stop, and can go on
    speaks: bool  # of several processes, one does


@dataclass(frozen=True)
class Sources:
    """Clips to learn from, and others to be looked at with."""

    learned: ClipSource
    held_out: ClipSource

    @classmethod
    def of(cls, config: TrainingConfig) -> "Sources":
        learned, views = clip_source(config), config.train.views
        if views > 1:
            learned = Views(learned, views, config.train.seed)
        return cls(learned, clip_source(config, held_out=True))


def train(config: TrainingConfig, resume: bool = False, sources: Sources | None = None) -> Outcome:
    """Train until all steps are made, or until SIGTERM asks to stop; then a checkpoint is written.

    With torchrun, all processes call this.

    Args:
        resume: go on from the last checkpoint in the output folder; where there is none, begin.
        sources: clips in place of the configured ones.

    Raises:
        BadInput: the configuration does not fit the machine, the data or the checkpoint.
        TrainingDiverged: gradients were not finite for many steps in a row.
    """
    with processes(config.train.device) as here, _stop_asked() as stop:
        found = latest(config.output / _CHECKPOINTS)
        if found is not None and not resume:
            raise BadInput(f"{config.output} holds a run", hint="add --resume, or give another output folder")
        return _Run(config, here, sources or Sources.of(config), found).until(stop)


def built_network(config: TrainingConfig, goes_on: bool = False) -> Page4DNetwork:
    """The network that a run begins with, on the CPU, with what learns set; one that goes on reads no weights."""
    network = Page4DNetwork(config.model.network(), heads_of(config.loss))
    initialize(network, config.model, config.train.seed)
    if config.model.weights and not goes_on:
        anew = (CAMERA_HEAD,) if config.train.standardize else ()
        load_weights(network, Path(config.model.weights), anew)
    freeze(network, config.train.freeze, config.model.middle())
    return network


class _Run:
    def __init__(self, config: TrainingConfig, here: Processes, sources: Sources, found: Path | None) -> None:
        """`found` is the checkpoint to go on from."""
        self._config, self._here, self._sources, self._found = config, here, sources, found
        network = built_network(config, goes_on=found is not None).to(here.device)
        if config.train.standardize and found is None and config.loss.camera:
            standardize_cameras(network, sources.learned, config.train.standardize, config.train.batch)
        if config.train.checkpointing:
            network.recompute_blocks()
        mask = config.mask if config.model.mask else None
        called = shared(network, here, config.train.sharing, mask is not None and mask.ends)
        optimizer = Optimizer(network, config.optimizer, config.model.middle(), config.train.steps)
        mean = RunningMean(optimizer.parameters, config.train.ema) if config.train.ema else None
        self._state = RunState(network, optimizer, mean)
        watches = {name: watch(network) for name, watch in _WATCHES.items() if getattr(config.loss, name)}
        self._stepper = Stepper(called, optimizer, here.device, config.train, config.loss, mask, watches)

    def until(self, stop: threading.Event) -> Outcome:
        """Make the steps that are left, or those until `stop` is set."""
        train, here = self._config.train, self._here
        progress = self._start()
        first, end = progress.step * train.accumulation, train.steps * train.accumulation
        clips = batches(self._sources.learned, first, end, train.batch, here.share, train.workers)
        means, bad_in_a_row, stopped = Means(), 0, False
        with journal(self._config.output, train.steps, progress.step, here.first) as book:
            while progress.step < train.steps and not stopped:
                start = time.monotonic()
                result = self._stepper(progress.step, clips)
                bad_in_a_row = bad_in_a_row + 1 if result.skipped else 0
                if bad_in_a_row == _HOPELESS:
                    raise TrainingDiverged(
                        f"no gradient was finite in the last {_HOPELESS} of {progress.step} steps",
                        hint="lower the learning rates and begin again",
                    )
                if self._state.mean is not None and not result.skipped:
                    self._state.mean.update()
                alpha = self._stepper.alpha(progress.step)
                progress = Progress(progress.step + 1, progress.skipped + result.skipped, alpha)
                means.add({**result.losses, "gradient": result.gradient, "seconds": time.monotonic() - start})
                self._report(book, progress, means)
                stopped = here.any(stop.is_set())
                if stopped or progress.step % train.checkpoint_every == 0 or progress.step == train.steps:
                    save(self._config.output / _CHECKPOINTS, self._state, progress, here)
        if progress.step < train.steps:
            return Outcome(progress, None, here.first)
        weights = export(self._config.output / _WEIGHTS, self._state, progress, train.export, here)
        return Outcome(progress, weights, here.first)

    def _start(self) -> Progress:
        if self._found is None:
            return Progress()
        progress = load(self._found, self._state)
        if progress.step > self._config.train.steps:
            raise BadInput(
                f"the run has made {progress.step} steps, and train.steps is {self._config.train.steps}",
                hint="raise train.steps",
            )
        return progress

    def _report(self, book: Journal | None, progress: Progress, means: Means) -> None:
        step, last = progress.step, progress.step == self._config.train.steps
        if last or step % self._config.train.log_every == 0:
            figures = means.taken(self._here)
            figures |= {f"rate_{name}": rate for name, rate in self._state.optimizer.rates(step - 1).items()}
            figures |= {"alpha": progress.alpha, "skipped": progress.skipped}
            if book is not None:
                book.write(step, "train", figures)
                book.show(step, f"loss {figures.get('loss', float('nan')):.4f}, {figures['seconds']:.2f} s a step")
        look = self._config.validation
        if look.every and (last or step % look.every == 0):
            size, held_out = self._config.train.batch, self._sources.held_out
            looked = validated(self._stepper, self._state, held_out, look.batches, size, progress.alpha, self._here)
            if book is not None:
                book.write(step, "validation", looked)


@contextmanager
def _stop_asked() -> Iterator[threading.Event]:
    """Set when the process is asked to end; only the main thread hears it."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)
